//! The pages of the kiosk, and what lies over them.

use protocol::service::ArticleLine;
use terminal::flows::service::Shown;

use super::{
    ask::{Cause, Stop},
    content::Content,
    paper::PaperText,
};
use crate::trouble::Trouble;

/// What is on the screen.
#[derive(Clone, Debug)]
pub enum Page {
    /// The terminal is not open (yet).
    Closed,
    /// The first page.
    Home,
    /// Asks for the card.
    Insert,
    /// The card is being read.
    Reading,
    /// Greets, and asks for PIN or finger.
    Identify,
    /// The pad.
    Pin(PinStep),
    /// A finger is to be put on the sensor.
    Finger,
    /// What the person can do.
    Menu,
    /// Something to read.
    Sheet(Box<Content>),
    /// Looks for an article by letters.
    Letters(Shown<Vec<ArticleLine>>),
    /// A name by its pronunciation.
    Name,
    /// A number by an ordinary pad.
    Number(NumberFor),
    /// The card is to be taken.
    Take(TakeWhy),
}

/// What is typed on the shuffled pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinStep {
    /// The PIN.
    Verify,
    /// The PIN that is to be changed.
    Old,
    /// The new one.
    New,
    /// The new one again.
    Again,
}

/// What a number is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFor {
    /// The person's own number.
    Person,
    /// Where the person can be called.
    Phone,
}

impl NumberFor {
    /// Most digits.
    pub fn digits_max(self) -> usize {
        match self {
            Self::Person => 18,
            Self::Phone => 12,
        }
    }

    /// Whether that can be one.
    pub fn is_whole(self, typed: &str) -> bool {
        match self {
            Self::Person => card_spec::person::PersonNumber::parse(typed).is_ok(),
            Self::Phone => typed.len() >= 7,
        }
    }
}

/// Why the card is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeWhy {
    /// The person is done.
    Finished,
    /// Nobody has moved.
    TimeOut,
    /// It cannot be used here.
    Unusable(Stop),
}

/// What lies over the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// Is somebody there? Seconds left.
    Idle(u32),
    /// Which language?
    Languages,
    /// The page as a code.
    Code(PaperText),
    /// It is being printed.
    Printing,
    /// It was printed, or why not.
    Printed(Option<Trouble>),
    /// Staff was called.
    Staff,
}

/// What the finger's page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FingerState {
    /// For the certification.
    pub certify: bool,
    /// A finger is waited for now.
    pub waiting: bool,
    /// What did not work out the last time.
    pub trouble: Option<Trouble>,
    /// What kind of trouble that was.
    pub cause: Cause,
    /// No finger will decide: only staff can help.
    pub over: bool,
}
