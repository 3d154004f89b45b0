use super::{Ledger, LedgerError};
use crate::store::StoreError;

/// Disk space kept back by the edge, so that a full disk does not stop what was begun.
pub trait Ballast: Send {
    /// Gives the space free. `false` when there was none left to give.
    fn free(&mut self) -> bool;

    /// Keeps it back again. `false` when the disk has no room for it.
    fn lay(&mut self) -> bool;
}

/// No ballast: a full disk is an error at once.
impl Ballast for () {
    fn free(&mut self) -> bool {
        false
    }

    fn lay(&mut self) -> bool {
        true
    }
}

/// How full the ledger's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Pages in use.
    pub pages_used: u32,
    /// Pages that new business may use.
    pub pages_max: u32,
    /// The ballast was given free and could not be laid again: the disk is full.
    pub ballast_spent: bool,
}

impl Ledger {
    /// How full the file is.
    pub fn space(&self) -> Result<Space, LedgerError> {
        let pragma = |name: &str| -> Result<u32, LedgerError> {
            Ok(self.connection().prepare_cached(name)?.query_row([], |row| row.get(0))?)
        };
        let pages_used = pragma("PRAGMA page_count")?.saturating_sub(pragma("PRAGMA freelist_count")?);
        Ok(Space { pages_used, pages_max: self.quota.pages_max, ballast_spent: self.ballast_spent })
    }

    /// Gives the ballast free, for another file of this terminal on the same disk; new business stops until it
    /// could be laid again. `false` when there was none left.
    pub fn free_ballast(&mut self) -> bool {
        let freed = self.ballast.free();
        self.ballast_spent |= freed;
        freed
    }

    /// New business only while there is room to finish it.
    pub(super) fn require_space(&mut self) -> Result<(), LedgerError> {
        if self.ballast_spent {
            self.ballast_spent = !self.ballast.lay();
        }
        let space = self.space()?;
        if space.ballast_spent || space.pages_used >= space.pages_max {
            return Err(LedgerError::SpaceLow);
        }
        Ok(())
    }

    /// A durable change that belongs to something begun: when the disk is full, the ballast goes first.
    pub(crate) fn write_in_flight<T>(
        &mut self,
        mut change: impl FnMut(&rusqlite::Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        match self.write(&mut change) {
            Err(LedgerError::Store(StoreError::Full)) if self.free_ballast() => self.write(change),
            other => other,
        }
    }
}
