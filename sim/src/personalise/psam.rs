//! PSAMs.

use card_spec::{
    generation::Algorithm,
    key::{CARD_KEYS, KeyName, KeyRole},
    psam::SM4_TWIN,
};

use crate::{
    image::{HexArray, HexByte, PinImage, PsamImage, PsamKeyImage, PsamPolicy},
    keys::TestKeys,
};

/// Tries for the MAC of CREDIT_SAM.
const CREDIT_TRIES: u8 = 3;
/// Tries of the PIN.
const PIN_TRIES: u8 = 3;

/// The serial number of the piece that a terminal of this number gets: one for each, and another than the terminal's.
fn serial_of(terminal_number: [u8; 6]) -> [u8; 10] {
    let mut serial = [0x50, 0x53, 0x41, 0x4D, 0, 0, 0, 0, 0, 0];
    serial[4..].copy_from_slice(&terminal_number);
    serial
}

/// An order for one PSAM.
#[derive(Clone, Debug)]
pub struct PsamOrder {
    keys: TestKeys,
    terminal_number: [u8; 6],
    serial: Option<[u8; 10]>,
    terminal_serial: u32,
    key_versions: u8,
    has_read_key_of_environment: bool,
    has_sm4: bool,
    has_purchase_key: bool,
    pin: Option<Vec<u8>>,
    policy: PsamPolicy,
}

impl PsamOrder {
    /// A PSAM of this terminal with every root key, for both ciphers.
    pub fn new(terminal_number: [u8; 6], keys: TestKeys) -> Self {
        Self {
            keys,
            terminal_number,
            serial: Some(serial_of(terminal_number)),
            terminal_serial: 0,
            key_versions: 1,
            has_read_key_of_environment: true,
            has_sm4: true,
            has_purchase_key: true,
            pin: None,
            policy: PsamPolicy::default(),
        }
    }

    /// Without public information: only its chip tells which piece it is.
    pub fn without_serial(mut self) -> Self {
        self.serial = None;
        self
    }

    /// With another serial number of the last purchase.
    pub fn terminal_serial(mut self, serial: u32) -> Self {
        self.terminal_serial = serial;
        self
    }

    /// With so many versions of each key.
    pub fn key_versions(mut self, versions: u8) -> Self {
        self.key_versions = versions;
        self
    }

    /// Without RKSSSE: cannot open the personal data of a 3.0 card.
    pub fn without_read_key_of_environment(mut self) -> Self {
        self.has_read_key_of_environment = false;
        self
    }

    /// Without SM4: knows cards of generations 1.0 and 2.0 only.
    pub fn without_sm4(mut self) -> Self {
        self.has_sm4 = false;
        self
    }

    /// Without DPK: cannot take money.
    pub fn without_purchase_key(mut self) -> Self {
        self.has_purchase_key = false;
        self
    }

    /// With a PIN that has to be verified before use: BCD.
    pub fn pin(mut self, field: &[u8]) -> Self {
        self.pin = Some(field.to_vec());
        self
    }

    /// Behaves otherwise than the usual one.
    pub fn policy(mut self, policy: PsamPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Makes the image.
    pub fn build(&self) -> PsamImage {
        let algorithms: &[Algorithm] =
            if self.has_sm4 { &[Algorithm::TripleDes, Algorithm::Sm4] } else { &[Algorithm::TripleDes] };
        let mut keys = Vec::new();
        for row in CARD_KEYS {
            let is_left_out = (row.name == KeyName::RKSSSE && !self.has_read_key_of_environment)
                || (row.name.role == KeyRole::Dpk && !self.has_purchase_key);
            let Some(root) = row.psam.filter(|_| !is_left_out) else { continue };
            for algorithm in algorithms {
                for version in 1..=self.key_versions.max(1) {
                    let twin = match algorithm {
                        Algorithm::TripleDes => 0,
                        Algorithm::Sm4 => SM4_TWIN,
                    };
                    keys.push(PsamKeyImage {
                        name: row.name.to_string(),
                        usage: HexByte(root.usage.0),
                        id: HexByte(root.id.wrapping_add(twin)),
                        version,
                        algorithm: HexByte(algorithm.id()),
                        key: HexArray(*self.keys.root(row.name, *algorithm, version).as_bytes()),
                    });
                }
            }
        }
        PsamImage {
            note: "simulated PSAM".to_owned(),
            atr: [
                0x3B, 0x6D, 0x00, 0x00, 0x00, 0x81, 0x54, 0x4C, 0x00, 0x86, 0x84, 0x08, 0x07, 0x23, 0x00,
                0x05, 0xC0,
            ]
            .into(),
            terminal_number: HexArray(self.terminal_number),
            serial: self.serial.map(HexArray),
            purchase_key_index: card_spec::account::KEY_INDEX,
            terminal_serial: self.terminal_serial,
            policy: self.policy,
            pin: self.pin.as_deref().map(|field| PinImage {
                field: field.into(),
                tries_left: PIN_TRIES,
                tries_max: PIN_TRIES,
            }),
            credit_tries_left: CREDIT_TRIES,
            keys,
            interrupted: None,
        }
    }
}
