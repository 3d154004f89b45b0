//! What holds for every configuration, person and bill.
//!
//! Each run draws a new seed and prints it; `JINBAO_SEED=<number>` replays one, and
//! `JINBAO_TEST_CASES=<number>` sets how many cases each property gets.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::hash::{BuildHasher, RandomState};

use card_spec::money::Fen;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use terminal::language::Language;
use terminal::rules::{
    Account, AidClass, Amounts, Bill, CityRules, Contribution, Count, Fund, HospitalLevel, ItemClass,
    KindToDate, LayersToDate, Line, Outcome, Person, PersonKind, Settlement, Share, Step, UnitPrice,
    VisitKind, YearToDate, settle,
};
use time::macros::date;

/// Rounding of the bands of one settlement against those of two, in fen.
const ROUNDING_MAX: i64 = 60;

fn check<S: Strategy>(property: &str, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: std::fmt::Debug,
{
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("JINBAO_SEED").unwrap_or_else(|| RandomState::new().hash_one(property));
    let cases = number("JINBAO_TEST_CASES").unwrap_or(512);
    println!("{property}: JINBAO_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: cases as u32, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    if let Err(error) = runner.run(&strategy, test) {
        panic!("{property}, JINBAO_SEED={seed}: {error}");
    }
}

fn yuan(max_yuan: i64) -> impl Strategy<Value = Fen> {
    prop_oneof![Just(Fen::ZERO), (0..=max_yuan).prop_map(Fen::from_yuan), (0..=max_yuan * 100).prop_map(Fen)]
}

fn share() -> impl Strategy<Value = Share> {
    prop_oneof![
        select(vec![0, 500_000, 850_000, 1_000_000]),
        (0..=100_u32).prop_map(|percent| percent * 10_000),
        0..=1_000_000_u32
    ]
    .prop_map(|ppm| Share::from_ppm(ppm).unwrap())
}

/// Bands that begin above `from`.
fn bands(from: Fen) -> BoxedStrategy<Value> {
    (vec((1..3_000_000_i64, share()), 0..4), share())
        .prop_map(move |(steps, last)| {
            let mut up_to = from;
            let mut list: Vec<Value> = steps
                .into_iter()
                .map(|(step, share)| {
                    up_to += Fen(step);
                    json!({"up_to": up_to.to_string(), "fund": share})
                })
                .collect();
            list.push(json!({"fund": last}));
            list.into()
        })
        .boxed()
}

fn by_level<S: Strategy<Value = Value> + 'static>(value: impl Fn() -> S) -> BoxedStrategy<Value> {
    (value(), option::of(value()), option::of(value()))
        .prop_map(|(other, primary, tertiary)| {
            let mut levels = json!({ "other": other });
            for (name, value) in [("primary", primary), ("tertiary", tertiary)] {
                if let Some(value) = value {
                    levels[name] = value;
                }
            }
            levels
        })
        .boxed()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Periods {
    Any,
    Yearly,
}

fn benefit(visit: &'static str, periods: Periods) -> BoxedStrategy<Value> {
    let period = move || match periods {
        Periods::Any => select(vec!["year", "visit"]),
        Periods::Yearly => select(vec!["year"]),
    };
    let later = prop_oneof![
        Just(json!("same")),
        vec(share(), 1..4).prop_map(|shares| json!({ "shares": shares })),
        yuan(300).prop_map(|step| json!({"less": {"step": step.to_string(), "floor": {"other": "0.00"}}})),
    ];
    let deductible = (
        period(),
        by_level(|| yuan(2_000).prop_map(|fen| json!(fen.to_string()))),
        later,
        any::<bool>(),
    )
        .prop_map(move |(period, by_level, later, essential)| {
            let later = if visit == "inpatient" && period == "visit" { later } else { json!("same") };
            let exempt = essential && periods == Periods::Any;
            json!({"period": period, "by_level": by_level, "later_stays": later, "essential_exempt": exempt})
        });
    let table = || by_level(|| bands(Fen::ZERO));
    let bands = (
        select(vec!["zero", "deductible"]),
        period(),
        option::of(share()),
        table(),
        option::of(table()),
    )
        .prop_map(|(count_from, period, factor, table, elders)| {
            let mut tables = vec![json!({ "by_level": table })];
            tables.extend(elders.map(|table| json!({"from_age": 70, "by_level": table})));
            json!({"count_from": count_from, "period": period, "own_share_factor": factor, "tables": tables})
        });
    let caps = subsequence(vec!["joint", "own"], 0..=2);
    (deductible, bands, caps)
        .prop_map(move |(deductible, bands, caps)| {
            json!({
                "persons": ["worker", "retired", "resident"], "visits": [visit],
                "deductible": deductible, "bands": bands, "caps": caps
            })
        })
        .boxed()
}

fn layer(fund: &'static str) -> BoxedStrategy<Value> {
    let base = select(vec!["own_in_scope", "own_in_scope", "own_in_scope", "own_share", "over_cap"]);
    let visits = select(vec![json!(["outpatient", "inpatient"]), json!(["inpatient"])]);
    (base, visits, any::<bool>(), yuan(20_000), option::of(yuan(100_000)))
        .prop_flat_map(|(base, visits, servants, from, cap)| {
            (Just((base, visits, servants, from, cap)), bands(from))
        })
        .prop_map(move |((base, visits, servants, from, cap), bands)| {
            json!({
                "fund": fund, "persons": ["worker", "retired", "resident"], "visits": visits,
                "civil_servants_only": servants, "base": base, "from": from.to_string(), "bands": bands,
                "yearly_cap": cap.map(|cap| cap.to_string())
            })
        })
        .boxed()
}

const LAYERS: [(&str, Fund); 6] = [
    ("hifmi_pay", Fund::MajorIllness),
    ("hifob_pay", Fund::LargeAmount),
    ("cvlserv_pay", Fund::CivilServant),
    ("hifes_pay", Fund::Enterprise),
    ("maf_pay", Fund::MedicalAid),
    ("oth_pay", Fund::Other),
];

fn layers() -> BoxedStrategy<Vec<Value>> {
    LAYERS
        .map(|(field, _)| option::of(layer(field)))
        .prop_map(|layers| layers.into_iter().flatten().collect())
        .boxed()
}

fn accounts() -> BoxedStrategy<Value> {
    let items =
        vec!["deductible", "own_share", "over_cap", "self_pay_first", "over_ceiling", "outside_catalog"];
    (subsequence(items, 1..=6).prop_shuffle(), yuan(100), option::of(yuan(2_000)), any::<bool>()).prop_map(
        |(pays, keep, max, family)| {
            json!([{
                "persons": ["worker", "retired"], "visits": ["outpatient", "inpatient"], "pays": pays,
                "keep": keep.to_string(), "per_settlement_max": max.map(|max| max.to_string()), "family": family
            }])
        },
    )
        .boxed()
}

/// A document, and the same as the loader reads it: no random document is refused.
#[derive(Clone, Debug)]
struct Rules {
    document: Value,
    rules: CityRules,
}

fn rules(periods: Periods) -> BoxedStrategy<Rules> {
    let hospital = (share(), option::of(share()))
        .prop_map(|(over, outside)| json!({"over_ceiling": over, "outside_catalog_max": outside}));
    let caps = (yuan(50_000), yuan(50_000));
    (benefit("outpatient", periods), benefit("inpatient", periods), caps, layers(), accounts(), hospital).prop_map(
        |(outpatient, inpatient, (joint, own), layers, account, hospital)| {
            let document = json!({
                "format": 1, "region": "320300", "name": {"zh": "甲市", "en": "City"}, "version": 1,
                "effective_from": "2025-01-01",
                "caps": {
                    "joint": {"name": {"zh": "限", "en": "joint"}, "yearly": joint.to_string()},
                    "own": {"name": {"zh": "限", "en": "own"}, "yearly": own.to_string()}
                },
                "benefits": [outpatient, inpatient], "layers": layers, "account": account, "hospital": hospital
            });
            let rules = CityRules::from_json(document.to_string().as_bytes())
                .unwrap_or_else(|error| panic!("{error}\n{document}"));
            Rules { document, rules }
        },
    )
        .boxed()
}

fn line() -> BoxedStrategy<Line> {
    let class = prop_oneof![
        Just((ItemClass::A, Share::NONE)),
        (0..1_000_000_u32).prop_map(|ppm| (ItemClass::B, Share::from_ppm(ppm).unwrap())),
        Just((ItemClass::C, Share::ALL)),
    ];
    let price = prop_oneof![0..=100_000_000_u64, 0..=30_000_000_000_u64];
    let count = prop_oneof![Just(10_000_u64), 1..=200_000_u64];
    (class, price, count, option::of(0..=100_000_000_u64), any::<bool>())
        .prop_map(|((class, selfpay_prop), price, count, ceiling, essential)| Line {
            code: "L".into(),
            name: String::new(),
            class,
            price: UnitPrice::from_millionths(price).unwrap(),
            count: Count::from_ten_thousandths(count).unwrap(),
            selfpay_prop,
            price_ceiling: ceiling.map(|price| UnitPrice::from_millionths(price).unwrap()),
            essential,
        })
        .boxed()
}

fn person() -> impl Strategy<Value = Person> {
    (select(PersonKind::ALL.to_vec()), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(
        |(kind, age_years, civil_servant, aid)| Person {
            kind,
            age_years,
            civil_servant,
            aid: aid.then_some(AidClass::MinimumLiving),
        },
    )
}

fn year() -> BoxedStrategy<YearToDate> {
    let kind = || {
        (yuan(60_000), yuan(2_000), yuan(40_000)).prop_map(|(more, deductible, pooled)| KindToDate {
            in_scope: deductible + more,
            deductible,
            pooled,
        })
    };
    let layers = vec((yuan(60_000), yuan(40_000)), LAYERS.len());
    (kind(), kind(), layers, 0..5_u32)
        .prop_map(|(outpatient, inpatient, amounts, stays)| {
            let mut layers = LayersToDate::default();
            for ((_, fund), (base, paid)) in LAYERS.iter().zip(amounts) {
                let layer = layers.of_mut(*fund).unwrap();
                (layer.base, layer.paid) = (base, paid);
            }
            YearToDate { year: 2025, stays, outpatient, inpatient, layers }
        })
        .boxed()
}

fn account() -> impl Strategy<Value = Account> {
    (any::<bool>(), yuan(5_000), yuan(500)).prop_map(|(wanted, balance, family_balance)| Account {
        wanted,
        balance,
        family_balance,
    })
}

#[derive(Clone, Debug)]
struct Input {
    rules: Rules,
    visit: VisitKind,
    level: HospitalLevel,
    lines: Vec<Line>,
    person: Person,
    year: YearToDate,
    account: Account,
}

impl Input {
    fn bill(&self, lines: &[Line]) -> Bill {
        Bill::new(self.visit, self.level, date!(2025 - 07 - 01), lines.to_vec()).unwrap()
    }

    fn settle(&self) -> Outcome {
        self.settle_lines(&self.lines, &self.year)
    }

    fn settle_lines(&self, lines: &[Line], year: &YearToDate) -> Outcome {
        settle(&self.rules.rules, &self.bill(lines), &self.person, year, &self.account).unwrap()
    }

    fn document(&self) -> &Value {
        &self.rules.document
    }

    fn benefit(&self) -> &Value {
        &self.document()["benefits"][self.visit as usize]
    }
}

fn input(periods: Periods) -> BoxedStrategy<Input> {
    (
        rules(periods),
        select(VisitKind::ALL.to_vec()),
        select(HospitalLevel::ALL.to_vec()),
        vec(line(), 1..12),
        person(),
        year(),
        account(),
    )
        .prop_map(|(rules, visit, level, lines, person, year, account)| Input {
            rules,
            visit,
            level,
            lines,
            person,
            year,
            account,
        })
        .boxed()
}

fn fen(value: &Value) -> Fen {
    Fen::parse_yuan(value.as_str().unwrap()).unwrap()
}

#[test]
fn figures_add_up_and_stay_within_limits() {
    check("figures", input(Periods::Any), |input| {
        let outcome = input.settle();
        let f: Amounts = outcome.settlement.amounts();
        // The identities, written out from the plain figures.
        prop_assert_eq!(
            f.medfee_sumamt,
            f.fulamt_ownpay_amt + f.overlmt_selfpay + f.preselfpay_amt + f.inscp_scp_amt
        );
        prop_assert_eq!(f.medfee_sumamt, f.fund_pay_sumamt + f.psn_part_amt + f.hosp_part_amt);
        prop_assert_eq!(f.psn_part_amt, f.acct_pay + f.acct_mulaid_pay + f.psn_cash_pay);
        prop_assert_eq!(
            f.fund_pay_sumamt,
            f.hifp_pay + f.cvlserv_pay + f.hifes_pay + f.hifmi_pay + f.hifob_pay + f.maf_pay + f.oth_pay
        );
        prop_assert_eq!(Settlement::try_from(f), Ok(outcome.settlement));
        // No figure is negative, no fund pays outside the scope.
        for (field, value) in serde_json::to_value(f).unwrap().as_object().unwrap() {
            prop_assert!(value.as_i64().unwrap() >= 0, "{} = {}", field, value);
        }
        prop_assert!(f.fund_pay_sumamt <= f.inscp_scp_amt);
        prop_assert!(f.hifp_pay + f.act_pay_dedc <= f.inscp_scp_amt);
        prop_assert!(f.hosp_part_amt <= f.overlmt_selfpay + f.fulamt_ownpay_amt);
        // The bill is the sum of its lines.
        let total: Fen = input.lines.iter().map(Line::amount).sum();
        prop_assert_eq!(f.medfee_sumamt, total);
        prop_assert_eq!(outcome.lines.iter().map(|line| line.inscp_scp_amt).sum::<Fen>(), f.inscp_scp_amt);
        Ok(())
    });
}

#[test]
fn caps_and_accounts_are_never_exceeded() {
    check("caps", input(Periods::Any), |input| {
        let outcome = input.settle();
        let after = input.year.with(&outcome.contribution);
        let document = input.document();
        for name in input.benefit()["caps"].as_array().unwrap() {
            let uses = |index: usize| document["benefits"][index]["caps"].as_array().unwrap().contains(name);
            let used = |year: &YearToDate| {
                let parts = [(0, year.outpatient.pooled), (1, year.inpatient.pooled)];
                parts.into_iter().filter(|(index, _)| uses(*index)).map(|(_, pooled)| pooled).sum::<Fen>()
            };
            let cap = fen(&document["caps"][name.as_str().unwrap()]["yearly"]);
            prop_assert!(used(&after) <= cap.max(used(&input.year)), "cap {}", name);
        }
        for layer in document["layers"].as_array().unwrap() {
            let (_, fund) = LAYERS.into_iter().find(|(field, _)| layer["fund"] == *field).unwrap();
            let (before, after) = (input.year.layers.of(fund).unwrap(), after.layers.of(fund).unwrap());
            prop_assert_eq!(after.paid - before.paid, outcome.settlement.fund(fund));
            if layer["yearly_cap"].is_string() {
                prop_assert!(after.paid <= fen(&layer["yearly_cap"]).max(before.paid), "{:?}", fund);
            }
        }
        let rule = &document["account"][0];
        let settlement = outcome.settlement;
        prop_assert_eq!(outcome.balance_after, input.account.balance - settlement.acct_pay());
        prop_assert_eq!(
            outcome.family_balance_after,
            input.account.family_balance - settlement.acct_mulaid_pay()
        );
        prop_assert!(outcome.family_balance_after >= Fen::ZERO);
        if settlement.acct_pay() > Fen::ZERO {
            prop_assert!(outcome.balance_after >= fen(&rule["keep"]));
            prop_assert!(input.account.wanted && input.person.kind != PersonKind::Resident);
        }
        if rule["per_settlement_max"].is_string() {
            prop_assert!(settlement.acct_pay() <= fen(&rule["per_settlement_max"]));
        }
        Ok(())
    });
}

#[test]
fn a_further_line_lowers_nothing() {
    check("further line", (input(Periods::Any), line()), |(mut input, mut line)| {
        if input.benefit()["deductible"]["essential_exempt"] == true {
            // An ordinary item moves exempt ones to a higher band, which may well pay less.
            line.essential = true;
        }
        let before = input.settle().settlement;
        input.lines.push(line);
        let after = input.settle().settlement;
        prop_assert!(after.medfee_sumamt() >= before.medfee_sumamt());
        prop_assert!(after.inscp_scp_amt() >= before.inscp_scp_amt());
        prop_assert!(after.act_pay_dedc() >= before.act_pay_dedc());
        prop_assert!(after.fund(Fund::Pooled) >= before.fund(Fund::Pooled));
        prop_assert!(after.fund_pay_sumamt() >= before.fund_pay_sumamt());
        // Funds that look at different parts of the same cost may together pay more than a further yuan;
        // where each looks at all that the one before left, the person never pays less.
        let layers = input.document()["layers"].as_array().unwrap();
        if layers.iter().all(|layer| layer["base"] == "own_in_scope") {
            prop_assert!(after.psn_part_amt() >= before.psn_part_amt());
        }
        Ok(())
    });
}

#[test]
fn the_order_of_lines_does_not_matter() {
    check("order", input(Periods::Any), |mut input| {
        let one = input.settle();
        input.lines.reverse();
        let other = input.settle();
        prop_assert_eq!(one.settlement, other.settlement);
        prop_assert_eq!(one.steps, other.steps);
        prop_assert_eq!(one.contribution, other.contribution);
        Ok(())
    });
}

#[test]
fn two_bills_come_to_what_one_comes_to_when_all_counts_by_the_year() {
    check("splitting", (input(Periods::Yearly), any::<prop::sample::Index>()), |(input, at)| {
        let whole = input.settle();
        let (first, second) = input.lines.split_at(at.index(input.lines.len()));
        if first.is_empty() {
            return Ok(());
        }
        let one = input.settle_lines(first, &input.year);
        let two = input.settle_lines(second, &input.year.with(&one.contribution));
        let (a, b, c) = (one.settlement, two.settlement, whole.settlement);
        prop_assert_eq!(a.medfee_sumamt() + b.medfee_sumamt(), c.medfee_sumamt());
        prop_assert_eq!(a.inscp_scp_amt() + b.inscp_scp_amt(), c.inscp_scp_amt());
        prop_assert_eq!(a.act_pay_dedc() + b.act_pay_dedc(), c.act_pay_dedc());
        let apart = |fund: Fund| (a.fund(fund) + b.fund(fund) - c.fund(fund)).0.abs();
        prop_assert!(apart(Fund::Pooled) <= ROUNDING_MAX, "{}", apart(Fund::Pooled));
        Ok(())
    });
}

#[test]
fn a_cancellation_is_the_exact_negative() {
    check("cancellation", input(Periods::Any), |input| {
        let outcome = input.settle();
        let there = serde_json::to_value(outcome.settlement).unwrap();
        let back = serde_json::to_value(outcome.settlement.cancellation()).unwrap();
        for (field, value) in there.as_object().unwrap() {
            prop_assert_eq!(back[field].as_i64().unwrap(), -value.as_i64().unwrap(), "{}", field);
        }
        prop_assert_eq!(outcome.settlement.cancellation().cancellation(), outcome.settlement);
        prop_assert_eq!(input.year.with(&outcome.contribution).without(&outcome.contribution), input.year);
        // What is stored is read back to the same.
        prop_assert_eq!(
            serde_json::from_value::<Settlement>(back).unwrap(),
            outcome.settlement.cancellation()
        );
        let stored = serde_json::to_string(&outcome.contribution).unwrap();
        prop_assert_eq!(serde_json::from_str::<Contribution>(&stored).unwrap(), outcome.contribution);
        Ok(())
    });
}

#[test]
fn the_steps_tell_the_truth() {
    check("steps", input(Periods::Any), |input| {
        let outcome = input.settle();
        let settlement = outcome.settlement;
        prop_assert_eq!(&input.settle(), &outcome, "equal inputs, equal outcomes");
        let sum = |pick: &dyn Fn(&Step) -> Option<Fen>| outcome.steps.iter().filter_map(pick).sum::<Fen>();
        let banded = |fund: Fund| {
            sum(&|step| match step {
                Step::Band { fund: of, paid, .. } if *of == fund => Some(*paid),
                _ => None,
            })
        };
        // What bands promise, less what caps take away, is what each fund pays.
        let cut = sum(&|step| match step {
            Step::Cap { wanted, paid, .. } => Some(*wanted - *paid),
            _ => None,
        });
        prop_assert_eq!(banded(Fund::Pooled) - cut, settlement.fund(Fund::Pooled));
        for (_, fund) in LAYERS {
            let cut = sum(&|step| match step {
                Step::LayerCap { fund: of, wanted, paid, .. } if *of == fund => Some(*wanted - *paid),
                _ => None,
            });
            prop_assert_eq!(banded(fund) - cut, settlement.fund(fund), "{:?}", fund);
        }
        // The bands cover the cost that the deductible leaves, once.
        let covered = sum(&|step| match step {
            Step::Band { fund: Fund::Pooled, base, .. } => Some(*base),
            _ => None,
        });
        prop_assert_eq!(covered, settlement.inscp_scp_amt() - settlement.act_pay_dedc());
        let own = sum(&|step| match step {
            Step::Account { paid, .. } => Some(*paid),
            _ => None,
        });
        let family = sum(&|step| match step {
            Step::FamilyAccount { paid, .. } => Some(*paid),
            _ => None,
        });
        prop_assert_eq!((own, family), (settlement.acct_pay(), settlement.acct_mulaid_pay()));
        let person = sum(&|step| match step {
            Step::Person { amount, .. } => Some(*amount),
            _ => None,
        });
        prop_assert_eq!(person, settlement.psn_part_amt());
        prop_assert_eq!(outcome.steps.last(), Some(&Step::Cash { amount: settlement.psn_cash_pay() }));
        // Every result stands in both texts.
        for step in &outcome.steps {
            if let Some(result) = step.figures().result {
                for language in [Language::Chinese, Language::English] {
                    let words = step.words(language);
                    prop_assert!(words.contains(&result.to_string()), "{} lacks {}", words, result);
                }
            }
        }
        Ok(())
    });
}
