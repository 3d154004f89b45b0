//! What is odd about a card that works all the same.

use crate::language::Language;

/// Something that an operator may want to know and that refuses nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attention {
    /// The check character of the card number is wrong; issued cards with a wrong one exist.
    CardNumberCheck,
    /// The card identification code carries FFFFFFFF where its MAC should be: a test card.
    TestCard,
    /// A date record holds a year alone, as some cards of generation 2.0 do.
    YearOnly,
    /// The birth date on the card is not the one in the person number.
    BirthDateDiffers,
    /// The card lacks a record that cards of its generation have.
    RecordMissing {
        /// Tag of the record.
        tag: u8,
    },
}

/// Whether the MAC in the card identification code is the issuer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardIdCheck {
    /// It is.
    Right,
    /// It is not. No card is refused for this alone: issuers have made them in two ways.
    Wrong,
    /// A test card.
    Test,
}

impl Attention {
    /// One short line for a screen.
    pub fn words(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Self::CardNumberCheck => {
                ("注意：卡号校验位不符", "Note: the card number's check character is wrong")
            }
            Self::TestCard => ("注意：这是测试卡", "Note: this is a test card"),
            Self::YearOnly => ("注意：卡上日期只有年份", "Note: a date on the card is a year alone"),
            Self::BirthDateDiffers => (
                "注意：卡上出生日期与社会保障号码不符",
                "Note: the birth date differs from the person number",
            ),
            Self::RecordMissing { .. } => ("注意：卡上缺少部分信息", "Note: a record is missing on the card"),
        };
        language.pick(chinese, english)
    }
}
