//! Cards that go away or draw too much, at any moment.

use engine::{
    contacts::Voltage,
    iso7816::{CardError, Negotiation, Progress},
    time::Duration,
};

use crate::{
    line::{Bench, Step, answers, etu, hears, hex, says, unhex},
    reset::with_tck,
};

const ATR: &str = "3B 02 14 50";

/// What the card does so long after the last character.
type Fault = fn(Duration) -> Step;

fn faults() -> [(Fault, CardError, u8); 2] {
    [(Step::Leaves, CardError::Removed, 0xFE), (Step::Shorts, CardError::Overload, 0xFB)]
}

#[test]
fn during_the_answer_to_reset() {
    for (fault, error, code) in faults() {
        for after in 1..=5 {
            let mut script = answers(ATR);
            script.truncate(after);
            script.push(fault(etu(5)));
            let mut bench = Bench::new(Negotiation::Reader, script);
            bench.interface.power_on(Some(Voltage::V5));
            if after == 5 {
                assert_eq!(bench.run(), Ok(unhex(ATR)));
                bench.line.turn(bench.line.now + etu(6));
                assert_eq!(bench.poll(), Progress::Idle);
            } else {
                assert_eq!(bench.run(), Err(error));
            }
            assert_eq!(error.code(), code);
            bench.assert_off();
        }
    }
}

#[test]
fn during_every_character_of_an_exchange() {
    for (fault, error, _) in faults() {
        for atr in [ATR.to_owned(), with_tck("3B 80 81 31 FE 45")] {
            let is_t0 = atr == ATR;
            let request = if is_t0 { "00 D6 00 00 02 AA BB" } else { "00 00 02 AA BB 11" };
            let whole = if is_t0 {
                [vec![hears("00 D6 00 00 02")], says("D6"), vec![hears("AA BB")], says("90 00")].concat()
            } else {
                [vec![hears(request)], says("00 00 02 90 00 92")].concat()
            };
            for after in 0..whole.len() {
                let mut bench = Bench::active(Negotiation::Reader, &atr);
                let mut card = whole[..after].to_vec();
                card.push(fault(etu(3)));
                assert_eq!(bench.exchange(request, card), Err(error), "after {after} steps");
                bench.assert_off();
                assert_eq!(bench.interface.exchange(&unhex(request), 0), Err(CardError::Inactive));
            }
        }
    }
}

#[test]
fn during_selection() {
    for (fault, error, _) in faults() {
        for after in 0..3 {
            let mut bench = Bench::active(Negotiation::Reader, "3B 10 95");
            let mut card = vec![hears("FF 10 95 7A")];
            card.extend(says(&hex(&unhex("FF 10 95 7A")[..after])));
            card.push(fault(etu(3)));
            assert_eq!(bench.set_parameters(0, "9500000A00", card), Err(error));
            bench.assert_off();
        }
    }
}

#[test]
fn before_activation_is_over() {
    for polls in 0..6 {
        let mut bench = Bench::new(Negotiation::Reader, answers(ATR));
        bench.interface.power_on(Some(Voltage::V5));
        for _ in 0..polls {
            if let Progress::Busy { until } = bench.poll() {
                bench.line.turn(until);
            }
        }
        bench.line.is_present = false;
        assert_eq!(bench.run(), Err(CardError::Removed));
        assert!(bench.line.is_off());
        assert_eq!(bench.poll(), Progress::Idle);
    }
}

#[test]
fn while_nothing_is_under_way() {
    for is_pulled in [false, true] {
        let mut bench = Bench::active(Negotiation::Reader, ATR);
        assert_eq!(bench.poll(), Progress::Idle);
        assert!(bench.interface.is_active());
        if is_pulled {
            bench.line.is_present = false;
        } else {
            bench.line.is_overloaded = true;
        }
        assert_eq!(bench.poll(), Progress::Idle);
        bench.assert_off();
        // Back again: a new card, a new session.
        bench.line.is_present = true;
        bench.line.is_overloaded = false;
        bench.line.then(answers(ATR));
        bench.interface.power_on(Some(Voltage::V5));
        assert_eq!(bench.run(), Ok(unhex(ATR)));
    }
}

#[test]
fn nothing_is_left_of_what_was_sent() {
    let mut bench = Bench::active(Negotiation::Reader, ATR);
    let card = [vec![hears("00 20 00 80 03")], says("20"), vec![hears("12 34 56")], says("90 00")].concat();
    assert_eq!(bench.exchange("00 20 00 80 03 12 34 56", card), Ok(unhex("9000")));
    // The interface shows only its answer, whatever happens next.
    let card =
        [vec![hears("00 20 00 80 03")], says("20"), vec![hears("12 34 56"), Step::Leaves(etu(1))]].concat();
    assert_eq!(bench.exchange("00 20 00 80 03 12 34 56", card), Err(CardError::Removed));
    assert_eq!(bench.interface.answer(), []);
}
