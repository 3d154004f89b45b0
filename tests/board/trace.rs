//! What the driver says it sent and heard is what our relay saw, frame by frame.

use card_spec::generation::Generation;
use sim::{
    board::{
        BoardReader, Order,
        frame::{Frame, Splitter},
        relay::Speaker,
    },
    chip::SharedChip,
    line::{Manner, atr::Offer},
    pcscd::{Model, Slot, rerun::in_child},
};
use tests::firmware;

use crate::bench::{Memory, SSSE, card, client, connect, insert, start};

/// The bytes behind `-> 000000 ` or `<- 000000 ` in the driver's part of pcscd's log.
fn driver_bytes(log: &str, arrow: &str) -> Vec<u8> {
    log.lines()
        .filter_map(|line| line.split_once(arrow).map(|(_, rest)| rest))
        .filter_map(|rest| rest.split_once(' ').map(|(_, bytes)| bytes))
        .flat_map(|bytes| bytes.split_whitespace().map_while(|byte| u8::from_str_radix(byte, 16).ok()))
        .collect()
}

/// Messages only: what comes unasked between two commands is thrown away unseen by the driver, now and then.
fn messages(frames: impl IntoIterator<Item = Frame>) -> Vec<Vec<u8>> {
    frames
        .into_iter()
        .filter_map(|frame| match frame {
            Frame::Message { message, is_sound } => {
                assert!(is_sound, "a damaged frame");
                Some(message)
            }
            _ => None,
        })
        .collect()
}

/// The same commands for each model: two cards, both protocols, all directions.
fn traffic(board: &BoardReader) {
    insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Three)), Manner::default());
    let client = client();
    let connected = connect(board, &client, Slot::Card).unwrap();
    assert!(connected.ask(&format!("00A404000F{SSSE}")).unwrap().starts_with("61"));
    assert!(connected.ask("00B2032C06").unwrap().ends_with("9000"));
    drop(connected);
    assert!(board.slot(Slot::Card).pull().is_some());
    assert!(board.wait_card(Slot::Card, false, crate::bench::NOTICE_TIMEOUT_MS).unwrap());
    insert(board, Slot::Card, SharedChip::new(Memory::default()), Manner::default().offer(Offer::t1()));
    let connected = connect(board, &client, Slot::Card).unwrap();
    let answer = connected.send(&[0x00, 0xB0, 0, 0, 0, 0x02, 0x00]).unwrap();
    assert!(answer == [Memory::bytes(0, 512), vec![0x90, 0x00]].concat());
}

#[test]
fn the_drivers_and_ours_are_the_same() {
    in_child("trace::the_drivers_and_ours_are_the_same", |directory| {
        for model in Model::ALL {
            let order = Order { has_trace: true, ..Order::new(firmware::elf(model), model) };
            let mut board = start(order, directory);
            // From the driver's first word on: both begin anew.
            board.pcscd_mut().kill();
            board.relay().record();
            board.pcscd_mut().restart().unwrap();
            traffic(&board);
            board.pcscd_mut().kill();
            let log = board.pcscd().log();
            let record = board.relay().take_record();
            for (arrow, speaker) in [("-> ", Speaker::Host), ("<- ", Speaker::Board)] {
                let theirs = messages(Splitter::default().frames(&driver_bytes(&log, arrow)));
                let mut ours = messages(
                    record.iter().filter(|spoken| spoken.by == speaker).map(|spoken| spoken.frame.clone()),
                );
                // pcscd was ended between a command and its answer, or before it wrote its last lines.
                assert!(ours.len() <= theirs.len() + 1, "{model:?}: {} {}", ours.len(), theirs.len());
                ours.truncate(theirs.len());
                assert!(theirs.len() > 20, "{model:?}: {} messages", theirs.len());
                for (number, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
                    assert_eq!(theirs, ours, "{model:?}: message {number} {arrow}");
                }
                println!("{model:?} {arrow} {} messages", theirs.len());
            }
        }
    });
}
