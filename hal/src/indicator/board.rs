//! Lamps, buzzer and tamper latch on our reader board.

use reader_protocol::escape::{self, Beeps, LampMode, Status};

use super::{Indicator, IndicatorError, Lamp, Tone};
use crate::board::{Board, BoardError};

/// Milliseconds of a tone.
const DONE: Beeps = Beeps { count: 1, on_ms: 80, off_ms: 0 };
const ATTENTION: Beeps = Beeps { count: 2, on_ms: 80, off_ms: 80 };
const FAILED: Beeps = Beeps { count: 1, on_ms: 600, off_ms: 0 };

/// Signs what clears the latch, as the board's authority.
type Authority = Box<dyn Fn(&[u8]) -> [u8; escape::SIGNATURE_BYTES] + Send>;

/// The indicator of a board. Tones end, and the switch is watched, by the board itself: there is nothing to
/// tick. The latch is the board's and outlives this program and the board's power.
pub struct BoardIndicator {
    board: Board,
    authority: Option<Authority>,
}

impl BoardIndicator {
    /// The indicator of this board. It cannot clear the latch.
    pub fn new(board: Board) -> Self {
        BoardIndicator { board, authority: None }
    }

    /// The same for one who may clear the latch: `sign` makes the Ed25519 signature of the board's authority.
    pub fn with_authority(
        board: Board,
        sign: impl Fn(&[u8]) -> [u8; escape::SIGNATURE_BYTES] + Send + 'static,
    ) -> Self {
        BoardIndicator { board, authority: Some(Box::new(sign)) }
    }
}

impl Indicator for BoardIndicator {
    fn lamp(&mut self, lamp: Lamp, on: bool) -> Result<(), IndicatorError> {
        let lamp = match lamp {
            Lamp::Ready => escape::Lamp::Ready,
            Lamp::Busy => escape::Lamp::Busy,
            Lamp::Fault => escape::Lamp::Fault,
        };
        self.board.lamp(lamp, if on { LampMode::On } else { LampMode::Off }).map_err(error)
    }

    fn sound(&mut self, tone: Tone) -> Result<(), IndicatorError> {
        let beeps = match tone {
            Tone::Done => DONE,
            Tone::Attention => ATTENTION,
            Tone::Failed => FAILED,
        };
        self.board.beep(beeps).map_err(error)
    }

    fn tick(&mut self, _monotonic_ms: u64) -> Result<(), IndicatorError> {
        Ok(())
    }

    fn tampered(&mut self) -> Result<bool, IndicatorError> {
        self.board.tamper().map(|state| state.is_latched || state.is_open).map_err(error)
    }

    fn clear_tamper(&mut self) -> Result<(), IndicatorError> {
        let sign = self.authority.as_ref().ok_or(IndicatorError::NotAuthorised)?;
        match self.board.clear_tamper(sign) {
            // It was clear before; so it is now.
            Err(BoardError::Refused(Status::NotTampered)) => Ok(()),
            result => result.map_err(error),
        }
    }
}

impl std::fmt::Debug for BoardIndicator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoardIndicator").field("board", &self.board).finish_non_exhaustive()
    }
}

fn error(error: BoardError) -> IndicatorError {
    match error {
        BoardError::Refused(Status::CaseOpen) => IndicatorError::CaseOpen,
        BoardError::Refused(Status::SignatureWrong | Status::NoChallenge) => IndicatorError::NotAuthorised,
        _ => IndicatorError::Device,
    }
}
