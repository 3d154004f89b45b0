//! The journal forgets nothing that it has confirmed.

use boot::{Journal, JournalError, Outcome, RECORD_BYTES, Request, State};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    board::seed,
    nor::{Nor, Power, SECTOR_BYTES},
};

fn request(number: u32) -> Request {
    Request([number as u8, (number >> 8) as u8, 3, 4, 5, 6, 7, 8])
}

/// Long enough to begin sectors anew many times, with the power going at random.
#[test]
fn random_lives() {
    let seed = seed();
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut cuts = 0;
    for _ in 0..40 {
        let power = Power::new(chance.next_u64());
        let flash = Nor::new(2, &power);
        let mut known = State::default();
        for number in 0..300 {
            let words = chance.next_u32().is_multiple_of(8).then(|| u64::from(chance.next_u32() % 40));
            power.borrow_mut().on(words);
            let mut after = known;
            let result = Journal::open(flash.clone()).and_then(|mut journal| {
                assert_eq!(journal.state(), known, "what it says when it is opened");
                let request = request(number);
                match chance.next_u32() % 3 {
                    0 => {
                        let floor = chance.next_u32() % 1000;
                        after.floor = after.floor.max(floor);
                        journal.raise_floor(floor)
                    }
                    1 => {
                        after.pending = Some(request);
                        journal.request(request)
                    }
                    _ => {
                        let outcome = Outcome { request, detail: number as u8 };
                        (after.pending, after.outcome) = (None, Some(outcome));
                        journal.settle(outcome)
                    }
                }
            });
            let is_cut = power.borrow().is_cut();
            assert_eq!(result.is_err(), is_cut);
            power.borrow_mut().on(None);
            let now = Journal::open(flash.clone()).unwrap().state();
            assert!(now == after || (is_cut && now == known), "{known:?} {after:?} {now:?}");
            known = now;
            cuts += u32::from(is_cut);
        }
    }
    assert!(cuts > 100, "{cuts}");
}

#[test]
fn a_region_of_another_size_is_refused() {
    let power = Power::new(0);
    assert_eq!(Journal::open(Nor::new(1, &power)).unwrap_err(), JournalError::Size);
    assert_eq!(Journal::open(Nor::new(3, &power)).unwrap_err(), JournalError::Size);
}

/// A sector holds its head and so many records; one more begins the other.
#[test]
fn a_full_sector_is_followed_by_the_other() {
    let power = Power::new(0);
    let flash = Nor::new(2, &power);
    let mut journal = Journal::open(flash.clone()).unwrap();
    let first = flash.bytes();
    // The head and the floor are there.
    let records = SECTOR_BYTES / RECORD_BYTES - 2;
    for number in 0..records as u32 {
        journal.raise_floor(number + 1).unwrap();
    }
    assert!(first[SECTOR_BYTES..].iter().all(|byte| *byte == 0xFF));
    assert!(flash.bytes()[SECTOR_BYTES..].iter().all(|byte| *byte == 0xFF));
    journal.request(request(1)).unwrap();
    assert!(flash.bytes()[SECTOR_BYTES..].starts_with(b"JR"));
    let state = Journal::open(flash).unwrap().state();
    assert_eq!((state.floor, state.pending), (records as u32, Some(request(1))));
}
