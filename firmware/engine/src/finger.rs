//! The fingerprint module on its UART: tasks that the host starts and polls.
//!
//! A task is a few steps of the module, each an instruction and its confirmation. An image or template that the
//! module sends streams through a ring of one kibibyte, from which the host fetches pieces faster than the
//! module sends; when it does not, the task fails by an overrun of its own name. Nothing here waits, everything
//! that is waited for has a limit, and what was brought is wiped as soon as it has been fetched.

mod line;
mod ring;
mod steps;

use embedded_io::{Read, ReadReady, Write, WriteReady};
use reader_protocol::ef01::{self, Confirmation, Kind, Parameters, Scanned};
use reader_protocol::escape::{
    CHUNK_BYTES_MAX, Chunk, Event, FingerFailure, FingerOutcome, FingerState, FingerTask, Frame, Status,
    begin_answer,
};
use zeroize::Zeroize;

use crate::time::{Duration, Instant};
use crate::trace::Trace;
use line::{Line, LineFailed};
use ring::Ring;
use steps::Step;

/// Between two looks for a finger.
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// A module that has just got power says nothing for up to half a second.
const HELLO_AGAIN_AFTER: Duration = Duration::from_millis(300);
/// So often a module is greeted before it counts as dead.
const HELLO_TRIES_MAX: u8 = 3;
/// A line is quiet when nothing has come for this long.
const QUIET: Duration = Duration::from_millis(60);
/// Longest wait for a quiet line: a whole image at 9600 bit/s.
const QUIET_MAX: Duration = Duration::from_millis(60_000);
/// Longest pause within what the module sends.
const GAP_MAX: Duration = Duration::from_millis(500);
/// Longest transfer of an image or template.
const TRANSFER_MAX: Duration = Duration::from_millis(60_000);
/// Longest wait for the host: to send the next piece, or to fetch what is left.
const HOST_MAX: Duration = Duration::from_millis(10_000);
/// Attempts to make the module forget its templates after an opening, half a minute of a silent one; one that
/// comes back later forgets before it does anything else.
const ERASE_TRIES_MAX: u8 = 6;
/// Between two of them.
const ERASE_AGAIN_AFTER: Duration = Duration::from_millis(1_000);
/// Bytes taken from the UART in one poll, so that the rest of the reader has its turn.
const POLL_BYTES_MAX: usize = 256;
/// Most bytes of a confirmation's content that anybody is interested in.
const CONTENT_BYTES_MAX: usize = 1 + Parameters::BYTES;

/// What the driver is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing.
    Idle,
    /// Waits until the line is quiet, then does the step.
    Quiet { since: Instant, until: Instant },
    /// Waits before the step.
    Pause { until: Instant },
    /// The step's command goes out, its confirmation is waited for.
    Asking { until: Instant },
    /// Data packets come.
    Receiving { heard: Instant, until: Instant },
    /// Data packets go out.
    Sending { heard: Instant },
}

/// What the last packet's content was of, as far as it is kept.
type Content = heapless::Vec<u8, CONTENT_BYTES_MAX>;

/// The driver of one module.
pub struct Finger<U> {
    line: Line<U>,
    ring: Ring,
    phase: Phase,
    step: Step,
    tries: u8,
    task: Option<FingerTask>,
    /// `Idle`, `Done` or `Failed`: what the poll says when no task runs.
    result: FingerState,
    finger_until: Instant,
    is_present: bool,
    /// The module is being made to forget; nothing else is done meanwhile.
    is_erasing: bool,
    /// It has not yet forgotten what it should.
    owes_erasure: bool,
    packet_content_bytes: usize,
    kind: Kind,
    content_bytes: u16,
    content: Content,
    /// Bytes of image or template that have come from, or gone to, the module.
    transferred_bytes: u32,
    /// The last task has brought an image or template.
    brings: bool,
    /// Bytes of a template that have come from the host.
    taken_bytes: u16,
    /// Number of the next piece.
    sequence: u16,
    /// The piece before, which may be asked for once more: its length, and whether it was the last.
    fetched: Option<(usize, bool)>,
    host_heard: Instant,
}

impl<U: Read + ReadReady + Write + WriteReady> Finger<U> {
    /// Greets the module at the first poll.
    pub fn new(uart: U) -> Self {
        Self {
            line: Line::new(uart),
            ring: Ring::new(),
            phase: Phase::Pause { until: Instant(0) },
            step: Step::Hello,
            tries: 0,
            task: None,
            result: FingerState::Idle,
            finger_until: Instant(0),
            is_present: false,
            is_erasing: false,
            owes_erasure: false,
            packet_content_bytes: Parameters::FACTORY.packet_content_bytes(),
            kind: Kind::Command,
            content_bytes: 0,
            content: Content::new(),
            transferred_bytes: 0,
            brings: false,
            taken_bytes: 0,
            sequence: 0,
            fetched: None,
            host_heard: Instant(0),
        }
    }

    /// Whether the module has answered the last time it was asked.
    pub const fn is_present(&self) -> bool {
        self.is_present
    }

    /// Starts a task; what an earlier one has brought is forgotten. Errors: `Busy` while one runs.
    pub fn start(&mut self, task: FingerTask, trace: &mut Trace, now: Instant) -> Result<(), Status> {
        if self.task.is_some() || self.is_erasing {
            return Err(Status::Busy);
        }
        self.forget();
        self.task = Some(task);
        self.host_heard = now;
        self.finger_until = now + steps::finger_wait(&task);
        trace.count(Event::FingerStarted);
        match self.phase {
            // Behind the greeting of the beginning, or when the rest of an earlier task has died down.
            Phase::Quiet { .. } | Phase::Pause { .. } | Phase::Asking { .. } => {}
            Phase::Idle | Phase::Receiving { .. } | Phase::Sending { .. } => self.begin_task(now),
        }
        Ok(())
    }

    /// Answer of `FingerPoll`.
    pub fn state(&self) -> FingerState {
        if self.task.is_none() {
            return self.result;
        }
        match self.phase {
            Phase::Receiving { .. } => FingerState::Transferring {
                bytes: self.transferred_bytes,
                ready_bytes: self.unfetched_bytes() as u16,
            },
            Phase::Sending { .. } => FingerState::Transferring {
                bytes: self.transferred_bytes,
                ready_bytes: self.ring.room() as u16,
            },
            Phase::Pause { .. } | Phase::Asking { .. } if self.step == Step::Generate => {
                FingerState::WaitingForFinger
            }
            _ => FingerState::Busy,
        }
    }

    /// Answer of `FingerFetch`, written into `answer`.
    pub fn fetch(&mut self, sequence: u16, answer: &mut Frame, now: Instant) {
        self.host_heard = now;
        begin_answer(answer, Status::Done);
        if let Err(status) = self.put_chunk(sequence, answer) {
            begin_answer(answer, status);
        }
    }

    /// A piece of a template from the host. Errors: as [`reader_protocol::escape::Request::FingerSend`].
    pub fn take(&mut self, sequence: u16, bytes: &[u8], now: Instant) -> Result<(), Status> {
        self.host_heard = now;
        let Some(FingerTask::WriteTemplate { length_bytes, .. }) = self.task else {
            return Err(Status::NothingToSend);
        };
        if self.sequence > 0 && sequence == self.sequence - 1 {
            return Ok(());
        }
        if sequence != self.sequence {
            return Err(Status::OutOfSequence);
        }
        let taken_bytes = usize::from(self.taken_bytes) + bytes.len();
        if bytes.is_empty() || taken_bytes > usize::from(length_bytes) {
            return Err(Status::Malformed);
        }
        if bytes.len() > self.ring.room() {
            return Err(Status::Busy);
        }
        for byte in bytes {
            // There is room for all.
            let _ = self.ring.push(*byte);
        }
        self.ring.commit();
        self.taken_bytes = taken_bytes as u16;
        self.sequence += 1;
        Ok(())
    }

    /// Ends the task and forgets what it has brought.
    pub fn cancel(&mut self, now: Instant) {
        if self.is_erasing {
            return;
        }
        if self.task.is_some() {
            self.end(FingerState::Idle);
            self.settle(now);
        } else {
            self.forget();
        }
    }

    /// The case was opened: wipes what there is, and makes the module forget all templates.
    pub fn erase(&mut self, now: Instant) {
        let was_running = self.task.is_some() || self.ring.len() > 0;
        self.end(FingerState::Idle);
        if was_running {
            self.result = FingerState::Failed(FingerFailure::Tampered);
        }
        self.is_erasing = true;
        self.owes_erasure = true;
        self.step = Step::Erase;
        self.tries = 0;
        self.settle(now);
    }

    /// Goes on; says when it wants to be polled again at the latest.
    #[inline(never)]
    pub fn poll(&mut self, trace: &mut Trace, now: Instant) -> Option<Instant> {
        let mut is_more = false;
        if self.flow(trace, now, &mut is_more).is_err() {
            is_more = false;
            self.line.reset();
            if self.is_erasing {
                self.again_or_fail(FingerFailure::Line, trace, now);
            } else {
                self.fail(FingerFailure::Line, trace);
            }
        }
        self.watch(trace, now);
        if is_more { Some(now) } else { self.next_poll(now) }
    }

    /// Moves bytes both ways, as many as there is time for.
    fn flow(&mut self, trace: &mut Trace, now: Instant, is_more: &mut bool) -> Result<(), LineFailed> {
        for _ in 0..POLL_BYTES_MAX {
            let Some(scanned) = self.line.flow_in()? else {
                *is_more = false;
                break;
            };
            *is_more = true;
            self.hear(now);
            match scanned {
                Some(scanned) => self.scan(scanned, trace, now),
                // Between packets of data there is nothing, so this was the head of one that is lost.
                None if matches!(self.phase, Phase::Receiving { .. }) && !self.line.is_within_packet() => {
                    self.broken_data(trace, now);
                }
                None => {}
            }
        }
        self.line.flow_out(&mut self.ring)?;
        if let Phase::Sending { .. } = self.phase
            && self.line.is_sent()
        {
            self.send_next(now);
            self.line.flow_out(&mut self.ring)?;
        }
        Ok(())
    }

    /// A byte has come: nothing is quiet.
    fn hear(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Quiet { since: heard, .. } | Phase::Receiving { heard, .. } => *heard = now,
            Phase::Idle | Phase::Pause { .. } | Phase::Asking { .. } | Phase::Sending { .. } => {}
        }
    }

    #[inline(never)]
    fn scan(&mut self, scanned: Scanned, trace: &mut Trace, now: Instant) {
        match (scanned, self.phase) {
            (Scanned::Begin { kind, content_bytes }, _) => {
                self.kind = kind;
                self.content_bytes = content_bytes;
                self.content.as_mut_slice().zeroize();
                self.content.clear();
                let is_data = matches!(kind, Kind::Data | Kind::End);
                if matches!(self.phase, Phase::Receiving { .. }) && !is_data {
                    self.fail(FingerFailure::Unexpected, trace);
                    self.settle(now);
                }
            }
            (Scanned::Content(byte), Phase::Receiving { .. }) => {
                if !self.ring.push(byte) {
                    self.fail(FingerFailure::Overrun, trace);
                    self.settle(now);
                }
            }
            (Scanned::Content(byte), Phase::Asking { .. }) => {
                // What is longer than any confirmation is not kept.
                let _ = self.content.push(byte);
            }
            (Scanned::End, Phase::Receiving { .. }) => {
                self.ring.commit();
                self.transferred_bytes = self.transferred_bytes.saturating_add(self.content_bytes.into());
                if self.kind == Kind::End {
                    self.finish_receiving(now);
                }
            }
            (Scanned::End, Phase::Asking { .. }) => self.confirmed(trace, now),
            (Scanned::Broken(_), Phase::Receiving { .. }) => self.broken_data(trace, now),
            (Scanned::Broken(_), Phase::Asking { .. }) => {
                trace.count(Event::FingerPacketBroken);
                self.again_or_fail(FingerFailure::Broken, trace, now);
            }
            (Scanned::Content(_) | Scanned::End | Scanned::Broken(_), _) => {}
        }
    }

    /// A packet of data is lost, and with it the image or template.
    fn broken_data(&mut self, trace: &mut Trace, now: Instant) {
        trace.count(Event::FingerPacketBroken);
        self.fail(FingerFailure::Broken, trace);
        self.settle(now);
    }

    /// A packet has come where a confirmation was due.
    fn confirmed(&mut self, trace: &mut Trace, now: Instant) {
        if !self.line.is_sent() {
            // Nobody confirms what has not yet been said.
            return;
        }
        let content = self.content.clone();
        match (self.kind, content.split_first()) {
            (Kind::Acknowledge, Some((&code, data))) => {
                self.step_done(Confirmation::from_byte(code), data, trace, now);
            }
            _ => self.again_or_fail(FingerFailure::Unexpected, trace, now),
        }
    }

    /// The next data packet of a template, or its end.
    fn send_next(&mut self, now: Instant) {
        let Some(FingerTask::WriteTemplate { length_bytes, .. }) = self.task else { return };
        let left_bytes = usize::from(length_bytes).saturating_sub(self.transferred_bytes as usize);
        if left_bytes == 0 {
            let bytes = self.transferred_bytes;
            self.task = None;
            self.result = FingerState::Done(FingerOutcome::Transferred { bytes });
            self.step = Step::Rest;
            self.settle(now);
            return;
        }
        let content_bytes = left_bytes.min(self.packet_content_bytes);
        if self.ring.len() >= content_bytes {
            let kind = if content_bytes == left_bytes { Kind::End } else { Kind::Data };
            self.line.send_data(kind, content_bytes);
            self.transferred_bytes = self.transferred_bytes.saturating_add(content_bytes as u32);
            self.phase = Phase::Sending { heard: now };
        }
    }

    fn finish_receiving(&mut self, now: Instant) {
        let bytes = self.transferred_bytes;
        self.task = None;
        self.result = FingerState::Done(FingerOutcome::Transferred { bytes });
        self.step = Step::Rest;
        self.phase = Phase::Idle;
        self.brings = true;
        self.host_heard = now;
    }

    /// Looks at what has taken too long.
    fn watch(&mut self, trace: &mut Trace, now: Instant) {
        match self.phase {
            Phase::Idle => {
                if self.ring.len() > 0 && now >= self.host_heard + HOST_MAX {
                    let has_all = self.fetched.is_some_and(|(_, is_last)| is_last);
                    let result = self.result;
                    self.fail(FingerFailure::Overrun, trace);
                    if has_all {
                        self.result = result;
                    }
                }
            }
            Phase::Quiet { since, until } => {
                if (now >= since + QUIET && self.line.is_sent()) || now >= until {
                    self.line.reset();
                    self.do_step(now);
                }
            }
            Phase::Pause { until } => {
                if now >= until {
                    self.do_step(now);
                }
            }
            Phase::Asking { until } => {
                if now >= until {
                    self.again_or_fail(FingerFailure::Silent, trace, now);
                }
            }
            Phase::Receiving { heard, until } => {
                if now >= heard + GAP_MAX || now >= until {
                    // Some modules never say that the last packet was the last.
                    let is_whole =
                        matches!(self.task, Some(FingerTask::CaptureImage { .. } | FingerTask::ReadImage))
                            && self.transferred_bytes as usize == ef01::IMAGE_BYTES;
                    if is_whole && !self.line.is_within_packet() {
                        self.finish_receiving(now);
                    } else {
                        self.is_present = self.transferred_bytes > 0;
                        self.fail(FingerFailure::Silent, trace);
                        self.settle(now);
                    }
                }
            }
            Phase::Sending { heard } => {
                if !self.line.is_sent() && now >= heard + GAP_MAX.times(4) {
                    self.fail(FingerFailure::Line, trace);
                    self.settle(now);
                } else if self.line.is_sent() && now >= self.host_heard.max(heard) + HOST_MAX {
                    self.fail(FingerFailure::Starved, trace);
                    self.settle(now);
                }
            }
        }
    }

    fn next_poll(&self, now: Instant) -> Option<Instant> {
        let next = match self.phase {
            Phase::Idle if self.ring.len() > 0 => self.host_heard + HOST_MAX,
            Phase::Idle => return None,
            Phase::Quiet { since, until } => until.min(since + QUIET),
            Phase::Pause { until } | Phase::Asking { until } => until,
            Phase::Receiving { heard, until } => until.min(heard + GAP_MAX),
            Phase::Sending { heard } if self.line.is_sent() => self.host_heard.max(heard) + HOST_MAX,
            Phase::Sending { heard } => heard + GAP_MAX.times(4),
        };
        // What the UART has no room for is tried again soon.
        let retry = if self.line.is_sent() { next } else { now + Duration::from_millis(1) };
        Some(next.min(retry))
    }

    #[inline(never)]
    fn again_or_fail(&mut self, failure: FingerFailure, trace: &mut Trace, now: Instant) {
        self.line.reset();
        self.tries = self.tries.saturating_add(1);
        if self.step == Step::Erase && self.is_erasing {
            if self.tries < ERASE_TRIES_MAX {
                self.phase = Phase::Pause { until: now + ERASE_AGAIN_AFTER };
            } else {
                self.is_erasing = false;
                self.is_present = false;
                self.phase = Phase::Idle;
            }
            return;
        }
        let is_again = match failure {
            FingerFailure::Silent => self.step == Step::Hello && self.tries < HELLO_TRIES_MAX,
            _ => self.tries == 1 && self.step.may_be_repeated(self.task.as_ref()),
        };
        if is_again {
            self.phase = match failure {
                FingerFailure::Silent => Phase::Pause { until: now + HELLO_AGAIN_AFTER },
                _ => Phase::Quiet { since: now, until: now + QUIET_MAX },
            };
            return;
        }
        if failure == FingerFailure::Silent {
            self.is_present = false;
        }
        self.fail(failure, trace);
        if failure == FingerFailure::Silent {
            self.phase = Phase::Idle;
        } else {
            self.settle(now);
        }
    }

    /// Ends the task by a failure, if one runs, and wipes what it has brought.
    #[inline(never)]
    fn fail(&mut self, failure: FingerFailure, trace: &mut Trace) {
        if self.task.is_some() || self.ring.len() > 0 {
            trace.count(Event::FingerFailed);
            self.end(FingerState::Failed(failure));
        } else {
            self.step = Step::Rest;
            self.phase = Phase::Idle;
        }
    }

    fn end(&mut self, result: FingerState) {
        self.forget();
        self.task = None;
        self.result = result;
        self.step = Step::Rest;
        self.phase = Phase::Idle;
    }

    /// Whatever the module still has to say is let pass before anything else is said to it.
    #[inline(never)]
    fn settle(&mut self, now: Instant) {
        self.phase = Phase::Quiet { since: now, until: now + QUIET_MAX };
    }

    #[inline(never)]
    fn forget(&mut self) {
        self.ring.wipe();
        self.content.as_mut_slice().zeroize();
        self.content.clear();
        self.transferred_bytes = 0;
        self.brings = false;
        self.taken_bytes = 0;
        self.sequence = 0;
        self.fetched = None;
        self.result = FingerState::Idle;
    }

    fn unfetched_bytes(&self) -> usize {
        let fetched_bytes = self.fetched.map_or(0, |(bytes, _)| bytes);
        self.ring.len().saturating_sub(fetched_bytes)
    }

    fn put_chunk(&mut self, sequence: u16, answer: &mut Frame) -> Result<(), Status> {
        let is_receiving = matches!(self.phase, Phase::Receiving { .. }) && self.task.is_some();
        let is_done = self.brings && self.task.is_none();
        match self.result {
            FingerState::Failed(FingerFailure::Overrun) => return Err(Status::Overrun),
            _ if is_receiving || is_done => {}
            _ => return Err(Status::NothingToFetch),
        }
        let again = self.fetched.filter(|_| self.sequence.wrapping_sub(1) == sequence);
        let (length, is_last) = match again {
            Some(fetched) => fetched,
            None if sequence == self.sequence => {
                if let Some((bytes, is_last)) = self.fetched {
                    if is_last {
                        return Err(Status::NothingToFetch);
                    }
                    self.ring.drop_front(bytes);
                    self.fetched = None;
                }
                let length = self.ring.len().min(CHUNK_BYTES_MAX);
                let is_last = is_done && length == self.ring.len();
                if length > 0 || is_last {
                    self.fetched = Some((length, is_last));
                    self.sequence = self.sequence.wrapping_add(1);
                }
                (length, is_last)
            }
            None => return Err(Status::OutOfSequence),
        };
        Chunk { sequence, is_last, bytes: &[] }.put(answer).map_err(|_| Status::Malformed)?;
        for index in 0..length {
            let byte = self.ring.at(index).unwrap_or_default();
            answer.push(byte).map_err(|_| Status::Malformed)?;
        }
        Ok(())
    }

    #[cfg(test)]
    fn is_wiped(&self) -> bool {
        self.ring.is_wiped() && self.content.is_empty()
    }
}

#[cfg(test)]
mod tests;
