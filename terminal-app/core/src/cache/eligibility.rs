//! Asking the cache.

use card_spec::person::PersonNumber;
use protocol::{
    feed::{BlockReason, Person, PersonState},
    limits::OfflineLimits,
    timestamp::Timestamp,
};
use rusqlite::{OptionalExtension, Row};

use super::{Cache, CacheError, Feed};
use crate::ledger::CardKey;

/// A month's contribution arrives within that month, so the month before being paid is enough.
pub const CONTRIBUTION_GRACE_MONTHS: u16 = 1;

/// Code table psn_type: retired people pay no contributions.
const RETIRED: u8 = 12;

/// What the cache knows of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// Benefits are in force.
    Eligible(Person),
    /// Insured here, but benefits are not in force.
    NotEligible {
        /// The entry.
        person: Person,
        /// Why.
        reason: NotEligible,
    },
    /// Not in the cache: insured elsewhere, or the cache is not filled yet. Ask online.
    UnknownHere,
    /// The cache is older than the limits allow, was never complete, or the clock is behind it. Ask online.
    TooOld {
        /// Age; `None` when the cache was never complete.
        age_ms: Option<i64>,
    },
}

/// Why benefits are not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotEligible {
    /// Benefits are suspended.
    Suspended,
    /// The insurance has ended.
    Ended,
    /// Deceased: whoever holds the card is not its holder.
    Deceased,
    /// Contributions are missing since then.
    Arrears {
        /// Last month that is paid, as year × 12 + month − 1.
        paid_until: u16,
    },
}

impl NotEligible {
    /// Why a person's benefits are not in force at a time; `None` when they are.
    ///
    /// The same judgement for entries from the cache and from the center's answer about one person.
    pub fn of(person: &Person, now: Timestamp) -> Option<Self> {
        match person.state {
            PersonState::Suspended => return Some(NotEligible::Suspended),
            PersonState::Ended => return Some(NotEligible::Ended),
            PersonState::Deceased => return Some(NotEligible::Deceased),
            PersonState::Active => {}
        }
        let today = now.civil();
        let month = u16::try_from(today.year()).unwrap_or(0).saturating_mul(12)
            + u16::from(u8::from(today.month()))
            - 1;
        let paid = person.psn_type == RETIRED || person.paid_until + CONTRIBUTION_GRACE_MONTHS >= month;
        (!paid).then_some(NotEligible::Arrears { paid_until: person.paid_until })
    }
}

impl Cache {
    /// What is known of a person. One look at one row, some microseconds.
    ///
    /// `now` should be the center's time as far as it is known.
    /// Errors: `Damaged` when the page that holds the row is.
    pub fn look_up(
        &self,
        person: PersonNumber,
        now: Timestamp,
        limits: &OfflineLimits,
    ) -> Result<Eligibility, CacheError> {
        let feed = self.feed.get();
        let known = self.judge(&feed, person, now, limits)?;
        match known {
            Eligibility::Eligible(_) | Eligibility::NotEligible { .. } => Ok(known),
            // Another connection may have brought the cache up to date since.
            Eligibility::UnknownHere | Eligibility::TooOld { .. } => {
                let fresh = self.reload()?;
                if fresh == feed { Ok(known) } else { self.judge(&fresh, person, now, limits) }
            }
        }
    }

    /// Up to when, by the center's clock, a person's entry contains everything that was booked.
    ///
    /// That of the copy as a whole, except while pages are still missing: an entry that one of the pages has
    /// brought is younger than the rest. For `Ledger::accumulated_since`. `None` while the copy is filled for
    /// the first time.
    pub fn entry_as_of(&self, person: PersonNumber) -> Result<Option<Timestamp>, CacheError> {
        let as_of = self.reload()?.as_of;
        let refreshed: Option<i64> = self
            .connection
            .prepare_cached("SELECT as_of FROM refreshed WHERE key = ?1")?
            .query_row([person.key()], |row| row.get(0))
            .optional()?;
        Ok(as_of.max(refreshed.map(Timestamp).filter(|_| as_of.is_some())))
    }

    /// Why a card is blocked, if it is.
    pub fn blocked(&self, card: CardKey) -> Result<Option<BlockReason>, CacheError> {
        let number: Option<i64> = self
            .connection
            .prepare_cached("SELECT reason FROM blocked WHERE card = ?1")?
            .query_row([card.0], |row| row.get(0))
            .optional()?;
        Ok(number.map(|number| match number {
            0 => BlockReason::Lost,
            1 => BlockReason::Replaced,
            2 => BlockReason::Deceased,
            // A reason of a later version blocks all the same.
            _ => BlockReason::Fraud,
        }))
    }

    fn judge(
        &self,
        feed: &Feed,
        person: PersonNumber,
        now: Timestamp,
        limits: &OfflineLimits,
    ) -> Result<Eligibility, CacheError> {
        let age_ms = feed.as_of.map(|as_of| now.0.saturating_sub(as_of.0));
        match age_ms {
            Some(age) if (-limits.clock_skew_max_ms..=limits.cache_age_max_ms).contains(&age) => {}
            _ => return Ok(Eligibility::TooOld { age_ms }),
        }
        let entry = self
            .connection
            .prepare_cached(
                "SELECT key, class, paid_until, year, deductible, pooled_outpatient, pooled_inpatient,
                        own_in_scope, stays
                 FROM person WHERE key = ?1",
            )?
            .query_row([person.key()], person_of)
            .optional()?;
        Ok(match entry {
            None => Eligibility::UnknownHere,
            Some(person) => match NotEligible::of(&person, now) {
                Some(reason) => Eligibility::NotEligible { person, reason },
                None => Eligibility::Eligible(person),
            },
        })
    }
}

fn person_of(row: &Row<'_>) -> rusqlite::Result<Person> {
    let class: i64 = row.get(1)?;
    Ok(Person {
        key: row.get(0)?,
        state: match class & 3 {
            0 => PersonState::Active,
            1 => PersonState::Suspended,
            2 => PersonState::Ended,
            _ => PersonState::Deceased,
        },
        civil_servant: class & 4 != 0,
        psn_type: (class >> 3) as u8,
        insutype: (class >> 11) as u16,
        paid_until: row.get(2)?,
        year: row.get(3)?,
        deductible_fen: row.get(4)?,
        pooled_outpatient_fen: row.get(5)?,
        pooled_inpatient_fen: row.get(6)?,
        own_in_scope_fen: row.get(7)?,
        stays: row.get(8)?,
    })
}
