//! Why a step is not settled.

use protocol::limits::OfflineLimits;

use super::{Fingerprint, Step};
use crate::{language::Language, words::Words};

/// Why a step is not settled. Always the installer's move.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// Another step comes first.
    NotYet {
        /// Which was asked for.
        step: Step,
        /// Which comes first.
        now: Step,
    },
    /// The terminal is enrolled: its number and its center stand.
    Enrolled,
    /// The number is one for training.
    TrainingNumber,
    /// The center's authority is not the one on paper.
    NotTrusted {
        /// What the center showed.
        shown: Fingerprint,
        /// What stands on paper.
        paper: Fingerprint,
    },
    /// This machine's clock is another than the center's by more than [`clock_skew_max_ms`].
    ClockOff {
        /// How far the center's is ahead.
        offset_ms: i64,
    },
    /// One line is chosen for two of lamps and buzzer.
    SameLine {
        /// Which.
        line: u8,
    },
    /// The cache is not full yet.
    NotComplete,
    /// Something failed in the self-test.
    NotPassed {
        /// Stable words of what failed.
        checks: Vec<String>,
    },
    /// The file of the set-up cannot be read.
    Content {
        /// Line of the trouble.
        line: usize,
        /// Column of the trouble.
        column: usize,
    },
    /// The file was written by another version.
    Version {
        /// Which.
        got: u16,
    },
}

/// How far both clocks may differ before a terminal is enrolled: what counts later, as long as no center has set another
/// limit.
pub fn clock_skew_max_ms() -> i64 {
    OfflineLimits::default().clock_skew_max_ms
}

/// How long that is, for people: its two largest units.
pub fn span(ms: i64, language: Language) -> String {
    let seconds = ms.unsigned_abs().div_ceil(1_000);
    let units = [(86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分", "minute"), (1, "秒", "second")];
    let first = units.iter().position(|(length, ..)| seconds >= *length).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (length, chinese, english) in units.iter().skip(first).take(2) {
        let count = left / length;
        left %= length;
        if count > 0 || parts.is_empty() {
            parts.push(match language {
                Language::Chinese => format!("{count} {chinese}"),
                Language::English => format!("{count} {english}{}", if count == 1 { "" } else { "s" }),
            });
        }
    }
    parts.join(" ")
}

impl SetupError {
    /// The stable word for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotYet { .. } => "setup_order",
            Self::Enrolled => "setup_enrolled",
            Self::TrainingNumber => "setup_training_number",
            Self::NotTrusted { .. } => "fingerprint",
            Self::ClockOff { .. } => "clock",
            Self::SameLine { .. } => "setup_same_line",
            Self::NotComplete => "setup_not_filled",
            Self::NotPassed { .. } => "setup_not_passed",
            Self::Content { .. } | Self::Version { .. } => "setup_file",
        }
    }

    /// What happened, and what to do.
    pub fn words(&self, language: Language) -> Words {
        let (what, next) = match language {
            Language::Chinese => self.chinese(),
            Language::English => self.english(),
        };
        Words { what, next: next.to_owned() }
    }

    fn chinese(&self) -> (String, &'static str) {
        let name = |step: &Step| step.name(Language::Chinese);
        match self {
            Self::NotYet { step, now } => {
                (format!("“{}”之前，须先完成“{}”。", name(step), name(now)), "请按顺序进行。")
            }
            Self::Enrolled => {
                ("本机已登记，终端编号和中心不能再改。".into(), "如须更换，请先停用（jinbao retire）。")
            }
            Self::TrainingNumber => ("99 开头的编号只用于培训。".into(), "请输入 PSAM 上的终端机编号。"),
            Self::NotTrusted { shown, paper } => (
                format!("中心出示的指纹与纸上的不同：出示 {shown}，纸上 {paper}。尚未发送任何内容。"),
                "请核对地址；若地址无误，请停止装机并电话告知中心。",
            ),
            Self::ClockOff { offset_ms } => (
                format!(
                    "本机时钟比中心{} {}，超过允许的 {}。",
                    if *offset_ms > 0 { "慢" } else { "快" },
                    span(*offset_ms, Language::Chinese),
                    span(clock_skew_max_ms(), Language::Chinese)
                ),
                "校准时钟并启用时间同步（timedatectl set-ntp true），再试一次。登记码没有发送。",
            ),
            Self::SameLine { line } => (format!("引脚 {line} 选了两次。"), "每个灯和蜂鸣器用不同的引脚。"),
            Self::NotComplete => ("资格库还没有填完。".into(), "再次运行会从断点继续。"),
            Self::NotPassed { checks } => {
                (format!("自检未通过：{}。", checks.join("、")), "请按各项提示处理后重试。")
            }
            Self::Content { line, column } => (
                format!("装机进度文件 setup.json 第 {line} 行第 {column} 列无法读取。"),
                "删除该文件可从头核对，已完成的登记不会丢失。",
            ),
            Self::Version { got } => {
                (format!("装机进度文件是第 {got} 版，本程序不认识。"), "请使用写下它的程序版本。")
            }
        }
    }

    fn english(&self) -> (String, &'static str) {
        let name = |step: &Step| step.name(Language::English);
        match self {
            Self::NotYet { step, now } => {
                (format!("“{}” comes before “{}”.", name(now), name(step)), "Go by the order of the steps.")
            }
            Self::Enrolled => (
                "This terminal is enrolled: its number and its center stand.".into(),
                "To change them, retire it first (`jinbao retire`).",
            ),
            Self::TrainingNumber => (
                "Numbers that begin with 99 are for training only.".into(),
                "Enter the terminal number of the PSAM.",
            ),
            Self::NotTrusted { shown, paper } => (
                format!(
                    "The center shows another fingerprint than the paper: shown {shown}, paper {paper}. Nothing was \
                     sent."
                ),
                "Check the address. If it is right, stop here and call the center.",
            ),
            Self::ClockOff { offset_ms } => (
                format!(
                    "This clock is {} {} the center's (limit {}).",
                    span(*offset_ms, Language::English),
                    if *offset_ms > 0 { "behind" } else { "ahead of" },
                    span(clock_skew_max_ms(), Language::English)
                ),
                "Set the clock and switch time synchronisation on (timedatectl set-ntp true), then try again. The code was \
                 not sent.",
            ),
            Self::SameLine { line } => (
                format!("Line {line} is chosen twice."),
                "Each lamp and the buzzer take a line of their own.",
            ),
            Self::NotComplete => {
                ("The cache is not full yet.".into(), "The next run goes on from where this one stopped.")
            }
            Self::NotPassed { checks } => (
                format!("The self-test has failures: {}.", checks.join(", ")),
                "Do what each of them says, then try again.",
            ),
            Self::Content { line, column } => (
                format!("setup.json cannot be read at line {line}, column {column}."),
                "Remove it to go through the steps again; an enrolment that is done stays.",
            ),
            Self::Version { got } => (
                format!("setup.json is of version {got}, which this program does not know."),
                "Use the program that wrote it.",
            ),
        }
    }
}
