//! Languages of the screen, and how each writes money, dates and spans of time.

use std::sync::OnceLock;

use card_spec::money::Fen;
use ferrous_opencc::{OpenCC, config::BuiltinConfig};
use protocol::timestamp::Timestamp;
use terminal::language::Language;

/// A language of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// 简体中文.
    #[default]
    Simplified,
    /// 繁體中文.
    Traditional,
    /// English.
    English,
}

/// All of them, in the order in which a switch goes through them.
pub const ALL: [Locale; 3] = [Locale::Simplified, Locale::Traditional, Locale::English];

impl Locale {
    /// Its name in itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simplified => "简体",
            Self::Traditional => "繁體",
            Self::English => "English",
        }
    }

    /// As the screens' translations are named; empty for the language they are written in.
    pub fn translation(self) -> &'static str {
        match self {
            Self::Simplified => "",
            Self::Traditional => "zh_TW",
            Self::English => "en",
        }
    }

    /// The language that the terminal's own words are asked for.
    pub fn language(self) -> Language {
        match self {
            Self::Simplified | Self::Traditional => Language::Chinese,
            Self::English => Language::English,
        }
    }

    /// The next one of a switch.
    pub fn next(self) -> Self {
        match self {
            Self::Simplified => Self::Traditional,
            Self::Traditional => Self::English,
            Self::English => Self::Simplified,
        }
    }

    /// Words of the terminal as this language writes them. Never for names of people, which are written as they are.
    pub fn words(self, text: &str) -> String {
        match (self, converter()) {
            (Self::Traditional, Some(converter)) => {
                let converted = converter.convert(text);
                MISREAD.iter().fold(converted, |text, (wrong, right)| text.replace(wrong, right))
            }
            _ => text.to_owned(),
        }
    }

    /// Money with two decimals and separated thousands, without a unit: `1,234.50`.
    pub fn amount(self, amount: Fen) -> String {
        let sign = if amount.0 < 0 { "-" } else { "" };
        let fen = amount.0.unsigned_abs();
        let yuan = (fen / 100).to_string();
        let mut grouped = String::with_capacity(yuan.len() + yuan.len() / 3);
        for (at, digit) in yuan.chars().enumerate() {
            if at > 0 && (yuan.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        format!("{sign}{grouped}.{:02}", fen % 100)
    }

    /// Money as people say it: `1,234.50 元`, `¥1,234.50`.
    pub fn money(self, amount: Fen) -> String {
        match self {
            Self::Simplified | Self::Traditional => format!("{} 元", self.amount(amount)),
            Self::English => match self.amount(amount).strip_prefix('-') {
                Some(amount) => format!("-¥{amount}"),
                None => format!("¥{}", self.amount(amount)),
            },
        }
    }

    /// A day: `2026年11月24日`, `24 November 2026`.
    pub fn date(self, at: Timestamp) -> String {
        let Some(Written { year, month, day, .. }) = Written::of(at) else { return String::new() };
        match self {
            Self::Simplified | Self::Traditional => format!("{year}年{month}月{day}日"),
            Self::English => format!("{day} {} {year}", MONTHS[usize::from(month.clamp(1, 12)) - 1]),
        }
    }

    /// A month: `2026年11月`, `November 2026`.
    pub fn month(self, year: u16, month: u8) -> String {
        match self {
            Self::Simplified | Self::Traditional => format!("{year}年{month}月"),
            Self::English => format!("{} {year}", MONTHS[usize::from(month.clamp(1, 12)) - 1]),
        }
    }

    /// Hours and minutes: `09:42`.
    pub fn time(self, at: Timestamp) -> String {
        Written::of(at).map_or_else(String::new, |at| format!("{:02}:{:02}", at.hour, at.minute))
    }

    /// The day of the week: `星期二`, `Tuesday`.
    pub fn weekday(self, at: Timestamp) -> &'static str {
        // The first of January 1970 was a Thursday; the project's calendar runs on UTC+8.
        let days = (at.0 + 8 * 3_600_000).div_euclid(86_400_000);
        let at = usize::try_from((days + 3).rem_euclid(7)).unwrap_or_default();
        match self {
            Self::Simplified | Self::Traditional => WEEKDAYS[at].0,
            Self::English => WEEKDAYS[at].1,
        }
    }

    /// How long something has been: `12 秒`, `3 分钟`, `5 小时`, `2 天`; rounded down.
    pub fn span(self, span_ms: i64) -> String {
        let seconds = span_ms.max(0) / 1_000;
        let (count, chinese, one, many) = match seconds {
            0..60 => (seconds, "秒", "second", "seconds"),
            60..3_600 => (seconds / 60, "分钟", "minute", "minutes"),
            3_600..172_800 => (seconds / 3_600, "小时", "hour", "hours"),
            _ => (seconds / 86_400, "天", "day", "days"),
        };
        match self {
            Self::Simplified | Self::Traditional => self.words(&format!("{count} {chinese}")),
            Self::English => format!("{count} {}", if count == 1 { one } else { many }),
        }
    }
}

/// What the converter reads across the border of two words of our field.
const MISREAD: [(&str, &str); 1] = [("金髮放", "金發放")];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [(&str, &str); 7] = [
    ("星期一", "Monday"),
    ("星期二", "Tuesday"),
    ("星期三", "Wednesday"),
    ("星期四", "Thursday"),
    ("星期五", "Friday"),
    ("星期六", "Saturday"),
    ("星期日", "Sunday"),
];

/// A moment in the parts of China's calendar.
struct Written {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
}

impl Written {
    /// `None` outside of the years that a card can write.
    fn of(at: Timestamp) -> Option<Self> {
        let bcd = at.to_bcd();
        let two = |at: usize| bcd.get(at).map(|byte| (byte >> 4) * 10 + (byte & 0x0F));
        Some(Written {
            year: u16::from(two(0)?) * 100 + u16::from(two(1)?),
            month: two(2)?,
            day: two(3)?,
            hour: two(4)?,
            minute: two(5)?,
        })
    }
}

fn converter() -> Option<&'static OpenCC> {
    static CONVERTER: OnceLock<Option<OpenCC>> = OnceLock::new();
    CONVERTER.get_or_init(|| OpenCC::from_config(BuiltinConfig::S2t).ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_grouped_and_never_rounded() {
        for (fen, chinese, english) in [
            (0, "0.00 元", "¥0.00"),
            (5, "0.05 元", "¥0.05"),
            (99_999, "999.99 元", "¥999.99"),
            (123_450, "1,234.50 元", "¥1,234.50"),
            (-100_000_000, "-1,000,000.00 元", "-¥1,000,000.00"),
            (i64::MAX, "92,233,720,368,547,758.07 元", "¥92,233,720,368,547,758.07"),
        ] {
            assert_eq!(Locale::Simplified.money(Fen(fen)), chinese);
            assert_eq!(Locale::English.money(Fen(fen)), english);
        }
    }

    #[test]
    fn dates_and_spans() {
        // 2026-11-24 00:30 in China is the 23rd in Greenwich.
        let at = Timestamp(1_795_451_400_000);
        assert_eq!(Locale::Simplified.date(at), "2026年11月24日");
        assert_eq!(Locale::English.date(at), "24 November 2026");
        assert_eq!(Locale::Simplified.time(at), "00:30");
        assert_eq!(Locale::Simplified.weekday(at), "星期二");
        assert_eq!(Locale::English.weekday(Timestamp(0)), "Thursday");
        assert_eq!(Locale::Traditional.span(185_000), "3 分鐘");
        assert_eq!(Locale::English.span(86_400_000), "24 hours");
        assert_eq!(Locale::English.span(1_000), "1 second");
        assert_eq!(Locale::English.span(-5), "0 seconds");
    }

    #[test]
    fn traditional_characters_are_not_only_other_fonts() {
        assert_eq!(Locale::Traditional.words("请取卡，养老金发放"), "請取卡，養老金發放");
        assert_eq!(Locale::Simplified.words("请取卡"), "请取卡");
    }
}
