//! Why an operation with a card has failed.

/// Why an operation with a card has failed; cut so that each has one answer of CCID.
///
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardError {
    /// The card's answer to reset excludes the supply that it has. Contacts are off.
    ClassNotSupported,
    /// No card is powered.
    Inactive,
    /// The request has a length that the protocol does not have. The card has heard nothing.
    Length,
    /// The card did not begin, or did not go on, in time.
    Mute,
    /// The card says more than it may, or a buffer holds.
    Overrun,
    /// The card draws more current than allowed. Contacts are off.
    Overload,
    /// Another operation is under way. The card has heard nothing of this one.
    Busy,
    /// Protocol parameters that the card does not have, or that do not exist.
    Parameter {
        /// Offset of the field in the CCID message: 7 is the protocol, 10 the first of its data.
        offset: u8,
    },
    /// Parity was wrong again after all repetitions (T=0), or in a block (T=1).
    Parity,
    /// The card did not agree to the protocol parameters (ISO/IEC 7816-3 §9). Contacts are off.
    PpsRefused,
    /// A procedure byte that is none (T=0, ISO/IEC 7816-3 §10.3.3). Contacts are off.
    ProcedureByte {
        /// What came.
        got: u8,
    },
    /// The card offers only protocols that this interface does not speak. Contacts are off.
    ProtocolNotSupported,
    /// The card has been taken out, or there is none. Contacts are off.
    Removed,
    /// Check byte of the answer to reset. Contacts are off.
    Tck,
    /// First character of the answer to reset, or its time. Contacts are off.
    Ts,
}

impl CardError {
    /// The error as bError of CCID 1.1 table 6.2-2; offsets stand for themselves.
    pub const fn code(self) -> u8 {
        match self {
            Self::Inactive | Self::Mute | Self::Removed => 0xFE,
            Self::Parity => 0xFD,
            Self::Overrun => 0xFC,
            Self::Overload => 0xFB,
            Self::Ts => 0xF8,
            Self::Tck => 0xF7,
            Self::PpsRefused | Self::ProtocolNotSupported => 0xF6,
            Self::ClassNotSupported => 0xF5,
            Self::ProcedureByte { .. } => 0xF4,
            Self::Busy => 0xE0,
            Self::Length => 0x01,
            Self::Parameter { offset } => offset,
        }
    }
}
