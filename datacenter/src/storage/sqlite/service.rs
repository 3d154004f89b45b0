//! Public service: contributions, dues, cards, reports, and who asked.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    service::{
        Contribution, ContributionKind, ContributionState, Due, Seeker, Unemployment, UnemploymentState,
    },
    signature::Digest,
    timestamp::Timestamp,
};
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage,
    book::limit,
    columns::{
        block_reason, block_reason_column, damaged, digest, failed, fixed, int, kind, optional_id, terminal,
        terminal_number, transaction_id, unsigned,
    },
    feed::{next_change, set_last_change},
};
use crate::storage::{
    StorageResult,
    benefits::PaymentRow,
    rows::HolderRow,
    service::{Affairs, Concern, Contributed, LossRow, NewLoss, PersonCard, PersonRecord},
};

mod asking;
mod documents;

/// Numbers of insurances and states in columns are their places in these lists, from 1.
pub(super) fn place<T: Copy + PartialEq>(all: &[T], value: T) -> i64 {
    all.iter().position(|one| *one == value).map_or(0, |index| index as i64 + 1)
}

pub(super) fn placed<T: Copy>(all: &[T], number: i64) -> StorageResult<T> {
    let index = usize::try_from(number - 1).map_err(|_| damaged("an unknown kind"))?;
    all.get(index).copied().ok_or_else(|| damaged("an unknown kind"))
}

fn period(number: u32) -> StorageResult<Period> {
    Period::from_number(number).ok_or_else(|| damaged("a month"))
}

fn day(number: u32) -> StorageResult<Day> {
    Day::from_number(number).ok_or_else(|| damaged("a day"))
}

/// Reads all rows of a query.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> StorageResult<T>,
) -> StorageResult<Vec<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(parameters).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Reads the first row of a query.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> StorageResult<T>,
) -> StorageResult<Option<T>> {
    Ok(all(connection, sql, parameters, read)?.into_iter().next())
}

pub(super) fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, column: usize) -> StorageResult<T> {
    row.get(column).map_err(failed)
}

/// Writes one contribution; how many rows changed.
pub(super) fn put_contribution(
    connection: &Connection,
    person: u64,
    row: &Contribution,
) -> StorageResult<u64> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO contribution (person, period, kind, base, by_unit, by_person, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET base = excluded.base, by_unit = excluded.by_unit,
                 by_person = excluded.by_person, state = excluded.state
             WHERE (base, by_unit, by_person, state)
                 IS NOT (excluded.base, excluded.by_unit, excluded.by_person, excluded.state)",
        )
        .map_err(failed)?
        .execute(params![
            int(person)?,
            row.period.number(),
            place(&ContributionKind::ALL, row.kind),
            row.base.0,
            row.by_unit.0,
            row.by_person.0,
            place(&ContributionState::ALL, row.state),
        ])
        .map_err(failed)?;
    Ok(changed as u64)
}

/// Contributions of a span of months, the latest month first.
pub(super) fn contributions_of(
    connection: &Connection,
    person: u64,
    from: Period,
    until: Period,
) -> StorageResult<Vec<Contribution>> {
    all(
        connection,
        "SELECT period, kind, base, by_unit, by_person, state FROM contribution
         WHERE person = ?1 AND period BETWEEN ?2 AND ?3 ORDER BY period DESC, kind",
        params![int(person)?, from.number(), until.number()],
        |row| {
            Ok(Contribution {
                period: period(get(row, 0)?)?,
                kind: placed(&ContributionKind::ALL, get(row, 1)?)?,
                base: Fen(get(row, 2)?),
                by_unit: Fen(get(row, 3)?),
                by_person: Fen(get(row, 4)?),
                state: placed(&ContributionState::ALL, get(row, 5)?)?,
            })
        },
    )
}

impl Affairs for SqliteStorage {
    fn put_contributions(&self, rows: &[(u64, Contribution)]) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut changed = 0;
            for (person, row) in rows {
                changed += put_contribution(transaction, *person, row)?;
            }
            Ok(changed)
        })
    }

    fn contributions(&self, person: u64, from: Period, until: Period) -> StorageResult<Vec<Contribution>> {
        self.read(|connection| contributions_of(connection, person, from, until))
    }

    fn contributed(&self, person: u64) -> StorageResult<Option<Contributed>> {
        self.read(|connection| {
            let found = one(
                connection,
                "SELECT min(period), max(period), count(*) FILTER (WHERE kind = ?2 AND state <> ?3)
                 FROM contribution WHERE person = ?1",
                params![
                    int(person)?,
                    place(&ContributionKind::ALL, ContributionKind::Unemployment),
                    place(&ContributionState::ALL, ContributionState::Unpaid)
                ],
                |row| {
                    let ends = (get::<Option<u32>>(row, 0)?, get::<Option<u32>>(row, 1)?);
                    let (Some(earliest), Some(latest)) = ends else { return Ok(None) };
                    Ok(Some(Contributed {
                        earliest: period(earliest)?,
                        latest: period(latest)?,
                        unemployment_months: get(row, 2)?,
                    }))
                },
            )?;
            Ok(found.flatten())
        })
    }

    fn put_dues(&self, people: &[u64], rows: &[(u64, Due)]) -> StorageResult<()> {
        self.write(|transaction| {
            let mut clear =
                transaction.prepare_cached("DELETE FROM due WHERE person = ?1").map_err(failed)?;
            for person in people {
                clear.execute([int(*person)?]).map_err(failed)?;
            }
            let mut insert = transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO due (person, until, kind, period, months, amount)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6
                     WHERE NOT EXISTS (SELECT 1 FROM contribution_line
                         WHERE person = ?1 AND kind = ?3 AND period = ?4)",
                )
                .map_err(failed)?;
            for (person, due) in rows {
                insert
                    .execute(params![
                        int(*person)?,
                        due.until.number(),
                        place(&ContributionKind::ALL, due.kind),
                        due.period.number(),
                        due.months,
                        due.amount.0
                    ])
                    .map_err(failed)?;
            }
            Ok(())
        })
    }

    fn dues(&self, person: u64, count_max: usize) -> StorageResult<Vec<Due>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT until, kind, period, months, amount FROM due WHERE person = ?1
                 ORDER BY until, kind, period LIMIT ?2",
                params![int(person)?, limit(count_max)],
                |row| {
                    Ok(Due {
                        until: day(get(row, 0)?)?,
                        kind: placed(&ContributionKind::ALL, get(row, 1)?)?,
                        period: period(get(row, 2)?)?,
                        months: get(row, 3)?,
                        amount: Fen(get(row, 4)?),
                    })
                },
            )
        })
    }

    fn put_unemployment(&self, rows: &[(u64, Unemployment)]) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut statement = transaction
                .prepare_cached(
                    "INSERT INTO unemployment (person, state, monthly, since, months, months_paid)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO UPDATE SET state = excluded.state, monthly = excluded.monthly,
                         since = excluded.since, months = excluded.months, months_paid = excluded.months_paid
                     WHERE (state, monthly, since, months, months_paid) IS NOT
                         (excluded.state, excluded.monthly, excluded.since, excluded.months,
                          excluded.months_paid)",
                )
                .map_err(failed)?;
            let mut changed = 0;
            for (person, claim) in rows {
                changed += statement
                    .execute(params![
                        int(*person)?,
                        place(&UnemploymentState::ALL, claim.state),
                        claim.monthly.0,
                        claim.from.number(),
                        claim.months,
                        claim.months_paid
                    ])
                    .map_err(failed)?;
            }
            Ok(changed as u64)
        })
    }

    fn unemployment(&self, person: u64) -> StorageResult<Option<Unemployment>> {
        self.read(|connection| {
            one(
                connection,
                "SELECT state, monthly, since, months, months_paid FROM unemployment WHERE person = ?1",
                [int(person)?],
                |row| {
                    Ok(Unemployment {
                        state: placed(&UnemploymentState::ALL, get(row, 0)?)?,
                        monthly: Fen(get(row, 1)?),
                        from: period(get(row, 2)?)?,
                        months: get(row, 3)?,
                        months_paid: get(row, 4)?,
                    })
                },
            )
        })
    }

    fn put_names(&self, rows: &[(u64, Digest)]) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut statement = transaction
                .prepare_cached(
                    "INSERT INTO person_name (person, digest) VALUES (?1, ?2)
                     ON CONFLICT DO UPDATE SET digest = excluded.digest WHERE digest IS NOT excluded.digest",
                )
                .map_err(failed)?;
            let mut changed = 0;
            for (person, digest) in rows {
                changed += statement.execute(params![int(*person)?, digest.0.as_slice()]).map_err(failed)?;
            }
            Ok(changed as u64)
        })
    }

    fn name(&self, person: u64) -> StorageResult<Option<Digest>> {
        self.read(|connection| {
            let sql = "SELECT digest FROM person_name WHERE person = ?1";
            one(connection, sql, [int(person)?], |row| digest(&get::<Vec<u8>>(row, 0)?))
        })
    }

    fn set_seeker(&self, person: u64, seeker: Option<&Seeker>) -> StorageResult<()> {
        self.write(|transaction| {
            let person = int(person)?;
            match seeker {
                None => transaction.execute("DELETE FROM seeker WHERE person = ?1", [person]),
                Some(seeker) => {
                    let text = serde_json::to_string(seeker).map_err(|_| damaged("a registration"))?;
                    transaction.execute(
                        "INSERT INTO seeker (person, at, until, text) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT DO UPDATE SET at = excluded.at, until = excluded.until,
                             text = excluded.text",
                        params![person, seeker.at.0, seeker.until.number(), text],
                    )
                }
            }
            .map_err(failed)?;
            Ok(())
        })
    }

    fn seeker(&self, person: u64) -> StorageResult<Option<Seeker>> {
        self.read(|connection| {
            one(connection, "SELECT text FROM seeker WHERE person = ?1", [int(person)?], |row| {
                serde_json::from_str(&get::<String>(row, 0)?).map_err(|_| damaged("a registration"))
            })
        })
    }

    fn seekers(&self, count_max: usize) -> StorageResult<Vec<(u64, Seeker)>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT person, text FROM seeker ORDER BY at DESC, person LIMIT ?1",
                [limit(count_max)],
                |row| {
                    let seeker = serde_json::from_str(&get::<String>(row, 1)?);
                    Ok((unsigned(get(row, 0)?)?, seeker.map_err(|_| damaged("a registration"))?))
                },
            )
        })
    }

    fn records_of(
        &self,
        person: u64,
        concern: Concern,
        before: Option<(Timestamp, u64)>,
        count_max: usize,
    ) -> StorageResult<Vec<PersonRecord>> {
        let concern = match concern {
            Concern::Account => "(r.kind = 4 OR r.account <> 0)",
            Concern::Treatments => "r.kind = 1",
        };
        let sql = format!(
            "SELECT r.number, r.id, r.kind, r.made_at, coalesce(t.institution_name, ''), coalesce(t.level, 0),
                 r.body, c.cancellation
             FROM record r LEFT JOIN terminal t ON t.terminal = r.terminal
                 LEFT JOIN cancellation c ON c.settlement = r.id
             WHERE r.person = ?1 AND r.verdict = 1 AND r.kind IN (1, 2, 4) AND {concern}
                 AND (r.made_at, r.number) < (?2, ?3)
             ORDER BY r.made_at DESC, r.number DESC LIMIT ?4"
        );
        let (at, number) = match before {
            Some((at, number)) => (at.0, int(number)?),
            None => (i64::MAX, i64::MAX),
        };
        self.read(|connection| {
            all(connection, &sql, params![int(person)?, at, number, limit(count_max)], |row| {
                Ok(PersonRecord {
                    number: unsigned(get(row, 0)?)?,
                    id: transaction_id(&get::<Vec<u8>>(row, 1)?)?,
                    kind: kind(get(row, 2)?)?,
                    made_at: Timestamp(get(row, 3)?),
                    institution: get(row, 4)?,
                    level: get(row, 5)?,
                    body: get(row, 6)?,
                    cancelled_by: optional_id(get(row, 7)?)?,
                })
            })
        })
    }

    fn payments_of(
        &self,
        person: u64,
        before: Option<Period>,
        count_max: usize,
    ) -> StorageResult<Vec<PaymentRow>> {
        let before = before.map_or(u32::MAX, Period::number);
        self.read(|connection| {
            all(
                connection,
                "SELECT period, id, amount, at FROM payment WHERE person = ?1 AND period < ?2
                 ORDER BY period DESC LIMIT ?3",
                params![int(person)?, before, limit(count_max)],
                |row| {
                    Ok(PaymentRow {
                        person,
                        period: period(get(row, 0)?)?,
                        id: transaction_id(&get::<Vec<u8>>(row, 1)?)?,
                        amount: Fen(get(row, 2)?),
                        at: Timestamp(get(row, 3)?),
                    })
                },
            )
        })
    }

    fn last_certified(&self, person: u64) -> StorageResult<Option<Timestamp>> {
        self.read(|connection| {
            let sql = "SELECT max(at) FROM claim WHERE person = ?1 AND kind = 6";
            let at = one(connection, sql, [int(person)?], |row| get::<Option<i64>>(row, 0))?;
            Ok(at.flatten().map(Timestamp))
        })
    }

    fn holder(&self, card: [u8; 12]) -> StorageResult<Option<HolderRow>> {
        self.read(|connection| {
            one(connection, "SELECT person, since FROM holder WHERE card = ?1", [card.as_slice()], |row| {
                let person = unsigned(get(row, 0)?)?;
                Ok(HolderRow { card, person, since: Timestamp(get(row, 1)?) })
            })
        })
    }

    fn cards_of(&self, person: u64, count_max: usize) -> StorageResult<Vec<PersonCard>> {
        self.read(|connection| cards_of(connection, person, count_max))
    }

    fn owed(&self, person: u64) -> StorageResult<Fen> {
        self.read(|connection| {
            let sql = "SELECT coalesce(sum(owed), 0) FROM refund WHERE person = ?1 AND owed > 0";
            let owed = one(connection, sql, [int(person)?], |row| get::<i64>(row, 0))?;
            Ok(Fen(owed.unwrap_or(0)))
        })
    }

    fn report_loss(&self, report: &NewLoss, cards: &[[u8; 12]]) -> StorageResult<LossRow> {
        self.write(|transaction| {
            let first = next_change(transaction)?;
            let mut change = first;
            let reason = block_reason_column(protocol::feed::BlockReason::Lost);
            let mut lock = transaction
                .prepare_cached(
                    "INSERT INTO card (change, card, reason, since) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (card) DO UPDATE SET
                         change = excluded.change, reason = excluded.reason, since = excluded.since
                     WHERE reason IS NULL",
                )
                .map_err(failed)?;
            for card in cards {
                let touched =
                    lock.execute(params![change, card.as_slice(), reason, report.at.0]).map_err(failed)?;
                change += i64::from(touched > 0);
            }
            set_last_change(transaction, change - 1)?;
            let locked = u32::try_from(change - first).unwrap_or(u32::MAX);
            let before = u32::try_from(cards.len()).unwrap_or(u32::MAX).saturating_sub(locked);
            transaction
                .execute(
                    "INSERT INTO loss (person, at, terminal, shown, locked, earlier)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        int(report.person)?,
                        report.at.0,
                        terminal_number(report.terminal),
                        report.shown,
                        locked,
                        before
                    ],
                )
                .map_err(failed)?;
            let number = unsigned(transaction.last_insert_rowid())?;
            Ok(LossRow { number, report: *report, locked, before })
        })
    }

    fn losses(&self, count_max: usize) -> StorageResult<Vec<LossRow>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT number, person, at, terminal, shown, locked, earlier FROM loss
                 ORDER BY number DESC LIMIT ?1",
                [limit(count_max)],
                |row| {
                    Ok(LossRow {
                        number: unsigned(get(row, 0)?)?,
                        report: NewLoss {
                            person: unsigned(get(row, 1)?)?,
                            at: Timestamp(get(row, 2)?),
                            terminal: terminal(get(row, 3)?)?,
                            shown: get(row, 4)?,
                        },
                        locked: get(row, 5)?,
                        before: get(row, 6)?,
                    })
                },
            )
        })
    }
}

fn cards_of(connection: &Connection, person: u64, count_max: usize) -> StorageResult<Vec<PersonCard>> {
    all(
        connection,
        "SELECT h.card, h.since, c.reason, c.since FROM holder h LEFT JOIN card c ON c.card = h.card
         WHERE h.person = ?1 ORDER BY h.since DESC, h.card LIMIT ?2",
        params![int(person)?, limit(count_max)],
        |row| {
            let reason = get::<Option<i64>>(row, 2)?.map(block_reason).transpose()?;
            let since = get::<Option<i64>>(row, 3)?.map(Timestamp);
            Ok(PersonCard {
                card: fixed(&get::<Vec<u8>>(row, 0)?)?,
                since: Timestamp(get(row, 1)?),
                blocked: reason.zip(since),
            })
        },
    )
}
