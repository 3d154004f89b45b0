//! Filling the cache from the feed.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    feed::{BlockReason, Change, Page, SignedPage},
    pension::{Fingers, Pension},
};
use rusqlite::Connection;
use terminal::cache::{Cache, CacheError, Eligibility};

use super::support::{
    center::Center,
    people::{changes, entry, key},
    *,
};

struct Filled {
    _folder: tempfile::TempDir,
    cache: Cache,
    center: Center,
}

fn empty() -> Filled {
    let folder = tempfile::tempdir().unwrap();
    let center = Center::new();
    let connection = Connection::open(folder.path().join("cache.db")).unwrap();
    let cache = Cache::open(connection, &store_key(), center.key.public(), city()).unwrap();
    Filled { _folder: folder, cache, center }
}

fn with(people: u64) -> Filled {
    let mut filled = empty();
    filled.center.feed = changes(0..people);
    fill(&mut filled);
    filled
}

fn fill(filled: &mut Filled) {
    while !filled.cache.progress().unwrap().complete() {
        let (_, after) = filled.cache.cursor().unwrap();
        filled.cache.apply(&filled.center.page(after, 100)).unwrap();
    }
}

fn known(cache: &Cache, number: u64) -> bool {
    let found = cache.look_up(person(number), MORNING, &Default::default()).unwrap();
    matches!(found, Eligibility::Eligible(_) | Eligibility::NotEligible { .. })
}

fn page(center: &Center, after: u64, changes: Vec<Change>) -> Page {
    let upto = after + changes.len() as u64;
    Page { city: city(), epoch: center.epoch, after, upto, newest: upto, as_of: center.now, changes }
}

#[test]
fn the_first_fill_shows_its_progress() {
    let mut filled = empty();
    filled.center.feed = changes(0..1_000);
    let mut seen = Vec::new();
    for after in (0..1_000).step_by(100) {
        let progress = filled.cache.apply(&filled.center.page(after, 100)).unwrap();
        seen.push(progress.cursor * 100 / progress.newest);
        assert_eq!(progress.complete(), after == 900);
    }
    assert_eq!(seen, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert_eq!(filled.cache.count(), Ok((1_000, 0)));
}

#[test]
fn gaps_and_repetitions_are_refused() {
    let mut filled = with(300);
    let before = filled.cache.progress().unwrap();
    let again = filled.center.page(200, 100);
    assert_eq!(filled.cache.apply(&again), Err(CacheError::OutOfOrder { expected: 300, got: 200 }));
    let gap = filled.center.sign(&page(&filled.center, 301, changes(301..302)));
    assert_eq!(filled.cache.apply(&gap), Err(CacheError::OutOfOrder { expected: 300, got: 301 }));
    assert_eq!(filled.cache.progress().unwrap(), before);
    assert_eq!(filled.cache.count().unwrap().0, 300);
}

#[test]
fn only_our_center_and_our_city() {
    let mut filled = with(10);
    let next = page(&filled.center, 10, changes(10..11));
    let forged = SignedPage::sign(identity_of(99).key_pair(), &next).unwrap();
    assert_eq!(filled.cache.apply(&forged), Err(CacheError::NotSigned));
    let mut bent = filled.center.sign(&next);
    *bent.page.last_mut().unwrap() ^= 1;
    assert_eq!(filled.cache.apply(&bent), Err(CacheError::NotSigned));
    let other = Page { city: card_spec::region::RegionCode::parse("510100").unwrap(), ..next.clone() };
    assert_eq!(filled.cache.apply(&filled.center.sign(&other)), Err(CacheError::OtherCity));
    filled.cache.apply(&filled.center.sign(&next)).unwrap();
}

#[test]
fn changes_replace_remove_block_and_free() {
    let mut filled = with(10);
    let mut changed = entry(3);
    changed.deductible_fen = 99_999;
    changed.civil_servant = true;
    let blocked = |card, reason| Change::CardBlocked { card, reason };
    let next = page(
        &filled.center,
        10,
        vec![
            Change::Person(changed),
            Change::PersonGone(key(4)),
            Change::PersonGone(key(4_000)),
            blocked(card(1).0, BlockReason::Lost),
            blocked(card(2).0, BlockReason::Fraud),
            blocked(card(1).0, BlockReason::Replaced),
            Change::CardFreed(card(2).0),
        ],
    );
    filled.cache.apply(&filled.center.sign(&next)).unwrap();
    let found = filled.cache.look_up(person(3), MORNING, &Default::default()).unwrap();
    assert_eq!(found, Eligibility::Eligible(changed));
    assert!(!known(&filled.cache, 4));
    assert_eq!(filled.cache.blocked(card(1)), Ok(Some(BlockReason::Replaced)));
    assert_eq!(filled.cache.blocked(card(2)), Ok(None));
    assert_eq!(filled.cache.count(), Ok((9, 1)));
}

#[test]
fn filling_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut center = Center::new();
    center.feed = changes(0..500);
    let path = folder.path().join("cache.db");
    for stop in [1, 3, 4, 5] {
        let connection = Connection::open(&path).unwrap();
        let mut cache = Cache::open(connection, &store_key(), center.key.public(), city()).unwrap();
        while cache.cursor().unwrap().1 < stop * 100 {
            let (_, after) = cache.cursor().unwrap();
            cache.apply(&center.page(after, 100)).unwrap();
        }
    }
    let connection = Connection::open(&path).unwrap();
    let cache = Cache::open(connection, &store_key(), center.key.public(), city()).unwrap();
    assert!(cache.progress().unwrap().complete());
    assert!((0..500).all(|number| known(&cache, number)));
}

#[test]
fn a_new_generation_starts_from_nothing_an_old_one_does_not() {
    let mut filled = with(200);
    let old_first = filled.center.page(0, 100);
    filled.center.epoch = 77;
    filled.center.now = MORNING.plus_ms(1_000);
    filled.center.feed = changes(500..650);
    // Not from the middle.
    let middle = filled.center.page(100, 50);
    assert_eq!(filled.cache.apply(&middle), Err(CacheError::OutOfOrder { expected: 0, got: 100 }));
    assert_eq!(filled.cache.count().unwrap().0, 200);
    let progress = filled.cache.apply(&filled.center.page(0, 100)).unwrap();
    assert_eq!((progress.epoch, progress.cursor, progress.as_of), (77, 100, None));
    assert_eq!(filled.cache.count().unwrap().0, 100);
    fill(&mut filled);
    assert!(known(&filled.cache, 649) && !known(&filled.cache, 10));
    // Somebody plays the old generation again.
    assert_eq!(filled.cache.apply(&old_first), Err(CacheError::Outdated));
    assert_eq!(filled.cache.count().unwrap().0, 150);
}

#[test]
fn an_empty_page_makes_the_copy_younger_an_old_one_does_not() {
    let mut filled = with(100);
    assert_eq!(filled.cache.age_ms(MORNING.plus_ms(HOUR_MS)), Ok(Some(HOUR_MS)));
    let old = filled.center.page(100, 100);
    filled.center.now = MORNING.plus_ms(HOUR_MS);
    filled.cache.apply(&filled.center.page(100, 100)).unwrap();
    assert_eq!(filled.cache.age_ms(MORNING.plus_ms(HOUR_MS)), Ok(Some(0)));
    filled.cache.apply(&old).unwrap();
    assert_eq!(filled.cache.age_ms(MORNING.plus_ms(HOUR_MS)), Ok(Some(0)));
    // While there is more to come the copy does not grow younger.
    filled.center.now = MORNING.plus_ms(2 * HOUR_MS);
    filled.center.feed.extend(changes(100..300));
    filled.cache.apply(&filled.center.page(100, 100)).unwrap();
    assert_eq!(filled.cache.age_ms(MORNING.plus_ms(2 * HOUR_MS)), Ok(Some(HOUR_MS)));
}

#[test]
fn a_page_that_cannot_be_stored_changes_nothing() {
    let mut filled = with(100);
    let before = filled.cache.progress().unwrap();
    let mut broken = page(&filled.center, 100, changes(100..200));
    // A key that no column holds, behind a hundred good changes.
    let mut person = entry(7);
    person.key = u64::MAX;
    broken.changes.push(Change::Person(person));
    broken.upto += 1;
    assert_eq!(filled.cache.apply(&filled.center.sign(&broken)), Err(CacheError::Content));
    assert_eq!(filled.cache.progress().unwrap(), before);
    assert_eq!(filled.cache.count().unwrap().0, 100);
    filled.center.feed.extend(changes(100..200));
    filled.cache.apply(&filled.center.page(100, 100)).unwrap();
    assert_eq!(filled.cache.count().unwrap().0, 200);
}

#[test]
fn clearing_starts_again_and_keeps_the_rules() {
    let mut filled = with(100);
    let rules = protocol::rules::RulesSet { revision: 3, documents: Vec::new() };
    filled.cache.store_rules(&filled.center.signed(protocol::rules::PURPOSE, &rules)).unwrap();
    filled.cache.clear().unwrap();
    assert_eq!(filled.cache.count(), Ok((0, 0)));
    assert_eq!(filled.cache.cursor(), Ok((0, 0)));
    fill(&mut filled);
    assert_eq!(filled.cache.count(), Ok((100, 0)));
    assert_eq!(filled.cache.rules(), Ok(Some(rules)));
}

fn pension(number: u64, next_unpaid: u32) -> Pension {
    Pension {
        key: key(number),
        monthly: Fen(180_000 + number as i64),
        next_unpaid: Period::from_number(next_unpaid).unwrap(),
        paid_ahead: 0x8000_0001,
        certified_until: (!number.is_multiple_of(2)).then(|| Day::from_number(20_270_228).unwrap()),
        fingers: [Fingers::Unknown, Fingers::Enrolled, Fingers::NoneUsable][number as usize % 3],
    }
}

#[test]
fn pensions_come_go_and_are_replaced_whole() {
    let mut filled = with(10);
    let put = |filled: &mut Filled, changes: Vec<Change>| {
        let (_, after) = filled.cache.cursor().unwrap();
        let page = page(&filled.center, after, changes);
        let signed = SignedPage::sign(filled.center.key.key_pair(), &page).unwrap();
        filled.cache.apply(&signed).unwrap();
    };
    let known = |filled: &Filled, number: u64| filled.cache.pension(person(number), MORNING).unwrap();
    assert_eq!(known(&filled, 1).pension, None);
    put(&mut filled, (0..6).map(|number| Change::Pension(pension(number, 202_609))).collect());
    for number in 0..6 {
        assert_eq!(known(&filled, number).pension, Some(pension(number, 202_609)));
    }
    assert!(known(&filled, 1).age_ms.is_some());
    put(
        &mut filled,
        vec![
            Change::Pension(pension(2, 202_610)),
            Change::PensionGone(key(3)),
            Change::PensionGone(key(9)),
            Change::Pension(pension(4, 202_610)),
            Change::PensionGone(key(4)),
            Change::PensionGone(key(5)),
            Change::Pension(pension(5, 202_612)),
        ],
    );
    assert_eq!(known(&filled, 2).pension, Some(pension(2, 202_610)));
    assert_eq!(known(&filled, 3).pension, None);
    assert_eq!(known(&filled, 4).pension, None, "what concerns one person keeps its order");
    assert_eq!(known(&filled, 5).pension, Some(pension(5, 202_612)));
    assert_eq!(filled.cache.pension_count().unwrap(), 4);
    filled.cache.clear().unwrap();
    assert_eq!(filled.cache.pension_count().unwrap(), 0);
    assert_eq!(known(&filled, 2).age_ms, None);
}
