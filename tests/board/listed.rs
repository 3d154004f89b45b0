//! What foreign programs see of a board: its slots, its cards, their answers to reset.

use card_spec::generation::Generation;
use sim::{
    board::Order,
    chip::SharedChip,
    line::Manner,
    pcscd::{Model, Slot, rerun::in_child},
};
use std::sync::Arc;
use tests::firmware;

use crate::bench::{card, digits, insert, notice, run, start, with_board};

#[test]
fn each_reader_is_listed_with_its_slots() {
    in_child("listed::each_reader_is_listed_with_its_slots", |directory| {
        for model in Model::ALL {
            let board = start(Order::new(firmware::elf(model), model), directory);
            let readers = board.pcscd().readers().unwrap();
            let names: Vec<_> = readers.iter().map(|reader| reader.name.as_str()).collect();
            assert_eq!(names, board.pcscd().slot_names());
            assert_eq!(names.len(), model.slots());
            assert!(readers.iter().all(|reader| !reader.card_present));
            // A card in each slot that has contacts.
            for slot in [Slot::Card, Slot::Psam].into_iter().take(model.slots()) {
                let card = card(Generation::Three);
                let atr = card.lock().unwrap().image().atr.0.clone();
                insert(&board, slot, SharedChip::from_arc(card), Manner::default());
                assert_eq!(board.pcscd().readers().unwrap()[slot as usize].atr, atr, "{model:?} {slot:?}");
            }
        }
    });
}

#[test]
fn cards_come_and_go() {
    with_board("listed::cards_come_and_go", Model::Sec1210, |board| {
        let card = card(Generation::Three);
        let atr = card.lock().unwrap().image().atr.0.clone();
        insert(board, Slot::Card, SharedChip::from_arc(Arc::clone(&card)), Manner::default());
        let readers = board.pcscd().readers().unwrap();
        assert_eq!((readers[0].card_mute, readers[1].card_present), (false, false));
        assert_eq!(readers[0].atr, atr);

        let said = run(board, "pcsc_scan", &["-c"], "");
        assert!(digits(&said).contains(&hex::encode_upper(&atr)), "{said}");
        let said = run(board, "pcsc_scan", &["-r"], "");
        assert!(board.pcscd().slot_names().iter().all(|name| said.contains(name)), "{said}");
        let said = run(board, "opensc-tool", &["--list-readers"], "");
        let lines: Vec<_> = said.lines().filter(|line| line.contains("Jinbao reader board")).collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].contains("Yes") && lines[1].contains("No"), "{said}");
        let said = run(board, "opensc-tool", &["--reader", "0", "--atr"], "");
        assert!(digits(&said).contains(&hex::encode_upper(&atr)), "{said}");

        // Out, into the other slot, out.
        assert!(board.slot(Slot::Card).pull().is_some());
        notice(board, Slot::Card, false);
        insert(board, Slot::Psam, SharedChip::from_arc(card), Manner::default());
        let readers = board.pcscd().readers().unwrap();
        assert_eq!((readers[0].card_present, &readers[1].atr), (false, &atr));
        assert!(board.slot(Slot::Psam).pull().is_some());
        notice(board, Slot::Psam, false);
        assert!(board.is_board_running() && board.pcscd_mut().is_running());
    });
}
