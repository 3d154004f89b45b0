//! Speech: sentences for people who read with difficulty.
//!
//! A [`Speech`] is parts in their order: fixed sentences, which somebody has recorded, amounts and free text. Speaking
//! never waits and never fails a flow: a terminal that cannot speak still shows. A new sentence stops the last.
//!
//! What is spoken can be heard by others in the room. Whoever makes a [`Speech`] leaves names and numbers of people
//! out, and amounts too unless the person has asked for them.

pub mod clips;
pub mod espeak;
pub mod silent;
pub mod words;

mod child;

/// A language that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tongue {
    /// 普通话.
    Mandarin,
    /// English.
    English,
}

/// One part of what is said.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// A fixed sentence: the name of its recording, and its text in the language for drivers without recordings.
    Fixed {
        /// Name of the recording, without folder and ending.
        name: &'static str,
        /// What it says.
        text: String,
    },
    /// An amount of money in fen.
    Money(i64),
    /// Free text.
    Text(String),
}

/// Something to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Speech {
    /// In which language.
    pub tongue: Tongue,
    /// What, in its order.
    pub parts: Vec<Part>,
}

impl Speech {
    /// All of it as one text, amounts in words.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            if self.tongue == Tongue::English && !text.is_empty() {
                text.push(' ');
            }
            match part {
                Part::Fixed { text: words, .. } | Part::Text(words) => {
                    text.push_str(&words::with_amounts_in_words(words, self.tongue));
                }
                Part::Money(fen) => text.push_str(&words::money(*fen, self.tongue)),
            }
        }
        text
    }
}

/// Leaves the words out: they may be about a person.
impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speech").field("tongue", &self.tongue).field("parts", &self.parts.len()).finish()
    }
}

/// A voice.
pub trait Speaker: Send {
    /// Begins to say something, and returns at once; what was being said stops.
    fn say(&mut self, speech: &Speech);

    /// Stops what is being said.
    fn hush(&mut self);
}
