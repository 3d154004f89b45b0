//! What is looked at on a machine, one list for `jinbao doctor` and the set-up: each with how it is and what to do.

mod books;
mod devices;

use serde::Serialize;
use terminal::language::Language;

use crate::{
    config::Config,
    failure::{EdgeError, Failure},
    options::Options,
    terminal::Terminal,
};

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// In order.
    Good,
    /// Worth a look.
    Look,
    /// To be repaired.
    Bad,
    /// Not there, or not looked at.
    NotChecked,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Stable word.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was looked at, for people.
    pub title: String,
    /// What was found.
    pub text: String,
    /// What to do; `None` where there is nothing to do.
    pub advice: Option<String>,
}

/// Looks at everything; each thing is told as soon as it is known.
///
/// Changes nothing. With `options.offline` the center is not asked. A card is looked at only where one is in the slot.
pub fn examine(options: &Options, language: Language, found: &mut dyn FnMut(&Check)) -> Vec<Check> {
    let mut checks = Checks { language, checks: Vec::new(), found };
    let data = &options.data;
    let config = Config::read(data);
    match &config {
        Ok(config) => books::settings(&mut checks, config),
        Err(EdgeError::NotEnrolled) => {
            checks.failed("enrolment", books::ENROLMENT, &EdgeError::NotEnrolled.into())
        }
        Err(error) => {
            let text = error.text(checks.language);
            checks.add("enrolment", books::ENROLMENT, Health::Bad, text, String::new());
        }
    }
    books::disk(&mut checks, data);
    devices::service(&mut checks, options);
    let config = config.ok();
    devices::slots(&mut checks, options, config.as_ref());
    devices::sensor(&mut checks, config.as_ref());
    devices::printer(&mut checks, config.as_ref());
    devices::font(&mut checks);
    if let Some(config) = &config {
        match Terminal::open(data.clone()) {
            Ok(mut terminal) => {
                let secret = terminal.cabinet.keys.board_secret();
                devices::board(&mut checks, options, config, secret, true);
                devices::lamps(&mut checks, config, true);
                devices::voice(&mut checks, options, config);
                books::all(&mut checks, &mut terminal, options.offline);
            }
            Err(failure) => {
                devices::board(&mut checks, options, config, None, false);
                devices::lamps(&mut checks, config, false);
                devices::voice(&mut checks, options, config);
                checks.failed("books", books::BOOKS, &failure);
                books::certificates(&mut checks, data, config);
            }
        }
    }
    checks.checks
}

/// Collects checks in one language.
struct Checks<'a> {
    language: Language,
    checks: Vec<Check>,
    found: &'a mut dyn FnMut(&Check),
}

/// What is checked, Chinese and English.
type Title = (&'static str, &'static str);

impl Checks<'_> {
    fn pick(&self, chinese: impl Into<String>, english: impl Into<String>) -> String {
        match self.language {
            Language::Chinese => chinese.into(),
            Language::English => english.into(),
        }
    }

    fn add(&mut self, name: &'static str, title: Title, health: Health, text: String, advice: String) {
        let check = Check {
            name,
            health,
            title: self.language.pick(title.0, title.1).to_owned(),
            text,
            advice: (!advice.is_empty()).then_some(advice),
        };
        (self.found)(&check);
        self.checks.push(check);
    }

    fn good(&mut self, name: &'static str, title: Title, text: String) {
        self.add(name, title, Health::Good, text, String::new());
    }

    /// A failure of a command, as a check that failed.
    fn failed(&mut self, name: &'static str, title: Title, failure: &Failure) {
        let (text, advice) = (failure.text(self.language), failure.advice(self.language).unwrap_or_default());
        self.add(name, title, Health::Bad, text, advice);
    }

    fn skipped(&mut self, name: &'static str, title: Title, chinese: &str, english: &str) {
        let text = self.pick(chinese, english);
        self.add(name, title, Health::NotChecked, text, String::new());
    }
}
