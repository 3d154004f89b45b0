//! One seed, one run.

use std::{
    env,
    hash::{BuildHasher, RandomState},
};

/// Names the variable that replays a run.
pub const VARIABLE: &str = "JINBAO_SEED";

/// The seed of `JINBAO_SEED`, else another each time; printed, so that a failing test shows it.
///
/// # Panics
/// When the variable holds no number.
pub fn of(test: &str) -> u64 {
    let seed = match env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE} is no number: {text}")),
        // Small, so that it can be typed; the hasher's keys are the library's only chance without a crate.
        Err(_) => RandomState::new().hash_one(test) >> 40,
    };
    println!("{test}: {VARIABLE}={seed}");
    seed
}

/// Numbers from a seed (splitmix64).
#[derive(Clone, Copy, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}
