//! The two ciphers of the cards, and what is built on them: diversification, session keys, cryptograms,
//! MACs, TACs.
//!
//! What the public record says for triple DES is solid. For SM4 on social security cards it is silent in
//! places; there the choice is ours and stands here alone: a factor of eight bytes is filled up with
//! zeros, a 16-byte result becomes eight bytes by exchanging halves with exclusive or (which real cards
//! of a related kind do), CBC starts with zeros, and a MAC is the first four bytes.

use core::fmt;

use des::{Des, TdesEde2};
use sm4::Sm4;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    bytes::join,
    generation::Algorithm,
    key::{Factor, Key128},
};
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// A MAC or TAC on the wire.
pub type Mac = [u8; 4];

/// How an SM4 session key is made of eight bytes of challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sm4Session {
    /// Challenge and eight zero bytes: our choice.
    #[default]
    ZeroFill,
    /// Challenge and its complement, as diversification does: the other reading, behind this switch
    /// until a real card decides.
    Complement,
}

/// Cipher with the rules that go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// Algorithm 01.
    TripleDes,
    /// Algorithm 03.
    Sm4(Sm4Session),
}

impl From<Algorithm> for Suite {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::TripleDes => Suite::TripleDes,
            Algorithm::Sm4 => Suite::Sm4(Sm4Session::default()),
        }
    }
}

impl Suite {
    /// The algorithm whose id the card gives.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Suite::TripleDes => Algorithm::TripleDes,
            Suite::Sm4(_) => Algorithm::Sm4,
        }
    }

    /// Bytes of a cipher block: 8 or 16.
    pub fn block_bytes(self) -> usize {
        match self {
            Suite::TripleDes => 8,
            Suite::Sm4(_) => 16,
        }
    }

    /// Derives a key one level down (密钥分散): the encryption of the factor and of its complement.
    pub fn diversify(self, key: &Key128, factor: Factor) -> Key128 {
        let factor = factor.as_bytes();
        let complement = factor.map(|byte| !byte);
        let mut derived: [u8; 16] = match self {
            Suite::TripleDes => join(&[&triple_des(key, *factor), &triple_des(key, complement)]),
            Suite::Sm4(_) => sm4(key.as_bytes(), join(&[factor, &complement])),
        };
        let out = Key128::new(derived);
        derived.zeroize();
        out
    }

    /// Derives a key down several levels. `factors` are in the order of the wire, card first, city,
    /// province; they are applied from the last.
    pub fn diversify_levels(self, root: &Key128, factors: &[Factor]) -> Key128 {
        factors.iter().rev().fold(root.clone(), |key, factor| self.diversify(&key, *factor))
    }

    /// The key that one challenge, or one transaction, is worth.
    ///
    /// For a wallet or the medical account the eight bytes are random, serial and a tail: see
    /// [`Suite::transaction_key`].
    pub fn session_key(self, key: &Key128, challenge: &[u8; 8]) -> SessionKey {
        SessionKey(match self {
            Suite::TripleDes => Session::Des(triple_des(key, *challenge)),
            Suite::Sm4(reading) => {
                let rest = match reading {
                    Sm4Session::ZeroFill => [0; 8],
                    Sm4Session::Complement => challenge.map(|byte| !byte),
                };
                Session::Sm4(sm4(key.as_bytes(), join(&[challenge, &rest])))
            }
        })
    }

    /// Session key of a transaction: random, serial number, and the low two bytes of the terminal's
    /// serial (purchase) or 8000 (load).
    pub fn transaction_key(self, key: &Key128, random: [u8; 4], serial: u16, tail: [u8; 2]) -> SessionKey {
        self.session_key(key, &join(&[&random, &serial.to_be_bytes(), &tail]))
    }

    /// Transaction authentication code (交易认证码): the card's receipt, which only the center checks.
    ///
    /// Triple DES: CBC with single DES under the exclusive or of the key's halves. SM4: CBC under the
    /// whole key, our choice. The pieces are taken as one message.
    pub fn tac(self, key: &Key128, pieces: &[&[u8]]) -> Mac {
        match self {
            Suite::TripleDes => SessionKey(Session::Des(key.folded())).mac(pieces),
            Suite::Sm4(_) => self.whole_key_mac(key, [0; 4], pieces),
        }
    }

    /// MAC under a 16-byte key that is no session key; the start value is four bytes of challenge and
    /// zeros (PBOC secure messaging).
    ///
    /// Triple DES: ISO/IEC 9797-1 algorithm 3. SM4: CBC, our choice.
    pub fn whole_key_mac(self, key: &Key128, challenge: [u8; 4], pieces: &[&[u8]]) -> Mac {
        match self {
            Suite::TripleDes => first_four(&self.retail_mac_block(key, challenge, pieces)),
            Suite::Sm4(_) => {
                let cipher = Sm4::new(key.as_bytes().into());
                let start = join(&[&challenge, &[0; 12]]);
                first_four(&cbc_mac(|block: &mut [u8; 16]| cipher.encrypt_block(block.into()), start, pieces))
            }
        }
    }

    /// MAC of data that stands on the card for good, such as the card identification code: start value 0.
    pub fn static_mac(self, key: &Key128, data: &[u8]) -> Mac {
        self.whole_key_mac(key, [0; 4], &[data])
    }

    fn retail_mac_block(self, key: &Key128, challenge: [u8; 4], pieces: &[&[u8]]) -> [u8; 8] {
        let (left, right) = key.halves();
        let (left, right) = (Des::new((&left).into()), Des::new((&right).into()));
        let start = join(&[&challenge, &[0; 4]]);
        let mut block = cbc_mac(|block: &mut [u8; 8]| left.encrypt_block(block.into()), start, pieces);
        right.decrypt_block((&mut block).into());
        left.encrypt_block((&mut block).into());
        block
    }
}

/// The key of one challenge or one transaction. Wiped when dropped; `Debug` hides it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey(Session);

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
enum Session {
    Des([u8; 8]),
    Sm4([u8; 16]),
}

impl SessionKey {
    /// Eight bytes of authentication: the encryption of eight bytes, folded to eight where the block is
    /// longer.
    pub fn cryptogram(&self, data: &[u8; 8]) -> [u8; 8] {
        match &self.0 {
            Session::Des(key) => des(key, *data),
            Session::Sm4(key) => fold(sm4(key, join(&[data, &[0; 8]]))),
        }
    }

    /// MAC over the pieces as one message: CBC from zero, padded with 80 00.., first four bytes.
    pub fn mac(&self, pieces: &[&[u8]]) -> Mac {
        match &self.0 {
            Session::Des(key) => {
                let cipher = Des::new(key.into());
                first_four(&cbc_mac(|block: &mut [u8; 8]| cipher.encrypt_block(block.into()), [0; 8], pieces))
            }
            Session::Sm4(key) => {
                let cipher = Sm4::new(key.into());
                first_four(&cbc_mac(
                    |block: &mut [u8; 16]| cipher.encrypt_block(block.into()),
                    [0; 16],
                    pieces,
                ))
            }
        }
    }

    /// Bytes of a cipher block: 8 or 16.
    pub fn block_bytes(&self) -> usize {
        match &self.0 {
            Session::Des(_) => 8,
            Session::Sm4(_) => 16,
        }
    }

    /// Enciphers whole blocks where they stand, each for itself; a rest shorter than a block is left.
    pub fn encipher(&self, blocks: &mut [u8]) {
        match &self.0 {
            Session::Des(key) => {
                let cipher = Des::new(key.into());
                blocks.as_chunks_mut::<8>().0.iter_mut().for_each(|block| cipher.encrypt_block(block.into()));
            }
            Session::Sm4(key) => {
                let cipher = Sm4::new(key.into());
                blocks
                    .as_chunks_mut::<16>()
                    .0
                    .iter_mut()
                    .for_each(|block| cipher.encrypt_block(block.into()));
            }
        }
    }

    /// Deciphers whole blocks where they stand; a rest shorter than a block is left.
    pub fn decipher(&self, blocks: &mut [u8]) {
        match &self.0 {
            Session::Des(key) => {
                let cipher = Des::new(key.into());
                blocks.as_chunks_mut::<8>().0.iter_mut().for_each(|block| cipher.decrypt_block(block.into()));
            }
            Session::Sm4(key) => {
                let cipher = Sm4::new(key.into());
                blocks
                    .as_chunks_mut::<16>()
                    .0
                    .iter_mut()
                    .for_each(|block| cipher.decrypt_block(block.into()));
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Session::Des(key) => key,
            Session::Sm4(key) => key,
        }
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

fn des(key: &[u8; 8], mut block: [u8; 8]) -> [u8; 8] {
    Des::new(key.into()).encrypt_block((&mut block).into());
    block
}

fn triple_des(key: &Key128, mut block: [u8; 8]) -> [u8; 8] {
    TdesEde2::new(key.as_bytes().into()).encrypt_block((&mut block).into());
    block
}

pub(crate) fn sm4(key: &[u8; 16], mut block: [u8; 16]) -> [u8; 16] {
    Sm4::new(key.into()).encrypt_block((&mut block).into());
    block
}

/// Left half exclusive-or right half: how 16 bytes become the eight that the commands carry.
pub(crate) fn fold(block: [u8; 16]) -> [u8; 8] {
    core::array::from_fn(|index| block[index] ^ block[index + 8])
}

fn first_four(block: &[u8]) -> Mac {
    [block[0], block[1], block[2], block[3]]
}

/// CBC over the pieces, padded with 80 and zeros; a message that ends on a block gets a block of padding.
fn cbc_mac<const B: usize>(encrypt: impl Fn(&mut [u8; B]), start: [u8; B], pieces: &[&[u8]]) -> [u8; B] {
    let mut state = start;
    let mut at = 0;
    for byte in pieces.iter().copied().flatten() {
        state[at] ^= byte;
        at += 1;
        if at == B {
            encrypt(&mut state);
            at = 0;
        }
    }
    state[at] ^= 0x80;
    encrypt(&mut state);
    state
}
