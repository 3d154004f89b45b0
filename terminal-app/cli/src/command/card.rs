//! `jinbao card`: read and write the card, PIN, explain bytes.

use card_spec::{
    file::{Encoding, File, Item},
    generation::Algorithm,
    text,
};
use clap::{Args, Subcommand};
use edge::{
    config::{Config, Readers},
    counter::Counter,
    data_dir::DataDir,
    pin_entry::SECRET_TIMEOUT_MS,
    random::SystemChance,
    reader::Slots,
};
use protocol::id::TerminalId;
use serde::Serialize;
use serde_json::json;
use terminal::{
    error::Error,
    language::Language,
    receipt::{MaskedName, MaskedNumber},
    roles::Action,
    session::{OpenCard, Session},
};
use zeroize::Zeroizing;

use super::{
    Context, decode,
    tap::{self, CARD_TIMEOUT_S},
};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
    words,
};

/// What can be done with a card.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 读卡基本信息（姓名号码掩码） · what the card says, personal data masked
    Info(InfoArguments),
    /// 按文件地址读卡 · read files by their addresses
    Read(ReadArguments),
    /// 写一个数据项 · write one item
    Write(WriteArguments),
    /// 持卡人密码 · the holder's PIN
    #[command(subcommand)]
    Pin(PinCommand),
    /// 解释十六进制字节，不需要卡 · explain bytes, no card needed
    Decode(decode::Arguments),
}

/// What can be done with the PIN.
#[derive(Debug, Subcommand)]
pub(crate) enum PinCommand {
    /// 校验密码 · verify it
    Verify(PinArguments),
    /// 修改密码 · change it
    Change(PinArguments),
    /// 密码解锁（主管） · open a blocked PIN, for a supervisor
    Unblock(PinArguments),
    /// 密码重置（主管） · set a new one without the old, for a supervisor
    Reset(PinArguments),
}

/// What `card info` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao card info
  jinbao card info --full                    完整显示，须签到 · everything; somebody must be signed in
  jinbao card info --terminal 430100000001   未登记的终端 · on a terminal that is not enrolled
  jinbao card info --trace                   逐条列出命令与耗时 · commands and times, no data

项目与国家接口 iReadCardBas 一致。
The items are those of the standard driver's iReadCardBas.")]
pub(crate) struct InfoArguments {
    /// 完整显示个人信息 · show personal data
    #[arg(long)]
    full: bool,
    /// 终端机编号（未登记时） · terminal number, when not enrolled
    #[arg(long, value_name = "NUMBER")]
    terminal: Option<TerminalId>,
    /// 列出命令与耗时 · list commands and times
    #[arg(long)]
    trace: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `card read` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao card read SSSEEF05
  jinbao card read 'SSSEEF06|08|09|4E|$' 'DF01EF06|23|28|$'
  jinbao card read DF04EF08                  交易明细，须验密 · the transaction log, asks for the PIN

地址同国家接口 pFileAddr；显示内容含个人信息，须签到。
Addresses are those of the standard interface. Personal data are shown: somebody must be signed in.")]
pub(crate) struct ReadArguments {
    /// 文件地址 · addresses
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `card write` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao card write 'DF01EF06|28|$'          从键盘或标准输入取一行 · one line from keyboard or standard input
  echo 0871-60000000 | jinbao card write 'DF01EF06|28|$' --pin-stdin

须主管签到；值不出现在命令行。二进制项写十六进制。
A supervisor must be signed in. The value is never on the command line; binary items are hexadecimal.")]
pub(crate) struct WriteArguments {
    /// 文件地址，恰有一项 · address with one item
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What the PIN commands are told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao card pin verify
  jinbao card pin change
  printf '%s\\n' OLD NEW NEW | jinbao card pin change --pin-stdin

密码只从键盘或标准输入读取，每次输入只发送一次；拔卡不算密码错误。
A PIN is typed or read from standard input, and each entry is sent once; a card pulled out is no wrong PIN.")]
pub(crate) struct PinArguments {
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Info(arguments) => info(context, &arguments),
        Command::Read(arguments) => read(context, &arguments),
        Command::Write(arguments) => write(context, &arguments),
        Command::Pin(command) => pin(context, &command),
        Command::Decode(arguments) => decode::run(context, &arguments),
    }
}

#[derive(Serialize)]
struct Info {
    area: String,
    person: Option<String>,
    card_number: Option<String>,
    card_id: String,
    name: Option<String>,
    reset_information: String,
    version: String,
    issued: String,
    expires: String,
    terminal: TerminalId,
    algorithm: &'static str,
    masked: bool,
    attention: Vec<&'static str>,
    commands: u64,
    trace: Option<Vec<hal::slot::trace::Entry>>,
    psam_trace: Option<Vec<hal::slot::trace::Entry>>,
}

fn info(context: &Context, arguments: &InfoArguments) -> Result<Exit, Failure> {
    let data = context.data()?;
    let (terminal, readers) = who_and_where(&data, arguments.terminal)?;
    if arguments.full && arguments.terminal.is_none() {
        permitted(context, Action::ReadCard)?;
    }
    let slots = Slots::open(context.global.reader.as_deref(), &readers)?;
    let traces = slots.traces.clone();
    let mut session = Session::new(slots.card, slots.psam, terminal);
    // A terminal's books know which cards must not be asked again; without books there is no such knowledge.
    let mut books = match arguments.terminal {
        None => context.open_books().ok(),
        Some(_) => None,
    };
    if let Some(books) = &books {
        session = session
            .at_home_in(books.cabinet.config.place.city)
            .with_refusals(books.flows.session().refusals().clone());
    }
    if session.wait_card(0).is_err() {
        context.console.note("请插卡…", "Put the card in…");
        session.wait_card(arguments.wait.saturating_mul(1_000)).map_err(Error::from)?;
    }
    let opened = session.open(&mut SystemChance::default()).cloned();
    if let Some(books) = &mut books {
        books.flows.take_refusals(session.refusals())?;
    }
    let card = opened.map_err(Error::from)?;
    let commands = session.traffic().0.commands;
    session.close();
    let mut info = Info::of(&card, terminal, arguments.full, context.console.language());
    info.commands = commands;
    if arguments.trace {
        info.trace = Some(traces.0.entries());
        info.psam_trace = Some(traces.1.entries());
    }
    context.console.answer(&info);
    Ok(Exit::Done)
}

/// Number of the terminal and its readers, from the settings where there are some.
fn who_and_where(data: &DataDir, asked: Option<TerminalId>) -> Result<(TerminalId, Readers), Failure> {
    match (Config::read(data), asked) {
        (Ok(config), None) => Ok((config.terminal, config.readers)),
        (Ok(config), Some(terminal)) => Ok((terminal, config.readers)),
        (Err(EdgeError::NotEnrolled), Some(terminal)) => Ok((terminal, Readers::default())),
        (Err(error), _) => Err(error.into()),
    }
}

/// Whoever is signed in may do this; a refusal is audited.
fn permitted(context: &Context, action: Action) -> Result<(), Failure> {
    let mut counter = context.open_books()?;
    authorise(&mut counter, action)
}

fn authorise(counter: &mut Counter, action: Action) -> Result<(), Failure> {
    let signed_in = counter.flows.signed_in().cloned().ok_or(Error::NotSignedIn)?;
    let now = counter.cabinet.now();
    counter.flows.ledger_mut().authorise(&signed_in, action, now).map_err(Error::from)?;
    Ok(())
}

impl Info {
    fn of(card: &OpenCard, terminal: TerminalId, full: bool, language: Language) -> Self {
        let (issuer, holder) = (card.issuer(), card.holder());
        let card_id = issuer.card_id.to_hex().to_string();
        let reset = hex::encode_upper(card.historical().as_bytes());
        let number = issuer.card_number.as_ref().map(|number| number.as_str().to_owned());
        // Serial numbers name one card and so its holder: only what all cards of a city share is left.
        let cut = |text: &str, keep: usize| format!("{}…", &text[..text.len().min(keep)]);
        Info {
            area: issuer.card_id.city().to_string(),
            person: holder.map(|holder| match full {
                true => holder.person.as_str().to_owned(),
                false => MaskedNumber::of(&holder.person).to_string(),
            }),
            card_number: if full { number } else { number.map(|number| cut(&number, 1)) },
            card_id: if full { card_id } else { cut(&card_id, 16) },
            name: holder.map(|holder| match full {
                true => holder.name.as_str().to_owned(),
                false => MaskedName::of(holder.name.as_str()).to_string(),
            }),
            reset_information: if full { reset } else { cut(&reset, 14) },
            version: issuer.version.clone(),
            issued: words::card_date(issuer.issued),
            expires: words::card_date(issuer.expires),
            terminal,
            algorithm: match card.algorithm() {
                Algorithm::TripleDes => "3DES",
                Algorithm::Sm4 => "SM4",
            },
            masked: !full,
            attention: card.attention().iter().map(|attention| attention.words(language)).collect(),
            commands: 0,
            trace: None,
            psam_trace: None,
        }
    }
}

impl Show for Info {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let pick = |chinese: &'static str, english: &'static str| language.pick(chinese, english);
        let or_none = |value: &Option<String>| value.clone().unwrap_or_default();
        page.pairs([
            (pick("发卡地区行政区划代码", "issuing area"), self.area.clone()),
            (pick("社会保障号码", "social security number"), or_none(&self.person)),
            (pick("卡号", "card number"), or_none(&self.card_number)),
            (pick("卡识别码", "card identification code"), self.card_id.clone()),
            (pick("姓名", "name"), or_none(&self.name)),
            (pick("卡复位信息", "reset information"), self.reset_information.clone()),
            (pick("规范版本", "specification version"), format!("{} ({})", self.version, self.algorithm)),
            (pick("发卡日期", "date of issue"), self.issued.clone()),
            (pick("卡有效期", "date of expiry"), self.expires.clone()),
            (pick("终端机编号", "terminal number"), self.terminal.to_string()),
        ]);
        for attention in &self.attention {
            page.line(format!("※ {attention}"));
        }
        page.say("✓ 卡片通过真伪认证", "✓ the card has proved to be genuine");
        for (title, trace) in [(pick("卡", "card"), &self.trace), ("PSAM", &self.psam_trace)] {
            let Some(trace) = trace else { continue };
            page.gap();
            page.line(title);
            for entry in trace {
                page.line(format!("{:>10} µs  {}", entry.at_us, entry.trace));
            }
        }
    }
}

/// A file and the items of it that an address names.
struct Address {
    text: String,
    file: &'static File,
    tags: Vec<u8>,
}

impl Address {
    /// Parses `SSSEEF06|08|09|$`, several of them one after the other, or a whole file `SSSEEF05`.
    fn parse_all(text: &str) -> Result<Vec<Self>, EdgeError> {
        text.split('$')
            .map(str::trim)
            .filter(|block| !block.is_empty())
            .map(|block| {
                let mut words = block.split('|').map(str::trim).filter(|word| !word.is_empty());
                let file = decode::file_by_address(words.next().unwrap_or_default())?;
                let tags = words
                    .map(|word| u8::from_str_radix(word, 16))
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|_| EdgeError::Argument {
                        expected: "items as two hexadecimal digits: SSSEEF06|08|09|$",
                        expected_chinese: "两位十六进制的数据项，如 SSSEEF06|08|09|$",
                    })?;
                Ok(Address { text: block.to_owned(), file, tags })
            })
            .collect()
    }
}

#[derive(Serialize)]
struct Contents {
    files: Vec<FileContents>,
    /// The standard interface's form of the answer.
    values: String,
}

#[derive(Serialize)]
struct FileContents {
    address: String,
    name: &'static str,
    records: Vec<RecordContents>,
}

#[derive(Serialize)]
struct RecordContents {
    tag: Option<String>,
    number: Option<u8>,
    name: String,
    hex: Option<String>,
    /// As the standard interface gives it: text, digits or hexadecimal.
    value: Option<String>,
    /// The same with what is known of it.
    meaning: Option<String>,
}

fn read(context: &Context, arguments: &ReadArguments) -> Result<Exit, Failure> {
    let mut addresses = Vec::new();
    for text in &arguments.addresses {
        addresses.extend(Address::parse_all(text)?);
    }
    let mut counter = context.open(true)?;
    authorise(&mut counter, Action::ReadCard)?;
    context.narrate(&mut counter);
    let generation = tap::tap(context, &mut counter, arguments.wait)?.card.generation();
    if addresses.iter().any(|address| address.file.read.of(generation).needs_pin()) {
        tap::verify(context, &mut counter)?;
    }
    let language = context.console.language();
    let mut contents = Contents { files: Vec::new(), values: String::new() };
    for address in &addresses {
        let session = counter.flows.session_mut();
        let records = session.read_file(address.file, &address.tags, &mut SystemChance::default());
        let records = match records {
            Ok(records) => records,
            Err(error) => {
                counter.flows.close_card();
                return Err(Error::from(error).into());
            }
        };
        let records: Vec<RecordContents> = records
            .iter()
            .map(|record| {
                let item = record.tag.and_then(|tag| address.file.item(generation, tag));
                RecordContents {
                    tag: record.tag.map(|tag| format!("{tag:02X}")),
                    number: (record.number > 0).then_some(record.number),
                    name: item
                        .map(|item| language.pick(item.chinese, item.english))
                        .unwrap_or_default()
                        .to_owned(),
                    hex: record.value.as_ref().map(|value| hex::encode_upper(&**value)),
                    value: record.value.as_ref().map(|value| decode::plain(item, value)),
                    meaning: record
                        .value
                        .as_ref()
                        .map(|value| decode::value(address.file, item, value, language)),
                }
            })
            .collect();
        for record in &records {
            contents.values.push_str(record.value.as_deref().unwrap_or_default());
            contents.values.push('|');
        }
        contents.values.push('$');
        contents.files.push(FileContents {
            address: address.text.clone(),
            name: language.pick(address.file.chinese, address.file.english),
            records,
        });
    }
    counter.flows.close_card();
    context.console.answer(&contents);
    Ok(Exit::Done)
}

impl Show for Contents {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        for file in &self.files {
            page.gap();
            page.line(format!("{} {}", file.address, file.name));
            let head = [
                language.pick("项", "item"),
                language.pick("名称", "name"),
                language.pick("内容", "contents"),
            ];
            let rows = file.records.iter().map(|record| {
                let which = record.tag.clone().or(record.number.map(|number| number.to_string()));
                let none = language.pick("（无此记录）", "(no such record)").to_owned();
                vec![which.unwrap_or_default(), record.name.clone(), record.meaning.clone().unwrap_or(none)]
            });
            page.table(&head, &[], rows);
        }
    }
}

fn write(context: &Context, arguments: &WriteArguments) -> Result<Exit, Failure> {
    let one_item = || EdgeError::Argument {
        expected: "an address with exactly one item: DF01EF06|28|$",
        expected_chinese: "恰有一个数据项的地址，如 DF01EF06|28|$",
    };
    let mut addresses = Address::parse_all(&arguments.address)?;
    let address = addresses.pop().filter(|_| addresses.is_empty()).ok_or_else(one_item)?;
    let [tag] = address.tags[..] else { return Err(one_item().into()) };
    let mut counter = context.open(true)?;
    authorise(&mut counter, Action::WriteCard)?;
    context.narrate(&mut counter);
    let generation = tap::tap(context, &mut counter, arguments.wait)?.card.generation();
    let item = address.file.item(generation, tag).ok_or_else(one_item)?;
    let language = context.console.language();
    let question = language.pick(item.chinese, item.english);
    let text = context.secrets().ask(question, SECRET_TIMEOUT_MS)?;
    let value = encode(item, &text)?;
    if address.file.write.of(generation).needs_pin() {
        tap::verify(context, &mut counter)?;
    }
    let session = counter.flows.session_mut();
    let written = session.write_record(address.file, tag, &value, &mut SystemChance::default());
    counter.flows.close_card();
    written.map_err(Error::from)?;
    context.console.done(
        &format!("已写入 {}", address.text),
        &format!("written: {}", address.text),
        json!({ "address": address.text, "bytes": value.len() }),
    );
    Ok(Exit::Done)
}

/// A value as the card stores it, filled up to its length.
fn encode(item: &Item, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, EdgeError> {
    let wrong = || EdgeError::Argument {
        expected: "a value that fits the item: text, digits, or hexadecimal, and not too long",
        expected_chinese: "符合该项的值：文本、数字或十六进制，且不超长",
    };
    let length = usize::from(item.bytes);
    let text = std::str::from_utf8(text).map_err(|_| wrong())?.trim();
    let mut value = match item.encoding {
        Encoding::An => text::encode_gbk::<255>(text).map_err(|_| wrong())?.to_vec(),
        Encoding::Cn if text.bytes().all(|digit| digit.is_ascii_digit()) => {
            let padded = format!("{text}{}", "F".repeat((length * 2).saturating_sub(text.len())));
            hex::decode(padded).map_err(|_| wrong())?
        }
        Encoding::Cn => return Err(wrong()),
        Encoding::Binary | Encoding::Group(_) => hex::decode(text).map_err(|_| wrong())?,
    };
    if value.len() > length {
        return Err(wrong());
    }
    value.resize(length, 0);
    Ok(Zeroizing::new(value))
}

fn pin(context: &Context, command: &PinCommand) -> Result<Exit, Failure> {
    let (PinCommand::Verify(arguments)
    | PinCommand::Change(arguments)
    | PinCommand::Unblock(arguments)
    | PinCommand::Reset(arguments)) = command;
    let mut counter = context.open(true)?;
    context.narrate(&mut counter);
    tap::tap(context, &mut counter, arguments.wait)?;
    let (done, chinese, english) = match command {
        PinCommand::Verify(_) => {
            (tap::verify(context, &mut counter).map(|_| ()), "密码正确", "the PIN is right")
        }
        PinCommand::Change(_) => {
            (counter.flows.change_pin().map_err(Failure::from), "密码已修改", "the PIN is changed")
        }
        PinCommand::Unblock(_) => (
            counter.flows.unblock_pin().map_err(Failure::from),
            "密码已解锁，原密码可用",
            "the PIN is open again; the old one is in force",
        ),
        PinCommand::Reset(_) => {
            (counter.flows.reset_pin().map_err(Failure::from), "密码已重置", "the new PIN is set")
        }
    };
    counter.flows.close_card();
    done?;
    context.console.done(&format!("✓ {chinese}"), &format!("✓ {english}"), json!({}));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_of_the_standard_interface() {
        let all = Address::parse_all("SSSEEF05|05|06|07|$SSSEEF06|08|09|4E|$DF01EF06|23|28|$").unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1].tags, [0x08, 0x09, 0x4E]);
        assert!(Address::parse_all("SSSEEF05").unwrap()[0].tags.is_empty());
        for bad in ["SSSE", "SSSEEF99|$", "DF09EF05", "SSSEEF05|zz|$"] {
            assert!(Address::parse_all(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_filled_up_as_the_table_says() {
        let item = |address: &str, tag: u8| {
            decode::file_by_address(address)
                .unwrap()
                .item(card_spec::generation::Generation::Three, tag)
                .unwrap()
        };
        assert_eq!(**encode(item("SSSEEF06", 0x0A), b"1\n").unwrap(), b"1"[..]);
        assert_eq!(**encode(item("SSSEEF06", 0x0D), b"19800229").unwrap(), [0x19, 0x80, 0x02, 0x29]);
        assert_eq!(
            encode(item("SSSEEF06", 0x09), "张三".as_bytes()).unwrap()[..5],
            [0xD5, 0xC5, 0xC8, 0xFD, 0]
        );
        assert!(encode(item("SSSEEF06", 0x0A), b"12").is_err());
        assert!(encode(item("SSSEEF06", 0x0D), b"xx").is_err());
    }
}
