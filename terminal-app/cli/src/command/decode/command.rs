//! Commands: header, length, every field of the data, Le.

use card_spec::{
    account::{BalanceKind, TYPE_LOAD, TYPE_PURCHASE},
    apdu::CommandApdu,
    command::{BinaryReference, Command, RecordReference, Selection},
    file::Application,
    key,
    money::Fen,
    psam::{CipherMode, SM4_TWIN},
    text,
};

use super::{Explanation, Parts, Words, answer, not_one, same, words};
use crate::failure::EdgeError;

/// How a field of the data is read.
#[derive(Clone, Copy)]
enum Field {
    Plain,
    Secret,
    Digits,
    Fen,
    Number,
}

/// Bytes, reading, Chinese and English name of one field.
type Row = (usize, Field, &'static str, &'static str);

/// Whether the bytes parse as a command that card or PSAM know.
pub(super) fn looks_like_one(bytes: &[u8]) -> bool {
    CommandApdu::parse(bytes).is_ok_and(|apdu| Command::from_apdu(&apdu).is_ok())
}

pub(super) fn explain(mut parts: Parts, bytes: &[u8]) -> Result<Explanation, EdgeError> {
    let apdu = CommandApdu::parse(bytes).map_err(|_| {
        not_one(
            "完整的命令（CLA INS P1 P2 [Lc 数据] [Le]）",
            "a whole command (CLA INS P1 P2 [Lc data] [Le])",
        )
    })?;
    let command = Command::from_apdu(&apdu);
    parts.push(&bytes[..1], same("CLA"), class(apdu.cla));
    let name = command.as_ref().map_or("?", Command::name);
    parts.push(&bytes[1..2], same("INS"), same(name));
    let (p1, p2) = command.as_ref().map_or_else(|_| (same(""), same("")), parameters);
    parts.push(&bytes[2..3], same("P1"), p1);
    parts.push(&bytes[3..4], same("P2"), p2);
    body(&mut parts, bytes, &apdu, command.as_ref().ok());
    let summary = match &command {
        Ok(command) => {
            let does = does(command);
            words(format!("命令 {name}：{}", does.0), format!("Command {name}: {}", does.1))
        }
        Err(status) => {
            let reason = answer::meaning(*status);
            words(
                format!("命令：社保卡与 PSAM 都不认识，会回答 {status}（{}）", reason.0),
                format!("Command that neither card nor PSAM knows; the answer is {status} ({})", reason.1),
            )
        }
    };
    Ok(parts.finish("command", summary))
}

fn body(parts: &mut Parts, bytes: &[u8], apdu: &CommandApdu<'_>, command: Option<&Command<'_>>) {
    let rest = &bytes[4..];
    let data = apdu.data.len();
    let lc = match (data, apdu.is_extended()) {
        (0, _) => 0,
        (_, true) => 3,
        (_, false) => 1,
    };
    let count = |bytes: usize| words(format!("{bytes} 字节"), format!("{bytes} bytes"));
    parts.push(&rest[..lc], words("Lc 数据长度", "Lc, length of the data"), count(data));
    let fields = command.map(|command| fields(command, data)).unwrap_or_default();
    parts.deeper(|parts| data_fields(parts, apdu.data, &fields));
    let le = &rest[lc + data..];
    let wanted = match apdu.le {
        Some(wanted) => words(format!("至多 {wanted} 字节"), format!("at most {wanted} bytes")),
        None => same(""),
    };
    parts.push(le, words("Le 期望的应答长度", "Le, wanted length of the answer"), wanted);
}

fn data_fields(parts: &mut Parts, data: &[u8], fields: &[Row]) {
    let mut rest = data;
    for (bytes, field, chinese, english) in fields {
        let (value, after) = rest.split_at(rest.len().min(*bytes));
        rest = after;
        let name = words(*chinese, *english);
        match field {
            Field::Secret => parts.push_secret(value, name),
            Field::Plain => parts.push(value, name, plain(value)),
            Field::Digits => parts.push(value, name, same(hex::encode(value))),
            Field::Fen => parts.push(value, name, {
                let yuan = Fen(i64::from(number(value)));
                words(format!("{yuan} 元"), format!("{yuan} yuan"))
            }),
            Field::Number => parts.push(value, name, same(number(value).to_string())),
        }
    }
    parts.push(rest, words("数据", "data"), same(""));
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// A name, an identifier or a factor that people would recognise.
fn plain(value: &[u8]) -> Words {
    match value {
        [high, low] => {
            let id = card_spec::file::FileId(u16::from_be_bytes([*high, *low]));
            match Application::by_file_id(id) {
                Some(application) => {
                    let directory = application.directory();
                    words(directory.chinese, directory.english)
                }
                None => same(""),
            }
        }
        [_, _, _, _, _, _, _, _] if value.iter().all(u8::is_ascii_graphic) => {
            same(String::from_utf8_lossy(value))
        }
        value if value.len() > 4 => match text::decode_an::<32>(value) {
            Ok(text) if text.contains("sh.") => {
                let known = answer::application(value);
                words(format!("“{text}” {}", known.0), format!("\"{text}\" {}", known.1))
            }
            _ => same(""),
        },
        _ => same(""),
    }
}

fn class(cla: u8) -> Words {
    let known = match cla {
        0x00 => ("国际标准命令", "command of the international standard"),
        0x04 => ("国际标准命令，带安全报文", "the same with secure messaging"),
        0x80 => ("行业命令", "command of the trade"),
        0x84 => ("行业命令，带安全报文", "the same with secure messaging"),
        0xB0 => ("医疗账户命令", "command of the medical account"),
        0xBF => ("PSAM 命令", "command of the PSAM"),
        _ => ("不认识的类别", "unknown class"),
    };
    words(known.0, known.1)
}

fn record(record: &RecordReference) -> (Words, Words) {
    let file = match record.file() {
        Some(file) => words(format!("短文件标识 {file:?}"), format!("short file identifier {file:?}")),
        None => words("当前文件", "current file"),
    };
    let what = match record {
        RecordReference::Number { number, .. } => {
            words(format!("第 {number} 条记录"), format!("record number {number}"))
        }
        RecordReference::Tag { tag, .. } => words(format!("标签 {tag:02X}"), format!("tag {tag:02X}")),
        RecordReference::AllFrom { number, .. } => {
            words(format!("自第 {number} 条起全部"), format!("all from number {number}"))
        }
        RecordReference::Previous { .. } => words("循环文件的下一位置", "next place of a cyclic file"),
    };
    (what, file)
}

fn binary(at: &BinaryReference) -> (Words, Words) {
    match at {
        BinaryReference::Current { offset } => (
            words(format!("偏移 {offset} 的高位"), format!("upper byte of offset {offset}")),
            words("当前文件", "current file"),
        ),
        BinaryReference::File { file, offset } => (
            words(format!("短文件标识 {file:?}"), format!("short file identifier {file:?}")),
            words(format!("偏移 {offset}"), format!("offset {offset}")),
        ),
    }
}

fn external_key(id: key::KeyId) -> Words {
    if id.is_local() {
        // Keys of applications have the same numbers in each of them.
        return words("当前应用的密钥", "a key of the current application");
    }
    match key::card_key_by_id(Application::Ssse, id) {
        Some(row) => words(format!("密钥 {}", row.name), format!("key {}", row.name)),
        None => words("密钥标识", "identifier of the key"),
    }
}

/// Which key of the card a PSAM derives; SM4 roots have identifiers of their own.
fn psam_key(key: &key::PsamKey) -> Words {
    let named = key::CARD_KEYS
        .iter()
        .find(|row| row.psam.is_some_and(|known| known.usage == key.usage && known.id == key.id & !SM4_TWIN));
    match named {
        Some(row) => words(format!("密钥 {}", row.name), format!("key {}", row.name)),
        None => words("密钥标识", "identifier of the key"),
    }
}

/// What P1 and P2 say.
fn parameters(command: &Command<'_>) -> (Words, Words) {
    let none = || same("");
    match command {
        Command::Select(Selection::ById(_)) => (words("按标识", "by identifier"), none()),
        Command::Select(Selection::FileById(_)) => {
            (words("按标识，当前目录下", "by identifier, in the current directory"), none())
        }
        Command::Select(Selection::ByName(_)) => (words("按名称", "by name"), none()),
        Command::ReadRecord { record: at, .. } | Command::UpdateRecord { record: at, .. } => record(at),
        Command::ReadBinary { at, .. } | Command::UpdateBinary { at, .. } => binary(at),
        Command::ExternalAuthenticate { key, .. } => (none(), external_key(*key)),
        Command::GetAccountBalance(kind) => (
            none(),
            match kind {
                BalanceKind::Account => words("个人账户余额", "balance of the personal account"),
                BalanceKind::SelfPaid => words("年内个人自付累计", "paid by the person this year"),
                BalanceKind::Pooled => words("年内统筹支付累计", "paid by the pooled fund this year"),
            },
        ),
        Command::InitializeAccountLoad(_) | Command::InitializeWalletLoad { .. } => {
            (words("圈存", "load"), none())
        }
        Command::InitializeAccountPurchase(_) | Command::InitializeWalletPurchase { .. } => {
            (words("消费", "purchase"), none())
        }
        Command::GetTransactionProof { transaction_type, .. } => (none(), kind_of(*transaction_type)),
        Command::DeliverSessionKey { key, .. } | Command::DeliverKey { key, .. } => {
            (words("密钥用途与级数", "use and levels of the key"), psam_key(key))
        }
        Command::CipherData { mode, .. } => (
            match mode {
                CipherMode::Encipher | CipherMode::EncipherMore => words("加密", "encipher"),
                CipherMode::MacLast | CipherMode::MacMore | CipherMode::MacSingle | CipherMode::MacFirst => {
                    same("MAC")
                }
            },
            none(),
        ),
        _ => (none(), none()),
    }
}

fn kind_of(transaction_type: u8) -> Words {
    match transaction_type {
        TYPE_LOAD => words("圈存", "load"),
        TYPE_PURCHASE => words("消费", "purchase"),
        _ => words("交易类型", "type of the transaction"),
    }
}

const CARD_FACTOR: Row = (8, Field::Plain, "卡片分散因子", "factor of the card");
const MAC: Row = (4, Field::Plain, "MAC", "MAC");
const DATE: Row = (4, Field::Digits, "日期", "date");
const TIME: Row = (3, Field::Digits, "时间", "time");
const TERMINAL: Row = (6, Field::Digits, "终端机编号", "terminal number");
const KEY_INDEX: Row = (1, Field::Plain, "密钥索引", "key index");

/// The fields of a command's data, in order; bytes beyond them stay plain data.
fn fields(command: &Command<'_>, data_bytes: usize) -> Vec<Row> {
    use Field::{Fen, Number, Plain, Secret};
    let version = (1, Plain, "密钥版本", "version of the key");
    match command {
        Command::Select(Selection::ByName(_)) => vec![(16, Plain, "应用名称", "name of the application")],
        Command::Select(_) => vec![(2, Plain, "文件标识", "file identifier")],
        Command::UpdateRecord { mac, .. }
        | Command::UpdateBinary { mac, .. }
        | Command::AppendRecord { mac, .. } => {
            let body = data_bytes - if mac.is_some() { MAC.0 } else { 0 };
            vec![(body, Plain, "写入内容", "what is written"), MAC]
        }
        Command::InternalAuthenticate { .. } => {
            vec![
                (8, Plain, "过程因子 R1", "process factor R1"),
                (8, Plain, "鉴别数据 R2", "data R2"),
                version,
            ]
        }
        Command::ExternalAuthenticate { .. } => {
            vec![
                (8, Plain, "密文", "cryptogram"),
                (8, Plain, "鉴别所需数据", "data it was made from"),
                version,
            ]
        }
        Command::Verify { .. } => vec![(data_bytes, Secret, "密码", "PIN")],
        Command::VerifyFinger { .. } => vec![(data_bytes, Secret, "指纹模板", "template of the finger")],
        Command::ChangePin { .. } => vec![(data_bytes, Secret, "旧密码、FF、新密码", "old PIN, FF, new PIN")],
        Command::PinReset { .. } => {
            vec![(data_bytes - MAC.0, Plain, "新密码的密文", "new PIN, enciphered"), MAC]
        }
        Command::PinUnblock { .. }
        | Command::FingerUnblock { .. }
        | Command::CardBlock { .. }
        | Command::ApplicationBlock { .. }
        | Command::ApplicationUnblock { .. } => vec![MAC],
        Command::InitializeAccountLoad(_)
        | Command::InitializeWalletLoad { .. }
        | Command::InitializeWalletPurchase { .. } => {
            vec![KEY_INDEX, (4, Fen, "交易金额", "amount"), TERMINAL]
        }
        Command::InitializeAccountPurchase(_) => vec![
            KEY_INDEX,
            (4, Fen, "个人账户支付", "from the personal account"),
            (4, Fen, "个人自付", "paid by the person"),
            (4, Fen, "统筹基金支付", "from the pooled fund"),
            TERMINAL,
        ],
        Command::CreditAccount(_) | Command::CreditWallet(_) => {
            vec![DATE, TIME, (4, Plain, "MAC2", "MAC2")]
        }
        Command::DebitAccount(_) | Command::DebitWallet(_) => vec![
            (4, Number, "终端交易序号", "serial of the terminal"),
            DATE,
            TIME,
            (4, Plain, "MAC1", "MAC1"),
        ],
        Command::GetTransactionProof { .. } => vec![(2, Number, "卡片交易序号", "serial of the card")],
        Command::DeliverSessionKey { .. } => {
            let factors = (data_bytes.saturating_sub(8)) / 8;
            let mut rows = factor_rows(factors);
            rows.push((8, Plain, "卡片随机数", "challenge of the card"));
            rows
        }
        Command::DeliverKey { .. } => factor_rows(data_bytes / 8),
        Command::CipherData { .. } => vec![(data_bytes, Plain, "输入数据", "data to work on")],
        Command::InitializeSamForAccount(purchase) => {
            let mut rows = vec![
                (4, Plain, "卡片随机数", "random of the card"),
                (2, Number, "卡片交易序号", "serial of the card"),
                (4, Fen, "个人账户支付", "from the personal account"),
                (4, Fen, "个人自付", "paid by the person"),
                (4, Fen, "统筹基金支付", "from the pooled fund"),
                (1, Plain, "交易类型", "type of the transaction"),
                DATE,
                TIME,
                version,
                (1, Plain, "算法标识", "algorithm id"),
            ];
            rows.extend(factor_rows(1 + usize::from(purchase.city.is_some())));
            rows
        }
        Command::InitializeSamForWallet(_) => {
            let mut rows = vec![
                (4, Plain, "卡片随机数", "random of the card"),
                (2, Number, "卡片交易序号", "serial of the card"),
                (4, Fen, "交易金额", "amount"),
                (1, Plain, "交易类型", "type of the transaction"),
                DATE,
                TIME,
                version,
                (1, Plain, "算法标识", "algorithm id"),
            ];
            rows.extend(factor_rows(data_bytes.saturating_sub(0x13) / 8));
            rows
        }
        Command::CreditSam { .. } => vec![(4, Plain, "MAC2", "MAC2")],
        Command::ReadRecord { .. }
        | Command::ReadBinary { .. }
        | Command::GetResponse { .. }
        | Command::GetChallenge { .. }
        | Command::PinTries
        | Command::FingerTries { .. }
        | Command::GetAccountBalance(_)
        | Command::GetWalletBalance(_) => Vec::new(),
    }
}

fn factor_rows(count: usize) -> Vec<Row> {
    [
        CARD_FACTOR,
        (8, Field::Plain, "城市分散因子", "factor of the city"),
        (8, Field::Plain, "省分散因子", "factor of the province"),
    ]
    .into_iter()
    .take(count)
    .collect()
}

/// What the card or the PSAM does.
fn does(command: &Command<'_>) -> Words {
    let text = match command {
        Command::Select(_) => ("选择应用或文件", "chooses an application or a file"),
        Command::ReadRecord { .. } => ("读记录", "reads a record"),
        Command::ReadBinary { .. } => ("读透明文件", "reads a transparent file"),
        Command::UpdateRecord { mac: None, .. } => ("写记录", "writes a record"),
        Command::UpdateRecord { .. } => ("写记录，带 MAC", "writes a record, with MAC"),
        Command::UpdateBinary { .. } => ("写透明文件", "writes a transparent file"),
        Command::AppendRecord { .. } => ("追加记录", "appends a record"),
        Command::GetResponse { .. } => ("取走上一命令的应答", "fetches the answer of the command before"),
        Command::GetChallenge { .. } => ("取随机数", "asks for random bytes"),
        Command::InternalAuthenticate { .. } => {
            ("内部认证：卡片证明自己是真的", "the card proves that it is genuine")
        }
        Command::ExternalAuthenticate { .. } => {
            ("外部认证：终端证明自己有权", "the terminal proves that it may")
        }
        Command::Verify { .. } => ("校验密码", "verifies the PIN"),
        Command::PinTries => ("查询密码剩余次数", "asks for the PIN tries left"),
        Command::VerifyFinger { .. } => ("卡内比对指纹", "has the card compare a finger"),
        Command::FingerTries { .. } => ("查询指纹比对剩余次数", "asks for the tries of comparing left"),
        Command::FingerUnblock { .. } => ("解锁指纹比对", "opens a blocked comparison of fingers"),
        Command::ChangePin { .. } => ("修改密码", "changes the PIN"),
        Command::PinUnblock { .. } => ("密码解锁", "opens a blocked PIN"),
        Command::PinReset { .. } => ("密码重置", "sets a new PIN"),
        Command::CardBlock { .. } => ("锁卡", "blocks the card"),
        Command::ApplicationBlock { .. } => ("锁应用", "blocks the application"),
        Command::ApplicationUnblock { .. } => ("应用解锁", "opens the application again"),
        Command::GetAccountBalance(_) => ("查医疗账户", "asks for a sum of the medical account"),
        Command::InitializeAccountLoad(_) => ("医疗账户圈存初始化", "prepares a load of the medical account"),
        Command::CreditAccount(_) => ("医疗账户圈存", "loads the medical account"),
        Command::InitializeAccountPurchase(_) => {
            ("医疗账户消费初始化", "prepares a purchase from the medical account")
        }
        Command::DebitAccount(_) => ("医疗账户扣款", "takes money from the medical account"),
        Command::GetWalletBalance(_) => ("查电子钱包余额", "asks for the balance of a wallet"),
        Command::InitializeWalletLoad { .. } => ("电子钱包圈存初始化", "prepares a load of a wallet"),
        Command::CreditWallet(_) => ("电子钱包圈存", "loads a wallet"),
        Command::InitializeWalletPurchase { .. } => {
            ("电子钱包消费初始化", "prepares a purchase from a wallet")
        }
        Command::DebitWallet(_) => ("电子钱包扣款", "takes money from a wallet"),
        Command::GetTransactionProof { .. } => {
            ("取交易认证：问卡片那笔交易做了没有", "asks whether a transaction was done, for its MAC and TAC")
        }
        Command::DeliverSessionKey { .. } => ("PSAM 分散出会话密钥", "the PSAM derives a session key"),
        Command::DeliverKey { .. } => ("PSAM 分散出密钥", "the PSAM derives a key"),
        Command::CipherData { .. } => {
            ("PSAM 用已分散的密钥加密或算 MAC", "the PSAM enciphers or makes a MAC")
        }
        Command::InitializeSamForAccount(_) | Command::InitializeSamForWallet(_) => {
            ("PSAM 计算 MAC1", "the PSAM makes MAC1 of a purchase")
        }
        Command::CreditSam { .. } => ("PSAM 校验 MAC2", "the PSAM checks MAC2 of a purchase"),
    };
    words(text.0, text.1)
}
