//! The feed of people and cards (参保人与黑名单下发).

use protocol::{
    feed::{BlockReason, PAGE_CHANGES_MAX, Page, PersonAnswer, PersonQuery, SignedPage},
    problem::Problem,
};

use super::{Production, internal, malformed, people_file::ImportedEntry, storage_problem};
use crate::{error::Error, storage::rows::Imported};

/// People that an import writes in one transaction.
pub const IMPORT_CHUNK: usize = 50_000;

/// Most cards of one blocking.
pub const CARDS_MAX: usize = 1_000_000;

impl Production {
    /// The page after a cursor, at most `limit` changes, signed, in postcard.
    ///
    /// `epoch` is the generation that the cursor belongs to, 0 for none yet; another one than the center's
    /// gets the first page, whatever the cursor. Problems: `Malformed` for a cursor beyond the newest change,
    /// which this center has never given out; `Storage`.
    pub fn feed_page(&self, epoch: u64, after: u64, limit: usize) -> Result<Vec<u8>, Problem> {
        let current = self.storage.epoch().map_err(storage_problem)?;
        let after = if epoch == current { after } else { 0 };
        let limit = limit.clamp(1, PAGE_CHANGES_MAX);
        // The clock and the newest cursor before the changes: a page never claims to be newer than it is.
        let as_of = self.now();
        let newest = self.storage.newest().map_err(storage_problem)?;
        if after > newest {
            return Err(malformed("the cursor is beyond the newest change"));
        }
        let changes = self.storage.changes(after, limit).map_err(storage_problem)?;
        let upto = changes.last().map_or(after, |(cursor, _)| *cursor);
        let page = Page {
            city: self.city,
            epoch: current,
            after,
            upto,
            newest: newest.max(upto),
            as_of,
            changes: changes.into_iter().map(|(_, change)| change).collect(),
        };
        let signed =
            SignedPage::sign(&self.key, &page).map_err(|_| internal("the page cannot be written"))?;
        postcard::to_stdvec(&signed).map_err(|_| internal("the page cannot be written"))
    }

    /// What the center knows of one person now, and of the card when one is named.
    pub fn person(&self, query: &PersonQuery) -> Result<PersonAnswer, Problem> {
        // The clock first: an answer never claims to be newer than it is.
        let as_of = self.now();
        let person = self.storage.person(query.person.key()).map_err(storage_problem)?;
        let blocked = match query.card {
            Some(card) => self.storage.card_blocked(card).map_err(storage_problem)?,
            None => None,
        };
        Ok(PersonAnswer { city: person.map(|_| self.city), person, blocked, as_of })
    }

    /// Writes people, [`IMPORT_CHUNK`] in each transaction; entries that are already there just so make no
    /// change. `progress` hears the count after each transaction.
    ///
    /// The first error of the source ends the import; what was written before stays.
    /// A pension that would begin without a first unpaid month is left out.
    pub fn import_people<E: Into<ImportedEntry>>(
        &self,
        people: impl IntoIterator<Item = Result<E, Error>>,
        mut progress: impl FnMut(Imported),
    ) -> Result<Imported, Error> {
        let mut done = Imported::default();
        let mut chunk = Vec::with_capacity(IMPORT_CHUNK);
        let mut pensions = Vec::new();
        let mut names = Vec::new();
        let mut people = people.into_iter();
        loop {
            let next = people.next().transpose();
            let end = !matches!(next, Ok(Some(_)));
            let next = next.map(|entry| {
                entry.map(|entry| {
                    let entry: ImportedEntry = entry.into();
                    names.extend(entry.name.map(|name| (entry.person.person.key, name)));
                    chunk.push(entry.person);
                    pensions.extend(entry.pension);
                })
            });
            if chunk.len() == IMPORT_CHUNK || (end && !chunk.is_empty()) {
                done.changed += self.storage.put_people(&chunk, self.now())?;
                done.changed += self.storage.put_plans(&pensions)?;
                self.storage.put_names(&names)?;
                names.clear();
                done.read += chunk.len() as u64;
                chunk.clear();
                pensions.clear();
                progress(done);
            }
            match next {
                Ok(Some(())) => {}
                Ok(None) => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes people out who have left the city. Returns how many were there.
    pub fn remove_people(&self, keys: &[u64]) -> Result<u64, Error> {
        let mut removed = 0;
        for chunk in keys.chunks(IMPORT_CHUNK) {
            removed += self.storage.remove_people(chunk)?;
        }
        Ok(removed)
    }

    /// Blocks cards or frees them (`None`). Returns how many changed.
    pub fn set_cards(&self, cards: &[([u8; 12], Option<BlockReason>)]) -> Result<u64, Error> {
        if cards.len() > CARDS_MAX {
            return Err(Error::input(format!("more than {CARDS_MAX} cards at once")));
        }
        Ok(self.storage.set_cards(cards, self.now())?)
    }

    /// Starts a new generation of the feed, after the storage was restored from a copy: cursors that were
    /// given out since are void, and every cache starts again from nothing.
    pub fn renew_epoch(&self) -> Result<u64, Error> {
        let now = self.now().0.unsigned_abs();
        let epoch = now.max(self.storage.epoch()? + 1);
        self.storage.set_epoch(epoch)?;
        Ok(epoch)
    }
}
