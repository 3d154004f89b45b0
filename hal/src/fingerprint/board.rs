//! A module that hangs on our reader board: the firmware does the packets, we start tasks and poll them.

use std::{
    thread,
    time::{Duration, Instant},
};

use reader_protocol::escape::{
    self, Body, CAPTURE_MILLIS_MAX, Chunk, FingerFailure, FingerOutcome, FingerState, FingerTask, NoAnswer,
    Request, SEND_BYTES_MAX, Status, TEMPLATE_BYTES_MAX,
};
use zeroize::Zeroizing;

use super::{
    FingerprintError, Guidance, Guide, IMAGE_PIXELS_MAX, LineFault, Ring,
    module::{Buffer, Module, Parameters, aura, refusal},
    sensor::{image_size, tell},
};
use crate::board::{Board, BoardError};

/// How long a module may go on with what nobody wants any more, and the board waits before it asks: an image at
/// 9600 baud takes 42 seconds.
const QUIET_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a task that waits for nobody may take: the board gives up earlier by itself.
const TASK_TIMEOUT: Duration = Duration::from_secs(50);
/// How long nothing may come of an image or template that is under way.
const PIECE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pauses between two questions: while the module works, while a finger is waited for, while a piece comes.
const WORK_PAUSE: Duration = Duration::from_millis(5);
const FINGER_PAUSE: Duration = Duration::from_millis(40);
const PIECE_PAUSE: Duration = Duration::from_millis(8);
/// How often an image of which a piece was lost is asked for again.
const IMAGES_MAX: u32 = 5;

/// A module behind a board.
#[derive(Clone, Debug)]
pub struct BoardModule {
    board: Board,
}

impl BoardModule {
    /// The module of this board.
    pub fn new(board: Board) -> Self {
        BoardModule { board }
    }

    /// Starts a task. One that another program has left behind is ended first, which takes as long as the
    /// module goes on sending.
    fn start(&mut self, task: FingerTask) -> Result<(), FingerprintError> {
        let request = Request::FingerStart(task);
        let end = Instant::now() + QUIET_TIMEOUT;
        let mut is_cancelled = false;
        loop {
            match self.board.ask_once(&request) {
                Err(BoardError::Refused(Status::Busy) | BoardError::Silent | BoardError::Answer(_))
                    if Instant::now() < end =>
                {
                    if !is_cancelled {
                        self.cancel()?;
                        is_cancelled = true;
                    }
                    thread::sleep(FINGER_PAUSE);
                }
                result => return result.map(drop).map_err(board),
            }
        }
    }

    fn poll(&mut self) -> Result<FingerState, FingerprintError> {
        let body = self.board.ask(&Request::FingerPoll).map_err(board)?;
        FingerState::read(&body).ok_or(FingerprintError::Board(unreadable(&body)))
    }

    /// Does a task that waits for nobody.
    fn run(&mut self, task: FingerTask) -> Result<FingerOutcome, FingerprintError> {
        self.start(task)?;
        self.finish(Instant::now() + TASK_TIMEOUT)
    }

    /// Waits until the task is done.
    fn finish(&mut self, end: Instant) -> Result<FingerOutcome, FingerprintError> {
        loop {
            match self.poll()? {
                FingerState::Done(outcome) => return Ok(outcome),
                FingerState::Failed(failure) => return Err(failed(failure)),
                // Somebody else has ended it.
                FingerState::Idle => return Err(FingerprintError::Cancelled),
                _ if Instant::now() >= end => {
                    self.cancel()?;
                    return Err(FingerprintError::Silent);
                }
                _ => thread::sleep(WORK_PAUSE),
            }
        }
    }

    /// Starts a task that waits for a finger and comes back when there is one and the task is done, or has
    /// something to fetch.
    fn await_finger(
        &mut self,
        task: impl Fn(u16) -> FingerTask,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<FingerState, FingerprintError> {
        let end = Instant::now() + Duration::from_millis(timeout_ms.into());
        loop {
            let rest = end.saturating_duration_since(Instant::now()).as_millis();
            let rest_ms = u16::try_from(rest).unwrap_or(u16::MAX).min(CAPTURE_MILLIS_MAX);
            self.start(task(rest_ms))?;
            match self.watch(end, guide) {
                // The board waits for a minute at most.
                Err(FingerprintError::NoFinger) if Instant::now() < end => {}
                result => return result,
            }
        }
    }

    fn watch(&mut self, end: Instant, guide: Guidance<'_>) -> Result<FingerState, FingerprintError> {
        loop {
            let state = self.poll()?;
            match state {
                FingerState::WaitingForFinger => {
                    if let Err(cancelled) = tell(guide, Guide::PlaceFinger) {
                        self.cancel()?;
                        return Err(cancelled);
                    }
                    thread::sleep(FINGER_PAUSE);
                }
                FingerState::Busy => thread::sleep(WORK_PAUSE),
                FingerState::Transferring { .. } | FingerState::Done(_) => return Ok(state),
                FingerState::Failed(failure) => return Err(failed(failure)),
                FingerState::Idle => return Err(FingerprintError::Cancelled),
            }
            if Instant::now() >= end + TASK_TIMEOUT {
                self.cancel()?;
                return Err(FingerprintError::Silent);
            }
        }
    }

    /// Brings what a task gives, piece by piece, and lets the board forget it.
    fn fetch(
        &mut self,
        bytes_max: usize,
        guide: Guidance<'_>,
        total_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        let result = self.fetch_pieces(bytes_max, guide, total_bytes);
        // Whatever has come of it, nothing of a finger stays on the board.
        let forgotten = self.cancel();
        let brought = result?;
        forgotten?;
        Ok(brought)
    }

    fn fetch_pieces(
        &mut self,
        bytes_max: usize,
        guide: Guidance<'_>,
        total_bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        // Room for all, so that no copy is left behind where it was shorter.
        let mut brought = Zeroizing::new(Vec::with_capacity(bytes_max));
        let mut sequence = 0;
        let quiet = Instant::now() + QUIET_TIMEOUT;
        let mut end = Instant::now() + PIECE_TIMEOUT;
        loop {
            let body = match self.board.ask(&Request::FingerFetch { sequence }) {
                Err(BoardError::Refused(Status::NothingToFetch)) => match self.poll()? {
                    FingerState::Failed(failure) => return Err(broke_off(failure, brought.len())),
                    FingerState::Idle => return Err(FingerprintError::Cancelled),
                    // The module still sends what nobody wants any more; then it is asked.
                    FingerState::Busy if brought.is_empty() && Instant::now() < quiet => {
                        end = Instant::now() + PIECE_TIMEOUT;
                        thread::sleep(FINGER_PAUSE);
                        continue;
                    }
                    _ if Instant::now() >= end => return Err(FingerprintError::Silent),
                    _ => {
                        thread::sleep(PIECE_PAUSE);
                        continue;
                    }
                },
                result => result.map_err(board)?,
            };
            let chunk = Chunk::read(&body).ok_or_else(|| FingerprintError::Board(unreadable(&body)))?;
            if chunk.sequence != sequence {
                return Err(FingerprintError::Board(unreadable(&body)));
            }
            if brought.len() + chunk.bytes.len() > bytes_max {
                return Err(FingerprintError::Line(LineFault::Length));
            }
            brought.extend_from_slice(chunk.bytes);
            if chunk.is_last {
                return Ok(brought);
            }
            if chunk.bytes.is_empty() {
                if let FingerState::Failed(failure) = self.poll()? {
                    return Err(broke_off(failure, brought.len()));
                }
                if Instant::now() >= end {
                    return Err(FingerprintError::Silent);
                }
                thread::sleep(PIECE_PAUSE);
                continue;
            }
            end = Instant::now() + PIECE_TIMEOUT;
            sequence = sequence.wrapping_add(1);
            tell(guide, Guide::Reading { done_bytes: brought.len(), total_bytes })?;
        }
    }
}

impl Module for BoardModule {
    fn parameters(&mut self) -> Result<Parameters, FingerprintError> {
        match self.run(FingerTask::Parameters)? {
            FingerOutcome::Parameters(parameters) => Ok(Parameters {
                model: parameters.system,
                capacity: parameters.capacity,
                security_level: parameters.security,
                baud: None,
                serial: None,
            }),
            _ => Err(FingerprintError::Line(LineFault::Unexpected)),
        }
    }

    fn take_image(
        &mut self,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        let total_bytes = reader_protocol::ef01::IMAGE_BYTES;
        self.await_finger(|timeout_ms| FingerTask::CaptureImage { timeout_ms }, timeout_ms, guide)?;
        let mut result = self.fetch(IMAGE_PIXELS_MAX / 2, guide, total_bytes);
        for _ in 1..IMAGES_MAX {
            let is_lost = match &result {
                Ok(image) => image_size(image.len()).is_none(),
                Err(error) => matches!(
                    error,
                    FingerprintError::Line(_) | FingerprintError::Board(BoardError::Refused(Status::Overrun))
                ),
            };
            if !is_lost {
                break;
            }
            // A piece was lost on the way; the module still has the image.
            self.start(FingerTask::ReadImage)?;
            result = self.fetch(IMAGE_PIXELS_MAX / 2, guide, total_bytes);
        }
        result
    }

    fn take_features(
        &mut self,
        buffer: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<(), FingerprintError> {
        let buffer = on_wire(buffer);
        let task = |timeout_ms| FingerTask::CaptureFeatures { buffer, timeout_ms };
        self.await_finger(task, timeout_ms, guide).map(drop)
    }

    fn wait_lifted(
        &mut self,
        scratch: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<bool, FingerprintError> {
        let end = Instant::now() + Duration::from_millis(timeout_ms.into());
        loop {
            let task = FingerTask::CaptureFeatures { buffer: on_wire(scratch), timeout_ms: 0 };
            match self.run(task) {
                Err(FingerprintError::NoFinger) => return Ok(true),
                // There is something on the window, clear or not.
                Ok(_) | Err(FingerprintError::Quality) => {}
                Err(error) => return Err(error),
            }
            tell(guide, Guide::LiftFinger)?;
            if Instant::now() >= end {
                return Ok(false);
            }
            thread::sleep(FINGER_PAUSE);
        }
    }

    fn combine(&mut self) -> Result<(), FingerprintError> {
        self.run(FingerTask::Combine).map(drop)
    }

    fn read_template(&mut self, buffer: Buffer) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        self.start(FingerTask::ReadTemplate { buffer: on_wire(buffer) })?;
        self.fetch(super::TEMPLATE_BYTES_MAX, &mut |_| super::Wish::GoOn, 0)
    }

    fn write_template(&mut self, buffer: Buffer, template: &[u8]) -> Result<(), FingerprintError> {
        let length_bytes = u16::try_from(template.len())
            .ok()
            .filter(|bytes| (1..=TEMPLATE_BYTES_MAX).contains(bytes))
            .ok_or(FingerprintError::Template)?;
        self.start(FingerTask::WriteTemplate { buffer: on_wire(buffer), length_bytes })?;
        let mut end = Instant::now() + PIECE_TIMEOUT;
        for (sequence, bytes) in template.chunks(SEND_BYTES_MAX).enumerate() {
            let request = Request::FingerSend { sequence: sequence as u16, bytes };
            loop {
                match self.board.ask(&request) {
                    Ok(_) => break,
                    Err(BoardError::Refused(Status::Busy)) if Instant::now() < end => {}
                    Err(BoardError::Refused(Status::NothingToSend)) => match self.poll()? {
                        FingerState::Failed(failure) => return Err(failed(failure)),
                        FingerState::Busy if Instant::now() < end => {}
                        _ => return Err(FingerprintError::Line(LineFault::Unexpected)),
                    },
                    Err(error) => return Err(board(error)),
                }
                thread::sleep(WORK_PAUSE);
            }
            end = Instant::now() + PIECE_TIMEOUT;
        }
        self.finish(Instant::now() + TASK_TIMEOUT).map(drop)
    }

    fn match_buffers(&mut self) -> Result<(bool, u16), FingerprintError> {
        match self.run(FingerTask::Match) {
            Ok(FingerOutcome::Score(score)) => Ok((true, score)),
            Ok(_) => Err(FingerprintError::Line(LineFault::Unexpected)),
            Err(FingerprintError::Refused { code }) if code == super::module::NO_MATCH => Ok((false, 0)),
            Err(error) => Err(error),
        }
    }

    fn store(&mut self, buffer: Buffer, place: u16) -> Result<(), FingerprintError> {
        self.run(FingerTask::Store { buffer: on_wire(buffer), page: place }).map(drop)
    }

    fn load(&mut self, buffer: Buffer, place: u16) -> Result<(), FingerprintError> {
        self.run(FingerTask::Load { buffer: on_wire(buffer), page: place }).map(drop)
    }

    fn delete(&mut self, place: u16) -> Result<(), FingerprintError> {
        self.run(FingerTask::Delete { page: place, count: 1 }).map(drop)
    }

    fn count(&mut self) -> Result<u16, FingerprintError> {
        match self.run(FingerTask::Count)? {
            FingerOutcome::Count(count) => Ok(count),
            _ => Err(FingerprintError::Line(LineFault::Unexpected)),
        }
    }

    fn ring(&mut self, ring: Ring) -> Result<(), FingerprintError> {
        match self.run(FingerTask::Aura(aura(ring))) {
            // A module without a light may refuse, or not even answer.
            Err(FingerprintError::Refused { .. } | FingerprintError::Line(LineFault::Refused)) => Ok(()),
            Err(FingerprintError::Silent) => self.parameters().map(drop),
            result => result.map(drop),
        }
    }

    fn cancel(&mut self) -> Result<(), FingerprintError> {
        self.board.ask(&Request::FingerCancel).map(drop).map_err(board)
    }
}

fn on_wire(buffer: Buffer) -> escape::Buffer {
    match buffer {
        Buffer::One => escape::Buffer::First,
        Buffer::Two => escape::Buffer::Second,
    }
}

fn board(error: BoardError) -> FingerprintError {
    match error {
        BoardError::Refused(Status::NoModule) => FingerprintError::Silent,
        error => FingerprintError::Board(error),
    }
}

fn unreadable(body: &[u8]) -> BoardError {
    BoardError::Answer(NoAnswer::Body { got: body.len() })
}

/// What a task's failure means.
fn failed(failure: FingerFailure) -> FingerprintError {
    match failure {
        FingerFailure::NoFinger => FingerprintError::NoFinger,
        FingerFailure::Refused(confirmation) => refusal(confirmation),
        FingerFailure::Silent => FingerprintError::Silent,
        FingerFailure::Broken => FingerprintError::Line(LineFault::Checksum),
        FingerFailure::Unexpected => FingerprintError::Line(LineFault::Unexpected),
        FingerFailure::Overrun => FingerprintError::Board(BoardError::Refused(Status::Overrun)),
        FingerFailure::Tampered => FingerprintError::Board(BoardError::Refused(Status::Tampered)),
        // The host was late, or the board's UART failed: what was sent is not whole.
        _ => FingerprintError::Line(LineFault::Cut),
    }
}

/// What a task's failure means after so many bytes have come: a module that stops in the middle has lost a part
/// on the way, and is not dead.
fn broke_off(failure: FingerFailure, come_bytes: usize) -> FingerprintError {
    match failure {
        FingerFailure::Silent if come_bytes > 0 => FingerprintError::Line(LineFault::Cut),
        failure => failed(failure),
    }
}
