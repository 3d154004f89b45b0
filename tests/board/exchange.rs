//! Commands and answers through driver, firmware and lines.

use card_spec::generation::Generation;
use pcsc::Disposition;
use sim::{
    chip::SharedChip,
    line::{Manner, atr::Offer},
    pcscd::{Model, Slot},
};

use crate::bench::{Memory, SSSE, card, client, connect, digits, insert, run, scriptor_answers, with_board};

#[test]
fn a_card_is_read_by_our_own_client_and_by_others() {
    with_board("exchange::a_card_is_read_by_our_own_client_and_by_others", Model::Sec1210, |board| {
        insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), Manner::default());
        let client = client();
        let connected = connect(board, &client, Slot::Card).unwrap();
        let selected = connected.ask("00A4000002DDF1").unwrap();
        let (status, length) = selected.split_at(2);
        assert_eq!((status, length.len()), ("61", 2), "nobody fetches the rest for the application");
        let answer = connected.ask(&format!("00C00000{length}")).unwrap();
        assert!(answer.starts_with("6F") && answer.ends_with("9000"), "{answer}");
        // The card's own word on a wrong length goes to the application untouched.
        assert_eq!(connected.ask(&format!("00A404000F{SSSE}")).unwrap(), "6118");
        assert_eq!(connected.ask("00B2032C10").unwrap(), "6C06");
        assert_eq!(connected.ask("00B2032C06").unwrap(), "0304322E30309000");
        connected.end(Disposition::LeaveCard);

        let script =
            format!("reset\n00A404000F{SSSE}\n00C0000018\n00B2032C06\n0020000003111111\n00B2032C10\n");
        let said = run(board, "scriptor", &["-r", board.slot_name(Slot::Card).unwrap()], &script);
        let joined = scriptor_answers(&said).join(" ");
        for part in ["6118", "6F16840F", "0304322E3030", "63C2", "6C06"] {
            assert!(joined.contains(part), "{part} in {joined}\n{said}");
        }
        let select = format!("00A404000F{SSSE}00");
        let arguments = ["--reader", "0", "--card-driver", "default", "--send-apdu", &select];
        let said = run(board, "opensc-tool", &[&arguments[..], &["--send-apdu", "00B2032C06"]].concat(), "");
        assert!(digits(&said).contains("0304322E3030"), "{said}");
    });
}

/// Reads and writes of all sizes that the protocol takes.
fn memory(name: &str, model: Model, manner: Manner, extended: bool) {
    with_board(name, model, |board| {
        insert(board, Slot::Card, SharedChip::new(Memory::default()), manner);
        let client = client();
        let connected = connect(board, &client, Slot::Card).unwrap();
        for count in [1, 2, 16, 128, 253, 254, 255, 256] {
            let answer = connected.send(&[0x00, 0xB0, 0x01, 0x10, count as u8]).unwrap();
            assert_eq!(answer, [Memory::bytes(0x110, count), vec![0x90, 0x00]].concat(), "{count}");
        }
        for count in [1, 2, 127, 250, 255] {
            let command = [&[0x00, 0xD6, 0x02, 0x00, count as u8], &Memory::bytes(0x200, count)[..]].concat();
            assert_eq!(connected.send(&command).unwrap(), [0x90, 0x00], "{count}");
        }
        for count in [257, 600, 4_000].into_iter().filter(|_| extended) {
            let [high, low] = (count as u16).to_be_bytes();
            let answer = connected.send(&[0x00, 0xB0, 0, 0x10, 0, high, low]).unwrap();
            assert!(answer == [Memory::bytes(0x10, count), vec![0x90, 0x00]].concat(), "{count}");
            let command =
                [&[0x00, 0xD6, 0x02, 0x00, 0, high, low], &Memory::bytes(0x200, count)[..]].concat();
            assert_eq!(connected.send(&command).unwrap(), [0x90, 0x00], "{count}");
        }
        connected.end(Disposition::UnpowerCard);
        assert!(board.slot(Slot::Card).misuses().is_empty(), "{:?}", board.slot(Slot::Card).misuses());
    });
}

#[test]
fn all_lengths_over_t0() {
    memory("exchange::all_lengths_over_t0", Model::Sec1210, Manner::default().offer(Offer::t0()), false);
}

#[test]
fn all_lengths_over_t1() {
    memory("exchange::all_lengths_over_t1", Model::Sec1210, Manner::default().offer(Offer::t1()), true);
}
