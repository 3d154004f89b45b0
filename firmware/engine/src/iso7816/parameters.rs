//! Protocol parameters in the form that CCID gives them.

/// Most bytes of [`Parameters::to_bytes`].
pub const PARAMETERS_BYTES_MAX: usize = 7;

/// A transmission protocol. Source: ISO/IEC 7816-3 §10, §11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// T=0, characters.
    T0,
    /// T=1, blocks.
    T1,
}

impl Protocol {
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
