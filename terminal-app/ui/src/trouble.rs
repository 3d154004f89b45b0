//! What went wrong, in every language at once: the person in front may switch while it is on the screen.

use edge::failure::{Failure, Turn};
use terminal::language::Language;

use crate::locale::Locale;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Whose move it is.
    pub turn: Turn,
    /// The stable word for programs.
    pub kind: &'static str,
    chinese: (String, String),
    english: (String, String),
}

impl Trouble {
    /// Of a failure.
    pub fn of(failure: &Failure) -> Self {
        let words = |language| (failure.text(language), failure.advice(language).unwrap_or_default());
        Trouble {
            turn: failure.turn(),
            kind: failure.kind(),
            chinese: words(Language::Chinese),
            english: words(Language::English),
        }
    }

    /// What happened.
    pub fn what(&self, locale: Locale) -> String {
        self.pick(locale, |words| &words.0)
    }

    /// What to do next; may be empty.
    pub fn next(&self, locale: Locale) -> String {
        self.pick(locale, |words| &words.1)
    }

    fn pick(&self, locale: Locale, of: impl Fn(&(String, String)) -> &str) -> String {
        match locale.language() {
            Language::Chinese => locale.words(of(&self.chinese)),
            Language::English => of(&self.english).to_owned(),
        }
    }
}
