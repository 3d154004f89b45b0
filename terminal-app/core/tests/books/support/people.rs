//! People for feeds.

use protocol::feed::{Change, Person, PersonState};

/// Key of the number-th person: born from 1930 on, up to 999 a day.
pub(crate) fn key(number: u64) -> u64 {
    let (day, order) = (number / 999, number % 999 + 1);
    let (year, month, day) = (1930 + day / 336 % 90, day / 28 % 12 + 1, day % 28 + 1);
    430_104 * 100_000_000_000 + (year * 10_000 + month * 100 + day) * 1_000 + order
}

pub(crate) fn entry(number: u64) -> Person {
    Person {
        key: key(number),
        state: match number % 50 {
            7 => PersonState::Suspended,
            8 => PersonState::Ended,
            9 => PersonState::Deceased,
            _ => PersonState::Active,
        },
        insutype: if number.is_multiple_of(3) { 390 } else { 310 },
        psn_type: [11, 12, 15][(number % 3) as usize],
        civil_servant: number.is_multiple_of(20),
        paid_until: 2026 * 12 + 10,
        year: 2026,
        deductible_fen: (number % 4) as u32 * 5_000,
        pooled_outpatient_fen: (number % 5) as u32 * 70_000,
        pooled_inpatient_fen: if number.is_multiple_of(30) { 1_500_000 } else { 0 },
        own_in_scope_fen: (number % 7) as u32 * 9_000,
        stays: u8::from(number.is_multiple_of(30)),
    }
}

pub(crate) fn changes(numbers: std::ops::Range<u64>) -> Vec<Change> {
    numbers.map(|number| Change::Person(entry(number))).collect()
}
