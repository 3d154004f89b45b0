//! What a visit costs at the card: commands, bytes, time on the line, and our own time on top of it.
//!
//! Prints one JSON line for each figure. Where there is a limit, `reference_value` is the limit and `ratio` is
//! the limit divided by ours (1 is just met, more is better). Card and PSAM are the simulated ones in process;
//! the time that they take to answer is taken out, the time that a real line would take is reckoned from the
//! characters that T=0 puts on it.
#![allow(clippy::unwrap_used, reason = "a program for developers")]

mod books;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use card_spec::{
    account::Amounts,
    date::{Date, DateTime},
    generation::Generation,
    pin::Pin,
    region::RegionCode,
};
use hal::slot::{CardSlot, SlotError};
use protocol::id::TerminalId;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sim::{
    card::Card,
    chip::{SharedChip, Traffic},
    keys::TestKeys,
    people::Population,
    personalise::{CardOrder, PsamOrder, TEST_PIN},
    psam::Psam,
    slot::InProcessSlot,
};
use terminal::{ports::Random, session::Session};

/// Visits that are measured, after as many that are not.
const VISITS: usize = 500;
/// Our own time may add this share to the time on the line.
const OWN_SHARE_MAX: f64 = 0.02;
/// Our own time of a whole visit without the line, 99 of 100 visits.
const OWN_MS_MAX: f64 = 5.0;
/// What every card starts with, and what PPS can agree on.
const BAUDS: [u64; 2] = [9_600, 115_200];

/// A slot that knows how long its chip has had the word.
struct Timed {
    inner: InProcessSlot,
    spent_ns: Arc<AtomicU64>,
}

impl Timed {
    fn of(name: &str, chip: &SharedChip, spent_ns: &Arc<AtomicU64>) -> Self {
        let (inner, _) = InProcessSlot::with(name, chip.clone());
        Timed { inner, spent_ns: Arc::clone(spent_ns) }
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut InProcessSlot) -> T) -> T {
        let start = Instant::now();
        let done = work(&mut self.inner);
        self.spent_ns.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        done
    }
}

impl CardSlot for Timed {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_card(timeout_ms)
    }
    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_removal(timeout_ms)
    }
    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        self.timed(CardSlot::power_on)
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        self.timed(|slot| slot.transmit(command))
    }
    fn power_off(&mut self) {
        self.timed(CardSlot::power_off);
    }
}

struct Chance(ChaCha8Rng);

impl Random for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

fn main() {
    for generation in Generation::ALL {
        measure(generation);
    }
    let (mut visits, mut commits) = books::own_ns();
    visits.sort_unstable();
    commits.sort_unstable();
    // Registration, lines, intention, what the card is asked, outcome.
    let five_commits = |share| 5.0 * percentile_ms(&commits, share);
    limited(
        "visit with rules and books: own time, median",
        percentile_ms(&visits, 50),
        "ms",
        "5 bare durable commits here",
        five_commits(50),
    );
    limited(
        "visit with rules and books: own time, 99 of 100",
        percentile_ms(&visits, 99),
        "ms",
        "5 bare durable commits here",
        five_commits(99),
    );
}

fn test_keys() -> TestKeys {
    TestKeys::from_seed(7)
}

fn terminal_id() -> TerminalId {
    "430100000001".parse().unwrap()
}

fn chance() -> Chance {
    Chance(ChaCha8Rng::seed_from_u64(1))
}

fn psam_chip() -> SharedChip {
    SharedChip::new(Psam::new(&PsamOrder::new(terminal_id().to_bcd(), test_keys()).build(), 3))
}

fn spent(spent_ns: &AtomicU64) -> u64 {
    spent_ns.load(Ordering::Relaxed)
}

/// The value that this share (of 100) of the sorted ones does not exceed.
fn percentile_ms(sorted_ns: &[u64], share: usize) -> f64 {
    sorted_ns[(sorted_ns.len() * share).div_ceil(100) - 1] as f64 / 1e6
}

fn measure(generation: Generation) {
    let city = RegionCode::parse("430100").unwrap();
    let people = Population::new(11, 10).in_city(city);
    let person = people.person(3).unwrap();
    let image =
        CardOrder::new(&person, test_keys()).generation(generation).account(10_000_000).build().unwrap();
    let card = SharedChip::new(Card::new(&image, 5).unwrap());
    let psam = psam_chip();
    let spent_ns = Arc::new(AtomicU64::new(0));
    let slot = |name: &str, chip: &SharedChip| Box::new(Timed::of(name, chip, &spent_ns));
    let mut session = Session::new(slot("card", &card), slot("psam", &psam), terminal_id());
    let mut random = chance();
    let pin = Pin::parse(TEST_PIN).unwrap();
    let at = DateTime::new(Date::new(2026, 11, 24).unwrap(), 9, 30, 0).unwrap();
    let amounts = Amounts { account_fen: 100, self_paid_fen: 200, pooled_fen: 700 };

    let mut own_ns = Vec::with_capacity(VISITS);
    let mut traffic = (Traffic::default(), Traffic::default());
    for round in 0..2 * VISITS {
        let before = (card.lock().traffic(), psam.lock().traffic());
        let chips_ns = spent(&spent_ns);
        let start = Instant::now();
        session.open(&mut random).unwrap();
        session.verify_pin(&pin).unwrap();
        session.balance().unwrap();
        let purchasing = session.begin_purchase(amounts, at).unwrap();
        let debited = session.debit(&purchasing).unwrap();
        session.check_debit(&debited).unwrap();
        session.close();
        let all_ns = start.elapsed().as_nanos() as u64;
        if round >= VISITS {
            own_ns.push(all_ns - (spent(&spent_ns) - chips_ns));
        }
        traffic = (card.lock().traffic().since(&before.0), psam.lock().traffic().since(&before.1));
    }
    report(generation, &traffic, &mut own_ns);
}

fn report(generation: Generation, (card, psam): &(Traffic, Traffic), own_ns: &mut [u64]) {
    let version = match generation {
        Generation::One => "1.0",
        Generation::Two => "2.0",
        Generation::Three => "3.0",
    };
    let name = |what: &str| format!("card session {version}: {what}");
    let bytes = |traffic: &Traffic| (traffic.command_bytes + traffic.answer_bytes) as f64;
    plain(&name("commands to the card"), card.commands as f64, "APDU");
    plain(&name("commands to the PSAM"), psam.commands as f64, "APDU");
    plain(&name("bytes, card"), bytes(card), "bytes");
    plain(&name("bytes, PSAM"), bytes(psam), "bytes");
    own_ns.sort_unstable();
    let own_ms = |share| percentile_ms(own_ns, share);
    for baud in BAUDS {
        let line_ms = (card.line_us(baud) + psam.line_us(baud)) as f64 / 1e3;
        plain(&name(&format!("line time at {baud} baud")), line_ms, "ms");
        let limit_ms = line_ms * OWN_SHARE_MAX;
        limited(
            &name(&format!("own time, median, {baud} baud")),
            own_ms(50),
            "ms",
            "2 % of the line time",
            limit_ms,
        );
    }
    limited(&name("own time, 99 of 100"), own_ms(99), "ms", "limit without the line", OWN_MS_MAX);
}

fn plain(name: &str, value: f64, unit: &str) {
    let row = serde_json::json!({
        "name": name, "value": rounded(value), "unit": unit,
        "reference": null, "reference_value": null, "ratio": null,
    });
    println!("{row}");
}

fn limited(name: &str, value: f64, unit: &str, reference: &str, limit: f64) {
    let row = serde_json::json!({
        "name": name, "value": rounded(value), "unit": unit,
        "reference": reference, "reference_value": rounded(limit), "ratio": rounded(limit / value),
    });
    println!("{row}");
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
