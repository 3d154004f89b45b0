//! The four steps of a transaction: intend, arm, and record or abandon.

use card_spec::money::Fen;
use protocol::{
    accumulation::Accumulation,
    id::TransactionId,
    limits::OfflineLimits,
    record::{AbandonReason, Amounts, BODY_BYTES_MAX, BODY_VERSION, Body, Business, PURPOSE, Refund},
    timestamp::{ClockQuality, Timestamp},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Head, Ledger, LedgerError, halt, refund, row,
    transaction::{Arming, CardKey, Intention, Link, Outcome, Purpose, State, proves_not_done},
    verify, visit,
};
use crate::{
    audit::{self, Actor, AuditEvent},
    roles::cycle,
};

impl Ledger {
    /// Commits an intention, before anything irreversible happens.
    ///
    /// New business: refused while business is halted, the cycle is over, the queue or the file is full, or
    /// the card has a transaction that is not resolved. A settlement closes its visit for further lines.
    /// Errors: `Halted`, `CycleOver`, `NotReconciled`, `QueueFull`, `SpaceLow`, `Unresolved`, `IdTaken`, `VisitUnknown`,
    /// `VisitNotOpen`, `NothingToCancel`, `NothingToLoad`; nothing is written in any of them.
    pub fn intend(&mut self, intention: &Intention, limits: &OfflineLimits) -> Result<(), LedgerError> {
        self.require_space()?;
        let head = self
            .write(|transaction| {
                require_business(transaction, intention, limits)?;
                insert(transaction, intention)?;
                verify::place(transaction)
            })
            .map_err(|error| match error {
                // Not begun yet: the reserve is not for this.
                LedgerError::Store(crate::store::StoreError::Full) => LedgerError::SpaceLow,
                other => other,
            })?;
        self.intentions = head.intentions;
        self.keep(&head);
        Ok(())
    }

    /// Commits what the card is about to be asked. The command goes out only after this returned.
    ///
    /// Errors: `TransactionUnknown`, `WrongState` (armed or recorded before).
    pub fn arm(&mut self, id: TransactionId, arming: &Arming, now: Timestamp) -> Result<(), LedgerError> {
        let text = serde_json::to_string(arming).unwrap_or_default();
        self.write_in_flight(|transaction| {
            require_state(transaction, id, |state| state == State::Intended)?;
            transaction
                .prepare_cached("UPDATE txn SET state = 1, armed = ?2, armed_at = ?3 WHERE id = ?1")?
                .execute(params![id.0, text, now.0])?;
            Ok(())
        })?;
        // It is armed; a head that cannot be read must not say otherwise.
        if let Ok(head) = self.head() {
            self.keep(&head);
        }
        Ok(())
    }

    /// Freezes the outcome: body, sequence, digest and signature, and all that follows from it, in one commit.
    ///
    /// A settlement settles its visit and counts in the person's year; a cancellation marks its settlement,
    /// opens the visit again and may leave a refund owed; a load settles the refund it was for.
    /// Errors: `TransactionUnknown`, `WrongState` (it has its outcome), `PurposeDiffers`, `BodyTooLarge`,
    /// `OutcomeUnknown` as in [`Ledger::abandon`], `Store`. After an error the transaction is as unresolved as
    /// before, and can be recorded again.
    pub fn record(&mut self, id: TransactionId, outcome: &Outcome) -> Result<Link, LedgerError> {
        let Ledger { terminal, identity, .. } = &*self;
        let (terminal, identity) = (*terminal, identity.clone());
        let link = self.write_in_flight(|transaction| {
            let open = OpenRow::load(transaction, id)?;
            if !open.purpose.allows(&outcome.business) {
                return Err(LedgerError::PurposeDiffers { id });
            }
            if let (State::Armed, Business::Abandoned { reason }) = (open.state, &outcome.business)
                && !proves_not_done(*reason)
            {
                return Err(LedgerError::OutcomeUnknown { id });
            }
            let (last, previous) = verify::last_link(transaction)?;
            let body = Body {
                version: BODY_VERSION,
                id,
                terminal,
                sequence: last + 1,
                made_at: outcome.made_at,
                clock: outcome.clock,
                cycle: open.cycle.clone(),
                operator: open.operator.clone(),
                offline: outcome.offline,
                business: outcome.business.clone(),
            };
            let text = serde_json::to_string(&body).unwrap_or_default();
            if text.is_empty() || text.len() > BODY_BYTES_MAX {
                return Err(LedgerError::BodyTooLarge { bytes: text.len() });
            }
            let digest = previous.chain(text.as_bytes());
            let link = Link { sequence: last + 1, digest, signature: identity.sign(PURPOSE, &digest.0) };
            let effect = Effect::of(transaction, &open, &body)?;
            freeze(transaction, open.ordinal, &link, &text, outcome, &effect)?;
            follow_up(transaction, id, &open, outcome)?;
            Ok(link)
        })?;
        let Link { sequence, digest, .. } = link;
        self.keep(&Head { intentions: self.intentions, sequence, digest, armed: 0 });
        if self.ballast_spent {
            let actor = Actor::default();
            // Only a note; the record itself is safe, and a full disk must not turn that into an error.
            let _ = self.write(|transaction| {
                audit::append(transaction, outcome.made_at, actor, &AuditEvent::ReserveUsed)
            });
        }
        Ok(link)
    }

    /// Freezes the outcome that nothing has happened on any card.
    ///
    /// It takes its place in the chain like any other outcome, so that each sequence is accounted for.
    /// Errors: as [`Ledger::record`], and `OutcomeUnknown` when the card was asked and the reason does not
    /// prove that it did nothing.
    pub fn abandon(
        &mut self,
        id: TransactionId,
        reason: AbandonReason,
        made_at: Timestamp,
        clock: ClockQuality,
        offline: bool,
    ) -> Result<Link, LedgerError> {
        self.record(id, &Outcome { business: Business::Abandoned { reason }, made_at, clock, offline })
    }
}

/// Whether new business may start at all, and this one in particular.
fn require_business(
    connection: &Connection,
    intention: &Intention,
    limits: &OfflineLimits,
) -> Result<(), LedgerError> {
    if let Some(reason) = halt::load(connection)? {
        return Err(LedgerError::Halted(reason));
    }
    cycle::require_open(connection, &intention.cycle, intention.made_at)?;
    cycle::require_reconciled(connection, &intention.cycle, false, limits, intention.made_at)?;
    let waiting = super::query::waiting(connection)?;
    if waiting >= u64::from(limits.queue_max) {
        return Err(LedgerError::QueueFull { waiting, queue_max: limits.queue_max });
    }
    if exists(connection, "SELECT 1 FROM txn WHERE id = ?1", params![intention.id.0])? {
        return Err(LedgerError::IdTaken { id: intention.id });
    }
    if let Some(id) = unresolved_of_card(connection, intention.card)? {
        return Err(LedgerError::Unresolved { id });
    }
    match intention.purpose {
        Purpose::Settlement => visit::begin_settling(connection, intention.visit.as_deref(), intention.id),
        Purpose::Cancellation { of } => require_cancellable(connection, of),
        Purpose::Load { refund_of: Some(of) } => refund::require_owed(connection, of, intention.card),
        Purpose::Load { refund_of: None }
        | Purpose::Enrolment
        | Purpose::Certification
        // Whether a due is open is the center's to say.
        | Purpose::Contribution => Ok(()),
        Purpose::ContributionReversal { of } => super::contribution::require_reversible(connection, of),
        Purpose::Pension { period } => super::pension::require_unpaid(connection, intention.person, period),
    }
}

fn exists(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<bool, LedgerError> {
    Ok(connection.prepare_cached(sql)?.exists(parameters)?)
}

fn unresolved_of_card(connection: &Connection, card: CardKey) -> Result<Option<TransactionId>, LedgerError> {
    let id: Option<[u8; 16]> = connection
        .prepare_cached("SELECT id FROM txn WHERE card = ?1 AND sequence IS NULL ORDER BY ordinal LIMIT 1")?
        .query_row([card.0], |row| row.get(0))
        .optional()?;
    Ok(id.map(TransactionId))
}

/// A settlement is cancelled once, unless the center disputes it. One that it refuses is cancelled for the account
/// money that its card was debited.
fn require_cancellable(connection: &Connection, of: TransactionId) -> Result<(), LedgerError> {
    let settled = exists(
        connection,
        "SELECT 1 FROM txn WHERE id = ?1 AND purpose = 0 AND abandoned = 0 AND cancelled_by IS NULL
         AND (state < 5 OR (state = 5 AND json_extract(armed, '$.account') > 0))",
        params![of.0],
    )?;
    let being_cancelled = exists(
        connection,
        "SELECT 1 FROM txn WHERE of = ?1 AND purpose = 1 AND sequence IS NULL",
        params![of.0],
    )?;
    if settled && !being_cancelled { Ok(()) } else { Err(LedgerError::NothingToCancel { of }) }
}

fn insert(connection: &Connection, intention: &Intention) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO txn (id, state, purpose, of, visit, person, card, cycle, operator, intended_at, period)
             VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            intention.id.0,
            intention.purpose.number(),
            intention.purpose.of().map(|of| of.0),
            intention.visit,
            intention.person.key(),
            intention.card.0,
            intention.cycle,
            intention.operator,
            intention.made_at.0,
            intention.purpose.period(),
        ])?;
    connection
        .prepare_cached("INSERT INTO plan (ordinal, text) VALUES (?1, ?2)")?
        .execute(params![connection.last_insert_rowid(), intention.plan])?;
    Ok(())
}

fn require_state(
    connection: &Connection,
    id: TransactionId,
    allowed: impl Fn(State) -> bool,
) -> Result<State, LedgerError> {
    let state = connection
        .prepare_cached("SELECT state FROM txn WHERE id = ?1")?
        .query_row([id.0], |row| row::state_of(row, 0))
        .optional()?
        .ok_or(LedgerError::TransactionUnknown { id })?;
    if allowed(state) { Ok(state) } else { Err(LedgerError::WrongState { id, state }) }
}

/// What the outcome needs to know of its intention.
struct OpenRow {
    ordinal: i64,
    state: State,
    purpose: Purpose,
    person: u64,
    card: CardKey,
    cycle: String,
    operator: String,
}

impl OpenRow {
    fn load(connection: &Connection, id: TransactionId) -> Result<Self, LedgerError> {
        let open = connection
            .prepare_cached(
                "SELECT ordinal, state, purpose, of, person, card, cycle, operator, period FROM txn WHERE id = ?1",
            )?
            .query_row([id.0], |row| {
                Ok(OpenRow {
                    ordinal: row.get(0)?,
                    state: row::state_of(row, 1)?,
                    purpose: row::purpose_of(row, 2, 3, 8)?,
                    person: row.get(4)?,
                    card: CardKey(row.get(5)?),
                    cycle: row.get(6)?,
                    operator: row.get(7)?,
                })
            })
            .optional()?
            .ok_or(LedgerError::TransactionUnknown { id })?;
        match open.state {
            state if state < State::Recorded => Ok(open),
            state => Err(LedgerError::WrongState { id, state }),
        }
    }
}

/// The figures that reconciliation and the person's year add up.
#[derive(Default)]
struct Effect {
    amounts: Option<Amounts>,
    year: Option<(u16, Accumulation)>,
    /// Contributions received, negative when they went back, and what of it was cash.
    contribution: Option<(Fen, Fen)>,
}

impl Effect {
    fn of(connection: &Connection, open: &OpenRow, body: &Body) -> Result<Self, LedgerError> {
        let year_of = |at: Timestamp| u16::try_from(at.civil().year()).unwrap_or(0);
        Ok(match &body.business {
            Business::Settlement(settlement) => Effect {
                amounts: Some(settlement.amounts),
                year: Some((
                    year_of(body.happened_at()),
                    Accumulation::of(&settlement.amounts, &settlement.med_type),
                )),
                contribution: None,
            },
            Business::Cancellation(cancellation) => Effect {
                amounts: Some(cancellation.amounts),
                // The year of the settlement, not of its cancellation: that year's sums are given back.
                year: match open.purpose.of() {
                    Some(of) => accumulated_by(connection, of)?,
                    None => None,
                },
                contribution: None,
            },
            Business::Pension(payment) => Effect {
                amounts: Some(Amounts { fund_pay_sumamt: payment.amount, ..Amounts::default() }),
                ..Effect::default()
            },
            Business::Contribution(payment) => {
                Effect { contribution: Some((payment.amount, payment.cash())), ..Effect::default() }
            }
            Business::ContributionReversal(reversal) => {
                Effect { contribution: Some((-reversal.amount, -reversal.cash())), ..Effect::default() }
            }
            _ => Effect::default(),
        })
    }
}

/// What a cancellation of this settlement adds: the opposite of what the settlement added, nothing for one that the
/// center has refused.
fn accumulated_by(
    connection: &Connection,
    settlement: TransactionId,
) -> Result<Option<(u16, Accumulation)>, LedgerError> {
    let found = connection
        .prepare_cached(
            "SELECT year, deductible, pooled_outpatient, pooled_inpatient, own_in_scope, stays
             FROM txn WHERE id = ?1 AND year IS NOT NULL AND state < 5",
        )?
        .query_row([settlement.0], |row| {
            let negative = |column: usize| -> rusqlite::Result<Fen> { Ok(-Fen(row.get(column)?)) };
            Ok((
                row.get(0)?,
                Accumulation {
                    deductible: negative(1)?,
                    pooled_outpatient: negative(2)?,
                    pooled_inpatient: negative(3)?,
                    own_in_scope: negative(4)?,
                    stays: -row.get::<_, i32>(5)?,
                },
            ))
        })
        .optional()?;
    Ok(found)
}

fn freeze(
    connection: &Connection,
    ordinal: i64,
    link: &Link,
    body: &str,
    outcome: &Outcome,
    effect: &Effect,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO link (sequence, ordinal, digest, signature, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![link.sequence, ordinal, link.digest.0, link.signature.0, body])?;
    let amounts = effect.amounts.as_ref();
    let year = effect.year.as_ref();
    connection
        .prepare_cached(
            "UPDATE txn SET state = 2, sequence = ?2, recorded_at = ?3, abandoned = ?4, medfee = ?5, fund = ?6,
                 account = ?7, cash = ?8, year = ?9, deductible = ?10, pooled_outpatient = ?11,
                 pooled_inpatient = ?12, own_in_scope = ?13, stays = ?14, contribution = ?15,
                 contribution_cash = ?16
             WHERE ordinal = ?1",
        )?
        .execute(params![
            ordinal,
            link.sequence,
            outcome.made_at.0,
            matches!(outcome.business, Business::Abandoned { .. }),
            amounts.map(|a| a.medfee_sumamt.0),
            amounts.map(|a| a.fund_pay_sumamt.0),
            amounts.map(|a| a.acct_pay.0),
            amounts.map(|a| a.psn_cash_pay.0),
            year.map(|(year, _)| year),
            year.map(|(_, a)| a.deductible.0),
            year.map(|(_, a)| a.pooled_outpatient.0),
            year.map(|(_, a)| a.pooled_inpatient.0),
            year.map(|(_, a)| a.own_in_scope.0),
            year.map(|(_, a)| a.stays),
            effect.contribution.map(|(amount, _)| amount.0),
            effect.contribution.map(|(_, cash)| cash.0),
        ])?;
    Ok(())
}

/// What else is true once the outcome is.
fn follow_up(
    connection: &Connection,
    id: TransactionId,
    open: &OpenRow,
    outcome: &Outcome,
) -> Result<(), LedgerError> {
    match (open.purpose, &outcome.business) {
        (Purpose::Settlement, Business::Settlement(_)) => Ok(()),
        (Purpose::Settlement, _) => visit::reopened(connection, id),
        (Purpose::Cancellation { of }, Business::Cancellation(cancellation)) => {
            connection
                .prepare_cached("UPDATE txn SET cancelled_by = ?2 WHERE id = ?1")?
                .execute(params![of.0, id.0])?;
            visit::reopened(connection, of)?;
            match &cancellation.refund {
                Refund::Owed { amount } => refund::owe(connection, id, open.card, open.person, *amount, None),
                Refund::Loaded { by } => {
                    let amount = -cancellation.amounts.acct_pay;
                    refund::owe(connection, id, open.card, open.person, amount, Some(*by))
                }
                Refund::None => Ok(()),
            }
        }
        (Purpose::ContributionReversal { of }, Business::ContributionReversal(_)) => {
            connection
                .prepare_cached("UPDATE txn SET cancelled_by = ?2 WHERE id = ?1")?
                .execute(params![of.0, id.0])?;
            Ok(())
        }
        (Purpose::Load { refund_of: Some(of) }, Business::Load(_)) => refund::loaded(connection, of, id),
        _ => Ok(()),
    }
}
