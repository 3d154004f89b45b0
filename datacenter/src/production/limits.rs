//! Offline limits: handing them out, and judging records by them.

use protocol::{
    id::TerminalId,
    limits::{OfflineLimits, PURPOSE},
    problem::Problem,
    signature::Signed,
    timestamp::Timestamp,
};

use super::{Production, internal, storage_problem};
use crate::{
    error::Error,
    storage::{StorageResult, rows::LimitsRow},
};

impl Production {
    /// The limits of a terminal, signed, when there are newer ones than `version`.
    pub fn limits(&self, terminal: TerminalId, version: u64) -> Result<Option<Signed>, Problem> {
        let rows = self.storage.limits(terminal).map_err(storage_problem)?;
        let Some(limits) = in_force(&rows).filter(|limits| limits.version > version) else { return Ok(None) };
        Signed::new(&self.key, PURPOSE, limits).map(Some).map_err(|_| internal("limits cannot be written"))
    }

    /// The limits in force for a terminal, or for all; the defaults when none were set.
    pub fn limits_of(&self, terminal: Option<TerminalId>) -> Result<OfflineLimits, Error> {
        let rows = match terminal {
            Some(terminal) => self.storage.limits(terminal)?,
            None => self.storage.common_limits()?,
        };
        Ok(in_force(&rows).cloned().unwrap_or_default())
    }

    /// Sets limits for one terminal or for all, from now. Returns the version that they got.
    ///
    /// Errors: `Input` for limits that make no sense, `Storage`.
    pub fn set_limits(&self, terminal: Option<TerminalId>, limits: &OfflineLimits) -> Result<u64, Error> {
        let times = [limits.cache_age_max_ms, limits.clock_skew_max_ms, limits.upload_deadline_ms];
        if limits.amount_max_fen.0 < 0 || limits.account_max_fen.0 < 0 || times.iter().any(|ms| *ms < 0) {
            return Err(Error::input("a limit is negative"));
        }
        if limits.retention_ms < RETENTION_MS_MIN {
            return Err(Error::input("booked records have to be kept for 90 days at least"));
        }
        Ok(self.storage.set_limits(terminal, limits, self.now())?)
    }

    /// What a terminal may have lived by when it made a record.
    pub(super) fn tolerance(&self, terminal: TerminalId) -> StorageResult<Tolerance> {
        self.storage.limits(terminal).map(Tolerance)
    }
}

/// Shortest retention of booked records on a terminal.
pub const RETENTION_MS_MIN: i64 = 90 * 24 * 3_600_000;

/// The newest set of the terminal's own, else the newest common one; a later common one does not replace it.
fn in_force(rows: &[LimitsRow]) -> Option<&OfflineLimits> {
    let newest = |own: bool| rows.iter().find(|row| row.until.is_none() && row.terminal.is_some() == own);
    newest(true).or_else(|| newest(false)).map(|row| &row.limits)
}

/// Every set of limits that a terminal ever had, to judge its records by the loosest that it may have known.
///
/// A terminal that is offline goes on with an older set for as long as that set lets it go without the
/// center. So a set counts for a record unless it was replaced longer than its own `cache_age_max_ms` before
/// the record was made.
#[derive(Debug)]
pub(super) struct Tolerance(Vec<LimitsRow>);

impl Tolerance {
    /// Field by field the loosest of all sets that count for a record of this time.
    pub(super) fn at(&self, made_at: Timestamp) -> OfflineLimits {
        let mut loosest = OfflineLimits::default();
        let counts = |row: &&LimitsRow| {
            row.until.is_none_or(|until| until.plus_ms(row.limits.cache_age_max_ms) >= made_at)
        };
        let mut found = false;
        for limits in self.0.iter().filter(counts).map(|row| &row.limits) {
            if !found {
                loosest = limits.clone();
                found = true;
            }
            loosest.amount_max_fen = loosest.amount_max_fen.max(limits.amount_max_fen);
            loosest.account_max_fen = loosest.account_max_fen.max(limits.account_max_fen);
            loosest.cache_age_max_ms = loosest.cache_age_max_ms.max(limits.cache_age_max_ms);
        }
        loosest
    }
}

#[cfg(test)]
mod tests {
    use card_spec::money::Fen;

    use super::*;

    fn row(version: u64, own: bool, from: i64, until: Option<i64>, amount_max: i64) -> LimitsRow {
        LimitsRow {
            limits: OfflineLimits {
                version,
                amount_max_fen: Fen(amount_max),
                cache_age_max_ms: 1_000,
                ..OfflineLimits::default()
            },
            terminal: own.then(|| TerminalId::from_bcd([0; 6]).unwrap_or_else(|_| unreachable!())),
            from: Timestamp(from),
            until: until.map(Timestamp),
        }
    }

    #[test]
    fn own_limits_win_over_newer_common_ones() {
        let rows = [row(3, false, 20, None, 5), row(2, true, 10, None, 7), row(1, false, 0, Some(20), 9)];
        assert_eq!(in_force(&rows).map(|limits| limits.version), Some(2));
        assert_eq!(in_force(&rows[..1]).map(|limits| limits.version), Some(3));
        assert_eq!(in_force(&[]), None);
    }

    #[test]
    fn a_replaced_set_counts_while_a_terminal_may_still_go_by_it() {
        let tolerance = Tolerance(vec![row(2, false, 5_000, None, 10), row(1, false, 0, Some(5_000), 90)]);
        assert_eq!(tolerance.at(Timestamp(6_000)).amount_max_fen, Fen(90));
        assert_eq!(tolerance.at(Timestamp(6_001)).amount_max_fen, Fen(10));
        assert_eq!(Tolerance(Vec::new()).at(Timestamp(0)), OfflineLimits::default());
    }
}
