//! Texts for the reader board.

use hal::{board::BoardError, pcsc::ControlError};
use reader_protocol::{escape::Status, update::UpdateRefusal};

use super::{Words, say};
use crate::{board::BoardTrouble, language::Language};

impl BoardTrouble {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Tampered { case_open: true } => say(
                l,
                (
                    "读卡主板的机壳开着，已停止办理业务，卡未读取。",
                    "请勿插卡；由安装维护员检查机器，关好机壳后运行 jinbao board clear。",
                ),
                (
                    "The reader board's case is open: no business is done, and no card was read.",
                    "Put no card in. An installer looks at the machine, closes it, and runs `jinbao board clear`.",
                ),
            ),
            Self::Tampered { case_open: false } => say(
                l,
                (
                    "读卡主板的机壳曾被打开，已停止办理业务，卡未读取。",
                    "请勿插卡；由安装维护员检查有无改装，再运行 jinbao board clear 和 jinbao board pair。",
                ),
                (
                    "The reader board's case was opened: no business is done, and no card was read.",
                    "Put no card in. An installer looks for what was changed, then runs `jinbao board clear` and \
                     `jinbao board pair`.",
                ),
            ),
            Self::Replaced => say(
                l,
                (
                    "读卡主板不是与本终端配对的那一块，或线路上有他物，已停止办理业务。",
                    "请安装维护员检查；确认无误后运行 jinbao board pair。",
                ),
                (
                    "This is not the board that was paired with this terminal, or something sits in between: no \
                     business is done.",
                    "An installer looks at it; when all is well, `jinbao board pair`.",
                ),
            ),
            Self::Unpaired => say(
                l,
                ("读卡主板已失去配对，已停止办理业务。", "请安装维护员检查后运行 jinbao board pair。"),
                (
                    "The reader board has lost its pairing: no business is done.",
                    "An installer looks at it, then runs `jinbao board pair`.",
                ),
            ),
            Self::Device(error) => device(error, l),
        }
    }
}

/// What a board did not do, and what to do next.
pub fn device(error: &BoardError, language: Language) -> Words {
    let l = language;
    match error {
        BoardError::EscapesOff { reader } => say(
            l,
            (
                format!("驱动未开放 {reader} 的主板指令（ifdDriverOptions 的 0x0001 位）。"),
                "在 /etc/libccid_Info.plist 中把 ifdDriverOptions 设为 0x0001，再运行：systemctl restart pcscd",
            ),
            (
                format!(
                    "The driver of {reader} hands no board commands on (bit 0x0001 of ifdDriverOptions)."
                ),
                "Set ifdDriverOptions to 0x0001 in /etc/libccid_Info.plist, then: systemctl restart pcscd",
            ),
        ),
        BoardError::NotOurs { reader } => say(
            l,
            (format!("{reader} 不是本系统的读卡主板。"), "请核对 config.json 中的 board.reader。"),
            (format!("{reader} is no board of ours."), "Check board.reader in config.json."),
        ),
        BoardError::OtherVersion => say(
            l,
            ("读卡主板的固件与本程序版本不符。", "请更新主板固件（jinbao board update）或本程序。"),
            (
                "The board's firmware and this program do not know each other.",
                "Update the board (`jinbao board update`) or this program.",
            ),
        ),
        BoardError::Channel(error) => channel(error, l),
        BoardError::Refused(status) => refused(*status, l),
        BoardError::UpdateRefused { reason } => {
            let (chinese, english) = update(*reason);
            say(
                l,
                (format!("主板拒绝该固件：{chinese}。"), "主板未改动；请核对固件文件。"),
                (
                    format!("The board refuses this firmware: {english}."),
                    "The board is as it was; check the file.",
                ),
            )
        }
        BoardError::Image(_) | BoardError::ImageLength { .. } | BoardError::ImageDigest => say(
            l,
            (format!("不是完整的固件文件（{error}）。"), "主板未改动；请重新取得文件。"),
            (
                format!("This is no whole firmware file: {error}."),
                "The board is as it was; get the file again.",
            ),
        ),
        BoardError::ProofWrong => BoardTrouble::Replaced.words(l),
        BoardError::TooLong => say(
            l,
            ("内部错误：指令过长。", "请报告此故障。"),
            ("A command was too long.", "Please report this."),
        ),
        BoardError::Silent | BoardError::Answer(_) => say(
            l,
            ("读卡主板无应答或应答有误。", "请检查连线和电源，再运行 jinbao doctor。"),
            (
                "The reader board does not answer, or not as it should.",
                "Check cable and power, then run `jinbao doctor`.",
            ),
        ),
        error => say(
            l,
            (format!("读卡主板出错（{error}）。"), "请运行 jinbao doctor。"),
            (format!("The reader board: {error}."), "Run `jinbao doctor`."),
        ),
    }
}

fn channel(error: &ControlError, l: Language) -> Words {
    match error {
        ControlError::NoReader { reader } => say(
            l,
            (format!("找不到读卡主板 {reader}。"), "请检查连线和电源，再运行 jinbao doctor。"),
            (
                format!("The reader board {reader} is not connected."),
                "Check cable and power, then run `jinbao doctor`.",
            ),
        ),
        ControlError::Busy { holders } => {
            let who = holders.join(", ");
            say(
                l,
                (format!("读卡主板被其他程序占用：{who}。"), "请关闭该程序。"),
                (format!("Other programs hold the reader board: {who}."), "End them."),
            )
        }
        ControlError::Service { .. } => say(
            l,
            ("卡服务（pcscd）未运行。", "请运行：systemctl start pcscd.socket（或 pcscd）"),
            ("The card service (pcscd) is not running.", "Run: systemctl start pcscd.socket (or pcscd)"),
        ),
        _ => say(
            l,
            ("读卡主板没有按时应答。", "请稍后再试；仍不行请重新上电，再运行 jinbao doctor。"),
            (
                "The reader board gave no answer in time.",
                "Try again; else take its power away for a moment and run `jinbao doctor`.",
            ),
        ),
    }
}

fn refused(status: Status, l: Language) -> Words {
    match status {
        Status::Tampered => BoardTrouble::Tampered { case_open: false }.words(l),
        Status::CaseOpen => BoardTrouble::Tampered { case_open: true }.words(l),
        Status::NotTampered => {
            say(l, ("机壳未曾打开，无须清除。", ""), ("The case was not opened: nothing to clear.", ""))
        }
        Status::SignatureWrong | Status::AlreadyPaired => say(
            l,
            (
                "主板不承认本终端：它认的是另一台终端或厂家的密钥。",
                "用原终端清除或配对；电池失效的主板由持有厂家密钥的人员用 --maker-key 清除。",
            ),
            (
                "The board does not accept this terminal's signature: its authority is another terminal, or the maker.",
                "Clear or pair it at that terminal; a board without battery is cleared with --maker-key by whoever \
                 has the maker's key.",
            ),
        ),
        Status::NotPaired => BoardTrouble::Unpaired.words(l),
        Status::VaultFailed => say(
            l,
            ("主板的保密存储失效。", "请更换主板电池或主板。"),
            ("The board's battery-backed memory fails.", "Change its battery, or the board."),
        ),
        Status::NoChance => say(
            l,
            ("主板的随机数源失效。", "请更换主板。"),
            ("The board has no random bytes.", "Change the board."),
        ),
        Status::Unsupported => say(l, ("这块主板没有这项功能。", ""), ("This board cannot do that.", "")),
        Status::UnknownOpcode | Status::UnknownVersion => device(&BoardError::OtherVersion, l),
        other => say(
            l,
            (format!("主板拒绝了指令（{other}）。"), "请稍后再试，仍不行请运行 jinbao doctor。"),
            (format!("The board refuses: {other}."), "Try again; else run `jinbao doctor`."),
        ),
    }
}

fn update(reason: Option<UpdateRefusal>) -> (&'static str, String) {
    let Some(reason) = reason else { return ("原因不明", "for a reason unknown here".to_owned()) };
    let chinese = match reason {
        UpdateRefusal::Header => "文件头无法识别",
        UpdateRefusal::Board => "是另一种主板的固件",
        UpdateRefusal::Address => "链接地址不符",
        UpdateRefusal::Key => "签名密钥不是这块主板认的",
        UpdateRefusal::Signature => "签名不对",
        UpdateRefusal::Rollback => "版本低于主板允许的下限",
        UpdateRefusal::TooLong => "程序太大",
        UpdateRefusal::NotBegun | UpdateRefusal::OutOfSequence | UpdateRefusal::Incomplete => "传输次序有误",
        UpdateRefusal::Program => "程序与签名不符",
        UpdateRefusal::Flash => "闪存写入失败",
        UpdateRefusal::Erasing => "正在擦除闪存",
    };
    (chinese, reason.to_string())
}
