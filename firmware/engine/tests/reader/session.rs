//! Reader, interface device and a card with T=0, all the way: power, SELECT, READ BINARY.

use engine::{
    contacts::Voltage,
    personality::{GEM_PC_TWIN, GEMCORE_POS_PRO, SEC1210},
    time::Duration,
    trace::Event,
};

use crate::{
    bench::{AT_ONCE, Bench},
    card::{ATR, FILE, Manners},
};

const SOON: Duration = Duration::from_millis(2_000);

#[test]
fn a_card_is_activated_selected_read_and_put_to_rest() {
    for personality in [&SEC1210, &GEMCORE_POS_PRO, &GEM_PC_TWIN] {
        for slot in 0..personality.slots.min(2) {
            let mut bench = Bench::new(personality);
            let atr = bench.command(0x62, slot, [1, 0, 0], &[], SOON);
            assert_eq!(atr[7..], [&[0x00, 0x00, 0x00], ATR].concat());

            let parameters = bench.command(0x6C, slot, [0; 3], &[], AT_ONCE);
            assert_eq!(parameters[..1], [0x82]);
            assert_eq!(parameters[7..], [0x00, 0x00, 0x00, 0x11, 0x00, 0x00, 0x0A, 0x00]);
            let set = bench.command(0x61, slot, [0, 0, 0], &[0x11, 0x00, 0x00, 0x0A, 0x00], SOON);
            assert_eq!(set[7..], parameters[7..]);

            let select = [0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00];
            let answer = bench.command(0x6F, slot, [0; 3], &select, SOON);
            assert_eq!(answer[7..], [0x00, 0x00, 0x00, 0x90, 0x00]);

            let answer = bench.command(0x6F, slot, [0; 3], &[0x00, 0xB0, 0x00, 0x00, 0x10], SOON);
            assert_eq!(answer[7..], [&[0x00, 0x00, 0x00][..], FILE, &[0x90, 0x00]].concat());
            let answer = bench.command(0x6F, slot, [0; 3], &[0x00, 0xB0, 0x00, 0x00, 0x00], SOON);
            assert_eq!(answer.len(), 10 + 258);

            assert_eq!(bench.status(0x65, slot, [0; 3], &[]), (0x00, 0x00));
            assert_eq!(bench.status(0x63, slot, [0; 3], &[]), (0x01, 0x00));
            assert_eq!(bench.cards[usize::from(slot)].0.borrow().supply, None);
            let trace = bench.reader.trace();
            assert_eq!((trace.of(Event::Activated), trace.of(Event::Exchange)), (1, 3));
            assert_eq!(trace.of(Event::Command), trace.of(Event::Answer));
            assert_eq!(trace.of(Event::AnswerFailed), 0);
        }
    }
}

#[test]
fn an_active_card_is_reset_warm_and_cold_for_another_supply() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    for (power_select, supplies, resets) in [(1, 1, 2), (0, 1, 3), (2, 2, 4), (2, 2, 5)] {
        let answer = bench.command(0x62, 0, [power_select, 0, 0], &[], SOON);
        assert_eq!(answer[10..], *ATR);
        let card = bench.cards[0].0.borrow();
        assert_eq!((card.supplies.len(), card.resets), (supplies, resets));
    }
}

#[test]
fn the_supply_is_found_from_the_lowest_up() {
    for (only, tried) in [
        (Voltage::V1_8, &[Voltage::V1_8][..]),
        (Voltage::V3, &[Voltage::V1_8, Voltage::V3]),
        (Voltage::V5, &[Voltage::V1_8, Voltage::V3, Voltage::V5]),
    ] {
        let mut bench = Bench::new(&SEC1210);
        bench.cards[0].0.borrow_mut().manners = Manners::Only(only);
        let answer = bench.command(0x62, 0, [0, 0, 0], &[], SOON);
        assert_eq!(answer[10..], *ATR);
        assert_eq!(bench.cards[0].0.borrow().supplies, tried);
    }
    // The host's own choice is the only one tried.
    let mut bench = Bench::new(&SEC1210);
    bench.cards[0].0.borrow_mut().manners = Manners::Only(Voltage::V3);
    let answer = bench.command(0x62, 0, [1, 0, 0], &[], SOON);
    assert_eq!(answer[7..9], [0x41, 0xFE]);
    assert_eq!(bench.cards[0].0.borrow().supplies, [Voltage::V5]);
}

#[test]
fn both_slots_work_at_the_same_time() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    bench.power_on(1);
    bench.cards[0].0.borrow_mut().manners = Manners::Slow(4);
    bench.host.say(&crate::host::frame(&crate::host::message(0x6F, 0, 0x77, [0; 3], &[0, 0xB0, 0, 0, 1])));
    bench.run(Duration::from_millis(100));
    let answer = bench.command(0x6F, 1, [0; 3], &[0x00, 0xB0, 0x00, 0x03, 0x01], SOON);
    assert_eq!(answer[10..], [FILE[3], 0x90, 0x00]);
    let said = bench.say(&[], Duration::from_millis(3_000));
    let last = said.last().unwrap();
    assert_eq!(
        *last,
        crate::host::Said::Message(vec![0x80, 3, 0, 0, 0, 0, 0x77, 0, 0, 0, FILE[0], 0x90, 0x00])
    );
}
