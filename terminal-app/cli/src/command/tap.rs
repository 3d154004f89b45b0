//! A card in the slot: waiting for it, reading it, its holder's PIN.

use serde::Serialize;
use terminal::{
    error::Error,
    flows::{Resolution, Resolved, Tap},
    receipt::{MaskedName, MaskedNumber},
    session::{OpenCard, SessionError},
};

use super::Context;
use crate::{console::Page, edge::counter::Counter, failure::Failure};

/// How long a card is waited for.
pub(crate) const CARD_TIMEOUT_S: u32 = 60;

/// Entries of a PIN at one keyboard before the command ends; the card has its own, shorter counter.
const ENTRIES_MAX: usize = 3;

/// What may be shown of a card to third eyes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CardGlance {
    name: String,
    person: String,
    area: String,
    version: String,
}

impl CardGlance {
    pub(crate) fn of(card: &OpenCard) -> Self {
        let holder = card.holder();
        CardGlance {
            name: holder.map(|holder| MaskedName::of(holder.name.as_str()).to_string()).unwrap_or_default(),
            person: holder.map(|holder| MaskedNumber::of(&holder.person).to_string()).unwrap_or_default(),
            area: card.issuer().card_id.city().to_string(),
            version: card.issuer().version.clone(),
        }
    }

    pub(crate) fn line(&self, page: &mut Page) {
        page.say(
            format!("持卡人 {}（{}），发卡地区 {}，{} 卡", self.name, self.person, self.area, self.version),
            format!("Holder {} ({}), issued in {}, card {}", self.name, self.person, self.area, self.version),
        );
    }
}

/// What became of an earlier transaction of the card.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Earlier {
    id: protocol::id::TransactionId,
    done: bool,
    proved: bool,
    sequence: Option<u64>,
}

impl Earlier {
    pub(crate) fn of(resolved: &Resolved) -> Self {
        match resolved {
            Resolved::Done { id, link, proved, .. } => {
                Earlier { id: *id, done: true, proved: *proved, sequence: Some(link.sequence) }
            }
            Resolved::NotDone { id } => Earlier { id: *id, done: false, proved: true, sequence: None },
        }
    }

    pub(crate) fn line(&self, page: &mut Page) {
        let id = self.id;
        match (self.done, self.proved) {
            (true, true) => page.say(
                format!("上一笔交易 {id}：卡片已完成，现已入账"),
                format!("Earlier transaction {id}: the card had done it; it is written down now"),
            ),
            (true, false) => page.say(
                format!("上一笔交易 {id}：卡片已完成，但已不能出具 TAC；现按卡内明细入账，中心将稽核。请勿重复收费"),
                format!(
                    "Earlier transaction {id}: done, but the card has no TAC of it any more; it is written down by the card's log, and the center's auditor looks at it. Do not charge again"
                ),
            ),
            (false, _) => page.say(
                format!("上一笔交易 {id}：卡片未扣款，可重新办理"),
                format!("Earlier transaction {id}: the card had not done it; nothing was taken"),
            ),
        }
    }
}

impl Earlier {
    /// The same of a transaction that a supervisor has decided, not the card.
    pub(crate) fn decided_line(&self, page: &mut Page) {
        let id = self.id;
        match self.done {
            true => page.say(
                format!("交易 {id}：主管认定卡片已完成，现无 TAC 入账，中心将稽核"),
                format!("Transaction {id}: decided as done, written down without TAC; the center's auditor looks at it"),
            ),
            false => page.say(
                format!("交易 {id}：主管认定卡片未扣款，已作废，可重新办理"),
                format!("Transaction {id}: decided as not done, given up; it can be done again"),
            ),
        }
    }
}

/// Waits for a card and reads it.
pub(crate) fn tap(context: &Context, counter: &mut Counter, wait_s: u32) -> Result<Tap, Failure> {
    if counter.flows.wait_card(0).is_err() {
        context.console.note("请插卡…", "Put the card in…");
        counter.flows.wait_card(wait_s.saturating_mul(1_000))?;
    }
    Ok(counter.flows.open_card()?)
}

/// Asks for the PIN and has the card verify it; resolves what was open.
///
/// A wrong PIN may be typed again at a keyboard, each time by the holder; a script gets one entry.
pub(crate) fn verify(context: &Context, counter: &mut Counter) -> Result<Option<Resolved>, Failure> {
    for _ in 1..ENTRIES_MAX {
        match counter.flows.verify_holder() {
            Err(Error::Session(error @ SessionError::WrongPin { .. })) if !context.global.pin_stdin => {
                let words = Error::Session(error).words(context.console.language());
                context.console.error_line(&words.to_string());
            }
            other => return Ok(other?),
        }
    }
    Ok(counter.flows.verify_holder()?)
}

/// Earlier transaction of a tap and of the verification after it.
pub(crate) fn earlier(tap: &Tap, verified: Option<&Resolved>) -> Option<Earlier> {
    let at_tap = match &tap.resolution {
        Some(Resolution::Resolved(resolved)) => Some(Earlier::of(resolved)),
        _ => None,
    };
    verified.map(Earlier::of).or(at_tap)
}
