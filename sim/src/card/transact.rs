//! What load and purchase have in common, in the medical account and in the wallets.

use card_spec::{date::DateTime, key::Key128, status::StatusWord, suite::Mac};

use super::{
    Answer, Card, Executed, Stop,
    layout::{AccountPlace, File},
};
use crate::{
    eeprom::Update,
    image::{HexLong, KeyUse},
};

/// A transaction that INITIALIZE has begun; the next command finishes it or drops it.
pub(super) struct Transaction {
    pub(super) directory: usize,
    pub(super) started: Started,
    pub(super) key: Key128,
    pub(super) random: [u8; 4],
    pub(super) serial: u16,
    pub(super) terminal: [u8; 6],
}

/// Which transaction, with its amounts in fen.
pub(super) enum Started {
    AccountLoad { amount: u32 },
    AccountPurchase { amounts: [u32; 3] },
    WalletLoad { purse: usize, amount: u32 },
    WalletPurchase { purse: usize, amount: u32 },
}

/// What a finished transaction leaves besides the new balances.
pub(super) struct Receipt<'a> {
    pub(super) kind: u8,
    pub(super) serial: u16,
    pub(super) mac: Mac,
    pub(super) tac: Mac,
    pub(super) log: &'a [u8],
}

impl Card {
    /// MAC and TAC of a transaction that is done. Needs no PIN: it is asked after the card was torn out,
    /// when the holder may have gone.
    pub(super) fn transaction_proof(&mut self, kind: u8, serial: u16) -> Executed {
        let directory = &self.layout.directories[self.session.directory];
        let place =
            directory.account.as_ref().or(directory.wallet.as_ref()).ok_or(StatusWord::INVALID_STATE)?;
        let proof = place
            .proofs(&self.memory)
            .find(|proof| proof.kind.0 == kind && proof.serial == serial)
            .ok_or(StatusWord::MAC_NOT_AVAILABLE)?;
        Ok(Answer::Fetch([proof.mac.0, proof.tac.0].concat()))
    }

    /// The key of the selected directory for this use, in the version that the terminal asks for.
    pub(super) fn transaction_key(&self, usage: KeyUse, index: u8) -> Result<Key128, Stop> {
        let keys = &self.layout.directories[self.session.directory].keys;
        let key = keys.iter().find(|key| key.usage == usage);
        let version = usize::from(index).checked_sub(1);
        key.zip(version)
            .and_then(|(key, version)| key.versions.get(version).cloned())
            .ok_or(Stop::Refused(StatusWord::KEY_INDEX_NOT_SUPPORTED))
    }

    /// The TAC key, always in its first version.
    pub(super) fn tac(&mut self, pieces: &[&[u8]]) -> Result<Mac, Stop> {
        let key = self.transaction_key(KeyUse::Tac, 1)?;
        self.blocks += 4;
        Ok(self.suite()?.tac(&key, pieces))
    }

    /// Remembers a transaction until the next command, and gives its random number.
    pub(super) fn begin(&mut self, started: Started, key: Key128, serial: u16, terminal: [u8; 6]) -> [u8; 4] {
        let mut random = [0; 4];
        random.copy_from_slice(&self.random_bytes(4));
        let directory = self.session.directory;
        self.session.transaction = Some(Transaction { directory, started, key, random, serial, terminal });
        random
    }

    /// Balances, log and proof change together or not at all.
    pub(super) fn complete(
        &mut self,
        place: &AccountPlace,
        mut update: Update,
        receipt: &Receipt<'_>,
    ) -> Result<(), Stop> {
        let mut proof = vec![receipt.kind];
        proof.extend_from_slice(&receipt.serial.to_be_bytes());
        proof.extend_from_slice(&receipt.mac);
        proof.extend_from_slice(&receipt.tac);
        update.put(place.proofs, place.proof_offset(receipt.kind, &self.memory), &proof);
        let files = &self.layout.directories[self.session.directory].files;
        let is_log = |file: &File| file.id == place.log_file;
        let log = files.iter().position(is_log).ok_or(StatusWord::MEMORY_FAILURE)?;
        self.put_into_ring(&mut update, log, receipt.log)?;
        self.commit(&update)
    }
}

/// A transaction of the wanted kind, begun in this directory by the command just before.
pub(super) fn begun<T>(
    transaction: Option<Transaction>,
    directory: usize,
    wanted: impl FnOnce(&Started) -> Option<T>,
) -> Result<(Transaction, T), Stop> {
    let transaction = transaction.filter(|begun| begun.directory == directory);
    let found = transaction.and_then(|begun| wanted(&begun.started).map(|part| (begun, part)));
    found.ok_or(Stop::Refused(StatusWord::INVALID_STATE))
}

/// The serial number after this one; there is none after the last.
pub(super) fn next_serial(serial: u16) -> Result<u16, Stop> {
    serial.checked_add(1).ok_or(Stop::Refused(StatusWord::COUNTER_AT_MAXIMUM))
}

/// A MAC of a transaction is right, or the transaction is over.
pub(super) fn check(expected: Mac, got: Mac) -> Result<(), Stop> {
    if expected == got { Ok(()) } else { Err(StatusWord::TRANSACTION_MAC_WRONG.into()) }
}

/// Date and time, seven bytes of BCD.
pub(super) fn stamp(date_time: DateTime) -> [u8; 7] {
    date_time.to_cn()
}

impl From<Mac> for HexLong {
    fn from(mac: Mac) -> Self {
        crate::image::HexArray(mac)
    }
}
