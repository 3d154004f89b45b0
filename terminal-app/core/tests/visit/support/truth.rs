//! What must be true of card, books and center after everything that can happen to a visit.

use card_spec::{
    account::{Amounts, LogRecord, Purchase},
    atr::Atr,
    date::DateTime,
    generation::Algorithm,
    key::{CardFactors, KeyName},
    money::Fen,
    psam::{TerminalNumber, TerminalSerial},
    suite::Suite,
};
use protocol::record::{Business, CardPurchase, Settlement};
use sim::image::{AccountImage, CardImage, DirectoryImage, FileBody};
use terminal::ledger::{Filter, State, Transaction};

use super::{TestCard, city, counter::Counter, keys, terminal_id};

/// The account and the log on a card, read from its memory and not through its commands.
pub(crate) fn account(card: &TestCard) -> (AccountImage, Vec<LogRecord>) {
    let image = settled(card);
    let directory = find(&image.root, 0xDF04).expect("a medical account");
    let log = directory.files.iter().find(|file| file.id.0 == 0xEF08).unwrap();
    let FileBody::Cyclic { records, .. } = &log.body else { panic!("the log is cyclic") };
    let mut entries: Vec<LogRecord> =
        records.iter().filter_map(|record| LogRecord::parse(&record.0).unwrap()).collect();
    entries.sort_by_key(|entry| (entry.transaction_type, entry.serial));
    (directory.account.clone().unwrap(), entries)
}

/// The card as it is after its next power-on: an interrupted update is finished or forgotten then.
fn settled(card: &TestCard) -> CardImage {
    let copy = TestCard::new(&card.image());
    {
        use sim::chip::Chip;
        let mut chip = copy.0.lock().unwrap();
        chip.power_on().unwrap();
        chip.power_off();
    }
    copy.image()
}

fn find(directory: &DirectoryImage, id: u16) -> Option<&DirectoryImage> {
    if directory.id.0 == id {
        return Some(directory);
    }
    directory.directories.iter().find_map(|child| find(child, id))
}

fn environment(image: &CardImage) -> &DirectoryImage {
    let is_environment = |directory: &&DirectoryImage| {
        directory.id.0 == 0xDDF1 || directory.alias.is_some_and(|alias| alias.0 == 0xDDF1)
    };
    std::iter::once(&image.root).chain(&image.root.directories).find(is_environment).unwrap()
}

/// Tries left of PIN and RKSSSE, as a number each below the most.
pub(crate) fn tries_missing(card: &TestCard) -> (u8, u8) {
    let image = settled(card);
    let environment = environment(&image);
    let pin = environment.pin.as_ref().unwrap();
    let key = environment.keys.iter().find(|key| key.name == "RKSSSE");
    (pin.tries_max - pin.tries_left, key.map_or(0, |key| key.tries_max - key.tries_left))
}

/// Settlements in the books that were not written off, with the row's state.
pub(crate) fn settlements(counter: &mut Counter) -> Vec<(Transaction, Option<Settlement>)> {
    let rows = counter.ledger().list(Filter::All, 1_000).unwrap();
    rows.into_iter()
        .filter(|row| row.state < State::Recorded || !row.abandoned)
        .filter_map(|row| match row.business() {
            Some(Business::Settlement(settlement)) => Some((row, Some(*settlement))),
            Some(_) => None,
            None => Some((row, None)),
        })
        .collect()
}

/// At any moment: money left the card exactly where the books know of it, or know that they do not know.
pub(crate) fn assert_no_contradiction(counter: &mut Counter, card: &TestCard, before_fen: u32, what: &str) {
    let (account, log) = account(card);
    let debits: Vec<_> = log.iter().filter(|entry| entry.transaction_type == 0x32).collect();
    let taken: u32 = debits.iter().map(|entry| entry.amounts.account_fen).sum();
    assert_eq!(account.balance_fen, before_fen - taken, "{what}: the card agrees with its own log");
    assert_eq!(usize::from(account.offline_serial), debits.len(), "{what}: one serial for each debit");
    let rows = settlements(counter);
    for debit in &debits {
        let known = rows.iter().any(|(row, settlement)| match settlement {
            Some(settlement) => settlement.card.as_ref().is_some_and(|card| card.card_serial == debit.serial),
            None => row.armed.as_ref().is_some_and(|arming| arming.card_serial == debit.serial),
        });
        assert!(known, "{what}: a debit of the card is not in the books");
    }
    for (_, settlement) in &rows {
        if let Some(purchase) = settlement.as_ref().and_then(|settlement| settlement.card.as_ref()) {
            let on_card = debits.iter().find(|entry| entry.serial == purchase.card_serial);
            let on_card = on_card.unwrap_or_else(|| panic!("{what}: booked, but not on the card"));
            assert_eq!(Fen(i64::from(on_card.amounts.account_fen)), purchase.account, "{what}");
        }
    }
}

/// In the end: the visit is settled once, on the card, in the books and at the center.
pub(crate) fn assert_settled_once(counter: &mut Counter, card: &TestCard, before_fen: u32, what: &str) {
    assert_no_contradiction(counter, card, before_fen, what);
    let rows = settlements(counter);
    assert_eq!(rows.len(), 1, "{what}: one settlement");
    let (row, settlement) = &rows[0];
    let settlement = settlement.as_ref().unwrap_or_else(|| panic!("{what}: {row:?} is still open"));
    let purchase = settlement.card.as_ref().unwrap();
    let (account, log) = account(card);
    assert_eq!(log.len(), 1, "{what}: one entry in the card's log");
    assert_eq!(Fen(i64::from(account.balance_fen)), purchase.balance_before - purchase.account, "{what}");
    assert_eq!(purchase.tac, expected_tac(card, purchase), "{what}: the TAC is the card's");
    assert_eq!(tries_missing(card), (0, 0), "{what}: every try is back");
    assert_eq!(counter.ledger().unresolved_all().unwrap(), [], "{what}");
    counter.ledger().verify().unwrap();
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    assert!(counter.terminal().send_all().unwrap(), "{what}: the queue is empty");
    let booked = counter.center.state().booked.clone();
    let paid: Fen = booked
        .iter()
        .filter_map(|body| match &body.business {
            Business::Settlement(settlement) => Some(settlement.amounts.acct_pay),
            _ => None,
        })
        .sum();
    assert_eq!(paid, purchase.account, "{what}: booked once");
    let sequences: Vec<u64> = booked.iter().map(|body| body.sequence).collect();
    assert_eq!(sequences, (1..=booked.len() as u64).collect::<Vec<_>>(), "{what}: no gap in the chain");
}

/// The TAC as the issuer computes it.
pub(crate) fn expected_tac(card: &TestCard, purchase: &CardPurchase) -> String {
    let image = card.image();
    let atr = Atr::parse(&image.atr.0).unwrap();
    let factors = CardFactors::new(atr.social_security_bytes().unwrap().card_serial(), city());
    let algorithm = Algorithm::from_id(Some(image.algorithm.0)).unwrap();
    let key = keys().on_card(KeyName::DTK, algorithm, 1, &factors);
    let date_time: [u8; 7] = hex::decode(&purchase.date_time).unwrap().try_into().unwrap();
    let purchase = Purchase {
        amounts: Amounts::from_fen(purchase.account, purchase.self_paid, purchase.pooled).unwrap(),
        terminal: TerminalNumber(terminal_id().to_bcd()),
        terminal_serial: TerminalSerial(purchase.terminal_serial),
        date_time: DateTime::from_cn(date_time).unwrap(),
        serial: purchase.card_serial,
        random: [0; 4],
    };
    hex::encode(purchase.tac(Suite::from(algorithm), &key))
}
