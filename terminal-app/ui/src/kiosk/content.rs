//! What a page is about: the data, not yet in any language.

use protocol::{
    calendar::Period,
    service::{ArticleLine, OfficeLine, Treatment},
};
use terminal::flows::service::{Shown, ShownFrom};

use super::ask::{Answer, Stop};

/// What a page is about.
#[derive(Clone)]
pub enum Content {
    /// An answer as it came.
    Answer(Box<Answer>),
    /// One treatment of those that were answered.
    Treatment {
        /// Which.
        treatment: Box<Treatment>,
        /// Where it comes from.
        from: ShownFrom,
    },
    /// Topics of the articles.
    Topics(Shown<Vec<ArticleLine>>),
    /// Articles of a topic, or all.
    Articles {
        /// All of them.
        all: Shown<Vec<ArticleLine>>,
        /// The topic; `None` for all.
        topic: Option<String>,
    },
    /// One office.
    Office {
        /// Which.
        office: Box<OfficeLine>,
        /// Where it comes from.
        from: ShownFrom,
    },
    /// Which cards are lost.
    WhichCards,
    /// Asked before cards are locked.
    LossAsked(Loss),
    /// Asked once more.
    LossAskedAgain(Loss),
    /// What work is sought.
    Wish,
    /// What it should bring.
    Wage,
    /// Asked before it is registered.
    WorkAsked {
        /// What work, by its place in the list.
        wish: usize,
        /// What it should bring, by its place in the list.
        wage: usize,
        /// Where the person can be called.
        phone: String,
    },
    /// The PIN was changed.
    PinChanged,
    /// It did not come about.
    Stopped(Stop),
    /// The state of the certification is not to be had; certifying is.
    CertifyOffline(Stop),
    /// The card has been taken out in the middle.
    Gone {
        /// What was done before.
        done: Vec<Done>,
        /// What was under way, in the words of the terminal.
        during: Option<Stop>,
    },
}

/// Which cards are lost.
#[derive(Clone, PartialEq, Eq)]
pub enum Loss {
    /// The others; this one is here.
    Others,
    /// All of them, with the one in the slot.
    All,
    /// Those of somebody who has none here: number and name as typed.
    WithoutCard {
        /// The whole number.
        number: String,
        /// The name.
        name: String,
    },
}

/// What was done for somebody before the card went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// The certification.
    Certified,
    /// The PIN.
    PinChanged,
    /// Cards were locked.
    Locked,
    /// Registered as seeking work.
    Registered,
    /// The registration was taken back.
    Unregistered,
}

/// Says only what kind of page it is.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Answer(_) => "Answer",
            Self::Treatment { .. } => "Treatment",
            Self::Topics(_) => "Topics",
            Self::Articles { .. } => "Articles",
            Self::Office { .. } => "Office",
            Self::WhichCards => "WhichCards",
            Self::LossAsked(_) => "LossAsked",
            Self::LossAskedAgain(_) => "LossAskedAgain",
            Self::Wish => "Wish",
            Self::Wage => "Wage",
            Self::WorkAsked { .. } => "WorkAsked",
            Self::PinChanged => "PinChanged",
            Self::Stopped(_) => "Stopped",
            Self::CertifyOffline(_) => "CertifyOffline",
            Self::Gone { .. } => "Gone",
        })
    }
}

/// Leaves number and name out.
impl std::fmt::Debug for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Others => "Others",
            Self::All => "All",
            Self::WithoutCard { .. } => "WithoutCard(…)",
        })
    }
}

/// A month so many months later, or earlier; stays where the calendar ends.
pub(super) fn moved(period: Period, months: i32) -> Period {
    let number = i64::from(period.number());
    let at = number / 100 * 12 + number % 100 - 1 + i64::from(months);
    u32::try_from(at.div_euclid(12) * 100 + at.rem_euclid(12) + 1)
        .ok()
        .and_then(Period::from_number)
        .unwrap_or(period)
}
