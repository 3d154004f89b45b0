//! What is pressed.

use card_spec::person::PersonNumber;
use zeroize::Zeroizing;

use super::{
    ask::{Answer, Ask},
    content::{Content, Loss},
    pinyin,
    sheet::{Act, WAGES, WISHES, articles_of, topics_of},
    state::{
        Doing, Effect, Input, LETTERS_MAX, Machine, NAME_CHARS_MAX, NumberFor, Overlay, PIN_DIGITS, Page,
        PinStep, TakeWhy,
    },
    voice::Sentence,
    work::{Command, Signal},
};

impl Machine {
    pub(super) fn pressed(&mut self, input: Input, out: &mut Vec<Effect>) {
        self.idle_s = 0;
        if matches!(self.overlay, Some(Overlay::Idle(_))) {
            self.overlay = None;
            out.push(Effect::Hush);
            // Any press says that somebody is there; only that one press does nothing else.
            if !matches!(input, Input::Finish) {
                return;
            }
        }
        match input {
            Input::Larger => self.large = !self.large,
            Input::Contrast => self.contrast = !self.contrast,
            Input::Languages => self.overlay = Some(Overlay::Languages),
            Input::Language(locale) => {
                self.locale = locale;
                if self.overlay == Some(Overlay::Languages) {
                    self.overlay = None;
                }
                out.push(Effect::Hush);
            }
            Input::CallStaff => {
                self.overlay = Some(Overlay::Staff);
                out.push(Effect::Ask(Command::Signal(Signal::Call)));
            }
            Input::ReadAloud => self.read_aloud(out),
            Input::Shut => {
                if self.overlay == Some(Overlay::Staff) {
                    let signal = if self.card_in { Signal::Busy } else { Signal::Ready };
                    out.push(Effect::Ask(Command::Signal(signal)));
                }
                self.overlay = None;
            }
            Input::Finish => self.end(TakeWhy::Finished, out),
            // Nothing under an overlay is pressed.
            _ if self.overlay.is_some() => {}
            // And nothing while the terminal is at work, but to go on with reading.
            _ if self.busy.is_some() => {
                if matches!(input, Input::Back) && self.finger.waiting {
                    out.push(Effect::Halt);
                }
            }
            Input::Tile(task) => self.start(task, out),
            Input::Back => self.back(out),
            Input::Print => self.print(out),
            Input::Code => {
                if let Some(sheet) = self.sheet().filter(|sheet| sheet.portable) {
                    self.overlay = Some(Overlay::Code(sheet.paper()));
                }
            }
            Input::Key(key) => self.key(key),
            Input::Erase => self.erase(),
            Input::Clear => self.clear(),
            Input::Enter => self.enter(out),
            Input::UsePin => {
                self.entry = Default::default();
                self.push(Page::Pin(PinStep::Verify));
                out.push(Effect::Say(Sentence::TypePin));
            }
            Input::UseFinger => {
                let certify = matches!(self.page(), Page::Finger) && self.finger.certify;
                self.begin_finger(certify, out);
            }
            Input::Row(index) => self.row(index, out),
            Input::Act(act) => self.act(act, out),
            Input::Letter(letter) => self.letter(letter),
            Input::Pick(index) => self.pick(index),
            Input::Stay | Input::Told(_) | Input::Tick(_) => {}
        }
    }

    fn back(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::Hush);
        match self.page() {
            Page::Home | Page::Closed | Page::Menu | Page::Reading | Page::Take(_) => {}
            Page::Identify => self.end(TakeWhy::Finished, out),
            Page::Pin(PinStep::Verify) if self.pages.len() <= 2 => self.end(TakeWhy::Finished, out),
            Page::Sheet(content) if matches!(**content, Content::Gone { .. }) => self.go_home(out),
            _ => {
                self.entry = Default::default();
                self.pins.clear();
                self.hint = None;
                self.pages.pop();
                // A question that was answered is not asked again on the way back.
                if self.pages.len() <= 1 && self.person.is_none() {
                    self.go_home(out);
                }
            }
        }
    }

    fn read_aloud(&mut self, out: &mut Vec<Effect>) {
        match self.page() {
            Page::Sheet(_) => {
                if let Some(sheet) = self.sheet() {
                    out.push(Effect::Read(sheet.spoken()));
                }
            }
            Page::Home | Page::Closed => out.push(Effect::Say(Sentence::Home)),
            Page::Insert => out.push(Effect::Say(Sentence::InsertCard)),
            Page::Reading => out.push(Effect::Say(Sentence::Reading)),
            Page::Identify => out.push(Effect::Say(Sentence::PinOrFinger)),
            // Digits are never spoken, nor where they stand.
            Page::Pin(PinStep::Verify | PinStep::Old) => out.push(Effect::Say(Sentence::TypePin)),
            Page::Pin(PinStep::New) => out.push(Effect::Say(Sentence::NewPin)),
            Page::Pin(PinStep::Again) => out.push(Effect::Say(Sentence::NewPinAgain)),
            Page::Finger => out.push(Effect::Say(Sentence::PlaceFinger)),
            Page::Menu => out.push(Effect::Say(Sentence::Menu)),
            Page::Letters(_) => out.push(Effect::Say(Sentence::Letters)),
            Page::Name => out.push(Effect::Say(Sentence::TypeName)),
            Page::Number(NumberFor::Person) => out.push(Effect::Say(Sentence::TypeNumber)),
            Page::Number(NumberFor::Phone) => out.push(Effect::Say(Sentence::TypePhone)),
            Page::Take(_) => out.push(Effect::Say(Sentence::TakeCard)),
        }
    }

    fn print(&mut self, out: &mut Vec<Effect>) {
        let printer = self.ready.as_ref().is_some_and(|ready| ready.printer);
        let Some(sheet) = self.sheet().filter(|sheet| sheet.portable && printer) else { return };
        self.printing = self.printing.wrapping_add(1);
        self.overlay = Some(Overlay::Printing);
        out.push(Effect::Ask(Command::Print { turn: self.printing, paper: sheet.paper() }));
    }

    fn key(&mut self, key: char) {
        match self.page() {
            Page::Pin(_) => {
                // The key is a place on the pad; which digit stands there is known here alone.
                let digit =
                    key.to_digit(10).and_then(|place| self.person.as_ref()?.pad.get(place as usize).copied());
                if let Some(digit) = digit.filter(|_| self.entry.len() < *PIN_DIGITS.end()) {
                    self.entry.push(b'0' + digit);
                    self.hint = None;
                }
            }
            Page::Number(number) if self.typed.len() < number.digits_max() => match key {
                '0'..='9' => self.typed.push(key),
                'X' if *number == NumberFor::Person && self.typed.len() == 17 => self.typed.push('X'),
                _ => {}
            },
            _ => {}
        }
    }

    fn erase(&mut self) {
        match self.page() {
            Page::Pin(_) => {
                self.entry.pop();
            }
            Page::Number(_) => {
                self.typed.pop();
            }
            Page::Letters(_) => {
                self.letters.pop();
            }
            // The letters of the next character go first.
            Page::Name if self.letters.is_empty() => {
                self.name.pop();
            }
            Page::Name => {
                self.letters.pop();
            }
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.entry = Default::default();
        match self.page() {
            Page::Number(_) => self.typed = Default::default(),
            Page::Letters(_) => self.letters.clear(),
            Page::Name => {
                self.letters.clear();
                self.name = Default::default();
            }
            _ => {}
        }
    }

    /// Whether what was typed can be handed in.
    pub fn can_enter(&self) -> bool {
        match self.page() {
            Page::Pin(_) => PIN_DIGITS.contains(&self.entry.len()),
            Page::Number(number) => number.is_whole(&self.typed),
            Page::Name => self.name.chars().count() >= 2 && self.letters.is_empty(),
            _ => false,
        }
    }

    fn enter(&mut self, out: &mut Vec<Effect>) {
        if !self.can_enter() {
            return;
        }
        match self.page() {
            Page::Pin(step) => {
                let step = *step;
                self.pin_entered(step, out);
            }
            Page::Number(NumberFor::Person) => {
                self.letters.clear();
                self.push(Page::Name);
                out.push(Effect::Say(Sentence::TypeName));
            }
            Page::Number(NumberFor::Phone) => {
                let (wish, wage) = self.wish;
                self.show(Content::WorkAsked { wish, wage, phone: self.typed.to_string() });
            }
            Page::Name => self.show(Content::LossAskedAgain(self.typed_loss())),
            _ => {}
        }
    }

    fn pin_entered(&mut self, step: PinStep, out: &mut Vec<Effect>) {
        let entry: Zeroizing<Vec<u8>> = std::mem::take(&mut self.entry);
        self.hint = None;
        match step {
            PinStep::Verify => {
                self.pins = vec![entry];
                let turn = self.begin(Doing::Verifying);
                out.push(Effect::Ask(Command::Verify { turn }));
            }
            PinStep::Old => {
                self.pins = vec![entry];
                self.replace_pin(PinStep::New);
                out.push(Effect::Say(Sentence::NewPin));
            }
            PinStep::New => {
                self.pins.push(entry);
                self.replace_pin(PinStep::Again);
                out.push(Effect::Say(Sentence::NewPinAgain));
            }
            PinStep::Again => {
                self.pins.push(entry);
                let turn = self.begin(Doing::ChangingPin);
                out.push(Effect::Ask(Command::ChangePin { turn }));
            }
        }
    }

    fn replace_pin(&mut self, step: PinStep) {
        if let Some(top) = self.pages.last_mut() {
            *top = Page::Pin(step);
        }
    }

    /// Something of a list is opened.
    fn row(&mut self, index: usize, out: &mut Vec<Effect>) {
        if let Page::Letters(shown) = self.page() {
            let code = self.found_articles(shown).nth(index).map(|article| article.code.clone());
            if let Some(code) = code {
                self.ask(Ask::Article(code), out);
            }
            return;
        }
        let Page::Sheet(content) = self.page() else { return };
        match (**content).clone() {
            Content::Topics(shown) => {
                if let Some(topic) = topics_of(&shown.content).into_iter().nth(index) {
                    self.show(Content::Articles { all: shown, topic: Some(topic) });
                }
            }
            Content::Articles { all, topic } => {
                let code =
                    articles_of(&all.content, topic.as_deref()).nth(index).map(|line| line.code.clone());
                if let Some(code) = code {
                    self.ask(Ask::Article(code), out);
                }
            }
            Content::Answer(answer) => match *answer {
                Answer::Treatments(shown) => {
                    if let Some(treatment) = shown.content.treatments.into_iter().nth(index) {
                        self.show(Content::Treatment { treatment: Box::new(treatment), from: shown.from });
                    }
                }
                Answer::Offices(shown) => {
                    if let Some(office) = shown.content.into_iter().nth(index) {
                        self.show(Content::Office { office: Box::new(office), from: shown.from });
                    }
                }
                Answer::Vacancies(shown) => {
                    if let Some(line) = shown.content.get(index) {
                        self.ask(Ask::Vacancy(line.code.clone()), out);
                    }
                }
                _ => {}
            },
            Content::WhichCards => {
                self.show(Content::LossAsked(if index == 0 { Loss::Others } else { Loss::All }));
            }
            Content::Wish if index < WISHES.len() => {
                self.wish.0 = index;
                self.show(Content::Wage);
            }
            Content::Wage if index < WAGES.len() => {
                self.wish.1 = index;
                self.typed = Default::default();
                self.push(Page::Number(NumberFor::Phone));
                out.push(Effect::Say(Sentence::TypePhone));
            }
            _ => {}
        }
    }

    /// Acts that depend on what the sheet is about.
    pub(super) fn act_on_content(&mut self, act: Act, out: &mut Vec<Effect>) {
        let Page::Sheet(content) = self.page() else { return };
        match (act, (**content).clone()) {
            (Act::Yes, Content::LossAsked(Loss::WithoutCard { .. })) => {
                self.typed = Default::default();
                self.name = Default::default();
                self.push(Page::Number(NumberFor::Person));
                out.push(Effect::Say(Sentence::TypeNumber));
            }
            (Act::Yes, Content::LossAsked(loss)) => self.show(Content::LossAskedAgain(loss)),
            (Act::YesAgain, Content::LossAskedAgain(loss)) => match loss {
                Loss::Others => self.ask(Ask::ReportLoss { this_card: false }, out),
                Loss::All => self.ask(Ask::ReportLoss { this_card: true }, out),
                Loss::WithoutCard { number, name } => {
                    if let Ok(person) = PersonNumber::parse(&number) {
                        self.ask(Ask::ReportLossWithoutCard { person, name }, out);
                    }
                }
            },
            (Act::Yes, Content::WorkAsked { wish, wage, phone }) => {
                let wish = WISHES.get(wish).map(|(chinese, _)| (*chinese).to_owned()).unwrap_or_default();
                let wage_min = WAGES.get(wage).copied().unwrap_or_default();
                self.ask(Ask::SeekWork { wish, wage_min, phone }, out);
            }
            (Act::Earlier | Act::Later, Content::Answer(answer)) => {
                if let Answer::Contributions { until, .. } = *answer {
                    let months = if act == Act::Earlier { -12 } else { 12 };
                    self.ask(Ask::Contributions { until: Some(super::content::moved(until, months)) }, out);
                }
            }
            (Act::More, Content::Answer(answer)) => {
                if let Answer::Treatments(shown) = *answer {
                    self.ask(Ask::Treatments { after: shown.content.next }, out);
                }
            }
            (Act::Letters, Content::Topics(shown)) => {
                self.letters.clear();
                self.push(Page::Letters(shown));
                out.push(Effect::Say(Sentence::Letters));
            }
            (Act::AllArticles, Content::Topics(shown)) => {
                self.show(Content::Articles { all: shown, topic: None });
            }
            _ => {}
        }
    }

    fn letter(&mut self, letter: char) {
        let most = match self.page() {
            Page::Letters(_) => LETTERS_MAX,
            Page::Name => pinyin::SYLLABLE_LETTERS_MAX,
            _ => return,
        };
        if letter == '·' {
            if matches!(self.page(), Page::Name) && !self.name.is_empty() {
                self.letters.clear();
                self.name.push('·');
            }
        } else if letter.is_ascii_alphabetic() && self.letters.len() < most {
            self.letters.push(letter.to_ascii_uppercase());
        }
    }

    fn pick(&mut self, index: usize) {
        if !matches!(self.page(), Page::Name) || self.name.chars().count() >= NAME_CHARS_MAX {
            return;
        }
        if let Some(character) = pinyin::characters(&self.letters).get(index) {
            self.name.push(*character);
            self.letters.clear();
        }
    }

    /// Articles whose titles are found by the letters.
    pub(super) fn found_articles<'a>(
        &'a self,
        shown: &'a terminal::flows::service::Shown<Vec<protocol::service::ArticleLine>>,
    ) -> impl Iterator<Item = &'a protocol::service::ArticleLine> {
        shown.content.iter().filter(|article| {
            pinyin::found_by(&article.title, &self.letters) || pinyin::found_by(&article.topic, &self.letters)
        })
    }
}
