//! Which pin is what. The same table, with the parts between pin and card, is in `docs/reader-board.md`.

use stm32f405::pins::{
    Pin,
    Port::{A, B, C},
};

/// One card's contacts.
#[derive(Clone, Copy, Debug)]
pub struct Contacts {
    /// I/O, by the USART's transmitter, open drain.
    pub io: Pin,
    /// CLK, by the USART.
    pub clk: Pin,
    /// RST.
    pub rst: Pin,
    /// Load switch of 5 V, high is on.
    pub supply_5v: Pin,
    /// Load switch of 3 V, high is on.
    pub supply_3v: Pin,
    /// Load switch of 1.8 V, high is on.
    pub supply_1v8: Pin,
    /// Low when a load switch limits the current.
    pub overload: Pin,
    /// Switch of the connector, to ground as long as there is no card.
    pub present: Pin,
}

/// The card's slot: USART2.
pub const CARD: Contacts = Contacts {
    io: Pin::new(A, 2),
    clk: Pin::new(A, 4),
    rst: Pin::new(C, 3),
    supply_5v: Pin::new(C, 0),
    supply_3v: Pin::new(C, 1),
    supply_1v8: Pin::new(C, 2),
    overload: Pin::new(A, 6),
    present: Pin::new(A, 5),
};

/// The SAM's slot: USART3.
pub const SAM: Contacts = Contacts {
    io: Pin::new(B, 10),
    clk: Pin::new(B, 12),
    rst: Pin::new(B, 1),
    supply_5v: Pin::new(C, 8),
    supply_3v: Pin::new(C, 9),
    supply_1v8: Pin::new(B, 0),
    overload: Pin::new(B, 14),
    present: Pin::new(B, 13),
};

/// To the host: USART1.
pub const HOST_TRANSMIT: Pin = Pin::new(B, 6);
/// From the host.
pub const HOST_RECEIVE: Pin = Pin::new(B, 7);
/// To the fingerprint module: USART6.
pub const SENSOR_TRANSMIT: Pin = Pin::new(C, 6);
/// From the fingerprint module.
pub const SENSOR_RECEIVE: Pin = Pin::new(C, 7);
/// D- of USB.
pub const USB_MINUS: Pin = Pin::new(A, 11);
/// D+ of USB.
pub const USB_PLUS: Pin = Pin::new(A, 12);
/// Lamp "ready", high is on.
pub const LAMP_READY: Pin = Pin::new(B, 8);
/// Lamp "busy", high is on.
pub const LAMP_BUSY: Pin = Pin::new(B, 9);
/// Lamp "fault", high is on; the boot stage blinks with it.
pub const LAMP_FAULT: Pin = Pin::new(B, 5);
/// Buzzer with an oscillator of its own, high is on.
pub const BUZZER: Pin = Pin::new(A, 8);
/// Switch of the case, to ground as long as the case is closed. The chip knows no other pin for it.
pub const CASE: Pin = Pin::new(C, 13);

/// Pins that are not ours to use: the debugger's, the choice of what is started, the crystal of the clock, and what an
/// Olimex STM32-H405 has on PA0 (button), PC4 and PC11 (USB) and PC12 (lamp).
pub const RESERVED: [Pin; 9] = [
    Pin::new(A, 13),
    Pin::new(A, 14),
    Pin::new(B, 2),
    Pin::new(C, 14),
    Pin::new(C, 15),
    Pin::new(A, 0),
    Pin::new(C, 4),
    Pin::new(C, 11),
    Pin::new(C, 12),
];

/// Every pin with its name in the documentation.
pub fn all() -> impl Iterator<Item = (&'static str, Pin)> {
    let slot = |contacts: Contacts, names: [&'static str; 8]| {
        let pins = [
            contacts.io,
            contacts.clk,
            contacts.rst,
            contacts.supply_5v,
            contacts.supply_3v,
            contacts.supply_1v8,
            contacts.overload,
            contacts.present,
        ];
        names.into_iter().zip(pins)
    };
    let card = [
        "card I/O",
        "card CLK",
        "card RST",
        "card 5 V",
        "card 3 V",
        "card 1.8 V",
        "card overload",
        "card present",
    ];
    let sam =
        ["SAM I/O", "SAM CLK", "SAM RST", "SAM 5 V", "SAM 3 V", "SAM 1.8 V", "SAM overload", "SAM present"];
    let others = [
        ("host TX", HOST_TRANSMIT),
        ("host RX", HOST_RECEIVE),
        ("fingerprint TX", SENSOR_TRANSMIT),
        ("fingerprint RX", SENSOR_RECEIVE),
        ("USB D-", USB_MINUS),
        ("USB D+", USB_PLUS),
        ("lamp ready", LAMP_READY),
        ("lamp busy", LAMP_BUSY),
        ("lamp fault", LAMP_FAULT),
        ("buzzer", BUZZER),
        ("case switch", CASE),
    ];
    slot(CARD, card).chain(slot(SAM, sam)).chain(others)
}
