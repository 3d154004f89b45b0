//! What the board is and how it is.

use edge::{config::Config, random::SystemChance, terminal::Cabinet};
use hal::{
    board::{Board, FIRMWARE_VERSION},
    fingerprint::{FingerprintError, FingerprintSensor, board::BoardModule, sensor::ModuleSensor},
};
use reader_protocol::{
    escape::{Abilities, Cause, Event, Identity, LogEntry, Personality, TamperState},
    update::{LastUpdate, UpdateState},
};
use serde::Serialize;
use serde_json::{Map, Value};
use terminal::{
    board::{BoardTrouble, examine},
    words::board_words,
};

use super::{choose, lacks, trouble};
use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

#[derive(Serialize)]
struct Shown {
    reader: String,
    board: String,
    serial: String,
    version: String,
    /// Whether this is the firmware that this program came with.
    version_known: bool,
    rollback: u32,
    rollback_floor: Option<u32>,
    last_update: Option<&'static str>,
    build: String,
    personality: &'static str,
    slots: u8,
    abilities: Vec<&'static str>,
    tamper: Latch,
    /// Whether the board has proved the secret of this terminal; null when this terminal has none.
    paired_with_us: Option<bool>,
    sensor: Option<Sensor>,
    sensor_error: Option<String>,
    uptime_ms: u64,
    counters: Map<String, Value>,
}

#[derive(Serialize)]
struct Latch {
    opened: bool,
    open: bool,
    paired: bool,
    has_authority: bool,
    count: u16,
}

#[derive(Serialize)]
struct Sensor {
    model: u16,
    capacity: u16,
    kept: Option<u16>,
    security_level: u16,
}

pub(super) fn show(context: &Context) -> Result<Exit, Failure> {
    let config = context.data().ok().and_then(|data| Config::read(&data).ok());
    let board = choose(context, config.as_ref())?;
    let identity = board.identify().map_err(trouble)?;
    let tamper = board.tamper().map_err(trouble)?;
    let counters = board.counters().map_err(trouble)?;
    let update = match board.update_state() {
        Ok(state) => Some(state),
        Err(error) if lacks(&error) => None,
        Err(error) => return Err(trouble(error)),
    };
    let (sensor, sensor_error) = sensor(context, &board, &tamper);
    let shown = Shown {
        paired_with_us: proof(context, &board),
        sensor,
        sensor_error,
        uptime_ms: counters.uptime_ms,
        counters: Event::ALL
            .iter()
            .map(|event| (snake_case(&format!("{event:?}")), counters.of(*event).into()))
            .collect(),
        ..Shown::of(board.name(), &identity, &tamper, update)
    };
    context.console.answer(&shown);
    Ok(Exit::Done)
}

impl Shown {
    fn of(reader: String, identity: &Identity, tamper: &TamperState, update: Option<UpdateState>) -> Self {
        let [major, minor, patch] = identity.version;
        Shown {
            reader,
            board: identity.board.as_str().to_owned(),
            serial: identity.serial.to_string(),
            version: format!("{major}.{minor}.{patch}"),
            version_known: identity.version == FIRMWARE_VERSION,
            rollback: identity.rollback,
            rollback_floor: update.map(|state| state.floor),
            last_update: update.map(|state| match state.last {
                LastUpdate::Unknown => "unknown",
                LastUpdate::Installed => "installed",
                LastUpdate::Refused => "refused",
            }),
            build: hex::encode(identity.build),
            personality: match identity.personality {
                Personality::Sec1210 => "SEC1210",
                Personality::GemCorePosPro => "GemCorePOSPro",
                Personality::GemPcTwin => "GemPCTwin",
                Personality::Usb => "USB CCID",
            },
            slots: identity.slots,
            abilities: ABILITIES
                .iter()
                .filter(|(ability, ..)| identity.abilities.has(*ability))
                .map(|(_, word, ..)| *word)
                .collect(),
            tamper: Latch::of(tamper),
            paired_with_us: None,
            sensor: None,
            sensor_error: None,
            uptime_ms: 0,
            counters: Map::new(),
        }
    }
}

const ABILITIES: [(Abilities, &str, &str); 6] = [
    (Abilities::FINGERPRINT, "fingerprint", "指纹"),
    (Abilities::LAMPS, "lamps", "指示灯"),
    (Abilities::BUZZER, "buzzer", "蜂鸣器"),
    (Abilities::TAMPER, "tamper", "防拆"),
    (Abilities::CHANCE, "chance", "随机数"),
    (Abilities::UPDATE, "update", "固件更新"),
];

impl Latch {
    fn of(state: &TamperState) -> Self {
        Latch {
            opened: state.is_latched,
            open: state.is_open,
            paired: state.is_paired,
            has_authority: state.has_authority,
            count: state.count,
        }
    }
}

/// Whether it is the board of this terminal's pairing; `None` when this terminal has none, or cannot tell.
fn proof(context: &Context, board: &Board) -> Option<bool> {
    let cabinet = Cabinet::open(context.data().ok()?).ok()?;
    let secret = cabinet.keys.board_secret()?;
    match examine(board, Some(secret), &mut SystemChance::default()) {
        Ok(()) => Some(true),
        Err(BoardTrouble::Device(_)) => None,
        Err(_) => Some(false),
    }
}

fn sensor(context: &Context, board: &Board, tamper: &TamperState) -> (Option<Sensor>, Option<String>) {
    let language = context.console.language();
    if tamper.is_latched {
        let text = language.pick("防拆锁定时不可用", "out of use while the latch is set");
        return (None, Some(text.to_owned()));
    }
    match ModuleSensor::new(BoardModule::new(board.clone())).probe() {
        Ok(module) => (
            Some(Sensor {
                model: module.model,
                capacity: module.capacity,
                kept: module.kept,
                security_level: module.security_level,
            }),
            None,
        ),
        Err(FingerprintError::Silent) => {
            (None, Some(language.pick("没有应答", "does not answer").to_owned()))
        }
        Err(FingerprintError::Board(error)) => (None, Some(board_words(&error, language).what)),
        Err(error) => (None, Some(error.to_string())),
    }
}

#[derive(Serialize)]
struct Opened {
    reader: String,
    #[serde(flatten)]
    latch: Latch,
    log: Vec<Opening>,
}

#[derive(Serialize)]
struct Opening {
    number: u16,
    cause: &'static str,
    /// Seconds that the board had been running.
    uptime_s: u32,
}

impl Opening {
    fn of(entry: &LogEntry) -> Self {
        let cause = match entry.cause {
            Cause::CaseOpened => "case_opened",
            Cause::VaultLost => "vault_lost",
        };
        Opening { number: entry.count, cause, uptime_s: entry.uptime_s }
    }
}

pub(super) fn tamper(context: &Context) -> Result<Exit, Failure> {
    let config = context.data().ok().and_then(|data| Config::read(&data).ok());
    let board = choose(context, config.as_ref())?;
    // A reader that is no board must not be taken for one that was never opened.
    board.identify().map_err(trouble)?;
    let latch = Latch::of(&board.tamper().map_err(trouble)?);
    let log = board.tamper_log().map_err(trouble)?.iter().map(Opening::of).collect();
    let exit = if latch.opened || latch.open { Exit::No } else { Exit::Done };
    context.console.answer(&Opened { reader: board.name(), latch, log });
    Ok(exit)
}

impl Latch {
    fn words(&self, page: &Page) -> String {
        match (self.opened, self.open) {
            (_, true) => page.pick("✗ 机壳开着", "✗ the case is open"),
            (true, false) => page.pick("✗ 机壳曾被打开，未清除", "✗ the case was opened, not cleared yet"),
            (false, false) => page.pick("✓ 未被打开", "✓ not opened"),
        }
        .to_owned()
    }
}

impl Show for Opened {
    fn show(&self, page: &mut Page) {
        page.line(self.latch.words(page));
        if !self.log.is_empty() {
            let head = [
                page.pick("次", "no."),
                page.pick("原因", "cause"),
                page.pick("上电后秒数", "seconds after power-on"),
            ]
            .map(str::to_owned);
            let rows: Vec<Vec<String>> = self
                .log
                .iter()
                .map(|opening| {
                    let cause = match opening.cause {
                        "case_opened" => page.pick("机壳打开", "case opened"),
                        _ => page.pick("保密存储丢失（电池）", "vault lost (battery)"),
                    };
                    vec![opening.number.to_string(), cause.to_owned(), opening.uptime_s.to_string()]
                })
                .collect();
            page.table(&head.each_ref().map(String::as_str), &[0, 2], rows);
        }
        if self.latch.opened {
            page.say(
                "检查机器后由安装维护员运行 jinbao board clear",
                "After a look at the machine an installer runs `jinbao board clear`",
            );
        }
    }
}

impl Show for Shown {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let pick = |chinese: &'static str, english: &'static str| language.pick(chinese, english).to_owned();
        let version = match self.version_known {
            true => self.version.clone(),
            false => {
                format!("{} {}", self.version, pick("（与本程序不配套）", "(not the one of this program)"))
            }
        };
        let abilities: Vec<&str> = ABILITIES
            .iter()
            .filter(|(_, word, _)| self.abilities.contains(word))
            .map(|(_, word, chinese)| language.pick(*chinese, *word))
            .collect();
        let paired = match (self.paired_with_us, self.tamper.paired) {
            (Some(true), _) => pick("✓ 与本终端", "✓ with this terminal"),
            (Some(false), _) => {
                pick("✗ 不是与本终端配对的主板", "✗ not the board of this terminal's pairing")
            }
            (None, true) => pick("有（本终端未配对）", "yes, but not with this terminal"),
            (None, false) => pick("无", "no"),
        };
        let sensor = match (&self.sensor, &self.sensor_error) {
            (Some(sensor), _) => format!(
                "✓ {:04X}, {} {}, {} {}",
                sensor.model,
                pick("容量", "room for"),
                sensor.capacity,
                pick("安全等级", "security level"),
                sensor.security_level
            ),
            (None, Some(error)) => format!("※ {error}"),
            (None, None) => "-".to_owned(),
        };
        let latch = self.tamper.words(page);
        page.pairs([
            (pick("读卡器", "reader"), format!("{} ({}, {})", self.reader, self.personality, self.slots)),
            (pick("主板", "board"), format!("{} {}", self.board, self.serial)),
            (pick("固件", "firmware"), format!("{version} · {}", self.build)),
            (
                pick("防回退计数", "rollback counter"),
                match self.rollback_floor {
                    Some(floor) => format!("{} ({} {floor})", self.rollback, pick("下限", "at least")),
                    None => self.rollback.to_string(),
                },
            ),
            (pick("功能", "abilities"), abilities.join(", ")),
            (pick("机壳", "case"), format!("{latch} ({} {})", pick("累计", "times"), self.tamper.count)),
            (pick("配对", "paired"), paired),
            (pick("指纹模块", "fingerprint module"), sensor),
            (pick("运行", "running"), format!("{} s", self.uptime_ms / 1_000)),
        ]);
    }
}

/// `CardMoved` as `card_moved`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
