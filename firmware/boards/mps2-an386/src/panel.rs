//! Lamps, buzzer, switch, battery-backed registers and chance at the end of a UART.
//!
//! All five share one line, see [`reader_protocol::emulated_panel`]: each handle borrows the [`Panel`] for the
//! length of one call, and no call makes another.

use core::cell::RefCell;
use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use embedded_io::{Read, ReadReady, Write};
use engine::trace::{EVENTS, Trace};
use engine::vault::{Chance, ChanceError, Vault, VaultError};
use reader_protocol::emulated_panel::{self as tag, CHANCE_BYTES, Parser};
use reader_protocol::escape::Lamp;
use reader_protocol::vault::VAULT_BYTES;
use zeroize::Zeroize;

/// The board's end of the line.
pub struct Panel<L> {
    line: L,
    parser: Parser,
    /// `None` until the switch has been told.
    is_open: Option<bool>,
    vault: [u8; VAULT_BYTES],
    is_vault_known: bool,
    chance: [u8; CHANCE_BYTES],
    /// Bytes of `chance` that nobody has had yet; they are taken from its end.
    chance_bytes: u8,
    is_chance_wanted: bool,
    /// What the panel was told of every counter, as far as a byte goes.
    told: [u8; EVENTS],
}

impl<L: Read + ReadReady + Write> Panel<L> {
    /// A panel of which nothing is known; it is asked for everything.
    pub fn new(line: L) -> Self {
        let mut panel = Self {
            line,
            parser: Parser::new(),
            is_open: None,
            vault: [0; VAULT_BYTES],
            is_vault_known: false,
            chance: [0; CHANCE_BYTES],
            chance_bytes: 0,
            is_chance_wanted: true,
            told: [0; EVENTS],
        };
        panel.say(&[tag::HELLO]);
        panel
    }

    /// Tells the panel which counters have changed: the sum of all `traces`.
    pub fn tell(&mut self, traces: [&Trace; 2]) {
        let [first, second] = traces.map(Trace::counts);
        for event in 0..EVENTS {
            let count = |counts: &[u32; EVENTS]| counts.get(event).copied().unwrap_or(0);
            let sum = count(first).saturating_add(count(second));
            let [low, b, c, d] = sum.to_le_bytes();
            if let Some(told) = self.told.get_mut(event).filter(|told| **told != low) {
                *told = low;
                self.say(&[tag::COUNTED, event as u8, low, b, c, d]);
            }
        }
    }

    /// Tells how many bytes of the stack have ever been in use, and how many there are.
    pub fn tell_stack(&mut self, used: u16, total: u16) {
        let ([a, b], [c, d]) = (used.to_le_bytes(), total.to_le_bytes());
        self.say(&[tag::STACK, a, b, c, d]);
    }

    fn say(&mut self, bytes: &[u8]) {
        let _ = self.line.write_all(bytes);
    }

    /// Takes in what has come.
    fn take_in(&mut self) {
        while self.line.read_ready().unwrap_or(false) {
            let mut byte = [0];
            if !matches!(self.line.read(&mut byte), Ok(1)) {
                break;
            }
            let Some(message) = self.parser.push(byte[0]) else { continue };
            match (message.tag, message.body) {
                (tag::SWITCH, [is_open]) => self.is_open = Some(*is_open != 0),
                (tag::VAULT, body) => {
                    if let Ok(body) = <&[u8; VAULT_BYTES]>::try_from(body) {
                        self.vault = *body;
                        self.is_vault_known = true;
                    }
                }
                (tag::CHANCE, body) => {
                    if let Ok(body) = <&[u8; CHANCE_BYTES]>::try_from(body) {
                        self.chance = *body;
                        self.chance_bytes = CHANCE_BYTES as u8;
                        self.is_chance_wanted = false;
                    }
                }
                // The board's own tags are no answers.
                _ => {}
            }
            self.parser.wipe();
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ChanceError> {
        self.take_in();
        let left = usize::from(self.chance_bytes);
        let result = match left.checked_sub(bytes.len()).map(|rest| (rest, self.chance.get_mut(rest..left))) {
            Some((rest, Some(chance))) => {
                bytes.copy_from_slice(chance);
                chance.zeroize();
                self.chance_bytes = rest as u8;
                Ok(())
            }
            // More than one message brings is never there.
            _ if bytes.len() > CHANCE_BYTES => Err(ChanceError::Failed),
            _ => Err(ChanceError::NotReady),
        };
        if !self.is_chance_wanted && usize::from(self.chance_bytes) < CHANCE_BYTES {
            self.is_chance_wanted = true;
            self.say(&[tag::CHANCE_WANTED]);
        }
        result
    }
}

/// What an output drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A lamp.
    Lamp(Lamp),
    /// The buzzer.
    Buzzer,
}

/// A pin with a lamp or the buzzer behind it, active when high.
pub struct Output<'a, L> {
    panel: &'a RefCell<Panel<L>>,
    load: Load,
}

impl<'a, L> Output<'a, L> {
    /// A pin of `panel`.
    pub const fn new(panel: &'a RefCell<Panel<L>>, load: Load) -> Self {
        Self { panel, load }
    }
}

impl<L: Read + ReadReady + Write> Output<'_, L> {
    fn set(&mut self, is_on: bool) {
        let Ok(mut panel) = self.panel.try_borrow_mut() else { return };
        match self.load {
            Load::Lamp(lamp) => panel.say(&[tag::LAMP, lamp as u8, u8::from(is_on)]),
            Load::Buzzer => panel.say(&[tag::BUZZER, u8::from(is_on)]),
        }
    }
}

impl<L> ErrorType for Output<'_, L> {
    type Error = Infallible;
}

impl<L: Read + ReadReady + Write> OutputPin for Output<'_, L> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.set(true);
        Ok(())
    }
}

/// The pin of the case's switch: high while the case is open, and low until the panel has said so, since an
/// emulated board has no case before it has a panel.
pub struct Switch<'a, L> {
    panel: &'a RefCell<Panel<L>>,
}

impl<'a, L> Switch<'a, L> {
    /// The switch of `panel`.
    pub const fn new(panel: &'a RefCell<Panel<L>>) -> Self {
        Self { panel }
    }
}

impl<L> ErrorType for Switch<'_, L> {
    type Error = Infallible;
}

impl<L: Read + ReadReady + Write> InputPin for Switch<'_, L> {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        let Ok(mut panel) = self.panel.try_borrow_mut() else { return Ok(true) };
        panel.take_in();
        Ok(panel.is_open == Some(true))
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        self.is_high().map(|is_high| !is_high)
    }
}

/// The battery-backed registers.
pub struct Registers<'a, L> {
    panel: &'a RefCell<Panel<L>>,
}

impl<'a, L> Registers<'a, L> {
    /// The registers of `panel`.
    pub const fn new(panel: &'a RefCell<Panel<L>>) -> Self {
        Self { panel }
    }
}

impl<L: Read + ReadReady + Write> Vault for Registers<'_, L> {
    fn read(&mut self, bytes: &mut [u8; VAULT_BYTES]) -> Result<(), VaultError> {
        let Ok(mut panel) = self.panel.try_borrow_mut() else { return Err(VaultError::NotReady) };
        panel.take_in();
        if !panel.is_vault_known {
            return Err(VaultError::NotReady);
        }
        *bytes = panel.vault;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8; VAULT_BYTES]) -> Result<(), VaultError> {
        let Ok(mut panel) = self.panel.try_borrow_mut() else { return Err(VaultError::NotReady) };
        if !panel.is_vault_known {
            return Err(VaultError::NotReady);
        }
        panel.vault = *bytes;
        panel.say(&[tag::VAULT_STORE]);
        panel.say(bytes);
        Ok(())
    }
}

/// The source of random bytes.
pub struct Source<'a, L> {
    panel: &'a RefCell<Panel<L>>,
}

impl<'a, L> Source<'a, L> {
    /// The source of `panel`.
    pub const fn new(panel: &'a RefCell<Panel<L>>) -> Self {
        Self { panel }
    }
}

impl<L: Read + ReadReady + Write> Chance for Source<'_, L> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ChanceError> {
        match self.panel.try_borrow_mut() {
            Ok(mut panel) => panel.fill(bytes),
            Err(_) => Err(ChanceError::NotReady),
        }
    }
}
