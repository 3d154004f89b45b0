//! Setting dues aside for one payment (缴费占用), and the pensions of a branch that were not booked.

use card_spec::person::PersonNumber;
use protocol::{
    id::{TerminalId, TransactionId},
    problem::{Problem, ProblemKind},
    record::{Body, Business},
    service::{Cursor, FailedAnswer, FailedPayment, FailedQuery, HoldAnswer, HoldDues, Subject},
    timestamp::Timestamp,
};

use super::{Service, asking::Asking, malformed};
use crate::{
    error::Error,
    production::storage_problem,
    storage::{
        StorageResult, Transaction,
        contributions::{FailedRow, HeldDue},
        rows::AuditRow,
    },
};

impl Service {
    /// Sets dues aside for one payment, all of them or none. The same request again gets the same answer.
    ///
    /// Nothing but the payment's record, the terminal's word that it came to nothing, or staff
    /// ([`Service::free_dues`]) frees them.
    /// Problems: `Malformed`, `Forbidden`, `TooMany`, `HolderNotShown`, `CardBlocked`, `Storage`.
    pub fn hold_dues(&self, terminal: TerminalId, request: &HoldDues) -> Result<HoldAnswer, Problem> {
        if !request.sound() {
            return Err(malformed("dues are none, too many, named twice or not paid by people"));
        }
        let at = self.now();
        let person = request.asker.person.key();
        let operator = Some(request.operator.as_str());
        let asking = Asking { service: self, terminal, person, subject: Subject::PayDues, at, operator };
        asking.noted(|| {
            asking.right()?;
            let card = asking.shown(&request.asker.proof)?;
            asking.not_blocked(card)?;
            let mut answer = None;
            self.storage()
                .transact(&mut |transaction| {
                    answer = Some(hold_in(transaction, terminal, request, at)?);
                    Ok(())
                })
                .map_err(storage_problem)?;
            Ok(answer.ok_or_else(|| Problem::new(ProblemKind::Internal, "nothing was decided"))?)
        })
    }

    /// Frees what is set aside under a name, by staff who has made sure that its money was not kept. Returns how
    /// many dues. Errors: `Storage`.
    pub fn free_dues(&self, id: TransactionId) -> Result<u64, Error> {
        let mut freed = 0;
        self.storage().transact(&mut |transaction| {
            freed = transaction.free(&[id])?;
            Ok(())
        })?;
        Ok(freed)
    }

    /// Pensions that a terminal, or every terminal of its institution, handed out and that were not booked. Who asked
    /// is written into the audit log. Problems: `Malformed`, `Forbidden`, `Storage`.
    pub fn failed_payments(
        &self,
        terminal: TerminalId,
        query: &FailedQuery,
    ) -> Result<FailedAnswer, Problem> {
        if !query.sound() {
            return Err(malformed("a page has no or too many rows, or the operator no number"));
        }
        if !self.desk(terminal)?.may(Subject::FailedPayments) {
            return Err(Problem::new(ProblemKind::Forbidden, "not at a desk of this kind"));
        }
        let before = match &query.after {
            None => None,
            Some(cursor) => Some(
                u64::try_from(cursor.rank)
                    .map_err(|_| malformed("a cursor that this center has not made"))?,
            ),
        };
        let storage = self.storage();
        let at = self.now();
        let terminals = match query.this_terminal {
            true => vec![terminal],
            false => {
                let all = storage.terminals().map_err(storage_problem)?;
                let own = all.iter().find(|row| row.terminal == terminal);
                let code = own.map(|row| row.institution.code.clone()).unwrap_or_default();
                let branch = all.iter().filter(|row| row.institution.code == code);
                branch.map(|row| row.terminal).collect()
            }
        };
        let rows = usize::from(query.rows);
        let mut failed = storage.failed_pensions(&terminals, before, rows + 1).map_err(storage_problem)?;
        let more = failed.len() > rows;
        failed.truncate(rows);
        let last = failed.last().filter(|_| more);
        let next = last.map(|last| Cursor { rank: last.number.cast_signed(), name: String::new() });
        let note = AuditRow {
            at,
            actor: format!("{terminal} {}", query.operator),
            action: "failed payments".into(),
            subject: failed.len().to_string(),
        };
        storage.note(&note).map_err(storage_problem)?;
        let mut payments = Vec::with_capacity(failed.len());
        for row in &failed {
            payments.extend(self.failed_payment(row)?);
        }
        Ok(FailedAnswer { payments, next, as_of: at })
    }

    /// `None` for a body that cannot be read, which says nothing of a payment.
    fn failed_payment(&self, row: &FailedRow) -> Result<Option<FailedPayment>, Problem> {
        let Ok(body) = serde_json::from_str::<Body>(&row.body) else { return Ok(None) };
        let Business::Pension(payment) = &body.business else { return Ok(None) };
        let person = payment.person.key();
        let until = Some(payment.period.next());
        let booked = self.storage().payments_of(person, until, 1).map_err(storage_problem)?;
        let booked = booked.first().filter(|booked| booked.period == payment.period);
        let masked = PersonNumber::from_key(person).map(|number| number.masked().to_string());
        Ok(Some(FailedPayment {
            id: body.id,
            terminal: row.terminal,
            sequence: row.sequence,
            at: body.made_at,
            person: masked.unwrap_or_default(),
            period: payment.period,
            amount: payment.amount,
            operator: body.operator,
            reason: row.reason,
            booked_elsewhere: booked.map(|payment| payment.at),
        }))
    }
}

fn hold_in(
    transaction: &mut dyn Transaction,
    terminal: TerminalId,
    request: &HoldDues,
    at: Timestamp,
) -> StorageResult<HoldAnswer> {
    let person = request.asker.person.key();
    // A question that arrives after its name was paid or written off sets nothing aside any more.
    if !transaction.taken(&[request.id])?.is_empty() {
        return Ok(HoldAnswer::NameUsed);
    }
    let under = transaction.held_under(&[request.id])?;
    if !under.is_empty() {
        let same = under.len() == request.dues.len()
            && under.iter().all(|row| {
                row.terminal == terminal && row.person == person && request.dues.contains(&row.due)
            });
        return Ok(if same { HoldAnswer::Held { as_of: at } } else { HoldAnswer::NameUsed });
    }
    if let Some((due, _, at)) = transaction.paid_of(person, &request.dues)?.first() {
        return Ok(HoldAnswer::Paid { due: *due, at: *at });
    }
    let held = transaction.held_of(person)?;
    let due = transaction.due_now(person)?;
    for asked in &request.dues {
        if let Some(other) = held.iter().find(|row| row.due.is_the_same(asked)) {
            return Ok(HoldAnswer::BeingPaid { due: *asked, since: other.at });
        }
        if !due.contains(asked) {
            return Ok(HoldAnswer::Changed { due: *asked });
        }
    }
    let rows = request.dues.iter().map(|due| HeldDue {
        person,
        due: *due,
        id: request.id,
        terminal,
        operator: request.operator.clone(),
        at,
    });
    transaction.hold(&rows.collect::<Vec<_>>())?;
    Ok(HoldAnswer::Held { as_of: at })
}
