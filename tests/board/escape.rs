//! The CCID command Escape through SCardControl, its control code found as a foreign program finds it.

use std::ffi::CString;

use card_spec::generation::Generation;
use pcsc::{Context, Protocols, ShareMode};
use reader_protocol::escape::{Answer, FRAME_BYTES_MAX, Identity, MARK, Request, Status, VERSION};
use sim::{
    board::{BoardReader, Order},
    chip::SharedChip,
    line::Manner,
    pcscd::{Model, Slot, rerun::in_child},
};
use tests::firmware;

use crate::bench::{SSSE, card, client, connect, insert, start, timed};

/// What a reader can do beside cards: tag, length 4, control code. Source: PC/SC part 10 §2.2.
const FEATURE_REQUEST: u32 = 3400;
/// FEATURE_CCID_ESC_COMMAND. Source: the same, §2.3.
const FEATURE_ESCAPE: u8 = 0x13;

/// A connection to the reader itself.
fn direct(board: &BoardReader, client: &Context, slot: Slot) -> pcsc::Card {
    let name = CString::new(board.slot_name(slot).unwrap()).unwrap();
    timed(|| client.connect(&name, ShareMode::Direct, Protocols::UNDEFINED)).unwrap()
}

/// The control code of Escape, as the driver tells it.
fn escape_code(reader: &pcsc::Card) -> u32 {
    let mut features = [0; 256];
    let features = reader.control(pcsc::ctl_code(FEATURE_REQUEST.into()), &[], &mut features).unwrap();
    let mut rest = features;
    while let [tag, 4, a, b, c, d, more @ ..] = rest {
        if *tag == FEATURE_ESCAPE {
            return u32::from_be_bytes([*a, *b, *c, *d]);
        }
        rest = more;
    }
    panic!("no Escape among {features:02X?}")
}

fn escape(reader: &pcsc::Card, request: &[u8]) -> Result<Vec<u8>, pcsc::Error> {
    let code = escape_code(reader);
    let mut answer = [0; 512];
    timed(|| reader.control(code.into(), request, &mut answer).map(<[u8]>::to_vec))
}

fn identify(reader: &pcsc::Card) -> Identity {
    let request = Request::Identify.build().unwrap();
    let answer = escape(reader, &request).unwrap();
    let answer = Answer::parse(&answer).unwrap();
    assert_eq!(answer.status, Status::Done);
    answer.read().unwrap()
}

#[test]
fn every_model_says_who_it_is_with_and_without_a_card() {
    in_child("escape::every_model_says_who_it_is_with_and_without_a_card", |directory| {
        for model in Model::ALL {
            let board = start(Order::new(firmware::elf(model), model), directory);
            let client = client();
            // What it can do beside cards shows when its module has answered, so it is left out.
            let who = |reader: &pcsc::Card| {
                let identity = identify(reader);
                (identity.board, identity.serial, identity.version, identity.personality, identity.slots)
            };
            let empty = who(&direct(&board, &client, Slot::Card));
            assert_eq!(usize::from(empty.4), model.slots());

            // The same from every slot, and beside a card that is talked to.
            insert(&board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), Manner::default());
            let connected = connect(&board, &client, Slot::Card).unwrap();
            assert_eq!(connected.ask(&format!("00A404000F{SSSE}")).unwrap(), "6118");
            assert_eq!(who(&connected.0), empty);
            assert!(connected.ask("00C0000018").unwrap().ends_with("9000"), "the card does not notice");
            if model.slots() > 1 {
                assert_eq!(who(&direct(&board, &client, Slot::Psam)), empty);
            }
        }
    });
}

#[test]
fn what_the_board_does_not_know_is_refused_in_time() {
    crate::bench::with_board(
        "escape::what_the_board_does_not_know_is_refused_in_time",
        Model::Sec1210,
        |board| {
            let client = client();
            let reader = direct(board, &client, Slot::Card);
            let refused = |request: &[u8]| {
                let answer = escape(&reader, request).unwrap();
                Answer::parse(&answer).unwrap().status
            };
            assert_eq!(refused(&[MARK, VERSION + 1, 0]), Status::UnknownVersion);
            assert_eq!(refused(&[MARK, VERSION, 0xFF]), Status::UnknownOpcode);
            assert_eq!(refused(&[MARK, VERSION]), Status::Malformed);
            let too_much = [&Request::Identify.build().unwrap()[..], &[0; 8]].concat();
            assert_eq!(refused(&too_much), Status::Malformed);
            // Foreign ones, of all lengths that the driver lets through, and longer than ours may be.
            for request in
                [&[0x00][..], &[0x1F, 0x02], &[0xA5; 100], &[MARK; FRAME_BYTES_MAX + 1], &[0x77; 261]]
            {
                let answer = escape(&reader, request);
                println!("{} bytes: {:?}", request.len(), answer.as_ref().map(Vec::len));
                assert_eq!(
                    usize::from(identify(&reader).slots),
                    2,
                    "the board is there after {} bytes",
                    request.len()
                );
            }
            assert!(board.is_board_running());
        },
    );
}
