//! A card slot behind pcscd.

use std::{
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{
    Limits,
    connection::{Broken, Connection},
    fault::{self, Fault},
    held::Held,
    holder,
    reader::{self, Use, no_result},
    worker::{Fate, NoResult, Worker},
};
use crate::slot::{ANSWER_BYTES_MAX, CardSlot, Outcome, SlotError};

/// How long a card that another program holds is waited for: desktop programs look into every card that is
/// put in, for a moment.
const BUSY_GRACE: Duration = Duration::from_millis(500);
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// How long pcscd may take to see that a card is gone: it looks every 400 ms.
const PULLED_LIMIT: Duration = Duration::from_millis(600);

/// A slot of a PC/SC reader.
///
/// Making one does nothing; reader and service need not be there yet, and may come and go. The card is
/// held exclusively from [`CardSlot::power_on`] to [`CardSlot::power_off`] or the first error. Each call is
/// bounded by [`Limits`]. Dropping it powers the card off.
#[derive(Debug)]
pub struct PcscSlot {
    reader: String,
    limits: Limits,
    worker: Option<Worker>,
    /// Lets others of this process call through the card, as long as it is powered.
    powered: Option<Held>,
    /// A call of ours that did not come back and may still hold the card.
    stuck: Option<Fate>,
}

impl PcscSlot {
    /// The slot of the reader with this name, with the default limits.
    pub fn new(reader: impl Into<String>) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// The slot of the reader with this name.
    pub fn with_limits(reader: impl Into<String>, limits: Limits) -> Self {
        PcscSlot { reader: reader.into(), limits, worker: None, powered: None, stuck: None }
    }

    /// The limits of its calls.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn call<T: Send + 'static>(
        &mut self,
        limit_ms: u32,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        if self.worker.is_none() {
            self.worker = Some(Worker::start()?);
        }
        let Some(worker) = self.worker.take() else { return Err(NoResult::Ended) };
        let result = worker.call(Duration::from_millis(limit_ms.into()), job);
        match result {
            Ok(_) => self.worker = Some(worker),
            Err(NoResult::Late) => {
                self.powered = None;
                self.stuck = Some(worker.abandon());
            }
            Err(NoResult::Ended | NoResult::TooMany) => self.powered = None,
        }
        result
    }

    fn wait(&mut self, present: bool, timeout_ms: u32) -> Result<bool, SlotError> {
        let (reader, service) = (self.reader.clone(), millis(self.limits.service_ms));
        let limit_ms = timeout_ms.saturating_add(self.limits.service_ms).saturating_add(self.limits.call_ms);
        self.call(limit_ms, move |connection| connection.wait(&reader, present, millis(timeout_ms), service))
            .map_err(|none| no_result(none, limit_ms, Outcome::NotDone))?
            .map_err(|error| Fault::of(error).before_card(&self.reader))
    }

    fn try_power_on(&mut self) -> Result<(Vec<u8>, String), SlotError> {
        let (reader, service) = (self.reader.clone(), millis(self.limits.service_ms));
        let limit_ms = self.limits.service_ms.saturating_add(self.limits.power_on_ms);
        match self.call(limit_ms, move |connection| connection.power_on(&reader, service)) {
            Ok(Ok(powered)) => Ok(powered),
            Ok(Err(error)) => Err(self.power_on_error(Fault::of(error))),
            // pcscd lets a connection wait for as long as another program's transaction lasts.
            Err(NoResult::Late) if self.is_used_by_others() => {
                Err(SlotError::Busy { holders: holder::names() })
            }
            Err(none) => Err(no_result(none, limit_ms, Outcome::NotDone)),
        }
    }

    fn power_on_error(&mut self, fault: Fault) -> SlotError {
        match fault {
            Fault::Busy if self.is_stuck() => {
                SlotError::Timeout { timeout_ms: self.limits.transmit_ms, outcome: Outcome::NotDone }
            }
            Fault::Busy => SlotError::Busy { holders: holder::names() },
            // A card that was pulled just now cannot be powered either.
            Fault::Mute | Fault::Exchange if self.is_pulled() => SlotError::NoCard,
            fault => fault.before_card(&self.reader),
        }
    }

    /// Whether an earlier call of ours is still under way.
    fn is_stuck(&mut self) -> bool {
        if self.stuck.as_ref().is_some_and(Fate::has_ended) {
            self.stuck = None;
        }
        self.stuck.is_some()
    }

    fn is_pulled(&mut self) -> bool {
        let (reader, limit_ms) = (self.reader.clone(), self.limits.call_ms);
        self.call(limit_ms, move |connection| connection.is_pulled(&reader, PULLED_LIMIT)).unwrap_or(false)
    }

    fn is_used_by_others(&self) -> bool {
        let limits = Limits { service_ms: 0, ..self.limits };
        reader::readers(&limits).is_ok_and(|readers| {
            readers.iter().any(|reader| reader.name == self.reader && reader.in_use != Use::Free)
        })
    }
}

impl CardSlot for PcscSlot {
    fn name(&self) -> &str {
        &self.reader
    }

    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        if self.wait(true, timeout_ms)? { Ok(()) } else { Err(SlotError::NoCard) }
    }

    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        if !self.wait(false, timeout_ms)? {
            return Err(SlotError::Timeout { timeout_ms, outcome: Outcome::NotDone });
        }
        self.power_off();
        Ok(())
    }

    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        self.powered = None;
        let end = Instant::now() + BUSY_GRACE;
        loop {
            match self.try_power_on() {
                Ok((atr, name)) => {
                    self.powered = self.worker.as_ref().map(|worker| Held::new(name, worker.caller()));
                    return Ok(atr);
                }
                Err(SlotError::Busy { .. }) if Instant::now() < end => thread::sleep(BUSY_PAUSE),
                Err(error) => return Err(error),
            }
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        if self.powered.is_none() {
            return Err(SlotError::NotPowered);
        }
        // A copy, since the thread may outlive this call; it may be a PIN, so it is wiped.
        let command = Zeroizing::new(command.to_vec());
        let limit_ms = self.limits.transmit_ms;
        let broken = match self.call(limit_ms, move |connection| connection.transmit(&command)) {
            Ok(Ok(answer)) if (2..=ANSWER_BYTES_MAX).contains(&answer.len()) => return Ok(answer),
            // Some drivers report a lost card as success without a byte, the virtual reader among them.
            Ok(Ok(answer)) if answer.is_empty() => Broken { error: pcsc::Error::NotTransacted, bytes: 0 },
            Ok(Ok(answer)) => {
                self.power_off();
                return Err(SlotError::Answer { bytes: answer.len() });
            }
            Ok(Err(broken)) => broken,
            Err(none) => return Err(no_result(none, limit_ms, Outcome::Unknown)),
        };
        let pulled = Fault::of(broken.error) == Fault::Exchange && self.is_pulled();
        self.power_off();
        Err(fault::exchange(broken.error, pulled, &self.reader, broken.bytes))
    }

    fn power_off(&mut self) {
        self.powered = None;
        if self.worker.is_some() {
            // A call that does not come back takes its handle with it.
            let _ = self.call(self.limits.call_ms, Connection::power_off);
        }
    }
}

impl Drop for PcscSlot {
    fn drop(&mut self) {
        if self.powered.is_some() {
            self.power_off();
        }
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}
