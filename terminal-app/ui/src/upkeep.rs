//! What a terminal does by itself while nobody asks for anything: it watches the slot, uploads, fetches, and tells how
//! it is.

use std::{
    thread,
    time::{Duration, Instant},
};

use edge::{counter::Counter, failure::Failure, options::Options, printer, sensor, training};
use hal::{pin_pad::PinPad, slot::SlotError};
use protocol::timestamp::Timestamp;
use terminal::{
    error::Error,
    session::SessionError,
    sync::{ROUND_MS, SyncStep, Synchroniser},
    uploader,
};

use crate::{desk::Halt, trouble::Trouble};

/// How often the slot is looked at.
const LOOK_MS: u64 = 200;

/// How often the figures of the status bar are read anew.
const STATUS_MS: u64 = 2_000;

/// How often the printer is asked whether it is there.
const PRINTER_MS: u64 = 30_000;

/// How long an upload or a fetch is left alone after there was nothing to do.
const QUIET_MS: u64 = 2_000;

/// How long a card lies untouched until the line gets its turn all the same: a forgotten card holds up no record.
const CARD_LEFT_MS: u64 = 120_000;

/// How often a terminal that cannot be opened is tried again.
const REOPEN_MS: u64 = 3_000;

/// How something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Light {
    /// It works.
    Ok,
    /// Somebody should look at it soon.
    Care,
    /// It does not work.
    Bad,
    /// There is none, or nothing is known of it yet.
    #[default]
    Off,
}

/// How the terminal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The card reader.
    pub reader: Light,
    /// The fingerprint sensor; off where there is none.
    pub sensor: Light,
    /// The receipt printer; off where there is none.
    pub printer: Light,
    /// The line to the center.
    pub center: Light,
    /// The cache: care while it is filled or old.
    pub cache: Light,
    /// How old the cache is; `None` before it is filled.
    pub cache_age_ms: Option<i64>,
    /// Records that wait for the center.
    pub queue_depth: u64,
    /// How long the oldest of them has waited.
    pub queue_oldest_ms: Option<i64>,
    /// Transactions without an outcome.
    pub unresolved: u64,
    /// Records that the center has refused or found in conflict.
    pub disputed: u64,
    /// Why business is stopped, where it is.
    pub halted: Option<Trouble>,
    /// Who is signed in.
    pub operator: Option<String>,
    /// Whether the one who is signed in may do business.
    pub on_duty: bool,
}

/// What has changed in the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A card came.
    CardIn,
    /// The card went.
    CardOut,
}

/// What one look has found.
#[derive(Debug, Default)]
pub struct Found {
    /// Something changed in the slot.
    pub slot: Option<Slot>,
    /// The figures are others than last time.
    pub status: Option<Status>,
}

/// The terminal's own errands, and when each is due.
#[derive(Debug)]
pub struct Upkeep {
    synchroniser: Synchroniser,
    upload_at: Instant,
    sync_at: Instant,
    status_at: Instant,
    printer_at: Instant,
    asked_at: Instant,
    told: Option<Status>,
    reader: Light,
    sensor: Light,
    printer: Light,
    card_is_in: bool,
}

impl Upkeep {
    /// Begins; sets up the sensor of the settings.
    pub fn new(counter: &mut Counter) -> Self {
        let now = Instant::now();
        let mut upkeep = Upkeep {
            synchroniser: Synchroniser::new(),
            upload_at: now,
            sync_at: now,
            status_at: now,
            printer_at: now,
            asked_at: now,
            told: None,
            reader: Light::Off,
            sensor: Light::Off,
            printer: Light::Off,
            card_is_in: false,
        };
        if let Ok(Some(sensor)) = sensor::choose(None, Some(&counter.cabinet.config)) {
            counter.flows.use_sensor(sensor);
            upkeep.sensor = if counter.flows.probe_sensor().is_ok() { Light::Ok } else { Light::Bad };
        }
        upkeep
    }

    /// Looks once, does at most one exchange with the center, and says when it wants to be called again.
    pub fn step(&mut self, counter: &mut Counter) -> (Found, Duration) {
        let mut found = Found { slot: self.look(counter), status: None };
        if found.slot.is_some() {
            self.asked_at = Instant::now();
        }
        let card_left = self.asked_at.elapsed() >= Duration::from_millis(CARD_LEFT_MS);
        if found.slot.is_none() && (!self.card_is_in || card_left) {
            // While a card is in, the holder is not made to wait for the line.
            self.exchange(counter);
        }
        let now = Instant::now();
        if now >= self.status_at || found.slot.is_some() {
            self.status_at = now + Duration::from_millis(STATUS_MS);
            let status = self.status(counter);
            if self.told.as_ref() != Some(&status) {
                self.told = Some(status.clone());
                found.status = Some(status);
            }
        }
        (found, Duration::from_millis(LOOK_MS))
    }

    /// Whether a card was in the slot when it was last looked at.
    pub fn card_is_in(&self) -> bool {
        self.card_is_in
    }

    /// Business has changed the figures: they are told at the next step.
    pub fn refresh(&mut self) {
        let now = Instant::now();
        (self.status_at, self.upload_at, self.asked_at) = (now, now, now);
    }

    fn look(&mut self, counter: &mut Counter) -> Option<Slot> {
        let (reader, card_is_in) = match counter.flows.wait_card(0) {
            Ok(()) => (Light::Ok, true),
            Err(Error::Session(SessionError::Slot { error: SlotError::NoCard, .. })) => (Light::Ok, false),
            Err(_) => (Light::Bad, false),
        };
        if reader != self.reader {
            self.reader = reader;
            self.status_at = Instant::now();
        }
        let changed = card_is_in != self.card_is_in;
        self.card_is_in = card_is_in;
        changed.then_some(if card_is_in { Slot::CardIn } else { Slot::CardOut })
    }

    fn exchange(&mut self, counter: &mut Counter) {
        let now = Instant::now();
        if now >= self.upload_at {
            let wait_ms = match counter.flows.upload_step() {
                Ok(uploader::Step::Wait { for_ms }) => for_ms,
                Ok(uploader::Step::Failed { retry_ms, .. }) => retry_ms,
                Ok(uploader::Step::Greeted { .. } | uploader::Step::Sent { .. }) => 0,
                Ok(_) | Err(_) => QUIET_MS,
            };
            self.upload_at = Instant::now() + Duration::from_millis(wait_ms.min(ROUND_MS));
            return;
        }
        if now >= self.sync_at {
            let wait_ms = match counter.flows.sync_step(&mut self.synchroniser) {
                Ok(SyncStep::Wait { for_ms }) => for_ms,
                Ok(SyncStep::Failed { retry_ms, .. }) => retry_ms,
                Ok(SyncStep::Complete { .. }) | Err(_) => QUIET_MS,
                Ok(_) => 0,
            };
            self.sync_at = Instant::now() + Duration::from_millis(wait_ms.min(ROUND_MS));
        }
    }

    fn status(&mut self, counter: &mut Counter) -> Status {
        self.look_at_printer(counter);
        let now = counter.cabinet.now();
        let flows = &counter.flows;
        let signed_in = flows.signed_in();
        let mut status = Status {
            reader: self.reader,
            sensor: self.sensor,
            printer: self.printer,
            center: match flows.line_is_up() {
                Some(true) => Light::Ok,
                Some(false) => Light::Care,
                None => self.told.as_ref().map_or(Light::Off, |told| told.center),
            },
            operator: signed_in.map(|signed_in| signed_in.operator.clone()),
            on_duty: signed_in.is_some_and(|signed_in| signed_in.cycle.is_some()),
            ..Status::default()
        };
        match flows.ledger().status(flows.limits(), now) {
            Ok(books) => {
                status.queue_depth = books.waiting;
                status.queue_oldest_ms = books.oldest_waiting.map(|at| age_ms(at, now));
                status.unresolved = books.unresolved;
                status.disputed = books.refused + books.conflicts;
                status.halted = books.halted.map(|reason| {
                    Trouble::of(&Error::from(terminal::ledger::LedgerError::Halted(reason)).into())
                });
            }
            Err(error) => status.halted = Some(Trouble::of(&Error::from(error).into())),
        }
        let filled = flows.cache().progress().is_ok_and(|progress| progress.complete());
        status.cache_age_ms = flows.cache().age_ms(now).ok().flatten();
        status.cache = match status.cache_age_ms {
            Some(age) if filled && age <= flows.limits().cache_age_max_ms => Light::Ok,
            Some(_) => Light::Care,
            None => Light::Bad,
        };
        status
    }

    fn look_at_printer(&mut self, counter: &Counter) {
        let Some(settings) = &counter.cabinet.config.printer else { return };
        if Instant::now() >= self.printer_at {
            self.printer_at = Instant::now() + Duration::from_millis(PRINTER_MS);
            self.printer = if printer::check(settings).is_ok() { Light::Ok } else { Light::Bad };
        }
    }
}

fn age_ms(at: Timestamp, now: Timestamp) -> i64 {
    now.0.saturating_sub(at.0).max(0)
}

/// Opens the terminal, again and again until it opens or the face goes away: a reader may be plugged in late, another
/// program may still hold the books.
///
/// `closed` is told why it does not open, each time the reason is another.
pub fn open_when_possible<P: PinPad + Clone + Send + 'static>(
    options: &Options,
    pad: &P,
    halt: &Halt,
    mut closed: impl FnMut(Trouble),
) -> Option<Counter> {
    let mut last = None;
    while !halt.is_asked() {
        // A training terminal makes itself ready, and begins anew when it is a day old.
        let ready = if options.data.is_training() { training::prepare(options).map(drop) } else { Ok(()) };
        match ready.and_then(|()| Counter::open(options, Box::new(pad.clone()))) {
            Ok(counter) => return Some(counter),
            Err(failure) => tell_once(&failure, &mut last, &mut closed),
        }
        let again = Instant::now() + Duration::from_millis(REOPEN_MS);
        while Instant::now() < again && !halt.is_asked() {
            thread::sleep(Duration::from_millis(50));
        }
    }
    None
}

fn tell_once(failure: &Failure, last: &mut Option<Trouble>, closed: &mut impl FnMut(Trouble)) {
    let trouble = Trouble::of(failure);
    if last.as_ref() != Some(&trouble) {
        *last = Some(trouble.clone());
        closed(trouble);
    }
}
