//! Pensions in the cache.

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    calendar::{Day, Period},
    pension::{Fingers, Pension},
    timestamp::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Cache, CacheError};

/// What the cache knows of a pension, with the age of the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPension {
    /// The entry; `None` when the center pays none, or the copy has none yet.
    pub pension: Option<Pension>,
    /// Age of the copy; `None` while it is filled for the first time. Negative when the clock is behind it.
    pub age_ms: Option<i64>,
}

impl Cache {
    /// What is known of a person's pension. `now` should be the center's time as far as it is known.
    ///
    /// Errors: `Damaged` when the page that holds the row is.
    pub fn pension(&self, person: PersonNumber, now: Timestamp) -> Result<KnownPension, CacheError> {
        let age_ms = self.age_ms(now)?;
        let pension = self
            .connection
            .prepare_cached(
                "SELECT key, monthly, next_unpaid, paid_ahead, certified_until, fingers
                 FROM pension WHERE key = ?1",
            )?
            .query_row([person.key()], |row| Ok(pension_of(row)))
            .optional()?
            .transpose()?;
        Ok(KnownPension { pension, age_ms })
    }

    /// Pensions in the cache.
    pub fn pension_count(&self) -> Result<u64, CacheError> {
        Ok(self.connection.query_row("SELECT count(*) FROM pension", [], |row| row.get(0))?)
    }
}

pub(super) fn put(connection: &Connection, pension: &Pension) -> Result<(), CacheError> {
    let key = i64::try_from(pension.key).map_err(|_| CacheError::Content)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO pension
                 (key, monthly, next_unpaid, paid_ahead, certified_until, fingers)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key,
            pension.monthly.0,
            pension.next_unpaid.number(),
            pension.paid_ahead,
            pension.certified_until.map(Day::number),
            match pension.fingers {
                Fingers::Unknown => 0,
                Fingers::Enrolled => 1,
                Fingers::NoneUsable => 2,
            },
        ])?;
    Ok(())
}

pub(super) fn take_out(connection: &Connection, key: u64) -> Result<(), CacheError> {
    let key = i64::try_from(key).map_err(|_| CacheError::Content)?;
    connection.prepare_cached("DELETE FROM pension WHERE key = ?1")?.execute([key])?;
    Ok(())
}

fn pension_of(row: &Row<'_>) -> Result<Pension, CacheError> {
    let damaged = || CacheError::Damaged { detail: "a pension that no feed has brought".into() };
    let until: Option<u32> = row.get(4)?;
    Ok(Pension {
        key: row.get(0)?,
        monthly: Fen(row.get(1)?),
        next_unpaid: Period::from_number(row.get(2)?).ok_or_else(damaged)?,
        paid_ahead: row.get(3)?,
        certified_until: until.map(|day| Day::from_number(day).ok_or_else(damaged)).transpose()?,
        fingers: match row.get(5)? {
            1 => Fingers::Enrolled,
            2 => Fingers::NoneUsable,
            _ => Fingers::Unknown,
        },
    })
}
