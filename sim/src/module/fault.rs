//! What goes wrong with a module, planned in advance.
//!
//! Packets are those that the module sends, counted from 1 since it was attached.

use reader_protocol::ef01::Instruction;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It never says anything.
    Dead,
    /// It hangs after so many instructions, until it is attached anew.
    Hangs {
        /// Instructions that it still answers.
        after: u32,
    },
    /// It is busy with itself and does not hear the next instructions.
    Busy {
        /// How many of them.
        instructions: u32,
    },
    /// A packet does not arrive.
    LostPacket {
        /// Its number.
        packet: u32,
    },
    /// A byte of a packet does not arrive.
    LostByte {
        /// Its number.
        packet: u32,
        /// Which of its bytes, from 0.
        byte: usize,
    },
    /// A packet arrives with a wrong checksum.
    WrongChecksum {
        /// Its number.
        packet: u32,
    },
    /// Other bytes come before a packet.
    Noise {
        /// Its number.
        packet: u32,
        /// What comes.
        bytes: Vec<u8>,
    },
    /// The last packet of an image or template does not say that it is the last, as with some modules.
    NeverEnds,
    /// A copy of the module that lacks an instruction.
    Lacks {
        /// Which.
        instruction: Instruction,
        /// It says nothing, instead of that it has not understood.
        is_silent: bool,
    },
    /// An instruction fails once with this code, although nothing is wrong.
    FailsOnce {
        /// Which.
        instruction: Instruction,
        /// What it says.
        code: u8,
    },
    /// An instruction takes so long.
    Slow {
        /// Which.
        instruction: Instruction,
        /// Milliseconds on the wall.
        millis: u64,
    },
}

/// A plan while it happens.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) plan: Vec<Fault>,
    pub(super) instructions: u32,
    packets: u32,
    pub(super) fired: u32,
}

impl Faults {
    /// Begins to count anew.
    pub(super) fn begin(&mut self) {
        self.instructions = 0;
        self.packets = 0;
    }

    fn has(&mut self, wanted: impl Fn(&Fault) -> bool) -> bool {
        let has = self.plan.iter().any(wanted);
        self.fired += u32::from(has);
        has
    }

    fn take<T>(&mut self, wanted: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let (at, found) = self.plan.iter().enumerate().find_map(|(at, fault)| Some((at, wanted(fault)?)))?;
        self.plan.remove(at);
        self.fired += 1;
        Some(found)
    }

    /// Whether the module does not hear this instruction.
    pub(super) fn is_deaf(&mut self) -> bool {
        self.instructions = self.instructions.saturating_add(1);
        let now = self.instructions;
        if let Some(Fault::Busy { instructions }) = self
            .plan
            .iter_mut()
            .find(|fault| matches!(fault, Fault::Busy { instructions } if *instructions > 0))
        {
            *instructions -= 1;
            self.fired += 1;
            return true;
        }
        self.has(|fault| match fault {
            Fault::Dead => true,
            Fault::Hangs { after } => now > *after,
            _ => false,
        })
    }

    /// Whether the instruction is lacking, and if so whether the module says so.
    pub(super) fn lacks(&mut self, wanted: Instruction) -> Option<bool> {
        let is_silent = self.plan.iter().find_map(|fault| match fault {
            Fault::Lacks { instruction, is_silent } if *instruction == wanted => Some(*is_silent),
            _ => None,
        })?;
        self.fired += 1;
        Some(is_silent)
    }

    /// The code by which the instruction fails this once.
    pub(super) fn failure(&mut self, wanted: Instruction) -> Option<u8> {
        self.take(|fault| match fault {
            Fault::FailsOnce { instruction, code } if *instruction == wanted => Some(*code),
            _ => None,
        })
    }

    /// How long the instruction takes beyond its time.
    pub(super) fn delay_ms(&mut self, wanted: Instruction) -> u64 {
        let delay = self.plan.iter().find_map(|fault| match fault {
            Fault::Slow { instruction, millis } if *instruction == wanted => Some(*millis),
            _ => None,
        });
        self.fired += u32::from(delay.is_some());
        delay.unwrap_or(0)
    }

    /// Whether the last packet says that more follow.
    pub(super) fn never_ends(&mut self) -> bool {
        self.has(|fault| *fault == Fault::NeverEnds)
    }

    /// What arrives of a packet.
    pub(super) fn spoil(&mut self, mut sent: Vec<u8>) -> Vec<u8> {
        self.packets = self.packets.saturating_add(1);
        let now = self.packets;
        while let Some(fault) = self.take(|fault| match fault {
            Fault::LostPacket { packet }
            | Fault::LostByte { packet, .. }
            | Fault::WrongChecksum { packet }
            | Fault::Noise { packet, .. }
                if *packet == now =>
            {
                Some(fault.clone())
            }
            _ => None,
        }) {
            match fault {
                Fault::LostPacket { .. } => sent.clear(),
                Fault::LostByte { byte, .. } if byte < sent.len() => {
                    sent.remove(byte);
                }
                Fault::WrongChecksum { .. } => {
                    if let Some(last) = sent.last_mut() {
                        *last ^= 0x55;
                    }
                }
                Fault::Noise { bytes, .. } => {
                    sent.splice(0..0, bytes);
                }
                _ => {}
            }
        }
        sent
    }
}
