//! The emulated line, with a card that is told what to say.
#![allow(clippy::unwrap_used, reason = "tests")]

mod wire;

use emulated::line::{EmulatedContacts, PATIENCE};
use engine::contacts::{Contacts, LineSettings, Parity, Voltage};
use engine::time::{Duration, Instant};
use reader_protocol::emulated_line as tag;
use wire::Line;

const CLOCK_HERTZ: u32 = 4_800_000;
/// 372 cycles of 4.8 MHz.
const ETU: Duration = Duration(77_500);
const T0: LineSettings =
    LineSettings { cycles_per_etu: (372, 1), parity: Parity::Even, character_etu: 12, error_signal: true };

fn with_time(tag: u8, duration: Duration) -> Vec<u8> {
    [&[tag][..], &duration.0.to_le_bytes()].concat()
}

/// Contacts of a card that has power, clock and no reset, at line time 0.
fn alive() -> (Line, EmulatedContacts<Line>) {
    let line = Line::default();
    let mut contacts = EmulatedContacts::new(line.clone(), CLOCK_HERTZ);
    line.hears(&[tag::PRESENCE, 1]);
    assert!(contacts.is_present());
    contacts.set_line(&T0);
    contacts.set_supply(Some(Voltage::V5));
    contacts.set_clock(true);
    contacts.set_reset(true);
    line.said();
    (line, contacts)
}

#[test]
fn contacts_are_said_when_they_change() {
    let line = Line::default();
    let mut contacts = EmulatedContacts::new(line.clone(), CLOCK_HERTZ);
    assert_eq!(line.said(), [tag::CONTACTS, 0]);
    assert!(!contacts.is_present());
    contacts.set_supply(Some(Voltage::V1_8));
    contacts.set_supply(Some(Voltage::V1_8));
    contacts.set_clock(true);
    contacts.set_reset(true);
    contacts.set_supply(None);
    let on = tag::CONTACT_CLOCK | tag::CONTACT_RESET_HIGH;
    assert_eq!(
        line.said(),
        [
            [tag::CONTACTS, tag::CONTACT_1V8],
            [tag::CONTACTS, tag::CONTACT_1V8 | tag::CONTACT_CLOCK],
            [tag::CONTACTS, tag::CONTACT_1V8 | on],
            [tag::CONTACTS, on],
        ]
        .concat()
    );
}

#[test]
fn settings_are_said_in_nanoseconds() {
    let (line, mut contacts) = alive();
    let mut expected = vec![tag::SETTINGS];
    expected.extend(77_500u32.to_le_bytes());
    contacts.set_line(&T0);
    assert_eq!(line.said(), [&expected[..], &[0, 1]].concat());
    contacts.set_line(&LineSettings { character_etu: 11, error_signal: false, ..T0 });
    assert_eq!(line.said(), [&expected[..], &[255, 0]].concat());
    contacts.set_line(&LineSettings { character_etu: 266, ..T0 });
    assert_eq!(line.said(), [&expected[..], &[254, 1]].concat());
}

#[test]
fn time_is_what_is_said() {
    let (line, mut contacts) = alive();
    let wall = |millis| Instant::default() + Duration::from_millis(millis);
    assert_eq!(contacts.time(wall(700)), Instant(0));

    contacts.expect(Some(Instant(5_000_000)));
    assert_eq!(line.said(), with_time(tag::LISTEN, Duration(5_000_000)));
    assert_eq!(contacts.receive(), None);
    contacts.expect(Some(Instant(5_000_000)));
    assert_eq!(line.said(), [], "what has been said is not said again");
    assert_eq!(contacts.time(wall(2_000)), Instant(0));

    line.hears(&with_time(tag::SILENCE, Duration(1_000_000)));
    line.hears(&[tag::CHARACTER, 0x3B, tag::CHARACTER, 0x00]);
    let first = contacts.receive().unwrap();
    assert_eq!((first.byte, first.is_broken), (0x3B, false));
    assert_eq!(first.at, Instant(1_000_000) + ETU.times(12));
    assert_eq!(contacts.time(wall(2_900)), first.at + ETU.times(12), "the second has come as well");
    assert_eq!(contacts.receive().unwrap().at, first.at + ETU.times(12));
    assert_eq!(contacts.receive(), None);
    // The first answer was the character, the rest of the time is asked for anew.
    assert_eq!(
        line.said(),
        with_time(tag::LISTEN, Duration(5_000_000 - 1_000_000 - 24 * ETU.0)),
        "by the same end"
    );
    contacts.expect(None);
    assert_eq!(line.said(), with_time(tag::LISTEN, Duration(0)));
}

#[test]
fn characters_are_sent_one_by_one() {
    let (line, mut contacts) = alive();
    contacts.send(0xA4);
    assert_eq!(line.said(), [tag::SEND, 0xA4]);
    assert_eq!(contacts.sent(), None);
    line.hears(&[tag::REFUSED]);
    let sent = contacts.sent().unwrap();
    assert!(sent.is_refused);
    assert_eq!(sent.at, Instant(0) + ETU.times(12));
    assert_eq!(contacts.sent(), None, "told once");
    contacts.send(0xA4);
    line.hears(&[tag::TAKEN]);
    let sent = contacts.sent().unwrap();
    assert!(!sent.is_refused);
    assert_eq!(sent.at, Instant(0) + ETU.times(24));
}

#[test]
fn a_broken_character_is_asked_for_again_under_the_error_signal_only() {
    let (line, mut contacts) = alive();
    line.hears(&[tag::CHARACTER_BROKEN, 0x55]);
    assert!(contacts.receive().unwrap().is_broken);
    assert_eq!(line.said(), [tag::REPEAT]);
    contacts.set_line(&LineSettings { error_signal: false, ..T0 });
    line.said();
    line.hears(&[tag::CHARACTER_BROKEN, 0x55]);
    assert!(contacts.receive().unwrap().is_broken);
    assert_eq!(line.said(), []);
}

#[test]
fn an_empty_slot_says_nothing_and_takes_no_time() {
    let line = Line::default();
    let mut contacts = EmulatedContacts::new(line.clone(), CLOCK_HERTZ);
    line.said();
    contacts.expect(Some(Instant(9_000)));
    assert_eq!(contacts.time(Instant(1)), Instant(9_000));
    assert_eq!(line.said(), []);
    contacts.send(1);
    assert_eq!(contacts.sent(), None);
    contacts.time(Instant(1));
    assert!(contacts.sent().is_some());
}

#[test]
fn a_card_that_goes_ends_all_waiting() {
    let (line, mut contacts) = alive();
    contacts.expect(Some(Instant(9_000)));
    line.hears(&[tag::OVERLOAD, 1]);
    assert!(contacts.is_overloaded());
    line.hears(&[tag::PRESENCE, 0]);
    assert!(!contacts.is_present());
    assert!(!contacts.is_overloaded());
    assert_eq!(contacts.time(Instant(1)), Instant(9_000));
}

#[test]
fn the_wall_ends_what_nobody_answers() {
    let (line, mut contacts) = alive();
    let start = Instant(1_000);
    let limit = Duration::from_millis(500);
    contacts.expect(Some(Instant(0) + limit));
    assert_eq!(contacts.time(start), Instant(0));
    assert_eq!(contacts.time(start + PATIENCE), Instant(0));
    assert_eq!(contacts.time(start + PATIENCE + limit), Instant(0) + limit);

    // The next question is not waited for so long.
    contacts.send(0);
    let later = start + PATIENCE.times(2);
    contacts.time(later);
    assert_eq!(contacts.sent(), None);
    contacts.time(later + ETU.times(12));
    assert!(contacts.sent().is_some());

    // The answer comes late and means the character before, not the next.
    contacts.send(1);
    line.hears(&[tag::TAKEN]);
    assert_eq!(contacts.sent(), None);
    line.hears(&[tag::TAKEN]);
    assert!(contacts.sent().is_some());
}

#[test]
fn what_a_card_said_before_its_reset_is_not_heard() {
    let (line, mut contacts) = alive();
    contacts.send(0xFF);
    contacts.set_reset(false);
    line.hears(&[tag::TAKEN, tag::CHARACTER, 0x90]);
    assert_eq!(contacts.sent(), None);
    assert_eq!(contacts.receive(), None);
    contacts.set_reset(true);
    contacts.send(0x00);
    assert_eq!(contacts.sent(), None);
    line.hears(&[tag::TAKEN]);
    assert!(contacts.sent().is_some());
}

#[test]
fn a_card_that_talks_to_nobody_can_still_be_seen_to_go() {
    let (line, mut contacts) = alive();
    for byte in 0..20 {
        line.hears(&[tag::CHARACTER, byte]);
    }
    line.hears(&[tag::PRESENCE, 0]);
    let looks = (0..1_000).take_while(|_| contacts.is_present()).count();
    assert!((1..1_000).contains(&looks), "{looks}");
}

#[test]
fn unknown_tags_are_passed_over() {
    let (line, mut contacts) = alive();
    line.hears(&[0x00, 0xFE, 0x99, tag::CHARACTER, 7]);
    assert_eq!(contacts.receive().unwrap().byte, 7);
}

/// Whatever comes, in whatever pieces, something is always answered and nothing panics.
#[test]
fn no_stream_breaks_it() {
    let seed = std::env::var("JINBAO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x6A69_6E62u64);
    println!("JINBAO_SEED={seed}");
    let mut state = seed | 1;
    let mut next = move || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (line, mut contacts) = alive();
    let mut wall = Instant(0);
    let mut times = Vec::new();
    for _ in 0..20_000 {
        let random = next();
        wall = wall + Duration(next() % 100_000_000);
        match random % 12 {
            0..=3 => line.hears(&random.to_be_bytes()[..(random >> 8) as usize % 8]),
            4 => contacts.expect(Some(Instant(next() >> (next() % 64)))),
            5 => contacts.expect(None),
            6 => contacts.send(random as u8),
            7 => contacts.set_reset(random & 0x100 != 0),
            8 => contacts.set_supply((random & 0x100 != 0).then_some(Voltage::V3)),
            9 => contacts.set_line(&LineSettings { character_etu: random as u16, ..T0 }),
            10 => drop(contacts.receive()),
            _ => drop((contacts.sent(), contacts.is_present(), contacts.is_overloaded())),
        }
        times.push(contacts.time(wall));
        line.said();
    }
    assert!(times.is_sorted(), "time never runs backwards");
}
