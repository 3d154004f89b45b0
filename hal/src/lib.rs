//! Devices of a terminal as traits, one file per kind of device, with their drivers and decorators.
//!
//! A flow of the terminal sees only these traits; which reader, printer or pin stands behind them is
//! decided once, at start.
//!
//! | device | trait | drivers |
//! |---|---|---|
//! | card slot | [`slot::CardSlot`] | [`pcsc::PcscSlot`], [`slot::replay::ReplaySlot`] |
//! | PIN pad | [`pin_pad::PinPad`] | [`pin_pad::scripted::ScriptedPinPad`] |
//! | receipt printer | [`printer::ReceiptPrinter`] | [`printer::escpos::EscPosPrinter`], [`printer::text::TextPrinter`], [`printer::memory::MemoryPrinter`] |
//! | lamps, buzzer, tamper switch | [`indicator::Indicator`] | [`indicator::pins::PinIndicator`] on lines of the machine ([`indicator::lines`], on a Raspberry Pi by `indicator::rpi`), [`indicator::board::BoardIndicator`]; [`indicator::panel::Panel`] is all of them as one |
//! | fingerprint sensor | [`fingerprint::FingerprintSensor`] | [`fingerprint::sensor::ModuleSensor`] over [`fingerprint::serial::SerialModule`] or [`fingerprint::board::BoardModule`] |
//! | voice | [`speaker::Speaker`] | [`speaker::clips::Clips`], [`speaker::espeak::Espeak`], [`speaker::silent::Silent`] |
//! | clock | [`clock::Clock`] | [`clock::SystemClock`] |

//!
//! Lamps, tamper switch and fingerprint module may hang on a reader board of ours, see [`board`].

pub mod board;
pub mod clock;
pub mod fingerprint;
pub mod indicator;
pub mod pcsc;
pub mod pin_pad;
pub mod printer;
pub mod slot;
pub mod speaker;
