//! Several programs at one card, by pyscard, with a hand of ours.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use card_spec::generation::Generation;
use sim::{
    chip::SharedChip,
    line::{Manner, atr::Offer},
    pcscd::{Model, Slot},
};

use crate::bench::{card, insert, notice, with_board};

/// The Python that Debian's pyscard is installed for.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn sharing_cancelling_resetting_pulling_by_pyscard() {
    with_board("shared::sharing_cancelling_resetting_pulling_by_pyscard", Model::Sec1210, |board| {
        for offer in [Offer::t0(), Offer::t1()] {
            let mut script = Command::new(PYTHON)
                .arg("-c")
                .arg(include_str!("share.py"))
                .arg(board.slot_name(Slot::Card).unwrap())
                .env("PCSCLITE_CSOCK_NAME", board.pcscd().socket())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("{PYTHON}: {error}; apt-get install python3-pyscard"));
            let mut hand = script.stdin.take().unwrap();
            let mut said = Vec::new();
            for line in BufReader::new(script.stdout.take().unwrap()).lines() {
                let line = line.unwrap();
                println!("{line}");
                match line.as_str() {
                    "hand: insert" => {
                        let manner = Manner::default().offer(offer.clone());
                        insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), manner);
                    }
                    "hand: pull" => assert!(board.slot(Slot::Card).pull().is_some()),
                    _ => {}
                }
                if line.starts_with("hand: ") {
                    hand.write_all(b"\n").unwrap();
                }
                said.push(line);
            }
            assert!(script.wait().unwrap().success() && said.last().is_some_and(|line| line == "done"));
            assert!(board.slot(Slot::Card).pull().is_some());
            notice(board, Slot::Card, false);
        }
    });
}
