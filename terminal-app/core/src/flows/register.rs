//! Registering a visit, its fee lines, and what it comes to.

use std::fmt;

use card_spec::{money::Fen, region::RegionCode};
use protocol::{accumulation::Accumulation, feed, signature::Digest};
use serde::{Deserialize, Serialize};
use time::Date;

use super::Terminal;
use crate::{
    eligibility::{Decision, Eligible},
    error::{Error, Limit},
    ledger::{FeeLine, Visit, VisitState},
    progress::Progress,
    roles::Action,
    rules::{self, Account, Bill, CityRules, LineInput, PersonKind, RulesError, VisitKind},
    session::SessionError,
};

/// A visit to register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitEntry {
    /// The hospital's number of the visit, unique at this terminal.
    pub number: String,
    /// Code table med_type: 11 outpatient, 21 inpatient.
    pub med_type: String,
}

/// One fee line to add.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEntry {
    /// The hospital's number of the line, unique in the visit (`feedetl_sn`).
    pub serial: String,
    /// Its batch (`chrg_bchno`).
    pub batch: String,
    /// The line as [`LineInput`] reads it, JSON.
    pub content: String,
}

/// What a visit comes to, for the holder to agree to (预结算).
#[derive(Clone, PartialEq)]
pub struct PreSettlement {
    /// The visit.
    pub visit: Visit,
    /// Its bill.
    pub bill: Bill,
    /// The figures and every step.
    pub outcome: rules::Outcome,
    /// Version of the rules applied.
    pub rules_version: String,
    /// The holder's entry, with the sums of the year that the figures were computed from.
    pub eligible: Eligible,
    /// Kind of insured person.
    pub person: PersonKind,
    /// The account on the card: its balance, or `None` when the card has none.
    pub balance: Option<Fen>,
    /// Whether the line is down.
    pub offline: bool,
    pub(super) lines_digest: Digest,
}

impl Terminal {
    /// Registers a visit for the holder of the open card. The same again changes nothing.
    ///
    /// Errors: `NotEligible`, `VisitKind`, `NotSignedIn`, `SignIn`, `Session(CardFirst)`, `Ledger`
    /// (`VisitExists`, `SpaceLow`).
    pub fn register(&mut self, entry: &VisitEntry) -> Result<Visit, Error> {
        let (operator, cycle) = self.on_duty(Action::Register)?;
        if VisitKind::from_medical_type(&entry.med_type).is_none() {
            return Err(Error::VisitKind { med_type: entry.med_type.clone() });
        }
        let eligible = self.eligible_holder()?;
        let card = self.session.card()?;
        let visit = Visit {
            number: entry.number.clone(),
            state: VisitState::Open,
            person: card.holder().ok_or(SessionError::CardFirst)?.person,
            region: eligible.city,
            card: card.key(),
            card_id: card.issuer().card_id.to_hex().to_string(),
            med_type: entry.med_type.clone(),
            insutype: eligible.person.insutype.to_string(),
            cycle,
            operator,
            registered_at: self.now().wall,
            settled_by: None,
        };
        if let Some(known) = self.ledger.visit(&visit.number)? {
            // Asked again after an answer that got lost: everything but the time has to be the same.
            let again = Visit { registered_at: known.registered_at, ..visit.clone() };
            self.ledger.register(&again)?;
            return Ok(known);
        }
        self.ledger.register(&visit)?;
        Ok(visit)
    }

    /// Takes back the registration of a visit that was not settled.
    pub fn cancel_visit(&mut self, number: &str) -> Result<(), Error> {
        self.on_duty(Action::Register)?;
        Ok(self.ledger.cancel_visit(number)?)
    }

    /// Adds fee lines, all or none; those that are there already are skipped. Returns how many were new.
    ///
    /// Each line is read, and completed from the catalog, before anything is written.
    /// Errors: `Rules(Line)` with the 1-based line, `Ledger`, `NotSignedIn`, `SignIn`.
    pub fn add_lines(&mut self, visit: &str, lines: &[LineEntry]) -> Result<usize, Error> {
        self.on_duty(Action::Register)?;
        for (index, line) in lines.iter().enumerate() {
            self.read_line(index, &line.content)?;
        }
        let lines: Vec<FeeLine> = lines
            .iter()
            .map(|line| FeeLine {
                serial: line.serial.clone(),
                batch: line.batch.clone(),
                content: line.content.clone(),
            })
            .collect();
        Ok(self.ledger.add_lines(visit, &lines)?)
    }

    /// Removes the lines of one batch, or all, from a visit that was not settled. Returns how many.
    pub fn remove_lines(&mut self, visit: &str, batch: Option<&str>) -> Result<usize, Error> {
        self.on_duty(Action::Register)?;
        Ok(self.ledger.remove_lines(visit, batch)?)
    }

    /// Computes what a visit comes to, without changing anything (预结算).
    ///
    /// The visit's card has to be open. With `use_account` the own part is paid from the personal account as
    /// far as rules and balance allow; the holder must have been verified for that, and for any settlement with
    /// a card that has an account.
    /// Errors: `NotEligible`, `OtherCard`, `Session` (`CardFirst`, `PinFirst`, `NoMedicalAccount` where the
    /// terminal is set up not to settle without an account), `Rules`, `Limit` while the line is down, `Ledger`.
    pub fn pre_settle(&mut self, visit: &str, use_account: bool) -> Result<PreSettlement, Error> {
        self.tell(Progress::Preparing);
        let visit = self.ledger.visit(visit)?.ok_or(crate::ledger::LedgerError::VisitUnknown)?;
        if self.session.card()?.key() != visit.card {
            return Err(Error::OtherCard);
        }
        let eligible = self.eligible_holder()?;
        let balance = match self.session.balance() {
            Ok(balance) => Some(balance),
            Err(SessionError::NoMedicalAccount) if self.config.settle_without_account => None,
            Err(error) => return Err(error.into()),
        };
        let kind = VisitKind::from_medical_type(&visit.med_type)
            .ok_or_else(|| Error::VisitKind { med_type: visit.med_type.clone() })?;
        let person = PersonKind::from_codes(
            &eligible.person.insutype.to_string(),
            &format!("{:02}", eligible.person.psn_type),
        )
        .ok_or(Error::InsuranceElsewhere {
            insutype: eligible.person.insutype,
            psn_type: eligible.person.psn_type,
        })?;
        let date = self.center_now().civil().date();
        let lines = self.ledger.lines(&visit.number)?;
        let read = lines
            .iter()
            .enumerate()
            .map(|(index, line)| self.read_line(index, &line.content))
            .collect::<Result<Vec<_>, _>>()?;
        let bill = Bill::new(kind, self.config.level, date, read)?;
        let rules = self.rules_for(eligible.city, date)?;
        let facts = rules::Person {
            kind: person,
            age_years: rules::age_years(visit.person.birth_date(), date),
            civil_servant: eligible.person.civil_servant,
            aid: None,
        };
        let account = Account {
            wanted: use_account && balance.is_some(),
            balance: balance.unwrap_or(Fen::ZERO),
            family_balance: Fen::ZERO,
        };
        let year = rules.year_to_date(&facts, date.year(), &sums(&eligible.person, date.year()));
        let outcome = rules::settle(rules, &bill, &facts, &year, &account)?;
        let rules_version = format!("{}/{}", rules.effective_from(), rules.version());
        let offline = !self.is_online();
        if offline {
            self.check_limits(&outcome, &eligible)?;
        }
        let lines_digest = self.ledger.lines_digest(&visit.number)?;
        Ok(PreSettlement {
            visit,
            bill,
            outcome,
            rules_version,
            eligible,
            person,
            balance,
            offline,
            lines_digest,
        })
    }

    /// The rules for someone insured in this city: those of the city where the terminal stands, when the insured
    /// city's are not known here.
    pub(super) fn rules_for(&self, city: RegionCode, date: Date) -> Result<&CityRules, RulesError> {
        self.rules
            .on(city.city(), date)
            .or_else(|error| self.rules.on(self.config.terms.city, date).map_err(|_| error))
    }

    /// The holder's entry looked up anew, when it is still the one that a bill was computed from.
    ///
    /// Errors: `NotEligible`; `BillChanged` when the sums of the year or the kind of insurance have changed:
    /// two bills that were shown before either was settled would both take the same deductible.
    pub(super) fn eligible_as_agreed(&mut self, agreed: &PreSettlement) -> Result<Eligible, Error> {
        let eligible = match self.eligibility_again()? {
            Decision::Eligible(eligible) => *eligible,
            Decision::NotEligible(refusal) => return Err(refusal.into()),
        };
        let counts = |person: &feed::Person| feed::Person {
            // How far contributions are paid decides whether, not how much.
            paid_until: 0,
            ..*person
        };
        let same = counts(&eligible.person) == counts(&agreed.eligible.person)
            && eligible.city == agreed.eligible.city;
        if same { Ok(eligible) } else { Err(Error::BillChanged) }
    }

    /// The holder's entry, or the refusal as an error.
    pub(super) fn eligible_holder(&mut self) -> Result<Eligible, Error> {
        match self.eligibility()? {
            Decision::Eligible(eligible) => Ok(*eligible),
            Decision::NotEligible(refusal) => Err(refusal.into()),
        }
    }

    /// What a terminal may do while the line is down.
    pub(super) fn check_limits(&self, outcome: &rules::Outcome, eligible: &Eligible) -> Result<(), Error> {
        let limits = &self.limits;
        let total = outcome.settlement.medfee_sumamt();
        if total > limits.amount_max_fen {
            return Err(Limit::Amount { max: limits.amount_max_fen, got: total }.into());
        }
        let account = outcome.settlement.acct_pay();
        if account > limits.account_max_fen {
            return Err(Limit::Account { max: limits.account_max_fen, got: account }.into());
        }
        if let crate::eligibility::Source::Cache { age_ms } = eligible.source
            && age_ms > limits.cache_age_max_ms
        {
            return Err(Limit::CacheAge { max_ms: limits.cache_age_max_ms, got_ms: age_ms }.into());
        }
        Ok(())
    }

    pub(super) fn read_line(&self, index: usize, content: &str) -> Result<rules::Line, RulesError> {
        let input: LineInput = rules::json(rules::Document::Case, content.as_bytes(), rules::CASE_BYTES_MAX)?;
        let catalog = self.catalog_on(self.center_now().civil().date());
        input.resolve(catalog).map_err(|problem| RulesError::Line { line: index + 1, problem })
    }
}

/// The sums of a year that a person's entry holds; nothing for another year than the entry's.
pub(super) fn sums(person: &feed::Person, year: i32) -> Accumulation {
    if i32::from(person.year) != year {
        return Accumulation::default();
    }
    let fen = |fen: u32| Fen(i64::from(fen));
    Accumulation {
        deductible: fen(person.deductible_fen),
        pooled_outpatient: fen(person.pooled_outpatient_fen),
        pooled_inpatient: fen(person.pooled_inpatient_fen),
        own_in_scope: fen(person.own_in_scope_fen),
        stays: i32::from(person.stays),
    }
}

impl fmt::Debug for LineEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineEntry").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl fmt::Debug for PreSettlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreSettlement")
            .field("visit", &self.visit)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}
