//! The face for installers: a wizard from a bare machine to a terminal that is proved to work.

mod input;
mod lamps;
mod state;
mod view;
mod work;

use std::{cell::RefCell, rc::Rc};

use edge::indicator::Sign;
use hal::pin_pad::PinPadError;
use slint::{CloseRequestResponse, ComponentHandle, PlatformError};
use terminal::setup::Face;

pub use self::{
    state::{Busy, Effect, Form, Input, MetCenter, Problem, Seen, Wizard},
    work::{Command, Event, Row, SetupWork},
};
use crate::{
    PageTeller, SetupFace, SetupRole, SetupWindow, Start,
    desk::{self, Desk, Outlet, Told},
    locale,
};

/// Opens the window and stays until it is closed.
pub fn run(start: Start) -> Result<(), PlatformError> {
    let window = SetupWindow::new()?;
    start.dress(window.window())?;
    let screen = Screen::new(&window, &start);
    let told = Rc::clone(&screen);
    let teller = desk::to_screen(move |letter| told.told(letter));
    let options = start.options.clone();
    let desk = Desk::start(teller, move |teller, pad, halt| SetupWork::open(&options, pad, halt, teller));
    screen.connect(Box::new(desk));
    let shown = window.run();
    // Ends the desk after the step under way: what was settled is on the disk.
    screen.outlet.take();
    shown
}

/// The wizard and its window.
pub struct Screen {
    window: slint::Weak<SetupWindow>,
    wizard: RefCell<Wizard>,
    pages: PageTeller,
    outlet: RefCell<Option<Box<dyn Outlet<Command>>>>,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Screen {
    /// Puts a wizard that knows nothing yet on the window.
    pub fn new(window: &SetupWindow, start: &Start) -> Rc<Self> {
        let screen = Rc::new(Screen {
            window: window.as_weak(),
            wizard: RefCell::new(Wizard::new(start.locale)),
            pages: start.pages(),
            outlet: RefCell::default(),
        });
        let face = window.global::<SetupFace<'_>>();
        let on = |input: fn(&SetupWindow) -> Input| {
            let screen = Rc::clone(&screen);
            move || {
                if let Some(window) = screen.window.upgrade() {
                    screen.on(input(&window));
                }
            }
        };
        face.on_back(on(|_| Input::Back));
        face.on_next(on(|window| Input::Next(view::form(window))));
        face.on_try_printer(on(|window| Input::TryPrinter(view::form(window).printer)));
        face.on_turn_paper(on(|_| Input::Paper));
        face.on_lamps(on(|_| Input::Lamps));
        face.on_lit(on(|_| Input::Lit(true)));
        face.on_dark(on(|_| Input::Lit(false)));
        face.on_turn_level(on(|_| Input::Low));
        face.on_usual_lines(on(|_| Input::UsualLines));
        face.on_meet(on(|window| Input::Meet(view::form(window))));
        face.on_same(on(|_| Input::Same));
        face.on_different(on(|_| Input::Different));
        face.on_pause(on(|_| Input::Pause));
        face.on_again(on(|_| Input::Again));
        face.on_erase(on(|_| Input::Erase));
        face.on_enter(on(|_| Input::Enter));
        face.on_cancel_pin(on(|_| Input::CancelPin));
        let to = Rc::clone(&screen);
        face.on_try_sensor(move |line| to.on(Input::TrySensor(line.into())));
        let to = Rc::clone(&screen);
        face.on_try_lamp(move |at| {
            let sign = usize::try_from(at).ok().and_then(|at| Sign::ALL.get(at));
            if let (Some(sign), Some(window)) = (sign, to.window.upgrade()) {
                to.on(Input::TryLamp(*sign, view::form(&window)));
            }
        });
        let to = Rc::clone(&screen);
        face.on_digit(move |digit| to.on(Input::Digit(u8::try_from(digit).unwrap_or(u8::MAX))));
        let to = Rc::clone(&screen);
        face.on_language(move |at| {
            if let Some(locale) = usize::try_from(at).ok().and_then(|at| locale::ALL.get(at)) {
                to.on(Input::Language(*locale));
            }
        });
        let to = Rc::clone(&screen);
        face.on_role_chosen(move |role| {
            to.on(Input::Role(match role {
                SetupRole::Counter => Face::Counter,
                SetupRole::Kiosk => Face::Kiosk,
                SetupRole::Bank => Face::Bank,
                SetupRole::Community => Face::Community,
            }));
        });
        window.window().on_close_requested(|| CloseRequestResponse::HideWindow);
        screen.show();
        screen
    }

    /// From now on wishes go there.
    pub fn connect(&self, outlet: Box<dyn Outlet<Command>>) {
        *self.outlet.borrow_mut() = Some(outlet);
    }

    /// What the installer does.
    pub fn on(&self, input: Input) {
        let effects = self.wizard.borrow_mut().on(input);
        self.follow(effects);
    }

    /// What the desk tells.
    pub fn told(&self, told: Told<Event>) {
        let is_first = self.wizard.borrow().setup.is_none();
        let effects = self.wizard.borrow_mut().told(told);
        if let (true, Some(window)) = (is_first, self.window.upgrade()) {
            view::fill_fields(&self.wizard.borrow(), &window);
        }
        self.follow(effects);
    }

    /// What the wizard is like now.
    pub fn with<T>(&self, look: impl FnOnce(&Wizard) -> T) -> T {
        look(&self.wizard.borrow())
    }

    fn follow(&self, effects: Vec<Effect>) {
        for effect in effects {
            self.follow_one(effect);
        }
        self.show();
    }

    fn follow_one(&self, effect: Effect) {
        let outlet = self.outlet.borrow();
        match (effect, outlet.as_deref(), self.window.upgrade()) {
            (Effect::Ask(command), Some(outlet), _) => {
                outlet.ask(command);
            }
            (Effect::Typed(digits), Some(outlet), _) => outlet.typed(digits.ok_or(PinPadError::Cancelled)),
            (Effect::Halt, Some(outlet), _) => outlet.halt(),
            // A language that was built in is always there.
            (Effect::Speak(locale), _, _) => drop(crate::speak(locale)),
            (Effect::FillLines, _, Some(window)) => view::fill_lines(&self.wizard.borrow(), &window),
            (Effect::ForgetSecrets, _, Some(window)) => view::forget_secrets(&window),
            (Effect::Close, _, Some(window)) => drop(window.hide()),
            _ => {}
        }
    }

    fn show(&self) {
        let Some(window) = self.window.upgrade() else { return };
        let wizard = self.wizard.borrow();
        view::show(&wizard, &window);
        self.pages.at(view::page_name(&wizard));
    }
}
