//! Fingers on a new card.

use card_spec::{
    date::Date,
    fingerprint::{Content, Entry, MINUTIAE_MAX, Position, Template},
    suite::Mac,
};
use fingerprint::{minutia::Minutiae, template::compact};

use crate::error::SimError;

/// Serial number of a card's first content.
pub(super) const FIRST_SERIAL: u32 = 1;

/// One impression of one finger of the holder.
#[derive(Clone, Debug)]
pub struct Impression {
    /// Which finger.
    pub position: Position,
    /// Which impression of it, from 1.
    pub impression: u8,
    /// How fit for comparison, 0 to 100.
    pub fitness: u8,
    /// What was found in it; the best [`MINUTIAE_MAX`] go on the card.
    pub minutiae: Minutiae,
}

/// The bytes of a place of EF07 with these impressions; with none, that the holder has no usable finger.
pub(super) fn place(
    impressions: &[Impression],
    day: Date,
    mac: impl FnOnce(&Content) -> Mac,
) -> Result<Vec<u8>, SimError> {
    let mut content =
        if impressions.is_empty() { Content::without_usable_finger(day) } else { Content::new(day) };
    for given in impressions {
        let bytes = compact::write(&given.minutiae, MINUTIAE_MAX);
        let entry = Entry {
            position: given.position,
            impression: given.impression,
            fitness: given.fitness,
            enrolled: day,
            template: Template::Compact(&bytes),
        };
        content.push(&entry).map_err(|error| SimError::Personalise { problem: error.to_string() })?;
    }
    let mac = mac(&content);
    Ok(content.to_place(FIRST_SERIAL, mac).as_bytes().to_vec())
}
