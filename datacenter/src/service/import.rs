//! Imports by the center's staff.

use std::{collections::HashSet, io::BufRead};

use protocol::service::{DocumentKind, document::DOCUMENTS_MAX};

use super::{Service, files, personal::registration, table::Table};
use crate::{error::Error, storage::rows::Imported};

/// Rows that an import writes in one transaction.
const IMPORT_CHUNK: usize = 50_000;

impl Service {
    /// Imports documents of a kind: new ones are added, those with a known code replaced, and with `all`
    /// those whose code is not in the file are withdrawn. Nothing is written when a row is wrong.
    ///
    /// Errors: `Input` with line and column, also for a code that stands there twice and for more than
    /// [`DOCUMENTS_MAX`]; `Storage`.
    pub fn import_documents(
        &self,
        kind: DocumentKind,
        input: impl BufRead,
        all: bool,
    ) -> Result<Imported, Error> {
        let mut documents = Vec::new();
        let mut codes = HashSet::new();
        for row in Table::new(input, files::columns(kind)) {
            let row = row?;
            let document = files::document(kind, &row)?;
            if !codes.insert(document.code().to_owned()) {
                return Err(row.error("code"));
            }
            documents.push(document);
            if documents.len() > DOCUMENTS_MAX {
                return Err(Error::input(format!("more than {DOCUMENTS_MAX} documents")));
            }
        }
        let mut changed = self.storage().put_documents(&documents)?;
        if all {
            let codes: Vec<String> = codes.into_iter().collect();
            changed += self.storage().keep_documents(kind, &codes)?;
        }
        Ok(Imported { read: documents.len() as u64, changed })
    }

    /// Imports contributions; the same person, month and insurance replaces.
    ///
    /// Written in chunks: the first wrong row ends the import, what was written before stays, and the same file
    /// can be imported again. Errors: `Input` with line and column, `Storage`.
    pub fn import_contributions(&self, input: impl BufRead) -> Result<Imported, Error> {
        self.in_chunks(Table::new(input, files::CONTRIBUTION), files::contribution, |rows| {
            Ok(self.storage().put_contributions(rows)?)
        })
    }

    /// Imports what is due. A person named in the file has just the dues of the file afterwards, so all dues of a
    /// person have to stand together. Errors: as for contributions.
    pub fn import_dues(&self, input: impl BufRead) -> Result<Imported, Error> {
        let mut rows = Vec::new();
        for row in Table::new(input, files::DUE) {
            rows.push(files::due(&row?)?);
        }
        let people: HashSet<u64> = rows.iter().map(|(person, _)| *person).collect();
        let people: Vec<u64> = people.into_iter().collect();
        self.storage().put_dues(&people, &rows)?;
        let read = rows.len() as u64;
        Ok(Imported { read, changed: read })
    }

    /// Imports claims of unemployment benefit, one for each person. Errors: as for contributions.
    pub fn import_unemployment(&self, input: impl BufRead) -> Result<Imported, Error> {
        self.in_chunks(Table::new(input, files::UNEMPLOYMENT), files::unemployment, |rows| {
            Ok(self.storage().put_unemployment(rows)?)
        })
    }

    /// Imports who seeks work, as registered today. Errors: as for contributions.
    pub fn import_seekers(&self, input: impl BufRead) -> Result<Imported, Error> {
        let at = self.now();
        self.in_chunks(Table::new(input, files::SEEKER), files::seeker, |rows| {
            for (person, seek) in rows {
                self.storage().set_seeker(*person, Some(&registration(seek.clone(), None, at)))?;
            }
            Ok(rows.len() as u64)
        })
    }

    fn in_chunks<R: BufRead, T>(
        &self,
        table: Table<R>,
        parse: impl Fn(&super::table::Row) -> Result<T, Error>,
        write: impl Fn(&[T]) -> Result<u64, Error>,
    ) -> Result<Imported, Error> {
        let mut done = Imported::default();
        let mut chunk = Vec::new();
        let mut flush = |chunk: &mut Vec<T>| -> Result<(), Error> {
            done.read += chunk.len() as u64;
            done.changed += write(chunk)?;
            chunk.clear();
            Ok(())
        };
        for row in table {
            let parsed = row.and_then(|row| parse(&row));
            match parsed {
                Ok(row) => chunk.push(row),
                Err(error) => {
                    flush(&mut chunk)?;
                    return Err(error);
                }
            }
            if chunk.len() >= IMPORT_CHUNK {
                flush(&mut chunk)?;
            }
        }
        flush(&mut chunk)?;
        Ok(done)
    }
}
