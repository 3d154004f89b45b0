//! The real pcscd, and foreign programs that talk to the simulated card through it.
//!
//! Needs the Debian packages pcscd, vsmartcard-vpcd, opensc and pcsc-tools; says so when one is missing.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{file::Application, generation::Generation};
use common::{KEYS, TERMINAL, TestCard, order};
use sim::{
    card::Card,
    chip::SharedChip,
    error::SimError,
    fault::Fault,
    pcscd::{PrivatePcscd, Slot},
    personalise::PsamOrder,
    psam::Psam,
    vpcd::Reader,
};
use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// pcscd looks for a card every 400 ms; on a machine that does other things as well it takes longer.
const NOTICE_TIMEOUT_MS: u64 = 20_000;

fn start() -> PrivatePcscd {
    PrivatePcscd::start_temporary().unwrap_or_else(|error| panic!("{error}"))
}

fn card(generation: Generation) -> Arc<Mutex<Card>> {
    Arc::new(Mutex::new(Card::new(&order(generation).build().unwrap(), 1).unwrap()))
}

fn shared(card: &Arc<Mutex<Card>>) -> SharedChip {
    SharedChip::from_arc(Arc::clone(card))
}

/// Inserts and waits until pcscd has seen it.
fn insert(pcscd: &PrivatePcscd, slot: Slot, chip: SharedChip) -> Reader {
    let reader = Reader::new(pcscd.slot_address(slot));
    reader.insert(chip).unwrap();
    assert!(pcscd.wait_card(slot, true, NOTICE_TIMEOUT_MS).unwrap());
    reader
}

/// Runs a program that finds its pcscd by the environment; gives what it says.
fn run(pcscd: &PrivatePcscd, program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PCSCLITE_CSOCK_NAME", pcscd.socket())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install opensc pcsc-tools"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    said
}

/// Hex digits alone, for comparing whatever a program puts between them.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_uppercase()
}

/// The bytes of a hex dump, 16 on a line, without the text beside them.
fn dumped(text: &str) -> String {
    let is_byte = |word: &&str| word.len() == 2 && word.chars().all(|digit| digit.is_ascii_hexdigit());
    text.lines().flat_map(|line| line.split(' ').take_while(is_byte).take(16)).collect()
}

#[test]
fn opensc_tool_reads_the_answer_to_reset_and_the_issuer_data() {
    for generation in Generation::ALL {
        let (pcscd, card) = (start(), card(generation));
        let _reader = insert(&pcscd, Slot::Card, shared(&card));
        let atr = hex::encode_upper(&card.lock().unwrap().image().atr.0);
        let said = run(&pcscd, "opensc-tool", &["--reader", "0", "--atr"], "");
        assert!(digits(&said).contains(&atr), "{said}");
        let said = run(
            &pcscd,
            "opensc-tool",
            &[
                "--reader",
                "0",
                "--card-driver",
                "default",
                "--send-apdu",
                &format!("00A404000F{}00", common::SSSE),
                "--send-apdu",
                "00A4000002EF05",
                "--send-apdu",
                "00B20105FF",
            ],
            "",
        );
        let dump = dumped(&said);
        // opensc-tool fetches what 61xx announces by itself.
        assert!(dump.contains(&format!("840F{}A5", common::SSSE)), "{said}");
        let version = hex::encode_upper(generation.version());
        assert!(dump.contains(&format!("0304{version}")), "{said}");
        assert!(dump.contains("0110430100D15600000500000123"), "{said}");
    }
}

#[test]
fn scriptor_plays_a_dialogue() {
    let (pcscd, card) = (start(), card(Generation::Two));
    let _reader = insert(&pcscd, Slot::Card, shared(&card));
    let script = format!(
        "reset\n00A404000F{}\n00C0000018\n00B2032C06\n0020000003111111\n0020000003258369\n00B2012C10\n",
        common::SSSE
    );
    let said = run(&pcscd, "scriptor", &["-r", pcscd.slot_name(Slot::Card)], &script);
    // In text mode a command line is echoed behind `>` and its answer comes behind `<`.
    let answers: Vec<String> = said
        .split("\n<")
        .skip(1)
        .map(|answer| digits(answer.split(':').next().unwrap().lines().collect::<String>().as_str()))
        .collect();
    let joined = answers.join(" ");
    for part in ["6118", "6F16840F", "0304322E3030", "63C2", "9000", "6C12"] {
        assert!(joined.contains(part), "{part} in {joined}\n{said}");
    }
}

#[test]
fn both_slots_and_their_traffic() {
    let (pcscd, card) = (start(), card(Generation::Three));
    let psam = Psam::new(&PsamOrder::new(TERMINAL, KEYS).build(), 1);
    let card_reader = insert(&pcscd, Slot::Card, shared(&card));
    let _psam_reader = insert(&pcscd, Slot::Psam, SharedChip::new(psam));
    let readers = pcscd.readers().unwrap();
    assert_eq!(readers.len(), 2);
    assert_eq!(readers[0].name, pcscd.slot_name(Slot::Card));
    assert_eq!(readers[1].name, pcscd.slot_name(Slot::Psam));
    assert!(readers.iter().all(|reader| reader.card_present && !reader.card_mute));
    assert_eq!(readers[0].atr, card.lock().unwrap().image().atr.0);
    let script = "00A40000023F00\n00C0000011\n00B0960006\n";
    let said = run(&pcscd, "scriptor", &["-r", pcscd.slot_name(Slot::Psam)], script);
    assert!(digits(&said).contains("4301000000019000"), "{said}");
    assert_eq!(card_reader.insertion().unwrap().commands, 0, "nobody has talked to the card");
    assert!(card_reader.is_inserted());
    assert_eq!(card_reader.pull().unwrap().commands, 0);
    assert!(pcscd.wait_card(Slot::Card, false, NOTICE_TIMEOUT_MS).unwrap());
    assert!(pcscd.readers().unwrap()[1].card_present, "the other slot is its own");
}

#[test]
fn many_side_by_side() {
    let mut daemons: Vec<PrivatePcscd> = (0..3).map(|_| start()).collect();
    let cards: Vec<_> = Generation::ALL.map(card).to_vec();
    let readers: Vec<Reader> =
        daemons.iter().zip(&cards).map(|(pcscd, card)| insert(pcscd, Slot::Card, shared(card))).collect();
    for (pcscd, generation) in daemons.iter().zip(Generation::ALL) {
        let script = format!("00A404000F{}\n00B2032C06\n", common::SSSE);
        let said = run(pcscd, "scriptor", &["-r", pcscd.slot_name(Slot::Card)], &script);
        assert!(digits(&said).contains(&hex::encode_upper(generation.version())), "{said}");
    }
    daemons[1].kill();
    assert!(!daemons[1].is_running() && daemons[0].is_running() && daemons[2].is_running());
    drop(readers);
}

#[test]
fn a_killed_pcscd_comes_back_with_the_card_in_it() {
    let (mut pcscd, card) = (start(), card(Generation::Two));
    let reader = insert(&pcscd, Slot::Card, shared(&card));
    let (socket, address) = (pcscd.socket(), pcscd.slot_address(Slot::Card));
    pcscd.kill();
    assert!(!pcscd.is_running());
    assert!(matches!(pcscd.readers(), Err(SimError::Io { .. })), "no service");
    assert!(reader.is_inserted(), "the card is still in the slot");
    pcscd.restart().unwrap();
    assert_eq!((pcscd.socket(), pcscd.slot_address(Slot::Card)), (socket, address));
    assert!(pcscd.wait_card(Slot::Card, true, NOTICE_TIMEOUT_MS).unwrap());
    let said = run(&pcscd, "opensc-tool", &["--reader", "0", "--atr"], "");
    assert!(digits(&said).contains("3B6D0000009054"), "{said}");
}

#[test]
fn a_card_torn_out_by_a_fault_is_gone_for_pcscd() {
    let (pcscd, card) = (start(), card(Generation::Two));
    let reader = Reader::new(pcscd.slot_address(Slot::Card));
    reader.insert_with(shared(&card), Fault::PullAfter { command: 2 }.into()).unwrap();
    assert!(pcscd.wait_card(Slot::Card, true, NOTICE_TIMEOUT_MS).unwrap());
    let script = format!("00A404000F{}\n0020000003111111\n00B2032C06\n", common::SSSE);
    let said = run(&pcscd, "scriptor", &["-r", pcscd.slot_name(Slot::Card)], &script);
    assert!(!said.contains("63 C2"), "{said}");
    assert!(!reader.is_inserted());
    let gone = reader.pull().unwrap();
    assert_eq!((gone.commands, gone.fired), (2, 1));
    // The wrong PIN has cost its try, though nobody heard the card say so.
    let mut left = TestCard::new(&card.lock().unwrap().image());
    left.select(Application::Ssse);
    left.expect("00200000", "63C2");
    assert!(pcscd.wait_card(Slot::Card, false, NOTICE_TIMEOUT_MS).unwrap());
    // And it can be inserted again.
    reader.insert(shared(&card)).unwrap();
    assert!(pcscd.wait_card(Slot::Card, true, NOTICE_TIMEOUT_MS).unwrap());
}

#[test]
fn mute_cards_and_garbage() {
    let (pcscd, card) = (start(), card(Generation::Two));
    let reader = Reader::new(pcscd.slot_address(Slot::Card));
    reader.insert_with(shared(&card), Fault::Mute.into()).unwrap();
    assert!(pcscd.wait_card(Slot::Card, true, NOTICE_TIMEOUT_MS).unwrap());
    let end = std::time::Instant::now() + std::time::Duration::from_millis(NOTICE_TIMEOUT_MS);
    while !pcscd.readers().unwrap()[0].card_mute {
        assert!(std::time::Instant::now() < end, "pcscd should find the card mute");
    }
    let said = run(&pcscd, "opensc-tool", &["--reader", "0", "--atr"], "");
    assert!(!digits(&said).contains("3B6D0000"), "{said}");
    reader.pull();
    assert!(pcscd.wait_card(Slot::Card, false, NOTICE_TIMEOUT_MS).unwrap());
    let garbage = Fault::GarbageAtr { bytes: vec![0x5A, 0xA5, 0x00] };
    reader.insert_with(shared(&card), garbage.into()).unwrap();
    assert!(pcscd.wait_card(Slot::Card, true, NOTICE_TIMEOUT_MS).unwrap());
    let said = run(&pcscd, "opensc-tool", &["--reader", "0", "--atr"], "");
    assert!(!digits(&said).contains("3B6D0000"), "{said}");
}
