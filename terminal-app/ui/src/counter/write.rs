//! How the counter's facts are written in one language.

use card_spec::money::Fen;
use slint::SharedString;
use terminal::{
    error::MoneyOutcome,
    flows::Allowance,
    ledger::State as Record,
    rules::{self, ItemClass, OwnItem},
    words,
};

use super::{
    facts::{Kind, Row},
    note::{Note, Said, Tone},
    state::State,
};
use crate::{
    Counter, CounterFigure, CounterKind, CounterRecord, CounterRow, Light, Status, locale::Locale, upkeep,
};

/// How things are written in one language.
#[derive(Clone, Copy)]
pub(super) struct Write {
    pub(super) locale: Locale,
}

impl Write {
    /// Words of the terminal.
    pub(super) fn core(self, words: impl Fn(terminal::language::Language) -> String) -> String {
        self.locale.words(&words(self.locale.language()))
    }

    /// One of two texts of our own.
    pub(super) fn pick(self, [chinese, english]: [&str; 2]) -> String {
        self.core(|language| language.pick(chinese, english).to_owned())
    }

    /// Between the parts of a list.
    pub(super) fn locale_comma(self) -> &'static str {
        if self.locale == Locale::English { ", " } else { "、" }
    }

    pub(super) fn trouble(self, trouble: Option<&crate::trouble::Trouble>) -> (String, String) {
        trouble.map(|trouble| (trouble.what(self.locale), trouble.next(self.locale))).unwrap_or_default()
    }

    pub(super) fn class(self, class: ItemClass) -> &'static str {
        match (self.locale, class) {
            (Locale::English, ItemClass::A) => "A",
            (Locale::English, ItemClass::B) => "B",
            (Locale::English, ItemClass::C) => "C",
            _ => class.chinese(),
        }
    }

    pub(super) fn allowance(self, allowance: &Allowance) -> CounterFigure {
        let (name, full) = match allowance {
            Allowance::Deductible { full, .. } => {
                (self.core(|language| rules::item_name(OwnItem::Deductible, language).to_owned()), full)
            }
            Allowance::Cap { name: [chinese, english], full, .. } => {
                (self.core(|language| language.pick(chinese, english).to_owned()), full)
            }
        };
        figure(name, self.locale.amount(allowance.left()), self.locale.amount(*full))
    }

    pub(super) fn row(self, row: &Row) -> CounterRow {
        let amount =
            |amount: Option<Fen>| amount.map(|amount| self.locale.amount(amount)).unwrap_or_default();
        CounterRow {
            sequence: row.sequence.map(|sequence| sequence.to_string()).unwrap_or_default().into(),
            time: row.at.to_string().chars().skip(5).take(11).collect::<String>().into(),
            kind: match row.kind {
                Kind::Settlement => CounterKind::Settlement,
                Kind::Cancellation => CounterKind::Cancellation,
                Kind::Load => CounterKind::Load,
                Kind::Enrolment => CounterKind::Enrolment,
                Kind::Certification => CounterKind::Certification,
                Kind::Pension => CounterKind::Pension,
                Kind::Contribution => CounterKind::Contribution,
                Kind::ContributionReversal => CounterKind::ContributionReversal,
                Kind::Abandoned => CounterKind::Abandoned,
            },
            record: match row.state {
                Record::Intended => CounterRecord::Intended,
                Record::Armed => CounterRecord::Unknown,
                Record::Recorded => CounterRecord::Waiting,
                Record::Uploaded => CounterRecord::Sent,
                Record::Booked => CounterRecord::Booked,
                Record::Refused => CounterRecord::Refused,
                Record::Conflict => CounterRecord::Conflict,
            },
            person: row.person.as_str().into(),
            amount: amount(row.amount).into(),
            account: amount(row.account).into(),
            advice: row
                .refusal
                .map(|reason| self.core(|language| words::refusal(reason, language).to_string()))
                .unwrap_or_default()
                .into(),
            cancelled: row.cancelled,
        }
    }
}

pub(super) fn show_status(status: &Status<'_>, state: &State, write: Write) {
    let light = |light: upkeep::Light| match light {
        upkeep::Light::Ok => Light::Ok,
        upkeep::Light::Care => Light::Care,
        upkeep::Light::Bad => Light::Bad,
        upkeep::Light::Off => Light::Off,
    };
    let now = &state.status;
    status.set_reader(light(now.reader));
    status.set_sensor(light(now.sensor));
    status.set_printer(light(now.printer));
    status.set_center(light(now.center));
    status.set_cache(light(now.cache));
    status.set_queue_depth(number(now.queue_depth));
    let span = |ms: Option<i64>| ms.map(|ms| write.locale.span(ms)).unwrap_or_default();
    status.set_queue_oldest(span(now.queue_oldest_ms).into());
    status.set_cache_age(span(now.cache_age_ms).into());
    status.set_operator(state.clerk.as_ref().map(|clerk| clerk.number.as_str()).unwrap_or_default().into());
    let opened = state.opened.as_ref();
    status.set_place(opened.map(|opened| opened.place.as_str()).unwrap_or_default().into());
    status.set_training(opened.is_some_and(|opened| opened.training));
    if let Some(wall) = state.wall {
        status.set_date(write.locale.date(wall).into());
        status.set_time(write.locale.time(wall).into());
    }
}

/// What has to be read now: where the money is, what it is, what comes next, and how much it matters.
pub(super) fn show_note(counter: &Counter<'_>, note: Option<&Note>, write: Write) {
    let separator = if write.locale == Locale::English { ": " } else { "：" };
    let said = |said: Said| (said.tone(), String::new(), write.pick(said.words()), String::new());
    let (tone, money, what, next) = match note {
        None => (Tone::Calm, String::new(), String::new(), String::new()),
        Some(Note::Said(word)) => said(*word),
        Some(Note::Trouble { trouble, money }) => {
            let grave = matches!(money, Some(MoneyOutcome::Unknown | MoneyOutcome::Done));
            let money =
                money.map(|money| write.core(|language| money.words(language).to_owned()) + separator);
            let tone = if grave { Tone::Warn } else { Tone::Care };
            (tone, money.unwrap_or_default(), trouble.what(write.locale), trouble.next(write.locale))
        }
        Some(Note::Alarm(trouble)) => {
            (Tone::Warn, String::new(), trouble.what(write.locale), trouble.next(write.locale))
        }
        Some(Note::Earlier(earlier)) => {
            let tone = if earlier.proved { Tone::Calm } else { Tone::Care };
            (tone, String::new(), write.core(|language| earlier.words(language)), String::new())
        }
        Some(Note::Decided(earlier)) => {
            (Tone::Calm, String::new(), write.core(|language| earlier.decided_words(language)), String::new())
        }
        Some(Note::Cancelled { sequence, loaded, owed }) => {
            let (word, next) = match (loaded, owed) {
                (Some(amount), _) => (Said::CancelledLoaded, write.locale.money(*amount)),
                (None, Some((amount, why))) => {
                    let next = format!("{}  {}", write.locale.money(*amount), why.what(write.locale));
                    (Said::CancelledOwed, next)
                }
                (None, None) => (Said::Cancelled, String::new()),
            };
            (word.tone(), format!("{sequence}{separator}"), write.pick(word.words()), next)
        }
        Some(Note::GivenBack(amount)) => {
            let (tone, money, what, _) = said(Said::GivenBack);
            (tone, money, what, write.locale.money(*amount))
        }
        Some(Note::Refunded(amount)) => {
            let (tone, money, what, _) = said(Said::Refunded);
            (tone, money, what, write.locale.money(*amount))
        }
    };
    counter.set_note_shown(note.is_some());
    counter.set_note_tone(match tone {
        Tone::Calm => 0,
        Tone::Care => 1,
        Tone::Warn => 2,
    });
    counter.set_note_money(money.into());
    counter.set_note_what(what.into());
    counter.set_note_next(next.into());
}

pub(super) fn figure(label: String, amount: String, full: String) -> CounterFigure {
    CounterFigure { label: label.into(), amount: amount.into(), full: full.into() }
}

pub(super) fn dots(count: usize) -> SharedString {
    "●".repeat(count).into()
}

pub(super) fn number(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
