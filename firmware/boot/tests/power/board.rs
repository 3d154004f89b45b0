//! A board of simulated flash and images for it.

use std::{cell::RefCell, rc::Rc};

use boot::{Decision, Expected, Flash, Journal, PublicKey, Request, start};
use reader_protocol::image::{Board as Kind, Header, KeyId, SIGNATURE_BYTES, SignedHeader, Version};
use ring::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};

use crate::nor::{Nor, Power, SECTOR_BYTES};

/// Where the application's program would stand.
pub(crate) const ADDRESS: u32 = 0x0802_0200;
/// Sectors of the application and of the staged image.
const IMAGE_SECTORS: usize = 3;

/// Seed of the random part of a test, printed to be repeated.
pub(crate) fn seed() -> u64 {
    let seed = std::env::var("JINBAO_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| u64::from(time.subsec_nanos()))
    });
    println!("JINBAO_SEED={seed}");
    seed
}

/// An image before it is signed.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) signer: u8,
    pub(crate) board: Kind,
    pub(crate) address: u32,
    pub(crate) rollback: u32,
    pub(crate) program: Vec<u8>,
}

impl Plan {
    /// A good image whose program is made of this byte.
    pub(crate) fn of(content: u8, rollback: u32) -> Self {
        let program =
            (0..SECTOR_BYTES + 400).map(|at| content.wrapping_add((at / 7) as u8)).collect::<Vec<_>>();
        Self { signer: 1, board: Kind::STM32F405, address: ADDRESS, rollback, program }
    }

    /// Header and program, signed.
    pub(crate) fn image(&self) -> Vec<u8> {
        let pair = pair(self.signer);
        let mut header = Header {
            board: self.board,
            version: Version { major: 1, minor: 0, patch: 0 },
            rollback: self.rollback,
            program_bytes: self.program.len() as u32,
            address: self.address,
            program_sha256: [0; 32],
            key: KeyId([0; 8]),
        };
        header.program_sha256.copy_from_slice(digest(&SHA256, &self.program).as_ref());
        header.key.0.copy_from_slice(&digest(&SHA256, pair.public_key().as_ref()).as_ref()[..8]);
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(pair.sign(&header.signed_bytes()).as_ref());
        let mut image = SignedHeader { header, signature }.to_bytes().to_vec();
        image.extend(&self.program);
        image
    }

    pub(crate) fn request(&self) -> Request {
        Request::of(digest(&SHA256, &self.program).as_ref().try_into().unwrap())
    }
}

fn pair(signer: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[signer; 32]).unwrap()
}

pub(crate) struct Board {
    pub(crate) power: Rc<RefCell<Power>>,
    pub(crate) application: Nor,
    pub(crate) staged: Nor,
    pub(crate) journal: Nor,
    key: PublicKey,
}

impl Board {
    /// With erased flash.
    pub(crate) fn new(seed: u64) -> Self {
        let power = Power::new(seed);
        Self {
            application: Nor::new(IMAGE_SECTORS, &power),
            staged: Nor::new(IMAGE_SECTORS, &power),
            journal: Nor::new(2, &power),
            power,
            key: PublicKey::new(pair(1).public_key().as_ref().try_into().unwrap()),
        }
    }

    /// One start, with power for so many words.
    pub(crate) fn start(&self, words: Option<u64>) -> Decision {
        self.power.borrow_mut().on(words);
        let flash = Flash {
            application: self.application.clone(),
            staged: self.staged.clone(),
            journal: self.journal.clone(),
        };
        start(flash, &Expected { board: Kind::STM32F405, address: ADDRESS, key: &self.key })
    }

    /// What the running application does at the end of an update.
    pub(crate) fn stage(&self, plan: &Plan) {
        self.staged.load(&plan.image());
        self.power.borrow_mut().on(None);
        Journal::open(self.journal.clone()).unwrap().request(plan.request()).unwrap();
    }

    pub(crate) fn runs(&self, plan: &Plan) -> bool {
        self.application.bytes().starts_with(&plan.image())
    }
}
