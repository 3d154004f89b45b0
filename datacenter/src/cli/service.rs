//! The commands about public service.

use std::path::PathBuf;

use card_spec::person::PersonNumber;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use protocol::{
    calendar::Day,
    id::TransactionId,
    service::{Desk, Document, DocumentKind, Search, document::Here},
};
use serde_json::{Value, json};

use super::{
    commands::yuan,
    people::{input, read_person},
    print::{Column, Printer, words},
};
use crate::{center::Center, error::Error, storage::rows::Imported};

mod counters;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Service {
    /// 从 CSV 或 JSON 行文件导入；`-` 为标准输入 / Import a CSV or JSON-lines file; `-` for standard input
    #[command(after_help = "CSV 首行为列名，金额为整数分，列表以 | 分隔 / \
        The first line names the columns; money is integer fen; lists are parted by |\n\
        articles:      code,title,topic,text,issuer,[reference],[keywords],published\n\
        offices:       code,name,district,address,phone,hours,services,[latitude,longitude]\n\
        vacancies:     code,title,employer,district,address,wage_min_fen,wage_max_fen,places,[education],text,phone,\
        published,until\n\
        contributions: person,period,kind,base_fen,by_unit_fen,by_person_fen,[state]\n\
        dues:          person,kind,period,[months],amount_fen,until\n\
        unemployment:  person,state,monthly_fen,from,months,months_paid\n\
        seekers:       person,wish,district,[wage_min_fen],phone\n\
        kind: pension medical unemployment injury resident_pension resident_medical\n\
        state: paid paid_late unpaid · applied drawing ended refused\n\
        错误注明行与列 / errors name line and column.")]
    Import {
        /// 内容 / What it holds
        #[arg(value_enum)]
        what: What,
        /// 文件 / File
        file: PathBuf,
        /// 文件中没有的文章、机构或岗位撤下 / Withdraw articles, offices or vacancies that the file does not hold
        #[arg(long)]
        all: bool,
    },
    /// 公开内容列表，可检索 / Lists public documents; they can be searched
    List {
        /// 内容 / What
        #[arg(value_enum)]
        what: Public,
        /// 检索 / Search
        #[arg(default_value = "")]
        words: String,
    },
    /// 挂失报告，新的在前；解挂用 `card free` / Reports of loss, newest first; `card free` lifts a lock
    Losses(Listed),
    /// 求职登记，新的在前 / Who seeks work, newest first
    Seekers(Listed),
    /// 窗口收缴的社会保险费，新的在前 / Contributions paid at counters, newest first
    Payments {
        /// 只列一人；号码从标准输入读 / Of one person; the number is read from standard input
        #[arg(long)]
        person: bool,
        #[command(flatten)]
        listed: Listed,
    },
    /// 正被占用的应缴费款，旧的在前 / Dues that are set aside for a payment, oldest first
    Held(Listed),
    /// 释放被占用的应缴费款：先查明该终端没有收款 / Frees dues that are set aside: first make sure that the terminal
    /// kept no money
    #[command(after_help = "终端自己会释放作废的缴费；只有终端丢失、损坏时才用 / \
        A terminal frees what it writes off; this is for one that is lost or broken.")]
    FreeDues {
        /// 交易号，见 `service held` / Name of the payment, see `service held`
        id: TransactionId,
    },
    /// 上门认证，新的在前 / Certifications at home, newest first
    HomeVisits(Listed),
    /// 谁查询过谁，新的在前 / Who asked about whom, newest first
    Asked {
        /// 只列一人；号码从标准输入读 / About one person; the number is read from standard input
        #[arg(long)]
        person: bool,
        #[command(flatten)]
        listed: Listed,
    },
}

#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct Listed {
    /// 最多条数 / At most so many
    #[arg(long, short = 'n', default_value_t = 50)]
    number: usize,
    /// 显示完整号码 / Show whole person numbers
    #[arg(long)]
    numbers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// 政策文章 / Policy articles
    Articles,
    /// 经办机构 / Offices
    Offices,
    /// 招聘岗位 / Vacancies
    Vacancies,
    /// 缴费记录 / Contributions
    Contributions,
    /// 应缴费款 / Contributions that are due
    Dues,
    /// 失业保险金 / Unemployment benefit
    Unemployment,
    /// 求职登记 / Who seeks work
    Seekers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Public {
    /// 政策文章 / Policy articles
    Articles,
    /// 经办机构 / Offices
    Offices,
    /// 招聘岗位 / Vacancies
    Vacancies,
}

/// What a terminal stands for, as arguments name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DeskName {
    /// 医院 / Hospital
    Hospital,
    /// 药店 / Pharmacy
    Pharmacy,
    /// 银行、邮政 / Bank or post
    Bank,
    /// 社区 / Community
    Community,
    /// 税务 / Tax office
    Tax,
    /// 自助终端 / Kiosk
    Kiosk,
}

impl From<DeskName> for Desk {
    fn from(name: DeskName) -> Self {
        match name {
            DeskName::Hospital => Desk::Hospital,
            DeskName::Pharmacy => Desk::Pharmacy,
            DeskName::Bank => Desk::Bank,
            DeskName::Community => Desk::Community,
            DeskName::Tax => Desk::Tax,
            DeskName::Kiosk => Desk::Kiosk,
        }
    }
}

pub(super) fn service(center: &Center, command: &Service, printer: Printer) -> Result<(), Error> {
    match command {
        Service::Import { what, file, all } => {
            let input = input(file)?.0;
            let service = &center.service;
            let documents = |kind, input| service.import_documents(kind, input, *all);
            if *all && !matches!(what, What::Articles | What::Offices | What::Vacancies) {
                return Err(Error::input(words(
                    "--all 只用于文章、机构、岗位",
                    "--all is for articles, offices and vacancies",
                )));
            }
            let Imported { read, changed } = match what {
                What::Articles => documents(DocumentKind::Article, input)?,
                What::Offices => documents(DocumentKind::Office, input)?,
                What::Vacancies => documents(DocumentKind::Vacancy, input)?,
                What::Contributions => service.import_contributions(input)?,
                What::Dues => service.import_dues(input)?,
                What::Unemployment => service.import_unemployment(input)?,
                What::Seekers => service.import_seekers(input)?,
            };
            center.access.note("staff", "service import", &changed.to_string())?;
            printer.one(
                &[Column("read", "读入", "read"), Column("changed", "新增或变动", "new or changed")],
                &[json!(read), json!(changed)],
            );
            Ok(())
        }
        Service::List { what, words } => list(center, *what, words, printer),
        Service::Losses(listed) => {
            let rows: Vec<Vec<Value>> = center
                .production
                .storage()
                .losses(listed.number)?
                .iter()
                .map(|row| {
                    vec![
                        json!(row.number),
                        json!(row.report.at.to_string()),
                        json!(row.report.terminal),
                        person(row.report.person, listed.numbers),
                        json!(row.report.shown),
                        json!(row.locked),
                        json!(row.before),
                    ]
                })
                .collect();
            center.access.note("staff", "service losses", &rows.len().to_string())?;
            printer.many(
                &[
                    Column("number", "编号", "number"),
                    Column("at", "时间", "when"),
                    Column("terminal", "终端号", "terminal"),
                    Column("person", "社会保障号码", "person"),
                    Column("shown", "出示卡片", "card shown"),
                    Column("locked", "锁定卡数", "cards locked"),
                    Column("before", "先前已停用", "blocked before"),
                ],
                &rows,
            );
            Ok(())
        }
        Service::Seekers(listed) => {
            let today = Day::of(center.production.now());
            let rows: Vec<Vec<Value>> = center
                .production
                .storage()
                .seekers(listed.number)?
                .iter()
                .filter(|(_, seeker)| today <= seeker.until)
                .map(|(key, seeker)| {
                    vec![
                        person(*key, listed.numbers),
                        json!(seeker.seek.wish),
                        json!(seeker.seek.district.as_str()),
                        yuan(seeker.seek.wage_min),
                        json!(seeker.seek.phone),
                        json!(seeker.at.to_string()),
                        json!(seeker.until.to_string()),
                        json!(seeker.taken_by.as_ref().map(|by| by.terminal)),
                        json!(seeker.taken_by.as_ref().map(|by| by.operator.clone())),
                    ]
                })
                .collect();
            center.access.note("staff", "service seekers", &rows.len().to_string())?;
            printer.many(
                &[
                    Column("person", "社会保障号码", "person"),
                    Column("wish", "求职意向", "wish"),
                    Column("district", "地区", "district"),
                    Column("wage_min", "月薪不低于（元）", "wage from (yuan)"),
                    Column("phone", "电话", "telephone"),
                    Column("at", "登记时间", "registered"),
                    Column("until", "有效至", "until"),
                    Column("terminal", "登记终端", "terminal"),
                    Column("operator", "操作员", "operator"),
                ],
                &rows,
            );
            Ok(())
        }
        Service::Payments { person: one, listed } => {
            let key = if *one { Some(read_person()?.key()) } else { None };
            counters::payments(center, key, listed, printer)
        }
        Service::Held(listed) => counters::held(center, listed, printer),
        Service::FreeDues { id } => counters::free(center, *id, printer),
        Service::HomeVisits(listed) => counters::home_visits(center, listed, printer),
        Service::Asked { person: one, listed } => {
            let key = if *one { Some(read_person()?.key()) } else { None };
            let rows: Vec<Vec<Value>> = center
                .production
                .storage()
                .asked(key, listed.number)?
                .iter()
                .map(|row| {
                    vec![
                        json!(row.at.to_string()),
                        json!(row.terminal),
                        person(row.person, listed.numbers),
                        json!(row.subject),
                        json!(row.ending.name()),
                        json!(row.operator),
                    ]
                })
                .collect();
            center.access.note("staff", "service asked", &rows.len().to_string())?;
            printer.many(
                &[
                    Column("at", "时间", "when"),
                    Column("terminal", "终端号", "terminal"),
                    Column("person", "社会保障号码", "person"),
                    Column("subject", "内容", "about"),
                    Column("ending", "结果", "ending"),
                    Column("operator", "操作员", "operator"),
                ],
                &rows,
            );
            Ok(())
        }
    }
}

fn list(center: &Center, what: Public, search: &str, printer: Printer) -> Result<(), Error> {
    let documents = center.production.storage().documents()?;
    let mut search = Search { rows: protocol::service::PAGE_ROWS_MAX, ..Search::of(search) };
    if !search.sound() {
        return Err(Error::input(words("检索内容过长", "the search is too long")));
    }
    let today = Day::of(center.production.now());
    let mut rows: Vec<Vec<Value>> = Vec::new();
    loop {
        let next = match what {
            Public::Articles => {
                let all = documents.iter().filter_map(|document| match document {
                    Document::Article(article) => Some(article),
                    _ => None,
                });
                let list = search.articles(all);
                rows.extend(list.articles.iter().map(|line| {
                    vec![
                        json!(line.code),
                        json!(line.title),
                        json!(line.topic),
                        json!(line.published.to_string()),
                    ]
                }));
                list.next
            }
            Public::Offices => {
                let all = documents.iter().filter_map(|document| match document {
                    Document::Office(office) => Some(office),
                    _ => None,
                });
                let list = search.offices(all, &Here::default());
                rows.extend(list.offices.iter().map(|line| {
                    let office = &line.office;
                    vec![
                        json!(office.code),
                        json!(office.name),
                        json!(office.district.as_str()),
                        json!(office.address),
                    ]
                }));
                list.next
            }
            Public::Vacancies => {
                let all = documents.iter().filter_map(|document| match document {
                    Document::Vacancy(vacancy) => Some(vacancy),
                    _ => None,
                });
                let list = search.vacancies(all, &Here::default(), today);
                rows.extend(list.vacancies.iter().map(|line| {
                    vec![
                        json!(line.code),
                        json!(line.title),
                        json!(line.employer),
                        json!(line.published.to_string()),
                    ]
                }));
                list.next
            }
        };
        match next {
            Some(next) => search.after = Some(next),
            None => break,
        }
    }
    let columns = match what {
        Public::Articles => [
            Column("code", "代码", "code"),
            Column("title", "标题", "title"),
            Column("topic", "主题", "topic"),
            Column("published", "发布日", "published"),
        ],
        Public::Offices => [
            Column("code", "代码", "code"),
            Column("name", "名称", "name"),
            Column("district", "地区", "district"),
            Column("address", "地址", "address"),
        ],
        Public::Vacancies => [
            Column("code", "代码", "code"),
            Column("title", "岗位", "title"),
            Column("employer", "单位", "employer"),
            Column("published", "发布日", "published"),
        ],
    };
    printer.many(&columns, &rows);
    Ok(())
}

/// A person number, masked unless the whole is asked for.
fn person(key: u64, whole: bool) -> Value {
    match PersonNumber::from_key(key) {
        Ok(number) if whole => json!(number.as_str()),
        Ok(number) => json!(number.masked().to_string()),
        Err(_) => Value::Null,
    }
}
