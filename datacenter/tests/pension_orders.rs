//! Certifications and payments of several terminals in random orders, sent again at random, against a model
//! that knows nothing but sets of months. A failing run is replayed by `JINBAO_SEED`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::collections::{BTreeMap, BTreeSet};

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    timestamp::Timestamp,
    upload::{RefusalReason, Verdict},
};
use rig::{DAY_MS, Dice, Rig, Terminal, claims::*, now, verdicts};

const TERMINALS: u64 = 3;
const PEOPLE: u64 = 6;
const STEPS: u64 = 120;
/// How far back events lie.
const DAYS: i64 = 700;

#[derive(Default)]
struct Person {
    certified_until: Option<Day>,
    paid: BTreeSet<Period>,
    /// How many months ago the pension began.
    months: u32,
}

#[derive(Clone, Copy)]
enum Event {
    Certify { number: u64, at: Timestamp },
    Pay { number: u64, period: Period, amount: Fen, at: Timestamp },
}

impl Person {
    fn judge(&mut self, event: Event) -> Verdict {
        match event {
            Event::Certify { at, .. } => {
                self.certified_until = self.certified_until.max(Some(Day::of(at).plus_months(12)));
                Verdict::Booked
            }
            Event::Pay { period, amount, at, .. } => {
                let reason = if self.paid.contains(&period) || period < months_ago(self.months) {
                    RefusalReason::PeriodPaid
                } else if period > Period::of(at) {
                    RefusalReason::PeriodNotDue
                } else if amount != MONTHLY {
                    RefusalReason::PensionAmount
                } else if self.certified_until.is_none_or(|until| until < Day::of(at)) {
                    RefusalReason::NotCertified
                } else {
                    self.paid.insert(period);
                    return Verdict::Booked;
                };
                refused(reason)
            }
        }
    }
}

struct Run {
    rig: Rig,
    dice: Dice,
    terminals: Vec<Terminal>,
    events: Vec<Vec<Event>>,
    /// How much of each terminal's chain the center holds.
    sent: Vec<usize>,
    people: BTreeMap<u64, Person>,
}

impl Run {
    fn new(dice: &Dice) -> Self {
        let rig = Rig::new(dice.next());
        let terminals: Vec<Terminal> = (1..=TERMINALS as u32).map(|number| rig.terminal(number)).collect();
        let people: BTreeMap<u64, Person> = (0..PEOPLE)
            .map(|number| {
                // Never further than a payment may run ahead of the first unpaid month.
                let months = dice.below(20) as u32 + 1;
                (number, Person { months, ..Person::default() })
            })
            .collect();
        for (number, person) in &people {
            pensioner(&rig, *number, months_ago(person.months), None);
        }
        let count = terminals.len();
        let (events, sent) = (vec![Vec::new(); count], vec![0; count]);
        Run { rig, dice: dice.clone(), terminals, events, sent, people }
    }

    /// A terminal writes something down, somewhere in the past two years.
    fn write(&mut self, terminal: usize, event: Event) {
        let (at, business) = match event {
            Event::Certify { number, at } => (at, certifying(number, by_finger(number, at))),
            Event::Pay { number, period, amount, at } => {
                let mut due = payment(number, period, by_finger(number, at));
                due.amount = amount;
                (at, paying(due))
            }
        };
        record_at(&mut self.terminals[terminal], self.dice.id(), at, true, business);
        self.events[terminal].push(event);
    }

    fn step(&mut self) {
        let terminal = self.dice.below(TERMINALS) as usize;
        let number = self.dice.below(PEOPLE);
        let at = now().plus_ms(-(self.dice.below(DAYS as u64) as i64) * DAY_MS);
        match self.dice.below(10) {
            0..2 => self.write(terminal, Event::Certify { number, at }),
            2..8 => {
                let period = months_ago(self.dice.below(22) as u32);
                let amount = if self.dice.one_in(12) { MONTHLY + Fen(1) } else { MONTHLY };
                self.write(terminal, Event::Pay { number, period, amount, at });
            }
            _ => self.send(terminal),
        }
        if self.dice.one_in(40) {
            self.rig.reopen();
        }
    }

    /// Sends a stretch that ends anywhere beyond what the center holds, and begins anywhere before it.
    fn send(&mut self, terminal: usize) {
        let (sent, written) = (self.sent[terminal], self.events[terminal].len());
        if written == 0 {
            return;
        }
        let from = self.dice.below(sent as u64 + 1).min(written as u64 - 1) as usize;
        let to = (sent + self.dice.below((written - sent) as u64 + 1) as usize).max(from + 1);
        let batch = self.terminals[terminal].batch(from as u64 + 1, to as u64);
        let answers = verdicts(&self.rig.receipt(&self.terminals[terminal], &batch));
        for (index, answer) in (from..to).zip(answers) {
            if index < sent {
                assert!(!matches!(answer, Verdict::Booked), "an old record is not booked again");
                continue;
            }
            let event = self.events[terminal][index];
            let (Event::Certify { number, .. } | Event::Pay { number, .. }) = event;
            assert_eq!(answer, self.people.get_mut(&number).unwrap().judge(event), "{terminal}: {index}");
        }
        self.sent[terminal] = sent.max(to);
    }

    fn send_all(&mut self) {
        for terminal in 0..self.terminals.len() {
            while self.sent[terminal] < self.events[terminal].len() {
                self.send(terminal);
            }
        }
    }

    fn check(&self) {
        let storage = self.rig.center.production.storage();
        let mut months: BTreeMap<Period, i64> = BTreeMap::new();
        for (number, person) in &self.people {
            let entry = pension(&self.rig, *number);
            assert_eq!(entry.certified_until, person.certified_until);
            for month in 0..24 {
                let period = months_ago(month);
                let paid = person.paid.contains(&period) || period < months_ago(person.months);
                assert_eq!(entry.paid(period), paid, "{number}: {period}");
            }
            let unpaid: Vec<Period> = (0..=person.months)
                .rev()
                .map(months_ago)
                .filter(|period| !person.paid.contains(period))
                .collect();
            assert_eq!(entry.unpaid(this_month()).collect::<Vec<_>>(), unpaid);
            for period in &person.paid {
                *months.entry(*period).or_default() += 1;
            }
        }
        for month in 0..24 {
            let count = months.get(&months_ago(month)).copied().unwrap_or(0);
            assert_eq!(storage.paid(months_ago(month)).unwrap(), (count as u64, Fen(MONTHLY.0 * count)));
        }
    }

    /// Everybody is certified, and every month that is still unpaid is paid at some counter, some at two.
    fn settle_up(&mut self) {
        for number in 0..PEOPLE {
            self.write(0, Event::Certify { number, at: now() });
        }
        self.send_all();
        let mut due: Vec<(u64, Period)> = Vec::new();
        for number in 0..PEOPLE {
            due.extend(pension(&self.rig, number).unpaid(this_month()).map(|period| (number, period)));
        }
        let twice: Vec<_> = due.iter().copied().filter(|_| self.dice.one_in(3)).collect();
        due.extend(twice);
        while !due.is_empty() {
            let (number, period) = due.swap_remove(self.dice.below(due.len() as u64) as usize);
            let terminal = self.dice.below(TERMINALS) as usize;
            self.write(terminal, Event::Pay { number, period, amount: MONTHLY, at: now() });
            if self.dice.one_in(4) {
                self.send(terminal);
            }
        }
        self.send_all();
        self.check();
        for (number, person) in &self.people {
            assert_eq!(pension(&self.rig, *number).next_unpaid, this_month().next());
            assert_eq!(person.paid.len(), person.months as usize + 1, "{number}");
        }
        let months: i64 = self.people.values().map(|person| i64::from(person.months) + 1).sum();
        let storage = self.rig.center.production.storage();
        let sum = (0..24).map(|month| storage.paid(months_ago(month)).unwrap().1).sum::<Fen>();
        assert_eq!(sum, Fen(MONTHLY.0 * months), "months certified times the amount");
    }
}

#[test]
fn sums_are_months_certified_times_the_amount_in_any_order() {
    let dice = Dice::shaken("sums_are_months_certified_times_the_amount_in_any_order");
    for _ in 0..6 {
        let mut run = Run::new(&dice);
        for _ in 0..STEPS {
            run.step();
        }
        run.send_all();
        run.check();
        run.settle_up();
    }
}
