//! How long the settlement of a bill of 300 lines takes, next to what no settlement can avoid.
//!
//! Prints one JSON line for each figure: what we take, what the reference takes in the same run, and the
//! reference divided by ours (1 is the limit, more is better).
#![allow(clippy::unwrap_used, reason = "a program for developers")]

use std::{fs, hint::black_box, path::Path, time::Instant};

use card_spec::money::Fen;
use serde_json::{Value, json};
use terminal::rules::{
    Account, Bill, Case, CityRules, HospitalLevel, ItemClass, Line, Person, PersonKind, Share, UnitPrice,
    VisitKind, YearToDate, settle,
};
use time::macros::date;

const LINES: usize = 300;
const ROUNDS: usize = 2_000;
/// The fastest of so many tries counts, so that a neighbour on the machine does not.
const TRIES: usize = 9;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rules/beijing.json");
    let rules = CityRules::from_json(&fs::read(path).unwrap()).unwrap();
    let bill = bill();
    let person = Person { kind: PersonKind::Retired, age_years: 72, civil_servant: false, aid: None };
    let year = YearToDate::empty(2025);
    let account = Account { wanted: true, balance: Fen(137_363), family_balance: Fen::ZERO };

    let settle_ns = nanoseconds(ROUNDS, || {
        let outcome = settle(black_box(&rules), black_box(&bill), &person, &year, &account).unwrap();
        black_box(outcome);
    });
    let sum_ns = nanoseconds(ROUNDS, || {
        black_box(black_box(&bill).lines().iter().map(Line::amount).sum::<Fen>());
    });
    print("settlement of a 300-line bill, steps explained", settle_ns, "bare sum of its lines", sum_ns);

    let document = document(&bill).to_string().into_bytes();
    let whole_ns = nanoseconds(ROUNDS / 20, || {
        let case = Case::from_json(black_box(&document), None).unwrap();
        black_box(settle(&rules, &case.bill, &case.person, &case.year, &case.account).unwrap());
    });
    let parse_ns = nanoseconds(ROUNDS / 20, || {
        black_box(serde_json::from_slice::<Value>(black_box(&document)).unwrap());
    });
    print(
        "the same from JSON: read, check, settle",
        whole_ns,
        "serde_json::Value of the same bytes",
        parse_ns,
    );
}

/// A stay with items of all classes, first shares and ceilings.
fn bill() -> Bill {
    let lines = (0..LINES as u64).map(|index| {
        let (class, selfpay_prop) = match index % 5 {
            0 => (ItemClass::C, Share::ALL),
            1 | 2 => (ItemClass::B, Share::from_ppm(50_000).unwrap()),
            _ => (ItemClass::A, Share::NONE),
        };
        Line {
            code: format!("XB{index:012}"),
            name: format!("样例药品 {index} 号"),
            class,
            price: UnitPrice::from_millionths(1_000_000 + index * 7_654_321 % 300_000_000).unwrap(),
            count: format!("{}.5", 1 + index % 9).parse().unwrap(),
            selfpay_prop,
            price_ceiling: (index % 3 == 0).then(|| UnitPrice::from_millionths(90_000_000).unwrap()),
            essential: index % 7 == 0,
        }
    });
    Bill::new(VisitKind::Inpatient, HospitalLevel::Tertiary, date!(2025 - 06 - 20), lines.collect()).unwrap()
}

/// The bill as a hospital would hand it over.
fn document(bill: &Bill) -> Value {
    let lines: Vec<Value> = bill
        .lines()
        .iter()
        .map(|line| {
            json!({
                "code": line.code, "name": line.name, "class": line.class, "price": line.price,
                "count": line.count, "selfpay_prop": line.selfpay_prop, "price_ceiling": line.price_ceiling,
                "essential": line.essential
            })
        })
        .collect();
    json!({
        "visit": "inpatient", "level": "tertiary", "date": "2025-06-20",
        "person": {"kind": "retired", "age_years": 72},
        "account": {"use": true, "balance": "1373.63"},
        "lines": lines
    })
}

fn nanoseconds(rounds: usize, mut work: impl FnMut()) -> f64 {
    let fastest = (0..TRIES).map(|_| {
        let start = Instant::now();
        for _ in 0..rounds {
            work();
        }
        start.elapsed().as_nanos() as f64 / rounds as f64
    });
    fastest.fold(f64::INFINITY, f64::min)
}

fn print(name: &str, value_ns: f64, reference: &str, reference_ns: f64) {
    let micros = |ns: f64| (ns / 10.0).round() / 100.0;
    let line = json!({
        "name": name,
        "value": micros(value_ns),
        "unit": "µs",
        "reference": reference,
        "reference_value": micros(reference_ns),
        "ratio": (reference_ns / value_ns * 1000.0).round() / 1000.0
    });
    println!("{line}");
}
