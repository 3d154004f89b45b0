//! What a clerk looks up while a bill is written: items of the catalog, and what the year still grants.

use card_spec::money::Fen;

use super::Terminal;
use crate::{
    catalog::Item,
    eligibility::Eligible,
    error::Error,
    language::Language,
    rules::{
        self, Account, Bill, Count, ItemClass, Line, PersonKind, Share, Step, UnitPrice, VisitKind,
        words::fund_name,
    },
    session::SessionError,
};

/// A yearly amount, and how much of it is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// The deductible of the year, of which so much was counted.
    Deductible {
        /// For this person and hospital.
        full: Fen,
        /// Counted this year.
        used: Fen,
    },
    /// A fund's cap of the year, of which so much was paid.
    Cap {
        /// Its names, Chinese and English.
        name: [String; 2],
        /// The cap.
        full: Fen,
        /// Paid this year.
        used: Fen,
    },
}

impl Allowance {
    /// What is left of it.
    pub fn left(&self) -> Fen {
        let (Self::Deductible { full, used } | Self::Cap { full, used, .. }) = self;
        (*full - *used).max(Fen::ZERO)
    }
}

impl Terminal {
    /// Items that are meant by code, barcode, pinyin initials or a part of the name, of the catalog in force today.
    pub fn find_items(&self, words: &str, rows_max: usize) -> Vec<Item> {
        let catalog = self.catalog_on(self.center_now().civil().date());
        catalog
            .map(|catalog| catalog.find(words, rows_max).into_iter().cloned().collect())
            .unwrap_or_default()
    }

    /// How many items the catalog in force today has; 0 where there is none.
    pub fn items(&self) -> usize {
        self.catalog_on(self.center_now().civil().date()).map_or(0, crate::catalog::Catalog::len)
    }

    /// Class, amounts and name of one fee line as it is kept, as a bill of today would read it.
    ///
    /// Errors: `Rules(Line)`.
    pub fn line_of(&self, content: &str) -> Result<Line, Error> {
        Ok(self.read_line(0, content)?)
    }

    /// What the year still grants the holder of the open card at this institution.
    ///
    /// Read off the steps of a bill of one fen, so that it is what the next settlement will start from.
    /// Errors: `Rules`, `InsuranceElsewhere`, `Session(CardFirst)`.
    pub fn allowances(&self, eligible: &Eligible, visit: VisitKind) -> Result<Vec<Allowance>, Error> {
        let elsewhere = Error::InsuranceElsewhere {
            insutype: eligible.person.insutype,
            psn_type: eligible.person.psn_type,
        };
        let kind = PersonKind::from_codes(
            &eligible.person.insutype.to_string(),
            &format!("{:02}", eligible.person.psn_type),
        )
        .ok_or(elsewhere)?;
        let date = self.center_now().civil().date();
        let line = Line {
            code: "0".to_owned(),
            name: String::new(),
            class: ItemClass::A,
            price: UnitPrice::from_fen(Fen(1)).unwrap_or_default(),
            count: Count::ONE,
            selfpay_prop: Share::NONE,
            price_ceiling: None,
            essential: false,
        };
        let bill = Bill::new(visit, self.config.level, date, vec![line])?;
        let rules = self.rules_for(eligible.city, date)?;
        let holder = self.session.card()?.holder().ok_or(SessionError::CardFirst)?;
        let facts = rules::Person {
            kind,
            age_years: rules::age_years(holder.person.birth_date(), date),
            civil_servant: eligible.person.civil_servant,
            aid: None,
        };
        let year =
            rules.year_to_date(&facts, date.year(), &super::register::sums(&eligible.person, date.year()));
        let account = Account { wanted: false, balance: Fen::ZERO, family_balance: Fen::ZERO };
        let outcome = rules::settle(rules, &bill, &facts, &year, &account)?;
        Ok(outcome.steps.iter().filter_map(allowance).collect())
    }
}

fn allowance(step: &Step) -> Option<Allowance> {
    match step {
        Step::DeductibleOfYear { full, used, .. } => Some(Allowance::Deductible { full: *full, used: *used }),
        Step::Cap { name, cap, used, .. } => {
            Some(Allowance::Cap { name: name.clone(), full: *cap, used: *used })
        }
        Step::LayerCap { fund, cap, used, .. } => Some(Allowance::Cap {
            name: [
                fund_name(*fund, Language::Chinese).to_owned(),
                fund_name(*fund, Language::English).to_owned(),
            ],
            full: *cap,
            used: *used,
        }),
        _ => None,
    }
}
