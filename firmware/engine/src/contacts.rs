//! The contacts of one card: power, reset, clock, and one line for characters.
//!
//! A board implements [`Contacts`]: with pins and a UART that knows smart cards, or, on an emulated board,
//! with a conversation about them. What characters mean is not its business.

use crate::time::Instant;

/// Supply of the card. Source: ISO/IEC 7816-3 §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voltage {
    /// Class A, 5 V.
    V5,
    /// Class B, 3 V.
    V3,
    /// Class C, 1.8 V.
    V1_8,
}

/// Parity that the UART expects and makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// Direct convention.
    Even,
    /// Inverse convention, whose bits a UART sees turned round.
    Odd,
}

/// How characters go over the line. Source: ISO/IEC 7816-3 §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSettings {
    /// Clock cycles of one elementary time unit: F / D, as numerator (F) and denominator (D).
    pub cycles_per_etu: (u16, u8),
    /// Parity.
    pub parity: Parity,
    /// Units between the leading edges of two characters that we send, 11 to 266.
    pub character_etu: u16,
    /// Whether a character with a parity error is asked for again by the error signal (T=0), and whether the
    /// card's own error signal is looked for.
    pub error_signal: bool,
}

/// A character that the card has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Character {
    /// The byte as a UART reads it, least significant bit first; not yet turned round for the inverse
    /// convention.
    pub byte: u8,
    /// Whether its parity was wrong.
    pub is_broken: bool,
    /// When it had come, in time of the line: 10 to 12 units after its leading edge.
    pub at: Instant,
}

/// What has become of a character that we have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Whether the card has refused it by the error signal (T=0).
    pub is_refused: bool,
    /// When it was over, in time of the line: 10 units after its leading edge or later, but no later than the next
    /// one may begin.
    pub at: Instant,
}

/// The contacts of one slot. Nothing here waits.
pub trait Contacts {
    /// Frequency of CLK in hertz.
    fn clock_hertz(&self) -> u32;

    /// Whether a card is in the slot.
    fn is_present(&mut self) -> bool;

    /// Whether the card draws more than it may: a short circuit. Power is then to be taken away.
    fn is_overloaded(&mut self) -> bool;

    /// Time as the line counts it, when it is `now` on the board. The same on a board with a real line.
    fn time(&mut self, now: Instant) -> Instant;

    /// Switches VCC; `None` is 0 V.
    fn set_supply(&mut self, supply: Option<Voltage>);

    /// Drives RST.
    fn set_reset(&mut self, is_high: bool);

    /// Starts and stops CLK.
    fn set_clock(&mut self, runs: bool);

    /// Sets speed and form of characters.
    fn set_line(&mut self, settings: &LineSettings);

    /// Begins to send one character. The one before must have been [`Contacts::sent`].
    fn send(&mut self, byte: u8);

    /// The character that was sent, once it is over; each is told once.
    fn sent(&mut self) -> Option<Sent>;

    /// The next character that has come.
    fn receive(&mut self) -> Option<Character>;

    /// Says until when a character is waited for, in time of the line; `None` when none is. A board with a
    /// real line needs not know.
    fn expect(&mut self, until: Option<Instant>);
}
