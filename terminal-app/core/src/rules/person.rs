//! Who is settled for, what the year has already brought, and what the account holds.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use time::Date;

use super::{bill::VisitKind, number::yuan, settlement::Fund};

/// What kind of insured person (人员类别); decides deductible, bands and funds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    /// Working, employee insurance (在职职工).
    Worker,
    /// Retired, employee insurance (退休职工).
    Retired,
    /// Urban and rural resident insurance (城乡居民).
    Resident,
}

impl PersonKind {
    /// All of them.
    pub const ALL: [PersonKind; 3] = [PersonKind::Worker, PersonKind::Retired, PersonKind::Resident];

    /// From the national codes `insutype` and `psn_type`: 310 with 11… or 12…, 390 with any.
    ///
    /// `None` for insurances that these rules do not settle (retired cadres, maternity, long-term care).
    pub fn from_codes(insurance_type: &str, person_type: &str) -> Option<Self> {
        match (insurance_type, person_type.get(..2)) {
            ("310", Some("11")) => Some(PersonKind::Worker),
            ("310", Some("12")) => Some(PersonKind::Retired),
            ("390", _) => Some(PersonKind::Resident),
            _ => None,
        }
    }

    /// The national code `insutype` of the person's basic insurance.
    pub fn insurance_type(self) -> &'static str {
        match self {
            PersonKind::Worker | PersonKind::Retired => "310",
            PersonKind::Resident => "390",
        }
    }
}

/// Why a person is entitled to medical aid (医疗救助对象).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AidClass {
    /// Lives on public support (特困人员, orphans among them).
    Destitute,
    /// Receives the minimum living allowance (低保对象).
    MinimumLiving,
    /// Just above that allowance (低保边缘家庭).
    LowIncomeEdge,
    /// Watched for falling back into poverty (防止返贫监测对象).
    PovertyRisk,
}

/// The facts of a person that rules ask for. Neither name nor number: rules never need them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Kind of insured person.
    pub kind: PersonKind,
    /// Full years on the day of the bill, see [`age_years`].
    pub age_years: u8,
    /// Has the civil servants' supplement (公务员医疗补助, `cvlserv_flag`).
    #[serde(default)]
    pub civil_servant: bool,
    /// Entitled to medical aid, and why.
    #[serde(default)]
    pub aid: Option<AidClass>,
}

/// Full years between a birth date (as a person number gives it) and a day; 0 before birth, 255 at most.
///
/// Someone born on 29 February comes of age on 1 March of a common year.
pub fn age_years(birth: (u16, u8, u8), on: Date) -> u8 {
    let (year, month, day) = birth;
    let before_birthday = (u8::from(on.month()), on.day()) < (month, day);
    let years = on.year() - i32::from(year) - i32::from(before_birthday);
    u8::try_from(years.max(0)).unwrap_or(u8::MAX)
}

/// The personal account (个人账户) as it stands before the settlement, and whether to use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The person wants the account used (`acct_used_flag`).
    #[serde(rename = "use")]
    pub wanted: bool,
    /// Own balance; on a card at most [`Fen::CARD_MAX`].
    #[serde(with = "yuan")]
    pub balance: Fen,
    /// What relatives' accounts offer (家庭共济), 0 when unknown.
    #[serde(default, with = "yuan")]
    pub family_balance: Fen,
}

/// Amounts of one visit kind in the current insurance year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindToDate {
    /// In-scope cost so far (`inscp_scp_amt`).
    #[serde(default, with = "yuan")]
    pub in_scope: Fen,
    /// Deductible counted so far (`act_pay_dedc`).
    #[serde(default, with = "yuan")]
    pub deductible: Fen,
    /// Paid by the pooled fund so far (`hifp_pay`).
    #[serde(default, with = "yuan")]
    pub pooled: Fen,
}

/// Amounts of one fund beyond the pooled one in the current insurance year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerToDate {
    /// Cost that counted toward the fund's threshold and bands.
    #[serde(default, with = "yuan")]
    pub base: Fen,
    /// What the fund paid.
    #[serde(default, with = "yuan")]
    pub paid: Fen,
}

/// What the insurance year has brought so far (年度累计, transaction 5206), before this settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearToDate {
    /// Calendar year that the amounts belong to; must be the bill's.
    pub year: i32,
    /// Stays settled so far; the next stay is number `stays + 1`.
    #[serde(default)]
    pub stays: u32,
    /// Outpatient visits.
    #[serde(default)]
    pub outpatient: KindToDate,
    /// Inpatient stays.
    #[serde(default)]
    pub inpatient: KindToDate,
    /// The funds beyond the pooled one.
    #[serde(default)]
    pub layers: LayersToDate,
}

/// The yearly amounts of every fund beyond the pooled one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayersToDate {
    /// Residents' major illness insurance (大病保险).
    pub hifmi_pay: LayerToDate,
    /// Employees' large amount aid (大额医疗费用补助).
    pub hifob_pay: LayerToDate,
    /// Civil servants' supplement (公务员医疗补助).
    pub cvlserv_pay: LayerToDate,
    /// Enterprise supplement (企业补充医疗保险).
    pub hifes_pay: LayerToDate,
    /// Medical aid (医疗救助).
    pub maf_pay: LayerToDate,
    /// Any other fund.
    pub oth_pay: LayerToDate,
}

impl LayersToDate {
    /// The amounts of one fund; `None` for [`Fund::Pooled`], which is kept per visit kind.
    pub fn of(&self, fund: Fund) -> Option<&LayerToDate> {
        match fund {
            Fund::Pooled => None,
            Fund::MajorIllness => Some(&self.hifmi_pay),
            Fund::LargeAmount => Some(&self.hifob_pay),
            Fund::CivilServant => Some(&self.cvlserv_pay),
            Fund::Enterprise => Some(&self.hifes_pay),
            Fund::MedicalAid => Some(&self.maf_pay),
            Fund::Other => Some(&self.oth_pay),
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, fund: Fund) -> Option<&mut LayerToDate> {
        match fund {
            Fund::Pooled => None,
            Fund::MajorIllness => Some(&mut self.hifmi_pay),
            Fund::LargeAmount => Some(&mut self.hifob_pay),
            Fund::CivilServant => Some(&mut self.cvlserv_pay),
            Fund::Enterprise => Some(&mut self.hifes_pay),
            Fund::MedicalAid => Some(&mut self.maf_pay),
            Fund::Other => Some(&mut self.oth_pay),
        }
    }
}

impl YearToDate {
    /// Nothing yet in this year.
    pub fn empty(year: i32) -> Self {
        YearToDate { year, ..YearToDate::default() }
    }

    /// The amounts of one visit kind.
    pub fn of(&self, visit: VisitKind) -> &KindToDate {
        match visit {
            VisitKind::Outpatient => &self.outpatient,
            VisitKind::Inpatient => &self.inpatient,
        }
    }

    /// The year after a settlement that added `contribution`.
    pub fn with(&self, contribution: &Contribution) -> Self {
        self.moved(contribution, 1)
    }

    /// The year as if the settlement had not been: what a cancellation leaves.
    pub fn without(&self, contribution: &Contribution) -> Self {
        self.moved(contribution, -1)
    }

    /// Whether an amount is below zero, which no sequence of settlements and their cancellations leaves.
    pub fn is_negative(&self) -> bool {
        let kinds = [self.outpatient, self.inpatient];
        kinds.iter().any(|kind| kind.in_scope.0 < 0 || kind.deductible.0 < 0 || kind.pooled.0 < 0)
            || Fund::ALL
                .iter()
                .filter_map(|fund| self.layers.of(*fund))
                .any(|layer| layer.base.0 < 0 || layer.paid.0 < 0)
    }

    fn moved(&self, contribution: &Contribution, sign: i64) -> Self {
        let signed = |amount: Fen| Fen(amount.0.saturating_mul(sign));
        let mut after = *self;
        let kind = match contribution.visit {
            VisitKind::Outpatient => &mut after.outpatient,
            VisitKind::Inpatient => {
                after.stays =
                    if sign > 0 { after.stays.saturating_add(1) } else { after.stays.saturating_sub(1) };
                &mut after.inpatient
            }
        };
        kind.in_scope += signed(contribution.amounts.in_scope);
        kind.deductible += signed(contribution.amounts.deductible);
        kind.pooled += signed(contribution.amounts.pooled);
        for fund in Fund::ALL {
            if let (Some(total), Some(layer)) = (after.layers.of_mut(fund), contribution.layers.of(fund)) {
                total.base += signed(layer.base);
                total.paid += signed(layer.paid);
            }
        }
        after
    }
}

/// What one settlement adds to the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contribution {
    /// The visit kind that the amounts belong to.
    pub visit: VisitKind,
    /// In-scope cost, deductible and pooled payment.
    pub amounts: KindToDate,
    /// The funds beyond the pooled one.
    pub layers: LayersToDate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn ages_turn_on_the_birthday() {
        assert_eq!(age_years((1955, 3, 4), date!(2025 - 03 - 03)), 69);
        assert_eq!(age_years((1955, 3, 4), date!(2025 - 03 - 04)), 70);
        assert_eq!(age_years((2004, 2, 29), date!(2025 - 02 - 28)), 20);
        assert_eq!(age_years((2004, 2, 29), date!(2025 - 03 - 01)), 21);
        assert_eq!(age_years((2030, 1, 1), date!(2025 - 03 - 01)), 0);
        assert_eq!(age_years((1700, 1, 1), date!(2025 - 03 - 01)), 255);
    }

    #[test]
    fn kinds_come_from_national_codes() {
        assert_eq!(PersonKind::from_codes("310", "1101"), Some(PersonKind::Worker));
        assert_eq!(PersonKind::from_codes("310", "12"), Some(PersonKind::Retired));
        assert_eq!(PersonKind::from_codes("390", "1560"), Some(PersonKind::Resident));
        assert_eq!(PersonKind::from_codes("340", "1101"), None);
        assert_eq!(PersonKind::from_codes("310", "1"), None);
    }
}
