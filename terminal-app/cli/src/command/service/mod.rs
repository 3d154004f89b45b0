//! `jinbao service`: what a cardholder asks at a kiosk or a desk (公共服务), over the same flows as the screens.

mod person;
mod public;

use card_spec::{money::Fen, region::RegionCode};
use clap::{Args, Subcommand};
use protocol::{
    calendar::Period,
    service::{Cursor, MONTHS_MAX, PAGE_ROWS, PAGE_ROWS_MAX, Search},
};
use serde::Serialize;
use terminal::{
    flows::service::{Shown, ShownFrom},
    words,
};

use super::{Context, tap::CARD_TIMEOUT_S};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

/// What can be asked.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
例 Examples:
  jinbao service balance                     卡内余额与流水（可脱机） · from the card, also offline
  jinbao service contributions --months 12
  jinbao service vacancies 电工 --district 430102
  jinbao service articles 失业金怎么领
  jinbao service report-loss --no-card       号码与姓名从标准输入读 · number and name from standard input

文章、机构、岗位断线时显示本机留存并注明时间；本人信息只在联机时查询，不留存。
Articles, offices and vacancies are shown from the copy here while the line is down, with its age; what concerns a
person is asked from the center each time and kept nowhere.")]
pub(crate) enum Command {
    /// 卡内余额与最近流水 · balance and log of the card itself
    #[command(after_help = "例 Examples:\n  jinbao service balance")]
    Balance(CardArguments),
    /// 个人账户收支 · movements of the personal account
    #[command(
        after_help = "例 Examples:\n  jinbao service movements\n  jinbao service movements -n 5 --json"
    )]
    Movements(PageArguments),
    /// 缴费记录 · contributions by month
    #[command(
        after_help = "例 Examples:\n  jinbao service contributions\n  jinbao service contributions --months 24 --until 2026-06"
    )]
    Contributions(MonthArguments),
    /// 就诊结算及分担说明 · treatments and how each was split
    #[command(after_help = "例 Examples:\n  jinbao service treatments")]
    Treatments(PageArguments),
    /// 养老金发放记录 · months of the pension that were paid
    #[command(after_help = "例 Examples:\n  jinbao service pension")]
    Pension(PageArguments),
    /// 资格认证有效期 · until when the certification holds
    #[command(after_help = "例 Examples:\n  jinbao service certification")]
    Certification(CardArguments),
    /// 名下各卡状态 · the person's cards
    #[command(after_help = "例 Examples:\n  jinbao service cards")]
    Cards(CardArguments),
    /// 挂失、临时锁卡 · report loss and lock cards
    #[command(
        after_help = "例 Examples:\n  jinbao service report-loss               其余各卡 · the other cards\n  jinbao service report-loss --this-card   连同此卡 · this one too\n  jinbao service report-loss --no-card     没有卡 · without a card"
    )]
    ReportLoss(LossArguments),
    /// 招聘岗位 · vacancies
    #[command(
        after_help = "例 Examples:\n  jinbao service vacancies 保洁\n  jinbao service vacancies --district 320302"
    )]
    Vacancies(SearchArguments),
    /// 求职登记：登记、查看、撤回 · register as seeking work, look, take back
    #[command(
        after_help = "例 Examples:\n  jinbao service seek-work\n  jinbao service seek-work 仓库管理 --wage 3500 --phone 13800000000\n  jinbao service seek-work --stop"
    )]
    SeekWork(WorkArguments),
    /// 失业保险金 · unemployment benefit
    #[command(after_help = "例 Examples:\n  jinbao service unemployment")]
    Unemployment(CardArguments),
    /// 应缴费款 · contributions that are due
    #[command(after_help = "例 Examples:\n  jinbao service dues")]
    Dues(CardArguments),
    /// 政策文章 · policy articles
    #[command(
        after_help = "例 Examples:\n  jinbao service articles 挂失\n  jinbao service articles --code ZC001"
    )]
    Articles(SearchArguments),
    /// 经办机构 · offices
    #[command(after_help = "例 Examples:\n  jinbao service offices --district 320302")]
    Offices(SearchArguments),
}

/// A card and its holder.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CardArguments {
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    offline: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// A page of a list.
#[derive(Clone, Debug, Args)]
pub(crate) struct PageArguments {
    #[command(flatten)]
    card: CardArguments,
    /// 每页行数 · rows of a page
    #[arg(long, short = 'n', default_value_t = PAGE_ROWS, value_parser = clap::value_parser!(u8).range(1..=i64::from(PAGE_ROWS_MAX)))]
    rows: u8,
    /// 从上一页给出的位置继续 · go on after the place that the page before gave
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    after: Option<Cursor>,
}

/// Months.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct MonthArguments {
    #[command(flatten)]
    card: CardArguments,
    /// 月数 · how many months
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u8).range(1..=i64::from(MONTHS_MAX)))]
    months: u8,
    /// 至此月 · up to this month [默认 default: this month]
    #[arg(long, value_name = "YYYY-MM")]
    until: Option<Period>,
}

/// What is looked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct SearchArguments {
    /// 检索内容 · words
    #[arg(default_value = "")]
    words: String,
    /// 查看一项全文 · the whole text of one
    #[arg(long, value_name = "CODE", conflicts_with = "words")]
    code: Option<String>,
    /// 区县，其内容排在前面 · district whose entries come first
    #[arg(long, value_name = "REGION", value_parser = region)]
    district: Option<RegionCode>,
    /// 每页行数 · rows of a page
    #[arg(long, short = 'n', default_value_t = PAGE_ROWS, value_parser = clap::value_parser!(u8).range(1..=i64::from(PAGE_ROWS_MAX)))]
    rows: u8,
    /// 从上一页给出的位置继续 · go on after the place that the page before gave
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    after: Option<Cursor>,
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    offline: bool,
}

/// What was lost.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct LossArguments {
    #[command(flatten)]
    card: CardArguments,
    /// 没有卡：标准输入第一行号码，第二行姓名 · without a card: number and name, a line each, from standard input
    #[arg(long, conflicts_with = "this_card")]
    no_card: bool,
    /// 连同插入的卡一并锁定 · lock the card in the slot as well
    #[arg(long)]
    this_card: bool,
}

/// What is sought.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkArguments {
    #[command(flatten)]
    card: CardArguments,
    /// 想做的工作；缺省为查看登记 · the work; without it the registration is shown
    #[arg(requires = "phone")]
    wish: Option<String>,
    /// 地区 · where [默认 default: 终端所在城市 the terminal's city]
    #[arg(long, value_name = "REGION", value_parser = region)]
    district: Option<RegionCode>,
    /// 月薪不低于（元） · at least so much a month, in yuan
    #[arg(long, value_name = "YUAN", value_parser = super::yuan, default_value = "0")]
    wage: Fen,
    /// 联系电话 · telephone number
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// 撤回登记 · take the registration back
    #[arg(long, conflicts_with_all = ["wish", "phone"])]
    stop: bool,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Balance(card) => person::balance(context, card),
        Command::Movements(page) => person::movements(context, &page),
        Command::Contributions(months) => person::contributions(context, months),
        Command::Treatments(page) => person::treatments(context, &page),
        Command::Pension(page) => person::pension(context, &page),
        Command::Certification(card) => person::certification(context, card),
        Command::Cards(card) => person::cards(context, card),
        Command::ReportLoss(loss) => person::report_loss(context, loss),
        Command::SeekWork(work) => person::seek_work(context, &work),
        Command::Unemployment(card) => person::unemployment(context, card),
        Command::Dues(card) => person::dues(context, card),
        Command::Vacancies(search) => public::vacancies(context, &search),
        Command::Articles(search) => public::articles(context, &search),
        Command::Offices(search) => public::offices(context, &search),
    }
}

/// An answer with where it comes from, for people and for machines.
#[derive(Serialize)]
pub(super) struct Answer<T> {
    #[serde(flatten)]
    content: T,
    source: &'static str,
    as_of: Option<protocol::timestamp::Timestamp>,
    age_ms: Option<i64>,
    #[serde(skip)]
    from: ShownFrom,
}

impl<T> Answer<T> {
    pub(super) fn of(shown: Shown<T>) -> Self {
        let Shown { content, from } = shown;
        let (source, as_of, age_ms) = match from {
            ShownFrom::Center { as_of } => ("center", Some(as_of), Some(0)),
            ShownFrom::Copy { as_of, age_ms } => ("copy", as_of, age_ms),
            ShownFrom::Card => ("card", None, None),
        };
        Answer { content, source, as_of, age_ms, from }
    }
}

impl<T: Show> Show for Answer<T> {
    fn show(&self, page: &mut Page) {
        self.content.show(page);
        let from = words::shown_from(&self.from, page.language());
        page.line(format!("※ {from}"));
    }
}

/// Says how to come to the next page.
pub(super) fn more(page: &mut Page, next: Option<&Cursor>) {
    if let Some(next) = next {
        let place = place(next);
        page.say(format!("→ 下一页：--after {place}"), format!("→ next page: --after {place}"));
    }
}

/// A cursor as arguments carry it: rank, a slash, name.
fn place(cursor: &Cursor) -> String {
    format!("{}/{}", cursor.rank, cursor.name)
}

pub(super) fn cursor(text: &str) -> Result<Cursor, String> {
    let parsed = text.split_once('/').and_then(|(rank, name)| {
        Some(Cursor { rank: rank.parse().ok()?, name: name.to_owned() }).filter(Cursor::sound)
    });
    parsed.ok_or_else(|| "不是上一页给出的位置 · no place that a page gave".to_owned())
}

fn region(text: &str) -> Result<RegionCode, String> {
    RegionCode::parse(text).map_err(|_| "行政区划代码为六位数字 · a region code has six digits".to_owned())
}

impl SearchArguments {
    fn search(&self) -> Search {
        Search {
            words: self.words.clone(),
            district: self.district,
            after: self.after.clone(),
            rows: self.rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{cursor, place};

    #[test]
    fn places_of_pages_go_through_the_command_line() {
        for text in ["-12/GW00001", "0/", "1790000000000/17"] {
            assert_eq!(cursor(text).map(|cursor| place(&cursor)), Ok(text.to_owned()));
        }
        for text in ["", "12", "x/1", &format!("1/{}", "x".repeat(200))] {
            assert!(cursor(text).is_err(), "{text}");
        }
    }
}
