//! Pensions, claims, and the policy of proofs.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    feed::Change,
    id::TerminalId,
    pension::{EARLIER_MAX, Earlier, Fingers, Pension, Schedule},
    policy::ProofPolicy,
    timestamp::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    SqliteStorage,
    book::limit,
    columns::{
        damaged, failed, fingers, fingers_column, fixed, int, kind, kind_column, person_state, terminal,
        terminal_number, transaction_id, unsigned,
    },
    feed::{counter, next_change, set_counter, set_last_change},
    transaction::SqliteTransaction,
};
use crate::storage::{
    StorageResult,
    benefits::{ClaimRow, Claims, ImportedPension, PaymentRow, Pensions, PlaceRow, PolicyRow, StandingRow},
};

const PENSION_COLUMNS: &str = "person, monthly, next_unpaid, paid_ahead, certified_until, fingers";

/// Reads a pension whose columns begin at `first`; `Err(person)` for one that has ended.
fn pension(row: &Row<'_>, first: usize) -> StorageResult<Result<Pension, u64>> {
    let key = unsigned(row.get(first).map_err(failed)?)?;
    let Some(monthly) = row.get::<_, Option<i64>>(first + 1).map_err(failed)? else { return Ok(Err(key)) };
    stored(row, first, key, Fen(monthly)).map(Ok)
}

/// What is stored of a pension, also of one that has ended.
fn stored(row: &Row<'_>, first: usize, key: u64, monthly: Fen) -> StorageResult<Pension> {
    let until: Option<u32> = row.get(first + 4).map_err(failed)?;
    Ok(Pension {
        key,
        monthly,
        next_unpaid: period(row.get(first + 2).map_err(failed)?)?,
        paid_ahead: row.get(first + 3).map_err(failed)?,
        certified_until: until
            .map(|number| Day::from_number(number).ok_or_else(|| damaged("a day")))
            .transpose()?,
        fingers: fingers(row.get(first + 5).map_err(failed)?)?,
    })
}

fn period(number: u32) -> StorageResult<Period> {
    Period::from_number(number).ok_or_else(|| damaged("a month"))
}

/// Changes of pensions after a cursor.
pub(super) fn pensions_after(
    connection: &Connection,
    after: i64,
    count_max: usize,
) -> StorageResult<Vec<(u64, Change)>> {
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT change, {PENSION_COLUMNS} FROM pension WHERE change > ?1 ORDER BY change LIMIT ?2"
        ))
        .map_err(failed)?;
    let mut rows = statement.query(params![after, limit(count_max)]).map_err(failed)?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let change = match pension(row, 1)? {
            // The feed's entry has room for one amount.
            Ok(pension) => Change::Pension(schedule(connection, pension)?.as_one_amount()),
            Err(gone) => Change::PensionGone(gone),
        };
        changes.push((unsigned(row.get(0).map_err(failed)?)?, change));
    }
    Ok(changes)
}

fn pensions(connection: &Connection, people: &[u64]) -> StorageResult<Vec<Pension>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {PENSION_COLUMNS} FROM pension WHERE person = ?1"))
        .map_err(failed)?;
    let mut found = Vec::new();
    for person in people {
        let Ok(person) = int(*person) else { continue };
        let mut rows = statement.query([person]).map_err(failed)?;
        if let Some(row) = rows.next().map_err(failed)? {
            found.extend(pension(row, 0)?.ok());
        }
    }
    Ok(found)
}

/// Amounts of a person's months before the last change, in order; only of months from `unpaid` on, when it is told.
fn earlier(connection: &Connection, person: u64, unpaid: Option<Period>) -> StorageResult<Vec<Earlier>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT before, monthly FROM pension_amount WHERE person = ?1 AND before > ?2
             ORDER BY before DESC LIMIT ?3",
        )
        .map_err(failed)?;
    let unpaid = unpaid.map_or(0, Period::number);
    let mut rows = statement.query(params![int(person)?, unpaid, limit(EARLIER_MAX)]).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let before = period(row.get(0).map_err(failed)?)?;
        found.push(Earlier { before, monthly: Fen(row.get(1).map_err(failed)?) });
    }
    found.reverse();
    Ok(found)
}

fn schedule(connection: &Connection, pension: Pension) -> StorageResult<Schedule> {
    Ok(Schedule { pension, earlier: earlier(connection, pension.key, Some(pension.next_unpaid))? })
}

/// Writes down all amounts of a pension before its last change.
fn put_earlier(connection: &Connection, schedule: &Schedule) -> StorageResult<()> {
    let person = int(schedule.pension.key)?;
    connection
        .prepare_cached("DELETE FROM pension_amount WHERE person = ?1")
        .and_then(|mut statement| statement.execute([person]))
        .map_err(failed)?;
    let mut statement = connection
        .prepare_cached("INSERT OR REPLACE INTO pension_amount (person, before, monthly) VALUES (?1, ?2, ?3)")
        .map_err(failed)?;
    for Earlier { before, monthly } in &schedule.earlier {
        statement.execute(params![person, before.number(), monthly.0]).map_err(failed)?;
    }
    Ok(())
}

/// Moves a pension to the end of the feed, where only its amounts have changed.
fn touch(connection: &Connection, person: u64) -> StorageResult<()> {
    let (change, person) = (next_change(connection)?, int(person)?);
    connection
        .prepare_cached("UPDATE pension SET change = ?1 WHERE person = ?2")
        .and_then(|mut statement| statement.execute(params![change, person]))
        .map_err(failed)?;
    set_last_change(connection, change)
}

/// Writes pensions; `None` as what is paid monthly ends one. Returns how many changed.
fn put_pensions(connection: &Connection, pensions: &[(Pension, Option<Fen>)]) -> StorageResult<u64> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO pension (change, person, monthly, next_unpaid, paid_ahead, certified_until, fingers)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (person) DO UPDATE SET
                 change = excluded.change, monthly = excluded.monthly, next_unpaid = excluded.next_unpaid,
                 paid_ahead = excluded.paid_ahead, certified_until = excluded.certified_until,
                 fingers = excluded.fingers
             WHERE (monthly, next_unpaid, paid_ahead, certified_until, fingers)
                 IS NOT (excluded.monthly, excluded.next_unpaid, excluded.paid_ahead,
                     excluded.certified_until, excluded.fingers)",
        )
        .map_err(failed)?;
    let first = next_change(connection)?;
    let mut change = first;
    for (pension, monthly) in pensions {
        let touched = statement
            .execute(params![
                change,
                int(pension.key)?,
                monthly.map(|monthly| monthly.0),
                pension.next_unpaid.number(),
                pension.paid_ahead,
                pension.certified_until.map(Day::number),
                fingers_column(pension.fingers),
            ])
            .map_err(failed)?;
        change += i64::from(touched > 0);
    }
    set_last_change(connection, change - 1)?;
    unsigned(change - first)
}

impl Claims for SqliteTransaction<'_> {
    fn pensions(&mut self, people: &[u64]) -> StorageResult<Vec<Pension>> {
        pensions(self.0, people)
    }

    fn earlier_amounts(&mut self, people: &[u64]) -> StorageResult<Vec<(u64, Earlier)>> {
        let mut found = Vec::new();
        for pension in pensions(self.0, people)? {
            let amounts = earlier(self.0, pension.key, Some(pension.next_unpaid))?;
            found.extend(amounts.into_iter().map(|amount| (pension.key, amount)));
        }
        Ok(found)
    }

    fn put_pensions(&mut self, pensions: &[Pension]) -> StorageResult<()> {
        let rows: Vec<_> = pensions.iter().map(|pension| (*pension, Some(pension.monthly))).collect();
        put_pensions(self.0, &rows).map(|_| ())
    }

    fn payments(&mut self, months: &[(u64, Period)]) -> StorageResult<Vec<PaymentRow>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id, amount, at FROM payment WHERE person = ?1 AND period = ?2")
            .map_err(failed)?;
        let mut payments = Vec::new();
        for (person, period) in months {
            let row = statement
                .query_row(params![int(*person)?, period.number()], |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()
                .map_err(failed)?;
            if let Some((id, amount, at)) = row {
                payments.push(PaymentRow {
                    person: *person,
                    period: *period,
                    id: transaction_id(&id)?,
                    amount: Fen(amount),
                    at: Timestamp(at),
                });
            }
        }
        Ok(payments)
    }

    fn add_payments(&mut self, payments: &[PaymentRow]) -> StorageResult<()> {
        let mut statement = self
            .0
            .prepare_cached(
                "INSERT INTO payment (person, period, id, amount, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .map_err(failed)?;
        for payment in payments {
            statement
                .execute(params![
                    int(payment.person)?,
                    payment.period.number(),
                    payment.id.0.as_slice(),
                    payment.amount.0,
                    payment.at.0,
                ])
                .map_err(failed)?;
        }
        Ok(())
    }

    fn standings(&mut self, people: &[u64]) -> StorageResult<Vec<StandingRow>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT since, state FROM standing WHERE person = ?1 ORDER BY since")
            .map_err(failed)?;
        let mut standings = Vec::new();
        for person in people {
            let mut rows = statement.query([int(*person)?]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                standings.push(StandingRow {
                    person: *person,
                    since: Timestamp(row.get(0).map_err(failed)?),
                    state: person_state(row.get(1).map_err(failed)?)?,
                });
            }
        }
        Ok(standings)
    }

    fn claims(&mut self, people: &[u64], each_max: usize) -> StorageResult<Vec<ClaimRow>> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT id, terminal, kind, at, card, clerk, home FROM claim WHERE person = ?1
                 ORDER BY at DESC, number DESC LIMIT ?2",
            )
            .map_err(failed)?;
        let mut claims = Vec::new();
        for person in people {
            let first = claims.len();
            let mut rows = statement.query(params![int(*person)?, limit(each_max)]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let card: Option<Vec<u8>> = row.get(4).map_err(failed)?;
                claims.push(ClaimRow {
                    id: transaction_id(&row.get::<_, Vec<u8>>(0).map_err(failed)?)?,
                    person: *person,
                    terminal: terminal(row.get(1).map_err(failed)?)?,
                    kind: kind(row.get(2).map_err(failed)?)?,
                    at: Timestamp(row.get(3).map_err(failed)?),
                    card: card.as_deref().map(fixed).transpose()?,
                    clerk: row.get(5).map_err(failed)?,
                    home: row.get(6).map_err(failed)?,
                });
            }
            claims[first..].reverse();
        }
        Ok(claims)
    }

    fn add_claims(&mut self, claims: &[ClaimRow]) -> StorageResult<()> {
        let mut statement = self
            .0
            .prepare_cached(
                "INSERT INTO claim (id, person, terminal, kind, at, card, clerk, home)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .map_err(failed)?;
        for claim in claims {
            statement
                .execute(params![
                    claim.id.0.as_slice(),
                    int(claim.person)?,
                    terminal_number(claim.terminal),
                    kind_column(claim.kind),
                    claim.at.0,
                    claim.card.as_ref().map(<[u8; 12]>::as_slice),
                    claim.clerk,
                    claim.home,
                ])
                .map_err(failed)?;
        }
        Ok(())
    }

    fn manual_passes(
        &mut self,
        of: TerminalId,
        clerk: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> StorageResult<u64> {
        let count: i64 = self
            .0
            .prepare_cached(
                "SELECT count(*) FROM claim
                 WHERE terminal = ?1 AND clerk = ?2 AND at >= ?3 AND at < ?4 AND clerk IS NOT NULL",
            )
            .and_then(|mut statement| {
                statement.query_row(params![terminal_number(of), clerk, from.0, until.0], |row| row.get(0))
            })
            .map_err(failed)?;
        unsigned(count)
    }

    fn places(&mut self, terminals: &[TerminalId]) -> StorageResult<Vec<PlaceRow>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT latitude, longitude FROM place WHERE terminal = ?1")
            .map_err(failed)?;
        let mut places = Vec::new();
        for of in terminals {
            let row = statement
                .query_row([terminal_number(*of)], |row| {
                    Ok(PlaceRow {
                        terminal: *of,
                        latitude_millionths: row.get(0)?,
                        longitude_millionths: row.get(1)?,
                    })
                })
                .optional()
                .map_err(failed)?;
            places.extend(row);
        }
        Ok(places)
    }
}

impl Pensions for SqliteStorage {
    fn put_plans(&self, plans: &[ImportedPension]) -> StorageResult<u64> {
        self.write(|transaction| {
            let mut known = transaction
                .prepare_cached(&format!("SELECT {PENSION_COLUMNS} FROM pension WHERE person = ?1"))
                .map_err(failed)?;
            // One by one: a person may stand in the import twice.
            let mut changed = 0;
            for plan in plans {
                let mut rows = known.query([int(plan.person)?]).map_err(failed)?;
                let before = match rows.next().map_err(failed)? {
                    Some(row) => {
                        let had: Option<i64> = row.get(1).map_err(failed)?;
                        let known = stored(row, 0, plan.person, had.map_or(plan.monthly, Fen))?;
                        // One that has ended begins anew, with no amount of before.
                        Some(match had {
                            Some(_) => {
                                Schedule { earlier: earlier(transaction, plan.person, None)?, pension: known }
                            }
                            None => Schedule::constant(known),
                        })
                    }
                    None => None,
                };
                drop(rows);
                let told = before.as_ref().map(Schedule::as_one_amount);
                let Some(after) = planned(before, plan) else { continue };
                let monthly = (plan.monthly > Fen::ZERO).then_some(plan.monthly);
                put_earlier(transaction, &after)?;
                let moved = put_pensions(transaction, &[(after.pension, monthly)])?;
                changed += moved;
                if moved == 0 && monthly.is_some() && told != Some(after.as_one_amount()) {
                    touch(transaction, plan.person)?;
                    changed += 1;
                }
            }
            Ok(changed)
        })
    }

    fn pension(&self, person: u64) -> StorageResult<Option<Pension>> {
        self.read(|connection| Ok(pensions(connection, &[person])?.pop()))
    }

    fn schedule(&self, person: u64) -> StorageResult<Option<Schedule>> {
        self.read(|connection| {
            let pension = pensions(connection, &[person])?.pop();
            pension.map(|pension| schedule(connection, pension)).transpose()
        })
    }

    fn pensions_due(&self, period: Period, count_max: usize) -> StorageResult<Vec<Pension>> {
        self.listed(
            "monthly IS NOT NULL AND next_unpaid <= ?1 ORDER BY next_unpaid, person",
            period.number(),
            count_max,
        )
    }

    fn certifications_due(&self, last: Day, count_max: usize) -> StorageResult<Vec<Pension>> {
        self.listed(
            "monthly IS NOT NULL AND (certified_until IS NULL OR certified_until <= ?1)
             ORDER BY certified_until, person",
            last.number(),
            count_max,
        )
    }

    fn paid(&self, period: Period) -> StorageResult<(u64, Fen)> {
        self.read(|connection| {
            let (count, sum): (i64, i64) = connection
                .prepare_cached("SELECT count(*), coalesce(sum(amount), 0) FROM payment WHERE period = ?1")
                .and_then(|mut statement| {
                    statement.query_row([period.number()], |row| Ok((row.get(0)?, row.get(1)?)))
                })
                .map_err(failed)?;
            Ok((unsigned(count)?, Fen(sum)))
        })
    }

    fn set_policy(&self, policy: &ProofPolicy, at: Timestamp) -> StorageResult<u64> {
        self.write(|transaction| {
            let version = counter(transaction, "policy")? + 1;
            set_counter(transaction, "policy", version)?;
            let version_number = unsigned(version)?;
            let policy = ProofPolicy { version: version_number, ..policy.clone() };
            let document = serde_json::to_string(&policy).map_err(|_| damaged("a policy"))?;
            transaction
                .execute("UPDATE policy SET in_force_until = ?1 WHERE in_force_until IS NULL", [at.0])
                .map_err(failed)?;
            transaction
                .execute(
                    "INSERT INTO policy (version, in_force_from, document) VALUES (?1, ?2, ?3)",
                    params![version, at.0, document],
                )
                .map_err(failed)?;
            Ok(version_number)
        })
    }

    fn policies(&self) -> StorageResult<Vec<PolicyRow>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(
                    "SELECT in_force_from, in_force_until, document FROM policy ORDER BY version DESC",
                )
                .map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            let mut policies = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let document: String = row.get(2).map_err(failed)?;
                policies.push(PolicyRow {
                    policy: serde_json::from_str(&document).map_err(|_| damaged("a policy"))?,
                    from: Timestamp(row.get(0).map_err(failed)?),
                    until: row.get::<_, Option<i64>>(1).map_err(failed)?.map(Timestamp),
                });
            }
            Ok(policies)
        })
    }

    fn set_place(&self, place: &PlaceRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO place (terminal, latitude, longitude) VALUES (?1, ?2, ?3)
                     ON CONFLICT (terminal) DO UPDATE SET
                     latitude = excluded.latitude, longitude = excluded.longitude",
                    params![
                        terminal_number(place.terminal),
                        place.latitude_millionths,
                        place.longitude_millionths
                    ],
                )
                .map_err(failed)?;
            Ok(())
        })
    }
}

impl SqliteStorage {
    fn listed(&self, filter: &str, number: u32, count_max: usize) -> StorageResult<Vec<Pension>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {PENSION_COLUMNS} FROM pension WHERE {filter} LIMIT ?2"))
                .map_err(failed)?;
            let mut rows = statement.query(params![number, limit(count_max)]).map_err(failed)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                found.extend(pension(row, 0)?.ok());
            }
            Ok(found)
        })
    }
}

/// What is known of a pension, and what an import says of it: never turned back. `None` when nothing can begin.
fn planned(before: Option<Schedule>, plan: &ImportedPension) -> Option<Schedule> {
    let Some(mut after) = before else {
        return Some(Schedule::constant(Pension {
            key: plan.person,
            monthly: plan.monthly,
            next_unpaid: plan.first_unpaid.filter(|_| plan.monthly > Fen::ZERO)?,
            paid_ahead: 0,
            certified_until: plan.certified_until,
            fingers: Fingers::Unknown,
        }));
    };
    match plan.monthly_from {
        Some(from) => after.change(from, plan.monthly),
        // The amount that is known already says nothing new of earlier months.
        None if plan.monthly == after.pension.monthly => {}
        None => {
            after.pension.monthly = plan.monthly;
            after.earlier.clear();
        }
    }
    let pension = &mut after.pension;
    pension.certified_until = pension.certified_until.max(plan.certified_until);
    // Months that were paid elsewhere meanwhile count as paid here.
    while plan.first_unpaid.is_some_and(|first| first > pension.next_unpaid) {
        *pension = pension.after_paying(pension.next_unpaid)?;
    }
    Some(after)
}
