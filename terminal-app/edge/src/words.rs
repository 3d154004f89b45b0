//! Words of the machine: moments, and what is wrong with a device.

use hal::{fingerprint::FingerprintError, printer::PrinterError};
use terminal::{language::Language, words::board_words};

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
