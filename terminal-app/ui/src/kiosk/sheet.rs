//! A sheet: what a page says, made once, and shown, printed, coded and read aloud from the same text.

mod dialog;
mod person;
mod public;

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    timestamp::Timestamp,
};
use terminal::{flows::service::ShownFrom, words::shown_from};

pub use self::dialog::{WAGES, WISHES};
pub(super) use self::{
    dialog::spaced,
    public::{articles_of, topics_of},
};
use super::{content::Content, paper::PaperText};
use crate::locale::Locale;

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its heading.
    pub title: String,
    /// What has to be read first.
    pub banner: Option<Banner>,
    /// Twelve months as bars.
    pub bars: Vec<Bar>,
    /// What it says, in its order.
    pub rows: Vec<Row>,
    /// What can be done from here, beside going back; the first is the likely one.
    pub acts: Vec<(Act, String)>,
    /// Where it comes from and how old it is; may be empty.
    pub source: String,
    /// Whether it can be taken along, on paper or as a code.
    pub portable: bool,
}

/// Something that has to be read first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// How serious.
    pub tone: Tone,
    /// What is the matter.
    pub what: String,
    /// What to do; may be empty.
    pub next: String,
}

/// How serious something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Calm,
    /// Look here.
    Care,
    /// It did not work.
    Warn,
}

/// One month of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Under the bar.
    pub label: String,
    /// How high, in thousandths of the highest.
    pub height: u16,
    /// What kind of month.
    pub kind: BarKind,
    /// The same in words, for those who do not see it.
    pub words: String,
}

/// Kinds of months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// Paid.
    Paid,
    /// Something was paid later.
    Late,
    /// Something is not paid.
    Unpaid,
    /// The center has nothing of this month.
    Gap,
}

/// One part of what a sheet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A heading inside.
    Head(String),
    /// A name and what it is.
    Fact {
        /// Name.
        label: String,
        /// What.
        value: String,
        /// An explanation under it; may be empty.
        note: String,
        /// Whether it is what was asked for.
        strong: bool,
    },
    /// A sentence or a paragraph.
    Note(String),
    /// Something that can be opened, by its place among those.
    Item {
        /// Which.
        index: usize,
        /// What it is.
        title: String,
        /// More about it; may be empty.
        note: String,
        /// A figure at its right; may be empty.
        value: String,
    },
}

/// What can be done from a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Try once more what did not come about.
    Retry,
    /// Certify now.
    Certify,
    /// Change the PIN.
    ChangePin,
    /// Earlier months.
    Earlier,
    /// Later months.
    Later,
    /// The next page.
    More,
    /// Lock the other cards.
    LoseOthers,
    /// Lock all cards, with the one in the slot.
    LoseAll,
    /// Yes, after being asked.
    Yes,
    /// Yes, after being asked a second time.
    YesAgain,
    /// No.
    No,
    /// Register as seeking work.
    Register,
    /// Take the registration back.
    StopSeekingWork,
    /// See the vacancies.
    Vacancies,
    /// Look for an article by letters.
    Letters,
    /// All articles.
    AllArticles,
    /// Back to what can be done.
    Menu,
}

/// What a sheet is made with.
#[derive(Clone, Copy, Debug)]
pub struct Ctx {
    /// The language.
    pub locale: Locale,
    /// The terminal's clock, in milliseconds; a day is named by it.
    pub now: Timestamp,
}

impl Sheet {
    /// The sheet of a page.
    pub fn of(content: &Content, ctx: Ctx) -> Self {
        match content {
            Content::Answer(answer) => person::sheet(answer, ctx),
            Content::Treatment { treatment, from } => person::treatment(treatment, from, ctx),
            Content::Topics(shown) => public::topics(shown, ctx),
            Content::Articles { all, topic } => public::articles(all, topic.as_deref(), ctx),
            Content::Office { office, from } => public::office(office, from, ctx),
            other => dialog::sheet(other, ctx),
        }
    }

    /// As it is read aloud: what stands first is said first.
    pub fn spoken(&self) -> String {
        let mut text = format!("{}。", self.title);
        let mut say = |words: &str| {
            if !words.is_empty() {
                text.push_str(words);
                text.push_str("。 ");
            }
        };
        if let Some(banner) = &self.banner {
            say(&banner.what);
            say(&banner.next);
        }
        for row in &self.rows {
            match row {
                Row::Head(words) | Row::Note(words) => say(words),
                Row::Fact { label, value, note, .. } => {
                    say(&format!("{label}：{value}"));
                    say(note);
                }
                Row::Item { title, note, value, .. } => say(&format!("{title} {value} {note}")),
            }
        }
        say(&self.source);
        text
    }

    /// As it is printed and coded: without the names of buttons.
    pub fn paper(&self) -> PaperText {
        let mut paper = PaperText::new(self.title.clone());
        if let Some(banner) = &self.banner {
            paper.note(&banner.what);
            paper.note(&banner.next);
        }
        for bar in &self.bars {
            paper.fact(&bar.label, &bar.words);
        }
        for row in &self.rows {
            match row {
                Row::Head(words) => paper.head(words),
                Row::Note(words) => paper.note(words),
                Row::Fact { label, value, note, .. } => {
                    paper.fact(label, value);
                    paper.note(note);
                }
                Row::Item { title, note, value, .. } => {
                    paper.fact(title, value);
                    paper.note(note);
                }
            }
        }
        paper.note(&self.source);
        paper
    }
}

impl Ctx {
    /// Words of the face in the language.
    fn say(self, chinese: &str, english: &str) -> String {
        match self.locale {
            Locale::English => english.to_owned(),
            _ => self.locale.words(chinese),
        }
    }

    /// Words of the terminal, made by its own language.
    fn words(self, words: impl AsRef<str>) -> String {
        self.locale.words(words.as_ref())
    }

    fn money(self, amount: Fen) -> String {
        self.locale.money(amount)
    }

    fn day(self, day: Day) -> String {
        self.locale.date(day.start())
    }

    fn month(self, period: Period) -> String {
        let (year, month) = year_and_month(period);
        self.locale.month(year, month)
    }

    fn source(self, from: &ShownFrom) -> String {
        match from {
            ShownFrom::Center { as_of } => match self.locale {
                Locale::English => {
                    format!("From the center, {} {}", self.locale.date(*as_of), self.locale.time(*as_of))
                }
                _ => {
                    self.words(format!("中心数据，{} {}", self.locale.date(*as_of), self.locale.time(*as_of)))
                }
            },
            other => self.words(shown_from(other, self.locale.language())),
        }
    }

    /// Says that this is not from just now, where it is not.
    fn age(self, from: &ShownFrom) -> Option<Banner> {
        matches!(from, ShownFrom::Copy { .. }).then(|| Banner {
            tone: Tone::Care,
            what: self.source(from),
            next: self.say(
                "连上中心后会自动更新，要紧的事请再向工作人员核对。",
                "It is renewed when the center can be reached; for what matters, ask staff as well.",
            ),
        })
    }
}

fn fact(label: String, value: String) -> Row {
    Row::Fact { label, value, note: String::new(), strong: false }
}

fn strong(label: String, value: String) -> Row {
    Row::Fact { label, value, note: String::new(), strong: true }
}

/// 202611 is November 2026.
fn year_and_month(period: Period) -> (u16, u8) {
    let number = period.number();
    (u16::try_from(number / 100).unwrap_or_default(), u8::try_from(number % 100).unwrap_or_default())
}
