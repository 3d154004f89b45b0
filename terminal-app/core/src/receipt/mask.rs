//! Names and numbers that may be shown to third eyes.

use std::fmt;

use card_spec::person::PersonNumber;
use serde::{Deserialize, Serialize};

/// A name of which only the first character can be known: `张*`, `阿***`.
///
/// The rest is gone, not hidden: a receipt cannot give it away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskedName(String);

impl MaskedName {
    /// Stars shown at most; a long name must not betray its length.
    const STARS_MAX: usize = 3;

    /// Masks a name. A name of one character, or none, becomes one star.
    pub fn of(name: &str) -> Self {
        let mut characters = name.trim().chars().filter(|c| !c.is_control());
        let (first, rest) = (characters.next(), characters.count());
        match first {
            Some(first) if rest > 0 => {
                MaskedName(format!("{first}{}", "*".repeat(rest.min(Self::STARS_MAX))))
            }
            _ => MaskedName("*".into()),
        }
    }
}

impl fmt::Display for MaskedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person number of which region and check character can be known: `110105***********X`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaskedNumber(String);

impl MaskedNumber {
    /// Masks a number.
    pub fn of(number: &PersonNumber) -> Self {
        MaskedNumber(number.masked().to_string())
    }
}

impl fmt::Display for MaskedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn nothing_but_the_first_character_stays() {
        for (name, masked) in [
            ("张三", "张*"),
            ("欧阳修文", "欧***"),
            ("阿凡提·买买提江", "阿***"),
            ("张", "*"),
            ("", "*"),
            (" 李四 ", "李*"),
            ("王\n五", "王*"),
        ] {
            assert_eq!(MaskedName::of(name).to_string(), masked);
        }
        let number = PersonNumber::parse("11010519491231002X").unwrap();
        let masked = MaskedNumber::of(&number);
        assert_eq!(masked.to_string(), "110105***********X");
        assert!(!format!("{masked:?}").contains("1949"));
    }
}
