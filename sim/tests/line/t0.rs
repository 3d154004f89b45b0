//! T=0 character by character.

use sim::{
    card::Card,
    chip::SharedChip,
    keys::TestKeys,
    line::{Acknowledge, Manner, Slot, atr::Offer, fault::Fault},
    people::Population,
    personalise::CardOrder,
};

use super::{
    board::{Board, ETU_NS},
    chips::{Plain, counting},
};

/// Waiting time at WI 10: 960 x 10 units.
const WAITING_NS: u64 = 9_600 * ETU_NS as u64;

fn with(manner: Manner) -> (Slot, Board) {
    let slot = Slot::new();
    let mut board = Board::of(&slot);
    slot.insert_card(Plain::shared(), manner).unwrap();
    board.activate();
    assert_eq!(board.answer_to_reset(), [0x3B, 0x02, b'O', b'K']);
    (slot, board)
}

#[test]
fn a_read_of_256_bytes_is_264_characters() {
    let (slot, mut board) = with(Manner::default());
    let before = slot.counters();
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x00]);
    assert_eq!(board.character(WAITING_NS), Some(0xB0));
    assert_eq!(board.characters(256, WAITING_NS), counting(256));
    assert_eq!(board.characters(2, WAITING_NS), [0x90, 0x00]);
    let spent = slot.counters().since(&before);
    assert_eq!(spent.characters(), 264);
    assert_eq!(spent.etu, 264 * 12);
    assert_eq!(spent.line_ns, 294_624_000, "264 x 12 x 93 us");
    assert_eq!(slot.misuses(), []);
    assert_eq!(slot.pull().unwrap().commands, 1);
}

#[test]
fn data_go_in_after_one_acknowledgement_and_are_fetched() {
    let (slot, mut board) = with(Manner::default());
    board.send_all(&[0x00, 0xD6, 0x00, 0x00, 0x03]);
    assert_eq!(board.character(WAITING_NS), Some(0xD6));
    board.send_all(&[1, 2, 3]);
    assert_eq!(board.characters(2, WAITING_NS), [0x61, 0x03]);
    // Too long, then right.
    board.send_all(&[0x00, 0xC0, 0x00, 0x00, 0x10]);
    assert_eq!(board.characters(2, WAITING_NS), [0x6C, 0x03]);
    board.send_all(&[0x00, 0xC0, 0x00, 0x00, 0x03]);
    assert_eq!(board.characters(6, WAITING_NS), [0xC0, 1, 2, 3, 0x90, 0x00]);
    // Instructions that look like status words.
    board.send_all(&[0x00, 0x62, 0x00, 0x00, 0x03]);
    assert_eq!(board.characters(2, WAITING_NS), [0x6D, 0x00]);
    assert_eq!(slot.insertion().unwrap().commands, 1, "what T=0 does by itself is no command of the chip");
}

#[test]
fn bytes_one_by_one() {
    let (_slot, mut board) = with(Manner::default().acknowledge(Acknowledge::OneByOne));
    board.send_all(&[0x00, 0xD6, 0x00, 0x00, 0x02]);
    assert_eq!(board.character(WAITING_NS), Some(!0xD6));
    board.send_all(&[0x11]);
    assert_eq!(board.character(WAITING_NS), Some(!0xD6));
    board.send_all(&[0x22]);
    assert_eq!(board.characters(2, WAITING_NS), [0x61, 0x02]);
    board.send_all(&[0x00, 0xC0, 0x00, 0x00, 0x02]);
    assert_eq!(board.characters(6, WAITING_NS), [!0xC0, 0x11, !0xC0, 0x22, 0x90, 0x00]);
}

#[test]
fn a_long_thought_says_so_in_time() {
    let slot = Slot::new();
    let mut board = Board::of(&slot);
    slot.insert(Plain::slow(2_000_000)).unwrap();
    board.activate();
    board.answer_to_reset();
    let before = slot.counters();
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01]);
    let mut said = Vec::new();
    while let Some(byte) = board.character(WAITING_NS) {
        said.push(byte);
    }
    assert_eq!(said, [0x60, 0x60, 0x60, 0x60, 0xB0, 0x00, 0x90, 0x00]);
    let spent = slot.counters().since(&before);
    assert_eq!(spent.silence_ns, 2_000_000_000, "as long as the chip thinks");
    assert_eq!(spent.line_ns, 2_000_000_000 + 13 * 12 * 93_000);
}

#[test]
fn broken_characters_are_asked_for_again() {
    let (slot, mut board) = with(Manner::default().faults(Fault::BrokenToReader { character: 5, times: 3 }));
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x02]);
    for _ in 0..3 {
        board.listen(WAITING_NS);
        assert!(matches!(board.hear_line(), super::board::Heard::Broken(0xB0)));
        board.repeat();
    }
    assert_eq!(board.characters(5, WAITING_NS), [0xB0, 0, 1, 0x90, 0x00]);
    assert_eq!(slot.counters().repeated, 3);
    assert_eq!(slot.pull().unwrap().fired, 1);

    let (slot, mut board) = with(Manner::default().faults(Fault::BrokenToCard { character: 2, times: 2 }));
    assert!(board.send(0x00));
    assert!(!board.send(0xB0));
    assert!(!board.send(0xB0));
    board.send_all(&[0xB0, 0x00, 0x00, 0x01]);
    assert_eq!(board.characters(4, WAITING_NS), [0xB0, 0, 0x90, 0x00]);
    assert_eq!(slot.counters().refused, 2);
}

#[test]
fn inverse_convention_is_turned_round_on_the_line() {
    let slot = Slot::new();
    let mut board = Board::of(&slot);
    slot.insert_card(Plain::shared(), Manner::default().offer(Offer { is_inverse: true, ..Offer::t0() }))
        .unwrap();
    board.activate();
    // 3F 02 'O' 'K' as a UART sees them that expects the direct convention.
    let turned = |byte: u8| !byte.reverse_bits();
    assert_eq!(board.answer_to_reset(), [0x03, turned(0x02), turned(b'O'), turned(b'K')]);
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01].map(turned));
    assert_eq!(board.characters(4, WAITING_NS), [0xB0, 0, 0x90, 0x00].map(turned));
}

#[test]
fn a_card_of_the_project_speaks_of_waiting_data_itself() {
    let person = Population::new(1, 1_000).person(7).unwrap();
    let image = CardOrder::new(&person, TestKeys::from_seed(1)).build().unwrap();
    let slot = Slot::new();
    let mut board = Board::of(&slot);
    slot.insert(SharedChip::new(Card::new(&image, 1).unwrap())).unwrap();
    board.activate();
    let answer = board.answer_to_reset();
    assert_eq!(answer, image.atr.0);
    board.send_all(&[0x00, 0xA4, 0x00, 0x00, 0x02]);
    assert_eq!(board.character(WAITING_NS), Some(0xA4));
    board.send_all(&[0xDD, 0xF1]);
    assert_eq!(board.characters(2, WAITING_NS), [0x61, 0x1E]);
    board.send_all(&[0x00, 0xC0, 0x00, 0x00, 0x1E]);
    let said = board.characters(33, WAITING_NS);
    assert_eq!((said[0], &said[31..]), (0xC0, &[0x90, 0x00][..]));
    assert_eq!(slot.insertion().unwrap().commands, 2);
}
