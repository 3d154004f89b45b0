//! Which reader the board is, and who it says that it is.

use engine::escape::BoardFacts;
use engine::personality::{self, Personality};
use reader_protocol::emulated_panel::MAKER_PUBLIC;
use reader_protocol::escape::{self, Serial};

#[cfg(all(feature = "sec1210", not(any(feature = "gemcorepospro", feature = "gempctwin"))))]
const SELECTED: (&Personality, escape::Personality) = (&personality::SEC1210, escape::Personality::Sec1210);
#[cfg(all(feature = "gemcorepospro", not(any(feature = "sec1210", feature = "gempctwin"))))]
const SELECTED: (&Personality, escape::Personality) =
    (&personality::GEMCORE_POS_PRO, escape::Personality::GemCorePosPro);
#[cfg(all(feature = "gempctwin", not(any(feature = "sec1210", feature = "gemcorepospro"))))]
const SELECTED: (&Personality, escape::Personality) =
    (&personality::GEM_PC_TWIN, escape::Personality::GemPcTwin);

/// The reader that the host's driver sees: exactly one feature selects it.
pub(super) const PERSONALITY: &Personality = SELECTED.0;

/// Slots that have a line of their own; others of the personality stay empty.
pub(super) const SLOTS: usize = if PERSONALITY.slots < 2 { 1 } else { 2 };

/// What the host is told. An emulated board has neither a serial number nor an image of its own.
pub(super) const FACTS: BoardFacts = BoardFacts {
    name: "mps2-an386",
    serial: Serial(*b"emulated0386"),
    version: [
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    ],
    rollback: 0,
    build: [0; 8],
    personality: SELECTED.1,
    slots: PERSONALITY.slots,
    maker: MAKER_PUBLIC,
};

/// A part of the version, as text.
const fn number(text: &str) -> u16 {
    match u16::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}
