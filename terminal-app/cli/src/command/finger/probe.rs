//! `jinbao finger probe` and `bind`: the sensor itself.

use clap::Args;
use edge::{
    config::{Config, Sensor},
    counter::Counter,
    sensor,
};
use hal::fingerprint::{FingerprintSensor, Health};
use serde::Serialize;
use terminal::{error::Error, holder::finger::FingerFailure};

use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What `finger probe` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao finger probe                           config.json 的 sensor · the one in config.json
  jinbao finger probe --sensor /dev/ttyUSB0     串口模块，自动找波特率 · on a serial line, at any baud rate
  jinbao finger probe --sensor board            主板上的模块 · the module on the reader board

退出码 Exit: 0 应答正常 · it answers; 5 无应答、口令不对或线路有误 · silent, another password, or a bad line")]
pub(crate) struct ProbeArguments {
    /// 指纹仪 · sensor: /dev/tty…, board
    #[arg(long, value_name = "SENSOR")]
    sensor: Option<String>,
}

/// What `finger bind` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao finger bind --sensor /dev/ttyUSB0      须安装维护员签到 · an installer must be signed in

之后换成另一台指纹仪，核验会停下并报告；确系更换的，再运行一次。记入审计。
From then on another sensor in its place is noticed and refused; after a replacement run this again. Audited.")]
pub(crate) struct BindArguments {
    /// 指纹仪 · sensor: /dev/tty…, board
    #[arg(long, value_name = "SENSOR")]
    sensor: Option<String>,
}

#[derive(Serialize)]
struct Probed {
    sensor: String,
    model: u16,
    serial: Option<String>,
    baud: Option<u32>,
    capacity: u16,
    kept: Option<u16>,
    security_level: u16,
}

pub(super) fn probe(context: &Context, arguments: &ProbeArguments) -> Result<Exit, Failure> {
    let config = context.data().ok().and_then(|data| Config::read(&data).ok());
    let (device, mut found) = open(arguments.sensor.as_deref(), config.as_ref())?;
    let health = found.probe().map_err(Failure::Sensor)?;
    context.console.answer(&Probed::of(device, health));
    Ok(Exit::Done)
}

pub(super) fn bind(context: &Context, arguments: &BindArguments) -> Result<Exit, Failure> {
    let mut counter = context.open_books()?;
    let (device, found) = open(arguments.sensor.as_deref(), Some(&counter.cabinet.config))?;
    counter.flows.use_sensor(found);
    let name = counter.flows.bind_sensor()?;
    counter.cabinet.config.sensor = Some(Sensor { device: device.clone() });
    counter.cabinet.config.write(&counter.cabinet.data)?;
    context.console.done(
        &format!("已登记指纹仪 {name}（{device}）"),
        &format!("Bound: {name} ({device})"),
        serde_json::json!({ "name": name, "sensor": device }),
    );
    Ok(Exit::Done)
}

/// The sensor and where it is.
fn open(
    asked: Option<&str>,
    config: Option<&Config>,
) -> Result<(String, Box<dyn FingerprintSensor + Send>), Failure> {
    let settings = config.and_then(|config| config.sensor.as_ref()).map(|sensor| sensor.device.as_str());
    let device = asked.or(settings).unwrap_or_default().to_owned();
    let found = sensor::choose(asked, config)?.ok_or(EdgeError::Argument {
        expected: "--sensor /dev/tty… or board: config.json names no sensor",
        expected_chinese: "--sensor /dev/tty… 或 board：config.json 没有指纹仪",
    })?;
    Ok((device, found))
}

/// Puts the sensor of `--sensor` or of the settings on the counter; without one the flows say so themselves.
pub(super) fn put_on_counter(counter: &mut Counter, asked: Option<&str>) -> Result<(), Failure> {
    if let Some(found) = sensor::choose(asked, Some(&counter.cabinet.config))? {
        counter.flows.use_sensor(found);
    }
    Ok(())
}

/// A sensor that nobody can do without, for enrolment.
pub(super) fn require(counter: &mut Counter) -> Result<(), Failure> {
    match counter.flows.probe_sensor() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Finger(FingerFailure::NoSensor).into()),
    }
}

impl Probed {
    fn of(sensor: String, health: Health) -> Self {
        let Health { model, capacity, kept, security_level, serial, baud } = health;
        Probed { sensor, model, serial, baud, capacity, kept, security_level }
    }
}

impl Show for Probed {
    fn show(&self, page: &mut Page) {
        page.say("✓ 指纹仪应答正常", "✓ The fingerprint sensor answers");
        let unknown = page.pick("未提供", "not told").to_owned();
        let mut rows = vec![
            (page.pick("位置", "where").to_owned(), self.sensor.clone()),
            (page.pick("型号", "model").to_owned(), format!("{:04X}", self.model)),
            (
                page.pick("序列号", "serial number").to_owned(),
                self.serial.clone().unwrap_or_else(|| unknown.clone()),
            ),
        ];
        if let Some(baud) = self.baud {
            rows.push((page.pick("波特率", "baud rate").to_owned(), baud.to_string()));
        }
        rows.push((page.pick("容量", "capacity").to_owned(), self.capacity.to_string()));
        rows.push((
            page.pick("已存模板", "templates kept").to_owned(),
            self.kept.map_or(unknown, |kept| kept.to_string()),
        ));
        rows.push((
            page.pick("安全级别", "security level").to_owned(),
            format!("{} / 5", self.security_level),
        ));
        page.pairs(rows);
        if self.kept.is_some_and(|kept| kept > 0) {
            page.say(
                "※ 模块里存有模板。本终端不使用它们；换用前请清空。",
                "※ The module keeps templates. This terminal does not use them; empty it before it goes elsewhere.",
            );
        }
    }
}
