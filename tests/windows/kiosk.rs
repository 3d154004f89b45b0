//! A cardholder at a kiosk: looks at the account, and pulls the card without saying goodbye; a finger instead of the PIN,
//! and the certification that the holder is alive.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use card_spec::{generation::Generation, money::Fen};
use datacenter::{
    production::people_file::ImportedEntry,
    storage::{benefits::ImportedPension, rows::ImportedPerson},
};
use protocol::{
    calendar::{Day, Period},
    record::Business,
    timestamp::Timestamp,
};
use sim::module::{Condition, Finger, Module};
use tests::{
    PLANTED_PIN, PLANTED_SECRET,
    books::Books,
    display::{Display, Window},
    holder::{BALANCE_FEN, CardState},
    scene::{Scene, terminal, text},
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

/// The buttons of the page that asks who it is.
const BY_FINGER: (u32, u32) = (540, 737);
/// Where a finger is asked for once more, and the PIN instead.
const AGAIN: (u32, u32) = (540, 1_166);
const USE_PIN: (u32, u32) = (540, 1_214);
/// Where the certification begins.
const NOW: (u32, u32) = (540, 867);
/// The tile of the pension on the person's page, and that of the certification.
const PENSION: (u32, u32) = (780, 641);
const CERTIFY: (u32, u32) = (300, 842);

/// The holder's right index finger.
const FINGER: u8 = 2;

/// A kiosk with a sensor on a line of its own, whose holder has a finger on the card and draws a pension.
struct Fingers {
    scene: Scene,
    module: Module,
    /// What the settings name; it leads to wherever the module is plugged in.
    line: PathBuf,
}

impl Fingers {
    fn new(test: &str, certified_until: Day) -> Self {
        let scene = Scene::at_reader(test, Generation::Three);
        let module = Module::new(scene.seed);
        let line = scene.folder.path().join("finger.tty");
        let fingers = Fingers { scene, module, line };
        fingers.plug_in();
        let scene = &fingers.scene;
        let person = scene.holder.entry();
        let pension = ImportedPension {
            person: person.key,
            monthly: Fen::from_yuan(3_150),
            monthly_from: None,
            first_unpaid: Some(Period::of(Timestamp(tests::holder::now().0))),
            certified_until: Some(certified_until),
        };
        let entry = ImportedEntry {
            person: ImportedPerson { person, with_sums: true },
            pension: Some(pension),
            name: None,
        };
        scene.center.production().import_people([Ok(entry)], |_| {}).unwrap();
        scene.run(&["operator", "add", "0800", "--role", "installer"], &[PLANTED_SECRET]).done();
        scene.run(&["operator", "sign-in", "0800"], &[PLANTED_SECRET]).done();
        scene.run(&["finger", "bind", "--sensor", text(&fingers.line)], &[]).done();
        scene.sign_in();
        scene.run(&["sync"], &[]).done();
        fingers.holder_taps();
        let finger = FINGER.to_string();
        let enrol = ["finger", "enrol", "--finger", &finger, "--consent", "--staff"];
        scene.run(&enrol, &[PLANTED_PIN]).done();
        fingers.module.take_off();
        scene.center.stand_as_kiosk(terminal());
        fingers
    }

    fn plug_in(&self) {
        let device = self.module.plug_in().unwrap();
        let _ = fs::remove_file(&self.line);
        symlink(device, &self.line).unwrap();
    }

    fn unplug(&self) {
        self.module.detach();
        fs::remove_file(&self.line).unwrap();
    }

    fn holder_taps(&self) {
        self.module.tap(Finger::of_person(self.scene.holder.person.index, FINGER), Condition::default());
    }

    fn stranger_taps(&self) {
        self.module.tap(Finger::of_person(self.scene.holder.person.index + 1, FINGER), Condition::default());
    }

    /// Up to which day the center takes the holder for certified.
    fn certified_until(&self) -> Day {
        let production = self.scene.center.production();
        let pension = production.storage().pension(self.scene.holder.person.number.key()).unwrap();
        pension.unwrap().certified_until.unwrap()
    }
}

/// The holder's finger opens the pension's page, certifies, and the day up to which that holds moves at the center. Somebody
/// else's finger shows nothing; where the sensor is torn off, the PIN still opens.
#[test]
fn a_finger_instead_of_the_pin_and_a_living_certification() {
    let today = Day::of(Timestamp(tests::holder::now().0));
    let before = today.plus_days(20);
    let mut kiosk = Fingers::new("windows-finger", before);
    assert_eq!(kiosk.certified_until(), before);
    kiosk.scene.jinbao.environment.push(("JINBAO_VOICE", "off".into()));
    let display = Display::start(1080, 1920);
    let mut window = Window::open(&display, &kiosk.scene.jinbao, "kiosk", &[]);
    window.page("kiosk.identify");

    // The holder: the finger opens the pension's page, and certifies.
    kiosk.holder_taps();
    window.click(BY_FINGER.0, BY_FINGER.1);
    window.page("kiosk.finger");
    window.page("kiosk.menu");
    window.click(PENSION.0, PENSION.1);
    window.page("kiosk.sheet");
    look(&display, "pension");
    window.click(BACK.0, BACK.1);
    window.page("kiosk.menu");
    window.click(CERTIFY.0, CERTIFY.1);
    window.page("kiosk.sheet");
    look(&display, "certification");
    window.click(NOW.0, NOW.1);
    window.page("kiosk.finger");
    window.page("kiosk.sheet");
    look(&display, "certified");
    kiosk.scene.reader.as_mut().unwrap().pull();
    window.page("kiosk.gone");
    kiosk.scene.put_in_again();
    window.page("kiosk.identify");

    // A stranger with the card: refused, and still nothing but the surname is on the screen.
    kiosk.stranger_taps();
    window.click(BY_FINGER.0, BY_FINGER.1);
    window.page("kiosk.finger");
    window.page("kiosk.finger-again");
    look(&display, "stranger");
    kiosk.module.take_off();

    // Somebody tears the sensor off while it waits for the finger.
    window.click(AGAIN.0, AGAIN.1);
    window.page("kiosk.finger");
    thread::sleep(Duration::from_millis(1_500));
    kiosk.unplug();
    window.page("kiosk.finger-again");
    look(&display, "unplugged");
    window.click(USE_PIN.0, USE_PIN.1);
    window.page("kiosk.pin");
    window.type_text(PLANTED_PIN);
    window.keys(&["Return"]);
    window.page("kiosk.menu");
    kiosk.scene.reader.as_mut().unwrap().pull();
    window.page("kiosk.gone");
    window.close(&kiosk.scene.logs, "kiosk.log");

    kiosk.scene.run(&["queue", "retry"], &[]).done();
    let until = kiosk.certified_until();
    assert!(until >= today.plus_days(360), "{until:?}");
    let books = Books::of_center(&kiosk.scene);
    let certified =
        books.bodies.iter().filter(|body| matches!(body.business, Business::Certification(_))).count();
    // The other one is that fingers were written to the card.
    assert_eq!((certified, books.records.len()), (1, 2));
    kiosk.scene.end();
}

/// Keeps a picture for a person, where one is wanted.
fn look(display: &Display, name: &str) {
    if let Some(folder) = std::env::var_os("JINBAO_LOOK") {
        thread::sleep(Duration::from_millis(700));
        display.picture(&Path::new(&folder).join(format!("{name}.png")));
    }
}
