//! A kiosk's face with a scripted desk: what it commands is written down, and answered from [`data`].
#![allow(dead_code, clippy::unwrap_used, reason = "tests")]

pub(crate) mod data;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use hal::{
    pin_pad::{PinPadError, Prompt},
    speaker::{Speech, silent::Silent},
};
use i_slint_backend_testing::{AccessibleRole, ElementQuery};
use protocol::timestamp::Timestamp;
use slint::ComponentHandle;
use ui::{
    KioskWindow,
    desk::{Outlet, Told},
    kiosk::{
        adapter::Face,
        ask::{Answer, Ask, Fingered, Kind, Stop},
        state::Machine,
        work::{Command, Event, Opened, Ready, Signal},
    },
    locale::Locale,
    upkeep::Slot,
};
use zeroize::Zeroizing;

use crate::support;

/// The PIN of the card.
pub(crate) const PIN: &str = "314159";

/// Where the digits stand on the pad.
pub(crate) const PAD: [u8; 10] = [4, 9, 1, 0, 7, 3, 8, 2, 6, 5];

#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) commands: Vec<Command>,
    pub(crate) typed: Vec<Result<Zeroizing<Vec<u8>>, PinPadError>>,
    pub(crate) halts: usize,
}

struct Script(Rc<RefCell<Heard>>);

impl Outlet<Command> for Script {
    fn ask(&self, command: Command) -> bool {
        self.0.borrow_mut().commands.push(command);
        true
    }

    fn typed(&self, typed: Result<Zeroizing<Vec<u8>>, PinPadError>) {
        self.0.borrow_mut().typed.push(typed);
    }

    fn halt(&self) {
        self.0.borrow_mut().halts += 1;
    }
}

/// The face, its desk and the devices of the script.
pub(crate) struct Rig {
    pub(crate) face: Rc<Face>,
    pub(crate) heard: Rc<RefCell<Heard>>,
    pub(crate) voice: Silent,
    pub(crate) now: Rc<Cell<i64>>,
    /// The center does not answer.
    pub(crate) offline: Cell<bool>,
    /// What the next fingers bring; proved when empty.
    pub(crate) fingers: RefCell<Vec<Result<Fingered, Stop>>>,
    /// What the next card brings; this holder when empty.
    pub(crate) cards: RefCell<Vec<Result<Opened, Stop>>>,
    pub(crate) pin: RefCell<String>,
    pub(crate) tries: Cell<u8>,
    /// Commands that were answered.
    pub(crate) done: RefCell<Vec<String>>,
    pub(crate) signals: RefCell<Vec<Signal>>,
    pub(crate) printed: Cell<usize>,
    pub(crate) paper_out: Cell<bool>,
}

impl Rig {
    /// A kiosk that is open, at this size.
    pub(crate) fn open(width: u32, height: u32) -> Self {
        Self::open_with(width, height, true)
    }

    pub(crate) fn open_with(width: u32, height: u32, finger: bool) -> Self {
        let rig = Self::closed(width, height);
        rig.tell(Event::Ready(Ready {
            place: "清河街道便民服务中心".into(),
            printer: true,
            finger,
            training: false,
        }));
        rig
    }

    /// A kiosk whose desk has not said anything.
    pub(crate) fn closed(width: u32, height: u32) -> Self {
        support::begin();
        let window = KioskWindow::new().unwrap();
        let now = Rc::new(Cell::new(data::NOW.0));
        let (voice, clock) = (Silent::default(), Rc::clone(&now));
        let face = Face::new(
            window,
            Machine::new(Locale::Simplified),
            Box::new(voice.clone()),
            Box::new(move || Timestamp(clock.get())),
        );
        let heard = Rc::new(RefCell::new(Heard::default()));
        face.plug(Box::new(Script(Rc::clone(&heard))));
        support::show(face.window(), width, height);
        Rig {
            face,
            heard,
            voice,
            now,
            offline: Cell::new(false),
            fingers: RefCell::default(),
            cards: RefCell::default(),
            pin: RefCell::new(PIN.into()),
            tries: Cell::new(3),
            done: RefCell::default(),
            signals: RefCell::default(),
            printed: Cell::new(0),
            paper_out: Cell::new(false),
        }
    }

    pub(crate) fn window(&self) -> &KioskWindow {
        self.face.window()
    }

    pub(crate) fn tell(&self, event: Event) {
        self.face.told(Told::Event(event));
        support::wait(20);
    }

    /// What waits for an answer.
    pub(crate) fn waiting(&self) -> Vec<String> {
        self.heard.borrow().commands.iter().map(|command| format!("{command:?}")).collect()
    }

    /// Answers everything that was commanded, and what follows from it.
    pub(crate) fn serve(&self) {
        for _ in 0..50 {
            let Some(command) = ({
                let mut heard = self.heard.borrow_mut();
                (!heard.commands.is_empty()).then(|| heard.commands.remove(0))
            }) else {
                support::wait(20);
                return;
            };
            self.answer(command);
        }
        panic!("the face asks without end");
    }

    fn answer(&self, command: Command) {
        match &command {
            Command::Signal(signal) => self.signals.borrow_mut().push(*signal),
            other => self.done.borrow_mut().push(format!("{other:?}")),
        }
        match command {
            Command::Open { turn } => {
                let mut cards = self.cards.borrow_mut();
                let opened = if cards.is_empty() { Ok(data::opened()) } else { cards.remove(0) };
                drop(cards);
                self.tell(Event::Opened { turn, opened });
            }
            Command::Close | Command::Signal(_) => {}
            Command::Verify { turn } => {
                let typed = self.typed(Prompt::Pin);
                let verified = if typed == *self.pin.borrow() { Ok(None) } else { Err(self.wrong_pin()) };
                self.tell(Event::Verified { turn, verified });
            }
            Command::ChangePin { turn } => {
                let old = self.typed(Prompt::Pin);
                let (new, again) = (self.typed(Prompt::NewPin), self.typed(Prompt::NewPinAgain));
                let changed = if new != again {
                    Err(data::stop(terminal::session::SessionError::PinsDiffer))
                } else if old != *self.pin.borrow() {
                    Err(self.wrong_pin())
                } else {
                    *self.pin.borrow_mut() = new;
                    Ok(())
                };
                self.tell(Event::PinChanged { turn, changed });
            }
            Command::Finger { turn, .. } => {
                let mut fingers = self.fingers.borrow_mut();
                let fingered = if fingers.is_empty() { Ok(Fingered::Proved) } else { fingers.remove(0) };
                drop(fingers);
                self.tell(Event::Fingered { turn, fingered });
            }
            Command::Ask { turn, ask } => {
                let answer = Box::new(self.say(&ask));
                self.tell(Event::Answered { turn, answer });
            }
            Command::Print { turn, paper } => {
                let lines = paper.lines(32, "清河街道便民服务中心");
                assert!(lines.len() > 3, "{lines:?}");
                let printed = match self.paper_out.get() {
                    true => Err(data::paper_out()),
                    false => Ok(()),
                };
                self.printed.set(self.printed.get() + 1);
                self.tell(Event::Printed { turn, printed });
            }
        }
    }

    fn say(&self, ask: &Ask) -> Result<Answer, Stop> {
        let public =
            matches!(ask, Ask::Articles | Ask::Article(_) | Ask::Offices | Ask::Vacancies | Ask::Vacancy(_));
        if self.offline.get() && !public && !matches!(ask, Ask::Account | Ask::Certify) {
            return Err(data::offline());
        }
        Ok(data::answer(ask, self.offline.get()))
    }

    fn typed(&self, prompt: Prompt) -> String {
        self.face.told(Told::Pin(prompt));
        self.face.told(Told::PinOver);
        let typed = self.heard.borrow_mut().typed.remove(0).unwrap();
        String::from_utf8(typed.to_vec()).unwrap()
    }

    fn wrong_pin(&self) -> Stop {
        self.tries.set(self.tries.get().saturating_sub(1));
        match self.tries.get() {
            0 => data::stop(terminal::session::SessionError::PinBlocked),
            tries_left => data::stop(terminal::session::SessionError::WrongPin { tries_left }),
        }
    }

    // What people do.

    pub(crate) fn press(&self, label: &str) {
        support::press(self.window(), label);
    }

    /// Presses and has it answered.
    pub(crate) fn touch(&self, label: &str) {
        self.reach(label);
        self.press(label);
        self.serve();
    }

    /// Rolls down until the label can be seen.
    pub(crate) fn reach(&self, label: &str) {
        for _ in 0..30 {
            let bottom = self.bottom();
            let seen = support::find(self.window(), AccessibleRole::Button, label)
                .is_some_and(|button| button.absolute_position().y + button.size().height <= bottom);
            let roll = self.window().global::<ui::Roll<'_>>();
            if seen || !roll.get_is_long() || roll.get_at_end() {
                return;
            }
            self.press("往下翻");
        }
    }

    /// Where the row of "back" begins, below which nothing of a page is seen.
    fn bottom(&self) -> f32 {
        ElementQuery::from_root(self.window())
            .match_accessible_role(AccessibleRole::Button)
            .find_all()
            .into_iter()
            .filter(|button| {
                matches!(button.accessible_label().unwrap_or_default().as_str(), "往上翻" | "往下翻" | "返回")
            })
            .map(|button| button.absolute_position().y)
            .fold(f32::MAX, f32::min)
    }

    pub(crate) fn insert(&self) {
        self.tell(Event::Slot(Slot::CardIn));
        self.serve();
    }

    pub(crate) fn pull(&self) {
        self.tell(Event::Slot(Slot::CardOut));
        self.serve();
    }

    /// Types digits on the shuffled pad.
    pub(crate) fn type_pin(&self, pin: &str) {
        for digit in pin.bytes() {
            let place = PAD.iter().position(|at| at + b'0' == digit).unwrap();
            self.press(&format!("第 {} 个键", place + 1));
        }
    }

    pub(crate) fn type_number(&self, number: &str) {
        for digit in number.chars() {
            self.press(&digit.to_string());
        }
    }

    /// Card in, PIN right: the person's page.
    pub(crate) fn sign_in(&self) {
        self.insert();
        if self.says("用密码") {
            self.press("用密码");
        }
        self.type_pin(PIN);
        self.touch("输好了");
        assert!(self.says("王女士"), "{}", support::labels(self.window()));
    }

    pub(crate) fn says(&self, text: &str) -> bool {
        support::says(self.window(), text)
    }

    pub(crate) fn expect(&self, text: &str) {
        assert!(self.says(text), "nothing says “{text}”:\n{}", support::labels(self.window()));
    }

    /// Lets seconds go by.
    pub(crate) fn wait(&self, seconds: u64) {
        for _ in 0..seconds {
            self.now.set(self.now.get() + 1_000);
            support::wait(1_000);
            self.serve();
        }
    }

    pub(crate) fn said(&self) -> Vec<Speech> {
        self.voice.take()
    }

    /// Nothing of the person can be found anywhere on the screen.
    pub(crate) fn assert_nobody(&self) {
        let labels = support::labels(self.window());
        for trace in data::TRACES {
            assert!(!labels.contains(trace), "“{trace}” is left:\n{labels}");
        }
    }

    pub(crate) fn speak(&self, locale: Locale) {
        use ui::kiosk::state::Input;
        self.face.feed(Input::Language(locale));
    }
}

/// A stop of this kind with the words of a slot.
pub(crate) fn gone() -> Stop {
    let stop = data::stop(terminal::session::SessionError::Slot {
        chip: terminal::session::Chip::Card,
        step: terminal::session::Step::ReadFile,
        error: hal::slot::SlotError::Removed { outcome: hal::slot::Outcome::NotDone },
    });
    assert_eq!(stop.kind, Kind::CardGone);
    stop
}
