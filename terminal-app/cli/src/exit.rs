//! Exit codes: who has to act next.

use edge::failure::Turn;

/// What the program ends with. Documented in `jinbao --help` and `docs/exit-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Done, and the answer is no: not eligible, not equal, not in order.
    No,
    /// The command line or a file named on it is wrong.
    Usage,
    /// The cardholder has to act: card, PIN, finger.
    Cardholder,
    /// The operator has to act: sign in, reconcile, paper.
    Operator,
    /// The installer has to act: reader, service, certificate, disk, configuration.
    Installer,
    /// The center has to act, or the line to it is down.
    Center,
    /// It is not known whether the card or the center has done it: run `jinbao resolve`.
    Unknown,
    /// A fault of this program.
    Fault,
}

/// Every code, in order: what `--help` and the documentation list.
pub(crate) const ALL: [Exit; 9] = [
    Exit::Done,
    Exit::No,
    Exit::Usage,
    Exit::Cardholder,
    Exit::Operator,
    Exit::Installer,
    Exit::Center,
    Exit::Unknown,
    Exit::Fault,
];

impl Exit {
    /// The number given to the system.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Cardholder => 3,
            Exit::Operator => 4,
            Exit::Installer => 5,
            Exit::Center => 6,
            Exit::Unknown => 7,
            Exit::Fault => 70,
        }
    }

    /// The word that machines read, stable.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::No => "no",
            Exit::Usage => "usage",
            Exit::Cardholder => "cardholder",
            Exit::Operator => "operator",
            Exit::Installer => "installer",
            Exit::Center => "center",
            Exit::Unknown => "unknown",
            Exit::Fault => "fault",
        }
    }

    /// What it means, Chinese and English.
    pub(crate) fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Exit::Done => ("完成", "done"),
            Exit::No => (
                "完成，但答案为否（无资格、不平、不合格）",
                "done, the answer is no (not eligible, not equal, not in order)",
            ),
            Exit::Usage => ("命令或所给文件有误", "the command line or a file named on it is wrong"),
            Exit::Cardholder => ("须持卡人处理（卡、密码）", "the cardholder has to act (card, PIN)"),
            Exit::Operator => {
                ("须操作员处理（签到、对账、换纸）", "the operator has to act (sign in, reconcile, paper)")
            }
            Exit::Installer => (
                "须安装维护人员处理（读卡器、证书、磁盘）",
                "the installer has to act (reader, certificate, disk)",
            ),
            Exit::Center => ("中心拒绝或线路不通", "the center refused, or the line is down"),
            Exit::Unknown => ("结果未知：请运行 jinbao resolve", "outcome unknown: run `jinbao resolve`"),
            Exit::Fault => ("程序自身故障", "a fault of this program"),
        }
    }
}

impl From<Turn> for Exit {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Caller => Exit::Usage,
            Turn::Cardholder => Exit::Cardholder,
            Turn::Operator => Exit::Operator,
            Turn::Installer => Exit::Installer,
            Turn::Center => Exit::Center,
            Turn::Unknown => Exit::Unknown,
            Turn::Us => Exit::Fault,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_are_unique_and_documented() {
        let text = include_str!("../../../docs/exit-codes.md");
        for (at, exit) in ALL.iter().enumerate() {
            let row = format!("| {} | `{}` |", exit.code(), exit.word());
            assert!(text.contains(&row), "docs/exit-codes.md lacks: {row}");
            for other in &ALL[..at] {
                assert_ne!(exit.code(), other.code());
                assert_ne!(exit.word(), other.word());
            }
        }
    }
}
