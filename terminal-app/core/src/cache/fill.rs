//! Applying pages of the feed.

use protocol::feed::{BlockReason, Change, Page, PageError, Person, PersonState, SignedPage};
use rusqlite::{Connection, TransactionBehavior, params};

use super::{Cache, CacheError, Feed, Progress};

/// Takes all people and cards out.
const EMPTY: &str = "DELETE FROM person; DELETE FROM refreshed; DELETE FROM blocked; DELETE FROM pension;";

/// `class` column: see the layout.
pub(super) fn class_of(person: &Person) -> i64 {
    let state = match person.state {
        PersonState::Active => 0,
        PersonState::Suspended => 1,
        PersonState::Ended => 2,
        PersonState::Deceased => 3,
    };
    i64::from(person.insutype) << 11
        | i64::from(person.psn_type) << 3
        | i64::from(person.civil_servant) << 2
        | state
}

pub(super) fn reason_number(reason: BlockReason) -> i64 {
    match reason {
        BlockReason::Lost => 0,
        BlockReason::Replaced => 1,
        BlockReason::Deceased => 2,
        BlockReason::Fraud => 3,
    }
}

impl Cache {
    /// The cursor to ask the center with: the feed's generation and the last change applied.
    pub fn cursor(&self) -> Result<(u64, u64), CacheError> {
        let feed = self.reload()?;
        Ok((feed.epoch, feed.cursor))
    }

    /// Checks a page and applies it together with the cursor, all or nothing.
    ///
    /// A page of another generation of the feed starts the cache again from nothing, when it is that
    /// generation's first page and not older than what was seen.
    /// Errors: `NotSigned`, `Content`, `OtherCity`, `OutOfOrder` (a gap or a page sent again), `Outdated`,
    /// `Damaged`, `Store`; the cache is as it was before.
    pub fn apply(&mut self, signed: &SignedPage) -> Result<Progress, CacheError> {
        let page = signed.open(&self.center).map_err(|error| match error {
            PageError::Signature => CacheError::NotSigned,
            _ => CacheError::Content,
        })?;
        if page.city != self.city {
            return Err(CacheError::OtherCity);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = Cache::load(&transaction)?;
        let after = follow(&before, &page)?;
        if page.epoch != before.epoch {
            transaction.execute_batch(EMPTY)?;
        }
        write_changes(&transaction, &page.changes)?;
        note_refreshed(&transaction, &after, &page)?;
        Cache::save(&transaction, &after)?;
        transaction.commit()?;
        self.feed.set(after);
        let Feed { epoch, cursor, newest, as_of, .. } = after;
        Ok(Progress { epoch, cursor, newest, as_of })
    }

    /// Throws all people and blocked cards away; the next fill starts from nothing. Rules and limits stay.
    pub fn clear(&mut self) -> Result<(), CacheError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(EMPTY)?;
        Cache::save(&transaction, &Feed::default())?;
        transaction.commit()?;
        self.feed.set(Feed::default());
        Ok(())
    }
}

/// Where the feed stands after a page, or why the page cannot follow.
fn follow(before: &Feed, page: &Page) -> Result<Feed, CacheError> {
    let restarted = page.epoch != before.epoch;
    let expected = if restarted { 0 } else { before.cursor };
    if restarted && before.seen_at.is_some_and(|seen| page.as_of < seen) {
        return Err(CacheError::Outdated);
    }
    if page.after != expected {
        return Err(CacheError::OutOfOrder { expected, got: page.after });
    }
    let complete = page.upto >= page.newest;
    let as_of = if restarted { None } else { before.as_of };
    Ok(Feed {
        epoch: page.epoch,
        cursor: page.upto,
        newest: page.newest.max(page.upto),
        // An old empty page, sent again, must not make the copy look younger or older.
        as_of: if complete { as_of.max(Some(page.as_of)) } else { as_of },
        seen_at: before.seen_at.max(Some(page.as_of)),
    })
}

/// Keeps how young the rows are that a page has brought, until the copy as a whole is.
///
/// Without it, what this terminal has settled since the copy was last complete would be added to entries that
/// contain it already.
fn note_refreshed(connection: &Connection, after: &Feed, page: &Page) -> Result<(), CacheError> {
    if after.cursor >= after.newest || after.as_of.is_none() {
        connection.execute("DELETE FROM refreshed", [])?;
        return Ok(());
    }
    let mut insert =
        connection.prepare_cached("INSERT OR REPLACE INTO refreshed (key, as_of) VALUES (?1, ?2)")?;
    for change in &page.changes {
        if let Change::Person(person) = change {
            let key = i64::try_from(person.key).map_err(|_| CacheError::Content)?;
            insert.execute((key, page.as_of.0))?;
        }
    }
    Ok(())
}

/// Rows in the order of the table touch each of its pages once, whatever order the changes came in. What
/// concerns one person, or one card, keeps its order.
fn in_order_of_rows(changes: &[Change]) -> Vec<&Change> {
    let row = |change: &&Change| match change {
        Change::Person(person) => person.key,
        Change::PersonGone(key) => *key,
        Change::Pension(pension) => pension.key,
        Change::PensionGone(key) => *key,
        _ => u64::MAX,
    };
    let mut changes: Vec<&Change> = changes.iter().collect();
    if !changes.is_sorted_by_key(row) {
        changes.sort_by_key(row);
    }
    changes
}

fn write_changes(connection: &Connection, changes: &[Change]) -> Result<(), CacheError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO person (key, class, paid_until, year, deductible, pooled_outpatient,
             pooled_inpatient, own_in_scope, stays) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for change in in_order_of_rows(changes) {
        match change {
            Change::Person(person) => {
                let key = i64::try_from(person.key).map_err(|_| CacheError::Content)?;
                insert.execute((
                    key,
                    class_of(person),
                    person.paid_until,
                    person.year,
                    person.deductible_fen,
                    person.pooled_outpatient_fen,
                    person.pooled_inpatient_fen,
                    person.own_in_scope_fen,
                    person.stays,
                ))?;
            }
            Change::PersonGone(key) => {
                let key = i64::try_from(*key).map_err(|_| CacheError::Content)?;
                connection.prepare_cached("DELETE FROM person WHERE key = ?1")?.execute([key])?;
            }
            Change::CardBlocked { card, reason } => {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO blocked (card, reason) VALUES (?1, ?2)")?
                    .execute(params![card, reason_number(*reason)])?;
            }
            Change::CardFreed(card) => {
                connection.prepare_cached("DELETE FROM blocked WHERE card = ?1")?.execute([card])?;
            }
            Change::Pension(pension) => super::pension::put(connection, pension)?,
            Change::PensionGone(key) => super::pension::take_out(connection, *key)?,
            // A change that this version does not know cannot be left out silently.
            _ => return Err(CacheError::Content),
        }
    }
    Ok(())
}
