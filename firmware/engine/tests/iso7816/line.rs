//! A line whose card follows a script, and a clock that is turned.

use std::collections::VecDeque;

use engine::{
    contacts::{Character, Contacts, LineSettings, Parity, Sent, Voltage},
    iso7816::{CardError, Interface, Limits, Negotiation, Progress},
    time::{Duration, Instant},
};

/// CLK of all tests.
pub(crate) const HERTZ: u32 = 4_000_000;
/// 372 cycles of it.
pub(crate) const ETU: Duration = Duration(93_000);
/// Polls of one operation at most; each must bring time or a character on.
const POLLS_MAX: usize = 200_000;

/// So many units of 372 cycles.
pub(crate) fn etu(count: u64) -> Duration {
    Duration(ETU.0 * count)
}

/// What the card does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Waits for RST to rise.
    Reset,
    /// Takes these characters; anything else is a fault of the reader.
    Hears(Vec<u8>),
    /// Refuses the next character so many times by the error signal.
    Refuses(u8),
    /// Sends a character that is over so long after the last one (or RST).
    Says { byte: u8, after: Duration, is_broken: bool },
    /// Is pulled so long after the last character (or RST).
    Leaves(Duration),
    /// Draws too much from so long after the last character (or RST).
    Shorts(Duration),
}

/// What the contacts have been made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Supply(Option<Voltage>),
    Reset(bool),
    Clock(bool),
}

pub(crate) struct Line {
    pub(crate) now: Instant,
    pub(crate) script: VecDeque<Step>,
    pub(crate) changes: Vec<(Instant, Change)>,
    pub(crate) settings: Vec<LineSettings>,
    /// Characters as the reader has begun to send them, with when.
    pub(crate) heard: Vec<(u8, Instant)>,
    pub(crate) is_present: bool,
    pub(crate) is_overloaded: bool,
    pub(crate) expected: Option<Instant>,
    supply: Option<Voltage>,
    is_clocked: bool,
    is_reset_high: bool,
    last: Instant,
    taken: usize,
    refusals: u8,
    sending: Option<Sent>,
    coming: VecDeque<Character>,
}

impl Line {
    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            now: Instant(1_000_000_000),
            script: script.into_iter().collect(),
            changes: Vec::new(),
            settings: Vec::new(),
            heard: Vec::new(),
            is_present: true,
            is_overloaded: false,
            expected: None,
            supply: None,
            is_clocked: false,
            is_reset_high: false,
            last: Instant(0),
            taken: 0,
            refusals: 0,
            sending: None,
            coming: VecDeque::new(),
        }
    }

    pub(crate) fn settings(&self) -> LineSettings {
        *self.settings.last().unwrap()
    }

    pub(crate) fn is_off(&self) -> bool {
        self.supply.is_none() && !self.is_clocked && !self.is_reset_high
    }

    pub(crate) fn then(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.script.extend(steps);
        self.go_on();
    }

    /// Whether the card has nothing more to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.coming.is_empty()
    }

    /// Characters that the reader has sent since the last call.
    pub(crate) fn take_heard(&mut self) -> Vec<u8> {
        self.heard.drain(..).map(|(byte, _)| byte).collect()
    }

    /// Does what needs no word of the reader.
    fn go_on(&mut self) {
        while let Some(step) = self.script.front().cloned() {
            match step {
                Step::Says { byte, after, is_broken } => {
                    self.last = self.last + after;
                    self.coming.push_back(Character { byte, is_broken, at: self.last });
                }
                Step::Refuses(count) => self.refusals = count,
                Step::Leaves(after) | Step::Shorts(after) => {
                    if self.now < self.last + after {
                        return;
                    }
                    if matches!(step, Step::Leaves(_)) {
                        self.is_present = false;
                    } else {
                        self.is_overloaded = true;
                    }
                }
                Step::Hears(_) | Step::Reset => return,
            }
            self.script.pop_front();
        }
    }

    /// When something happens by itself next.
    fn next_at(&self) -> Option<Instant> {
        let fault = match self.script.front() {
            Some(Step::Leaves(after) | Step::Shorts(after)) => Some(self.last + *after),
            _ => None,
        };
        let character = self.coming.front().map(|character| character.at);
        let sent = self.sending.map(|sent| sent.at);
        [fault, character, sent].into_iter().flatten().filter(|at| *at > self.now).min()
    }

    /// Turns the clock.
    pub(crate) fn turn(&mut self, until: Instant) {
        self.now = self.next_at().map_or(until, |at| at.min(until)).max(self.now);
        self.go_on();
    }
}

impl Contacts for Line {
    fn clock_hertz(&self) -> u32 {
        HERTZ
    }

    fn is_present(&mut self) -> bool {
        self.is_present
    }

    fn is_overloaded(&mut self) -> bool {
        self.is_overloaded
    }

    fn time(&mut self, now: Instant) -> Instant {
        now
    }

    fn set_supply(&mut self, supply: Option<Voltage>) {
        self.changes.push((self.now, Change::Supply(supply)));
        self.supply = supply;
        if supply.is_none() {
            self.coming.clear();
            self.sending = None;
        }
    }

    fn set_reset(&mut self, is_high: bool) {
        self.changes.push((self.now, Change::Reset(is_high)));
        self.is_reset_high = is_high;
        if is_high && self.supply.is_some() && self.is_clocked {
            if matches!(self.script.front(), Some(Step::Reset)) {
                self.script.pop_front();
            }
            self.last = self.now;
            self.go_on();
        }
    }

    fn set_clock(&mut self, runs: bool) {
        self.changes.push((self.now, Change::Clock(runs)));
        self.is_clocked = runs;
    }

    fn set_line(&mut self, settings: &LineSettings) {
        self.settings.push(*settings);
    }

    fn send(&mut self, byte: u8) {
        assert!(self.sending.is_none(), "a character was sent while another was under way");
        assert!(
            self.supply.is_some() && self.is_clocked && self.is_reset_high,
            "sent to a card without power"
        );
        self.heard.push((byte, self.now));
        let settings = self.settings();
        let (cycles, d) = settings.cycles_per_etu;
        let unit = u64::from(cycles) * 1_000_000_000 / u64::from(d) / u64::from(HERTZ);
        let is_refused = self.refusals > 0;
        self.refusals = self.refusals.saturating_sub(1);
        let at = self.now + Duration(unit * u64::from(settings.character_etu));
        self.sending = Some(Sent { is_refused, at });
        if is_refused {
            return;
        }
        self.last = at;
        if let Some(Step::Hears(bytes)) = self.script.front() {
            assert_eq!(byte, bytes[self.taken], "character {} of {bytes:02X?}", self.taken);
            self.taken += 1;
            if self.taken == bytes.len() {
                self.taken = 0;
                self.script.pop_front();
                self.go_on();
            }
        }
    }

    fn sent(&mut self) -> Option<Sent> {
        self.sending.take_if(|sent| sent.at <= self.now)
    }

    fn receive(&mut self) -> Option<Character> {
        if self.coming.front()?.at <= self.now { self.coming.pop_front() } else { None }
    }

    fn expect(&mut self, until: Option<Instant>) {
        self.expected = until;
    }
}

/// An interface and its line.
pub(crate) struct Bench {
    pub(crate) interface: Interface,
    pub(crate) line: Line,
    /// How often more time was reported.
    pub(crate) extended: usize,
}

impl Bench {
    pub(crate) fn new(negotiation: Negotiation, script: impl IntoIterator<Item = Step>) -> Self {
        Self { interface: Interface::new(negotiation, Limits::ISO), line: Line::new(script), extended: 0 }
    }

    /// A bench whose card has been powered with 5 V and has given this answer to reset.
    pub(crate) fn active(negotiation: Negotiation, atr: &str) -> Self {
        let mut bench = Self::new(negotiation, answers(atr));
        bench.interface.power_on(Some(Voltage::V5));
        assert_eq!(bench.run(), Ok(unhex(atr)));
        bench
    }

    pub(crate) fn poll(&mut self) -> Progress {
        let now = self.line.now;
        self.interface.poll(&mut self.line, now)
    }

    pub(crate) fn power_off(&mut self) {
        let now = self.line.now;
        self.interface.power_off(&mut self.line, now);
    }

    pub(crate) fn set_clock(&mut self, runs: bool) -> Result<(), CardError> {
        let now = self.line.now;
        self.interface.set_clock(&mut self.line, runs, now)
    }

    /// Polls to the end of the operation.
    pub(crate) fn run(&mut self) -> Result<Vec<u8>, CardError> {
        for _ in 0..POLLS_MAX {
            match self.poll() {
                Progress::Busy { until } => self.line.turn(until),
                Progress::Extended => self.extended += 1,
                Progress::Done => {
                    let answer = self.interface.answer().to_vec();
                    self.interface.wipe();
                    assert!(self.interface.answer().is_empty());
                    return Ok(answer);
                }
                Progress::Failed(error) => {
                    assert!(self.interface.answer().is_empty());
                    return Err(error);
                }
                Progress::Idle => panic!("nothing is under way"),
            }
        }
        panic!("no end after {POLLS_MAX} polls");
    }

    /// One exchange, in which the card does this.
    pub(crate) fn exchange(
        &mut self,
        request: &str,
        card: impl IntoIterator<Item = Step>,
    ) -> Result<Vec<u8>, CardError> {
        self.exchange_extended(request, 0, card)
    }

    pub(crate) fn exchange_extended(
        &mut self,
        request: &str,
        extension: u8,
        card: impl IntoIterator<Item = Step>,
    ) -> Result<Vec<u8>, CardError> {
        self.line.then(card);
        self.interface.exchange(&unhex(request), extension)?;
        self.run()
    }

    pub(crate) fn set_parameters(
        &mut self,
        protocol: u8,
        data: &str,
        card: impl IntoIterator<Item = Step>,
    ) -> Result<String, CardError> {
        self.line.then(card);
        self.interface.set_parameters(protocol, &unhex(data))?;
        assert_eq!(self.run()?, []);
        Ok(self.parameters())
    }

    pub(crate) fn parameters(&self) -> String {
        hex(&self.interface.parameters().unwrap().to_bytes())
    }

    /// That the contacts are off, in the standard's order.
    pub(crate) fn assert_off(&self) {
        assert!(!self.interface.is_active());
        assert!(!self.interface.is_busy());
        assert!(self.line.is_off());
        let changes: Vec<_> =
            self.line.changes.iter().rev().take(3).rev().map(|(_, change)| *change).collect();
        assert_eq!(changes, [Change::Reset(false), Change::Clock(false), Change::Supply(None)]);
        assert_eq!(self.line.expected, None);
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap() as u8).collect();
    assert!(digits.len().is_multiple_of(2));
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// One character, 12 units after the one before.
pub(crate) fn say(byte: u8) -> Step {
    Step::Says { byte, after: etu(12), is_broken: false }
}

/// One character that is over so long after the one before.
pub(crate) fn say_after(byte: u8, after: Duration) -> Step {
    Step::Says { byte, after, is_broken: false }
}

pub(crate) fn broken(byte: u8) -> Step {
    Step::Says { byte, after: etu(12), is_broken: true }
}

pub(crate) fn says(bytes: &str) -> Vec<Step> {
    unhex(bytes).into_iter().map(say).collect()
}

pub(crate) fn hears(bytes: &str) -> Step {
    Step::Hears(unhex(bytes))
}

/// Answers a reset after 1000 cycles.
pub(crate) fn answers(atr: &str) -> Vec<Step> {
    let mut steps = vec![Step::Reset];
    for (place, byte) in unhex(atr).into_iter().enumerate() {
        steps.push(if place == 0 { say_after(byte, first_after(1_000)) } else { say(byte) });
    }
    steps
}

/// When TS is over whose leading edge is so many cycles after RST.
pub(crate) fn first_after(cycles: u64) -> Duration {
    Duration(Duration::from_cycles(cycles, HERTZ).0 + etu(10).0)
}

/// A byte as a UART sees it in the inverse convention.
pub(crate) fn turned(byte: u8) -> u8 {
    !byte.reverse_bits()
}

#[test]
fn the_line_itself() {
    assert_eq!(turned(0x3F), 0x03);
    assert_eq!(etu(1), Duration::from_cycles(372, HERTZ));
    let line = Line::new([]);
    assert!(line.is_off());
    assert_eq!(Parity::Even, Parity::Even);
}
