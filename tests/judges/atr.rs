//! pyscard and pcsc-tools read every answer to reset of their list, and so does the reader's firmware.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    thread,
};

use card_spec::{Error, atr::Atr};
use engine::{
    contacts::{Character, Contacts, LineSettings, Sent, Voltage},
    iso7816::{AtrParameters, CardError, Interface, Limits, Negotiation, Progress},
    time::{Duration, Instant},
};
use tests::seed::{self, Dice};

/// About 4,000 answers to reset of real cards, from the package pcsc-tools.
const LIST: &str = "/usr/share/pcsc/smartcard_list.txt";
/// Fewer would mean that the list has changed its form.
const ATRS_MIN: usize = 3_500;

/// Prints, for each line of hexadecimal digits: whether the structure holds, then what it says.
///
/// Which byte is which and what TA1 means is pyscard's; it says nothing about the bytes of T=1 and T=15, so those are
/// found here.
const PYSCARD: &str = r#"
import sys
from smartcard.ATR import ATR

def specific(atr, letter, protocol):
    for i in range(1, len(atr.TD)):
        if atr.TD[i] is not None and atr.TD[i] & 15 == protocol:
            return letter[i + 1]
    return None

def say(value):
    return "-" if value is None else str(value)

for line in sys.stdin:
    data = list(bytes.fromhex(line))
    try:
        atr = ATR(data)
    except Exception:
        print("bad")
        continue
    supported = atr.getSupportedProtocols()
    needs = any(td is not None and td & 15 for td in atr.TD)
    whole = len(atr.getHistoricalBytes()) == atr.K
    length = 2 + atr.getInterfaceBytesCount() + atr.K + (1 if needs else 0)
    good = whole and len(data) == length and len(data) <= 33
    if good and needs:
        good = atr.hasChecksum and atr.checksumOK
    if not good:
        print("bad")
        continue
    fi, di = atr.getClockRateConversion(), atr.getBitRateFactor()
    protocols = sorted(int(p[2:]) for p in supported if p != "T=15")
    print("good", fi, di, say(atr.getGuardTime()), ",".join(map(str, protocols)) or "-",
          say(atr.TC[1] if len(atr.TC) > 1 else None), say(specific(atr, atr.TA, 1)),
          say(specific(atr, atr.TB, 1)), say(specific(atr, atr.TC, 1)), say(specific(atr, atr.TA, 15)),
          say(atr.TA[1] if len(atr.TA) > 1 else None))
"#;

fn list() -> Vec<Vec<u8>> {
    let text = fs::read(LIST).expect("apt-get install pcsc-tools");
    let text = String::from_utf8_lossy(&text);
    let atrs: BTreeSet<Vec<u8>> = text
        .lines()
        .filter(|line| !line.starts_with(['#', '\t']))
        .filter_map(|line| hex::decode(line.split_whitespace().collect::<String>()).ok())
        .filter(|bytes| !bytes.is_empty())
        .collect();
    assert!(atrs.len() >= ATRS_MIN, "only {} answers to reset in {LIST}", atrs.len());
    atrs.into_iter().collect()
}

/// What pyscard says about each.
fn pyscard(atrs: &[Vec<u8>]) -> Vec<String> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", PYSCARD])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = atrs.iter().map(|atr| format!("{}\n", hex::encode(atr))).collect();
    let writer = thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "apt-get install python3-pyscard");
    let lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), atrs.len());
    lines
}

/// A byte, or the default where it is missing or `is_reserved`.
fn or_default(text: &str, default: u8, is_reserved: impl Fn(u8) -> bool) -> u8 {
    text.parse().ok().filter(|byte| !is_reserved(*byte)).unwrap_or(default)
}

#[test]
fn pyscard_agrees() {
    let atrs = list();
    let verdicts = pyscard(&atrs);
    let (mut good, mut bad) = (0, 0);
    for (bytes, verdict) in atrs.iter().zip(&verdicts) {
        let name = hex::encode(bytes);
        let parsed = Atr::parse(bytes);
        let words: Vec<_> = verdict.split(' ').collect();
        if words[0] == "bad" {
            assert!(parsed.is_err(), "{name}: only pyscard refuses it");
            bad += 1;
            continue;
        }
        good += 1;
        let ours =
            AtrParameters::of(&parsed.unwrap_or_else(|error| panic!("{name}: only we refuse it: {error}")));
        // Di = 64 came with the edition of 2006; pyscard has the table of 1997.
        let theirs = match (words[1].parse::<u16>(), words[2].parse::<u8>()) {
            (Ok(f), Ok(d)) => Some((f, d)),
            (Ok(f), Err(_)) if ours.speed_byte & 0x0F == 7 => Some((f, 64)),
            _ => None,
        };
        assert_eq!(ours.speed.map(|speed| (speed.f, speed.d)), theirs, "{name}: Fi, Di");
        assert_eq!(ours.guard_time, words[3].parse().unwrap_or(0), "{name}: N");
        let protocols: Vec<_> =
            (0..15).filter(|p| ours.protocols >> p & 1 != 0).map(|p| p.to_string()).collect();
        let protocols = if protocols.is_empty() { "-".to_owned() } else { protocols.join(",") };
        assert_eq!(protocols, words[4], "{name}: protocols");
        assert_eq!(ours.wi, or_default(words[5], 10, |wi| wi == 0), "{name}: WI");
        assert_eq!(ours.ifsc, or_default(words[6], 32, |ifsc| matches!(ifsc, 0 | 255)), "{name}: IFSC");
        assert_eq!(
            ours.bwi << 4 | ours.cwi,
            or_default(words[7], 0x4D, |tb| tb >> 4 > 9),
            "{name}: BWI, CWI"
        );
        assert_eq!(u8::from(ours.has_crc), or_default(words[8], 0, |_| false) & 1, "{name}: EDC");
        let global = or_default(words[9], 0, |_| false);
        assert_eq!((ours.clock_stop, ours.classes), (global >> 6, global & 7), "{name}: clock stop, classes");
        assert_eq!(ours.specific.map(|mode| mode.protocol), words[10].parse().ok().map(|ta2: u8| ta2 & 15));
    }
    println!("{} answers to reset: {good} good, {bad} refused by both", atrs.len());
}

/// What `ATR_analysis` of pcsc-tools prints about one.
fn analysis(atr: &[u8], home: &str) -> String {
    let text: Vec<_> = atr.iter().map(|byte| format!("{byte:02X}")).collect();
    let output = Command::new("/usr/bin/perl")
        .args(["/usr/bin/ATR_analysis", &text.join(" ")])
        // It fetches a newer list by wget when it does not know a card.
        .env("PATH", "/nonexistent")
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home)
        .output()
        .expect("apt-get install pcsc-tools");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What we would have it print, as far as it is about protocols.
fn ours_as_analysis(atr: &Atr) -> String {
    use card_spec::atr::InterfaceKind as Kind;

    let parameters = AtrParameters::of(atr);
    let mut text = String::new();
    if atr.interface_byte(Kind::Ta, 1).is_some() {
        if let Some(speed) = parameters.speed {
            writeln!(text, "Fi={}, Di={}", speed.f, speed.d).unwrap();
        } else {
            writeln!(text, "Fi, Di reserved").unwrap();
        }
    }
    if atr.interface_byte(Kind::Tc, 1).is_some() {
        writeln!(text, "Extra guard time: {}", parameters.guard_time).unwrap();
    }
    if let Some(mode) = parameters.specific {
        let by = if mode.is_implicit { "implicity defined" } else { "defined by interface bytes" };
        let change = if mode.can_change { "Capable to change" } else { "Unable to change" };
        writeln!(text, "Protocol to be used in spec mode: T={} - {change} - {by}", mode.protocol).unwrap();
    }
    if atr.interface_byte(Kind::Tc, 2).is_some_and(|wi| wi != 0) {
        writeln!(text, "Work waiting time: 960 x {} x (Fi/F)", parameters.wi).unwrap();
    }
    for (letter, wanted) in [(Kind::Ta, 1), (Kind::Tb, 1), (Kind::Tc, 1), (Kind::Ta, 15)] {
        let announced = atr
            .interface_bytes()
            .iter()
            .find(|byte| byte.kind == Kind::Td && byte.index >= 2 && byte.value & 15 == wanted);
        let Some(byte) = announced.and_then(|td| atr.interface_byte(letter, td.index + 1)) else { continue };
        match (letter, wanted) {
            (Kind::Ta, 1) if !matches!(byte, 0 | 255) => writeln!(text, "IFSC: {}", parameters.ifsc).unwrap(),
            (Kind::Tb, 1) if byte >> 4 <= 9 => {
                let AtrParameters { bwi, cwi, .. } = parameters;
                writeln!(text, "Block Waiting Integer: {bwi} - Character Waiting Integer: {cwi}").unwrap();
            }
            (Kind::Tc, 1) if byte <= 1 => {
                writeln!(text, "Error detection code: {}", if parameters.has_crc { "CRC" } else { "LRC" })
                    .unwrap();
            }
            (Kind::Ta, 15) => {
                let stop = ["not supported", "state L", "state H", "no preference"];
                let stop = stop[usize::from(parameters.clock_stop)];
                let classes = [(1, "A 5V "), (2, "B 3V "), (4, "C 1.8V ")];
                let classes: String = classes
                    .iter()
                    .filter(|(bit, _)| parameters.classes & bit != 0)
                    .map(|(_, name)| *name)
                    .collect();
                writeln!(text, "Clock stop: {stop} - Class accepted by the card: (3G) {classes}").unwrap();
            }
            _ => {}
        }
    }
    text
}

/// Its lines about protocols in our order, without what we do not read.
fn theirs(printed: &str) -> String {
    let mut found = BTreeMap::new();
    let mut protocol = 0;
    for line in printed.lines() {
        let line = line.replace("\u{1b}[35m", "").replace("\u{1b}[0m", "");
        if let Some((_, after)) = line.split_once("Protocol T = ") {
            protocol = after.split_whitespace().next().unwrap().parse().unwrap();
        }
        let Some((_, said)) = line.split_once(" --> ") else { continue };
        let said = said.trim_end();
        let place = if said.starts_with("Fi=") {
            0
        } else if said.starts_with("Extra guard time") {
            1
        } else if said.starts_with("Protocol to be used") {
            2
        } else if said.starts_with("Work waiting time") {
            3
        } else if said.starts_with("IFSC") {
            4
        } else if said.starts_with("Block Waiting") {
            5
        } else if said.starts_with("Error detection") {
            6
        } else if said.starts_with("Clock stop") && protocol == 15 {
            7
        } else {
            continue;
        };
        found.entry(place).or_insert_with(|| said.to_owned());
    }
    let mut text = String::new();
    for (place, said) in found {
        let said = match place {
            0 if said.contains("RFU") => "Fi, Di reserved".to_owned(),
            0 => said.split(',').take(2).collect::<Vec<_>>().join(","),
            1 => said.replace(" (special value)", ""),
            // Reserved values have the default.
            3 if said.contains("960 x 0 x") => continue,
            4 if matches!(said.as_str(), "IFSC: 0" | "IFSC: 255") => continue,
            5 if said.split_whitespace().nth(3).unwrap().parse::<u8>().unwrap() > 9 => continue,
            6 if said.contains("RFU") => continue,
            7 => said.replace("D RFU ", "").replace("E RFU", "").trim_end().to_owned(),
            _ => said,
        };
        writeln!(text, "{said}").unwrap();
    }
    text
}

#[test]
fn atr_analysis_agrees() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    // One for each head: historical bytes say nothing about protocols.
    let mut heads = BTreeMap::new();
    for bytes in list() {
        if let Ok(atr) = Atr::parse(&bytes) {
            let head = bytes[..2 + atr.interface_bytes().len()].to_vec();
            heads.entry(head).or_insert((bytes, atr));
        }
    }
    let all: Vec<_> = heads.into_values().collect();
    assert!(all.len() > 500);
    thread::scope(|scope| {
        for half in all.chunks(all.len().div_ceil(2)) {
            scope.spawn(move || {
                for (bytes, atr) in half {
                    let printed = analysis(bytes, home);
                    let ours = ours_as_analysis(atr);
                    let ours: String = ours.lines().map(|line| format!("{}\n", line.trim_end())).collect();
                    assert_eq!(ours, theirs(&printed), "{}\n{printed}", hex::encode(bytes));
                }
            });
        }
    });
    println!("{} heads of answers to reset", all.len());
}

/// A card that gives its answer to reset, each character as early as it may.
struct Card {
    atr: Vec<u8>,
    coming: VecDeque<Character>,
    now: Instant,
}

impl Contacts for Card {
    fn clock_hertz(&self) -> u32 {
        4_000_000
    }

    fn is_present(&mut self) -> bool {
        true
    }

    fn is_overloaded(&mut self) -> bool {
        false
    }

    fn time(&mut self, now: Instant) -> Instant {
        now
    }

    fn set_supply(&mut self, _: Option<Voltage>) {
        self.coming.clear();
    }

    fn set_reset(&mut self, is_high: bool) {
        if !is_high {
            return;
        }
        let is_inverse = self.atr.first() == Some(&0x3F);
        let mut at = self.now + Duration::from_cycles(1_000, 4_000_000);
        for byte in &self.atr {
            at = at + Duration::from_cycles(12 * 372, 4_000_000);
            let byte = if is_inverse { !byte.reverse_bits() } else { *byte };
            self.coming.push_back(Character { byte, is_broken: false, at });
        }
    }

    fn set_clock(&mut self, _: bool) {}

    fn set_line(&mut self, _: &LineSettings) {}

    fn send(&mut self, _: u8) {
        panic!("nothing is to be sent");
    }

    fn sent(&mut self) -> Option<Sent> {
        None
    }

    fn receive(&mut self) -> Option<Character> {
        if self.coming.front()?.at <= self.now { self.coming.pop_front() } else { None }
    }

    fn expect(&mut self, _: Option<Instant>) {}
}

/// Activates a card with this answer to reset.
fn activate(atr: &[u8]) -> (Interface, Result<Vec<u8>, CardError>) {
    let mut card = Card { atr: atr.to_vec(), coming: VecDeque::new(), now: Instant(0) };
    let mut interface = Interface::new(Negotiation::Reader, Limits::ISO);
    interface.power_on(Some(Voltage::V5));
    for _ in 0..10_000 {
        let now = card.now;
        match interface.poll(&mut card, now) {
            Progress::Busy { until } => {
                let next = card.coming.front().map(|character| character.at).filter(|at| *at > card.now);
                card.now = next.map_or(until, |at| at.min(until)).max(card.now);
            }
            Progress::Done => {
                let answer = interface.answer().to_vec();
                return (interface, Ok(answer));
            }
            Progress::Failed(error) => return (interface, Err(error)),
            Progress::Extended | Progress::Idle => panic!("neither is possible"),
        }
    }
    panic!("no end");
}

#[test]
fn the_reader_takes_what_they_take() {
    let mut outcomes = BTreeMap::<String, usize>::new();
    for bytes in list() {
        let name = hex::encode(&bytes);
        let (interface, result) = activate(&bytes);
        match (Atr::parse(&bytes), &result) {
            (Ok(atr), Ok(answer)) => {
                assert_eq!(*answer, bytes, "{name}");
                assert_eq!(interface.atr_parameters(), Some(AtrParameters::of(&atr)), "{name}");
            }
            (Ok(atr), Err(CardError::ClassNotSupported)) => {
                assert!(!AtrParameters::of(&atr).runs_with(Voltage::V5), "{name}");
            }
            // The answer is over before the list's is: what follows is not listened to.
            (Err(Error::TooLong { max, .. }), Ok(answer)) if max < bytes.len() => {
                assert_eq!(*answer, bytes[..max])
            }
            (Err(Error::TooLong { .. }), Err(CardError::Overrun | CardError::Tck)) => {}
            (Err(Error::Truncated { .. }), Err(CardError::Mute | CardError::Overrun)) => {}
            (Err(Error::Check { .. }), Err(CardError::Tck)) => {}
            (Err(Error::Malformed { .. }), Err(CardError::Ts)) => {}
            (parsed, result) => panic!("{name}: {parsed:?}, {result:?}"),
        }
        let outcome = result.map_or_else(|error| format!("{error:?}"), |_| "taken".to_owned());
        *outcomes.entry(outcome).or_default() += 1;
        assert_eq!(interface.is_active(), interface.parameters().is_some());
    }
    println!("{outcomes:?}");
    assert!(outcomes["taken"] >= ATRS_MIN * 9 / 10);
}

#[test]
fn damaged_answers_never_panic() {
    let mut dice = Dice(seed::of("damaged answers to reset"));
    for mut bytes in list() {
        for _ in 0..3 {
            let place = dice.below(bytes.len() as u64) as usize;
            match dice.below(3) {
                0 => bytes[place] = dice.roll() as u8,
                1 => bytes.truncate(place.max(1)),
                _ => bytes.insert(place, dice.roll() as u8),
            }
        }
        let parsed = Atr::parse(&bytes).map(|atr| AtrParameters::of(&atr));
        let (interface, result) = activate(&bytes);
        if let (Ok(parsed), Ok(_)) = (&parsed, &result) {
            assert_eq!(interface.atr_parameters(), Some(*parsed));
        }
    }
}
