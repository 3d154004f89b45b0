//! Lamps, buzzer and the switch of the case.

use embedded_hal::digital::{InputPin, OutputPin};
use reader_protocol::escape::{Beeps, Lamp, LampMode};

use crate::services::SlotEvent;
use crate::time::{Duration, Instant, divide};

const BLINK: Duration = Duration::from_millis(500);
const BLINK_FAST: Duration = Duration::from_millis(100);
/// A switch that has been open is closed when it has been so for this long.
const CLOSED_AFTER: Duration = Duration::from_millis(100);
/// The switch is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lamps, buzzer and switch of a board.
pub trait PanelPins {
    /// Switches a lamp.
    fn set_lamp(&mut self, lamp: Lamp, is_on: bool);

    /// Switches the buzzer.
    fn set_buzzer(&mut self, is_on: bool);

    /// Whether the case is open. A switch that cannot be read is open.
    fn is_case_open(&mut self) -> bool;
}

/// A panel of pins, all of them active when high; the switch is high while the case is open, so a cut wire with
/// a pull-up is an opening too.
pub struct Pins<R, B, F, Z, S> {
    /// Green lamp.
    pub ready: R,
    /// Yellow lamp.
    pub busy: B,
    /// Red lamp.
    pub fault: F,
    /// Buzzer with its own tone.
    pub buzzer: Z,
    /// Switch of the case.
    pub switch: S,
}

impl<R: OutputPin, B: OutputPin, F: OutputPin, Z: OutputPin, S: InputPin> PanelPins for Pins<R, B, F, Z, S> {
    fn set_lamp(&mut self, lamp: Lamp, is_on: bool) {
        // A lamp that fails cannot be told to anybody by a lamp.
        let _ = match lamp {
            Lamp::Ready => self.ready.set_state(is_on.into()).is_ok(),
            Lamp::Busy => self.busy.set_state(is_on.into()).is_ok(),
            Lamp::Fault => self.fault.set_state(is_on.into()).is_ok(),
        };
    }

    fn set_buzzer(&mut self, is_on: bool) {
        let _ = self.buzzer.set_state(is_on.into());
    }

    fn is_case_open(&mut self) -> bool {
        self.switch.is_high().unwrap_or(true)
    }
}

/// Lamps, buzzer and switch, by time.
pub struct Panel<P> {
    pins: P,
    modes: [LampMode; 3],
    shown: [Option<bool>; 3],
    beeps: Beeps,
    beeps_since: Instant,
    buzzer_shown: Option<bool>,
    /// One bit for each slot that works on a command.
    busy_slots: u8,
    is_open: bool,
    closed_since: Option<Instant>,
}

impl<P: PanelPins> Panel<P> {
    /// Ready is light, everything else dark.
    pub fn new(pins: P) -> Self {
        Self {
            pins,
            modes: [LampMode::On, LampMode::Off, LampMode::Off],
            shown: [None; 3],
            beeps: Beeps::NONE,
            beeps_since: Instant(0),
            buzzer_shown: None,
            busy_slots: 0,
            is_open: false,
            closed_since: None,
        }
    }

    /// What a lamp does from now on.
    pub fn set(&mut self, lamp: Lamp, mode: LampMode) {
        if let Some(place) = self.modes.get_mut(usize::from(lamp.byte())) {
            *place = mode;
        }
    }

    /// Begins to beep; what beeped before ends.
    pub fn beep(&mut self, beeps: Beeps, now: Instant) {
        self.beeps = beeps;
        self.beeps_since = now;
    }

    /// A slot has changed: the yellow lamp is light while any works, unless the host has other plans for it.
    pub fn slot_event(&mut self, slot: u8, event: SlotEvent) {
        let Some(bit) = 1u8.checked_shl(slot.into()) else { return };
        match event {
            SlotEvent::Busy => self.busy_slots |= bit,
            SlotEvent::Inserted
            | SlotEvent::Removed
            | SlotEvent::Activated
            | SlotEvent::Deactivated
            | SlotEvent::Ready
            | SlotEvent::Failed => self.busy_slots &= !bit,
        }
    }

    /// Whether the case is open, as of the last look. The first moment counts for open; closed is what has been
    /// closed for a tenth of a second.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Looks at the switch; says when it wants to be looked at again.
    pub fn look(&mut self, now: Instant) -> Instant {
        if self.pins.is_case_open() {
            self.is_open = true;
            self.closed_since = None;
        } else if self.is_open {
            let since = *self.closed_since.get_or_insert(now);
            self.is_open = now - since < CLOSED_AFTER;
        }
        now + LOOK_EVERY
    }

    /// Drives lamps and buzzer. While `is_latched` the lamps show only that: red, fast. Says when anything
    /// changes by itself.
    pub fn show(&mut self, is_latched: bool, now: Instant) -> Option<Instant> {
        let mut next = None;
        for (index, lamp) in Lamp::ALL.iter().enumerate() {
            let (is_on, change) = self.lamp(*lamp, is_latched, now);
            next = earlier(next, change);
            if let Some(shown) = self.shown.get_mut(index)
                && *shown != Some(is_on)
            {
                *shown = Some(is_on);
                self.pins.set_lamp(*lamp, is_on);
            }
        }
        let (is_on, change) = self.buzzer(now);
        if self.buzzer_shown != Some(is_on) {
            self.buzzer_shown = Some(is_on);
            self.pins.set_buzzer(is_on);
        }
        earlier(next, change)
    }

    /// Whether a lamp is light now, and when that changes.
    fn lamp(&self, lamp: Lamp, is_latched: bool, now: Instant) -> (bool, Option<Instant>) {
        let mode = match (is_latched, lamp) {
            (true, Lamp::Fault) => LampMode::BlinkFast,
            (true, _) => LampMode::Off,
            (false, lamp) => {
                let mode = self.modes.get(usize::from(lamp.byte())).copied().unwrap_or(LampMode::Off);
                let is_working = lamp == Lamp::Busy && self.busy_slots != 0;
                if is_working && mode == LampMode::Off { LampMode::On } else { mode }
            }
        };
        let period = match mode {
            LampMode::Off => return (false, None),
            LampMode::On => return (true, None),
            LampMode::Blink => BLINK,
            LampMode::BlinkFast => BLINK_FAST,
        };
        let turns = divide(now.0, period.0);
        (turns.is_multiple_of(2), Some(Instant(0) + period.times(turns.saturating_add(1))))
    }

    /// Whether the buzzer sounds now, and when that changes.
    fn buzzer(&self, now: Instant) -> (bool, Option<Instant>) {
        let on = Duration::from_millis(self.beeps.on_ms.into());
        let period_ms = u64::from(self.beeps.on_ms).saturating_add(self.beeps.off_ms.into());
        let period = Duration::from_millis(period_ms);
        let since = now - self.beeps_since;
        let beep = divide(since.0, period.0);
        if beep >= u64::from(self.beeps.count) {
            return (false, None);
        }
        let begin = self.beeps_since + period.times(beep);
        if now - begin < on { (true, Some(begin + on)) } else { (false, Some(begin + period)) }
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
