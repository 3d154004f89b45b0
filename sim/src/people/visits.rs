//! Visits to hospitals over a year.

use card_spec::{date::Date, money::Fen};
use rand_chacha::ChaCha8Rng;

use super::below;

/// Most visits of one person in one year.
pub const VISITS_MAX: usize = 60;

/// One visit to a hospital.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// First day.
    pub day: Date,
    /// How the patient is treated.
    pub kind: VisitKind,
    /// Level of the hospital, 1 to 3 (医院等级).
    pub hospital_level: u8,
    /// Sum of the bill.
    pub bill: Fen,
    /// Lines on the bill, at least 1.
    pub bill_lines: u16,
}

/// How a patient is treated (医疗类别).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisitKind {
    /// 11, ordinary outpatient (普通门诊).
    Outpatient,
    /// 14, chronic and special disease outpatient (门诊慢特病).
    Chronic,
    /// 21, inpatient (普通住院).
    Inpatient {
        /// Nights in the hospital.
        nights: u16,
    },
    /// 41, medicines at a pharmacy (定点药店购药).
    Pharmacy,
}

impl VisitKind {
    /// The national code of the medical category.
    pub fn code(self) -> u8 {
        match self {
            Self::Outpatient => 11,
            Self::Chronic => 14,
            Self::Inpatient { .. } => 21,
            Self::Pharmacy => 41,
        }
    }
}

/// The older, the more often: one visit in two years for the young, one a month for the old, on average.
pub(super) fn of_year(mut rng: ChaCha8Rng, year: u16, age: u16) -> Vec<Visit> {
    let rng = &mut rng;
    // The generator stands at the person's own stream; the years of a person take turns on it.
    rng.set_word_pos(u128::from(year) * 4_096);
    let often = 2 + u32::from(age) / 4;
    let count = (below(rng, often) + below(rng, often) / 3) as usize;
    let mut visits: Vec<Visit> = (0..count.min(VISITS_MAX)).filter_map(|_| visit(rng, year, age)).collect();
    visits.sort_by_key(|visit| visit.day);
    visits
}

fn visit(rng: &mut ChaCha8Rng, year: u16, age: u16) -> Option<Visit> {
    let day = Date::new(year, 1 + below(rng, 12) as u8, 1 + below(rng, 28) as u8)?;
    let (kind, yuan_max, lines_max) = match below(rng, 100) {
        0..6 => (VisitKind::Inpatient { nights: 1 + below(rng, 20) as u16 }, 40_000, 300),
        6..20 if age > 45 => (VisitKind::Chronic, 1_500, 12),
        20..45 => (VisitKind::Pharmacy, 300, 6),
        _ => (VisitKind::Outpatient, 1_200, 20),
    };
    let spread = 1 + below(rng, yuan_max);
    Some(Visit {
        day,
        kind,
        hospital_level: 1 + below(rng, 3) as u8,
        bill: Fen(i64::from(500 + below(rng, spread * 100))),
        bill_lines: 1 + below(rng, lines_max) as u16,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Population;

    #[test]
    fn visits_are_in_order_and_of_their_year() {
        let mut total = 0;
        for person in Population::new(4, 2_000).iter() {
            let visits = person.visits(2025);
            assert!(visits.is_sorted_by_key(|visit| visit.day));
            assert!(visits.iter().all(|visit| visit.day.year() == 2025 && visit.bill.0 >= 500));
            assert!(visits.iter().all(|visit| (1..=3).contains(&visit.hospital_level)));
            total += visits.len();
        }
        assert!((4_000..20_000).contains(&total), "{total} visits of 2000 people");
        let person = Population::new(4, 2_000).person(9).unwrap();
        assert_ne!(person.visits(2024), person.visits(2025));
    }
}
