//! What goes wrong between a card and its reader, planned in advance and replayable.
//!
//! A [`Plan`] holds from one insertion to the next. Commands are counted from 1, the first APDU after
//! insertion; resets in between do not start the count again.

use std::fmt;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    chip::{PowerLost, SharedChip},
    eeprom::{PowerCut, Torn},
};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card is pulled before this command reaches it: it never happened.
    PullBefore {
        /// Number of the command, from 1.
        command: u32,
    },
    /// The card is pulled after it has carried this command out, before its answer is read.
    PullAfter {
        /// Number of the command, from 1.
        command: u32,
    },
    /// Power goes away while this command writes; a command that does not get so far is answered.
    CutInUpdate {
        /// Number of the command, from 1.
        command: u32,
        /// Where in its writing.
        cut: PowerCut,
    },
    /// The card does not answer to reset.
    Mute,
    /// The card answers to reset with these bytes. At least one byte.
    GarbageAtr {
        /// What comes instead of the answer to reset.
        bytes: Vec<u8>,
    },
    /// Something between card and reader answers this command; the card never sees it.
    Answer {
        /// Number of the command, from 1.
        command: u32,
        /// The whole answer, status word included.
        answer: Vec<u8>,
    },
    /// The card carries this command out, and the status word is changed on the way.
    StatusWord {
        /// Number of the command, from 1.
        command: u32,
        /// What arrives instead.
        status: u16,
    },
    /// The card carries this command out, and only the first bytes of the data arrive, with the status word.
    Truncate {
        /// Number of the command, from 1.
        command: u32,
        /// Data bytes that arrive.
        bytes: usize,
    },
}

impl Fault {
    /// One fault at a command from 1 to `command_max`, the same for the same seed.
    pub fn from_seed(seed: u64, command_max: u32) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let command = 1 + rng.next_u32() % command_max.max(1);
        match rng.next_u32() % 6 {
            0 => Self::PullBefore { command },
            1 => Self::PullAfter { command },
            2 => Self::CutInUpdate {
                command,
                cut: PowerCut {
                    after_bytes: (rng.next_u32() % 160) as usize,
                    torn: Torn::Weak(rng.next_u32() as u8),
                },
            },
            3 => {
                let known = [0x6700, 0x6982, 0x6985, 0x6A83, 0x6A88, 0x6581, 0x6F00];
                Self::StatusWord { command, status: known[rng.next_u32() as usize % known.len()] }
            }
            4 => Self::Truncate { command, bytes: (rng.next_u32() % 16) as usize },
            _ => {
                let mut bytes = vec![0; 1 + rng.next_u32() as usize % 20];
                rng.fill_bytes(&mut bytes);
                Self::GarbageAtr { bytes }
            }
        }
    }

    fn command(&self) -> Option<u32> {
        match self {
            Self::PullBefore { command }
            | Self::PullAfter { command }
            | Self::CutInUpdate { command, .. }
            | Self::Answer { command, .. }
            | Self::StatusWord { command, .. }
            | Self::Truncate { command, .. } => Some(*command),
            Self::Mute | Self::GarbageAtr { .. } => None,
        }
    }
}

/// Everything that goes wrong during one insertion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan(pub Vec<Fault>);

impl Plan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }
}

impl From<Fault> for Plan {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

/// Contact was lost during a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The command never reached the card.
    Before,
    /// The card had the command.
    After,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "the card was pulled before the command",
            Self::After => "the card was pulled during the command",
        })
    }
}

impl std::error::Error for Lost {}

/// A chip in contact with a reader, with everything that goes wrong on the way.
///
/// Used by both slots, the one behind pcscd and the one in process, so that a plan means the same in both.
#[derive(Debug)]
pub struct Contact {
    chip: SharedChip,
    plan: Plan,
    commands: u32,
    fired: u32,
}

impl Contact {
    /// Puts the chip in contact.
    pub fn new(chip: SharedChip, plan: Plan) -> Self {
        Self { chip, plan, commands: 0, fired: 0 }
    }

    /// Commands seen since insertion.
    pub fn commands(&self) -> u32 {
        self.commands
    }

    /// Faults of the plan that have happened.
    pub fn fired(&self) -> u32 {
        self.fired
    }

    /// Whether this card is there and says nothing.
    pub fn is_mute(&self) -> bool {
        self.plan.0.contains(&Fault::Mute)
    }

    /// The chip itself.
    pub fn chip(&self) -> &SharedChip {
        &self.chip
    }

    /// Cold reset. `None`: the card is mute, or power was lost in its recovery.
    pub fn power_on(&mut self) -> Option<Vec<u8>> {
        if self.is_mute() {
            self.fired += 1;
            return None;
        }
        let atr = self.chip.lock().power_on().ok()?;
        Some(self.garbage_atr().inspect(|_| self.fired += 1).unwrap_or(atr))
    }

    /// The answer to reset as it arrives, without resetting.
    pub fn atr(&self) -> Vec<u8> {
        self.garbage_atr().unwrap_or_else(|| self.chip.lock().atr())
    }

    /// Power goes away.
    pub fn power_off(&mut self) {
        self.chip.lock().power_off();
    }

    /// Sends one command and gives what arrives.
    ///
    /// Errors: contact is lost, and the chip is without power.
    pub fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Lost> {
        self.commands += 1;
        let fault = self.plan.0.iter().find(|fault| fault.command() == Some(self.commands)).cloned();
        self.fired += u32::from(fault.is_some());
        let mut chip = self.chip.lock();
        match fault {
            Some(Fault::PullBefore { .. }) => {
                chip.power_off();
                return Err(Lost::Before);
            }
            Some(Fault::Answer { answer, .. }) => return Ok(answer),
            Some(Fault::CutInUpdate { cut, .. }) => chip.plan_cut(Some(cut)),
            _ => {}
        }
        let answer = chip.transmit(command);
        chip.plan_cut(None);
        match (answer, fault) {
            (Err(PowerLost), _) | (Ok(_), Some(Fault::PullAfter { .. })) => {
                chip.power_off();
                Err(Lost::After)
            }
            (Ok(mut answer), Some(Fault::StatusWord { status, .. })) => {
                answer.truncate(answer.len().saturating_sub(2));
                answer.extend_from_slice(&status.to_be_bytes());
                Ok(answer)
            }
            (Ok(mut answer), Some(Fault::Truncate { bytes, .. })) => {
                let status = answer.split_off(answer.len().saturating_sub(2));
                answer.truncate(bytes);
                answer.extend_from_slice(&status);
                Ok(answer)
            }
            (Ok(answer), _) => Ok(answer),
        }
    }

    fn garbage_atr(&self) -> Option<Vec<u8>> {
        self.plan.0.iter().find_map(|fault| match fault {
            Fault::GarbageAtr { bytes } => Some(bytes.clone()),
            _ => None,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::chip::{Chip, Traffic};

    /// Counts what reaches it and answers each command with its own bytes.
    #[derive(Default)]
    pub(crate) struct Echo {
        pub(crate) seen: u32,
        pub(crate) power_ups: u32,
        pub(crate) on: bool,
    }

    impl Chip for Echo {
        fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
            self.on = true;
            self.power_ups += 1;
            Ok(self.atr())
        }
        fn power_off(&mut self) {
            self.on = false;
        }
        fn atr(&self) -> Vec<u8> {
            vec![0x3B, 0x00]
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
            self.seen += 1;
            Ok([command, &[0x90, 0x00]].concat())
        }
        fn plan_cut(&mut self, _: Option<PowerCut>) {}
        fn traffic(&self) -> Traffic {
            Traffic::default()
        }
    }

    fn run(fault: Fault) -> (Vec<Result<Vec<u8>, Lost>>, u32) {
        let chip = SharedChip::new(Echo::default());
        let mut contact = Contact::new(chip, fault.into());
        contact.power_on();
        let answers = (1..=3).map(|n| contact.transmit(&[n])).collect();
        (answers, contact.fired())
    }

    #[test]
    fn each_fault_hits_its_command_and_no_other() {
        let whole = |n: u8| Ok(vec![n, 0x90, 0x00]);
        for (fault, second) in [
            (Fault::PullBefore { command: 2 }, Err(Lost::Before)),
            (Fault::PullAfter { command: 2 }, Err(Lost::After)),
            (Fault::Answer { command: 2, answer: vec![0x6F, 0x00] }, Ok(vec![0x6F, 0x00])),
            (Fault::StatusWord { command: 2, status: 0x6982 }, Ok(vec![2, 0x69, 0x82])),
            (Fault::Truncate { command: 2, bytes: 0 }, Ok(vec![0x90, 0x00])),
        ] {
            assert_eq!(run(fault), (vec![whole(1), second, whole(3)], 1));
        }
    }

    #[test]
    fn one_seed_one_fault() {
        for seed in 0..200 {
            assert_eq!(Fault::from_seed(seed, 30), Fault::from_seed(seed, 30), "seed {seed}");
        }
        assert_ne!(Fault::from_seed(1, 30), Fault::from_seed(2, 30));
    }
}
