//! A card that counts what each command makes it write.

use std::sync::{Arc, Mutex, PoisonError};

use sim::{
    card::Card,
    chip::{Chip, PowerLost, SharedChip, Traffic},
    eeprom::PowerCut,
};

/// Bytes that each command has had the card program, in the order of the commands.
#[derive(Clone, Debug, Default)]
pub struct Writes(Arc<Mutex<Vec<usize>>>);

impl Writes {
    /// The commands, from 1, in which the card writes, each with its bytes: so many places there are to cut.
    pub fn updates(&self) -> Vec<(u32, usize)> {
        let writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (1..).zip(writes.iter().copied()).filter(|(_, bytes)| *bytes > 0).collect()
    }
}

struct Measured {
    card: Card,
    writes: Writes,
}

/// A card and the count of what it writes.
pub fn measured(card: Card) -> (SharedChip, Writes) {
    let writes = Writes::default();
    (SharedChip::new(Measured { card, writes: writes.clone() }), writes)
}

impl Chip for Measured {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        self.card.power_on()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn atr(&self) -> Vec<u8> {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        let before = self.card.programmed_bytes();
        let answer = self.card.transmit(command);
        let bytes = usize::try_from(self.card.programmed_bytes() - before).unwrap_or(usize::MAX);
        self.writes.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        answer
    }

    fn plan_cut(&mut self, cut: Option<PowerCut>) {
        self.card.plan_cut(cut);
    }

    fn traffic(&self) -> Traffic {
        self.card.traffic()
    }
}
