//! What the tests of a visit stand on: a card, a PSAM, a hand that pulls cards, chance from a seed.

pub(crate) mod center;
pub(crate) mod counter;
pub(crate) mod sensor;
pub(crate) mod truth;

use std::sync::{Arc, Mutex};

use card_spec::{date::Date, generation::Generation, money::Fen, region::RegionCode};
use protocol::id::TerminalId;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sim::{
    card::Card,
    chip::SharedChip,
    fault::Plan,
    image::CardImage,
    keys::TestKeys,
    people::{Person, Population},
    personalise::{CardOrder, PsamOrder},
    psam::Psam,
    slot::{Hand, InProcessSlot},
};
use terminal::{ports::Random, session::Session};

pub(crate) const TERMINAL: &str = "430100000001";
pub(crate) const CITY: &str = "430100";
/// 2026-11-24 09:30:00 in UTC+8.
pub(crate) const NOW_MS: i64 = 1_795_483_800_000;

pub(crate) fn keys() -> TestKeys {
    TestKeys::from_seed(7)
}

pub(crate) fn city() -> RegionCode {
    RegionCode::parse(CITY).unwrap()
}

pub(crate) fn terminal_id() -> TerminalId {
    TERMINAL.parse().unwrap()
}

pub(crate) fn today() -> Date {
    Date::new(2026, 11, 24).unwrap()
}

/// A person of the seeded population with an account.
pub(crate) fn person(index: u64) -> Person {
    let people = Population::new(11, 1_000).in_city(city()).as_of(today());
    people.person(index).unwrap()
}

pub(crate) fn order(person: &Person, generation: Generation) -> CardOrder<'_> {
    CardOrder::new(person, keys()).generation(generation).account(50_000)
}

pub(crate) fn psam() -> PsamOrder {
    PsamOrder::new(terminal_id().to_bcd(), keys())
}

/// Chance that repeats.
pub(crate) struct Seeded(pub ChaCha8Rng);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Seeded(ChaCha8Rng::seed_from_u64(seed))
    }
}

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// A card that can be looked into while the terminal works with it.
#[derive(Clone)]
pub(crate) struct TestCard(pub Arc<Mutex<Card>>);

impl TestCard {
    pub(crate) fn new(image: &CardImage) -> Self {
        TestCard(Arc::new(Mutex::new(Card::new(image, 5).unwrap())))
    }

    pub(crate) fn of(order: &CardOrder<'_>) -> Self {
        Self::new(&order.build().unwrap())
    }

    pub(crate) fn chip(&self) -> SharedChip {
        SharedChip::from_arc(Arc::clone(&self.0))
    }

    pub(crate) fn image(&self) -> CardImage {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).image()
    }
}

/// Both slots, with the hands that fill them, and a session over them.
pub(crate) struct Desk {
    pub(crate) card: Hand,
    pub(crate) psam: Hand,
    pub(crate) session: Session,
    pub(crate) random: Seeded,
}

impl Desk {
    /// With the usual PSAM and no card.
    pub(crate) fn new() -> Self {
        Self::with_psam(&psam())
    }

    pub(crate) fn with_psam(order: &PsamOrder) -> Self {
        Self::of_terminal(terminal_id(), order)
    }

    pub(crate) fn of_terminal(terminal: TerminalId, order: &PsamOrder) -> Self {
        let (card_slot, card) = InProcessSlot::new("card");
        let (psam_slot, psam) = InProcessSlot::with("psam", SharedChip::new(Psam::new(&order.build(), 3)));
        let session = Session::new(Box::new(card_slot), Box::new(psam_slot), terminal).at_home_in(city());
        Desk { card, psam, session, random: Seeded::new(1) }
    }

    /// Takes out what is in the card slot and puts this in.
    pub(crate) fn insert(&self, card: &TestCard) {
        self.insert_with(card, Plan::none());
    }

    pub(crate) fn insert_with(&self, card: &TestCard, plan: impl Into<Plan>) {
        self.card.pull();
        self.card.insert_with(card.chip(), plan.into()).unwrap();
    }

    pub(crate) fn open(&mut self) -> Result<terminal::session::OpenCard, terminal::session::SessionError> {
        self.session.open(&mut self.random).cloned()
    }
}

pub(crate) fn yuan(text: &str) -> Fen {
    Fen::parse_yuan(text).unwrap()
}
