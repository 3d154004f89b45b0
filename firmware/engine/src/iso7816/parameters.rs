//! Protocol parameters in the form that CCID gives them.

use heapless::Vec;

use super::{CardError, atr::AtrParameters, timing::Speed};

/// Most bytes of [`Parameters::to_bytes`].
pub const PARAMETERS_BYTES_MAX: usize = 7;

/// Offset of bProtocolNum in PC_to_RDR_SetParameters.
const PROTOCOL_OFFSET: u8 = 7;
/// Offset of abProtocolDataStructure.
const DATA_OFFSET: u8 = 10;

/// A transmission protocol. Source: ISO/IEC 7816-3 §10, §11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// T=0, characters.
    T0,
    /// T=1, blocks.
    T1,
}

impl Protocol {
    /// From the number after `T=`; `None` for those that nobody here speaks.
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::T0),
            1 => Some(Self::T1),
            _ => None,
        }
    }

    /// The number after `T=`.
    pub const fn number(self) -> u8 {
        match self {
            Self::T0 => 0,
            Self::T1 => 1,
        }
    }
}

/// Protocol parameters: abProtocolDataStructure with its bProtocolNum. Source: CCID 1.1 §6.1.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// bProtocolNum.
    pub protocol: Protocol,
    /// bmFindexDindex: as TA1.
    pub speed: u8,
    /// Bit 1 of bmTCCKS: inverse convention.
    pub is_inverse: bool,
    /// Bit 0 of bmTCCKST1: CRC instead of LRC.
    pub has_crc: bool,
    /// bGuardTime: as TC1.
    pub guard_time: u8,
    /// bWaitingIntegerT0 (WI), or bmWaitingIntegersT1 (BWI, CWI).
    pub waiting: u8,
    /// bClockStop: 0 never, 1 low, 2 high, 3 either.
    pub clock_stop: u8,
    /// bIFSC (T=1).
    pub ifsc: u8,
}

impl Parameters {
    /// What the answer to reset says about a protocol, at a speed.
    pub fn offered(atr: &AtrParameters, protocol: Protocol, speed: u8, is_inverse: bool) -> Self {
        Self {
            protocol,
            speed,
            is_inverse,
            has_crc: atr.has_crc && protocol == Protocol::T1,
            guard_time: atr.guard_time,
            waiting: match protocol {
                Protocol::T0 => atr.wi,
                Protocol::T1 => atr.bwi << 4 | atr.cwi,
            },
            clock_stop: atr.clock_stop,
            ifsc: atr.ifsc,
        }
    }

    /// From bProtocolNum and abProtocolDataStructure.
    ///
    /// `Parameter` with the offset of what does not exist, `Length` when the structure is not of 5 (T=0) or 7
    /// (T=1) bytes.
    pub fn parse(protocol: u8, data: &[u8]) -> Result<Self, CardError> {
        let wrong = |field: u8| CardError::Parameter { offset: DATA_OFFSET + field };
        let protocol = Protocol::of(protocol).ok_or(CardError::Parameter { offset: PROTOCOL_OFFSET })?;
        let (head, ifsc) = match (protocol, data) {
            (Protocol::T0, head) if head.len() == 5 => (head, 32),
            (Protocol::T1, [head @ .., ifsc, nad]) if head.len() == 5 => {
                if matches!(ifsc, 0x00 | 0xFF) {
                    return Err(wrong(5));
                }
                if *nad != 0 {
                    return Err(wrong(6));
                }
                (head, *ifsc)
            }
            _ => return Err(CardError::Length),
        };
        let &[speed, checks, guard_time, waiting, clock_stop] = head else { return Err(CardError::Length) };
        Speed::of(speed).ok_or(wrong(0))?;
        let (fixed, is_waiting_known) = match protocol {
            Protocol::T0 => (checks & !0x02, waiting != 0),
            Protocol::T1 => (checks & !0x03 ^ 0x10, waiting >> 4 <= 9),
        };
        if fixed != 0 {
            return Err(wrong(1));
        }
        if !is_waiting_known {
            return Err(wrong(3));
        }
        if clock_stop > 3 {
            return Err(wrong(4));
        }
        Ok(Self {
            protocol,
            speed,
            is_inverse: checks & 0x02 != 0,
            has_crc: protocol == Protocol::T1 && checks & 0x01 != 0,
            guard_time,
            waiting,
            clock_stop,
            ifsc,
        })
    }

    /// abProtocolDataStructure: 5 bytes for T=0, 7 for T=1.
    pub fn to_bytes(&self) -> Vec<u8, PARAMETERS_BYTES_MAX> {
        let convention = u8::from(self.is_inverse) << 1;
        let checks = match self.protocol {
            Protocol::T0 => convention,
            Protocol::T1 => 0x10 | convention | u8::from(self.has_crc),
        };
        let all = [self.speed, checks, self.guard_time, self.waiting, self.clock_stop, self.ifsc, 0x00];
        let used = match self.protocol {
            Protocol::T0 => 5,
            Protocol::T1 => 7,
        };
        all.into_iter().take(used).collect()
    }
}
