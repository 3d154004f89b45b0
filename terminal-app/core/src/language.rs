//! The two languages of screens, receipts and explanations.

use serde::{Deserialize, Serialize};

/// A language that texts are made in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Simplified Chinese (简体中文).
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The language of a locale such as `zh_CN.UTF-8` or `en_GB`; `zh…` is Chinese, all else English.
    pub fn from_locale(locale: &str) -> Self {
        if locale.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("zh")) {
            Language::Chinese
        } else {
            Language::English
        }
    }

    /// The one of two texts that is in this language.
    pub fn pick<T>(self, chinese: T, english: T) -> T {
        match self {
            Language::Chinese => chinese,
            Language::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn locales() {
        assert_eq!(Language::from_locale("zh_CN.UTF-8"), Language::Chinese);
        assert_eq!(Language::from_locale("en_GB"), Language::English);
        assert_eq!(Language::from_locale("C"), Language::English);
        assert_eq!(Language::from_locale(""), Language::English);
    }
}
