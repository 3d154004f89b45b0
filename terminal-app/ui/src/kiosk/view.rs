//! What the face shows of the machine, in the language of whoever stands there.

use super::{
    ask::Cause,
    paper::PaperText,
    pinyin,
    sheet::{Sheet, spaced},
    state::{
        FingerState, HOME, MENU, Machine, NumberFor, Overlay, Page, Person, PinStep, TakeWhy, Task, WARNING_S,
    },
    work::Earlier,
};
use crate::locale::Locale;

/// What is on the screen, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Not open: what is the matter, and what to do; empty while it opens.
    Closed(String, String),
    /// The first page.
    Home,
    /// Asks for the card, for a task.
    Insert(Option<Task>),
    /// The card is being read.
    Reading,
    /// Greets.
    Identify,
    /// The pad.
    Pin {
        /// Which PIN.
        step: PinStep,
        /// How many digits were typed.
        dots: usize,
        /// The digit in each place.
        pad: [u8; 10],
        /// What was wrong, in words; may be empty.
        hint: (String, String),
    },
    /// A finger.
    Finger {
        /// How it is.
        state: FingerState,
        /// What went wrong the last time, in words; may be empty.
        trouble: (String, String),
    },
    /// What the person can do.
    Menu(Option<Earlier>),
    /// Something to read.
    Sheet(Sheet),
    /// Articles by letters: what was typed, and what is found.
    Letters {
        /// What was typed.
        typed: String,
        /// Titles that are found.
        found: Vec<String>,
    },
    /// A name.
    Name {
        /// So far.
        name: String,
        /// Letters of the next character.
        typed: String,
        /// Characters that are pronounced so.
        offered: Vec<String>,
    },
    /// A number.
    Number {
        /// What for.
        number: NumberFor,
        /// So far.
        typed: String,
    },
    /// The card is to be taken.
    Take {
        /// Nobody has moved.
        time_out: bool,
        /// Why it cannot be used; may be empty.
        trouble: (String, String),
    },
}

/// What lies over the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing.
    Nothing,
    /// Is somebody there? Seconds left.
    Idle(u32),
    /// Which language?
    Languages,
    /// The page as a code.
    Code(PaperText),
    /// It is being printed.
    Printing,
    /// It was printed, or why not.
    Printed(Option<(String, String)>),
    /// Staff was called.
    Staff,
}

impl Machine {
    /// The tiles of the page.
    pub fn tiles(&self) -> &'static [Task] {
        match self.page() {
            Page::Home => &HOME,
            Page::Menu => &MENU,
            _ => &[],
        }
    }

    /// What is on the screen.
    pub fn shown(&self) -> Shown {
        let words =
            |trouble: &crate::trouble::Trouble| (trouble.what(self.locale), trouble.next(self.locale));
        match self.page() {
            Page::Closed => {
                let (what, next) = self.closed.as_ref().map(words).unwrap_or_default();
                Shown::Closed(what, next)
            }
            Page::Home => Shown::Home,
            Page::Insert => Shown::Insert(self.want),
            Page::Reading => Shown::Reading,
            Page::Identify => Shown::Identify,
            Page::Pin(step) => Shown::Pin {
                step: *step,
                dots: self.entry.len(),
                pad: self.person.as_ref().map(|person| person.pad).unwrap_or_default(),
                hint: self.hint.as_ref().map(words).unwrap_or_default(),
            },
            Page::Finger => Shown::Finger {
                state: self.finger.clone(),
                trouble: self
                    .finger_words()
                    .unwrap_or_else(|| self.finger.trouble.as_ref().map(words).unwrap_or_default()),
            },
            Page::Menu => Shown::Menu(self.person.as_ref().and_then(|person| person.earlier)),
            Page::Sheet(content) => Shown::Sheet(Sheet::of(content, self.ctx())),
            Page::Letters(shown) => Shown::Letters {
                typed: self.letters.clone(),
                found: self.found_articles(shown).map(|article| self.locale.words(&article.title)).collect(),
            },
            Page::Name => Shown::Name {
                name: self.name.to_string(),
                typed: self.letters.clone(),
                offered: pinyin::characters(&self.letters).into_iter().map(String::from).collect(),
            },
            Page::Number(number) => Shown::Number {
                number: *number,
                typed: match number {
                    NumberFor::Person => spaced(&self.typed),
                    NumberFor::Phone => self.typed.to_string(),
                },
            },
            Page::Take(why) => Shown::Take {
                time_out: *why == TakeWhy::TimeOut,
                trouble: match why {
                    TakeWhy::Unusable(stop) => words(&stop.trouble),
                    _ => Default::default(),
                },
            },
        }
    }

    /// What lies over it.
    pub fn over(&self) -> Over {
        match &self.overlay {
            None => Over::Nothing,
            Some(Overlay::Idle(left)) => Over::Idle((*left).min(WARNING_S)),
            Some(Overlay::Languages) => Over::Languages,
            Some(Overlay::Code(paper)) => Over::Code(paper.clone()),
            Some(Overlay::Printing) => Over::Printing,
            Some(Overlay::Printed(trouble)) => Over::Printed(
                trouble.as_ref().map(|trouble| (trouble.what(self.locale), trouble.next(self.locale))),
            ),
            Some(Overlay::Staff) => Over::Staff,
        }
    }

    /// What the terminal is doing, in words; empty while the person has the word.
    pub fn doing(&self) -> String {
        match &self.busy {
            Some(busy) => match busy.step {
                Some(step) => self.locale.words(step.words(self.locale.language())),
                None => match self.locale {
                    Locale::English => "One moment…".to_owned(),
                    _ => self.locale.words("请稍等…"),
                },
            },
            None => String::new(),
        }
    }

    /// How the person is spoken to: by the surname, which is written as on the card.
    pub fn greeting(&self) -> String {
        let Some(Person { surname, sex, .. }) = &self.person else { return String::new() };
        if surname.is_empty() {
            return String::new();
        }
        match (self.locale, sex) {
            (Locale::English, Some(b'1')) => format!("Mr {surname}"),
            (Locale::English, Some(b'2')) => format!("Ms {surname}"),
            (Locale::English, _) => surname.clone(),
            (_, Some(b'1')) => format!("{surname}先生"),
            (locale, Some(b'2')) => format!("{surname}{}", locale.words("女士")),
            (_, _) => format!("{surname}同志"),
        }
    }

    /// Whether one page back is possible from here.
    pub fn can_go_back(&self) -> bool {
        !matches!(self.page(), Page::Closed | Page::Home | Page::Menu | Page::Reading | Page::Take(_))
    }

    /// Whether there is a card to be given back.
    pub fn can_finish(&self) -> bool {
        self.card_in && !matches!(self.page(), Page::Closed | Page::Home | Page::Take(_))
    }

    /// Whether the page can be printed, and made a code of.
    pub fn can_be_taken(&self) -> (bool, bool) {
        let portable = self.sheet().is_some_and(|sheet| sheet.portable);
        (portable && self.ready.as_ref().is_some_and(|ready| ready.printer), portable)
    }

    /// Whether a card is in the slot.
    pub fn card_is_in(&self) -> bool {
        self.card_in
    }

    /// The language in use.
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// Whether type is larger.
    pub fn is_large(&self) -> bool {
        self.large
    }

    /// Whether contrast is high.
    pub fn is_high_contrast(&self) -> bool {
        self.contrast
    }

    /// What a cardholder can do about a finger that did not do; `None` where the terminal's own words are meant for them.
    fn finger_words(&self) -> Option<(String, String)> {
        let language = self.locale.language();
        let say = |what: (&str, &str), next: (&str, &str)| {
            let pick = |(chinese, english)| self.locale.words(language.pick(chinese, english));
            Some((pick(what), pick(next)))
        };
        let stranger = ("这个手指和卡里登记的不一样。", "This finger is not one of those on the card.");
        let sensor = ("指纹仪没有反应。", "The fingerprint sensor does not answer.");
        match (self.finger.cause, self.finger.certify, self.finger.over) {
            _ if self.finger.trouble.is_none() => None,
            (Cause::Image, ..) => None,
            (Cause::Stranger, false, false) => say(
                stranger,
                (
                    "请持卡人本人用登记过的手指再按一次；不记得是哪个手指，就改用密码。",
                    "The card's holder tries again with an enrolled finger; or use the PIN if you do not remember which.",
                ),
            ),
            (Cause::Stranger, true, false) => say(
                stranger,
                (
                    "请持卡人本人用登记过的手指再按一次；不记得是哪个手指，请叫工作人员。",
                    "The card's holder tries again with an enrolled finger; call staff if you do not remember which.",
                ),
            ),
            (Cause::Stranger, false, true) => {
                say(stranger, ("请改用密码，或者叫工作人员。", "Use the PIN, or call staff."))
            }
            (Cause::Stranger, true, true) => say(
                stranger,
                (
                    "请叫工作人员。还没有认证，以前的认证不受影响。",
                    "Call staff. Nothing was certified, and nothing that was before is lost.",
                ),
            ),
            (Cause::Sensor, false, _) => say(
                sensor,
                (
                    "请改用密码，照样可以办；或者叫工作人员看看指纹仪。",
                    "Use the PIN instead, everything works the same; or call staff to look at the sensor.",
                ),
            ),
            (Cause::Sensor, true, _) => say(
                sensor,
                (
                    "请叫工作人员。还没有认证，以前的认证不受影响。",
                    "Call staff. Nothing was certified, and nothing that was before is lost.",
                ),
            ),
        }
    }

    /// Whether a finger can be taken here.
    pub fn takes_fingers(&self) -> bool {
        self.ready.as_ref().is_some_and(|ready| ready.finger)
    }

    /// Place and state of the terminal.
    pub fn place(&self) -> (&str, bool) {
        self.ready.as_ref().map_or(("", false), |ready| (&ready.place, ready.training))
    }
}
