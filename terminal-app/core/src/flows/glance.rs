//! What a face shows of a card, of an earlier transaction and of a record, without naming anybody.

use protocol::{id::TransactionId, timestamp::Timestamp, upload::RefusalReason};
use serde::Serialize;

use super::{Resolution, Resolved, Tap, Terminal};
use crate::{
    error::Error,
    language::Language,
    ledger::State,
    ports::Random,
    receipt::{Booking, MaskedName, MaskedNumber},
    session::OpenCard,
};

/// Longest number of a visit: what a hospital's systems keep.
pub const VISIT_NUMBER_CHARS_MAX: usize = 30;

/// What may be shown of a card to third eyes: name and number are masked.
#[derive(Clone, Debug, Serialize)]
pub struct CardGlance {
    /// Name of the holder, masked; empty where the card tells none.
    pub name: String,
    /// Number of the person, masked.
    pub person: String,
    /// Region that the card was issued in.
    pub area: String,
    /// Generation of the card.
    pub version: String,
}

impl CardGlance {
    /// What may be shown of this card.
    pub fn of(card: &OpenCard) -> Self {
        let holder = card.holder();
        CardGlance {
            name: holder.map(|holder| MaskedName::of(holder.name.as_str()).to_string()).unwrap_or_default(),
            person: holder.map(|holder| MaskedNumber::of(&holder.person).to_string()).unwrap_or_default(),
            area: card.issuer().card_id.city().to_string(),
            version: card.issuer().version.clone(),
        }
    }

    /// The same as a sentence.
    pub fn words(&self, language: Language) -> String {
        let CardGlance { name, person, area, version } = self;
        match language {
            Language::Chinese => format!("持卡人 {name}（{person}），发卡地区 {area}，{version} 卡"),
            Language::English => format!("Holder {name} ({person}), issued in {area}, card {version}"),
        }
    }
}

/// What became of an earlier transaction of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// The transaction.
    pub id: TransactionId,
    /// Whether the card had done it.
    pub done: bool,
    /// Whether the card has proved either.
    pub proved: bool,
    /// Its place in the chain, where it was done.
    pub sequence: Option<u64>,
}

impl Earlier {
    /// What was found out.
    pub fn of(resolved: &Resolved) -> Self {
        match resolved {
            Resolved::Done { id, link, proved, .. } => {
                Earlier { id: *id, done: true, proved: *proved, sequence: Some(link.sequence) }
            }
            Resolved::NotDone { id } => Earlier { id: *id, done: false, proved: true, sequence: None },
        }
    }

    /// What was found out at a tap, and by the verification of the holder after it.
    pub fn of_tap(tap: &Tap, verified: Option<&Resolved>) -> Option<Self> {
        let at_tap = match &tap.resolution {
            Some(Resolution::Resolved(resolved)) => Some(Earlier::of(resolved)),
            _ => None,
        };
        verified.map(Earlier::of).or(at_tap)
    }

    /// What a clerk has to know of it.
    pub fn words(&self, language: Language) -> String {
        let id = self.id;
        match (self.done, self.proved, language) {
            (true, true, Language::Chinese) => format!("上一笔交易 {id}：卡片已完成，现已入账"),
            (true, true, Language::English) => {
                format!("Earlier transaction {id}: the card had done it; it is written down now")
            }
            (true, false, Language::Chinese) => format!(
                "上一笔交易 {id}：卡片已完成，但已不能出具 TAC；现按卡内明细入账，中心将稽核。请勿重复收费"
            ),
            (true, false, Language::English) => format!(
                "Earlier transaction {id}: done, but the card has no TAC of it any more; it is written down by the \
                 card's log, and the center's auditor looks at it. Do not charge again"
            ),
            (false, _, Language::Chinese) => format!("上一笔交易 {id}：卡片未扣款，可重新办理"),
            (false, _, Language::English) => {
                format!("Earlier transaction {id}: the card had not done it; nothing was taken")
            }
        }
    }

    /// The same of a transaction that a supervisor has decided, not the card.
    pub fn decided_words(&self, language: Language) -> String {
        let id = self.id;
        match (self.done, language) {
            (true, Language::Chinese) => {
                format!("交易 {id}：主管认定卡片已完成，现无 TAC 入账，中心将稽核")
            }
            (true, Language::English) => format!(
                "Transaction {id}: decided as done, written down without TAC; the center's auditor looks at it"
            ),
            (false, Language::Chinese) => format!("交易 {id}：主管认定卡片未扣款，已作废，可重新办理"),
            (false, Language::English) => {
                format!("Transaction {id}: decided as not done, given up; it can be done again")
            }
        }
    }
}

impl Terminal {
    /// What the center has said of a record by now; `offline` says why it has not, where it has not.
    ///
    /// Errors: `Ledger`.
    pub fn booking(&self, id: TransactionId, offline: bool) -> Result<Booking, Error> {
        let Some(transaction) = self.ledger.transaction(id)? else { return Ok(Booking::Pending { offline }) };
        Ok(match (transaction.state, transaction.verdict) {
            (State::Booked, Some(verdict)) => Booking::Booked { receipt: verdict.receipt },
            (State::Refused, Some(verdict)) => {
                Booking::Refused { reason: verdict.refusal.unwrap_or(RefusalReason::Unreadable) }
            }
            (State::Conflict, _) => Booking::Conflict,
            _ => Booking::Pending { offline },
        })
    }

    /// A number for a visit that brings none, by the terminal's own clock and chance: see [`visit_number`].
    pub fn new_visit_number(&mut self) -> String {
        visit_number(Timestamp(self.clock.unix_ms()), self.random.as_mut())
    }
}

/// A number that no other visit of this terminal has: time and 56 bits of chance, since many visits may begin in
/// one second. At most [`VISIT_NUMBER_CHARS_MAX`] characters.
pub fn visit_number(now: Timestamp, random: &mut dyn Random) -> String {
    let mut chance = [0; 7];
    random.fill(&mut chance);
    format!("V{}{}", hex::encode(now.to_bcd()), hex::encode_upper(chance))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Counts up, so that every draw differs as chance would.
    struct Counting(u64);

    impl Random for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0 += 1;
            let count = self.0.to_be_bytes();
            for (at, byte) in bytes.iter_mut().rev().enumerate() {
                *byte = count.get(7_usize.wrapping_sub(at)).copied().unwrap_or_default();
            }
        }
    }

    #[test]
    fn numbers_made_up_within_a_second_are_all_different() {
        let mut random = Counting(0);
        let numbers: HashSet<String> =
            (0..20_000).map(|_| visit_number(Timestamp(1_767_225_600_000), &mut random)).collect();
        assert_eq!(numbers.len(), 20_000);
        assert!(
            numbers.iter().all(|number| number.len() <= VISIT_NUMBER_CHARS_MAX && number.starts_with('V'))
        );
    }
}
