//! A bill (费用明细): what was done or dispensed, to be settled.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use time::Date;

use super::{
    error::{LineProblem, RulesError},
    number::{Count, Share, UnitPrice},
};

/// Lines of one bill.
pub const LINES_MAX: usize = 10_000;
/// Characters of an item's code (`med_list_codg` S(50)).
pub const CODE_CHARS_MAX: usize = 50;
/// Characters of an item's name.
pub const NAME_CHARS_MAX: usize = 200;
/// The total of one bill: a hundred million yuan.
pub const BILL_MAX: Fen = Fen(10_000_000_000);

/// Outpatient or inpatient; the national medical categories fall into these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitKind {
    /// Outpatient (门诊), pharmacies among it.
    Outpatient,
    /// Inpatient (住院).
    Inpatient,
}

impl VisitKind {
    /// Both.
    pub const ALL: [VisitKind; 2] = [VisitKind::Outpatient, VisitKind::Inpatient];

    /// From the national code `med_type`: 11, 14 and 41 are outpatient, 21 to 24 inpatient.
    ///
    /// `None` for maternity, family planning and local categories, which have rules of their own.
    pub fn from_medical_type(code: &str) -> Option<Self> {
        match code {
            "11" | "14" | "41" => Some(VisitKind::Outpatient),
            "21" | "22" | "23" | "24" => Some(VisitKind::Inpatient),
            _ => None,
        }
    }
}

/// The grade of the institution (医院等级).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HospitalLevel {
    /// Community health centres and others below the first grade (社区卫生服务机构).
    Community,
    /// First grade (一级).
    Primary,
    /// Second grade (二级).
    Secondary,
    /// Third grade (三级).
    Tertiary,
}

impl HospitalLevel {
    /// From the lowest to the highest.
    pub const ALL: [HospitalLevel; 4] =
        [HospitalLevel::Community, HospitalLevel::Primary, HospitalLevel::Secondary, HospitalLevel::Tertiary];
}

/// The catalog class of an item (目录等级, `chrgitm_lv`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ItemClass {
    /// 甲: the whole price counts. Code 01.
    #[serde(rename = "01")]
    A,
    /// 乙: the person pays a share first, the rest counts. Code 02.
    #[serde(rename = "02")]
    B,
    /// 丙, or not in the catalog: the person pays all. Code 03.
    #[serde(rename = "03")]
    C,
}

impl ItemClass {
    /// The Chinese name: 甲, 乙 or 丙.
    pub fn chinese(self) -> &'static str {
        match self {
            ItemClass::A => "甲",
            ItemClass::B => "乙",
            ItemClass::C => "丙",
        }
    }
}

/// One line of a bill with all that its amounts depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// National item code (`med_list_codg`).
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Catalog class.
    pub class: ItemClass,
    /// Price of one unit.
    pub price: UnitPrice,
    /// How many units; more than 0.
    pub count: Count,
    /// The share that the person pays first (先行自付比例, `selfpay_prop`): 0 for 甲, 1 for 丙.
    pub selfpay_prop: Share,
    /// The highest price that counts (`pric_uplmt_amt`); `None` is no ceiling.
    pub price_ceiling: Option<UnitPrice>,
    /// On the list of essential drugs (基本药物, `bas_medn_flag`).
    pub essential: bool,
}

/// A bill whose lines have been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bill {
    visit: VisitKind,
    level: HospitalLevel,
    #[serde(with = "super::number::date")]
    date: Date,
    lines: Vec<Line>,
}

impl Bill {
    /// Checks the lines and makes the bill.
    ///
    /// `date` is the day of settlement: rules, age and insurance year are those of this day.
    /// Errors: `BillEmpty`, `LinesTooMany`, `Line` with the 1-based line and what is wrong, `BillTooLarge`.
    pub fn new(
        visit: VisitKind,
        level: HospitalLevel,
        date: Date,
        lines: Vec<Line>,
    ) -> Result<Self, RulesError> {
        if lines.is_empty() {
            return Err(RulesError::BillEmpty);
        }
        if lines.len() > LINES_MAX {
            return Err(RulesError::LinesTooMany { max: LINES_MAX, got: lines.len() });
        }
        let mut total = Fen::ZERO;
        for (index, line) in lines.iter().enumerate() {
            line.check().map_err(|problem| RulesError::Line { line: index + 1, problem })?;
            total += line.amount();
        }
        if total > BILL_MAX {
            return Err(RulesError::BillTooLarge { max: BILL_MAX, got: total });
        }
        Ok(Bill { visit, level, date, lines })
    }

    /// Outpatient or inpatient.
    pub fn visit(&self) -> VisitKind {
        self.visit
    }

    /// Grade of the institution.
    pub fn level(&self) -> HospitalLevel {
        self.level
    }

    /// Day of settlement.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The lines, at least one.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl Line {
    /// Price × count, rounded half up to a fen (`det_item_fee_sumamt`).
    pub fn amount(&self) -> Fen {
        self.price.times(self.count)
    }

    fn check(&self) -> Result<(), LineProblem> {
        if self.code.is_empty() || self.code.chars().count() > CODE_CHARS_MAX {
            return Err(LineProblem::Code { max: CODE_CHARS_MAX });
        }
        if self.name.chars().count() > NAME_CHARS_MAX {
            return Err(LineProblem::Name { max: NAME_CHARS_MAX });
        }
        if self.count == Count::default() {
            return Err(LineProblem::CountZero);
        }
        let right = match self.class {
            ItemClass::A => self.selfpay_prop == Share::NONE,
            ItemClass::B => self.selfpay_prop < Share::ALL,
            ItemClass::C => self.selfpay_prop == Share::ALL,
        };
        if right { Ok(()) } else { Err(LineProblem::SelfPay { class: self.class, got: self.selfpay_prop }) }
    }
}

/// What one line comes to (result of transaction 2204).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LineAmounts {
    /// Price × count.
    pub det_item_fee_sumamt: Fen,
    /// Outside the catalog, all paid by the person.
    pub fulamt_ownpay_amt: Fen,
    /// Above the price ceiling.
    pub overlmt_amt: Fen,
    /// The share of a 乙 item that the person pays first.
    pub preselfpay_amt: Fen,
    /// What is left and counts.
    pub inscp_scp_amt: Fen,
}

impl LineAmounts {
    /// Divides a line; the four parts sum to its amount because the last is the rest.
    pub fn of(line: &Line) -> Self {
        let amount = line.amount();
        if line.class == ItemClass::C {
            return LineAmounts {
                det_item_fee_sumamt: amount,
                fulamt_ownpay_amt: amount,
                ..LineAmounts::default()
            };
        }
        let allowed = match line.price_ceiling {
            Some(ceiling) if line.price > ceiling => ceiling.times(line.count),
            _ => amount,
        };
        let preselfpay = if line.class == ItemClass::B { line.selfpay_prop.of(allowed) } else { Fen::ZERO };
        LineAmounts {
            det_item_fee_sumamt: amount,
            fulamt_ownpay_amt: Fen::ZERO,
            overlmt_amt: amount - allowed,
            preselfpay_amt: preselfpay,
            inscp_scp_amt: allowed - preselfpay,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use time::macros::date;

    fn line(class: ItemClass, price: &str, count: &str, prop: &str, ceiling: Option<&str>) -> Line {
        Line {
            code: "XL01".into(),
            name: "试验药".into(),
            class,
            price: price.parse().unwrap(),
            count: count.parse().unwrap(),
            selfpay_prop: prop.parse().unwrap(),
            price_ceiling: ceiling.map(|price| price.parse().unwrap()),
            essential: false,
        }
    }

    fn bill(lines: Vec<Line>) -> Result<Bill, RulesError> {
        Bill::new(VisitKind::Outpatient, HospitalLevel::Primary, date!(2025 - 01 - 02), lines)
    }

    #[test]
    fn a_ceiling_comes_before_the_first_share() {
        // 3 × 12.00, ceiling 10.00: 6.00 over; 10 % of 30.00 first; 27.00 counts.
        let amounts = LineAmounts::of(&line(ItemClass::B, "12.00", "3", "10%", Some("10")));
        assert_eq!(
            (amounts.overlmt_amt, amounts.preselfpay_amt, amounts.inscp_scp_amt),
            (Fen(600), Fen(300), Fen(2700))
        );
        // Class 丙 has no ceiling: it is all own cost.
        let amounts = LineAmounts::of(&line(ItemClass::C, "12.00", "3", "1", Some("10")));
        assert_eq!((amounts.fulamt_ownpay_amt, amounts.overlmt_amt), (Fen(3600), Fen(0)));
    }

    #[test]
    fn limits_are_met() {
        assert_eq!(bill(vec![]), Err(RulesError::BillEmpty));
        let a = line(ItemClass::A, "1", "1", "0", None);
        assert!(bill(vec![a.clone(); LINES_MAX]).is_ok());
        assert_eq!(
            bill(vec![a.clone(); LINES_MAX + 1]),
            Err(RulesError::LinesTooMany { max: LINES_MAX, got: LINES_MAX + 1 })
        );
        let full = line(ItemClass::A, "1000000", "100", "0", None);
        assert_eq!(bill(vec![full.clone()]).unwrap().lines()[0].amount(), BILL_MAX);
        assert!(matches!(bill(vec![full, a.clone()]), Err(RulesError::BillTooLarge { .. })));

        let problem = |line: Line| match bill(vec![a.clone(), line]) {
            Err(RulesError::Line { line: 2, problem }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            problem(Line { code: "九".repeat(CODE_CHARS_MAX + 1), ..a.clone() }),
            LineProblem::Code { max: CODE_CHARS_MAX }
        );
        assert_eq!(
            problem(Line { name: "九".repeat(NAME_CHARS_MAX + 1), ..a.clone() }),
            LineProblem::Name { max: NAME_CHARS_MAX }
        );
        assert_eq!(problem(Line { count: Count::default(), ..a.clone() }), LineProblem::CountZero);
        for (class, prop) in [(ItemClass::A, "5%"), (ItemClass::B, "100%"), (ItemClass::C, "50%")] {
            let got = prop.parse().unwrap();
            assert_eq!(problem(line(class, "1", "1", prop, None)), LineProblem::SelfPay { class, got });
        }
    }
}
