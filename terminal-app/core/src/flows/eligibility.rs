//! Whether the holder of the open card may settle here: card, blacklist, cache, center.

use card_spec::{date::Date, region::RegionCode};
use protocol::{
    feed::{Person, PersonQuery},
    timestamp::{ClockQuality, Timestamp},
};

use super::Terminal;
use crate::{
    audit::AuditEvent,
    cache::{CacheError, Eligibility, NotEligible},
    eligibility::{Decision, Eligible, Refusal, Source, check_card, check_person},
    error::Error,
    ports::LinkError,
    progress::Progress,
    session::SessionError,
};

/// A person's entry as it was told, and how it came here.
#[derive(Clone)]
pub(super) struct Entry {
    person: Person,
    city: RegionCode,
    source: Source,
    as_of: Option<Timestamp>,
}

impl Terminal {
    /// Says whether the holder of the open card may settle, and why not.
    ///
    /// In this order: the card's issuer, class, generation and dates; the blacklist; the person, by the center
    /// when it answers, else by this terminal's copy when it has the person and is fresh. With the line down a
    /// person that is not here, or a copy that is too old, is a refusal that says so. What this terminal has
    /// settled and the entry cannot contain yet is added to it.
    ///
    /// Asked once as long as the card stays open; [`Terminal::settle`] asks again by itself.
    /// Each time that a dead person's card turns up is written into the audit.
    /// Errors: `Session(CardFirst)`, `Cache`, `Ledger`.
    pub fn eligibility(&mut self) -> Result<Decision, Error> {
        let key = self.session.card()?.key();
        match &self.eligible {
            Some((of, entry)) if *of == key => {
                let eligible = self.with_own(entry.clone())?;
                Ok(Decision::Eligible(Box::new(eligible)))
            }
            _ => self.decide_anew(None),
        }
    }

    /// The same asked anew, just before money moves: people die and cards are lost while a bill is written.
    ///
    /// What the center said earlier in this tap stands when it cannot be asked again and the copy here is older.
    pub(super) fn eligibility_again(&mut self) -> Result<Decision, Error> {
        let key = self.session.card()?.key();
        let kept = self.eligible.take().filter(|(of, _)| *of == key);
        self.decide_anew(kept.map(|(_, entry)| entry))
    }

    fn decide_anew(&mut self, kept: Option<Entry>) -> Result<Decision, Error> {
        self.tell(Progress::LookingUp);
        let key = self.session.card()?.key();
        match self.find_entry(kept)? {
            Ok(entry) => {
                self.eligible = Some((key, entry.clone()));
                let eligible = self.with_own(entry)?;
                Ok(Decision::Eligible(Box::new(eligible)))
            }
            Err(refusal) => {
                self.note_refusal(refusal)?;
                Ok(Decision::NotEligible(refusal))
            }
        }
    }

    /// Refuses to put money on a card that is blocked or whose holder is dead; anything else does not matter
    /// to money that is the person's own.
    ///
    /// Errors: `NotEligible`, `Session(CardFirst)`, `Cache`, `Ledger`.
    pub(super) fn require_living_holder(&mut self) -> Result<(), Error> {
        let now = self.center_now();
        let here = self.refused_holder(now);
        let refusal = match self.unless_damaged(here)? {
            Ok(Some(refusal)) => Some(refusal),
            here => match (self.ask_center()?, here) {
                (Some(Err(told @ (Refusal::Deceased | Refusal::Blacklisted { .. }))), _) => Some(told),
                (None, Err(damage)) => return Err(damage.into()),
                _ => None,
            },
        };
        match refusal {
            Some(refusal) => {
                self.note_refusal(refusal)?;
                Err(refusal.into())
            }
            None => Ok(()),
        }
    }

    /// What of the card itself, by its own data and the blacklist here, refuses it.
    fn refused_card(&self, now: Timestamp) -> Result<Option<Refusal>, Error> {
        let card = self.session.card()?;
        if let Err(refusal) = check_card(&card.facts(), date_of(now), &self.config.terms) {
            return Ok(Some(refusal));
        }
        let blocked = self.cache.blocked(card.key())?;
        Ok(blocked.map(|reason| Refusal::Blacklisted { reason }))
    }

    /// The same; a damaged copy refuses nothing as long as the center answers.
    pub(super) fn refused_card_here(&mut self, now: Timestamp) -> Result<Option<Refusal>, Error> {
        let here = self.refused_card(now);
        match self.unless_damaged(here)? {
            Ok(refusal) => Ok(refusal),
            Err(_) if self.is_online() => Ok(None),
            Err(damage) => Err(damage.into()),
        }
    }

    /// The same, and the holder when this terminal's copy knows of the death.
    fn refused_holder(&self, now: Timestamp) -> Result<Option<Refusal>, Error> {
        if let Some(refusal) = self.refused_card(now)? {
            return Ok(Some(refusal));
        }
        let known = self.cache.look_up(self.holder_number()?, now, &self.limits)?;
        let deceased = matches!(known, Eligibility::NotEligible { reason: NotEligible::Deceased, .. });
        Ok(deceased.then_some(Refusal::Deceased))
    }

    /// Takes damage of the copy out of the errors and notes it: where the center answers, the copy is not missed.
    fn unless_damaged<T>(&mut self, here: Result<T, Error>) -> Result<Result<T, CacheError>, Error> {
        match here {
            Ok(known) => Ok(Ok(known)),
            Err(Error::Cache(damage @ CacheError::Damaged { .. })) => {
                self.cache_damaged = true;
                Ok(Err(damage))
            }
            Err(error) => Err(error),
        }
    }

    fn find_entry(&mut self, kept: Option<Entry>) -> Result<Result<Entry, Refusal>, Error> {
        let now = self.center_now();
        let refused = self.refused_card(now);
        let refused = self.unless_damaged(refused)?;
        if let Ok(Some(refusal)) = refused {
            return Ok(Err(refusal));
        }
        if let Some(told) = self.ask_center()? {
            return Ok(told);
        }
        let here = refused.map_err(Error::from).and_then(|_| self.find_here(now));
        let known = match (self.unless_damaged(here)?, &kept) {
            (Ok(known), _) => known,
            // The center has spoken in this tap, of the card too.
            (Err(_), Some(kept)) => Ok(kept.clone()),
            (Err(damage), None) => return Err(damage.into()),
        };
        Ok(match (known, kept) {
            // The dead stay dead, whoever says it.
            (Err(Refusal::Deceased), _) => Err(Refusal::Deceased),
            (Ok(here), Some(kept)) if kept.as_of >= here.as_of => Ok(kept),
            (Err(refusal), Some(kept)) if !refusal.is_of_person() => {
                // Nothing is known here, and the center has spoken in this tap.
                Ok(kept)
            }
            (known, _) => known,
        })
    }

    /// The holder by this terminal's own copy.
    fn find_here(&self, now: Timestamp) -> Result<Result<Entry, Refusal>, Error> {
        let number = self.holder_number()?;
        let facts = self.session.card()?.facts();
        let doubtful = self.clock_quality()? == ClockQuality::Doubtful;
        let home = self.config.terms.city;
        Ok(match self.cache.look_up(number, now, &self.limits)? {
            Eligibility::NotEligible { reason: NotEligible::Deceased, .. } => Err(Refusal::Deceased),
            // An age that a doubtful clock gives is no age.
            Eligibility::Eligible(_) | Eligibility::NotEligible { .. } if doubtful => {
                Err(Refusal::ClockDoubtful)
            }
            Eligibility::Eligible(person) => {
                let age_ms = self.cache.age_ms(now)?.unwrap_or(0).max(0);
                let as_of = self.cache.entry_as_of(number)?;
                Ok(Entry { person, city: home, source: Source::Cache { age_ms }, as_of })
            }
            Eligibility::NotEligible { reason, .. } => Err(reason.into()),
            Eligibility::UnknownHere if facts.city.city() == home => Err(Refusal::UnknownOffline),
            Eligibility::UnknownHere => Err(Refusal::OtherCityOffline { city: facts.city }),
            Eligibility::TooOld { age_ms: None } => Err(Refusal::CacheEmpty),
            Eligibility::TooOld { age_ms: Some(_) } if doubtful => Err(Refusal::ClockDoubtful),
            Eligibility::TooOld { age_ms: Some(age_ms) } => {
                Err(Refusal::CacheTooOld { age_ms, age_ms_max: self.limits.cache_age_max_ms })
            }
        })
    }

    /// Asks the center about holder and card; `None` when it does not answer.
    ///
    /// How long that may take is the link's affair.
    fn ask_center(&mut self) -> Result<Option<Result<Entry, Refusal>>, Error> {
        if !self.is_online() {
            return Ok(None);
        }
        self.tell(Progress::AskingCenter);
        let card = self.session.card()?;
        let issuer = card.facts().city;
        let query = PersonQuery { person: self.holder_number()?, card: Some(card.key().0) };
        let answer = match self.link.person(&query) {
            Ok(answer) => answer,
            Err(error) => {
                // A center that refuses to say is there all the same.
                self.heard(matches!(error, LinkError::Refused(_)));
                return Ok(None);
            }
        };
        self.heard(true);
        let home = self.config.terms.city;
        Ok(Some(match (answer.blocked, answer.person, answer.city) {
            (Some(reason), ..) => Err(Refusal::Blacklisted { reason }),
            (None, Some(person), city) => check_person(&person, answer.as_of).map(|()| Entry {
                person,
                city: city.unwrap_or(home),
                source: Source::Center,
                as_of: Some(answer.as_of),
            }),
            (None, None, Some(city)) if city.city() != home => Err(Refusal::OtherCity { city: Some(city) }),
            (None, None, _) if issuer.city() == home => Err(Refusal::Unknown),
            (None, None, _) => Err(Refusal::OtherCity { city: None }),
        }))
    }

    /// Adds to an entry what was settled here and it cannot contain yet.
    fn with_own(&self, mut entry: Entry) -> Result<Eligible, Error> {
        let year = self.year();
        let added = self.ledger.accumulated_since(self.holder_number()?, year, entry.as_of)?;
        entry.person.accumulate(year, &added);
        Ok(Eligible { person: entry.person, city: entry.city, source: entry.source })
    }

    pub(super) fn note_refusal(&mut self, refusal: Refusal) -> Result<(), Error> {
        if refusal.is_alarm() { self.note(&AuditEvent::Impersonation) } else { Ok(()) }
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
