//! What has to be read now: what the counter says by itself, and what the desk has told.

use card_spec::money::Fen;
use terminal::{error::MoneyOutcome, flows::Earlier};

use crate::trouble::Trouble;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went as it should.
    Calm,
    /// It wants a look.
    Care,
    /// Money or somebody's card is concerned.
    Warn,
}

macro_rules! said {
    ($($(#[doc = $doc:literal])* $name:ident $tone:ident $chinese:literal $english:literal;)*) => {
        /// What the counter says by itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Said { $($(#[doc = $doc])* $name,)* }

        impl Said {
            /// How much it matters.
            pub fn tone(self) -> Tone {
                match self { $(Said::$name => Tone::$tone,)* }
            }

            /// Chinese and English.
            pub fn words(self) -> [&'static str; 2] {
                match self { $(Said::$name => [$chinese, $english],)* }
            }
        }
    };
}

said! {
    /// What was asked before is still being done.
    Busy Care
        "正在办理上一步，请稍候；刚才的按键没有执行。"
        "The last step is still being done: wait a moment. The key just pressed did nothing.";
    /// The card was taken; nothing was begun.
    CardOut Calm
        "卡已取走。没有办理任何业务，没有扣款。"
        "The card is out. Nothing was done, nothing was taken.";
    /// The card was taken; the visit is kept, nothing was taken.
    CardOutKept Care
        "卡已取走。没有扣款；登记和费用已保存，再插同一张卡可继续。"
        "The card is out. Nothing was taken; visit and fee lines are kept: the same card goes on with them.";
    /// There is no card in the slot.
    NoCard Care
        "没有卡。请持卡人插卡，会自动读取。"
        "There is no card. Put one in: it is read by itself.";
    /// Not in the catalog.
    NotFound Care
        "目录中没有找到。请核对代码、条码或拼音首字母。"
        "Not in the catalog. Check the code, the barcode or the initials.";
    /// Not a number.
    NotNumber Care
        "数量或单价不是有效的数字，请重新输入。"
        "Count or price is no number: type it again.";
    /// No fee lines yet.
    NoLines Care
        "还没有费用。请输入项目，或按 F3 取入 HIS 账单。"
        "No fee lines yet. Type an item, or take a HIS bill with F3.";
    /// Look at the figures first.
    LookFirst Care
        "按得太快，没有结算。请看清金额后再按一次。"
        "Too fast, nothing was settled. Look at the figures, then press again.";
    /// The figures have changed and are shown anew.
    SplitChanged Care
        "本年累计刚刚变动，金额已重新计算。请重新核对后再确认。"
        "The year's sums have just changed and the figures were computed anew. Look at them again before you settle.";
    /// Printed.
    Printed Calm
        "凭证已打印。"
        "The receipt is printed.";
    /// Everything is sent.
    Sent Calm
        "全部已上传。"
        "Everything is sent.";
    /// Not everything could be sent.
    NotSent Care
        "还有记录未上传，网络恢复后自动续传，不会丢失。"
        "Some records still wait. They are sent when the line is back; nothing is lost.";
    /// Nothing is marked.
    NothingMarked Care
        "没有可操作的行。"
        "Nothing is marked.";
    /// This one cannot be taken back here.
    CannotCancel Care
        "这一笔不能在此撤销：只有未撤销的结算可以。"
        "This one cannot be taken back here: only a settlement that still stands can.";
    /// Somebody signed in.
    SignedIn Calm
        "已签到。"
        "Signed in.";
    /// Somebody signed out.
    SignedOut Calm
        "已签退。请交接现金和票据。"
        "Signed out. Hand over cash and papers.";
    /// An older cycle has to be compared first.
    Overdue Care
        "上一个班次尚未对账。请先按 F9 对账，再重新签到。"
        "The last shift is not compared with the center yet. Press F9 to compare, then sign in again.";
    /// The two secrets differ.
    SecretsDiffer Care
        "两次口令不同，请重新输入。"
        "The two secrets differ: type them again.";
    /// Another number, please.
    NumberEmpty Care
        "请输入工号。"
        "Type your number.";
    /// The difference was accepted.
    Accepted Calm
        "差额已由主管接受，并已记入审计。"
        "The difference is accepted by the supervisor and audited.";
    /// The visit was taken back.
    Dropped Calm
        "登记已撤销。"
        "The visit is dropped.";
    /// Staff has vouched.
    Vouched Calm
        "人工核验完成，可以继续办理。"
        "Staff has vouched for the holder: go on.";
    /// The finger is the holder's.
    FingerRight Calm
        "指纹一致，是持卡人本人。再按同一键继续办理。"
        "The finger is the holder's. Press the same key again to go on.";
    /// Certified.
    Certified Calm
        "资格认证已完成。"
        "Certified.";
    /// Nothing to show: read the card first.
    CardFirst Care
        "请先插卡并读卡。"
        "Put a card in first.";
    /// Taken back, without account money.
    Cancelled Calm
        "已撤销。本笔没有动用个人账户。"
        "Taken back. No account money was involved.";
    /// Taken back, the account money too.
    CancelledLoaded Calm
        "已撤销，账户款已退回卡中。"
        "Taken back; the account money is back on the card.";
    /// Taken back, the account money is owed.
    CancelledOwed Care
        "已撤销，账户款挂账；持卡人再来时按 F8、F5 补回卡中。"
        "Taken back; the account money is owed. When the card comes back, F8 then F5 puts it on.";
    /// Money went back onto the card.
    Refunded Calm
        "退款已圈存到卡中。"
        "The refund is on the card.";
    /// Too quick for money.
    TooFast Care
        "按得太快，没有办理。请看清后再按一次。"
        "Too fast, nothing was done. Look, then press again.";
    /// An operator number that is known already.
    NumberKnown Care
        "这个工号已有。请换一个工号，或返回后用 F5 重设口令。"
        "This number is known. Take another, or go back and give it a new secret with F5.";
    /// A secret that is too short.
    SecretShort Care
        "口令至少 6 位，请重新输入。"
        "A secret has at least 6 characters: type it again.";
    /// Nobody stops oneself.
    NotYourself Care
        "不能停用自己。请另一名主管签到后办理。"
        "You cannot stop yourself. Let another supervisor sign in.";
    /// An operator was set.
    OperatorSet Calm
        "已保存。本人第一次签到时须改口令。"
        "Saved. The operator changes the secret at the next sign-in.";
    /// An operator was stopped.
    OperatorStopped Calm
        "已停用。以往的记录保留。"
        "Stopped. What was done under the number stays.";
    /// One's own secret was changed.
    SecretChanged Calm
        "口令已修改。"
        "The secret is changed.";
    /// No number of a bank terminal's slip.
    ReferenceWrong Care
        "请输入银行终端小票号：1 到 24 位字母或数字。没有入账。"
        "Type the number of the bank terminal's slip: 1 to 24 letters or digits. Nothing was booked.";
    /// It cannot be taken back any more.
    NotReversible Care
        "这一笔不能退回：只能当天退回一次，且中心未拒绝。请报经办机构办理。"
        "This one cannot be given back here: only once, on the same day, and not what the center refused. Report it to the agency.";
    /// Contributions were given back.
    GivenBack Calm
        "缴费已退回，应缴恢复。请把款项退给缴费人："
        "Taken back, the dues are open again. Give the money back:";
    /// Registered as seeking work.
    Registered Calm
        "求职登记已保存。"
        "Registered as seeking work.";
    /// Taken out of the register.
    Unregistered Calm
        "求职登记已注销。"
        "Taken out of the register.";
    /// No wish.
    WishEmpty Care
        "请写明求职意向，40 个汉字以内。"
        "Write what work is wanted, within 120 letters.";
    /// No wage.
    WageWrong Care
        "期望月薪请输入整数元，或不填。"
        "Type the wage in whole yuan, or leave it empty.";
    /// No telephone number.
    PhoneWrong Care
        "联系电话不对，请输入 5 到 20 位数字。"
        "That is no telephone number: 5 to 20 digits.";
    /// For somebody else to do.
    NotYours Care
        "这一步要由主管办理，没有执行。请主管按 F12 交班签到后再办。"
        "This is for a supervisor to do; nothing was done. Let a supervisor sign in (F12), then press again.";
}

/// What has to be read now.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// Of our own.
    Said(Said),
    /// Something did not come about.
    Trouble {
        /// What.
        trouble: Trouble,
        /// Where the money is, where it matters.
        money: Option<MoneyOutcome>,
    },
    /// Somebody seems to use another's card.
    Alarm(Trouble),
    /// What became of an earlier transaction.
    Earlier(Earlier),
    /// What a supervisor has decided.
    Decided(Earlier),
    /// A settlement was taken back.
    Cancelled {
        /// Its place in the chain.
        sequence: u64,
        /// Back on the card.
        loaded: Option<Fen>,
        /// Owed, and why.
        owed: Option<(Fen, Trouble)>,
    },
    /// Money went back onto the card.
    Refunded(Fen),
    /// Contributions were taken back: so much goes to the person.
    GivenBack(Fen),
}

impl Note {
    /// Whether it is about money that nobody may take twice: nothing of less weight replaces it.
    pub fn is_grave(&self) -> bool {
        matches!(
            self,
            Note::Trouble { money: Some(MoneyOutcome::Unknown | MoneyOutcome::Done), .. } | Note::Alarm(_)
        )
    }
}
