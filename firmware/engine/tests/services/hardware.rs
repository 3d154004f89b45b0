//! Panel, vault, chance and updates of a board that is not there.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use engine::escape::Hardware;
use engine::panel::PanelPins;
use engine::update::Updates;
use engine::vault::{Chance, ChanceError, Vault, VaultError};
use reader_protocol::escape::Lamp;
use reader_protocol::update::{UpdateRefusal, UpdateState};
use reader_protocol::vault::{Contents, VAULT_BYTES};

use crate::module::Uart;

pub(crate) struct Fake;

impl Hardware for Fake {
    type Sensor = Uart;
    type Panel = FakePanel;
    type Vault = FakeVault;
    type Chance = FakeChance;
    type Updates = FakeUpdates;
}

#[derive(Clone, Default)]
pub(crate) struct FakePanel {
    pub(crate) lamps: Rc<Cell<[bool; 3]>>,
    pub(crate) buzzer: Rc<Cell<bool>>,
    pub(crate) is_open: Rc<Cell<bool>>,
    /// How often anything was switched.
    pub(crate) switched: Rc<Cell<u32>>,
}

impl PanelPins for FakePanel {
    fn set_lamp(&mut self, lamp: Lamp, is_on: bool) {
        let mut lamps = self.lamps.get();
        lamps[usize::from(lamp.byte())] = is_on;
        self.lamps.set(lamps);
        self.switched.set(self.switched.get() + 1);
    }

    fn set_buzzer(&mut self, is_on: bool) {
        self.buzzer.set(is_on);
        self.switched.set(self.switched.get() + 1);
    }

    fn is_case_open(&mut self) -> bool {
        self.is_open.get()
    }
}

#[derive(Clone)]
pub(crate) struct FakeVault {
    pub(crate) bytes: Rc<RefCell<[u8; VAULT_BYTES]>>,
    pub(crate) read_error: Rc<Cell<Option<VaultError>>>,
    pub(crate) write_error: Rc<Cell<Option<VaultError>>>,
}

impl FakeVault {
    pub(crate) fn new(contents: &Contents) -> Self {
        Self {
            bytes: Rc::new(RefCell::new(contents.to_bytes())),
            read_error: Rc::default(),
            write_error: Rc::default(),
        }
    }

    pub(crate) fn contents(&self) -> Option<Contents> {
        Contents::from_bytes(&self.bytes.borrow())
    }

    pub(crate) fn erase(&self) {
        *self.bytes.borrow_mut() = [0; VAULT_BYTES];
    }

    /// Whether these bytes stand anywhere in it.
    pub(crate) fn holds(&self, secret: &[u8]) -> bool {
        self.bytes.borrow().windows(secret.len()).any(|window| window == secret)
    }
}

impl Vault for FakeVault {
    fn read(&mut self, bytes: &mut [u8; VAULT_BYTES]) -> Result<(), VaultError> {
        self.read_error.get().map_or(Ok(()), Err)?;
        *bytes = *self.bytes.borrow();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8; VAULT_BYTES]) -> Result<(), VaultError> {
        self.write_error.get().map_or(Ok(()), Err)?;
        *self.bytes.borrow_mut() = *bytes;
        Ok(())
    }
}

#[derive(Clone, Default)]
pub(crate) struct FakeChance {
    pub(crate) next: Rc<Cell<u8>>,
    pub(crate) error: Rc<Cell<Option<ChanceError>>>,
}

impl Chance for FakeChance {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ChanceError> {
        self.error.get().map_or(Ok(()), Err)?;
        self.next.set(self.next.get().wrapping_add(1));
        bytes.fill(self.next.get());
        Ok(())
    }
}

/// Refuses every second thing that is asked.
#[derive(Clone, Default)]
pub(crate) struct FakeUpdates {
    pub(crate) asked: Rc<Cell<u32>>,
}

impl FakeUpdates {
    fn ask(&self) -> Result<(), UpdateRefusal> {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get().is_multiple_of(2) { Err(UpdateRefusal::Signature) } else { Ok(()) }
    }
}

impl Updates for FakeUpdates {
    const IS_SUPPORTED: bool = true;

    fn begin(&mut self, _: &[u8]) -> Result<(), UpdateRefusal> {
        self.ask()
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), UpdateRefusal> {
        self.ask()
    }

    fn finish(&mut self) -> Result<(), UpdateRefusal> {
        self.ask()
    }

    fn state(&mut self) -> UpdateState {
        UpdateState::UNSUPPORTED
    }

    fn poll(&mut self) -> bool {
        false
    }
}
