//! The terminal at work: books and devices together, as the flows want them.

use hal::{
    clock::SystemClock,
    pin_pad::{PinPad, PinPadError, Prompt},
    printer::PrinterError,
};
use protocol::{
    account::{LoadAnswer, LoadRequest},
    feed::{PersonAnswer, PersonQuery, SignedPage},
    pension::{PensionAnswer, PensionQuery},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    service::{
        FailedAnswer, FailedQuery, HoldAnswer, HoldDues, Locked, LossReport, PersonalReply, PersonalRequest,
        PublicQuestion, PublicReply,
    },
    signature::Signed,
    upload::{Batch, BatchAnswer, ChainHead},
};
use terminal::{
    error::Error,
    flows::{self, Devices},
    language::Language,
    ledger::LedgerError,
    ports::{CenterLink, LinkError},
    receipt::Receipt,
    rules::HospitalLevel,
    sync::{SyncStep, Synchroniser},
};
use zeroize::Zeroizing;

use super::{
    board, printer,
    random::SystemChance,
    reader::Slots,
    shift,
    terminal::{Cabinet, Terminal},
};
use crate::{failure::Failure, options::Options};

/// A terminal with its devices. Holds the folder's lock as long as it lives.
pub struct Counter {
    /// Settings, keys and folder.
    pub cabinet: Cabinet,
    /// Books and devices as the flows want them.
    pub flows: flows::Terminal,
}

impl Counter {
    /// Opens the books alone; there is no card, nobody is asked for a PIN, and the center is not asked.
    pub fn open_books(options: &Options) -> Result<Self, Failure> {
        let terminal = Terminal::open(options.data.clone())?;
        Self::with(terminal, Slots::none(), Box::new(NoPinPad), Box::new(NoLine))
    }

    /// Opens the books and the line; there is no card.
    pub fn open_without_card(options: &Options) -> Result<Self, Failure> {
        let terminal = Terminal::open(options.data.clone())?;
        let link = line(options, &terminal.cabinet)?;
        Self::with(terminal, Slots::none(), Box::new(NoPinPad), link)
    }

    /// Opens books and devices; whoever is signed in goes on.
    ///
    /// A board of the settings that was opened is not given a card.
    /// Errors: `NotEnrolled`, `InUse`, those of books, keys, readers and board.
    pub fn open(options: &Options, pin_pad: Box<dyn PinPad + Send>) -> Result<Self, Failure> {
        let mut terminal = Terminal::open(options.data.clone())?;
        if let Err(failure) = board::require(options, &mut terminal) {
            // The center hears of it now, where it can be asked; else with the next exchange.
            if let Ok(mut link) = line(options, &terminal.cabinet) {
                terminal::board::tell(&mut terminal.ledger, link.as_mut())?;
            }
            return Err(failure);
        }
        let cabinet = &terminal.cabinet;
        let slots = Slots::open(options.reader.as_deref(), &cabinet.config.readers)?;
        let link = line(options, cabinet)?;
        Self::with(terminal, slots, pin_pad, link)
    }

    fn with(
        terminal: Terminal,
        slots: Slots,
        pin_pad: Box<dyn PinPad + Send>,
        link: Box<dyn CenterLink + Send>,
    ) -> Result<Self, Failure> {
        let Terminal { cabinet, ledger, cache, .. } = terminal;
        let signed_in = shift::load(&cabinet, &ledger, cabinet.now())?;
        let devices = Devices {
            card: slots.card,
            psam: slots.psam,
            pin_pad,
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

    /// Fetches limits and rules where there are none yet, as after a damaged cache was put aside: without them
    /// nothing can be settled, and the people may come down later.
    ///
    /// A failing line is no error: whoever needs the rules says that they are missing.
    pub fn fetch_missing_rules(&mut self) -> Result<(), Failure> {
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
    pub fn require_sound_books(&self) -> Result<(), Failure> {
        let ledger = self.flows.ledger();
        match ledger.halted().map_err(Error::from)? {
            Some(reason) => Err(Error::from(LedgerError::Halted(reason)).into()),
            None if ledger.space().map_err(Error::from)?.ballast_spent => {
                Err(Error::from(LedgerError::SpaceLow).into())
            }
            None => Ok(()),
        }
    }

    /// Prints a receipt on the printer of the settings; `None` where there is none.
    ///
    /// What goes wrong with it stops nothing: the transaction stands, and a copy can be printed later.
    pub fn print_if_set_up(&self, receipt: &Receipt, language: Language) -> Option<Result<(), PrinterError>> {
        let settings = self.cabinet.config.printer.as_ref()?;
        Some(printer::print(settings, receipt.lines(settings.columns, language)))
    }

    /// Refuses business while nobody is signed in for it, before the card is asked for anything.
    pub fn require_duty(&self) -> Result<(), Failure> {
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
pub fn level(level: u8) -> HospitalLevel {
    match level {
        0 => HospitalLevel::Community,
        1 => HospitalLevel::Primary,
        2 => HospitalLevel::Secondary,
        _ => HospitalLevel::Tertiary,
    }
}

/// The line of the settings, or none.
fn line(options: &Options, cabinet: &Cabinet) -> Result<Box<dyn CenterLink + Send>, Failure> {
    if options.offline { Ok(Box::new(NoLine)) } else { cabinet.any_link() }
}

/// Nobody is asked for a PIN where there is no card.
struct NoPinPad;

impl PinPad for NoPinPad {
    fn ask(&mut self, _: Prompt, _: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
        Err(PinPadError::Device)
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

    fn personal(&mut self, _: &PersonalRequest) -> Result<PersonalReply, LinkError> {
        down()
    }

    fn hold_dues(&mut self, _: &HoldDues) -> Result<HoldAnswer, LinkError> {
        down()
    }

    fn failed_payments(&mut self, _: &FailedQuery) -> Result<FailedAnswer, LinkError> {
        down()
    }

    fn report_loss(&mut self, _: &LossReport) -> Result<Locked, LinkError> {
        down()
    }

    fn public(&mut self, _: &PublicQuestion) -> Result<PublicReply, LinkError> {
        down()
    }

    fn public_documents(&mut self, _: u64, _: u64) -> Result<Signed, LinkError> {
        down()
    }

    fn load(&mut self, _: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        down()
    }

    fn reconcile(&mut self, _: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        down()
    }
}
