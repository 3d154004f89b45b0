//! Contributions, what of them is due, and unemployment benefit.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::calendar::{Day, Period};

/// Most dues that one answer lists.
pub const DUES_MAX: usize = 50;

/// Contributions of some months.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contributions {
    /// By month, the latest first, then by insurance.
    pub rows: Vec<Contribution>,
    /// First month that the center has anything of; `None` when it has nothing at all.
    pub earliest: Option<Period>,
    /// Latest month that the center has anything of.
    pub latest: Option<Period>,
}

/// What was paid for one insurance and month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contribution {
    /// The month.
    pub period: Period,
    /// The insurance.
    pub kind: ContributionKind,
    /// What it is reckoned from (缴费基数).
    #[schema(value_type = crate::schema::Money)]
    pub base: Fen,
    /// Paid by the unit (单位缴纳).
    #[schema(value_type = crate::schema::Money)]
    pub by_unit: Fen,
    /// Paid by the person (个人缴纳).
    #[schema(value_type = crate::schema::Money)]
    pub by_person: Fen,
    /// Where it stands.
    pub state: ContributionState,
}

/// Insurances that are contributed to (险种).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContributionKind {
    /// Employees' pension (城镇职工基本养老保险).
    Pension,
    /// Employees' medical insurance (职工基本医疗保险).
    Medical,
    /// Unemployment insurance (失业保险).
    Unemployment,
    /// Work injury insurance (工伤保险), paid by the unit alone.
    Injury,
    /// Residents' pension (城乡居民基本养老保险).
    ResidentPension,
    /// Residents' medical insurance (城乡居民基本医疗保险).
    ResidentMedical,
}

/// Where a contribution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContributionState {
    /// Paid (已缴).
    Paid,
    /// Paid later than due (补缴).
    PaidLate,
    /// Not paid (欠缴).
    Unpaid,
}

impl ContributionKind {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 6] = [
        Self::Pension,
        Self::Medical,
        Self::Unemployment,
        Self::Injury,
        Self::ResidentPension,
        Self::ResidentMedical,
    ];

    /// The name in files and in the storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pension => "pension",
            Self::Medical => "medical",
            Self::Unemployment => "unemployment",
            Self::Injury => "injury",
            Self::ResidentPension => "resident_pension",
            Self::ResidentMedical => "resident_medical",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Who pays it at a counter; `None` for what units alone pay.
    pub const fn payer(self) -> Option<Payer> {
        match self {
            Self::Pension | Self::Medical | Self::Unemployment => Some(Payer::Flexible),
            Self::Injury => None,
            Self::ResidentPension | Self::ResidentMedical => Some(Payer::Resident),
        }
    }

    /// The fund that it belongs to.
    pub const fn fund(self) -> Fund {
        match self {
            Self::Pension => Fund::Pension,
            Self::Medical => Fund::Medical,
            Self::Unemployment => Fund::Unemployment,
            Self::Injury => Fund::Injury,
            Self::ResidentPension => Fund::ResidentPension,
            Self::ResidentMedical => Fund::ResidentMedical,
        }
    }
}

impl ContributionState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Paid, Self::PaidLate, Self::Unpaid];

    /// The name in files and in the storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::PaidLate => "paid_late",
            Self::Unpaid => "unpaid",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Contributions that a person pays himself and that are due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DuesAnswer {
    /// What is due, the earliest first, at most [`DUES_MAX`].
    pub dues: Vec<Due>,
    /// Those of them that are being paid at this moment, here or elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Due>,
}

impl DuesAnswer {
    /// Whether one of them can be paid now.
    pub fn open(&self, due: &Due) -> bool {
        due.payable() && !self.held.iter().any(|held| held.is_the_same(due))
    }
}

/// A contribution that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Due {
    /// The month, or the first of the months, that it is for.
    pub period: Period,
    /// For how many months.
    pub months: u8,
    /// The insurance.
    pub kind: ContributionKind,
    /// How much.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// Last day for it.
    pub until: Day,
}

impl Due {
    /// Whether both are one due, whatever amount and day they say: an insurance and its first month.
    pub fn is_the_same(&self, other: &Due) -> bool {
        (self.kind, self.period) == (other.kind, other.period)
    }

    /// Whether a person can pay it at a counter.
    pub fn payable(&self) -> bool {
        self.kind.payer().is_some()
    }

    /// The rows that it becomes in the record of contributions: month, and what is paid for it. Residents contribute
    /// by the year, in one row of its first month; of others each month has its row, odd fen in the first.
    pub fn months_paid(&self) -> Vec<(Period, Fen)> {
        let months = match self.kind.payer() {
            Some(Payer::Resident) => 1,
            _ => u32::from(self.months.max(1)),
        };
        let each = Fen(self.amount.0 / i64::from(months));
        let first = Fen(self.amount.0 - each.0 * i64::from(months - 1));
        (0..months)
            .filter_map(|month| Some((self.period.plus(month)?, if month == 0 { first } else { each })))
            .collect()
    }
}

/// Who pays a contribution at a counter (缴费人类别).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// Somebody in flexible employment, who pays unit's and own share (灵活就业人员).
    Flexible,
    /// A resident, for a year (城乡居民).
    Resident,
}

/// The fund that a contribution belongs to (基金).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fund {
    /// 企业职工基本养老保险基金.
    Pension,
    /// 职工基本医疗保险基金.
    Medical,
    /// 失业保险基金.
    Unemployment,
    /// 工伤保险基金.
    Injury,
    /// 城乡居民基本养老保险基金.
    ResidentPension,
    /// 城乡居民基本医疗保险基金.
    ResidentMedical,
}

/// Unemployment benefit of a person, when the center has anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnemploymentAnswer {
    /// The latest claim; `None` when there never was one.
    pub claim: Option<Unemployment>,
    /// Months of unemployment insurance that were paid and not used up by a claim.
    pub months_insured: u16,
}

/// A claim of unemployment benefit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unemployment {
    /// Where it stands.
    pub state: UnemploymentState,
    /// A month's benefit.
    #[schema(value_type = crate::schema::Money)]
    pub monthly: Fen,
    /// First month of the benefit.
    pub from: Period,
    /// Months that were granted.
    pub months: u8,
    /// Months that were paid.
    pub months_paid: u8,
}

/// Where a claim of unemployment benefit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnemploymentState {
    /// Asked for and not decided (审核中).
    Applied,
    /// Paid each month (领取中).
    Drawing,
    /// Ended: all months paid, or work found (已停发).
    Ended,
    /// Refused (不予核定).
    Refused,
}

impl UnemploymentState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Drawing, Self::Ended, Self::Refused];

    /// The name in files and in the storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Drawing => "drawing",
            Self::Ended => "ended",
            Self::Refused => "refused",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
