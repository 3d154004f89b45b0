//! `jinbao sim card` and `jinbao sim psam`: the files that simulated chips live in.

use std::path::{Path, PathBuf};

use card_spec::{date::Date, generation::Generation, money::Fen, region::RegionCode};
use clap::{Args, Subcommand, ValueEnum};
use protocol::id::TerminalId;
use serde::Serialize;
use sim::{
    image::{self, DirectoryImage, FileBody, Image, Life},
    keys::TestKeys,
    personalise::{CardOrder, Flaw, PsamOrder, TEST_PIN, bank_card, health_card},
};

use terminal::training::TrainingKind;

use super::people::population;
use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure, file_error},
};

/// A PIN that cards are issued with.
const INITIAL_PIN: &str = "123456";

/// What can be done with card files.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 制作一张卡 · make a card
    New(Box<NewArguments>),
    /// 查看卡或 PSAM 文件 · look into the file of a card or PSAM
    Show(ShowArguments),
    /// 列出目录中的卡 · list the cards in a folder
    List(ListArguments),
}

/// What can be done with PSAM files.
#[derive(Debug, Subcommand)]
pub(crate) enum PsamCommand {
    /// 制作一个 PSAM · make a PSAM
    New(NewPsamArguments),
}

/// What `sim card new` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim card new --person 7 --out card.json
  jinbao sim card new --person 7 --generation 1 --balance 120.00 --out old.json
  jinbao sim card new --person 7 --flaw forged --out forged.json
  jinbao sim card new --trainee 0 --city 530100 --out training.json
  jinbao sim card new --foreign bank --out bank.json

密码默认 258369；--initial-pin 为发卡初始密码；--pin-stdin 从标准输入读取。
The PIN is 258369; --initial-pin makes it one that cards are issued with; --pin-stdin reads another.")]
pub(crate) struct NewArguments {
    /// 写入的文件 · file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// 持卡人序号 · whose card
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    person: u64,
    /// 培训卡：虚构的培训人员 · a training card, of this training person (0…5)
    #[arg(long, value_name = "INDEX", conflicts_with_all = ["person", "foreign"])]
    trainee: Option<usize>,
    /// 人口种子 · seed of the people
    #[arg(long, default_value_t = super::SEED)]
    seed: u64,
    /// 密钥种子 · seed of the issuer's keys [默认 default: 人口种子 that of the people]
    #[arg(long, value_name = "SEED")]
    key_seed: Option<u64>,
    /// 人口数 · size of the population
    #[arg(long, default_value_t = 1_000)]
    size: u64,
    /// 参保与发卡城市 · city that insures and issues
    #[arg(long, value_name = "REGION", value_parser = super::region, default_value = "430100")]
    city: RegionCode,
    /// 由另一城市发卡 · issued by another city
    #[arg(long, value_name = "REGION", value_parser = super::region)]
    issuer: Option<RegionCode>,
    /// 代次 · generation
    #[arg(long, value_enum, default_value = "3")]
    generation: GenerationArgument,
    /// 发卡日期 · day of issue
    #[arg(long, value_name = "YYYYMMDD", value_parser = super::day)]
    issued: Option<Date>,
    /// 个人账户余额（元） · balance of the personal account, yuan [默认 default: 该人的 the person's]
    #[arg(long, value_name = "YUAN", value_parser = crate::command::yuan)]
    balance: Option<Fen>,
    /// 初始密码 · the PIN is one that cards are issued with
    #[arg(long)]
    initial_pin: bool,
    /// 非接触卡 · as seen over the air
    #[arg(long)]
    contactless: bool,
    /// 卡片自己比对指纹（3.0 卡） · compares fingers itself; cards of 3.0
    #[arg(long)]
    match_on_card: bool,
    /// 带电子钱包 · with a wallet
    #[arg(long)]
    wallet: bool,
    /// 缺陷 · something wrong with it
    #[arg(long, value_enum)]
    flaw: Vec<FlawArgument>,
    /// 不是社保卡 · no social security card at all
    #[arg(long, value_enum)]
    foreign: Option<ForeignArgument>,
}

/// What `sim psam new` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim psam new --terminal 430100000001 --out psam.json
  jinbao sim psam new --terminal 430100000001 --without read-key --out weak.json")]
pub(crate) struct NewPsamArguments {
    /// 终端机编号 · terminal number
    #[arg(long, value_name = "NUMBER")]
    terminal: TerminalId,
    /// 写入的文件 · file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// 密钥种子 · seed of the issuer's keys
    #[arg(long, value_name = "SEED", default_value_t = super::SEED)]
    key_seed: u64,
    /// 缺少的密钥 · keys that it lacks
    #[arg(long, value_enum)]
    without: Vec<WithoutArgument>,
}

/// What `sim card show` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim card show card.json
  jinbao sim card show psam.json --json")]
pub(crate) struct ShowArguments {
    /// 卡或 PSAM 文件 · file of a card or PSAM
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What `sim card list` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao sim card list cards/")]
pub(crate) struct ListArguments {
    /// 目录 · folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GenerationArgument {
    #[value(name = "1", alias = "1.0")]
    One,
    #[value(name = "2", alias = "2.0")]
    Two,
    #[value(name = "3", alias = "3.0")]
    Three,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FlawArgument {
    Forged,
    PinBlocked,
    CardBlocked,
    AccountBlocked,
    AccountBlockedForGood,
    ReadKeyLocked,
    Ssf33,
    NameNotGbk,
    NameMissing,
    NumberTruncated,
    SloppyText,
    DatesMissing,
    TestMark,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ForeignArgument {
    Bank,
    Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WithoutArgument {
    ReadKey,
    Sm4,
    PurchaseKey,
}

impl From<FlawArgument> for Flaw {
    fn from(flaw: FlawArgument) -> Self {
        match flaw {
            FlawArgument::Forged => Flaw::Forged,
            FlawArgument::PinBlocked => Flaw::PinBlocked,
            FlawArgument::CardBlocked => Flaw::CardBlocked,
            FlawArgument::AccountBlocked => Flaw::ApplicationBlocked { directory: 0xDF04, permanent: false },
            FlawArgument::AccountBlockedForGood => {
                Flaw::ApplicationBlocked { directory: 0xDF04, permanent: true }
            }
            FlawArgument::ReadKeyLocked => Flaw::KeyLocked { id: 0x0A },
            FlawArgument::Ssf33 => Flaw::Ssf33,
            FlawArgument::NameNotGbk => Flaw::BadName,
            FlawArgument::NameMissing => Flaw::MissingRecord { tag: 0x09 },
            FlawArgument::NumberTruncated => Flaw::TruncatedRecord { tag: 0x08, bytes: 9 },
            FlawArgument::SloppyText => Flaw::SloppyText,
            FlawArgument::DatesMissing => Flaw::DatesMissing,
            FlawArgument::TestMark => Flaw::TestMark,
        }
    }
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::New(arguments) => new(context, &arguments),
        Command::Show(arguments) => show(context, &arguments),
        Command::List(arguments) => list(context, &arguments),
    }
}

pub(super) fn run_psam(context: &Context, command: PsamCommand) -> Result<Exit, Failure> {
    let PsamCommand::New(arguments) = command;
    let mut order = PsamOrder::new(arguments.terminal.to_bcd(), TestKeys::from_seed(arguments.key_seed));
    for missing in &arguments.without {
        order = match missing {
            WithoutArgument::ReadKey => order.without_read_key_of_environment(),
            WithoutArgument::Sm4 => order.without_sm4(),
            WithoutArgument::PurchaseKey => order.without_purchase_key(),
        };
    }
    save(context, &arguments.out, &Image::Psam(order.build()))
}

fn new(context: &Context, arguments: &NewArguments) -> Result<Exit, Failure> {
    let image = match arguments.foreign {
        Some(ForeignArgument::Bank) => bank_card(),
        Some(ForeignArgument::Health) => health_card(),
        None => {
            let today = super::today();
            let people = population(arguments.seed, arguments.size, arguments.city, today);
            let mut person = people.person(arguments.person).ok_or(EdgeError::Argument {
                expected: "a person within the population",
                expected_chinese: "人口范围内的序号",
            })?;
            if let Some(index) = arguments.trainee {
                become_trainee(&mut person, index)?;
            }
            let keys = TestKeys::from_seed(arguments.key_seed.unwrap_or(arguments.seed));
            let mut order = CardOrder::new(&person, keys).generation(arguments.generation.into());
            if let Some(issuer) = arguments.issuer {
                order = order.city(issuer);
            }
            if let Some(issued) = arguments.issued {
                order = order.issued(issued);
            }
            if let Some(balance) = arguments.balance {
                order = order.account(balance.to_card().ok_or(EdgeError::Argument {
                    expected: "an amount that fits a card",
                    expected_chinese: "卡片能存储的金额",
                })?);
            }
            let pin = pin(context, arguments)?;
            order = order.pin(std::str::from_utf8(&pin).unwrap_or_default());
            if arguments.match_on_card {
                order = order.match_on_card();
            }
            if arguments.contactless {
                order = order.contactless();
            }
            if arguments.wallet {
                order = order.with_wallet();
            }
            for flaw in &arguments.flaw {
                order = order.flaw((*flaw).into());
            }
            order.build()?
        }
    };
    save(context, &arguments.out, &Image::Card(image))
}

/// Turns a person of the population into one of the training, who does not exist.
fn become_trainee(person: &mut sim::people::Person, index: usize) -> Result<(), EdgeError> {
    let everybody = terminal::training::people();
    let trainee = everybody.get(index).ok_or(EdgeError::Argument {
        expected: "a training person: 0 to 5",
        expected_chinese: "培训人员序号：0 到 5",
    })?;
    person.number = trainee.number;
    person.name = trainee.name.clone();
    let (year, month, day) = trainee.number.birth_date();
    person.birth = Date::new(year, month, day).unwrap_or(person.birth);
    person.account = trainee.account;
    person.status = sim::people::Status::Normal;
    person.insurance = match trainee.kind {
        TrainingKind::Worker => sim::people::Insurance::Working,
        TrainingKind::Retired => sim::people::Insurance::Retired,
        TrainingKind::Resident => sim::people::Insurance::Resident,
    };
    Ok(())
}

fn pin(context: &Context, arguments: &NewArguments) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    if arguments.initial_pin {
        return Ok(INITIAL_PIN.as_bytes().to_vec().into());
    }
    if context.global.pin_stdin {
        return Ok(context.secrets().ask("", edge::pin_entry::SECRET_TIMEOUT_MS)?);
    }
    Ok(TEST_PIN.as_bytes().to_vec().into())
}

impl From<GenerationArgument> for Generation {
    fn from(generation: GenerationArgument) -> Self {
        match generation {
            GenerationArgument::One => Generation::One,
            GenerationArgument::Two => Generation::Two,
            GenerationArgument::Three => Generation::Three,
        }
    }
}

fn save(context: &Context, path: &Path, image: &Image) -> Result<Exit, Failure> {
    image::save(path, image)?;
    let name = path.display();
    context.console.done(
        &format!("已写入 {name}"),
        &format!("written: {name}"),
        serde_json::json!({ "path": path, "summary": Summary::of(image) }),
    );
    Ok(Exit::Done)
}

/// What a chip's file says at a glance; nothing of the holder.
#[derive(Debug, Serialize)]
struct Summary {
    kind: &'static str,
    note: String,
    algorithm: Option<u8>,
    terminal: Option<String>,
    blocked: bool,
    interrupted: bool,
    pin_tries_left: Option<u8>,
    finger_tries_left: Option<u8>,
    balance_fen: Option<u32>,
    offline_serial: Option<u16>,
    online_serial: Option<u16>,
}

impl Summary {
    fn of(image: &Image) -> Self {
        match image {
            Image::Psam(psam) => Summary {
                kind: "psam",
                note: psam.note.clone(),
                algorithm: None,
                terminal: Some(hex::encode(psam.terminal_number.0)),
                blocked: psam.credit_tries_left == 0,
                interrupted: psam.interrupted.is_some(),
                pin_tries_left: None,
                finger_tries_left: None,
                balance_fen: None,
                offline_serial: None,
                online_serial: None,
            },
            Image::Card(card) => {
                let account = find(&card.root, &|directory| directory.account.as_ref());
                Summary {
                    kind: "card",
                    note: card.note.clone(),
                    algorithm: Some(card.algorithm.0),
                    terminal: None,
                    blocked: card.blocked,
                    interrupted: card.interrupted.is_some(),
                    pin_tries_left: find(&card.root, &|directory| directory.pin.as_ref())
                        .map(|pin| pin.tries_left),
                    finger_tries_left: find(&card.root, &|directory| directory.finger.as_ref())
                        .map(|finger| finger.tries_left),
                    balance_fen: account.map(|account| account.balance_fen),
                    offline_serial: account.map(|account| account.offline_serial),
                    online_serial: account.map(|account| account.online_serial),
                }
            }
        }
    }
}

/// The first directory, from the top, that has what is looked for.
fn find<'a, T>(
    directory: &'a DirectoryImage,
    has: &impl Fn(&'a DirectoryImage) -> Option<&'a T>,
) -> Option<&'a T> {
    has(directory).or_else(|| directory.directories.iter().find_map(|below| find(below, has)))
}

#[derive(Serialize)]
struct Shown {
    path: PathBuf,
    #[serde(flatten)]
    summary: Summary,
    files: Vec<FileRow>,
}

#[derive(Serialize)]
struct FileRow {
    path: String,
    label: String,
    read: String,
    write: String,
    structure: String,
    life: Option<&'static str>,
}

fn show(context: &Context, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let image = image::load(&arguments.file)?;
    let mut files = Vec::new();
    match &image {
        Image::Card(card) => rows(&card.root, "", &mut files),
        Image::Psam(psam) => files.extend(psam.keys.iter().map(|key| {
            FileRow {
                path: format!("{:02X}/{:02X}", key.usage.0, key.id.0),
                label: format!("{} v{}", key.name, key.version),
                read: "never".to_owned(),
                write: "never".to_owned(),
                structure: match key.algorithm.0 {
                    0x01 => "3DES",
                    0x03 => "SM4",
                    _ => "?",
                }
                .to_owned(),
                life: None,
            }
        })),
    }
    context.console.answer(&Shown { path: arguments.file.clone(), summary: Summary::of(&image), files });
    Ok(Exit::Done)
}

fn rows(directory: &DirectoryImage, above: &str, out: &mut Vec<FileRow>) {
    let path = format!("{above}/{:04X}", directory.id.0);
    out.push(FileRow {
        path: path.clone(),
        label: directory.label.clone(),
        read: String::new(),
        write: String::new(),
        structure: format!("{} keys", directory.keys.len()),
        life: Some(match directory.life {
            Life::Active => "in use",
            Life::Blocked => "blocked",
            Life::Terminated => "blocked for good",
        }),
    });
    for file in &directory.files {
        out.push(FileRow {
            path: format!("{path}/{:04X}", file.id.0),
            label: file.label.clone(),
            read: file.read.to_string(),
            write: file.write.to_string(),
            structure: match &file.body {
                FileBody::Linear(records) => format!("{} records", records.len()),
                FileBody::Fixed(records) => format!("{} fixed records", records.len()),
                FileBody::Transparent(bytes) => format!("{} bytes", bytes.0.len()),
                FileBody::Cyclic { records_max, records, .. } => {
                    format!("{} of {records_max} cyclic", records.len())
                }
                FileBody::Internal => "internal".to_owned(),
            },
            life: None,
        });
    }
    for below in &directory.directories {
        rows(below, &path, out);
    }
}

impl Show for Shown {
    fn show(&self, page: &mut Page) {
        page.line(format!("{}: {}", self.path.display(), self.summary.note));
        let summary = &self.summary;
        let language = page.language();
        let pick = |chinese: &'static str, english: &'static str| language.pick(chinese, english);
        let yes = |is: bool| if is { pick("是", "yes") } else { pick("否", "no") }.to_owned();
        let mut pairs = vec![
            (pick("锁定", "blocked"), yes(summary.blocked)),
            (pick("有未完成的写入", "interrupted update"), yes(summary.interrupted)),
        ];
        if let Some(algorithm) = summary.algorithm {
            pairs.push((pick("算法标识", "algorithm id"), format!("{algorithm:02X}")));
        }
        if let Some(terminal) = &summary.terminal {
            pairs.push((pick("终端机编号", "terminal number"), terminal.clone()));
        }
        if let Some(tries) = summary.pin_tries_left {
            pairs.push((pick("密码剩余次数", "PIN tries left"), tries.to_string()));
        }
        if let Some(tries) = summary.finger_tries_left {
            pairs.push((pick("指纹剩余次数", "finger tries left"), tries.to_string()));
        }
        if let Some(balance) = summary.balance_fen {
            pairs.push((pick("个人账户（元）", "personal account"), Fen(balance.into()).to_string()));
        }
        if let (Some(offline), Some(online)) = (summary.offline_serial, summary.online_serial) {
            pairs.push((pick("脱机、联机序号", "offline, online serial"), format!("{offline}, {online}")));
        }
        page.pairs(pairs);
        page.gap();
        let head = [
            pick("位置", "place"),
            pick("名称", "name"),
            pick("内容", "contents"),
            pick("读", "read"),
            pick("写", "write"),
        ];
        let rows = self.files.iter().map(|row| {
            let structure = match row.life {
                Some("in use") | None => row.structure.clone(),
                Some(life) => format!("{}, {life}", row.structure),
            };
            vec![row.path.clone(), row.label.clone(), structure, row.read.clone(), row.write.clone()]
        });
        page.table(&head, &[], rows);
    }
}

#[derive(Serialize)]
struct Listed {
    cards: Vec<ListedCard>,
}

#[derive(Serialize)]
struct ListedCard {
    path: PathBuf,
    #[serde(flatten)]
    summary: Summary,
}

fn list(context: &Context, arguments: &ListArguments) -> Result<Exit, Failure> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&arguments.folder)
        .map_err(file_error(&arguments.folder))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    // Other JSON files may lie there too.
    let cards = paths
        .into_iter()
        .filter_map(|path| {
            image::load(&path).ok().map(|image| ListedCard { summary: Summary::of(&image), path })
        })
        .collect();
    context.console.answer(&Listed { cards });
    Ok(Exit::Done)
}

impl Show for Listed {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let head = [
            language.pick("文件", "file"),
            language.pick("种类", "kind"),
            language.pick("说明", "note"),
            language.pick("账户（元）", "account"),
        ];
        let rows = self.cards.iter().map(|card| {
            let balance = card.summary.balance_fen.map(|balance| Fen(balance.into()).to_string());
            vec![
                card.path.display().to_string(),
                card.summary.kind.to_owned(),
                card.summary.note.clone(),
                balance.unwrap_or_default(),
            ]
        });
        page.table(&head, &[3], rows);
    }
}
