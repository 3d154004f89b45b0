//! Public documents as a stream of changes.

use std::collections::HashSet;

use protocol::service::{Document, DocumentChange, DocumentKind};
use rusqlite::params;

use super::{
    super::{
        SqliteStorage,
        book::limit,
        columns::{damaged, failed, int, unsigned},
        feed::{counter, set_counter},
    },
    all, get,
};
use crate::storage::{StorageResult, service::Publications};

const COUNTER: &str = "document";

fn document(text: &str) -> StorageResult<Document> {
    serde_json::from_str(text).map_err(|_| damaged("a public document"))
}

impl Publications for SqliteStorage {
    fn put_documents(&self, documents: &[Document]) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut statement = transaction
                .prepare_cached(
                    "INSERT INTO document (change, kind, code, text) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (kind, code) DO UPDATE SET change = excluded.change, text = excluded.text
                     WHERE text IS NOT excluded.text",
                )
                .map_err(failed)?;
            let first = counter(transaction, COUNTER)? + 1;
            let mut change = first;
            for document in documents {
                let text = serde_json::to_string(document).map_err(|_| damaged("a public document"))?;
                let touched = statement
                    .execute(params![change, document.kind().name(), document.code(), text])
                    .map_err(failed)?;
                change += i64::from(touched > 0);
            }
            set_counter(transaction, COUNTER, change - 1)?;
            unsigned(change - first)
        })
    }

    fn keep_documents(&self, kind: DocumentKind, codes: &[String]) -> StorageResult<u64> {
        self.write(|transaction| {
            let kept: HashSet<&str> = codes.iter().map(String::as_str).collect();
            let there = all(
                transaction,
                "SELECT code FROM document WHERE kind = ?1 AND text IS NOT NULL ORDER BY code",
                [kind.name()],
                |row| get::<String>(row, 0),
            )?;
            let mut statement = transaction
                .prepare_cached("UPDATE document SET change = ?1, text = NULL WHERE kind = ?2 AND code = ?3")
                .map_err(failed)?;
            let first = counter(transaction, COUNTER)? + 1;
            let mut change = first;
            for code in there.iter().filter(|code| !kept.contains(code.as_str())) {
                statement.execute(params![change, kind.name(), code]).map_err(failed)?;
                change += 1;
            }
            set_counter(transaction, COUNTER, change - 1)?;
            unsigned(change - first)
        })
    }

    fn documents(&self) -> StorageResult<Vec<Document>> {
        self.read(|connection| {
            let sql = "SELECT text FROM document WHERE text IS NOT NULL ORDER BY kind, code";
            all(connection, sql, [], |row| document(&get::<String>(row, 0)?))
        })
    }

    fn document_changes(&self, after: u64, count_max: usize) -> StorageResult<Vec<(u64, DocumentChange)>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT change, kind, code, text FROM document WHERE change > ?1 ORDER BY change LIMIT ?2",
                params![int(after)?, limit(count_max)],
                |row| {
                    let kind = DocumentKind::from_name(&get::<String>(row, 1)?);
                    let text = get::<Option<String>>(row, 3)?;
                    let change = DocumentChange {
                        kind: kind.ok_or_else(|| damaged("an unknown kind of document"))?,
                        code: get(row, 2)?,
                        document: text.as_deref().map(document).transpose()?,
                    };
                    Ok((unsigned(get(row, 0)?)?, change))
                },
            )
        })
    }

    fn newest_document(&self) -> StorageResult<u64> {
        self.read(|connection| unsigned(counter(connection, COUNTER)?))
    }
}
