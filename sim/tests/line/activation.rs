//! Contacts, resets, answers to reset, selections, and what goes wrong with them.

use reader_protocol::emulated_line::{
    CONTACT_1V8, CONTACT_3V, CONTACT_5V, CONTACT_CLOCK, CONTACT_RESET_HIGH,
};
use sim::{
    error::SimError,
    fault,
    line::{
        Classes, Manner, Misuse, PpsAnswer, Slot,
        atr::{Offer, Protocol},
        fault::{Fault, Plan},
    },
};

use super::{
    board::{Board, ETU_NS, Heard},
    chips::Plain,
};

const ATR: [u8; 4] = [0x3B, 0x02, b'O', b'K'];
const INITIAL_NS: u64 = 9_600 * ETU_NS as u64;
const RESET_NS: u64 = 40_000 * 250;

fn inserted(manner: Manner) -> (Slot, Board) {
    let slot = Slot::new();
    let board = Board::of(&slot);
    slot.insert_card(Plain::shared(), manner).unwrap();
    (slot, board)
}

fn read_one(board: &mut Board) {
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01]);
    assert_eq!(board.characters(4, INITIAL_NS), [0xB0, 0, 0x90, 0x00]);
}

#[test]
fn cards_come_and_go_at_any_moment() {
    let slot = Slot::new();
    let mut board = Board::of(&slot);
    assert!(!board.is_present);
    assert_eq!(slot.pull(), None);
    board.listen(1_000);
    assert_eq!(board.hear_line(), Heard::Silence(1_000), "an empty slot says nothing, and says so");
    assert!(board.send(0x00), "nobody refuses");

    slot.insert(Plain::shared()).unwrap();
    assert_eq!(board.hear(), Heard::Presence(true));
    assert!(matches!(slot.insert(Plain::shared()), Err(SimError::Occupied)));
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR);
    board.send_all(&[0x00, 0xB0]);
    assert!(slot.is_inserted());
    assert_eq!(slot.pull().unwrap().commands, 0);
    assert_eq!(slot.pull(), None);
    while board.hear() != Heard::Presence(false) {}
    assert_eq!(board.character(1_000), None);
    board.deactivate();

    // Another one, from the beginning; and the board comes after the card.
    slot.insert(Plain::shared()).unwrap();
    slot.detach();
    let mut board = Board::of(&slot);
    assert!(board.is_present);
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR);
    read_one(&mut board);
}

#[test]
fn a_board_that_hangs_up_leaves_the_card() {
    let (slot, board) = inserted(Manner::default());
    assert!(slot.is_attached());
    drop(board);
    while slot.is_attached() {
        std::thread::yield_now();
    }
    assert!(slot.is_inserted());
    let mut board = Board::of(&slot);
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR);
}

#[test]
fn cold_and_warm() {
    let (slot, mut board) = inserted(Manner::default());
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR);
    board.send_all(&[0x00, 0xB0]);
    board.warm_reset();
    assert_eq!(board.answer_to_reset(), ATR);
    read_one(&mut board);
    board.deactivate();
    assert_eq!(board.character(RESET_NS), None);
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR);
    let counters = slot.counters();
    assert_eq!((counters.cold_resets, counters.warm_resets), (2, 1));
    assert_eq!(slot.misuses(), []);
}

#[test]
fn supplies() {
    let only_b = Classes { a: false, b: true, c: false };
    let (slot, mut board) = inserted(Manner::default().classes(only_b));
    for (supply, answers) in [(CONTACT_5V, false), (CONTACT_3V, true), (CONTACT_1V8, false)] {
        board.contacts(supply);
        board.contacts(supply | CONTACT_CLOCK);
        board.contacts(supply | CONTACT_CLOCK | CONTACT_RESET_HIGH);
        assert_eq!(!board.answer_to_reset().is_empty(), answers, "supply {supply}");
        board.contacts(supply | CONTACT_CLOCK);
        board.contacts(supply);
        board.contacts(0);
    }
    assert_eq!(slot.misuses(), []);
}

#[test]
fn what_boards_do_wrong_is_noticed() {
    let all = CONTACT_5V | CONTACT_CLOCK | CONTACT_RESET_HIGH;
    for (steps, misuse) in [
        (&[CONTACT_5V | CONTACT_3V][..], Misuse::TwoSupplies),
        (&[CONTACT_5V, CONTACT_3V], Misuse::SupplyChanged),
        (&[CONTACT_5V, CONTACT_5V | CONTACT_RESET_HIGH], Misuse::ResetBeforeClock),
        (&[CONTACT_RESET_HIGH], Misuse::ResetBeforeClock),
        (&[all], Misuse::SupplyUnderReset),
        (&[CONTACT_5V, CONTACT_5V | CONTACT_CLOCK, all, 0], Misuse::SupplyCut),
    ] {
        let (slot, mut board) = inserted(Manner::default());
        for step in steps {
            board.contacts(*step);
        }
        board.listen(1);
        board.hear_line();
        assert_eq!(slot.misuses(), [misuse], "{steps:02X?}");
    }
}

#[test]
fn a_stopped_clock_stops_the_card() {
    let (_slot, mut board) = inserted(Manner::default());
    board.activate();
    board.answer_to_reset();
    board.contacts(CONTACT_5V | CONTACT_RESET_HIGH);
    assert!(board.send(0x00), "nobody is there to refuse");
    board.contacts(CONTACT_5V | CONTACT_RESET_HIGH | CONTACT_CLOCK);
    read_one(&mut board);
}

#[test]
fn faults_of_the_answer_to_reset() {
    let (slot, mut board) = inserted(Manner::default().faults(Fault::Mute));
    for _ in 0..3 {
        board.activate();
        assert_eq!(board.answer_to_reset(), b"");
        board.deactivate();
    }
    assert_eq!(slot.pull().unwrap().fired, 3);

    let (_slot, mut board) = inserted(Manner::default().faults(Fault::MuteResets { resets: 2 }));
    board.activate();
    assert_eq!(board.answer_to_reset(), b"");
    board.warm_reset();
    assert_eq!(board.answer_to_reset(), b"");
    board.warm_reset();
    assert_eq!(board.answer_to_reset(), ATR);

    let (slot, mut board) = inserted(Manner::default().faults(Fault::MuteAt { character: 3 }));
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR[..2]);
    board.warm_reset();
    assert_eq!(board.answer_to_reset(), ATR, "the next reset is well");
    assert_eq!(slot.pull().unwrap().fired, 1);

    let (_slot, mut board) = inserted(Manner::default().faults(Fault::GarbageAtr { bytes: vec![1, 2, 3] }));
    board.activate();
    assert_eq!(board.answer_to_reset(), [1, 2, 3]);

    let (_slot, mut board) = inserted(Manner::default().faults(Fault::LongAtr { bytes: 50 }));
    board.activate();
    let answer = board.answer_to_reset();
    assert_eq!(answer.len(), 50);
    assert!(card_spec::atr::Atr::parse(&answer).is_err());
    for shorter in 2..33 {
        assert!(card_spec::atr::Atr::parse(&answer[..shorter]).is_err(), "it promises more at {shorter}");
    }

    // The faults of the other slots mean the same here.
    for chip_fault in [fault::Fault::Mute, fault::Fault::GarbageAtr { bytes: vec![0x3F] }] {
        let (slot, mut board) = inserted(Manner::default().chip_faults(chip_fault.clone()));
        board.activate();
        // 3F is of the inverse convention, on the line 03.
        let expected: &[u8] = if chip_fault == fault::Fault::Mute { &[] } else { &[0x03] };
        assert_eq!(board.answer_to_reset(), expected);
        assert_eq!(slot.pull().unwrap().fired, 1);
    }
}

#[test]
fn late_by_a_unit_and_in_time_by_a_unit() {
    let etu = u64::from(ETU_NS);
    // Silence before a character, counted to its end, so that both together are the distance of leading edges.
    let silence_before_second = |etu_late: i64| {
        let (slot, mut board) =
            inserted(Manner::default().faults(Fault::Late { character: 2, etu: etu_late }));
        board.activate();
        assert_eq!(board.character(RESET_NS), Some(0x3B));
        let before = board.silence_ns;
        board.listen(20_000 * etu);
        while board.hear_line() != Heard::Character(0x02) {}
        assert_eq!(slot.insertion().unwrap().fired, 1);
        board.silence_ns - before
    };
    assert_eq!(silence_before_second(-1), (9_600 - 12 - 1) * etu);
    assert_eq!(silence_before_second(1), (9_600 - 12 + 1) * etu);
    // At a reset, 40,000 cycles count.
    let (_slot, mut board) = inserted(Manner::default().faults(Fault::Late { character: 1, etu: 1 }));
    board.activate();
    assert_eq!(board.answer_to_reset(), b"", "too late for the first character");
}

#[test]
fn torn_out_shorted_and_stuck() {
    let (slot, mut board) = inserted(Manner::default().faults(Fault::Pull { character: 3 }));
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR[..2]);
    assert!(!board.is_present);
    assert!(!slot.is_inserted());
    slot.insert(Plain::shared()).unwrap();
    assert!(slot.is_inserted(), "another card may come");

    // In the middle of what the reader says.
    let (slot, mut board) = inserted(Manner::default().faults(Fault::Pull { character: 6 }));
    board.activate();
    board.answer_to_reset();
    board.send_all(&[0x00, 0xB0, 0x00]);
    assert_eq!(board.character(INITIAL_NS), None);
    assert!(!board.is_present);
    assert_eq!(slot.pull().map(|stay| (stay.commands, stay.fired)), Some((0, 1)));

    for (character, answer) in [(0, &[][..]), (1, &[]), (3, &ATR[..2])] {
        let (_slot, mut board) = inserted(Manner::default().faults(Fault::ShortCircuit { character }));
        board.activate();
        assert_eq!(board.answer_to_reset(), answer);
        assert!(board.is_overloaded, "at {character}");
        board.contacts(0);
        while board.hear() != Heard::Overload(false) {}
        board.activate();
        while board.hear() != Heard::Overload(true) {}
    }

    let (_slot, mut board) = inserted(Manner::default().faults(Fault::Stuck { character: 7 }));
    board.activate();
    board.answer_to_reset();
    assert!(board.send(0x00));
    assert!(board.send(0xB0));
    assert!(!board.send(0x00));
    assert!(!board.send(0x00));
    board.listen(INITIAL_NS);
    assert_eq!(board.hear_line(), Heard::Broken(0x00));
    board.deactivate();
    board.activate();
    assert_eq!(board.answer_to_reset(), ATR, "free again without power");
}

#[test]
fn a_command_that_tears_the_card_out() {
    let (slot, mut board) = inserted(Manner::default().chip_faults(fault::Fault::PullAfter { command: 1 }));
    board.activate();
    board.answer_to_reset();
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01]);
    assert_eq!(board.character(INITIAL_NS), None);
    assert!(!board.is_present);
    assert_eq!(slot.pull().map(|stay| (stay.commands, stay.fired)), Some((1, 1)));
}

#[test]
fn wrong_procedure_bytes_and_storms_of_null() {
    let (_slot, mut board) =
        inserted(Manner::default().faults(Fault::WrongProcedure { command: 2, byte: 0x33 }));
    board.activate();
    board.answer_to_reset();
    read_one(&mut board);
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01]);
    assert_eq!(board.character(INITIAL_NS), Some(0x33));

    let (slot, mut board) = inserted(Manner::default().faults(Fault::NullStorm { command: 1, nulls: 500 }));
    board.activate();
    board.answer_to_reset();
    board.send_all(&[0x00, 0xB0, 0x00, 0x00, 0x01]);
    assert_eq!(board.characters(500, INITIAL_NS), [0x60; 500]);
    assert_eq!(board.characters(4, INITIAL_NS), [0xB0, 0, 0x90, 0x00]);
    assert_eq!(slot.counters().nulls, 500);
}

#[test]
fn speed_is_selected_and_has_to_be_kept_to() {
    let offer = Offer { ta1: Some(0x97), ..Offer::t0() };
    let (slot, mut board) = inserted(Manner::default().offer(offer));
    board.activate();
    assert_eq!(board.answer_to_reset(), [0x3B, 0x12, 0x97, b'O', b'K']);
    board.send_all(&[0xFF, 0x10, 0x97, 0x78]);
    assert_eq!(board.characters(4, INITIAL_NS), [0xFF, 0x10, 0x97, 0x78]);
    assert_eq!(slot.counters().selections, 1);
    // The board has not changed its speed: the card does not understand.
    assert!(!board.send(0x00));
    assert_eq!(slot.counters().out_of_step, 1);
    // 512 / 64 cycles of 4 MHz.
    board.settings(2_000, 0, true);
    let before = slot.counters();
    read_one(&mut board);
    let spent = slot.counters().since(&before);
    assert_eq!((spent.line_ns, spent.out_of_step), (9 * 12 * 2_000, 0));
    // A reset brings the old speed back, and characters at the new one are garbled.
    board.contacts(CONTACT_5V | CONTACT_CLOCK);
    board.contacts(CONTACT_5V | CONTACT_CLOCK | CONTACT_RESET_HIGH);
    assert_eq!(board.character(RESET_NS), None);
    assert_eq!(slot.counters().since(&before).out_of_step, 1);
}

#[test]
fn selections_that_go_wrong() {
    let offer = Offer { ta1: Some(0x95), ..Offer::both() };
    let ask = [0xFF, 0x10, 0x95, 0x7A];
    for (answer, expected) in [
        (PpsAnswer::Mute, &[][..]),
        (PpsAnswer::DefaultSpeed, &[0xFF, 0x00, 0xFF]),
        (PpsAnswer::OtherProtocol, &[0xFF, 0x11, 0x95, 0x7B]),
        (PpsAnswer::WrongCheck, &[0xFF, 0x10, 0x95, 0x85]),
    ] {
        let (_slot, mut board) = inserted(Manner::default().offer(offer.clone()).pps(answer));
        board.activate();
        board.answer_to_reset();
        board.send_all(&ask);
        assert_eq!(board.characters(4, INITIAL_NS), expected, "{answer:?}");
        if answer == PpsAnswer::DefaultSpeed {
            read_one(&mut board);
        }
    }
}

#[test]
fn the_protocol_is_selected() {
    let (_slot, mut board) = inserted(Manner::default().offer(Offer::both()));
    board.activate();
    board.answer_to_reset();
    board.send_all(&[0xFF, 0x01, 0xFE]);
    assert_eq!(board.characters(3, INITIAL_NS), [0xFF, 0x01, 0xFE]);
    board.settings(ETU_NS, 255, false);
    // S(IFS request) and its answer: this is T=1.
    board.send_all(&[0x00, 0xC1, 0x01, 0xFE, 0x3E]);
    assert_eq!(board.characters(5, INITIAL_NS), [0x00, 0xE1, 0x01, 0xFE, 0x1E]);

    // Without a selection the first protocol holds.
    let (_slot, mut board) = inserted(Manner::default().offer(Offer::both()));
    board.activate();
    board.answer_to_reset();
    read_one(&mut board);
}

#[test]
fn the_specific_mode_holds_at_once() {
    let offer = Offer { protocols: vec![Protocol::T0], ta1: Some(0x18), ta2: Some(0x00), ..Offer::t0() };
    let (slot, mut board) = inserted(Manner::default().offer(offer));
    board.activate();
    assert_eq!(board.answer_to_reset(), [0x3B, 0x92, 0x18, 0x10, 0x00, b'O', b'K']);
    // D = 12: 372 / 12 cycles.
    board.settings(7_750, 0, true);
    read_one(&mut board);
    assert_eq!(slot.counters().out_of_step, 0);
}

#[test]
fn offers_that_cannot_be_told() {
    let slot = Slot::new();
    let none = Offer { protocols: Vec::new(), ..Offer::t0() };
    let refused = slot.insert_card(Plain::shared(), Manner::default().offer(none));
    assert!(matches!(refused, Err(SimError::Personalise { .. })));
    assert!(!slot.is_inserted());
}

#[test]
fn several_faults_in_one_stay() {
    let plan = Plan(vec![
        Fault::MuteResets { resets: 1 },
        Fault::BrokenToReader { character: 2, times: 1 },
        Fault::BrokenToCard { character: 3, times: 1 },
        Fault::NullStorm { command: 1, nulls: 2 },
    ]);
    let (slot, mut board) = inserted(Manner::default().faults(plan));
    board.activate();
    assert_eq!(board.answer_to_reset(), b"");
    board.warm_reset();
    assert_eq!(board.character(RESET_NS), Some(0x3B));
    assert_eq!(board.character(INITIAL_NS), None);
    board.repeat();
    assert_eq!(board.characters(3, INITIAL_NS), ATR[1..]);
    board.send_all(&[0x00, 0xB0]);
    assert!(!board.send(0x00));
    board.send_all(&[0x00, 0x00, 0x01]);
    assert_eq!(board.characters(6, INITIAL_NS), [0x60, 0x60, 0xB0, 0, 0x90, 0x00]);
    assert_eq!(slot.pull().unwrap().fired, 4);
}
