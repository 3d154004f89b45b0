//! Test keys of a whole country from one seed.
//!
//! A national root stands for each key name, cipher and version. A PSAM holds roots; a card holds its own
//! keys, derived from the same roots by province, city and card, as many levels as the key's usage says.
//! Cards, PSAMs and a center's security module made from the same seed therefore agree, and those of
//! another seed are forgeries. No key of a real issuer is made this way.

use card_spec::{
    generation::Algorithm,
    key::{CardFactors, Factor, Key128, KeyName, card_key},
    suite::Suite,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Every root key of a test country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestKeys {
    seed: u64,
}

impl TestKeys {
    /// The keys of this seed.
    pub const fn from_seed(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The national root of a key; `version` counts from 1.
    pub fn root(&self, name: KeyName, algorithm: Algorithm, version: u8) -> Key128 {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream(&format!("{name}/{:02X}/{version}", algorithm.id())));
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Key128::new(bytes)
    }

    /// The root taken down some levels; `factors` in the order of the wire, the lowest level first.
    pub fn derived(&self, name: KeyName, algorithm: Algorithm, version: u8, factors: &[Factor]) -> Key128 {
        Suite::from(algorithm).diversify_levels(&self.root(name, algorithm, version), factors)
    }

    /// The key as it lies on a card: taken down as many levels as its row of the key table says.
    pub fn on_card(&self, name: KeyName, algorithm: Algorithm, version: u8, factors: &CardFactors) -> Key128 {
        let levels = card_key(name).map_or(2, |row| row.levels);
        self.derived(name, algorithm, version, factors.levels(levels))
    }
}

/// A number for a name: FNV-1a, so that a key does not change when the table of keys grows.
fn stream(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use card_spec::{atr::CardSerial, key::CARD_KEYS, region::RegionCode};

    #[test]
    fn keys_differ_by_everything_that_names_them() {
        let keys = TestKeys::from_seed(1);
        let root = keys.root(KeyName::PUK, Algorithm::TripleDes, 1);
        assert_eq!(root, TestKeys::from_seed(1).root(KeyName::PUK, Algorithm::TripleDes, 1));
        for other in [
            keys.root(KeyName::PUK, Algorithm::TripleDes, 2),
            keys.root(KeyName::PUK, Algorithm::Sm4, 1),
            keys.root(KeyName::STK, Algorithm::TripleDes, 1),
            TestKeys::from_seed(2).root(KeyName::PUK, Algorithm::TripleDes, 1),
        ] {
            assert!(root != other);
        }
        let mut streams: Vec<u64> = CARD_KEYS.iter().map(|row| stream(&row.name.to_string())).collect();
        streams.sort_unstable();
        streams.dedup();
        assert_eq!(streams.len(), CARD_KEYS.len());
    }

    #[test]
    fn levels_go_from_the_root_to_the_card() {
        let keys = TestKeys::from_seed(7);
        let factors = CardFactors::new(
            CardSerial([0x86, 0x37, 0x43, 1, 0, 0, 1, 0x23]),
            RegionCode::parse("430100").unwrap(),
        );
        let suite = Suite::TripleDes;
        let [card, city, province] = *factors.levels(3) else { panic!("three levels") };
        let root = keys.root(KeyName::DPK, Algorithm::TripleDes, 1);
        let by_hand = suite.diversify(&suite.diversify(&root, city), card);
        assert_eq!(keys.on_card(KeyName::DPK, Algorithm::TripleDes, 1, &factors), by_hand, "42: two levels");
        let row = CARD_KEYS.iter().find(|row| row.levels == 3).unwrap();
        let root = keys.root(row.name, Algorithm::TripleDes, 1);
        let by_hand = suite.diversify(&suite.diversify(&suite.diversify(&root, province), city), card);
        assert_eq!(keys.on_card(row.name, Algorithm::TripleDes, 1, &factors), by_hand, "67: three levels");
    }
}
