//! The key that DELIVERY KEY leaves, and a MAC that goes over several commands.

use card_spec::{
    key::Key128,
    suite::{SessionKey, Suite},
};
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2};
use sm4::Sm4;

/// Bytes of the larger of the two blocks.
const BLOCK_BYTES_MAX: usize = 16;

/// A delivered key and the MAC under way.
pub(super) struct Working {
    pub(super) key: WorkingKey,
    state: Option<[u8; BLOCK_BYTES_MAX]>,
}

/// What DELIVERY KEY has made.
pub(super) enum WorkingKey {
    /// A session key from a challenge: of eight bytes with triple DES.
    Session(SessionKey),
    /// The card's key itself.
    Whole(Suite, Key128),
}

impl Working {
    pub(super) fn new(key: WorkingKey) -> Self {
        Self { key, state: None }
    }

    pub(super) fn has_begun_mac(&self) -> bool {
        self.state.is_some()
    }

    /// Starts from a block that the caller gives.
    pub(super) fn begin_mac(&mut self, start: &[u8]) {
        let mut state = [0; BLOCK_BYTES_MAX];
        state[..start.len()].copy_from_slice(start);
        self.state = Some(state);
    }

    /// Takes whole blocks in.
    pub(super) fn continue_mac(&mut self, data: &[u8]) {
        let block = self.key.block_bytes();
        let Some(mut state) = self.state else { return };
        for chunk in data.chunks_exact(block) {
            for (held, byte) in state.iter_mut().zip(chunk) {
                *held ^= byte;
            }
            self.key.encipher_in_chain(&mut state[..block]);
        }
        self.state = Some(state);
    }

    /// The whole last block; with a 16-byte key of triple DES it is deciphered and enciphered once more
    /// (ISO/IEC 9797-1 algorithm 3).
    pub(super) fn mac(&self) -> Vec<u8> {
        let mut block = self.state.unwrap_or_default()[..self.key.block_bytes()].to_vec();
        if let WorkingKey::Whole(Suite::TripleDes, key) = &self.key {
            let (left, right) = halves(key);
            let Ok(block) = <&mut [u8; 8]>::try_from(block.as_mut_slice()) else { return block };
            right.decrypt_block(block.into());
            left.encrypt_block(block.into());
        }
        block
    }
}

impl WorkingKey {
    /// Bytes of a cipher block.
    pub(super) fn block_bytes(&self) -> usize {
        match self {
            Self::Session(session) => session.block_bytes(),
            Self::Whole(suite, _) => suite.block_bytes(),
        }
    }

    /// Enciphers whole blocks, each for itself.
    pub(super) fn encipher(&self, blocks: &mut [u8]) {
        match self {
            Self::Session(session) => session.encipher(blocks),
            Self::Whole(Suite::TripleDes, key) => {
                let cipher = TdesEde2::new(key.as_bytes().into());
                blocks.as_chunks_mut::<8>().0.iter_mut().for_each(|block| cipher.encrypt_block(block.into()));
            }
            Self::Whole(Suite::Sm4(_), key) => {
                let cipher = Sm4::new(key.as_bytes().into());
                blocks
                    .as_chunks_mut::<16>()
                    .0
                    .iter_mut()
                    .for_each(|block| cipher.encrypt_block(block.into()));
            }
        }
    }

    /// One block inside a MAC: with a 16-byte key of triple DES the left half alone.
    fn encipher_in_chain(&self, block: &mut [u8]) {
        match (self, <&mut [u8; 8]>::try_from(&mut *block)) {
            (Self::Whole(Suite::TripleDes, key), Ok(block)) => halves(key).0.encrypt_block(block.into()),
            _ => self.encipher(block),
        }
    }
}

fn halves(key: &Key128) -> (Des, Des) {
    let (halves, _) = key.as_bytes().as_chunks::<8>();
    (Des::new((&halves[0]).into()), Des::new((&halves[1]).into()))
}
