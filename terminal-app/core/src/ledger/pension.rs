//! What this terminal has paid out and certified, looked up by the person.

use card_spec::person::PersonNumber;
use protocol::{calendar::Period, record::Business};
use rusqlite::{Connection, params};

use super::{Ledger, LedgerError, Transaction, row};

impl Ledger {
    /// Months that this terminal has paid to a person, or is about to, oldest first; what the center has
    /// refused stays among them, for the money went out.
    pub fn months_paid(&self, person: PersonNumber) -> Result<Vec<Period>, LedgerError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT period FROM txn
             WHERE person = ?1 AND period IS NOT NULL AND (abandoned IS NULL OR abandoned = 0) ORDER BY period",
        )?;
        let numbers = statement.query_map([person.key()], |row| row.get::<_, u32>(0))?;
        let numbers = numbers.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(numbers.into_iter().filter_map(Period::from_number).collect())
    }

    /// The last certification of a person that was recorded here and that the center does not dispute.
    pub fn last_certification(&self, person: PersonNumber) -> Result<Option<Transaction>, LedgerError> {
        let sql = format!(
            "{} WHERE t.person = ?1 AND t.purpose = 4 AND t.abandoned = 0 AND t.state NOT IN (5, 6)
             ORDER BY t.sequence DESC LIMIT 1",
            row::SELECT
        );
        let mut statement = self.connection().prepare_cached(&sql)?;
        let found = statement.query_map([person.key()], row::transaction_of)?.next().transpose()?;
        Ok(found.filter(|found| matches!(found.business(), Some(Business::Certification(_)))))
    }

    /// Pensions that were paid here and wait for the center's verdict.
    pub fn pensions_waiting(&self) -> Result<u32, LedgerError> {
        self.waiting_of(5)
    }

    /// Certifications that were made here and wait for the center's verdict.
    pub fn certifications_waiting(&self) -> Result<u32, LedgerError> {
        self.waiting_of(4)
    }

    fn waiting_of(&self, purpose: i64) -> Result<u32, LedgerError> {
        let answered = super::query::answered(self.connection())?;
        Ok(self
            .connection()
            .prepare_cached(
                "SELECT count(*) FROM link JOIN txn USING (ordinal)
                 WHERE link.sequence > ?1 AND purpose = ?2 AND abandoned = 0",
            )?
            .query_row(params![answered, purpose], |row| row.get(0))?)
    }
}

/// Refuses a month that was paid or is being paid; the file's own index would, too.
pub(super) fn require_unpaid(
    connection: &Connection,
    person: PersonNumber,
    period: Period,
) -> Result<(), LedgerError> {
    let paid = connection
        .prepare_cached(
            "SELECT 1 FROM txn
             WHERE person = ?1 AND period = ?2 AND (abandoned IS NULL OR abandoned = 0)",
        )?
        .exists(params![person.key(), period.number()])?;
    if paid { Err(LedgerError::PeriodPaid { period }) } else { Ok(()) }
}
