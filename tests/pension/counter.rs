//! A counter with a sensor, two clerks, an installer, and a holder who draws a pension.

use std::path::PathBuf;

use card_spec::{generation::Generation, money::Fen};
use datacenter::{
    production::people_file::ImportedEntry,
    storage::{
        benefits::ImportedPension,
        rows::{ImportedPerson, Kind, Outcome},
    },
};
use protocol::{
    calendar::{Day, Period},
    record::{Body, Business},
    timestamp::Timestamp,
};
use sim::module::{Condition, Finger, Module};
use tests::{
    PLANTED_PIN, PLANTED_SECRET,
    books::Books,
    holder,
    jinbao::Answer,
    scene::{SUPERVISOR, Scene},
};

/// The clerk who confirms.
pub(crate) const SECOND: &str = "0901";
const INSTALLER: &str = "0800";

/// What a month's pension is.
pub(crate) const MONTHLY: Fen = Fen::from_yuan(3_150);

/// The holder's right index finger.
pub(crate) const FINGER: u8 = 2;

pub(crate) struct Counter {
    pub(crate) scene: Scene,
    pub(crate) module: Module,
    device: PathBuf,
}

impl Counter {
    /// With a sensor that is bound; the pension is unpaid for `months`, this month included.
    pub(crate) fn new(test: &str, months: u32, certified_until: Option<Day>) -> Self {
        let scene = Scene::in_process(test, Generation::Three);
        let module = Module::new(scene.seed);
        let device = module.plug_in().unwrap();
        let counter = Counter { scene, module, device };
        counter.draw_pension(months, certified_until);
        for (number, role) in [(SECOND, "cashier"), (INSTALLER, "installer")] {
            counter.scene.run(&["operator", "add", number, "--role", role], &[PLANTED_SECRET]).done();
        }
        counter.sign_in(INSTALLER);
        counter.bind().done();
        counter.sign_in(SUPERVISOR);
        counter.scene.run(&["sync"], &[]).done();
        counter
    }

    fn draw_pension(&self, months: u32, certified_until: Option<Day>) {
        let person = self.scene.holder.entry();
        let pension = ImportedPension {
            person: person.key,
            monthly: MONTHLY,
            monthly_from: None,
            first_unpaid: Some(back(months - 1)),
            certified_until,
        };
        let entry = ImportedEntry {
            person: ImportedPerson { person, with_sums: true },
            pension: Some(pension),
            name: None,
        };
        self.scene.center.production().import_people([Ok(entry)], |_| {}).unwrap();
    }

    pub(crate) fn bind(&self) -> Answer {
        self.scene.run(&["finger", "bind", "--sensor", self.device.to_str().unwrap()], &[])
    }

    pub(crate) fn sign_in(&self, number: &str) {
        self.scene.run(&["operator", "sign-in", number], &[PLANTED_SECRET]).done();
    }

    /// Another module in its place, at the same settings.
    pub(crate) fn replug(&mut self, module: Module) {
        let device = module.plug_in().unwrap();
        let path = self.scene.folder.path().join("data/config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = text.replace(self.device.to_str().unwrap(), device.to_str().unwrap());
        std::fs::write(path, changed).unwrap();
        (self.module, self.device) = (module, device);
    }

    /// A finger of the holder, put down whenever it is asked for.
    pub(crate) fn holder_taps(&self, condition: Condition) {
        self.module.tap(Finger::of_person(self.scene.holder.person.index, FINGER), condition);
    }

    /// The same finger of somebody else.
    pub(crate) fn stranger_taps(&self) {
        self.module.tap(Finger::of_person(self.scene.holder.person.index + 1, FINGER), Condition::default());
    }

    /// Enrols the holder's finger; staff has looked at face and document.
    pub(crate) fn enrol(&self) -> Answer {
        self.holder_taps(Condition::default());
        let finger = FINGER.to_string();
        self.scene.run(&["finger", "enrol", "--finger", &finger, "--consent", "--staff"], &[PLANTED_PIN])
    }

    /// Sends what waits and gives what the center has booked, oldest first.
    #[track_caller]
    pub(crate) fn booked(&self) -> Vec<Body> {
        self.scene.run(&["queue", "retry"], &[]).done();
        let books = Books::of_center(&self.scene);
        let refused: Vec<_> =
            books.records.iter().filter(|record| record.link.outcome != Outcome::Booked).collect();
        assert!(refused.is_empty(), "{refused:?}");
        let compared = self.scene.run(&["reconcile"], &[]).done();
        assert_eq!(compared.json["equal"], true, "{compared:?}");
        assert!(books.records.iter().all(|record| record.kind != Kind::Unreadable));
        books.bodies
    }
}

/// Months that were paid.
pub(crate) fn paid(bodies: &[Body]) -> Vec<Period> {
    bodies
        .iter()
        .filter_map(|body| match &body.business {
            Business::Pension(payment) => {
                assert_eq!(payment.amount, MONTHLY);
                Some(payment.period)
            }
            _ => None,
        })
        .collect()
}

/// The month so many before this one.
pub(crate) fn back(months: u32) -> Period {
    let now = Period::of(Timestamp(holder::now().0)).number();
    let months_all = now / 100 * 12 + now % 100 - 1 - months;
    Period::from_number(months_all / 12 * 100 + months_all % 12 + 1).unwrap()
}

/// Today, and so many days on.
pub(crate) fn in_days(days: i32) -> Day {
    Day::of(Timestamp(holder::now().0)).plus_days(days)
}
