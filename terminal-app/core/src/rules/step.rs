//! The steps of a settlement, each with its figures, so that every amount can be explained.

use card_spec::money::Fen;
use serde::Serialize;

use super::{
    config::{LayerBase, OwnItem},
    number::Share,
    settlement::Fund,
};
use crate::language::Language;

/// One step, in the order in which the settlement is computed.
///
/// [`Step::figures`] gives base, rate and result for a table, [`Step::words`] a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// The bill was added up.
    Lines {
        /// Number of lines.
        lines: usize,
        /// Their total.
        total: Fen,
    },
    /// Lines outside the catalog (丙) were set aside.
    OutsideCatalog {
        /// Number of such lines.
        lines: usize,
        /// Their total.
        amount: Fen,
    },
    /// Prices were cut at their ceilings.
    OverCeiling {
        /// Number of lines that were cut.
        lines: usize,
        /// What was cut off.
        amount: Fen,
    },
    /// First shares of 乙 items.
    SelfPayFirst {
        /// Number of 乙 lines.
        lines: usize,
        /// Their cost within the ceilings.
        base: Fen,
        /// What the person pays first.
        amount: Fen,
    },
    /// What is left counts.
    InScope {
        /// Total of the bill.
        total: Fen,
        /// Outside the catalog, above ceilings and first shares together.
        outside: Fen,
        /// In policy scope.
        in_scope: Fen,
    },
    /// Essential drugs skip the deductible.
    EssentialExempt {
        /// Their in-scope cost.
        amount: Fen,
    },
    /// The deductible of a year.
    DeductibleOfYear {
        /// For this person and hospital.
        full: Fen,
        /// Counted earlier this year.
        used: Fen,
        /// In-scope cost that it applies to.
        base: Fen,
        /// Counted now.
        counted: Fen,
    },
    /// The deductible of one outpatient visit or of an inpatient stay.
    DeductibleOfVisit {
        /// Number of the stay in this year; `None` for an outpatient visit.
        stay: Option<u32>,
        /// That of a first stay.
        first: Fen,
        /// That of this one.
        full: Fen,
        /// In-scope cost that it applies to.
        base: Fen,
        /// Counted now.
        counted: Fen,
    },
    /// A band of the pooled fund or of a further one.
    Band {
        /// Who pays.
        fund: Fund,
        /// The band's lower limit.
        above: Fen,
        /// Its upper limit; `None` is none.
        up_to: Option<Fen>,
        /// The cost that falls into it now.
        base: Fen,
        /// The share of the table, before a factor on the own share.
        table: Share,
        /// The factor on the own share.
        own_share_factor: Option<Share>,
        /// The share that was applied.
        share: Share,
        /// What the fund pays.
        paid: Fen,
    },
    /// A yearly cap of the pooled fund was looked at.
    Cap {
        /// Its names, Chinese and English.
        name: [String; 2],
        /// Its amount.
        cap: Fen,
        /// Used up earlier this year.
        used: Fen,
        /// To be paid by the bands.
        wanted: Fen,
        /// Paid under the cap.
        paid: Fen,
    },
    /// A further fund begins.
    Layer {
        /// Which.
        fund: Fund,
        /// The cost it looks at.
        base_kind: LayerBase,
        /// That cost now.
        base: Fen,
        /// The same earlier this year.
        before: Fen,
        /// Its threshold over the year.
        from: Fen,
    },
    /// A further fund met its yearly cap.
    LayerCap {
        /// Which.
        fund: Fund,
        /// Its cap.
        cap: Fen,
        /// Used up earlier this year.
        used: Fen,
        /// To be paid by its bands.
        wanted: Fen,
        /// Paid under the cap.
        paid: Fen,
    },
    /// All funds together.
    Funds {
        /// Their sum.
        amount: Fen,
    },
    /// The hospital bears a part.
    Hospital {
        /// Of what.
        item: OwnItem,
        /// The amount before.
        base: Fen,
        /// The hospital's part.
        amount: Fen,
    },
    /// The person's part by its items.
    Person {
        /// Deductible.
        deductible: Fen,
        /// Own share within the bands.
        own_share: Fen,
        /// Above a cap.
        over_cap: Fen,
        /// First shares.
        self_pay_first: Fen,
        /// Above ceilings.
        over_ceiling: Fen,
        /// Outside the catalog.
        outside_catalog: Fen,
        /// All of them.
        amount: Fen,
    },
    /// The personal account pays an item.
    Account {
        /// Which.
        item: OwnItem,
        /// What is due.
        due: Fen,
        /// What could be taken before.
        available: Fen,
        /// What it pays.
        paid: Fen,
    },
    /// Relatives' accounts pay an item.
    FamilyAccount {
        /// Which.
        item: OwnItem,
        /// What is due.
        due: Fen,
        /// What could be taken before.
        available: Fen,
        /// What they pay.
        paid: Fen,
    },
    /// The account pays nothing.
    AccountUnused {
        /// Why.
        reason: AccountUnused,
    },
    /// The rest.
    Cash {
        /// In cash.
        amount: Fen,
    },
}

/// Why a personal account pays nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountUnused {
    /// The person did not want it.
    NotWanted,
    /// The city's rules do not let it pay for this person and visit.
    NotAllowed,
    /// Nothing on it that may be taken.
    Empty,
    /// Nothing was due that it may pay.
    NothingDue,
}

/// The three numbers of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepFigures {
    /// The amount that the step starts from.
    pub base: Option<Fen>,
    /// The rate that is applied to it.
    pub rate: Option<Share>,
    /// What comes out.
    pub result: Option<Fen>,
}

impl Step {
    /// Base, rate and result, for a table.
    pub fn figures(&self) -> StepFigures {
        let figures = |base, rate, result| StepFigures { base, rate, result: Some(result) };
        match *self {
            Step::Lines { total, .. } => figures(None, None, total),
            Step::OutsideCatalog { amount, .. } | Step::OverCeiling { amount, .. } => {
                figures(None, None, amount)
            }
            Step::SelfPayFirst { base, amount, .. } => figures(Some(base), None, amount),
            Step::InScope { total, in_scope, .. } => figures(Some(total), None, in_scope),
            Step::EssentialExempt { amount } => figures(None, None, amount),
            Step::DeductibleOfYear { base, counted, .. } | Step::DeductibleOfVisit { base, counted, .. } => {
                figures(Some(base), None, counted)
            }
            Step::Band { base, share, paid, .. } => figures(Some(base), Some(share), paid),
            Step::Cap { wanted, paid, .. } | Step::LayerCap { wanted, paid, .. } => {
                figures(Some(wanted), None, paid)
            }
            Step::Layer { base, .. } => StepFigures { base: Some(base), rate: None, result: None },
            Step::Funds { amount } | Step::Person { amount, .. } | Step::Cash { amount } => {
                figures(None, None, amount)
            }
            Step::Hospital { base, amount, .. } => figures(Some(base), None, amount),
            Step::Account { due, paid, .. } | Step::FamilyAccount { due, paid, .. } => {
                figures(Some(due), None, paid)
            }
            Step::AccountUnused { .. } => StepFigures { base: None, rate: None, result: None },
        }
    }

    /// The step in one sentence with its figures.
    pub fn words(&self, language: Language) -> String {
        super::words::step(self, language)
    }
}
