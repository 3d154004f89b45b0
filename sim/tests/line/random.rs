//! Whatever a board says, the card's end stays at its post. `JINBAO_SEED` replays one run.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use reader_protocol::emulated_line::{CONTACTS, LISTEN, REPEAT, SEND, SETTINGS};
use sim::line::{
    Acknowledge, Manner, Slot,
    atr::{Check, Offer},
    fault::Fault,
};

use super::{
    board::{Board, ETU_NS, Heard},
    chips::Plain,
};

const RUNS: u64 = 300;
const MESSAGES: usize = 400;

/// Seeds of this run: one from the environment, or many.
pub(crate) fn seeds() -> Vec<u64> {
    match std::env::var("JINBAO_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..RUNS).collect(),
    }
}

pub(crate) fn manner(rng: &mut ChaCha8Rng) -> Manner {
    let mut offer = match rng.next_u32() % 3 {
        0 => Offer::t0(),
        1 => Offer::t1(),
        _ => Offer::both(),
    };
    offer.ta1 = (rng.next_u32().is_multiple_of(2))
        .then_some([0x11, 0x18, 0x94, 0x95, 0x97][rng.next_u32() as usize % 5]);
    offer.check = if rng.next_u32().is_multiple_of(4) { Check::Crc } else { Check::Lrc };
    offer.is_inverse = rng.next_u32().is_multiple_of(4);
    let acknowledge = if rng.next_u32().is_multiple_of(4) { Acknowledge::OneByOne } else { Acknowledge::All };
    let mut manner = Manner::default().offer(offer).acknowledge(acknowledge);
    if rng.next_u32().is_multiple_of(4) {
        manner = manner.asks_ifs(1 + (rng.next_u32() % 254) as u8);
    }
    manner
}

/// A message of a board, more or less.
fn message(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let byte = rng.next_u32() as u8;
    match rng.next_u32() % 20 {
        0 => vec![CONTACTS, byte],
        1 => vec![CONTACTS, 0x01],
        2 | 3 => vec![CONTACTS, 0x11],
        4 | 5 => vec![CONTACTS, 0x19],
        6 => {
            let etu = if byte < 128 { ETU_NS } else { rng.next_u32() }.to_le_bytes();
            [&[SETTINGS][..], &etu, &[byte, byte & 1]].concat()
        }
        7 => vec![REPEAT],
        8..=11 => {
            let ns = rng.next_u64() >> (rng.next_u32() % 64);
            [&[LISTEN][..], &ns.to_le_bytes()].concat()
        }
        12 | 13 => vec![SEND, [0x00, 0xFF, 0xB0, 0xC1, 0xC3, 0xE3][rng.next_u32() as usize % 6]],
        _ => vec![SEND, byte],
    }
}

/// Marks the end of a run: a silence that nobody asks for otherwise.
const MARK_NS: u64 = 12_345_678_901;

fn finish(board: &mut Board) -> usize {
    board.contacts(0);
    board.listen(MARK_NS);
    let mut answered = 0;
    loop {
        match board.hear() {
            Heard::Silence(MARK_NS) => return answered,
            Heard::Taken | Heard::Refused => answered += 1,
            _ => {}
        }
    }
}

/// A sound board finds a sound card, whatever the one before has said of units of time.
fn is_as_ever(slot: &Slot) {
    slot.pull();
    let mut board = Board::of(slot);
    slot.insert(Plain::shared()).unwrap();
    board.activate();
    let answer = board.answer_to_reset();
    assert_eq!(answer, [0x3B, 0x02, b'O', b'K']);
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01]);
    assert_eq!(board.characters(4, 9_600 * u64::from(ETU_NS)), [0xB0, 0, 0x90, 0x00]);
    board.deactivate();
}

#[test]
fn every_character_is_answered_once_whatever_comes() {
    for seed in seeds() {
        eprintln!("JINBAO_SEED={seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let slot = Slot::new();
        let mut board = Board::of(&slot);
        let faults = [(); 3].map(|()| Fault::from_seed(rng.next_u64(), 60, 4)).to_vec();
        slot.insert_card(Plain::shared(), manner(&mut rng).faults(sim::line::fault::Plan(faults))).unwrap();
        board.activate();
        let mut sent = 0;
        let mut stream = Vec::new();
        for _ in 0..MESSAGES {
            let message = message(&mut rng);
            sent += usize::from(message[0] == SEND);
            stream.extend(message);
        }
        // In pieces of any size.
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(1 + rng.next_u32() as usize % 40));
            board.say(piece);
            rest = after;
        }
        assert_eq!(finish(&mut board), sent, "seed {seed}");
        assert_eq!(slot.counters().unknown_bytes, 0);
        is_as_ever(&slot);
    }
}

#[test]
fn noise_is_no_message_and_does_no_harm() {
    for seed in seeds() {
        eprintln!("JINBAO_SEED={seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let slot = Slot::new();
        let mut board = Board::of(&slot);
        slot.insert_card(Plain::shared(), manner(&mut rng)).unwrap();
        let mut noise = vec![0; 2_000];
        rng.fill_bytes(&mut noise);
        board.say(&noise);
        // Ends a message that may have begun: no body is longer.
        board.say(&[0x80; 8]);
        finish(&mut board);
        is_as_ever(&slot);
    }
}

#[test]
fn hands_that_cannot_keep_still() {
    for seed in seeds().into_iter().take(20) {
        eprintln!("JINBAO_SEED={seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let slot = Slot::new();
        let mut board = Board::of(&slot);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
                for _ in 0..200 {
                    // It may be in already, or out already.
                    let _ = slot.insert_card(Plain::shared(), manner(&mut rng));
                    if rng.next_u32().is_multiple_of(2) {
                        std::thread::yield_now();
                    }
                    slot.pull();
                }
            });
            // Nobody reads meanwhile: no more than the socket takes.
            for _ in 0..100 {
                board.say(&message(&mut rng));
            }
            finish(&mut board);
        });
        is_as_ever(&slot);
    }
}
