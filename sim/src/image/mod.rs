//! What a card or a PSAM holds, as a readable file.
//!
//! An image is JSON with bytes in hex. It holds everything non-volatile: structure, access conditions,
//! records, keys, counters, and the memory in the middle of an update that a power cut has interrupted, so that a card
//! that was torn in one process recovers in the next. The keys in it are test keys; they stand there in
//! plain text.

mod hex;
mod psam;
mod store;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    eeprom::{Eeprom, Interrupted},
    error::SimError,
};

pub use self::{
    hex::{Hex, HexArray, HexByte, HexWord},
    psam::{PsamImage, PsamKeyImage, PsamPolicy},
    store::{Image, load, save},
};

/// The version of the format that is written. Older ones are read, newer ones refused.
pub const FORMAT_VERSION: u32 = 1;

/// Everything a card keeps without power.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardImage {
    /// What the card is, for people; the card itself does not know it.
    pub note: String,
    /// Answer to reset.
    pub atr: Hex,
    /// Algorithm id of the card's cipher: 01 triple DES, 02 SSF33 (refused politely), 03 SM4.
    pub algorithm: HexByte,
    /// How the card behaves where cards differ.
    #[serde(default)]
    pub policy: CardPolicy,
    /// Whether CARD BLOCK has been carried out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub blocked: bool,
    /// Whether its memory is worn out and takes nothing any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub worn: bool,
    /// The directory that is selected after reset, with everything below it.
    pub root: DirectoryImage,
    /// Memory as it stands when a power cut has interrupted an update. It then counts, and not what
    /// stands above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<InterruptedImage>,
}

/// Memory in the middle of an update, byte by byte.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterruptedImage {
    /// The journal area.
    pub journal: Hex,
    /// Every cell, in the order in which the image lays them out.
    pub cells: Vec<Hex>,
}

impl InterruptedImage {
    /// Of memory; `None` when nothing was interrupted.
    pub(crate) fn of(memory: &Eeprom) -> Option<Self> {
        let Interrupted { journal, cells } = memory.interrupted()?;
        Some(Self { journal: Hex(journal), cells: cells.into_iter().map(Hex).collect() })
    }

    /// Back into memory.
    pub(crate) fn restore(&self, memory: &mut Eeprom) -> Result<(), SimError> {
        let cells = self.cells.iter().map(|cell| cell.0.clone()).collect();
        if memory.restore(&Interrupted { journal: self.journal.0.clone(), cells }) {
            Ok(())
        } else {
            Err(SimError::Image { problem: "the interrupted memory is of another layout".to_owned() })
        }
    }
}

/// Where real cards differ from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CardPolicy {
    /// Answer case-4 commands with their data at once instead of 61xx and GET RESPONSE.
    pub answers_directly: bool,
    /// Keep rights gained with keys of the environment, and the PIN, when an application below it is selected.
    pub keeps_rights_of_environment: bool,
    /// Drop a challenge with the next command, whichever it is; else it stays until it is used.
    pub challenge_lives_one_command: bool,
    /// Accept the 14-byte form of PIN RESET on a card with triple DES.
    pub accepts_long_reset: bool,
    /// Answer VERIFY without data with the tries that are left; whether issued cards do is not public.
    pub tells_pin_tries: bool,
}

impl Default for CardPolicy {
    /// A strict card with T=0.
    fn default() -> Self {
        Self {
            answers_directly: false,
            keeps_rights_of_environment: false,
            challenge_lives_one_command: true,
            accepts_long_reset: false,
            tells_pin_tries: true,
        }
    }
}

/// A directory: the MF, an environment, an application.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryImage {
    /// What it is, for people.
    pub label: String,
    /// File identifier.
    pub id: HexWord,
    /// A second file identifier it answers to, on cards whose MF is the environment itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<HexWord>,
    /// Name to select it by; empty when it has none.
    #[serde(default, skip_serializing_if = "Hex::is_empty")]
    pub name: Hex,
    /// Answer of SELECT, as it is.
    pub fci: Hex,
    /// Whether it may be used.
    #[serde(default, skip_serializing_if = "Life::is_active")]
    pub life: Life,
    /// The holder's PIN; applications use that of the directory above them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinImage>,
    /// That the card compares fingers itself, with the templates of EF07.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finger: Option<FingerImage>,
    /// Keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyImage>,
    /// Elementary files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileImage>,
    /// The medical account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountImage>,
    /// The PBOC wallets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<WalletImage>,
    /// Directories below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<DirectoryImage>,
}

/// Life of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// In use.
    #[default]
    Active,
    /// Blocked; APPLICATION UNBLOCK brings it back.
    Blocked,
    /// Blocked for good.
    Terminated,
}

impl Life {
    fn is_active(&self) -> bool {
        *self == Self::Active
    }
}

/// The holder's PIN.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinImage {
    /// BCD, an odd number of digits filled up with F.
    pub field: Hex,
    /// Tries left; 0 is blocked.
    pub tries_left: u8,
    /// Tries after a right PIN.
    pub tries_max: u8,
}

/// Comparisons of fingers on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerImage {
    /// Comparisons that may still fail; 0 is blocked.
    pub tries_left: u8,
    /// The same after a match.
    pub tries_max: u8,
}

/// What a key may be used for on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// EXTERNAL AUTHENTICATE; gives the right named by its identifier.
    External,
    /// INTERNAL AUTHENTICATE.
    Internal,
    /// MAC and enciphered data of protected commands.
    SecureMessaging,
    /// Load.
    Load,
    /// Purchase.
    Purchase,
    /// TAC.
    Tac,
}

/// One key, in up to four versions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyImage {
    /// The specification's name of it.
    pub name: String,
    /// What it is for.
    #[serde(rename = "use")]
    pub usage: KeyUse,
    /// Its identifier, P2 of EXTERNAL AUTHENTICATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<HexByte>,
    /// What it opens besides authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlocks: Option<Unlock>,
    /// Versions from 1, 16 bytes each.
    pub versions: Vec<Hex>,
    /// Tries left; 0 is locked.
    pub tries_left: u8,
    /// Tries after a success.
    pub tries_max: u8,
}

/// A command that needs external authentication with a certain key before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlock {
    /// PIN UNBLOCK and PIN RESET (PUK).
    Pin,
    /// CARD BLOCK (BK).
    CardBlock,
    /// APPLICATION BLOCK and UNBLOCK (LK).
    ApplicationBlock,
}

/// An elementary file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileImage {
    /// What it is, for people.
    pub label: String,
    /// File identifier; its low five bits are the short one.
    pub id: HexWord,
    /// Who may read.
    pub read: Access,
    /// Who may write.
    pub write: Access,
    /// Whether updates must carry a MAC under the directory's key for secure messaging.
    #[serde(default, skip_serializing_if = "is_false")]
    pub write_needs_mac: bool,
    /// Records whose updates must carry a MAC, where that is not the whole file; numbers from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records_need_mac: Vec<u8>,
    /// Structure and content.
    pub body: FileBody,
}

/// Structure and content of a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileBody {
    /// Records of lengths of their own, each a data object with tag and length.
    Linear(Vec<Hex>),
    /// Records of one length without tags.
    Fixed(Vec<Hex>),
    /// Bytes.
    Transparent(Hex),
    /// A ring of records of one length; the newest comes first.
    Cyclic {
        /// Bytes of one record.
        record_bytes: u8,
        /// Records the ring holds.
        records_max: u8,
        /// Records written, newest first.
        records: Vec<Hex>,
    },
    /// Changed by transactions only.
    Internal,
}

/// An access condition: any one of its alternatives; an alternative needs all that it lists.
///
/// No alternative is never, an alternative that lists nothing is always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Access(pub Vec<Vec<Right>>);

/// Something a holder or a terminal has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The PIN was right.
    Pin,
    /// External authentication with this key; below 80 a key of the environment, else of the application.
    Key(HexByte),
}

impl Access {
    /// Always.
    pub fn free() -> Self {
        Self(vec![vec![]])
    }

    /// Never.
    pub fn never() -> Self {
        Self(vec![])
    }

    /// With all of these.
    pub fn all(rights: impl IntoIterator<Item = Right>) -> Self {
        Self(vec![rights.into_iter().collect()])
    }

    /// With any one of these.
    pub fn any(rights: impl IntoIterator<Item = Right>) -> Self {
        Self(rights.into_iter().map(|right| vec![right]).collect())
    }

    /// Whether these rights suffice.
    pub fn allows(&self, has: impl Fn(Right) -> bool) -> bool {
        self.0.iter().any(|alternative| alternative.iter().all(|right| has(*right)))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("never");
        }
        for (at, alternative) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            if alternative.is_empty() {
                f.write_str("free")?;
            }
            for (at, right) in alternative.iter().enumerate() {
                if at > 0 {
                    f.write_str("+")?;
                }
                match right {
                    Right::Pin => f.write_str("PIN")?,
                    Right::Key(id) => write!(f, "key {:02X}", id.0)?,
                }
            }
        }
        Ok(())
    }
}

/// The medical account (医疗个人账户) in DF04: amounts in fen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountImage {
    /// Balance of the personal account (CIA).
    pub balance_fen: u32,
    /// Self-paid sum of the year (SPIP).
    pub self_paid_fen: u32,
    /// Sum of the year paid by the pooled fund (SPFP).
    pub pooled_fen: u32,
    /// The year of the two sums, BCD.
    pub year: HexWord,
    /// Serial number of the next load.
    pub online_serial: u16,
    /// Serial number of the next purchase.
    pub offline_serial: u16,
    /// The file of the transaction log.
    pub log_file: HexWord,
    /// Whether it is locked for transactions.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// What the card can prove: the last load and the last purchase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<ProofImage>,
}

/// Electronic deposit and electronic purse (电子存折, 电子钱包) of PBOC: amounts in fen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletImage {
    /// Electronic deposit (ED), which needs the PIN.
    pub deposit: PurseImage,
    /// Electronic purse (EP).
    pub purse: PurseImage,
    /// The file of the transaction log.
    pub log_file: HexWord,
    /// Whether both are locked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// What the card can prove: the last transaction of each type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<ProofImage>,
}

/// One of the two wallets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurseImage {
    /// Balance.
    pub balance_fen: u32,
    /// How far the balance may go below zero; three bytes.
    pub overdraft_fen: u32,
    /// Serial number of the next load.
    pub online_serial: u16,
    /// Serial number of the next purchase.
    pub offline_serial: u16,
}

/// What GET TRANSACTION PROOF answers for one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofImage {
    /// Type of the transaction, as it stands in the log.
    pub kind: HexByte,
    /// Its serial number.
    pub serial: u16,
    /// MAC that the card gave.
    pub mac: HexLong,
    /// TAC that the card gave.
    pub tac: HexLong,
}

/// Four bytes in hex.
pub type HexLong = HexArray<4>;

fn is_false(value: &bool) -> bool {
    !*value
}

impl fmt::Debug for CardImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardImage").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
