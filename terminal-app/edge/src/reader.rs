//! Which slots hold the holder's card and the PSAM.

use card_spec::psam::PsamSerial;
use hal::{
    pcsc::{Limits, PcscSlot, Reader, readers},
    slot::{
        CardSlot, Outcome, SlotError,
        response::ResponseSlot,
        trace::{TraceLog, TraceSlot},
    },
};
use terminal::{
    error::Error,
    session::{BoxedSlot, Chip, Session, SessionError, Step},
};

use crate::{
    config::{Config, Readers},
    failure::Failure,
    options::Options,
};

/// SELECT of the application that only a PSAM has. A PSAM may carry the environment's name as well, so
/// that name tells nothing.
const SELECT_PSAM: [u8; 11] = [0x00, 0xA4, 0x04, 0x00, 0x06, 0xD1, 0x56, 0x00, 0x00, 0x05, 0x90];

/// Both slots of a terminal.
pub struct Slots {
    /// Slot of the holder's card.
    pub card: BoxedSlot,
    /// Slot of the security module.
    pub psam: BoxedSlot,
    /// What goes over them, without what is said; card first.
    pub traces: (TraceLog, TraceLog),
}

impl Slots {
    /// The slots that `--reader` names, else those of the settings, else those that are found.
    ///
    /// Errors: no reader, service not running, a word that is none.
    pub fn open(asked: Option<&str>, settings: &Readers) -> Result<Self, Failure> {
        #[cfg(feature = "demo")]
        if let Some(files) = asked.and_then(|asked| asked.strip_prefix("sim:")) {
            return Self::simulated(files);
        }
        let names = match asked {
            None | Some("auto") => match (&settings.card, &settings.psam) {
                (Some(card), Some(psam)) => (card.clone(), psam.clone()),
                (card, psam) => find(card.as_deref(), psam.as_deref())?,
            },
            Some(named) => match named.split_once(',') {
                Some((card, psam)) => (card.trim().to_owned(), psam.trim().to_owned()),
                None => find(Some(named.trim()), None)?,
            },
        };
        Ok(Self::traced(PcscSlot::new(names.0), PcscSlot::new(names.1)))
    }

    /// No slots, for work on the books alone.
    pub fn none() -> Self {
        Self::traced(NoSlot, NoSlot)
    }

    fn traced<S: CardSlot + Send + 'static>(card: S, psam: S) -> Self {
        let traces = (TraceLog::new(), TraceLog::new());
        Slots {
            card: Box::new(TraceSlot::new(card, traces.0.clone())),
            psam: Box::new(TraceSlot::new(psam, traces.1.clone())),
            traces,
        }
    }

    /// `CARD.json,PSAM.json[,FAULT…]`: chips in this process, each change back in its file at once.
    #[cfg(feature = "demo")]
    fn simulated(files: &str) -> Result<Self, Failure> {
        use std::path::Path;

        use sim::slot::InProcessSlot;

        use crate::{
            failure::EdgeError,
            simulated::{fault::FaultWords, open_chip},
        };

        let mut words = files.split(',').map(str::trim);
        let (Some(card), Some(psam)) = (words.next(), words.next()) else {
            return Err(EdgeError::Argument {
                expected: "sim:CARD.json,PSAM.json",
                expected_chinese: "sim:卡文件,PSAM 文件",
            }
            .into());
        };
        let faults = FaultWords::parse(words)
            .map_err(|problem| EdgeError::Content { path: Path::new(files).to_owned(), problem })?;
        let (card_slot, card_hand) = InProcessSlot::new("sim card");
        if !card.is_empty() {
            card_hand.insert_with(open_chip(Path::new(card))?, faults.plan())?;
        }
        let (psam_slot, psam_hand) = InProcessSlot::new("sim PSAM");
        if !psam.is_empty() {
            psam_hand.insert(open_chip(Path::new(psam))?)?;
        }
        Ok(Self::traced(card_slot, psam_slot))
    }
}

/// The slot of a terminal that works on its books alone.
struct NoSlot;

impl NoSlot {
    fn error(&self) -> SlotError {
        SlotError::NoReader { reader: self.name().to_owned(), outcome: Outcome::NotDone }
    }
}

impl CardSlot for NoSlot {
    fn name(&self) -> &str {
        "-"
    }

    fn wait_card(&mut self, _: u32) -> Result<(), SlotError> {
        Err(self.error())
    }

    fn wait_removal(&mut self, _: u32) -> Result<(), SlotError> {
        Err(self.error())
    }

    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        Err(self.error())
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, SlotError> {
        Err(self.error())
    }

    fn power_off(&mut self) {}
}

/// Finds the slots that are not named: the PSAM by asking each chip, the card's slot among the others.
fn find(card: Option<&str>, psam: Option<&str>) -> Result<(String, String), Failure> {
    let all = readers(&Limits::default()).map_err(no_reader)?;
    if all.is_empty() {
        return Err(no_reader(SlotError::NoReader { reader: "*".to_owned(), outcome: Outcome::NotDone }));
    }
    let psam = match psam {
        Some(psam) => psam.to_owned(),
        None => all
            .iter()
            .filter(|reader| reader.state.has_card() && Some(reader.name.as_str()) != card)
            .find(|reader| is_psam(&reader.name))
            .map(|reader| reader.name.clone())
            .ok_or(Error::Session(SessionError::NoPsam))?,
    };
    let card = match card {
        Some(card) => card.to_owned(),
        None => beside(&all, &psam).ok_or_else(|| {
            no_reader(SlotError::NoReader { reader: "*".to_owned(), outcome: Outcome::NotDone })
        })?,
    };
    Ok((card, psam))
}

fn beside(all: &[Reader], psam: &str) -> Option<String> {
    beside_psam(all.iter().map(|reader| (reader.name.as_str(), reader.state.has_card())), psam)
}

/// The slot for cards among these, by name and whether a chip is in it: one of the PSAM's own reader before others, one
/// with a card before empty ones.
pub(crate) fn beside_psam<'a>(slots: impl Iterator<Item = (&'a str, bool)>, psam: &str) -> Option<String> {
    let model = |name: &str| name.rsplit_once(' ').map(|(model, _)| model.to_owned());
    slots
        .filter(|(name, _)| *name != psam)
        .max_by_key(|(name, has_chip)| (model(name) == model(psam), *has_chip))
        .map(|(name, _)| name.to_owned())
}

/// Whether the chip in this slot has what only a PSAM has. Powers it on.
pub(crate) fn is_psam(reader: &str) -> bool {
    let mut slot = ResponseSlot::new(PcscSlot::new(reader));
    let answers = slot.power_on().is_ok()
        && slot.transmit(&SELECT_PSAM).is_ok_and(|answer| answer.ends_with(&[0x90, 0x00]));
    slot.power_off();
    answers
}

/// The number of the PSAM's own piece; `None` without settings, without a PSAM, and for one that tells none.
pub fn psam_serial(options: &Options) -> Option<PsamSerial> {
    let config = Config::read(&options.data).ok()?;
    let slots = Slots::open(options.reader.as_deref(), &config.readers).ok()?;
    let mut session = Session::new(slots.card, slots.psam, config.terminal);
    session.open_psam().ok()?;
    session.psam_serial()
}

fn no_reader(error: SlotError) -> Failure {
    Error::Session(SessionError::Slot { chip: Chip::Card, step: Step::PowerOn, error }).into()
}

#[cfg(test)]
mod tests {
    use hal::pcsc::{ReaderState, Use};

    use super::*;

    fn reader(name: &str, has_card: bool) -> Reader {
        let state = if has_card { ReaderState::Mute } else { ReaderState::Empty };
        Reader { name: name.to_owned(), state, event_count: 0, in_use: Use::Free }
    }

    #[test]
    fn the_card_goes_beside_the_psam() {
        let all = [
            reader("Keyboard reader 00 00", true),
            reader("Terminal 01 00", false),
            reader("Terminal 01 01", true),
        ];
        assert_eq!(beside(&all, "Terminal 01 01").as_deref(), Some("Terminal 01 00"));
        assert_eq!(beside(&all[..1], "Terminal 01 01").as_deref(), Some("Keyboard reader 00 00"));
        assert_eq!(beside(&all[2..], "Terminal 01 01"), None);
    }
}
