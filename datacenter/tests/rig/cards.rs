//! Cards whose codes the test computes, and a center that has their keys.

use std::sync::atomic::{AtomicU16, Ordering};

use card_spec::{
    account::{Amounts as CardAmounts, Load as CardLoad, Purchase, TYPE_LOAD},
    atr::CardSerial,
    card_id::CardId,
    date::DateTime,
    generation::Algorithm,
    key::{CardFactors, Key128},
    psam::{TerminalNumber, TerminalSerial},
    suite::Suite,
};
use datacenter::{
    security_module::{IssuerKey, KeyUse, SoftwareModule},
    storage::rows::AlarmKind,
};
use protocol::{
    account::{LoadAnswer, LoadRequest, LoadSource},
    record::{CardPurchase, Load},
};

use super::{bodies::settlement, *};

pub const DATE_TIME: &str = "20261124050000";

pub fn keys(algorithm: Algorithm) -> [IssuerKey; 2] {
    let key = |byte: u8| Key128::new([byte; 16]);
    [(KeyUse::Load, 0x51), (KeyUse::Tac, 0x62)].map(|(key_use, byte)| IssuerKey {
        key_use,
        algorithm,
        version: 1,
        levels: 2,
        key: key(byte),
    })
}

/// A card of the test city.
#[derive(Clone)]
pub struct Card {
    pub algorithm: Algorithm,
    pub person: PersonNumber,
    pub serial: [u8; 8],
    pub id: [u8; 16],
    pub load_serial: u16,
    pub balance: Fen,
}

impl Card {
    pub fn new(algorithm: Algorithm, number: u8) -> Self {
        let id =
            CardId::issue(super::city(), [0, 0, 0, number], Suite::from(algorithm), &Key128::new([9; 16]));
        Card {
            algorithm,
            person: person(number.into()),
            serial: [0x86, 0x37, 0x43, 0x01, 0, 0, 1, number],
            id: id.to_bytes(),
            load_serial: 1,
            balance: Fen::ZERO,
        }
    }

    pub fn issuer_key(&self, key_use: KeyUse) -> (Suite, Key128) {
        let suite = Suite::from(self.algorithm);
        let factors = CardFactors::new(CardSerial(self.serial), super::city());
        let root = keys(self.algorithm).into_iter().find(|key| key.key_use == key_use).unwrap();
        (suite, suite.diversify_levels(&root.key, factors.levels(2)))
    }

    pub fn on_card(&self, terminal: TerminalId, amount: Fen) -> CardLoad {
        CardLoad {
            balance_before_fen: self.balance.to_card().unwrap(),
            amount_fen: amount.to_card().unwrap(),
            transaction_type: TYPE_LOAD,
            terminal: TerminalNumber(terminal.to_bcd()),
            serial: self.load_serial,
            random: [1, 2, 3, 4],
        }
    }

    pub fn request(
        &self,
        id: TransactionId,
        terminal: TerminalId,
        amount: Fen,
        source: LoadSource,
    ) -> LoadRequest {
        let (suite, key) = self.issuer_key(KeyUse::Load);
        let load = self.on_card(terminal, amount);
        LoadRequest {
            id,
            terminal,
            person: self.person,
            card_id: hex::encode(self.id),
            card_factor: hex::encode(self.serial),
            amount,
            source,
            balance: self.balance,
            card_serial: self.load_serial,
            algorithm: self.algorithm.id(),
            key_version: 1,
            random: "01020304".into(),
            mac1: hex::encode(load.mac1(&load.session_key(suite, &key))),
            date_time: DATE_TIME.into(),
        }
    }

    /// Takes MAC2, adds the money and gives the record.
    pub fn credit(&mut self, terminal: TerminalId, amount: Fen, answer: &LoadAnswer) -> Business {
        let (suite, key) = self.issuer_key(KeyUse::Load);
        let load = self.on_card(terminal, amount);
        let mac2 = load.mac2(&load.session_key(suite, &key), date_time());
        assert!(answer.mac2.eq_ignore_ascii_case(&hex::encode(mac2)));
        let (suite, key) = self.issuer_key(KeyUse::Tac);
        let tac = load.tac(suite, &key, date_time()).unwrap();
        let record = Load {
            person: self.person,
            card_id: hex::encode_upper(self.id),
            amount,
            card_serial: self.load_serial,
            tac: hex::encode(tac),
            date_time: DATE_TIME.into(),
            balance_before: self.balance,
        };
        self.load_serial += 1;
        self.balance += amount;
        Business::Load(record)
    }

    pub fn purchase(&self, terminal: TerminalId, account: Fen) -> CardPurchase {
        self.purchase_at(terminal, account, DATE_TIME)
    }

    pub fn purchase_at(&self, terminal: TerminalId, account: Fen, digits: &str) -> CardPurchase {
        // A card counts its purchases: no two are the same.
        static SERIAL: AtomicU16 = AtomicU16::new(3);
        let serial = SERIAL.fetch_add(1, Ordering::SeqCst);
        let (suite, key) = self.issuer_key(KeyUse::Tac);
        let purchase = Purchase {
            amounts: CardAmounts::from_fen(account, Fen(70), Fen(80)).unwrap(),
            terminal: TerminalNumber(terminal.to_bcd()),
            terminal_serial: TerminalSerial(7),
            date_time: date_time_of(digits),
            serial,
            random: [9; 4],
        };
        CardPurchase {
            card_factor: hex::encode(self.serial),
            card_serial: serial,
            terminal_serial: 7,
            account,
            self_paid: Fen(70),
            pooled: Fen(80),
            date_time: digits.into(),
            algorithm: self.algorithm.id(),
            key_version: 1,
            tac: hex::encode(purchase.tac(suite, &key)),
            from_proof: false,
            balance_before: Fen(1_000_000),
        }
    }

    /// The part of the identification code that names the card.
    pub fn key(&self) -> [u8; 12] {
        *self.id.first_chunk().unwrap()
    }

    pub fn settlement(&self, terminal: TerminalId, fee: i64) -> protocol::record::Settlement {
        let mut settlement = settlement(self.person, fee);
        settlement.card_id = hex::encode_upper(self.id);
        settlement.amounts.acct_pay = settlement.amounts.psn_cash_pay;
        settlement.amounts.psn_cash_pay = Fen::ZERO;
        settlement.card = Some(self.purchase(terminal, settlement.amounts.acct_pay));
        settlement
    }
}

pub fn date_time() -> DateTime {
    date_time_of(DATE_TIME)
}

pub fn date_time_of(digits: &str) -> DateTime {
    let mut bytes = [0; 7];
    hex::decode_to_slice(digits, &mut bytes).unwrap();
    DateTime::from_cn(bytes).unwrap()
}

/// A rig whose center has the keys of both algorithms.
pub fn rig() -> (Rig, Terminal) {
    let mut rig = Rig::new(1);
    let terminal = rig.terminal(1);
    let module =
        SoftwareModule::new([Algorithm::TripleDes, Algorithm::Sm4].into_iter().flat_map(keys).collect());
    let folder = rig.folder.path().join("center");
    rig.center = Center::open_with_module(&folder, rig.outside.clone(), Some(Arc::new(module))).unwrap();
    (rig, terminal)
}

pub fn load(rig: &Rig, request: &LoadRequest) -> Result<LoadAnswer, Problem> {
    rig.center.production.load(request.terminal, request)
}

pub fn refusal(rig: &Rig, request: &LoadRequest) -> String {
    let problem = load(rig, request).unwrap_err();
    assert_eq!(problem.kind, ProblemKind::LoadRefused);
    problem.detail
}

pub fn credit(rig: &Rig, card: &Card) -> Fen {
    rig.center.production.credit(card.person.key()).unwrap()
}

pub fn alarms(rig: &Rig) -> Vec<AlarmKind> {
    let alarms = rig.center.production.storage().alarms(100).unwrap();
    alarms.iter().rev().map(|row| row.alarm.kind).collect()
}

/// Books one record and gives its verdict.
pub fn book(rig: &Rig, terminal: &mut Terminal, id: TransactionId, business: Business) -> Verdict {
    let sequence = terminal.record(id, business);
    verdicts(&rig.receipt(terminal, &terminal.batch(sequence, sequence))).remove(0)
}
