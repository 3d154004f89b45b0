//! A new firmware image for the board.

use std::{
    thread,
    time::{Duration, Instant},
};

use reader_protocol::{
    escape::{Body, NoAnswer, Request, SEND_BYTES_MAX, Status},
    image::{HEADER_BYTES, HEADER_SENT_BYTES, SignedHeader},
    update::{UpdatePhase, UpdateRefusal, UpdateState},
};
use ring::digest::{SHA256, digest};

use super::{Board, BoardError};

/// Longest time without a step forward: an erased sector takes about two seconds.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause before a question that the board could not answer yet is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateProgress {
    /// Bytes of the program that the board has.
    pub done_bytes: u32,
    /// Bytes of the whole program.
    pub total_bytes: u32,
}

impl Board {
    /// Gives the board a new firmware image, which it takes at its next start; gives what the image says.
    ///
    /// `image` is the file: header and program. It is checked here as far as that goes without the maker's
    /// key, then by the board with it; nothing changes on the board until the whole has come and is in order.
    /// An update that was broken off goes on where it stopped when the same image is given again.
    /// Errors: `Image` for a file that is none, `UpdateRefused`, `Refused`, the channel's.
    pub fn update(
        &self,
        image: &[u8],
        mut progress: impl FnMut(UpdateProgress),
    ) -> Result<SignedHeader, BoardError> {
        let (header, program) = take_apart(image)?;
        let sent = image.get(..HEADER_SENT_BYTES).unwrap_or_default();
        let mut end = Instant::now() + STEP_TIMEOUT;
        self.while_busy(end, || self.ask_once(&Request::UpdateBegin(sent)).map(drop))?;
        let total_bytes = header.header.program_bytes;
        let mut at = self.receiving(end)?;
        while at < total_bytes {
            progress(UpdateProgress { done_bytes: at, total_bytes });
            let rest = program.get(at as usize..).unwrap_or_default();
            let bytes = &rest[..rest.len().min(SEND_BYTES_MAX)];
            let write = Request::UpdateWrite { offset: at, bytes };
            match self.while_busy(end, || self.ask_once(&write).map(drop)) {
                Ok(()) => at = at.saturating_add(bytes.len() as u32),
                // Whether the piece arrived is asked, not guessed.
                Err(BoardError::Silent | BoardError::Answer(_)) => at = self.receiving(end)?,
                Err(error) => return Err(error),
            }
            end = Instant::now() + STEP_TIMEOUT;
        }
        progress(UpdateProgress { done_bytes: total_bytes, total_bytes });
        match self.while_busy(end, || self.ask_once(&Request::UpdateFinish).map(drop)) {
            Err(BoardError::Silent | BoardError::Answer(_))
                if self.update_state()?.phase == UpdatePhase::Ready =>
            {
                Ok(header)
            }
            result => result.map(|()| header),
        }
    }

    /// Where an update stands, what became of the last one, and the lowest rollback counter it permits.
    pub fn update_state(&self) -> Result<UpdateState, BoardError> {
        let body = self.ask(&Request::UpdateState)?;
        UpdateState::read(&body).ok_or(BoardError::Answer(NoAnswer::Body { got: body.len() }))
    }

    /// Waits until the board takes pieces; gives the offset of the next.
    fn receiving(&self, end: Instant) -> Result<u32, BoardError> {
        loop {
            match self.update_state() {
                Ok(UpdateState { phase: UpdatePhase::Unsupported, .. }) => {
                    return Err(BoardError::Refused(Status::Unsupported));
                }
                Ok(UpdateState { phase: UpdatePhase::Idle, .. }) => {
                    return Err(BoardError::UpdateRefused { reason: Some(UpdateRefusal::NotBegun) });
                }
                Ok(UpdateState { phase: UpdatePhase::Receiving, received_bytes, .. }) => {
                    return Ok(received_bytes);
                }
                Ok(UpdateState { phase: UpdatePhase::Ready, program_bytes, .. }) => return Ok(program_bytes),
                Ok(_) | Err(BoardError::Silent) if Instant::now() < end => thread::sleep(PAUSE),
                Ok(_) => return Err(BoardError::Silent),
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks again for as long as the board says that it is busy.
    fn while_busy(
        &self,
        end: Instant,
        mut ask: impl FnMut() -> Result<(), BoardError>,
    ) -> Result<(), BoardError> {
        loop {
            match ask() {
                Err(
                    BoardError::Refused(Status::Busy)
                    | BoardError::UpdateRefused { reason: Some(UpdateRefusal::Erasing) },
                ) if Instant::now() < end => thread::sleep(PAUSE),
                result => return result,
            }
        }
    }
}

/// Header and program of a file, as far as they can be checked without the maker's key.
fn take_apart(image: &[u8]) -> Result<(SignedHeader, &[u8]), BoardError> {
    let header = SignedHeader::parse(image).map_err(BoardError::Image)?;
    let program = image.get(HEADER_BYTES..).unwrap_or_default();
    let expected = header.header.program_bytes as usize;
    if program.len() != expected {
        return Err(BoardError::ImageLength { expected, got: program.len() });
    }
    if digest(&SHA256, program).as_ref() != header.header.program_sha256 {
        return Err(BoardError::ImageDigest);
    }
    Ok((header, program))
}
