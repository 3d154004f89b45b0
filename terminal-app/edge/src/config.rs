//! The terminal's settings, `config.json` in its folder.

use std::io;

use card_spec::region::RegionCode;
use protocol::{id::TerminalId, signature::PublicKey};
use serde::{Deserialize, Serialize};
use terminal::setup::{Face, PinsChosen};

use crate::{
    data_dir::{self, DataDir},
    failure::EdgeError,
};

/// Layout of the file that this version reads and writes.
const VERSION: u16 = 1;

/// Settings. Written by `jinbao enrol`, changed by hand or by another enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Layout of this file.
    pub version: u16,
    /// Terminal number, as in its PSAM.
    pub terminal: TerminalId,
    /// Where the center is.
    pub center: Center,
    /// Where the terminal stands.
    pub place: Place,
    /// What it is for: which face it shows, and with which pages.
    #[serde(default)]
    pub face: Face,
    /// Card readers.
    #[serde(default)]
    pub readers: Readers,
    /// The reader board, where the reader is one of ours.
    #[serde(default)]
    pub board: Option<Board>,
    /// Lines of this machine that lamps and buzzer hang on.
    #[serde(default)]
    pub pins: Option<PinsChosen>,
    /// The fingerprint sensor, where there is one.
    #[serde(default)]
    pub sensor: Option<Sensor>,
    /// Receipt printer.
    #[serde(default)]
    pub printer: Option<Printer>,
    /// A kiosk's recorded sentences.
    #[serde(default)]
    pub voice: Option<Voice>,
    /// Whether a card without a medical account may settle here, its holder paying own shares in cash.
    #[serde(default)]
    pub settle_without_account: bool,
}

/// Addresses and keys of the city center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Center {
    /// `https://name:port` of the port for enrolled terminals.
    pub address: String,
    /// `https://name:port` of the port for enrolment and renewal.
    pub enrolment: String,
    /// Key that signs receipts, pages and documents.
    pub key: PublicKey,
}

/// Institution that the terminal stands in, as the center named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// City.
    pub city: RegionCode,
    /// Code of the institution.
    pub institution_code: String,
    /// Its name.
    pub institution_name: String,
    /// Hospital level, 0 to 3.
    pub level: u8,
}

/// Readers by name; what is left out is found by trying.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readers {
    /// Slot for the holder's card.
    #[serde(default)]
    pub card: Option<String>,
    /// Slot of the PSAM.
    #[serde(default)]
    pub psam: Option<String>,
}

/// The reader board: asked before each business whether it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name of one of its slots.
    pub reader: String,
}

/// The fingerprint sensor. Which one it is, is bound by `jinbao finger bind`; this says where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Serial device, such as `/dev/ttyUSB0`; `board` for the module on the reader board.
    pub device: String,
}

/// A kiosk's recorded sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// Folder with `zh/NAME.wav` and `en/NAME.wav`; left out: `voice` in the terminal's folder.
    #[serde(default)]
    pub folder: Option<String>,
    /// Program that plays the files named on its command line after `-q`; left out: `aplay`.
    #[serde(default)]
    pub player: Option<String>,
}

/// How receipts are printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printer {
    /// Device file: `/dev/usb/lp0`, `/dev/ttyUSB0`; or a plain file that receipts are appended to.
    pub device: String,
    /// Half-width columns of the paper: 32 for 58 mm, 48 for 80 mm.
    #[serde(default = "paper_columns")]
    pub columns: usize,
    /// Baud rate of a serial line; absent for others.
    #[serde(default)]
    pub baud: Option<u32>,
}

fn paper_columns() -> usize {
    48
}

impl Config {
    /// Reads the settings.
    ///
    /// Errors: `NotEnrolled` when there are none, `Content` with line and column, `File`.
    pub fn read(data: &DataDir) -> Result<Self, EdgeError> {
        let path = data.config();
        let text = match data_dir::read_text(&path) {
            Err(EdgeError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(EdgeError::NotEnrolled);
            }
            other => other?,
        };
        let config: Config = serde_json::from_str(&text)
            .map_err(|error| EdgeError::Content { path: path.clone(), problem: error.to_string() })?;
        if config.version != VERSION {
            let problem = format!("version {}, this program reads {VERSION}", config.version);
            return Err(EdgeError::Content { path, problem });
        }
        Ok(config)
    }

    /// Settings of a terminal that was just enrolled.
    pub fn new(terminal: TerminalId, center: Center, place: Place) -> Self {
        Config {
            version: VERSION,
            terminal,
            center,
            place,
            face: Face::default(),
            readers: Readers::default(),
            board: None,
            pins: None,
            sensor: None,
            printer: None,
            voice: None,
            settle_without_account: false,
        }
    }

    /// Writes the settings, whole or not at all.
    pub fn write(&self, data: &DataDir) -> Result<(), EdgeError> {
        let path = data.config();
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| EdgeError::Content { path: path.clone(), problem: error.to_string() })?;
        text.push(b'\n');
        data_dir::write_atomic(&path, &text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn settings_round_trip_and_what_is_wrong_with_them_is_said() {
        let temp = tempfile::tempdir().unwrap();
        let data = DataDir::choose(Some(temp.path().join("data")), |_| None).unwrap();
        assert!(matches!(Config::read(&data), Err(EdgeError::NotEnrolled)));
        data.prepare().unwrap();
        let center = Center {
            address: "https://center.example:8443".into(),
            enrolment: "https://center.example:8442".into(),
            key: PublicKey([3; 32]),
        };
        let place = Place {
            city: RegionCode::parse("430100").unwrap(),
            institution_code: "H43010000001".into(),
            institution_name: "第一医院".into(),
            level: 3,
        };
        let mut config = Config::new("430100000001".parse().unwrap(), center, place);
        config.printer = Some(Printer { device: "/dev/usb/lp0".into(), columns: 32, baud: None });
        config.write(&data).unwrap();
        assert_eq!(Config::read(&data).unwrap(), config);

        for (text, said) in [
            ("{", "line 1 column 1"),
            ("{\"version\":1,\"colour\":2}", "unknown field `colour`"),
            ("", "line 1 column 0"),
        ] {
            std::fs::write(data.config(), text).unwrap();
            match Config::read(&data) {
                Err(EdgeError::Content { problem, .. }) => assert!(problem.contains(said), "{problem}"),
                other => panic!("{other:?}"),
            }
        }
        let newer = serde_json::to_string(&Config { version: 9, ..config }).unwrap();
        std::fs::write(data.config(), newer).unwrap();
        assert!(matches!(Config::read(&data), Err(EdgeError::Content { .. })));
    }
    #[test]
    fn the_documented_settings_are_read() {
        let text = include_str!("../../../docs/settings.md");
        let start = text.find("```json\n").unwrap() + "```json\n".len();
        let example = &text[start..start + text[start..].find("```").unwrap()];
        let config: Config = serde_json::from_str(example).unwrap();
        assert!(config.printer.is_some() && config.readers.psam.is_some() && config.board.is_some());
        assert!(config.sensor.is_some() && config.pins.is_some() && config.voice.is_some());
        for name in serde_json::to_value(&config).unwrap().as_object().unwrap().keys() {
            assert!(text.contains(&format!("| `{name}")), "{name} is not explained");
        }
    }
}
