//! `jinbao sim`: people, cards, PSAM and a reader that exist only here.

mod card;
mod keys;
mod module;
mod people;
pub(crate) mod reader;
mod service;

use card_spec::{date::Date, region::RegionCode};
use clap::Subcommand;
use edge::random::SystemChance;
use terminal::ports::Random;

use super::Context;
use crate::{exit::Exit, failure::Failure};

/// Seed of people and keys when none is given; a center of one's own uses the same.
const SEED: u64 = 1;

/// A seed that was not there before.
fn other_seed() -> u64 {
    let mut bytes = [0; 8];
    SystemChance::default().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// What can be simulated.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 虚构的参保人（可导出给中心） · made-up people, also as a file for a center
    People(people::Arguments),
    /// 公共服务的文章、机构、岗位与缴费（导入中心） · articles, offices, vacancies and contributions, for a center
    Service(service::Arguments),
    /// 模拟卡文件 · files of simulated cards
    #[command(subcommand)]
    Card(card::Command),
    /// 模拟 PSAM 文件 · files of simulated PSAMs
    #[command(subcommand)]
    Psam(card::PsamCommand),
    /// 发卡方测试密钥（导入中心） · the issuer's test keys, for a center
    Keys(keys::Arguments),
    /// 串口指纹模块，可按上虚构的手指 · a serial fingerprint module, and made-up fingers to put on it
    Module(module::Arguments),
    /// 启动私有 pcscd，插入卡与 PSAM · a private pcscd with a card and a PSAM in its slots
    Reader(reader::Arguments),
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::People(arguments) => people::run(context, &arguments),
        Command::Service(arguments) => service::run(context, &arguments),
        Command::Card(command) => card::run(context, command),
        Command::Psam(command) => card::run_psam(context, command),
        Command::Keys(arguments) => keys::run(context, &arguments),
        Command::Module(arguments) => module::run(context, &arguments),
        Command::Reader(arguments) => reader::run(context, &arguments),
    }
}

/// Parses a region code on the command line.
pub(crate) fn region(text: &str) -> Result<RegionCode, String> {
    RegionCode::parse(text).map_err(|_| "行政区划代码为六位数字 · a region code has six digits".to_owned())
}

/// Parses a day on the command line, with or without hyphens.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    Date::parse(&text.replace('-', ""))
        .ok_or_else(|| "日期形如 20260131 · a day looks like 20260131".to_owned())
}

/// The machine's day, in UTC+8.
pub(crate) fn today() -> Date {
    let civil = super::now().civil();
    let year = u16::try_from(civil.year()).unwrap_or_default();
    Date::new(year, civil.month().into(), civil.day()).unwrap_or(Date::EPOCH)
}
