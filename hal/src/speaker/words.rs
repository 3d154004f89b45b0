//! Amounts as people say them: voices read decimals wrong.

use super::Tongue;

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
const PLACES: [&str; 4] = ["", "十", "百", "千"];
const GROUPS: [&str; 5] = ["", "万", "亿", "万亿", "亿亿"];

/// Pieces of a Chinese number, each of them one recording: digits, 十, 百, 千, 万, 亿.
pub fn chinese_number(number: u64) -> Vec<&'static str> {
    if number == 0 {
        return vec![DIGITS[0]];
    }
    let mut groups = Vec::new();
    let mut left = number;
    while left > 0 {
        groups.push((left % 10_000) as usize);
        left /= 10_000;
    }
    let mut pieces = Vec::new();
    let mut gap = false;
    for (at, group) in groups.iter().enumerate().rev() {
        if *group == 0 {
            gap = true;
            continue;
        }
        if !pieces.is_empty() && (gap || *group < 1_000) {
            pieces.push(DIGITS[0]);
        }
        gap = false;
        group_pieces(*group, pieces.is_empty(), &mut pieces);
        if let Some(name) = GROUPS.get(at).filter(|name| !name.is_empty()) {
            pieces.push(name);
        }
    }
    pieces
}

fn group_pieces(group: usize, first: bool, pieces: &mut Vec<&'static str>) {
    let mut zero = false;
    let mut begun = false;
    for place in (0..4).rev() {
        let digit = group / 10_usize.pow(place) % 10;
        if digit == 0 {
            zero = begun;
            continue;
        }
        if zero {
            pieces.push(DIGITS[0]);
            zero = false;
        }
        // 十二, not 一十二, at the very beginning.
        if !(first && !begun && place == 1 && digit == 1) {
            pieces.push(DIGITS[digit]);
        }
        begun = true;
        if place > 0 {
            pieces.push(PLACES[place as usize]);
        }
    }
}

/// Pieces of an amount of money in Chinese: the number, 元, 角, 分. Each is one recording.
pub fn chinese_money(fen: i64) -> Vec<&'static str> {
    let mut pieces = Vec::new();
    if fen < 0 {
        pieces.push("负");
    }
    let fen = fen.unsigned_abs();
    let (yuan, jiao, rest) = (fen / 100, (fen / 10 % 10) as usize, (fen % 10) as usize);
    if yuan > 0 || (jiao == 0 && rest == 0) {
        pieces.extend(chinese_number(yuan));
        pieces.push("元");
    }
    if jiao > 0 {
        pieces.extend([DIGITS[jiao], "角"]);
    }
    if rest > 0 {
        if jiao == 0 && yuan > 0 {
            pieces.push(DIGITS[0]);
        }
        pieces.extend([DIGITS[rest], "分"]);
    }
    pieces
}

/// An amount of money as a sentence has it.
pub fn money(fen: i64, tongue: Tongue) -> String {
    match tongue {
        Tongue::Mandarin => chinese_money(fen).concat(),
        Tongue::English => {
            let sign = if fen < 0 { "minus " } else { "" };
            let fen = fen.unsigned_abs();
            match fen % 100 {
                0 => format!("{sign}{} yuan", fen / 100),
                rest => format!("{sign}{} yuan and {rest} fen", fen / 100),
            }
        }
    }
}

/// The text with each amount that has two decimals written in words: `1,234.50 元`, `¥1,234.50`.
pub fn with_amounts_in_words(text: &str, tongue: Tongue) -> String {
    let mut spoken = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let length = rest[start..]
            .find(|letter: char| !letter.is_ascii_digit() && letter != ',' && letter != '.')
            .unwrap_or(rest.len() - start);
        let (before, number, after) = (&rest[..start], &rest[start..start + length], &rest[start + length..]);
        let Some(fen) = fen_of(number) else {
            spoken.push_str(&rest[..start + length]);
            rest = after;
            continue;
        };
        let (before, negative) = split_sign(before);
        spoken.push_str(before);
        spoken.push_str(&money(if negative { -fen } else { fen }, tongue));
        rest = after.strip_prefix(" 元").or_else(|| after.strip_prefix('元')).unwrap_or(after);
    }
    spoken.push_str(rest);
    spoken
}

/// Takes `¥`, `-`, `-¥` off the end.
fn split_sign(before: &str) -> (&str, bool) {
    let before = before.strip_suffix('¥').unwrap_or(before);
    match before.strip_suffix('-') {
        Some(before) => (before, true),
        None => (before, false),
    }
}

/// `1,234.50` in fen; `None` for what is no amount with two decimals.
fn fen_of(number: &str) -> Option<i64> {
    let (yuan, fen) = number.split_once('.')?;
    if fen.len() != 2 || yuan.is_empty() || !fen.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let yuan: i64 = yuan.replace(',', "").parse().ok()?;
    yuan.checked_mul(100)?.checked_add(fen.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_say_them() {
        for (number, words) in [
            (0, "零"),
            (7, "七"),
            (10, "十"),
            (12, "十二"),
            (110, "一百一十"),
            (105, "一百零五"),
            (1_001, "一千零一"),
            (1_010, "一千零一十"),
            (10_000, "一万"),
            (10_500, "一万零五百"),
            (100_010, "十万零一十"),
            (123_456, "十二万三千四百五十六"),
            (100_000_000, "一亿"),
            (100_000_001, "一亿零一"),
        ] {
            assert_eq!(chinese_number(number).concat(), words, "{number}");
        }
        assert!(!chinese_number(u64::MAX).is_empty());
    }

    #[test]
    fn money_as_people_say_it() {
        for (fen, chinese, english) in [
            (0, "零元", "0 yuan"),
            (5, "五分", "0 yuan and 5 fen"),
            (25_395, "二百五十三元九角五分", "253 yuan and 95 fen"),
            (25_305, "二百五十三元零五分", "253 yuan and 5 fen"),
            (-1_200, "负十二元", "minus 12 yuan"),
        ] {
            assert_eq!(money(fen, Tongue::Mandarin), chinese);
            assert_eq!(money(fen, Tongue::English), english);
        }
    }

    #[test]
    fn amounts_in_a_text_are_said_in_words_and_nothing_else_is_touched() {
        let say = |text| with_amounts_in_words(text, Tongue::Mandarin);
        assert_eq!(say("余额 1,234.50 元，第 3 笔"), "余额 一千二百三十四元五角，第 3 笔");
        assert_eq!(say("-0.05 元"), "负五分");
        assert_eq!(say("2026年11月24日 09:42"), "2026年11月24日 09:42");
        assert_eq!(say("1.2.3 与 9.999"), "1.2.3 与 9.999");
        assert_eq!(with_amounts_in_words("¥12.00 left", Tongue::English), "12 yuan left");
        assert_eq!(with_amounts_in_words("-¥12.30", Tongue::English), "minus 12 yuan and 30 fen");
    }
}
