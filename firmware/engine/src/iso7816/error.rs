//! Why an operation with a card has failed.

/// Why an operation with a card has failed; cut so that each has one answer of CCID.
///
/// Whether the contacts are still on is told by [`super::Interface::is_active`]: after any failure of an
/// activation, of PPS or of T=0 they are off, because what a card says late would be taken for the answer to the
/// next command. A block of T=1 that went wrong is asked for again by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CardError {
    /// Another operation is under way. The card has heard nothing of this one.
    Busy,
    /// The card's answer to reset excludes the supply that it has.
    ClassNotSupported,
    /// No card is powered.
    Inactive,
    /// A block of T=1 has ended before its length.
    Incomplete,
    /// The request has a length that the protocol does not have. The card has heard nothing.
    Length,
    /// The card did not begin, or did not go on, in time.
    Mute,
    /// The card draws more current than allowed.
    Overload,
    /// The card says more than it may, or a buffer holds.
    Overrun,
    /// A value that does not exist, or that the card does not have. The card has heard nothing.
    Parameter {
        /// Offset of the field in the CCID message: 7 is the protocol, 10 the first of the data.
        offset: u8,
    },
    /// Parity was wrong again after all repetitions (T=0), or in a block (T=1).
    Parity,
    /// The card did not agree to the protocol parameters. Source: ISO/IEC 7816-3 §9.
    PpsRefused,
    /// A procedure byte that is none. Source: ISO/IEC 7816-3 §10.3.3.
    ProcedureByte {
        /// What came.
        got: u8,
    },
    /// The card has no protocol that this interface speaks, or not the one that was asked for.
    ProtocolNotSupported,
    /// The card has been taken out, or there is none.
    Removed,
    /// Check byte of the answer to reset.
    Tck,
    /// First character of the answer to reset, or its time.
    Ts,
}

impl CardError {
    /// The error as bError. Source: CCID 1.1 table 6.2-2.
    ///
    /// A block cut short is FD like one with wrong parity, for it is repaired in the same way.
    pub const fn code(self) -> u8 {
        match self {
            Self::Inactive | Self::Mute | Self::Removed => 0xFE,
            Self::Incomplete | Self::Parity => 0xFD,
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
