//! What goes wrong at the line, planned in advance and replayable.
//!
//! Characters are counted from 1 at insertion, those of both directions together unless it says otherwise;
//! resets do not start the count again. A character that is sent again because it was broken is not counted
//! again. Each fault happens once, unless it says otherwise.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The card answers no reset, ever.
    Mute,
    /// The card answers the first resets with nothing.
    MuteResets {
        /// So many of them.
        resets: u32,
    },
    /// The card falls silent when it should say this character, until the next reset.
    MuteAt {
        /// Number among the card's characters.
        character: u32,
    },
    /// A character of the card arrives with a parity error.
    BrokenToReader {
        /// Number among the card's characters.
        character: u32,
        /// How often it does so, when it is asked for again.
        times: u32,
    },
    /// A character of the reader arrives with a parity error.
    BrokenToCard {
        /// Number among the reader's characters.
        character: u32,
        /// How often it does so, when it is sent again.
        times: u32,
    },
    /// A character of the card does not arrive.
    LostToReader {
        /// Number among the card's characters.
        character: u32,
    },
    /// A character of the reader does not arrive.
    LostToCard {
        /// Number among the reader's characters.
        character: u32,
    },
    /// A character of the card comes so late that it just is in time, or just is not.
    Late {
        /// Number among the card's characters.
        character: u32,
        /// Units after the waiting time in force has run out; before it when negative.
        etu: i64,
    },
    /// The card is pulled when this character should come.
    Pull {
        /// Number among the characters of both.
        character: u32,
    },
    /// The card draws too much current from this character on, until it is pulled. 1 is at the answer to reset.
    ShortCircuit {
        /// Number among the characters of both.
        character: u32,
    },
    /// The line is held low from this character on, until power is taken away.
    Stuck {
        /// Number among the characters of both.
        character: u32,
    },
    /// Every answer to reset announces more interface bytes than an answer can have, and has them.
    LongAtr {
        /// Its length; more than 32 is too long.
        bytes: usize,
    },
    /// Every answer to reset is this.
    GarbageAtr {
        /// What comes instead.
        bytes: Vec<u8>,
    },
    /// T=0: something else where the card should acknowledge.
    WrongProcedure {
        /// Number of the command, from 1.
        command: u32,
        /// What comes.
        byte: u8,
    },
    /// T=0: NULL bytes without an end in sight.
    NullStorm {
        /// Number of the command, from 1.
        command: u32,
        /// How many after all.
        nulls: u32,
    },
    /// T=1: requests for more time without an end in sight.
    WtxStorm {
        /// Number of the command, from 1.
        command: u32,
        /// How many after all.
        requests: u32,
        /// What each asks for, in block waiting times.
        multiplier: u8,
    },
    /// T=1: a block of the card has a wrong check.
    WrongCheck {
        /// Number among the card's blocks, from 1.
        block: u32,
    },
    /// T=1: a block of the card has the other sequence number.
    WrongSequence {
        /// Number among the card's blocks, from 1.
        block: u32,
    },
    /// T=1: a block of the card announces another length than it has.
    WrongLength {
        /// Number among the card's blocks, from 1.
        block: u32,
        /// What it announces.
        length: u8,
    },
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

impl Fault {
    /// One fault within the first characters and commands, the same for the same seed.
    pub fn from_seed(seed: u64, character_max: u32, command_max: u32) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let character = 1 + rng.next_u32() % character_max.max(1);
        let command = 1 + rng.next_u32() % command_max.max(1);
        let times = 1 + rng.next_u32() % 5;
        match rng.next_u32() % 18 {
            0 => Self::MuteResets { resets: times },
            1 => Self::MuteAt { character },
            2 => Self::BrokenToReader { character, times },
            3 => Self::BrokenToCard { character, times },
            4 => Self::LostToReader { character },
            5 => Self::LostToCard { character },
            6 => Self::Late { character, etu: -1 },
            7 => Self::Late { character, etu: 5_000 },
            8 => Self::Pull { character },
            9 => Self::ShortCircuit { character },
            10 => Self::Stuck { character },
            11 => Self::LongAtr { bytes: 33 + rng.next_u32() as usize % 60 },
            12 => {
                let mut bytes = vec![0; 1 + rng.next_u32() as usize % 40];
                rng.fill_bytes(&mut bytes);
                Self::GarbageAtr { bytes }
            }
            13 => Self::WrongProcedure { command, byte: rng.next_u32() as u8 },
            14 => Self::NullStorm { command, nulls: 1 + rng.next_u32() % 2_000 },
            15 => Self::WtxStorm {
                command,
                requests: 1 + rng.next_u32() % 200,
                multiplier: rng.next_u32() as u8,
            },
            16 => Self::WrongCheck { block: command },
            _ => match rng.next_u32() % 2 {
                0 => Self::WrongSequence { block: command },
                _ => Self::WrongLength { block: command, length: rng.next_u32() as u8 },
            },
        }
    }
}

/// A plan while it happens.
#[derive(Debug, Default)]
pub(super) struct Faults {
    plan: Vec<Fault>,
    resets: u32,
    blocks: u32,
    fired: u32,
}

/// What happens to one character on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    Mute,
    Broken { times: u32 },
    Lost,
    Late { etu: i64 },
}

/// What happens to the contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upset {
    Pulled,
    Shorted,
    Stuck,
}

/// What is wrong with one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WrongBlock {
    pub(super) check: bool,
    pub(super) sequence: bool,
    pub(super) length: Option<u8>,
}

impl Faults {
    pub(super) fn new(Plan(plan): Plan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// Faults that have happened.
    pub(super) fn fired(&self) -> u32 {
        self.fired
    }

    /// Takes the first fault that `wanted` makes something of out of the plan: it happens now.
    fn take<T>(&mut self, wanted: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let (at, found) = self.plan.iter().enumerate().find_map(|(at, fault)| Some((at, wanted(fault)?)))?;
        self.plan.remove(at);
        self.fired += 1;
        Some(found)
    }

    /// Whether this reset is not answered.
    pub(super) fn is_mute(&mut self) -> bool {
        self.resets = self.resets.saturating_add(1);
        let resets = self.resets;
        let mute = self.plan.iter().any(|fault| match fault {
            Fault::Mute => true,
            Fault::MuteResets { resets: mute } => resets <= *mute,
            _ => false,
        });
        self.fired += u32::from(mute);
        mute
    }

    /// What comes instead of the answer to reset.
    pub(super) fn answer_to_reset(&mut self) -> Option<Vec<u8>> {
        let answer = self.plan.iter().find_map(|fault| match fault {
            Fault::GarbageAtr { bytes } => Some(bytes.clone()),
            Fault::LongAtr { bytes } => Some(endless(*bytes)),
            _ => None,
        })?;
        self.fired += 1;
        Some(answer)
    }

    /// What happens to the contacts at this character of both.
    pub(super) fn upset(&mut self, now: u32) -> Option<Upset> {
        self.take(|fault| match fault {
            Fault::Pull { character } if *character == now => Some(Upset::Pulled),
            Fault::ShortCircuit { character } if *character == now => Some(Upset::Shorted),
            Fault::Stuck { character } if *character == now => Some(Upset::Stuck),
            _ => None,
        })
    }

    /// What happens to this character of the card.
    pub(super) fn harm_to_reader(&mut self, now: u32) -> Option<Harm> {
        self.take(|fault| match fault {
            Fault::MuteAt { character } if *character == now => Some(Harm::Mute),
            Fault::BrokenToReader { character, times } if *character == now && *times > 0 => {
                Some(Harm::Broken { times: *times })
            }
            Fault::LostToReader { character } if *character == now => Some(Harm::Lost),
            Fault::Late { character, etu } if *character == now => Some(Harm::Late { etu: *etu }),
            _ => None,
        })
    }

    /// What happens to this character of the reader.
    pub(super) fn harm_to_card(&mut self, now: u32) -> Option<Harm> {
        self.take(|fault| match fault {
            Fault::BrokenToCard { character, times } if *character == now && *times > 0 => {
                Some(Harm::Broken { times: *times })
            }
            Fault::LostToCard { character } if *character == now => Some(Harm::Lost),
            _ => None,
        })
    }

    /// What comes instead of the acknowledgement.
    pub(super) fn procedure(&mut self, command: u32) -> Option<u8> {
        self.take(|fault| match fault {
            Fault::WrongProcedure { command: planned, byte } if *planned == command => Some(*byte),
            _ => None,
        })
    }

    /// NULL bytes before anything else.
    pub(super) fn nulls(&mut self, command: u32) -> u32 {
        self.take(|fault| match fault {
            Fault::NullStorm { command: planned, nulls } if *planned == command => Some(*nulls),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// Requests for more time, and what each asks for.
    pub(super) fn time_requests(&mut self, command: u32) -> Option<(u32, u8)> {
        self.take(|fault| match fault {
            Fault::WtxStorm { command: planned, requests, multiplier } if *planned == command => {
                Some((*requests, *multiplier))
            }
            _ => None,
        })
    }

    /// What is wrong with the block that is sent next.
    pub(super) fn next_block(&mut self) -> WrongBlock {
        self.blocks = self.blocks.saturating_add(1);
        let now = self.blocks;
        let mut wrong = WrongBlock::default();
        while let Some(also) = self.take(|fault| match fault {
            Fault::WrongCheck { block } if *block == now => {
                Some(WrongBlock { check: true, ..WrongBlock::default() })
            }
            Fault::WrongSequence { block } if *block == now => {
                Some(WrongBlock { sequence: true, ..WrongBlock::default() })
            }
            Fault::WrongLength { block, length } if *block == now => {
                Some(WrongBlock { length: Some(*length), ..WrongBlock::default() })
            }
            _ => None,
        }) {
            wrong.check |= also.check;
            wrong.sequence |= also.sequence;
            wrong.length = also.length.or(wrong.length);
        }
        wrong
    }
}

/// An answer to reset whose every TD promises four more bytes.
fn endless(bytes: usize) -> Vec<u8> {
    let chain = [0x11, 0x00, 0x00, 0xF1];
    [0x3B, 0xF0].into_iter().chain(chain.into_iter().cycle()).take(bytes).collect()
}
