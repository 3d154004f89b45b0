//! Elementary time units and the waiting times that are made of them.

use super::atr::{Parameters, Speed};

/// Nanoseconds of one unit at 372 cycles of 4 MHz, until the board says what it is.
const DEFAULT_ETU_NS: u64 = 93_000;
/// How far a unit may be off before characters are garbled, in thousandths: a fifth of a bit at the tenth bit.
const TOLERANCE_PERMILLE: u64 = 20;
/// Cycles after which a card answers a reset here; 400 to 40,000 are allowed. Source: ISO/IEC 7816-3 §6.2.2.
const RESET_CYCLES: u64 = 20_000;
/// Cycles after which a card that has said nothing is mute.
const RESET_CYCLES_MAX: u64 = 40_000;
/// Cycles of one unit at the answer to reset.
const DEFAULT_CYCLES: u64 = 372;

/// Least distance between two characters in units.
pub(super) const CHARACTER_ETU: u64 = 12;
/// The same in T=1 when the card has no need of more.
pub(super) const BLOCK_CHARACTER_ETU: u64 = 11;

/// What a character has to come in time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// First character after a reset.
    Reset,
    /// The others of the answer to reset, and those of a selection.
    Initial,
    /// T=0.
    Work,
    /// First of a block.
    Block,
    /// Others of a block.
    Character,
}

/// The line's unit of time as the board has said it and as both have agreed on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) etu_ns: u64,
    /// The unit at the first answer to reset, by which the clock is known.
    default_etu_ns: Option<u64>,
    pub(super) agreed: Speed,
}

impl Default for Clock {
    fn default() -> Self {
        Self { etu_ns: DEFAULT_ETU_NS, default_etu_ns: None, agreed: Speed::DEFAULT }
    }
}

impl Clock {
    /// The board has said a unit; nonsense is not taken.
    pub(super) fn set(&mut self, etu_ns: u32) {
        if etu_ns != 0 {
            self.etu_ns = u64::from(etu_ns);
        }
    }

    /// A reset is answered: this is the unit of 372 cycles.
    pub(super) fn reset(&mut self) {
        self.agreed = Speed::DEFAULT;
        self.default_etu_ns.get_or_insert(self.etu_ns);
    }

    /// Whether the board's unit is the one agreed on.
    pub(super) fn is_in_step(&self) -> bool {
        let default = self.default_etu_ns.unwrap_or(self.etu_ns);
        let expected = default * self.agreed.f / (DEFAULT_CYCLES * self.agreed.d);
        self.etu_ns.abs_diff(expected) * 1_000 <= expected.max(1) * TOLERANCE_PERMILLE
    }

    /// So many units.
    pub(super) fn units(&self, etu: u64) -> u64 {
        self.etu_ns.saturating_mul(etu)
    }

    fn default_ns(&self) -> u64 {
        self.default_etu_ns.unwrap_or(self.etu_ns)
    }

    /// Silence before the answer to reset.
    pub(super) fn before_answer(&self) -> u64 {
        self.default_ns() * RESET_CYCLES / DEFAULT_CYCLES
    }

    /// The longest that a character may let wait for itself, from the leading edge of the one before.
    /// Source: ISO/IEC 7816-3 §7.2, §8.1, §10.2, §11.4.3.
    pub(super) fn limit(&self, wait: Wait, parameters: &Parameters) -> u64 {
        match wait {
            Wait::Reset => self.default_ns() * RESET_CYCLES_MAX / DEFAULT_CYCLES,
            Wait::Initial => self.units(9_600),
            Wait::Work => self.units(960 * self.agreed.d * u64::from(parameters.wi)),
            Wait::Block => {
                self.units(11) + (960_u64 << parameters.bwi.min(9)).saturating_mul(self.default_ns())
            }
            Wait::Character => self.units(11 + (1 << parameters.cwi.min(15))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_of_the_standard() {
        let mut clock = Clock::default();
        clock.reset();
        let parameters = Parameters::of(&[0x3B, 0x00]);
        assert_eq!(clock.limit(Wait::Work, &parameters), 892_800_000, "WI 10 at 4 MHz");
        assert_eq!(clock.limit(Wait::Block, &parameters), 1_429_503_000, "BWI 4");
        assert_eq!(clock.limit(Wait::Character, &parameters), 93_000 * 8_203, "CWI 13");
        assert_eq!(clock.limit(Wait::Reset, &parameters), 10_000_000);
        clock.agreed = Speed { byte: 0x97, f: 512, d: 64 };
        assert!(!clock.is_in_step());
        clock.set(2_000);
        assert!(clock.is_in_step(), "512 / 64 cycles of 4 MHz");
        assert_eq!(clock.limit(Wait::Work, &parameters), 1_228_800_000, "960 x 10 x 512 cycles");
    }
}
