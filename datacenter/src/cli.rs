//! The center on the command line: `jinbao-center …`, and the same as `jinbao center …`.
//!
//! Everything but `serve` works on the center's folder, also while the center runs.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use protocol::{calendar::Period, id::TerminalId};

use crate::{center::Center, error::Error, outside::Outside, storage::StorageError};

mod commands;
mod pension;
mod people;
mod print;
mod serve;
mod service;

/// The center's arguments.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// 中心的目录 / The center's folder
    #[arg(
        long,
        short = 'C',
        global = true,
        env = "JINBAO_CENTER",
        default_value = "center",
        value_name = "DIR"
    )]
    folder: PathBuf,
    /// 输出 JSON，供程序读取 / Print JSON for machines
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// What `jinbao-center --help` ends with.
pub const EXAMPLES: &str = "\
示例 / A first center:
  jinbao-center init --city 430100 --name 长沙市社会保障卡中心
  jinbao-center code 430100000001 --institution H43010000001 --name 市一医院 --level 3
  jinbao-center people import people.csv
  jinbao-center rules add changsha.json
  jinbao-center serve

退出码 / Exit codes: 0 成功 done · 1 存储或系统故障 storage or system · 2 用法错误 usage · \
3 输入有误 wrong input · 4 配置或密钥有误 configuration or keys";

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// 建立新中心：密钥、证书机构、空数据库 / Make a new center: keys, authority, empty storage
    Init(Init),
    /// 运行中心，直到收到结束信号 / Run the center until told to end
    Serve(Serve),
    /// 为终端生成一次性入网码 / Make a one-time enrolment code for a terminal
    Code(Code),
    /// 终端：列表、停用、恢复 / Terminals: list, block, unblock
    #[command(subcommand)]
    Terminal(Terminal),
    /// 参保人：导入、计数、查看 / Insured people: import, count, show
    #[command(subcommand)]
    People(People),
    /// 养老金：应发、已发、待认证、冒领告警 / Pensions: due, paid, certifications due, alarms of false claims
    #[command(subcommand)]
    Pension(Pension),
    /// 核验策略：查看、设置 / Which proofs of the holder suffice: show, set
    #[command(subcommand)]
    Policy(Policy),
    /// 公共服务：导入文章、机构、岗位、缴费，列出挂失、求职、查询 / Public service: imports, and lists of what people report
    #[command(subcommand)]
    Service(service::Service),
    /// 卡黑名单：停用、恢复 / The blacklist of cards: block, free
    #[command(subcommand)]
    Card(Card),
    /// 结算规则：添加、列表 / City rules: add, list
    #[command(subcommand)]
    Rules(Rules),
    /// 脱机限额：设置、查看 / Offline limits: set, show
    #[command(subcommand)]
    Limits(Limits),
    /// 个人账户待圈存金额：增加、查看 / Money that waits to be loaded: add, show
    #[command(subcommand)]
    Credit(Credit),
    /// 已收记录，新的在前，不显示个人信息 / Records, newest first, nothing personal
    Records(List),
    /// 已出回执，新的在前 / Receipts, newest first
    Receipts(List),
    /// 告警，新的在前 / Alarms, newest first
    Alarms(Newest),
    /// 审计日志，新的在前，不含个人信息 / Audit log, newest first, nothing personal
    Audit(Newest),
    /// 软件加密模块的密钥 / Keys of the software security module
    #[command(subcommand)]
    Keys(Keys),
    /// 数据下发流：恢复备份后换代 / The feed: start a new generation after a restore
    #[command(subcommand)]
    Feed(Feed),
    /// 打印接口描述 (OpenAPI 3.1) / Print the interface description
    Openapi,
}

#[derive(Clone, Debug, ClapArgs)]
struct Init {
    /// 行政区划代码，六位 / Division code of the city, six digits
    #[arg(long, value_name = "CODE")]
    city: String,
    /// 中心名称，写入证书 / Name of the center, as certificates show it
    #[arg(long)]
    name: String,
    /// 终端访问中心用的主机名或地址，可多次 / Name or address that terminals use; may be repeated
    #[arg(long, value_name = "HOST")]
    server_name: Vec<String>,
    /// 入网端口地址 / Address of the enrolment port
    #[arg(long, value_name = "ADDRESS")]
    enrolment_listen: Option<SocketAddr>,
    /// 业务端口地址 / Address of the terminals' port
    #[arg(long, value_name = "ADDRESS")]
    terminal_listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, ClapArgs)]
struct Serve {
    /// 入网端口号，业务端口为其后一号；0 为任选空闲端口 / Enrolment port, the terminals' is the next one; 0 for free ones
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

#[derive(Clone, Debug, ClapArgs)]
struct Code {
    /// 终端号，十二位，与其 PSAM 相同 / Terminal number, 12 digits, as in its PSAM
    terminal: TerminalId,
    /// 机构代码 / Code of the institution
    #[arg(long, value_name = "CODE")]
    institution: String,
    /// 机构名称 / Name of the institution
    #[arg(long)]
    name: String,
    /// 医院等级 0 至 3 / Hospital level, 0 to 3
    #[arg(long, default_value_t = 0)]
    level: u8,
}

#[derive(Clone, Debug, Subcommand)]
enum Terminal {
    /// 列表 / List
    List,
    /// 停用 / Block
    Block {
        /// 终端号 / Terminal number
        terminal: TerminalId,
    },
    /// 恢复 / Let it work again
    Unblock {
        /// 终端号 / Terminal number
        terminal: TerminalId,
    },
    /// 写下终端的窗口类型与地区，决定它可以查询什么；未写下的按医院 / What it stands for, which decides what it may ask; a hospital's counter when nothing is written down
    Desk {
        /// 终端号 / Terminal number
        terminal: TerminalId,
        /// 窗口类型 / Kind of desk
        #[arg(value_enum)]
        desk: service::DeskName,
        /// 所在区县的行政区划代码，六位 / Division code of the district, six digits
        #[arg(long, value_name = "CODE")]
        district: Option<String>,
    },
    /// 写下终端所在的经纬度，用于发现异地同时认证 / Where it stands, to notice one person in two places
    Place {
        /// 终端号 / Terminal number
        terminal: TerminalId,
        /// 北纬，度 / Northern latitude, degrees
        #[arg(allow_negative_numbers = true)]
        latitude: f64,
        /// 东经，度 / Eastern longitude, degrees
        #[arg(allow_negative_numbers = true)]
        longitude: f64,
    },
}

#[derive(Clone, Debug, Subcommand)]
enum People {
    /// 从 CSV 或 JSON 行文件导入；`-` 为标准输入 / Import a CSV or JSON-lines file; `-` for standard input
    #[command(after_help = "CSV 首行为列名 / The first line of a CSV names its columns:\n  \
        person,state,insutype,psn_type,civil_servant,paid_until,year,deductible_fen,\
        pooled_outpatient_fen,pooled_inpatient_fen,own_in_scope_fen,stays,\
        pension_monthly_fen,pension_first_unpaid (YYYY-MM),pension_certified_until (YYYY-MM-DD),name,\n  \
        pension_monthly_from (YYYY-MM: raised from then on, arrears before it keep their amount)\n\
        必有 / needed: person, paid_until (YYYY-MM)。未变动的人不产生下发 / unchanged people make no change.")]
    Import {
        /// 文件 / File
        file: PathBuf,
    },
    /// 人数 / How many there are
    Count,
    /// 参保关系迁出：文件每行一个社会保障号码；`-` 为标准输入 / People who have left: one number a line; `-` for standard input
    Remove {
        /// 文件 / File
        file: PathBuf,
    },
    /// 查看一人；号码从标准输入读，以免留在命令历史中 / Show one person; the number is read from standard input
    Show,
    /// 一人待退的个人账户金额；号码从标准输入读 / Account money owed to one person; the number is read from standard input
    Refunds,
}

#[derive(Clone, Debug, Subcommand)]
enum Pension {
    /// 应发未发的养老金，欠月早的在前 / Unpaid months, those unpaid longest first
    Due {
        /// 至此月，缺省为本月 / Up to this month, by default the current one
        #[arg(long, value_name = "YYYY-MM")]
        until: Option<Period>,
        #[command(flatten)]
        list: PeopleList,
    },
    /// 一个月已发的笔数与金额 / How many were paid for a month, and how much
    Paid {
        /// 月，缺省为本月 / The month, by default the current one
        #[arg(long, value_name = "YYYY-MM")]
        period: Option<Period>,
    },
    /// 几天内资格认证到期或从未认证的人 / Whose certification ends within days, or never began
    Certifications {
        /// 天数 / Days
        #[arg(long, default_value_t = 30)]
        days: u16,
        #[command(flatten)]
        list: PeopleList,
    },
    /// 疑似冒领告警，新的在前 / Alarms of false claims, newest first
    Alarms(Newest),
    /// 查看一人；号码从标准输入读 / Show one person's; the number is read from standard input
    Show,
}

#[derive(Clone, Copy, Debug, ClapArgs)]
struct PeopleList {
    /// 条数 / How many
    #[arg(long, short, default_value_t = 100, value_name = "COUNT")]
    number: usize,
    /// 显示完整号码，用于通知本人；记入审计日志 / Show whole numbers, to call people in; noted in the audit log
    #[arg(long)]
    numbers: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum Policy {
    /// 查看 (JSON) / Show, as JSON
    Show,
    /// 由 JSON 文件设置；版本号由中心给出 / Set from a JSON file; the center gives the version
    Set {
        /// 文件 / File
        file: PathBuf,
    },
}

#[derive(Clone, Debug, Subcommand)]
enum Card {
    /// 停用 / Block
    Block {
        /// 卡识别码，32 位或去掉 MAC 的 24 位十六进制 / Card identification code, 32 or (without MAC) 24 hexadecimal digits
        card: String,
        /// 原因 / Why
        #[arg(long, value_enum, default_value = "lost")]
        reason: Reason,
    },
    /// 恢复 / Free
    Free {
        /// 卡识别码 / Card identification code
        card: String,
    },
    /// 停用卡数 / How many are blocked
    Count,
    /// 导入卡与持卡人对应关系；`-` 为标准输入 / Import whose cards are; `-` for standard input
    #[command(after_help = "每行 / each line: 卡识别码 card,社会保障号码 person number\n\
        以此为准；未导入的卡以首次有效交易的持卡人为准 / This counts; a card not imported is the first person's who is seen with it.")]
    Holders {
        /// 文件 / File
        file: PathBuf,
    },
    /// 核实放弃的圈存确未发生后，允许再圈存 / After making sure that abandoned loads did not take place: let the card be loaded again
    ClearLoads {
        /// 卡识别码 / Card identification code
        card: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reason {
    /// 挂失 / Reported lost
    Lost,
    /// 已换卡 / Replaced by another card
    Replaced,
    /// 持卡人已故 / Its holder has died
    Deceased,
    /// 调查中 / Under investigation
    Fraud,
}

#[derive(Clone, Debug, Subcommand)]
enum Rules {
    /// 添加一版规则 (JSON)；版本与生效日取自文件或参数 / Add a version (JSON); name and first day from the file or the options
    Add {
        /// 文件 / File
        file: PathBuf,
        /// 版本名 / Name of the version
        #[arg(long)]
        version: Option<String>,
        /// 生效日 YYYY-MM-DD / First day
        #[arg(long, value_name = "DAY")]
        effective_from: Option<String>,
    },
    /// 列表 / List
    List,
}

#[derive(Clone, Debug, Subcommand)]
enum Limits {
    /// 设置；未给出的项不变 / Set; what is not given stays as it is
    Set(SetLimits),
    /// 查看 / Show
    Show {
        /// 终端号 / Terminal number
        terminal: TerminalId,
    },
}

#[derive(Clone, Debug, ClapArgs)]
struct SetLimits {
    /// 只对这台终端 / For this terminal only
    #[arg(long)]
    terminal: Option<TerminalId>,
    /// 单笔脱机结算最高金额，元 / Largest fee of one offline settlement, yuan
    #[arg(long, value_name = "YUAN")]
    amount_max: Option<String>,
    /// 单笔脱机账户支付最高金额，元 / Most account money of one offline settlement, yuan
    #[arg(long, value_name = "YUAN")]
    account_max: Option<String>,
    /// 待上传记录最多数 / Most records waiting for upload
    #[arg(long, value_name = "COUNT")]
    queue_max: Option<u32>,
    /// 待遇数据最长时效，小时 / Oldest eligibility data, hours
    #[arg(long, value_name = "HOURS")]
    cache_age_max: Option<i64>,
    /// 最大时钟偏差，分钟 / Largest difference of clocks, minutes
    #[arg(long, value_name = "MINUTES")]
    clock_skew_max: Option<i64>,
    /// 上传时限，小时 / Upload deadline, hours
    #[arg(long, value_name = "HOURS")]
    upload_deadline: Option<i64>,
    /// 已入账记录保留期，天，不少于 90 / Retention of booked records, days, 90 at least
    #[arg(long, value_name = "DAYS")]
    retention: Option<i64>,
}

#[derive(Clone, Debug, Subcommand)]
enum Credit {
    /// 增加；社会保障号码从标准输入读 / Add; the person number is read from standard input
    Add {
        /// 金额，元 / Amount, yuan
        yuan: String,
    },
    /// 查看；社会保障号码从标准输入读 / Show; the person number is read from standard input
    Show,
}

#[derive(Clone, Debug, ClapArgs)]
struct List {
    /// 只看这台终端 / Of this terminal only
    #[arg(long)]
    terminal: Option<TerminalId>,
    #[command(flatten)]
    newest: Newest,
}

#[derive(Clone, Copy, Debug, ClapArgs)]
struct Newest {
    /// 条数 / How many
    #[arg(long, short, default_value_t = 20, value_name = "COUNT")]
    number: usize,
}

#[derive(Clone, Debug, Subcommand)]
enum Keys {
    /// 导入密钥文件 (JSON)，下次启动生效；正式系统用硬件加密机 / Import a key file (JSON), for the next start; operation takes a hardware module
    #[command(
        after_help = "[{\"use\":\"load\",\"algorithm\":1,\"version\":1,\"levels\":1,\"key\":\"00…\"},…]\n\
        use: load = DLK, tac = DTK · algorithm: 1 = 3DES, 3 = SM4 · levels: 1 按卡分散 by card, 2 按市、卡 by city and card, 3 按省、市、卡 by province, city and card"
    )]
    Import {
        /// 文件 / File
        file: PathBuf,
    },
    /// 打印验签公钥 / Print the key that checks receipts, pages and documents
    Show,
}

#[derive(Clone, Debug, Subcommand)]
enum Feed {
    /// 换代：所有终端从头接收 / Start a new generation: every terminal starts again from nothing
    Renew,
}

/// Runs the command and says how it ended. Texts go to standard output, errors to standard error.
pub fn run(args: &Args) -> ExitCode {
    match execute(args, &Outside::system()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if args.json {
                eprintln!("{}", serde_json::json!({ "error": error.to_string() }));
            } else {
                eprintln!("{}: {error}", print::words("错误", "error"));
            }
            ExitCode::from(exit_code(&error))
        }
    }
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::Input { .. } | Error::AlreadyThere { .. } => 3,
        Error::Configuration { .. } | Error::Key { .. } | Error::Storage(StorageError::Layout { .. }) => 4,
        _ => 1,
    }
}

fn execute(args: &Args, outside: &Outside) -> Result<(), Error> {
    let printer = print::Printer { json: args.json };
    match &args.command {
        Command::Init(init) => return commands::init(&args.folder, init, outside, printer),
        Command::Openapi => {
            println!("{}", crate::http::openapi_json());
            return Ok(());
        }
        _ => {}
    }
    let center = Center::open(&args.folder, outside.clone())?;
    match &args.command {
        Command::Init(_) | Command::Openapi => Ok(()),
        Command::Serve(serve) => serve::serve(center, serve, printer),
        Command::Code(code) => commands::code(&center, code, printer),
        Command::Terminal(terminal) => commands::terminal(&center, terminal, printer),
        Command::People(people) => people::people(&center, people, printer),
        Command::Pension(pension) => pension::pension(&center, pension, printer),
        Command::Policy(policy) => pension::policy(&center, policy, printer),
        Command::Service(service) => service::service(&center, service, printer),
        Command::Card(card) => people::card(&center, card, printer),
        Command::Rules(rules) => commands::rules(&center, rules, printer),
        Command::Limits(limits) => commands::limits(&center, limits, printer),
        Command::Credit(credit) => commands::credit(&center, credit, printer),
        Command::Records(list) => commands::records(&center, list, printer),
        Command::Receipts(list) => commands::receipts(&center, list, printer),
        Command::Alarms(newest) => commands::alarms(&center, *newest, printer),
        Command::Audit(newest) => commands::audit(&center, *newest, printer),
        Command::Keys(keys) => commands::keys(&center, keys, printer),
        Command::Feed(Feed::Renew) => commands::renew_feed(&center, printer),
    }
}
