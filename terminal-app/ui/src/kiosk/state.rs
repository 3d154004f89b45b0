//! The kiosk as a plain state machine: what is pressed and what the desk tells goes in, what is to be done comes out.
//!
//! Nothing of a person outlives its card: every way out leads through `wipe`.

use hal::pin_pad::PinPadError;
use protocol::timestamp::Timestamp;
use terminal::progress::Progress;
use zeroize::Zeroizing;

use super::{
    ask::{Answer, Ask, Stop},
    content::{Content, Done, Loss},
    sheet::{Act, Ctx, Sheet},
    voice::Sentence,
    work::{Command, Earlier, Event, Ready, Signal},
};
pub use super::{
    page::{FingerState, NumberFor, Overlay, Page, PinStep, TakeWhy},
    task::{HOME, MENU, Task},
};
use crate::{desk::Told, locale::Locale, trouble::Trouble, upkeep::Status};

/// Seconds without a press until the kiosk asks whether somebody is there.
pub const IDLE_S: u32 = 60;

/// Seconds to answer that. WCAG 2.2 §2.2.1 asks for at least 20.
pub const WARNING_S: u32 = 30;

/// Seconds that the page of a card that was pulled stays.
pub const GONE_S: u32 = 25;

/// Seconds on the first page after which type, contrast and language are as at the beginning.
pub const REST_S: u32 = 60;

/// Seconds between two calls to take a forgotten card.
pub const CALL_EVERY_S: u32 = 5;

/// Pages that can be gone back.
const PAGES_MAX: usize = 12;

/// Digits of a PIN, least and most.
pub const PIN_DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// Letters that are typed to find something.
pub(super) const LETTERS_MAX: usize = 10;

/// Characters of a name.
pub(super) const NAME_CHARS_MAX: usize = 25;

/// Who stands there.
pub struct Person {
    /// The surname, alone.
    pub surname: String,
    /// How the person is spoken to.
    pub sex: Option<u8>,
    /// Places of the digits on the pad.
    pub pad: [u8; 10],
    /// What became of an earlier transaction.
    pub earlier: Option<Earlier>,
    /// Whether PIN or finger has proved it.
    pub known: bool,
    /// What was done.
    pub done: Vec<Done>,
}

/// What goes in.
#[derive(Debug)]
pub enum Input {
    /// The desk tells something.
    Told(Told<Event>),
    /// A second has gone by; the terminal's clock.
    Tick(Timestamp),
    /// A tile.
    Tile(Task),
    /// One page back.
    Back,
    /// Finish, and take the card.
    Finish,
    /// Somebody is there.
    Stay,
    /// Larger type, or as before.
    Larger,
    /// High contrast, or as before.
    Contrast,
    /// Asks for the languages.
    Languages,
    /// This language.
    Language(Locale),
    /// Calls staff.
    CallStaff,
    /// Reads the page aloud.
    ReadAloud,
    /// Prints the page.
    Print,
    /// The page as a code.
    Code,
    /// Closes what lies over the page.
    Shut,
    /// A key of a pad, by its place for a PIN, else a digit or X.
    Key(char),
    /// The last digit, letter or character goes.
    Erase,
    /// All that was typed goes.
    Clear,
    /// What was typed is it.
    Enter,
    /// By PIN.
    UsePin,
    /// By finger; once more.
    UseFinger,
    /// Something of a list.
    Row(usize),
    /// Something that can be done.
    Act(Act),
    /// A letter.
    Letter(char),
    /// A character of those that are offered.
    Pick(usize),
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// The desk is to do that.
    Ask(Command),
    /// What the holder has typed goes to the desk.
    Typed(Result<Zeroizing<Vec<u8>>, PinPadError>),
    /// Long work may end.
    Halt,
    /// A sentence is said.
    Say(Sentence),
    /// The page is read aloud.
    Read(String),
    /// Silence.
    Hush,
}

/// What the desk is doing for this face.
#[derive(Debug)]
pub(super) struct Busy {
    pub(super) turn: u32,
    pub(super) step: Option<Progress>,
    pub(super) doing: Doing,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Doing {
    Opening,
    Verifying,
    ChangingPin,
    Fingering,
    Asking(Ask),
}

/// The kiosk.
pub struct Machine {
    pub(super) locale: Locale,
    pub(super) large: bool,
    pub(super) contrast: bool,
    pub(super) ready: Option<Ready>,
    pub(super) closed: Option<Trouble>,
    pub(super) status: Status,
    pub(super) now: Timestamp,
    pub(super) pages: Vec<Page>,
    pub(super) overlay: Option<Overlay>,
    pub(super) person: Option<Person>,
    pub(super) card_in: bool,
    pub(super) turn: u32,
    pub(super) printing: u32,
    pub(super) busy: Option<Busy>,
    pub(super) idle_s: u32,
    pub(super) want: Option<Task>,
    /// Asked again once the holder is known.
    pub(super) again: Option<Ask>,
    /// What is sent again by "try again".
    pub(super) retry: Option<Ask>,
    pub(super) entry: Zeroizing<Vec<u8>>,
    pub(super) pins: Vec<Zeroizing<Vec<u8>>>,
    pub(super) hint: Option<Trouble>,
    pub(super) finger: FingerState,
    pub(super) typed: Zeroizing<String>,
    pub(super) letters: String,
    pub(super) name: Zeroizing<String>,
    pub(super) wish: (usize, usize),
    /// The card went while this was under way.
    pub(super) during: Option<Stop>,
    pub(super) first_locale: Locale,
}

impl Machine {
    /// A kiosk whose desk opens.
    pub fn new(locale: Locale) -> Self {
        Machine {
            locale,
            large: false,
            contrast: false,
            ready: None,
            closed: None,
            status: Status::default(),
            now: Timestamp(0),
            pages: vec![Page::Closed],
            overlay: None,
            person: None,
            card_in: false,
            turn: 0,
            printing: 0,
            busy: None,
            idle_s: 0,
            want: None,
            again: None,
            retry: None,
            entry: Zeroizing::default(),
            pins: Vec::new(),
            hint: None,
            finger: FingerState::default(),
            typed: Zeroizing::default(),
            letters: String::new(),
            name: Zeroizing::default(),
            wish: (0, 0),
            during: None,
            first_locale: locale,
        }
    }

    /// The page on the screen.
    pub fn page(&self) -> &Page {
        // There is always one: the first is never taken off.
        self.pages.last().unwrap_or(&Page::Home)
    }

    /// The page's name, for [`crate::PageTeller`].
    pub fn page_name(&self) -> &'static str {
        match (&self.overlay, self.page()) {
            (Some(Overlay::Idle(_)), _) => "kiosk.idle",
            (Some(_), _) => "kiosk.over",
            (None, Page::Closed) => "kiosk.closed",
            (None, Page::Home) => "kiosk.home",
            (None, Page::Insert) => "kiosk.insert",
            (None, Page::Reading) => "kiosk.reading",
            (None, Page::Identify) => "kiosk.identify",
            (None, Page::Pin(_)) => "kiosk.pin",
            (None, Page::Finger) if self.finger.over => "kiosk.finger-over",
            (None, Page::Finger) if self.finger.waiting || self.finger.trouble.is_none() => "kiosk.finger",
            (None, Page::Finger) => "kiosk.finger-again",
            (None, Page::Menu) => "kiosk.menu",
            (None, Page::Sheet(content)) => match **content {
                Content::Gone { .. } => "kiosk.gone",
                Content::Stopped(_) => "kiosk.stopped",
                _ => "kiosk.sheet",
            },
            (None, Page::Letters(_)) => "kiosk.letters",
            (None, Page::Name) => "kiosk.name",
            (None, Page::Number(_)) => "kiosk.number",
            (None, Page::Take(_)) => "kiosk.take",
        }
    }

    /// What is on the screen if it is something to read.
    pub fn sheet(&self) -> Option<Sheet> {
        match self.page() {
            Page::Sheet(content) => Some(Sheet::of(content, self.ctx())),
            _ => None,
        }
    }

    pub(super) fn ctx(&self) -> Ctx {
        Ctx { locale: self.locale, now: self.now }
    }

    /// Takes one input.
    pub fn on(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Told(told) => self.told(told, &mut out),
            Input::Tick(now) => self.tick(now, &mut out),
            pressed => self.pressed(pressed, &mut out),
        }
        out
    }

    fn tick(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.now = now;
        self.idle_s = self.idle_s.saturating_add(1);
        match self.page() {
            Page::Closed => self.idle_s = 0,
            Page::Home => {
                if self.idle_s == REST_S {
                    self.fresh_look();
                }
            }
            Page::Take(_) => {
                if self.idle_s.is_multiple_of(CALL_EVERY_S) {
                    out.push(Effect::Ask(Command::Signal(Signal::Attention)));
                }
                // Heard once more from time to time, and not without end.
                if self.idle_s == 2 * CALL_EVERY_S || self.idle_s == 6 * CALL_EVERY_S {
                    out.push(Effect::Say(Sentence::TakeCard));
                }
            }
            Page::Sheet(content) if matches!(**content, Content::Gone { .. }) => {
                if self.idle_s >= GONE_S {
                    self.go_home(out);
                }
            }
            // What the terminal does is no idling of the person.
            _ if self.busy.is_some() => self.idle_s = 0,
            _ => self.idle(out),
        }
    }

    fn idle(&mut self, out: &mut Vec<Effect>) {
        match &mut self.overlay {
            Some(Overlay::Idle(left)) if *left > 1 => *left -= 1,
            Some(Overlay::Idle(_)) => self.time_out(out),
            _ if self.idle_s >= IDLE_S => {
                self.overlay = Some(Overlay::Idle(WARNING_S));
                out.push(Effect::Ask(Command::Signal(Signal::Attention)));
                out.push(Effect::Say(Sentence::StillThere));
            }
            _ => {}
        }
    }

    fn time_out(&mut self, out: &mut Vec<Effect>) {
        if self.card_in {
            self.end(TakeWhy::TimeOut, out);
        } else {
            self.go_home(out);
        }
    }

    /// The end of a sitting: nothing of the person stays, and the card is to be taken.
    pub(super) fn end(&mut self, why: TakeWhy, out: &mut Vec<Effect>) {
        self.wipe(out);
        out.push(Effect::Ask(Command::Close));
        if self.card_in {
            self.pages = vec![Page::Home, Page::Take(why)];
            out.push(Effect::Ask(Command::Signal(Signal::Attention)));
            out.push(Effect::Say(Sentence::TakeCard));
        } else {
            self.go_home(out);
        }
    }

    /// Back to the first page, as it is for the next person.
    pub(super) fn go_home(&mut self, out: &mut Vec<Effect>) {
        self.wipe(out);
        self.pages = vec![Page::Home];
        self.fresh_look();
        out.push(Effect::Ask(Command::Signal(Signal::Ready)));
    }

    fn fresh_look(&mut self) {
        (self.large, self.contrast, self.locale) = (false, false, self.first_locale);
        self.overlay = None;
    }

    /// Forgets everything about whoever stood there.
    pub(super) fn wipe(&mut self, out: &mut Vec<Effect>) {
        // Answers that are still on their way are not taken any more.
        self.turn = self.turn.wrapping_add(1);
        self.printing = self.printing.wrapping_add(1);
        if self.busy.take().is_some() {
            out.push(Effect::Halt);
        }
        self.person = None;
        self.pages.truncate(1);
        self.overlay = None;
        self.want = None;
        self.again = None;
        self.retry = None;
        self.entry = Zeroizing::default();
        self.pins.clear();
        self.hint = None;
        self.finger = FingerState::default();
        self.typed = Zeroizing::default();
        self.letters.clear();
        self.name = Zeroizing::default();
        self.wish = (0, 0);
        self.during = None;
        self.idle_s = 0;
        out.push(Effect::Hush);
    }

    /// Puts a page over the one before.
    pub(super) fn push(&mut self, page: Page) {
        if self.pages.len() >= PAGES_MAX {
            self.pages.remove(1);
        }
        self.hint = None;
        self.pages.push(page);
    }

    pub(super) fn show(&mut self, content: Content) {
        self.push(Page::Sheet(Box::new(content)));
    }

    /// Where whoever stands there begins.
    pub(super) fn root(&self) -> Vec<Page> {
        match &self.person {
            Some(person) if person.known => vec![Page::Home, Page::Menu],
            _ => vec![Page::Home],
        }
    }

    /// Whether the desk is at work for this person.
    pub fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    pub(super) fn begin(&mut self, doing: Doing) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.busy = Some(Busy { turn: self.turn, step: None, doing });
        self.turn
    }

    pub(super) fn ask(&mut self, ask: Ask, out: &mut Vec<Effect>) {
        // A second touch on the same tile asks nothing twice.
        if self.busy.is_some() {
            return;
        }
        self.retry = Some(ask.clone());
        let turn = self.begin(Doing::Asking(ask.clone()));
        out.push(Effect::Ask(Command::Ask { turn, ask }));
    }

    /// What was answered has to be seen from where the person stands.
    pub(super) fn noted(&mut self, answer: &Answer, ask: &Ask) {
        let Some(person) = &mut self.person else { return };
        let done = match (answer, ask) {
            (Answer::Certified { .. }, _) => Done::Certified,
            (Answer::Locked(_), _) => Done::Locked,
            (_, Ask::SeekWork { .. }) => Done::Registered,
            (_, Ask::StopSeekingWork) => Done::Unregistered,
            _ => return,
        };
        person.done.push(done);
    }

    /// A loss that was typed, as it is asked about.
    pub(super) fn typed_loss(&self) -> Loss {
        Loss::WithoutCard { number: self.typed.to_string(), name: self.name.to_string() }
    }
}

/// Says nothing of a person.
impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("page", self.page()).finish_non_exhaustive()
    }
}
