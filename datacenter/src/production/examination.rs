//! What can be told of a record by itself: whether it can be read, adds up, keeps to the limits, is proved.

use card_spec::money::Fen;
use protocol::{
    id::{TerminalId, TransactionId},
    record::{Amounts, BODY_VERSION, Body, Business, Settlement},
    timestamp::{ClockQuality, Timestamp},
    upload::{Record, RefusalReason},
};
use serde::Deserialize;

use super::limits::Tolerance;
use crate::{
    security_module::{Check, SecurityModule},
    storage::rows::Proof,
};

/// What can be told of a record without looking at any other.
pub(super) struct Examined {
    /// The transaction, when the body names one.
    pub(super) id: Option<TransactionId>,
    /// The body, when this center can read it, also of a record that is refused.
    pub(super) body: Option<Box<Body>>,
    /// What stands behind a settlement's money, or why the record is refused whatever the books say.
    pub(super) verdict: Result<Proof, RefusalReason>,
    /// When it happened, as far as that counts.
    pub(super) happened_at: Timestamp,
    /// The card had been blocked for longer than this when it was used: the terminal should have known.
    pub(super) blacklist_lag_ms: i64,
}

/// Reads a body and checks what it says by itself. `received_at` is when it arrived, by our clock.
pub(super) fn examine(
    record: &Record,
    terminal: TerminalId,
    security_module: &dyn SecurityModule,
    tolerance: &Tolerance,
    received_at: Timestamp,
) -> Examined {
    let unreadable = |id| Examined {
        id,
        body: None,
        verdict: Err(RefusalReason::Unreadable),
        happened_at: received_at,
        blacklist_lag_ms: 0,
    };
    let body: Box<Body> = match serde_json::from_str(&record.body) {
        Ok(body) => body,
        Err(_) => return unreadable(id_of(&record.body)),
    };
    if body.id == NO_ID {
        return unreadable(None);
    }
    if body.version != BODY_VERSION {
        return unreadable(Some(body.id));
    }
    let happened_at = happened_at(&body, received_at);
    let limits = tolerance.at(happened_at);
    let verdict = if body.terminal != terminal || body.sequence != record.sequence {
        Err(RefusalReason::Misplaced)
    } else if let Business::Settlement(settlement) = &body.business {
        let over = settlement.amounts.medfee_sumamt > limits.amount_max_fen
            || settlement.amounts.acct_pay > limits.account_max_fen
            || settlement.cache_age_ms > limits.cache_age_max_ms;
        if !sound(settlement) {
            Err(RefusalReason::Unbalanced)
        } else if body.offline && over {
            Err(RefusalReason::OverLimit)
        } else {
            proof(terminal, settlement, security_module)
        }
    } else {
        Ok(Proof::NotNeeded)
    };
    Examined {
        id: Some(body.id),
        body: Some(body),
        verdict,
        happened_at,
        blacklist_lag_ms: limits.cache_age_max_ms,
    }
}

/// How far ahead of ours a terminal's clock may be for its own word to count.
pub(super) const CLOCK_AHEAD_MS_MAX: i64 = 600_000;

/// When something happened, as far as its year, the limits and blocked cards are concerned.
///
/// The terminal's own word. When its clock was in doubt or is ahead of ours, it is when the record arrived: a
/// wrong clock must not move a person's sums into another year, where what follows would be passed over.
pub(super) fn happened_at(body: &Body, received_at: Timestamp) -> Timestamp {
    let claimed = body.happened_at();
    let doubted = body.clock == ClockQuality::Doubtful || claimed > received_at.plus_ms(CLOCK_AHEAD_MS_MAX);
    if doubted { received_at } else { claimed }
}

/// The id of a receipt line whose body names none; no transaction may have it.
pub(super) const NO_ID: TransactionId = TransactionId([0; 16]);

/// The id of a body that is otherwise unreadable, so that the answer can name it.
pub(super) fn id_of(body: &str) -> Option<TransactionId> {
    #[derive(Deserialize)]
    struct Named {
        id: TransactionId,
    }
    serde_json::from_str::<Named>(body).ok().map(|named| named.id).filter(|id| *id != NO_ID)
}

/// What stands behind the account money of a settlement. `TacWrong` when the card cannot have made its TAC.
///
/// A card keeps the proof of its last transaction only. After a later one its log still tells of this one,
/// but without a TAC; that is what an empty TAC from the proof means.
pub(super) fn proof(
    terminal: TerminalId,
    settlement: &Settlement,
    security_module: &dyn SecurityModule,
) -> Result<Proof, RefusalReason> {
    let Some(purchase) = &settlement.card else { return Ok(Proof::NotNeeded) };
    match (purchase.tac.is_empty(), purchase.from_proof) {
        (true, true) => Ok(Proof::Missing),
        (true, false) => Err(RefusalReason::TacWrong),
        (false, _) => checked(security_module.purchase_tac(terminal, &settlement.card_id, purchase)),
    }
}

/// What a check of a TAC says of the record.
pub(super) fn checked(tac: Check) -> Result<Proof, RefusalReason> {
    match tac {
        Check::Right => Ok(Proof::Verified),
        Check::Unknown => Ok(Proof::Unchecked),
        Check::Wrong => Err(RefusalReason::TacWrong),
    }
}

/// Whether a settlement's amounts are in range, add up, and agree with what the card debited.
fn sound(settlement: &Settlement) -> bool {
    let amounts = &settlement.amounts;
    let on_card = settlement.card.as_ref().map_or(Fen::ZERO, |purchase| purchase.account);
    in_range(amounts) && amounts.balanced() && on_card == amounts.acct_pay
}

/// No amount of a settlement is negative or larger than a card can hold, so no sum of them can saturate.
fn in_range(a: &Amounts) -> bool {
    [
        a.medfee_sumamt,
        a.fulamt_ownpay_amt,
        a.overlmt_selfpay,
        a.preselfpay_amt,
        a.inscp_scp_amt,
        a.act_pay_dedc,
        a.hifp_pay,
        a.cvlserv_pay,
        a.hifes_pay,
        a.hifmi_pay,
        a.hifob_pay,
        a.maf_pay,
        a.oth_pay,
        a.fund_pay_sumamt,
        a.psn_part_amt,
        a.acct_pay,
        a.acct_mulaid_pay,
        a.psn_cash_pay,
        a.hosp_part_amt,
    ]
    .into_iter()
    .all(|amount| (Fen::ZERO..=Fen::CARD_MAX).contains(&amount))
}

/// The year that something counts for.
pub(super) fn year_of(time: Timestamp) -> u16 {
    u16::try_from(time.civil().year()).unwrap_or(0)
}

/// The part of a card identification code that names the card; `None` when it is no such code.
pub(crate) fn card_key(card_id: &str) -> Option<[u8; 12]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(card_id, &mut bytes).ok()?;
    bytes.first_chunk().copied()
}
