//! The terminal at work: books and devices together, as the flows want them.

use hal::clock::SystemClock;
use protocol::{
    account::{LoadAnswer, LoadRequest},
    feed::{PersonAnswer, PersonQuery, SignedPage},
    pension::{PensionAnswer, PensionQuery},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    signature::Signed,
    upload::{Batch, BatchAnswer, ChainHead},
};
use terminal::{
    error::Error,
    flows::{self, Devices},
    ledger::LedgerError,
    ports::{CenterLink, LinkError},
    progress::Progress,
    rules::HospitalLevel,
    sync::{SyncStep, Synchroniser},
};

use super::{
    board,
    random::SystemChance,
    reader::Slots,
    shift,
    terminal::{Cabinet, Terminal},
};
use crate::{command::Context, failure::Failure};

/// A terminal with its devices. Holds the folder's lock as long as it lives.
pub(crate) struct Counter {
    pub(crate) cabinet: Cabinet,
    pub(crate) flows: flows::Terminal,
}

impl Counter {
    /// Opens the books alone; there is no card, and the center is not asked.
    pub(crate) fn open_books(context: &Context) -> Result<Self, Failure> {
        let terminal = Terminal::open(context.data()?)?;
        Self::with(context, terminal, Slots::none(), Box::new(NoLine))
    }

    /// Opens the books and the line; there is no card.
    pub(crate) fn open_without_card(context: &Context) -> Result<Self, Failure> {
        let terminal = Terminal::open(context.data()?)?;
        let link = Box::new(terminal.cabinet.link()?);
        Self::with(context, terminal, Slots::none(), link)
    }

    /// Opens books and devices; whoever is signed in goes on.
    ///
    /// With `offline` the center is never asked, whatever the line is like.
    /// A board of the settings that was opened is not given a card.
    pub(crate) fn open(context: &Context, offline: bool) -> Result<Self, Failure> {
        let mut terminal = Terminal::open(context.data()?)?;
        board::require(context, &mut terminal)?;
        let cabinet = &terminal.cabinet;
        let slots = Slots::open(context.global.reader.as_deref(), &cabinet.config.readers)?;
        let link: Box<dyn CenterLink + Send> =
            if offline { Box::new(NoLine) } else { Box::new(cabinet.link()?) };
        Self::with(context, terminal, slots, link)
    }

    fn with(
        context: &Context,
        terminal: Terminal,
        slots: Slots,
        link: Box<dyn CenterLink + Send>,
    ) -> Result<Self, Failure> {
        let Terminal { cabinet, ledger, cache, .. } = terminal;
        let signed_in = shift::load(&cabinet, &ledger, cabinet.now())?;
        let devices = Devices {
            card: slots.card,
            psam: slots.psam,
            pin_pad: Box::new(context.secrets()),
            clock: Box::new(SystemClock::start()),
            random: Box::new(SystemChance::default()),
            link,
        };
        let place = &cabinet.config.place;
        let mut config = flows::Config::new(place.city, place.institution_name.clone(), level(place.level));
        config.settle_without_account = cabinet.config.settle_without_account;
        let mut flows = flows::Terminal::new(config, devices, ledger, cache, cabinet.config.center.key)?;
        if let Some(signed_in) = signed_in {
            flows.resume_shift(signed_in);
        }
        Ok(Counter { cabinet, flows })
    }

    /// Tells each step to the person in front, once each.
    pub(crate) fn narrate(&mut self, context: &Context) {
        let console = context.console.clone();
        let mut last = None;
        self.flows.on_progress(move |progress: Progress| {
            if last != Some(progress) {
                console.step(progress.words(console.language()));
                last = Some(progress);
            }
        });
    }

    /// Fetches limits and rules where there are none yet, as after a damaged cache was put aside: without them
    /// nothing can be settled, and the people may come down later.
    ///
    /// A failing line is no error: whoever needs the rules says that they are missing.
    pub(crate) fn fetch_missing_rules(&mut self) -> Result<(), Failure> {
        if self.flows.cache().rules_revision().map_err(Error::from)? > 0 {
            return Ok(());
        }
        let mut synchroniser = Synchroniser::new();
        while let SyncStep::Clock { .. } | SyncStep::Limits { .. } | SyncStep::Policy { .. } =
            self.flows.sync_step(&mut synchroniser)?
        {}
        Ok(())
    }

    /// Refuses new business on books that are stopped or without room, before the card is asked for anything.
    pub(crate) fn require_sound_books(&self) -> Result<(), Failure> {
        let ledger = self.flows.ledger();
        match ledger.halted().map_err(Error::from)? {
            Some(reason) => Err(Error::from(LedgerError::Halted(reason)).into()),
            None if ledger.space().map_err(Error::from)?.ballast_spent => {
                Err(Error::from(LedgerError::SpaceLow).into())
            }
            None => Ok(()),
        }
    }

    /// Refuses business while nobody is signed in for it, before the card is asked for anything.
    pub(crate) fn require_duty(&self) -> Result<(), Failure> {
        match self.flows.signed_in() {
            Some(signed_in) if signed_in.cycle.is_some() => Ok(()),
            _ => Err(Error::NotSignedIn.into()),
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if self.flows.cache_is_damaged() {
            self.cabinet.data.mark_cache_damage();
        }
    }
}

/// Grade of the institution as the rules name it.
pub(crate) fn level(level: u8) -> HospitalLevel {
    match level {
        0 => HospitalLevel::Community,
        1 => HospitalLevel::Primary,
        2 => HospitalLevel::Secondary,
        _ => HospitalLevel::Tertiary,
    }
}

/// The line of a terminal that was told to work without one.
struct NoLine;

fn down<T>() -> Result<T, LinkError> {
    Err(LinkError::Down { detail: "--offline".to_owned() })
}

impl CenterLink for NoLine {
    fn chain_head(&mut self) -> Result<ChainHead, LinkError> {
        down()
    }

    fn upload(&mut self, _: &Batch) -> Result<BatchAnswer, LinkError> {
        down()
    }

    fn feed(&mut self, _: u64, _: u64) -> Result<SignedPage, LinkError> {
        down()
    }

    fn rules(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        down()
    }

    fn limits(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        down()
    }

    fn policy(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        down()
    }

    fn pension(&mut self, _: &PensionQuery) -> Result<PensionAnswer, LinkError> {
        down()
    }

    fn person(&mut self, _: &PersonQuery) -> Result<PersonAnswer, LinkError> {
        down()
    }

    fn load(&mut self, _: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        down()
    }

    fn reconcile(&mut self, _: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        down()
    }
}
