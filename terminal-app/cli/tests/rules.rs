//! `rules explain` and `rules check` on the sample cities.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::fs;

use serde_json::Value;
use support::{jinbao, sample, text};

const CITIES: [&str; 6] = ["beijing", "dazhou", "kunming", "xiamen", "xuzhou", "yuncheng"];

fn explain(city: &str, bill: &str, more: &[&str]) -> support::Run {
    let (city, bill) =
        (text(&sample(&format!("rules/{city}.json"))), text(&sample(&format!("bills/{bill}.json"))));
    jinbao(["rules", "explain", "--city", &city, "--bill", &bill]).args(more).run()
}

fn fen(value: &Value, name: &str) -> i64 {
    value["amounts"][name].as_i64().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[test]
fn every_sample_city_settles_every_sample_bill() {
    for city in CITIES {
        for (bill, more) in [
            ("outpatient", &[][..]),
            ("inpatient", &[]),
            ("outpatient-by-code", &["--catalog", &text(&sample("catalog/sample.json"))]),
        ] {
            for person in ["worker", "retired"] {
                let value =
                    explain(city, bill, &[more, &["--person", person, "--json"]].concat()).exits(0).json();
                // I1, I2 and I3 of the national interface.
                assert_eq!(
                    fen(&value, "medfee_sumamt"),
                    fen(&value, "fulamt_ownpay_amt")
                        + fen(&value, "overlmt_selfpay")
                        + fen(&value, "preselfpay_amt")
                        + fen(&value, "inscp_scp_amt"),
                );
                assert_eq!(
                    fen(&value, "medfee_sumamt"),
                    fen(&value, "fund_pay_sumamt")
                        + fen(&value, "psn_part_amt")
                        + fen(&value, "hosp_part_amt"),
                );
                assert_eq!(
                    fen(&value, "psn_part_amt"),
                    fen(&value, "acct_pay") + fen(&value, "acct_mulaid_pay") + fen(&value, "psn_cash_pay"),
                );
                assert_eq!(value["city"]["sample"], true);
                let steps = value["steps"].as_array().unwrap();
                assert!(steps.len() >= 5, "{city} {bill}");
                assert!(steps.iter().all(|step| !step["words"].as_str().unwrap().is_empty()));
            }
        }
    }
}

#[test]
fn a_published_case_to_the_fen() {
    // Beijing, 60 % of the worker's own share for the retired: 90 % becomes 94 %, 70 % outpatient 85 %.
    let worker = explain("beijing", "outpatient", &["--json"]).exits(0).json();
    let retired =
        explain("beijing", "outpatient", &["--json", "--person", "retired", "--age", "70"]).exits(0).json();
    assert_eq!(fen(&worker, "act_pay_dedc"), 15_000);
    assert_eq!(fen(&worker, "hifp_pay"), 8_280, "(268.28 − 150.00) × 70 %");
    assert!(fen(&retired, "hifp_pay") > fen(&worker, "hifp_pay"));
}

#[test]
fn people_see_steps_and_figures_in_their_language() {
    let chinese = explain("beijing", "outpatient", &["--lang", "zh", "--lines"]).exits(0);
    for word in ["北京市", "样例", "起付线", "统筹基金：118.28 元 × 70% = 82.80 元", "血常规"]
    {
        assert!(chinese.out.contains(word), "{word}: {}", chinese.out);
    }
    let english = explain("beijing", "outpatient", &["--lang", "en"]).exits(0);
    for word in ["Beijing", "SAMPLE", "deductible", "82.80", "Pooled fund"] {
        assert!(english.out.contains(word), "{word}: {}", english.out);
    }
    assert!(!english.out.contains("统筹"), "{}", english.out);
}

#[test]
fn the_command_line_changes_one_run() {
    let plain = explain("xuzhou", "outpatient", &["--json"]).exits(0).json();
    let community = explain("xuzhou", "outpatient", &["--json", "--level", "community"]).exits(0).json();
    assert!(fen(&community, "fund_pay_sumamt") >= fen(&plain, "fund_pay_sumamt"));
    let none = explain("xuzhou", "outpatient", &["--json", "--balance", "0.00"]).exits(0).json();
    assert_eq!(fen(&none, "acct_pay"), 0);
    let little = explain("xuzhou", "outpatient", &["--json", "--balance", "12.34"]).exits(0).json();
    assert_eq!(fen(&little, "acct_pay"), 1_234);
    explain("xuzhou", "outpatient", &["--balance", "1.234"]).exits(2);
}

#[test]
fn check_says_which_file_may_go_live() {
    let temp = tempfile::tempdir().unwrap();
    let good = text(&sample("rules/kunming.json"));
    let bad = temp.path().join("bad.json");
    let rules = fs::read_to_string(sample("rules/kunming.json")).unwrap();
    fs::write(&bad, rules.replacen("\"region\": \"530100\"", "\"region\": \"53010\"", 1)).unwrap();

    let run = jinbao(["rules", "check", &good, "--json"]).run().exits(0).json();
    assert_eq!(run["in_order"], true);
    let coverage = run["files"][0]["coverage"].as_array().unwrap();
    assert_eq!(coverage.len(), 3 * 2 * 4);
    let worker = coverage
        .iter()
        .find(|c| c["person"] == "worker" && c["visit"] == "outpatient" && c["level"] == "tertiary")
        .unwrap();
    assert_eq!(worker["fund_fen"], 497_000, "(10000 − 60) × 50 %, per visit");

    let run = jinbao(["rules", "check", &good, &text(&bad), "--json"]).run().exits(1).json();
    assert_eq!(run["in_order"], false);
    assert_eq!(run["files"][0]["in_order"], true);
    assert_eq!(run["files"][1]["in_order"], false);
    assert!(run["files"][1]["problem"].as_str().unwrap().contains("bad.json"));
}

#[test]
fn bad_files_say_where() {
    let temp = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = temp.path().join(name);
        fs::write(&path, content).unwrap();
        text(&path)
    };
    let city = text(&sample("rules/beijing.json"));
    let bill = fs::read_to_string(sample("bills/outpatient.json")).unwrap();
    for (name, content, said) in [
        ("empty.json", Vec::new(), "line 1"),
        ("half.json", bill.as_bytes()[..bill.len() / 2].to_vec(), "line"),
        ("unknown.json", bill.replacen("\"lines\"", "\"Lines\"", 1).into_bytes(), "Lines"),
        ("gbk.json", b"{\"note\":\"\xD5\xC5\"}".to_vec(), "line"),
    ] {
        let path = write(name, &content);
        let run =
            jinbao(["--lang", "en", "rules", "explain", "--city", &city, "--bill", &path]).run().exits(2);
        assert!(run.err.contains(name) && run.err.contains(said), "{name}: {run:?}");
    }
    let run =
        jinbao(["rules", "explain", "--city", "/nowhere", "--bill", "/nowhere", "--json"]).run().exits(2);
    assert_eq!(run.kind(), "file");
    let folder = text(temp.path());
    let run = jinbao(["rules", "explain", "--city", &folder, "--bill", &folder, "--json"]).run();
    assert_eq!(run.exits(5).kind(), "file");
}
