//! Texts for fingers, proofs of the holder, and pensions.

use protocol::{evidence::ManualReason, policy::Purpose};

use super::{Words, say};
use crate::{
    flows::FingerCheck,
    holder::{
        ProofError,
        finger::{FingerFailure, Rung, position_name},
    },
    language::Language,
    pension::PensionRefusal,
};

impl FingerFailure {
    /// What happened and what to do next.
    pub fn words(self, language: Language) -> Words {
        let l = language;
        match self {
            Self::NoSensor => say(
                l,
                ("指纹仪没有应答。", "请检查指纹仪的连线；现在可凭密码由经办人员核验。"),
                (
                    "The fingerprint sensor does not answer.",
                    "Check its cable; until then staff decides, with the PIN.",
                ),
            ),
            Self::SensorUnbound => say(
                l,
                ("本终端还没有登记指纹仪。", "请安装维护员登记指纹仪；现在可凭密码由经办人员核验。"),
                (
                    "No fingerprint sensor is bound to this terminal.",
                    "The installer has to bind it; until then staff decides, with the PIN.",
                ),
            ),
            Self::SensorChanged => say(
                l,
                ("指纹仪与登记的不是同一台。", "请停用并报告主管；确系更换的，请安装维护员重新登记。"),
                (
                    "This is not the fingerprint sensor that was set up.",
                    "Report it; if it was replaced, the installer has to bind the new one.",
                ),
            ),
            Self::NoFinger => say(
                l,
                ("没有等到手指。", "请把手指放在指纹仪上再试；不便按指纹的，由经办人员核验。"),
                (
                    "No finger came in time.",
                    "Put the finger on the sensor; where that is not possible, staff decides.",
                ),
            ),
            Self::PoorImage(advice) => say(
                l,
                ("指纹图像不清楚，无法比对。", format!("{}。", advice.words(Language::Chinese))),
                (
                    "The image of the finger cannot be compared.",
                    format!("{}.", advice.words(Language::English)),
                ),
            ),
            Self::NoMatch => say(
                l,
                ("指纹与卡内登记的不一致。", "请用登记的手指再按一次；仍不一致的，核对本人身份。"),
                (
                    "The finger is not the one on the card.",
                    "Put on the enrolled finger again; if it still differs, look at who this is.",
                ),
            ),
            Self::NoTemplate => say(
                l,
                ("卡内没有登记这个手指的指纹。", "请凭密码由经办人员核验，并建议采集指纹。"),
                (
                    "The card holds no such finger.",
                    "Staff decides, with the PIN; offer to enrol the fingers.",
                ),
            ),
            Self::TemplateBroken => say(
                l,
                ("卡内的指纹数据无法使用，或不是这张卡的。", "请报告主管；由经办人员核验后重新采集指纹。"),
                (
                    "The fingers on the card cannot be used, or are not this card's.",
                    "Report it; staff decides, and the fingers are enrolled anew.",
                ),
            ),
            Self::NoUsableFinger => say(
                l,
                ("卡内注明未采集到合格指纹。", "请凭密码由经办人员核验。"),
                ("The card says that its holder has no usable finger.", "Staff decides, with the PIN."),
            ),
            Self::CardBlocked => say(
                l,
                ("卡片的指纹比对已锁定。", "请凭密码由经办人员核验；解锁请到经办机构。"),
                (
                    "The card compares no more fingers.",
                    "Staff decides, with the PIN; the agency can unblock it.",
                ),
            ),
            Self::Replayed => say(
                l,
                (
                    "指纹图像与之前的完全相同，不是新按的手指。",
                    "请抬起手指重新按；再次出现请停用指纹仪并报告主管。",
                ),
                (
                    "The image is the very one of before, not of a finger just put on.",
                    "Lift the finger and put it on again; if it happens again, report it.",
                ),
            ),
            Self::Cancelled => say(
                l,
                ("指纹核验已取消。", "需要时请重新开始。"),
                ("The finger was not waited for any longer.", "Begin again when it is needed."),
            ),
        }
    }
}

impl Rung {
    /// What comes next.
    pub fn words(self, language: Language) -> String {
        match (self, language) {
            (Self::Finger { position, tries_left }, Language::Chinese) => {
                format!("{}，还可按 {tries_left} 次。", position_name(position).place(language))
            }
            (Self::Finger { position, tries_left }, Language::English) => {
                format!("{}; {tries_left} tries are left.", position_name(position).place(language))
            }
            (Self::Clerk { .. }, Language::Chinese) => "请持卡人输入密码，由经办人员核对本人与证件。".into(),
            (Self::Clerk { .. }, Language::English) => {
                "The holder types the PIN, and staff compares face and document.".into()
            }
        }
    }
}

impl FingerCheck {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        match self {
            Self::Proved(_) => {
                say(language, ("指纹比对一致，是持卡人本人。", ""), ("The finger is the holder's.", ""))
            }
            Self::Failed { why, next } => {
                let Words { what, next: advice } = why.words(language);
                // Where a finger is to be put on again, what was wrong with the last one helps.
                let next = match (why, next) {
                    (FingerFailure::PoorImage(_), Rung::Finger { .. }) => {
                        format!("{advice}{}{}", language.pick("", " "), next.words(language))
                    }
                    (why, Rung::Clerk { .. }) if why.is_final() => advice,
                    _ => next.words(language),
                };
                Words { what, next }
            }
        }
    }
}

impl ProofError {
    /// What happened and what to do next.
    pub fn words(self, language: Language) -> Words {
        let l = language;
        match self {
            Self::ProofFirst => say(
                l,
                ("还没有核验持卡人本人。", "请先按指纹。"),
                ("It is not known yet who this is.", "The finger comes first."),
            ),
            Self::FingerFirst => say(
                l,
                ("尚未按指纹，不能直接人工核验。", "请先按指纹；指纹不能用时再人工核验。"),
                (
                    "Staff may not decide before a finger was tried.",
                    "The finger comes first; where it does not work, staff decides.",
                ),
            ),
            Self::TooWeak { purpose } => say(
                l,
                (
                    format!("这种核验方式不足以办理{}。", purpose_name(purpose, Language::Chinese)),
                    "请按指纹，或由两名经办人员核验。",
                ),
                (
                    format!(
                        "This proof of the holder does not suffice for {}.",
                        purpose_name(purpose, Language::English)
                    ),
                    "Take a finger, or have two clerks decide.",
                ),
            ),
            Self::SecondClerkFirst => say(
                l,
                ("这项业务须由第二名经办人员复核。", "请另一名经办人员输入工号和口令。"),
                ("A second clerk has to confirm this.", "Another clerk types number and secret."),
            ),
            Self::SameClerk => say(
                l,
                ("复核人不能是当班操作员本人。", "请另一名经办人员复核。"),
                ("Nobody confirms one's own decision.", "Ask another clerk."),
            ),
            Self::ConsentFirst => say(
                l,
                ("持卡人没有同意采集指纹。", "未经本人同意不得采集；请说明用途后征得同意。"),
                (
                    "The holder has not agreed to the enrolment.",
                    "Nothing is enrolled without consent: say what it is for, and ask.",
                ),
            ),
            Self::NothingTaken => say(
                l,
                ("还没有采集到指纹。", "请先采集指纹。"),
                ("No finger was taken yet.", "Take one first."),
            ),
            Self::ImpressionsDiffer => say(
                l,
                ("三次采集的指纹彼此不一致。", "请用同一个手指、同样的位置重新采集。"),
                ("The impressions do not agree.", "Take the same finger again, laid down in the same way."),
            ),
            Self::FingerTaken => say(
                l,
                ("这个手指已经采集过。", "请换另一个手指。"),
                ("This finger was taken already.", "Take another."),
            ),
            Self::FingersTooMany => say(
                l,
                ("已采集到足够的手指。", "请继续写卡。"),
                ("Enough fingers were taken.", "Go on to write the card."),
            ),
            Self::FingerUnfit => say(
                l,
                ("这个手指的指纹磨损，不能采集。", "请换另一个手指；都不合格时由主管登记。"),
                (
                    "This finger is too worn to be enrolled.",
                    "Take another; when none will do, a supervisor notes it.",
                ),
            ),
            Self::NoRoom => say(
                l,
                ("卡内没有存放指纹的空间。", "请持卡人到发卡机构换卡。"),
                ("The card has no room for fingers.", "The holder has to have it replaced."),
            ),
        }
    }
}

impl PensionRefusal {
    /// What happened and what to do next.
    pub fn words(self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Unknown => say(
                l,
                ("中心没有此人的养老金待遇。", "请持卡人向参保地经办机构查询。"),
                ("The center pays no pension to this person.", "The holder has to ask the agency."),
            ),
            Self::NotCertified { until: Some(day) } => say(
                l,
                (format!("资格认证已于 {day} 到期，养老金暂停发放。"), "请先办理资格认证；认证后补发。"),
                (
                    format!("The certification ended on {day}: the pension is suspended."),
                    "Certify the person first; what is owed is paid then.",
                ),
            ),
            Self::NotCertified { until: None } => say(
                l,
                ("还没有办理资格认证，养老金暂不能发放。", "请先办理资格认证；认证后补发。"),
                (
                    "The person was never certified: no pension can be paid.",
                    "Certify the person first; what is owed is paid then.",
                ),
            ),
            Self::NothingDue { next } => say(
                l,
                (format!("到本月的养老金已全部发放，下次发放 {next}。"), "无需发放。"),
                (format!("Everything is paid; {next} comes next."), "There is nothing to pay."),
            ),
            Self::Changed => say(
                l,
                ("待发放的养老金在显示之后有变动。", "请重新查询，让持卡人确认后再发放。"),
                ("The pension has changed since it was shown.", "Show it to the holder again."),
            ),
        }
    }
}

/// What a proof is for, in a few words.
pub fn purpose_name(purpose: Purpose, language: Language) -> &'static str {
    let (chinese, english) = match purpose {
        Purpose::Visit => ("就诊结算", "a visit"),
        Purpose::Enrolment => ("指纹采集", "enrolling fingers"),
        Purpose::Certification => ("资格认证", "a certification"),
        Purpose::Pension => ("养老金发放", "a pension"),
    };
    language.pick(chinese, english)
}

/// Why staff decided, in a few words.
pub fn reason_name(reason: ManualReason, language: Language) -> &'static str {
    let (chinese, english) = match reason {
        ManualReason::NoSensor => ("无指纹仪", "no sensor"),
        ManualReason::NoFinger => ("未按指纹", "no finger"),
        ManualReason::PoorImage => ("指纹不清", "poor image"),
        ManualReason::NoMatch => ("指纹不符", "no match"),
        ManualReason::NoTemplate => ("卡内无指纹", "no template"),
        ManualReason::TemplateBroken => ("卡内指纹不可用", "template unusable"),
        ManualReason::SensorChanged => ("指纹仪已更换", "sensor changed"),
        ManualReason::NoUsableFinger => ("无合格指纹", "no usable finger"),
        ManualReason::CardBlocked => ("卡片比对已锁定", "card compares no more"),
        _ => ("其他", "other"),
    };
    language.pick(chinese, english)
}
