use std::fmt::{self, Write};

use zeroize::Zeroizing;

/// The raw key of an encrypted file. Wiped when dropped.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// Takes 32 bytes as they are; no derivation follows.
    pub fn new(bytes: [u8; 32]) -> Self {
        StoreKey(Zeroizing::new(bytes))
    }

    /// The bytes, for sealing them or for handing the file to an auditor.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn pragma(&self) -> Zeroizing<String> {
        // Reserved beforehand, so that growing leaves no part of the key behind.
        let mut sql = Zeroizing::new(String::with_capacity(96));
        sql.push_str("PRAGMA key = \"x'");
        for byte in self.0.iter() {
            let _ = write!(sql, "{byte:02x}");
        }
        sql.push_str("'\";");
        sql
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}
