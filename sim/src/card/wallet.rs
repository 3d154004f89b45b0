//! The PBOC wallets: electronic deposit, which needs the PIN, and electronic purse.

use card_spec::{
    account::{Debit, LoadCredit, LoadRequest},
    status::StatusWord,
    wallet::{LOG_RECORD_BYTES, Purse},
};

use super::{
    Answer, Card, Executed, Stop,
    layout::{AccountPlace, long, purse_at, word},
    transact::{Receipt, Started, Transaction, begun, check, next_serial, stamp},
};
use crate::{eeprom::Update, image::KeyUse};

const LOAD_TAIL: [u8; 2] = [0x80, 0x00];
/// Types of transactions, deposit first.
const LOAD_TYPES: [u8; 2] = [0x01, 0x02];
const PURCHASE_TYPES: [u8; 2] = [0x05, 0x06];

#[derive(Clone, Copy)]
struct Balances {
    balance: u32,
    overdraft: [u8; 3],
    online_serial: u16,
    offline_serial: u16,
}

impl Card {
    pub(super) fn wallet_balance(&mut self, purse: Purse) -> Executed {
        let balances = self.purse(index(purse))?;
        self.check_pin_of(purse)?;
        Ok(Answer::Exact(balances.balance.to_be_bytes().to_vec()))
    }

    pub(super) fn wallet_initialize_load(&mut self, purse: Purse, request: &LoadRequest) -> Executed {
        let at = index(purse);
        let balances = self.unlocked_purse(at)?;
        // Money coming from an account asks for the PIN in both.
        self.check_pin()?;
        let key = self.transaction_key(KeyUse::Load, request.key_index)?;
        let (amount, terminal, serial) = (request.amount_fen, request.terminal.0, balances.online_serial);
        if balances.balance.checked_add(amount).is_none() {
            return Err(StatusWord::CONDITIONS_OF_USE.into());
        }
        next_serial(serial)?;
        let random = self.begin(Started::WalletLoad { purse: at, amount }, key.clone(), serial, terminal);
        let session = self.suite()?.transaction_key(&key, random, serial, LOAD_TAIL);
        let mac1 = session.mac(&[
            &balances.balance.to_be_bytes(),
            &amount.to_be_bytes(),
            &[LOAD_TYPES[at]],
            &terminal,
        ]);
        self.blocks += 5;
        let mut data = balances.balance.to_be_bytes().to_vec();
        data.extend_from_slice(&serial.to_be_bytes());
        data.extend_from_slice(&[request.key_index, self.algorithm]);
        data.extend_from_slice(&random);
        data.extend_from_slice(&mac1);
        Ok(Answer::Fetch(data))
    }

    pub(super) fn wallet_credit(
        &mut self,
        credit: &LoadCredit,
        transaction: Option<Transaction>,
    ) -> Executed {
        self.wallet()?;
        let (load, (at, amount)) = begun(transaction, self.session.directory, |started| match started {
            Started::WalletLoad { purse, amount } => Some((*purse, *amount)),
            _ => None,
        })?;
        let before = self.purse(at)?;
        let (kind, date_time, amount_bytes) = (LOAD_TYPES[at], stamp(credit.date_time), amount.to_be_bytes());
        let session = self.suite()?.transaction_key(&load.key, load.random, load.serial, LOAD_TAIL);
        self.blocks += 5;
        check(session.mac(&[&amount_bytes, &[kind], &load.terminal, &date_time]), credit.mac2)?;
        let balance = before.balance.checked_add(amount).ok_or(StatusWord::CONDITIONS_OF_USE)?;
        let mac1 = session.mac(&[&before.balance.to_be_bytes(), &amount_bytes, &[kind], &load.terminal]);
        let tac = self.tac(&[
            &balance.to_be_bytes(),
            &load.serial.to_be_bytes(),
            &amount_bytes,
            &[kind],
            &load.terminal,
            &date_time,
        ])?;
        let after = Balances { balance, online_serial: next_serial(load.serial)?, ..before };
        let log = log_record(&load, &before, kind, amount, date_time);
        self.finish_wallet(at, after, &Receipt { kind, serial: load.serial, mac: mac1, tac, log: &log })?;
        Ok(Answer::Fetch(tac.to_vec()))
    }

    pub(super) fn wallet_initialize_purchase(&mut self, purse: Purse, request: &LoadRequest) -> Executed {
        let at = index(purse);
        let balances = self.unlocked_purse(at)?;
        self.check_pin_of(purse)?;
        let key = self.transaction_key(KeyUse::Purchase, request.key_index)?;
        let amount = request.amount_fen;
        if amount > balances.balance {
            return Err(StatusWord::INSUFFICIENT_FUNDS.into());
        }
        next_serial(balances.offline_serial)?;
        let started = Started::WalletPurchase { purse: at, amount };
        let random = self.begin(started, key, balances.offline_serial, request.terminal.0);
        let mut data = balances.balance.to_be_bytes().to_vec();
        data.extend_from_slice(&balances.offline_serial.to_be_bytes());
        data.extend_from_slice(&balances.overdraft);
        data.extend_from_slice(&[request.key_index, self.algorithm]);
        data.extend_from_slice(&random);
        Ok(Answer::Fetch(data))
    }

    pub(super) fn wallet_debit(&mut self, debit: &Debit, transaction: Option<Transaction>) -> Executed {
        self.wallet()?;
        let (purchase, (at, amount)) = begun(transaction, self.session.directory, |started| match started {
            Started::WalletPurchase { purse, amount } => Some((*purse, *amount)),
            _ => None,
        })?;
        let before = self.purse(at)?;
        let (kind, date_time) = (PURCHASE_TYPES[at], stamp(debit.date_time));
        let (amount_bytes, terminal_serial) = (amount.to_be_bytes(), debit.terminal_serial.0.to_be_bytes());
        let tail = [terminal_serial[2], terminal_serial[3]];
        let session = self.suite()?.transaction_key(&purchase.key, purchase.random, purchase.serial, tail);
        self.blocks += 6;
        check(session.mac(&[&amount_bytes, &[kind], &purchase.terminal, &date_time]), debit.mac1)?;
        let balance = before.balance.checked_sub(amount).ok_or(StatusWord::INSUFFICIENT_FUNDS)?;
        let mac2 = session.mac(&[&amount_bytes]);
        let tac = self.tac(&[&amount_bytes, &[kind], &purchase.terminal, &terminal_serial, &date_time])?;
        let after = Balances { balance, offline_serial: next_serial(purchase.serial)?, ..before };
        let log = log_record(&purchase, &before, kind, amount, date_time);
        self.finish_wallet(at, after, &Receipt { kind, serial: purchase.serial, mac: mac2, tac, log: &log })?;
        Ok(Answer::Fetch([tac, mac2].concat()))
    }

    fn finish_wallet(&mut self, at: usize, after: Balances, receipt: &Receipt<'_>) -> Result<(), Stop> {
        let place = *self.wallet()?;
        let start = at * purse_at::BYTES;
        let mut update = Update::new();
        update.put(place.balances, start + purse_at::BALANCE, &after.balance.to_be_bytes());
        update.put(place.balances, start + purse_at::ONLINE_SERIAL, &after.online_serial.to_be_bytes());
        update.put(place.balances, start + purse_at::OFFLINE_SERIAL, &after.offline_serial.to_be_bytes());
        self.complete(&place, update, receipt)
    }

    fn wallet(&self) -> Result<&AccountPlace, Stop> {
        let directory = &self.layout.directories[self.session.directory];
        directory.wallet.as_ref().ok_or(Stop::Refused(StatusWord::INVALID_STATE))
    }

    fn purse(&self, at: usize) -> Result<Balances, Stop> {
        let bytes = &self.memory.read(self.wallet()?.balances)[at * purse_at::BYTES..];
        Ok(Balances {
            balance: long(bytes, purse_at::BALANCE),
            overdraft: [
                bytes[purse_at::OVERDRAFT],
                bytes[purse_at::OVERDRAFT + 1],
                bytes[purse_at::OVERDRAFT + 2],
            ],
            online_serial: word(bytes, purse_at::ONLINE_SERIAL),
            offline_serial: word(bytes, purse_at::OFFLINE_SERIAL),
        })
    }

    fn unlocked_purse(&self, at: usize) -> Result<Balances, Stop> {
        if self.wallet()?.locked {
            return Err(StatusWord::WALLET_LOCKED.into());
        }
        self.purse(at)
    }

    fn check_pin_of(&self, purse: Purse) -> Result<(), Stop> {
        match purse {
            Purse::Deposit => self.check_pin(),
            Purse::Purse => Ok(()),
        }
    }
}

/// Place of a wallet in memory.
fn index(purse: Purse) -> usize {
    match purse {
        Purse::Deposit => 0,
        Purse::Purse => 1,
    }
}

/// Serial 2, overdraft 3, amount 4, type 1, terminal 6, date 4, time 3.
fn log_record(
    transaction: &Transaction,
    balances: &Balances,
    kind: u8,
    amount: u32,
    date_time: [u8; 7],
) -> Vec<u8> {
    let mut record = Vec::with_capacity(LOG_RECORD_BYTES);
    record.extend_from_slice(&transaction.serial.to_be_bytes());
    record.extend_from_slice(&balances.overdraft);
    record.extend_from_slice(&amount.to_be_bytes());
    record.push(kind);
    record.extend_from_slice(&transaction.terminal);
    record.extend_from_slice(&date_time);
    record
}
