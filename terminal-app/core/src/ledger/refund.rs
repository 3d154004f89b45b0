use card_spec::{money::Fen, person::PersonNumber};
use protocol::id::TransactionId;
use rusqlite::{Connection, params};

use super::{CardKey, Ledger, LedgerError, row};

/// Account money of a cancelled settlement that still has to go back on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The cancellation.
    pub cancellation: TransactionId,
    /// To whom.
    pub person: PersonNumber,
    /// Onto which card.
    pub card: CardKey,
    /// How much.
    pub amount: Fen,
}

impl Ledger {
    /// What is still owed to a card by this terminal's cancellations, oldest first.
    ///
    /// Not what stands under a cancellation that the center refuses or disputes: it grants no load for that.
    pub fn owed_to(&self, card: CardKey) -> Result<Vec<Owed>, LedgerError> {
        self.owed("card = ?1", params![card.0])
    }

    /// Everything still owed.
    pub fn owed_all(&self) -> Result<Vec<Owed>, LedgerError> {
        self.owed("TRUE", [])
    }

    fn owed(&self, condition: &str, parameters: impl rusqlite::Params) -> Result<Vec<Owed>, LedgerError> {
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT cancellation, person, card, amount FROM refund
             WHERE loaded_by IS NULL AND {condition} AND NOT EXISTS (
                 SELECT 1 FROM txn WHERE id = refund.cancellation AND state >= 5)
             ORDER BY cancellation"
        ))?;
        let rows = statement.query_map(parameters, |row| {
            Ok(Owed {
                cancellation: row::id_of(row, 0)?,
                person: row::person_of(row, 1)?,
                card: CardKey(row.get(2)?),
                amount: Fen(row.get(3)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

pub(super) fn owe(
    connection: &Connection,
    cancellation: TransactionId,
    card: CardKey,
    person: u64,
    amount: Fen,
    loaded_by: Option<TransactionId>,
) -> Result<(), LedgerError> {
    if amount <= Fen::ZERO {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO refund (cancellation, card, person, amount, loaded_by) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![cancellation.0, card.0, person, amount.0, loaded_by.map(|by| by.0)])?;
    Ok(())
}

pub(super) fn require_owed(
    connection: &Connection,
    cancellation: TransactionId,
    card: CardKey,
) -> Result<(), LedgerError> {
    let owed = connection
        .prepare_cached(
            "SELECT 1 FROM refund WHERE cancellation = ?1 AND card = ?2 AND loaded_by IS NULL
                 AND NOT EXISTS (SELECT 1 FROM txn WHERE id = ?1 AND state >= 5)",
        )?
        .exists(params![cancellation.0, card.0])?;
    if owed { Ok(()) } else { Err(LedgerError::NothingToLoad { of: cancellation }) }
}

pub(super) fn loaded(
    connection: &Connection,
    cancellation: TransactionId,
    by: TransactionId,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("UPDATE refund SET loaded_by = ?2 WHERE cancellation = ?1")?
        .execute(params![cancellation.0, by.0])?;
    Ok(())
}
