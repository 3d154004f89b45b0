//! What hangs on this machine now: looked at again and again while things are plugged in.

use std::{collections::HashMap, fs, path::Path};

use hal::{
    board,
    pcsc::{Limits, Service, examine},
};
use serde::Serialize;
use terminal::setup::DevicesChosen;

use crate::{
    config::{Config, Sensor},
    failure::Failure,
    options::Options,
    printer,
    reader::{beside_psam, is_psam},
    sensor,
    voice::{self, Recorded},
};

/// Most devices of one kind that are listed.
const LISTED_MAX: usize = 32;

/// A slot of a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundSlot {
    /// Its name.
    pub name: String,
    /// Whether a chip is in it.
    pub has_chip: bool,
    /// Whether that chip is a PSAM.
    pub is_psam: bool,
}

/// What hangs on this machine now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Whether the card service runs.
    pub service: bool,
    /// Its version.
    pub service_version: Option<String>,
    /// Slots that it lists.
    pub slots: Vec<FoundSlot>,
    /// Card readers on USB: vendor and product number, and what the device calls itself.
    pub usb: Vec<(String, String)>,
    /// Slots of our own reader boards.
    pub boards: Vec<String>,
    /// Serial lines that a fingerprint sensor or a printer may hang on.
    pub lines: Vec<String>,
    /// Printers on USB.
    pub printers: Vec<String>,
    /// Chips with pins for lamps and buzzer.
    pub gpio: Vec<String>,
    /// How many of a kiosk's sentences are recorded.
    pub recorded: Recorded,
}

/// Looks, and remembers which chips are PSAMs, so that a card is not asked each time.
#[derive(Debug, Default)]
pub struct Looker {
    known: HashMap<(String, u16), bool>,
}

impl Looker {
    /// What hangs on the machine now; takes a second or two at worst and changes nothing.
    ///
    /// With chips simulated in this process both slots are always there.
    pub fn look(&mut self, options: &Options) -> Found {
        let mut found = Found {
            lines: devices("/dev", &["ttyUSB", "ttyACM", "ttyS", "serial"]),
            printers: devices("/dev/usb", &["lp"]),
            gpio: devices("/dev", &["gpiochip"]),
            recorded: Recorded::count(&voice::folder(options)),
            ..Found::default()
        };
        if options.is_simulated() {
            found.service = true;
            let slot = |name: &str, is_psam| FoundSlot { name: name.to_owned(), has_chip: true, is_psam };
            found.slots = vec![slot("sim card", false), slot("sim PSAM", true)];
            return found;
        }
        let report = examine(&Limits::default());
        found.service = report.service == Service::Running;
        found.service_version = report.version;
        for usb in report.usb.into_iter().take(LISTED_MAX) {
            found.usb.push((format!("{:04x}:{:04x}", usb.vendor_id, usb.product_id), usb.product));
        }
        for reader in report.readers.into_iter().take(LISTED_MAX) {
            let has_chip = reader.state.has_card();
            let key = (reader.name.clone(), reader.event_count);
            let is_psam = has_chip && *self.known.entry(key).or_insert_with(|| is_psam(&reader.name));
            found.slots.push(FoundSlot { name: reader.name, has_chip, is_psam });
        }
        if let Ok(boards) = board::find(&Limits::default()) {
            found.boards = boards.into_iter().map(|board| board.reader).collect();
        }
        found
    }
}

/// Devices in a folder whose names begin so, sorted; none where there is no such folder.
fn devices(folder: &str, begins: &[&str]) -> Vec<String> {
    let Ok(entries) = fs::read_dir(Path::new(folder)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            begins
                .iter()
                .any(|begin| name.strip_prefix(begin).is_some_and(|rest| rest.parse::<u32>().is_ok()))
        })
        .map(|entry| entry.path().display().to_string())
        .collect();
    names.sort();
    names.truncate(LISTED_MAX);
    names
}

impl Found {
    /// What seems to be meant: the PSAM, the slot beside it, the only board, the first printer.
    ///
    /// The readers stay `None` where there is no PSAM: they are then found when one is there. A sensor is never
    /// guessed, since asking a line may disturb whatever else hangs on it: see [`try_sensor`].
    pub fn proposal(&self) -> DevicesChosen {
        let psam = self.slots.iter().find(|slot| slot.is_psam);
        let card = psam.and_then(|psam| {
            let others = self.slots.iter().filter(|slot| slot.name != psam.name && !slot.is_psam);
            beside_psam(others.map(|slot| (slot.name.as_str(), slot.has_chip)), &psam.name)
        });
        DevicesChosen {
            card,
            psam: psam.map(|slot| slot.name.clone()),
            board: self.boards.first().cloned(),
            sensor: None,
            printer: self.printers.first().map(|device| terminal::setup::PrinterChosen {
                device: device.clone(),
                columns: terminal::receipt::COLUMNS_80_MM,
                baud: None,
            }),
            gpio: self.gpio.first().cloned(),
            pins: None,
            voice: None,
        }
    }
}

/// Asks for a fingerprint sensor on a line, or `board`; gives what it says it is.
///
/// Errors: `Sensor`, `Argument` for `board` without one.
pub fn try_sensor(device: &str, config: Option<&Config>) -> Result<String, Failure> {
    let mut config = config.cloned();
    if let Some(config) = &mut config {
        config.sensor = Some(Sensor { device: device.to_owned() });
    }
    let Some(mut sensor) = sensor::choose(Some(device), config.as_ref())? else {
        return Ok(String::new());
    };
    let module = sensor.probe().map_err(Failure::Sensor)?;
    Ok(format!("{:04X}, {}", module.model, module.capacity))
}

/// Opens a printer, and prints a line that says so when `prints`.
///
/// Errors: `Printer`.
pub fn try_printer(chosen: &terminal::setup::PrinterChosen, prints: Option<&str>) -> Result<(), Failure> {
    let settings = printer_of(chosen);
    printer::check(&settings).map_err(Failure::Printer)?;
    if let Some(text) = prints {
        let line = hal::printer::Line { text: text.to_owned(), large: false };
        printer::print(&settings, vec![line]).map_err(Failure::Printer)?;
    }
    Ok(())
}

/// The settings of a printer that was chosen.
pub(super) fn printer_of(chosen: &terminal::setup::PrinterChosen) -> crate::config::Printer {
    crate::config::Printer { device: chosen.device.clone(), columns: chosen.columns, baud: chosen.baud }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_beside_the_psam_is_proposed() {
        let slot = |name: &str, has_chip, is_psam| FoundSlot { name: name.into(), has_chip, is_psam };
        let found = Found {
            slots: vec![
                slot("Keyboard 00 00", true, false),
                slot("Terminal 01 00", false, false),
                slot("Terminal 01 01", true, true),
            ],
            printers: vec!["/dev/usb/lp0".into()],
            ..Found::default()
        };
        let proposal = found.proposal();
        assert_eq!(proposal.card.as_deref(), Some("Terminal 01 00"));
        assert_eq!(proposal.psam.as_deref(), Some("Terminal 01 01"));
        assert_eq!(proposal.printer.map(|printer| printer.device).as_deref(), Some("/dev/usb/lp0"));
        assert_eq!(Found::default().proposal(), DevicesChosen::default());
    }
}
