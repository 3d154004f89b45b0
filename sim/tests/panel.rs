//! The panel of an emulated board, judged by a board that says and hears bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    time::Duration,
};

use reader_protocol::{
    emulated_panel::{
        BUZZER, CHANCE, CHANCE_WANTED, COUNTED, HELLO, LAMP, SWITCH, VAULT, VAULT_STORE, body_bytes,
    },
    escape::{Event, Lamp},
    vault::{Contents, VAULT_BYTES},
};
use sim::panel::{Panel, Signs};

struct Board(UnixStream);

impl Board {
    fn of(panel: &Panel) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        panel.attach(theirs).unwrap();
        Self(ours)
    }

    fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn hear(&mut self) -> (u8, Vec<u8>) {
        let mut tag = [0];
        self.0.read_exact(&mut tag).unwrap();
        let mut body = vec![0; body_bytes(tag[0]).unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (tag[0], body)
    }

    /// What a panel says at the beginning: whether the case is open, the vault, random bytes.
    fn greeting(&mut self) -> (bool, Vec<u8>, Vec<u8>) {
        let (switch, vault, chance) = (self.hear(), self.hear(), self.hear());
        assert_eq!((switch.0, vault.0, chance.0), (SWITCH, VAULT, CHANCE));
        (switch.1 == [1], vault.1, chance.1)
    }
}

#[test]
fn lamps_buzzer_and_counters() {
    let panel = Panel::new(1);
    let mut board = Board::of(&panel);
    board.greeting();
    board.say(&[LAMP, Lamp::Busy.byte(), 1, BUZZER, 1, LAMP, 0x77, 1]);
    assert!(panel.wait(|signs| signs == Signs { busy: true, buzzer: true, ..Signs::default() }, 5_000));
    board.say(&[BUZZER, 0, LAMP, Lamp::Ready.byte(), 1, LAMP, Lamp::Fault.byte(), 1]);
    assert!(panel.wait(|signs| signs.fault, 5_000));
    assert_eq!(panel.signs(), Signs { ready: true, busy: true, fault: true, buzzer: false });
    let changes = panel.take_changes();
    assert_eq!(changes.len(), 5, "one for each change");
    assert!(changes.is_sorted_by_key(|change| change.at));
    board.say(&[COUNTED, Event::Inserted.byte(), 3, 1, 0, 0, LAMP, Lamp::Busy.byte(), 0]);
    assert!(panel.wait(|signs| !signs.busy, 5_000));
    assert_eq!((panel.counted(Event::Inserted), panel.counted(Event::Command)), (259, 0));
    assert!(!panel.wait(|signs| signs.busy, 20), "waiting ends");
    drop(board);
    assert!(panel.wait(|signs| signs == Signs::default(), 5_000), "dark without a board");
}

#[test]
fn the_case_and_chance() {
    let panel = Panel::new(7);
    let mut board = Board::of(&panel);
    let (is_open, _, first) = board.greeting();
    assert!(!is_open);
    panel.open_case();
    assert_eq!(board.hear(), (SWITCH, vec![1]));
    panel.close_case();
    assert_eq!(board.hear(), (SWITCH, vec![0]));
    board.say(&[CHANCE_WANTED]);
    let (tag, second) = board.hear();
    assert_eq!(tag, CHANCE);
    assert_ne!(first, second);
    // Opened while no board runs: the next one is told at once, and again when it asks.
    drop(board);
    panel.open_case();
    let mut board = Board::of(&panel);
    assert!(board.greeting().0);
    board.say(&[HELLO]);
    assert!(board.greeting().0);
    assert!(panel.is_case_open());
}

#[test]
fn the_vault_outlives_boards_and_processes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault");
    let contents = Contents { count: 3, secret: Some([7; 32]), ..Contents::default() };
    let panel = Panel::open(&file, 1).unwrap();
    let mut board = Board::of(&panel);
    assert_eq!(board.greeting().1, [0; VAULT_BYTES], "erased at first");
    assert_eq!(panel.vault(), None);
    board.say(&[&[VAULT_STORE][..], &contents.to_bytes()].concat());
    assert!(panel.wait_stores(1, 5_000));
    assert_eq!(panel.vault(), Some(contents.clone()));
    let mut board = Board::of(&panel);
    assert_eq!(board.greeting().1, contents.to_bytes());
    assert!(panel.take_file_failure().is_none());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    drop(panel);

    let panel = Panel::open(&file, 1).unwrap();
    assert_eq!(panel.vault(), Some(contents));
    panel.take_battery_out();
    assert_eq!(std::fs::read(&file).unwrap(), [0; VAULT_BYTES]);
    std::fs::write(&file, [0; 3]).unwrap();
    assert!(Panel::open(&file, 1).is_err(), "not a vault");
}

#[test]
fn noise_does_no_harm() {
    let panel = Panel::new(1);
    let mut board = Board::of(&panel);
    board.greeting();
    // Tags that are none, tags of the panel's own, and a store that is damaged.
    board.say(&[0x00, 0x7F, 0xFF, SWITCH, 1, 0x99]);
    board.say(&[&[VAULT_STORE][..], &[0x5A; VAULT_BYTES]].concat());
    assert!(panel.wait_stores(1, 5_000));
    assert_eq!(panel.vault(), None, "kept as it is, and no vault");
    assert!(!panel.is_case_open());
    board.say(&[HELLO]);
    assert_eq!(board.greeting().1, [0x5A; VAULT_BYTES]);
}
