//! People and cards as a stream of changes.

use protocol::{
    feed::{BlockReason, Change, Person},
    timestamp::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStorage,
    benefits::pensions_after,
    book::limit,
    columns::{
        PERSON_COLUMNS, block_reason, block_reason_column, damaged, failed, fixed, int, person,
        person_state_column, unsigned,
    },
};
use crate::storage::{Feed, StorageResult, rows::ImportedPerson};

/// Cursor for the next change. Inside a transaction only, and [`set_last_change`] before it ends.
pub(super) fn next_change(connection: &Connection) -> StorageResult<i64> {
    Ok(counter(connection, "feed")? + 1)
}

/// Writes down the last cursor that was given.
pub(super) fn set_last_change(connection: &Connection, change: i64) -> StorageResult<()> {
    set_counter(connection, "feed", change)
}

pub(super) fn counter(connection: &Connection, name: &str) -> StorageResult<i64> {
    connection
        .prepare_cached("SELECT value FROM counter WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)))
        .map_err(failed)
}

pub(super) fn set_counter(connection: &Connection, name: &str, value: i64) -> StorageResult<()> {
    connection
        .prepare_cached("UPDATE counter SET value = ?2 WHERE name = ?1")
        .and_then(|mut statement| statement.execute(params![name, value]))
        .map_err(failed)?;
    Ok(())
}

/// New people are inserted, known ones changed and moved to the end of the feed; a row that would not change
/// is left where it is. The sums of known people stay unless `?14` says otherwise.
const PUT_PERSON: &str = "
INSERT INTO person (change, key, state, insutype, psn_type, civil_servant, paid_until, year,
    deductible, pooled_outpatient, pooled_inpatient, own_in_scope, stays)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT (key) DO UPDATE SET
    change = excluded.change, state = excluded.state, insutype = excluded.insutype,
    psn_type = excluded.psn_type, civil_servant = excluded.civil_servant, paid_until = excluded.paid_until,
    year = iif(?14, excluded.year, year),
    deductible = iif(?14, excluded.deductible, deductible),
    pooled_outpatient = iif(?14, excluded.pooled_outpatient, pooled_outpatient),
    pooled_inpatient = iif(?14, excluded.pooled_inpatient, pooled_inpatient),
    own_in_scope = iif(?14, excluded.own_in_scope, own_in_scope),
    stays = iif(?14, excluded.stays, stays)
WHERE (state, insutype, psn_type, civil_servant, paid_until)
        IS NOT (excluded.state, excluded.insutype, excluded.psn_type, excluded.civil_servant, excluded.paid_until)
    OR (?14 AND (year, deductible, pooled_outpatient, pooled_inpatient, own_in_scope, stays)
        IS NOT (excluded.year, excluded.deductible, excluded.pooled_outpatient, excluded.pooled_inpatient,
            excluded.own_in_scope, excluded.stays))";

/// A state that differs from the last one known counts from now; whoever was never said to be anything else was
/// insured.
const PUT_STANDING: &str = "
INSERT INTO standing (person, since, state)
    SELECT ?1, ?2, ?3 WHERE ?3 <> coalesce(
        (SELECT state FROM standing WHERE person = ?1 ORDER BY since DESC LIMIT 1), 1)
ON CONFLICT (person, since) DO UPDATE SET state = excluded.state";

impl Feed for SqliteStorage {
    fn epoch(&self) -> StorageResult<u64> {
        self.read(|connection| unsigned(counter(connection, "epoch")?))
    }

    fn set_epoch(&self, epoch: u64) -> StorageResult<()> {
        self.write(|transaction| set_counter(transaction, "epoch", int(epoch)?))
    }

    fn changes(&self, after: u64, count_max: usize) -> StorageResult<Vec<(u64, Change)>> {
        let after = int(after)?;
        self.read(|connection| {
            // All reads have to see the same commit, else a change between them would be skipped for good.
            let connection = connection.unchecked_transaction().map_err(failed)?;
            let people = people_after(&connection, after, count_max)?;
            let cards = cards_after(&connection, after, count_max)?;
            let pensions = pensions_after(&connection, after, count_max)?;
            Ok(merged(people, cards, pensions, count_max))
        })
    }

    fn newest(&self) -> StorageResult<u64> {
        self.read(|connection| unsigned(counter(connection, "feed")?))
    }

    fn put_people(&self, people: &[ImportedPerson], at: Timestamp) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(PUT_PERSON).map_err(failed)?;
            let mut standing = transaction.prepare_cached(PUT_STANDING).map_err(failed)?;
            let first = next_change(transaction)?;
            let mut change = first;
            for ImportedPerson { person, with_sums } in people {
                let touched = statement
                    .execute(params![
                        change,
                        int(person.key)?,
                        person_state_column(person.state),
                        person.insutype,
                        person.psn_type,
                        person.civil_servant,
                        person.paid_until,
                        person.year,
                        person.deductible_fen,
                        person.pooled_outpatient_fen,
                        person.pooled_inpatient_fen,
                        person.own_in_scope_fen,
                        person.stays,
                        with_sums,
                    ])
                    .map_err(failed)?;
                change += i64::from(touched > 0);
                if touched > 0 {
                    standing
                        .execute(params![int(person.key)?, at.0, person_state_column(person.state)])
                        .map_err(failed)?;
                }
            }
            set_last_change(transaction, change - 1)?;
            unsigned(change - first)
        })
    }

    fn remove_people(&self, keys: &[u64]) -> StorageResult<u64> {
        self.write(|transaction| {
            // The row stays as the feed's mark that the person has left; what it held is wiped.
            let mut statement = transaction
                .prepare_cached(
                    "UPDATE person SET change = ?1, state = NULL, insutype = 0, psn_type = 0,
                     civil_servant = 0, paid_until = 0, year = 0, deductible = 0, pooled_outpatient = 0,
                     pooled_inpatient = 0, own_in_scope = 0, stays = 0
                     WHERE key = ?2 AND state IS NOT NULL",
                )
                .map_err(failed)?;
            let first = next_change(transaction)?;
            let mut change = first;
            for key in keys {
                change += i64::from(statement.execute(params![change, int(*key)?]).map_err(failed)? > 0);
            }
            let removed = change - first;
            // What was paid stays known: whoever comes back is not paid again.
            let mut pension = transaction
                .prepare_cached(
                    "UPDATE pension SET change = ?1, monthly = NULL WHERE person = ?2 AND monthly IS NOT NULL",
                )
                .map_err(failed)?;
            for key in keys {
                change += i64::from(pension.execute(params![change, int(*key)?]).map_err(failed)? > 0);
            }
            set_last_change(transaction, change - 1)?;
            unsigned(removed)
        })
    }

    fn person(&self, key: u64) -> StorageResult<Option<Person>> {
        self.read(|connection| Ok(people(connection, &[key])?.pop()))
    }

    fn people_count(&self) -> StorageResult<u64> {
        self.read(|connection| {
            let count: i64 = connection
                .query_row("SELECT count(*) FROM person WHERE state IS NOT NULL", [], |row| row.get(0))
                .map_err(failed)?;
            unsigned(count)
        })
    }

    fn set_cards(&self, cards: &[([u8; 12], Option<BlockReason>)], at: Timestamp) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut statement = transaction
                .prepare_cached(
                    "INSERT INTO card (change, card, reason, since) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (card) DO UPDATE SET
                         change = excluded.change, reason = excluded.reason, since = excluded.since
                     WHERE reason IS NOT excluded.reason",
                )
                .map_err(failed)?;
            let mut known =
                transaction.prepare_cached("SELECT 1 FROM card WHERE card = ?1").map_err(failed)?;
            let first = next_change(transaction)?;
            let mut change = first;
            for (card, reason) in cards {
                // Freeing a card that was never blocked is no change.
                if reason.is_none() && !known.exists([card]).map_err(failed)? {
                    continue;
                }
                let touched = statement
                    .execute(params![change, card.as_slice(), reason.map(block_reason_column), at.0])
                    .map_err(failed)?;
                change += i64::from(touched > 0);
            }
            set_last_change(transaction, change - 1)?;
            unsigned(change - first)
        })
    }

    fn card_blocked(&self, card: [u8; 12]) -> StorageResult<Option<BlockReason>> {
        self.read(|connection| {
            let reason = connection
                .prepare_cached("SELECT reason FROM card WHERE card = ?1")
                .and_then(|mut statement| {
                    statement.query_row([card.as_slice()], |row| row.get::<_, Option<i64>>(0)).optional()
                })
                .map_err(failed)?;
            reason.flatten().map(block_reason).transpose()
        })
    }

    fn blocked_count(&self) -> StorageResult<u64> {
        self.read(|connection| {
            let count: i64 = connection
                .query_row("SELECT count(*) FROM card WHERE reason IS NOT NULL", [], |row| row.get(0))
                .map_err(failed)?;
            unsigned(count)
        })
    }
}

/// People by key; whoever is unknown or has left is left out.
pub(super) fn people(connection: &Connection, keys: &[u64]) -> StorageResult<Vec<Person>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {PERSON_COLUMNS} FROM person WHERE key = ?1"))
        .map_err(failed)?;
    let mut people = Vec::new();
    for key in keys {
        let Ok(key) = int(*key) else { continue };
        let entry = statement.query_row([key], |row| person(row, 0)).optional().map_err(failed)?;
        people.extend(entry.transpose()?.and_then(Result::ok));
    }
    Ok(people)
}

fn people_after(connection: &Connection, after: i64, count_max: usize) -> StorageResult<Vec<(u64, Change)>> {
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT change, {PERSON_COLUMNS} FROM person WHERE change > ?1 ORDER BY change LIMIT ?2"
        ))
        .map_err(failed)?;
    let mut rows = statement.query(params![after, limit(count_max)]).map_err(failed)?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let change = match person(row, 1).map_err(failed)?? {
            Ok(person) => Change::Person(person),
            Err(gone) => Change::PersonGone(gone),
        };
        changes.push((unsigned(row.get(0).map_err(failed)?)?, change));
    }
    Ok(changes)
}

fn cards_after(connection: &Connection, after: i64, count_max: usize) -> StorageResult<Vec<(u64, Change)>> {
    let mut statement = connection
        .prepare_cached("SELECT change, card, reason FROM card WHERE change > ?1 ORDER BY change LIMIT ?2")
        .map_err(failed)?;
    let mut rows = statement.query(params![after, limit(count_max)]).map_err(failed)?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let card = row.get_ref(1).map_err(failed)?.as_blob().map_err(|_| damaged("a card"))?;
        let card = fixed(card)?;
        let change = match row.get::<_, Option<i64>>(2).map_err(failed)? {
            Some(reason) => Change::CardBlocked { card, reason: block_reason(reason)? },
            None => Change::CardFreed(card),
        };
        changes.push((unsigned(row.get(0).map_err(failed)?)?, change));
    }
    Ok(changes)
}

/// Three rising streams as one, cut to `count_max`.
fn merged(
    people: Vec<(u64, Change)>,
    cards: Vec<(u64, Change)>,
    pensions: Vec<(u64, Change)>,
    count_max: usize,
) -> Vec<(u64, Change)> {
    if cards.is_empty() && pensions.is_empty() {
        return people;
    }
    let mut all = people;
    all.extend(cards);
    all.extend(pensions);
    all.sort_by_key(|(cursor, _)| *cursor);
    all.truncate(count_max);
    all
}
