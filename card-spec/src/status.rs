//! Status words, the last two bytes of every answer.

use core::fmt;

/// SW1 SW2 of an answer.
///
/// `Debug` and `Display` write four hex digits. Source: ISO/IEC 7816-4 §5.6, JR/T 0025 (PBOC).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// 9000: done.
    pub const SUCCESS: Self = Self(0x9000);
    /// 6283: done, and the selected application is blocked.
    pub const SELECTED_FILE_BLOCKED: Self = Self(0x6283);
    /// 6300: authentication failed, no count given.
    pub const AUTHENTICATION_FAILED: Self = Self(0x6300);
    /// 6581: the card could not write its memory.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// 6700: wrong length.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// 6901: the command does not fit the state.
    pub const INVALID_STATE: Self = Self(0x6901);
    /// 6981: the command does not fit the structure of the file.
    pub const WRONG_FILE_TYPE: Self = Self(0x6981);
    /// 6982: a right is missing.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// 6983: the key or the PIN is locked.
    pub const AUTHENTICATION_BLOCKED: Self = Self(0x6983);
    /// 6984: no challenge was taken, or the referenced data is invalid.
    pub const DATA_INVALID: Self = Self(0x6984);
    /// 6985: conditions of use are not met.
    pub const CONDITIONS_OF_USE: Self = Self(0x6985);
    /// 6986: no file is selected.
    pub const NO_CURRENT_FILE: Self = Self(0x6986);
    /// 6987: the MAC is missing.
    pub const MAC_MISSING: Self = Self(0x6987);
    /// 6988: the MAC of a protected command is wrong.
    pub const MAC_WRONG: Self = Self(0x6988);
    /// 6A80: the data field is wrong.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// 6A81: not supported, or the card is blocked.
    pub const NOT_SUPPORTED: Self = Self(0x6A81);
    /// 6A82: no such file or application.
    pub const FILE_NOT_FOUND: Self = Self(0x6A82);
    /// 6A83: no such record.
    pub const RECORD_NOT_FOUND: Self = Self(0x6A83);
    /// 6A84: no space in the file.
    pub const NO_SPACE: Self = Self(0x6A84);
    /// 6A86: P1 or P2 is wrong.
    pub const WRONG_PARAMETERS: Self = Self(0x6A86);
    /// 6A88: no such key.
    pub const KEY_NOT_FOUND: Self = Self(0x6A88);
    /// 6B00: the offset is outside the file.
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    /// 6D00: the instruction does not exist.
    pub const INSTRUCTION_NOT_SUPPORTED: Self = Self(0x6D00);
    /// 6E00: the class does not exist.
    pub const CLASS_NOT_SUPPORTED: Self = Self(0x6E00);
    /// 6F00: no diagnosis.
    pub const NO_DIAGNOSIS: Self = Self(0x6F00);
    /// 9302: the MAC of a transaction is wrong.
    pub const TRANSACTION_MAC_WRONG: Self = Self(0x9302);
    /// 9303: the application is locked for good.
    pub const APPLICATION_LOCKED: Self = Self(0x9303);
    /// 9401: not enough money.
    pub const INSUFFICIENT_FUNDS: Self = Self(0x9401);
    /// 9402: the transaction counter has reached its maximum.
    pub const COUNTER_AT_MAXIMUM: Self = Self(0x9402);
    /// 9403: no such key index.
    pub const KEY_INDEX_NOT_SUPPORTED: Self = Self(0x9403);
    /// 9406: the requested MAC is not available.
    pub const MAC_NOT_AVAILABLE: Self = Self(0x9406);
    /// 9407: the application is locked for transactions.
    pub const APPLICATION_SUSPENDED: Self = Self(0x9407);
    /// 9408: the wallet is locked.
    pub const WALLET_LOCKED: Self = Self(0x9408);

    /// Every fixed status word with the name it has here, for tables and explanations.
    pub const NAMED: &'static [(StatusWord, &'static str)] = &[
        (Self::SUCCESS, "SUCCESS"),
        (Self::SELECTED_FILE_BLOCKED, "SELECTED_FILE_BLOCKED"),
        (Self::AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED"),
        (Self::MEMORY_FAILURE, "MEMORY_FAILURE"),
        (Self::WRONG_LENGTH, "WRONG_LENGTH"),
        (Self::INVALID_STATE, "INVALID_STATE"),
        (Self::WRONG_FILE_TYPE, "WRONG_FILE_TYPE"),
        (Self::SECURITY_STATUS, "SECURITY_STATUS"),
        (Self::AUTHENTICATION_BLOCKED, "AUTHENTICATION_BLOCKED"),
        (Self::DATA_INVALID, "DATA_INVALID"),
        (Self::CONDITIONS_OF_USE, "CONDITIONS_OF_USE"),
        (Self::NO_CURRENT_FILE, "NO_CURRENT_FILE"),
        (Self::MAC_MISSING, "MAC_MISSING"),
        (Self::MAC_WRONG, "MAC_WRONG"),
        (Self::WRONG_DATA, "WRONG_DATA"),
        (Self::NOT_SUPPORTED, "NOT_SUPPORTED"),
        (Self::FILE_NOT_FOUND, "FILE_NOT_FOUND"),
        (Self::RECORD_NOT_FOUND, "RECORD_NOT_FOUND"),
        (Self::NO_SPACE, "NO_SPACE"),
        (Self::WRONG_PARAMETERS, "WRONG_PARAMETERS"),
        (Self::KEY_NOT_FOUND, "KEY_NOT_FOUND"),
        (Self::WRONG_OFFSET, "WRONG_OFFSET"),
        (Self::INSTRUCTION_NOT_SUPPORTED, "INSTRUCTION_NOT_SUPPORTED"),
        (Self::CLASS_NOT_SUPPORTED, "CLASS_NOT_SUPPORTED"),
        (Self::NO_DIAGNOSIS, "NO_DIAGNOSIS"),
        (Self::TRANSACTION_MAC_WRONG, "TRANSACTION_MAC_WRONG"),
        (Self::APPLICATION_LOCKED, "APPLICATION_LOCKED"),
        (Self::INSUFFICIENT_FUNDS, "INSUFFICIENT_FUNDS"),
        (Self::COUNTER_AT_MAXIMUM, "COUNTER_AT_MAXIMUM"),
        (Self::KEY_INDEX_NOT_SUPPORTED, "KEY_INDEX_NOT_SUPPORTED"),
        (Self::MAC_NOT_AVAILABLE, "MAC_NOT_AVAILABLE"),
        (Self::APPLICATION_SUSPENDED, "APPLICATION_SUSPENDED"),
        (Self::WALLET_LOCKED, "WALLET_LOCKED"),
    ];

    /// SW1 and SW2 as they came.
    pub const fn new(sw1: u8, sw2: u8) -> Self {
        Self(u16::from_be_bytes([sw1, sw2]))
    }

    /// 63Cx: wrong, with this many tries left; more than 15 are shown as 15.
    pub const fn tries(left: u8) -> Self {
        Self(0x63C0 | if left > 15 { 15 } else { left as u16 })
    }

    /// 61xx: this many bytes wait for GET RESPONSE; 256 is 6100.
    pub const fn waiting(bytes: u16) -> Self {
        Self(0x6100 | (bytes & 0xFF))
    }

    /// 6Cxx: the right Le; 256 is 6C00.
    pub const fn right_length(bytes: u16) -> Self {
        Self(0x6C00 | (bytes & 0xFF))
    }

    /// First byte.
    pub const fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// Second byte.
    pub const fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// Whether the command is done with nothing left to fetch (9000).
    pub const fn is_success(self) -> bool {
        self.0 == 0x9000
    }

    /// Whether the card did what was asked: 9000, 61xx, or a 62xx warning.
    pub const fn is_done(self) -> bool {
        self.0 == 0x9000 || matches!(self.sw1(), 0x61 | 0x62)
    }

    /// 61xx: bytes that wait for GET RESPONSE, 1 to 256.
    pub const fn bytes_waiting(self) -> Option<u16> {
        self.tail_of(0x61)
    }

    /// 6Cxx: the Le to repeat the command with, 1 to 256.
    pub const fn exact_length(self) -> Option<u16> {
        self.tail_of(0x6C)
    }

    /// 63Cx: tries left after a wrong PIN or a wrong external authentication, 0 to 15.
    pub const fn tries_left(self) -> Option<u8> {
        if self.0 & 0xFFF0 == 0x63C0 { Some((self.0 & 0x0F) as u8) } else { None }
    }

    /// Whether the PIN or key is locked: 6983, or no tries left.
    pub const fn is_locked(self) -> bool {
        self.0 == 0x6983 || self.0 == 0x63C0
    }

    /// The number that the standard reader driver gives for it: the word, negative.
    pub const fn driver_error(self) -> i32 {
        -(self.0 as i32)
    }

    /// The name of a fixed status word; `None` for 61xx, 63Cx, 6Cxx and unknown ones.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(word, _)| *word == self).map(|(_, name)| *name)
    }

    /// As it stands at the end of an answer.
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    const fn tail_of(self, sw1: u8) -> Option<u16> {
        if self.sw1() != sw1 {
            return None;
        }
        Some(if self.sw2() == 0 { 256 } else { self.sw2() as u16 })
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::StatusWord;

    #[test]
    fn parts_of_a_word() {
        assert_eq!(StatusWord(0x63C2).tries_left(), Some(2));
        assert_eq!(StatusWord(0x6300).tries_left(), None);
        assert_eq!(StatusWord(0x611E).bytes_waiting(), Some(30));
        assert_eq!(StatusWord(0x6C00).exact_length(), Some(256));
        assert!(StatusWord(0x63C0).is_locked() && StatusWord::AUTHENTICATION_BLOCKED.is_locked());
        assert!(!StatusWord(0x6A00).is_done());
        assert_eq!(StatusWord::tries(40), StatusWord(0x63CF));
        assert_eq!(StatusWord::waiting(256), StatusWord(0x6100));
        assert_eq!(format!("{:?}", StatusWord::SUCCESS), "9000");
        assert_eq!(StatusWord(0x6A83).name(), Some("RECORD_NOT_FOUND"));
    }

    #[test]
    fn names_are_given_once() {
        for (index, (word, name)) in StatusWord::NAMED.iter().enumerate() {
            for (other, other_name) in &StatusWord::NAMED[index + 1..] {
                assert!(word != other && name != other_name, "{name}");
            }
        }
    }
}
