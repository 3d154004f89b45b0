//! Which of the two languages to speak.

use clap::ValueEnum;
use terminal::language::Language;

/// A language named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageArgument {
    Zh,
    En,
}

/// The language to speak: the one asked for, else the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that
/// says something; `zh…` is Chinese, all else (also `C` and nothing at all) English.
pub(crate) fn choose(asked: Option<LanguageArgument>, variable: impl Fn(&str) -> Option<String>) -> Language {
    match asked {
        Some(LanguageArgument::Zh) => Language::Chinese,
        Some(LanguageArgument::En) => Language::English,
        None => ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            .map_or(Language::English, |locale| Language::from_locale(&locale)),
    }
}

/// [`choose`] from the command line's raw words, for texts that are made before they are parsed.
pub(crate) fn choose_early(arguments: &[std::ffi::OsString]) -> Language {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let named = words
        .iter()
        .enumerate()
        .find_map(|(at, word)| match word.strip_prefix("--lang") {
            Some("") => words.get(at + 1).copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        })
        .and_then(|name| LanguageArgument::from_str(name, true).ok());
    choose(named, |name| std::env::var(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_decides() {
        let with = |set: &'static [(&'static str, &'static str)]| {
            move |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            }
        };
        assert_eq!(choose(None, with(&[("LANG", "zh_CN.UTF-8")])), Language::Chinese);
        assert_eq!(choose(None, with(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")])), Language::English);
        assert_eq!(choose(None, with(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_TW")])), Language::Chinese);
        assert_eq!(choose(None, with(&[])), Language::English);
        assert_eq!(choose(Some(LanguageArgument::Zh), with(&[("LC_ALL", "en_GB")])), Language::Chinese);
    }
}
