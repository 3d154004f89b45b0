//! What an error of libpcsclite means for a terminal.

use pcsc::Error;

use crate::slot::{Outcome, SlotError};

/// Whose fault an error of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No card is in the slot, or it was pulled before the command went out.
    NoCard,
    /// The exchange broke; the card may be gone or may be there.
    Exchange,
    /// The card says nothing, or nothing sensible, at reset.
    Mute,
    /// No protocol can be made out of the answer to reset.
    AnswerToReset,
    /// The card was reset by another program before the command went out.
    Reset,
    /// Another program holds the card.
    Busy,
    /// The reader is gone.
    Reader,
    /// The answer did not fit.
    Answer,
    /// The connection to the service is of no use any more.
    Service(&'static str),
}

impl Fault {
    /// Sorts an error of the library.
    pub(super) fn of(error: Error) -> Self {
        match error {
            Error::NoSmartcard | Error::RemovedCard => Self::NoCard,
            Error::NotTransacted | Error::CommDataLost => Self::Exchange,
            Error::UnresponsiveCard | Error::UnpoweredCard => Self::Mute,
            Error::ProtoMismatch | Error::UnsupportedCard | Error::InvalidAtr | Error::CardUnsupported => {
                Self::AnswerToReset
            }
            Error::ResetCard => Self::Reset,
            Error::SharingViolation => Self::Busy,
            // A handle of a reader that is gone is an invalid value for pcscd.
            Error::UnknownReader
            | Error::ReaderUnavailable
            | Error::NoReadersAvailable
            | Error::InvalidValue => Self::Reader,
            Error::InsufficientBuffer => Self::Answer,
            Error::NoService => Self::Service("not running"),
            Error::ServiceStopped | Error::Shutdown | Error::SystemCancelled => Self::Service("stopped"),
            Error::SecurityViolation => Self::Service("access refused"),
            Error::CommError => Self::Service("connection lost"),
            Error::InvalidHandle => Self::Service("handle lost"),
            Error::NoMemory => Self::Service("out of memory or handles"),
            _ => Self::Service("internal error"),
        }
    }

    /// The error of a call that has sent nothing to the card.
    pub(super) fn before_card(self, reader: &str) -> SlotError {
        let outcome = Outcome::NotDone;
        match self {
            Self::NoCard => SlotError::NoCard,
            Self::Mute | Self::Exchange => SlotError::Mute,
            Self::AnswerToReset => SlotError::AnswerToReset,
            Self::Reset => SlotError::ResetByOther { outcome },
            Self::Busy => SlotError::Busy { holders: Vec::new() },
            Self::Reader => SlotError::NoReader { reader: reader.to_owned(), outcome },
            Self::Answer => SlotError::Answer { bytes: 0 },
            Self::Service(detail) => SlotError::Service { detail, outcome },
        }
    }
}

/// The error of an exchange.
///
/// `pulled` says whether the card was seen to be gone after the exchange broke. pcscd looks for
/// `RemovedCard` and `ResetCard` before it hands the command to the reader, so these two are known not to
/// be done; every other error may come from either side of the card.
pub(super) fn exchange(error: Error, pulled: bool, reader: &str, bytes: usize) -> SlotError {
    let outcome = match error {
        Error::RemovedCard | Error::ResetCard => Outcome::NotDone,
        _ => Outcome::Unknown,
    };
    match Fault::of(error) {
        Fault::NoCard => SlotError::Removed { outcome },
        Fault::Exchange | Fault::Mute | Fault::AnswerToReset if pulled => SlotError::Removed { outcome },
        Fault::Exchange | Fault::Mute | Fault::AnswerToReset => SlotError::Contact { outcome },
        // We hold the card alone; whoever can share it has taken it from us.
        Fault::Reset | Fault::Busy => SlotError::ResetByOther { outcome },
        Fault::Reader => SlotError::NoReader { reader: reader.to_owned(), outcome },
        Fault::Answer => SlotError::Answer { bytes },
        Fault::Service(detail) => SlotError::Service { detail, outcome },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_pcscd_checks_first_is_not_done() {
        let outcome = |error| exchange(error, false, "r", 0).outcome();
        assert_eq!(outcome(Error::RemovedCard), Outcome::NotDone);
        assert_eq!(outcome(Error::ResetCard), Outcome::NotDone);
        for error in [
            Error::NoSmartcard,
            Error::NotTransacted,
            Error::CommError,
            Error::NoService,
            Error::ReaderUnavailable,
            Error::InvalidValue,
            Error::InsufficientBuffer,
            Error::UnknownError,
            Error::SharingViolation,
            Error::ProtoMismatch,
        ] {
            assert_eq!(outcome(error), Outcome::Unknown, "{error}");
        }
    }

    #[test]
    fn a_broken_exchange_is_a_pulled_card_only_when_the_card_is_gone() {
        let unknown = Outcome::Unknown;
        assert_eq!(exchange(Error::NotTransacted, true, "r", 0), SlotError::Removed { outcome: unknown });
        assert_eq!(exchange(Error::NotTransacted, false, "r", 0), SlotError::Contact { outcome: unknown });
    }
}
