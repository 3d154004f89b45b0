//! `jinbao rules`: a city's rules officer tries a configuration before it goes live.

use std::path::PathBuf;

use card_spec::money::Fen;
use clap::{Args, Subcommand, ValueEnum};
use edge::data_dir;
use serde::Serialize;
use terminal::{
    catalog::Catalog,
    rules::{
        Account, Amounts, Bill, Case, CityRules, HospitalLevel, ItemClass, Line, LineAmounts, Outcome,
        Person, PersonKind, RulesError, Share, Step, StepFigures, VisitKind, YearToDate, settle,
    },
};
use time::Date;

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
    words,
};

/// A round bill for the overview of `rules check`: ten thousand yuan in policy scope.
const PROBE: Fen = Fen::from_yuan(10_000);

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 用某市规则逐步解释一张账单 · explain a bill step by step by a city's rules
    Explain(ExplainArguments),
    /// 检查规则文件能否启用 · check whether rules files may go live
    Check(CheckArguments),
}

/// What `rules explain` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao rules explain --city beijing.json --bill visit.json
  jinbao rules explain --city beijing.json --bill visit.json --person retired --age 71
  jinbao rules explain --city xuzhou.json --bill stay.json --level tertiary --balance 500.00 --json

账单文件含人员、年度累计与明细；命令行上的 --person 等只改这一次。
The bill file holds person, year to date and lines; --person and the like change them for this run only.")]
pub(crate) struct ExplainArguments {
    /// 规则文件 · the city's rules
    #[arg(long, value_name = "FILE")]
    city: PathBuf,
    /// 账单文件 · the bill
    #[arg(long, value_name = "FILE")]
    bill: PathBuf,
    /// 目录文件；账单只写编码时需要 · catalog, for bills that give codes only
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// 人员类别 · kind of person
    #[arg(long, value_enum)]
    person: Option<PersonArgument>,
    /// 年龄 · age in years
    #[arg(long, value_name = "YEARS")]
    age: Option<u8>,
    /// 公务员补助 · has the civil servants' supplement
    #[arg(long)]
    civil_servant: bool,
    /// 医院等级 · hospital level
    #[arg(long, value_enum)]
    level: Option<LevelArgument>,
    /// 动用个人账户，余额（元） · use the personal account, balance in yuan
    #[arg(long, value_name = "YUAN", value_parser = super::yuan)]
    balance: Option<Fen>,
    /// 同时列出每条明细 · show each line of the bill too
    #[arg(long)]
    lines: bool,
}

/// What `rules check` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao rules check beijing.json
  jinbao rules check cities/*.json --json

每个文件给出：可否启用；若可，万元政策内费用在各类人员、各级医院的基金支付，供核对。
For each file: whether it may go live, and if so what the funds pay of ten thousand yuan in policy scope,
by person and hospital, to be compared with the published policy. Exit 1 when any file is not in order.")]
pub(crate) struct CheckArguments {
    /// 规则文件 · rules files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Kind of person on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PersonArgument {
    Worker,
    Retired,
    Resident,
}

/// Hospital level on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LevelArgument {
    Community,
    Primary,
    Secondary,
    Tertiary,
}

impl From<PersonArgument> for PersonKind {
    fn from(argument: PersonArgument) -> Self {
        match argument {
            PersonArgument::Worker => PersonKind::Worker,
            PersonArgument::Retired => PersonKind::Retired,
            PersonArgument::Resident => PersonKind::Resident,
        }
    }
}

impl From<LevelArgument> for HospitalLevel {
    fn from(argument: LevelArgument) -> Self {
        match argument {
            LevelArgument::Community => HospitalLevel::Community,
            LevelArgument::Primary => HospitalLevel::Primary,
            LevelArgument::Secondary => HospitalLevel::Secondary,
            LevelArgument::Tertiary => HospitalLevel::Tertiary,
        }
    }
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Explain(arguments) => explain(context, &arguments),
        Command::Check(arguments) => check(context, &arguments),
    }
}

#[derive(Serialize)]
struct Explanation<'a> {
    city: City<'a>,
    person: &'a Person,
    bill: &'a Bill,
    steps: Vec<ExplainedStep<'a>>,
    lines: &'a [LineAmounts],
    amounts: Amounts,
    balance_after: Fen,
    family_balance_after: Fen,
    #[serde(skip)]
    with_lines: bool,
}

#[derive(Serialize)]
struct City<'a> {
    region: String,
    name: &'a str,
    version: u32,
    effective_from: String,
    sample: bool,
}

#[derive(Serialize)]
struct ExplainedStep<'a> {
    #[serde(flatten)]
    step: &'a Step,
    figures: StepFigures,
    words: String,
}

fn explain(context: &Context, arguments: &ExplainArguments) -> Result<Exit, Failure> {
    let language = context.console.language();
    let rules = read_rules(&arguments.city)?;
    let catalog = arguments
        .catalog
        .as_ref()
        .map(|path| Catalog::from_json(&data_dir::read(path)?).map_err(|error| Failure::rules(path, error)))
        .transpose()?;
    let mut case = Case::from_json(&data_dir::read(&arguments.bill)?, catalog.as_ref())
        .map_err(|error| Failure::rules(&arguments.bill, error))?;
    arguments.change(&mut case).map_err(|error| Failure::rules(&arguments.bill, error))?;
    let Case { bill, person, year, account } = &case;
    let Outcome { settlement, lines, steps, balance_after, family_balance_after, .. } =
        settle(&rules, bill, person, year, account)
            .map_err(|error| Failure::rules(&arguments.bill, error))?;
    context.console.answer(&Explanation {
        city: City {
            region: rules.region().to_string(),
            name: rules.name(language),
            version: rules.version(),
            effective_from: day(rules.effective_from()),
            sample: rules.is_sample(),
        },
        person,
        bill,
        steps: steps
            .iter()
            .map(|step| ExplainedStep { step, figures: step.figures(), words: step.words(language) })
            .collect(),
        lines: &lines,
        amounts: settlement.amounts(),
        balance_after,
        family_balance_after,
        with_lines: arguments.lines,
    });
    Ok(Exit::Done)
}

impl ExplainArguments {
    fn change(&self, case: &mut Case) -> Result<(), RulesError> {
        if let Some(kind) = self.person {
            case.person.kind = kind.into();
        }
        if let Some(age) = self.age {
            case.person.age_years = age;
        }
        case.person.civil_servant |= self.civil_servant;
        if let Some(balance) = self.balance {
            case.account = Account { wanted: true, balance, ..case.account };
        }
        if let Some(level) = self.level {
            let bill = &case.bill;
            case.bill = Bill::new(bill.visit(), level.into(), bill.date(), bill.lines().to_vec())?;
        }
        Ok(())
    }
}

impl Show for Explanation<'_> {
    fn show(&self, page: &mut Page) {
        let City { region, name, version, effective_from, sample } = &self.city;
        page.say(
            format!("{name}（{region}）规则，版本 {version}，自 {effective_from} 起执行"),
            format!("Rules of {name} ({region}), version {version}, in force from {effective_from}"),
        );
        if *sample {
            page.say(
                "※ 样例：依公开资料编写，启用前须经本市规则人员核对。",
                "※ SAMPLE made from public material: to be checked by the city's officers before use.",
            );
        }
        let (person, visit, level) = (
            words::person(self.person.kind),
            words::visit(self.bill.visit()),
            words::level(self.bill.level()),
        );
        page.say(
            format!(
                "{}，{} 岁，{}医院{}，{}",
                person.0,
                self.person.age_years,
                level.0,
                visit.0,
                day(self.bill.date())
            ),
            format!(
                "{}, {} years old, {} at a {} hospital, {}",
                person.1,
                self.person.age_years,
                visit.1,
                level.1,
                day(self.bill.date())
            ),
        );
        page.gap();
        if self.with_lines {
            self.show_lines(page);
            page.gap();
        }
        let head = match page.language() {
            terminal::language::Language::Chinese => ["步", "说明", "基数", "比例", "结果"],
            terminal::language::Language::English => ["#", "step", "base", "rate", "result"],
        };
        let rows = self.steps.iter().enumerate().map(|(at, step)| {
            let StepFigures { base, rate, result } = step.figures;
            vec![(at + 1).to_string(), step.words.clone(), text(base), text(rate), text(result)]
        });
        page.table(&head, &[2, 3, 4], rows);
        page.gap();
        let pick = |chinese: &'static str, english: &'static str| page.language().pick(chinese, english);
        let rows: Vec<_> = words::figures(&self.amounts)
            .into_iter()
            .map(|(chinese, english, amount)| vec![pick(chinese, english).to_owned(), amount.to_string()])
            .collect();
        let head = [pick("项目", "figure"), pick("金额（元）", "yuan")];
        page.table(&head, &[1], rows);
    }
}

impl Explanation<'_> {
    fn show_lines(&self, page: &mut Page) {
        let head = match page.language() {
            terminal::language::Language::Chinese => {
                ["编码", "名称", "类", "金额", "全自费", "超限价", "先行自付", "政策内"]
            }
            terminal::language::Language::English => {
                ["code", "name", "class", "amount", "own-paid", "over ceiling", "own first", "in scope"]
            }
        };
        let rows = self.bill.lines().iter().zip(self.lines).map(|(line, amounts)| {
            vec![
                line.code.clone(),
                line.name.clone(),
                line.class.chinese().to_owned(),
                amounts.det_item_fee_sumamt.to_string(),
                amounts.fulamt_ownpay_amt.to_string(),
                amounts.overlmt_amt.to_string(),
                amounts.preselfpay_amt.to_string(),
                amounts.inscp_scp_amt.to_string(),
            ]
        });
        page.table(&head, &[3, 4, 5, 6, 7], rows);
    }
}

#[derive(Serialize)]
struct Checked {
    in_order: bool,
    files: Vec<CheckedFile>,
}

#[derive(Serialize)]
struct CheckedFile {
    path: String,
    #[serde(flatten)]
    result: FileResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FileResult {
    Good {
        in_order: bool,
        region: String,
        name: String,
        version: u32,
        effective_from: String,
        sample: bool,
        sources: usize,
        probe_fen: Fen,
        coverage: Vec<Coverage>,
    },
    Bad {
        in_order: bool,
        problem: String,
    },
}

/// What all funds pay of the probe in one situation; `None` where the rules have nothing for it.
#[derive(Serialize)]
struct Coverage {
    person: &'static str,
    visit: &'static str,
    level: &'static str,
    fund_fen: Option<Fen>,
    #[serde(skip)]
    names: [(&'static str, &'static str); 3],
}

fn check(context: &Context, arguments: &CheckArguments) -> Result<Exit, Failure> {
    let language = context.console.language();
    let files: Vec<CheckedFile> = arguments
        .files
        .iter()
        .map(|path| {
            let result = match read_rules(path) {
                Ok(rules) => FileResult::Good {
                    in_order: true,
                    region: rules.region().to_string(),
                    name: rules.name(language).to_owned(),
                    version: rules.version(),
                    effective_from: day(rules.effective_from()),
                    sample: rules.is_sample(),
                    sources: rules.sources().len(),
                    probe_fen: PROBE,
                    coverage: coverage(&rules),
                },
                Err(failure) => FileResult::Bad { in_order: false, problem: failure.text(language) },
            };
            CheckedFile { path: path.display().to_string(), result }
        })
        .collect();
    let in_order = files.iter().all(|file| matches!(file.result, FileResult::Good { .. }));
    context.console.answer(&Checked { in_order, files });
    Ok(if in_order { Exit::Done } else { Exit::No })
}

fn coverage(rules: &CityRules) -> Vec<Coverage> {
    let mut all = Vec::new();
    for kind in PersonKind::ALL {
        for visit in VisitKind::ALL {
            for level in HospitalLevel::ALL {
                let names = [words::person(kind), words::visit(visit), words::level(level)];
                all.push(Coverage {
                    person: names[0].1,
                    visit: names[1].1,
                    level: names[2].1,
                    fund_fen: probe(rules, kind, visit, level),
                    names,
                });
            }
        }
    }
    all
}

fn probe(rules: &CityRules, kind: PersonKind, visit: VisitKind, level: HospitalLevel) -> Option<Fen> {
    let date = rules.effective_from();
    let line = Line {
        code: "PROBE".to_owned(),
        name: String::new(),
        class: ItemClass::A,
        price: terminal::rules::UnitPrice::from_fen(PROBE)?,
        count: "1".parse().ok()?,
        selfpay_prop: Share::NONE,
        price_ceiling: None,
        essential: false,
    };
    let bill = Bill::new(visit, level, date, vec![line]).ok()?;
    let age_years = if kind == PersonKind::Retired { 65 } else { 40 };
    let person = Person { kind, age_years, civil_servant: false, aid: None };
    let outcome = settle(rules, &bill, &person, &YearToDate::empty(date.year()), &Account::default()).ok()?;
    Some(outcome.settlement.fund_pay_sumamt())
}

impl Show for Checked {
    fn show(&self, page: &mut Page) {
        for file in &self.files {
            page.gap();
            match &file.result {
                FileResult::Bad { problem, .. } => page.line(format!("✗ {problem}")),
                FileResult::Good {
                    name, region, version, effective_from, sample, sources, coverage, ..
                } => {
                    let path = &file.path;
                    let mark = if *sample { page.pick("(样例)", " (sample)") } else { "" }.to_owned();
                    page.say(
                        format!("✓ {path}:{name}（{region}）版本 {version}，自 {effective_from} 起，依据 {sources} 项{mark}"),
                        format!(
                            "✓ {path}: {name} ({region}), version {version}, from {effective_from}, {sources} sources{mark}"
                        ),
                    );
                    page.say(
                        format!("  政策内费用 {PROBE} 元（年内首次）的基金支付："),
                        format!("  What the funds pay of {PROBE} yuan in policy scope, first of the year:"),
                    );
                    show_coverage(page, coverage);
                }
            }
        }
    }
}

fn show_coverage(page: &mut Page, coverage: &[Coverage]) {
    let language = page.language();
    let pick = |names: (&'static str, &'static str)| language.pick(names.0, names.1);
    let mut head = vec![language.pick("人员", "person"), language.pick("就诊", "visit")];
    head.extend(HospitalLevel::ALL.map(|level| pick(words::level(level))));
    let rows = coverage.chunks(HospitalLevel::ALL.len()).filter_map(|row| {
        let first = row.first()?;
        let mut cells = vec![pick(first.names[0]).to_owned(), pick(first.names[1]).to_owned()];
        cells.extend(row.iter().map(|cell| cell.fund_fen.map_or("-".to_owned(), |fund| fund.to_string())));
        Some(cells)
    });
    page.table(&head, &[2, 3, 4, 5], rows);
}

fn read_rules(path: &std::path::Path) -> Result<CityRules, Failure> {
    let bytes = data_dir::read(path).map_err(|error: EdgeError| Failure::from(error))?;
    CityRules::from_json(&bytes).map_err(|error| Failure::rules(path, error))
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}
