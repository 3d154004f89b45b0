//! Which readers are boards of ours, and how they are.

use reader_protocol::escape::{Identity, TamperState};

use super::{Board, BoardError};
use crate::{
    pcsc::{self, ControlError, Hint, Limits, ReaderControl},
    slot::SlotError,
};

/// Version of the firmware that this program was built with: major, minor, patch.
///
/// Boards of another version work as long as they know the commands; they should be updated.
pub const FIRMWARE_VERSION: [u16; 3] = [
    number(env!("CARGO_PKG_VERSION_MAJOR")),
    number(env!("CARGO_PKG_VERSION_MINOR")),
    number(env!("CARGO_PKG_VERSION_PATCH")),
];

/// A reader that was asked whether it is a board of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardReport {
    /// Name of its first slot.
    pub reader: String,
    /// Who it is and whether it was opened, or why that cannot be known.
    pub found: Result<(Identity, TamperState), BoardError>,
}

impl BoardReport {
    /// Asks one board.
    pub fn of(board: &Board) -> Self {
        let found = board.identify().and_then(|identity| Ok((identity, board.tamper()?)));
        BoardReport { reader: board.name(), found }
    }

    /// What to do, the most urgent first; empty when all is well.
    pub fn hints(&self) -> Vec<Hint> {
        let reader = self.reader.clone();
        match &self.found {
            Ok((identity, tamper)) => {
                let mut hints = Vec::new();
                if tamper.is_latched || tamper.is_open {
                    hints.push(Hint::BoardTampered { reader: reader.clone(), case_open: tamper.is_open });
                }
                if identity.version != FIRMWARE_VERSION {
                    let (got, known) = (identity.version, FIRMWARE_VERSION);
                    hints.push(Hint::BoardVersion { reader, got: Some(got), known });
                }
                hints
            }
            Err(BoardError::EscapesOff { .. }) => vec![Hint::AllowEscapes { reader }],
            Err(BoardError::OtherVersion) => {
                vec![Hint::BoardVersion { reader, got: None, known: FIRMWARE_VERSION }]
            }
            Err(BoardError::NotOurs { .. }) => vec![Hint::NotOurBoard { reader }],
            Err(BoardError::Channel(ControlError::NoReader { .. })) => vec![Hint::ReplugReader { reader }],
            Err(BoardError::Channel(ControlError::Busy { holders })) => {
                vec![Hint::Held { reader, holders: holders.clone() }]
            }
            Err(BoardError::Channel(ControlError::Service { .. })) => vec![Hint::StartService],
            Err(_) => vec![Hint::ReplugReader { reader }],
        }
    }
}

/// Asks every reader that pcscd lists whether it is a board of ours; gives those that are.
///
/// A reader of another maker is sent one escape that it does not know, and that only where its driver hands
/// escapes on at all.
/// Errors: those of listing the readers.
pub fn find(limits: &Limits) -> Result<Vec<BoardReport>, SlotError> {
    let mut boards: Vec<BoardReport> = Vec::new();
    let mut asked: Vec<String> = Vec::new();
    for reader in pcsc::readers(limits)? {
        if asked.iter().any(|other| pcsc::same_board(other, &reader.name)) {
            continue;
        }
        asked.push(reader.name.clone());
        let report = BoardReport::of(&Board::with_channel(ReaderControl::with_limits(reader.name, *limits)));
        if report.found.is_ok() {
            boards.push(report);
        }
    }
    Ok(boards)
}

/// A number of the version, which cargo gives as text.
const fn number(text: &str) -> u16 {
    let (bytes, mut at, mut number) = (text.as_bytes(), 0, 0_u16);
    while at < bytes.len() {
        number = number * 10 + (bytes[at] - b'0') as u16;
        at += 1;
    }
    number
}
