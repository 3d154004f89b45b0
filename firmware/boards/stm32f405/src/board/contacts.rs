//! A card's contacts: load switches, pins, and a USART that knows smart cards.

use engine::{
    contacts::{Character, Contacts, LineSettings, Parity, Sent, Voltage},
    time::{Duration, Instant},
};
use physical::wiring;
use stm32f405::{
    card::{CLOCK_HERTZ, CardParity, CardUart},
    clock,
    pins::{Input, Output, Pull},
};

/// A card is there when its switch has said so for this long: it bounces while the card slides in. That a card has
/// gone is believed at once.
const STEADY: Duration = Duration::from_millis(30);

/// One card's contacts.
pub(super) struct CardContacts {
    uart: CardUart,
    reset: Output,
    supplies: [Output; 3],
    has_supply: bool,
    overload: Input,
    present: Input,
    present_since: Option<Instant>,
    has_error_signal: bool,
}

impl CardContacts {
    /// Contacts without power.
    pub(super) fn new(uart: CardUart, wires: &wiring::Contacts) -> Self {
        Self {
            uart,
            reset: Output::new(wires.rst),
            supplies: [wires.supply_5v, wires.supply_3v, wires.supply_1v8].map(Output::new),
            has_supply: false,
            overload: Input::new(wires.overload, Pull::Up),
            present: Input::new(wires.present, Pull::Up),
            present_since: None,
            has_error_signal: false,
        }
    }
}

impl Contacts for CardContacts {
    fn clock_hertz(&self) -> u32 {
        CLOCK_HERTZ
    }

    fn is_present(&mut self) -> bool {
        if !self.present.is_set() {
            self.present_since = None;
            return false;
        }
        let now = Instant(clock::now_ns());
        let since = *self.present_since.get_or_insert(now);
        now - since >= STEADY
    }

    fn is_overloaded(&mut self) -> bool {
        self.has_supply && !self.overload.is_set()
    }

    fn time(&mut self, now: Instant) -> Instant {
        now
    }

    fn set_supply(&mut self, supply: Option<Voltage>) {
        // Never two at once.
        for switch in &mut self.supplies {
            switch.set(false);
        }
        let [v5, v3, v1_8] = &mut self.supplies;
        self.has_supply = supply.is_some();
        match supply {
            Some(Voltage::V5) => v5.set(true),
            Some(Voltage::V3) => v3.set(true),
            Some(Voltage::V1_8) => v1_8.set(true),
            None => self.uart.stop(),
        }
    }

    fn set_reset(&mut self, is_high: bool) {
        self.reset.set(is_high);
    }

    fn set_clock(&mut self, runs: bool) {
        self.uart.set_clock(runs);
    }

    fn set_line(&mut self, settings: &LineSettings) {
        self.has_error_signal = settings.error_signal;
        let parity = match settings.parity {
            Parity::Even => CardParity::Even,
            Parity::Odd => CardParity::Odd,
        };
        // The engine itself keeps the guard time.
        self.uart.configure(settings.cycles_per_etu, parity, settings.error_signal);
    }

    fn send(&mut self, byte: u8) {
        self.uart.send(byte);
    }

    fn sent(&mut self) -> Option<Sent> {
        let over = self.uart.sent()?;
        Some(Sent { is_refused: over.is_refused && self.has_error_signal, at: Instant(over.at_ns) })
    }

    fn receive(&mut self) -> Option<Character> {
        let received = self.uart.received()?;
        Some(Character { byte: received.byte, is_broken: received.is_broken, at: Instant(received.at_ns) })
    }

    fn expect(&mut self, _: Option<Instant>) {}
}
