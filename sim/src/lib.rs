//! Stands in for hardware, and for hardware only: cards, PSAM, reader line, people, faults.
//!
//! A simulated chip is a [`chip::Chip`]: power, reset, bytes in, bytes out. It is laid out by the table
//! of files in `card_spec`, but how it behaves (security state, status words, tearing) is written here,
//! apart from what the terminal expects. The same chip sits behind the real pcscd ([`pcscd`], [`vpcd`])
//! and in process ([`slot`]). Everything random comes from a seed: one seed, one run.
//!
//! ```
//! use sim::{card::Card, chip::Chip, keys::TestKeys, people::Population, personalise::CardOrder};
//!
//! let person = Population::new(1, 1_000).person(7).expect("there are a thousand");
//! let image = CardOrder::new(&person, TestKeys::from_seed(1)).build()?;
//! let mut card = Card::new(&image, 1)?;
//! let atr = card.power_on().expect("no cut is planned");
//! assert_eq!(atr[..4], [0x3B, 0x6D, 0x00, 0x00]);
//! let answer = card.transmit(&[0x00, 0xA4, 0x00, 0x00, 0x02, 0xDD, 0xF1]).expect("no cut is planned");
//! assert_eq!(answer, [0x61, 0x1E], "30 bytes wait for GET RESPONSE");
//! # Ok::<(), sim::error::SimError>(())
//! ```

pub mod board;
pub mod card;
pub mod chip;
pub mod eeprom;
pub mod error;
pub mod fault;
pub mod image;
pub mod inspect;
pub mod keys;
mod leash;
pub mod line;
pub mod module;
pub mod panel;
pub mod pcscd;
pub mod people;
pub mod personalise;
mod port;
pub mod psam;
pub mod reader;
pub mod service;
pub mod slot;
pub mod vpcd;

/// The last two decimal digits of a number as one byte of BCD.
pub(crate) fn bcd(number: u32) -> u8 {
    let pair = (number % 100) as u8;
    ((pair / 10) << 4) | (pair % 10)
}
