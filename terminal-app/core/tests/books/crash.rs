//! Power cuts: what is on the disk at any moment opens to a state that is one of the states between commits.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use protocol::{record::AbandonReason, timestamp::ClockQuality};
use terminal::ledger::{HaltReason, Head, HeadInMemory, Ledger, LedgerError, Purpose, Quota, State};

use super::support::{center::Center, *};

/// Rows as (id, state), the last sequence.
type Image = (BTreeMap<[u8; 16], State>, u64);

fn image(ledger: &Ledger) -> Image {
    let rows = ledger.list(terminal::ledger::Filter::All, 1_000).unwrap();
    (rows.iter().map(|row| (row.intention.id.0, row.state)).collect(), ledger.head().unwrap().sequence)
}

/// The log's file as it is now, and what the ledger says at this moment.
struct Moment {
    log_bytes: u64,
    image: Image,
    kept: Head,
}

/// Some transactions of every kind, remembering the length of the log after each commit.
fn history(terminal: &mut Terminal) -> Vec<Moment> {
    let (mut ledger, cashier) = terminal.open_for_business();
    let log = terminal.path().with_extension("db-wal");
    let mut moments = Vec::new();
    let note = |ledger: &Ledger, head: &SharedHead, moments: &mut Vec<Moment>| {
        let kept = head.0.lock().unwrap().unwrap();
        moments.push(Moment { log_bytes: fs::metadata(&log).unwrap().len(), image: image(ledger), kept });
    };
    let head = terminal.head.clone();
    note(&ledger, &head, &mut moments);
    let (now, limits) = (terminal.now(), terminal.limits.clone());
    let mut settled = Vec::new();
    for who in 0..4 {
        let id = terminal.chance.id();
        let number = format!("V{who}");
        ledger.register(&visit(&number, who, &cashier, now)).unwrap();
        note(&ledger, &head, &mut moments);
        ledger
            .intend(&intention(id, Purpose::Settlement, Some(&number), who, &cashier, now), &limits)
            .unwrap();
        note(&ledger, &head, &mut moments);
        ledger.arm(id, &arming(2), now).unwrap();
        note(&ledger, &head, &mut moments);
        if who == 2 {
            ledger.abandon(id, AbandonReason::ProvedNotDone, now, ClockQuality::Checked, true).unwrap();
        } else {
            let purchase = arming(2).purchase("11223344".into(), false);
            ledger.record(id, &outcome(settlement(&number, who, Some(purchase)), now)).unwrap();
            settled.push(id);
        }
        note(&ledger, &head, &mut moments);
    }
    let cancel = terminal.chance.id();
    let purpose = Purpose::Cancellation { of: settled[0] };
    ledger.intend(&intention(cancel, purpose, None, 0, &cashier, now), &limits).unwrap();
    note(&ledger, &head, &mut moments);
    ledger.record(cancel, &outcome(cancellation(settled[0], 0), now)).unwrap();
    note(&ledger, &head, &mut moments);
    let mut center = Center::new();
    let pending = ledger.batch_after(0, 3).unwrap().unwrap();
    let answer = terminal::ports::CenterLink::upload(&mut center, &pending.batch).unwrap();
    ledger.apply_answer(&pending, &answer, &center.key.public(), now).unwrap();
    note(&ledger, &head, &mut moments);
    // Kept open: closing would empty the log.
    std::mem::forget(ledger);
    moments
}

/// A copy of the files with the log cut at a length, as a power cut leaves it.
fn cut(terminal: &Terminal, log_bytes: u64, torn: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(terminal.path(), folder.path().join("ledger.db")).unwrap();
    let mut log = fs::read(terminal.path().with_extension("db-wal")).unwrap();
    if torn {
        // The sector that was being written holds nonsense.
        let from = (log_bytes as usize).min(log.len());
        let upto = (from + 512).min(log.len());
        log[from..upto].fill(0xA5);
        log.truncate(upto);
    } else {
        log.truncate(log_bytes as usize);
    }
    fs::write(folder.path().join("ledger.db-wal"), log).unwrap();
    folder
}

fn open(folder: &Path, kept: Option<Head>) -> Result<Ledger, LedgerError> {
    open_at(&folder.join("ledger.db"), Box::new(HeadInMemory(kept)), Quota::default(), MORNING)
}

#[test]
fn any_cut_of_the_log_is_a_state_between_two_commits() {
    let mut terminal = Terminal::new(70);
    let moments = history(&mut terminal);
    let end = moments.last().unwrap().log_bytes;
    // Every frame (a header of 24 bytes and a page), and places inside of frames.
    let frame = 24 + u64::from(terminal::store::PAGE_BYTES);
    let mut cuts: Vec<(u64, bool)> =
        (0..).map(|n| 32 + n * frame).take_while(|at| *at <= end).map(|at| (at, false)).collect();
    for _ in 0..60 {
        cuts.push((terminal.chance.below(end), false));
        cuts.push((terminal.chance.below(end), true));
    }
    let first = moments.first().unwrap().log_bytes;
    let mut seen = 0;
    for (at, torn) in cuts {
        let expected = moments.iter().rev().find(|moment| moment.log_bytes <= at);
        let folder = cut(&terminal, at, torn);
        let Some(expected) = expected else {
            assert!(at < first);
            continue;
        };
        // The head outside as it was at this moment: at most as far as the commit.
        let ledger = open(folder.path(), Some(expected.kept)).unwrap();
        assert_eq!(ledger.halted(), Ok(None), "cut at {at}");
        assert_eq!(image(&ledger), expected.image, "cut at {at} of {end}, torn: {torn}");
        ledger.verify().unwrap();
        seen += 1;
    }
    assert!(seen > 100, "{seen} cuts");
}

#[test]
fn a_log_that_lost_its_end_is_noticed() {
    let mut terminal = Terminal::new(71);
    let moments = history(&mut terminal);
    let last = moments.last().unwrap();
    let mut noticed = 0;
    for moment in &moments {
        // A disk that said "written" and lost it, or somebody who cut the log: the head outside is ahead.
        if (moment.kept.sequence, moment.kept.intentions) == (last.kept.sequence, last.kept.intentions) {
            continue;
        }
        let folder = cut(&terminal, moment.log_bytes, false);
        let ledger = open(folder.path(), Some(last.kept)).unwrap();
        assert!(matches!(ledger.halted(), Ok(Some(HaltReason::RolledBack { .. }))));
        noticed += 1;
    }
    assert!(noticed > 10);
}

#[test]
fn whatever_the_cut_work_goes_on_from_there() {
    let mut terminal = Terminal::new(72);
    let moments = history(&mut terminal);
    let first = moments.first().unwrap().log_bytes;
    let end = moments.last().unwrap().log_bytes;
    for _ in 0..25 {
        let at = first + terminal.chance.below(end - first);
        let folder = cut(&terminal, at, true);
        let mut ledger = open(folder.path(), None).unwrap();
        let now = terminal.now();
        let before = ledger.head().unwrap().sequence;
        let open_rows = ledger.unresolved_all().unwrap();
        for row in &open_rows {
            let id = row.intention.id;
            // The card is asked: half of them had done it.
            let done = row.state == State::Armed && terminal.chance.below(2) == 0;
            let result = match row.intention.purpose {
                Purpose::Settlement if done => {
                    let armed = row.armed.as_ref().unwrap();
                    let purchase = armed.purchase("55667788".into(), true);
                    let business = settlement(row.intention.visit.as_deref().unwrap(), 1, Some(purchase));
                    ledger.record(id, &outcome(business, now))
                }
                _ => ledger.abandon(id, AbandonReason::ProvedNotDone, now, ClockQuality::Checked, true),
            };
            result.unwrap();
        }
        assert_eq!(ledger.head().unwrap().sequence, before + open_rows.len() as u64);
        assert!(ledger.unresolved_all().unwrap().is_empty());
        ledger.verify().unwrap();
    }
}

const CHILD: &str = "JINBAO_CRASH_FOLDER";

/// Does business until it is killed; says each step that has returned.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let seed: u64 = std::env::var("JINBAO_CRASH_SEED").unwrap().parse().unwrap();
    let mut terminal = Terminal::new(seed);
    let path = Path::new(&folder).join("ledger.db");
    let mut ledger = open_at(&path, Box::new(HeadInMemory::default()), Quota::default(), MORNING).unwrap();
    let cashier = ledger.sign_in("0101", b"246813", MORNING).unwrap();
    for who in 0.. {
        let id = terminal.chance.id();
        let number = format!("V{id}");
        ledger.register(&visit(&number, who, &cashier, MORNING)).unwrap();
        let intended = intention(id, Purpose::Settlement, Some(&number), who, &cashier, MORNING);
        ledger.intend(&intended, &protocol::limits::OfflineLimits::default()).unwrap();
        println!("did intended {id}");
        ledger.arm(id, &arming(2), MORNING).unwrap();
        println!("did armed {id}");
        let purchase = arming(2).purchase("11223344".into(), false);
        ledger.record(id, &outcome(settlement(&number, who, Some(purchase)), MORNING)).unwrap();
        println!("did recorded {id}");
    }
}

#[test]
fn a_killed_process_has_lost_nothing_it_said_it_did() {
    let mut terminal = Terminal::new(73);
    {
        let (ledger, _) = terminal.open_for_business();
        ledger.close().unwrap();
    }
    let mut said: BTreeMap<String, State> = BTreeMap::new();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_is_killed", "--nocapture"])
            .env(CHILD, terminal.folder.path())
            .env("JINBAO_CRASH_SEED", (1_000 + round).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let enough = 3 + terminal.chance.below(40);
        let mut line = String::new();
        let mut steps = 0;
        while steps < enough && lines.read_line(&mut line).unwrap() > 0 {
            steps += u64::from(hear(&line, &mut said));
            line.clear();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        let _ = lines.read_to_string(&mut rest);
        for line in rest.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            hear(line, &mut said);
        }
        let mut ledger = open(terminal.folder.path(), None).unwrap();
        ledger.verify().unwrap();
        for (id, state) in &said {
            let row = ledger.transaction(id.parse().unwrap()).unwrap().expect("what was said was written");
            assert!(row.state >= *state, "{id} was {state:?}, is {:?}", row.state);
        }
        // At most the one that was being written is open.
        let open_rows = ledger.unresolved_all().unwrap();
        assert!(open_rows.len() <= 1);
        for row in open_rows {
            let reason = AbandonReason::ProvedNotDone;
            ledger.abandon(row.intention.id, reason, MORNING, ClockQuality::Checked, true).unwrap();
        }
        ledger.close().unwrap();
    }
    assert!(said.len() > 10);
}

fn hear(line: &str, said: &mut BTreeMap<String, State>) -> bool {
    // The test harness may write its own words in front.
    let Some((_, words)) = line.split_once("did ") else { return false };
    let mut words = words.split_whitespace();
    let state = match words.next() {
        Some("intended") => State::Intended,
        Some("armed") => State::Armed,
        Some("recorded") => State::Recorded,
        _ => return false,
    };
    let Some(id) = words.next().filter(|id| id.len() == 32) else { return false };
    said.insert(id.to_owned(), state);
    true
}
