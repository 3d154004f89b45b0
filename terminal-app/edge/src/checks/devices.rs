//! Service, readers, card, PSAM, printer.

use hal::{
    board::{BoardReport, ESCAPES_OFF_REMEDY},
    fingerprint::{FingerprintSensor, board::BoardModule, sensor::ModuleSensor},
    indicator::panel::Panel,
    pcsc::{Hint, Limits, Service, ServiceReport, UsbReader, examine},
    slot::{CardSlot, SlotError},
};
use terminal::{
    board::{BoardTrouble, examine as examine_board},
    error::Error,
    session::{Session, SessionError},
    setup::Face,
};

use super::{Checks, Health, Title};
use crate::{
    board as boards,
    config::{Config, Readers},
    failure::{EdgeError, Failure},
    font, indicator,
    options::Options,
    printer as paper,
    random::SystemChance,
    reader::Slots,
    sensor::{self, ON_BOARD},
    voice::{self, Recorded},
    words,
};

const SERVICE: Title = ("卡服务（pcscd）", "card service (pcscd)");
const READERS: Title = ("读卡器", "readers");
const PSAM: Title = ("安全模块（PSAM）", "security module (PSAM)");
const CARD: Title = ("卡", "card");
const BOARD: Title = ("读卡主板", "reader board");
const SENSOR: Title = ("指纹模块", "fingerprint module");
const PRINTER: Title = ("打印机", "printer");
const LAMPS: Title = ("指示灯和蜂鸣器", "lamps and buzzer");
const VOICE: Title = ("语音", "voice");
const FONT: Title = ("PDF 字体", "font for PDF");

/// The service and what hangs on it.
pub(super) fn service(checks: &mut Checks<'_>, options: &Options) {
    if options.is_simulated() {
        checks.skipped("service", SERVICE, "使用进程内模拟卡", "a card simulated in this process is used");
        return;
    }
    let report = examine(&Limits::default());
    let ServiceReport { version, clients, readers, usb, hints, .. } = &report;
    let version = version.clone().unwrap_or_else(|| "?".to_owned());
    match report.service {
        Service::Running => {
            let text = checks.pick(
                format!("运行中，版本 {version}，客户端 {} 个", clients.len()),
                format!("running, version {version}, {} clients", clients.len()),
            );
            checks.good("service", SERVICE, text);
        }
        other => {
            let text = match other {
                Service::NotRunning => checks.pick("未运行", "not running"),
                Service::Refused => checks.pick("拒绝本用户", "turns this user away"),
                _ => checks.pick("无响应", "does not answer"),
            };
            let socket = report.socket.display();
            let text = format!("{text} ({socket})");
            let advice = hints.first().map(|hint| hint_words(checks, hint)).unwrap_or_default();
            checks.add("service", SERVICE, Health::Bad, text, advice);
        }
    }
    let names: Vec<String> = readers.iter().map(|reader| reader.name.clone()).collect();
    let drivers: Vec<String> = usb.iter().map(usb_words).collect();
    let found = if names.is_empty() { checks.pick("没有", "none") } else { names.join(", ") };
    let found = if drivers.is_empty() { found } else { format!("{found} [USB {}]", drivers.join(", ")) };
    let trouble: Vec<&Hint> = hints
        .iter()
        .filter(|hint| report.service == Service::Running || matches!(hint, Hint::UnknownReader { .. }))
        .collect();
    let health = match (names.is_empty(), trouble.is_empty()) {
        (true, _) => Health::Bad,
        (false, false) => Health::Look,
        (false, true) => Health::Good,
    };
    let advice: Vec<String> = trouble.into_iter().map(|hint| hint_words(checks, hint)).collect();
    checks.add("readers", READERS, health, found, advice.join(" "));
}

fn usb_words(reader: &UsbReader) -> String {
    format!("{:04x}:{:04x}", reader.vendor_id, reader.product_id)
}

fn hint_words(checks: &Checks<'_>, hint: &Hint) -> String {
    match hint {
        Hint::InstallService => {
            checks.pick("安装：apt-get install pcscd libccid", "Install it: apt-get install pcscd libccid.")
        }
        Hint::StartService => checks.pick(
            "启动：systemctl start pcscd.socket（或 pcscd）",
            "Start it: systemctl start pcscd.socket (or pcscd).",
        ),
        Hint::RestartService => checks
            .pick("已卡死，重启：systemctl restart pcscd", "It hangs, restart it: systemctl restart pcscd."),
        Hint::AllowByPolkit => checks.pick(
            "把本用户加入 jinbao 组并安装 polkit 规则 50-jinbao-pcscd.rules（见 hal/system）",
            "Add the user to group jinbao and install the polkit rule 50-jinbao-pcscd.rules (hal/system).",
        ),
        Hint::AllowSocket { socket } => {
            let socket = socket.display();
            checks.pick(format!("让本用户可写 {socket}"), format!("Let this user write to {socket}."))
        }
        Hint::PlugReader => checks.pick("插上读卡器", "Plug a reader in."),
        Hint::UnknownReader { vendor_id, product_id } => checks.pick(
            format!("驱动不认识 {vendor_id:04x}:{product_id:04x}，请升级 libccid 或更换读卡器"),
            format!("No driver knows {vendor_id:04x}:{product_id:04x}: a newer libccid, or another reader."),
        ),
        Hint::Autosuspend { vendor_id, product_id } => checks.pick(
            format!("系统会让 {vendor_id:04x}:{product_id:04x} 休眠，安装 udev 规则 93-jinbao-reader.rules"),
            format!(
                "The system puts {vendor_id:04x}:{product_id:04x} to sleep: install the udev rule \
                 93-jinbao-reader.rules."
            ),
        ),
        Hint::ReplugReader { reader } => {
            checks.pick(format!("重新插拔 {reader}"), format!("Plug {reader} in again."))
        }
        Hint::MuteCard { reader } => checks.pick(
            format!("{reader} 中的卡无应答，擦净芯片后重插"),
            format!("The card in {reader} says nothing: wipe its contacts and put it in again."),
        ),
        Hint::Held { reader, holders } => {
            let who = holders.join(", ");
            checks.pick(
                format!("{reader} 中的卡被占用：{who}，请关闭该程序"),
                format!("The card in {reader} is held by {who}: end that program."),
            )
        }
        Hint::Stuck { calls } => checks
            .pick(format!("{calls} 个调用卡住，请重启本程序"), format!("{calls} calls are stuck: restart.")),
        Hint::AllowEscapes { reader } => checks.pick(
            format!("{reader}：驱动未开放主板指令，以 root 运行：{ESCAPES_OFF_REMEDY}，再 systemctl restart pcscd"),
            format!(
                "{reader}: the driver hands no board commands on. As root: {ESCAPES_OFF_REMEDY}; then systemctl \
                 restart pcscd."
            ),
        ),
        Hint::BoardTampered { reader, case_open } => match case_open {
            true => checks.pick(
                format!("{reader}：机壳开着，检查后关好，再 jinbao board clear"),
                format!("{reader}: its case is open. Look at it, close it, then `jinbao board clear`."),
            ),
            false => checks.pick(
                format!("{reader}：机壳曾被打开，检查有无改装，再 jinbao board clear、jinbao board pair"),
                format!(
                    "{reader}: its case was opened. Look for changes, then `jinbao board clear` and `jinbao \
                     board pair`."
                ),
            ),
        },
        Hint::BoardVersion { reader, got, known } => {
            let number = |version: &[u16; 3]| format!("{}.{}.{}", version[0], version[1], version[2]);
            let got = got.as_ref().map_or_else(|| "?".to_owned(), number);
            checks.pick(
                format!("{reader}：固件 {got}，本程序配套 {}，请更新其一（jinbao board update）", number(known)),
                format!(
                    "{reader}: firmware {got}, this program came with {}: update one (`jinbao board update`).",
                    number(known)
                ),
            )
        }
        Hint::NotOurBoard { reader } => checks.pick(
            format!("{reader} 不是本系统的读卡主板，核对 config.json 的 board.reader"),
            format!("{reader} is no board of ours: check board.reader in config.json."),
        ),
        other => format!("{other:?}"),
    }
}

/// The board of the settings, and the fingerprint module that hangs on it.
///
/// Without the terminal's keys (`has_keys` false) a pairing cannot be checked.
pub(super) fn board(
    checks: &mut Checks<'_>,
    options: &Options,
    config: &Config,
    secret: Option<&[u8; 32]>,
    has_keys: bool,
) {
    let Some(board) = boards::of(options, config) else {
        checks.skipped("board", BOARD, "未设置", "none in the settings");
        return;
    };
    let report = BoardReport::of(&board);
    let mut advice: Vec<String> = report.hints().iter().map(|hint| hint_words(checks, hint)).collect();
    let (identity, tamper) = match report.found {
        Ok(found) => found,
        Err(error) => {
            let words = terminal::words::board_words(&error, checks.language);
            let advice = if advice.is_empty() { words.next } else { advice.join(" ") };
            checks.add("board", BOARD, Health::Bad, words.what, advice);
            return;
        }
    };
    let [major, minor, patch] = identity.version;
    let mut text = format!("{} {} {major}.{minor}.{patch}", report.reader, identity.board);
    let mut health = if advice.is_empty() { Health::Good } else { Health::Look };
    match examine_board(&board, secret, &mut SystemChance::default()) {
        Err(BoardTrouble::Tampered { .. }) => health = Health::Bad,
        Err(trouble) => {
            let words = trouble.words(checks.language);
            health = Health::Bad;
            text = format!("{text} · {}", words.what);
            advice.push(words.next);
        }
        Ok(()) if secret.is_some() => {
            text.push_str(&checks.pick("，配对有效", ", paired with this terminal"))
        }
        Ok(()) if has_keys => {
            health = Health::Look;
            text.push_str(&checks.pick("，未配对", ", not paired"));
            advice.push(
                checks.pick("安装维护员运行 jinbao board pair", "An installer runs `jinbao board pair`."),
            );
        }
        Ok(()) => {}
    }
    checks.add("board", BOARD, health, text, advice.join(" "));
    if tamper.is_latched {
        checks.skipped("sensor", SENSOR, "机壳清除后再查", "once the board is cleared");
        return;
    }
    if config.sensor.as_ref().is_some_and(|sensor| sensor.device != ON_BOARD) {
        return;
    }
    match ModuleSensor::new(BoardModule::new(board)).probe() {
        Ok(module) => {
            let text = checks.pick(
                format!(
                    "型号 {:04X}，模板容量 {}，安全等级 {}",
                    module.model, module.capacity, module.security_level
                ),
                format!(
                    "model {:04X}, room for {} templates, security level {}",
                    module.model, module.capacity, module.security_level
                ),
            );
            checks.good("sensor", SENSOR, text);
        }
        Err(error) => {
            let advice = checks.pick(
                "检查指纹模块的连线和供电；不用指纹可不理会",
                "Check the module's cable and power; without fingerprints this does not matter.",
            );
            let text = checks.pick(format!("无应答（{error}）"), error.to_string());
            checks.add("sensor", SENSOR, Health::Look, text, advice);
        }
    }
}

/// The fingerprint sensor of the settings that hangs on a line of its own.
pub(super) fn sensor(checks: &mut Checks<'_>, config: Option<&Config>) {
    let own_line =
        config.and_then(|config| config.sensor.as_ref()).filter(|sensor| sensor.device != ON_BOARD);
    let Some(settings) = own_line else { return };
    let found = match sensor::choose(None, config) {
        Ok(Some(mut sensor)) => sensor.probe(),
        Ok(None) => return,
        Err(error) => return checks.failed("sensor", SENSOR, &error.into()),
    };
    match found {
        Ok(module) => {
            let text = checks.pick(
                format!("{}，型号 {:04X}，模板容量 {}", settings.device, module.model, module.capacity),
                format!(
                    "{}, model {:04X}, room for {} templates",
                    settings.device, module.model, module.capacity
                ),
            );
            checks.good("sensor", SENSOR, text);
        }
        Err(error) => checks.failed("sensor", SENSOR, &Failure::Sensor(error)),
    }
}

/// PSAM and, where one is in the slot, the card.
pub(super) fn slots(checks: &mut Checks<'_>, options: &Options, config: Option<&Config>) {
    let none = Readers::default();
    let readers = config.map_or(&none, |config| &config.readers);
    let slots = match Slots::open(options.reader.as_deref(), readers) {
        Ok(slots) => slots,
        Err(failure) => {
            checks.failed("psam", PSAM, &failure);
            return;
        }
    };
    let names = (slots.card.name().to_owned(), slots.psam.name().to_owned());
    let Some(config) = config else {
        let text = checks.pick(
            format!("在 {}（终端未登记，未核对编号）", names.1),
            format!("in {} (not enrolled: number not compared)", names.1),
        );
        checks.add("psam", PSAM, Health::NotChecked, text, String::new());
        return;
    };
    let mut session = Session::new(slots.card, slots.psam, config.terminal);
    match session.open_psam() {
        Ok(()) => {
            let serial = session.psam_serial();
            let serial = serial.map_or_else(|| "-".to_owned(), |serial| serial.to_string());
            let text = checks.pick(
                format!("在 {}，编号 {}，序列号 {serial}", names.1, config.terminal),
                format!("in {}, number {}, serial {serial}", names.1, config.terminal),
            );
            checks.good("psam", PSAM, text);
        }
        Err(error) => checks.failed("psam", PSAM, &Error::from(error).into()),
    }
    card(checks, &mut session, &names.0);
}

fn card(checks: &mut Checks<'_>, session: &mut Session, slot: &str) {
    match session.wait_card(0) {
        Err(SessionError::Slot { error: SlotError::NoCard, .. }) => {
            let text = checks.pick(format!("{slot} 为空"), format!("{slot} is empty"));
            checks.add("card", CARD, Health::NotChecked, text, String::new());
            return;
        }
        Err(error) => return checks.failed("card", CARD, &Error::from(error).into()),
        Ok(()) => {}
    }
    let opened = session.open(&mut SystemChance::default()).map(|card| {
        let issuer = card.issuer();
        (issuer.version.clone(), issuer.card_id.city())
    });
    match opened {
        Ok((version, city)) => {
            let text = checks.pick(
                format!("{slot}：{version} 卡，发卡地区 {city}，真伪认证通过"),
                format!("{slot}: card {version}, issued in {city}, genuine"),
            );
            checks.good("card", CARD, text);
        }
        Err(error) => checks.failed("card", CARD, &Error::from(error).into()),
    }
    session.close();
}

/// The receipt printer of the settings.
pub(super) fn printer(checks: &mut Checks<'_>, config: Option<&Config>) {
    let Some(settings) = config.and_then(|config| config.printer.as_ref()) else {
        checks.skipped("printer", PRINTER, "未设置", "none in the settings");
        return;
    };
    match paper::check(settings) {
        Ok(()) => {
            let text = checks.pick(
                format!("{}，{} 列", settings.device, settings.columns),
                format!("{}, {} columns", settings.device, settings.columns),
            );
            checks.good("printer", PRINTER, text);
        }
        Err(error) => {
            let text = format!("{}: {}", settings.device, words::printer(&error, checks.language));
            let advice =
                checks.pick("检查连线、电源和设备权限", "Check cable, power and the device's permissions.");
            checks.add("printer", PRINTER, Health::Bad, text, advice);
        }
    }
}

/// Lamps and buzzer. Lines are taken over for a moment, all dark: only while no face of the terminal runs (`is_free`).
pub(super) fn lamps(checks: &mut Checks<'_>, config: &Config, is_free: bool) {
    let on_board = config.board.as_ref().map(|_| checks.pick("在读卡主板上", "on the reader board"));
    let Some(pins) = &config.pins else {
        match on_board {
            // The board is a check of its own.
            Some(text) => checks.good("lamps", LAMPS, text),
            None => checks.skipped("lamps", LAMPS, "未设置", "none in the settings"),
        }
        return;
    };
    let mut text = format!("{} {}", checks.pick("引脚", "lines"), words::pins(pins, checks.language));
    if let Some(on_board) = on_board {
        text = format!("{text} · {on_board}");
    }
    if !is_free {
        checks.add("lamps", LAMPS, Health::NotChecked, text, String::new());
        return;
    }
    match indicator::lines(pins) {
        Ok(lines) => {
            drop(Panel::of(vec![lines]));
            checks.good("lamps", LAMPS, text);
        }
        Err(error) => {
            let (what, advice) = words::indicator(error, checks.language);
            checks.add("lamps", LAMPS, Health::Bad, format!("{text} · {what}"), advice);
        }
    }
}

/// A kiosk's recorded sentences.
pub(super) fn voice(checks: &mut Checks<'_>, options: &Options, config: &Config) {
    if config.face != Face::Kiosk {
        return;
    }
    let folder = voice::folder(options);
    let recorded = Recorded::count(&folder);
    let text = words::recorded(&recorded, checks.language);
    if recorded.is_empty() {
        let text = checks.pick(
            format!("没有录音（{text}），由 espeak-ng 朗读"),
            format!("no recordings ({text}): espeak-ng speaks"),
        );
        checks.add("voice", VOICE, Health::NotChecked, text, String::new());
        return;
    }
    let text = format!("{}: {text}", folder.display());
    if recorded.chinese.0 < recorded.chinese.1 {
        let advice = checks.pick(
            "照 docs/voice.tsv 补录，缺的由 espeak-ng 朗读",
            "Record what is missing by docs/voice.tsv; until then espeak-ng speaks it.",
        );
        checks.add("voice", VOICE, Health::Look, text, advice);
    } else {
        checks.good("voice", VOICE, text);
    }
}

/// A font with Chinese characters.
pub(super) fn font(checks: &mut Checks<'_>) {
    match font::installed() {
        Some((path, _)) => checks.good("font", FONT, path.display().to_string()),
        None => {
            let text = Failure::from(EdgeError::NoFont).text(checks.language);
            checks.add("font", FONT, Health::Look, text, String::new());
        }
    }
}
