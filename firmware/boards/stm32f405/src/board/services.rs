//! Vault and chance as the engine wants them.

use engine::vault::{Chance, ChanceError, Vault, VaultError};
use reader_protocol::vault::VAULT_BYTES;
use stm32f405::{
    chance,
    clock::Clocks,
    registers::{PWR, RCC, RNG, RTC},
    vault,
};

/// The battery-backed registers.
pub(super) struct BoardVault(vault::Vault);

impl BoardVault {
    pub(super) fn start(clock: RTC, pwr: &PWR, rcc: &RCC) -> Self {
        Self(vault::Vault::start(clock, pwr, rcc))
    }
}

impl Vault for BoardVault {
    fn read(&mut self, bytes: &mut [u8; VAULT_BYTES]) -> Result<(), VaultError> {
        self.0.read(bytes);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8; VAULT_BYTES]) -> Result<(), VaultError> {
        if self.0.write(bytes) { Ok(()) } else { Err(VaultError::Failed) }
    }
}

/// The generator of random numbers.
pub(super) struct BoardChance(chance::Chance);

impl BoardChance {
    pub(super) fn start(generator: RNG, rcc: &RCC, clocks: &Clocks) -> Self {
        Self(chance::Chance::start(generator, rcc, clocks))
    }
}

impl Chance for BoardChance {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ChanceError> {
        if self.0.fill(bytes) { Ok(()) } else { Err(ChanceError::Failed) }
    }
}
