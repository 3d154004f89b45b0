//! The face for clerks: keyboard first, one patient in seconds.
//!
//! [`state`] is the counter as a plain state machine, [`work`] its desk over the terminal's flows, [`adapter`] the
//! screen. [`Face`] ties them together; whoever has a window and somebody to send commands to can make one.

pub mod acts;
pub mod adapter;
mod adapter_lists;
pub mod books;
pub mod dues;
pub mod entry;
pub mod facts;
pub mod failed;
pub mod holder;
mod keys;
pub mod note;
mod operators;
mod seeking;
pub mod serve;
pub mod sheet;
pub mod state;
mod table;
mod told;
mod typing;
pub mod work;
mod write;

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use protocol::timestamp::Timestamp;
use slint::{ComponentHandle, Global, PlatformError, SharedString, Timer, TimerMode};

use self::{
    acts::Act,
    adapter::Screen,
    state::{Effect, Field, Input, Key, State},
    work::{Command, CounterWork, Event},
};
use crate::{
    Counter, CounterWindow, PageTeller, Start,
    desk::{Desk, Outlet, Told, to_screen},
    locale::Locale,
    speak,
};

/// How often the clock of the top bar is read.
const TICK_MS: u64 = 1_000;

/// From this number on `Counter.field-set` names fields of the sheet.
const SHEET_FIELDS: usize = 10;

/// The counter in a window.
#[derive(Clone)]
pub struct Face {
    inner: Rc<Inner>,
}

struct Inner {
    state: RefCell<State>,
    screen: Screen,
    outlet: RefCell<Option<Box<dyn Outlet<Command>>>>,
    clock: Box<dyn Fn() -> u64>,
    pages: RefCell<PageTeller>,
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face").finish_non_exhaustive()
    }
}

impl Face {
    /// Puts a counter into a window. `clock` gives milliseconds that never go back.
    pub fn new(window: &CounterWindow, locale: Locale, clock: impl Fn() -> u64 + 'static) -> Self {
        let inner = Rc::new(Inner {
            state: RefCell::new(State::new(locale)),
            screen: Screen::new(window),
            outlet: RefCell::new(None),
            clock: Box::new(clock),
            pages: RefCell::default(),
        });
        let face = Face { inner };
        let counter = Counter::get(window);
        let on = |face: &Face| face.clone();
        let keys = on(&face);
        counter.on_key(move |text, control, repeat| keys.key_of(&text, control, repeat));
        let presses = on(&face);
        counter.on_is_letter(|text| text.chars().next().is_some_and(is_letter));
        counter.on_press(move |act| {
            if let Some(act) = usize::try_from(act).ok().and_then(Act::of) {
                presses.take(Input::Press(act));
            }
        });
        let rows = on(&face);
        counter.on_row_pressed(move |row| rows.take(Input::Row(usize::try_from(row).unwrap_or(usize::MAX))));
        let fields = on(&face);
        counter.on_field_set(move |field, text| {
            let all = [Field::Item, Field::Count, Field::Price, Field::Number, Field::Second];
            let field = usize::try_from(field).unwrap_or(usize::MAX);
            let in_sheet = || field.checked_sub(SHEET_FIELDS).map(Field::Sheet);
            if let Some(field) = all.get(field).copied().or_else(in_sheet) {
                fields.take(Input::Set(field, text.into()));
            }
        });
        let languages = on(&face);
        counter.on_language(move || languages.take(Input::Language));
        let contrasts = on(&face);
        counter.on_contrast(move || contrasts.take(Input::Contrast));
        let sizes = on(&face);
        counter.on_larger(move || sizes.take(Input::Larger));
        face.show();
        face
    }

    /// Gives it somebody who does what it asks for.
    pub fn serve(&self, outlet: impl Outlet<Command> + 'static) {
        *self.inner.outlet.borrow_mut() = Some(Box::new(outlet));
    }

    /// From now on its pages are told.
    pub fn tell_pages(&self, pages: PageTeller) {
        *self.inner.pages.borrow_mut() = pages;
    }

    /// Takes one input, does what follows from it, and shows the outcome.
    pub fn take(&self, input: Input) {
        let effects = self.inner.state.borrow_mut().on(input, (self.inner.clock)());
        for effect in effects {
            self.effect(effect);
        }
        self.show();
    }

    /// What the desk tells.
    pub fn told(&self, told: Told<Event>) {
        self.take(Input::Told(told));
    }

    /// Looks at the state.
    pub fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.inner.state.borrow())
    }

    /// Ends the desk, before the books are looked at by somebody else.
    pub fn end(&self) {
        self.inner.outlet.borrow_mut().take();
    }

    fn key_of(&self, text: &SharedString, control: bool, repeat: bool) {
        if let Some(input) = input_of(text, control, repeat) {
            self.take(input);
        }
    }

    fn effect(&self, effect: Effect) {
        let outlet = self.inner.outlet.borrow();
        match effect {
            Effect::Ask(command) => {
                if !outlet.as_ref().is_some_and(|outlet| outlet.ask(command)) {
                    self.inner.state.borrow_mut().not_taken();
                }
            }
            Effect::Halt => {
                if let Some(outlet) = outlet.as_ref() {
                    outlet.halt();
                }
            }
            Effect::Typed(typed) => {
                if let Some(outlet) = outlet.as_ref() {
                    outlet.typed(typed);
                }
            }
            // A language that is not there leaves the texts as they are.
            Effect::Speak(locale) => drop(speak(locale)),
        }
    }

    fn show(&self) {
        let state = self.inner.state.borrow();
        self.inner.screen.show(&state);
        self.inner.pages.borrow().at(state.place().name());
    }
}

/// A key of the window by its meaning; one that is held down counts once, but for those that move or take back.
fn input_of(text: &str, control: bool, repeat: bool) -> Option<Input> {
    use slint::platform::Key as Named;
    let letter = text.chars().next()?;
    if control {
        return match letter.to_ascii_lowercase() {
            'l' if !repeat => Some(Input::Language),
            'k' if !repeat => Some(Input::Contrast),
            'g' if !repeat => Some(Input::Larger),
            _ => None,
        };
    }
    let is = |named: Named| SharedString::from(named).starts_with(letter);
    let function = [
        Named::F1,
        Named::F2,
        Named::F3,
        Named::F4,
        Named::F5,
        Named::F6,
        Named::F7,
        Named::F8,
        Named::F9,
        Named::F10,
        Named::F11,
        Named::F12,
    ];
    let once = |key: Key| (!repeat).then_some(Input::Key(key));
    if let Some(at) = function.into_iter().position(is) {
        return once(Key::F(u8::try_from(at + 1).unwrap_or_default()));
    }
    let moving = [
        (Named::UpArrow, Key::Up),
        (Named::DownArrow, Key::Down),
        (Named::PageUp, Key::PageUp),
        (Named::PageDown, Key::PageDown),
        (Named::Backspace, Key::Backspace),
    ];
    if let Some((_, key)) = moving.into_iter().find(|(named, _)| is(*named)) {
        return Some(Input::Key(key));
    }
    let single = [
        (Named::Return, Key::Return),
        (Named::Escape, Key::Escape),
        (Named::Delete, Key::Delete),
        (Named::Tab, Key::Tab),
    ];
    if let Some((_, key)) = single.into_iter().find(|(named, _)| is(*named)) {
        return once(key);
    }
    is_letter(letter).then_some(Input::Key(Key::Char(letter)))
}

/// Whether a key is a character: what else the platform names lies in the private use area.
fn is_letter(key: char) -> bool {
    !key.is_control() && !('\u{E000}'..='\u{F8FF}').contains(&key)
}

/// The machine's time.
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = CounterWindow::new()?;
    start.dress(window.window())?;
    let began = Instant::now();
    let clock = move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let face = Face::new(&window, start.locale, clock);
    face.tell_pages(start.pages());
    let told = face.clone();
    let teller = to_screen(move |letter| told.told(letter));
    let options = start.options.clone();
    face.serve(Desk::start::<CounterWork, _>(teller, move |teller, pad, halt| {
        CounterWork::open(&options, teller, &pad, halt)
    }));
    let ticking = face.clone();
    face.take(Input::Tick { wall: wall() });
    let timer = Timer::default();
    timer.start(TimerMode::Repeated, Duration::from_millis(TICK_MS), move || {
        ticking.take(Input::Tick { wall: wall() });
    });
    let shown = window.run();
    timer.stop();
    face.end();
    shown
}
