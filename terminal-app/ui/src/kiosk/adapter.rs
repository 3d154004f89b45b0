//! The machine on the screen: presses go in, its view goes onto the globals of the face.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use hal::speaker::Speaker;
use protocol::timestamp::Timestamp;
use slint::{
    ComponentHandle, Image, ModelRc, Rgb8Pixel, SharedPixelBuffer, SharedString, Timer, TimerMode, VecModel,
};

use super::{
    ask::Cause,
    paper::PaperText,
    sheet::{Act, BarKind, Row, Sheet, Tone},
    state::{Effect, Input, Machine, NumberFor, PinStep, Task},
    view::{Over, Shown},
    voice,
    work::{Command, Earlier},
};
use crate::{
    Kiosk as Global, KioskOver, KioskPage, KioskWindow, PageTeller, Roll, RowKind, SheetAct, SheetBanner,
    SheetBar, SheetRow, Status, Theme,
    desk::{Outlet, Told},
    locale,
};

/// How often the machine is told that time goes by.
const TICK: Duration = Duration::from_secs(1);

/// White modules around a code. Source: ISO/IEC 18004 (quiet zone of four).
const QUIET: usize = 4;

/// The face: window, machine, voice and desk.
pub struct Face {
    window: KioskWindow,
    machine: RefCell<Machine>,
    outlet: RefCell<Option<Box<dyn Outlet<Command>>>>,
    speaker: RefCell<Box<dyn Speaker>>,
    clock: Box<dyn Fn() -> Timestamp>,
    timer: Timer,
    waiting: RefCell<VecDeque<Input>>,
    at_work: Cell<bool>,
    last: RefCell<Option<(Shown, Over)>>,
    pages: RefCell<PageTeller>,
}

/// Which act has which code on the screen.
const ACTS: [Act; 17] = [
    Act::Retry,
    Act::Certify,
    Act::ChangePin,
    Act::Earlier,
    Act::Later,
    Act::More,
    Act::LoseOthers,
    Act::LoseAll,
    Act::Yes,
    Act::YesAgain,
    Act::No,
    Act::Register,
    Act::StopSeekingWork,
    Act::Vacancies,
    Act::Letters,
    Act::AllArticles,
    Act::Menu,
];

/// Which task has which code on the screen.
const TASKS: [Task; 14] = [
    Task::Certify,
    Task::Account,
    Task::Contributions,
    Task::Treatments,
    Task::Pension,
    Task::Work,
    Task::Unemployment,
    Task::Dues,
    Task::Cards,
    Task::ChangePin,
    Task::Articles,
    Task::Offices,
    Task::Vacancies,
    Task::LostCard,
];

fn code_of<T: PartialEq>(all: &[T], one: &T) -> i32 {
    all.iter().position(|each| each == one).and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)
}

fn of_code<T: Copy>(all: &[T], code: i32) -> Option<T> {
    usize::try_from(code).ok().and_then(|at| all.get(at).copied())
}

impl Face {
    /// A face over a window. It waits for its desk ([`Face::plug`]).
    pub fn new(
        window: KioskWindow,
        machine: Machine,
        speaker: Box<dyn Speaker>,
        clock: Box<dyn Fn() -> Timestamp>,
    ) -> Rc<Self> {
        let face = Rc::new(Face {
            window,
            machine: RefCell::new(machine),
            outlet: RefCell::default(),
            speaker: RefCell::new(speaker),
            clock,
            timer: Timer::default(),
            waiting: RefCell::default(),
            at_work: Cell::new(false),
            last: RefCell::default(),
            pages: RefCell::default(),
        });
        face.wire();
        let ticked = Rc::downgrade(&face);
        face.timer.start(TimerMode::Repeated, TICK, move || {
            if let Some(face) = ticked.upgrade() {
                let now = (face.clock)();
                face.feed(Input::Tick(now));
            }
        });
        let now = (face.clock)();
        face.feed(Input::Tick(now));
        face
    }

    /// From now on its pages are told.
    pub fn tell_pages(&self, pages: PageTeller) {
        *self.pages.borrow_mut() = pages;
    }

    /// Where commands go from now on.
    pub fn plug(&self, outlet: Box<dyn Outlet<Command>>) {
        *self.outlet.borrow_mut() = Some(outlet);
    }

    /// What the desk tells.
    pub fn told(&self, told: Told<super::work::Event>) {
        self.feed(Input::Told(told));
    }

    /// The window.
    pub fn window(&self) -> &KioskWindow {
        &self.window
    }

    /// Takes one input. One that comes while another is taken waits for it.
    pub fn feed(&self, input: Input) {
        self.waiting.borrow_mut().push_back(input);
        if self.at_work.replace(true) {
            return;
        }
        loop {
            let Some(input) = self.waiting.borrow_mut().pop_front() else { break };
            let effects = self.machine.borrow_mut().on(input);
            for effect in effects {
                self.carry_out(effect);
            }
        }
        self.at_work.set(false);
        self.show();
    }

    fn carry_out(&self, effect: Effect) {
        let locale = self.machine.borrow().locale();
        match effect {
            Effect::Say(sentence) => self.speaker.borrow_mut().say(&voice::fixed(sentence, locale)),
            Effect::Read(text) => self.speaker.borrow_mut().say(&voice::page(&text, locale)),
            Effect::Hush => self.speaker.borrow_mut().hush(),
            Effect::Ask(command) => {
                if let Some(outlet) = &*self.outlet.borrow() {
                    outlet.ask(command);
                }
            }
            Effect::Typed(typed) => {
                if let Some(outlet) = &*self.outlet.borrow() {
                    outlet.typed(typed);
                }
            }
            Effect::Halt => {
                if let Some(outlet) = &*self.outlet.borrow() {
                    outlet.halt();
                }
            }
        }
    }

    fn wire(self: &Rc<Self>) {
        let global = self.window.global::<Global<'_>>();
        let weak = Rc::downgrade(self);
        let feed = move |input: Input| {
            if let Some(face) = weak.upgrade() {
                face.feed(input);
            }
        };
        macro_rules! plain {
            ($($on:ident => $input:expr;)*) => {$(
                let send = feed.clone();
                global.$on(move || send($input));
            )*};
        }
        plain! {
            on_back => Input::Back;
            on_finish => Input::Finish;
            on_stay => Input::Stay;
            on_visited => Input::Stay;
            on_larger => Input::Larger;
            on_contrast => Input::Contrast;
            on_languages => Input::Languages;
            on_call_staff => Input::CallStaff;
            on_read_aloud => Input::ReadAloud;
            on_print => Input::Print;
            on_show_code => Input::Code;
            on_shut => Input::Shut;
            on_erase => Input::Erase;
            on_clear => Input::Clear;
            on_enter => Input::Enter;
            on_use_pin => Input::UsePin;
            on_use_finger => Input::UseFinger;
        }
        macro_rules! coded {
            ($($on:ident => $of:expr;)*) => {$(
                let send = feed.clone();
                global.$on(move |code| {
                    if let Some(input) = $of(code) {
                        send(input);
                    }
                });
            )*};
        }
        let place = |code: i32| usize::try_from(code).ok();
        coded! {
            on_tile => |code| of_code(&TASKS, code).map(Input::Tile);
            on_act => |code| of_code(&ACTS, code).map(Input::Act);
            on_language => |code| of_code(&locale::ALL, code).map(Input::Language);
            on_row => |code| place(code).map(Input::Row);
            on_pick => |code| place(code).map(Input::Pick);
            on_key => |code: i32| u32::try_from(code).ok().and_then(|code| char::from_digit(code, 10)).map(Input::Key);
        }
        // The page that has letters has no numbers: what X is depends on where it was pressed.
        let (weak, send) = (Rc::downgrade(self), feed);
        global.on_letter(move |letter| {
            let Some(face) = weak.upgrade() else { return };
            let is_number = face.window.global::<Global<'_>>().get_page() == KioskPage::Number;
            let Some(letter) = letter.chars().next() else { return };
            send(if is_number { Input::Key(letter) } else { Input::Letter(letter) });
        });
    }

    /// Puts the view onto the globals, where it is another than before.
    fn show(&self) {
        let machine = self.machine.borrow();
        self.pages.borrow().at(machine.page_name());
        let global = self.window.global::<Global<'_>>();
        self.show_frame(&machine, &global);
        let (shown, over) = (machine.shown(), machine.over());
        let mut last = self.last.borrow_mut();
        let (same_page, same_over) =
            last.as_ref().map_or((false, false), |(page, before)| (*page == shown, *before == over));
        if !same_page {
            let before = last.as_ref().map(|(page, _)| page);
            show_page(&global, &shown);
            if !before.is_some_and(|before| stays(before, &shown)) {
                self.window.global::<Roll<'_>>().set_y(0.0);
            }
        }
        if !same_page || !same_over {
            show_over(&global, &over, &shown);
        }
        *last = Some((shown, over));
    }

    fn show_frame(&self, machine: &Machine, global: &Global<'_>) {
        let theme = self.window.global::<Theme<'_>>();
        theme.set_scale(if machine.is_large() { 1.25 } else { 1.0 });
        theme.set_high_contrast(machine.is_high_contrast());
        let locale = machine.locale();
        // Cheap when it is the same, and right whatever another window has switched to.
        let _ = crate::speak(locale);
        let status = self.window.global::<Status<'_>>();
        let (place, training) = machine.place();
        status.set_place(place.into());
        status.set_training(training);
        let now = (self.clock)();
        status.set_time(locale.time(now).into());
        let date = match locale {
            locale::Locale::English => locale.date(now),
            _ => format!("{} {}", locale.date(now), locale.weekday(now)),
        };
        status.set_date(date.into());
        global.set_can_back(machine.can_go_back());
        global.set_can_finish(machine.can_finish());
        let (print, code) = machine.can_be_taken();
        global.set_can_print(print);
        global.set_can_code(code);
        global.set_can_enter(machine.can_enter());
        global.set_card_in(machine.card_is_in());
        global.set_doing(machine.doing().into());
        global.set_greeting(machine.greeting().into());
        global.set_takes_fingers(machine.takes_fingers());
        let tiles: Vec<i32> = machine.tiles().iter().map(|task| code_of(&TASKS, task)).collect();
        if slint::Model::iter(&global.get_tiles()).ne(tiles.iter().copied()) {
            global.set_tiles(model(tiles));
        }
    }
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Face").finish_non_exhaustive()
    }
}

fn model<T: Clone + 'static>(rows: Vec<T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from(rows))
}

/// Whether it is the same page with something more typed, or in another language.
fn stays(before: &Shown, after: &Shown) -> bool {
    match (before, after) {
        (Shown::Sheet(before), Shown::Sheet(after)) => {
            before.rows.len() == after.rows.len() && before.title == after.title
        }
        _ => std::mem::discriminant(before) == std::mem::discriminant(after),
    }
}

fn show_page(global: &Global<'_>, shown: &Shown) {
    let (mut what, mut next) = (String::new(), String::new());
    let page = match shown {
        Shown::Closed(said, advice) => {
            (what, next) = (said.clone(), advice.clone());
            KioskPage::Closed
        }
        Shown::Home => KioskPage::Home,
        Shown::Insert(task) => {
            global.set_task(task.map_or(-1, |task| code_of(&TASKS, &task)));
            KioskPage::Insert
        }
        Shown::Reading => KioskPage::Reading,
        Shown::Identify => KioskPage::Identify,
        Shown::Pin { step, dots, pad, hint } => {
            (what, next) = hint.clone();
            global.set_step(match step {
                PinStep::Verify => 0,
                PinStep::Old => 1,
                PinStep::New => 2,
                PinStep::Again => 3,
            });
            global.set_dots(i32::try_from(*dots).unwrap_or_default());
            let digits: Vec<SharedString> = pad.iter().map(|digit| digit.to_string().into()).collect();
            if slint::Model::iter(&global.get_pad()).ne(digits.iter().cloned()) {
                global.set_pad(model(digits));
            }
            KioskPage::Pin
        }
        Shown::Finger { state, trouble } => {
            (what, next) = trouble.clone();
            global.set_finger_waiting(state.waiting);
            global.set_finger_over(state.over);
            global.set_sensor_away(state.cause == Cause::Sensor);
            global.set_certify(state.certify);
            KioskPage::Finger
        }
        Shown::Menu(earlier) => {
            global.set_earlier(match earlier {
                Some(Earlier::NotDone) => 1,
                Some(Earlier::Done) => 2,
                _ => 0,
            });
            KioskPage::Menu
        }
        Shown::Sheet(sheet) => {
            show_sheet(global, sheet);
            KioskPage::Sheet
        }
        Shown::Letters { typed, found } => {
            global.set_typed(typed.into());
            let rows = found.iter().enumerate().map(|(index, title)| SheetRow {
                kind: RowKind::Item,
                index: i32::try_from(index).unwrap_or(-1),
                label: title.into(),
                ..SheetRow::default()
            });
            global.set_rows(model(rows.collect()));
            KioskPage::Letters
        }
        Shown::Name { name, typed, offered } => {
            global.set_name(name.into());
            global.set_typed(typed.into());
            global.set_offered(model(offered.iter().map(SharedString::from).collect()));
            KioskPage::Name
        }
        Shown::Number { number, typed } => {
            global.set_number(i32::from(*number == NumberFor::Phone));
            global.set_typed(typed.into());
            KioskPage::Number
        }
        Shown::Take { time_out, trouble } => {
            (what, next) = trouble.clone();
            global.set_time_out(*time_out);
            KioskPage::Take
        }
    };
    // What belonged to the last page does not stay behind the next.
    if !matches!(shown, Shown::Sheet(_)) {
        show_sheet_but_rows(global, &Sheet::default());
        if !matches!(shown, Shown::Letters { .. }) {
            global.set_rows(model(Vec::new()));
        }
    }
    if !matches!(shown, Shown::Name { .. }) {
        global.set_name(SharedString::new());
        global.set_offered(model(Vec::new()));
        if !matches!(shown, Shown::Letters { .. } | Shown::Number { .. }) {
            global.set_typed(SharedString::new());
        }
    }
    if !matches!(shown, Shown::Pin { .. }) {
        global.set_dots(0);
        global.set_pad(model(Vec::new()));
    }
    global.set_what(what.into());
    global.set_next(next.into());
    global.set_page(page);
}

fn show_sheet(global: &Global<'_>, sheet: &Sheet) {
    show_sheet_but_rows(global, sheet);
    let rows = sheet.rows.iter().map(|row| match row {
        Row::Head(words) => SheetRow { kind: RowKind::Head, label: words.into(), ..SheetRow::default() },
        Row::Note(words) => SheetRow { kind: RowKind::Note, label: words.into(), ..SheetRow::default() },
        Row::Fact { label, value, note, strong } => SheetRow {
            kind: RowKind::Fact,
            label: label.into(),
            value: value.into(),
            note: note.into(),
            strong: *strong,
            index: -1,
        },
        Row::Item { index, title, note, value } => SheetRow {
            kind: RowKind::Item,
            label: title.into(),
            value: value.into(),
            note: note.into(),
            strong: false,
            index: i32::try_from(*index).unwrap_or(-1),
        },
    });
    global.set_rows(model(rows.collect()));
}

fn show_sheet_but_rows(global: &Global<'_>, sheet: &Sheet) {
    global.set_title(sheet.title.as_str().into());
    global.set_source(sheet.source.as_str().into());
    global.set_banner(sheet.banner.as_ref().map_or_else(SheetBanner::default, |banner| SheetBanner {
        tone: match banner.tone {
            Tone::Calm => 0,
            Tone::Care => 1,
            Tone::Warn => 2,
        },
        what: banner.what.as_str().into(),
        next: banner.next.as_str().into(),
    }));
    let bars = sheet.bars.iter().map(|bar| SheetBar {
        label: bar.label.as_str().into(),
        height: f32::from(bar.height) / 1_000.0,
        kind: match bar.kind {
            BarKind::Paid => crate::BarKind::Paid,
            BarKind::Late => crate::BarKind::Late,
            BarKind::Unpaid => crate::BarKind::Unpaid,
            BarKind::Gap => crate::BarKind::Gap,
        },
        words: bar.words.as_str().into(),
    });
    global.set_bars(model(bars.collect()));
    let acts = sheet
        .acts
        .iter()
        .map(|(act, label)| SheetAct { code: code_of(&ACTS, act), label: label.as_str().into() });
    global.set_acts(model(acts.collect()));
}

fn show_over(global: &Global<'_>, over: &Over, shown: &Shown) {
    let kind = match over {
        Over::Nothing => KioskOver::Nothing,
        Over::Idle(left) => {
            global.set_seconds_left(i32::try_from(*left).unwrap_or_default());
            KioskOver::Idle
        }
        Over::Languages => KioskOver::Languages,
        Over::Code(paper) => {
            global.set_code(image(paper).unwrap_or_default());
            KioskOver::Code
        }
        Over::Printing => KioskOver::Printing,
        Over::Printed(trouble) => {
            let (what, next) = trouble.clone().unwrap_or_default();
            global.set_what(what.into());
            global.set_next(next.into());
            KioskOver::Printed
        }
        Over::Staff => KioskOver::Staff,
    };
    if kind != KioskOver::Code {
        global.set_code(Image::default());
    }
    if kind != KioskOver::Printed && matches!(shown, Shown::Sheet(_)) {
        global.set_what(SharedString::new());
        global.set_next(SharedString::new());
    }
    global.set_over(kind);
}

/// Black on white, with its quiet zone; one pixel for each module.
fn image(paper: &PaperText) -> Option<Image> {
    let (modules, side) = paper.code()?;
    let whole = side + 2 * QUIET;
    let size = u32::try_from(whole).ok()?;
    let mut pixels = SharedPixelBuffer::<Rgb8Pixel>::new(size, size);
    for (at, pixel) in pixels.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = ((at % whole).checked_sub(QUIET), (at / whole).checked_sub(QUIET));
        let dark = match (x, y) {
            (Some(x), Some(y)) if x < side && y < side => modules.get(y * side + x).copied().unwrap_or(false),
            _ => false,
        };
        let shade = if dark { 0 } else { 255 };
        *pixel = Rgb8Pixel { r: shade, g: shade, b: shade };
    }
    Some(Image::from_rgb8(pixels))
}
