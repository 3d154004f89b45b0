//! The secret that seals the terminal's keys to this machine.
//!
//! What it protects from: the database files alone. A backup, a copied `ledger.db`, a file sent to support
//! or an SD card image taken without `machine.secret` or put into another machine cannot be opened.
//!
//! What it does not protect from: whoever has all of this disk, or is root on this machine. Everything
//! needed to open the files is then at hand. Only a security chip could change that; none is assumed.

use std::{fs, io, path::Path};

use ring::hkdf;
use terminal::ports::Random;
use zeroize::Zeroizing;

use crate::{
    failure::{EdgeError, file_error},
    {data_dir::write_atomic, random::SystemChance},
};

/// Bytes of the random half.
const RANDOM_BYTES: usize = 32;

/// Name of the kernel's machine number, made at installation.
const MACHINE_ID: &str = "/etc/machine-id";

/// The secret of this machine and this data folder. Wiped when dropped.
pub type MachineSecret = Zeroizing<[u8; 32]>;

struct Bytes32;

impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// Reads the secret, or `None` when this folder has none yet.
///
/// Errors: `File`, and `Content` when the random half has another length than it was written with.
pub fn read(random_half: &Path) -> Result<Option<MachineSecret>, EdgeError> {
    let bytes = match fs::read(random_half) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(random_half)(error)),
    };
    if bytes.len() != RANDOM_BYTES {
        return Err(EdgeError::Content {
            path: random_half.to_owned(),
            problem: format!("expected {RANDOM_BYTES} bytes, got {}", bytes.len()),
        });
    }
    Ok(Some(derive(&bytes, &machine_id())))
}

/// Makes a new secret. Never replaces one: that would lock the ledger for good.
pub fn create(random_half: &Path) -> Result<MachineSecret, EdgeError> {
    if random_half.exists() {
        return Err(file_error(random_half)(io::ErrorKind::AlreadyExists.into()));
    }
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    SystemChance::default().fill(&mut *bytes);
    write_atomic(random_half, &*bytes)?;
    Ok(derive(&*bytes, &machine_id()))
}

/// A container without a machine number has only the random half; it is then as good as that file.
fn machine_id() -> Vec<u8> {
    fs::read(MACHINE_ID).map(|id| id.trim_ascii().to_vec()).unwrap_or_default()
}

fn derive(random_half: &[u8], machine_id: &[u8]) -> MachineSecret {
    let mut secret = Zeroizing::new([0; 32]);
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, machine_id).extract(random_half);
    match key.expand(&[b"jinbao machine secret 1"], Bytes32).and_then(|okm| okm.fill(&mut *secret)) {
        Ok(()) => secret,
        Err(_) => unreachable!("HKDF-SHA256 gives up to 8160 bytes"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn both_halves_count_and_a_secret_is_never_replaced() {
        assert_ne!(*derive(&[1; 32], b"a"), *derive(&[1; 32], b"b"));
        assert_ne!(*derive(&[1; 32], b"a"), *derive(&[2; 32], b"a"));
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("machine.secret");
        assert!(read(&path).unwrap().is_none());
        let made = create(&path).unwrap();
        assert_eq!(*read(&path).unwrap().unwrap(), *made);
        assert!(create(&path).is_err());
        fs::write(&path, b"short").unwrap();
        assert!(matches!(read(&path), Err(EdgeError::Content { .. })));
    }
}
