//! Words of the machine: moments, and what is wrong with a device.

use hal::{fingerprint::FingerprintError, indicator::IndicatorError, printer::PrinterError};
use terminal::{language::Language, setup::PinsChosen, words::board_words};

use crate::voice::Recorded;

/// A moment in the project's time zone.
pub fn moment(unix_ms: i64) -> String {
    protocol::timestamp::Timestamp(unix_ms).to_string()
}

/// What is wrong with a printer, for people.
pub fn printer(error: &PrinterError, language: Language) -> String {
    match (error, language) {
        (PrinterError::PaperOut, Language::Chinese) => "打印机缺纸。".to_owned(),
        (PrinterError::PaperOut, Language::English) => "The printer has no paper.".to_owned(),
        (PrinterError::Text, Language::Chinese) => "打印机字库缺少凭证上的字。".to_owned(),
        (PrinterError::Text, Language::English) => "The printer lacks a character of the receipt.".to_owned(),
        (PrinterError::Device { detail }, Language::Chinese) => format!("打印机不可用（{detail}）。"),
        (PrinterError::Device { detail }, Language::English) => {
            format!("The printer does not work ({detail}).")
        }
        (other, _) => other.to_string(),
    }
}

/// What is wrong with a fingerprint sensor, and what to do.
pub fn sensor(error: &FingerprintError, language: Language) -> (String, String) {
    let (chinese, english) = match error {
        FingerprintError::Silent => (
            ("指纹仪没有应答。", "请检查电源、连线和设备名（ls /dev/tty*），接收与发送线不要接反。"),
            (
                "The fingerprint sensor does not answer.",
                "Check power, cable and the device's name (ls /dev/tty*); both data lines may be swapped.",
            ),
        ),
        FingerprintError::Password => (
            ("指纹仪设有别的口令。", "请换用未设口令的模块，或由供应商恢复出厂设置。"),
            (
                "The fingerprint sensor has another password.",
                "Take one with the factory's password, or have it reset by its maker.",
            ),
        ),
        FingerprintError::Line(_) => (
            ("与指纹仪的线路有误码。", "请换更短或有屏蔽的线，检查接地和转接器。"),
            (
                "The line to the fingerprint sensor spoils what is said.",
                "Use a shorter or shielded cable; check ground and adapter.",
            ),
        ),
        FingerprintError::Unplugged => (
            ("打不开指纹仪的串口。", "请检查设备名和权限（用户须在 dialout 组），确认没有别的程序占用。"),
            (
                "The sensor's serial line cannot be opened.",
                "Check the device's name and permissions (group dialout), and that no other program has it.",
            ),
        ),
        FingerprintError::Board(error) => {
            let words = board_words(error, language);
            return (words.what, words.next);
        }
        other => {
            let advice =
                language.pick("请更换指纹仪，并报告供应商。", "Replace the sensor and tell its maker.");
            let what = match language {
                Language::Chinese => format!("指纹仪出错（{other}）。"),
                Language::English => format!("The fingerprint sensor: {other}."),
            };
            return (what, advice.to_owned());
        }
    };
    let (what, next) = match language {
        Language::Chinese => chinese,
        Language::English => english,
    };
    (what.to_owned(), next.to_owned())
}

/// Which line is what.
pub fn pins(pins: &PinsChosen, language: Language) -> String {
    let names = [
        (pins.ready, "绿", "green"),
        (pins.busy, "黄", "yellow"),
        (pins.fault, "红", "red"),
        (pins.buzzer, "蜂鸣器", "buzzer"),
    ];
    let mut parts: Vec<String> = names
        .into_iter()
        .filter_map(|(line, chinese, english)| Some(format!("{} {}", language.pick(chinese, english), line?)))
        .collect();
    if pins.low {
        parts.push(language.pick("低电平点亮", "lit by low").to_owned());
    }
    parts.join(", ")
}

/// How many of the kiosk's sentences are recorded.
pub fn recorded(recorded: &Recorded, language: Language) -> String {
    let Recorded { chinese: (zh, zh_all), english: (en, en_all) } = recorded;
    match language {
        Language::Chinese => format!("普通话 {zh} / {zh_all}，英语 {en} / {en_all}"),
        Language::English => format!("Mandarin {zh} of {zh_all}, English {en} of {en_all}"),
    }
}

/// What is wrong with a lamp or the buzzer, and what to do.
pub fn indicator(error: IndicatorError, language: Language) -> (String, String) {
    let pick = |chinese: String, english: String| match language {
        Language::Chinese => chinese,
        Language::English => english,
    };
    let say = |what: (String, String), next: (&str, &str)| {
        (pick(what.0, what.1), pick(next.0.to_owned(), next.1.to_owned()))
    };
    match error {
        IndicatorError::LineInUse { line } => say(
            (format!("引脚 {line} 被占用。"), format!("Line {line} is in use.")),
            (
                "换一个引脚，或在 /boot/firmware/config.txt 关掉占用它的功能（I²C、SPI、串口、1-Wire）后重启。",
                "Take another line, or switch off what uses it (I²C, SPI, UART, 1-Wire in /boot/firmware/config.txt) and \
                 start again.",
            ),
        ),
        IndicatorError::NoLine { line } => say(
            (format!("本机没有引脚 {line}。"), format!("This machine has no line {line}.")),
            (
                "填芯片编号（BCM，树莓派为 2 到 27），不是排针上的序号。",
                "Give the number of the chip (BCM, 2 to 27 on a Raspberry Pi), not that of the header.",
            ),
        ),
        IndicatorError::NoLines => say(
            (
                "本机不能用引脚控制指示灯。".to_owned(),
                "Lamps cannot hang on lines of this machine.".to_owned(),
            ),
            (
                "树莓派请安装带 rpi 功能的程序；其他机器把灯接到读卡主板上。",
                "On a Raspberry Pi install the program built with `rpi`; elsewhere put the lamps on the reader board.",
            ),
        ),
        IndicatorError::NotPermitted => say(
            ("本用户无权使用引脚。".to_owned(), "This user may not use the lines.".to_owned()),
            ("把本用户加入 gpio 组后重新登录。", "Add the user to the group gpio and sign in again."),
        ),
        IndicatorError::SameLine { line } => say(
            (format!("引脚 {line} 选了两次。"), format!("Line {line} is chosen twice.")),
            ("每个灯和蜂鸣器用不同的引脚。", "Each lamp and the buzzer take a line of their own."),
        ),
        IndicatorError::CaseOpen | IndicatorError::NotAuthorised | IndicatorError::Device => say(
            ("灯和蜂鸣器没有应答。".to_owned(), "Lamps and buzzer do not answer.".to_owned()),
            ("检查连线和供电。", "Check cable and power."),
        ),
        other => say(
            (format!("灯或蜂鸣器出错（{other}）。"), format!("Lamp or buzzer: {other}.")),
            ("检查连线和供电。", "Check cable and power."),
        ),
    }
}
