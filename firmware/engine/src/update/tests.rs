#![allow(clippy::unwrap_used, reason = "tests")]

use embedded_storage::nor_flash::{
    ErrorType, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use reader_protocol::image::{Header, SIGNED_BYTES, Version};

use super::*;

const SECTOR_BYTES: usize = 512;
const CAPACITY: usize = 4 * SECTOR_BYTES;
const KEY: KeyId = KeyId([7; 8]);

/// Flash of four sectors; a signature is right when it begins with the sum of what is signed.
struct Board {
    flash: [u8; CAPACITY],
    floor: u32,
    requested: Option<[u8; 32]>,
    is_broken: bool,
}

impl ErrorType for Board {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Board {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.flash[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }
}

impl NorFlash for Board {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.flash[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let cells = &mut self.flash[offset as usize..][..bytes.len()];
        assert!(cells.iter().all(|cell| *cell == 0xFF), "written twice at {offset}");
        cells.copy_from_slice(bytes);
        if self.is_broken {
            cells[0] &= 0xFE;
        }
        Ok(())
    }
}

impl Staging for Board {
    fn board(&self) -> Kind {
        Kind::STM32F405
    }

    fn address(&self) -> u32 {
        0x0802_0200
    }

    fn key(&self) -> KeyId {
        KEY
    }

    fn verifies(&self, signed: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        signature[0] == sum(signed)
    }

    fn floor(&mut self) -> u32 {
        self.floor
    }

    fn request(&mut self, program_sha256: &[u8; 32]) -> Result<(), NorFlashErrorKind> {
        self.requested = Some(*program_sha256);
        Ok(())
    }

    fn last(&mut self) -> LastUpdate {
        LastUpdate::Unknown
    }
}

use reader_protocol::image::Board as Kind;

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte))
}

fn program() -> [u8; 1200] {
    core::array::from_fn(|at| (at % 251) as u8)
}

fn header() -> Header {
    Header {
        board: Kind::STM32F405,
        version: Version { major: 2, minor: 0, patch: 1 },
        rollback: 4,
        program_bytes: 1200,
        address: 0x0802_0200,
        program_sha256: Sha256::digest(program()).into(),
        key: KEY,
    }
}

fn sent(header: &Header) -> [u8; HEADER_SENT_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    signature[0] = sum(&header.signed_bytes());
    SignedHeader { header: *header, signature }.to_bytes()[..HEADER_SENT_BYTES].try_into().unwrap()
}

fn update() -> Update<Board> {
    Update::new(Board { flash: [0; CAPACITY], floor: 4, requested: None, is_broken: false })
}

fn phase(update: &mut Update<Board>) -> (UpdatePhase, u32) {
    let state = update.state();
    (state.phase, state.received_bytes)
}

#[test]
fn a_whole_update() {
    let mut update = update();
    assert_eq!(phase(&mut update), (UpdatePhase::Idle, 0));
    update.begin(&sent(&header())).unwrap();
    assert_eq!(update.write(0, &[0; 4]), Err(UpdateRefusal::Erasing));
    assert_eq!(update.finish(), Err(UpdateRefusal::Erasing));
    let mut sectors = 1;
    while update.poll() {
        assert_eq!(phase(&mut update), (UpdatePhase::Erasing, 0));
        sectors += 1;
    }
    assert_eq!(sectors, 4);
    for (number, piece) in program().chunks(240).enumerate() {
        let offset = number as u32 * 240;
        update.write(offset, piece).unwrap();
        assert_eq!(phase(&mut update), (UpdatePhase::Receiving, offset + 240));
        update.write(offset, piece).unwrap();
        assert_eq!(phase(&mut update), (UpdatePhase::Receiving, offset + 240), "a repeated piece");
    }
    assert!(update.staging.requested.is_none());
    assert!(update.staging.flash[..HEADER_BYTES].iter().all(|byte| *byte == 0xFF), "the header comes last");
    update.finish().unwrap();
    update.finish().unwrap();
    assert_eq!(phase(&mut update), (UpdatePhase::Ready, 1200));
    assert_eq!(update.staging.requested, Some(header().program_sha256));
    assert_eq!(SignedHeader::parse(&update.staging.flash).unwrap().header, header());
    assert_eq!(update.staging.flash[HEADER_BYTES..][..1200], program());
    assert_eq!(update.write(0, &[0; 4]), Err(UpdateRefusal::NotBegun));
}

#[test]
fn a_header_is_judged_before_anything_is_erased() {
    let mut update = update();
    let good = header();
    let mut refused = |bytes: &[u8], refusal| {
        assert_eq!(update.begin(bytes), Err(refusal));
        assert_eq!(phase(&mut update), (UpdatePhase::Idle, 0));
        assert_eq!(update.staging.flash, [0; CAPACITY]);
    };
    refused(&[], UpdateRefusal::Header);
    refused(&sent(&good)[1..], UpdateRefusal::Header);
    refused(&[0; HEADER_SENT_BYTES], UpdateRefusal::Header);
    refused(&sent(&Header { board: Kind::MPS2_AN386, ..good }), UpdateRefusal::Board);
    refused(&sent(&Header { address: 0x0800_0200, ..good }), UpdateRefusal::Address);
    refused(&sent(&Header { key: KeyId([8; 8]), ..good }), UpdateRefusal::Key);
    refused(&sent(&Header { rollback: 3, ..good }), UpdateRefusal::Rollback);
    refused(&sent(&Header { program_bytes: CAPACITY as u32, ..good }), UpdateRefusal::TooLong);
    let mut forged = sent(&good);
    forged[SIGNED_BYTES] ^= 1;
    refused(&forged, UpdateRefusal::Signature);
}

#[test]
fn pieces_come_in_order() {
    let mut update = update();
    assert_eq!(update.write(0, &[0; 4]), Err(UpdateRefusal::NotBegun));
    assert_eq!(update.finish(), Err(UpdateRefusal::NotBegun));
    update.begin(&sent(&header())).unwrap();
    while update.poll() {}
    let program = program();
    update.write(0, &program[..8]).unwrap();
    let refused = Err(UpdateRefusal::OutOfSequence);
    assert_eq!(update.write(12, &program[12..16]), refused, "a gap");
    assert_eq!(update.write(4, &program[4..12]), refused, "half of it is there");
    assert_eq!(update.write(0, &program[4..8]), refused, "another one is there");
    assert_eq!(update.write(8, &program[8..11]), refused, "no whole words");
    assert_eq!(update.write(u32::MAX - 3, &program[..8]), refused);
    assert_eq!(update.write(8, &[0; 1196]), refused, "beyond the end");
    assert_eq!(update.finish(), Err(UpdateRefusal::Incomplete));
    update.write(8, &program[8..]).unwrap();
    update.finish().unwrap();
}

#[test]
fn another_program_is_refused_at_the_end() {
    let mut update = update();
    update.begin(&sent(&header())).unwrap();
    while update.poll() {}
    update.write(0, &[0x55; 1200]).unwrap();
    assert_eq!(update.finish(), Err(UpdateRefusal::Program));
    assert_eq!(phase(&mut update), (UpdatePhase::Idle, 0));
    assert!(update.staging.requested.is_none());
    update.begin(&sent(&header())).unwrap();
    while update.poll() {}
    update.write(0, &program()).unwrap();
    update.finish().unwrap();
}

#[test]
fn flash_that_forgets_is_noticed() {
    let mut update = update();
    update.begin(&sent(&header())).unwrap();
    while update.poll() {}
    update.staging.is_broken = true;
    assert_eq!(update.write(0, &[0xFF; 8]), Err(UpdateRefusal::Flash));
}

#[test]
fn a_board_without_updates_says_so() {
    let mut none = NoUpdates;
    assert_eq!(none.state().phase, UpdatePhase::Unsupported);
    assert!(
        none.begin(&sent(&header())).is_err() && none.write(0, &[0; 4]).is_err() && none.finish().is_err()
    );
    assert!(!none.poll());
}
