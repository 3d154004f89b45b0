//! Texts for the line to the center.

use protocol::{problem::ProblemKind, upload::RefusalReason};

use super::{Words, say};
use crate::{language::Language, ports::LinkError};

impl LinkError {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Down { .. } => say(
                l,
                ("联系不上中心。", "可在脱机限额内继续办理，网络恢复后自动上传；长时间不通请检查网络。"),
                (
                    "The center cannot be reached.",
                    "Go on within the offline limits, records are sent later; if it lasts, check the network.",
                ),
            ),
            Self::Lost { .. } => say(
                l,
                ("与中心的连接中断，中心可能已收到。", "终端会自动重发，不会重复入账。"),
                (
                    "The connection broke; the center may have the request.",
                    "It is sent again by itself and never booked twice.",
                ),
            ),
            Self::WrongCertificate => say(
                l,
                ("对方证书不是本市中心的。", "不要继续。请联系设备维护人员检查网络和中心地址。"),
                (
                    "The certificate is not our center's.",
                    "Stop, and call the installer to check network and address.",
                ),
            ),
            Self::ExpiredCertificate => say(
                l,
                ("证书已过有效期，或本机时间不对。", "请联系设备维护人员校准时间或更新证书。"),
                (
                    "A certificate is out of date, or this terminal's clock is wrong.",
                    "Call the installer to set the clock or renew the certificate.",
                ),
            ),
            Self::NotAccepted => say(
                l,
                ("中心不接受本终端的证书。", "请联系设备维护人员重新注册终端。"),
                (
                    "The center does not accept this terminal's certificate.",
                    "Call the installer to enrol it again.",
                ),
            ),
            Self::Refused(problem) => refused(problem.kind, l),
            Self::Answer { .. } => say(
                l,
                ("中心的应答无法识别。", "请联系设备维护人员核对程序版本。"),
                ("The center's answer cannot be read.", "Call the installer to compare program versions."),
            ),
        }
    }
}

fn refused(kind: ProblemKind, l: Language) -> Words {
    match kind {
        ProblemKind::LoadRefused => say(
            l,
            ("中心不同意圈存：额度不足，或卡片凭证不符。", "请核对金额；仍不行请到经办机构查询。"),
            (
                "The center does not grant the load: not enough credit, or the card's MAC is wrong.",
                "Check the amount; the agency answers questions.",
            ),
        ),
        ProblemKind::NotAuthenticated | ProblemKind::TerminalUnknown => say(
            l,
            ("中心不认识本终端，或本终端已停用。", "请联系设备维护人员。"),
            ("The center does not know this terminal, or has blocked it.", "Call the installer."),
        ),
        ProblemKind::Code => say(
            l,
            ("注册码不正确、已使用或已过期。", "请向中心申请新的注册码。"),
            ("The one-time code is wrong, used or out of date.", "Ask the center for a new one."),
        ),
        ProblemKind::Overloaded | ProblemKind::TooSlow => say(
            l,
            ("中心繁忙。", "请稍候，终端会自动重试。"),
            ("The center is busy.", "Wait a little: the terminal tries again by itself."),
        ),
        ProblemKind::Storage | ProblemKind::Internal => say(
            l,
            ("中心系统故障。", "记录保存在本机，终端会自动重试。"),
            ("The center has a fault.", "Records are kept here, and the terminal tries again by itself."),
        ),
        ProblemKind::ChainBroken | ProblemKind::ChainGap => say(
            l,
            ("本机账本与中心记录不衔接。", "业务已停止。请联系设备维护人员。"),
            (
                "This terminal's books do not continue the center's.",
                "Business is stopped. Call the installer.",
            ),
        ),
        ProblemKind::Forbidden => say(
            l,
            ("本类窗口无权办理此项查询。", "请到社区服务站或自助终端办理；窗口类型有误请联系中心。"),
            (
                "A desk of this kind may not ask for that.",
                "A community office or a kiosk can; if this desk is of another kind, tell the center.",
            ),
        ),
        ProblemKind::HolderNotShown => say(
            l,
            ("中心未能确认持卡人本人在场。", "请重新插卡并核验密码或指纹。姓名登记有误请到经办窗口。"),
            (
                "The center has no proof that the holder is there.",
                "Insert the card and enter the PIN again. If a name is wrong, staff can help.",
            ),
        ),
        ProblemKind::CardBlocked => say(
            l,
            ("此卡已挂失或停用。", "请持身份证件到经办窗口办理解挂或补卡。"),
            (
                "This card is reported lost or blocked.",
                "Take an identity document to an office to free or replace it.",
            ),
        ),
        ProblemKind::TooMany => say(
            l,
            ("查询过于频繁。", "请一小时后再试，或到经办窗口查询。"),
            ("Too many questions.", "Try again in an hour, or ask at an office."),
        ),
        ProblemKind::NotFound => say(
            l,
            ("中心没有这项内容。", "请核对后再试。"),
            ("The center has nothing by that name.", "Check it and try again."),
        ),
        _ => say(
            l,
            ("中心不接受请求。", "请联系设备维护人员核对程序版本。"),
            ("The center does not accept the request.", "Call the installer to compare program versions."),
        ),
    }
}

/// What a clerk is told about a record that the center does not book.
pub fn refusal(reason: RefusalReason, language: Language) -> Words {
    let l = language;
    match reason {
        RefusalReason::Unbalanced => say(
            l,
            ("中心未入账：金额不平。", "请撤销后重新结算，并联系设备维护人员。"),
            ("Not booked: the amounts do not add up.", "Cancel and settle again, and call the installer."),
        ),
        RefusalReason::NothingToCancel => say(
            l,
            ("中心未入账：原结算不存在或已撤销。", "请与中心核对原结算。"),
            ("Not booked: the settlement is unknown or was cancelled.", "Compare with the center."),
        ),
        RefusalReason::Unreadable | RefusalReason::Misplaced => say(
            l,
            ("中心未入账：记录无法识别。", "请联系设备维护人员。"),
            ("Not booked: the record cannot be read.", "Call the installer."),
        ),
        RefusalReason::Blacklisted => say(
            l,
            ("中心未入账：结算时卡片已停用。", "请联系持卡人按自费处理，并报告主管。"),
            (
                "Not booked: the card was blocked by then.",
                "The visit is to be paid in cash; report to the supervisor.",
            ),
        ),
        RefusalReason::OverLimit => say(
            l,
            ("中心未入账：超过脱机限额。", "请报告主管，与中心人工核对。"),
            (
                "Not booked: above the offline limit.",
                "Report to the supervisor, who compares with the center.",
            ),
        ),
        RefusalReason::TacWrong => say(
            l,
            ("中心未入账：卡片交易验证码（TAC）不符。", "请报告主管，核对卡内交易明细。"),
            (
                "Not booked: the card's TAC is wrong.",
                "Report to the supervisor, who looks at the card's log.",
            ),
        ),
        RefusalReason::LoadUnknown => say(
            l,
            ("中心未入账：圈存未经中心同意。", "请报告主管。"),
            ("Not booked: the load was not granted.", "Report to the supervisor."),
        ),
        RefusalReason::HolderMismatch => say(
            l,
            ("中心未入账：此卡在中心登记为他人所有。", "请核对持卡人身份并报告主管；卡内扣款可撤销退回。"),
            (
                "Not booked: for the center the card is another person's.",
                "Check who holds it and report to the supervisor; what the card paid can be cancelled.",
            ),
        ),
        RefusalReason::RefundWrong => say(
            l,
            ("中心未入账：退款与原结算不符。", "请报告主管。"),
            ("Not booked: the refund does not fit the settlement.", "Report to the supervisor."),
        ),
        RefusalReason::PurchaseKnown => say(
            l,
            ("中心未入账：这笔卡内扣款已用另一笔交易入账。", "请勿再次上传，报告主管核对两笔交易。"),
            (
                "Not booked: this purchase of the card counts under another transaction.",
                "Report to the supervisor, who compares the two.",
            ),
        ),
        RefusalReason::ProofTooWeak => say(
            l,
            ("中心未入账：持卡人身份核验不足。", "请报告主管，重新核验本人后办理。"),
            (
                "Not booked: the proof of the holder is too weak.",
                "Report it; prove the holder and do it again.",
            ),
        ),
        RefusalReason::ConsentMissing => say(
            l,
            ("中心未登记：没有本人同意。", "请征得本人同意后重新采集。"),
            ("Not booked: the holder's consent is missing.", "Ask for it and enrol again."),
        ),
        RefusalReason::PensionUnknown | RefusalReason::BenefitEnded => say(
            l,
            ("中心未入账：此人没有养老金待遇或待遇已终止。", "请报告主管，追回已发放的款项。"),
            (
                "Not booked: no pension is paid to this person, or not any more.",
                "Report it; what was paid out has to be claimed back.",
            ),
        ),
        RefusalReason::Deceased => say(
            l,
            ("中心未入账：待遇领取人此前已去世（疑似冒领）。", "请立即报告主管，保留现场记录。"),
            (
                "Not booked: the person had died before (false claim).",
                "Report it at once and keep the records.",
            ),
        ),
        RefusalReason::BenefitSuspended => say(
            l,
            ("中心未入账：待遇已暂停。", "请报告主管，与中心核对暂停原因。"),
            ("Not booked: benefits are suspended.", "Report it and ask the center why."),
        ),
        RefusalReason::NotCertified => say(
            l,
            ("中心未入账：资格认证已过期。", "请持卡人办理资格认证，并报告主管。"),
            ("Not booked: the person is not certified.", "Certify the person, and report it."),
        ),
        RefusalReason::PensionAmount => say(
            l,
            ("中心未入账：养老金金额与中心不符。", "请报告主管，与中心核对金额。"),
            ("Not booked: the amount is not the person's pension.", "Report it and compare with the center."),
        ),
        RefusalReason::PeriodNotDue => say(
            l,
            ("中心未入账：该月养老金尚未到发放时间。", "请报告主管，与中心核对月份。"),
            ("Not booked: the month is not due yet.", "Report it and compare with the center."),
        ),
        RefusalReason::PeriodPaid => say(
            l,
            ("中心未入账：该月养老金已在别处发放。", "请报告主管，追回重复发放的款项。"),
            (
                "Not booked: the month was paid elsewhere before.",
                "Report it; what was paid twice has to be claimed back.",
            ),
        ),
        RefusalReason::DueNotHeld | RefusalReason::ContributionWrong => say(
            l,
            (
                "缴费未入账：中心没有为这笔缴费留存费款。",
                "请报告主管：与中心核对；应退的当面退还缴费人并收回凭证。",
            ),
            (
                "The payment is not booked: the dues are not set aside for it.",
                "Report it and compare with the center; give the money back against the receipt if it says so.",
            ),
        ),
        RefusalReason::DuePaid => say(
            l,
            ("缴费未入账：该费款已另行缴清。", "请把重复收的款退还缴费人并收回凭证，报告主管。"),
            (
                "The payment is not booked: it was paid elsewhere before.",
                "Give the money back against the receipt, and report it.",
            ),
        ),
        RefusalReason::ReversalTooLate => say(
            l,
            ("撤销未入账：这笔缴费不是当天的。", "请报告主管；缴费仍有效，由经办机构或税务机关办理退费。"),
            (
                "Not taken back: the payment is of another day.",
                "Report it; the payment stands, and the agency or the tax office refunds it.",
            ),
        ),
        _ => say(l, ("中心未入账。", "请与中心联系。"), ("Not booked.", "Ask the center.")),
    }
}
