//! Reading rows back, with every value checked.

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    accumulation::Accumulation,
    id::TransactionId,
    signature::{Digest, Signature},
    timestamp::Timestamp,
};
use rusqlite::{Row, types::Type};

use super::transaction::{CardKey, CenterVerdict, Intention, Link, Purpose, State, Transaction};

pub(super) const SELECT: &str = "SELECT t.ordinal, t.id, t.state, t.purpose, t.of, t.visit, t.person, t.card, \
     t.cycle, t.operator, t.intended_at, p.text, t.armed, t.armed_at, t.sequence, l.digest, l.signature, l.body, \
     t.recorded_at, t.abandoned, t.year, t.deductible, t.pooled_outpatient, t.pooled_inpatient, t.own_in_scope, \
     t.stays, t.receipt, t.verdict_at, t.refusal, t.late, t.cancelled_by, t.period \
     FROM txn AS t JOIN plan AS p ON p.ordinal = t.ordinal LEFT JOIN link AS l ON l.sequence = t.sequence";

/// A value that no statement of ours writes: the file is damaged.
fn bad(column: usize, kind: Type) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, "not a value of this column".into())
}

pub(super) fn id_of(row: &Row<'_>, column: usize) -> rusqlite::Result<TransactionId> {
    row.get(column).map(TransactionId)
}

pub(super) fn optional_id_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<TransactionId>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(TransactionId))
}

pub(super) fn person_of(row: &Row<'_>, column: usize) -> rusqlite::Result<PersonNumber> {
    PersonNumber::from_key(row.get(column)?).map_err(|_| bad(column, Type::Integer))
}

pub(super) fn state_of(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    State::from_number(row.get(column)?).ok_or_else(|| bad(column, Type::Integer))
}

pub(super) fn link_of(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Link>> {
    let Some(sequence) = row.get::<_, Option<u64>>(first)? else { return Ok(None) };
    Ok(Some(Link {
        sequence,
        digest: Digest(row.get(first + 1)?),
        signature: Signature(row.get(first + 2)?),
    }))
}

pub(super) fn purpose_of(
    row: &Row<'_>,
    number: usize,
    of: usize,
    period: usize,
) -> rusqlite::Result<Purpose> {
    Purpose::from_columns(row.get(number)?, optional_id_of(row, of)?, row.get(period)?)
        .ok_or_else(|| bad(number, Type::Integer))
}

/// A row of [`SELECT`].
pub(super) fn transaction_of(row: &Row<'_>) -> rusqlite::Result<Transaction> {
    let armed: Option<String> = row.get(12)?;
    let armed = match armed {
        Some(text) => Some(serde_json::from_str(&text).map_err(|_| bad(12, Type::Text))?),
        None => None,
    };
    let year: Option<u16> = row.get(20)?;
    let accumulation = match year {
        Some(year) => Some((
            year,
            Accumulation {
                deductible: Fen(row.get(21)?),
                pooled_outpatient: Fen(row.get(22)?),
                pooled_inpatient: Fen(row.get(23)?),
                own_in_scope: Fen(row.get(24)?),
                stays: row.get(25)?,
            },
        )),
        None => None,
    };
    let verdict = match row.get::<_, Option<String>>(26)? {
        Some(receipt) => Some(CenterVerdict {
            receipt,
            at: Timestamp(row.get(27)?),
            refusal: row
                .get::<_, Option<String>>(28)?
                .map(|text| serde_json::from_str(&text).map_err(|_| bad(28, Type::Text)))
                .transpose()?,
        }),
        None => None,
    };
    Ok(Transaction {
        ordinal: row.get(0)?,
        intention: Intention {
            id: id_of(row, 1)?,
            purpose: purpose_of(row, 3, 4, 31)?,
            visit: row.get(5)?,
            person: person_of(row, 6)?,
            card: CardKey(row.get(7)?),
            cycle: row.get(8)?,
            operator: row.get(9)?,
            made_at: Timestamp(row.get(10)?),
            plan: row.get(11)?,
        },
        state: state_of(row, 2)?,
        armed,
        armed_at: row.get::<_, Option<i64>>(13)?.map(Timestamp),
        link: link_of(row, 14)?,
        body: row.get(17)?,
        recorded_at: row.get::<_, Option<i64>>(18)?.map(Timestamp),
        abandoned: row.get::<_, Option<bool>>(19)?.unwrap_or(false),
        accumulation,
        verdict,
        late: row.get(29)?,
        cancelled_by: optional_id_of(row, 30)?,
    })
}
