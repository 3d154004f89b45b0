//! `jinbao board`: the reader board beside its slots.

mod show;

use std::{path::PathBuf, thread, time::Duration};

use clap::{Args, Subcommand};
use edge::{
    config::{self, Config},
    data_dir,
    random::SystemChance,
    shift,
    terminal::Terminal,
};
use hal::{
    board::{Board, BoardError, find},
    indicator::{Indicator, IndicatorError, Lamp, Tone, board::BoardIndicator},
    pcsc::{ControlError, Limits},
};
use reader_protocol::escape::{KEY_BYTES, SIGNATURE_BYTES, Status};
use ring::signature::Ed25519KeyPair;
use serde_json::json;
use terminal::{
    audit::AuditEvent,
    board::{BoardTrouble, examine},
    error::Error,
    ports::Random,
    roles::{Action, SignedIn},
};
use zeroize::Zeroizing;

use super::Context;
use crate::{
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// How long each lamp shines in the test.
const LAMP_TEST: Duration = Duration::from_millis(700);

/// What can be done with the board.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
主板由 --reader 指定；否则是 config.json 的 board.reader，再不然自动寻找。
The board is the one of --reader, else of board.reader in config.json, else the one that is found.")]
pub(crate) enum Command {
    /// 主板是谁、固件、防拆、指纹模块 · who it is, firmware, tamper latch, fingerprint module
    Show(ShowArguments),
    /// 机壳是否被打开过，及其记录 · whether its case was opened, and its log
    Tamper(TamperArguments),
    /// 检查机器后清除防拆锁定（安装维护员） · clear the latch after a look at the machine, for an installer
    Clear(ClearArguments),
    /// 与本终端配对（安装维护员） · pair it with this terminal, for an installer
    Pair(PairArguments),
    /// 试灯、试蜂鸣 · try lamps and buzzer
    Lamps(LampsArguments),
    /// 更新固件（安装维护员） · give it a new firmware, for an installer
    Update(UpdateArguments),
}

/// What `board show` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao board show
  jinbao board show --reader \"Jinbao board 00 00\" --json")]
pub(crate) struct ShowArguments {}

/// What `board tamper` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao board tamper          被打开过则退出码为 1 · exit 1 when it was opened

主板断电也记得。上次清除后再被打开，本终端停止办理业务，直到安装维护员清除。
The board remembers without power. Once opened, this terminal does no business until an installer clears it.")]
pub(crate) struct TamperArguments {}

/// What `board clear` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao board clear                       须安装维护员签到 · an installer must be signed in
  jinbao board clear --maker-key key.hex   电池失效的主板 · a board whose battery was empty

先检查机器：有无多出的线、贴片、夹层。机壳须已关好。清除由本终端的身份密钥签名，并记入审计。
打开机壳时主板已销毁配对密钥，所以清除后须重新配对（jinbao board pair）。
Look at the machine first: wires, chips or overlays that do not belong. The case must be closed. The clearing is
signed by this terminal's identity key and audited. The opening has destroyed the secret of the pairing: pair anew.

--maker-key：文件内为 64 位十六进制的厂家私钥（Ed25519 种子），只在主板丢失了授权方时需要。
--maker-key: a file with the maker's private key (Ed25519 seed) in 64 hex digits, needed only when the board has
lost its authority.")]
pub(crate) struct ClearArguments {
    /// 厂家私钥文件 · file with the maker's private key
    #[arg(long, value_name = "FILE")]
    maker_key: Option<PathBuf>,
}

/// What `board pair` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao board pair                              须安装维护员签到 · an installer must be signed in
  jinbao board pair --reader \"Jinbao board 00 00\"

主板得到一个新的共享密钥，并从此认本终端的身份密钥为授权方；终端把密钥封存，并把主板写入 config.json。
此后每次业务前主板须证明自己还是这一块，且机壳未被打开。更换终端前，请在原终端上重新配对。
The board gets a new shared secret and takes this terminal's identity key for its authority; the terminal seals the
secret and writes the board into config.json. From then on the board has to prove before each business that it is
the same one and was not opened.")]
pub(crate) struct PairArguments {}

/// What `board lamps` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao board lamps --test     绿、黄、红各亮一次，蜂鸣三种 · green, yellow, red in turn, then three tones")]
pub(crate) struct LampsArguments {
    /// 依次点亮各灯并鸣响 · light each lamp in turn and sound the buzzer
    #[arg(long, required = true)]
    test: bool,
}

/// What `board update` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao board update reader.jbfw     须安装维护员签到 · an installer must be signed in

固件由厂家签名，主板自行验证；不符则拒绝，主板不变。中断后用同一文件重来会接着传。
主板下次上电时启用新固件。
The maker signs the firmware and the board checks that itself; what does not fit is refused and nothing changes.
An update that broke off goes on where it stopped. The board takes it when it starts the next time.")]
pub(crate) struct UpdateArguments {
    /// 固件文件 · the firmware
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Show(ShowArguments {}) => show::show(context),
        Command::Tamper(TamperArguments {}) => show::tamper(context),
        Command::Clear(arguments) => clear(context, &arguments),
        Command::Pair(PairArguments {}) => pair(context),
        Command::Lamps(LampsArguments { .. }) => lamps(context),
        Command::Update(arguments) => update(context, &arguments),
    }
}

/// The board of `--reader`, else of the settings, else the only one that is found.
fn choose(context: &Context, config: Option<&Config>) -> Result<Board, Failure> {
    let asked = context.global.reader.as_deref().filter(|reader| *reader != "auto");
    if let Some(reader) = asked {
        let first = reader.split(',').next().unwrap_or(reader).trim();
        return Ok(Board::new(first));
    }
    if let Some(settings) = config.and_then(|config| config.board.as_ref()) {
        return Ok(Board::new(&settings.reader));
    }
    let found = find(&Limits::default())
        .map_err(|_| trouble(BoardError::Channel(ControlError::Service { detail: "not running" })))?;
    match found.as_slice() {
        [one] => Ok(Board::new(&one.reader)),
        [] => Err(trouble(BoardError::Channel(ControlError::NoReader { reader: "*".to_owned() }))),
        _ => Err(EdgeError::Argument {
            expected: "--reader NAME: more than one board is there",
            expected_chinese: "--reader 名称：有不止一块主板",
        }
        .into()),
    }
}

/// A board's refusal as a failure of the command.
fn trouble(error: BoardError) -> Failure {
    Error::Board(BoardTrouble::Device(error)).into()
}

/// The terminal with somebody who may look after the board, and the board.
fn open(context: &Context) -> Result<(Terminal, SignedIn, Board), Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    let now = terminal.now();
    let signed_in = shift::require(&terminal.cabinet, &mut terminal.ledger, Action::ManageBoard, now)?;
    let board = choose(context, Some(&terminal.cabinet.config))?;
    Ok((terminal, signed_in, board))
}

fn audit(terminal: &mut Terminal, signed_in: &SignedIn, event: &AuditEvent) -> Result<(), Failure> {
    let now = terminal.now();
    Ok(terminal.ledger.audit(now, signed_in.actor(), event).map_err(Error::from)?)
}

fn clear(context: &Context, arguments: &ClearArguments) -> Result<Exit, Failure> {
    let (mut terminal, signed_in, board) = open(context)?;
    let identity = terminal.cabinet.identity()?;
    let maker = arguments.maker_key.as_deref().map(maker_key).transpose()?;
    let before = board.tamper().map_err(trouble)?;
    let serial = board.identify().map_err(trouble)?.serial.to_string();
    let key = maker.as_ref().unwrap_or_else(|| identity.key_pair());
    board.clear_tamper(|message| sign(key, message)).map_err(trouble)?;
    let count = before.count;
    audit(&mut terminal, &signed_in, &AuditEvent::TamperCleared { serial: serial.clone(), count })?;
    let is_paired = board.tamper().map_err(trouble)?.is_paired;
    context.console.done(
        "已清除。请运行 jinbao board pair 重新配对",
        "Cleared. Now pair it anew: jinbao board pair",
        json!({ "serial": serial, "count": count, "paired": is_paired }),
    );
    Ok(Exit::Done)
}

/// The maker's key from a file of hex digits.
fn maker_key(path: &std::path::Path) -> Result<Ed25519KeyPair, Failure> {
    let content = |problem: &str| EdgeError::Content { path: path.to_owned(), problem: problem.to_owned() };
    let text = Zeroizing::new(data_dir::read_text(path)?);
    let mut seed = Zeroizing::new([0; KEY_BYTES]);
    hex::decode_to_slice(text.trim(), &mut seed[..]).map_err(|_| content("64 hex digits are expected"))?;
    Ok(Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| content("not a key"))?)
}

fn sign(key: &Ed25519KeyPair, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    // Both are 64 bytes, the size of every Ed25519 signature.
    signature.copy_from_slice(key.sign(message).as_ref());
    signature
}

fn pair(context: &Context) -> Result<Exit, Failure> {
    let (mut terminal, signed_in, board) = open(context)?;
    let identity = terminal.cabinet.identity()?;
    let serial = board.identify().map_err(trouble)?.serial.to_string();
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    SystemChance::default().fill(&mut secret[..]);
    let authority = identity.public().0;
    board.pair(&secret, &authority, |message| sign(identity.key_pair(), message)).map_err(trouble)?;
    // Should this be cut off here, the board has a secret that nobody knows, and pairing again mends it: it takes
    // this terminal for its authority now.
    let keys = terminal.cabinet.keys.clone().with_board_secret(Some(secret));
    terminal.cabinet.store_keys(keys)?;
    let secret = terminal.cabinet.keys.board_secret();
    examine(&board, secret, &mut SystemChance::default()).map_err(Error::Board)?;
    terminal.cabinet.config.board = Some(config::Board { reader: board.name() });
    terminal.cabinet.config.write(&terminal.cabinet.data)?;
    audit(&mut terminal, &signed_in, &AuditEvent::BoardPaired { serial: serial.clone() })?;
    context.console.done(
        &format!("已配对：{serial}（{}）", board.name()),
        &format!("Paired: {serial} ({})", board.name()),
        json!({ "serial": serial, "reader": board.name() }),
    );
    Ok(Exit::Done)
}

fn lamps(context: &Context) -> Result<Exit, Failure> {
    let config = context.data().ok().and_then(|data| Config::read(&data).ok());
    let board = choose(context, config.as_ref())?;
    let latched = board.tamper().map_err(trouble)?.is_latched;
    let mut indicator = BoardIndicator::new(board);
    let failed = |_: IndicatorError| trouble(BoardError::Silent);
    let all = [(Lamp::Ready, "绿灯", "green"), (Lamp::Busy, "黄灯", "yellow"), (Lamp::Fault, "红灯", "red")];
    for (lamp, ..) in all {
        indicator.lamp(lamp, false).map_err(failed)?;
    }
    thread::sleep(LAMP_TEST);
    for (lamp, chinese, english) in all {
        context.console.step(context.console.language().pick(chinese, english));
        indicator.lamp(lamp, true).map_err(failed)?;
        thread::sleep(LAMP_TEST);
        indicator.lamp(lamp, false).map_err(failed)?;
    }
    for tone in [Tone::Done, Tone::Attention, Tone::Failed] {
        indicator.sound(tone).map_err(failed)?;
        thread::sleep(LAMP_TEST);
    }
    // As a board shines that waits for a card.
    indicator.lamp(Lamp::Ready, true).map_err(failed)?;
    match latched {
        true => context.console.done(
            "防拆锁定时各灯只显示锁定；请看是否只有红灯闪",
            "While the latch is set the lamps show only that.",
            json!({ "latched": true }),
        ),
        false => context.console.done(
            "三灯各亮一次，蜂鸣三种。没看到、没听到请检查连线",
            "Three lamps and three tones. What was not seen or heard has a bad cable.",
            json!({ "latched": false }),
        ),
    }
    Ok(Exit::Done)
}

fn update(context: &Context, arguments: &UpdateArguments) -> Result<Exit, Failure> {
    let (mut terminal, signed_in, board) = open(context)?;
    let image = data_dir::read(&arguments.file)?;
    let serial = board.identify().map_err(trouble)?.serial.to_string();
    let mut bar = context.console.progress("固件", "firmware");
    let sent = board.update(&image, |at| bar.at(at.done_bytes.into(), at.total_bytes.into()));
    drop(bar);
    let header = sent.map_err(trouble)?.header;
    let version = header.version.to_string();
    audit(
        &mut terminal,
        &signed_in,
        &AuditEvent::BoardUpdated { serial: serial.clone(), version: version.clone() },
    )?;
    context.console.done(
        &format!("固件 {version} 已送达并验证；主板下次上电时启用"),
        &format!("Firmware {version} is there and checked; the board takes it at its next start."),
        json!({ "serial": serial, "version": version, "rollback": header.rollback }),
    );
    Ok(Exit::Done)
}

/// Whether a board simply has no such part.
fn lacks(error: &BoardError) -> bool {
    matches!(error, BoardError::Refused(Status::Unsupported))
}
