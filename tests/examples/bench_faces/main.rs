//! From a key press to changed pixels on the screen, at the counter's real window, while visits go on.
//!
//! ```sh
//! cargo xtask bench --faces
//! ```
//!
//! The real pcscd with a simulated card and PSAM, a real center that has hundreds of thousands of people to hand over,
//! the program `jinbao-ui counter` on an Xvfb of 1920 × 1080. Keys come from the X server itself (XTEST); what is on the
//! screen is read out of the server's memory. Everything runs on this machine, center, reader and this program too: a
//! terminal in the field has its processors for itself.
//!
//! Prints one JSON line for each figure; `ratio` is the limit divided by ours (1 is just met, more is better). The peer
//! is a window that only changes its colour, watched in the same way: what the way from key to screen costs by itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a program for developers")]

mod screen;
mod x;

use std::{
    env, fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use card_spec::{generation::Generation, person::PersonNumber};
use protocol::{feed::Person, rules::RulesDocument};
use tests::{
    PLANTED_PIN,
    center::TestCenter,
    display::{Display, Window},
    reader::TestReader,
    scene::Scene,
};

use self::{
    screen::{Place, Screen},
    x::{BareWindow, Hand, key},
};

const SIZE: (u32, u32) = (1_920, 1_080);
/// A key press may take so long until it is painted, 99 of 100 presses.
const PAINT_MS_MAX: f64 = 50.0;
/// Presses in a quiet window, and in the bare one.
const QUIET_PRESSES: usize = 300;
const STARTS: usize = 5;
/// After each press, so that presses and what the desk does never keep step.
const PAUSE_MS: std::ops::Range<u64> = 15..45;
/// Columns of a place that a letter changes at least; the edge of something that moves along changes fewer.
const LETTER_COLUMNS_MIN: usize = 4;
/// Where every page shows its paper: in the left margin.
const MARGIN_X: usize = 4;
/// How long the terminal takes to notice that the center has more, which it asks once a minute.
const NOTICED_S_MAX: u64 = 90;
/// The feed of people, and the way of records.
const FEED: &str = "/v1/feed";
const RECORDS: &str = "/v1/records";

const CATALOG: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../terminal-app/core/samples/catalog/sample.json");

fn main() {
    let argument = |at| env::args().nth(at).and_then(|argument| argument.parse::<u64>().ok());
    let people = argument(1).unwrap_or(4_000_000);
    let visits = argument(2).unwrap_or(20);

    let memory = memory_folder();
    let display = Display::start_in(memory.path(), SIZE.0, SIZE.1);
    let screen = Screen::of(memory.path());
    let mut bench = Bench { hand: Hand::on(display.name()), screen, pauses: 0 };

    let bare = bench.bare_window(display.name());
    bare.report("bare window, one rectangle", None);

    let mut scene = hospital();
    scene.reader.as_mut().unwrap().pull();
    bench.starts(&display, &scene);

    let mut window = Window::open(&display, &scene.jinbao, "counter", &[]);
    window.cover(SIZE.0, SIZE.1);
    window.page("counter.idle");
    thread::sleep(Duration::from_secs(3));
    report("window, memory at start", resident_mib(&window), "MiB", None);
    let paper = bench.find_paper();
    eprintln!("the paper is watched at {:?}", paper.place);
    let mut quiet = Presses::default();
    for _ in 0..QUIET_PRESSES {
        quiet.add(bench.colours(&paper));
    }
    quiet.report("quiet, every pixel changes", Some(&bare));

    // As the terminal knew nobody yet: so much has to come that it never ends while we look.
    let began = Instant::now();
    scene.center.put_people(&(0..people).map(insured).collect::<Vec<_>>());
    eprintln!("{people} people at the center after {:.0} s", began.elapsed().as_secs_f64());
    let pages = scene.center.requests(FEED);
    while scene.center.requests(FEED) < pages + 3 {
        assert!(began.elapsed() < Duration::from_secs(NOTICED_S_MAX * 4), "the terminal does not fetch");
        thread::sleep(Duration::from_millis(100));
    }

    let before = (scene.center.requests(FEED), scene.center.requests(RECORDS), load());
    let mut busy = Busy::default();
    let mut pages = Vec::new();
    for _ in 0..visits {
        let fetched = scene.center.requests(FEED);
        visit(&mut bench, &mut window, &mut scene, &paper, &mut busy);
        pages.push(scene.center.requests(FEED) - fetched);
    }
    let center = &scene.center;
    eprintln!(
        "{visits} visits: {} pages of people fetched ({pages:?}), {} times records sent; load before {}, after {}",
        center.requests(FEED) - before.0,
        center.requests(RECORDS) - before.1,
        before.2,
        load()
    );
    assert!(center.requests(RECORDS) >= before.1 + u32::try_from(visits).unwrap(), "records were not sent");
    busy.typing.report("a letter of a fee line, card in", Some(&bare));
    busy.line.report("fetching people, every pixel changes", Some(&bare));
    busy.card.report("card, rules, upload, every pixel changes", Some(&bare));
    let mut all = Presses::default();
    for part in [busy.typing, busy.line, busy.card] {
        all.taken_ms.extend(part.taken_ms);
        all.unseen += part.unseen;
    }
    all.report("all presses beside the work", Some(&bare));
    report("window, memory after the visits", resident_mib(&window), "MiB", None);
    window.close(&scene.logs, "bench-faces.log");
    scene.end();
}

/// What was measured while the terminal was at work.
#[derive(Default)]
struct Busy {
    typing: Presses,
    line: Presses,
    card: Presses,
}

/// One visit as a clerk does it; whenever it is the terminal's turn, keys are pressed and watched.
fn visit(bench: &mut Bench, window: &mut Window<'_>, scene: &mut Scene, paper: &Paper, busy: &mut Busy) {
    // Nobody is there: people are fetched.
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        busy.line.add(bench.colours(paper));
    }
    let card = scene.card.clone();
    beside(
        scene.reader.as_mut().unwrap(),
        |reader| reader.insert(&card, sim::fault::Plan::none()),
        || {
            busy.card.add(bench.colours(paper));
        },
    );
    bench.until(window, "counter.bill", paper, &mut busy.card);
    for item in ["001102000010000", "amx"] {
        bench.hand.type_text(item);
        thread::sleep(Duration::from_millis(200));
        bench.hand.tap(key::RETURN);
        thread::sleep(Duration::from_millis(200));
        bench.letters("2351", &mut busy.typing);
        bench.hand.type_text("1");
        bench.hand.tap(key::RETURN);
        thread::sleep(Duration::from_millis(200));
        bench.letters("4807", &mut busy.typing);
        bench.hand.type_text("1");
        bench.hand.tap(key::RETURN);
        thread::sleep(Duration::from_millis(200));
    }
    bench.hand.tap(key::F9);
    window.page("counter.pin");
    bench.hand.type_text(PLANTED_PIN);
    bench.hand.tap(key::RETURN);
    bench.until(window, "counter.split", paper, &mut busy.card);
    // Nobody agrees to figures faster than that.
    thread::sleep(Duration::from_millis(700));
    bench.hand.tap(key::F9);
    bench.until(window, "counter.done", paper, &mut busy.card);
    beside(
        scene.reader.as_mut().unwrap(),
        |reader| assert!(reader.pull().is_some()),
        || {
            busy.card.add(bench.colours(paper));
        },
    );
    thread::sleep(Duration::from_millis(1_000));
    bench.hand.tap(key::F9);
    window.page("counter.idle");
}

/// Does something meanwhile, again and again, until the reader's part is over.
fn beside(reader: &mut TestReader, work: impl FnOnce(&mut TestReader) + Send, mut meanwhile: impl FnMut()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            work(reader);
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            meanwhile();
        }
    });
}

/// Hands and eyes.
struct Bench {
    hand: Hand,
    screen: Screen,
    pauses: u64,
}

/// A place that shows the paper of every page, and its two colours.
struct Paper {
    place: Place,
    colours: [Vec<u8>; 2],
}

impl Bench {
    fn pause(&mut self) {
        // Golden ratio: as even as it gets, and in no rhythm.
        self.pauses = self.pauses.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let span = PAUSE_MS.end - PAUSE_MS.start;
        thread::sleep(Duration::from_millis(PAUSE_MS.start + (self.pauses >> 32) % span));
    }

    /// Changes every pixel of the window by Ctrl+K; how long that took.
    fn colours(&mut self, paper: &Paper) -> Option<Duration> {
        let now = self.screen.look(paper.place);
        let Some(at) = paper.colours.iter().position(|colour| *colour == now) else {
            // Something lies over the page.
            self.pause();
            return None;
        };
        let wanted = &paper.colours[1 - at];
        self.hand.press(key::CONTROL);
        let began = Instant::now();
        self.hand.press('k'.into());
        let taken = self.screen.wait(paper.place, began, |seen| seen == wanted);
        self.hand.release('k'.into());
        self.hand.release(key::CONTROL);
        self.pause();
        taken
    }

    /// The same until the face shows a page.
    fn until(&mut self, window: &mut Window<'_>, page: &str, paper: &Paper, presses: &mut Presses) {
        let end = Instant::now() + Duration::from_secs(30);
        while !window.has_shown(page) {
            assert!(Instant::now() < end, "page {page} does not come");
            presses.add(self.colours(paper));
        }
    }

    /// Types into a field and takes it all back; how long each took.
    fn letters(&mut self, text: &str, presses: &mut Presses) {
        let before = self.screen.look(self.screen.whole());
        let first = text.chars().next().unwrap();
        self.hand.tap(first.into());
        thread::sleep(Duration::from_millis(200));
        // What else has changed on the whole screen, a clock say, makes the place larger and is told apart by nothing:
        // so it is taken anew each time, and the clock is far away.
        let Some(field) = self.screen.changed_since(&before) else {
            presses.add(None);
            return;
        };
        // Room for the letters to come.
        let width = (field.width + 60).min(self.screen.width - field.x);
        let field = Place { width, ..field };
        for letter in text.chars().skip(1) {
            presses.add(self.letter(letter.into(), field));
        }
        for _ in text.chars() {
            presses.add(self.letter(key::BACKSPACE, field));
        }
    }

    fn letter(&mut self, symbol: u32, field: Place) -> Option<Duration> {
        let before = self.screen.look(field);
        let began = Instant::now();
        self.hand.press(symbol);
        let taken = self
            .screen
            .wait(field, began, |seen| columns_changed(&before, seen, field.width) >= LETTER_COLUMNS_MIN);
        self.hand.release(symbol);
        self.pause();
        taken
    }

    /// A place of the margin, low on the screen, and what it shows in either choice of colours.
    fn find_paper(&mut self) -> Paper {
        let height = self.screen.height;
        let margin = Place { x: MARGIN_X, y: height / 2, width: 8, height: height / 2 };
        let mut seen = || {
            let pixels = self.screen.look(margin);
            self.hand.press(key::CONTROL);
            self.hand.tap('k'.into());
            self.hand.release(key::CONTROL);
            thread::sleep(Duration::from_millis(500));
            pixels
        };
        let (plain, contrast) = (seen(), seen());
        let row_bytes = margin.width * 4;
        let block = row_bytes * 8;
        let paper = plain[..4].repeat(block / 4);
        let other = contrast[..4].repeat(block / 4);
        assert_ne!(paper, other, "Ctrl+K changes the paper");
        let lowest = (0..plain.len() / row_bytes - 8)
            .rev()
            .find(|row| {
                let at = row * row_bytes..row * row_bytes + block;
                plain[at.clone()] == paper && contrast[at] == other
            })
            .expect("the paper is somewhere");
        Paper { place: Place { y: margin.y + lowest, height: 8, ..margin }, colours: [paper, other] }
    }

    /// The way from a key to the screen, through a program that does nothing on it.
    fn bare_window(&mut self, display: &str) -> Presses {
        let _window = BareWindow::open(display, SIZE.0, SIZE.1);
        let corner = Place { x: self.screen.width - 8, y: self.screen.height - 8, width: 8, height: 8 };
        let mut presses = Presses::default();
        for _ in 0..QUIET_PRESSES {
            let before = self.screen.look(corner);
            let began = Instant::now();
            self.hand.press('k'.into());
            presses.add(self.screen.wait(corner, began, |seen| seen != before));
            self.hand.release('k'.into());
            self.pause();
        }
        presses
    }

    /// From the start of the program to the first picture.
    fn starts(&self, display: &Display, scene: &Scene) {
        let mut taken_ms = Vec::new();
        let middle = Place { x: self.screen.width / 4, y: 300, width: 64, height: 1 };
        for _ in 0..STARTS {
            let (screen, before) = (&self.screen, self.screen.look(middle));
            thread::scope(|scope| {
                let began = Instant::now();
                let seen = scope.spawn(move || screen.wait(middle, began, |now| now != before));
                let mut window = Window::open(display, &scene.jinbao, "counter", &[]);
                taken_ms.extend(seen.join().unwrap().map(ms));
                window.page("counter.idle");
            });
            // The display takes a moment to show its own ground again.
            thread::sleep(Duration::from_millis(500));
        }
        taken_ms.sort_by(f64::total_cmp);
        eprintln!("starts: {taken_ms:.0?} ms");
        report("first picture after the start, median", taken_ms[taken_ms.len() / 2], "ms", None);
    }
}

fn columns_changed(before: &[u8], now: &[u8], width: usize) -> usize {
    let row = width * 4;
    (0..width)
        .filter(|column| {
            let at = column * 4;
            before.chunks(row).zip(now.chunks(row)).any(|(before, now)| before[at..at + 4] != now[at..at + 4])
        })
        .count()
}

/// How long presses took.
#[derive(Default)]
struct Presses {
    taken_ms: Vec<f64>,
    unseen: usize,
}

impl Presses {
    fn add(&mut self, taken: Option<Duration>) {
        match taken {
            Some(taken) => self.taken_ms.push(ms(taken)),
            None => self.unseen += 1,
        }
    }

    fn median(&self) -> f64 {
        self.share(50)
    }

    fn share(&self, percent: usize) -> f64 {
        let mut sorted = self.taken_ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() * percent / 100).copied().unwrap_or(f64::NAN)
    }

    fn report(&self, name: &str, bare: Option<&Presses>) {
        let (median, p99) = (self.median(), self.share(99));
        let max = self.taken_ms.iter().copied().fold(0.0, f64::max);
        let count = self.taken_ms.len();
        eprintln!(
            "{name}: median {median:.1} ms, p99 {p99:.1} ms, max {max:.1} ms of {count} presses; {} not seen",
            self.unseen
        );
        let bare = bare.map(|bare| ("the bare window", bare.median()));
        report(&format!("{name}: median of {count}"), median, "ms", bare);
        report(&format!("{name}: p99"), p99, "ms", Some(("the limit", PAINT_MS_MAX)));
        report(&format!("{name}: longest"), max, "ms", None);
    }
}

fn report(name: &str, value: f64, unit: &str, reference: Option<(&str, f64)>) {
    let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
    println!(
        "{}",
        serde_json::json!({
            "name": name, "value": round(value), "unit": unit,
            "reference": reference.map(|(what, _)| what),
            "reference_value": reference.map(|(_, value)| round(value)),
            "ratio": reference.map(|(_, limit)| round(limit / value)),
        })
    );
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn resident_mib(window: &Window<'_>) -> f64 {
    window.resident_kib() as f64 / 1_024.0
}

/// Where a file is memory and no disk, if there is such a place.
fn memory_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let builder = &mut tempfile::Builder::new();
    let folder = builder.prefix("jinbao-screen-");
    folder.tempdir_in(memory).or_else(|_| folder.tempdir()).unwrap()
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// A hospital whose city has a catalog.
fn hospital() -> Scene {
    let scene = Scene::at_reader("bench-faces", Generation::Three);
    let catalog = RulesDocument {
        version: "catalog-1".into(),
        effective_from: "2025-01-01".into(),
        configuration: fs::read_to_string(CATALOG).unwrap(),
    };
    TestCenter::production(&scene.center).add_rules(&catalog).unwrap();
    scene.run(&["sync"], &[]).done();
    scene
}

/// Somebody of another city, so that the numbers are nobody's here.
fn insured(number: u64) -> Person {
    let birth =
        19_500_101 + number / 1_000 % 50 * 10_000 + number / 50_000 % 12 * 100 + number / 600_000 % 28;
    let number = PersonNumber::from_key(430_102 * 100_000_000_000 + birth * 1_000 + number % 1_000).unwrap();
    Person {
        key: number.key(),
        state: protocol::feed::PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2_026 * 12 + 10,
        year: 2_026,
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    }
}
