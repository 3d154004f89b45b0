//! Readers that a private pcscd can have.

use std::path::PathBuf;

/// What stands behind pcscd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderKind {
    /// Two virtual slots of the driver vpcd, which listens on this TCP port and on the next.
    Virtual {
        /// The first slot's port.
        port: u16,
    },
    /// A board on a serial line, behind the driver libccidtwin.
    Serial(SerialReader),
}

/// A reader on a serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialReader {
    /// The line, a terminal device. Without spaces and without a colon.
    pub device: PathBuf,
    /// What the driver takes it for.
    pub model: Model,
    /// Whether the driver writes every byte into pcscd's log, PIN included: for made-up people only.
    pub has_trace: bool,
}

/// Serial reader that the driver knows by name, and that the firmware can be built as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// Card and one more slot; the reader negotiates speed itself.
    #[default]
    Sec1210,
    /// Card and four more slots; the host negotiates speed.
    GemCorePosPro,
    /// One slot; every command is echoed.
    GemPcTwin,
}

impl Model {
    /// All models.
    pub const ALL: [Self; 3] = [Self::Sec1210, Self::GemCorePosPro, Self::GemPcTwin];

    /// The driver's name for it.
    pub fn driver_name(self) -> &'static str {
        match self {
            Self::Sec1210 => "SEC1210",
            Self::GemCorePosPro => "GemCorePOSPro",
            Self::GemPcTwin => "GemPCTwin",
        }
    }

    /// Its slots.
    pub fn slots(self) -> usize {
        match self {
            Self::Sec1210 => 2,
            Self::GemCorePosPro => 5,
            Self::GemPcTwin => 1,
        }
    }
}

impl ReaderKind {
    pub(super) fn friendly_name(&self) -> &'static str {
        match self {
            Self::Virtual { .. } => "Jinbao virtual reader",
            Self::Serial(_) => "Jinbao reader board",
        }
    }

    /// The names under which PC/SC lists the slots, the card's first, the PSAM's second.
    pub fn slot_names(&self) -> &'static [&'static str] {
        const BOARD: [&str; 5] = [
            "Jinbao reader board 00 00",
            "Jinbao reader board 00 01",
            "Jinbao reader board 00 02",
            "Jinbao reader board 00 03",
            "Jinbao reader board 00 04",
        ];
        match self {
            Self::Virtual { .. } => &["Jinbao virtual reader 00 00", "Jinbao virtual reader 00 01"],
            Self::Serial(reader) => &BOARD[..reader.model.slots()],
        }
    }
}
