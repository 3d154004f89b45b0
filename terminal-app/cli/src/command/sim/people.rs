//! `jinbao sim people`: who lives in the simulated city.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use card_spec::{date::Date, money::Fen, region::RegionCode};
use clap::Args;
use protocol::calendar::{Day, Period};
use serde::Serialize;
use sim::people::{Insurance, Person, Population, Status};

use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure, file_error},
};

/// Most people shown on a screen.
const SHOWN_MAX: u64 = 200;

/// Months that contributions of a suspended person are behind.
const ARREARS_MONTHS: u16 = 8;

/// What a month's pension is at least, and by how much more for each step.
const PENSION_MIN: Fen = Fen::from_yuan(1_600);
const PENSION_STEP: Fen = Fen::from_yuan(35);

/// Of so many pensioners one was never certified, and of so many others one not within a year.
const NEVER_CERTIFIED: u64 = 11;
const LAPSED: u64 = 7;

/// Most months that are not paid out yet, and months of a certification.
const UNPAID_MONTHS_MAX: u64 = 3;
const CERTIFIED_MONTHS: u64 = 12;

/// What `sim people` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim people --count 10                    看十个人 · ten people
  jinbao sim people --size 1000 --out people.csv  导出给中心 · a file for `jinbao center`
  jinbao sim people --person 7                    一个人 · one person

退休人员有养老金：月数、金额、认证到期日各不相同。
Retired people draw pensions: months unpaid, amounts and ends of certifications differ.

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
        return Err(EdgeError::Argument {
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
    pension: Option<Pension>,
}

/// A pension as the center is told of it.
#[derive(Clone, Copy, Serialize)]
struct Pension {
    monthly_fen: Fen,
    first_unpaid: Period,
    certified_until: Option<Day>,
}

impl Pension {
    /// That of a retired person: the same for the same person and month.
    fn of(person: &Person, today: Date) -> Option<Self> {
        if person.insurance != Insurance::Retired {
            return None;
        }
        let index = person.index;
        let now = u64::from(today.year()) * 12 + u64::from(today.month()) - 1;
        let period = |months: u64| Period::from_number((months / 12 * 100 + months % 12 + 1) as u32);
        let day = |months: u64| Day::from_number(((months / 12 * 100 + months % 12 + 1) * 100 + 28) as u32);
        let certified_until = match index {
            _ if index.is_multiple_of(NEVER_CERTIFIED) => None,
            _ if index.is_multiple_of(LAPSED) => day(now.saturating_sub(1 + index % 5)),
            _ => day(now + index % CERTIFIED_MONTHS),
        };
        Some(Pension {
            monthly_fen: Fen(PENSION_MIN.0 + (index % 97) as i64 * PENSION_STEP.0),
            first_unpaid: period(now.saturating_sub(index % UNPAID_MONTHS_MAX))?,
            certified_until,
        })
    }

    /// The last three columns of a line.
    fn columns(self) -> String {
        let until = self.certified_until.map_or(String::new(), |day| day.to_string());
        format!("{},{},{until}", self.monthly_fen.0, self.first_unpaid)
    }
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
            pension: Pension::of(person, today),
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
            language.pick("月养老金（元）", "pension"),
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
                row.pension.map_or(String::new(), |pension| pension.monthly_fen.to_string()),
            ]
        });
        page.table(&head, &[0, 3, 7, 8], rows);
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
         pooled_outpatient_fen,pooled_inpatient_fen,own_in_scope_fen,stays,\
         pension_monthly_fen,pension_first_unpaid,pension_certified_until,name"
    )?;
    let month = today.year() * 12 + u16::from(today.month()) - 1;
    for person in people.iter() {
        let paid = if person.status == Status::Suspended { month - ARREARS_MONTHS } else { month };
        let year = &person.year_to_date;
        let (outpatient, inpatient) =
            if year.admissions > 0 { (Fen::ZERO, year.pooled) } else { (year.pooled, Fen::ZERO) };
        writeln!(
            out,
            "{},{},{},{},0,{:04}-{:02},{},{},{},{},0,{},{},{}",
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
            Pension::of(&person, today).map_or_else(|| ",,".to_owned(), Pension::columns),
            person.name,
        )?;
    }
    out.flush()?;
    let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    Ok(file.metadata()?.len())
}
