//! Booking: batches of 500 with 10 % duplicates, checked and signed, against the bare upsert of the same rows.
//!
//! Prints one JSON object a line: `name`, `value`, `unit`, `reference`, `reference_value`, `ratio`.
//!
//! What is booked: `Production::book` on the SQLite storage of a center, from the parsed batch to the signed
//! answer: chain and signature checked, bodies read and judged, records, receipt and people's years written, one
//! flushed commit a batch. The reference writes the same rows into a file of the same settings and tables, with
//! `INSERT … ON CONFLICT DO NOTHING` and prepared statements, one flushed commit a batch, and does nothing else.
//! Both take turns, batch by batch, so that they meet the same disk and the same neighbours.
#![allow(clippy::unwrap_used, reason = "a benchmark ends where something is wrong")]

use std::time::{Duration, Instant};

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use datacenter::{
    center::Center,
    configuration::Configuration,
    outside::Outside,
    storage::{
        rows::{ImportedPerson, Institution, TerminalRow},
        sqlite::settle,
    },
};
use protocol::{
    feed::{PAGE_CHANGES_MAX, Person, PersonState},
    id::{TerminalId, TransactionId},
    record::{self, Amounts, BODY_VERSION, Body, Business, Settlement},
    signature::{Digest, PublicKey, Signature},
    timestamp::ClockQuality,
    upload::{Batch, Record, SendWindow},
};
use ring::signature::Ed25519KeyPair;
use rusqlite::{Connection, params};

const BATCHES: u64 = 200;
const NEW_OF_BATCH: u64 = 450;
const REPEATED_OF_BATCH: u64 = 50;
const PEOPLE: u64 = 100_000;
const WINDOW: SendWindow = SendWindow { after_ms: 0, spread_ms: 0 };

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let city = RegionCode::parse("430100").unwrap();
    let configuration = Configuration::new(city, "bench");
    let center = Center::create(&folder.path().join("center"), &configuration, Outside::system()).unwrap();
    let production = &center.production;
    let people = (0..PEOPLE).map(|number| Ok(ImportedPerson { person: insured(number), with_sums: true }));
    let began = Instant::now();
    production.import_people(people, |_| {}).unwrap();
    report("people import", PEOPLE as f64 / began.elapsed().as_secs_f64(), "people/s", None);
    feed(&center);

    let identity = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let terminal = TerminalRow {
        terminal: "430100000001".parse().unwrap(),
        institution: Institution { code: "H1".into(), name: "bench".into(), level: 3 },
        identity: Some(PublicKey::of(&identity)),
        blocked: false,
        enrolled_at: None,
    };
    let batches = batches(&identity, terminal.terminal, center.production.now());
    let bytes: usize = batches.iter().flat_map(|batch| &batch.records).map(|record| record.body.len()).sum();
    let records: usize = batches.iter().map(|batch| batch.records.len()).sum();

    // The references' files: the same tables with the same people, made by the same program.
    let bare_file = |name: &str| {
        let center = Center::create(&folder.path().join(name), &configuration, Outside::system()).unwrap();
        let people =
            (0..PEOPLE).map(|number| Ok(ImportedPerson { person: insured(number), with_sums: true }));
        center.production.import_people(people, |_| {}).unwrap();
        let connection = Connection::open(folder.path().join(name).join("center.sqlite")).unwrap();
        settle(&connection, configuration.storage_cache_kib).unwrap();
        connection
    };
    let (mut bare, mut alone) = (bare_file("bare"), bare_file("alone"));

    let (mut booking, mut upsert, mut parsing) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut records_alone = Duration::ZERO;
    let mut rows_before = 0;
    for (number, batch) in batches.iter().enumerate() {
        let wire = serde_json::to_vec(batch).unwrap();
        let began = Instant::now();
        let parsed: Batch = serde_json::from_slice(&wire).unwrap();
        parsing += began.elapsed();
        let receipt = number as i64 + 1;
        let mut bare_ones = || {
            let rows = rows(&parsed);
            upsert += bare_batch(&mut bare, &rows, receipt, true);
            records_alone += bare_batch(&mut alone, &rows, receipt, false);
        };
        let bare_first = number % 2 == 0;
        if bare_first {
            bare_ones();
        }
        let began = Instant::now();
        let answer = production.book(&terminal, &parsed, WINDOW).unwrap();
        booking += began.elapsed();
        if !bare_first {
            bare_ones();
        }
        assert_eq!(answer.earlier.len(), usize::from(number > 0));
        rows_before += parsed.records.len();
    }
    assert_eq!(rows_before, records);
    let booked = production.chain_head(terminal.terminal).unwrap().sequence;
    let in_bare: u64 = bare.query_row("SELECT count(*) FROM record", [], |row| row.get(0)).unwrap();
    assert_eq!((booked, in_bare), (BATCHES * NEW_OF_BATCH + REPEATED_OF_BATCH, booked));

    let rate = |elapsed: Duration| records as f64 / elapsed.as_secs_f64();
    report("booking", rate(booking), "records/s", Some(("bare upsert of the same rows", rate(upsert))));
    report(
        "booking with the JSON of the batch parsed",
        rate(booking + parsing),
        "records/s",
        Some(("bare upsert of the same rows", rate(upsert))),
    );
    report(
        "booking, against less than it writes",
        rate(booking),
        "records/s",
        Some(("bare upsert of the records alone", rate(records_alone))),
    );
    report("body", bytes as f64 / records as f64, "bytes", None);
}

/// A full page of the feed, read, serialised and signed, against the bare read of the same rows.
fn feed(center: &Center) {
    const PAGES: u32 = 10;
    let production = &center.production;
    let changes = production.storage().changes(0, PAGE_CHANGES_MAX).unwrap();
    let (mut page, mut bare) = (Duration::ZERO, Duration::ZERO);
    let mut bytes = 0;
    for _ in 0..PAGES {
        let began = Instant::now();
        bytes = production.feed_page(0, 0, PAGE_CHANGES_MAX).unwrap().len();
        page += began.elapsed();
        let began = Instant::now();
        assert_eq!(production.storage().changes(0, PAGE_CHANGES_MAX).unwrap(), changes);
        bare += began.elapsed();
    }
    let rate = |elapsed: Duration| f64::from(PAGES) * changes.len() as f64 / elapsed.as_secs_f64();
    report("feed page", rate(page), "people/s", Some(("bare read of the same rows", rate(bare))));
    report("feed page per person", bytes as f64 / changes.len() as f64, "bytes", None);
}

fn report(name: &str, value: f64, unit: &str, reference: Option<(&str, f64)>) {
    let line = match reference {
        Some((reference, reference_value)) => serde_json::json!({
            "name": name, "value": value.round(), "unit": unit,
            "reference": reference, "reference_value": reference_value.round(),
            "ratio": (value / reference_value * 1_000.0).round() / 1_000.0,
        }),
        None => serde_json::json!({
            "name": name, "value": value.round(), "unit": unit,
            "reference": null, "reference_value": null, "ratio": null,
        }),
    };
    println!("{line}");
}

/// Ids and people all over the place, as a city's are, and the same in every run.
fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn person(number: u64) -> PersonNumber {
    let birth = 19_500_101 + number / 1_000 % 50 * 10_000 + number / 50_000 % 12 * 100;
    PersonNumber::from_key(430_102 * 100_000_000_000 + birth * 1_000 + number % 1_000).unwrap()
}

fn insured(number: u64) -> Person {
    Person {
        key: person(number).key(),
        state: PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2026 * 12,
        year: 2026,
        deductible_fen: 10_000,
        pooled_outpatient_fen: 20_000,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 30_000,
        stays: 0,
    }
}

/// Each batch repeats the last 50 records of the one before and adds 450.
fn batches(
    identity: &Ed25519KeyPair,
    terminal: TerminalId,
    now: protocol::timestamp::Timestamp,
) -> Vec<Batch> {
    let count = BATCHES * NEW_OF_BATCH + REPEATED_OF_BATCH;
    let mut digests = vec![Digest::default()];
    let records: Vec<Record> = (1..=count)
        .map(|sequence| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&scattered(sequence).to_be_bytes());
            let fee = Fen(10_000);
            let body = Body {
                version: BODY_VERSION,
                id: TransactionId(id),
                terminal,
                sequence,
                made_at: now,
                clock: ClockQuality::Checked,
                cycle: "H43010000001-20261124-0001".into(),
                operator: "0017".into(),
                offline: false,
                business: Business::Settlement(Box::new(Settlement {
                    visit: "20261124-000123".into(),
                    person: person(scattered(sequence) % PEOPLE),
                    region: RegionCode::parse("430100").unwrap(),
                    card_id: "430100D15600000500000001A1B2C3D4".into(),
                    med_type: "11".into(),
                    insutype: "310".into(),
                    rules_version: "430100-2026".into(),
                    cache_age_ms: 60_000,
                    lines: 3,
                    lines_digest: Digest::of(&sequence.to_be_bytes()),
                    amounts: Amounts {
                        medfee_sumamt: fee,
                        inscp_scp_amt: fee,
                        act_pay_dedc: Fen(1_000),
                        hifp_pay: Fen(6_000),
                        fund_pay_sumamt: Fen(6_000),
                        psn_part_amt: Fen(4_000),
                        psn_cash_pay: Fen(4_000),
                        ..Amounts::default()
                    },
                    card: None,
                })),
            };
            let body = serde_json::to_string(&body).unwrap();
            let digest = digests[sequence as usize - 1].chain(body.as_bytes());
            digests.push(digest);
            Record { sequence, body, signature: Signature::sign(identity, record::PURPOSE, &digest.0) }
        })
        .collect();
    (0..BATCHES)
        .map(|number| {
            let from = (number * NEW_OF_BATCH) as usize;
            let to = from + (NEW_OF_BATCH + REPEATED_OF_BATCH) as usize;
            Batch { terminal, previous: digests[from], records: records[from..to].to_vec() }
        })
        .collect()
}

/// What is written for one record, ready made.
struct Row<'a> {
    terminal: i64,
    sequence: i64,
    id: [u8; 16],
    digest: [u8; 32],
    made_at: i64,
    person: i64,
    year: i64,
    signature: [u8; 64],
    body: &'a str,
}

fn rows(batch: &Batch) -> Vec<Row<'_>> {
    let mut digest = batch.previous;
    batch
        .records
        .iter()
        .map(|record| {
            digest = digest.chain(record.body.as_bytes());
            let body: Body = serde_json::from_str(&record.body).unwrap();
            let Business::Settlement(settlement) = body.business else { unreachable!() };
            Row {
                terminal: 430_100_000_001,
                sequence: record.sequence as i64,
                id: body.id.0,
                digest: digest.0,
                made_at: body.made_at.0,
                person: settlement.person.key() as i64,
                year: body.made_at.civil().year().into(),
                signature: record.signature.0,
                body: &record.body,
            }
        })
        .collect()
}

/// Writes the rows and nothing else; rows that are there already are passed over. With or without the people's
/// years and the receipt.
fn bare_batch(connection: &mut Connection, rows: &[Row<'_>], receipt: i64, all: bool) -> Duration {
    // As long as a receipt of 500 lines.
    let text = "x".repeat(75_000);
    let began = Instant::now();
    let transaction = connection.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare_cached(
                "INSERT INTO record (terminal, sequence, id, digest, verdict, reason, receipt, kind, made_at,
                 person, medfee, fund, account, cash, proof, signature, body)
                 VALUES (?1, ?2, ?3, ?4, 1, NULL, ?5, 1, ?6, ?7, 10000, 6000, 0, 4000, 0, ?8, ?9)
                 ON CONFLICT DO NOTHING",
            )
            .unwrap();
        let mut update = transaction
            .prepare_cached(
                "UPDATE person SET change = ?1, deductible = deductible + 1000,
                 pooled_outpatient = pooled_outpatient + 6000, own_in_scope = own_in_scope + 4000, year = ?3
                 WHERE key = ?2",
            )
            .unwrap();
        let mut change: i64 = transaction
            .query_row("SELECT value FROM counter WHERE name = 'feed'", [], |row| row.get(0))
            .unwrap();
        for row in rows {
            let new = insert
                .execute(params![
                    row.terminal,
                    row.sequence,
                    row.id.as_slice(),
                    row.digest.as_slice(),
                    receipt,
                    row.made_at,
                    row.person,
                    row.signature.as_slice(),
                    row.body
                ])
                .unwrap();
            if new > 0 && all {
                change += 1;
                update.execute(params![change, row.person, row.year]).unwrap();
            }
        }
        if all {
            transaction.execute("UPDATE counter SET value = ?1 WHERE name = 'feed'", [change]).unwrap();
            transaction
                .execute(
                    "INSERT INTO receipt (number, terminal, at, from_sequence, to_sequence, text, signature)
                     VALUES (?1, ?2, 0, 1, 1, ?3, ?4)",
                    params![receipt, rows[0].terminal, text, rows[0].signature.as_slice()],
                )
                .unwrap();
        }
    }
    transaction.commit().unwrap();
    began.elapsed()
}
