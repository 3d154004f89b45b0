//! What a counter or a kiosk does, one method for each step of a visit, without a screen.
//!
//! [`Terminal`] holds the devices, the books and what is known of the card in the slot. A visit goes:
//!
//! ```text
//! sign_in ─► open_card ─► verify_holder ─► eligibility ─► register ─► add_lines ─► pre_settle ─► settle
//!                └── an unresolved transaction of this card is resolved first
//! ```
//!
//! Money moves under one rule. The name of a transaction is committed before anything irreversible happens,
//! what the card will be asked is committed before it is asked, and when it is not certain what the card did,
//! the transaction stays open until the card itself has told. No command that takes money is sent twice.

mod cancel;
mod card;
mod certify;
pub mod contribution;
mod decide;
mod documents;
mod duty;
mod eligibility;
mod enrol;
mod failed;
mod glance;
mod items;
mod load;
mod pension;
mod plan;
mod prove;
mod receipt;
mod register;
mod resolve;
pub mod service;
mod settle;

use card_spec::{date::DateTime, region::RegionCode};
use hal::{clock::Clock, pin_pad::PinPad};
use protocol::{
    id::{TerminalId, TransactionId},
    limits::OfflineLimits,
    policy::ProofPolicy,
    signature::PublicKey,
    timestamp::{ClockQuality, Timestamp},
};

pub use self::{
    cancel::{AccountRefund, Cancelled},
    card::Tap,
    certify::{Certified, HOME_VISITS_WAITING_MAX},
    contribution::{DuesGivenBack, DuesPaid, DuesTaken},
    documents::{Document, Documents, Unreadable, UnreadableDocument},
    enrol::{Enrolled, FINGERS_MAX, FingerTaken, IMPRESSIONS},
    glance::{CardGlance, Earlier, VISIT_NUMBER_CHARS_MAX, visit_number},
    items::Allowance,
    load::Loaded,
    pension::{PensionPaid, PensionRun},
    prove::{CardFinger, CardFingers, Clerk, FingerCheck},
    register::{LineEntry, PreSettlement, VisitEntry},
    resolve::{Resolution, Resolved},
    settle::Settled,
};
use crate::{
    cache::Cache,
    catalog::Catalog,
    clock::{ClockWatch, Now},
    eligibility::Terms,
    error::Error,
    holder::{kept::Seen, sensor::Desk, sitting::Sittings},
    ledger::{CardKey, Ledger, Outcome},
    ports::{CenterLink, Random},
    progress::Progress,
    roles::SignedIn,
    rules::{HospitalLevel, RuleBook},
    session::{BoxedSlot, Session, SessionError},
    uploader::{self, Uploader},
};

/// How long the last word of the center (or its silence) is taken for the state of the line.
pub const LINE_TRUST_MS_MAX: u64 = 15_000;

/// Seconds that are passed over to find a time that the card was not told before.
pub const CARD_TIMES_MAX: u32 = 1_000;

/// How long a holder has for a PIN.
pub const PIN_TIMEOUT_MS: u32 = 60_000;

/// What a terminal is set up with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it accepts, and the city it belongs to.
    pub terms: Terms,
    /// Name of the institution, as on receipts.
    pub institution: String,
    /// Grade of the institution.
    pub level: HospitalLevel,
    /// Whether a card without a medical account may settle; its holder then pays own shares in cash. A card that
    /// only pretends to have none leaves no proof of its own: a city that has such cards switches this on.
    pub settle_without_account: bool,
    /// How long a holder has for a PIN.
    pub pin_timeout_ms: u32,
}

impl Config {
    /// Usual settings for an institution of a city.
    pub fn new(city: RegionCode, institution: impl Into<String>, level: HospitalLevel) -> Self {
        Config {
            terms: Terms::of_city(city),
            institution: institution.into(),
            level,
            settle_without_account: false,
            pin_timeout_ms: PIN_TIMEOUT_MS,
        }
    }
}

/// What a terminal is plugged into.
pub struct Devices {
    /// Slot of the holder's card.
    pub card: BoxedSlot,
    /// Slot of the security module.
    pub psam: BoxedSlot,
    /// Where the holder types.
    pub pin_pad: Box<dyn PinPad + Send>,
    /// Both clocks.
    pub clock: Box<dyn Clock + Send>,
    /// Chance, of the kind that keys are made of.
    pub random: Box<dyn Random + Send>,
    /// The line to the center.
    pub link: Box<dyn CenterLink + Send>,
}

/// A counter or a kiosk.
pub struct Terminal {
    config: Config,
    session: Session,
    pin_pad: Box<dyn PinPad + Send>,
    clock: Box<dyn Clock + Send>,
    random: Box<dyn Random + Send>,
    link: Box<dyn CenterLink + Send>,
    ledger: Ledger,
    cache: Cache,
    uploader: Uploader,
    rules: RuleBook,
    catalogs: Vec<Catalog>,
    unreadable: Vec<UnreadableDocument>,
    limits: OfflineLimits,
    policy: ProofPolicy,
    watch: ClockWatch,
    signed_in: Option<SignedIn>,
    /// What is known of the holder of this card, as long as it stays open.
    eligible: Option<(CardKey, eligibility::Entry)>,
    /// Whether the center answered, and when that was.
    line: Option<(u64, bool)>,
    /// A page of the cache was damaged when it was looked at.
    cache_damaged: bool,
    listener: Box<dyn FnMut(Progress) + Send>,
    desk: Desk,
    seen: Seen,
    sittings: Sittings,
    /// Fingers that were taken and are not on the card yet.
    enrolling: Option<enrol::Enrolling>,
    /// When the open card accepted its PIN, by the monotonic clock.
    pin_verified_ms: Option<u64>,
}

impl Terminal {
    /// Takes up the books and what the center has told so far.
    ///
    /// Intentions that an earlier run has left before any card was asked are written off; what a card may
    /// have been asked stays open until the card comes back.
    /// `center` is the key that signs the center's receipts.
    /// Documents of the center that cannot be read close no counter: see [`Terminal::unreadable`].
    /// Errors: `Ledger`, `Cache`.
    pub fn new(
        config: Config,
        devices: Devices,
        ledger: Ledger,
        cache: Cache,
        center: PublicKey,
    ) -> Result<Self, Error> {
        let Devices { card, psam, pin_pad, clock, mut random, link } = devices;
        let now = Now::of(clock.as_ref());
        let seen = Seen::load(&ledger, random.as_mut(), now)?;
        let sittings = Sittings::load(&ledger, now)?;
        let session = Session::new(card, psam, ledger.terminal())
            .at_home_in(config.terms.city)
            .with_refusals(card::kept_refusals(&ledger)?);
        let watch = ClockWatch::load(&ledger)?;
        let mut terminal = Terminal {
            config,
            session,
            pin_pad,
            clock,
            random,
            link,
            ledger,
            cache,
            uploader: Uploader::new(center),
            rules: RuleBook::new(),
            catalogs: Vec::new(),
            unreadable: Vec::new(),
            limits: OfflineLimits::default(),
            policy: ProofPolicy::default(),
            watch,
            signed_in: None,
            eligible: None,
            line: None,
            cache_damaged: false,
            listener: Box::new(|_| {}),
            desk: Desk::default(),
            seen,
            sittings,
            enrolling: None,
            pin_verified_ms: None,
        };
        terminal.take_up_documents()?;
        terminal.write_off_intentions()?;
        Ok(terminal)
    }

    /// Tells progress to somebody who shows it.
    pub fn on_progress(&mut self, listener: impl FnMut(Progress) + Send + 'static) {
        self.listener = Box::new(listener);
    }

    /// Uses these rules and this catalog, for a terminal that is not fed by a center.
    pub fn use_rules(&mut self, rules: RuleBook, catalog: Option<Catalog>) {
        self.rules = rules;
        self.catalogs = catalog.into_iter().collect();
    }

    /// Uses these limits until the center sends others.
    pub fn use_limits(&mut self, limits: OfflineLimits) {
        self.limits = limits;
    }

    /// The limits in use.
    pub fn limits(&self) -> &OfflineLimits {
        &self.limits
    }

    /// The terminal's number.
    pub fn id(&self) -> TerminalId {
        self.ledger.terminal()
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The books, for what is not a flow: exports, operators, retention.
    pub fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The eligibility cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// A damaged page of the cache was met, and the center was asked instead: the file is to be put aside.
    pub fn cache_is_damaged(&self) -> bool {
        self.cache_damaged
    }

    /// The dialogue with the card, for what is not a flow.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, to be used.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Gives the devices' owner back what it lent: books and cache.
    pub fn into_books(self) -> (Ledger, Cache) {
        (self.ledger, self.cache)
    }

    /// How far the clock is trusted now.
    pub fn clock_quality(&self) -> Result<ClockQuality, Error> {
        Ok(self.watch.quality(self.now(), self.ledger.last_recorded_at()?, &self.limits))
    }

    /// Whether the center can be asked. Asks it when it was not heard of lately; learns its clock then, and
    /// stops business when this is not the ledger that the center knows.
    pub fn is_online(&mut self) -> bool {
        if let Some(up) = self.line_is_up() {
            return up;
        }
        let sent = self.now();
        let answer = self.link.chain_head();
        let now = self.now();
        let up = match answer {
            Ok(head) => {
                // A clock that cannot be noted is no reason to call the line down.
                let _ = self.watch.learn(head.now, sent, now, &mut self.ledger, &self.limits);
                if let Ok(Some(reason)) = uploader::disagreement(&self.ledger, &head) {
                    // Where this cannot be written, no intention can be either.
                    let _ = self.ledger.halt(reason, now.wall);
                }
                true
            }
            Err(_) => false,
        };
        self.line = Some((now.monotonic_ms, up));
        up
    }

    /// Whether the center answered when it was last asked, without asking it; `None` when that is too long ago.
    pub fn line_is_up(&self) -> Option<bool> {
        let (at, up) = self.line?;
        (self.now().monotonic_ms.saturating_sub(at) <= LINE_TRUST_MS_MAX).then_some(up)
    }

    fn heard(&mut self, up: bool) {
        self.line = Some((self.now().monotonic_ms, up));
    }

    fn now(&self) -> Now {
        Now::of(self.clock.as_ref())
    }

    /// The center's time as far as it is known.
    fn center_now(&self) -> Timestamp {
        self.watch.center_time(self.now())
    }

    /// What the open card is told the time is. The calendar of a clock that is off by centuries is cut.
    ///
    /// A time that this holder's card was told before is passed over, second by second: the card's log is
    /// read by terminal and time, so two transactions must never share one, neither on a quick second tap nor
    /// after the clock was set back.
    fn card_time(&self) -> Result<DateTime, Error> {
        let person = self.session.card()?.holder().ok_or(SessionError::CardFirst)?.person;
        let mut wall = self.now().wall;
        for _ in 0..CARD_TIMES_MAX {
            let time = DateTime::from_cn(wall.to_bcd())
                .or_else(|| DateTime::from_cn(Timestamp(0).to_bcd()))
                .unwrap_or_else(|| unreachable!("1970 is a date"));
            if !self.ledger.card_was_told(person, &hex::encode(time.to_cn()))? {
                return Ok(time);
            }
            wall = wall.plus_ms(1_000);
        }
        Err(Error::ClockBehind)
    }

    fn tell(&mut self, progress: Progress) {
        (self.listener)(progress);
    }

    fn new_id(&mut self) -> TransactionId {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        TransactionId(bytes)
    }

    fn outcome(&self, business: protocol::record::Business, offline: bool) -> Result<Outcome, Error> {
        Ok(Outcome { business, made_at: self.now().wall, clock: self.clock_quality()?, offline })
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("id", &self.id()).finish_non_exhaustive()
    }
}
