//! Which fingerprint sensor stands at the counter.

use hal::{
    board::Board,
    fingerprint::{FingerprintSensor, board::BoardModule, sensor::ModuleSensor, serial::SerialModule},
};

use crate::{
    config::{Config, Sensor},
    failure::EdgeError,
};

/// The word for the module that hangs on the reader board.
pub const ON_BOARD: &str = "board";

/// The sensor that `--sensor` names, else that of the settings; `None` when neither does.
///
/// Nothing is opened or asked yet. Errors: `Argument` for `board` without a board in the settings.
pub fn choose(
    asked: Option<&str>,
    config: Option<&Config>,
) -> Result<Option<Box<dyn FingerprintSensor + Send>>, EdgeError> {
    let settings = config.and_then(|config| config.sensor.as_ref());
    let Some(device) = asked.or(settings.map(|Sensor { device }| device.as_str())) else { return Ok(None) };
    if device != ON_BOARD {
        return Ok(Some(Box::new(ModuleSensor::new(SerialModule::new(device)))));
    }
    let board = config.and_then(|config| config.board.as_ref()).ok_or(EdgeError::Argument {
        expected: "a board in config.json (`jinbao board pair`), or --sensor /dev/tty…",
        expected_chinese: "config.json 中的主板（jinbao board pair），或 --sensor /dev/tty…",
    })?;
    Ok(Some(Box::new(ModuleSensor::new(BoardModule::new(Board::new(&board.reader))))))
}
