//! Cards that are no social security cards.

use card_spec::{fci::Fci, file::ApplicationName};

use super::{build_fci, plain_directory};
use crate::image::{CardImage, CardPolicy, DirectoryImage, Hex, HexByte};

fn card(note: &str, atr: &[u8], root: DirectoryImage) -> CardImage {
    CardImage {
        note: note.to_owned(),
        atr: atr.into(),
        algorithm: HexByte(0x01),
        policy: CardPolicy::default(),
        blocked: false,
        worn: false,
        root,
        interrupted: None,
    }
}

/// A bank card whose answer to reset has the same head as ours; only SELECT tells the difference.
pub fn bank_card() -> CardImage {
    let atr = [
        0x3B, 0x6D, 0x00, 0x00, 0x80, 0x65, 0x08, 0x49, 0x04, 0x86, 0x53, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];
    let debit = plain_directory("PBOC debit", 0xDF01, &ApplicationName::BANK_DEBIT, vec![]);
    let root = plain_directory("MF", 0x3F00, &ApplicationName::PAYMENT_ENVIRONMENT, vec![debit]);
    card("simulated bank card", &atr, root)
}

/// A resident health card (居民健康卡): the nearest relative, with an empty A5 in its answers.
pub fn health_card() -> CardImage {
    let atr = [
        0x3B, 0x6D, 0x00, 0x00, 0x00, 0x81, 0x54, 0x4A, 0x4B, 0x86, 0x60, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
    ];
    let directory = |label: &str, id: u16, name: &[u8], below: Vec<DirectoryImage>| {
        let mut directory = plain_directory(label, id, &ApplicationName::PAYMENT_ENVIRONMENT, below);
        directory.name = name.into();
        let mut fci = build_fci(&Fci { name, directory: None, algorithm_id: None }).0;
        // The template grows by the two bytes of an empty A5.
        fci[1] += 2;
        fci.extend_from_slice(&[0xA5, 0x00]);
        directory.fci = Hex(fci);
        directory
    };
    let application = directory("health", 0xDF01, &[0x91, 0x56, 0x00, 0x01, 0x32, 0x00], vec![]);
    let environment = directory("environment", 0xDDF1, b"WS.SYS.DDF01", vec![application]);
    let mut root = directory("MF", 0x3F00, b"1PAY.SYS.DDF0101", vec![environment]);
    root.name = b"1PAY.SYS.DDF0101".into();
    card("simulated health card", &atr, root)
}
