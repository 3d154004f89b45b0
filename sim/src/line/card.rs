//! The card in the slot: power, reset, and what becomes of each character.

use std::collections::VecDeque;

use reader_protocol::emulated_line::{CONTACT_1V8, CONTACT_3V, CONTACT_5V};

use super::{
    Counters, Manner,
    atr::{Parameters, Protocol},
    clock::{Clock, Wait},
    desk::{Desk, Item},
    fault::{Faults, Harm},
    pps::{Outcome, PPSS, Selection},
    t0::T0,
    t1::T1,
};
use crate::{
    chip::SharedChip,
    fault::{Contact, Lost},
    vpcd::Insertion,
};

/// What the card is doing.
enum Phase {
    /// Without power, in reset, or silent until the next reset.
    Silent,
    /// The answer to reset has been given; a selection may follow.
    Fresh,
    Selecting(Selection),
    T0(T0),
    T1(T1),
}

/// A chip in the slot, with all that the line knows of it.
pub(super) struct Card {
    contact: Contact,
    manner: Manner,
    pub(super) faults: Faults,
    parameters: Parameters,
    phase: Phase,
    /// What the card is about to do at the line.
    pub(super) queue: VecDeque<Item>,
    pub(super) is_torn: bool,
    pub(super) is_shorted: bool,
    pub(super) is_stuck: bool,
    /// Whether there has been a reset since power was switched on.
    is_warm: bool,
    /// Characters since insertion.
    pub(super) from_reader: u32,
    pub(super) from_card: u32,
}

/// What has become of a character of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrived,
    Broken,
    Lost,
}

impl Card {
    /// `None` when the answer to reset that the manner asks for cannot be made.
    pub(super) fn new(chip: SharedChip, mut manner: Manner) -> Option<Self> {
        let chip_faults = std::mem::take(&mut manner.chip_faults);
        let faults = Faults::new(std::mem::take(&mut manner.faults));
        let contact = Contact::new(chip, chip_faults);
        let own = Parameters::of(&contact.chip().lock().atr());
        if let Some(offer) = &manner.offer {
            offer.answer(&own.historical)?;
        }
        Some(Self {
            contact,
            manner,
            faults,
            parameters: own,
            phase: Phase::Silent,
            queue: VecDeque::new(),
            is_torn: false,
            is_shorted: false,
            is_stuck: false,
            is_warm: false,
            from_reader: 0,
            from_card: 0,
        })
    }

    pub(super) fn insertion(&self) -> Insertion {
        Insertion { commands: self.contact.commands(), fired: self.contact.fired() + self.faults.fired() }
    }

    /// Characters of both since insertion.
    pub(super) fn characters(&self) -> u32 {
        self.from_reader.saturating_add(self.from_card)
    }

    pub(super) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Whether the next character of the reader begins something.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && match &self.phase {
                Phase::Silent | Phase::Fresh => true,
                Phase::Selecting(_) => false,
                Phase::T0(t0) => t0.is_idle(),
                Phase::T1(t1) => t1.is_idle(),
            }
    }

    /// Whether characters are those of blocks.
    pub(super) fn is_in_blocks(&self) -> bool {
        match &self.phase {
            Phase::T1(_) => true,
            Phase::Fresh => self.parameters.first() == Protocol::T1,
            _ => false,
        }
    }

    /// Power goes away.
    pub(super) fn power_off(&mut self) {
        self.contact.power_off();
        self.hold();
        self.is_warm = false;
        self.is_stuck = false;
    }

    /// RST goes low, or the card has nothing more to say until it does.
    pub(super) fn hold(&mut self) {
        self.phase = Phase::Silent;
        self.queue.clear();
    }

    /// RST goes high under this supply: answers.
    pub(super) fn reset(&mut self, supply: u8, clock: &mut Clock, counters: &mut Counters) {
        self.hold();
        if std::mem::replace(&mut self.is_warm, true) {
            counters.warm_resets += 1;
        } else {
            counters.cold_resets += 1;
        }
        let classes = self.manner.classes;
        let is_supplied = match supply {
            CONTACT_5V => classes.a,
            CONTACT_3V => classes.b,
            CONTACT_1V8 => classes.c,
            _ => false,
        };
        if !is_supplied || self.faults.is_mute() {
            return;
        }
        let Some(own) = self.contact.power_on() else { return };
        clock.reset();
        self.parameters = Parameters::of(&own);
        let offered = self.manner.offer.as_ref().and_then(|offer| offer.answer(&self.parameters.historical));
        let answer = offered.unwrap_or(own);
        self.parameters = Parameters::of(&answer);
        let answer = self.faults.answer_to_reset().unwrap_or(answer);
        self.queue.push_back(Item::Silence(clock.before_answer()));
        for (at, byte) in answer.into_iter().enumerate() {
            let wait = if at == 0 { Wait::Reset } else { Wait::Initial };
            self.queue.push_back(Item::Character { byte, wait });
        }
        self.phase = Phase::Fresh;
        // In the specific mode nothing is selected: what was told holds at once.
        if let Some((protocol, has_speed)) = self.parameters.specific {
            if has_speed {
                self.queue.push_back(Item::Agree(self.parameters.speed));
            }
            self.begin(protocol);
        }
    }

    fn begin(&mut self, protocol: Protocol) {
        self.phase = match protocol {
            Protocol::T0 => Phase::T0(T0::default()),
            Protocol::T1 => Phase::T1(T1::new(&self.parameters)),
        };
    }

    /// What this character of the reader meets on its way.
    pub(super) fn fate(&mut self, broken_left: &mut u32) -> Fate {
        if *broken_left > 0 {
            *broken_left -= 1;
            return Fate::Broken;
        }
        match self.faults.harm_to_card(self.from_reader) {
            Some(Harm::Broken { times }) => {
                *broken_left = times - 1;
                Fate::Broken
            }
            Some(_) => Fate::Lost,
            None => Fate::Arrived,
        }
    }

    /// Takes one character of the reader.
    ///
    /// Errors: contact is lost.
    pub(super) fn character(
        &mut self,
        wire: u8,
        is_broken: bool,
        clock: Clock,
        counters: &mut Counters,
    ) -> Result<(), Lost> {
        let byte = self.turn(wire);
        if let Phase::Fresh = self.phase {
            match self.parameters.first() {
                _ if byte == PPSS && !is_broken => {
                    self.phase = Phase::Selecting(Selection::new());
                    return Ok(());
                }
                first => self.begin(first),
            }
        }
        if let Phase::Selecting(selection) = &mut self.phase {
            // A selection whose characters are wrong is none (§9.3); nor does it end.
            let outcome = if is_broken {
                Some(Outcome::Mute)
            } else {
                selection.character(byte, self.manner.pps, &self.parameters)
            };
            if let Some(outcome) = outcome {
                self.select(outcome, counters);
            }
            return Ok(());
        }
        let mut desk = Desk {
            contact: &mut self.contact,
            manner: &self.manner,
            faults: &mut self.faults,
            parameters: &self.parameters,
            counters,
            clock,
            queue: &mut self.queue,
        };
        match &mut self.phase {
            // T=0 knows broken characters only as refused ones; without the error signal they are lost.
            Phase::T0(t0) if !is_broken => t0.character(byte, &mut desk),
            Phase::T1(t1) => t1.character(byte, is_broken, &mut desk),
            _ => Ok(()),
        }
    }

    fn select(&mut self, outcome: Outcome, counters: &mut Counters) {
        let (answer, next) = match outcome {
            Outcome::Mute => return self.hold(),
            Outcome::Wrong { answer } => (answer, None),
            Outcome::Agreed { answer, protocol, speed } => (answer, Some((protocol, speed))),
        };
        for byte in answer {
            self.queue.push_back(Item::Character { byte, wait: Wait::Initial });
        }
        self.phase = Phase::Silent;
        if let Some((protocol, speed)) = next {
            counters.selections += 1;
            self.queue.push_back(Item::Agree(speed));
            self.begin(protocol);
        }
    }

    /// The reader listens, and there is nothing to be said: an unfinished block is found wrong in time.
    pub(super) fn listened(&mut self, clock: Clock, counters: &mut Counters) {
        let mut desk = Desk {
            contact: &mut self.contact,
            manner: &self.manner,
            faults: &mut self.faults,
            parameters: &self.parameters,
            counters,
            clock,
            queue: &mut self.queue,
        };
        if let Phase::T1(t1) = &mut self.phase {
            t1.interrupted(&mut desk);
        }
    }

    /// A byte as it is on the line, or back: the inverse convention turns it round and over.
    pub(super) fn turn(&self, byte: u8) -> u8 {
        if self.parameters.is_inverse { !byte.reverse_bits() } else { byte }
    }
}
