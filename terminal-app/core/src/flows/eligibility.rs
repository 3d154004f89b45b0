//! Whether the holder of the open card may settle here: card, blacklist, cache, center.

use card_spec::{date::Date, region::RegionCode};
use protocol::{
    feed::{Person, PersonQuery},
    timestamp::{ClockQuality, Timestamp},
};

use super::Terminal;
use crate::{
    audit::{Actor, AuditEvent},
    cache::{Eligibility, NotEligible},
    eligibility::{Decision, Eligible, Refusal, Source, check_card, check_person},
    error::Error,
    progress::Progress,
    session::SessionError,
};

/// A person's entry and how it came here.
struct Entry {
    person: Person,
    city: RegionCode,
    source: Source,
    as_of: Option<Timestamp>,
}

impl Terminal {
    /// Says whether the holder of the open card may settle, and why not.
    ///
    /// In this order: the card's issuer, class, generation and dates; the blacklist; the person, from this
    /// terminal's copy when it has the person and is fresh, else from the center. With the line down a person
    /// that is not here, or a copy that is too old, is a refusal that says so. What this terminal has settled
    /// and the entry cannot contain yet is added to it.
    ///
    /// The first time that a dead person's card turns up in a tap is written into the audit.
    /// Errors: `Session(CardFirst)`, `Cache`, `Ledger`.
    pub fn eligibility(&mut self) -> Result<Decision, Error> {
        let key = self.session.card()?.key();
        if let Some((of, eligible)) = &self.eligible
            && *of == key
        {
            return Ok(Decision::Eligible(Box::new(eligible.clone())));
        }
        self.tell(Progress::LookingUp);
        match self.find_entry()? {
            Ok(mut entry) => {
                let year = self.year();
                let number = self.holder_number()?;
                let added = self.ledger.accumulated_since(number, year, entry.as_of)?;
                entry.person.accumulate(year, &added);
                let eligible = Eligible { person: entry.person, city: entry.city, source: entry.source };
                self.eligible = Some((key, eligible.clone()));
                Ok(Decision::Eligible(Box::new(eligible)))
            }
            Err(refusal) => {
                if refusal.is_alarm() {
                    self.note_alarm()?;
                }
                Ok(Decision::NotEligible(refusal))
            }
        }
    }

    fn find_entry(&mut self) -> Result<Result<Entry, Refusal>, Error> {
        let card = self.session.card()?;
        let (facts, key) = (card.facts(), card.key());
        let now = self.center_now();
        if let Err(refusal) = check_card(&facts, date_of(now), &self.config.terms) {
            return Ok(Err(refusal));
        }
        if let Some(reason) = self.cache.blocked(key)? {
            return Ok(Err(Refusal::Blacklisted { reason }));
        }
        let number = self.holder_number()?;
        let doubtful = self.clock_quality()? == ClockQuality::Doubtful;
        let local = facts.city.city() == self.config.terms.city;
        let known = self.cache.look_up(number, now, &self.limits)?;
        match known {
            // An age that a doubtful clock gives is no age.
            Eligibility::Eligible(person) if !doubtful => {
                let age_ms = self.cache.age_ms(now)?.unwrap_or(0).max(0);
                let as_of = self.cache.entry_as_of(number)?;
                let city = self.config.terms.city;
                Ok(Ok(Entry { person, city, source: Source::Cache { age_ms }, as_of }))
            }
            Eligibility::NotEligible { reason, .. } if !doubtful => {
                // A refusal that hurts is asked again where that can be done: contributions may have been paid.
                match reason {
                    NotEligible::Deceased => Ok(Err(reason.into())),
                    _ => self.ask_center(reason.into()),
                }
            }
            Eligibility::Eligible(_) | Eligibility::NotEligible { .. } => {
                self.ask_center(Refusal::ClockDoubtful)
            }
            Eligibility::UnknownHere if local => self.ask_center(Refusal::UnknownOffline),
            Eligibility::UnknownHere => self.ask_center(Refusal::OtherCityOffline { city: facts.city }),
            Eligibility::TooOld { age_ms: None } => self.ask_center(Refusal::CacheEmpty),
            Eligibility::TooOld { age_ms: Some(_) } if doubtful => self.ask_center(Refusal::ClockDoubtful),
            Eligibility::TooOld { age_ms: Some(age_ms) } => {
                self.ask_center(Refusal::CacheTooOld { age_ms, age_ms_max: self.limits.cache_age_max_ms })
            }
        }
    }

    /// Asks the center about the holder; `offline` is the answer when it cannot be asked.
    fn ask_center(&mut self, offline: Refusal) -> Result<Result<Entry, Refusal>, Error> {
        if !self.is_online() {
            return Ok(Err(offline));
        }
        self.tell(Progress::AskingCenter);
        let query = PersonQuery { person: self.holder_number()? };
        let answer = match self.link.person(&query) {
            Ok(answer) => answer,
            Err(_) => {
                self.heard(false);
                return Ok(Err(offline));
            }
        };
        let home = self.config.terms.city;
        Ok(match (answer.person, answer.city) {
            (Some(person), city) => match check_person(&person, answer.as_of) {
                Ok(()) => Ok(Entry {
                    person,
                    city: city.unwrap_or(home),
                    source: Source::Center,
                    as_of: Some(answer.as_of),
                }),
                Err(refusal) => Err(refusal),
            },
            (None, Some(city)) if city.city() != home => Err(Refusal::OtherCity { city: Some(city) }),
            (None, _) => {
                let issuer = self.session.card()?.facts().city;
                if issuer.city() == home {
                    Err(Refusal::Unknown)
                } else {
                    Err(Refusal::OtherCity { city: None })
                }
            }
        })
    }

    fn note_alarm(&mut self) -> Result<(), Error> {
        let now = self.now().wall;
        let signed_in = self.signed_in.clone();
        let actor = signed_in.as_ref().map_or(Actor::default(), |signed_in| signed_in.actor());
        Ok(self.ledger.audit(now, actor, &AuditEvent::Impersonation)?)
    }

    pub(super) fn holder_number(&self) -> Result<card_spec::person::PersonNumber, Error> {
        let holder = self.session.card()?.holder().ok_or(SessionError::CardFirst)?;
        Ok(holder.person)
    }

    pub(super) fn year(&self) -> u16 {
        date_of(self.center_now()).year()
    }
}

/// The day of a moment in UTC+8.
pub(super) fn date_of(at: Timestamp) -> Date {
    let civil = at.civil();
    u16::try_from(civil.year())
        .ok()
        .and_then(|year| Date::new(year, u8::from(civil.month()), civil.day()))
        .or_else(|| Date::new(1970, 1, 1))
        .unwrap_or_else(|| unreachable!("1970 is a date"))
}
