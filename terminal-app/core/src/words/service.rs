//! Words of public service: parts of a bill, insurances, states, and how old something is.

use protocol::{
    record::PaidBy,
    service::{ContributionKind, ContributionState, Fund, MovementKind, NextStep, Payer, UnemploymentState},
};

use crate::{
    flows::service::{ShownFrom, SplitPart},
    language::Language,
};

/// What a part of a bill is and why it is there: a name, and an explanation in one sentence.
pub fn split_words(part: SplitPart, l: Language) -> (&'static str, &'static str) {
    let (chinese, english) = match part {
        SplitPart::Total => (("费用总额", "本次就诊的全部费用。"), ("Total fee", "All of this visit.")),
        SplitPart::OwnPaid => (
            ("自费（丙类）", "目录以外的项目，基金不支付。"),
            ("Own expense", "Outside the catalogue: no fund pays."),
        ),
        SplitPart::OverCeiling => (
            ("超限价自付", "高于支付标准的部分由个人负担。"),
            ("Above the ceiling", "What costs more than the standard is the person's."),
        ),
        SplitPart::FirstOwnShare => (
            ("先行自付（乙类）", "乙类项目先由个人负担一定比例。"),
            ("First own share", "Of second class items the person pays a share first."),
        ),
        SplitPart::InScope => (
            ("政策范围内费用", "总额减去以上各项，按政策分担。"),
            ("In scope", "The rest, shared by the rules."),
        ),
        SplitPart::Deductible => (
            ("起付线", "范围内费用先由个人负担到起付标准。"),
            ("Deductible", "The person pays up to this first."),
        ),
        SplitPart::OwnShareInScope => (
            ("按比例自付", "起付线以上、基金支付比例以外的部分。"),
            ("Own share", "Above the deductible, beyond the fund's share."),
        ),
        SplitPart::PooledFund => (
            ("统筹基金支付", "起付线以上按比例由统筹基金支付。"),
            ("Pooled fund", "Pays its share above the deductible."),
        ),
        SplitPart::CivilServants => (
            ("公务员医疗补助", "公务员补助支付的部分。"),
            ("Civil servants' aid", "Paid by the civil servants' supplement."),
        ),
        SplitPart::Enterprise => (
            ("企业补充医疗", "企业补充保险支付的部分。"),
            ("Enterprise supplement", "Paid by the employer's supplement."),
        ),
        SplitPart::MajorIllness => (
            ("大病保险", "居民大病保险支付的部分。"),
            ("Major illness", "Paid by residents' major illness insurance."),
        ),
        SplitPart::LargeAmount => (
            ("大额医疗补助", "职工大额补助支付的部分。"),
            ("Large amounts", "Paid by employees' large amount aid."),
        ),
        SplitPart::MedicalAid => {
            (("医疗救助", "医疗救助支付的部分。"), ("Medical aid", "Paid by medical aid."))
        }
        SplitPart::OtherFunds => {
            (("其他基金", "其他基金支付的部分。"), ("Other funds", "Paid by other funds."))
        }
        SplitPart::Hospital => (("医院负担", "由医院承担的部分。"), ("Hospital", "Borne by the hospital.")),
        SplitPart::Person => {
            (("个人负担合计", "以下各项之和。"), ("Person's part", "The sum of what follows."))
        }
        SplitPart::Account => {
            (("个人账户支付", "从卡上个人账户支付。"), ("Personal account", "From the card's account."))
        }
        SplitPart::FamilyAccount => (
            ("家庭共济支付", "从家庭成员的个人账户支付。"),
            ("Family account", "From a family member's account."),
        ),
        SplitPart::Cash => (("现金支付", "以现金等方式支付。"), ("Cash", "Paid in cash.")),
    };
    if l == Language::Chinese { chinese } else { english }
}

/// The name of an insurance.
pub fn contribution_name(kind: ContributionKind, l: Language) -> &'static str {
    match kind {
        ContributionKind::Pension => l.pick("养老保险", "Pension"),
        ContributionKind::Medical => l.pick("医疗保险", "Medical"),
        ContributionKind::Unemployment => l.pick("失业保险", "Unemployment"),
        ContributionKind::Injury => l.pick("工伤保险", "Work injury"),
        ContributionKind::ResidentPension => l.pick("居民养老", "Residents' pension"),
        ContributionKind::ResidentMedical => l.pick("居民医保", "Residents' medical"),
        _ => l.pick("其他险种", "Other insurance"),
    }
}

/// The fund that a contribution belongs to.
pub fn fund_name(fund: Fund, l: Language) -> &'static str {
    match fund {
        Fund::Pension => l.pick("企业职工基本养老保险基金", "Employees' pension fund"),
        Fund::Medical => l.pick("职工基本医疗保险基金", "Employees' medical fund"),
        Fund::Unemployment => l.pick("失业保险基金", "Unemployment fund"),
        Fund::Injury => l.pick("工伤保险基金", "Work injury fund"),
        Fund::ResidentPension => l.pick("城乡居民基本养老保险基金", "Residents' pension fund"),
        Fund::ResidentMedical => l.pick("城乡居民基本医疗保险基金", "Residents' medical fund"),
    }
}

/// Who pays a contribution at a counter.
pub fn payer_name(payer: Payer, l: Language) -> &'static str {
    match payer {
        Payer::Flexible => l.pick("灵活就业人员", "flexibly employed"),
        Payer::Resident => l.pick("城乡居民", "resident"),
    }
}

/// How contributions were paid.
pub fn paid_by_words(paid_by: &PaidBy, l: Language) -> String {
    match paid_by {
        PaidBy::Cash => l.pick("现金", "cash").into(),
        PaidBy::BankCard { reference } => match l {
            Language::Chinese => format!("银行卡（凭证号 {reference}）"),
            Language::English => format!("bank card (slip no. {reference})"),
        },
        _ => l.pick("其他", "other").into(),
    }
}

/// What is to be done about a pension that was handed out and not booked.
pub fn next_step_words(step: NextStep, l: Language) -> &'static str {
    match step {
        NextStep::Recover => l.pick(
            "该月已另行入账：请联系领取人退回重复发放的款项，无法退回的报经办机构追回。",
            "The month is paid elsewhere: ask the person to bring the second payment back; else the agency recovers \
             it.",
        ),
        NextStep::CertifyThenAgency => l.pick(
            "请领取人先办理资格认证，再持凭证报经办机构补记本月。",
            "Certify the person, then send the slip to the agency, which books the month.",
        ),
        NextStep::AgencySettles => l.pick(
            "请报经办机构核对月份和金额，多退少补；核清前不再发放。",
            "The agency compares month and amount and settles the difference; pay nothing more before that.",
        ),
        NextStep::AgencyLooks => l.pick(
            "请报经办机构核查待遇和领取人；核清前不再发放。",
            "The agency looks at person and pension; pay nothing more before that.",
        ),
        _ => l.pick(
            "窗口无法处理：请报告主管，把终端号和序号告诉中心。",
            "Nothing can be done here: report terminal and sequence to the center.",
        ),
    }
}

/// Where a contribution stands.
pub fn contribution_state_name(state: ContributionState, l: Language) -> &'static str {
    match state {
        ContributionState::Paid => l.pick("已缴", "paid"),
        ContributionState::PaidLate => l.pick("补缴", "paid late"),
        ContributionState::Unpaid => l.pick("欠缴", "not paid"),
        _ => l.pick("未知", "unknown"),
    }
}

/// What a movement of the account was.
pub fn movement_name(kind: MovementKind, l: Language) -> &'static str {
    match kind {
        MovementKind::Purchase => l.pick("医疗支付", "medical payment"),
        MovementKind::Cancellation => l.pick("撤销待退", "cancelled, to be refunded"),
        MovementKind::Load => l.pick("圈存", "load"),
        _ => l.pick("其他", "other"),
    }
}

/// Where a claim of unemployment benefit stands.
pub fn unemployment_name(state: UnemploymentState, l: Language) -> &'static str {
    match state {
        UnemploymentState::Applied => l.pick("审核中", "being decided"),
        UnemploymentState::Drawing => l.pick("领取中", "being paid"),
        UnemploymentState::Ended => l.pick("已停发", "ended"),
        UnemploymentState::Refused => l.pick("不予核定", "refused"),
        _ => l.pick("未知", "unknown"),
    }
}

/// Where something shown comes from, and how old it is.
pub fn shown_from(from: &ShownFrom, l: Language) -> String {
    const MINUTE_MS: i64 = 60_000;
    const HOUR_MS: i64 = 60 * MINUTE_MS;
    const DAY_MS: i64 = 24 * HOUR_MS;
    match from {
        ShownFrom::Center { as_of } => {
            l.pick("中心数据，截至 ", "From the center, as of ").to_owned() + &as_of.to_string()
        }
        ShownFrom::Card => l.pick("卡内数据", "From the card").to_owned(),
        ShownFrom::Copy { age_ms: None, .. } => l
            .pick("与中心断开，本机尚无数据", "The center is not reachable, and nothing is kept here")
            .to_owned(),
        ShownFrom::Copy { age_ms: Some(age_ms), .. } => {
            let (number, chinese, english) = match (*age_ms).max(0) {
                age if age >= 2 * DAY_MS => (age / DAY_MS, "天", "days"),
                age if age >= 2 * HOUR_MS => (age / HOUR_MS, "小时", "hours"),
                age => (age / MINUTE_MS, "分钟", "minutes"),
            };
            match l {
                Language::Chinese => format!("与中心断开，显示 {number} {chinese}前的数据"),
                Language::English => {
                    format!("The center is not reachable: data of {number} {english} ago")
                }
            }
        }
    }
}
