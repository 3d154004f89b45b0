//! Why a settlement was split as it was, from the amounts of the booked record.

use card_spec::money::Fen;
use protocol::record::Amounts;

/// One line of the explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitLine {
    /// What it is.
    pub part: SplitPart,
    /// How much; never nothing.
    pub amount: Fen,
}

/// What a part of a bill is, in the order of the explanation; [`crate::words::split_words`] has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SplitPart {
    /// The whole fee.
    Total,
    /// Lines that insurance never pays (丙类).
    OwnPaid,
    /// Above the price ceiling (超限价).
    OverCeiling,
    /// The own share of lines of the second class (乙类先行自付).
    FirstOwnShare,
    /// What remains inside the policy scope (政策范围内).
    InScope,
    /// The deductible (起付线), paid by the person.
    Deductible,
    /// Inside the scope, above the deductible, paid by nobody but the person.
    OwnShareInScope,
    /// The pooled fund (统筹基金).
    PooledFund,
    /// The civil servants' supplement (公务员补助).
    CivilServants,
    /// The enterprise supplement (企业补充).
    Enterprise,
    /// Residents' major illness insurance (居民大病).
    MajorIllness,
    /// Employees' large amount aid (大额补助).
    LargeAmount,
    /// Medical aid (医疗救助).
    MedicalAid,
    /// Other funds (其他基金).
    OtherFunds,
    /// Borne by the hospital (医院负担).
    Hospital,
    /// The person's part (个人负担).
    Person,
    /// Of it from the personal account (个人账户).
    Account,
    /// Of it from a family member's account (家庭共济).
    FamilyAccount,
    /// Of it in cash (现金).
    Cash,
}

/// The explanation of a settlement: the fee taken apart, then who pays. Lines of nothing are left out, except for
/// the total and the person's part.
pub fn split_of(amounts: &Amounts) -> Vec<SplitLine> {
    let a = amounts;
    let funds = a.fund_pay_sumamt;
    // What of the scope neither the deductible nor a fund takes is the person's by the share of the level.
    let own_in_scope = a.inscp_scp_amt - a.act_pay_dedc - funds - a.hosp_part_amt;
    let lines = [
        (SplitPart::Total, a.medfee_sumamt),
        (SplitPart::OwnPaid, a.fulamt_ownpay_amt),
        (SplitPart::OverCeiling, a.overlmt_selfpay),
        (SplitPart::FirstOwnShare, a.preselfpay_amt),
        (SplitPart::InScope, a.inscp_scp_amt),
        (SplitPart::Deductible, a.act_pay_dedc),
        (SplitPart::OwnShareInScope, if own_in_scope > Fen::ZERO { own_in_scope } else { Fen::ZERO }),
        (SplitPart::PooledFund, a.hifp_pay),
        (SplitPart::CivilServants, a.cvlserv_pay),
        (SplitPart::Enterprise, a.hifes_pay),
        (SplitPart::MajorIllness, a.hifmi_pay),
        (SplitPart::LargeAmount, a.hifob_pay),
        (SplitPart::MedicalAid, a.maf_pay),
        (SplitPart::OtherFunds, a.oth_pay),
        (SplitPart::Hospital, a.hosp_part_amt),
        (SplitPart::Person, a.psn_part_amt),
        (SplitPart::Account, a.acct_pay),
        (SplitPart::FamilyAccount, a.acct_mulaid_pay),
        (SplitPart::Cash, a.psn_cash_pay),
    ];
    let always = |part| matches!(part, SplitPart::Total | SplitPart::Person);
    lines
        .into_iter()
        .filter(|(part, amount)| *amount != Fen::ZERO || always(*part))
        .map(|(part, amount)| SplitLine { part, amount })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_explanation_adds_up() {
        let amounts = Amounts {
            medfee_sumamt: Fen(100_000),
            fulamt_ownpay_amt: Fen(10_000),
            preselfpay_amt: Fen(5_000),
            inscp_scp_amt: Fen(85_000),
            act_pay_dedc: Fen(20_000),
            hifp_pay: Fen(45_500),
            fund_pay_sumamt: Fen(45_500),
            psn_part_amt: Fen(54_500),
            acct_pay: Fen(50_000),
            psn_cash_pay: Fen(4_500),
            ..Amounts::default()
        };
        assert!(amounts.balanced());
        let lines = split_of(&amounts);
        let sum = |parts: &[SplitPart]| -> i64 {
            lines.iter().filter(|line| parts.contains(&line.part)).map(|line| line.amount.0).sum()
        };
        use SplitPart::{
            Account, Cash, Deductible, FirstOwnShare, InScope, OwnPaid, OwnShareInScope, Person, PooledFund,
            Total,
        };
        assert_eq!(sum(&[OwnPaid, FirstOwnShare, InScope]), sum(&[Total]));
        assert_eq!(sum(&[Deductible, OwnShareInScope, PooledFund]), sum(&[InScope]));
        assert_eq!(sum(&[Account, Cash]), sum(&[Person]));
        assert_eq!(sum(&[OwnPaid, FirstOwnShare, Deductible, OwnShareInScope]), sum(&[Person]));
        assert_eq!(split_of(&Amounts::default()).len(), 2);
    }
}
