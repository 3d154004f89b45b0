//! Image of a PSAM.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Hex, HexByte, InterruptedImage, PinImage, hex::HexArray};

/// Everything a PSAM keeps without power.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PsamImage {
    /// What the PSAM is, for people.
    pub note: String,
    /// Answer to reset.
    pub atr: Hex,
    /// Number of the terminal.
    pub terminal_number: HexArray<6>,
    /// Its own serial number, in front of its public information (EF15 of the MF); not every PSAM has that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<HexArray<10>>,
    /// Index of DPK.
    pub purchase_key_index: u8,
    /// Serial number of the last purchase.
    pub terminal_serial: u32,
    /// How the PSAM behaves where PSAMs differ.
    #[serde(default)]
    pub policy: PsamPolicy,
    /// The PIN that has to be verified before use; most have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinImage>,
    /// Tries left for the MAC of CREDIT_SAM; 0 is locked.
    pub credit_tries_left: u8,
    /// Root keys.
    pub keys: Vec<PsamKeyImage>,
    /// Memory as it stands when a power cut has interrupted an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<InterruptedImage>,
}

/// Where PSAMs differ from one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PsamPolicy {
    /// Answer with data at once instead of 61xx and GET RESPONSE.
    pub answers_directly: bool,
    /// Keep the working key after the last block of CIPHER DATA; else every message needs DELIVERY KEY.
    pub keeps_working_key: bool,
}

/// One root key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PsamKeyImage {
    /// The specification's name of it.
    pub name: String,
    /// Levels of diversification and purpose.
    pub usage: HexByte,
    /// Identifier.
    pub id: HexByte,
    /// Version, from 1.
    pub version: u8,
    /// Algorithm: 01 triple DES, 03 SM4.
    pub algorithm: HexByte,
    /// Sixteen bytes.
    pub key: HexArray<16>,
}

impl fmt::Debug for PsamImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PsamImage").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
