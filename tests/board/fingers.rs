//! The program with a fingerprint module on the board: found, bound, the holder known, certified and paid.

use card_spec::{fingerprint::Position, generation::Generation, money::Fen};
use datacenter::{
    production::people_file::ImportedEntry,
    storage::{benefits::ImportedPension, rows::ImportedPerson},
};
use fingerprint::extract::{Grey, extract};
use protocol::{
    calendar::{Day, Period},
    record::Business,
    timestamp::Timestamp,
};
use reader_protocol::{ef01::Parameters, emulated_panel::MAKER_SECRET};
use sim::{
    line::Pace,
    module::{Condition, Finger, IMAGE_HEIGHT, IMAGE_WIDTH, Module},
    pcscd::Model,
    personalise::Impression,
};
use tests::{
    PLANTED_SECRET,
    books::Books,
    holder,
    scene::{Scene, text},
};

const INSTALLER: &str = "0700";
const FINGER: u8 = 2;
const MONTHLY: Fen = Fen::from_yuan(2_800);

/// Steps of 9600 baud at which the module sends: as fast as a busy machine fetches.
const BAUD_FACTOR: u16 = 4;

fn module(scene: &Scene) -> &Module {
    let board = scene.reader.as_ref().and_then(|reader| reader.board()).unwrap();
    let module = board.module();
    module.set_parameters(Parameters { baud_factor: BAUD_FACTOR, ..Parameters::FACTORY });
    module.set_pace(Pace::Real);
    module
}

/// Impressions of a finger as another counter has put them on the card.
fn impressions(finger: Finger) -> Vec<Impression> {
    let impression = |number: u8| {
        let pixels = finger.image(&Condition::default(), 9_000 + u64::from(number));
        let image = Grey { width: IMAGE_WIDTH, height: IMAGE_HEIGHT, dpi: 500, pixels: &pixels };
        Impression {
            position: Position::new(FINGER).unwrap(),
            impression: number,
            fitness: 70,
            minutiae: extract(&image).unwrap(),
        }
    };
    vec![impression(1), impression(2)]
}

#[test]
fn the_module_on_the_board_knows_the_holder() {
    let mut scene = Scene::at_board("board-fingers", Generation::Three, Model::Sec1210);
    let finger = Finger::of_person(scene.holder.person.index, FINGER);
    scene.take_order(Generation::Three, |order| order.fingers(impressions(finger)));
    let person = scene.holder.entry();
    let month = Period::of(Timestamp(holder::now().0));
    let pension = ImportedPension {
        person: person.key,
        monthly: MONTHLY,
        monthly_from: None,
        first_unpaid: Some(month),
        certified_until: None,
    };
    let person = ImportedPerson { person, with_sums: true };
    let entry = ImportedEntry { person, pension: Some(pension), name: None };
    scene.center.production().import_people([Ok(entry)], |_| {}).unwrap();
    scene.run(&["sync"], &[]).done();

    // Without a board in the settings there is no module on it.
    scene.run(&["finger", "probe", "--sensor", "board"], &[]).refused(2, "argument");
    scene.run(&["operator", "add", INSTALLER, "--role", "installer"], &[PLANTED_SECRET]).done();
    scene.run(&["operator", "sign-in", INSTALLER], &[PLANTED_SECRET]).done();
    let key = scene.folder.path().join("maker.hex");
    std::fs::write(&key, hex::encode(MAKER_SECRET)).unwrap();
    scene.run(&["board", "clear", "--maker-key", text(&key)], &[]).done();
    scene.run(&["board", "pair"], &[]).done();
    let probed = scene.run(&["finger", "probe", "--sensor", "board"], &[]).done();
    assert_eq!((probed.number("/capacity"), probed.text("/sensor")), (1_000, "board"));
    scene.run(&["finger", "bind", "--sensor", "board"], &[]).done();
    scene.sign_in();

    // Card, PSAM and module over one serial line.
    module(&scene).tap(finger, Condition::default());
    let known = scene.run(&["finger", "verify"], &[]).done();
    assert_eq!((known.text("/proof/way"), known.number("/proof/tries")), ("finger", 1), "{known:?}");
    scene.put_in_again();
    let certified = scene.run(&["finger", "certify"], &[]).done();
    let today = Day::of(Timestamp(holder::now().0));
    assert_eq!(certified.number("/certified_until"), i64::from(today.plus_months(12).number()));
    scene.put_in_again();
    let paid_out = scene.run(&["pension", "pay", "--yes"], &[]).done();
    assert_eq!((paid_out.number("/paid_fen"), paid_out.text("/proof/way")), (MONTHLY.0, "finger"));
    scene.run(&["queue", "retry"], &[]).done();
    let bodies = Books::of_center(&scene).bodies;
    assert!(matches!(&bodies[0].business, Business::Certification(_)), "{bodies:?}");
    let Business::Pension(payment) = &bodies[1].business else { panic!("{bodies:?}") };
    assert_eq!((payment.period, payment.amount), (month, MONTHLY));

    // Unplugged from the board: told from everything else.
    module(&scene).detach();
    scene.put_in_again();
    scene.run(&["finger", "probe", "--sensor", "board"], &[]).refused(5, "sensor");
    scene.run(&["finger", "verify"], &[]).refused(5, "finger");
    scene.end();
}
