//! Chinese by the letters of its pronunciation: for looking things up, and for names, without a keyboard.
//!
//! The table holds the 6763 characters of GB 2312, those with several readings in each. Readings: Unihan.

use std::{collections::HashMap, sync::OnceLock};

/// One line for each syllable: `zhang 长樟章…`; `v` stands for ü.
const TABLE: &str = include_str!("pinyin.txt");

/// Longest syllable.
pub(super) const SYLLABLE_LETTERS_MAX: usize = 6;

/// The syllables and their characters, by the alphabet.
fn syllables() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(|line| line.split_once(' '))
}

/// The first letters that a character's readings begin with, in a set of 26 bits.
fn initials() -> &'static HashMap<char, u32> {
    static INITIALS: OnceLock<HashMap<char, u32>> = OnceLock::new();
    INITIALS.get_or_init(|| {
        let mut initials = HashMap::new();
        for (syllable, characters) in syllables() {
            let Some(bit) = syllable.chars().next().and_then(bit) else { continue };
            for character in characters.chars() {
                *initials.entry(character).or_default() |= bit;
            }
        }
        initials
    })
}

fn bit(letter: char) -> Option<u32> {
    letter.is_ascii_alphabetic().then(|| 1 << (letter.to_ascii_lowercase() as u32 - 'a' as u32))
}

/// Whether the letters are the initials of neighbouring characters of a text: `ybzh` finds 医保账户.
pub(super) fn found_by(text: &str, letters: &str) -> bool {
    let wanted: Vec<u32> = letters.chars().filter_map(bit).collect();
    let text: Vec<u32> = text
        .chars()
        .filter_map(|character| match character.is_ascii_alphabetic() {
            true => bit(character),
            false => initials().get(&character).copied(),
        })
        .collect();
    wanted.is_empty()
        || text.windows(wanted.len()).any(|part| part.iter().zip(&wanted).all(|(has, want)| has & want != 0))
}

/// The characters that are pronounced so: those of the very syllable, else of all that begin so, while they are few.
pub(super) fn characters(letters: &str) -> Vec<char> {
    const FEW: usize = 120;
    let letters = letters.to_ascii_lowercase();
    if letters.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<char> = Vec::new();
    let exact = syllables().filter(|(syllable, _)| *syllable == letters);
    let longer = syllables().filter(|(syllable, _)| *syllable != letters && syllable.starts_with(&letters));
    for (_, characters) in exact.chain(longer) {
        for character in characters.chars() {
            if found.len() < FEW && !found.contains(&character) {
                found.push(character);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_by_their_initials() {
        assert!(found_by("医保个人账户怎么用", "ybgr"));
        assert!(found_by("医保个人账户怎么用", "zh"));
        assert!(found_by("重庆就医怎么报销", "cqjy") && found_by("重要通知", "zytz"));
        assert!(!found_by("医保个人账户", "yl"));
        assert!(found_by("任何", ""));
        assert!(!found_by("", "a"));
    }

    #[test]
    fn characters_of_a_syllable_come_before_longer_ones() {
        assert!(characters("zhang").contains(&'张') && characters("zhang").contains(&'章'));
        let place = |letters, one| characters(letters).iter().position(|character| *character == one);
        assert!(place("li", '李').is_some());
        assert!(place("e", '鹅').is_some() && place("e", '鹅') < place("e", '恩'));
        assert!(characters("").is_empty() && characters("vvv").is_empty());
        assert!(characters("z").len() <= 120);
        assert!(characters("lv").contains(&'吕'));
    }

    #[test]
    fn the_table_is_all_of_the_national_set() {
        let mut all: Vec<char> = syllables().flat_map(|(_, characters)| characters.chars()).collect();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() > 6_700, "{}", all.len());
        assert!(syllables().all(|(syllable, _)| syllable.len() <= SYLLABLE_LETTERS_MAX));
    }
}
