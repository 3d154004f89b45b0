//! What a kiosk says by itself: fixed sentences, which can be recorded. Nothing in them is about a person.

use hal::speaker::clips::UNITS;

macro_rules! sentences {
    ($($(#[doc = $doc:literal])* $variant:ident, $name:literal, $chinese:literal, $english:literal;)*) => {
        /// A sentence that is the same for everybody.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Sentence {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Sentence {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Name of its recording, and its words in Chinese and English.
            pub fn written(self) -> (&'static str, &'static str, &'static str) {
                match self {
                    $(Self::$variant => ($name, $chinese, $english),)*
                }
            }
        }
    };
}

sentences! {
    /// The first page.
    Home, "home",
        "请问您要办什么？请插入社保卡，或者点屏幕上的按钮。",
        "What would you like to do? Put your card in, or touch a button.";
    /// Where the card goes.
    InsertCard, "insert-card",
        "请把社保卡芯片朝上，插进屏幕下方的卡口。",
        "Put your card into the slot below the screen, with the chip facing up.";
    /// The card is being read.
    Reading, "reading",
        "正在读卡，请不要拔卡。",
        "Your card is being read. Please leave it in.";
    /// PIN or finger.
    PinOrFinger, "pin-or-finger",
        "请选择用密码还是用指纹。",
        "Choose whether to use your PIN or a finger.";
    /// The PIN.
    TypePin, "type-pin",
        "请用手挡住，输入社保卡密码。数字的位置每次都不一样。",
        "Shield the pad with your hand and type your PIN. The digits change their places each time.";
    /// The PIN again.
    TypePinAgain, "type-pin-again",
        "没有通过，请看屏幕上的提示，再输入一次。",
        "That did not work. Read the screen and type it once more.";
    /// The new PIN.
    NewPin, "new-pin",
        "请输入新密码。",
        "Type the new PIN.";
    /// The new PIN again.
    NewPinAgain, "new-pin-again",
        "请把新密码再输入一次。",
        "Type the new PIN once more.";
    /// A finger.
    PlaceFinger, "place-finger",
        "请把手指平放在指纹仪上，按住不动。",
        "Lay your finger flat on the sensor and keep it still.";
    /// Off with it.
    LiftFinger, "lift-finger",
        "请抬起手指。",
        "Lift your finger.";
    /// What the person can do.
    Menu, "menu",
        "请点您要办的事。办完请点结束，取卡。",
        "Touch what you would like to do. When you are done, touch finish and take your card.";
    /// Articles by letters.
    Letters, "letters",
        "请点每个字拼音的第一个字母。",
        "Touch the first letter of each character's pronunciation.";
    /// A name.
    TypeName, "type-name",
        "请用拼音输入姓名，再点出现的字。",
        "Type the name by its pronunciation, and touch the characters that appear.";
    /// A person's number.
    TypeNumber, "type-number",
        "请输入您的社会保障号码，一共十八位。",
        "Type your social security number, eighteen digits.";
    /// A telephone number.
    TypePhone, "type-phone",
        "请输入能联系到您的电话号码。",
        "Type a telephone number where you can be reached.";
    /// Is somebody there?
    StillThere, "still-there",
        "您还在吗？还在办理，请点屏幕上的“我还在”。",
        "Are you still there? If so, touch “I am here”.";
    /// The card went.
    CardGone, "card-gone",
        "卡已取走。请看屏幕，上面写着办了什么、没办什么。",
        "The card was taken out. The screen says what was done and what was not.";
    /// The card is to be taken.
    TakeCard, "take-card",
        "请取走您的社保卡。",
        "Please take your card.";
}

/// Names of all recordings that there can be for Chinese: sentences, digits and units of amounts.
pub fn chinese_names() -> impl Iterator<Item = &'static str> {
    let sentences = Sentence::ALL.iter().map(|sentence| sentence.written().0);
    sentences.chain(UNITS.iter().map(|(name, _)| *name))
}

/// The same for English, in which amounts are never joined of recordings.
pub fn english_names() -> impl Iterator<Item = &'static str> {
    Sentence::ALL.iter().map(|sentence| sentence.written().0)
}

/// What has to be recorded, one line each: name, Chinese, English.
pub fn list() -> String {
    let mut list = String::new();
    for sentence in Sentence::ALL {
        let (name, chinese, english) = sentence.written();
        list.push_str(&format!("{name}\t{chinese}\t{english}\n"));
    }
    for (name, chinese) in UNITS {
        list.push_str(&format!("{name}\t{chinese}\t\n"));
    }
    list
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_sentence_has_a_name_of_its_own_and_stands_in_the_list_for_the_recorder() {
        let names: HashSet<_> = chinese_names().collect();
        assert_eq!(names.len(), Sentence::ALL.len() + UNITS.len());
        let kept = include_str!("../../../../docs/voice.tsv");
        if std::env::var_os("JINBAO_BLESS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/voice.tsv");
            std::fs::write(path, list()).unwrap();
            return;
        }
        assert_eq!(kept, list(), "JINBAO_BLESS=1 writes the list anew");
    }

    #[test]
    fn nothing_that_is_said_by_itself_holds_a_figure() {
        for sentence in Sentence::ALL {
            let (_, chinese, english) = sentence.written();
            assert!(!chinese.chars().chain(english.chars()).any(|letter| letter.is_ascii_digit()));
        }
    }
}
