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
    keys::Act,
    state::{Note, Said, State},
};
use crate::{
    Counter, CounterAct, CounterFigure, CounterKind, CounterRecord, CounterRow, CounterSaid, Light, Status,
    locale::Locale, upkeep,
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

pub(super) fn show_note(counter: &Counter<'_>, note: Option<&Note>, write: Write) {
    counter.set_note_shown(note.is_some());
    counter.set_said(CounterSaid::Nothing);
    counter.set_note_money(SharedString::new());
    let separator = if write.locale == Locale::English { ": " } else { "：" };
    let (tone, what, next) = match note {
        None => (0, String::new(), String::new()),
        Some(Note::Said(word)) => {
            counter.set_said(said(*word));
            (said_tone(*word), String::new(), String::new())
        }
        Some(Note::Trouble { trouble, money }) => {
            if let Some(money) = money {
                let words = write.core(|language| money.words(language).to_owned());
                counter.set_note_money((words + separator).into());
            }
            let grave = matches!(money, Some(MoneyOutcome::Unknown | MoneyOutcome::Done));
            (if grave { 2 } else { 1 }, trouble.what(write.locale), trouble.next(write.locale))
        }
        Some(Note::Alarm(trouble)) => (2, trouble.what(write.locale), trouble.next(write.locale)),
        Some(Note::Earlier(earlier)) => {
            let tone = u8::from(!earlier.proved);
            (i32::from(tone), write.core(|language| earlier.words(language)), String::new())
        }
        Some(Note::Decided(earlier)) => {
            (0, write.core(|language| earlier.decided_words(language)), String::new())
        }
        Some(Note::Cancelled { sequence, loaded, owed }) => {
            counter.set_said(CounterSaid::Cancelled);
            counter.set_note_money(format!("{sequence}{separator}").into());
            match (loaded, owed) {
                (Some(amount), _) => {
                    counter.set_said(CounterSaid::CancelledLoaded);
                    (0, String::new(), write.locale.money(*amount))
                }
                (None, Some((amount, why))) => {
                    counter.set_said(CounterSaid::CancelledOwed);
                    (1, String::new(), format!("{}  {}", write.locale.money(*amount), why.what(write.locale)))
                }
                (None, None) => (0, String::new(), String::new()),
            }
        }
        Some(Note::Refunded(amount)) => {
            counter.set_said(CounterSaid::Refunded);
            (0, String::new(), write.locale.money(*amount))
        }
    };
    counter.set_note_tone(tone);
    counter.set_note_what(what.into());
    counter.set_note_next(next.into());
}

fn said_tone(said: Said) -> i32 {
    match said {
        Said::Printed
        | Said::Sent
        | Said::SignedIn
        | Said::SignedOut
        | Said::Accepted
        | Said::Dropped
        | Said::Vouched
        | Said::FingerRight
        | Said::Certified
        | Said::CardOut => 0,
        _ => 1,
    }
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

macro_rules! same_names {
    ($function:ident, $from:ident, $to:ident, $($name:ident),* $(,)?) => {
        pub(super) fn $function(from: $from) -> $to {
            match from { $($from::$name => $to::$name,)* }
        }
    };
}

same_names!(
    said,
    Said,
    CounterSaid,
    Busy,
    CardOut,
    CardOutKept,
    NoCard,
    NotFound,
    NotNumber,
    NoLines,
    LookFirst,
    SplitChanged,
    Printed,
    Sent,
    NotSent,
    NothingMarked,
    CannotCancel,
    SignedIn,
    SignedOut,
    Overdue,
    SecretsDiffer,
    NumberEmpty,
    Accepted,
    Dropped,
    Vouched,
    FingerRight,
    Certified,
    CardFirst,
);

same_names!(
    act,
    Act,
    CounterAct,
    Help,
    Home,
    Waiting,
    TakeBill,
    DeleteLine,
    Account,
    Kind,
    DropVisit,
    PreSettle,
    Why,
    Settle,
    Next,
    Reprint,
    Tap,
    Lane,
    Decide,
    Records,
    Cancel,
    Refund,
    Day,
    Reconcile,
    Accept,
    Send,
    SignIn,
    SignOut,
    PensionPage,
    Pension,
    Pay,
    Certify,
    Vouch,
    AffairsPage,
    Affairs,
    Yes,
    Back,
);

/// The other way round, for what is pressed on the screen.
pub(super) fn pressed(act: CounterAct) -> Act {
    macro_rules! back {
        ($($name:ident),* $(,)?) => { match act { $(CounterAct::$name => Act::$name,)* } };
    }
    back!(
        Help,
        Home,
        Waiting,
        TakeBill,
        DeleteLine,
        Account,
        Kind,
        DropVisit,
        PreSettle,
        Why,
        Settle,
        Next,
        Reprint,
        Tap,
        Lane,
        Decide,
        Records,
        Cancel,
        Refund,
        Day,
        Reconcile,
        Accept,
        Send,
        SignIn,
        SignOut,
        PensionPage,
        Pension,
        Pay,
        Certify,
        Vouch,
        AffairsPage,
        Affairs,
        Yes,
        Back,
    )
}
