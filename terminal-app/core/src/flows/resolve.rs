//! Finding out what a card did when its answer was lost (冲正).
//!
//! The card is asked, never guessed at. Its proof of a transaction (GET TRANSACTION PROOF) names a serial, and
//! a serial that this terminal's transaction did not use may have been used at another terminal since. So the
//! proof alone convinces only while the card has not left the slot; a card that comes back has to show its log
//! as well, for which the holder types the PIN.

use card_spec::{account::LogRecord, money::Fen};
use protocol::{id::TransactionId, record::AbandonReason};

use super::{Terminal, plan::Plan, receipt};
use crate::{
    error::{Error, Need},
    ledger::{Arming, LedgerError, Link, State, Transaction},
    progress::Progress,
    receipt::Receipt,
    roles::Action,
    session::{Proof, SessionError, TransactionKind},
};

/// What became of an open transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// It is resolved.
    Resolved(Resolved),
    /// It is still open, and this is needed.
    Open {
        /// The transaction.
        id: TransactionId,
        /// What is needed.
        need: Need,
    },
}

/// How an open transaction was resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// The card had carried it out; it is written down now.
    Done {
        /// The transaction.
        id: TransactionId,
        /// Its place in the chain.
        link: Link,
        /// To be printed; `None` for a load.
        receipt: Option<Box<Receipt>>,
        /// Whether the card could still give its proof (TAC). Without it the center will ask questions.
        proved: bool,
    },
    /// The card had not carried it out, and proves it: nothing was taken, it can be done again.
    NotDone {
        /// The transaction.
        id: TransactionId,
    },
}

/// What the card says.
enum Truth {
    Done(Option<[u8; 4]>),
    NotDone,
    Need(Need),
}

impl Terminal {
    /// Finds out what became of the open transaction of the card in the slot, if it has one.
    ///
    /// The card must be open and its holder verified. `None` when nothing is open.
    /// Errors: `ResolveFirst` when it cannot be found out (yet), `Session`, `Ledger`, `NotSignedIn`, `SignIn`.
    pub fn resolve(&mut self) -> Result<Option<Resolved>, Error> {
        self.permitted(Action::Resolve)?;
        self.resolve_now()
    }

    /// The same without a role: the holder of a card has a right to the truth about it.
    pub(super) fn resolve_now(&mut self) -> Result<Option<Resolved>, Error> {
        let card = self.session.card()?;
        let Some(transaction) = self.ledger.unresolved(card.key())? else { return Ok(None) };
        let id = transaction.intention.id;
        let (Some(arming), Some(plan)) = (&transaction.armed, Plan::of(&transaction)) else {
            return if transaction.state == State::Intended {
                self.write_off(id)?;
                Ok(Some(Resolved::NotDone { id }))
            } else {
                // Written by another version of this program: a person has to look at it.
                Err(Error::ResolveFirst { id, need: Need::Supervisor })
            };
        };
        if arming.card_factor != card.factor_hex() {
            return Err(Error::OtherCard);
        }
        if let Plan::Enrolment { digest, salt, .. } = &plan {
            return self.resolve_enrolment(&transaction, &plan, arming, digest, salt).map(Some);
        }
        let Some(kind) = plan.kind() else {
            return Err(Error::ResolveFirst { id, need: Need::Supervisor });
        };
        self.tell(Progress::Resolving);
        let truth = self
            .truth_of_returned_card(kind, arming)
            .map_err(|cause| Error::Unresolved { id, cause: Box::new(cause) })?;
        match truth {
            Truth::Done(tac) => self.finish(&transaction, &plan, arming, tac).map(Some),
            Truth::NotDone => {
                self.abandon(id, AbandonReason::ProvedNotDone)?;
                Ok(Some(Resolved::NotDone { id }))
            }
            Truth::Need(need) => Err(Error::ResolveFirst { id, need }),
        }
    }

    /// An error when the open card has an open transaction: nothing new is begun before that is resolved.
    pub(super) fn resolved_or_error(&self) -> Result<(), Error> {
        let card = self.session.card()?;
        match self.ledger.unresolved(card.key())? {
            Some(transaction) => Err(Error::ResolveFirst { id: transaction.intention.id, need: Need::Pin }),
            None => Ok(()),
        }
    }

    /// After an answer that was lost or cannot be right: asks at once, as long as the card is still there.
    ///
    /// Gives the card's proof when it has carried the transaction out. Otherwise an error: `cause` when the
    /// card proves that it did nothing (written off then), `Unresolved` when it cannot be asked. Where contact
    /// was lost, be it by a hand or by a service that restarted, the card counts as gone: it may have been
    /// elsewhere when it is seen again.
    pub(super) fn ask_at_once(
        &mut self,
        id: TransactionId,
        plan: &Plan,
        arming: &Arming,
        cause: SessionError,
    ) -> Result<[u8; 4], Error> {
        let unresolved = |cause: SessionError| Error::Unresolved { id, cause: Box::new(cause.into()) };
        let Some(kind) = plan.kind() else { return Err(unresolved(cause)) };
        self.tell(Progress::Resolving);
        match self.truth_of_present_card(kind, arming) {
            Ok(Truth::Done(Some(tac))) => Ok(tac),
            Ok(Truth::NotDone) => {
                let reason = match cause.is_plain_refusal() {
                    true => AbandonReason::CardRefused,
                    false => AbandonReason::ProvedNotDone,
                };
                match self.abandon(id, reason) {
                    Ok(()) => Err(cause.into()),
                    // It is still open, and the card will say the same again.
                    Err(error) => Err(Error::Unresolved { id, cause: Box::new(error) }),
                }
            }
            Ok(Truth::Done(None) | Truth::Need(_)) | Err(_) => Err(unresolved(cause)),
        }
    }

    /// Asks a card that has not been used elsewhere since: it never left the slot, nor our session.
    fn truth_of_present_card(
        &mut self,
        kind: TransactionKind,
        arming: &Arming,
    ) -> Result<Truth, SessionError> {
        let serial = arming.card_serial;
        Ok(match self.session.proof(kind, serial)? {
            Proof::Done { tac } => Truth::Done(Some(tac)),
            Proof::NotAvailable if self.session.next_serial(kind)? == serial => Truth::NotDone,
            Proof::NotAvailable => Truth::Need(Need::Supervisor),
        })
    }

    /// Asks a card that may have been used elsewhere since.
    ///
    /// An entry of the log that is ours by terminal and time was done, whatever serial it stands under: cards
    /// may differ in when they count. Not done is believed only while everything the card says fits together.
    fn truth_of_returned_card(&mut self, kind: TransactionKind, arming: &Arming) -> Result<Truth, Error> {
        if !self.session.card()?.is_verified() {
            return Ok(Truth::Need(Need::Pin));
        }
        let serial = arming.card_serial;
        let log = match self.session.log() {
            Ok(log) => log,
            // Written in another way than this program reads: nothing can be concluded from it.
            Err(SessionError::Data { .. }) => return Ok(Truth::Need(Need::Supervisor)),
            Err(error) => return Err(error.into()),
        };
        let log: Vec<&LogRecord> =
            log.iter().filter(|entry| entry.transaction_type == kind.type_byte()).collect();
        if let Some(entry) = log.iter().find(|entry| self.is_ours(entry, arming)) {
            if !has_amounts(entry, arming) {
                return Ok(Truth::Need(Need::Supervisor));
            }
            return Ok(match self.session.proof(kind, serial)? {
                Proof::Done { tac } => Truth::Done(Some(tac)),
                // Another purchase has taken the place of the proof since; that it was done is certain.
                Proof::NotAvailable => Truth::Done(None),
            });
        }
        let proof = self.session.proof(kind, serial)?;
        let next = self.session.next_serial(kind)?;
        Ok(match (next == serial, proof) {
            // The card has counted nothing since, has no proof and no entry of it.
            (true, Proof::NotAvailable) => Truth::NotDone,
            (true, Proof::Done { .. }) => Truth::Need(Need::Supervisor),
            (false, _) if self.went_elsewhere(&log, next, arming) => Truth::NotDone,
            (false, _) => Truth::Need(Need::Supervisor),
        })
    }

    /// Whether the log shows that the serial of ours went to another terminal's transaction.
    ///
    /// Only a log that counts as this program believes can show it: its newest entry stands under the serial
    /// before the next one. The entry under our serial must have nothing of ours.
    fn went_elsewhere(&self, log: &[&LogRecord], next: u16, arming: &Arming) -> bool {
        let counts_so = log.first().is_some_and(|newest| newest.serial == next.wrapping_sub(1));
        let other = log.iter().find(|entry| entry.serial == arming.card_serial);
        counts_so
            && other.is_some_and(|entry| {
                entry.terminal.0 != self.session.number_on_cards()
                    && hex::encode(entry.date_time.to_cn()) != arming.date_time
                    && !has_amounts(entry, arming)
            })
    }

    /// Whether an entry names this terminal and the time that the card was given.
    fn is_ours(&self, entry: &LogRecord, arming: &Arming) -> bool {
        entry.terminal.0 == self.session.number_on_cards()
            && hex::encode(entry.date_time.to_cn()) == arming.date_time
    }

    /// Writes down what the card turned out to have done.
    pub(super) fn finish(
        &mut self,
        transaction: &Transaction,
        plan: &Plan,
        arming: &Arming,
        tac: Option<[u8; 4]>,
    ) -> Result<Resolved, Error> {
        let id = transaction.intention.id;
        let proof = tac.map(hex::encode).unwrap_or_default();
        self.tell(Progress::Recording);
        let business = plan.done(arming, proof, true);
        let link = self
            .record(id, business, plan.offline())
            .map_err(|cause| Error::DoneNotRecorded { id, cause: Box::new(cause) })?;
        self.eligible = None;
        let receipt = receipt::complete(plan, &link, Some((arming, tac))).map(Box::new);
        Ok(Resolved::Done { id, link, receipt, proved: tac.is_some() })
    }

    /// Writes off an intention whose card was never asked.
    pub(super) fn write_off(&mut self, id: TransactionId) -> Result<(), Error> {
        match self.abandon(id, AbandonReason::Restarted) {
            Err(Error::Ledger(LedgerError::WrongState { .. })) => Ok(()),
            other => other,
        }
    }
}

/// Whether an entry of the log has the amounts that the card was asked for.
fn has_amounts(entry: &LogRecord, arming: &Arming) -> bool {
    let fen = |amount: u32| Fen(i64::from(amount));
    fen(entry.amounts.account_fen) == arming.account
        && fen(entry.amounts.self_paid_fen) == arming.self_paid
        && fen(entry.amounts.pooled_fen) == arming.pooled
}
