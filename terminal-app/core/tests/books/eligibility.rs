//! What the cache answers.

use card_spec::money::Fen;
use protocol::{
    feed::{Change, Person, PersonState},
    limits::OfflineLimits,
    timestamp::Timestamp,
};
use rusqlite::Connection;
use terminal::cache::{Cache, Eligibility, NotEligible};

use super::{
    support::{
        center::Center,
        people::{changes, entry, key},
        *,
    },
    uploading::Rig,
};

fn active() -> Person {
    Person { state: PersonState::Active, psn_type: 11, ..entry(1) }
}

fn open(folder: &std::path::Path, center: &Center) -> Cache {
    let connection = Connection::open(folder.join("cache.db")).unwrap();
    Cache::open(connection, &store_key(), center.key.public(), city()).unwrap()
}

#[test]
fn every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut center = Center::new();
    let november = 2026 * 12 + 10;
    let people = [
        (1, Person { paid_until: november, ..active() }, None),
        (2, Person { state: PersonState::Suspended, ..active() }, Some(NotEligible::Suspended)),
        (3, Person { state: PersonState::Ended, ..active() }, Some(NotEligible::Ended)),
        (4, Person { state: PersonState::Deceased, ..active() }, Some(NotEligible::Deceased)),
        (5, Person { paid_until: november - 1, ..active() }, None),
        (
            6,
            Person { paid_until: november - 2, ..active() },
            Some(NotEligible::Arrears { paid_until: november - 2 }),
        ),
        (7, Person { paid_until: 0, psn_type: 12, ..active() }, None),
        (
            8,
            Person { paid_until: 0, psn_type: 12, state: PersonState::Deceased, ..active() },
            Some(NotEligible::Deceased),
        ),
    ];
    center.feed =
        people.iter().map(|(n, person, _)| Change::Person(Person { key: key(*n), ..*person })).collect();
    let limits = OfflineLimits::default();
    let mut cache = open(folder.path(), &center);
    let ask = |cache: &Cache, who: u64, now: Timestamp| cache.look_up(person(who), now, &limits).unwrap();
    assert_eq!(ask(&cache, 1, MORNING), Eligibility::TooOld { age_ms: None }, "never filled");
    cache.apply(&center.page(0, 100)).unwrap();
    for (number, stored, reason) in people {
        let stored = Person { key: key(number), ..stored };
        let expected = match reason {
            None => Eligibility::Eligible(stored),
            Some(reason) => Eligibility::NotEligible { person: stored, reason },
        };
        assert_eq!(ask(&cache, number, MORNING), expected);
    }
    assert_eq!(ask(&cache, 9, MORNING), Eligibility::UnknownHere);
    // Age and clocks.
    let old = limits.cache_age_max_ms;
    assert_ne!(ask(&cache, 1, MORNING.plus_ms(old)), Eligibility::TooOld { age_ms: Some(old) });
    assert_eq!(ask(&cache, 1, MORNING.plus_ms(old + 1)), Eligibility::TooOld { age_ms: Some(old + 1) });
    let year = 365 * DAY_MS;
    assert_eq!(ask(&cache, 1, MORNING.plus_ms(-year)), Eligibility::TooOld { age_ms: Some(-year) });
}

#[test]
fn another_connection_brings_it_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut center = Center::new();
    center.feed = vec![Change::Person(Person { key: key(1), ..active() })];
    let asking = open(folder.path(), &center);
    let mut filling = open(folder.path(), &center);
    let limits = OfflineLimits::default();
    assert_eq!(asking.look_up(person(1), MORNING, &limits), Ok(Eligibility::TooOld { age_ms: None }));
    filling.apply(&center.page(0, 100)).unwrap();
    assert!(matches!(asking.look_up(person(1), MORNING, &limits), Ok(Eligibility::Eligible(_))));
    // It grows old, the other one makes it young again.
    let later = MORNING.plus_ms(limits.cache_age_max_ms + 1);
    assert!(matches!(asking.look_up(person(1), later, &limits), Ok(Eligibility::TooOld { .. })));
    center.now = later;
    filling.apply(&center.page(1, 100)).unwrap();
    assert!(matches!(asking.look_up(person(1), later, &limits), Ok(Eligibility::Eligible(_))));
}

#[test]
fn every_entry_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut center = Center::new();
    let mut chance = Chance::seeded(100);
    let mut people = Vec::new();
    for number in 0..500 {
        let mut draw = |limit: u64| chance.below(limit);
        people.push(Person {
            key: key(number),
            state: [PersonState::Active, PersonState::Suspended, PersonState::Ended, PersonState::Deceased]
                [draw(4) as usize],
            insutype: draw(1 << 16) as u16,
            psn_type: draw(1 << 8) as u8,
            civil_servant: draw(2) == 1,
            paid_until: draw(1 << 16) as u16,
            year: draw(1 << 16) as u16,
            deductible_fen: draw(1 << 32) as u32,
            pooled_outpatient_fen: draw(1 << 32) as u32,
            pooled_inpatient_fen: draw(1 << 32) as u32,
            own_in_scope_fen: draw(1 << 32) as u32,
            stays: draw(1 << 8) as u8,
        });
    }
    center.feed = people.iter().map(|person| Change::Person(*person)).collect();
    let mut cache = open(folder.path(), &center);
    cache.apply(&center.page(0, 1_000)).unwrap();
    for (number, expected) in people.iter().enumerate() {
        let found = cache.look_up(person(number as u64), MORNING, &OfflineLimits::default()).unwrap();
        match found {
            Eligibility::Eligible(person) | Eligibility::NotEligible { person, .. } => {
                assert_eq!(person, *expected)
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_half_applied_feed_counts_nothing_twice() {
    let mut rig = Rig::new(160);
    let folder = tempfile::tempdir().unwrap();
    rig.center.feed = vec![Change::Person(Person { key: key(1), ..active() })];
    let mut cache = open(folder.path(), &rig.center);
    cache.apply(&rig.center.page(0, 100)).unwrap();
    let counted = |rig: &Rig, cache: &Cache| {
        let as_of = cache.entry_as_of(person(1)).unwrap();
        rig.ledger.accumulated_since(person(1), 2026, as_of).unwrap().pooled_outpatient
    };
    // Settled here and booked an hour later; the copy does not have it.
    rig.settle(1..3);
    rig.terminal.clock.pass(HOUR_MS as u64);
    rig.drain();
    assert_eq!(counted(&rig, &cache), Fen(48_000));
    // The feed tells of it on the first of three pages, and the line breaks.
    rig.terminal.clock.pass(HOUR_MS as u64);
    rig.center.now = rig.terminal.now();
    rig.center.feed.push(Change::Person(Person {
        key: key(1),
        pooled_outpatient_fen: active().pooled_outpatient_fen + 48_000,
        ..active()
    }));
    rig.center.feed.extend(changes(3..5));
    let progress = cache.apply(&rig.center.page(1, 1)).unwrap();
    assert!(!progress.complete() && progress.as_of == Some(MORNING));
    assert_eq!(counted(&rig, &cache), Fen(0), "the entry contains it");
    assert_eq!(cache.entry_as_of(person(1)), Ok(Some(rig.center.now)));
    assert_eq!(cache.entry_as_of(person(2)), Ok(Some(MORNING)), "no page has brought this one");
    let second = rig.ledger.accumulated_since(person(2), 2026, Some(MORNING)).unwrap();
    assert_eq!(second.pooled_outpatient, Fen(48_000), "and does not contain what was settled since");
    drop(cache);
    let mut cache = open(folder.path(), &rig.center);
    assert_eq!(counted(&rig, &cache), Fen(0), "also after a restart");
    // What is settled now counts in any case.
    settle(&mut rig.ledger, &mut rig.terminal, &rig.cashier, 1);
    assert_eq!(counted(&rig, &cache), Fen(48_000));
    while !cache.apply(&rig.center.page(cache.cursor().unwrap().1, 1)).unwrap().complete() {}
    assert_eq!(cache.entry_as_of(person(1)), cache.entry_as_of(person(2)));
    assert_eq!(cache.entry_as_of(person(1)), Ok(cache.progress().unwrap().as_of));
}
