//! Answers: status words, file control information, directory records.

use card_spec::{
    apdu::ResponseApdu,
    fci,
    file::{Application, ApplicationName},
    generation::Algorithm,
    status::StatusWord,
    text,
    tlv::ber,
};

use super::{Explanation, Parts, Words, not_one, same, words};
use crate::failure::EdgeError;

/// Longest label of an application in UTF-8.
const LABEL_UTF8_BYTES_MAX: usize = 64;

pub(super) fn status(mut parts: Parts, bytes: &[u8]) -> Result<Explanation, EdgeError> {
    let [sw1, sw2] = *bytes else {
        return Err(not_one("两字节的状态字", "a status word of two bytes"));
    };
    let word = StatusWord::new(sw1, sw2);
    let meaning = meaning(word);
    push_status(&mut parts, word);
    let driver = word.driver_error();
    let summary = words(
        format!("状态字 {word}：{}（驱动返回码 {driver}）", meaning.0),
        format!("Status word {word}: {} (the standard driver returns {driver})", meaning.1),
    );
    Ok(parts.finish("status", summary))
}

pub(super) fn explain(mut parts: Parts, bytes: &[u8]) -> Result<Explanation, EdgeError> {
    let (data, status) = split(bytes);
    let summary = match data {
        [0x6F, ..] => {
            objects(&mut parts, data, Level::Fci);
            let algorithm = fci::Fci::parse(data).ok().map(|fci| match fci.algorithm() {
                Ok(Algorithm::TripleDes) => "3DES",
                Ok(Algorithm::Sm4) => "SM4",
                Err(_) => "?",
            });
            let algorithm = algorithm.unwrap_or("?");
            words(
                format!("选择应答（FCI），卡片算法 {algorithm}"),
                format!("Answer to SELECT (FCI), the card's algorithm is {algorithm}"),
            )
        }
        [0x70, ..] => {
            objects(&mut parts, data, Level::Directory);
            words("目录记录", "Record of the directory file")
        }
        [] => words("应答：只有状态字", "Answer: a status word alone"),
        _ => {
            parts.push(
                data,
                words("数据", "data"),
                words("含义取决于命令", "what it means depends on the command"),
            );
            words("应答", "Answer")
        }
    };
    if let Some(status) = status {
        push_status(&mut parts, status);
    }
    Ok(parts.finish("answer", summary))
}

/// Data and status word; without one when the data are whole by themselves.
fn split(bytes: &[u8]) -> (&[u8], Option<StatusWord>) {
    let whole = matches!(bytes, [0x6F | 0x70, length, rest @ ..] if rest.len() == usize::from(*length));
    match ResponseApdu::parse(bytes) {
        Ok(answer) if !whole => (answer.data, Some(answer.status)),
        _ => (bytes, None),
    }
}

fn push_status(parts: &mut Parts, word: StatusWord) {
    let name = word.name().map_or_else(|| same("SW1 SW2"), |name| same(format!("SW1 SW2 {name}")));
    parts.push(&word.to_bytes(), name, meaning(word));
}

/// What a status word says.
pub(super) fn meaning(word: StatusWord) -> Words {
    if let Some(bytes) = word.bytes_waiting() {
        return words(
            format!("还有 {bytes} 字节，用 GET RESPONSE 取"),
            format!("{bytes} bytes wait for GET RESPONSE"),
        );
    }
    if let Some(le) = word.exact_length() {
        return words(format!("Le 不对，应为 {le}"), format!("wrong Le, it should be {le}"));
    }
    if let Some(left) = word.tries_left() {
        return words(
            format!("验证失败，还可尝试 {left} 次"),
            format!("verification failed, {left} tries left"),
        );
    }
    let known = match word {
        StatusWord::SUCCESS => ("成功", "done"),
        StatusWord::SELECTED_FILE_BLOCKED => {
            ("成功，但所选应用已锁定", "done, but the selected application is blocked")
        }
        StatusWord::AUTHENTICATION_FAILED => ("认证失败", "authentication failed"),
        StatusWord::MEMORY_FAILURE => ("卡片写存储器失败", "the card could not write its memory"),
        StatusWord::WRONG_LENGTH => ("长度错误", "wrong length"),
        StatusWord::INVALID_STATE => ("命令不符合当前状态", "the command does not fit the state"),
        StatusWord::WRONG_FILE_TYPE => {
            ("命令与文件结构不符", "the command does not fit the structure of the file")
        }
        StatusWord::SECURITY_STATUS => ("安全条件不满足", "a right is missing (PIN or key)"),
        StatusWord::AUTHENTICATION_BLOCKED => ("密钥或密码已锁定", "the key or the PIN is locked"),
        StatusWord::DATA_INVALID => {
            ("未取随机数，或引用数据无效", "no challenge was taken, or the referenced data is invalid")
        }
        StatusWord::CONDITIONS_OF_USE => ("使用条件不满足", "conditions of use are not met"),
        StatusWord::NO_CURRENT_FILE => ("没有选择文件", "no file is selected"),
        StatusWord::MAC_MISSING => ("缺少 MAC", "the MAC is missing"),
        StatusWord::MAC_WRONG => ("安全报文的 MAC 错误", "the MAC of a protected command is wrong"),
        StatusWord::WRONG_DATA => ("数据域错误", "the data field is wrong"),
        StatusWord::NOT_SUPPORTED => ("不支持，或卡片已锁定", "not supported, or the card is blocked"),
        StatusWord::FILE_NOT_FOUND => ("没有该文件或应用", "no such file or application"),
        StatusWord::RECORD_NOT_FOUND => ("没有该记录", "no such record"),
        StatusWord::NO_SPACE => ("文件空间不足", "no space in the file"),
        StatusWord::WRONG_PARAMETERS => ("P1 或 P2 错误", "P1 or P2 is wrong"),
        StatusWord::KEY_NOT_FOUND => ("没有该密钥", "no such key"),
        StatusWord::WRONG_OFFSET => ("偏移超出文件", "the offset is outside of the file"),
        StatusWord::INSTRUCTION_NOT_SUPPORTED => ("没有该命令", "the instruction does not exist"),
        StatusWord::CLASS_NOT_SUPPORTED => ("没有该类别", "the class does not exist"),
        StatusWord::NO_DIAGNOSIS => ("卡片没有说明原因", "the card gives no reason"),
        StatusWord::TRANSACTION_MAC_WRONG => ("交易 MAC 错误", "the MAC of the transaction is wrong"),
        StatusWord::APPLICATION_LOCKED => ("应用永久锁定", "the application is locked for good"),
        StatusWord::INSUFFICIENT_FUNDS => ("余额不足", "not enough money"),
        StatusWord::COUNTER_AT_MAXIMUM => ("交易计数已达最大值", "the transaction counter is at its maximum"),
        StatusWord::KEY_INDEX_NOT_SUPPORTED => ("没有该密钥索引", "no such key index"),
        StatusWord::MAC_NOT_AVAILABLE => ("所需 MAC 不可用", "the MAC asked for is not available"),
        StatusWord::APPLICATION_SUSPENDED => ("应用交易已锁定", "the application is locked for transactions"),
        StatusWord::WALLET_LOCKED => ("电子钱包已锁定", "the wallet is locked"),
        other => return family(other),
    };
    words(known.0, known.1)
}

/// By the first byte alone (ISO/IEC 7816-4 §5.6).
fn family(word: StatusWord) -> Words {
    let known = match word.sw1() {
        0x62 => ("警告，未改动", "warning, nothing was changed"),
        0x63 => ("警告，已改动", "warning, something was changed"),
        0x64 => ("执行出错，未改动", "execution error, nothing was changed"),
        0x65 => ("执行出错，已改动", "execution error, something was changed"),
        0x68 => ("类别中的功能不支持", "a function of the class is not supported"),
        0x69 => ("不允许该命令", "the command is not allowed"),
        0x6A => ("参数错误", "wrong parameters"),
        0x93 | 0x94 => ("交易类错误，公开资料未载", "error of a transaction, not named in public"),
        _ => ("公开资料未载", "not named in public"),
    };
    words(known.0, known.1)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Fci,
    Directory,
}

/// Data objects: tag, length, then the value or the objects inside it.
fn objects(parts: &mut Parts, bytes: &[u8], level: Level) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(Object { tag, tag_bytes, head_bytes, value }) = first_object(rest) else {
            parts.push(rest, words("残余", "rest"), words("不是完整的数据对象", "no whole data object"));
            return;
        };
        parts.push(&rest[..tag_bytes], same(format!("{tag:02X}")), tag_name(tag, level));
        parts.push(
            &rest[tag_bytes..head_bytes],
            words("长度", "length"),
            words(format!("{} 字节", value.len()), format!("{} bytes", value.len())),
        );
        if matches!(tag, 0x6F | 0xA5 | 0x9F0C | 0x70 | 0x61 | 0xBF0C) {
            parts.deeper(|parts| objects(parts, value, level));
        } else {
            parts.deeper(|parts| parts.push(value, words("值", "value"), value_of(tag, value)));
        }
        rest = &rest[head_bytes + value.len()..];
    }
}

/// One data object at the beginning of bytes.
struct Object<'a> {
    tag: u32,
    tag_bytes: usize,
    head_bytes: usize,
    value: &'a [u8],
}

/// `None` when tag, length or value are cut, or longer than BER-TLV on a card gets.
fn first_object(bytes: &[u8]) -> Option<Object<'_>> {
    let mut tag_bytes = 1;
    let mut tag = u32::from(*bytes.first()?);
    if tag & 0x1F == 0x1F {
        loop {
            let next = *bytes.get(tag_bytes)?;
            tag_bytes += 1;
            tag = tag << 8 | u32::from(next);
            if next & 0x80 == 0 {
                break;
            }
            if tag_bytes == ber::TAG_BYTES_MAX {
                return None;
            }
        }
    }
    let rest = bytes.get(tag_bytes..)?;
    let (length_bytes, length) = match *rest {
        [length @ 0..=0x7F, ..] => (1, usize::from(length)),
        [0x81, length, ..] => (2, usize::from(length)),
        [0x82, high, low, ..] => (3, usize::from(high) << 8 | usize::from(low)),
        _ => return None,
    };
    let head_bytes = tag_bytes + length_bytes;
    let value = bytes.get(head_bytes..head_bytes + length)?;
    Some(Object { tag, tag_bytes, head_bytes, value })
}

fn tag_name(tag: u32, level: Level) -> Words {
    let known = match (tag, level) {
        (0x6F, _) => ("文件控制信息模板", "file control information"),
        (0x84, Level::Fci) => ("应用名称（AID）", "name of the application (AID)"),
        (0xA5, Level::Fci) => ("专用数据", "proprietary data"),
        (0x88, Level::Fci) => ("目录文件短标识", "short identifier of the directory file"),
        (0x9F0C | 0xBF0C, Level::Fci) => ("发卡方自定数据", "data of the issuer"),
        (0x86, Level::Fci) => ("算法标识", "algorithm id"),
        (0x50, _) => ("应用标签", "label of the application"),
        (0x70, Level::Directory) => ("目录记录模板", "record of the directory"),
        (0x61, Level::Directory) => ("应用模板", "application"),
        (0x4F, Level::Directory) => ("应用名称（AID）", "name of the application (AID)"),
        _ => ("公开资料未载", "not named in public"),
    };
    words(known.0, known.1)
}

fn value_of(tag: u32, value: &[u8]) -> Words {
    match (tag, value) {
        (0x84 | 0x4F, name) => application(name),
        (0x88, [sfi]) => same(format!("SFI {sfi:02X}")),
        (0x86, [id]) => match Algorithm::from_id(Some(*id)) {
            Ok(Algorithm::TripleDes) => same("3DES"),
            Ok(Algorithm::Sm4) => same("SM4"),
            Err(_) => words("本系统不支持的算法", "an algorithm that is not supported here"),
        },
        (0x50, label) => match text::decode_an::<LABEL_UTF8_BYTES_MAX>(label) {
            Ok(text) => same(text.as_str()),
            Err(_) => words("不是 GBK 文本", "no GBK text"),
        },
        _ => words("公开资料未载", "not named in public"),
    }
}

/// Which application a name belongs to.
pub(super) fn application(name: &[u8]) -> Words {
    if let Some(known) = Application::by_name(name) {
        let directory = known.directory();
        return words(
            format!("{} {}", known.short_name(), directory.chinese),
            format!("{} {}", known.short_name(), directory.english),
        );
    }
    let known = [
        (
            ApplicationName::SSSE_SSF33,
            "社会保障系统环境（SSF33，不支持）",
            "environment for SSF33, not supported",
        ),
        (ApplicationName::PAYMENT_ENVIRONMENT, "金融支付环境", "payment environment of a bank"),
        (ApplicationName::PKI, "社会保障 PKI 环境", "PKI environment"),
        (ApplicationName::CERTIFICATES, "证书应用", "certificates"),
        (ApplicationName::BANK_DEBIT, "银行借记应用", "bank debit"),
        (ApplicationName::BANK_CREDIT, "银行贷记应用", "bank credit"),
        (card_spec::psam::APPLICATION, "PSAM 社会保障应用", "PSAM application"),
    ];
    known.into_iter().find(|(known, _, _)| known.as_bytes() == name).map_or_else(
        || words("其他应用", "another application"),
        |(_, chinese, english)| words(chinese, english),
    )
}
