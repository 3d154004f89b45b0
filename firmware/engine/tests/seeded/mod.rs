//! One seed for every random test of a run, printed and taken back.

use std::{
    env,
    hash::{BuildHasher, RandomState},
};

use proptest::test_runner::{Config, RngSeed};

/// A fresh seed, or the one in `JINBAO_SEED`. It is printed, and shown when the test fails.
pub(crate) fn config(cases: u32) -> Config {
    let seed = match env::var("JINBAO_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => RandomState::new().hash_one(cases),
    };
    println!("replay with JINBAO_SEED={seed}");
    Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..Config::default() }
}
