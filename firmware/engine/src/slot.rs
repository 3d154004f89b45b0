//! One slot: whether a card is there, what it works on, and since when the host waits for it.

use crate::ccid::{AnswerKind, CardStatus, Error};
use crate::contacts::{Contacts, Voltage};
use crate::iso7816::{CardError, Interface, Limits, Negotiation, Progress};
use crate::services::SlotEvent;
use crate::time::{Duration, Instant};
use crate::trace::{Event, Trace};

/// A card's contacts bounce when it comes; it counts as there when nothing has changed for so long.
pub const INSERTION_SETTLES: Duration = Duration::from_millis(30);
/// The host is asked for more time when a command has taken so long, and after so long again. Well below the
/// shortest time that a driver waits, 3 s.
pub const EXTENSION: Duration = Duration::from_millis(1_000);
/// No exchange takes longer, whatever the card does to keep the host waiting.
pub const EXCHANGE_MAX: Duration = Duration::from_millis(120_000);
/// No activation and no negotiation takes longer.
pub const ACTIVATION_MAX: Duration = Duration::from_millis(30_000);
/// Steps of the interface in one poll.
const STEPS_MAX: u8 = 64;

/// What a card can be busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reset and its answer.
    Activation,
    /// An exchange.
    Exchange,
    /// Protocol parameters, perhaps with PPS.
    Parameters,
}

impl Work {
    /// How the host is answered.
    pub const fn answer(self) -> AnswerKind {
        match self {
            Self::Activation | Self::Exchange => AnswerKind::DataBlock,
            Self::Parameters => AnswerKind::Parameters,
        }
    }

    const fn time_max(self) -> Duration {
        match self {
            Self::Exchange => EXCHANGE_MAX,
            Self::Activation | Self::Parameters => ACTIVATION_MAX,
        }
    }
}

/// A command that has been taken and not yet been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// What the card does.
    pub work: Work,
    /// bSeq of the command.
    pub sequence: u8,
    /// How it has ended, once it has.
    pub outcome: Option<Result<(), Error>>,
    since: Instant,
    extension_at: Instant,
}

/// One slot of the board.
pub struct Slot<C> {
    contacts: C,
    /// The card's interface device.
    pub interface: Interface,
    /// The command under way.
    pub running: Option<Running>,
    /// Sequence number of a command to abort that has been announced and not yet come.
    pub abort_announced: Option<u8>,
    /// Sequence number of the command to abort that came last, when nothing has come since.
    pub abort_done: Option<u8>,
    power_select: u8,
    is_present: bool,
    has_been_looked_at: bool,
    comes_since: Option<Instant>,
    told: Option<bool>,
}

impl<C: Contacts> Slot<C> {
    /// A slot without power.
    pub fn new(contacts: C, negotiation: Negotiation) -> Self {
        Self {
            contacts,
            interface: Interface::new(negotiation, Limits::ISO),
            running: None,
            abort_announced: None,
            abort_done: None,
            power_select: 0,
            is_present: false,
            has_been_looked_at: false,
            comes_since: None,
            told: None,
        }
    }

    /// State of the card, as CCID has it.
    pub fn status(&self) -> CardStatus {
        if !self.is_present {
            CardStatus::Absent
        } else if self.interface.is_active() {
            CardStatus::Active
        } else {
            CardStatus::Inactive
        }
    }

    /// bClockStatus: 0 the clock runs, 1 it stands low.
    pub fn clock_status(&self) -> u8 {
        u8::from(!self.interface.is_clock_running())
    }

    /// Frequency of the card's clock in hertz.
    pub fn clock_hertz(&self) -> u32 {
        self.contacts.clock_hertz()
    }

    /// The contacts, for whoever owns the board.
    pub fn contacts_mut(&mut self) -> &mut C {
        &mut self.contacts
    }

    /// Begins activation, or warm reset when the card is active and its supply is to stay as it is.
    pub fn power_on(&mut self, power_select: u8, sequence: u8, now: Instant) {
        let keeps_supply = power_select == 0 || power_select == self.power_select;
        if !(keeps_supply && self.interface.is_active() && self.interface.warm_reset().is_ok()) {
            self.interface.power_on(match power_select {
                1 => Some(Voltage::V5),
                2 => Some(Voltage::V3),
                3 => Some(Voltage::V1_8),
                _ => None,
            });
            self.power_select = power_select;
        }
        self.begin(Work::Activation, sequence, now);
    }

    /// Takes the card's power.
    pub fn power_off(&mut self, now: Instant) {
        self.interface.power_off(&mut self.contacts, now);
    }

    /// Begins an exchange.
    pub fn exchange(
        &mut self,
        data: &[u8],
        waiting_extension: u8,
        sequence: u8,
        now: Instant,
    ) -> Result<(), CardError> {
        self.interface.exchange(data, waiting_extension)?;
        self.begin(Work::Exchange, sequence, now);
        Ok(())
    }

    /// Begins to set protocol parameters.
    pub fn set_parameters(
        &mut self,
        protocol: u8,
        data: &[u8],
        sequence: u8,
        now: Instant,
    ) -> Result<(), CardError> {
        self.interface.set_parameters(protocol, data)?;
        self.begin(Work::Parameters, sequence, now);
        Ok(())
    }

    /// Begins to put back the protocol parameters of the answer to reset.
    pub fn reset_parameters(&mut self, sequence: u8, now: Instant) -> Result<(), CardError> {
        self.interface.reset_parameters()?;
        self.begin(Work::Parameters, sequence, now);
        Ok(())
    }

    /// Stops or restarts the card's clock.
    pub fn set_clock(&mut self, runs: bool, now: Instant) -> Result<(), CardError> {
        self.interface.set_clock(&mut self.contacts, runs, now)
    }

    /// Takes back the command under way. The card loses its power: in the middle of an answer nothing but a
    /// reset brings it back to where it listens. False when none was under way.
    pub fn abort(&mut self, trace: &mut Trace, now: Instant) -> bool {
        let is_aborted = self.end(Err(Error::ABORTED));
        if is_aborted {
            trace.count(Event::Aborted);
            self.power_off(now);
        }
        is_aborted
    }

    /// Goes on with the card; says what has changed, and when to be polled again at the latest.
    pub fn poll(&mut self, trace: &mut Trace, now: Instant) -> (Option<SlotEvent>, Option<Instant>) {
        let mut event = self.look(trace, now);
        let mut next = self.comes_since.map(|since| since + INSERTION_SETTLES);
        if let Some(running) = &self.running
            && running.outcome.is_none()
        {
            let limit = running.since + running.work.time_max();
            if now >= limit {
                trace.count(Event::CardStalled);
                self.power_off(now);
                self.end(Err(Error::CARD_MUTE));
                event = event.or(Some(SlotEvent::Failed));
            } else {
                // One that is overdue waits for the host's line, which is polled for itself.
                let extension_at = Some(running.extension_at).filter(|at| *at > now);
                next = earlier(earlier(next, Some(limit)), extension_at);
            }
        }
        for step in 1.. {
            match self.interface.poll(&mut self.contacts, now) {
                Progress::Idle => break,
                Progress::Busy { until } => {
                    next = earlier(next, Some(until));
                    break;
                }
                Progress::Extended => trace.count(Event::CardExtension),
                Progress::Done => {
                    if let Some(running) = self.running {
                        event = event.or(self.done(running.work, trace));
                    }
                    self.end(Ok(()));
                }
                Progress::Failed(error) => {
                    trace.count(match error {
                        CardError::Mute | CardError::Removed | CardError::Inactive => Event::CardMute,
                        CardError::Overload => Event::CardOverload,
                        _ => Event::CardBroken,
                    });
                    event = event.or(Some(SlotEvent::Failed));
                    self.end(Err(Error(error.code())));
                }
            }
            if step >= STEPS_MAX {
                next = Some(now);
                break;
            }
        }
        (event, next)
    }

    /// Whether the host should be asked for more time now; then it is not again for a while.
    pub fn wants_extension(&mut self, now: Instant) -> Option<Running> {
        let running = self.running.as_mut()?;
        if running.outcome.is_some() || now < running.extension_at {
            return None;
        }
        running.extension_at = now + EXTENSION;
        Some(*running)
    }

    /// Whether a card is there, when the host has not been told yet.
    pub fn untold_change(&mut self) -> Option<bool> {
        let is_new = self.told != Some(self.is_present);
        self.told = Some(self.is_present);
        is_new.then_some(self.is_present)
    }

    /// Looks whether a card has come or gone.
    fn look(&mut self, trace: &mut Trace, now: Instant) -> Option<SlotEvent> {
        let is_there = self.contacts.is_present();
        if is_there == self.is_present {
            self.comes_since = None;
            self.has_been_looked_at = true;
            return None;
        }
        if is_there {
            let since = *self.comes_since.get_or_insert(now);
            // A card that was there when the board began does not bounce.
            if self.has_been_looked_at && now - since < INSERTION_SETTLES {
                return None;
            }
            self.comes_since = None;
            self.has_been_looked_at = true;
            self.is_present = true;
            trace.count(Event::Inserted);
            return Some(SlotEvent::Inserted);
        }
        self.is_present = false;
        self.power_off(now);
        trace.count(Event::Removed);
        if self.end(Err(Error::CARD_MUTE)) {
            trace.count(Event::RemovedBusy);
        }
        Some(SlotEvent::Removed)
    }

    fn begin(&mut self, work: Work, sequence: u8, now: Instant) {
        self.running =
            Some(Running { work, sequence, outcome: None, since: now, extension_at: now + EXTENSION });
    }

    /// Notes how the command under way has ended, if one is under way that has not.
    fn end(&mut self, outcome: Result<(), Error>) -> bool {
        match &mut self.running {
            Some(running) if running.outcome.is_none() => {
                running.outcome = Some(outcome);
                true
            }
            _ => false,
        }
    }

    fn done(&self, work: Work, trace: &mut Trace) -> Option<SlotEvent> {
        match work {
            Work::Activation => {
                trace.count(Event::Activated);
                Some(SlotEvent::Activated)
            }
            Work::Exchange => {
                trace.count(Event::Exchange);
                Some(SlotEvent::Ready)
            }
            Work::Parameters => Some(SlotEvent::Ready),
        }
    }
}

/// The earlier of two moments, if there is one.
pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
