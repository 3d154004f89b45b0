//! What the loaders refuse, each with the field and advice in both languages.
#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::{money::Fen, region::RegionCode};
use serde_json::{Value, json};
use terminal::language::Language;
use terminal::rules::{
    Account, AidClass, Bill, CASE_BYTES_MAX, Case, CityRules, Document, FieldProblem, HospitalLevel,
    ItemClass, Line, LineProblem, Person, PersonKind, RuleBook, RulesError, Share, VisitKind, YearToDate,
    config::{BANDS_MAX, ENTRIES_MAX, NOTE_CHARS_MAX, RULE_AMOUNT_MAX, RULES_BYTES_MAX},
    settle,
};
use time::{Date, macros::date};

/// A document that is right.
fn document() -> Value {
    json!({
        "format": 1, "region": "320300", "name": {"zh": "徐州市", "en": "Xuzhou"}, "version": 3,
        "effective_from": "2025-01-01",
        "caps": {"one": {"name": {"zh": "封顶线", "en": "cap"}, "yearly": "1000.00"}},
        "benefits": [
            {
                "persons": ["worker"], "visits": ["outpatient"],
                "deductible": {"period": "year", "by_level": {"other": "700.00"}},
                "bands": {
                    "count_from": "zero", "period": "year",
                    "tables": [
                        {"by_level": {"other": [{"up_to": "5000.00", "fund": "60%"}, {"fund": "70%"}]}},
                        {"from_age": 70, "by_level": {"other": [{"fund": "80%"}]}}
                    ]
                },
                "caps": ["one"]
            },
            {
                "persons": ["worker"], "visits": ["inpatient"],
                "deductible": {
                    "period": "visit", "by_level": {"other": "700.00"},
                    "later_stays": {"less": {"step": "100.00", "floor": {"other": "100.00"}}}
                },
                "bands": {
                    "count_from": "zero", "period": "visit", "tables": [{"by_level": {"other": [{"fund": "70%"}]}}]
                },
                "caps": []
            }
        ],
        "layers": [
            {
                "fund": "hifob_pay", "persons": ["worker"], "visits": ["inpatient"], "base": "over_cap",
                "from": "100.00", "bands": [{"up_to": "200.00", "fund": "50%"}, {"fund": "90%"}], "yearly_cap": null
            },
            {
                "fund": "maf_pay", "persons": ["worker"], "visits": ["inpatient"], "base": "own_in_scope",
                "aid_classes": ["destitute"], "from": "0.00", "bands": [{"fund": "70%"}], "yearly_cap": "50.00"
            }
        ],
        "account": [
            {
                "persons": ["worker"], "visits": ["outpatient"], "pays": ["deductible"], "keep": "0.00",
                "per_settlement_max": null
            }
        ]
    })
}

fn load(document: &Value) -> Result<CityRules, RulesError> {
    CityRules::from_json(document.to_string().as_bytes())
}

/// Replaces what stands at a JSON pointer; a pointer to `…/-` appends.
fn change(document: &mut Value, pointer: &str, value: Value) {
    if let Some(list) = pointer.strip_suffix("/-") {
        document.pointer_mut(list).unwrap().as_array_mut().unwrap().push(value);
        return;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            if value == json!("<remove>") {
                object.remove(key);
            } else {
                object.insert(key.to_owned(), value);
            }
        }
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
}

#[test]
fn each_fault_in_a_document_is_named_with_its_field() {
    assert!(load(&document()).is_ok());
    let layer = |index: usize| document()["layers"][index].clone();
    let with = |mut value: Value, field: &str, new: Value| {
        value[field] = new;
        value
    };
    let worker = |visit| FieldProblem::Duplicate { person: PersonKind::Worker, visit };
    let tables = "/benefits/0/bands/tables";
    let band = "/benefits/0/bands/tables/0/by_level/other";
    let too_much = (RULE_AMOUNT_MAX + Fen(1)).to_string();
    let cases: Vec<(String, Value, &str, FieldProblem)> = vec![
        ("/format".into(), json!(2), "format", FieldProblem::Format { expected: 1, got: 2 }),
        ("/name/zh".into(), json!(""), "name.zh", FieldProblem::Empty),
        (
            "/name/en".into(),
            json!("x".repeat(NOTE_CHARS_MAX + 1)),
            "name.en",
            FieldProblem::TooLong { max: NOTE_CHARS_MAX },
        ),
        ("/benefits".into(), json!([]), "benefits", FieldProblem::Empty),
        (
            "/benefits".into(),
            vec![document()["benefits"][0].clone(); ENTRIES_MAX + 1].into(),
            "benefits",
            FieldProblem::TooMany { max: ENTRIES_MAX, got: ENTRIES_MAX + 1 },
        ),
        (
            "/caps/one/yearly".into(),
            json!(too_much),
            "caps.one.yearly",
            FieldProblem::AmountTooLarge { max: RULE_AMOUNT_MAX, got: RULE_AMOUNT_MAX + Fen(1) },
        ),
        ("/benefits/0/persons".into(), json!([]), "benefits[0].persons", FieldProblem::Empty),
        ("/benefits/0/visits".into(), json!([]), "benefits[0].visits", FieldProblem::Empty),
        (
            "/benefits/0/persons".into(),
            json!(["worker", "worker"]),
            "benefits[0].persons",
            FieldProblem::Repeated,
        ),
        (
            "/benefits/-".into(),
            document()["benefits"][0].clone(),
            "benefits[2]",
            worker(VisitKind::Outpatient),
        ),
        (
            "/benefits/0/deductible/by_level".into(),
            json!({"primary": "1.00", "secondary": "1.00", "tertiary": "1.00"}),
            "benefits[0].deductible.by_level",
            FieldProblem::LevelMissing { level: HospitalLevel::Community },
        ),
        (
            "/benefits/0/deductible/later_stays".into(),
            json!({"shares": ["50%"]}),
            "benefits[0].deductible.later_stays",
            FieldProblem::LaterStaysNotInpatient,
        ),
        (
            "/benefits/1/deductible/later_stays".into(),
            json!({"shares": []}),
            "benefits[1].deductible.later_stays.shares",
            FieldProblem::Empty,
        ),
        (
            "/benefits/1/deductible/later_stays/less/floor/other".into(),
            json!("700.01"),
            "benefits[1].deductible.later_stays.less.floor",
            FieldProblem::FloorAboveFull { level: HospitalLevel::Community },
        ),
        (tables.into(), json!([]), "benefits[0].bands.tables", FieldProblem::Empty),
        (
            format!("{tables}/0/from_age"),
            json!(18),
            "benefits[0].bands.tables[0].from_age",
            FieldProblem::FirstAgeNotZero,
        ),
        (
            format!("{tables}/1/from_age"),
            json!(0),
            "benefits[0].bands.tables[1].from_age",
            FieldProblem::AgeNotAscending,
        ),
        (band.into(), json!([]), "benefits[0].bands.tables[0].by_level.other", FieldProblem::Empty),
        (
            band.into(),
            vec![json!({"fund": "1%"}); BANDS_MAX + 1].into(),
            "benefits[0].bands.tables[0].by_level.other",
            FieldProblem::TooMany { max: BANDS_MAX, got: BANDS_MAX + 1 },
        ),
        (
            format!("{band}/0"),
            json!({"fund": "60%"}),
            "benefits[0].bands.tables[0].by_level.other[0].up_to",
            FieldProblem::OpenBandNotLast,
        ),
        (
            format!("{band}/1"),
            json!({"up_to": "9000.00", "fund": "60%"}),
            "benefits[0].bands.tables[0].by_level.other[1].up_to",
            FieldProblem::LastBandNotOpen,
        ),
        (
            band.into(),
            json!([{"up_to": "5.00", "fund": "1%"}, {"up_to": "5.00", "fund": "1%"}, {"fund": "1%"}]),
            "benefits[0].bands.tables[0].by_level.other[1].up_to",
            FieldProblem::BandNotAscending { above: Fen(500), got: Fen(500) },
        ),
        (
            "/benefits/0/caps".into(),
            json!(["two"]),
            "benefits[0].caps[0]",
            FieldProblem::UnknownCap { name: "two".into() },
        ),
        ("/benefits/0/caps".into(), json!(["one", "one"]), "benefits[0].caps", FieldProblem::Repeated),
        ("/layers/0/fund".into(), json!("hifp_pay"), "layers[0].fund", FieldProblem::LayerPooled),
        (
            "/layers/-".into(),
            with(layer(0), "fund", json!("hifmi_pay")),
            "layers[2]",
            FieldProblem::LayerOutOfOrder,
        ),
        ("/layers/-".into(), layer(1), "layers[2]", worker(VisitKind::Inpatient)),
        (
            "/layers/-".into(),
            with(layer(1), "aid_classes", json!([])),
            "layers[2]",
            worker(VisitKind::Inpatient),
        ),
        (
            "/layers/0/bands/0/up_to".into(),
            json!("100.00"),
            "layers[0].bands[0].up_to",
            FieldProblem::BandNotAscending { above: Fen(10_000), got: Fen(10_000) },
        ),
        ("/account/-".into(), document()["account"][0].clone(), "account[1]", worker(VisitKind::Outpatient)),
        ("/account/0/pays".into(), json!([]), "account[0].pays", FieldProblem::Empty),
        (
            "/account/0/pays".into(),
            json!(["deductible", "deductible"]),
            "account[0].pays",
            FieldProblem::Repeated,
        ),
    ];
    for (pointer, value, field, problem) in cases {
        let mut changed = document();
        change(&mut changed, &pointer, value);
        let error = load(&changed).unwrap_err();
        let expected = RulesError::Field { document: Document::CityRules, field: field.to_owned(), problem };
        assert_eq!(error, expected, "{pointer}");
        for language in [Language::Chinese, Language::English] {
            assert!(error.words(language).contains(field), "{}", error.words(language));
        }
    }
    // Another class of aid may have an entry of its own.
    let mut other = document();
    change(&mut other, "/layers/-", with(layer(1), "aid_classes", json!(["minimum_living"])));
    assert!(load(&other).is_ok());
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    for (pointer, value, word) in [
        ("/region", json!("3203"), "six digits"),
        ("/effective_from", json!("2025-02-30"), "year-month-day"),
        ("/version", json!(-1), "-1"),
        ("/caps/one/yearly", json!(1000), "quotation marks"),
        ("/caps/one/yearly", json!("-1.00"), "amount in yuan"),
        ("/caps/one/yearly", json!("1,000"), "amount in yuan"),
        ("/benefits/0/bands/tables/0/by_level/other/0/fund", json!("105%"), "share from 0% to 100%"),
        ("/benefits/0/bands/tables/0/by_level/other/0/fund", json!("85"), "share from 0% to 100%"),
        ("/benefits/0/caps", json!("<remove>"), "missing field `caps`"),
        ("/layers/0/yearly_cap", json!("<remove>"), "missing field `yearly_cap`"),
        ("/benefits/0/deductable", json!({}), "unknown field `deductable`"),
        ("/benefits/0/persons/0", json!("pensioner"), "unknown variant `pensioner`"),
    ] {
        let mut changed = document();
        change(&mut changed, pointer, value);
        let error = load(&changed).unwrap_err();
        assert!(
            matches!(error, RulesError::Json { document: Document::CityRules, line: 1, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(matches!(CityRules::from_json(b"{"), Err(RulesError::Json { line: 1, column: 1, .. })));
    let long = vec![b' '; RULES_BYTES_MAX + 1];
    assert_eq!(
        CityRules::from_json(&long).unwrap_err(),
        RulesError::TooLarge {
            document: Document::CityRules,
            bytes_max: RULES_BYTES_MAX,
            got: RULES_BYTES_MAX + 1
        }
    );
}

fn case(changes: &[(&str, Value)]) -> Result<Case, RulesError> {
    let mut case = json!({
        "visit": "outpatient", "level": "primary", "date": "2025-03-04",
        "person": {"kind": "worker", "age_years": 45},
        "lines": [{"med_list_codg": "X", "chrgitm_lv": "01", "pric": "4.52", "cnt": "2"}]
    });
    for (pointer, value) in changes {
        change(&mut case, pointer, value.clone());
    }
    Case::from_json(case.to_string().as_bytes(), None)
}

#[test]
fn bills_are_refused_with_the_line_at_fault() {
    assert_eq!(case(&[]).unwrap().bill.lines()[0].amount(), Fen(904));
    assert!(case(&[("/lines/0/det_item_fee_sumamt", json!("9.04"))]).is_ok());
    let problem = |changes: &[(&str, Value)]| match case(changes) {
        Err(RulesError::Line { line: 1, problem }) => {
            let error = RulesError::Line { line: 1, problem: problem.clone() };
            assert!(error.words(Language::Chinese).contains("第 1 条"));
            assert!(error.words(Language::English).contains("line 1"));
            problem
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        problem(&[("/lines/0/amount", json!("9.05"))]),
        LineProblem::Amount {
            expected: Fen(904),
            got: Fen(905),
            price: "4.52".parse().unwrap(),
            count: "2".parse().unwrap()
        }
    );
    assert_eq!(
        problem(&[("/lines/0/chrgitm_lv", json!("<remove>"))]),
        LineProblem::NotInCatalog { code: "X".into() }
    );
    assert_eq!(problem(&[("/lines/0/chrgitm_lv", json!("02"))]), LineProblem::SelfPayMissing);
    assert_eq!(
        problem(&[("/lines/0/selfpay_prop", json!("0.05"))]),
        LineProblem::SelfPay { class: ItemClass::A, got: "5%".parse().unwrap() }
    );
    assert_eq!(problem(&[("/lines/0/cnt", json!("0"))]), LineProblem::CountZero);
    assert!(matches!(case(&[("/lines", json!([]))]), Err(RulesError::BillEmpty)));
    for (pointer, value) in [
        ("/lines/0/cnt", json!("-1")),
        ("/lines/0/pric", json!(4.52)),
        ("/lines/0/pric", json!("10000000")),
        ("/date", json!("04.03.2025")),
        ("/person/age_years", json!(256)),
        ("/visit", json!("home")),
        ("/surprise", json!(1)),
    ] {
        assert!(matches!(case(&[(pointer, value)]), Err(RulesError::Json { .. })), "{pointer}");
    }
    let long = vec![b' '; CASE_BYTES_MAX + 1];
    assert!(matches!(Case::from_json(&long, None), Err(RulesError::TooLarge { .. })));
}

fn bill(visit: VisitKind, date: Date) -> Bill {
    let line = Line {
        code: "X".into(),
        name: "x".into(),
        class: ItemClass::A,
        price: "5000".parse().unwrap(),
        count: "1".parse().unwrap(),
        selfpay_prop: Share::NONE,
        price_ceiling: None,
        essential: false,
    };
    Bill::new(visit, HospitalLevel::Primary, date, vec![line]).unwrap()
}

const WORKER: Person = Person { kind: PersonKind::Worker, age_years: 45, civil_servant: false, aid: None };

#[test]
fn nothing_is_settled_on_wrong_ground() {
    let rules = load(&document()).unwrap();
    let year = YearToDate::empty(2025);
    let account = Account::default();
    let out = bill(VisitKind::Outpatient, date!(2025 - 01 - 01));
    assert!(settle(&rules, &out, &WORKER, &year, &account).is_ok());

    let early = bill(VisitKind::Outpatient, date!(2024 - 12 - 31));
    assert_eq!(
        settle(&rules, &early, &WORKER, &YearToDate::empty(2024), &account),
        Err(RulesError::NotInForce { effective_from: date!(2025 - 01 - 01), date: date!(2024 - 12 - 31) })
    );
    assert_eq!(
        settle(&rules, &out, &WORKER, &YearToDate::empty(2024), &account),
        Err(RulesError::OtherYear { expected: 2025, got: 2024 })
    );
    let resident = Person { kind: PersonKind::Resident, ..WORKER };
    assert_eq!(
        settle(&rules, &out, &resident, &year, &account),
        Err(RulesError::NoBenefit {
            region: RegionCode::parse("320300").unwrap(),
            person: PersonKind::Resident,
            visit: VisitKind::Outpatient
        })
    );
    let mut negative = year;
    negative.outpatient.pooled = Fen(-1);
    assert_eq!(settle(&rules, &out, &WORKER, &negative, &account), Err(RulesError::NegativeInput));
    let overdrawn = Account { wanted: true, balance: Fen(-1), family_balance: Fen::ZERO };
    assert_eq!(settle(&rules, &out, &WORKER, &year, &overdrawn), Err(RulesError::NegativeInput));
}

#[test]
fn aid_is_for_its_classes_and_stops_at_its_cap() {
    let rules = load(&document()).unwrap();
    let stay = bill(VisitKind::Inpatient, date!(2025 - 05 - 05));
    let paid = |aid| {
        let person = Person { aid, ..WORKER };
        settle(&rules, &stay, &person, &YearToDate::empty(2025), &Account::default())
            .unwrap()
            .settlement
            .amounts()
            .maf_pay
    };
    assert_eq!(paid(None), Fen::ZERO);
    assert_eq!(paid(Some(AidClass::MinimumLiving)), Fen::ZERO);
    assert_eq!(paid(Some(AidClass::Destitute)), Fen(5_000));
}

#[test]
fn a_book_opens_at_the_right_day() {
    let version = |from: &str, version: u32| {
        let mut document = document();
        document["effective_from"] = json!(from);
        document["version"] = json!(version);
        load(&document).unwrap()
    };
    let xuzhou = RegionCode::parse("320300").unwrap();
    let mut book = RuleBook::new();
    assert_eq!(book.on(xuzhou, date!(2025 - 01 - 01)).unwrap_err(), RulesError::NoRules { region: xuzhou });
    for (from, number) in [("2026-01-01", 4), ("2025-01-01", 2), ("2025-01-01", 3), ("2025-01-01", 1)] {
        book.insert(version(from, number));
    }
    let on = |date| book.on(xuzhou, date).map(CityRules::version);
    assert_eq!(on(date!(2025 - 01 - 01)), Ok(3));
    assert_eq!(on(date!(2025 - 12 - 31)), Ok(3));
    assert_eq!(on(date!(2026 - 01 - 01)), Ok(4));
    assert_eq!(
        on(date!(2024 - 12 - 31)),
        Err(RulesError::NotInForce { effective_from: date!(2025 - 01 - 01), date: date!(2024 - 12 - 31) })
    );
}
