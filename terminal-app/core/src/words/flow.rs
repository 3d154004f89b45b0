//! Texts for the flows.

use super::{Words, say, session};
use crate::{
    error::{Error, Limit, MoneyOutcome, Need},
    flows::{Document, Unreadable, UnreadableDocument},
    language::Language,
};

impl Error {
    /// What happened and what to do next.
    ///
    /// Where it is open whether the card has paid, this is said first: nothing is taken twice.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        match self {
            Self::Session(error) => session::session(error, l),
            Self::Rules(error) => Words {
                what: error.words(l),
                next: l.pick("请更正后再试。", "Correct it and try again.").into(),
            },
            Self::Ledger(error) => error.words(l),
            Self::Cache(error) => error.words(l),
            Self::Link(error) => error.words(l),
            Self::Keys(error) => error.words(l),
            Self::SignIn(error) => error.words(l),
            Self::Reconcile(error) => error.words(l),
            Self::Board(trouble) => trouble.words(l),
            Self::NotEligible(refusal) => refusal.words(l),
            Self::Limit(limit) => limit.words(l),
            Self::Finger(failure) => failure.words(l),
            Self::Proof(error) => error.words(l),
            Self::Pension(refusal) => refusal.words(l),
            Self::Contribution(refusal) => refusal.words(l),
            Self::NotSignedIn => say(
                l,
                ("操作员还没有签到。", "请先签到；有未对账的周期时请先对账。"),
                (
                    "No operator has signed in for business.",
                    "Sign in; reconcile first if an older cycle is open.",
                ),
            ),
            Self::OtherCard => say(
                l,
                ("插入的卡与就诊登记的不是同一张。", "请换回登记时的卡。"),
                ("The visit is of another card.", "Put in the card it was registered with."),
            ),
            Self::TrainingOnly => say(
                l,
                (
                    "这里是培训，插入的是真实持卡人的卡；未做任何操作。",
                    "请换培训卡（号码以 990000 开头），或退出培训模式。",
                ),
                (
                    "This is training, and the card is of a real person; nothing was done with it.",
                    "Put in a training card, whose number begins with 990000, or leave training.",
                ),
            ),
            Self::BillChanged => say(
                l,
                ("费用明细或本年累计在预结算之后有变动。", "请重新预结算，让持卡人确认新的金额。"),
                (
                    "The bill, or the year it counts in, has changed since it was shown.",
                    "Show it to the holder again.",
                ),
            ),
            Self::ClockBehind => say(
                l,
                ("本机时钟被多次回拨，卡片已用过这些时间。", "请安装维护员校准时钟（jinbao doctor）后重试。"),
                (
                    "The clock was set back again and again; the card was told these times before.",
                    "Have an installer set the clock (jinbao doctor), then try again.",
                ),
            ),
            Self::NothingToLoad => say(
                l,
                ("没有可圈存的金额。", "请核对金额。"),
                ("There is nothing to put onto the card.", "Check the amount."),
            ),
            Self::TooLate => say(
                l,
                ("这笔结算不是本周期或当天的，不能在终端撤销。", "请到经办机构办理退费。"),
                ("The settlement is of another day and cycle.", "The agency takes it back."),
            ),
            Self::VisitKind { med_type } => say(
                l,
                (format!("医疗类别 {med_type} 不在本终端结算。"), "请到人工窗口联机办理。"),
                (
                    format!("Visits of type {med_type} are not settled here."),
                    "Settle them online, at a counter.",
                ),
            ),
            Self::InsuranceElsewhere { insutype, .. } => say(
                l,
                (format!("险种 {insutype} 不在本终端结算。"), "请到人工窗口联机办理。"),
                (format!("Insurance {insutype} is not settled here."), "Settle it online, at a counter."),
            ),
            Self::Unresolved { .. } => say(
                l,
                ("交易被中断，结果待核实。金额未重复扣除。", "请重新插卡，终端会向卡片核实并完成交易。"),
                (
                    "The transaction was interrupted; its result is being found out. No amount is taken twice.",
                    "Put the card in again: the terminal asks the card and completes the transaction.",
                ),
            ),
            Self::ResolveFirst { need: Need::Pin, .. } => say(
                l,
                ("这张卡上一笔交易的结果待核实。金额未重复扣除。", "请输入密码，终端会向卡片核实。"),
                (
                    "The result of this card's last transaction is not known yet. No amount is taken twice.",
                    "Type the PIN: the terminal asks the card.",
                ),
            ),
            Self::ResolveFirst { need: Need::Supervisor, .. } => say(
                l,
                ("这张卡上一笔交易的结果卡片已无法说明。", "请报告主管，与中心和卡内明细人工核对。"),
                (
                    "The card cannot tell any more what became of its last transaction here.",
                    "Report to the supervisor, who compares with the center and the card's log.",
                ),
            ),
            Self::DoneNotRecorded { cause, .. } => {
                let cause = cause.words(l);
                say(
                    l,
                    (
                        format!("卡片已扣款，但本机没能记账：{}金额未重复扣除。", cause.what),
                        "请不要再次收费。处理故障后重新插卡，终端会补记。",
                    ),
                    (
                        format!(
                            "The card has paid, but it could not be written down: {} No amount is taken twice.",
                            cause.what
                        ),
                        "Do not charge again. When the fault is mended, put the card in again and it is written down.",
                    ),
                )
            }
        }
    }
}

impl UnreadableDocument {
    /// What cannot be read, and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        let (chinese, english) = match &self.document {
            Document::Rules => ("中心下发的结算规则".to_owned(), "The center's rules".to_owned()),
            Document::OneOfRules { version } => {
                (format!("中心下发的规则文件 {version} "), format!("The center's document {version}"))
            }
            Document::Policy => ("中心下发的核验策略".to_owned(), "The center's proof policy".to_owned()),
            Document::Limits => ("中心下发的脱机限额".to_owned(), "The center's limits".to_owned()),
        };
        match &self.reason {
            Unreadable::NotSigned => say(
                l,
                (format!("{chinese}签名不符，未启用。"), "请设备维护人员核对中心公钥，或重新登记终端。"),
                (
                    format!("{english} cannot be used: not signed by the center that is known here."),
                    "The installer has to compare the center's key, or enrol anew.",
                ),
            ),
            Unreadable::Content => say(
                l,
                (format!("{chinese}本机程序读不懂，未启用。"), "请设备维护人员升级终端程序。"),
                (
                    format!("{english} cannot be read by this program and is not in use."),
                    "The installer has to update it.",
                ),
            ),
            Unreadable::Rules(error) => say(
                l,
                (format!("{chinese}未启用：{}", error.words(l)), "请升级终端程序，或请中心更正后重新下发。"),
                (
                    format!("{english} is not in use: {}", error.words(l)),
                    "Update this program, or have the center correct and publish it again.",
                ),
            ),
        }
    }
}

impl Limit {
    /// What happened and what to do next.
    pub fn words(&self, language: Language) -> Words {
        let l = language;
        let next = ("请等网络恢复后结算，或部分自费。", "Wait for the line, or pay a part in cash.");
        match self {
            Self::Amount { max, got } => say(
                l,
                (format!("脱机时每笔费用不能超过 {max} 元，本笔 {got} 元。"), next.0),
                (format!("While the line is down a fee may be {max} yuan at most; this is {got}."), next.1),
            ),
            Self::Account { max, got } => say(
                l,
                (format!("脱机时每笔个人账户支付不能超过 {max} 元，本笔 {got} 元。"), next.0),
                (
                    format!(
                        "While the line is down at most {max} yuan may come from the account; this is {got}."
                    ),
                    next.1,
                ),
            ),
            Self::PensionAmount { max, got } => say(
                l,
                (format!("脱机时每月养老金不能超过 {max} 元，本月 {got} 元。"), "请等网络恢复后发放。"),
                (
                    format!("While the line is down a pension may be {max} yuan at most; this is {got}."),
                    "Wait for the line.",
                ),
            ),
            Self::PensionCount { max } => say(
                l,
                (format!("脱机发放的养老金已有 {max} 笔未上传。"), "请等网络恢复、上传后再发放。"),
                (
                    format!("{max} pensions that were paid while the line was down wait for upload."),
                    "Wait for the line.",
                ),
            ),
            Self::HomeVisits { max } => say(
                l,
                (format!("已有 {max} 笔认证未上传，不能继续脱机上门认证。"), "请到有网络的地方上传后再办。"),
                (
                    format!("{max} certifications wait for upload: no further home visit without a line."),
                    "Send them where there is a line, then go on.",
                ),
            ),
            Self::CacheAge { max_ms, got_ms } => say(
                l,
                (
                    format!(
                        "本机参保数据已有 {} 小时未更新（上限 {} 小时）。",
                        got_ms / 3_600_000,
                        max_ms / 3_600_000
                    ),
                    next.0,
                ),
                (
                    format!(
                        "This terminal's data are {} hours old (limit {}).",
                        got_ms / 3_600_000,
                        max_ms / 3_600_000
                    ),
                    next.1,
                ),
            ),
        }
    }
}

impl MoneyOutcome {
    /// Where the money is, in a few words.
    pub fn words(self, language: Language) -> &'static str {
        match self {
            Self::NotDone => language.pick("未扣款", "nothing was taken"),
            Self::Done => language.pick("已扣款", "it was taken"),
            Self::Unknown => {
                language.pick("结果待核实，金额未重复扣除", "being found out, nothing is taken twice")
            }
        }
    }
}
