//! The readers that this firmware can be: what a driver expects of each, as data.

use crate::iso7816::Negotiation;

/// How a host is asked for more time while a card works on a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeExtension {
    /// A message with command status 2. Source: CCID rev 1.1 §6.2.6.
    Message,
    /// One byte on the serial line, 80 to FF. For readers with echo: a driver takes every second frame for
    /// the echo.
    Byte,
}

/// An escape that a driver sends while it opens the reader, and what the reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningEscape {
    /// Data of the command.
    pub request: &'static [u8],
    /// Data of the answer; `None` when the reader has no such command.
    pub answer: Option<&'static [u8]>,
}

/// One reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personality {
    /// Name as the driver's configuration has it.
    pub name: &'static str,
    /// Slots that the driver sees. A board may have fewer: the others stay empty.
    pub slots: u8,
    /// Whether every frame of the host is sent back before it is answered.
    pub echo: bool,
    /// Whether the reader agrees with the card about its speed (PPS), when parameters are set; else the host
    /// does, by `FF…` in an exchange.
    pub negotiation: Negotiation,
    /// Frequency of CLK that the driver computes its time-outs with, in kilohertz.
    pub clock_khz: u32,
    /// Highest speed of the card's line, in bits per second.
    pub rate_max: u32,
    /// How the host is asked for more time.
    pub time_extension: TimeExtension,
    /// Escapes of the opening.
    pub escapes: &'static [OpeningEscape],
}

/// The default: card and SAM, no echo, the reader negotiates.
pub const SEC1210: Personality = Personality {
    name: "SEC1210",
    slots: 2,
    echo: false,
    negotiation: Negotiation::Reader,
    clock_khz: 4_800,
    rate_max: 826_000,
    time_extension: TimeExtension::Message,
    // The driver looks only whether it is answered.
    escapes: &[OpeningEscape { request: &[0x06], answer: Some(&[0x00]) }],
};

/// Five slots without echo.
pub const GEMCORE_POS_PRO: Personality = Personality {
    name: "GemCorePOSPro",
    slots: 5,
    echo: false,
    negotiation: Negotiation::Host,
    clock_khz: 4_000,
    rate_max: 500_000,
    time_extension: TimeExtension::Message,
    escapes: GEMALTO_ESCAPES,
};

/// One slot with echo.
pub const GEM_PC_TWIN: Personality = Personality {
    name: "GemPCTwin",
    slots: 1,
    echo: true,
    negotiation: Negotiation::Host,
    clock_khz: 4_000,
    rate_max: 344_086,
    time_extension: TimeExtension::Byte,
    escapes: GEMALTO_ESCAPES,
};

/// A reader on USB, which says itself what it is.
pub const USB: Personality = Personality {
    name: "USB",
    slots: 2,
    echo: false,
    negotiation: Negotiation::Reader,
    clock_khz: 4_000,
    rate_max: 500_000,
    time_extension: TimeExtension::Message,
    escapes: &[],
};

const GEMALTO_ESCAPES: &[OpeningEscape] = &[
    // Name of the firmware, as text.
    OpeningEscape { request: &[0x02], answer: Some(b"Jinbao") },
    // Notices when a card comes or goes are switched on; here they always are.
    OpeningEscape { request: &[0x01, 0x01, 0x01], answer: Some(&[]) },
    // A list of features for the entry of PINs. There is none, and the driver goes on without.
    OpeningEscape { request: &[0x6A], answer: None },
];

impl Personality {
    /// What this reader says to an escape of its driver, if it is one: `None` when it is not,
    /// `Some(None)` when the driver is to hear that there is no such command.
    pub fn opening_answer(&self, request: &[u8]) -> Option<Option<&'static [u8]>> {
        self.escapes.iter().find(|escape| escape.request == request).map(|escape| escape.answer)
    }
}
