//! Contacts with a card behind them that does as it is told, on a clock that is turned.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use engine::{
    contacts::{Character, Contacts, LineSettings, Sent, Voltage},
    time::{Duration, Instant},
};

pub(crate) const CLOCK_HERTZ: u32 = 4_800_000;
/// Answer to reset of a card with T=0 that has nothing special: TA1 = 11, no historical bytes.
pub(crate) const ATR: &[u8] = &[0x3B, 0x00];
/// What a card keeps in its file.
pub(crate) const FILE: &[u8; 16] = b"social security!";

/// What the card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// As the standard has it.
    Good,
    /// Says nothing at all.
    Mute,
    /// Answers to reset and says nothing more.
    MuteLater,
    /// Asks for time, so many times, half a second apart; then answers.
    Slow(u32),
    /// Answers with bytes that this number makes.
    Nonsense(u8),
    /// Works at this supply only.
    Only(Voltage),
}

pub(crate) struct Card {
    pub(crate) now: Instant,
    pub(crate) is_present: bool,
    pub(crate) is_overloaded: bool,
    pub(crate) manners: Manners,
    pub(crate) atr: Vec<u8>,
    pub(crate) supply: Option<Voltage>,
    /// Supplies that were switched on, in their order.
    pub(crate) supplies: Vec<Voltage>,
    pub(crate) resets: u32,
    /// Silence before each further character of the card, beside what it needs.
    pub(crate) pause: Duration,
    is_reset_high: bool,
    has_clock: bool,
    etu: Duration,
    free_at: Instant,
    sent: Option<Instant>,
    coming: VecDeque<(Instant, u8)>,
    heard: Vec<u8>,
}

impl Card {
    fn say(&mut self, after: Duration, bytes: &[u8]) {
        let mut at = self.free_at.max(self.now) + after;
        for (index, byte) in bytes.iter().enumerate() {
            at = at + self.pause.times(index.min(1) as u64) + self.etu.times(12);
            self.coming.push_back((at, *byte));
        }
        self.free_at = at;
    }

    fn is_on(&self) -> bool {
        self.is_present && self.supply.is_some() && self.has_clock && self.is_reset_high
    }

    fn answer_reset(&mut self) {
        self.resets += 1;
        self.etu = Duration::from_cycles(372, CLOCK_HERTZ);
        self.coming.clear();
        self.heard.clear();
        self.free_at = self.now;
        let answers = match self.manners {
            Manners::Mute => false,
            Manners::Only(voltage) => self.supply == Some(voltage),
            _ => true,
        };
        if answers {
            let atr = self.atr.clone();
            self.say(Duration::from_micros(500), &atr);
        }
    }

    /// T=0 at character level: SELECT and READ BINARY.
    fn hear(&mut self, byte: u8) {
        self.heard.push(byte);
        let turn = self.etu.times(16);
        match self.manners {
            Manners::MuteLater | Manners::Mute => return,
            Manners::Nonsense(start) if self.heard.len() >= 5 => {
                let bytes: Vec<u8> = (0..8u8)
                    .map(|index| start.wrapping_mul(31).wrapping_add(index.wrapping_mul(57)))
                    .collect();
                self.say(turn, &bytes);
                return;
            }
            _ => {}
        }
        let header = match self.heard[..] {
            [cla, ins, p1, p2, p3] => [cla, ins, p1, p2, p3],
            [_, 0xA4, _, _, p3, ..] if self.heard.len() == 5 + usize::from(p3) => {
                self.heard.clear();
                self.say(turn, &[0x90, 0x00]);
                return;
            }
            _ => return,
        };
        if let Manners::Slow(times) = self.manners {
            for _ in 0..times {
                self.say(Duration::from_millis(500), &[0x60]);
            }
        }
        match header {
            [_, 0xA4, _, _, 1..=255] => self.say(turn, &[0xA4]),
            [_, 0xB0, _, offset, length] => {
                self.heard.clear();
                let mut answer = vec![0xB0];
                let length = if length == 0 { 256 } else { usize::from(length) };
                answer.extend((0..length).map(|index| FILE[(usize::from(offset) + index) % FILE.len()]));
                answer.extend([0x90, 0x00]);
                self.say(turn, &answer);
            }
            _ => {
                self.heard.clear();
                self.say(turn, &[0x6D, 0x00]);
            }
        }
    }

    /// When something happens by itself.
    pub(crate) fn next(&self) -> Option<Instant> {
        // What has come already and is not taken does not happen again.
        let coming = self.coming.iter().map(|(at, _)| *at).find(|at| *at > self.now);
        [coming, self.sent.filter(|at| *at > self.now)].into_iter().flatten().min()
    }
}

/// The contacts; copies are the same ones.
#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Rc<RefCell<Card>>);

impl Fake {
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(Card {
            now: Instant(0),
            is_present: true,
            is_overloaded: false,
            manners: Manners::Good,
            atr: ATR.to_vec(),
            supply: None,
            supplies: Vec::new(),
            resets: 0,
            pause: Duration(0),
            is_reset_high: false,
            has_clock: false,
            etu: Duration::from_cycles(372, CLOCK_HERTZ),
            free_at: Instant(0),
            sent: None,
            coming: VecDeque::new(),
            heard: Vec::new(),
        })))
    }
}

impl Contacts for Fake {
    fn clock_hertz(&self) -> u32 {
        CLOCK_HERTZ
    }

    fn is_present(&mut self) -> bool {
        self.0.borrow().is_present
    }

    fn is_overloaded(&mut self) -> bool {
        let card = self.0.borrow();
        card.is_overloaded && card.supply.is_some()
    }

    fn time(&mut self, now: Instant) -> Instant {
        now
    }

    fn set_supply(&mut self, supply: Option<Voltage>) {
        let mut card = self.0.borrow_mut();
        if let Some(voltage) = supply
            && card.supply.is_none()
        {
            card.supplies.push(voltage);
        }
        card.supply = supply;
        if supply.is_none() {
            card.coming.clear();
            card.heard.clear();
        }
    }

    fn set_reset(&mut self, is_high: bool) {
        let mut card = self.0.borrow_mut();
        let rises = is_high && !card.is_reset_high;
        card.is_reset_high = is_high;
        if rises && card.is_on() {
            card.answer_reset();
        } else if !is_high {
            card.coming.clear();
        }
    }

    fn set_clock(&mut self, runs: bool) {
        self.0.borrow_mut().has_clock = runs;
    }

    fn set_line(&mut self, settings: &LineSettings) {
        let (f, d) = settings.cycles_per_etu;
        self.0.borrow_mut().etu = Duration(Duration::from_cycles(f.into(), CLOCK_HERTZ).0 / u64::from(d));
    }

    fn send(&mut self, byte: u8) {
        let mut card = self.0.borrow_mut();
        let at = card.now + card.etu.times(12);
        card.sent = Some(at);
        card.free_at = at;
        if card.is_on() {
            card.hear(byte);
        }
    }

    fn sent(&mut self) -> Option<Sent> {
        let mut card = self.0.borrow_mut();
        let at = card.sent.filter(|at| *at <= card.now)?;
        card.sent = None;
        Some(Sent { is_refused: false, at })
    }

    fn receive(&mut self) -> Option<Character> {
        let mut card = self.0.borrow_mut();
        if !card.is_present {
            card.coming.clear();
        }
        let (at, byte) = *card.coming.front().filter(|(at, _)| *at <= card.now)?;
        card.coming.pop_front();
        Some(Character { byte, is_broken: false, at })
    }

    fn expect(&mut self, _: Option<Instant>) {}
}
