//! A cardholder at a kiosk: looks at the account, and pulls the card without saying goodbye.

use card_spec::generation::Generation;
use tests::{
    PLANTED_PIN,
    display::{Display, Window},
    holder::{BALANCE_FEN, CardState},
    scene::{Scene, terminal},
};

/// The first tile of the person's page, the account.
const ACCOUNT: (u32, u32) = (300, 440);
/// The button that leads back.
const BACK: (u32, u32) = (160, 1_625);
/// The second tile, the contributions.
const CONTRIBUTIONS: (u32, u32) = (780, 440);

#[test]
fn a_sitting_and_a_card_that_is_pulled() {
    let mut scene = Scene::at_reader("windows-kiosk", Generation::Three);
    scene.center.stand_as_kiosk(terminal());
    let display = Display::start(1080, 1920);
    scene.jinbao.environment.push(("JINBAO_VOICE", "off".into()));
    let mut window = Window::open(&display, &scene.jinbao, "kiosk", &[]);
    // The card lies in the slot; there is no sensor, so it is the PIN.
    window.page("kiosk.pin");
    window.type_text("0");
    window.keys(&["BackSpace"]);
    window.type_text(PLANTED_PIN);
    window.keys(&["Return"]);
    window.page("kiosk.menu");
    window.click(ACCOUNT.0, ACCOUNT.1);
    window.page("kiosk.sheet");
    window.click(BACK.0, BACK.1);
    window.page("kiosk.menu");
    window.click(CONTRIBUTIONS.0, CONTRIBUTIONS.1);
    window.page("kiosk.sheet");
    scene.reader.as_mut().unwrap().pull();
    window.page("kiosk.gone");
    // The next one: nothing of the first is known any more, the PIN is asked for again.
    scene.put_in_again();
    window.page("kiosk.pin");
    window.close(&scene.logs, "kiosk.log");

    let card = CardState::of(&scene.card);
    assert_eq!((card.balance_fen, card.log_records), (BALANCE_FEN, 0), "looking changes nothing");
    scene.end();
}
