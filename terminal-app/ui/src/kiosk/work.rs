//! The desk of a kiosk: what it is told to do with card, center, paper and lamps.

use std::time::Duration;

use edge::{counter::Counter, indicator, options::Options, printer, random::SystemChance};
use hal::indicator::{Indicator, Lamp, Tone, panel::Panel};
use protocol::{policy::Purpose, timestamp::Timestamp};
use terminal::{
    flows::{Resolution, Resolved},
    ports::Random,
};

use super::{
    ask::{self, Answer, Ask, Fingered, Stop},
    paper::PaperText,
};
use crate::{
    desk::{Halt, ScreenPad, Teller, Told, Work},
    trouble::Trouble,
    upkeep::{self, Slot, Status, Upkeep},
};

/// How long a finger is waited for at once; the face asks again as long as somebody is there.
const FINGER_MS: u32 = 15_000;

/// What the desk of a kiosk is told. `turn` comes back with the answer: what belongs to somebody who has gone is
/// not shown to the next one.
pub enum Command {
    /// Reads the card in the slot.
    Open {
        /// Turn.
        turn: u32,
    },
    /// Powers the card off and forgets the person.
    Close,
    /// Has the card verify the PIN that the face has.
    Verify {
        /// Turn.
        turn: u32,
    },
    /// Changes the PIN.
    ChangePin {
        /// Turn.
        turn: u32,
    },
    /// One attempt with a finger.
    Finger {
        /// Turn.
        turn: u32,
        /// For the certification, which may ask for more than a question.
        certify: bool,
    },
    /// A question, or something to be done.
    Ask {
        /// Turn.
        turn: u32,
        /// Which.
        ask: Ask,
    },
    /// Prints.
    Print {
        /// Turn.
        turn: u32,
        /// What.
        paper: PaperText,
    },
    /// Lamps and buzzer.
    Signal(Signal),
}

/// Says nothing of a person.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open { .. } => f.write_str("Open"),
            Self::Close => f.write_str("Close"),
            Self::Verify { .. } => f.write_str("Verify"),
            Self::ChangePin { .. } => f.write_str("ChangePin"),
            Self::Finger { certify, .. } => write!(f, "Finger {{ certify: {certify} }}"),
            Self::Ask { ask, .. } => write!(f, "Ask({ask:?})"),
            Self::Print { .. } => f.write_str("Print"),
            Self::Signal(signal) => write!(f, "Signal({signal:?})"),
        }
    }
}

/// What lamps and buzzer say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Nobody is here.
    Ready,
    /// Leave the card in.
    Busy,
    /// Look at the screen: a card was forgotten, or nobody moves.
    Attention,
    /// Done.
    Done,
    /// Staff is called.
    Call,
}

/// What the desk of a kiosk tells.
#[derive(Clone)]
pub enum Event {
    /// The terminal is open.
    Ready(Ready),
    /// It does not open, and is tried again.
    Closed(Trouble),
    /// A card came or went.
    Slot(Slot),
    /// How the terminal is.
    Status(Status),
    /// The card was read, or why not.
    Opened {
        /// Turn.
        turn: u32,
        /// What it brought.
        opened: Result<Opened, Stop>,
    },
    /// What the PIN has brought.
    Verified {
        /// Turn.
        turn: u32,
        /// The holder, and what became of an earlier transaction; or why not.
        verified: Result<Option<Earlier>, Stop>,
    },
    /// What changing the PIN has brought.
    PinChanged {
        /// Turn.
        turn: u32,
        /// Changed, or why not.
        changed: Result<(), Stop>,
    },
    /// What a finger has brought.
    Fingered {
        /// Turn.
        turn: u32,
        /// What.
        fingered: Result<Fingered, Stop>,
    },
    /// An answer.
    Answered {
        /// Turn.
        turn: u32,
        /// What, or why not.
        answer: Box<Result<Answer, Stop>>,
    },
    /// What printing has brought.
    Printed {
        /// Turn.
        turn: u32,
        /// Printed, or why not.
        printed: Result<(), Trouble>,
    },
}

/// Says nothing of a person.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "Ready",
            Self::Closed(_) => "Closed",
            Self::Slot(_) => "Slot",
            Self::Status(_) => "Status",
            Self::Opened { .. } => "Opened(…)",
            Self::Verified { .. } => "Verified",
            Self::PinChanged { .. } => "PinChanged",
            Self::Fingered { .. } => "Fingered",
            Self::Answered { .. } => "Answered(…)",
            Self::Printed { .. } => "Printed",
        })
    }
}

/// What a terminal has, once it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Name of the institution that it stands in.
    pub place: String,
    /// Whether it has a printer.
    pub printer: bool,
    /// Whether a finger can be taken here.
    pub finger: bool,
    /// Whether it knows simulated people only.
    pub training: bool,
}

/// What is known of a card that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The holder's surname.
    pub surname: String,
    /// How the holder is spoken to.
    pub sex: Option<u8>,
    /// Places of the digits on the pad, by the system's chance.
    pub pad: [u8; 10],
    /// An earlier transaction of this card was open and is resolved, or will be by the PIN: in words for the holder.
    pub earlier: Option<Earlier>,
}

/// Leaves the person out.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("earlier", &self.earlier).finish_non_exhaustive()
    }
}

/// What became of an earlier transaction of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing was taken.
    NotDone,
    /// It was done, and is written down now.
    Done,
    /// The PIN will tell.
    Open,
}

impl Earlier {
    fn of(resolved: &Resolved) -> Self {
        match resolved {
            Resolved::Done { .. } => Self::Done,
            Resolved::NotDone { .. } => Self::NotDone,
        }
    }
}

/// The surname of a name as cards write it: two characters where such a surname exists, one otherwise; the first
/// part of a name in several parts.
pub fn surname(name: &str) -> String {
    const COMPOUND: [&str; 20] = [
        "欧阳", "司马", "上官", "诸葛", "夏侯", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "宇文",
        "长孙", "司徒", "端木", "独孤", "南宫", "西门", "呼延", "轩辕",
    ];
    let name = name.trim();
    if let Some((first, _)) = name.split_once(['·', ' ', '．', '•']) {
        return first.to_owned();
    }
    let length =
        if name.chars().count() > 2 && COMPOUND.iter().any(|two| name.starts_with(two)) { 2 } else { 1 };
    name.chars().take(length).collect()
}

/// Ten digits in an order that nobody knows beforehand (Fisher and Yates; no draw is more likely than another).
pub fn shuffled(random: &mut dyn Random) -> [u8; 10] {
    let mut digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    for last in (1..digits.len()).rev() {
        let bound = last + 1;
        // 256 does not divide by every bound: what lies above the last whole multiple is drawn again.
        let limit = 256 - 256 % bound;
        let mut byte = [0; 1];
        loop {
            random.fill(&mut byte);
            if usize::from(byte[0]) < limit {
                break;
            }
        }
        digits.swap(last, usize::from(byte[0]) % bound);
    }
    digits
}

/// The desk.
pub struct KioskWork {
    counter: Counter,
    upkeep: Upkeep,
    /// Dark when the desk ends.
    panel: Panel,
    halt: Halt,
}

impl KioskWork {
    /// Opens the terminal, as soon as it can be opened.
    pub fn open(
        options: &Options,
        teller: &Teller<Event>,
        pad: ScreenPad<Event>,
        halt: Halt,
    ) -> Option<Self> {
        let mut counter =
            upkeep::open_when_possible(options, &pad, &halt, |trouble| teller.event(Event::Closed(trouble)))?;
        let progress = teller.clone();
        counter.flows.on_progress(move |step| progress.tell(Told::Progress(step)));
        let wish = halt.clone();
        counter.flows.on_wish(move || match wish.is_asked() {
            true => hal::fingerprint::Wish::Cancel,
            false => hal::fingerprint::Wish::GoOn,
        });
        counter.flows.set_finger_timeouts_ms(FINGER_MS, FINGER_MS);
        let upkeep = Upkeep::new(&mut counter);
        // What cannot be used is told by `doctor`; a lamp that does not light stops nothing.
        let (panel, _) = indicator::open(options, &counter.cabinet.config);
        let mut work = KioskWork { counter, upkeep, panel, halt };
        work.signal(Signal::Ready);
        teller.event(Event::Ready(work.ready()));
        Some(work)
    }

    fn ready(&self) -> Ready {
        let Counter { cabinet, flows } = &self.counter;
        Ready {
            place: cabinet.config.place.institution_name.clone(),
            printer: cabinet.config.printer.is_some(),
            // A finger is a matter of staff who have signed in for this terminal, and of the sensor bound to it.
            finger: flows.signed_in().is_some() && matches!(flows.bound_sensor(), Ok(Some(_))),
            training: cabinet.data.is_training(),
        }
    }

    fn read(&mut self) -> Result<Opened, Stop> {
        let tap = self.counter.flows.open_card().map_err(Stop::of)?;
        let holder = tap.card.holder();
        Ok(Opened {
            surname: holder.map(|holder| surname(holder.name.as_str())).unwrap_or_default(),
            sex: holder.and_then(|holder| holder.sex),
            pad: shuffled(&mut SystemChance::default()),
            earlier: tap.resolution.map(|resolution| match resolution {
                Resolution::Resolved(resolved) => Earlier::of(&resolved),
                Resolution::Open { .. } => Earlier::Open,
            }),
        })
    }

    fn print(&self, paper: &PaperText) -> Result<(), Trouble> {
        let failed = |failure: edge::failure::Failure| Trouble::of(&failure);
        let Some(settings) = &self.counter.cabinet.config.printer else {
            return Err(failed(edge::failure::EdgeError::NoPrinter.into()));
        };
        let lines = paper.lines(settings.columns, &self.counter.cabinet.config.place.institution_name);
        printer::print(settings, lines).map_err(|error| failed(edge::failure::Failure::Printer(error)))
    }

    /// A lamp that does not light stops nothing.
    fn signal(&mut self, signal: Signal) {
        if self.panel.is_empty() {
            return;
        }
        let (ready, busy, fault, tone) = match signal {
            Signal::Ready => (true, false, false, None),
            Signal::Busy => (false, true, false, None),
            Signal::Attention => (false, true, false, Some(Tone::Attention)),
            Signal::Done => (true, false, false, Some(Tone::Done)),
            Signal::Call => (true, false, true, Some(Tone::Failed)),
        };
        for (lamp, on) in [(Lamp::Ready, ready), (Lamp::Busy, busy), (Lamp::Fault, fault)] {
            let _ = self.panel.lamp(lamp, on);
        }
        if let Some(tone) = tone {
            let _ = self.panel.sound(tone);
        }
    }

    /// The time on the terminal's clock.
    pub fn now(&self) -> Timestamp {
        self.counter.cabinet.now()
    }
}

impl Work for KioskWork {
    type Command = Command;
    type Event = Event;

    fn run(&mut self, command: Command, teller: &Teller<Event>) {
        self.halt.forget();
        match command {
            Command::Open { turn } => {
                let opened = self.read();
                teller.event(Event::Opened { turn, opened });
            }
            Command::Close => self.counter.flows.close_card(),
            Command::Verify { turn } => {
                let verified = self.counter.flows.verify_holder().map_err(Stop::of);
                let verified = verified.map(|resolved| resolved.as_ref().map(Earlier::of));
                teller.event(Event::Verified { turn, verified });
            }
            Command::ChangePin { turn } => {
                let changed = self.counter.flows.change_pin().map_err(Stop::of);
                teller.event(Event::PinChanged { turn, changed });
            }
            Command::Finger { turn, .. } => {
                // Questions are answered on the proof of a certification as well, and a city that settles visits by the PIN
                // alone takes no finger for them.
                let fingered = ask::finger(&mut self.counter, Purpose::Certification).map_err(Stop::of);
                teller.event(Event::Fingered { turn, fingered });
            }
            Command::Ask { turn, ask } => {
                let answer = Box::new(ask::ask(&mut self.counter, ask).map_err(Stop::of));
                self.upkeep.refresh();
                teller.event(Event::Answered { turn, answer });
            }
            Command::Print { turn, paper } => {
                let printed = self.print(&paper);
                teller.event(Event::Printed { turn, printed });
            }
            Command::Signal(signal) => self.signal(signal),
        }
    }

    fn idle(&mut self, teller: &Teller<Event>) -> Duration {
        let (found, nap) = self.upkeep.step(&mut self.counter);
        if let Some(slot) = found.slot {
            teller.event(Event::Slot(slot));
        }
        if let Some(status) = found.status {
            teller.event(Event::Status(status));
        }
        nap
    }
}

impl std::fmt::Debug for KioskWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KioskWork").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_greeted_by_a_given_name() {
        for (name, is) in [
            ("王小明", "王"),
            ("欧阳修文", "欧阳"),
            ("欧阳", "欧"),
            ("阿凡提·买买提江", "阿凡提"),
            (" 李四 ", "李"),
            ("", ""),
        ] {
            assert_eq!(surname(name), is);
        }
    }

    struct Bytes(u8);

    impl Random for Bytes {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(173).wrapping_add(91);
                *byte = self.0;
            }
        }
    }

    #[test]
    fn every_digit_is_on_the_pad_once_and_in_every_place_sometimes() {
        let mut random = Bytes(7);
        let mut seen = [[false; 10]; 10];
        for _ in 0..2_000 {
            let digits = shuffled(&mut random);
            let mut sorted = digits;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            for (place, digit) in digits.iter().enumerate() {
                seen[place][usize::from(*digit)] = true;
            }
        }
        // A counter of 256 states is a poor chance, and still leaves no digit in its place.
        assert!(seen.iter().all(|digits| digits.iter().filter(|seen| **seen).count() >= 5));
    }
}
