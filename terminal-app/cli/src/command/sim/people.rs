//! `jinbao sim people`: who lives in the simulated city.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use card_spec::{date::Date, money::Fen, region::RegionCode};
use clap::Args;
use serde::Serialize;
use sim::people::{Insurance, Person, Population, Status};

use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::{CliError, Failure, file_error},
};

/// Most people shown on a screen.
const SHOWN_MAX: u64 = 200;

/// Months that contributions of a suspended person are behind.
const ARREARS_MONTHS: u16 = 8;

/// What `sim people` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim people --count 10                    看十个人 · ten people
  jinbao sim people --size 1000 --out people.csv  导出给中心 · a file for `jinbao center`
  jinbao sim people --person 7                    一个人 · one person

这些人都不存在：号码校验位正确，但地区码不属于任何省。
Nobody here lives: the numbers are valid, their region codes belong to no province.")]
pub(crate) struct Arguments {
    /// 种子 · seed
    #[arg(long, default_value_t = super::SEED)]
    seed: u64,
    /// 人口数 · size of the population
    #[arg(long, default_value_t = 1_000)]
    size: u64,
    /// 参保城市 · city that insures
    #[arg(long, value_name = "REGION", value_parser = super::region, default_value = "430100")]
    city: RegionCode,
    /// 今天（年龄、缴费按此日） · the day that ages and contributions refer to [默认 default: today]
    #[arg(long, value_name = "YYYYMMDD", value_parser = super::day)]
    today: Option<Date>,
    /// 从第几人起 · first person
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// 显示人数 · how many to show
    #[arg(long, default_value_t = 20)]
    count: u64,
    /// 只看一个人 · one person
    #[arg(long, value_name = "INDEX", conflicts_with_all = ["from", "count"])]
    person: Option<u64>,
    /// 写成中心可导入的 CSV（全部人口） · write all of them as CSV for the center
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The population that arguments of several commands name.
pub(super) fn population(seed: u64, size: u64, city: RegionCode, today: Date) -> Population {
    Population::new(seed, size).in_city(city).as_of(today)
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let today = arguments.today.unwrap_or_else(super::today);
    let people = population(arguments.seed, arguments.size, arguments.city, today);
    if let Some(path) = &arguments.out {
        let bytes = write_csv(&people, today, path).map_err(file_error(path))?;
        let (size, name) = (people.size(), path.display());
        context.console.done(
            &format!("已写入 {size} 人：{name}"),
            &format!("{size} people written to {name}"),
            serde_json::json!({ "people": size, "bytes": bytes, "path": path }),
        );
        return Ok(Exit::Done);
    }
    let (from, count) = match arguments.person {
        Some(index) => (index, 1),
        None => (arguments.from, arguments.count.min(SHOWN_MAX)),
    };
    let rows: Vec<Row> = (from..from.saturating_add(count))
        .map_while(|index| people.person(index))
        .map(|person| Row::of(&person, today))
        .collect();
    if rows.is_empty() {
        return Err(CliError::Argument {
            expected: "a person within the population",
            expected_chinese: "人口范围内的序号",
        }
        .into());
    }
    context.console.answer(&Rows { people: rows });
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Rows {
    people: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    index: u64,
    person: String,
    name: String,
    age_years: u16,
    card_number: String,
    insutype: u16,
    psn_type: u8,
    state: &'static str,
    account_fen: Fen,
}

impl Row {
    fn of(person: &Person, today: Date) -> Self {
        Row {
            index: person.index,
            person: person.number.as_str().to_owned(),
            name: person.name.clone(),
            age_years: person.age_on(today),
            card_number: person.card_number.as_str().to_owned(),
            insutype: person.insurance.code(),
            psn_type: psn_type(person.insurance),
            state: state(person.status),
            account_fen: person.account,
        }
    }
}

impl Show for Rows {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let head = [
            language.pick("序号", "index"),
            language.pick("社会保障号", "person number"),
            language.pick("姓名", "name"),
            language.pick("年龄", "age"),
            language.pick("卡号", "card"),
            language.pick("险种", "insurance"),
            language.pick("状态", "state"),
            language.pick("账户（元）", "account"),
        ];
        let rows = self.people.iter().map(|row| {
            vec![
                row.index.to_string(),
                row.person.clone(),
                row.name.clone(),
                row.age_years.to_string(),
                row.card_number.clone(),
                format!("{} / {}", row.insutype, row.psn_type),
                row.state.to_owned(),
                row.account_fen.to_string(),
            ]
        });
        page.table(&head, &[0, 3, 7], rows);
        page.say("※ 以上人员均为虚构。", "※ None of these people exists.");
    }
}

fn state(status: Status) -> &'static str {
    match status {
        Status::Normal => "active",
        Status::Suspended => "suspended",
        Status::Dead => "deceased",
    }
}

fn psn_type(insurance: Insurance) -> u8 {
    match insurance {
        Insurance::Working => 11,
        Insurance::Retired => 12,
        Insurance::Resident => 15,
    }
}

/// The columns that the center's import reads.
fn write_csv(people: &Population, today: Date, path: &std::path::Path) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(
        out,
        "person,state,insutype,psn_type,civil_servant,paid_until,year,deductible_fen,\
         pooled_outpatient_fen,pooled_inpatient_fen,own_in_scope_fen,stays"
    )?;
    let month = today.year() * 12 + u16::from(today.month()) - 1;
    for person in people.iter() {
        let paid = if person.status == Status::Suspended { month - ARREARS_MONTHS } else { month };
        let year = &person.year_to_date;
        let (outpatient, inpatient) =
            if year.admissions > 0 { (Fen::ZERO, year.pooled) } else { (year.pooled, Fen::ZERO) };
        writeln!(
            out,
            "{},{},{},{},0,{:04}-{:02},{},{},{},{},0,{}",
            person.number.as_str(),
            state(person.status),
            person.insurance.code(),
            psn_type(person.insurance),
            paid / 12,
            paid % 12 + 1,
            today.year(),
            year.deductible.0,
            outpatient.0,
            inpatient.0,
            year.admissions,
        )?;
    }
    out.flush()?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    Ok(file.metadata()?.len())
}
