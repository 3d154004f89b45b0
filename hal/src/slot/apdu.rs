//! What the decorators need to know of a command: its header, and whether it carries a PIN.

use std::fmt::Write;

/// Data bytes of the command start here in the short form: after CLA INS P1 P2 and Lc.
const DATA_AT: usize = 5;

/// Whether the data of a command is, or may be, a PIN: VERIFY, CHANGE PIN, PIN UNBLOCK and the like.
///
/// Every class counts, also proprietary ones, and so does a command that is too broken to be taken apart:
/// masking too much costs nothing. Only `2C` is RESET RETRY COUNTER in the interindustry class alone; in
/// class `B0` it is the DEBIT of the medical account. Source: ISO/IEC 7816-4 §11.5, JR/T 0025.
pub(crate) fn carries_pin(command: &[u8]) -> bool {
    match command {
        [_, 0x20 | 0x24 | 0x5E, ..] => true,
        [class, 0x2C, ..] => class & 0xE0 == 0,
        _ => false,
    }
}

/// The command in hex, with `**` for each byte of data that may be a PIN.
pub(crate) fn masked_hex(command: &[u8]) -> String {
    let keep = if carries_pin(command) { DATA_AT } else { command.len() };
    let mut text = String::with_capacity(2 * command.len());
    for (at, byte) in command.iter().enumerate() {
        if at < keep {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02X}");
        } else {
            text.push_str("**");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pins_are_masked() {
        assert_eq!(masked_hex(&[0x00, 0x20, 0x00, 0x00, 0x03, 0x12, 0x34, 0x56]), "0020000003******");
        assert_eq!(masked_hex(&[0x80, 0x5E, 0x01, 0x00, 0x02, 0x12, 0xFF]), "805E010002****");
        assert_eq!(masked_hex(&[0x00, 0xB2, 0x01, 0x2C, 0x12]), "00B2012C12");
        assert!(!carries_pin(&[0xB0, 0x2C, 0x01, 0x00, 0x0F]), "DEBIT has no PIN in it");
        assert!(carries_pin(&[0x00, 0x2C, 0x00, 0x00]));
        assert_eq!(masked_hex(&[0x00, 0x20]), "0020");
    }
}
