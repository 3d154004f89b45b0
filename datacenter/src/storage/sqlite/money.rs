//! Credits, refunds, loads, and whose a card is.

use card_spec::money::Fen;
use protocol::{id::TransactionId, timestamp::Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    book::limit,
    columns::{damaged, digest, failed, fixed, int, load_state, load_state_column, transaction_id, unsigned},
};
use crate::storage::{
    StorageResult,
    rows::{HolderRow, LoadRow, LoadState, PurchaseKey, PurchaseRow, RefundRow},
};

pub(super) fn credits(connection: &Connection, people: &[u64]) -> StorageResult<Vec<(u64, Fen)>> {
    let mut statement =
        connection.prepare_cached("SELECT amount FROM credit WHERE person = ?1").map_err(failed)?;
    let mut credits = Vec::new();
    for person in people {
        let amount = statement.query_row([int(*person)?], |row| row.get(0)).optional().map_err(failed)?;
        if let Some(amount) = amount {
            credits.push((*person, Fen(amount)));
        }
    }
    Ok(credits)
}

pub(super) fn add_credits(connection: &Connection, changes: &[(u64, Fen)]) -> StorageResult<()> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO credit (person, amount) VALUES (?1, ?2)
             ON CONFLICT (person) DO UPDATE SET amount = amount + excluded.amount",
        )
        .map_err(failed)?;
    // Taking away from nobody has to fail, while the clause above would insert a negative amount first.
    let mut take = connection
        .prepare_cached("UPDATE credit SET amount = amount + ?2 WHERE person = ?1")
        .map_err(failed)?;
    for (person, amount) in changes {
        if amount.0 >= 0 {
            statement.execute(params![int(*person)?, amount.0]).map_err(failed)?;
        } else if take.execute(params![int(*person)?, amount.0]).map_err(failed)? == 0 {
            return Err(damaged("money taken from a person without credit"));
        }
    }
    Ok(())
}

pub(super) fn refunds(connection: &Connection, of: &[TransactionId]) -> StorageResult<Vec<RefundRow>> {
    let mut statement = connection
        .prepare_cached("SELECT person, owed FROM refund WHERE cancellation = ?1")
        .map_err(failed)?;
    let mut refunds = Vec::new();
    for id in of {
        let row = statement
            .query_row([&id.0], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
            .optional()
            .map_err(failed)?;
        if let Some((person, owed)) = row {
            refunds.push(RefundRow { of: *id, person: unsigned(person)?, owed: Fen(owed) });
        }
    }
    Ok(refunds)
}

pub(super) fn put_refunds(connection: &Connection, refunds: &[RefundRow]) -> StorageResult<()> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO refund (cancellation, person, owed) VALUES (?1, ?2, ?3)
             ON CONFLICT (cancellation) DO UPDATE SET owed = excluded.owed",
        )
        .map_err(failed)?;
    for refund in refunds {
        statement
            .execute(params![refund.of.0.as_slice(), int(refund.person)?, refund.owed.0])
            .map_err(failed)?;
    }
    Ok(())
}

/// Refunds that a person is still owed, by cancellation.
pub(super) fn refunds_of(
    connection: &Connection,
    person: u64,
    count_max: usize,
) -> StorageResult<Vec<RefundRow>> {
    let Ok(key) = int(person) else { return Ok(Vec::new()) };
    let mut statement = connection
        .prepare_cached(
            "SELECT cancellation, owed FROM refund WHERE person = ?1 AND owed > 0
             ORDER BY cancellation LIMIT ?2",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![key, limit(count_max)]).map_err(failed)?;
    let mut refunds = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let of = transaction_id(&row.get::<_, Vec<u8>>(0).map_err(failed)?)?;
        refunds.push(RefundRow { of, person, owed: Fen(row.get(1).map_err(failed)?) });
    }
    Ok(refunds)
}

pub(super) fn holders(connection: &Connection, cards: &[[u8; 12]]) -> StorageResult<Vec<HolderRow>> {
    let mut statement =
        connection.prepare_cached("SELECT person, since FROM holder WHERE card = ?1").map_err(failed)?;
    let mut holders = Vec::new();
    for card in cards {
        let row = statement
            .query_row([card.as_slice()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
            .optional()
            .map_err(failed)?;
        if let Some((person, since)) = row {
            holders.push(HolderRow { card: *card, person: unsigned(person)?, since: Timestamp(since) });
        }
    }
    Ok(holders)
}

pub(super) fn put_holders(connection: &Connection, holders: &[HolderRow]) -> StorageResult<()> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO holder (card, person, since) VALUES (?1, ?2, ?3)
             ON CONFLICT (card) DO UPDATE SET person = excluded.person, since = excluded.since",
        )
        .map_err(failed)?;
    for holder in holders {
        statement
            .execute(params![holder.card.as_slice(), int(holder.person)?, holder.since.0])
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn purchases(connection: &Connection, keys: &[PurchaseKey]) -> StorageResult<Vec<PurchaseRow>> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM purchase WHERE card = ?1 AND serial = ?2 AND date_time = ?3")
        .map_err(failed)?;
    let mut purchases = Vec::new();
    for key in keys {
        let id: Option<Vec<u8>> = statement
            .query_row(params![key.card, key.serial, key.date_time], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        if let Some(id) = id {
            purchases.push(PurchaseRow { key: key.clone(), id: transaction_id(&id)? });
        }
    }
    Ok(purchases)
}

pub(super) fn add_purchases(connection: &Connection, purchases: &[PurchaseRow]) -> StorageResult<()> {
    let mut statement = connection
        .prepare_cached("INSERT INTO purchase (card, serial, date_time, id) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed)?;
    for PurchaseRow { key, id } in purchases {
        statement.execute(params![key.card, key.serial, key.date_time, id.0.as_slice()]).map_err(failed)?;
    }
    Ok(())
}

const LOAD_COLUMNS: &str = "id, request_digest, request, mac2, at, state";

fn load(row: &Row<'_>) -> StorageResult<LoadRow> {
    let bytes = |index: usize| row.get::<_, Vec<u8>>(index).map_err(failed);
    let request: String = row.get(2).map_err(failed)?;
    Ok(LoadRow {
        id: transaction_id(&bytes(0)?)?,
        request_digest: digest(&bytes(1)?)?,
        request: serde_json::from_str(&request).map_err(|_| damaged("a load request"))?,
        mac2: fixed(&bytes(3)?)?,
        at: Timestamp(row.get(4).map_err(failed)?),
        state: load_state(row.get(5).map_err(failed)?)?,
    })
}

pub(super) fn loads(connection: &Connection, ids: &[TransactionId]) -> StorageResult<Vec<LoadRow>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {LOAD_COLUMNS} FROM load WHERE id = ?1"))
        .map_err(failed)?;
    let mut loads = Vec::new();
    for id in ids {
        let mut rows = statement.query([&id.0]).map_err(failed)?;
        if let Some(row) = rows.next().map_err(failed)? {
            loads.push(load(row)?);
        }
    }
    Ok(loads)
}

pub(super) fn loads_of_card(connection: &Connection, card_id: &str) -> StorageResult<Vec<LoadRow>> {
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT {LOAD_COLUMNS} FROM load WHERE card_id >= ?1 AND card_id < ?1 || 'g' ORDER BY number"
        ))
        .map_err(failed)?;
    let mut rows = statement.query([card_id.to_ascii_lowercase()]).map_err(failed)?;
    let mut loads = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        loads.push(load(row)?);
    }
    Ok(loads)
}

pub(super) fn put_loads(connection: &Connection, loads: &[LoadRow]) -> StorageResult<()> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO load (id, card_id, request_digest, request, mac2, at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state",
        )
        .map_err(failed)?;
    for load in loads {
        let request = serde_json::to_string(&load.request).map_err(|_| damaged("a load request"))?;
        statement
            .execute(params![
                load.id.0.as_slice(),
                load.request.card_id.to_ascii_lowercase(),
                load.request_digest.0.as_slice(),
                request,
                load.mac2.as_slice(),
                load.at.0,
                load_state_column(load.state),
            ])
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn set_load_states(
    connection: &Connection,
    states: &[(TransactionId, LoadState)],
) -> StorageResult<()> {
    let mut statement =
        connection.prepare_cached("UPDATE load SET state = ?2 WHERE id = ?1").map_err(failed)?;
    for (id, state) in states {
        statement.execute(params![id.0.as_slice(), load_state_column(*state)]).map_err(failed)?;
    }
    Ok(())
}
