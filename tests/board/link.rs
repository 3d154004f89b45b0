//! Damage on the way from the driver to the board: every command still gets its answer, or its refusal.

use std::time::Duration;

use card_spec::generation::Generation;
use pcsc::Disposition;
use sim::{
    board::{
        BoardReader,
        frame::Frame,
        relay::{HostFault, Pieces, Speaker},
    },
    chip::SharedChip,
    line::{Manner, atr::Offer},
    pcscd::{Model, Slot},
};

use crate::bench::{Connected, Memory, SSSE, card, client, connect, insert, last_frames, notice, with_board};

/// Selects the application and reads from it.
fn session(connected: &Connected) {
    assert_eq!(connected.ask(&format!("00A404000F{SSSE}")).unwrap(), "6118");
    assert!(connected.ask("00C0000018").unwrap().ends_with("9000"));
    assert_eq!(connected.ask("00B2032C06").unwrap(), "0304322E30309000");
}

/// Longest time from a command of the driver to the board's first word about it.
fn slowest(board: &BoardReader) -> Duration {
    let mut asked = None;
    let mut slowest = Duration::ZERO;
    for spoken in board.relay().take_record() {
        match (spoken.by, &spoken.frame) {
            (Speaker::Host, Frame::Message { .. }) => asked = Some(spoken.at),
            (Speaker::Board, Frame::Message { .. } | Frame::MoreTime(_)) => {
                if let Some(asked) = asked.take() {
                    slowest = slowest.max(spoken.at - asked);
                }
            }
            _ => {}
        }
    }
    board.relay().record();
    slowest
}

#[test]
fn pieces_of_all_sizes() {
    for_each_model("link::pieces_of_all_sizes", |board, connected| {
        for pieces in [
            Pieces::AsWritten,
            Pieces::WholeFrames,
            Pieces::OneByOne { interval_us: 100 },
            Pieces::OneByOne { interval_us: 2_000 },
        ] {
            board.relay().set_pieces(pieces);
            session(connected);
            println!("{pieces:?}: {:?}", slowest(board));
        }
    });
}

fn for_each_model(test: &str, body: impl Fn(&BoardReader, &Connected)) {
    sim::pcscd::rerun::in_child(test, |directory| {
        for model in Model::ALL {
            let order = sim::board::Order::new(tests::firmware::elf(model), model);
            let board = crate::bench::start(order, directory);
            insert(&board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), Manner::default());
            let client = client();
            let connected = connect(&board, &client, Slot::Card).unwrap();
            body(&board, &connected);
        }
    });
}

/// Damages the next command in each of these ways; whatever becomes of it, it is told in time, and the board is
/// there for the next.
///
/// With T=1, where the driver waits three seconds for an answer; with T=0 it waits for minutes when a command is
/// lost on its way.
fn damaged(test: &str, faults: &[HostFault]) {
    let read = |connected: &Connected| connected.send(&[0x00, 0xB0, 0x01, 0x10, 0x10]);
    let good = [Memory::bytes(0x110, 0x10), vec![0x90, 0x00]].concat();
    with_board(test, Model::Sec1210, |board| {
        insert(board, Slot::Card, SharedChip::new(Memory::default()), Manner::default().offer(Offer::t1()));
        let client = client();
        for fault in faults {
            let connected = connect(board, &client, Slot::Card).unwrap();
            board.relay().plan(fault.clone());
            let answer = read(&connected);
            println!("{fault:?}: {:?}", answer.as_ref().map(Vec::len));
            assert_eq!(board.relay().planned(), 0);
            assert!(answer.as_ref().is_ok_and(|answer| *answer == good) || answer.is_err(), "{fault:?}");
            connected.end(Disposition::ResetCard);
            notice(board, Slot::Card, true);
            let connected = connect(board, &client, Slot::Card).unwrap();
            assert_eq!(read(&connected), Ok(good.clone()), "after {fault:?}\n{}", last_frames(board));
            connected.end(Disposition::LeaveCard);
        }
        assert!(board.is_board_running());
    });
}

#[test]
fn noise_before_a_command() {
    // Bytes that begin nothing, that begin a frame, and that begin one with a wild length.
    let noises = [&[0x00][..], &[0xFF; 100], &[0x03], &[0x03, 0x06, 0x6F, 0xFF, 0xFF, 0xFF, 0x7F]];
    damaged("link::noise_before_a_command", &noises.map(|noise| HostFault::Noise(noise.to_vec())));
}

#[test]
fn commands_cut_and_changed() {
    let cuts = [0, 1, 2, 5, 12, 20].map(|bytes| HostFault::Cut { bytes });
    // The sync byte, the message's type, its length, its slot, a byte of its data.
    let flips = [0, 2, 3, 4, 7, 15].map(|byte| HostFault::Flip { byte, bits: 0x40 });
    damaged("link::commands_cut_and_changed", &[cuts, flips].concat());
}
