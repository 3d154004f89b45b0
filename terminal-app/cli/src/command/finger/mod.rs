//! `jinbao finger`: the fingerprint sensor, and who stands at the counter.

mod certify;
mod curve;
mod enrol;
mod evaluate;
mod probe;
pub(crate) mod prove;
pub(crate) mod slip;
mod verify;

use clap::Subcommand;
use protocol::evidence::FingerPosition;
use terminal::{holder::finger::position_name, language::Language};

use super::Context;
use crate::{exit::Exit, failure::Failure};

/// What can be done with fingers.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
首次使用 First use:
  jinbao finger probe --sensor /dev/ttyUSB0    找到指纹仪 · find the sensor
  jinbao finger bind --sensor /dev/ttyUSB0     登记到本终端（安装维护员） · bind it, for an installer
  jinbao finger enrol                          把手指写入卡 · write the holder's fingers to the card
  jinbao finger certify                        资格认证 · certify that the holder lives
  jinbao pension pay                           发放养老金 · pay a pension

指纹只存在持卡人自己的卡里：图像和模板不出终端、不上传、不记日志。
Fingers are kept on the holder's own card alone: no image and no template leaves the terminal or is logged.")]
pub(crate) enum Command {
    /// 指纹仪是谁、是否正常 · what the sensor says of itself
    Probe(probe::ProbeArguments),
    /// 把指纹仪登记到本终端（安装维护员） · bind the sensor to this terminal, for an installer
    Bind(probe::BindArguments),
    /// 采集指纹写入卡 · write the holder's fingers to the card
    Enrol(enrol::Arguments),
    /// 核验持卡人本人，不办业务 · find out whether this is the holder, and do no business
    Verify(verify::Arguments),
    /// 资格认证 · certify that the holder is alive and here
    Certify(certify::Arguments),
    /// 用图库评测指纹算法 · measure the engine on folders of images
    Evaluate(evaluate::Arguments),
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Probe(arguments) => probe::probe(context, &arguments),
        Command::Bind(arguments) => probe::bind(context, &arguments),
        Command::Enrol(arguments) => enrol::run(context, &arguments),
        Command::Verify(arguments) => verify::run(context, &arguments),
        Command::Certify(arguments) => certify::run(context, &arguments),
        Command::Evaluate(arguments) => evaluate::run(context, &arguments),
    }
}

/// Parses the position of a finger on the command line.
pub(crate) fn position(text: &str) -> Result<FingerPosition, String> {
    text.parse().ok().and_then(FingerPosition::new).ok_or_else(|| {
        let name = |number: u8| {
            FingerPosition::new(number).map_or("", |position| position_name(position).name(Language::Chinese))
        };
        let all: Vec<String> = (1..=10).map(|number| format!("{number} {}", name(number))).collect();
        format!("1 – 10：{}", all.join("，"))
    })
}
