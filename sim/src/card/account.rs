//! The medical account of DF04: GET BALANCE, load, purchase.
//!
//! Field orders are written out here and not taken from the terminal's side of the house, so that the
//! published vectors judge both.

use card_spec::{
    account::{
        BalanceKind, Debit, LOG_RECORD_BYTES, LoadCredit, LoadRequest, PurchaseRequest, TYPE_LOAD,
        TYPE_PURCHASE,
    },
    status::StatusWord,
};

use super::{
    Answer, Card, Executed, Stop,
    layout::{AccountPlace, account_at, long, word},
    transact::{Receipt, Started, Transaction, begun, check, next_serial, stamp},
};
use crate::{
    bcd,
    eeprom::Update,
    image::{KeyUse, Right},
};

/// Eight digits of the log.
const AMOUNT_MAX: u32 = 99_999_999;
/// What the session key of a load ends in.
const LOAD_TAIL: [u8; 2] = [0x80, 0x00];

/// The account as it stands in memory.
#[derive(Clone, Copy)]
struct Balances {
    balance: u32,
    self_paid: u32,
    pooled: u32,
    year: u16,
    online_serial: u16,
    offline_serial: u16,
}

impl Card {
    pub(super) fn account_balance(&mut self, kind: BalanceKind) -> Executed {
        let account = self.balances()?;
        self.check_pin()?;
        let mut data = match kind {
            BalanceKind::Account => return Ok(Answer::Exact(account.balance.to_be_bytes().to_vec())),
            BalanceKind::SelfPaid => account.self_paid.to_be_bytes().to_vec(),
            BalanceKind::Pooled => account.pooled.to_be_bytes().to_vec(),
        };
        data.extend_from_slice(&account.year.to_be_bytes());
        Ok(Answer::Exact(data))
    }

    pub(super) fn account_initialize_load(&mut self, request: &LoadRequest) -> Executed {
        let account = self.unlocked_balances()?;
        self.check_pin()?;
        let key = self.transaction_key(KeyUse::Load, request.key_index)?;
        let amount = request.amount_fen;
        if amount > AMOUNT_MAX {
            return Err(StatusWord::WRONG_DATA.into());
        }
        if account.balance.checked_add(amount).is_none() {
            return Err(StatusWord::CONDITIONS_OF_USE.into());
        }
        next_serial(account.online_serial)?;
        let terminal = request.terminal.0;
        let random =
            self.begin(Started::AccountLoad { amount }, key.clone(), account.online_serial, terminal);
        let session = self.suite()?.transaction_key(&key, random, account.online_serial, LOAD_TAIL);
        let mac1 =
            session.mac(&[&account.balance.to_be_bytes(), &amount.to_be_bytes(), &[TYPE_LOAD], &terminal]);
        self.blocks += 5;
        let mut data = account.balance.to_be_bytes().to_vec();
        data.extend_from_slice(&account.online_serial.to_be_bytes());
        data.extend_from_slice(&[request.key_index, self.algorithm]);
        data.extend_from_slice(&random);
        data.extend_from_slice(&mac1);
        Ok(Answer::Fetch(data))
    }

    pub(super) fn account_credit(
        &mut self,
        credit: &LoadCredit,
        transaction: Option<Transaction>,
    ) -> Executed {
        let account = self.balances()?;
        let (load, amount) = begun(transaction, self.session.directory, |started| match started {
            Started::AccountLoad { amount } => Some(*amount),
            _ => None,
        })?;
        let (amount_bytes, date_time) = (amount.to_be_bytes(), stamp(credit.date_time));
        let session = self.suite()?.transaction_key(&load.key, load.random, load.serial, LOAD_TAIL);
        self.blocks += 5;
        check(session.mac(&[&amount_bytes, &[TYPE_LOAD], &load.terminal, &date_time]), credit.mac2)?;

        let balance = account.balance.checked_add(amount).ok_or(StatusWord::CONDITIONS_OF_USE)?;
        let serial = load.serial.to_be_bytes();
        let tac = self.tac(&[
            &balance.to_be_bytes(),
            &serial,
            &amount_bytes,
            &[TYPE_LOAD],
            &load.terminal,
            &date_time,
        ])?;
        // The proof of a load carries the MAC that the card itself made.
        let mac1 =
            session.mac(&[&account.balance.to_be_bytes(), &amount_bytes, &[TYPE_LOAD], &load.terminal]);
        let log = log_record(&load, TYPE_LOAD, date_time, [amount, 0, 0]);
        let after = Balances { balance, online_serial: next_serial(load.serial)?, ..account };
        self.finish_account(
            after,
            &Receipt { kind: TYPE_LOAD, serial: load.serial, mac: mac1, tac, log: &log },
        )?;
        Ok(Answer::Fetch(tac.to_vec()))
    }

    pub(super) fn account_initialize_purchase(&mut self, request: &PurchaseRequest) -> Executed {
        let account = self.unlocked_balances()?;
        self.check_pin()?;
        let key = self.transaction_key(KeyUse::Purchase, request.key_index)?;
        let asked = request.amounts;
        let amounts = [asked.account_fen, asked.self_paid_fen, asked.pooled_fen];
        let overflows = account.self_paid.checked_add(amounts[1]).is_none()
            || account.pooled.checked_add(amounts[2]).is_none();
        if overflows || amounts.iter().any(|amount| *amount > AMOUNT_MAX) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        if amounts[0] > account.balance {
            return Err(StatusWord::INSUFFICIENT_FUNDS.into());
        }
        next_serial(account.offline_serial)?;
        let started = Started::AccountPurchase { amounts };
        let random = self.begin(started, key, account.offline_serial, request.terminal.0);
        let mut data = Vec::with_capacity(22);
        for sum in [account.balance, account.self_paid, account.pooled] {
            data.extend_from_slice(&sum.to_be_bytes());
        }
        data.extend_from_slice(&account.year.to_be_bytes());
        data.extend_from_slice(&account.offline_serial.to_be_bytes());
        data.extend_from_slice(&[request.key_index, self.algorithm]);
        data.extend_from_slice(&random);
        Ok(Answer::Fetch(data))
    }

    pub(super) fn account_debit(&mut self, debit: &Debit, transaction: Option<Transaction>) -> Executed {
        let account = self.balances()?;
        let (purchase, amounts) = begun(transaction, self.session.directory, |started| match started {
            Started::AccountPurchase { amounts } => Some(*amounts),
            _ => None,
        })?;
        let date_time = stamp(debit.date_time);
        let amount_bytes = amounts.map(u32::to_be_bytes).concat();
        let terminal_serial = debit.terminal_serial.0.to_be_bytes();
        let tail = [terminal_serial[2], terminal_serial[3]];
        let session = self.suite()?.transaction_key(&purchase.key, purchase.random, purchase.serial, tail);
        self.blocks += 9;
        check(session.mac(&[&amount_bytes, &[TYPE_PURCHASE], &purchase.terminal, &date_time]), debit.mac1)?;

        let balance = account.balance.checked_sub(amounts[0]).ok_or(StatusWord::INSUFFICIENT_FUNDS)?;
        let year = u16::from_be_bytes([date_time[0], date_time[1]]);
        // BCD years are in the order of their numbers; FFFF is a card that was never used.
        let begins = account.year == u16::MAX || year > account.year;
        let (self_paid, pooled) = if begins { (0, 0) } else { (account.self_paid, account.pooled) };
        let sum = |before: u32, amount: u32| before.checked_add(amount).ok_or(StatusWord::WRONG_DATA);
        let after = Balances {
            balance,
            self_paid: sum(self_paid, amounts[1])?,
            pooled: sum(pooled, amounts[2])?,
            year: if begins { year } else { account.year },
            offline_serial: next_serial(purchase.serial)?,
            ..account
        };
        let mac2 = session.mac(&[&amount_bytes]);
        let tac =
            self.tac(&[&amount_bytes, &[TYPE_PURCHASE], &purchase.terminal, &terminal_serial, &date_time])?;
        let log = log_record(&purchase, TYPE_PURCHASE, date_time, amounts);
        self.finish_account(
            after,
            &Receipt { kind: TYPE_PURCHASE, serial: purchase.serial, mac: mac2, tac, log: &log },
        )?;
        Ok(Answer::Fetch([tac, mac2].concat()))
    }

    fn finish_account(&mut self, after: Balances, receipt: &Receipt<'_>) -> Result<(), Stop> {
        let place = *self.account()?;
        let mut update = Update::new();
        let mut put = |at: usize, bytes: &[u8]| {
            update.put(place.balances, at, bytes);
        };
        put(account_at::BALANCE, &after.balance.to_be_bytes());
        put(account_at::SELF_PAID, &after.self_paid.to_be_bytes());
        put(account_at::POOLED, &after.pooled.to_be_bytes());
        put(account_at::YEAR, &after.year.to_be_bytes());
        put(account_at::ONLINE_SERIAL, &after.online_serial.to_be_bytes());
        put(account_at::OFFLINE_SERIAL, &after.offline_serial.to_be_bytes());
        self.complete(&place, update, receipt)
    }

    fn account(&self) -> Result<&AccountPlace, Stop> {
        let directory = &self.layout.directories[self.session.directory];
        directory.account.as_ref().ok_or(Stop::Refused(StatusWord::INVALID_STATE))
    }

    fn balances(&self) -> Result<Balances, Stop> {
        let bytes = self.memory.read(self.account()?.balances);
        Ok(Balances {
            balance: long(bytes, account_at::BALANCE),
            self_paid: long(bytes, account_at::SELF_PAID),
            pooled: long(bytes, account_at::POOLED),
            year: word(bytes, account_at::YEAR),
            online_serial: word(bytes, account_at::ONLINE_SERIAL),
            offline_serial: word(bytes, account_at::OFFLINE_SERIAL),
        })
    }

    fn unlocked_balances(&self) -> Result<Balances, Stop> {
        if self.account()?.locked {
            return Err(StatusWord::APPLICATION_SUSPENDED.into());
        }
        self.balances()
    }

    pub(super) fn check_pin(&self) -> Result<(), Stop> {
        if self.has(Right::Pin) { Ok(()) } else { Err(StatusWord::SECURITY_STATUS.into()) }
    }
}

/// Serial 2, type 1, terminal 6, date and time 7, three amounts of 4 bytes of BCD.
fn log_record(transaction: &Transaction, kind: u8, date_time: [u8; 7], amounts: [u32; 3]) -> Vec<u8> {
    let mut record = Vec::with_capacity(LOG_RECORD_BYTES);
    record.extend_from_slice(&transaction.serial.to_be_bytes());
    record.push(kind);
    record.extend_from_slice(&transaction.terminal);
    record.extend_from_slice(&date_time);
    for amount in amounts {
        let pairs = [amount / 1_000_000, amount / 10_000, amount / 100, amount];
        record.extend(pairs.map(bcd));
    }
    record
}
