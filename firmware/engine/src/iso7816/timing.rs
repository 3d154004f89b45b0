//! Clock cycles, elementary time units and the times made of them.

use super::parameters::{Parameters, Protocol};
use crate::time::Duration;

/// First character of the answer, earliest: cycles from RST high to its leading edge. Source: §6.2.2.
pub(super) const ATR_CYCLES_MIN: u32 = 400;
/// First character of the answer, latest. Source: §6.2.2.
pub(super) const ATR_CYCLES_MAX: u32 = 40_000;
/// Longest distance of two characters of the answer to reset and of PPS. Source: §8.1, §9.2.
pub(super) const INITIAL_WAITING_ETU: u32 = 9_600;
/// RST is low for at least 400 cycles; a little more here. Source: §6.2.2, §6.2.3.
pub(super) const RESET_LOW_CYCLES: u32 = 500;
/// CLK runs for at least 700 cycles after a stop before anything is sent. Source: §6.3.2.
pub(super) const CLOCK_START_CYCLES: u32 = 700;
/// CLK runs for at least 1860 cycles after the last character. Source: §6.3.2.
pub(super) const CLOCK_STOP_CYCLES: u32 = 1_860;
/// From one activation to the next, as for another class of supply. Source: §6.2.4.
pub(super) const OFF: Duration = Duration::from_millis(10);
/// From VCC on to CLK: the supply has settled.
pub(super) const SUPPLY_SETTLED: Duration = Duration::from_millis(5);

/// A TPDU, and a block of the card, lasts no longer than this on the line, whatever its waiting times allow.
pub(super) const EXCHANGE_MAX: Duration = Duration::from_millis(300_000);

/// Times are met by leading edges, but characters are known once they are over, at this many units or later.
pub(super) const CHARACTER_ETU_MIN: u32 = 10;
/// ... and not later than this.
pub(super) const CHARACTER_ETU_MAX: u32 = 12;
/// All limits of characters are this much longer than the standard's: what a UART and an interrupt add.
pub(super) const MARGIN_ETU: u32 = 2;

/// From the card's last character to our first, T=0 and PPS. The standard asks for 12, EMV for 16.
const TURN_ETU: u32 = 16;
/// The same for blocks (BGT). Source: §11.4.3.
const BLOCK_GUARD_ETU: u32 = 22;
/// Fd of TA1's default. Source: §8.3.
const DEFAULT_CYCLES: u32 = 372;

/// Units of time on the line: F and D.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Clock rate conversion, 372 to 2048 cycles.
    pub f: u16,
    /// Baud rate adjustment, 1 to 64.
    pub d: u8,
}

impl Speed {
    /// 372 cycles in a unit, as after reset.
    pub const DEFAULT: Self = Self { f: 372, d: 1 };
    /// [`Speed::DEFAULT`] as TA1 has it.
    pub const DEFAULT_BYTE: u8 = 0x11;

    /// F and D of a byte such as TA1; `None` when one of them is reserved. Source: §8.3 tables 7 and 8.
    pub const fn of(byte: u8) -> Option<Self> {
        let f = match byte >> 4 {
            0x0 | 0x1 => 372,
            0x2 => 558,
            0x3 => 744,
            0x4 => 1116,
            0x5 => 1488,
            0x6 => 1860,
            0x9 => 512,
            0xA => 768,
            0xB => 1024,
            0xC => 1536,
            0xD => 2048,
            _ => return None,
        };
        let d = match byte & 0x0F {
            0x1 => 1,
            0x2 => 2,
            0x3 => 4,
            0x4 => 8,
            0x5 => 16,
            0x6 => 32,
            0x7 => 64,
            0x8 => 12,
            0x9 => 20,
            _ => return None,
        };
        Some(Self { f, d })
    }

    /// So many units at a clock of `hertz`, rounded up.
    ///
    /// Not inlined, like [`cycles`]: divisions of 64 bits are long.
    #[inline(never)]
    pub(super) fn etu(self, count: u32, hertz: u32) -> Duration {
        // At most 20160 units of 2048 cycles, or 2^15 of them.
        cycles(count.saturating_mul(u32::from(self.f)).div_ceil(u32::from(self.d.max(1))), hertz)
    }
}

/// So many cycles of a clock of `hertz`, rounded up.
#[inline(never)]
pub(super) fn cycles(count: u32, hertz: u32) -> Duration {
    Duration::from_cycles(u64::from(count), hertz)
}

/// All waiting times of a protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From one character to the next: answer to reset, PPS.
    pub(super) initial: Duration,
    /// WT of T=0: from any character to the card's next.
    pub(super) working: Duration,
    /// BWT of T=1: from our last character to the card's first.
    pub(super) block: Duration,
    /// CWT of T=1: from one character of a block to the next.
    pub(super) character: Duration,
    /// From the end of the card's last character to our first one.
    pub(super) turn: Duration,
    /// Units between our characters.
    pub(super) character_etu: u16,
}

impl Timing {
    /// Before there is a card.
    pub(super) const ZERO: Self = Self {
        initial: Duration(0),
        working: Duration(0),
        block: Duration(0),
        character: Duration(0),
        turn: Duration(0),
        character_etu: 12,
    };

    /// Times at `speed`; `offered` is what TA1 says, `is_scaled` whether extra guard time counts in units of that
    /// (T=15 in the answer to reset).
    pub(super) fn new(
        parameters: &Parameters,
        speed: Speed,
        offered: Speed,
        is_scaled: bool,
        hertz: u32,
    ) -> Self {
        let margin = MARGIN_ETU;
        let etu = |count| speed.etu(count, hertz);
        let plus_margin = |count: u32| Duration(cycles(count, hertz).0 + etu(margin).0);
        // WT = WI x 960 x Fi / f (§10.2).
        let wi = u32::from(if parameters.protocol == Protocol::T0 { parameters.waiting } else { 10 });
        let working = plus_margin(wi * 960 * u32::from(speed.f.max(offered.f)));
        // BWT = 11 etu + 2^BWI x 960 x 372 / f (§11.4.3).
        let (bwi, cwi) = match parameters.protocol {
            Protocol::T0 => (4, 13),
            Protocol::T1 => (parameters.waiting >> 4, parameters.waiting & 0x0F),
        };
        let block = Duration(plus_margin((960 * DEFAULT_CYCLES) << bwi.min(9)).0 + etu(11).0);
        // CWT = (11 + 2^CWI) etu (§11.4.3).
        let character = etu(11 + (1 << cwi) + margin);
        let turn_etu = match parameters.protocol {
            Protocol::T0 => TURN_ETU,
            Protocol::T1 => BLOCK_GUARD_ETU,
        };
        Self {
            initial: etu(INITIAL_WAITING_ETU + margin),
            working,
            block,
            character,
            turn: etu(turn_etu - CHARACTER_ETU_MIN),
            character_etu: character_etu(parameters, speed, offered, is_scaled),
        }
    }
}

/// Units between the leading edges of two characters that we send: 12 + R x N / etu. Source: §8.3 (TC1).
fn character_etu(parameters: &Parameters, speed: Speed, offered: Speed, is_scaled: bool) -> u16 {
    let n = match (parameters.guard_time, parameters.protocol) {
        (0xFF, Protocol::T0) => return 12,
        (0xFF, Protocol::T1) => return 11,
        (n, _) => u32::from(n),
    };
    let extra = if is_scaled {
        // R = Fi / Di although the unit is F / D.
        let (own, scaled) = (
            u32::from(speed.f) * u32::from(offered.d.max(1)),
            u32::from(offered.f) * u32::from(speed.d.max(1)),
        );
        (n * scaled).div_ceil(own.max(1))
    } else {
        n
    };
    12 + extra.min(254) as u16
}
