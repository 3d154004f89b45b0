//! Whenever the power goes, the board comes back.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::board::{Board, Plan, seed};

/// Old image in place, new one staged and requested.
fn before_update(seed: u64) -> (Board, Plan) {
    let board = Board::new(seed);
    board.application.load(&Plan::of(1, 3).image());
    assert!(board.start(None).application.is_ok());
    let new = Plan::of(0x42, 5);
    board.stage(&new);
    (board, new)
}

fn is_done(board: &Board, new: &Plan, at: &str) {
    let decision = board.start(None);
    assert_eq!(decision.application.map(|header| header.rollback), Ok(5), "{at}");
    assert!(board.runs(new), "{at}");
    let state = decision.journal.unwrap();
    assert_eq!((state.floor, state.pending), (5, None), "{at}");
    let again = board.start(None);
    assert!(again.application.is_ok() && !again.is_installed, "{at}: and that is the end of it");
    assert_eq!(board.power.borrow().used(), 0, "{at}");
}

/// At every word that an update writes or erases.
#[test]
fn each_cut_is_completed_at_the_next_start() {
    let seed = seed();
    let (board, new) = before_update(seed);
    let decision = board.start(None);
    assert!(decision.is_installed);
    let words = board.power.borrow().used();
    assert!(words > 800, "{words}");
    is_done(&board, &new, "no cut");
    for word in 0..words {
        let (board, new) = before_update(seed.wrapping_add(word));
        board.start(Some(word));
        assert!(board.power.borrow().is_cut());
        is_done(&board, &new, &format!("cut at word {word}"));
    }
    println!("{words} cuts");
}

/// Again and again.
#[test]
fn many_cuts_in_a_row() {
    let seed = seed();
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..60 {
        let (board, new) = before_update(chance.next_u64());
        for _ in 0..1 + chance.next_u32() % 12 {
            board.start(Some(u64::from(chance.next_u32() % 1400)));
        }
        is_done(&board, &new, "after many cuts");
    }
}

/// The application asks while the power goes: the request is there or not, and the board runs either way.
#[test]
fn cut_while_asking() {
    let seed = seed();
    for word in 0..8 {
        let board = Board::new(seed);
        board.application.load(&Plan::of(1, 3).image());
        assert!(board.start(None).application.is_ok());
        let new = Plan::of(0x42, 5);
        board.staged.load(&new.image());
        board.power.borrow_mut().on(Some(word));
        let asked = boot::Journal::open(board.journal.clone()).unwrap().request(new.request());
        assert!(asked.is_err());
        let decision = board.start(None);
        assert!(decision.application.is_ok());
        assert_eq!(decision.is_installed, board.runs(&new));
    }
}

/// A first image on an empty board, by the staged region, with the power going at every word.
#[test]
fn first_image() {
    let seed = seed();
    let plan = Plan::of(9, 1);
    for word in (0..1300).step_by(13) {
        let board = Board::new(seed.wrapping_add(word));
        board.staged.load(&plan.image());
        board.start(Some(word));
        assert!(board.start(None).application.is_ok(), "cut at word {word}");
        assert!(board.runs(&plan), "cut at word {word}");
    }
}
