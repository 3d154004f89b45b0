//! Contributions, dues, benefits and wishes of a person: the same for the same person and month.

use card_spec::money::Fen;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::vacancies::WORK;
use crate::people::{Insurance, Person, Status, below};

/// Months of contributions that are told of a person.
pub const MONTHS: u32 = 30;

/// Months that contributions of a suspended person are behind.
const ARREARS_MONTHS: u32 = 8;

/// Of so many working people one pays for himself, and one is out of work.
const FLEXIBLE: u64 = 9;
const OUT_OF_WORK: u64 = 13;

/// One contribution: month as year × 12 + month − 1, insurance and state as the center's files name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The month.
    pub month: u32,
    /// The insurance.
    pub kind: &'static str,
    /// What it is reckoned from.
    pub base: Fen,
    /// Paid by the unit.
    pub by_unit: Fen,
    /// Paid by the person.
    pub by_person: Fen,
    /// `paid`, `paid_late`, `unpaid`.
    pub state: &'static str,
}

/// A contribution that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The insurance.
    pub kind: &'static str,
    /// First month.
    pub month: u32,
    /// How many months.
    pub months: u8,
    /// How much.
    pub amount: Fen,
    /// Last day: month, and day of it.
    pub until: (u32, u8),
}

/// A claim of unemployment benefit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unemployment {
    /// `applied`, `drawing`, `ended`, `refused`.
    pub state: &'static str,
    /// A month's benefit.
    pub monthly: Fen,
    /// First month.
    pub from: u32,
    /// Months granted.
    pub months: u8,
    /// Months paid.
    pub months_paid: u8,
}

/// What somebody seeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The work.
    pub work: &'static str,
    /// Place of the district in the city's list.
    pub district: usize,
    /// Lowest wage of a month.
    pub wage_min: Fen,
    /// The last digits of a telephone number that nobody has.
    pub phone: u32,
}

fn dice(person: &Person) -> ChaCha8Rng {
    // A stream of its own for each person: what is told here changes nothing of the person.
    let mut rng = ChaCha8Rng::seed_from_u64(0x5E_41_CE);
    rng.set_stream(person.index);
    rng
}

/// Whether the person works for himself.
fn is_flexible(person: &Person) -> bool {
    person.insurance == Insurance::Working && person.index.is_multiple_of(FLEXIBLE)
}

/// Since how many months a person is out of work.
fn out_of_work(person: &Person) -> Option<u32> {
    let working = person.insurance == Insurance::Working && person.status == Status::Normal;
    (working && !is_flexible(person) && person.index % OUT_OF_WORK == 4)
        .then(|| 1 + (person.index / OUT_OF_WORK % 9) as u32)
}

/// Contributions of the last [`MONTHS`] months up to `now`, the earliest first.
pub fn contributions(person: &Person, now: u32) -> Vec<Contribution> {
    let mut rows = Vec::new();
    let rng = &mut dice(person);
    let wage = 4_200 + below(rng, 9_000) + below(rng, 6_000);
    let late = below(rng, MONTHS * 3);
    let behind = if person.status == Status::Suspended { ARREARS_MONTHS } else { 0 };
    for ago in (0..MONTHS).rev() {
        let Some(month) = now.checked_sub(ago) else { continue };
        match person.insurance {
            Insurance::Retired => {}
            Insurance::Working => {
                if out_of_work(person).is_some_and(|months| ago < months) {
                    continue;
                }
                // Wages rise in July.
                let years = (month.saturating_sub(6)) / 12;
                let rise = years.saturating_sub((now.saturating_sub(MONTHS + 6)) / 12);
                let base = Fen(i64::from(wage + wage * rise * 3 / 100) * 100);
                let state = match ago {
                    ago if ago < behind => "unpaid",
                    ago if ago == late => "paid_late",
                    _ => "paid",
                };
                let share = |ppm: u32| if state == "unpaid" { Fen::ZERO } else { base.share(ppm) };
                let kinds: &[(&str, u32, u32)] = match is_flexible(person) {
                    true => &[("pension", 0, 200_000), ("medical", 0, 90_000)],
                    false => &[
                        ("pension", 160_000, 80_000),
                        ("medical", 80_000, 20_000),
                        ("unemployment", 7_000, 3_000),
                        ("injury", 4_000, 0),
                    ],
                };
                rows.extend(kinds.iter().map(|(kind, by_unit, by_person)| Contribution {
                    month,
                    kind,
                    base,
                    by_unit: share(*by_unit),
                    by_person: share(*by_person),
                    state,
                }));
            }
            Insurance::Resident => {
                let (kind, by_unit, by_person) = match month % 12 {
                    0 => ("resident_medical", 67_000, 40_000),
                    5 if person.index.is_multiple_of(3) => ("resident_pension", 9_000, 50_000),
                    _ => continue,
                };
                let state = if ago < behind { "unpaid" } else { "paid" };
                let paid = |fen| if state == "unpaid" { Fen::ZERO } else { Fen(fen) };
                let base = Fen::ZERO;
                rows.push(Contribution {
                    month,
                    kind,
                    base,
                    by_unit: paid(by_unit),
                    by_person: paid(by_person),
                    state,
                });
            }
        }
    }
    rows
}

/// What is due from a person in the month `now`, the earliest first.
pub fn dues(person: &Person, now: u32) -> Vec<Due> {
    if person.status == Status::Dead {
        return Vec::new();
    }
    if is_flexible(person) {
        let last = contributions(person, now).pop().map_or(Fen::ZERO, |row| row.base);
        return [("pension", 200_000), ("medical", 90_000)]
            .into_iter()
            .map(|(kind, ppm)| Due { kind, month: now, months: 1, amount: last.share(ppm), until: (now, 25) })
            .collect();
    }
    if person.insurance == Insurance::Resident && !person.index.is_multiple_of(3) {
        let next_year = (now / 12 + 1) * 12;
        let until = (next_year - 1, 31);
        return vec![Due {
            kind: "resident_medical",
            month: next_year,
            months: 12,
            amount: Fen(42_000),
            until,
        }];
    }
    Vec::new()
}

/// A claim of unemployment benefit, for those who are out of work and a few who were.
pub fn unemployment(person: &Person, now: u32) -> Option<Unemployment> {
    let monthly = Fen(159_000 + (person.index % 4) as i64 * 4_000);
    let months = [6, 12, 18, 24][(person.index / 5 % 4) as usize];
    if let Some(ago) = out_of_work(person) {
        let (state, months_paid) = match ago {
            1 => ("applied", 0),
            ago => ("drawing", (ago - 1).min(months.into()) as u8),
        };
        return Some(Unemployment { state, monthly, from: now + 1 - ago, months, months_paid });
    }
    let before = person.insurance == Insurance::Working && person.index % 31 == 7;
    before.then(|| Unemployment {
        state: "ended",
        monthly,
        from: now.saturating_sub(20),
        months,
        months_paid: 5,
    })
}

/// What somebody who is out of work seeks; one of three has not registered.
pub fn wish(person: &Person) -> Option<Wish> {
    let ago = out_of_work(person)?;
    let rng = &mut dice(person);
    let (work, wage, ..) = WORK[below(rng, WORK.len() as u32) as usize];
    (ago % 3 != 0).then(|| Wish {
        work,
        district: below(rng, 6) as usize,
        wage_min: Fen(i64::from(wage) * 100),
        phone: below(rng, 10_000),
    })
}
