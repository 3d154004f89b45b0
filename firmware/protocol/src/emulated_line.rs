//! The card's contacts on an emulated board: a conversation of tagged bytes about characters and time.
//!
//! An emulator's UART has no bit time, no parity and no pins. So board and card speak about them: the board
//! says which contacts it drives and how long it is willing to listen, the card says what comes and how much
//! time of the line has passed meanwhile. Time on this line is what has been said, not what a clock on the
//! wall shows; so a busy machine never makes a card mute, and a mute card need not be waited for.
//!
//! Every message is a tag and a body of fixed length. The board's tags are below 80, the card's are not.
//! A character is the byte as a UART sees it that reads the least significant bit first, so cards of the
//! inverse convention are as they are on a real line.

/// Board: sends the character that follows. The card answers with [`TAKEN`] or [`REFUSED`].
pub const SEND: u8 = 0x01;
/// Board: contacts, one byte of `CONTACT_` bits.
pub const CONTACTS: u8 = 0x02;
/// Board: elementary time unit in nanoseconds (4 bytes, least significant first), extra guard time in units
/// (1 byte), and whether the error signal is used (1 byte, T=0).
pub const SETTINGS: u8 = 0x03;
/// Board: listens from now on, for at most so many nanoseconds of line time (8 bytes, least significant first).
/// The card answers with a character or with [`SILENCE`] of that length. Zero takes the listening back: no
/// answer.
///
/// The card need not be listened to for characters, so one may be on its way already when the board listens; then
/// the answer is to what comes after it. A silence longer than what is still listened to is such an answer that
/// has come too late, and is not of this listening.
pub const LISTEN: u8 = 0x04;
/// Board: asks for the character before once more, by the error signal of T=0. While the error signal is used, the
/// card says nothing after a broken character until it hears this.
pub const REPEAT: u8 = 0x05;

/// Card: a character follows, at the least distance from the one before.
pub const CHARACTER: u8 = 0x81;
/// Card: the same with a parity error.
pub const CHARACTER_BROKEN: u8 = 0x82;
/// Card: nothing for so many nanoseconds of line time (8 bytes, least significant first).
pub const SILENCE: u8 = 0x83;
/// Card: whether there is a card (1 byte, 0 or 1). Sent at any time, and once at the beginning.
pub const PRESENCE: u8 = 0x84;
/// Card: has taken the board's character.
pub const TAKEN: u8 = 0x85;
/// Card: has refused the board's character by the error signal of T=0.
pub const REFUSED: u8 = 0x86;
/// Card: draws more current than allowed (1 byte, 0 or 1). Source: ISO/IEC 7816-3 §5.2.1.
pub const OVERLOAD: u8 = 0x87;

/// Supply of class A, 5 V.
pub const CONTACT_5V: u8 = 0x01;
/// Supply of class B, 3 V.
pub const CONTACT_3V: u8 = 0x02;
/// Supply of class C, 1.8 V.
pub const CONTACT_1V8: u8 = 0x04;
/// RST is high.
pub const CONTACT_RESET_HIGH: u8 = 0x08;
/// CLK runs.
pub const CONTACT_CLOCK: u8 = 0x10;

/// Bytes that follow a tag, `None` for an unknown one.
pub const fn body_bytes(tag: u8) -> Option<usize> {
    match tag {
        REPEAT | TAKEN | REFUSED => Some(0),
        SEND | CONTACTS | CHARACTER | CHARACTER_BROKEN | PRESENCE | OVERLOAD => Some(1),
        SETTINGS => Some(6),
        LISTEN | SILENCE => Some(8),
        _ => None,
    }
}
