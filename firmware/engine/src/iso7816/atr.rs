//! What an answer to reset says about protocols.

use card_spec::atr::{Atr, InterfaceKind};

use super::{parameters::Protocol, timing::Speed};
use crate::contacts::Voltage;

/// The mode that TA2 fixes: no PPS. Source: ISO/IEC 7816-3 §8.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecificMode {
    /// The only protocol.
    pub protocol: u8,
    /// Whether F and D are to be known otherwise than from TA1.
    pub is_implicit: bool,
    /// Whether a warm reset may bring the negotiable mode.
    pub can_change: bool,
}

/// What an answer to reset says about protocols; what it does not say, or says with a reserved value, has the
/// standard's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtrParameters {
    /// Fi and Di of TA1; `None` when it has reserved values.
    pub speed: Option<Speed>,
    /// TA1.
    pub speed_byte: u8,
    /// TA2.
    pub specific: Option<SpecificMode>,
    /// Protocols offered: bit n for T=n, without T=15.
    pub protocols: u16,
    /// The protocol offered first, which holds without PPS.
    pub first: u8,
    /// Extra guard time N of TC1.
    pub guard_time: u8,
    /// Whether T=15 appears; N then counts in units of Fi / Di.
    pub has_global: bool,
    /// Waiting time integer of TC2 (T=0), 1 to 255.
    pub wi: u8,
    /// Largest information field that the card takes (T=1), 1 to 254.
    pub ifsc: u8,
    /// Block waiting time integer (T=1), 0 to 9.
    pub bwi: u8,
    /// Character waiting time integer (T=1), 0 to 15.
    pub cwi: u8,
    /// Whether blocks end with a CRC (T=1).
    pub has_crc: bool,
    /// Clock stop indicator (T=15): 0 never, 1 low, 2 high, 3 either.
    pub clock_stop: u8,
    /// Class indicator (T=15): bit 0 for A, 1 for B, 2 for C; 0 when nothing is said.
    pub classes: u8,
}

impl AtrParameters {
    /// Reads all of them. Source: ISO/IEC 7816-3 §8.3, §10.2, §11.4.
    pub fn of(atr: &Atr) -> Self {
        let byte = |kind, index| atr.interface_byte(kind, index);
        let speed_byte = byte(InterfaceKind::Ta, 1).unwrap_or(Speed::DEFAULT_BYTE);
        let mut first = None;
        let mut protocols = 0_u16;
        for protocol in atr.protocols() {
            first = first.or(Some(protocol));
            protocols |= 1 << (protocol & 0x0F);
        }
        let waiting =
            specific_byte(atr, InterfaceKind::Tb, 1).filter(|waiting| waiting >> 4 <= 9).unwrap_or(0x4D);
        let global = specific_byte(atr, InterfaceKind::Ta, 15).unwrap_or(0);
        Self {
            speed: Speed::of(speed_byte),
            speed_byte,
            specific: byte(InterfaceKind::Ta, 2).map(|mode| SpecificMode {
                protocol: mode & 0x0F,
                is_implicit: mode & 0x10 != 0,
                can_change: mode & 0x80 == 0,
            }),
            protocols,
            first: first.unwrap_or(0),
            guard_time: byte(InterfaceKind::Tc, 1).unwrap_or(0),
            has_global: atr
                .interface_bytes()
                .iter()
                .any(|byte| byte.kind == InterfaceKind::Td && byte.value & 0x0F == 15),
            wi: byte(InterfaceKind::Tc, 2).filter(|wi| *wi != 0).unwrap_or(10),
            ifsc: specific_byte(atr, InterfaceKind::Ta, 1)
                .filter(|ifsc| !matches!(ifsc, 0x00 | 0xFF))
                .unwrap_or(32),
            bwi: waiting >> 4,
            cwi: waiting & 0x0F,
            has_crc: specific_byte(atr, InterfaceKind::Tc, 1).is_some_and(|edc| edc & 0x01 != 0),
            clock_stop: global >> 6,
            classes: global & 0x07,
        }
    }

    /// Whether a protocol is offered.
    pub fn offers(&self, protocol: Protocol) -> bool {
        match self.specific {
            Some(mode) => mode.protocol == protocol.number(),
            None => self.protocols >> protocol.number() & 1 != 0,
        }
    }

    /// Whether the card runs with a supply, as far as it says. Source: ISO/IEC 7816-3 §6.2.4.
    pub fn runs_with(&self, supply: Voltage) -> bool {
        let bit = match supply {
            Voltage::V5 => 0x01,
            Voltage::V3 => 0x02,
            Voltage::V1_8 => 0x04,
        };
        self.classes == 0 || self.classes & bit != 0
    }

    /// What holds once the answer is there: protocol and the byte of its speed; `None` when neither T=0 nor T=1
    /// is first, or the speed that the card insists on has reserved values.
    pub fn in_force(&self) -> Option<(Protocol, u8)> {
        match self.specific {
            None => Some((Protocol::of(self.first)?, Speed::DEFAULT_BYTE)),
            Some(mode) if mode.is_implicit => Some((Protocol::of(mode.protocol)?, Speed::DEFAULT_BYTE)),
            Some(mode) => {
                self.speed?;
                Some((Protocol::of(mode.protocol)?, self.speed_byte))
            }
        }
    }
}

/// The first TA, TB or TC that follows the first TD (from TD2 on) of a protocol. Source: ISO/IEC 7816-3 §8.2.3.
fn specific_byte(atr: &Atr, kind: InterfaceKind, protocol: u8) -> Option<u8> {
    let announced = atr
        .interface_bytes()
        .iter()
        .find(|byte| byte.kind == InterfaceKind::Td && byte.index >= 2 && byte.value & 0x0F == protocol)?;
    atr.interface_byte(kind, announced.index.saturating_add(1))
}

/// Length of the answer to reset that begins so, TS and TCK included; `None` when more must be known.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let t0 = *bytes.get(1)?;
    let mut at = 2;
    let mut present = t0 >> 4;
    let mut has_check_byte = false;
    loop {
        at += present.count_ones() as usize;
        if at > card_spec::atr::ATR_BYTES_MAX {
            return Some(at);
        }
        if present & 0x8 == 0 {
            return Some(at + usize::from(t0 & 0x0F) + usize::from(has_check_byte));
        }
        let td = *bytes.get(at.checked_sub(1)?)?;
        has_check_byte |= td & 0x0F != 0;
        present = td >> 4;
    }
}
