//! What a person hears about himself.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    id::TerminalId,
    pension::Fingers,
    problem::Problem,
    record::{Body, Business, Refund},
    service::{
        Account, CardLine, CardsAnswer, CertificationAnswer, Contributions, Cursor, DuesAnswer, Movement,
        MovementKind, PensionMonth, PensionsAnswer, PersonalAnswer, PersonalQuestion, PersonalReply,
        PersonalRequest, SeekWork, Seeker, Subject, TakenBy, Treatment, Treatments,
        card::CARDS_MAX,
        contribution::{DUES_MAX, UnemploymentAnswer},
        work::{REGISTRATION_MONTHS, WorkAnswer},
    },
    timestamp::Timestamp,
};

use super::{Service, asking::Asking, malformed};
use crate::{
    production::storage_problem,
    storage::service::{Concern, PersonRecord},
};

impl Service {
    /// Answers a question of a person about himself.
    ///
    /// Checked in this order, and the first that fails is the answer: the request is sound, the desk has a right
    /// to it, not too much was asked, the proof is fresh and sufficient, the card is the person's and not blocked
    /// (a blocked one still hears about its own state). Problems: `Malformed`, `Forbidden`, `TooMany`,
    /// `HolderNotShown`, `CardBlocked`, `Storage`.
    pub fn personal(
        &self,
        terminal: TerminalId,
        request: &PersonalRequest,
    ) -> Result<PersonalReply, Problem> {
        if !request.sound() {
            return Err(malformed("a page has no or too many rows, or a text is too long"));
        }
        let at = self.now();
        let (person, subject) = (request.asker.person.key(), request.question.subject());
        let operator = request.operator.as_deref();
        let asking = Asking { service: self, terminal, person, subject, at, operator };
        let answer = asking.noted(|| {
            asking.right()?;
            let card = asking.shown(&request.asker.proof)?;
            if subject != Subject::Cards {
                asking.not_blocked(card)?;
            }
            let taken_by = operator.map(|operator| TakenBy { terminal, operator: operator.to_owned() });
            Ok(self.answer(person, card, &request.question, taken_by, at)?)
        })?;
        Ok(PersonalReply { answer, as_of: at })
    }

    fn answer(
        &self,
        person: u64,
        card: [u8; 12],
        question: &PersonalQuestion,
        taken_by: Option<TakenBy>,
        at: Timestamp,
    ) -> Result<PersonalAnswer, Problem> {
        let storage = self.storage();
        Ok(match question {
            PersonalQuestion::Movements { after, rows } => {
                PersonalAnswer::Movements(self.movements(person, after.as_ref(), *rows)?)
            }
            PersonalQuestion::Treatments { after, rows } => {
                PersonalAnswer::Treatments(self.treatments(person, after.as_ref(), *rows)?)
            }
            PersonalQuestion::Contributions { until, months } => {
                let contributed = storage.contributed(person).map_err(storage_problem)?;
                let from = back(*until, u32::from(*months) - 1);
                let rows = storage.contributions(person, from, *until).map_err(storage_problem)?;
                let earliest = contributed.map(|contributed| contributed.earliest);
                let latest = contributed.map(|contributed| contributed.latest);
                PersonalAnswer::Contributions(Contributions { rows, earliest, latest })
            }
            PersonalQuestion::Pensions { after, rows } => {
                PersonalAnswer::Pensions(self.pensions(person, after.as_ref(), *rows)?)
            }
            PersonalQuestion::Certification => {
                let pension = storage.pension(person).map_err(storage_problem)?;
                PersonalAnswer::Certification(CertificationAnswer {
                    needed: pension.is_some(),
                    certified_until: pension.and_then(|pension| pension.certified_until),
                    last: storage.last_certified(person).map_err(storage_problem)?,
                    fingers: pension.map_or(Fingers::Unknown, |pension| pension.fingers),
                    state: storage.person(person).map_err(storage_problem)?.map(|person| person.state),
                })
            }
            PersonalQuestion::Cards => PersonalAnswer::Cards(self.cards(person, card)?),
            PersonalQuestion::SeekWork(seek) => {
                let seeker = registration(seek.clone(), taken_by, at);
                storage.set_seeker(person, Some(&seeker)).map_err(storage_problem)?;
                PersonalAnswer::Work(WorkAnswer { seeker: Some(seeker) })
            }
            PersonalQuestion::StopSeekingWork => {
                storage.set_seeker(person, None).map_err(storage_problem)?;
                PersonalAnswer::Work(WorkAnswer { seeker: None })
            }
            PersonalQuestion::Seeker => {
                let seeker = storage.seeker(person).map_err(storage_problem)?;
                let seeker = seeker.filter(|seeker| Day::of(at) <= seeker.until);
                PersonalAnswer::Work(WorkAnswer { seeker })
            }
            PersonalQuestion::Unemployment => {
                let claim = storage.unemployment(person).map_err(storage_problem)?;
                let contributed = storage.contributed(person).map_err(storage_problem)?;
                let months = contributed.map_or(0, |contributed| contributed.unemployment_months);
                let months_insured = u16::try_from(months).unwrap_or(u16::MAX);
                PersonalAnswer::Unemployment(UnemploymentAnswer { claim, months_insured })
            }
            PersonalQuestion::Dues => {
                let dues = storage.dues(person, DUES_MAX).map_err(storage_problem)?;
                let held = storage.held_dues(Some(person), DUES_MAX).map_err(storage_problem)?;
                let held = held.into_iter().map(|row| row.due).collect();
                PersonalAnswer::Dues(DuesAnswer { dues, held })
            }
            _ => return Err(malformed("a question of a later version")),
        })
    }

    /// A page of booked records, and where the next one begins.
    fn records(
        &self,
        person: u64,
        concern: Concern,
        after: Option<&Cursor>,
        rows: u8,
    ) -> Result<(Vec<PersonRecord>, Option<Cursor>), Problem> {
        let before = match after {
            None => None,
            Some(cursor) => Some((
                Timestamp(cursor.rank),
                cursor.name.parse().map_err(|_| malformed("a cursor that this center has not made"))?,
            )),
        };
        let rows = usize::from(rows);
        // One more than the page tells whether there is another.
        let mut records =
            self.storage().records_of(person, concern, before, rows + 1).map_err(storage_problem)?;
        let more = records.len() > rows;
        records.truncate(rows);
        let last = records.last().filter(|_| more);
        let next = last.map(|last| Cursor { rank: last.made_at.0, name: last.number.to_string() });
        Ok((records, next))
    }

    fn movements(&self, person: u64, after: Option<&Cursor>, rows: u8) -> Result<Account, Problem> {
        let (records, next) = self.records(person, Concern::Account, after, rows)?;
        let mut credit = Fen::ZERO;
        let owed = self.storage().owed(person).map_err(storage_problem)?;
        self.storage()
            .transact(&mut |transaction| {
                credit = transaction.credits(&[person])?.first().map_or(Fen::ZERO, |(_, held)| *held);
                Ok(())
            })
            .map_err(storage_problem)?;
        Ok(Account { movements: records.iter().filter_map(movement).collect(), next, credit, owed })
    }

    fn treatments(&self, person: u64, after: Option<&Cursor>, rows: u8) -> Result<Treatments, Problem> {
        let (records, next) = self.records(person, Concern::Treatments, after, rows)?;
        Ok(Treatments { treatments: records.iter().filter_map(treatment).collect(), next })
    }

    fn pensions(&self, person: u64, after: Option<&Cursor>, rows: u8) -> Result<PensionsAnswer, Problem> {
        let before = match after {
            None => None,
            Some(cursor) => Some(
                u32::try_from(cursor.rank)
                    .ok()
                    .and_then(Period::from_number)
                    .ok_or_else(|| malformed("a cursor that this center has not made"))?,
            ),
        };
        let rows = usize::from(rows);
        let mut paid = self.storage().payments_of(person, before, rows + 1).map_err(storage_problem)?;
        let more = paid.len() > rows;
        paid.truncate(rows);
        let last = paid.last().filter(|_| more);
        let next = last.map(|last| Cursor { rank: last.period.number().into(), name: String::new() });
        let pension = self.storage().pension(person).map_err(storage_problem)?;
        let state = self.storage().person(person).map_err(storage_problem)?.map(|person| person.state);
        let months = paid.into_iter().map(|row| PensionMonth {
            period: row.period,
            amount: row.amount,
            at: row.at,
            id: row.id,
        });
        Ok(PensionsAnswer {
            monthly: pension.map(|pension| pension.monthly),
            next_unpaid: pension.map(|pension| pension.next_unpaid),
            certified_until: pension.and_then(|pension| pension.certified_until),
            state,
            months: months.collect(),
            next,
        })
    }

    fn cards(&self, person: u64, shown: [u8; 12]) -> Result<CardsAnswer, Problem> {
        let known = self.storage().cards_of(person, CARDS_MAX).map_err(storage_problem)?;
        let mut cards: Vec<CardLine> = known
            .iter()
            .map(|card| CardLine {
                this: card.card == shown,
                since: card.since,
                blocked: card.blocked.map(|(reason, _)| reason),
                blocked_since: card.blocked.map(|(_, since)| since),
            })
            .collect();
        if !cards.iter().any(|card| card.this) {
            // Never seen before: it is blocked or not all the same.
            let blocked = self.storage().card_blocked(shown).map_err(storage_problem)?;
            cards.insert(0, CardLine { this: true, since: self.now(), blocked, blocked_since: None });
            cards.truncate(CARDS_MAX);
        }
        let state = self.storage().person(person).map_err(storage_problem)?.map(|person| person.state);
        Ok(CardsAnswer { cards, state })
    }
}

/// What somebody tells, as it is registered now.
pub(super) fn registration(seek: SeekWork, taken_by: Option<TakenBy>, at: Timestamp) -> Seeker {
    Seeker { seek, at, until: Day::of(at).plus_months(REGISTRATION_MONTHS), taken_by }
}

/// So many months before a month; the first month there is, when that is before it.
fn back(period: Period, months: u32) -> Period {
    let number = period.number();
    let count = (number / 100) * 12 + (number % 100 - 1);
    let count = count.saturating_sub(months);
    Period::from_number(count / 12 * 100 + count % 12 + 1).unwrap_or(period)
}

/// What a booked record did to the personal account. A body that cannot be read was not booked.
fn movement(record: &PersonRecord) -> Option<Movement> {
    let body: Body = serde_json::from_str(&record.body).ok()?;
    let at = body.happened_at();
    let (kind, amount, balance) = match &body.business {
        Business::Settlement(settlement) => {
            let paid = settlement.amounts.acct_pay;
            let balance = settlement.card.as_ref().map(|card| card.balance_before - card.account);
            (MovementKind::Purchase, -paid, balance)
        }
        Business::Cancellation(cancellation) => {
            let amount = match cancellation.refund {
                Refund::Owed { amount } => amount,
                Refund::None | Refund::Loaded { .. } => -cancellation.amounts.acct_pay,
            };
            (MovementKind::Cancellation, amount, None)
        }
        Business::Load(load) => (MovementKind::Load, load.amount, Some(load.balance_before + load.amount)),
        _ => return None,
    };
    Some(Movement { id: record.id, at, kind, amount, balance, institution: record.institution.clone() })
}

/// What a booked record says of a treatment.
fn treatment(record: &PersonRecord) -> Option<Treatment> {
    let body: Body = serde_json::from_str(&record.body).ok()?;
    let at = body.happened_at();
    let Business::Settlement(settlement) = body.business else { return None };
    Some(Treatment {
        id: record.id,
        at,
        institution: record.institution.clone(),
        level: record.level,
        med_type: settlement.med_type,
        insutype: settlement.insutype,
        rules_version: settlement.rules_version,
        lines: settlement.lines,
        amounts: settlement.amounts,
        cancelled_by: record.cancelled_by,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn months_go_back_over_years() {
        let period = |number| Period::from_number(number).unwrap();
        assert_eq!(back(period(202_603), 0), period(202_603));
        assert_eq!(back(period(202_603), 3), period(202_512));
        assert_eq!(back(period(202_603), 23), period(202_404));
    }
}
