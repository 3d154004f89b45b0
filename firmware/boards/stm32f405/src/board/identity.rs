//! Which reader the board is, and who it says that it is.

use boot::PublicKey;
use embedded_storage::nor_flash::ReadNorFlash as _;
use engine::{
    escape::BoardFacts,
    personality::{self, Personality},
};
use reader_protocol::{
    escape::{self, Serial},
    image::{HEADER_BYTES, Header, SignedHeader},
};
use stm32f405::flash;

#[cfg(all(feature = "sec1210", not(any(feature = "gemcorepospro", feature = "gempctwin", feature = "usb"))))]
const SELECTED: (&Personality, escape::Personality) = (&personality::SEC1210, escape::Personality::Sec1210);
#[cfg(all(feature = "gemcorepospro", not(any(feature = "sec1210", feature = "gempctwin", feature = "usb"))))]
const SELECTED: (&Personality, escape::Personality) =
    (&personality::GEMCORE_POS_PRO, escape::Personality::GemCorePosPro);
#[cfg(all(feature = "gempctwin", not(any(feature = "sec1210", feature = "gemcorepospro", feature = "usb"))))]
const SELECTED: (&Personality, escape::Personality) =
    (&personality::GEM_PC_TWIN, escape::Personality::GemPcTwin);
#[cfg(all(feature = "usb", not(any(feature = "sec1210", feature = "gemcorepospro", feature = "gempctwin"))))]
const SELECTED: (&Personality, escape::Personality) = (&personality::USB, escape::Personality::Usb);

/// The reader that the host sees: exactly one feature selects it.
pub(super) const PERSONALITY: &Personality = SELECTED.0;

/// Slots that have contacts; others of the personality stay empty.
pub(super) const SLOTS: usize = if PERSONALITY.slots < 2 { 1 } else { 2 };

/// Who signs firmware.
pub(super) const FIRMWARE_KEY: PublicKey = PublicKey::from_hex(env!(
    "JINBAO_FIRMWARE_PUBLIC_KEY",
    "the public key that firmware is signed for is missing: build by `cargo xtask firmware`"
));

/// Who clears a board that has lost its authority.
const MAKER_KEY: PublicKey = PublicKey::from_hex(env!(
    "JINBAO_MAKER_PUBLIC_KEY",
    "the public key of the boards' maker is missing: build by `cargo xtask firmware`"
));

/// The header that stands before this very program; `None` when it was started without one, by a debugger.
pub(super) fn own_header() -> Option<Header> {
    let mut bytes = [0; HEADER_BYTES];
    flash::application().read(0, &mut bytes).ok()?;
    SignedHeader::parse(&bytes).ok().map(|image| image.header)
}

/// What the host is told.
pub(super) fn facts() -> BoardFacts {
    let header = own_header();
    let version =
        header.map_or([0; 3], |header| [header.version.major, header.version.minor, header.version.patch]);
    let build = header.and_then(|header| header.program_sha256.first_chunk().copied());
    BoardFacts {
        name: "stm32f405",
        serial: Serial(stm32f405::identity::serial()),
        version,
        rollback: header.map_or(0, |header| header.rollback),
        build: build.unwrap_or_default(),
        personality: SELECTED.1,
        slots: PERSONALITY.slots,
        maker: MAKER_KEY.to_bytes(),
    }
}

/// What the device is called on USB; `None` when it is asked for again.
#[cfg(feature = "usb")]
pub(super) fn usb() -> Option<physical::usb::Identity> {
    let [major, minor, _] = facts().version;
    Some(physical::usb::Identity {
        vendor_product: physical::usb::VENDOR_PRODUCT,
        manufacturer: "Jinbao",
        product: "Jinbao card reader",
        serial: stm32f405::identity::serial_text()?,
        release: (major & 0xFF) << 8 | minor & 0xFF,
    })
}
