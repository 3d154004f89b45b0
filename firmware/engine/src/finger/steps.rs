//! The steps of a task: which instruction, how long it may take, and what comes after its confirmation.

use embedded_io::{Read, ReadReady, Write, WriteReady};
use reader_protocol::ef01::{self, Command, Confirmation, Instruction, Parameters};
use reader_protocol::escape::{Aura, FingerFailure, FingerOutcome, FingerState, FingerTask};

use super::{Finger, LOOK_EVERY, Phase, TRANSFER_MAX};
use crate::time::{Duration, Instant};
use crate::trace::Trace;

/// What the module is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Whether it is there: the password of the factory.
    Hello,
    /// Its parameters; some modules refuse them.
    HelloParameters,
    /// To take an image if a finger is there.
    Generate,
    /// To make features of the image.
    Extract,
    /// To send an image or template.
    Upload,
    /// To take a template.
    Download,
    /// The one instruction of a task that has only one.
    Only,
    /// To forget all templates, after an opening.
    Erase,
    /// Nothing.
    Rest,
}

impl Step {
    /// Whether it does no harm to ask twice when the answer was lost.
    pub(super) fn may_be_repeated(self, task: Option<&FingerTask>) -> bool {
        // Two templates that are one already do not combine.
        self != Self::Rest && !(self == Self::Only && task == Some(&FingerTask::Combine))
    }

    /// The first step of a task.
    const fn first(task: &FingerTask) -> Self {
        match task {
            FingerTask::CaptureImage { .. } | FingerTask::CaptureFeatures { .. } => Self::Generate,
            FingerTask::ReadImage | FingerTask::ReadTemplate { .. } => Self::Upload,
            FingerTask::WriteTemplate { .. } => Self::Download,
            FingerTask::Combine
            | FingerTask::Store { .. }
            | FingerTask::Load { .. }
            | FingerTask::Delete { .. }
            | FingerTask::Match
            | FingerTask::Count
            | FingerTask::Parameters
            | FingerTask::Aura(_) => Self::Only,
        }
    }

    /// The instruction of this step; `None` when there is none.
    fn instruction(self, task: Option<&FingerTask>) -> Option<Instruction> {
        Some(match (self, task) {
            (Self::Hello, _) => Instruction::VerifyPassword,
            (Self::HelloParameters, _) => Instruction::ReadParameters,
            (Self::Generate, _) => Instruction::GenerateImage,
            (Self::Extract, _) => Instruction::ExtractFeatures,
            (Self::Upload, Some(FingerTask::ReadTemplate { .. })) => Instruction::UploadTemplate,
            (Self::Upload, _) => Instruction::UploadImage,
            (Self::Download, _) => Instruction::DownloadTemplate,
            (Self::Erase, _) => Instruction::Empty,
            (Self::Only, Some(task)) => match task {
                FingerTask::Combine => Instruction::Combine,
                FingerTask::Store { .. } => Instruction::Store,
                FingerTask::Load { .. } => Instruction::Load,
                FingerTask::Delete { .. } => Instruction::Delete,
                FingerTask::Match => Instruction::Match,
                FingerTask::Count => Instruction::Count,
                FingerTask::Parameters => Instruction::ReadParameters,
                FingerTask::Aura(_) => Instruction::Aura,
                FingerTask::CaptureImage { .. }
                | FingerTask::CaptureFeatures { .. }
                | FingerTask::ReadImage
                | FingerTask::ReadTemplate { .. }
                | FingerTask::WriteTemplate { .. } => return None,
            },
            (Self::Only, None) | (Self::Rest, _) => return None,
        })
    }

    /// The command of this step; `None` when there is none.
    fn command(self, task: Option<&FingerTask>) -> Option<Command> {
        let send = |parameters: &[u8]| ef01::command(ef01::ADDRESS, self.instruction(task)?, parameters);
        match (self, task) {
            (Self::Hello, _) => send(&[0; 4]),
            (
                Self::Extract | Self::Upload | Self::Download,
                Some(
                    FingerTask::CaptureFeatures { buffer, .. }
                    | FingerTask::ReadTemplate { buffer }
                    | FingerTask::WriteTemplate { buffer, .. },
                ),
            ) => send(&[buffer.byte()]),
            (Self::Only, Some(FingerTask::Store { buffer, page } | FingerTask::Load { buffer, page })) => {
                let [high, low] = page.to_be_bytes();
                send(&[buffer.byte(), high, low])
            }
            (Self::Only, Some(FingerTask::Delete { page, count })) => {
                let ([page_high, page_low], [high, low]) = (page.to_be_bytes(), count.to_be_bytes());
                send(&[page_high, page_low, high, low])
            }
            (Self::Only, Some(FingerTask::Aura(Aura { control, speed, colour, count }))) => {
                send(&[*control, *speed, *colour, *count])
            }
            _ => send(&[]),
        }
    }
}

/// How long a task waits for a finger.
pub(super) fn finger_wait(task: &FingerTask) -> Duration {
    match task {
        FingerTask::CaptureImage { timeout_ms } | FingerTask::CaptureFeatures { timeout_ms, .. } => {
            Duration::from_millis((*timeout_ms).into())
        }
        _ => Duration(0),
    }
}

/// Longest wait for a confirmation.
const fn patience(instruction: Instruction) -> Duration {
    Duration::from_millis(match instruction {
        Instruction::VerifyPassword => 500,
        Instruction::GenerateImage | Instruction::ExtractFeatures | Instruction::Combine => 2_500,
        // These write the module's flash.
        Instruction::Store | Instruction::Delete | Instruction::Empty => 4_000,
        _ => 1_000,
    })
}

/// Bytes that a good confirmation brings at least.
const fn data_bytes_min(instruction: Instruction) -> usize {
    match instruction {
        Instruction::ReadParameters => Parameters::BYTES,
        Instruction::Match | Instruction::Count => 2,
        _ => 0,
    }
}

impl<U: Read + ReadReady + Write + WriteReady> Finger<U> {
    /// Begins the task, by a greeting when the module has not answered lately.
    #[inline(never)]
    pub(super) fn begin_task(&mut self, now: Instant) {
        self.step = match &self.task {
            None => Step::Rest,
            Some(_) if !self.is_present => Step::Hello,
            Some(task) => Step::first(task),
        };
        self.tries = 0;
        self.do_step(now);
    }

    /// Sends the step's command.
    #[inline(never)]
    pub(super) fn do_step(&mut self, now: Instant) {
        if self.step == Step::Rest && self.task.is_some() {
            self.begin_task(now);
            return;
        }
        let instruction = self.step.instruction(self.task.as_ref());
        let command = self.step.command(self.task.as_ref());
        match (instruction, command) {
            (Some(instruction), Some(command)) => {
                self.line.send_command(command);
                self.phase = Phase::Asking { until: now + patience(instruction) };
            }
            _ => self.phase = Phase::Idle,
        }
    }

    fn go_on(&mut self, step: Step, now: Instant) {
        self.step = step;
        self.tries = 0;
        self.do_step(now);
    }

    /// The module has confirmed the step.
    #[inline(never)]
    pub(super) fn step_done(
        &mut self,
        confirmation: Confirmation,
        data: &[u8],
        trace: &mut Trace,
        now: Instant,
    ) {
        let is_done = confirmation == Confirmation::Done;
        let instruction = self.step.instruction(self.task.as_ref());
        let data_bytes_min = instruction.map_or(0, data_bytes_min);
        if is_done && data.len() < data_bytes_min {
            // The confirmation of something else, which came late.
            self.again_or_fail(FingerFailure::Unexpected, trace, now);
            return;
        }
        if confirmation == Confirmation::PacketBroken
            && self.tries == 0
            && self.step.may_be_repeated(self.task.as_ref())
        {
            self.again_or_fail(FingerFailure::Broken, trace, now);
            return;
        }
        match self.step {
            Step::Hello if is_done => self.go_on(Step::HelloParameters, now),
            Step::HelloParameters => {
                self.is_present = true;
                if is_done && let Some(bytes) = data.first_chunk() {
                    self.packet_content_bytes = Parameters::from_bytes(bytes).packet_content_bytes();
                }
                if self.owes_erasure {
                    self.go_on(Step::Erase, now);
                } else {
                    self.begin_task(now);
                }
            }
            Step::Generate => match confirmation {
                Confirmation::Done if matches!(self.task, Some(FingerTask::CaptureFeatures { .. })) => {
                    self.go_on(Step::Extract, now);
                }
                Confirmation::Done => self.go_on(Step::Upload, now),
                Confirmation::NoFinger | Confirmation::ImageFailed if now < self.finger_until => {
                    self.tries = 0;
                    self.phase = Phase::Pause { until: now + LOOK_EVERY };
                }
                Confirmation::NoFinger => self.fail(FingerFailure::NoFinger, trace),
                other => self.fail(FingerFailure::Refused(other), trace),
            },
            Step::Upload if is_done => {
                self.phase = Phase::Receiving { heard: now, until: now + TRANSFER_MAX };
            }
            Step::Download if is_done => self.phase = Phase::Sending { heard: now },
            Step::Extract | Step::Only if is_done => self.complete(data),
            Step::Erase if is_done => {
                self.is_erasing = false;
                self.owes_erasure = false;
                self.is_present = true;
                self.begin_task(now);
            }
            Step::Erase => self.again_or_fail(FingerFailure::Refused(confirmation), trace, now),
            Step::Hello | Step::Upload | Step::Download | Step::Extract | Step::Only => {
                self.fail(FingerFailure::Refused(confirmation), trace);
            }
            Step::Rest => {}
        }
    }

    /// The task's last step is done.
    fn complete(&mut self, data: &[u8]) {
        let number = data.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
        let outcome = match (&self.task, data.first_chunk()) {
            (Some(FingerTask::Match), _) => FingerOutcome::Score(number),
            (Some(FingerTask::Count), _) => FingerOutcome::Count(number),
            (Some(FingerTask::Parameters), Some(bytes)) => {
                let parameters = Parameters::from_bytes(bytes);
                self.packet_content_bytes = parameters.packet_content_bytes();
                FingerOutcome::Parameters(parameters)
            }
            _ => FingerOutcome::Nothing,
        };
        self.end(FingerState::Done(outcome));
    }
}
