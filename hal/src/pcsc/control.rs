//! Control codes: what a program says to the driver of a reader, beside the card.

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use pcsc::Error;
use zeroize::Zeroizing;

use super::{
    Limits,
    fault::Fault,
    held, holder,
    worker::{NoResult, Worker},
};

/// How long a reader whose every slot is being taken by somebody is tried for.
const BUSY_GRACE: Duration = Duration::from_millis(500);
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A way to the driver of one reader.
pub trait ControlChannel: Send {
    /// Gives the driver a control code with its bytes, and gives its answer. Bounded in time.
    ///
    /// Errors: see [`ControlError`]; after `Failed` and `Late` the reader may have done what was asked.
    fn control(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ControlError>;

    /// Name of the reader as an installer sees it.
    fn name(&self) -> &str;
}

impl<C: ControlChannel + ?Sized> ControlChannel for Box<C> {
    fn control(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        (**self).control(code, request)
    }
    fn name(&self) -> &str {
        (**self).name()
    }
}

/// A reader behind pcscd. It works with or without cards, while slots of it are held by this process, and
/// while other programs use a slot as long as one is left.
///
/// Making one does nothing; reader and service may come and go. A call takes at most
/// [`Limits::service_ms`] and [`Limits::transmit_ms`] together: pcscd lets a reader do one thing at a time, so
/// a call may have to wait for an exchange with a card.
#[derive(Debug)]
pub struct ReaderControl {
    reader: String,
    limits: Limits,
    worker: Option<Worker>,
}

impl ReaderControl {
    /// The reader that has the slot of this name, with the default limits.
    pub fn new(reader: impl Into<String>) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// The reader that has the slot of this name.
    pub fn with_limits(reader: impl Into<String>, limits: Limits) -> Self {
        ReaderControl { reader: reader.into(), limits, worker: None }
    }

    /// Through a card of ours; `None` when no slot is held by us (any more).
    fn by_held(&self, code: u32, request: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, ControlError>> {
        for caller in held::callers(&self.reader) {
            let request = Zeroizing::new(request.to_vec());
            let limit = Duration::from_millis(self.limits.transmit_ms.into());
            match caller.call(limit, move |connection| connection.control(code, &request)) {
                // The card was put away, or reset by somebody, since we looked.
                Ok(Err(
                    Error::InvalidHandle | Error::ResetCard | Error::RemovedCard | Error::NoSmartcard,
                ))
                | Err(NoResult::Ended) => {}
                Ok(result) => return Some(result.map_err(|error| self.error(error))),
                Err(none) => return Some(Err(self.no_result(none, self.limits.transmit_ms))),
            }
        }
        None
    }

    fn by_reader(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        let limit_ms = self.limits.service_ms.saturating_add(self.limits.transmit_ms);
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start().map_err(|none| self.no_result(none, limit_ms))?,
        };
        let (reader, request) = (self.reader.clone(), Zeroizing::new(request.to_vec()));
        let service = Duration::from_millis(self.limits.service_ms.into());
        let result = worker.call(Duration::from_millis(limit_ms.into()), move |connection| {
            connection.control_reader(&reader, code, &request, service)
        });
        match result {
            Ok(result) => {
                self.worker = Some(worker);
                result.map_err(|error| self.error(error))
            }
            Err(none) => {
                if none == NoResult::Late {
                    worker.abandon();
                }
                Err(self.no_result(none, limit_ms))
            }
        }
    }

    fn error(&self, error: Error) -> ControlError {
        match (error, Fault::of(error)) {
            (Error::UnsupportedFeature, _) => ControlError::Unsupported,
            (_, Fault::Busy) => ControlError::Busy { holders: holder::names() },
            (_, Fault::Reader) => ControlError::NoReader { reader: self.reader.clone() },
            (_, Fault::Service(detail)) => ControlError::Service { detail },
            _ => ControlError::Failed,
        }
    }

    fn no_result(&self, none: NoResult, timeout_ms: u32) -> ControlError {
        match none {
            NoResult::Late => ControlError::Late { timeout_ms },
            NoResult::Ended => ControlError::Service { detail: "the driver stopped" },
            NoResult::TooMany => ControlError::Service { detail: "too many calls are stuck" },
        }
    }
}

impl ControlChannel for ReaderControl {
    fn control(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        let end = Instant::now() + BUSY_GRACE;
        loop {
            if let Some(result) = self.by_held(code, request) {
                return result;
            }
            match self.by_reader(code, request) {
                Err(ControlError::Busy { .. }) if Instant::now() < end => thread::sleep(BUSY_PAUSE),
                result => return result,
            }
        }
    }

    fn name(&self) -> &str {
        &self.reader
    }
}

/// Why a driver gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// The reader is not connected (any more). For the installer.
    NoReader {
        /// The slot's name that was asked for.
        reader: String,
    },
    /// Other programs hold every slot. For the operator.
    Busy {
        /// Programs that may hold them.
        holders: Vec<String>,
    },
    /// The driver does not know this control code.
    Unsupported,
    /// The exchange with the reader broke, or it has refused.
    Failed,
    /// No answer in time.
    Late {
        /// The limit that ran out.
        timeout_ms: u32,
    },
    /// The smart card service is not running or has been restarted. For the installer.
    Service {
        /// What the service said.
        detail: &'static str,
    },
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader { reader } => write!(f, "reader {reader} is not connected"),
            Self::Busy { holders } if holders.is_empty() => f.write_str("another program holds the reader"),
            Self::Busy { holders } => write!(f, "the reader is held by {}", holders.join(", ")),
            Self::Unsupported => f.write_str("the driver does not know this control code"),
            Self::Failed => f.write_str("the exchange with the reader failed"),
            Self::Late { timeout_ms } => write!(f, "the reader gave no answer within {timeout_ms} ms"),
            Self::Service { detail } => write!(f, "smart card service: {detail}"),
        }
    }
}

impl std::error::Error for ControlError {}
