//! What the desk tells, and what the kiosk makes of it.

use hal::pin_pad::PinPadError;

use super::{
    ask::{Answer, Ask, Cause, Fingered, Kind, Stop},
    content::{Content, Done},
    sheet::Act,
    state::{Doing, Effect, FingerState, Machine, Overlay, Page, Person, PinStep, TakeWhy, Task},
    voice::Sentence,
    work::{Command, Earlier, Event, Opened, Signal},
};
use crate::{desk::Told, upkeep::Slot};

impl Machine {
    pub(super) fn told(&mut self, told: Told<Event>, out: &mut Vec<Effect>) {
        match told {
            Told::Event(event) => self.happened(event, out),
            Told::Progress(step) => {
                if let Some(busy) = &mut self.busy {
                    busy.step = Some(step);
                    self.say_step(step, out);
                }
            }
            Told::Pin(_) => {
                // What was typed goes to the card once; nothing is left when there is more to ask for.
                let typed = match self.pins.is_empty() {
                    true => Err(PinPadError::Cancelled),
                    false => Ok(self.pins.remove(0)),
                };
                out.push(Effect::Typed(typed));
            }
            Told::PinOver => {}
            Told::Broken => {
                self.wipe(out);
                self.ready = None;
                self.pages = vec![Page::Closed];
            }
        }
    }

    fn say_step(&self, step: terminal::progress::Progress, out: &mut Vec<Effect>) {
        use terminal::progress::Progress;
        match step {
            Progress::PlaceFinger { .. } => out.push(Effect::Say(Sentence::PlaceFinger)),
            Progress::LiftFinger => out.push(Effect::Say(Sentence::LiftFinger)),
            _ => {}
        }
    }

    fn happened(&mut self, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Ready(ready) => {
                self.ready = Some(ready);
                self.closed = None;
                self.pages = vec![Page::Home];
                if self.card_in {
                    self.card_came(out);
                }
            }
            Event::Closed(trouble) => {
                self.ready = None;
                self.closed = Some(trouble);
                self.pages = vec![Page::Closed];
            }
            Event::Slot(Slot::CardIn) => {
                self.card_in = true;
                if self.ready.is_some() {
                    self.card_came(out);
                }
            }
            Event::Slot(Slot::CardOut) => self.card_went(out),
            Event::Status(status) => self.status = status,
            Event::Opened { turn, opened } if self.ends(turn) => self.opened(opened, out),
            Event::Verified { turn, verified } if self.ends(turn) => self.verified(verified, out),
            Event::PinChanged { turn, changed } if self.ends(turn) => self.pin_changed(changed, out),
            Event::Fingered { turn, fingered } if self.ends(turn) => self.fingered(fingered, out),
            Event::Answered { turn, answer } => {
                let ask = match self.busy.take_if(|busy| busy.turn == turn) {
                    Some(super::state::Busy { doing: Doing::Asking(ask), .. }) => ask,
                    _ => return,
                };
                self.idle_s = 0;
                match *answer {
                    Ok(answer) => self.answered(answer, &ask, out),
                    Err(stop) => self.stopped(stop, &ask, out),
                }
            }
            Event::Printed { turn, printed }
                if turn == self.printing && self.overlay == Some(Overlay::Printing) =>
            {
                self.overlay = Some(Overlay::Printed(printed.err()));
                self.idle_s = 0;
            }
            _ => {}
        }
    }

    /// Whether that is the end of what is under way.
    fn ends(&mut self, turn: u32) -> bool {
        let ended = self.busy.take_if(|busy| busy.turn == turn).is_some();
        if ended {
            self.idle_s = 0;
        }
        ended
    }

    /// A card is there: it is read, whatever was on the screen.
    pub(super) fn card_came(&mut self, out: &mut Vec<Effect>) {
        let want = self.want;
        self.wipe(out);
        self.want = want;
        self.pages = vec![Page::Home, Page::Reading];
        let turn = self.begin(Doing::Opening);
        out.push(Effect::Ask(Command::Signal(Signal::Busy)));
        out.push(Effect::Ask(Command::Open { turn }));
        out.push(Effect::Say(Sentence::Reading));
    }

    fn card_went(&mut self, out: &mut Vec<Effect>) {
        self.card_in = false;
        match self.page() {
            Page::Take(_) => {
                self.go_home(out);
                out.push(Effect::Ask(Command::Signal(Signal::Done)));
            }
            _ if self.person.is_none() && self.busy.is_none() => {}
            _ => {
                let done = self.person.as_ref().map(|person| person.done.clone()).unwrap_or_default();
                let during = self.during.take();
                self.wipe(out);
                out.push(Effect::Ask(Command::Close));
                out.push(Effect::Ask(Command::Signal(Signal::Ready)));
                self.pages = vec![Page::Home];
                self.show(Content::Gone { done, during });
                out.push(Effect::Say(Sentence::CardGone));
            }
        }
    }

    fn opened(&mut self, opened: Result<Opened, Stop>, out: &mut Vec<Effect>) {
        let opened = match opened {
            Ok(opened) => opened,
            Err(stop) => {
                if stop.kind == Kind::CardGone {
                    self.during = Some(stop.clone());
                }
                // Kept while the card may have been pulled: its going says the same words.
                let during = self.during.take();
                self.end(TakeWhy::Unusable(stop), out);
                self.during = during;
                return;
            }
        };
        self.person = Some(Person {
            surname: opened.surname,
            sex: opened.sex,
            pad: opened.pad,
            earlier: opened.earlier,
            known: false,
            done: Vec::new(),
        });
        self.ask_who(out);
    }

    /// PIN, or finger where one can be taken.
    pub(super) fn ask_who(&mut self, out: &mut Vec<Effect>) {
        self.entry = Default::default();
        self.pages = vec![Page::Home];
        if self.ready.as_ref().is_some_and(|ready| ready.finger) {
            self.push(Page::Identify);
            out.push(Effect::Say(Sentence::PinOrFinger));
        } else {
            self.push(Page::Pin(PinStep::Verify));
            out.push(Effect::Say(Sentence::TypePin));
        }
    }

    fn verified(&mut self, verified: Result<Option<Earlier>, Stop>, out: &mut Vec<Effect>) {
        match verified {
            Ok(earlier) => {
                if let Some(person) = &mut self.person {
                    person.earlier = earlier.or(person.earlier.filter(|earlier| *earlier != Earlier::Open));
                }
                self.known(out);
            }
            Err(stop) => self.pin_stopped(stop, PinStep::Verify, out),
        }
    }

    fn pin_changed(&mut self, changed: Result<(), Stop>, out: &mut Vec<Effect>) {
        self.pins.clear();
        match changed {
            Ok(()) => {
                if let Some(person) = &mut self.person {
                    person.done.push(Done::PinChanged);
                }
                self.pages = self.root();
                self.show(Content::PinChanged);
                out.push(Effect::Ask(Command::Signal(Signal::Done)));
            }
            Err(stop) => self.pin_stopped(stop, PinStep::Old, out),
        }
    }

    /// A PIN that can be typed again is asked for again, with the reason above it.
    fn pin_stopped(&mut self, stop: Stop, step: PinStep, out: &mut Vec<Effect>) {
        self.entry = Default::default();
        self.pins.clear();
        match stop.kind {
            Kind::WrongPin | Kind::NewPin => {
                self.pages.truncate(self.root().len());
                self.push(Page::Pin(step));
                self.hint = Some(*stop.trouble);
                out.push(Effect::Say(Sentence::TypePinAgain));
            }
            kind => {
                if kind == Kind::CardGone {
                    self.during = Some(stop.clone());
                }
                self.pages = self.root();
                self.show(Content::Stopped(stop));
            }
        }
    }

    fn fingered(&mut self, fingered: Result<Fingered, Stop>, out: &mut Vec<Effect>) {
        self.finger.waiting = false;
        match fingered {
            Ok(Fingered::Proved) if self.finger.certify => {
                if let Some(person) = &mut self.person {
                    person.known = true;
                }
                self.ask(Ask::Certify, out);
            }
            Ok(Fingered::Proved) => self.known(out),
            Ok(Fingered::Failed { cause, trouble, next }) => {
                self.finger.trouble = Some(trouble);
                self.finger.cause = cause;
                // A sensor that is plugged in again can be asked again.
                self.finger.over = next.is_none() && cause != Cause::Sensor;
            }
            Err(stop) if stop.kind == Kind::NoSensor => {
                self.finger.trouble = Some(*stop.trouble);
                self.finger.cause = Cause::Sensor;
            }
            Err(stop) if stop.kind == Kind::ProofFirst => {
                // The policy wants the PIN beside the finger.
                self.want = self.finger.certify.then_some(Task::Certify);
                self.pages = vec![Page::Home, Page::Pin(PinStep::Verify)];
            }
            Err(stop) => {
                if stop.kind == Kind::CardGone {
                    self.during = Some(stop.clone());
                }
                self.finger.trouble = Some(*stop.trouble);
                self.finger.over = true;
            }
        }
    }

    fn known(&mut self, out: &mut Vec<Effect>) {
        if let Some(person) = &mut self.person {
            person.known = true;
        }
        self.pages = self.root();
        if let Some(ask) = self.again.take() {
            self.ask(ask, out);
        } else if let Some(task) = self.want.take() {
            self.start(task, out);
        }
    }

    /// Begins what somebody wants.
    pub(super) fn start(&mut self, task: Task, out: &mut Vec<Effect>) {
        let known = self.person.as_ref().is_some_and(|person| person.known);
        if !task.is_public() && !known {
            self.want = Some(task);
            self.push(Page::Insert);
            out.push(Effect::Say(Sentence::InsertCard));
            return;
        }
        let ask = match task {
            Task::Certify => Ask::Certification,
            Task::Account => Ask::Account,
            Task::Contributions => Ask::Contributions { until: None },
            Task::Treatments => Ask::Treatments { after: None },
            Task::Pension => Ask::Pensions,
            Task::Work => Ask::Registration,
            Task::Unemployment => Ask::Unemployment,
            Task::Dues => Ask::Dues,
            Task::Cards => Ask::Cards,
            Task::Articles => Ask::Articles,
            Task::Offices => Ask::Offices,
            Task::Vacancies => Ask::Vacancies,
            Task::ChangePin => return self.begin_change(out),
            Task::LostCard => {
                self.typed = Default::default();
                self.name = Default::default();
                return self.show(Content::LossAsked(self.typed_loss()));
            }
        };
        self.ask(ask, out);
    }

    pub(super) fn begin_change(&mut self, out: &mut Vec<Effect>) {
        self.entry = Default::default();
        self.pins.clear();
        self.push(Page::Pin(PinStep::Old));
        out.push(Effect::Say(Sentence::TypePin));
    }

    /// Puts a finger on the sensor.
    pub(super) fn begin_finger(&mut self, certify: bool, out: &mut Vec<Effect>) {
        if self.busy.is_some() {
            return;
        }
        if !matches!(self.page(), Page::Finger) {
            self.push(Page::Finger);
            self.finger = FingerState::default();
        }
        if !self.takes_fingers() {
            // Nobody is signed in for this terminal, or it has no sensor: said at once, and the desk is not asked.
            self.finger = FingerState { certify, over: true, ..FingerState::default() };
            return;
        }
        self.finger = FingerState { certify, waiting: true, ..FingerState::default() };
        let turn = self.begin(Doing::Fingering);
        out.push(Effect::Ask(Command::Finger { turn, certify }));
    }

    fn answered(&mut self, answer: Answer, ask: &Ask, out: &mut Vec<Effect>) {
        self.noted(&answer, ask);
        let content = match answer {
            Answer::Articles(shown) => Content::Topics(shown),
            other => Content::Answer(Box::new(self.after_those_before(other, ask))),
        };
        let result = matches!(
            ask,
            Ask::Certify
                | Ask::ReportLoss { .. }
                | Ask::ReportLossWithoutCard { .. }
                | Ask::SeekWork { .. }
                | Ask::StopSeekingWork
        );
        if result {
            // What was typed on the way there is not gone back to.
            self.pages = self.root();
            self.typed = Default::default();
            self.name = Default::default();
            out.push(Effect::Ask(Command::Signal(Signal::Done)));
        } else if self.replaces(&content) {
            self.pages.pop();
        }
        self.show(content);
    }

    /// Earlier treatments stand below the later ones: nothing that was on the page goes.
    fn after_those_before(&self, answer: Answer, ask: &Ask) -> Answer {
        let Page::Sheet(top) = self.page() else { return answer };
        match (answer, ask, &**top) {
            (Answer::Treatments(mut more), Ask::Treatments { after: Some(_) }, Content::Answer(before)) => {
                if let Answer::Treatments(before) = &**before {
                    more.content.treatments.splice(0..0, before.content.treatments.iter().cloned());
                }
                Answer::Treatments(more)
            }
            (answer, _, _) => answer,
        }
    }

    /// Earlier months, the next page and a second try stand where the first stood.
    fn replaces(&self, content: &Content) -> bool {
        let Page::Sheet(top) = self.page() else { return matches!(self.page(), Page::Insert) };
        match (&**top, content) {
            (Content::Stopped(_) | Content::CertifyOffline(_), _) => true,
            (Content::Answer(before), Content::Answer(after)) => {
                std::mem::discriminant(&**before) == std::mem::discriminant(&**after)
            }
            _ => false,
        }
    }

    fn stopped(&mut self, stop: Stop, ask: &Ask, out: &mut Vec<Effect>) {
        match (stop.kind, ask) {
            (Kind::ProofFirst, _) => {
                self.again = Some(ask.clone());
                if let Some(person) = &mut self.person {
                    person.known = false;
                }
                return self.ask_who(out);
            }
            (Kind::FingerFirst, Ask::Certify) => return self.begin_finger(true, out),
            (Kind::CardGone, _) => self.during = Some(stop.clone()),
            _ => {}
        }
        let content = match (stop.kind, ask) {
            (Kind::Offline, Ask::Certification) => Content::CertifyOffline(stop),
            _ => Content::Stopped(stop),
        };
        if self.replaces(&content) || matches!(self.page(), Page::Finger) {
            self.pages.pop();
        }
        self.show(content);
    }

    /// What the acts of a sheet do.
    pub(super) fn act(&mut self, act: Act, out: &mut Vec<Effect>) {
        if self.busy.is_some() {
            return;
        }
        match act {
            Act::Retry => {
                if let Some(ask) = self.retry.clone() {
                    self.ask(ask, out);
                } else {
                    self.pages = self.root();
                }
            }
            Act::Certify => self.begin_finger(true, out),
            Act::ChangePin => self.begin_change(out),
            Act::Menu => match self.person.as_ref().map(|person| person.known) {
                Some(true) => self.pages = self.root(),
                Some(false) => self.ask_who(out),
                None => self.go_home(out),
            },
            Act::Vacancies => self.ask(Ask::Vacancies, out),
            Act::StopSeekingWork => self.ask(Ask::StopSeekingWork, out),
            Act::Register => self.show(Content::Wish),
            Act::LoseOthers | Act::LoseAll => self.show(Content::WhichCards),
            Act::No => {
                self.pages = self.root();
                self.typed = Default::default();
                self.name = Default::default();
            }
            other => self.act_on_content(other, out),
        }
    }
}
