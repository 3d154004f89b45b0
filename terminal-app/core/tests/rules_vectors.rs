//! Worked examples and recorded answers, as data files with their source.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use card_spec::money::Fen;
use protocol::accumulation::Accumulation;
use serde::Deserialize;
use terminal::rules::{
    Account, Amounts, Bill, Case, CityRules, Fund, HospitalLevel, ItemClass, Line, LineAmounts, Person,
    PersonKind, Settlement, Share, VisitKind, YearToDate, settle,
};
use terminal::{catalog::Catalog, language::Language};
use time::macros::date;

const CITIES: [&str; 6] = ["beijing", "dazhou", "kunming", "xiamen", "xuzhou", "yuncheng"];

fn file(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn city(name: &str) -> CityRules {
    CityRules::from_json(&file(&format!("samples/rules/{name}.json")))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn fen(text: &str) -> Fen {
    Fen::parse_yuan(text).unwrap_or_else(|| panic!("{text}"))
}

fn line(class: ItemClass, price: &str, count: &str, prop: Share) -> Line {
    Line {
        code: "VECTOR".into(),
        name: "vector".into(),
        class,
        price: price.parse().unwrap(),
        count: count.parse().unwrap(),
        selfpay_prop: prop,
        price_ceiling: None,
        essential: false,
    }
}

#[derive(Deserialize)]
struct Worked {
    cases: Vec<WorkedCase>,
}

#[derive(Deserialize)]
struct WorkedCase {
    id: String,
    city: String,
    person: Person,
    visit: VisitKind,
    level: HospitalLevel,
    visits: Vec<WorkedVisit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkedVisit {
    visit: Option<VisitKind>,
    level: Option<HospitalLevel>,
    in_scope: String,
    deductible: String,
    pooled: Option<String>,
    fund: String,
    own: String,
}

#[test]
fn worked_examples() {
    let worked: Worked = serde_json::from_slice(&file("vectors/settlement_worked.json")).unwrap();
    assert_eq!(worked.cases.len(), 15);
    for case in worked.cases {
        let rules = city(&case.city);
        let mut year = YearToDate::empty(2025);
        for (index, visit) in case.visits.iter().enumerate() {
            let id = format!("{} visit {}", case.id, index + 1);
            let bill = Bill::new(
                visit.visit.unwrap_or(case.visit),
                visit.level.unwrap_or(case.level),
                date!(2025 - 05 - 05),
                vec![line(ItemClass::A, &visit.in_scope, "1", Share::NONE)],
            )
            .unwrap();
            let outcome = settle(&rules, &bill, &case.person, &year, &Account::default()).unwrap();
            let settlement = outcome.settlement;
            let explained =
                || outcome.steps.iter().map(|step| step.words(Language::English)).collect::<Vec<_>>();
            assert_eq!(settlement.inscp_scp_amt(), fen(&visit.in_scope), "{id}");
            assert_eq!(settlement.act_pay_dedc(), fen(&visit.deductible), "{id}: {:#?}", explained());
            if let Some(pooled) = &visit.pooled {
                assert_eq!(settlement.fund(Fund::Pooled), fen(pooled), "{id}: {:#?}", explained());
            }
            assert_eq!(settlement.fund_pay_sumamt(), fen(&visit.fund), "{id}: {:#?}", explained());
            assert_eq!(settlement.psn_part_amt(), fen(&visit.own), "{id}: {:#?}", explained());
            year = year.with(&outcome.contribution);
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    lines: Vec<RecordedLine>,
    answers: Vec<BTreeMap<String, String>>,
    replay: Replay,
}

#[derive(Deserialize)]
struct RecordedLine {
    id: String,
    class: ItemClass,
    price: String,
    count: String,
    selfpay_prop: Share,
    amount: String,
    fulamt: String,
    overlmt: String,
    preself: String,
    inscp: String,
}

#[derive(Deserialize)]
struct Replay {
    city: String,
    balance: String,
    balance_after: String,
    line: String,
    answer: String,
}

fn recorded() -> Recorded {
    serde_json::from_slice(&file("vectors/settlement_recorded.json")).unwrap()
}

#[test]
fn recorded_lines() {
    for recorded in recorded().lines {
        let got =
            LineAmounts::of(&line(recorded.class, &recorded.price, &recorded.count, recorded.selfpay_prop));
        let expected = LineAmounts {
            det_item_fee_sumamt: fen(&recorded.amount),
            fulamt_ownpay_amt: fen(&recorded.fulamt),
            overlmt_amt: fen(&recorded.overlmt),
            preselfpay_amt: fen(&recorded.preself),
            inscp_scp_amt: fen(&recorded.inscp),
        };
        assert_eq!(got, expected, "{}", recorded.id);
    }
}

/// The figures of an answer; what it leaves out is zero, and a person's part is the sum of its means.
fn figures(answer: &BTreeMap<String, String>) -> Amounts {
    let mut object: serde_json::Map<String, serde_json::Value> =
        serde_json::to_value(Amounts::default()).unwrap().as_object().unwrap().clone();
    for (field, text) in answer.iter().filter(|(field, _)| *field != "id") {
        let old = object.insert(field.clone(), fen(text).0.into());
        assert!(old.is_some(), "{field} is no figure");
    }
    if !answer.contains_key("psn_part_amt") {
        let sum = fen(&answer["acct_pay"]) + fen(&answer["psn_cash_pay"]);
        object.insert("psn_part_amt".into(), sum.0.into());
    }
    serde_json::from_value(object.into()).unwrap()
}

#[test]
fn recorded_answers_satisfy_the_identities_and_broken_ones_do_not() {
    let answers = recorded().answers;
    assert_eq!(answers.len(), 4);
    for answer in &answers {
        let figures = figures(answer);
        let settlement =
            Settlement::try_from(figures).unwrap_or_else(|error| panic!("{}: {error}", answer["id"]));
        assert_eq!(settlement.amounts(), figures, "{}", answer["id"]);

        // One fen more in any single figure but the deductible breaks an identity.
        let object = serde_json::to_value(figures).unwrap();
        for (field, value) in object.as_object().unwrap() {
            let mut broken = object.clone();
            broken[field] = (value.as_i64().unwrap() + 1).into();
            let broken = serde_json::from_value::<Settlement>(broken);
            assert_eq!(broken.is_ok(), field == "act_pay_dedc", "{}: {field}", answer["id"]);
        }
    }
}

#[test]
fn a_recorded_settlement_is_reproduced_and_cancelled() {
    let Recorded { lines, answers, replay } = recorded();
    let recorded_line = lines.iter().find(|line| line.id == replay.line).unwrap();
    let answer = answers.iter().find(|answer| answer["id"] == replay.answer).unwrap();
    let bill = Bill::new(
        VisitKind::Outpatient,
        HospitalLevel::Secondary,
        date!(2025 - 05 - 05),
        vec![line(
            recorded_line.class,
            &recorded_line.price,
            &recorded_line.count,
            recorded_line.selfpay_prop,
        )],
    )
    .unwrap();
    let person = Person { kind: PersonKind::Worker, age_years: 45, civil_servant: false, aid: None };
    let year = YearToDate::empty(2025);
    let account = Account { wanted: true, balance: fen(&replay.balance), family_balance: Fen::ZERO };
    let outcome = settle(&city(&replay.city), &bill, &person, &year, &account).unwrap();
    assert_eq!(outcome.settlement.amounts(), figures(answer));
    assert_eq!(outcome.balance_after, fen(&replay.balance_after));

    // I5: the cancellation is the exact negative, the balance and the year go back.
    let cancelled = outcome.settlement.cancellation();
    assert_eq!(outcome.balance_after - cancelled.acct_pay(), account.balance);
    assert_eq!(year.with(&outcome.contribution).without(&outcome.contribution), year);
    let (there, back) =
        (serde_json::to_value(outcome.settlement).unwrap(), serde_json::to_value(cancelled).unwrap());
    for (field, value) in there.as_object().unwrap() {
        assert_eq!(back[field].as_i64(), value.as_i64().map(|amount| -amount), "{field}");
    }
}

#[test]
fn samples_are_marked_and_complete() {
    let bill = |visit, level| {
        Bill::new(visit, level, date!(2025 - 05 - 05), vec![line(ItemClass::A, "9000", "1", Share::NONE)])
            .unwrap()
    };
    for name in CITIES {
        let rules = city(name);
        assert!(rules.is_sample(), "{name}");
        assert!(!rules.sources().is_empty(), "{name}");
        for kind in PersonKind::ALL {
            for visit in VisitKind::ALL {
                for level in HospitalLevel::ALL {
                    let person = Person { kind, age_years: 50, civil_servant: false, aid: None };
                    settle(
                        &rules,
                        &bill(visit, level),
                        &person,
                        &YearToDate::empty(2025),
                        &Account::default(),
                    )
                    .unwrap_or_else(|error| panic!("{name} {kind:?} {visit:?} {level:?}: {error}"));
                }
            }
        }
    }
}

#[test]
fn sample_bills_settle_with_and_without_the_catalog() {
    let catalog = Catalog::from_json(&file("samples/catalog/sample.json")).unwrap();
    let rules = city("beijing");
    let run = |case: &Case| settle(&rules, &case.bill, &case.person, &case.year, &case.account).unwrap();
    let full = Case::from_json(&file("samples/bills/outpatient.json"), None).unwrap();
    let by_code = Case::from_json(&file("samples/bills/outpatient-by-code.json"), Some(&catalog)).unwrap();
    assert_eq!(full, by_code);

    // 50 + 19.60 + 70.68 + 108 + 20 in scope; 150 is left of the deductible, 70 % of 118.28 is paid.
    let outcome = run(&full);
    let settlement = outcome.settlement;
    assert_eq!(settlement.medfee_sumamt(), fen("353.40"));
    assert_eq!(settlement.fulamt_ownpay_amt(), fen("38.00"));
    assert_eq!(settlement.overlmt_selfpay(), fen("31.40"));
    assert_eq!(settlement.preselfpay_amt(), fen("15.72"));
    assert_eq!(settlement.inscp_scp_amt(), fen("268.28"));
    assert_eq!(settlement.act_pay_dedc(), fen("150.00"));
    assert_eq!(settlement.fund(Fund::Pooled), fen("82.80"));
    assert_eq!(settlement.acct_pay(), fen("270.60"));
    assert_eq!(settlement.psn_cash_pay(), Fen::ZERO);
    assert_eq!(outcome.balance_after, fen("1103.03"));

    let stay = run(&Case::from_json(&file("samples/bills/inpatient.json"), None).unwrap());
    assert_eq!(stay.settlement.act_pay_dedc(), fen("650.00"));
}

#[test]
fn the_sums_that_the_center_keeps_settle_like_the_full_amounts() {
    let visits: [(VisitKind, HospitalLevel, &str); 8] = [
        (VisitKind::Outpatient, HospitalLevel::Tertiary, "640.37"),
        (VisitKind::Inpatient, HospitalLevel::Secondary, "31000.01"),
        (VisitKind::Outpatient, HospitalLevel::Primary, "900.00"),
        (VisitKind::Outpatient, HospitalLevel::Community, "2111.11"),
        (VisitKind::Inpatient, HospitalLevel::Tertiary, "88000.05"),
        (VisitKind::Outpatient, HospitalLevel::Secondary, "7000.00"),
        (VisitKind::Inpatient, HospitalLevel::Tertiary, "52000.99"),
        (VisitKind::Outpatient, HospitalLevel::Tertiary, "1500.50"),
    ];
    for name in CITIES {
        let rules = city(name);
        for kind in PersonKind::ALL {
            let person = Person { kind, age_years: 64, civil_servant: false, aid: None };
            let mut year = YearToDate::empty(2025);
            let mut sums = Accumulation::default();
            for (index, (visit, level, amount)) in visits.into_iter().enumerate() {
                let lines = vec![line(ItemClass::A, amount, "1", Share::NONE)];
                let bill = Bill::new(visit, level, date!(2025 - 05 - 05), lines).unwrap();
                let run = |year| settle(&rules, &bill, &person, year, &Account::default()).unwrap();
                let full = run(&year);
                let unfolded = run(&rules.year_to_date(&person, 2025, &sums));
                assert_eq!(full.settlement, unfolded.settlement, "{name} {kind:?} visit {}", index + 1);
                year = year.with(&full.contribution);
                let med_type = if visit == VisitKind::Inpatient { "21" } else { "11" };
                sums += Accumulation::of(&full.settlement.amounts(), med_type);
            }
        }
    }
}

/// A document with one field of a sample replaced or added.
fn changed(name: &str, field: &str, value: serde_json::Value) -> CityRules {
    let mut document: serde_json::Value =
        serde_json::from_slice(&file(&format!("samples/rules/{name}.json"))).unwrap();
    document[field] = value;
    CityRules::from_json(document.to_string().as_bytes()).unwrap()
}

fn outpatient(lines: Vec<Line>) -> Bill {
    Bill::new(VisitKind::Outpatient, HospitalLevel::Tertiary, date!(2025 - 05 - 05), lines).unwrap()
}

const WORKER: Person = Person { kind: PersonKind::Worker, age_years: 45, civil_servant: false, aid: None };

#[test]
fn essential_drugs_skip_the_deductible() {
    // Xiamen: 300.00 of essential drugs at 75 %, the other 1000.00 stay below the 1200.00.
    let essential = Line { essential: true, ..line(ItemClass::A, "300", "1", Share::NONE) };
    let bill = outpatient(vec![essential, line(ItemClass::A, "1000", "1", Share::NONE)]);
    let year = YearToDate::empty(2025);
    let settlement = settle(&city("xiamen"), &bill, &WORKER, &year, &Account::default()).unwrap().settlement;
    assert_eq!(settlement.act_pay_dedc(), fen("1000.00"));
    assert_eq!(settlement.fund(Fund::Pooled), fen("225.00"));
    // Kunming exempts nothing.
    let settlement = settle(&city("kunming"), &bill, &WORKER, &year, &Account::default()).unwrap().settlement;
    assert_eq!(settlement.act_pay_dedc(), fen("60.00"));
}

#[test]
fn a_hospital_bears_its_part() {
    let over =
        Line { price_ceiling: Some("20".parse().unwrap()), ..line(ItemClass::A, "30.01", "1", Share::NONE) };
    let bill = outpatient(vec![over, line(ItemClass::C, "69.99", "1", Share::ALL)]);
    let year = YearToDate::empty(2025);
    let run =
        |rules: &CityRules| settle(rules, &bill, &WORKER, &year, &Account::default()).unwrap().settlement;
    // Yuncheng's sample: half of the 10.01 above the ceiling, half up.
    assert_eq!(run(&city("yuncheng")).hosp_part_amt(), fen("5.01"));
    // At most half of the 100.00 may be outside the catalog: 19.99 of the 69.99 is the hospital's.
    let settlement = run(&changed("yuncheng", "hospital", serde_json::json!({"outside_catalog_max": "50%"})));
    assert_eq!(settlement.hosp_part_amt(), fen("19.99"));
    assert_eq!(settlement.psn_part_amt(), fen("80.01"));
    assert_eq!(run(&city("beijing")).hosp_part_amt(), Fen::ZERO);
}

#[test]
fn supplements_come_after_the_pooled_fund_and_only_to_those_entitled() {
    let rules = changed(
        "xuzhou",
        "layers",
        serde_json::json!([
            {
                "fund": "hifob_pay", "persons": ["worker"], "visits": ["outpatient"], "base": "over_cap",
                "from": "0.00", "bands": [{"fund": "90%"}], "yearly_cap": "100.00"
            },
            {
                "fund": "cvlserv_pay", "persons": ["worker"], "visits": ["outpatient"], "base": "own_in_scope",
                "civil_servants_only": true, "from": "600.00",
                "bands": [{"up_to": "1000.00", "fund": "50%"}, {"fund": "10%"}], "yearly_cap": null
            }
        ]),
    );
    // V16: 7000.00 pooled of 7200.00. Large amount aid: 90 % of the 200.00, at most 100.00. The person
    // is left with 5600.00: half of 400.00 and a tenth of 4600.00 for a civil servant.
    let bill = outpatient(vec![line(ItemClass::A, "12700", "1", Share::NONE)]);
    let year = YearToDate::empty(2025);
    let servant = Person { civil_servant: true, ..WORKER };
    let run = |person, year| settle(&rules, &bill, person, year, &Account::default()).unwrap();
    let (plain, supplemented) = (run(&WORKER, &year), run(&servant, &year));
    assert_eq!(plain.settlement.fund(Fund::LargeAmount), fen("100.00"));
    assert_eq!(plain.settlement.fund(Fund::CivilServant), Fen::ZERO);
    assert_eq!(supplemented.settlement.fund(Fund::CivilServant), fen("660.00"));
    assert_eq!(supplemented.settlement.psn_part_amt(), fen("4940.00"));
    // The next bill finds both caps met and stands in the upper band from its first fen.
    let next = run(&servant, &year.with(&supplemented.contribution)).settlement;
    assert_eq!((next.fund(Fund::Pooled), next.fund(Fund::LargeAmount)), (Fen::ZERO, Fen::ZERO));
    assert_eq!(next.fund(Fund::CivilServant), fen("1270.00"));
}

#[test]
fn an_account_pays_in_its_order_and_keeps_what_it_must() {
    let rules = changed(
        "xuzhou",
        "account",
        serde_json::json!([{
            "persons": ["worker"], "visits": ["outpatient"], "pays": ["self_pay_first", "deductible"],
            "keep": "10.00", "per_settlement_max": "60.00", "family": true
        }]),
    );
    let drug = line(ItemClass::B, "100", "1", "20%".parse().unwrap());
    let bill = outpatient(vec![drug, line(ItemClass::C, "50", "1", Share::ALL)]);
    let run = |balance: &str, family: &str| {
        let account = Account { wanted: true, balance: fen(balance), family_balance: fen(family) };
        let settlement =
            settle(&rules, &bill, &WORKER, &YearToDate::empty(2025), &account).unwrap().settlement;
        [settlement.acct_pay(), settlement.acct_mulaid_pay(), settlement.psn_cash_pay()]
    };
    // 150.00 in all: 20.00 first share, 80.00 deductible, and 50.00 that no account pays.
    assert_eq!(run("500.00", "0.00"), [fen("60.00"), Fen::ZERO, fen("90.00")]);
    assert_eq!(run("35.00", "0.00"), [fen("25.00"), Fen::ZERO, fen("125.00")]);
    assert_eq!(run("35.00", "500.00"), [fen("25.00"), fen("75.00"), fen("50.00")]);
    assert_eq!(run("10.00", "0.00"), [Fen::ZERO, Fen::ZERO, fen("150.00")]);
}
