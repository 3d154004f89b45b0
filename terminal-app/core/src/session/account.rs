//! The personal account on the card (个人账户): balance, purchase, load, proof, log.

use card_spec::{
    account::{
        Amounts, BalanceAnswer, BalanceKind, Balances, CreditAnswer, Debit, DebitAnswer, KEY_INDEX,
        LOG_RECORDS, LoadAnswer, LoadCredit, LoadRequest, LogRecord, PurchaseAnswer, PurchaseRequest,
        TYPE_LOAD, TYPE_PURCHASE, TransactionProof,
    },
    command::{Command, RecordReference, SamAccountPurchase},
    date::DateTime,
    file::{Application, FileId, ShortFileId},
    money::Fen,
    psam::TerminalNumber,
    status::StatusWord,
    suite::Mac,
};
use protocol::{account::LoadSource, id::TransactionId};

use super::{
    Session,
    card::OpenCard,
    channel::{Answer, Channel},
    error::{Chip, SessionError, Step},
};
use crate::ledger::Arming;

/// A purchase that card and PSAM have begun. Nothing irreversible has happened.
#[derive(Clone, Copy, Debug)]
pub struct Purchasing {
    answer: PurchaseAnswer,
    amounts: Amounts,
    debit: Debit,
}

/// A load that the card has begun. Nothing irreversible has happened.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    answer: LoadAnswer,
    amount_fen: u32,
    date_time: DateTime,
}

/// What the card gave when it had taken the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debited {
    /// TAC, for the center.
    pub tac: Mac,
    /// MAC2, for the PSAM.
    pub mac2: Mac,
}

/// What the card says of an earlier transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It has carried it out.
    Done {
        /// TAC, for the center.
        tac: Mac,
    },
    /// It has no such transaction as its last one of this kind (9406).
    NotAvailable,
}

impl Purchasing {
    /// What the ledger has to hold before the money is taken; `factor_hex` names the card.
    pub fn arming(&self, factor_hex: String) -> Arming {
        Arming {
            card_factor: factor_hex,
            card_serial: self.answer.serial,
            terminal_serial: self.debit.terminal_serial.0,
            account: fen(self.amounts.account_fen),
            self_paid: fen(self.amounts.self_paid_fen),
            pooled: fen(self.amounts.pooled_fen),
            date_time: hex::encode(self.debit.date_time.to_cn()),
            algorithm: self.answer.algorithm_id,
            key_version: self.answer.key_version,
            balance_before: fen(self.answer.balances.account_fen),
        }
    }

    /// What the account held before.
    pub fn balances(&self) -> Balances {
        self.answer.balances
    }
}

impl Loading {
    /// What the ledger has to hold before the money is put on; `factor_hex` names the card.
    pub fn arming(&self, factor_hex: String) -> Arming {
        Arming {
            card_factor: factor_hex,
            card_serial: self.answer.serial,
            terminal_serial: 0,
            account: fen(self.amount_fen),
            self_paid: Fen::ZERO,
            pooled: Fen::ZERO,
            date_time: hex::encode(self.date_time.to_cn()),
            algorithm: self.answer.algorithm_id,
            key_version: self.answer.key_version,
            balance_before: fen(self.answer.balance_fen),
        }
    }

    /// What the center is asked. The same request may be sent again.
    pub fn request(
        &self,
        id: TransactionId,
        terminal: protocol::id::TerminalId,
        card: &OpenCard,
        source: LoadSource,
    ) -> Result<protocol::account::LoadRequest, SessionError> {
        let holder = card.holder().ok_or(SessionError::CardFirst)?;
        Ok(protocol::account::LoadRequest {
            id,
            terminal,
            person: holder.person,
            card_id: card.issuer.card_id.to_hex().to_string(),
            card_factor: card.factor_hex(),
            amount: fen(self.amount_fen),
            source,
            balance: fen(self.answer.balance_fen),
            card_serial: self.answer.serial,
            algorithm: self.answer.algorithm_id,
            key_version: self.answer.key_version,
            random: hex::encode(self.answer.random),
            mac1: hex::encode(self.answer.mac1),
            date_time: hex::encode(self.date_time.to_cn()),
        })
    }
}

impl Session {
    /// Balance of the personal account. The PIN must have been verified.
    ///
    /// Errors: `CardFirst`, `PinFirst`, `NoMedicalAccount`, `Status`, `Data`, `Slot`.
    pub fn balance(&mut self) -> Result<Fen, SessionError> {
        self.with_card(|session, card| {
            session.require_account(card)?;
            let step = Step::Balance;
            let mut channel = session.card_channel();
            let answer = channel.command(step, &Command::GetAccountBalance(BalanceKind::Account))?;
            let data = account_answer(&channel, step, &answer)?;
            let balance = BalanceAnswer::parse(data).map_err(|problem| channel.damaged(step, problem))?;
            Ok(fen(balance.amount_fen))
        })
    }

    /// Begins a purchase: the card gives serial and random, the PSAM its serial and MAC1.
    ///
    /// The PIN must have been verified. Amounts may all be 0, and the purchase is then made all the same. The
    /// balances that the card reports are kept in [`OpenCard::balances`].
    /// Errors: `PinFirst`, `NoMedicalAccount`, `NotEnoughMoney`, `Amount`, `CounterAtEnd`, the PSAM's,
    /// `Status`, `Data`, `Slot`. Nothing has changed on the card; the PSAM may have used up a serial.
    pub fn begin_purchase(
        &mut self,
        amounts: Amounts,
        date_time: DateTime,
    ) -> Result<Purchasing, SessionError> {
        self.with_card(|session, card| {
            let answer = session.initialize_purchase(card, amounts)?;
            let purchase = SamAccountPurchase {
                random: answer.random,
                serial: answer.serial,
                amounts,
                transaction_type: TYPE_PURCHASE,
                date_time,
                key_version: answer.key_version,
                algorithm_id: answer.algorithm_id,
                card: card_spec::key::Factor::card(card.historical.card_serial()),
                city: Some(card_spec::key::Factor::city(card.issuer.card_id.city())),
            };
            let sam = session.with_psam(|psam, channel| psam.begin_purchase(channel, purchase))?;
            let debit = Debit { terminal_serial: sam.terminal_serial, date_time, mac1: sam.mac1 };
            Ok(Purchasing { answer, amounts, debit })
        })
    }

    /// Has the card take the money: the one irreversible command of a settlement. Sent once.
    ///
    /// Any error leaves it open whether the money was taken; [`Session::proof`] tells.
    pub fn debit(&mut self, purchasing: &Purchasing) -> Result<Debited, SessionError> {
        self.with_card(|session, card| {
            session.require_account(card)?;
            let step = Step::Debit;
            let mut channel = session.card_channel();
            let answer = channel.command(step, &Command::DebitAccount(purchasing.debit))?;
            let data = account_answer(&channel, step, &answer)?;
            let debit = DebitAnswer::parse(data).map_err(|problem| channel.damaged(step, problem))?;
            Ok(Debited { tac: debit.tac, mac2: debit.mac2 })
        })
    }

    /// Has the PSAM check the card's MAC2.
    ///
    /// Errors: `PurchaseMac` when the card (or the line) has not answered what the PSAM expects; the PSAM's.
    pub fn check_debit(&mut self, debited: &Debited) -> Result<(), SessionError> {
        let mac2 = debited.mac2;
        self.with_psam(|psam, channel| psam.check_purchase(channel, mac2))
    }

    /// Asks the card for its proof of a purchase (or of a load) by its serial. Needs no PIN.
    ///
    /// Errors: `CardFirst`, `NoMedicalAccount`, `Status`, `Data`, `Slot`. Nothing changes on the card.
    pub fn proof(&mut self, kind: TransactionKind, serial: u16) -> Result<Proof, SessionError> {
        self.with_card(|session, card| {
            session.select(card, Application::Df04)?;
            let step = Step::Proof;
            let mut channel = session.card_channel();
            let command = Command::GetTransactionProof { transaction_type: kind.type_byte(), serial };
            let answer = channel.command(step, &command)?;
            if answer.status() == StatusWord::MAC_NOT_AVAILABLE {
                return Ok(Proof::NotAvailable);
            }
            let data = account_answer(&channel, step, &answer)?;
            let proof = TransactionProof::parse(data).map_err(|problem| channel.damaged(step, problem))?;
            Ok(Proof::Done { tac: proof.tac })
        })
    }

    /// The serial that the card will give its next purchase (or load). The PIN must have been verified.
    ///
    /// Begins a transaction that is dropped at once; nothing changes on the card. Errors: as for
    /// [`Session::begin_purchase`].
    pub fn next_serial(&mut self, kind: TransactionKind) -> Result<u16, SessionError> {
        self.with_card(|session, card| match kind {
            TransactionKind::Purchase => Ok(session.initialize_purchase(card, Amounts::default())?.serial),
            // A load of nothing is no load to some cards; one fen is, and is never credited.
            TransactionKind::Load => Ok(session.initialize_load(card, 1)?.serial),
        })
    }

    /// The card's own log, newest first. The PIN must have been verified.
    ///
    /// Errors: `PinFirst`, `NoMedicalAccount`, `Status`, `Data`, `Slot`.
    pub fn log(&mut self) -> Result<Vec<LogRecord>, SessionError> {
        self.with_card(|session, card| {
            session.require_account(card)?;
            let step = Step::ReadLog;
            let mut channel = session.card_channel();
            let mut records = Vec::new();
            for number in 1..=LOG_RECORDS {
                let record = RecordReference::Number { file: log_file(), number };
                let le = card_spec::account::LOG_RECORD_BYTES as u8;
                let answer = channel.command(step, &Command::ReadRecord { record, le })?;
                if answer.status() == StatusWord::RECORD_NOT_FOUND {
                    break;
                }
                let data = account_answer(&channel, step, &answer)?;
                match LogRecord::parse(data).map_err(|problem| channel.damaged(step, problem))? {
                    Some(record) => records.push(record),
                    None => break,
                }
            }
            Ok(records)
        })
    }

    /// Begins a load. The PIN must have been verified.
    ///
    /// Errors: `PinFirst`, `NoMedicalAccount`, `Amount`, `CounterAtEnd`, `Status`, `Data`, `Slot`. Nothing has
    /// changed on the card.
    pub fn begin_load(&mut self, amount: Fen, date_time: DateTime) -> Result<Loading, SessionError> {
        let amount_fen =
            Amounts::from_fen(amount, Fen::ZERO, Fen::ZERO).ok_or(SessionError::Amount)?.account_fen;
        self.with_card(|session, card| {
            let answer = session.initialize_load(card, amount_fen)?;
            Ok(Loading { answer, amount_fen, date_time })
        })
    }

    /// Has the card put the money on, with the center's MAC2 (8 hexadecimal digits). Sent once; gives the TAC.
    ///
    /// Any error leaves it open whether the money was put on; [`Session::proof`] tells.
    pub fn credit(&mut self, loading: &Loading, mac2: &str) -> Result<Mac, SessionError> {
        let mut bytes: Mac = [0; 4];
        hex::decode_to_slice(mac2, &mut bytes).map_err(|_| SessionError::Command {
            step: Step::CreditLoad,
            problem: card_spec::Error::Malformed { part: card_spec::Part::Transaction },
        })?;
        let credit = LoadCredit { date_time: loading.date_time, mac2: bytes };
        self.with_card(|session, card| {
            session.require_account(card)?;
            let step = Step::CreditLoad;
            let mut channel = session.card_channel();
            let answer = channel.command(step, &Command::CreditAccount(credit))?;
            let data = account_answer(&channel, step, &answer)?;
            let credit = CreditAnswer::parse(data).map_err(|problem| channel.damaged(step, problem))?;
            Ok(credit.tac)
        })
    }

    fn initialize_purchase(
        &mut self,
        card: &mut OpenCard,
        amounts: Amounts,
    ) -> Result<PurchaseAnswer, SessionError> {
        self.require_account(card)?;
        self.open_psam()?;
        let (key_index, terminal) = match &self.psam {
            Some(psam) => (psam.purchase_key_index, psam.terminal),
            None => return Err(SessionError::NoPsam),
        };
        let step = Step::InitializePurchase;
        let mut channel = self.card_channel();
        let request = PurchaseRequest { key_index, amounts, terminal };
        let answer = channel.command(step, &Command::InitializeAccountPurchase(request))?;
        let data = account_answer(&channel, step, &answer)?;
        let answer = PurchaseAnswer::parse(data).map_err(|problem| channel.damaged(step, problem))?;
        card.balances = Some(answer.balances);
        Ok(answer)
    }

    fn initialize_load(&mut self, card: &mut OpenCard, amount_fen: u32) -> Result<LoadAnswer, SessionError> {
        self.require_account(card)?;
        let step = Step::InitializeLoad;
        let terminal = TerminalNumber(self.terminal.to_bcd());
        let mut channel = self.card_channel();
        let request = LoadRequest { key_index: KEY_INDEX, amount_fen, terminal };
        let answer = channel.command(step, &Command::InitializeAccountLoad(request))?;
        let data = account_answer(&channel, step, &answer)?;
        LoadAnswer::parse(data).map_err(|problem| channel.damaged(step, problem))
    }

    /// The account must be selected, and the PIN verified since: selecting drops it.
    fn require_account(&mut self, card: &mut OpenCard) -> Result<(), SessionError> {
        self.select(card, Application::Df04)?;
        if card.pin_verified { Ok(()) } else { Err(SessionError::PinFirst) }
    }
}

/// Which counter of the account a transaction belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionKind {
    /// Purchase: offline serial.
    Purchase,
    /// Load: online serial.
    Load,
}

impl TransactionKind {
    /// The type byte in commands and log.
    pub const fn type_byte(self) -> u8 {
        match self {
            Self::Purchase => TYPE_PURCHASE,
            Self::Load => TYPE_LOAD,
        }
    }
}

/// The data of a successful answer; the account's status words as errors that people understand.
fn account_answer<'a>(
    channel: &Channel<'_>,
    step: Step,
    answer: &'a Answer,
) -> Result<&'a [u8], SessionError> {
    match answer.status() {
        StatusWord::SUCCESS => Ok(answer.data()),
        StatusWord::INSUFFICIENT_FUNDS => Err(SessionError::NotEnoughMoney),
        StatusWord::COUNTER_AT_MAXIMUM => Err(SessionError::CounterAtEnd),
        StatusWord::APPLICATION_LOCKED => Err(SessionError::ApplicationBlocked { for_good: true }),
        StatusWord::APPLICATION_SUSPENDED | StatusWord::WALLET_LOCKED => {
            Err(SessionError::ApplicationBlocked { for_good: false })
        }
        StatusWord::WRONG_DATA if matches!(step, Step::InitializePurchase | Step::InitializeLoad) => {
            Err(SessionError::Amount)
        }
        StatusWord::INVALID_STATE if step != Step::Debit && step != Step::CreditLoad => {
            Err(SessionError::NoMedicalAccount)
        }
        got => Err(channel.refused(step, got)),
    }
}

fn log_file() -> Option<ShortFileId> {
    Application::Df04.directory().file(FileId::EF08).and_then(|file| file.short_id())
}

fn fen(card_fen: u32) -> Fen {
    Fen(i64::from(card_fen))
}

impl SessionError {
    /// Whether the card said no in words that mean it did nothing, as opposed to silence or doubt.
    pub fn is_plain_refusal(&self) -> bool {
        match self {
            Self::Status { chip: Chip::Card, .. } => self.outcome() == hal::slot::Outcome::NotDone,
            Self::NotEnoughMoney | Self::CounterAtEnd | Self::Amount | Self::ApplicationBlocked { .. } => {
                true
            }
            _ => false,
        }
    }
}
