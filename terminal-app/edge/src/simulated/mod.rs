//! Chips in this process, for trying things out.

pub mod fault;

use std::path::Path;

use sim::{
    card::Card,
    chip::SharedChip,
    error::SimError,
    image::{self, Image},
    psam::Psam,
};
use terminal::ports::Random;

use crate::random::SystemChance;

/// The chip in an image file; every change goes back into the file at once.
pub fn open_chip(path: &Path) -> Result<SharedChip, SimError> {
    let mut seed = [0; 8];
    SystemChance::default().fill(&mut seed);
    let seed = u64::from_be_bytes(seed);
    Ok(match image::load(path)? {
        Image::Card(_) => SharedChip::new(Card::open(path, seed)?),
        Image::Psam(_) => SharedChip::new(Psam::open(path, seed)?),
    })
}
