//! What every storage has to pass, whatever database lies under it.
//!
//! [`check`] runs all of it; each part gets a storage of its own, made empty by `fresh`. A storage that is not
//! what it should be ends in a panic that says where, as tests do.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test-suite that happens to be public")]

use std::sync::Arc;

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    account::{LoadRequest, LoadSource},
    accumulation::Accumulation,
    feed::{BlockReason, Change, Person, PersonState},
    id::{TerminalId, TransactionId},
    limits::OfflineLimits,
    reconciliation::Totals,
    rules::RulesDocument,
    signature::{Digest, PublicKey, Signature, Signed},
    timestamp::Timestamp,
    upload::RefusalReason,
};

mod benefits;
mod books;
mod contributions;
mod feed;
mod money;
mod service;
mod staff;

use super::{
    Storage, StorageError, Transaction,
    rows::{
        Alarm, AlarmKind, AuditRow, CertificateRow, CodeRow, Facts, HolderRow, ImportedPerson, Institution,
        Kind, LoadRow, LoadState, NewRecord, Outcome, PersonYear, Proof, PurchaseKey, PurchaseRow,
        ReceiptRow, ReconciliationRow, RefundRow,
    },
};

/// Runs the whole suite.
pub fn check(fresh: &dyn Fn() -> Arc<dyn Storage>) {
    books::chains(&*fresh());
    books::unique_keys(&*fresh());
    books::roll_back(&*fresh());
    books::spans(&*fresh());
    money::money(&*fresh());
    money::years(&*fresh());
    money::holders(&*fresh());
    books::alarms(&*fresh());
    feed::feed(&*fresh());
    feed::cards(&*fresh());
    benefits::pensions(&*fresh());
    benefits::plans(&*fresh());
    benefits::amounts(&*fresh());
    benefits::payments(&*fresh());
    benefits::standings(&*fresh());
    benefits::claims(&*fresh());
    benefits::policy(&*fresh());
    money::purchases(&*fresh());
    staff::documents(&*fresh());
    staff::terminals(&*fresh());
    staff::audit(&*fresh());
    service::publications(&*fresh());
    service::affairs(&*fresh());
    service::records_of(&*fresh());
    service::losses(&*fresh());
    service::asking(&*fresh());
    contributions::dues(&*fresh());
    books::one_writer_at_a_time(&fresh());
}

fn terminal(number: u8) -> TerminalId {
    format!("4301000000{number:02}").parse().unwrap()
}

fn id(number: u16) -> TransactionId {
    let mut id = [0xAB; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    TransactionId(id)
}

fn digest(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

fn totals(fee: i64) -> Totals {
    Totals {
        count: 1,
        medfee_sumamt: Fen(fee),
        fund_pay_sumamt: Fen(fee / 2),
        acct_pay: Fen(fee / 4),
        psn_cash_pay: Fen(fee - fee / 2 - fee / 4),
        contribution_count: 0,
        contribution_amt: Fen(fee / 8),
        contribution_cash_amt: Fen(fee / 16),
    }
}

fn record(sequence: u64, id: Option<TransactionId>, outcome: Outcome, body: &str) -> NewRecord<'_> {
    NewRecord {
        sequence,
        id,
        digest: digest(sequence),
        outcome,
        facts: Facts {
            kind: Kind::Settlement,
            made_at: Timestamp(1_000 + sequence as i64),
            person: Some(43_010_219_491_231_002),
            totals: totals(100 * sequence as i64),
            proof: Proof::Verified,
        },
        signature: Signature([sequence as u8; 64]),
        body,
    }
}

fn receipt(number: u64, terminal: TerminalId, from_sequence: u64, to_sequence: u64) -> ReceiptRow {
    ReceiptRow {
        number,
        terminal,
        at: Timestamp(5_000),
        from_sequence,
        to_sequence,
        signed: Signed { text: format!("receipt {number} 回执"), signature: Signature([7; 64]) },
    }
}

/// Appends records under the next receipt.
fn append(
    storage: &dyn Storage,
    terminal: TerminalId,
    records: &[NewRecord<'_>],
) -> Result<u64, StorageError> {
    let mut number = 0;
    let (first, last) = (records[0].sequence, records[records.len() - 1].sequence);
    storage.transact(&mut |transaction| {
        number = transaction.next_receipt()?;
        transaction.append(terminal, records, &receipt(number, terminal, first, last))
    })?;
    Ok(number)
}

/// Looks into a transaction that changes nothing.
fn look<T>(storage: &dyn Storage, read: impl Fn(&mut dyn Transaction) -> Result<T, StorageError>) -> T {
    let mut found = None;
    storage
        .transact(&mut |transaction| {
            found = Some(read(transaction)?);
            Ok(())
        })
        .unwrap();
    found.unwrap()
}

fn insured(number: u64) -> Person {
    Person {
        key: 43_010_219_491_231_000 + number,
        state: PersonState::Active,
        insutype: 390,
        psn_type: 15,
        civil_servant: true,
        paid_until: 24_322,
        year: 2026,
        deductible_fen: 1_000,
        pooled_outpatient_fen: 2_000,
        pooled_inpatient_fen: u32::MAX,
        own_in_scope_fen: 4_000,
        stays: 2,
    }
}

fn one_visit() -> Accumulation {
    Accumulation {
        deductible: Fen(500),
        pooled_outpatient: Fen(-9_000),
        pooled_inpatient: Fen(9_000),
        own_in_scope: Fen(1),
        stays: 1,
    }
}

fn alarm(sequence: u64) -> Alarm {
    Alarm {
        kind: AlarmKind::SequenceConflict,
        terminal: terminal(1),
        sequence,
        digest: digest(sequence),
        id: Some(id(1)),
        evidence: Some("证据".into()),
    }
}
