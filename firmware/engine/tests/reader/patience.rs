//! Cards that take their time, or are taken away: the host is always answered, and in time.

use engine::{
    contacts::Contacts,
    personality::{GEM_PC_TWIN, SEC1210},
    slot::{EXCHANGE_MAX, EXTENSION},
    time::{Duration, Instant},
    trace::Event,
};

use crate::{
    bench::{AT_ONCE, Bench},
    card::{FILE, Manners},
    host::{Said, frame, message},
};

const READ: [u8; 5] = [0x00, 0xB0, 0x00, 0x00, 0x04];
/// What the driver waits for an answer or a wish for more time, T=1 at the clock of the default reader.
const DRIVER_WAITS: Duration = Duration::from_millis(3_300);

fn reading(sequence: u8) -> Vec<u8> {
    frame(&message(0x6F, 0, sequence, [0; 3], &READ))
}

fn extension(sequence: u8) -> Said {
    Said::Message(vec![0x80, 0, 0, 0, 0, 0, sequence, 0x80, 1, 0])
}

fn slow(personality: &'static engine::personality::Personality, halves: u32) -> Bench {
    let mut bench = Bench::new(personality);
    bench.power_on(0);
    bench.cards[0].0.borrow_mut().manners = Manners::Slow(halves);
    bench
}

#[test]
fn the_host_is_asked_for_time_by_messages() {
    let mut bench = slow(&SEC1210, 20);
    let start = bench.now;
    bench.host.say(&reading(9));
    let mut last = start;
    let mut extensions = 0;
    let answer = loop {
        assert!(bench.run_until(DRIVER_WAITS, |bench| !bench.host.from_reader.borrow().is_empty()));
        assert!((bench.now - last).0 <= EXTENSION.0 + 60_000_000, "the driver must not wait long");
        last = bench.now;
        match crate::host::said(&bench.host.heard())[..] {
            [ref said] if *said == extension(9) => extensions += 1,
            [ref said] => break said.clone(),
            ref other => panic!("{other:02X?}"),
        }
    };
    assert!((9..=11).contains(&extensions), "{extensions} in {:?}", bench.now - start);
    let data = [&FILE[..4], &[0x90, 0x00]].concat();
    assert_eq!(answer, Said::Message(message(0x80, 0, 9, [0, 0, 0], &data)));
    assert_eq!(bench.say(&[], Duration::from_millis(5_000)), []);
    assert_eq!(bench.reader.trace().of(Event::CardExtension), 20);
}

#[test]
fn the_host_of_a_reader_with_echo_is_asked_by_single_bytes() {
    let mut bench = slow(&GEM_PC_TWIN, 7);
    let said = bench.say(&reading(9), Duration::from_millis(6_000));
    let Some((Said::Message(echo), rest)) = said.split_first() else { panic!("{said:02X?}") };
    assert_eq!(*echo, message(0x6F, 0, 9, [0; 3], &READ));
    let Some((answer, requests)) = rest.split_last() else { panic!("{said:02X?}") };
    assert!(answer.is_final());
    assert_eq!(requests, [const { Said::TimeRequest }; 3]);
}

#[test]
fn a_card_that_never_comes_to_an_end_is_given_up() {
    let mut bench = slow(&SEC1210, 10_000);
    let start = bench.now;
    bench.host.say(&reading(1));
    bench.run(EXCHANGE_MAX);
    let said = bench.say(&[], Duration::from_millis(100));
    assert_eq!(*said.last().unwrap(), Said::Message(vec![0x80, 0, 0, 0, 0, 0, 1, 0x41, 0xFE, 0]));
    assert!(said[..said.len() - 1].iter().all(|said| *said == extension(1)));
    assert_eq!((bench.now - start).0, EXCHANGE_MAX.0 + 100_000_000);
    assert_eq!(bench.cards[0].0.borrow().supply, None);
    assert_eq!(bench.reader.trace().of(Event::CardStalled), 1);
}

#[test]
fn a_mute_card_is_answered_for() {
    let mut bench = Bench::new(&SEC1210);
    bench.cards[0].0.borrow_mut().manners = Manners::Mute;
    for power_select in 0..=3 {
        let answer = bench.command(0x62, 0, [power_select, 0, 0], &[], Duration::from_millis(2_900));
        assert_eq!(answer[7..9], [0x41, 0xFE]);
    }
    bench.cards[0].0.borrow_mut().manners = Manners::MuteLater;
    bench.power_on(0);
    // WI is 10: 960 · 10 units of 77.5 µs.
    let start = bench.now;
    let all = bench.all_of(0x6F, 0, [0; 3], &READ, Duration::from_millis(2_000));
    let Some(Said::Message(answer)) = all.last() else { panic!() };
    assert_eq!(answer[8], 0xFE);
    assert!((bench.now - start).0 >= 744_000_000);
}

#[test]
fn a_card_that_talks_nonsense_is_answered_for() {
    for start in 0..=255 {
        let mut bench = Bench::new(&SEC1210);
        bench.power_on(0);
        bench.cards[0].0.borrow_mut().manners = Manners::Nonsense(start);
        let limit = Duration::from_millis(10_000);
        let first = bench.command(0x6F, 0, [0; 3], &READ, limit);
        bench.cards[0].0.borrow_mut().manners = Manners::Good;
        let again = bench.command(0x62, 0, [0; 3], &[], limit);
        assert_eq!(again[7..9], [0, 0], "{start}: {first:02X?}");
    }
}

#[test]
fn a_card_that_is_pulled_in_mid_exchange_is_answered_for_at_once() {
    for after_ms in [0, 1, 3, 7, 20, 400, 1_200] {
        let mut bench = slow(&SEC1210, 10);
        bench.host.say(&reading(3));
        bench.run(Duration::from_millis(after_ms));
        bench.cards[0].0.borrow_mut().is_present = false;
        let said = bench.say(&[], Duration::from_millis(55));
        let answer = Said::Message(vec![0x80, 0, 0, 0, 0, 0, 3, 0x42, 0xFE, 0]);
        let rest: Vec<&Said> = said.iter().filter(|said| **said != extension(3)).collect();
        assert!(
            rest == [&answer, &Said::Notice(0x02)] || rest == [&Said::Notice(0x02), &answer],
            "{after_ms} ms: {said:02X?}"
        );
        assert_eq!(bench.cards[0].0.borrow().supply, None);
        assert_eq!(bench.status(0x65, 0, [0; 3], &[]), (0x02, 0x00));
        // It comes back and works, after the contacts have settled.
        bench.cards[0].0.borrow_mut().is_present = true;
        bench.cards[0].0.borrow_mut().manners = Manners::Good;
        assert_eq!(bench.say(&[], Duration::from_millis(100)), [Said::Notice(0x03)]);
        bench.power_on(0);
    }
}

#[test]
fn a_short_circuit_takes_the_power() {
    let mut bench = slow(&SEC1210, 10);
    bench.host.say(&reading(3));
    bench.run(Duration::from_millis(5));
    bench.cards[0].0.borrow_mut().is_overloaded = true;
    let said = bench.say(&[], Duration::from_millis(60));
    assert_eq!(said, [Said::Message(vec![0x80, 0, 0, 0, 0, 0, 3, 0x41, 0xFB, 0])]);
    assert_eq!(bench.cards[0].0.borrow().supply, None);
    let answer = bench.command(0x62, 0, [1, 0, 0], &[], Duration::from_millis(500));
    assert_eq!(answer[7..9], [0x41, 0xFB]);
    assert!(bench.reader.trace().of(Event::CardOverload) >= 2);
}

#[test]
fn a_slot_at_work_says_so_and_forgets_nothing() {
    let mut bench = slow(&SEC1210, 3);
    bench.host.say(&reading(1));
    bench.run(Duration::from_millis(50));
    for (command, data) in
        [(0x62, &[][..]), (0x63, &[]), (0x6F, &READ), (0x6C, &[]), (0x6D, &[]), (0x6E, &[])]
    {
        assert_eq!(bench.status(command, 0, [0; 3], data), (0x40, 0xE0), "{command:02X}");
    }
    // State and escapes do not wait for cards.
    assert_eq!(bench.status(0x65, 0, [0; 3], &[]), (0x00, 0x00));
    assert_eq!(bench.status(0x6B, 0, [0; 3], &[0x06]), (0x00, 0x00));
    // The other slot is another matter.
    assert_eq!(bench.status(0x65, 1, [0; 3], &[]), (0x01, 0x00));
    let said = bench.say(&[], Duration::from_millis(3_000));
    assert!(
        matches!(said.last(), Some(Said::Message(answer)) if answer[6] == 1 && answer[10..14] == FILE[..4])
    );
    assert_eq!(bench.reader.trace().of(Event::SlotBusy), 6);
}

#[test]
fn a_command_is_taken_back() {
    let mut bench = slow(&SEC1210, 100);
    bench.host.say(&reading(1));
    bench.run(Duration::from_millis(50));
    let said = bench.say(&frame(&message(0x72, 0, 2, [0; 3], &[])), AT_ONCE);
    // First the command that was taken back, then the command that did it.
    assert_eq!(
        said,
        [
            Said::Message(vec![0x80, 0, 0, 0, 0, 0, 1, 0x41, 0xFF, 0]),
            Said::Message(vec![0x81, 0, 0, 0, 0, 0, 2, 0x01, 0x00, 1]),
        ]
    );
    assert_eq!(bench.say(&[], Duration::from_millis(5_000)), []);
    bench.cards[0].0.borrow_mut().manners = Manners::Good;
    bench.power_on(0);
    // Nothing to take back.
    assert_eq!(bench.status(0x72, 0, [0; 3], &[]), (0x00, 0x00));
    assert_eq!(bench.reader.trace().of(Event::Aborted), 1);
}

#[test]
fn a_bouncing_card_comes_once_and_goes_at_once() {
    let mut bench = Bench::new(&SEC1210);
    bench.cards[0].0.borrow_mut().is_present = false;
    assert_eq!(bench.status(0x65, 0, [0; 3], &[]), (0x02, 0x00));
    bench.say(&[], AT_ONCE);
    for is_present in [true, false, true, false, true] {
        bench.cards[0].0.borrow_mut().is_present = is_present;
        bench.step();
        bench.now = Instant(bench.now.0 + 2_000_000);
    }
    assert_eq!(bench.status(0x65, 0, [0; 3], &[]), (0x02, 0x00));
    assert_eq!(bench.say(&[], Duration::from_millis(100)), [Said::Notice(0x03)]);
    assert_eq!(bench.reader.trace().of(Event::Inserted), 3);
}

#[test]
fn a_host_that_does_not_listen_does_not_keep_a_pulled_card_powered() {
    let mut bench = slow(&SEC1210, 4);
    bench.host.room.set(Some(0));
    bench.host.say(&reading(1));
    bench.run(Duration::from_millis(3_000));
    bench.cards[0].0.borrow_mut().is_present = false;
    bench.run(Duration::from_millis(60));
    assert_eq!(bench.cards[0].0.borrow().supply, None);
    assert!(!bench.cards[0].is_present());
    bench.host.room.set(None);
    let said = bench.say(&[], Duration::from_millis(100));
    assert_eq!(said.iter().filter(|said| said.is_final()).count(), 1);
}
