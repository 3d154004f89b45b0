//! The command line as types. Every command says what it does in both languages and shows examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    command::{
        board, card, certificate, contribute, eligibility, enrol, finger, maintenance, money, operator,
        pension, queue, receipt, reconcile, rules, service, setup, support_bundle, sync, visit,
    },
    locale::LanguageArgument,
};

/// Looked for in the environment when `--data` is not given.
pub(crate) const DATA_VARIABLE: &str = "JINBAO_DATA";

const ABOUT: &str = "\
金保终端：社会保障卡读写、结算、上传与维护
Jinbao terminal: read social security cards, settle visits, upload, maintain";

const EXAMPLES: &str = "\
例 Examples:
  jinbao doctor                            全面自检 · check everything an installer needs
  jinbao card info                         读卡（姓名号码掩码） · read the card, personal data masked
  jinbao visit --bill bill.json            一次就诊结算 · settle one visit
  jinbao pension pay                       凭指纹发放养老金 · pay a pension to whose finger it is
  jinbao rules explain --city c.json --bill b.json
                                           逐步解释待遇计算 · explain a settlement step by step
  jinbao queue list                        待上传交易 · what waits for upload
  jinbao card decode 6A82                  解释状态字、ATR、APDU · explain bytes, no card needed

语言 Language: --lang zh|en，否则看 LC_ALL、LC_MESSAGES、LANG（zh 开头为中文，其余英文）
               --lang zh|en, else LC_ALL, LC_MESSAGES, LANG (Chinese when it starts with zh, else English)
";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "jinbao",
    version,
    about = ABOUT,
    after_help = after_help(),
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "通用 Global")]
pub(crate) struct Global {
    /// 数据目录 · folder of the terminal's data [默认 default: ~/.local/share/jinbao, root: /var/lib/jinbao]
    #[arg(long, global = true, value_name = "DIR", env = DATA_VARIABLE, hide_env_values = true)]
    pub(crate) data: Option<PathBuf>,

    /// 语言 · language
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    pub(crate) lang: Option<LanguageArgument>,

    /// 输出一个 JSON 对象，供程序读取 · print one JSON object, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// 读卡器 · reader: auto, NAME, "NAME,PSAM NAME", sim:CARD.json,PSAM.json
    #[arg(long, global = true, value_name = "READER")]
    pub(crate) reader: Option<String>,

    /// 培训：虚构的人，独立的数据，绝不上传 · training: made-up people, data of its own, nothing is ever sent
    #[arg(long, global = true)]
    pub(crate) training: bool,

    /// 密码从标准输入逐行读取 · read PINs and secrets from standard input, one line each
    #[arg(long, global = true)]
    pub(crate) pin_stdin: bool,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 读写卡、验改密码、解释字节 · read and write the card, PIN, explain bytes
    #[command(subcommand)]
    Card(card::Command),
    /// 读卡主板：状态、防拆、配对、固件 · the reader board: health, tamper latch, pairing, firmware
    #[command(subcommand)]
    Board(board::Command),
    /// 查询待遇资格 · look up whether the holder is entitled
    Eligibility(eligibility::Arguments),
    /// 一次门诊或住院结算 · settle one visit
    Visit(visit::Arguments),
    /// 指纹仪、采集、核验、资格认证 · fingerprint sensor, enrolment, verification, certification
    #[command(subcommand)]
    Finger(finger::Command),
    /// 养老金查询与发放 · pensions: how one stands, paying it out
    #[command(subcommand)]
    Pension(pension::Command),
    /// 收缴社会保险费：应缴、缴纳、当天撤销 · contributions: what is due, paying it, taking it back on its day
    #[command(subcommand)]
    Contribute(contribute::Command),
    /// 公共服务：账户、缴费、就诊、求职、政策、挂失 · public service: what people ask about themselves
    #[command(subcommand)]
    Service(service::Command),
    /// 撤销一笔结算 · take a settlement back
    Cancel(money::CancelArguments),
    /// 个人账户圈存 · load the personal account on the card
    Load(money::LoadArguments),
    /// 查明结果未知的交易 · find out what became of unknown outcomes
    Resolve(money::ResolveArguments),
    /// 待遇规则：解释与检查 · city rules: explain and check
    #[command(subcommand)]
    Rules(rules::Command),
    /// 交易队列 · the queue of transactions
    #[command(subcommand)]
    Queue(queue::Command),
    /// 从中心更新资格库、规则、限额 · update cache, rules and limits from the center
    Sync(sync::Arguments),
    /// 与中心对账 · compare the day's sums with the center
    Reconcile(reconcile::Arguments),
    /// 全面自检，逐项给出处理办法 · check everything, say what to do
    Doctor(crate::command::doctor::Arguments),
    /// 审计记录 · what was done at this terminal
    Audit(maintenance::AuditArguments),
    /// 终端停用，销毁密钥 · the end of a terminal: its keys are destroyed
    Retire(maintenance::RetireArguments),
    /// 打印或生成票据 · print a receipt again, or make a PDF
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// 操作员 · operators
    #[command(subcommand)]
    Operator(operator::Command),
    /// 终端登记到中心 · make this terminal known to its center
    Enrol(enrol::Arguments),
    /// 装机：从裸机到可用终端，可中断续做 · set a machine up, step by step; goes on where it was cut off
    Setup(setup::Arguments),
    /// 支持包：无个人信息 · a bundle for support, without personal data
    SupportBundle(support_bundle::Arguments),
    /// 终端证书 · the terminal's certificate
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// 模拟的人、卡和读卡器（试用） · simulated people, cards and reader, for trying out
    #[cfg(feature = "demo")]
    #[command(subcommand)]
    Sim(crate::command::sim::Command),
    /// 最小的市中心（试用） · a small city center, for trying out
    #[cfg(feature = "demo")]
    Center(crate::command::center::Arguments),
}

fn after_help() -> String {
    let mut text = String::from(EXAMPLES);
    text.push_str("\n退出码 Exit codes:\n");
    for exit in crate::exit::ALL {
        let (chinese, english) = exit.meaning();
        text.push_str(&format!("  {:>3}  {chinese} · {english}\n", exit.code()));
    }
    text.push_str(
        "\n任何时候按 Ctrl-C 都是安全的：账本先于不可逆操作落盘，未完成的由下一条命令接续。\n\
         Ctrl-C is safe at any moment: the ledger is written before anything irreversible, and the next\n\
         command takes up what was left open.\n",
    );
    text
}
