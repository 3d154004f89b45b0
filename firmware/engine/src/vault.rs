//! What the board must not lose and must not give away, and where its chance comes from.

use reader_protocol::vault::VAULT_BYTES;

/// Battery-backed registers, of which nothing survives an opening of the case where the hardware can see to
/// that itself. What the bytes mean is [`reader_protocol::vault`]'s business.
pub trait Vault {
    /// Reads all of them. Whoever asked wipes what was read.
    fn read(&mut self, bytes: &mut [u8; VAULT_BYTES]) -> Result<(), VaultError>;

    /// Writes all of them.
    fn write(&mut self, bytes: &[u8; VAULT_BYTES]) -> Result<(), VaultError>;
}

/// Why the vault gives or takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VaultError {
    /// It is not there yet: ask again.
    NotReady,
    /// It does not take what is written. For the installer.
    Failed,
}

/// Random bytes that nobody can foresee.
pub trait Chance {
    /// Fills `bytes`, all of them.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ChanceError>;
}

/// Why there are no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChanceError {
    /// Not enough yet: ask again.
    NotReady,
    /// The source fails its own test. For the installer.
    Failed,
}
