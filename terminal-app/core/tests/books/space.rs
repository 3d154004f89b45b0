//! A full file and a full disk: new business stops first, what was begun is finished.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;
use terminal::{
    audit::Actor,
    ledger::{Ballast, HeadInMemory, Ledger, LedgerError, Purpose, Quota, Setup, State},
    store::StoreError,
};

use super::support::{center::Center, *};

#[test]
fn at_the_quota_new_business_stops_and_the_reserve_finishes_the_rest() {
    let mut terminal = Terminal::new(80);
    terminal.quota = Quota { pages_max: 160, reserve_pages: 200 };
    let (mut ledger, cashier) = terminal.open_for_business();
    let now = terminal.now();
    // Ten people are at the counter when it happens.
    let mut begun = Vec::new();
    for who in 5_000..5_010 {
        let id = terminal.chance.id();
        let number = format!("V{id}");
        ledger.register(&visit(&number, who, &cashier, now)).unwrap();
        ledger
            .intend(&intention(id, Purpose::Settlement, Some(&number), who, &cashier, now), &terminal.limits)
            .unwrap();
        ledger.arm(id, &arming(1), now).unwrap();
        begun.push((id, number, who));
    }
    let mut settled = 0;
    let refused = loop {
        let id = terminal.chance.id();
        let number = format!("V{id}");
        let result = ledger.register(&visit(&number, settled, &cashier, now)).and_then(|()| {
            ledger.intend(
                &intention(id, Purpose::Settlement, Some(&number), settled, &cashier, now),
                &terminal.limits,
            )
        });
        if let Err(error) = result {
            break error;
        }
        ledger.record(id, &outcome(settlement(&number, settled, None), now)).unwrap();
        settled += 1;
        assert!(settled < 1_000);
    };
    assert_eq!(refused, LedgerError::SpaceLow);
    assert!(settled > 20, "{settled}");
    for (id, number, who) in &begun {
        let purchase = arming(1).purchase("11223344".into(), false);
        ledger.record(*id, &outcome(settlement(number, *who, Some(purchase)), now)).unwrap();
    }
    let mut center = Center::new();
    let pending = ledger.batch_after(0, 500).unwrap().unwrap();
    let answer = terminal::ports::CenterLink::upload(&mut center, &pending.batch).unwrap();
    ledger.apply_answer(&pending, &answer, &center.key.public(), now).unwrap();
    assert_eq!(ledger.verify().unwrap().links, settled + 10, "no record was dropped");
    let space = ledger.space().unwrap();
    assert!(space.pages_used >= space.pages_max && space.pages_used < 360);
}

#[test]
fn beyond_the_reserve_nothing_is_lost_either() {
    let mut terminal = Terminal::new(81);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (id, now) = (terminal.chance.id(), terminal.now());
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    ledger
        .intend(&intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now), &terminal.limits)
        .unwrap();
    ledger.arm(id, &arming(1), now).unwrap();
    let pages = ledger.space().unwrap().pages_used;
    ledger.close().unwrap();
    // Not one page more than the file has.
    terminal.quota = Quota { pages_max: pages, reserve_pages: 0 };
    let mut ledger = terminal.open();
    let big = "9".repeat(20_000);
    let record = |ledger: &mut Ledger, tac: &str| {
        let purchase = arming(1).purchase(tac.into(), false);
        ledger.record(id, &outcome(settlement("V1", 1, Some(purchase)), now))
    };
    assert_eq!(record(&mut ledger, &big), Err(LedgerError::Store(StoreError::Full)));
    assert_eq!(ledger.transaction(id).unwrap().unwrap().state, State::Armed, "as unresolved as before");
    ledger.verify().unwrap();
    drop(ledger);
    terminal.quota = Quota::default();
    let mut ledger = terminal.open();
    assert_eq!(record(&mut ledger, &big).unwrap().sequence, 1);
    ledger.verify().unwrap();
}

/// A small file system of its own; `None` where this process may not mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("no file system can be mounted here: only the quota was tested");
            return None;
        }
        Some(SmallDisk(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A file that holds space back.
struct FileBallast(PathBuf);

impl Ballast for FileBallast {
    fn free(&mut self) -> bool {
        fs::remove_file(&self.0).is_ok()
    }

    fn lay(&mut self) -> bool {
        let laid = File::create(&self.0).and_then(|mut file| file.write_all(&[0xB5; 256 << 10]));
        if laid.is_err() {
            let _ = fs::remove_file(&self.0);
        }
        laid.is_ok()
    }
}

fn fill(junk: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(junk).unwrap();
    while file.write_all(&[0xEE; 4_096]).is_ok() {}
    while file.write_all(&[0xEE; 1]).is_ok() {}
}

fn open_on(disk: &SmallDisk, ballast: Box<dyn Ballast>) -> Ledger {
    try_open_on(disk, ballast).unwrap()
}

fn try_open_on(disk: &SmallDisk, ballast: Box<dyn Ballast>) -> Result<Ledger, LedgerError> {
    let setup = Setup {
        terminal: terminal_id(),
        identity: identity_of(7),
        quota: Quota::default(),
        keeper: Box::new(HeadInMemory::default()),
        ballast,
    };
    let connection = Connection::open(disk.path().join("ledger.db")).unwrap();
    Ledger::open(connection, &store_key(), setup, &mut (), MORNING)
}

#[test]
fn on_a_full_disk_the_ballast_goes_first() {
    let Some(disk) = SmallDisk::mount(4_096) else { return };
    let mut terminal = Terminal::new(82);
    let mut ballast = FileBallast(disk.path().join("ballast"));
    assert!(ballast.lay());
    let mut ledger = open_on(&disk, Box::new(ballast));
    let operator = terminal::roles::NewOperator {
        number: "0101",
        role: terminal::roles::Role::Cashier,
        secret: b"246813",
        iterations: ROUNDS,
    };
    ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), MORNING).unwrap();
    let cashier = ledger.sign_in("0101", b"246813", MORNING).unwrap();
    let id = terminal.chance.id();
    ledger.register(&visit("V1", 1, &cashier, MORNING)).unwrap();
    ledger.register(&visit("V2", 2, &cashier, MORNING)).unwrap();
    ledger
        .intend(&intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, MORNING), &terminal.limits)
        .unwrap();
    ledger.arm(id, &arming(1), MORNING).unwrap();
    let junk = disk.path().join("junk");
    fill(&junk);

    let next = terminal.chance.id();
    let intended = intention(next, Purpose::Settlement, Some("V2"), 2, &cashier, MORNING);
    assert_eq!(ledger.intend(&intended, &terminal.limits), Err(LedgerError::SpaceLow));
    assert!(disk.path().join("ballast").exists(), "the ballast is not for new business");

    let purchase = arming(1).purchase("11223344".into(), false);
    let link = ledger.record(id, &outcome(settlement("V1", 1, Some(purchase)), MORNING)).unwrap();
    assert_eq!(link.sequence, 1);
    assert!(!disk.path().join("ballast").exists());
    assert!(ledger.space().unwrap().ballast_spent);
    fill(&junk);
    assert_eq!(ledger.intend(&intended, &terminal.limits), Err(LedgerError::SpaceLow));
    ledger.verify().unwrap();
    fs::remove_file(&junk).unwrap();
    ledger.intend(&intended, &terminal.limits).unwrap();
    assert!(disk.path().join("ballast").exists(), "laid again");
    assert!(!ledger.space().unwrap().ballast_spent);
}

#[test]
fn on_a_full_disk_without_ballast_the_outcome_waits() {
    let Some(disk) = SmallDisk::mount(2_048) else { return };
    let mut terminal = Terminal::new(83);
    let mut ledger = open_on(&disk, Box::new(()));
    let operator = terminal::roles::NewOperator {
        number: "0101",
        role: terminal::roles::Role::Cashier,
        secret: b"246813",
        iterations: ROUNDS,
    };
    ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), MORNING).unwrap();
    let cashier = ledger.sign_in("0101", b"246813", MORNING).unwrap();
    let id = terminal.chance.id();
    ledger.register(&visit("V1", 1, &cashier, MORNING)).unwrap();
    ledger
        .intend(&intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, MORNING), &terminal.limits)
        .unwrap();
    ledger.arm(id, &arming(1), MORNING).unwrap();
    let junk = disk.path().join("junk");
    fill(&junk);
    let purchase = arming(1).purchase("11223344".into(), false);
    let settled = outcome(settlement("V1", 1, Some(purchase)), MORNING);
    for _ in 0..3 {
        assert_eq!(ledger.record(id, &settled), Err(LedgerError::Store(StoreError::Full)));
    }
    assert_eq!(ledger.transaction(id).unwrap().unwrap().state, State::Armed);
    fs::remove_file(&junk).unwrap();
    assert_eq!(ledger.record(id, &settled).unwrap().sequence, 1);
    drop(ledger);
    let ledger = open_on(&disk, Box::new(()));
    assert_eq!(ledger.verify().unwrap().links, 1);
}

#[test]
fn on_a_full_disk_the_ballast_opens_the_books() {
    let Some(disk) = SmallDisk::mount(4_096) else { return };
    let mut terminal = Terminal::new(84);
    let at = disk.path().join("ballast");
    let mut ledger = open_on(&disk, Box::new(FileBallast(at.clone())));
    assert!(at.exists(), "laid by opening");
    let operator = terminal::roles::NewOperator {
        number: "0101",
        role: terminal::roles::Role::Cashier,
        secret: b"246813",
        iterations: ROUNDS,
    };
    ledger.set_operator(&operator, &mut terminal.chance, Actor::default(), MORNING).unwrap();
    let cashier = ledger.sign_in("0101", b"246813", MORNING).unwrap();
    let (id, next) = (terminal.chance.id(), terminal.chance.id());
    for (number, who, id) in [("V1", 1, id), ("V2", 2, next)] {
        ledger.register(&visit(number, who, &cashier, MORNING)).unwrap();
        let intended = intention(id, Purpose::Settlement, Some(number), who, &cashier, MORNING);
        ledger.intend(&intended, &terminal.limits).unwrap();
        ledger.arm(id, &arming(1), MORNING).unwrap();
    }
    ledger.register(&visit("V3", 3, &cashier, MORNING)).unwrap();
    let settled = |number: &str, who| {
        let purchase = arming(1).purchase("11223344".into(), false);
        outcome(settlement(number, who, Some(purchase)), MORNING)
    };
    ledger.record(id, &settled("V1", 1)).unwrap();
    ledger.close().unwrap();
    let junk = disk.path().join("junk");
    fill(&junk);

    let refused = try_open_on(&disk, Box::new(FileBallast(at.clone()))).map(|_| ());
    assert_eq!(refused, Err(LedgerError::Store(StoreError::Full)));
    let mut ballast = FileBallast(at.clone());
    assert!(ballast.free());
    let mut ledger = open_on(&disk, Box::new(ballast));
    assert!(ledger.space().unwrap().ballast_spent);
    let third = terminal.chance.id();
    let intended = intention(third, Purpose::Settlement, Some("V3"), 3, &cashier, MORNING);
    assert_eq!(ledger.intend(&intended, &terminal.limits), Err(LedgerError::SpaceLow));
    // What was begun is finished, and sent, and can be looked at.
    ledger.record(next, &settled("V2", 2)).unwrap();
    let mut center = Center::new();
    let pending = ledger.batch_after(0, 500).unwrap().unwrap();
    let answer = terminal::ports::CenterLink::upload(&mut center, &pending.batch).unwrap();
    ledger.apply_answer(&pending, &answer, &center.key.public(), MORNING).unwrap();
    assert_eq!(ledger.verify().unwrap().links, 2);
    fs::remove_file(&junk).unwrap();
    ledger.intend(&intended, &terminal.limits).unwrap();
    assert!(at.exists(), "laid again");
}

#[test]
fn a_disk_without_room_for_the_ballast_takes_no_new_business() {
    let Some(disk) = SmallDisk::mount(2_048) else { return };
    let at = disk.path().join("ballast");
    open_on(&disk, Box::new(())).close().unwrap();
    fs::write(disk.path().join("junk"), vec![0xEE; (2_048 << 10) - (300 << 10)]).unwrap();
    let mut ledger = open_on(&disk, Box::new(FileBallast(at.clone())));
    assert!(ledger.space().unwrap().ballast_spent && !at.exists());
    assert!(!ledger.free_ballast(), "there is none");
    ledger.audit(MORNING, Actor::default(), &terminal::audit::AuditEvent::Exported).unwrap();
    fs::remove_file(disk.path().join("junk")).unwrap();
    drop(ledger);
    let mut ledger = open_on(&disk, Box::new(FileBallast(at.clone())));
    assert!(!ledger.space().unwrap().ballast_spent && at.exists());
    assert!(ledger.free_ballast() && !at.exists());
    assert!(ledger.space().unwrap().ballast_spent);
}
