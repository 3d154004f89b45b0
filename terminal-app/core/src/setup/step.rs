//! The steps of a set-up, in their order.

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// A step. The order is the order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Which language to speak.
    Language,
    /// Which terminal it is, and what for.
    Place,
    /// Readers, PSAM, board, sensor, printer.
    Devices,
    /// Where the center is, and that it is the right one.
    Center,
    /// The one-time code.
    Enrolment,
    /// Keys and books.
    Keys,
    /// The first fill of the cache.
    Fill,
    /// Every device and every part.
    SelfTest,
    /// A whole visit in training.
    Training,
    /// The commissioning report.
    Report,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Settled.
    Done,
    /// The one that is next.
    Now,
    /// Comes later.
    Later,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Step; 10] = [
        Step::Language,
        Step::Place,
        Step::Devices,
        Step::Center,
        Step::Enrolment,
        Step::Keys,
        Step::Fill,
        Step::SelfTest,
        Step::Training,
        Step::Report,
    ];

    /// Its name, for a list of steps.
    pub fn name(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Step::Language => ("语言", "Language"),
            Step::Place => ("终端与用途", "Terminal and role"),
            Step::Devices => ("设备", "Devices"),
            Step::Center => ("中心", "Center"),
            Step::Enrolment => ("登记", "Enrolment"),
            Step::Keys => ("密钥", "Keys"),
            Step::Fill => ("资格库", "Eligibility cache"),
            Step::SelfTest => ("自检", "Self-test"),
            Step::Training => ("培训交易", "Training transaction"),
            Step::Report => ("验收报告", "Commissioning report"),
        };
        language.pick(chinese, english)
    }

    /// What the installer has to do, or will see, in it.
    pub fn hint(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Step::Language => {
                ("选择界面语言，随时可改", "Choose the language; it can be changed at any time")
            }
            Step::Place => (
                "输入终端机编号（与 PSAM 一致），选择用途",
                "Enter the terminal number, which is that of the PSAM, and what it is for",
            ),
            Step::Devices => (
                "插好读卡器、PSAM、指纹仪、打印机；边插边找",
                "Plug in reader, PSAM, sensor and printer; what is plugged in shows up",
            ),
            Step::Center => (
                "输入中心地址，把屏幕上的指纹与纸上的逐组核对",
                "Enter the center's address, and compare the fingerprint on the screen with the one on paper",
            ),
            Step::Enrolment => {
                ("输入中心给的一次性登记码", "Type the one-time code that the center gave you")
            }
            Step::Keys => ("生成并封存密钥，建立账本", "Keys are made and sealed, the books are laid out"),
            Step::Fill => {
                ("从中心取参保数据，可暂停", "The city's people come from the center; can be paused")
            }
            Step::SelfTest => {
                ("逐项检查，按提示处理后可重试", "Everything is checked; repair what fails, and try again")
            }
            Step::Training => (
                "用培训卡做一次完整就诊，不产生真实交易",
                "A whole visit with a training card; nothing of it is real",
            ),
            Step::Report => ("生成签名的验收报告", "A signed report is made"),
        };
        language.pick(chinese, english)
    }
}
