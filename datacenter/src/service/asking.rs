//! Who may ask what about whom.

use protocol::{
    evidence::HolderProof,
    id::TerminalId,
    problem::{Problem, ProblemKind},
    service::{PROOF_AGE_MS_MAX, PROOF_AHEAD_MS_MAX, Subject},
    timestamp::Timestamp,
};

use super::{ANSWERS_PER_PERSON_MAX, QUESTIONS_PER_TERMINAL_MAX, Service};
use crate::{
    production::{card_key, storage_problem},
    storage::service::{AskedCounts, AskedRow, Ending},
};

const HOUR_MS: i64 = 3_600_000;

/// One question about a person, on its way through the checks.
pub(super) struct Asking<'a> {
    pub(super) service: &'a Service,
    pub(super) terminal: TerminalId,
    pub(super) person: u64,
    pub(super) subject: Subject,
    pub(super) at: Timestamp,
    /// Number of the operator at the desk.
    pub(super) operator: Option<&'a str>,
}

impl Asking<'_> {
    /// Does the work and writes down how it ended, whatever that is.
    ///
    /// An answer that cannot be written down is not given.
    pub(super) fn noted<T>(&self, work: impl FnOnce() -> Result<T, Refused>) -> Result<T, Problem> {
        let result = work();
        let ending = match &result {
            Ok(_) => Ending::Answered,
            Err(Refused(Some(ending), _)) => *ending,
            // The center's own fault: nothing was told, and nobody is to blame.
            Err(Refused(None, _)) => return result.map_err(|Refused(_, problem)| problem),
        };
        let (at, terminal, person, subject) = (self.at, self.terminal, self.person, self.subject);
        let operator = self.operator.map(str::to_owned);
        let row = AskedRow { at, terminal, person, subject, ending, operator };
        self.service.storage().note_asked(&row).map_err(storage_problem)?;
        self.service.purge_asked(at);
        result.map_err(|Refused(_, problem)| problem)
    }

    /// Whether the desk has a right to it, and neither person nor terminal were asked about too often.
    pub(super) fn right(&self) -> Result<AskedCounts, Refused> {
        if !self.service.desk(self.terminal)?.may(self.subject) {
            return Err(refused(Ending::NoRight, ProblemKind::Forbidden, "not at a desk of this kind"));
        }
        let (hour_ago, day_ago) = (self.at.plus_ms(-HOUR_MS), self.at.plus_ms(-24 * HOUR_MS));
        let counts = self
            .service
            .storage()
            .asked_since(self.terminal, self.person, hour_ago, day_ago)
            .map_err(storage_problem)?;
        if counts.about_person >= ANSWERS_PER_PERSON_MAX || counts.by_terminal >= QUESTIONS_PER_TERMINAL_MAX {
            return Err(refused(Ending::TooMany, ProblemKind::TooMany, "too many questions in an hour"));
        }
        Ok(counts)
    }

    /// Whether the proof is fresh and strong enough, and the card this person's. Returns the card.
    pub(super) fn shown(&self, proof: &HolderProof) -> Result<[u8; 12], Refused> {
        let not = |detail| refused(Ending::NotShown, ProblemKind::HolderNotShown, detail);
        let card = card_key(&proof.card_id).ok_or_else(|| not("the proof names no card"))?;
        let fresh =
            proof.at.plus_ms(PROOF_AGE_MS_MAX) >= self.at && proof.at <= self.at.plus_ms(PROOF_AHEAD_MS_MAX);
        if !fresh {
            return Err(not("the proof is too old, or of a time to come"));
        }
        let enough = self.service.production.holder_proof_suffices(proof, self.at);
        if !enough.map_err(storage_problem)? {
            return Err(not("the proof does not suffice"));
        }
        // A card that was never seen is believed to be what a genuine card says of itself, as for a visit.
        match self.service.storage().holder(card).map_err(storage_problem)? {
            Some(holder) if holder.person != self.person => Err(not("the card is another person's")),
            Some(_) | None => Ok(card),
        }
    }

    /// Whether the card is not blocked.
    pub(super) fn not_blocked(&self, card: [u8; 12]) -> Result<(), Refused> {
        match self.service.storage().card_blocked(card).map_err(storage_problem)? {
            None => Ok(()),
            Some(_) => Err(refused(Ending::CardBlocked, ProblemKind::CardBlocked, "the card is blocked")),
        }
    }
}

/// Why there is no answer: how to write it down, and the problem for the terminal.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Option<Ending>, pub(super) Problem);

impl From<Problem> for Refused {
    /// A fault of the center, or a request that cannot be read.
    fn from(problem: Problem) -> Self {
        Refused(None, problem)
    }
}

pub(super) fn refused(ending: Ending, kind: ProblemKind, detail: &'static str) -> Refused {
    Refused(Some(ending), Problem::new(kind, detail))
}
