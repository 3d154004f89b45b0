//! Texts for contributions that are paid at a counter.

use super::{Words, contribution_name, say};
use crate::{contribution::ContributionRefusal, language::Language};

impl ContributionRefusal {
    /// What happened and what to do next. That no money is to be taken stands in each.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        let name =
            |due: &protocol::service::Due, l| format!("{} {}", contribution_name(due.kind, l), due.period);
        let (chinese, english) = (Language::Chinese, Language::English);
        match self {
            Self::NothingChosen => say(
                l,
                ("没有选定可以缴纳的费款，未缴费。", "请选定要缴的费款；工伤保险由单位缴纳。"),
                (
                    "Nothing that can be paid here was chosen; nothing was paid.",
                    "Choose what is to be paid; work injury insurance is paid by units.",
                ),
            ),
            Self::ReferenceWrong => say(
                l,
                ("银行卡缴费的凭证号不对，未缴费。", "请照银行 POS 签购单上的号码输入（字母和数字）。"),
                (
                    "The number of the bank card payment is wrong; nothing was paid.",
                    "Type it as on the slip of the bank terminal: letters and digits.",
                ),
            ),
            Self::CenterNeeded => say(
                l,
                (
                    "与中心断开，不能确认费款是否仍应缴，未缴费。",
                    "请勿收款；网络恢复后再办，急需的请持卡人到其他窗口或用手机缴纳。",
                ),
                (
                    "The center cannot be reached, so nobody knows whether it is still due; nothing was paid.",
                    "Take no money. Try again when the line is up; in a hurry, pay elsewhere.",
                ),
            ),
            Self::Unclear => say(
                l,
                (
                    "中心的回答丢失，这次缴费已作废，未缴费。",
                    "请勿收款（已收的当面退还）；网络恢复后重新查询应缴并缴纳，不会重复缴费。",
                ),
                (
                    "The center's answer was lost. This payment is written off; nothing was paid.",
                    "Take no money, give back what was taken. Ask anew when the line is up: nothing is paid twice.",
                ),
            ),
            Self::Paid { due, at } => say(
                l,
                (
                    format!("{}已于 {at} 缴清，未再缴费。", name(due, chinese)),
                    "请勿收款；可查询缴费记录，并重新查询其余应缴。",
                ),
                (
                    format!("{} was paid on {at}; nothing was paid now.", name(due, english)),
                    "Take no money. Look at the record of contributions, and ask for the other dues anew.",
                ),
            ),
            Self::BeingPaid { due, since } => say(
                l,
                (
                    format!("{}自 {since} 起正在另一笔缴费中办理，未缴费。", name(due, chinese)),
                    "请勿收款；过几分钟重新查询。长时间不解除的，请与中心联系。",
                ),
                (
                    format!(
                        "{} is being paid under another name since {since}; nothing was paid.",
                        name(due, english)
                    ),
                    "Take no money. Ask again in some minutes; if it stays so, call the center.",
                ),
            ),
            Self::Changed => say(
                l,
                ("应缴费款在显示之后有变动，未缴费。", "请勿收款；重新查询，让缴费人确认后再缴。"),
                (
                    "What is due has changed since it was shown; nothing was paid.",
                    "Take no money. Show it again and have it confirmed.",
                ),
            ),
            Self::ReversalTooLate => say(
                l,
                ("这笔缴费不是今天的，不能在终端撤销。", "请到经办机构或税务机关办理退费。"),
                (
                    "The payment is of another day and is not taken back here.",
                    "The agency or the tax office refunds it.",
                ),
            ),
            Self::NotBooked => say(
                l,
                ("中心没有入账这笔缴费，无可撤销。", "请把收的款当面退还缴费人并收回凭证，报告主管。"),
                (
                    "The center did not book this payment: there is nothing to take back.",
                    "Give the money back, keep the receipt, and report it to the supervisor.",
                ),
            ),
        }
    }
}
