//! Every command that a social security card and a PSAM understand.
//!
//! One closed enum: the card parses into it, the terminal builds from it, a trace names it. `Debug` shows
//! no data that a person could be known by.
//!
//! Source: LD/T 32.5 (commands of the card), ISO/IEC 7816-4 §11, JR/T 0025 (PBOC).

mod build;
mod parse;

use core::fmt;

use crate::{
    account::{Amounts, BalanceKind, Debit, LoadCredit, LoadRequest, PurchaseRequest},
    date::DateTime,
    file::{ApplicationName, FileId, ShortFileId},
    fingerprint::Position,
    key::{Factor, KeyId, PsamKey},
    pin::PinField,
    psam::{CipherMode, Factors},
    secure_messaging::EncipheredPin,
    suite::Mac,
    wallet::Purse,
};

/// Largest offset of READ BINARY and UPDATE BINARY in the current file.
pub const OFFSET_MAX: u16 = 0x7FFF;
/// Le that asks for everything up to 256 bytes.
pub const LE_ANY: u8 = 0x00;
/// Biometric data template (ISO/IEC 7816-11).
pub const TAG_BIOMETRIC_DATA: u32 = 0x7F2E;
/// Biometric data in standard format, inside of it.
pub const TAG_STANDARD_FORMAT: u32 = 0x81;
/// P2 of reference data that belong to the application (ISO/IEC 7816-4 table 94, bit 8).
const FINGER_REFERENCE: u8 = 0x80;

/// A command. The names are the standards' own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `00 A4`: chooses a directory or a file; answers its file control information.
    Select(Selection),
    /// `00 B2`: reads one record, or all.
    ReadRecord {
        /// Which.
        record: RecordReference,
        /// Bytes wanted; tag and length count; [`LE_ANY`] for all.
        le: u8,
    },
    /// `00 B0`: reads bytes of a transparent file.
    ReadBinary {
        /// From where.
        at: BinaryReference,
        /// Bytes wanted.
        le: u8,
    },
    /// `00 DC`, `04 DC` with MAC: writes one record.
    UpdateRecord {
        /// Which.
        record: RecordReference,
        /// The whole record, with tag and length in a TLV file.
        data: Body<'a>,
        /// MAC, last in the data field.
        mac: Option<Mac>,
    },
    /// `00 D6`, `04 D6` with MAC: writes bytes of a transparent file.
    UpdateBinary {
        /// From where.
        at: BinaryReference,
        /// Bytes to write.
        data: Body<'a>,
        /// MAC, last in the data field.
        mac: Option<Mac>,
    },
    /// `00 E2`, `04 E2` with MAC: appends a record.
    AppendRecord {
        /// File; `None` for the current one.
        file: Option<ShortFileId>,
        /// The whole record.
        data: Body<'a>,
        /// MAC, last in the data field.
        mac: Option<Mac>,
    },
    /// `00 C0`: fetches what 61xx announced.
    GetResponse {
        /// Bytes wanted.
        le: u8,
    },
    /// `00 84`: asks for random bytes; the last ones asked for are the challenge.
    GetChallenge {
        /// Bytes wanted: 4 for a MAC of PBOC form, 8 otherwise, 10 (hex) in the certificate application.
        le: u8,
    },
    /// `00 88`: has the card prove that it holds IRK; answers eight bytes.
    InternalAuthenticate {
        /// Process factor R1.
        factor: [u8; 8],
        /// Data R2.
        data: [u8; 8],
        /// Version of the key, when not the first.
        version: Option<u8>,
    },
    /// `00 82`: proves to the card that the terminal holds a key.
    ExternalAuthenticate {
        /// Which key.
        key: KeyId,
        /// Data enciphered under the session key.
        cryptogram: [u8; 8],
        /// The data themselves, any.
        data: [u8; 8],
        /// Version of the key, when not the first.
        version: Option<u8>,
    },
    /// `00 20`: verifies the PIN.
    Verify {
        /// As entered.
        pin: PinField,
    },
    /// `00 20` without data: asks for the tries left, which the card answers as 63Cx (ISO/IEC 7816-4
    /// §11.5.6). Whether issued cards know it is not public.
    PinTries,
    /// `00 21`: has the card compare a finger with the one that is stored under this position (match on card).
    ///
    /// The data object is `7F2E { 81 minutiae }` (ISO/IEC 7816-11 §7), minutiae in compact size. P2 is 80 and the
    /// position: reference data of the application. Source: ISO/IEC 7816-4 §11.5.6.
    VerifyFinger {
        /// Which finger.
        position: Position,
        /// Minutiae in compact size, three bytes each.
        minutiae: Body<'a>,
    },
    /// `00 21` without data: asks for the tries left of comparing fingers, which the card answers as 63Cx.
    FingerTries {
        /// Which finger.
        position: Position,
    },
    /// `80 5E 01`: changes the PIN.
    ChangePin {
        /// The present one.
        old: PinField,
        /// The new one.
        new: PinField,
    },
    /// `84 24 00 00`: opens a blocked PIN, after PUK.
    PinUnblock {
        /// MAC under STK.
        mac: Mac,
    },
    /// `84 24 00 80`: gives the tries of comparing fingers back, after PUK. P2 is a choice of ours: reference
    /// data of the application that are no PIN.
    FingerUnblock {
        /// MAC under STK.
        mac: Mac,
    },
    /// `84 24 00 01`: sets a new PIN, after PUK.
    PinReset {
        /// New PIN under STK.
        pin: EncipheredPin,
        /// MAC under STK.
        mac: Mac,
    },
    /// `84 16`: blocks the card, after BK.
    CardBlock {
        /// MAC under STK.
        mac: Mac,
    },
    /// `84 1E`: blocks the application, after LK.
    ApplicationBlock {
        /// For good.
        permanent: bool,
        /// MAC under the application's STK.
        mac: Mac,
    },
    /// `84 18`: opens the application again, after LK.
    ApplicationUnblock {
        /// MAC under the application's STK.
        mac: Mac,
    },
    /// `B0 26`: one of the sums of the medical account, after VERIFY.
    GetAccountBalance(BalanceKind),
    /// `B0 28 00 01`: prepares a load of the medical account, after VERIFY.
    InitializeAccountLoad(LoadRequest),
    /// `B0 2A 00 00`: loads the medical account; answers the TAC.
    CreditAccount(LoadCredit),
    /// `B0 28 01 01`: prepares a purchase from the medical account, after VERIFY.
    InitializeAccountPurchase(PurchaseRequest),
    /// `B0 2C 01 00`: takes the money; answers TAC and MAC2.
    DebitAccount(Debit),
    /// `80 5C`: balance of a wallet.
    GetWalletBalance(Purse),
    /// `80 50 00`: prepares a load of a wallet.
    InitializeWalletLoad {
        /// Which purse.
        purse: Purse,
        /// Amount and terminal.
        request: LoadRequest,
    },
    /// `80 52`: loads a wallet; answers the TAC.
    CreditWallet(LoadCredit),
    /// `80 50 01`: prepares a purchase from a wallet.
    InitializeWalletPurchase {
        /// Which purse.
        purse: Purse,
        /// Amount and terminal.
        request: LoadRequest,
    },
    /// `80 54 01`: takes the money; answers TAC and MAC2.
    DebitWallet(Debit),
    /// `80 5A 00`: MAC and TAC of a transaction that is done; 9406 when there is none such.
    GetTransactionProof {
        /// Type byte of the transaction.
        transaction_type: u8,
        /// Its serial.
        serial: u16,
    },
    /// `BF DE` (PSAM): derives a key and a session key from a challenge of the card.
    DeliverSessionKey {
        /// Root.
        key: PsamKey,
        /// Card, city, province.
        factors: Factors,
        /// Challenge of the card.
        challenge: [u8; 8],
    },
    /// `80 1A` (PSAM): derives a key, without a session key.
    DeliverKey {
        /// Root.
        key: PsamKey,
        /// Card, city, province.
        factors: Factors,
    },
    /// `80 FA` (PSAM): enciphers or makes a MAC under the delivered key.
    CipherData {
        /// Which of the two, and whether more follows.
        mode: CipherMode,
        /// Start value, data and padding, all supplied by the caller.
        data: Body<'a>,
    },
    /// `80 70 01` (PSAM): MAC1 and terminal serial of a purchase from the medical account.
    InitializeSamForAccount(SamAccountPurchase),
    /// `80 70 00` (PSAM): MAC1 and terminal serial of a purchase from a wallet.
    InitializeSamForWallet(SamWalletPurchase),
    /// `80 72` (PSAM): checks MAC2 of the card.
    CreditSam {
        /// MAC2.
        mac2: Mac,
    },
}

/// What SELECT names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// P1 00: file or directory by identifier.
    ById(FileId),
    /// P1 02: file of the current directory by identifier.
    FileById(FileId),
    /// P1 04: directory by name.
    ByName(ApplicationName),
}

/// Which record of a file. `file` is `None` for the current file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordReference {
    /// P2 ..100: by number, from 1.
    Number {
        /// File by short identifier.
        file: Option<ShortFileId>,
        /// Number.
        number: u8,
    },
    /// P2 ..000: the first one with this tag.
    Tag {
        /// File by short identifier.
        file: Option<ShortFileId>,
        /// Tag.
        tag: u8,
    },
    /// P2 ..101: all from this number on, one after the other.
    AllFrom {
        /// File by short identifier.
        file: Option<ShortFileId>,
        /// Number.
        number: u8,
    },
    /// P2 ..011: the previous one, which in a cyclic file is the place of the next record to write.
    Previous {
        /// File by short identifier.
        file: Option<ShortFileId>,
    },
}

impl RecordReference {
    /// File by short identifier; `None` for the current one.
    pub const fn file(&self) -> Option<ShortFileId> {
        match self {
            RecordReference::Number { file, .. }
            | RecordReference::Tag { file, .. }
            | RecordReference::AllFrom { file, .. }
            | RecordReference::Previous { file } => *file,
        }
    }
}

/// Where in a transparent file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryReference {
    /// Offset in the current file, up to [`OFFSET_MAX`].
    Current {
        /// Offset in bytes.
        offset: u16,
    },
    /// Offset in a file by short identifier.
    File {
        /// Short identifier.
        file: ShortFileId,
        /// Offset in bytes.
        offset: u8,
    },
}

/// Data of a command. `Debug` shows how many bytes, not which.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Body<'a>(pub &'a [u8]);

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// Data of INIT_SAM_FOR_PURCHASE for the medical account, 2C bytes, or 24 with the card's factor alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamAccountPurchase {
    /// Random of the card.
    pub random: [u8; 4],
    /// Offline serial of the card.
    pub serial: u16,
    /// Amounts.
    pub amounts: Amounts,
    /// Type byte.
    pub transaction_type: u8,
    /// Date and time.
    pub date_time: DateTime,
    /// Version of the purchase key.
    pub key_version: u8,
    /// Algorithm id of the purchase key.
    pub algorithm_id: u8,
    /// Card's factor.
    pub card: Factor,
    /// City's factor; `None` when the PSAM holds the city's own root.
    pub city: Option<Factor>,
}

/// Data of INIT_SAM_FOR_PURCHASE for a wallet, 14 bytes and eight for each factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamWalletPurchase {
    /// Random of the card.
    pub random: [u8; 4],
    /// Offline serial of the card.
    pub serial: u16,
    /// Amount.
    pub amount_fen: u32,
    /// Type byte.
    pub transaction_type: u8,
    /// Date and time.
    pub date_time: DateTime,
    /// Version of the purchase key.
    pub key_version: u8,
    /// Algorithm id of the purchase key.
    pub algorithm_id: u8,
    /// Card, city, province.
    pub factors: Factors,
}

impl Command<'_> {
    /// Its name in the standards, for traces and explanations.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Select(_) => "SELECT",
            Command::ReadRecord { .. } => "READ RECORD",
            Command::ReadBinary { .. } => "READ BINARY",
            Command::UpdateRecord { .. } => "UPDATE RECORD",
            Command::UpdateBinary { .. } => "UPDATE BINARY",
            Command::AppendRecord { .. } => "APPEND RECORD",
            Command::GetResponse { .. } => "GET RESPONSE",
            Command::GetChallenge { .. } => "GET CHALLENGE",
            Command::InternalAuthenticate { .. } => "INTERNAL AUTHENTICATE",
            Command::ExternalAuthenticate { .. } => "EXTERNAL AUTHENTICATE",
            Command::Verify { .. }
            | Command::PinTries
            | Command::VerifyFinger { .. }
            | Command::FingerTries { .. } => "VERIFY",
            Command::ChangePin { .. } => "CHANGE PIN",
            Command::PinUnblock { .. } | Command::FingerUnblock { .. } => "PIN UNBLOCK",
            Command::PinReset { .. } => "PIN RESET",
            Command::CardBlock { .. } => "CARD BLOCK",
            Command::ApplicationBlock { .. } => "APPLICATION BLOCK",
            Command::ApplicationUnblock { .. } => "APPLICATION UNBLOCK",
            Command::GetAccountBalance(_) | Command::GetWalletBalance(_) => "GET BALANCE",
            Command::InitializeAccountLoad(_) | Command::InitializeWalletLoad { .. } => "INITIALIZE FOR LOAD",
            Command::CreditAccount(_) | Command::CreditWallet(_) => "CREDIT FOR LOAD",
            Command::InitializeAccountPurchase(_) | Command::InitializeWalletPurchase { .. } => {
                "INITIALIZE FOR PURCHASE"
            }
            Command::DebitAccount(_) | Command::DebitWallet(_) => "DEBIT FOR PURCHASE",
            Command::GetTransactionProof { .. } => "GET TRANSACTION PROOF",
            Command::DeliverSessionKey { .. } | Command::DeliverKey { .. } => "DELIVERY KEY",
            Command::CipherData { .. } => "CIPHER DATA",
            Command::InitializeSamForAccount(_) | Command::InitializeSamForWallet(_) => {
                "INIT_SAM_FOR_PURCHASE"
            }
            Command::CreditSam { .. } => "CREDIT_SAM_FOR_PURCHASE",
        }
    }

    /// Whether the card's memory may have changed when the answer is lost: files, counters of tries,
    /// balances, locks.
    ///
    /// A command for which this is false may be sent again without thought.
    pub const fn changes_memory(&self) -> bool {
        match self {
            Command::Select(_)
            | Command::ReadRecord { .. }
            | Command::ReadBinary { .. }
            | Command::GetResponse { .. }
            | Command::GetChallenge { .. }
            | Command::InternalAuthenticate { .. }
            | Command::PinTries
            | Command::FingerTries { .. }
            | Command::GetAccountBalance(_)
            | Command::InitializeAccountLoad(_)
            | Command::InitializeAccountPurchase(_)
            | Command::GetWalletBalance(_)
            | Command::InitializeWalletLoad { .. }
            | Command::InitializeWalletPurchase { .. }
            | Command::GetTransactionProof { .. }
            | Command::DeliverSessionKey { .. }
            | Command::DeliverKey { .. }
            | Command::CipherData { .. } => false,
            Command::UpdateRecord { .. }
            | Command::UpdateBinary { .. }
            | Command::AppendRecord { .. }
            | Command::ExternalAuthenticate { .. }
            | Command::Verify { .. }
            | Command::VerifyFinger { .. }
            | Command::ChangePin { .. }
            | Command::PinUnblock { .. }
            | Command::FingerUnblock { .. }
            | Command::PinReset { .. }
            | Command::CardBlock { .. }
            | Command::ApplicationBlock { .. }
            | Command::ApplicationUnblock { .. }
            | Command::CreditAccount(_)
            | Command::DebitAccount(_)
            | Command::CreditWallet(_)
            | Command::DebitWallet(_)
            | Command::InitializeSamForAccount(_)
            | Command::InitializeSamForWallet(_)
            | Command::CreditSam { .. } => true,
        }
    }
}
