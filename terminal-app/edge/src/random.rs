//! Chance from the operating system.

use ring::rand::{SecureRandom, SystemRandom};
use terminal::ports::Random;

/// The system's random generator.
#[derive(Clone, Debug)]
pub struct SystemChance(SystemRandom);

impl Default for SystemChance {
    fn default() -> Self {
        SystemChance(SystemRandom::new())
    }
}

impl Random for SystemChance {
    fn fill(&mut self, bytes: &mut [u8]) {
        // `getrandom` fails only before the kernel has any entropy, and then waiting is right: a predictable
        // transaction id or key would be worse than a late one.
        while self.0.fill(bytes).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        let mut chance = SystemChance::default();
        chance.fill(&mut one);
        chance.fill(&mut two);
        assert_ne!(one, two);
    }
}
