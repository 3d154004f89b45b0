//! `jinbao sim service`: what public service in the simulated city has to tell, as files for a center.

use std::{fs, path::PathBuf};

use card_spec::{date::Date, region::RegionCode};
use clap::Args;
use sim::service;

use crate::{
    command::Context,
    exit::Exit,
    failure::{Failure, file_error},
};

/// What `sim service` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim service --out service       写入目录 · write the files
  jinbao center service import articles service/articles.jsonl --all
  jinbao center service import offices service/offices.csv --all
  jinbao center service import vacancies service/vacancies.csv --all
  jinbao center service import contributions service/contributions.csv
  (dues, unemployment, seekers 同 · the same)

文章、机构、单位、电话均为虚构。
Articles, offices, employers and telephone numbers are invented.")]
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
    /// 今天（缴费、发布按此日） · the day that contributions and publications refer to [默认 default: today]
    #[arg(long, value_name = "YYYYMMDD", value_parser = super::day)]
    today: Option<Date>,
    /// 岗位数 · how many vacancies
    #[arg(long, default_value_t = service::VACANCIES)]
    vacancies: u32,
    /// 写入的目录 · folder for the files
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let today = arguments.today.unwrap_or_else(super::today);
    let city = arguments.city;
    let people = super::people::population(arguments.seed, arguments.size, city, today);
    let files = [
        ("articles.jsonl", service::articles(today)),
        ("offices.csv", service::offices(city)),
        ("vacancies.csv", service::vacancies(arguments.seed, city, today, arguments.vacancies)),
        ("contributions.csv", service::contributions_file(&people, today)),
        ("dues.csv", service::dues_file(&people, today)),
        ("unemployment.csv", service::unemployment_file(&people, today)),
        ("seekers.csv", service::seekers_file(&people, city)),
    ];
    fs::create_dir_all(&arguments.out).map_err(file_error(&arguments.out))?;
    let mut names = Vec::new();
    for (name, text) in files {
        let path = arguments.out.join(name);
        fs::write(&path, text).map_err(file_error(&path))?;
        names.push(name);
    }
    let folder = arguments.out.display();
    context.console.done(
        &format!("已写入 {} 个文件：{folder}", names.len()),
        &format!("{} files written to {folder}", names.len()),
        serde_json::json!({ "folder": arguments.out, "files": names }),
    );
    Ok(Exit::Done)
}
