//! Names of figures and codes that only the command line shows.

use card_spec::money::Fen;
use terminal::rules::{Amounts, HospitalLevel, PersonKind, VisitKind};

/// Amounts of a settlement with their Chinese and English names, in the order people expect. Zero figures
/// that most settlements lack are left out.
pub(crate) fn figures(amounts: &Amounts) -> Vec<(&'static str, &'static str, Fen)> {
    let f = amounts;
    let all = [
        ("医疗费总额", "Total fee", f.medfee_sumamt, true),
        ("全自费（丙类）", "Wholly own-paid (class C)", f.fulamt_ownpay_amt, false),
        ("超限价自费", "Above price ceilings", f.overlmt_selfpay, false),
        ("先行自付（乙类）", "Own share first (class B)", f.preselfpay_amt, false),
        ("符合政策范围", "In policy scope", f.inscp_scp_amt, true),
        ("本次起付线", "Deductible counted", f.act_pay_dedc, true),
        ("统筹基金支付", "Pooled fund", f.hifp_pay, true),
        ("公务员补助", "Civil servants' supplement", f.cvlserv_pay, false),
        ("企业补充", "Enterprise supplement", f.hifes_pay, false),
        ("居民大病保险", "Major illness insurance", f.hifmi_pay, false),
        ("职工大额补助", "Large amount aid", f.hifob_pay, false),
        ("医疗救助", "Medical aid", f.maf_pay, false),
        ("其他基金", "Other funds", f.oth_pay, false),
        ("基金支付合计", "All funds", f.fund_pay_sumamt, true),
        ("医院负担", "Borne by the hospital", f.hosp_part_amt, false),
        ("个人负担合计", "Person's part", f.psn_part_amt, true),
        ("其中个人账户", "  from the personal account", f.acct_pay, true),
        ("其中家庭共济", "  from relatives' accounts", f.acct_mulaid_pay, false),
        ("其中现金", "  in cash", f.psn_cash_pay, true),
    ];
    all.into_iter()
        .filter(|(_, _, amount, always)| *always || *amount != Fen::ZERO)
        .map(|(chinese, english, amount, _)| (chinese, english, amount))
        .collect()
}

/// Kind of person, Chinese and English.
pub(crate) fn person(kind: PersonKind) -> (&'static str, &'static str) {
    match kind {
        PersonKind::Worker => ("在职", "worker"),
        PersonKind::Retired => ("退休", "retired"),
        PersonKind::Resident => ("居民", "resident"),
    }
}

/// Kind of visit, Chinese and English.
pub(crate) fn visit(kind: VisitKind) -> (&'static str, &'static str) {
    match kind {
        VisitKind::Outpatient => ("门诊", "outpatient"),
        VisitKind::Inpatient => ("住院", "inpatient"),
    }
}

/// Hospital level, Chinese and English.
pub(crate) fn level(level: HospitalLevel) -> (&'static str, &'static str) {
    match level {
        HospitalLevel::Community => ("社区", "community"),
        HospitalLevel::Primary => ("一级", "primary"),
        HospitalLevel::Secondary => ("二级", "secondary"),
        HospitalLevel::Tertiary => ("三级", "tertiary"),
    }
}

pub(crate) use edge::words::moment;

/// A date as a card stores it; empty when it was never written.
pub(crate) fn card_date(date: card_spec::date::CardDate) -> String {
    use card_spec::date::CardDate;
    match date {
        CardDate::Day(day) => format!("{:04}{:02}{:02}", day.year(), day.month(), day.day()),
        CardDate::Year(year) => format!("{year:04}"),
        CardDate::NotIssued => String::new(),
    }
}
