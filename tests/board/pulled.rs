//! The card is pulled at every command of a session, before it and after it.

use card_spec::generation::Generation;
use pcsc::Disposition;
use sim::{
    chip::SharedChip,
    fault::Fault,
    line::{Manner, atr::Offer},
    pcscd::{Model, Slot},
};

use crate::bench::{SSSE, card, client, connect, insert, notice, with_board};

/// A session of both directions, short and long.
fn session() -> Vec<String> {
    vec![
        format!("00A404000F{SSSE}"),
        "00C0000018".into(),
        "00B2032C06".into(),
        "0084000008".into(),
        "00A4000002EF05".into(),
        "00B2010512".into(),
    ]
}

#[test]
fn at_each_command() {
    with_board("pulled::at_each_command", Model::Sec1210, |board| {
        let client = client();
        for offer in [Offer::t0(), Offer::t1()] {
            let commands = session();
            // With T=1 every second one: each takes pcscd two looks.
            let is_t1 = offer == Offer::t1();
            for number in (1..=commands.len() as u32).step_by(if is_t1 { 2 } else { 1 }) {
                for fault in [Fault::PullBefore { command: number }, Fault::PullAfter { command: number }] {
                    let manner = Manner::default().offer(offer.clone()).chip_faults(fault.clone());
                    insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), manner);
                    let connected = connect(board, &client, Slot::Card).unwrap();
                    let answers: Vec<_> = commands.iter().map(|command| connected.ask(command)).collect();
                    let good = answers.iter().take_while(|answer| answer.is_ok()).count();
                    assert_eq!(good as u32, number - 1, "{fault:?}: {answers:?}");
                    let lost = &answers[good..];
                    assert!(lost.iter().all(Result::is_err), "{fault:?}: {answers:?}");
                    // pcscd notices by itself, with the connection still there.
                    notice(board, Slot::Card, false);
                    let after = connected.ask(&commands[0]).unwrap_err();
                    let told = [pcsc::Error::RemovedCard, pcsc::Error::NoSmartcard];
                    assert!(told.contains(&after), "{fault:?}: {after:?}");
                    drop(connected);
                    assert!(board.slot(Slot::Card).pull().is_some());
                }
            }
        }
        // Nothing of it is left behind.
        insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), Manner::default());
        let connected = connect(board, &client, Slot::Card).unwrap();
        assert_eq!(connected.ask(&session()[0]).unwrap(), "6118");
        connected.end(Disposition::LeaveCard);
        assert!(board.is_board_running());
    });
}
