//! What settlements add to a person's year (年度累计), reckoned the same way at both ends.
//!
//! The center adds when it books and sends the person's new entry down the feed; a terminal adds what it
//! settled itself and what no entry of its cache can contain yet.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};

use crate::{feed::Person, record::Amounts};

/// What one settlement, or several of one person and year, adds to that year.
///
/// A cancellation adds the negative of what its settlement added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accumulation {
    /// Deductible taken by outpatients (`act_pay_dedc`); a stay's is its own and never counts over the year.
    pub deductible: Fen,
    /// Pooled fund, outpatients (`hifp_pay`).
    pub pooled_outpatient: Fen,
    /// Pooled fund, inpatients (`hifp_pay`).
    pub pooled_inpatient: Fen,
    /// Inside the policy scope and not paid by the pooled fund (`inscp_scp_amt` − `hifp_pay`).
    pub own_in_scope: Fen,
    /// Stays in hospital; −1 for a cancelled one.
    pub stays: i32,
}

impl Accumulation {
    /// What a settlement of this visit type (code table med_type, `2…` for inpatients) adds.
    ///
    /// For a cancellation pass its negative amounts with the visit type of the settlement taken back.
    pub fn of(amounts: &Amounts, med_type: &str) -> Self {
        let inpatient = med_type.starts_with('2');
        let pooled = amounts.hifp_pay;
        Accumulation {
            deductible: if inpatient { Fen::ZERO } else { amounts.act_pay_dedc },
            pooled_outpatient: if inpatient { Fen::ZERO } else { pooled },
            pooled_inpatient: if inpatient { pooled } else { Fen::ZERO },
            own_in_scope: amounts.inscp_scp_amt - pooled,
            stays: match inpatient {
                false => 0,
                true if amounts.medfee_sumamt < Fen::ZERO => -1,
                true => 1,
            },
        }
    }
}

impl std::ops::AddAssign for Accumulation {
    fn add_assign(&mut self, other: Self) {
        self.deductible += other.deductible;
        self.pooled_outpatient += other.pooled_outpatient;
        self.pooled_inpatient += other.pooled_inpatient;
        self.own_in_scope += other.own_in_scope;
        self.stays = self.stays.saturating_add(other.stays);
    }
}

impl Person {
    /// Adds what was settled in `year` to this entry.
    ///
    /// A year later than the entry's starts from nothing; an earlier one changes nothing any more. Sums
    /// stay within their fields and never fall below zero.
    pub fn accumulate(&mut self, year: u16, added: &Accumulation) {
        if year < self.year {
            return;
        }
        if year > self.year {
            self.year = year;
            self.deductible_fen = 0;
            self.pooled_outpatient_fen = 0;
            self.pooled_inpatient_fen = 0;
            self.own_in_scope_fen = 0;
            self.stays = 0;
        }
        let sum =
            |old: u32, add: Fen| u32::try_from((Fen(i64::from(old)) + add).0.max(0)).unwrap_or(u32::MAX);
        self.deductible_fen = sum(self.deductible_fen, added.deductible);
        self.pooled_outpatient_fen = sum(self.pooled_outpatient_fen, added.pooled_outpatient);
        self.pooled_inpatient_fen = sum(self.pooled_inpatient_fen, added.pooled_inpatient);
        self.own_in_scope_fen = sum(self.own_in_scope_fen, added.own_in_scope);
        let stays = i32::from(self.stays).saturating_add(added.stays).clamp(0, i32::from(u8::MAX));
        self.stays = u8::try_from(stays).unwrap_or(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use card_spec::money::Fen;

    use super::Accumulation;
    use crate::{
        feed::{Person, PersonState},
        record::Amounts,
    };

    fn person() -> Person {
        Person {
            key: 11_010_519_491_231_002,
            state: PersonState::Active,
            insutype: 310,
            psn_type: 11,
            civil_servant: false,
            paid_until: 2026 * 12,
            year: 2026,
            deductible_fen: 10_000,
            pooled_outpatient_fen: 0,
            pooled_inpatient_fen: 0,
            own_in_scope_fen: 500,
            stays: 0,
        }
    }

    #[test]
    fn a_cancellation_takes_back_what_was_added() {
        let amounts = Amounts {
            medfee_sumamt: Fen(90_000),
            inscp_scp_amt: Fen(80_000),
            act_pay_dedc: Fen(20_000),
            hifp_pay: Fen(48_000),
            ..Amounts::default()
        };
        for med_type in ["11", "21"] {
            let mut after = person();
            after.accumulate(2026, &Accumulation::of(&amounts, med_type));
            // Counted together, a stay's deductible would shorten that of later outpatient visits.
            assert_eq!(after.deductible_fen, if med_type == "11" { 30_000 } else { 10_000 });
            assert_eq!(after.own_in_scope_fen, 32_500);
            assert_eq!(after.stays, u8::from(med_type == "21"));
            after.accumulate(2026, &Accumulation::of(&amounts.negated(), med_type));
            assert_eq!(after, person());
        }
    }

    #[test]
    fn years_do_not_mix() {
        let added = Accumulation { deductible: Fen(700), ..Accumulation::default() };
        let mut entry = person();
        entry.accumulate(2025, &added);
        assert_eq!(entry, person());
        entry.accumulate(2027, &added);
        assert_eq!((entry.year, entry.deductible_fen, entry.own_in_scope_fen), (2027, 700, 0));
    }
}
