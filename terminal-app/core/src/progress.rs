//! What a flow is doing, told to whoever shows it.

use protocol::evidence::FingerPosition;

use crate::{
    holder::finger::{Advice, position_name},
    language::Language,
    session::Attention,
};

/// A step that a person may have to wait for or act on.
///
/// Told before the step begins. A flow works the same whether anybody listens or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The card is being read.
    ReadingCard,
    /// Card and terminal prove to each other who they are.
    Authenticating,
    /// Something about the card worth a look, though it works.
    Attention(Attention),
    /// The holder is asked for the PIN.
    EnterPin,
    /// The card checks the PIN.
    CheckingPin,
    /// The holder is asked for a new PIN.
    EnterNewPin,
    /// The holder is asked for the new PIN again.
    EnterNewPinAgain,
    /// The card changes the PIN.
    ChangingPin,
    /// The finger is to be put on the sensor; `None` for any that is enrolled.
    PlaceFinger {
        /// Which finger.
        position: Option<FingerPosition>,
    },
    /// It is to be taken off.
    LiftFinger,
    /// It was not clear: what to do better.
    FingerAgain(Advice),
    /// The image comes from the sensor.
    ReadingFinger,
    /// It is compared.
    ComparingFinger,
    /// The card compares it.
    CardComparing,
    /// One of several impressions of a finger is taken.
    TakingImpression {
        /// From 1.
        number: u8,
        /// How many are needed.
        of: u8,
    },
    /// The fingers are written to the card: it must stay in.
    WritingFingers,
    /// The person is looked up here.
    LookingUp,
    /// The person is looked up at the center.
    AskingCenter,
    /// The card is asked what became of an earlier transaction.
    Resolving,
    /// The transaction is being prepared; nothing has been taken yet.
    Preparing,
    /// The account on the card is changed: the card must stay in.
    LeaveCard,
    /// The outcome is written down.
    Recording,
    /// All done with the card: it may be taken.
    TakeCard,
}

impl Progress {
    /// One short line for a screen.
    pub fn words(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Self::ReadingCard => ("正在读卡，请勿取卡", "Reading the card, leave it in"),
            Self::Authenticating => ("正在认证卡片", "Authenticating the card"),
            Self::Attention(attention) => return attention.words(language),
            Self::EnterPin => ("请输入密码", "Type the PIN"),
            Self::CheckingPin => ("正在核对密码，请勿取卡", "Checking the PIN, leave the card in"),
            Self::EnterNewPin => ("请输入新密码", "Type the new PIN"),
            Self::EnterNewPinAgain => ("请再次输入新密码", "Type the new PIN again"),
            Self::ChangingPin => ("正在修改密码，请勿取卡", "Changing the PIN, leave the card in"),
            Self::PlaceFinger { position } => {
                return match position {
                    Some(position) => position_name(position).place(language),
                    None => language.pick("请把手指放在指纹仪上", "Put the finger on the sensor"),
                };
            }
            Self::LiftFinger => ("请抬起手指", "Lift the finger"),
            Self::FingerAgain(advice) => return advice.words(language),
            Self::ReadingFinger => ("正在读取指纹，请勿移动手指", "Reading the finger, keep it still"),
            Self::ComparingFinger => ("正在比对指纹", "Comparing the finger"),
            Self::CardComparing => {
                ("卡片正在比对指纹，请勿取卡", "The card compares the finger, leave it in")
            }
            Self::TakingImpression { number: 1, .. } => ("第一次采集", "First impression"),
            Self::TakingImpression { number: 2, .. } => ("第二次采集", "Second impression"),
            Self::TakingImpression { number: 3, .. } => ("第三次采集", "Third impression"),
            Self::TakingImpression { .. } => ("再采集一次", "Once more"),
            Self::WritingFingers => ("正在写入指纹，请勿取卡", "Writing the fingers, leave the card in"),
            Self::LookingUp => ("正在查询参保资格", "Looking up eligibility"),
            Self::AskingCenter => ("正在向中心查询", "Asking the center"),
            Self::Resolving => {
                ("正在核实上一笔交易的结果", "Finding out what became of an earlier transaction")
            }
            Self::Preparing => ("正在准备交易", "Preparing the transaction"),
            Self::LeaveCard => ("正在扣款，请勿取卡", "Transaction under way, leave the card in"),
            Self::Recording => ("正在记账", "Writing it down"),
            Self::TakeCard => ("请取卡", "Take the card"),
        };
        language.pick(chinese, english)
    }
}
