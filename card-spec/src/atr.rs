//! Answer to reset, and what its historical bytes say on a social security card.
//!
//! Source: ISO/IEC 7816-3 §8, PC/SC part 3 §3.1.3.2.3 (contactless), LD/T 32.2.

use core::fmt;

use heapless::Vec;

use crate::{Error, Part, region::RegionCode};

/// Longest answer to reset, with TS.
pub const ATR_BYTES_MAX: usize = 33;
/// Most interface bytes TA1 TB1 ... that fit.
pub const INTERFACE_BYTES_MAX: usize = 31;
/// Most historical bytes.
pub const HISTORICAL_BYTES_MAX: usize = 15;

/// How bits lie on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// TS 3B.
    Direct,
    /// TS 3F.
    Inverse,
}

/// Which interface byte: `TA` to `TD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InterfaceKind {
    /// TAi: clock and baud (TA1), mode (TA2), block size (T=1).
    Ta,
    /// TBi: programming voltage (TB1), waiting times (T=1).
    Tb,
    /// TCi: extra guard time (TC1), waiting time (T=0).
    Tc,
    /// TDi: protocol, and which bytes follow.
    Td,
}

/// One interface byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceByte {
    /// Letter.
    pub kind: InterfaceKind,
    /// Number, from 1.
    pub index: u8,
    /// Value.
    pub value: u8,
}

/// An answer to reset whose structure and check byte are right.
///
/// `Debug` hides the serial number of the card.
#[derive(Clone, PartialEq, Eq)]
pub struct Atr {
    bytes: Vec<u8, ATR_BYTES_MAX>,
    interface: Vec<InterfaceByte, INTERFACE_BYTES_MAX>,
    historical_from: u8,
    historical_length: u8,
    has_check_byte: bool,
}

impl Atr {
    /// Takes an answer to reset apart: TS, T0, the TA TB TC TD chain, historical bytes, TCK.
    ///
    /// `Truncated` when bytes are missing, `TooLong` when bytes follow, `Malformed` when TS is neither
    /// 3B nor 3F, `Check` when TCK is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let cut = |expected: usize| Error::Truncated { part: Part::Atr, expected, got: bytes.len() };
        let own = Vec::from_slice(bytes).map_err(|_| Error::TooLong {
            part: Part::Atr,
            max: ATR_BYTES_MAX,
            got: bytes.len(),
        })?;
        if !matches!(bytes.first().ok_or(cut(2))?, 0x3B | 0x3F) {
            return Err(Error::Malformed { part: Part::Atr });
        }
        let t0 = *bytes.get(1).ok_or(cut(2))?;
        let historical_length = t0 & 0x0F;

        let mut interface = Vec::new();
        let mut at = 2;
        let mut present = t0 >> 4;
        let mut index = 1_u8;
        let mut has_check_byte = false;
        loop {
            let mut follow = None;
            for (bit, kind) in [InterfaceKind::Ta, InterfaceKind::Tb, InterfaceKind::Tc, InterfaceKind::Td]
                .into_iter()
                .enumerate()
            {
                if present >> bit & 1 == 0 {
                    continue;
                }
                let value = *bytes.get(at).ok_or(cut(at + 1))?;
                at += 1;
                // Cannot fail: at most 31 bytes stand between T0 and the end.
                let _ = interface.push(InterfaceByte { kind, index, value });
                if kind == InterfaceKind::Td {
                    follow = Some(value);
                }
            }
            let Some(td) = follow else { break };
            // Any protocol other than T=0 brings the check byte (§8.2.5).
            has_check_byte |= td & 0x0F != 0;
            present = td >> 4;
            index += 1;
        }

        let end = at + usize::from(historical_length) + usize::from(has_check_byte);
        if bytes.len() < end {
            return Err(cut(end));
        }
        if bytes.len() > end {
            return Err(Error::TooLong { part: Part::Atr, max: end, got: bytes.len() });
        }
        if has_check_byte {
            let (got, covered) = (bytes[end - 1], &bytes[1..end - 1]);
            let expected = covered.iter().fold(0, |sum, byte| sum ^ byte);
            if got != expected {
                return Err(Error::Check { part: Part::Atr, expected, got });
            }
        }
        Ok(Atr { bytes: own, interface, historical_from: at as u8, historical_length, has_check_byte })
    }

    /// The answer of a social security card over contacts: `3B 6D 00 00` and 13 bytes, T=0.
    pub fn contact(historical: &HistoricalBytes) -> Self {
        Self::assemble(&[0x3B, 0x6D, 0x00, 0x00], historical, false)
    }

    /// The same over the air, as PC/SC makes it: `3B 8D 80 01`, 13 bytes, check byte.
    pub fn contactless(historical: &HistoricalBytes) -> Self {
        Self::assemble(&[0x3B, 0x8D, 0x80, 0x01], historical, true)
    }

    fn assemble(head: &[u8], historical: &HistoricalBytes, check: bool) -> Self {
        let mut bytes = Vec::<u8, ATR_BYTES_MAX>::new();
        // Cannot fail: 4 + 13 + 1 bytes fit.
        let _ = bytes.extend_from_slice(head);
        let _ = bytes.extend_from_slice(&historical.0);
        if check {
            let tck = bytes[1..].iter().fold(0, |sum, byte| sum ^ byte);
            let _ = bytes.push(tck);
        }
        let mut interface = Vec::new();
        let kinds: &[(InterfaceKind, u8)] = if check {
            &[(InterfaceKind::Td, 1), (InterfaceKind::Td, 2)]
        } else {
            &[(InterfaceKind::Tb, 1), (InterfaceKind::Tc, 1)]
        };
        for ((kind, index), value) in kinds.iter().zip(&head[2..]) {
            let _ = interface.push(InterfaceByte { kind: *kind, index: *index, value: *value });
        }
        Atr { bytes, interface, historical_from: 4, historical_length: 13, has_check_byte: check }
    }

    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How bits lie on the line.
    pub fn convention(&self) -> Convention {
        if self.bytes.first() == Some(&0x3F) { Convention::Inverse } else { Convention::Direct }
    }

    /// TA1, TB1 ... in the order they came.
    pub fn interface_bytes(&self) -> &[InterfaceByte] {
        &self.interface
    }

    /// One interface byte, such as TA1.
    pub fn interface_byte(&self, kind: InterfaceKind, index: u8) -> Option<u8> {
        self.interface.iter().find(|byte| byte.kind == kind && byte.index == index).map(|byte| byte.value)
    }

    /// Protocols that the card offers, in its order: 0 for T=0, 1 for T=1; 15 (global bytes) is no
    /// protocol and left out. Without TD1 the card offers T=0.
    pub fn protocols(&self) -> impl Iterator<Item = u8> + '_ {
        let announced = self.interface.iter().filter(|byte| byte.kind == InterfaceKind::Td);
        let implied = announced.clone().next().is_none().then_some(0);
        announced.map(|byte| byte.value & 0x0F).filter(|protocol| *protocol != 15).chain(implied)
    }

    /// The historical bytes.
    pub fn historical_bytes(&self) -> &[u8] {
        let from = usize::from(self.historical_from);
        self.bytes.get(from..from + usize::from(self.historical_length)).unwrap_or_default()
    }

    /// TCK; a card with T=0 alone has none.
    pub fn check_byte(&self) -> Option<u8> {
        if self.has_check_byte { self.bytes.last().copied() } else { None }
    }

    /// Whether PC/SC made it up for a card over the air: `3B 8n 80 01`.
    pub fn is_contactless(&self) -> bool {
        matches!(self.bytes.as_slice(), [0x3B, t0, 0x80, 0x01, ..] if t0 >> 4 == 8)
    }

    /// The historical bytes as a social security card has them, when there are 13 of them and the head
    /// is one of the two forms.
    ///
    /// This is no proof of a social security card: bank cards share the head. Only SELECT is.
    pub fn social_security_bytes(&self) -> Option<HistoricalBytes> {
        let contact = self.bytes.starts_with(&[0x3B, 0x6D]);
        if !contact && !self.is_contactless() {
            return None;
        }
        Some(HistoricalBytes(self.historical_bytes().try_into().ok()?))
    }
}

impl fmt::Debug for Atr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.bytes.len().min(usize::from(self.historical_from) + 7);
        f.write_str("Atr(")?;
        for byte in &self.bytes[..shown] {
            write!(f, "{byte:02X}")?;
        }
        f.write_str("…)")
    }
}

/// The 13 historical bytes of a social security card (卡复位信息).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HistoricalBytes([u8; 13]);

/// Maker of the chip (T1, T2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChipMaker {
    /// 0081, 华大.
    Huada,
    /// 0085, 华虹.
    Huahong,
    /// 0087, 大唐.
    Datang,
    /// 0090, 复旦.
    Fudan,
    /// A code that the public record does not name.
    Other(u16),
}

impl HistoricalBytes {
    /// From the 13 bytes.
    pub const fn new(bytes: [u8; 13]) -> Self {
        HistoricalBytes(bytes)
    }

    /// The 13 bytes; 26 hex digits of them are the item "card reset information".
    pub const fn as_bytes(&self) -> &[u8; 13] {
        &self.0
    }

    /// T1 and T2.
    pub fn chip_maker(&self) -> ChipMaker {
        match u16::from_be_bytes([self.0[0], self.0[1]]) {
            0x0081 => ChipMaker::Huada,
            0x0085 => ChipMaker::Huahong,
            0x0087 => ChipMaker::Datang,
            0x0090 => ChipMaker::Fudan,
            code => ChipMaker::Other(code),
        }
    }

    /// T3 to T5, set by the maker of the card's operating system.
    pub fn cos_marks(&self) -> [u8; 3] {
        [self.0[2], self.0[3], self.0[4]]
    }

    /// T6 and T7, registered card maker, 86xx.
    pub fn card_maker(&self) -> u16 {
        u16::from_be_bytes([self.0[5], self.0[6]])
    }

    /// T8 to TD, six bytes of serial number.
    ///
    /// After issue they are two bytes of city and four of serial; before issue a date and a counter.
    pub fn serial(&self) -> [u8; 6] {
        let s = &self.0[7..];
        [s[0], s[1], s[2], s[3], s[4], s[5]]
    }

    /// City of an issued card by the first four digits in its serial, when they are digits of a region.
    ///
    /// It may differ from the city in the card identification code, which is the one that counts.
    pub fn city(&self) -> Option<RegionCode> {
        RegionCode::from_cn([self.0[7], self.0[8], 0x00]).ok()
    }

    /// T6 to TD, the card's own diversification factor (CARD_SN).
    pub fn card_serial(&self) -> CardSerial {
        let s = &self.0[5..];
        CardSerial([s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]])
    }
}

impl fmt::Debug for HistoricalBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoricalBytes({:?}, card maker {:04X})", self.chip_maker(), self.card_maker())
    }
}

/// The card's own diversification factor, the last eight historical bytes.
///
/// It names one card: `Debug` shows the maker only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardSerial(pub [u8; 8]);

impl fmt::Debug for CardSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardSerial({:02X}{:02X}…)", self.0[0], self.0[1])
    }
}
