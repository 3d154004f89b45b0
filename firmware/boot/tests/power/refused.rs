//! What may not run does not.

use boot::{Refusal, RefusalKind};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use reader_protocol::image::{Board as Kind, HEADER_BYTES, HeaderError, SIGNED_BYTES};

use crate::board::{ADDRESS, Board, Plan, seed};

#[test]
fn an_empty_board_runs_nothing() {
    let board = Board::new(0);
    let decision = board.start(None);
    assert_eq!(decision.application, Err(Refusal::Header(HeaderError::Erased)));
    assert_eq!(decision.staged, Some(Refusal::Header(HeaderError::Erased)));
    assert_eq!(decision.refusal(), Some(RefusalKind::Empty));
    assert_eq!(decision.journal.unwrap().floor, 0);
}

#[test]
fn a_good_image_runs_and_raises_the_floor() {
    let board = Board::new(0);
    board.application.load(&Plan::of(1, 7).image());
    for _ in 0..2 {
        let decision = board.start(None);
        assert_eq!(decision.application.unwrap().rollback, 7);
        assert!(!decision.is_installed);
        assert_eq!(decision.journal.unwrap().floor, 7);
    }
    assert_eq!(board.power.borrow().used(), 0, "a usual start writes nothing");
}

#[test]
fn each_wrong_image_is_refused_by_its_name() {
    let refused = |plan: Plan| {
        let board = Board::new(0);
        board.application.load(&plan.image());
        board.start(None).application.unwrap_err()
    };
    let good = Plan::of(1, 0);
    assert!(matches!(refused(Plan { signer: 2, ..good.clone() }), Refusal::Key { .. }));
    let board = Kind::MPS2_AN386;
    assert_eq!(refused(Plan { board, ..good.clone() }), Refusal::Board { got: board });
    let address = ADDRESS + 0x0002_0000;
    assert_eq!(refused(Plan { address, ..good.clone() }), Refusal::Address { got: address });
    // A header that claims our key over a foreign signature.
    let (mut ours, foreign) = (good.image(), Plan { signer: 2, ..good.clone() }.image());
    ours[SIGNED_BYTES..HEADER_BYTES].copy_from_slice(&foreign[SIGNED_BYTES..HEADER_BYTES]);
    let board = Board::new(0);
    board.application.load(&ours);
    assert_eq!(board.start(None).application, Err(Refusal::Signature));
    // A program without any header.
    board.application.load(&good.program);
    assert_eq!(board.start(None).application, Err(Refusal::Header(HeaderError::Magic)));
}

#[test]
fn an_older_image_is_refused() {
    let board = Board::new(0);
    board.application.load(&Plan::of(1, 3).image());
    assert!(board.start(None).application.is_ok());
    board.application.load(&Plan::of(2, 2).image());
    assert_eq!(board.start(None).application, Err(Refusal::Rollback { got: 2, floor: 3 }));
    board.application.load(&Plan::of(2, 3).image());
    assert!(board.start(None).application.is_ok(), "the same counter is no step back");

    let older = Plan::of(4, 1);
    board.stage(&older);
    let decision = board.start(None);
    assert_eq!(decision.staged, Some(Refusal::Rollback { got: 1, floor: 3 }));
    assert!(decision.application.is_ok(), "what ran goes on running");
    let state = decision.journal.unwrap();
    assert_eq!((state.pending, state.outcome.unwrap().detail), (None, RefusalKind::Rollback as u8));
}

/// Every bit of the header, and bits all over the program.
#[test]
fn each_flipped_bit_is_refused() {
    let mut chance = ChaCha8Rng::seed_from_u64(seed());
    let image = Plan::of(1, 1).image();
    let board = Board::new(0);
    let sampled =
        (0..300).map(|_| HEADER_BYTES * 8 + chance.next_u32() as usize % ((image.len() - HEADER_BYTES) * 8));
    for bit in (0..HEADER_BYTES * 8).chain(sampled) {
        let mut flipped = image.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        board.application.load(&flipped);
        assert!(board.start(None).application.is_err(), "bit {bit}");
    }
}

#[test]
fn a_request_is_for_one_image_only() {
    let board = Board::new(0);
    board.application.load(&Plan::of(1, 0).image());
    board.stage(&Plan::of(2, 0));
    board.staged.load(&Plan::of(3, 0).image());
    let decision = board.start(None);
    assert!(!decision.is_installed);
    assert_eq!(decision.staged, Some(Refusal::Program));
    assert!(board.runs(&Plan::of(1, 0)));
}

#[test]
fn a_damaged_application_is_mended_from_the_staged_one() {
    let board = Board::new(0);
    let plan = Plan::of(1, 4);
    board.staged.load(&plan.image());
    let decision = board.start(None);
    assert!(decision.is_installed && decision.application.is_ok());
    assert!(board.runs(&plan));
    let mut damaged = plan.image();
    damaged[HEADER_BYTES + 9] ^= 4;
    board.application.load(&damaged);
    assert!(board.start(None).application.is_ok());
    assert!(board.runs(&plan));
}

#[test]
fn any_bytes_are_survived() {
    let mut chance = ChaCha8Rng::seed_from_u64(seed());
    let board = Board::new(0);
    for _ in 0..200 {
        for region in [&board.application, &board.staged, &board.journal] {
            let mut bytes = region.bytes();
            chance.fill_bytes(&mut bytes);
            if chance.next_u32().is_multiple_of(2) {
                let image = Plan::of(1, 0).image();
                let from = chance.next_u32() as usize % 200;
                bytes[..from].copy_from_slice(&image[..from]);
            }
            region.load(&bytes);
        }
        assert!(board.start(None).application.is_err());
    }
}
