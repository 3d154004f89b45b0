//! What stops a piece of work: whose move it is, a stable word for machines, sentences for people.

use std::{
    io,
    path::{Path, PathBuf},
};

use card_spec::money::Fen;
use hal::{
    fingerprint::FingerprintError, indicator::IndicatorError, pin_pad::PinPadError, printer::PrinterError,
};
#[cfg(feature = "demo")]
use sim::error::SimError;
use terminal::{
    board::BoardTrouble,
    error::{Error, MoneyOutcome, WhoActs},
    language::Language,
    rules::RulesError,
    setup::SetupError,
};

use crate::words;

/// Whose move it is after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Whoever called: what was asked for, or a file that was named, is wrong.
    Caller,
    /// The cardholder: card, PIN, finger.
    Cardholder,
    /// The operator: sign in, reconcile, paper.
    Operator,
    /// The installer: reader, service, certificate, disk, settings.
    Installer,
    /// The center, or the line to it.
    Center,
    /// The outcome is not known: resolve it first.
    Unknown,
    /// Us: a fault of the program.
    Us,
}

/// Anything that stops a piece of work.
#[derive(Debug)]
pub enum Failure {
    /// Around the terminal's logic.
    Edge(EdgeError),
    /// A document of rules, a catalog or a bill, and where it came from.
    Rules {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: RulesError,
    },
    /// Inside the terminal's logic.
    Terminal(Error),
    /// Typing a PIN or a secret.
    Entry(PinPadError),
    /// The two new secrets differ.
    SecretsDiffer,
    /// A step of the set-up.
    Setup(SetupError),
    /// The receipt printer.
    Printer(PrinterError),
    /// The fingerprint sensor, asked for its own sake.
    Sensor(FingerprintError),
    /// A lamp or the buzzer, asked for its own sake.
    Indicator(IndicatorError),
    /// The simulation around the cards.
    #[cfg(feature = "demo")]
    Sim(SimError),
}

impl Failure {
    /// For `map_err`: an error of the rules engine about a file.
    pub fn rules(path: &Path, error: RulesError) -> Self {
        Failure::Rules { path: path.to_owned(), error }
    }

    /// Whose move it is.
    pub fn turn(&self) -> Turn {
        match self {
            Failure::Edge(error) => error.turn(),
            Failure::Rules { error: RulesError::Identity(_), .. } => Turn::Us,
            Failure::Rules { .. } => Turn::Caller,
            Failure::Terminal(error) => match (error.money(), error.who_acts()) {
                (MoneyOutcome::Unknown | MoneyOutcome::Done, _) => Turn::Unknown,
                (_, WhoActs::Cardholder | WhoActs::Issuer) => Turn::Cardholder,
                (_, WhoActs::Operator) => Turn::Operator,
                (_, WhoActs::Installer) => Turn::Installer,
                (_, WhoActs::Center) => Turn::Center,
                (_, WhoActs::Us) => Turn::Us,
            },
            Failure::SecretsDiffer | Failure::Printer(PrinterError::PaperOut) => Turn::Operator,
            Failure::Printer(_) | Failure::Sensor(_) | Failure::Indicator(_) | Failure::Setup(_) => {
                Turn::Installer
            }
            Failure::Entry(PinPadError::Device) => Turn::Caller,
            Failure::Entry(_) => Turn::Cardholder,
            #[cfg(feature = "demo")]
            Failure::Sim(SimError::Image { .. } | SimError::Personalise { .. } | SimError::Occupied) => {
                Turn::Caller
            }
            #[cfg(feature = "demo")]
            Failure::Sim(_) => Turn::Installer,
        }
    }

    /// The stable word for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Edge(error) => error.kind(),
            Failure::Rules { .. } => "rules",
            Failure::Terminal(error) => terminal_kind(error),
            Failure::SecretsDiffer => "secrets_differ",
            Failure::Setup(error) => error.kind(),
            Failure::Printer(_) => "printer",
            Failure::Sensor(_) => "sensor",
            Failure::Indicator(_) => "indicator",
            Failure::Entry(_) => "entry",
            #[cfg(feature = "demo")]
            Failure::Sim(_) => "simulation",
        }
    }

    /// What happened.
    pub fn text(&self, language: Language) -> String {
        match self {
            Failure::Edge(error) => error.text(language),
            Failure::Rules { path, error } => format!("{}: {}", path.display(), error.words(language)),
            Failure::Terminal(error) => error.words(language).what,
            Failure::SecretsDiffer => language
                .pick("两次输入的口令不同，未修改", "the two secrets differ; nothing was changed")
                .to_owned(),
            Failure::Setup(error) => error.words(language).what,
            Failure::Printer(error) => words::printer(error, language),
            Failure::Sensor(error) => words::sensor(error, language).0,
            Failure::Indicator(error) => words::indicator(*error, language).0,
            Failure::Entry(error) => entry(*error, language),
            #[cfg(feature = "demo")]
            Failure::Sim(error) => simulation(error, language),
        }
    }

    /// What to do, where it does not stand in the text.
    pub fn advice(&self, language: Language) -> Option<String> {
        match self {
            Failure::Terminal(error) => Some(error.words(language).next).filter(|next| !next.is_empty()),
            Failure::Sensor(error) => Some(words::sensor(error, language).1),
            Failure::Indicator(error) => Some(words::indicator(*error, language).1),
            Failure::Setup(error) => Some(error.words(language).next),
            _ => None,
        }
    }

    /// Where the money of the transaction under way is, for machines.
    pub fn money(&self) -> Option<&'static str> {
        match self {
            Failure::Terminal(error) => Some(match error.money() {
                MoneyOutcome::NotDone => "not_done",
                MoneyOutcome::Done => "done",
                MoneyOutcome::Unknown => "unknown",
            }),
            _ => None,
        }
    }
}

impl From<IndicatorError> for Failure {
    fn from(error: IndicatorError) -> Self {
        Failure::Indicator(error)
    }
}

impl From<EdgeError> for Failure {
    fn from(error: EdgeError) -> Self {
        Failure::Edge(error)
    }
}

/// What is wrong around the terminal's logic: command line, files, the machine. What is wrong inside comes
/// as the core's own error.
#[derive(Debug)]
#[non_exhaustive]
pub enum EdgeError {
    /// A file or folder could not be read or written.
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is larger than anything of its kind.
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A text file is no UTF-8.
    NotText {
        /// The file or folder.
        path: PathBuf,
    },
    /// A file is not what it should be.
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Words on the command line that fit their place but mean nothing.
    Argument {
        /// What is expected.
        expected: &'static str,
        /// The same in Chinese.
        expected_chinese: &'static str,
    },
    /// Neither `--data` nor a home folder.
    NoDataDir,
    /// The data folder belongs to another user.
    NotOurs {
        /// The file or folder.
        path: PathBuf,
    },
    /// Others may enter the data folder.
    OpenToOthers {
        /// The file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another command holds the terminal.
    InUse {
        /// Number of the process that holds it.
        process: Option<u32>,
    },
    /// No `config.json` yet: the terminal is not enrolled.
    NotEnrolled,
    /// Something is asked that needs a terminal to type at, and there is none.
    NoKeyboard,
    /// Records would be lost.
    StillWaiting {
        /// How many.
        records: u64,
    },
    /// Account money of cancellations has not been put back on its cards.
    StillOwed {
        /// How many.
        refunds: usize,
        /// In all.
        amount: Fen,
    },
    /// The center's authority is not the one whose fingerprint was given.
    Fingerprint {
        /// What is expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A key, certificate or request could not be made or read.
    Certificate {
        /// What is wrong.
        problem: String,
    },
    /// No printer in the settings.
    NoPrinter,
    /// No font with Chinese characters.
    NoFont,
    /// A folder of training opened as a real terminal's, or the other way round.
    OtherKind,
    /// A training terminal has no line to a real center.
    Training,
    /// The machine's half of the key to the keys is gone.
    NoSecret {
        /// The file or folder.
        path: PathBuf,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Terminal(error)
    }
}

/// Which part of the terminal an error is of.
fn terminal_kind(error: &Error) -> &'static str {
    match error {
        Error::Session(_) => "card",
        Error::Rules(_) => "rules",
        Error::Ledger(_) => "ledger",
        Error::Cache(_) => "cache",
        Error::Link(_) => "link",
        Error::Keys(_) => "keys",
        Error::SignIn(_) => "sign_in",
        Error::Reconcile(_) => "reconcile",
        Error::NotEligible(_) => "not_eligible",
        Error::Limit(_) => "offline_limit",
        Error::Board(trouble) => match trouble {
            BoardTrouble::Tampered { .. } => "board_tampered",
            BoardTrouble::Replaced => "board_replaced",
            BoardTrouble::Unpaired => "board_unpaired",
            _ => "board",
        },
        Error::Finger(_) => "finger",
        Error::Proof(_) => "proof",
        Error::Pension(_) => "pension",
        Error::Contribution(_) => "contribution",
        Error::NotSignedIn => "not_signed_in",
        Error::OtherCard => "other_card",
        Error::BillChanged => "bill_changed",
        Error::NothingToLoad => "nothing_to_load",
        Error::Unresolved { .. } => "unresolved",
        Error::ResolveFirst { .. } => "resolve_first",
        Error::DoneNotRecorded { .. } => "done_not_recorded",
        _ => "terminal",
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Failure::Setup(error)
    }
}

impl From<PinPadError> for Failure {
    fn from(error: PinPadError) -> Self {
        Failure::Entry(error)
    }
}

#[cfg(feature = "demo")]
impl From<SimError> for Failure {
    fn from(error: SimError) -> Self {
        Failure::Sim(error)
    }
}

fn entry(error: PinPadError, language: Language) -> String {
    match error {
        PinPadError::Cancelled => language.pick("已取消输入", "the entry was cancelled").to_owned(),
        PinPadError::Timeout => language.pick("等待输入超时", "nothing was typed in time").to_owned(),
        PinPadError::Length { got } => match language {
            Language::Chinese => format!("长度不对：输入了 {got} 个字符"),
            Language::English => format!("wrong length: {got} characters"),
        },
        _ => EdgeError::NoKeyboard.text(language),
    }
}

/// Only testers meet these: Chinese says what kind of thing is wrong, the rest stays as it is.
#[cfg(feature = "demo")]
fn simulation(error: &SimError, language: Language) -> String {
    let kind = match error {
        SimError::Missing { program, package } if language == Language::Chinese => {
            return format!("未安装 {program}；安装方法：apt-get install {package}");
        }
        SimError::RunDirectory => "pcscd 需要目录 /run/pcscd，请执行：sudo mkdir -p /run/pcscd",
        SimError::NotReady { .. } => "pcscd 未能按时启动",
        SimError::NoPorts => "没有两个相邻的空闲端口",
        SimError::Occupied => "卡槽里已有卡",
        SimError::Image { .. } => "不是可用的卡文件",
        SimError::Personalise { .. } => "无法写到卡上",
        _ => "模拟环境出错",
    };
    match language {
        Language::Chinese => format!("{kind}（{error}）"),
        Language::English => error.to_string(),
    }
}

/// For `map_err`: names the file.
pub fn file_error(path: &Path) -> impl FnOnce(io::Error) -> EdgeError {
    let path = path.to_owned();
    move |source| EdgeError::File { path, source }
}

impl EdgeError {
    /// Whose move it is.
    pub fn turn(&self) -> Turn {
        match self {
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Turn::Caller,
            Self::File { .. } | Self::NotOurs { .. } | Self::OpenToOthers { .. } => Turn::Installer,
            Self::TooLarge { .. } | Self::NotText { .. } | Self::Content { .. } | Self::Argument { .. } => {
                Turn::Caller
            }
            Self::NoDataDir | Self::NoKeyboard => Turn::Caller,
            Self::NoPrinter
            | Self::NoFont
            | Self::NotEnrolled
            | Self::OtherKind
            | Self::Training
            | Self::Fingerprint { .. }
            | Self::Certificate { .. }
            | Self::NoSecret { .. } => Turn::Installer,
            Self::InUse { .. } | Self::StillWaiting { .. } | Self::StillOwed { .. } => Turn::Operator,
        }
    }

    /// The stable word for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::TooLarge { .. } => "file_too_large",
            Self::NotText { .. } => "file_not_text",
            Self::Content { .. } => "file_content",
            Self::Argument { .. } => "argument",
            Self::NoDataDir => "no_data_dir",
            Self::NotOurs { .. } => "data_dir_not_ours",
            Self::OpenToOthers { .. } => "data_dir_open_to_others",
            Self::InUse { .. } => "in_use",
            Self::NotEnrolled => "not_enrolled",
            Self::NoKeyboard => "no_keyboard",
            Self::StillWaiting { .. } => "still_waiting",
            Self::StillOwed { .. } => "still_owed",
            Self::Fingerprint { .. } => "fingerprint",
            Self::Certificate { .. } => "certificate",
            Self::NoSecret { .. } => "no_secret",
            Self::OtherKind => "other_kind",
            Self::Training => "training",
            Self::NoPrinter => "no_printer",
            Self::NoFont => "no_font",
        }
    }

    /// What happened, and what to do where that helps.
    pub fn text(&self, language: Language) -> String {
        let zh = language == Language::Chinese;
        match self {
            Self::File { path, source } => {
                let reason = io_reason(source, language);
                format!("{}: {reason}", path.display())
            }
            Self::TooLarge { path, bytes, bytes_max } => {
                let path = path.display();
                if zh {
                    format!("{path}:文件有 {bytes} 字节，上限为 {bytes_max} 字节")
                } else {
                    format!("{path}: the file has {bytes} bytes, at most {bytes_max} are read")
                }
            }
            Self::NotText { path } => {
                let path = path.display();
                if zh {
                    format!("{path}:不是 UTF-8 文本；如为 GBK 文件请先转码")
                } else {
                    format!("{path}: not UTF-8 text; convert it first if it is GBK")
                }
            }
            Self::Content { path, problem } => format!("{}: {problem}", path.display()),
            Self::Argument { expected, expected_chinese } => {
                if zh {
                    format!("参数应为：{expected_chinese}")
                } else {
                    format!("expected {expected}")
                }
            }
            Self::NoDataDir => language
                .pick(
                    "不知道数据目录：请用 --data 目录 或环境变量 JINBAO_DATA 指定",
                    "no data folder known: name one by --data DIR or the variable JINBAO_DATA",
                )
                .to_owned(),
            Self::NotOurs { path } => {
                let path = path.display();
                if zh {
                    format!("{path} 属于其他用户；请以该用户运行，或用 --data 指定自己的目录")
                } else {
                    format!("{path} belongs to another user; run as that user, or name your own by --data")
                }
            }
            Self::OpenToOthers { path, mode } => {
                let path = path.display();
                if zh {
                    format!("{path} 可被其他用户进入（权限 {mode:o}）；请执行：chmod 700 {path}")
                } else {
                    format!("{path} is open to other users (mode {mode:o}); run: chmod 700 {path}")
                }
            }
            Self::InUse { process: Some(process) } => {
                if zh {
                    format!("另一个 jinbao 正在使用本终端（进程 {process}）；请等它结束后再试")
                } else {
                    format!("another jinbao is using this terminal (process {process}); try again when it has ended")
                }
            }
            Self::InUse { process: None } => language
                .pick("另一个 jinbao 正在使用本终端；请稍后再试", "another jinbao is using this terminal; try again")
                .to_owned(),
            Self::NotEnrolled => language
                .pick(
                    "本终端尚未登记到中心；请先运行 jinbao enrol",
                    "this terminal is not enrolled yet; run `jinbao enrol` first",
                )
                .to_owned(),
            Self::NoKeyboard => language
                .pick(
                    "需要输入密码，但没有键盘终端；自动运行时请用 --pin-stdin 逐行输入",
                    "a PIN or secret has to be typed and there is no terminal; scripts use --pin-stdin, one line each",
                )
                .to_owned(),
            Self::StillWaiting { records } => {
                if zh {
                    format!("还有 {records} 笔交易未上传或结果未知，先运行 jinbao queue retry；未做任何改动")
                } else {
                    format!(
                        "{records} records are not uploaded or not resolved: run `jinbao queue retry` first; nothing \
                         was changed"
                    )
                }
            }
            Self::StillOwed { refunds, amount } => {
                if zh {
                    format!("还有 {refunds} 笔撤销共 {amount} 元未退回卡内，先在卡到场时运行 jinbao load --refund；未做任何改动")
                } else {
                    format!(
                        "{refunds} refunds of {amount} yuan in all are still owed to cards: run `jinbao load --refund` when \
                         they come; nothing was changed"
                    )
                }
            }
            Self::Fingerprint { expected, got } => {
                if zh {
                    format!("中心的根证书指纹不符，未发送登记码。应为 {expected}，实为 {got}。请核对中心地址与指纹。")
                } else {
                    format!(
                        "the center's authority has another fingerprint; the code was not sent. Expected \
                         {expected}, got {got}. Check the address and the fingerprint with the center."
                    )
                }
            }
            Self::NoPrinter => language
                .pick(
                    "config.json 中没有设置打印机（printer）",
                    "config.json names no printer (\"printer\")",
                )
                .to_owned(),
            Self::OtherKind => language
                .pick(
                    "培训目录与正式目录不能混用；请检查 --data 与 --training",
                    "a folder of training is no real terminal's, nor the other way round: check --data and --training",
                )
                .to_owned(),
            Self::Training => language
                .pick(
                    "培训模式不与真实中心通信；正式办理请去掉 --training",
                    "training never talks to a real center; leave out --training for real business",
                )
                .to_owned(),
            Self::NoFont => language
                .pick(
                    "没有找到含汉字的字体；安装：apt-get install fonts-wqy-microhei，或用 --font 指定",
                    "no font with Chinese characters found; install one: apt-get install fonts-wqy-microhei, or name \
                     one by --font",
                )
                .to_owned(),
            Self::NoSecret { path } => {
                let path = path.display();
                if zh {
                    format!("缺少 {path}，密钥无法打开。请从本机备份恢复该文件；若已丢失，须以新的终端编号重新登记。")
                } else {
                    format!(
                        "{path} is missing: the keys cannot be opened. Put it back from this machine's backup; if it is \
                         lost, the terminal has to be enrolled under a new number."
                    )
                }
            }
            Self::Certificate { problem } => {
                if zh {
                    format!("证书或密钥有误：{problem}")
                } else {
                    format!("certificate or key: {problem}")
                }
            }
        }
    }
}

/// The system's reason, in the language; the system's own words for what is rare.
fn io_reason(error: &io::Error, language: Language) -> String {
    let known = match error.kind() {
        io::ErrorKind::NotFound => Some(("没有这个文件或目录", "no such file or folder")),
        io::ErrorKind::PermissionDenied => Some(("没有权限", "permission denied")),
        io::ErrorKind::IsADirectory => Some(("是目录，不是文件", "is a folder, not a file")),
        io::ErrorKind::NotADirectory => Some(("不是目录", "is not a folder")),
        io::ErrorKind::StorageFull => Some(("磁盘已满", "the disk is full")),
        io::ErrorKind::ReadOnlyFilesystem => Some(("文件系统为只读", "the file system is read-only")),
        io::ErrorKind::AlreadyExists => Some(("已经存在", "exists already")),
        _ => None,
    };
    known.map_or_else(|| error.to_string(), |(chinese, english)| language.pick(chinese, english).to_owned())
}
