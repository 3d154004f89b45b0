//! The dialogue with the holder's card and the terminal's security module (PSAM).
//!
//! [`Session`] owns both slots. [`Session::open`] goes from cold reset to a card that is known to be genuine
//! and whose data are read; the rest works on the open card: PIN, personal account, files. Everything that
//! costs the card a try (VERIFY, CHANGE PIN, EXTERNAL AUTHENTICATE) is sent once and never repeated by
//! itself. A card that is pulled ends the dialogue and nothing else.

mod account;
mod attention;
mod authenticate;
mod card;
mod channel;
mod error;
mod files;
mod fingerprint;
mod pin;
mod psam;
mod records;
mod refusals;

use card_spec::{
    atr::Atr,
    command::{Command, Selection},
    fci::Fci,
    file::{Application, ApplicationName},
    generation::Algorithm,
    psam::PsamSerial,
    region::RegionCode,
    status::StatusWord,
};
use hal::slot::{CardSlot, response::ResponseSlot};
use protocol::id::TerminalId;

pub use self::{
    account::{Debited, Loading, Proof, Purchasing, TransactionKind},
    attention::{Attention, CardIdCheck},
    card::{Holder, Issuer, OpenCard},
    channel::Traffic,
    error::{Chip, SessionError, Step},
    files::FileRecord,
    fingerprint::{FingerTries, Written},
    refusals::{REFUSED_MAX, Refusals},
};
use self::{channel::Channel, psam::Psam};
use crate::ports::Random;

/// A card slot that may be handed to another thread.
pub type BoxedSlot = Box<dyn CardSlot + Send>;

/// `WS.SYS.DDF01`: the environment of the resident health card.
const HEALTH_ENVIRONMENT: &[u8] = b"WS.SYS.DDF01";

/// Both slots and what is known of the chips in them.
pub struct Session {
    card_slot: ResponseSlot<BoxedSlot>,
    psam_slot: ResponseSlot<BoxedSlot>,
    card_traffic: Traffic,
    psam_traffic: Traffic,
    terminal: TerminalId,
    psam: Option<Psam>,
    card: Option<OpenCard>,
    refusals: Refusals,
    /// City whose keys this terminal's security module holds.
    home: Option<RegionCode>,
}

impl Session {
    /// A session over two slots, for the terminal with this number.
    ///
    /// Answers of T=0 cards (`61xx`, `6Cxx`) are fetched here; the slots may be bare.
    pub fn new(card: BoxedSlot, psam: BoxedSlot, terminal: TerminalId) -> Self {
        Session {
            card_slot: ResponseSlot::new(card),
            psam_slot: ResponseSlot::new(psam),
            card_traffic: Traffic::default(),
            psam_traffic: Traffic::default(),
            terminal,
            psam: None,
            card: None,
            refusals: Refusals::default(),
            home: None,
        }
    }

    /// The same for a terminal of this city, whose security module is known to hold the city's keys: only then a
    /// card of the city that fails internal authentication is known to be forged.
    pub fn at_home_in(self, city: RegionCode) -> Self {
        Session { home: Some(city.city()), ..self }
    }

    /// Goes on with what an earlier run has remembered.
    pub fn with_refusals(self, refusals: Refusals) -> Self {
        Session { refusals, ..self }
    }

    /// Cards that have refused this terminal's authentication: to be kept for the next run.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(crate) fn set_refusals(&mut self, refusals: Refusals) {
        self.refusals = refusals;
    }

    /// Lets every card be asked again: somebody has made sure that the security module is the right one.
    pub fn forget_refusals(&mut self) {
        self.refusals = Refusals::default();
    }

    /// Waits for a card, at most `timeout_ms`; 0 asks once.
    pub fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SessionError> {
        self.card_slot.wait_card(timeout_ms).map_err(|error| SessionError::Slot {
            chip: Chip::Card,
            step: Step::PowerOn,
            error,
        })
    }

    /// Waits until the slot is empty, at most `timeout_ms`.
    pub fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SessionError> {
        self.card_slot.wait_removal(timeout_ms).map_err(|error| SessionError::Slot {
            chip: Chip::Card,
            step: Step::PowerOn,
            error,
        })
    }

    /// Powers the card on, finds out what it is, has it prove that it is genuine, and reads its data.
    ///
    /// The order for generation 3.0 is the one that issued cards expect: environment, version, environment
    /// again, internal authentication, external authentication with RKSSSE, then personal data.
    ///
    /// Errors: `Slot`, `Atr`, `ForeignCard`, `HealthCard`, `CardBlocked`, `ApplicationBlocked`,
    /// `UnsupportedAlgorithm`, `UnknownGeneration`, `Forged`, `CannotVerify`, `NotAuthorised`, the PSAM's, `Status`, `Data`.
    /// Nothing on the card has changed, but for a try of RKSSSE that `NotAuthorised` has cost.
    pub fn open(&mut self, random: &mut dyn Random) -> Result<&OpenCard, SessionError> {
        self.card = None;
        let opened = self.open_card(random);
        match opened {
            Ok(card) => Ok(self.card.insert(card)),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// Takes up what a terminal needs of its PSAM; done by itself when a card needs it.
    ///
    /// Errors: `NoPsam`, `OtherPsam`, `Status`, `Data`, `Slot`.
    pub fn open_psam(&mut self) -> Result<(), SessionError> {
        if self.psam.is_none() {
            let terminal = self.terminal;
            let opened = Psam::open(&mut self.psam_channel(), terminal)?;
            self.psam = Some(opened);
        }
        Ok(())
    }

    /// The number of the PSAM's own piece, once it was taken up; `None` before, and for one that tells none.
    pub fn psam_serial(&self) -> Option<PsamSerial> {
        self.psam.as_ref()?.serial
    }

    /// The number that cards write into their log: that of the PSAM, once it was taken up.
    pub(crate) fn number_on_cards(&self) -> [u8; 6] {
        self.psam.as_ref().map_or(self.terminal.to_bcd(), |psam| psam.terminal.0)
    }

    /// The open card.
    ///
    /// Errors: `CardFirst`.
    pub fn card(&self) -> Result<&OpenCard, SessionError> {
        self.card.as_ref().ok_or(SessionError::CardFirst)
    }

    /// Powers the card off and forgets what was read of it.
    pub fn close(&mut self) {
        self.card = None;
        self.card_slot.power_off();
    }

    /// Commands and bytes so far, of the card and of the PSAM.
    pub fn traffic(&self) -> (Traffic, Traffic) {
        (self.card_traffic, self.psam_traffic)
    }

    fn open_card(&mut self, random: &mut dyn Random) -> Result<OpenCard, SessionError> {
        let mut channel = self.card_channel();
        let bytes = channel.power_on()?;
        let atr = Atr::parse(&bytes).map_err(|problem| SessionError::Atr { problem })?;
        let algorithm = select_environment(&mut channel)?;
        let historical = atr.social_security_bytes().ok_or(SessionError::Atr {
            problem: card_spec::Error::Malformed { part: card_spec::Part::Atr },
        })?;
        let first = records::read_first(&mut channel)?;
        let mut card = OpenCard::new(historical, algorithm, first);
        self.authenticate(&mut card, random)?;
        let mut channel = self.card_channel();
        records::read_rest(&mut channel, &mut card)?;
        Ok(card)
    }

    /// Runs something on the open card and ends the dialogue when contact with the card is lost.
    fn with_card<T>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut OpenCard) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let mut card = self.card.take().ok_or(SessionError::CardFirst)?;
        let done = work(self, &mut card);
        match &done {
            Err(error) if error.contact_lost() => self.close(),
            _ => self.card = Some(card),
        }
        done
    }

    /// Selects an application unless it is selected already; selecting drops the rights of the one before.
    fn select(&mut self, card: &mut OpenCard, application: Application) -> Result<(), SessionError> {
        if card.selected == application {
            return Ok(());
        }
        let mut channel = self.card_channel();
        let answer =
            channel.command(Step::Select, &Command::Select(Selection::ByName(application.name())))?;
        match answer.status() {
            StatusWord::SUCCESS => {
                // The answer has to be this application's, or somebody else has answered for the card.
                let fci =
                    Fci::parse(answer.data()).map_err(|problem| channel.damaged(Step::Select, problem))?;
                if fci.name != application.name().as_bytes() {
                    let part = card_spec::Part::Fci;
                    return Err(channel.damaged(Step::Select, card_spec::Error::Malformed { part }));
                }
                card.selected = application;
                card.pin_verified = false;
                Ok(())
            }
            StatusWord::FILE_NOT_FOUND if application == Application::Df04 => {
                Err(SessionError::NoMedicalAccount)
            }
            StatusWord::SELECTED_FILE_BLOCKED => {
                card.selected = application;
                card.pin_verified = false;
                Err(SessionError::ApplicationBlocked { for_good: false })
            }
            StatusWord::APPLICATION_LOCKED => Err(SessionError::ApplicationBlocked { for_good: true }),
            StatusWord::NOT_SUPPORTED => Err(SessionError::CardBlocked),
            got => Err(SessionError::Status { chip: Chip::Card, step: Step::Select, got }),
        }
    }

    fn card_channel(&mut self) -> Channel<'_> {
        Channel::new(&mut self.card_slot, Chip::Card, &mut self.card_traffic)
    }

    fn psam_channel(&mut self) -> Channel<'_> {
        Channel::new(&mut self.psam_slot, Chip::Psam, &mut self.psam_traffic)
    }

    /// Runs something on the PSAM; a PSAM whose slot failed is opened anew next time.
    fn with_psam<T>(
        &mut self,
        work: impl FnOnce(&Psam, &mut Channel<'_>) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        self.open_psam()?;
        let Some(psam) = self.psam.take() else { return Err(SessionError::NoPsam) };
        let done = work(&psam, &mut self.psam_channel());
        match &done {
            Err(SessionError::Slot { chip: Chip::Psam, .. } | SessionError::NoPsam) => {
                self.psam_slot.power_off()
            }
            _ => self.psam = Some(psam),
        }
        done
    }
}

/// Selects the social security environment, which alone proves a social security card; tells its cipher.
fn select_environment(channel: &mut Channel<'_>) -> Result<Algorithm, SessionError> {
    let answer = channel.command(Step::Select, &Command::Select(Selection::ByName(ApplicationName::SSSE)))?;
    match answer.status() {
        StatusWord::SUCCESS => {}
        StatusWord::SELECTED_FILE_BLOCKED => {
            return Err(SessionError::ApplicationBlocked { for_good: false });
        }
        StatusWord::APPLICATION_LOCKED => return Err(SessionError::ApplicationBlocked { for_good: true }),
        StatusWord::NOT_SUPPORTED => return Err(SessionError::CardBlocked),
        StatusWord::FILE_NOT_FOUND
        | StatusWord::WRONG_PARAMETERS
        | StatusWord::WRONG_OFFSET
        | StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED => return Err(which_other_card(channel)),
        got => return Err(channel.refused(Step::Select, got)),
    }
    let fci = Fci::parse(answer.data()).map_err(|problem| channel.damaged(Step::Select, problem))?;
    // Some cards say yes to whatever is selected; the name in their answer is then another.
    if !fci.name.is_empty() && fci.name != ApplicationName::SSSE.as_bytes() {
        return Err(which_other_card(channel));
    }
    fci.algorithm().map_err(|problem| match problem {
        card_spec::Error::UnsupportedAlgorithm { id } => SessionError::UnsupportedAlgorithm { id },
        problem => channel.damaged(Step::Select, problem),
    })
}

/// Looks whether a card that is none of ours is one that people confuse with ours.
fn which_other_card(channel: &mut Channel<'_>) -> SessionError {
    let mut has = |name: Option<ApplicationName>| {
        let Some(name) = name else { return false };
        let answer = channel.command(Step::Select, &Command::Select(Selection::ByName(name)));
        answer.is_ok_and(|answer| {
            answer.status().is_success()
                && Fci::parse(answer.data()).is_ok_and(|fci| fci.name == name.as_bytes())
        })
    };
    if has(ApplicationName::new(HEALTH_ENVIRONMENT)) {
        SessionError::HealthCard
    } else if has(Some(ApplicationName::SSSE_SSF33)) {
        SessionError::UnsupportedAlgorithm { id: 0x02 }
    } else {
        SessionError::ForeignCard
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}
