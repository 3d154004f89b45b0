//! A bare machine becomes a terminal, while somebody pulls the plug at every step.

use std::fs;

use card_spec::{date::Date, generation::Generation};
use sim::people::Person;
use terminal::setup::{Setup, SignedReport};
use tests::{
    PLANTED_PIN,
    books::Books,
    display::{Display, Window},
    holder::{BALANCE_FEN, CardState},
    scene::{Scene, TERMINAL, terminal},
};

/// The panel of a Pi: what an installer on a ladder has before him.
const PANEL: (u32, u32) = (1024, 600);

/// Where the button lies that says that both fingerprints are the same.
const SAME: (u32, u32) = (315, 400);

/// The scene's holder as somebody who does not exist.
fn trainee(person: &mut Person) {
    let trainee = &terminal::training::people()[1];
    let (year, month, day) = trainee.number.birth_date();
    person.number = trainee.number;
    person.name = trainee.name.clone();
    person.birth = Date::new(year, month, day).unwrap();
}

#[test]
fn a_bare_machine_becomes_a_terminal_though_the_plug_is_pulled_at_every_step() {
    let mut scene = Scene::at_reader("windows-setup", Generation::Three);
    trainee(&mut scene.holder.person);
    let image = scene.holder.order(Generation::Three).build().unwrap();
    scene.take_card(image);
    // As bare as it gets.
    fs::remove_dir_all(&scene.jinbao.data).unwrap();
    let code = scene.center.code(terminal());

    let display = Display::start(PANEL.0, PANEL.1);
    /// Pulls the plug, and looks where the wizard goes on.
    fn cut<'a>(window: Window<'a>, display: &'a Display, scene: &Scene, page: &str) -> Window<'a> {
        window.cut();
        let mut window = Window::open(display, &scene.jinbao, "setup", &[]);
        window.page(page);
        window
    }

    let mut window = Window::open(&display, &scene.jinbao, "setup", &[]);
    window.page("setup.language");
    window = cut(window, &display, &scene, "setup.language");
    window.keys(&["Return"]);
    window.page("setup.place");
    window = cut(window, &display, &scene, "setup.place");
    window.type_text(TERMINAL);
    window.keys(&["Return"]);
    window.page("setup.devices");
    // Looked at once without a cut before it, as it goes on a good day.
    window.keys_until(&["Return"], "setup.center");
    window.keys(&["Escape"]);
    window.page("setup.devices");
    window = cut(window, &display, &scene, "setup.center");
    window.keys(&["Escape"]);
    window.page("setup.devices");
    // Next can be pressed as soon as reader and PSAM were found.
    window.keys_until(&["Return"], "setup.center");
    window = cut(window, &display, &scene, "setup.center");
    window.type_text(&scene.center.enrolment_url());
    window.keys(&["Return"]);
    window.type_text(&scene.center.url());
    window.keys(&["Return"]);
    window.page("setup.center-met");
    // Met, but not taken: it has to be compared anew.
    window = cut(window, &display, &scene, "setup.center");
    window.type_text(&scene.center.enrolment_url());
    window.keys(&["Return"]);
    window.type_text(&scene.center.url());
    window.keys(&["Return"]);
    window.page("setup.center-met");
    window.click(SAME.0, SAME.1);
    window.page("setup.enrolment");
    window = cut(window, &display, &scene, "setup.enrolment");
    window.type_text(&code);
    window.keys(&["Return"]);
    window.page("setup.keys");
    window = cut(window, &display, &scene, "setup.keys");
    window.keys(&["Return", "Return", "Return"]);
    // Filling and testing begin by themselves.
    window.page("setup.fill");
    window = cut(window, &display, &scene, "setup.training");
    window.keys(&["Return"]);
    window.page("setup.pin");
    // The power goes while the PIN is typed: nothing was taken.
    window = cut(window, &display, &scene, "setup.training");
    assert_eq!(CardState::of(&scene.card).balance_fen, BALANCE_FEN);
    scene.put_in_again();
    window.keys(&["Return"]);
    window.page("setup.pin");
    window.type_text(PLANTED_PIN);
    window.keys(&["Return"]);
    window.page("setup.report");
    window = cut(window, &display, &scene, "setup.report");
    window.keys(&["Return"]);
    window.page("setup.done");
    window = cut(window, &display, &scene, "setup.done");
    window.close(&scene.logs, "setup.log");

    let setup = Setup::from_json(&fs::read(scene.jinbao.data.join("setup.json")).unwrap()).unwrap();
    assert!(setup.is_done());
    assert!(CardState::of(&scene.card).balance_fen < BALANCE_FEN);
    let signed = fs::read(scene.jinbao.data.join("commissioning.json")).unwrap();
    let report = serde_json::from_slice::<SignedReport>(&signed).unwrap().open().unwrap();
    assert!(report.parts.iter().any(|(_, value)| value.contains("pcscd")), "{:?}", report.parts);
    // The terminal works, and nothing of the training has reached the center.
    assert_eq!(scene.run(&["queue", "list"], &[]).done().number("/status/sequence"), 0);
    assert!(Books::of_center(&scene).records.is_empty());
    scene.end();
}
