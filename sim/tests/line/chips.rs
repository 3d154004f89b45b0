//! Chips to put behind a line.

use sim::{
    chip::{Chip, PowerLost, SharedChip, Traffic},
    eeprom::PowerCut,
};

/// A chip whose answers are easy to foretell.
///
/// READ BINARY gives as many bytes as are asked for, 0, 1, 2 ...; every other command gives its own data back,
/// at once, as a chip that was made for T=1 does.
#[derive(Default)]
pub(crate) struct Plain {
    traffic: Traffic,
    /// How long the chip thinks about each command.
    pub(crate) think_us: u64,
}

impl Plain {
    pub(crate) fn shared() -> SharedChip {
        SharedChip::new(Self::default())
    }

    pub(crate) fn slow(think_us: u64) -> SharedChip {
        SharedChip::new(Self { think_us, ..Self::default() })
    }
}

pub(crate) fn counting(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| at as u8).collect()
}

impl Chip for Plain {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        Ok(self.atr())
    }

    fn power_off(&mut self) {}

    fn atr(&self) -> Vec<u8> {
        vec![0x3B, 0x02, b'O', b'K']
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        self.traffic.commands += 1;
        self.traffic.chip_us += self.think_us;
        let status = [0x90, 0x00];
        let Ok(command) = card_spec::apdu::CommandApdu::parse(command) else { return Ok(vec![0x67, 0x00]) };
        let data = match (command.ins, command.le) {
            (0xB0, Some(le)) => counting(le as usize),
            _ => command.data.to_vec(),
        };
        Ok([data.as_slice(), &status].concat())
    }

    fn plan_cut(&mut self, _: Option<PowerCut>) {}

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}
