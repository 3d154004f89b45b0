//! Who asked what about whom, and what terminals stand for.

use card_spec::region::RegionCode;
use protocol::{
    id::TerminalId,
    service::{Desk, document::Place},
    timestamp::Timestamp,
};
use rusqlite::{OptionalExtension, params};

use super::{
    super::{
        SqliteStorage,
        book::limit,
        columns::{damaged, failed, int, name, named, terminal, terminal_number, unsigned},
    },
    all, get, one,
};
use crate::storage::{
    StorageResult,
    service::{AskedCounts, AskedRow, Asking, DeskRow, Ending},
};

impl Asking for SqliteStorage {
    fn note_asked(&self, row: &AskedRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO asked (at, terminal, person, subject, ending, operator)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        row.at.0,
                        terminal_number(row.terminal),
                        row.person.cast_signed(),
                        name(&row.subject).unwrap_or_default(),
                        row.ending.name(),
                        row.operator
                    ])
                })
                .map_err(failed)?;
            Ok(())
        })
    }

    fn asked_since(
        &self,
        of: TerminalId,
        person: u64,
        hour_ago: Timestamp,
        day_ago: Timestamp,
    ) -> StorageResult<AskedCounts> {
        self.read(|connection| {
            let count = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| -> StorageResult<u64> {
                unsigned(one(connection, sql, parameters, |row| get(row, 0))?.unwrap_or(0))
            };
            let (person, of) = (int(person)?, terminal_number(of));
            Ok(AskedCounts {
                about_person: count(
                    "SELECT count(*) FROM asked WHERE person = ?1 AND at > ?2 AND ending = 'answered'",
                    &[&person, &hour_ago.0],
                )?,
                by_terminal: count(
                    "SELECT count(*) FROM asked WHERE terminal = ?1 AND at > ?2",
                    &[&of, &hour_ago.0],
                )?,
                wrong_names_person: count(
                    "SELECT count(*) FROM asked WHERE person = ?1 AND at > ?2 AND ending = 'not_this_name'",
                    &[&person, &day_ago.0],
                )?,
                wrong_names_terminal: count(
                    "SELECT count(*) FROM asked WHERE terminal = ?1 AND at > ?2 AND ending = 'not_this_name'",
                    &[&of, &hour_ago.0],
                )?,
            })
        })
    }

    fn asked(&self, person: Option<u64>, count_max: usize) -> StorageResult<Vec<AskedRow>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT at, terminal, person, subject, ending, operator FROM asked WHERE ?1 IS NULL OR person = ?1
                 ORDER BY number DESC LIMIT ?2",
                params![person.map(int).transpose()?, limit(count_max)],
                |row| {
                    let ending = Ending::from_name(&get::<String>(row, 4)?);
                    Ok(AskedRow {
                        at: Timestamp(get(row, 0)?),
                        terminal: terminal(get(row, 1)?)?,
                        person: unsigned(get(row, 2)?)?,
                        subject: named(get(row, 3)?)?,
                        ending: ending.ok_or_else(|| damaged("an unknown ending"))?,
                        operator: get(row, 5)?,
                    })
                },
            )
        })
    }

    fn purge_asked(&self, before: Timestamp, count_max: usize) -> StorageResult<u64> {
        self.write(|transaction| {
            let purged = transaction
                .prepare_cached(
                    "DELETE FROM asked WHERE number IN
                         (SELECT number FROM asked WHERE at < ?1 ORDER BY at LIMIT ?2)",
                )
                .and_then(|mut statement| statement.execute(params![before.0, limit(count_max)]))
                .map_err(failed)?;
            Ok(purged as u64)
        })
    }

    fn set_desk(&self, row: &DeskRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT OR REPLACE INTO desk (terminal, kind, district) VALUES (?1, ?2, ?3)",
                    params![
                        terminal_number(row.terminal),
                        name(&row.desk)?,
                        row.district.map(|district| district.as_str().to_owned())
                    ],
                )
                .map_err(failed)?;
            Ok(())
        })
    }

    fn desk(&self, of: TerminalId) -> StorageResult<Option<DeskRow>> {
        self.read(|connection| {
            let sql = "SELECT kind, district FROM desk WHERE terminal = ?1";
            one(connection, sql, [terminal_number(of)], |row| {
                let district = get::<Option<String>>(row, 1)?;
                let district = district.map(|district| RegionCode::parse(&district)).transpose();
                Ok(DeskRow {
                    terminal: of,
                    desk: named::<Desk>(get(row, 0)?)?,
                    district: district.map_err(|_| damaged("a district"))?,
                })
            })
        })
    }

    fn place(&self, of: TerminalId) -> StorageResult<Option<Place>> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT latitude, longitude FROM place WHERE terminal = ?1")
                .and_then(|mut statement| {
                    statement
                        .query_row([terminal_number(of)], |row| {
                            Ok(Place { latitude_millionths: row.get(0)?, longitude_millionths: row.get(1)? })
                        })
                        .optional()
                })
                .map_err(failed)
        })
    }
}
