//! How values lie in columns.

use protocol::{
    feed::{BlockReason, Person, PersonState},
    id::{TerminalId, TransactionId},
    pension::Fingers,
    signature::{Digest, PublicKey, Signature},
    upload::RefusalReason,
};
use rusqlite::Row;
use serde::{Serialize, de::DeserializeOwned};

use crate::storage::{
    StorageError, StorageResult,
    rows::{AlarmKind, Kind, LoadState, Outcome, Proof},
};

pub(super) fn damaged(detail: &str) -> StorageError {
    StorageError::Damaged { detail: detail.to_owned() }
}

pub(super) fn failed(error: rusqlite::Error) -> StorageError {
    use rusqlite::ErrorCode;
    match &error {
        rusqlite::Error::SqliteFailure(code, message) => match code.code {
            ErrorCode::DiskFull => StorageError::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StorageError::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                StorageError::Damaged { detail: format!("SQLite code {}", code.extended_code) }
            }
            _ => StorageError::Failed {
                detail: format!("SQLite code {}: {}", code.extended_code, message.as_deref().unwrap_or("")),
            },
        },
        rusqlite::Error::FromSqlConversionFailure(column, ..)
        | rusqlite::Error::InvalidColumnType(column, ..)
        | rusqlite::Error::IntegralValueOutOfRange(column, _) => {
            StorageError::Damaged { detail: format!("column {column} holds another kind of value") }
        }
        other => StorageError::Failed { detail: other.to_string() },
    }
}

/// A count or sequence as SQLite's signed integer.
pub(super) fn int(value: u64) -> StorageResult<i64> {
    i64::try_from(value).map_err(|_| StorageError::Failed { detail: "a number is beyond 63 bits".into() })
}

pub(super) fn unsigned(value: i64) -> StorageResult<u64> {
    u64::try_from(value).map_err(|_| damaged("a negative count"))
}

/// Twelve digits fit an integer and make the indexes half as large.
pub(super) fn terminal_number(terminal: TerminalId) -> i64 {
    terminal.as_str().bytes().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

pub(super) fn terminal(number: i64) -> StorageResult<TerminalId> {
    format!("{number:012}").parse().map_err(|_| damaged("a terminal number"))
}

pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> StorageResult<[u8; N]> {
    bytes.try_into().map_err(|_| damaged("bytes of another length"))
}

pub(super) fn digest(bytes: &[u8]) -> StorageResult<Digest> {
    fixed(bytes).map(Digest)
}

pub(super) fn public_key(bytes: &[u8]) -> StorageResult<PublicKey> {
    fixed(bytes).map(PublicKey)
}

pub(super) fn signature(bytes: &[u8]) -> StorageResult<Signature> {
    fixed(bytes).map(Signature)
}

pub(super) fn transaction_id(bytes: &[u8]) -> StorageResult<TransactionId> {
    fixed(bytes).map(TransactionId)
}

pub(super) fn optional_id(bytes: Option<Vec<u8>>) -> StorageResult<Option<TransactionId>> {
    bytes.as_deref().map(transaction_id).transpose()
}

/// Enumerations that may grow lie as their names on the wire.
pub(super) fn name<T: Serialize>(value: &T) -> StorageResult<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(StorageError::Failed { detail: "a value without a name".into() }),
    }
}

pub(super) fn named<T: DeserializeOwned>(name: String) -> StorageResult<T> {
    serde_json::from_value(serde_json::Value::String(name)).map_err(|_| damaged("an unknown name"))
}

const BOOKED: i64 = 1;
const REFUSED: i64 = 2;
const CONFLICT: i64 = 3;

pub(super) fn outcome_columns(outcome: Outcome) -> StorageResult<(i64, Option<String>)> {
    Ok(match outcome {
        Outcome::Booked => (BOOKED, None),
        Outcome::Refused(reason) => (REFUSED, Some(name(&reason)?)),
        Outcome::Conflict => (CONFLICT, None),
    })
}

pub(super) fn outcome(verdict: i64, reason: Option<String>) -> StorageResult<Outcome> {
    match (verdict, reason) {
        (BOOKED, None) => Ok(Outcome::Booked),
        (REFUSED, Some(reason)) => named::<RefusalReason>(reason).map(Outcome::Refused),
        (CONFLICT, None) => Ok(Outcome::Conflict),
        _ => Err(damaged("an unknown verdict")),
    }
}

macro_rules! numbered {
    ($to:ident, $from:ident, $type:ty, $what:literal: $($variant:path = $number:literal),*) => {
        pub(super) fn $to(value: $type) -> i64 {
            match value { $($variant => $number),* }
        }
        pub(super) fn $from(number: i64) -> StorageResult<$type> {
            match number { $($number => Ok($variant),)* _ => Err(damaged($what)) }
        }
    };
}
numbered!(kind_column, kind, Kind, "an unknown kind of record":
    Kind::Unreadable = 0, Kind::Settlement = 1, Kind::Cancellation = 2, Kind::Abandoned = 3, Kind::Load = 4,
    Kind::Enrolment = 5, Kind::Certification = 6, Kind::Pension = 7,
    Kind::Contribution = 8, Kind::ContributionReversal = 9);
numbered!(proof_column, proof, Proof, "an unknown proof":
    Proof::NotNeeded = 0, Proof::Verified = 1, Proof::Unchecked = 2, Proof::Missing = 3);
numbered!(load_state_column, load_state, LoadState, "an unknown state of a load":
    LoadState::Granted = 1, LoadState::Booked = 2, LoadState::Released = 3, LoadState::Cleared = 4);
numbered!(person_state_column, person_state, PersonState, "an unknown state of a person":
    PersonState::Active = 1, PersonState::Suspended = 2, PersonState::Ended = 3, PersonState::Deceased = 4);
numbered!(fingers_column, fingers, Fingers, "an unknown state of fingers":
    Fingers::Unknown = 0, Fingers::Enrolled = 1, Fingers::NoneUsable = 2);
numbered!(block_reason_column, block_reason, BlockReason, "an unknown reason":
    BlockReason::Lost = 1, BlockReason::Replaced = 2, BlockReason::Deceased = 3, BlockReason::Fraud = 4);

const ALARM_NAMES: [(AlarmKind, &str); 21] = [
    (AlarmKind::SequenceConflict, "sequence_conflict"),
    (AlarmKind::IdConflict, "id_conflict"),
    (AlarmKind::ChainBroken, "chain_broken"),
    (AlarmKind::BadSignature, "bad_signature"),
    (AlarmKind::TacWrong, "tac_wrong"),
    (AlarmKind::TacMissing, "tac_missing"),
    (AlarmKind::HolderMismatch, "holder_mismatch"),
    (AlarmKind::LoadConflict, "load_conflict"),
    (AlarmKind::LoadDenied, "load_denied"),
    (AlarmKind::PurchaseTwice, "purchase_twice"),
    (AlarmKind::ClaimAfterDeath, "claim_after_death"),
    (AlarmKind::ManualAfterNoMatch, "manual_after_no_match"),
    (AlarmKind::ManyManualPasses, "many_manual_passes"),
    (AlarmKind::FarApart, "far_apart"),
    (AlarmKind::FreshFinger, "fresh_finger"),
    (AlarmKind::PensionTwice, "pension_twice"),
    (AlarmKind::PensionUnbooked, "pension_unbooked"),
    (AlarmKind::ContributionUnbooked, "contribution_unbooked"),
    (AlarmKind::ReaderOpened, "reader_opened"),
    (AlarmKind::ReaderReplaced, "reader_replaced"),
    (AlarmKind::TooMany, "too_many"),
];

impl AlarmKind {
    /// Its name in lists and in the storage.
    pub fn name(self) -> &'static str {
        ALARM_NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

pub(super) fn alarm_kind(name: &str) -> StorageResult<AlarmKind> {
    ALARM_NAMES
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(kind, _)| *kind)
        .ok_or_else(|| damaged("an unknown kind of alarm"))
}

/// Columns of `person` in the order that [`person`] reads.
pub(super) const PERSON_COLUMNS: &str = "key, state, insutype, psn_type, civil_servant, paid_until, year, \
     deductible, pooled_outpatient, pooled_inpatient, own_in_scope, stays";

/// Reads a person whose columns begin at `first`; `Err(key)` for one who has left.
pub(super) fn person(row: &Row<'_>, first: usize) -> rusqlite::Result<StorageResult<Result<Person, u64>>> {
    let key: u64 = row.get::<_, i64>(first)?.unsigned_abs();
    let Some(state) = row.get::<_, Option<i64>>(first + 1)? else { return Ok(Ok(Err(key))) };
    let state = match person_state(state) {
        Ok(state) => state,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(Ok(Person {
        key,
        state,
        insutype: row.get(first + 2)?,
        psn_type: row.get(first + 3)?,
        civil_servant: row.get(first + 4)?,
        paid_until: row.get(first + 5)?,
        year: row.get(first + 6)?,
        deductible_fen: row.get(first + 7)?,
        pooled_outpatient_fen: row.get(first + 8)?,
        pooled_inpatient_fen: row.get(first + 9)?,
        own_in_scope_fen: row.get(first + 10)?,
        stays: row.get(first + 11)?,
    })))
}
