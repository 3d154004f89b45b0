//! Lamps, buzzer and switch by time.

use std::{cell::Cell, rc::Rc};

use embedded_hal::digital::{ErrorKind, ErrorType, InputPin, OutputPin};
use engine::panel::{Panel, PanelPins, Pins};
use engine::services::{Services, SlotEvent};
use engine::time::{Duration, Instant};
use reader_protocol::escape::{Beeps, Lamp, LampMode, Request};

use crate::bench::Bench;
use crate::hardware::FakePanel;

/// For how many of `millis` milliseconds it is on, and how often it goes on.
fn watch(bench: &mut Bench, millis: u64, is_on: impl Fn(&FakePanel) -> bool) -> (u64, u32) {
    let (mut lit_ms, mut edges, mut before) = (0, 0, is_on(&bench.panel));
    for _ in 0..millis {
        bench.run_millis(1);
        let now = is_on(&bench.panel);
        lit_ms += u64::from(now);
        edges += u32::from(now && !before);
        before = now;
    }
    (lit_ms, edges)
}

#[test]
fn lamps() {
    let mut bench = Bench::new();
    assert_eq!(bench.panel.lamps.get(), [true, false, false]);
    for (index, lamp) in Lamp::ALL.iter().enumerate() {
        for (mode, lit_ms, edges) in [
            (LampMode::On, 2_000..=2_000, 0..=1),
            (LampMode::Blink, 990..=1_010, 2..=2),
            (LampMode::BlinkFast, 990..=1_010, 10..=10),
            (LampMode::Off, 0..=0, 0..=0),
        ] {
            bench.order(&Request::Lamp { lamp: *lamp, mode });
            // To a whole period of both, and past what the order has done.
            let rest_ms = 1_000 - bench.clock.nanos() / 1_000_000 % 1_000;
            bench.run_millis(rest_ms);
            let seen = watch(&mut bench, 2_000, |panel| panel.lamps.get()[index]);
            assert!(lit_ms.contains(&seen.0) && edges.contains(&seen.1), "{lamp:?} {mode:?}: {seen:?}");
        }
    }
}

#[test]
fn beeps() {
    let mut bench = Bench::new();
    for (beeps, on_ms, edges) in [
        (Beeps { count: 3, on_ms: 100, off_ms: 50 }, 300, 3),
        (Beeps { count: 1, on_ms: 3_000, off_ms: 0 }, 1_000, 1),
        (Beeps::NONE, 0, 0),
        (Beeps { count: 10, on_ms: 10, off_ms: 0 }, 100, 1),
    ] {
        bench.order(&Request::Buzzer(beeps));
        let seen = watch(&mut bench, 1_000, |panel| panel.buzzer.get());
        // The first and last millisecond may be seen or not.
        assert!(seen.0.abs_diff(on_ms) <= 1 && seen.1 == edges, "{beeps:?}: {seen:?}");
    }
}

/// The yellow lamp is light while any slot works, unless the host has said what it does.
#[test]
fn working_slots() {
    let mut bench = Bench::new();
    let mut event = |slot, event| {
        let now = Instant(bench.clock.nanos());
        bench.desk.slot_event(slot, event, now);
        bench.run_millis(25);
        bench.panel.lamps.get()[1]
    };
    assert!(event(0, SlotEvent::Busy));
    assert!(event(1, SlotEvent::Busy));
    assert!(event(0, SlotEvent::Ready));
    assert!(!event(1, SlotEvent::Removed));
    assert!(!event(200, SlotEvent::Busy), "no such slot");
    bench.order(&Request::Lamp { lamp: Lamp::Busy, mode: LampMode::Blink });
    let now = Instant(bench.clock.nanos());
    bench.desk.slot_event(0, SlotEvent::Busy, now);
    let (lit_ms, _) = watch(&mut bench, 2_000, |panel| panel.lamps.get()[1]);
    assert!((990..=1_010).contains(&lit_ms), "{lit_ms}");
}

/// Nothing is switched that is as it should be, and the desk sleeps between its looks at the switch.
#[test]
fn it_is_quiet() {
    let mut bench = Bench::new();
    bench.run_millis(1_000);
    let switched = bench.panel.switched.get();
    let mut polls = 0;
    let limit = bench.clock.nanos() + 10_000_000_000;
    while bench.clock.nanos() < limit {
        bench.step(limit);
        polls += 1;
    }
    assert_eq!(bench.panel.switched.get(), switched);
    assert!(polls <= 10_000 / 20 + 20, "{polls}");
}

/// Pins that fail: an unreadable switch is an open case.
#[derive(Clone, Default)]
struct Pin {
    is_high: Rc<Cell<bool>>,
    fails: bool,
}

impl ErrorType for Pin {
    type Error = ErrorKind;
}

impl Pin {
    fn check(&self) -> Result<(), ErrorKind> {
        if self.fails { Err(ErrorKind::Other) } else { Ok(()) }
    }
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), ErrorKind> {
        self.check()?;
        self.is_high.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), ErrorKind> {
        self.check()?;
        self.is_high.set(true);
        Ok(())
    }
}

impl InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, ErrorKind> {
        self.check()?;
        Ok(self.is_high.get())
    }

    fn is_low(&mut self) -> Result<bool, ErrorKind> {
        self.is_high().map(|is_high| !is_high)
    }
}

#[test]
fn pins() {
    let [ready, busy, fault, buzzer, switch] = std::array::from_fn(|_| Pin::default());
    let mut pins = Pins {
        ready: ready.clone(),
        busy: busy.clone(),
        fault: fault.clone(),
        buzzer: buzzer.clone(),
        switch: switch.clone(),
    };
    for (lamp, pin) in [(Lamp::Ready, &ready), (Lamp::Busy, &busy), (Lamp::Fault, &fault)] {
        pins.set_lamp(lamp, true);
        assert!(pin.is_high.get());
        pins.set_lamp(lamp, false);
        assert!(!pin.is_high.get());
    }
    pins.set_buzzer(true);
    assert!(buzzer.is_high.get());
    assert!(!pins.is_case_open());
    switch.is_high.set(true);
    assert!(pins.is_case_open());
    switch.is_high.set(false);
    pins.switch.fails = true;
    pins.ready.fails = true;
    pins.set_lamp(Lamp::Ready, true);
    assert!(pins.is_case_open(), "a switch that cannot be read");
    let mut panel = Panel::new(pins);
    panel.look(Instant(0));
    assert!(panel.is_open());
}

/// Open at the first look, closed after a tenth of a second.
#[test]
fn the_switch() {
    let pins = FakePanel::default();
    let mut panel = Panel::new(pins.clone());
    let at = |millis| Instant(0) + Duration::from_millis(millis);
    panel.look(at(0));
    assert!(!panel.is_open());
    pins.is_open.set(true);
    panel.look(at(20));
    assert!(panel.is_open());
    pins.is_open.set(false);
    panel.look(at(40));
    panel.look(at(139));
    assert!(panel.is_open());
    panel.look(at(140));
    assert!(!panel.is_open());
}
