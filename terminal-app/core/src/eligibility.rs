//! Whether a card may be used and its holder is insured (参保资格).
//!
//! Pure functions over facts; the flows fetch the facts from card, cache and center. The order of the
//! checks is that of a card terminal: genuine, issuer, class, version, dates, application, blacklist, then
//! the person. "Genuine" and "application" are the dialogue's own affair: a card that fails them never
//! comes here.

use card_spec::{
    date::{CardDate, Date, Validity},
    generation::Generation,
    region::RegionCode,
};
use protocol::{
    feed::{BlockReason, Person},
    timestamp::Timestamp,
};

use crate::cache::NotEligible;

/// What a terminal accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// City that this terminal belongs to, ending in `00`.
    pub city: RegionCode,
    /// Issuing provinces whose cards are accepted; empty accepts every province.
    pub provinces: Vec<RegionCode>,
    /// Classes of card that are accepted (EF05 tag 02).
    pub classes: Vec<u8>,
    /// Generations that are accepted.
    pub generations: Vec<Generation>,
}

impl Terms {
    /// Accepts every class and generation.
    pub fn of_city(city: RegionCode) -> Self {
        Terms {
            city: city.city(),
            provinces: Vec::new(),
            classes: vec![b'1', b'2', b'3'],
            generations: Generation::ALL.to_vec(),
        }
    }
}

/// What of a card decides whether it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardFacts {
    /// Issuing city, by the card identification code.
    pub city: RegionCode,
    /// Class of the card; `None` when the record is empty.
    pub class: Option<u8>,
    /// Generation.
    pub generation: Generation,
    /// Date of issue.
    pub issued: CardDate,
    /// Date of expiry.
    pub expires: CardDate,
}

/// Where a person's entry came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This terminal's copy, so old.
    Cache {
        /// Age of the copy.
        age_ms: i64,
    },
    /// The center, just now.
    Center,
}

/// A person who may settle here.
#[derive(Clone, Debug, PartialEq)]
pub struct Eligible {
    /// The entry, with what this terminal has settled since added to it.
    pub person: Person,
    /// City that insures the person.
    pub city: RegionCode,
    /// Where the entry came from.
    pub source: Source,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// May settle.
    Eligible(Box<Eligible>),
    /// May not, and why.
    NotEligible(Refusal),
}

/// Why a card or its holder may not settle. The reasons a clerk can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Cards of this province are not accepted here.
    Issuer {
        /// Issuing city.
        city: RegionCode,
    },
    /// This class of card is not accepted.
    CardClass {
        /// The class, when the card has one.
        class: Option<u8>,
    },
    /// This generation of card is not accepted.
    Generation {
        /// The generation.
        generation: Generation,
    },
    /// The card was never issued: its dates are empty.
    NotIssued,
    /// The card is not valid yet.
    NotYetValid,
    /// The card has expired.
    Expired {
        /// Last day of its validity.
        last_day: Date,
    },
    /// The card is on the blacklist.
    Blacklisted {
        /// Why.
        reason: BlockReason,
    },
    /// The insured is dead: whoever holds the card is not its holder (冒领). An alarm.
    Deceased,
    /// Benefits are suspended.
    Suspended,
    /// Insurance has ended.
    Ended,
    /// Contributions are missing.
    Arrears {
        /// Last month that is paid, as year × 12 + month − 1.
        paid_until: u16,
    },
    /// The person is insured in another city, which this center cannot ask.
    OtherCity {
        /// That city, when it is known.
        city: Option<RegionCode>,
    },
    /// A card of another city can be settled with the line up only.
    OtherCityOffline {
        /// Issuing city.
        city: RegionCode,
    },
    /// Neither this terminal nor the center knows the person.
    Unknown,
    /// This terminal does not know the person, and the center cannot be asked.
    UnknownOffline,
    /// This terminal's copy is too old to rely on, and the center cannot be asked.
    CacheTooOld {
        /// Its age.
        age_ms: i64,
        /// The limit.
        age_ms_max: i64,
    },
    /// This terminal has no copy yet, and the center cannot be asked.
    CacheEmpty,
    /// The clock is in doubt, so that the age of the copy is not known, and the center cannot be asked.
    ClockDoubtful,
}

impl Refusal {
    /// Whether this says something of the person or the card, and not of what this terminal does not know.
    pub fn is_of_person(&self) -> bool {
        !matches!(
            self,
            Self::OtherCityOffline { .. }
                | Self::UnknownOffline
                | Self::CacheTooOld { .. }
                | Self::CacheEmpty
                | Self::ClockDoubtful
        )
    }

    /// Whether somebody seems to use another's card: the supervisor is called.
    pub fn is_alarm(&self) -> bool {
        matches!(
            self,
            Self::Deceased | Self::Blacklisted { reason: BlockReason::Deceased | BlockReason::Fraud }
        )
    }
}

/// Checks the card itself, in the order of a card terminal.
pub fn check_card(card: &CardFacts, today: Date, terms: &Terms) -> Result<(), Refusal> {
    if !terms.provinces.is_empty()
        && !terms.provinces.iter().any(|province| province.province() == card.city.province())
    {
        return Err(Refusal::Issuer { city: card.city });
    }
    if !card.class.is_some_and(|class| terms.classes.contains(&class)) {
        return Err(Refusal::CardClass { class: card.class });
    }
    if !terms.generations.contains(&card.generation) {
        return Err(Refusal::Generation { generation: card.generation });
    }
    match Validity::on(today, card.issued, card.expires) {
        Validity::Valid => Ok(()),
        Validity::NotYetValid => Err(Refusal::NotYetValid),
        Validity::Expired { last_day } => Err(Refusal::Expired { last_day }),
        Validity::NotIssued => Err(Refusal::NotIssued),
    }
}

/// Checks a person's entry.
pub fn check_person(person: &Person, now: Timestamp) -> Result<(), Refusal> {
    NotEligible::of(person, now).map_or(Ok(()), |reason| Err(reason.into()))
}

impl From<NotEligible> for Refusal {
    fn from(reason: NotEligible) -> Self {
        match reason {
            NotEligible::Suspended => Refusal::Suspended,
            NotEligible::Ended => Refusal::Ended,
            NotEligible::Deceased => Refusal::Deceased,
            NotEligible::Arrears { paid_until } => Refusal::Arrears { paid_until },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn city(text: &str) -> RegionCode {
        RegionCode::parse(text).unwrap()
    }

    fn facts() -> CardFacts {
        CardFacts {
            city: city("430100"),
            class: Some(b'3'),
            generation: Generation::Three,
            issued: CardDate::Day(day("20240115")),
            expires: CardDate::Day(day("20340115")),
        }
    }

    #[test]
    fn card_checks_in_their_order() {
        let today = day("20261124");
        let terms = Terms::of_city(city("430100"));
        assert_eq!(check_card(&facts(), today, &terms), Ok(()));
        let all_wrong = CardFacts {
            city: city("110100"),
            class: Some(b'9'),
            generation: Generation::One,
            issued: CardDate::NotIssued,
            expires: CardDate::NotIssued,
        };
        let narrow = Terms {
            provinces: vec![city("430000")],
            generations: vec![Generation::Two, Generation::Three],
            ..terms.clone()
        };
        let refused = |card: &CardFacts| check_card(card, today, &narrow).unwrap_err();
        assert_eq!(refused(&all_wrong), Refusal::Issuer { city: city("110100") });
        let card = CardFacts { city: city("430200"), ..all_wrong };
        assert_eq!(refused(&card), Refusal::CardClass { class: Some(b'9') });
        let card = CardFacts { class: Some(b'1'), ..card };
        assert_eq!(refused(&card), Refusal::Generation { generation: Generation::One });
        let card = CardFacts { generation: Generation::Two, ..card };
        assert_eq!(refused(&card), Refusal::NotIssued);
        let card = CardFacts { class: None, ..facts() };
        assert_eq!(refused(&card), Refusal::CardClass { class: None });
    }

    #[test]
    fn both_days_belong_to_the_validity() {
        let terms = Terms::of_city(city("430100"));
        let on = |today: &str| check_card(&facts(), day(today), &terms);
        assert_eq!(on("20240114"), Err(Refusal::NotYetValid));
        assert_eq!(on("20240115"), Ok(()));
        assert_eq!(on("20340115"), Ok(()));
        assert_eq!(on("20340116"), Err(Refusal::Expired { last_day: day("20340115") }));
    }

    #[test]
    fn somebody_elses_card_is_an_alarm() {
        assert!(Refusal::Deceased.is_alarm());
        assert!(Refusal::Blacklisted { reason: BlockReason::Fraud }.is_alarm());
        assert!(!Refusal::Blacklisted { reason: BlockReason::Lost }.is_alarm());
        assert!(!Refusal::Ended.is_alarm());
    }
}
