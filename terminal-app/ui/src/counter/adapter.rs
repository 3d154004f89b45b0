//! Puts the state on the screen: the only place of the counter that knows the screen's types.

use std::{cell::RefCell, rc::Rc};

use card_spec::money::Fen;
use hal::pin_pad::Prompt;
use slint::{ComponentHandle, Global, ModelRc, SharedString, VecModel};
use terminal::{
    eligibility::{Refusal, Source},
    flows::FingerCheck,
    receipt::Booking,
    roles::Role,
    rules::{self, Fund, OwnItem, VisitKind},
    setup::Face,
    words,
};

use super::{
    entry::LinePart,
    serve::Stage,
    state::{Confirm, Overlay, Page, State},
    table::{Row, Table},
    write::{Write, dots, figure, number, show_note, show_status},
};
use crate::{
    Counter, CounterBill, CounterBooked, CounterCard, CounterColumn, CounterConfirm, CounterFace,
    CounterField, CounterFigure, CounterItem, CounterKey, CounterLine, CounterOverlay, CounterPage,
    CounterPair, CounterPrompt, CounterRole, CounterRow, CounterStage, CounterTableRow, CounterVisit,
    CounterWindow, Status, Theme,
};

/// A list on the screen whose rows are replaced only where they differ, so that it keeps its place.
pub(super) struct List<T>(Rc<VecModel<T>>);

impl<T: Clone + PartialEq + 'static> List<T> {
    fn new() -> Self {
        List(Rc::new(VecModel::default()))
    }

    fn model(&self) -> ModelRc<T> {
        ModelRc::from(Rc::clone(&self.0))
    }

    pub(super) fn set(&self, rows: Vec<T>) {
        use slint::Model;
        if self.0.row_count() != rows.len() {
            self.0.set_vec(rows);
            return;
        }
        for (at, row) in rows.into_iter().enumerate() {
            if self.0.row_data(at).as_ref() != Some(&row) {
                self.0.set_row_data(at, row);
            }
        }
    }
}

/// The screen of one counter.
pub struct Screen {
    /// Rows of the list that is on the screen.
    pub(super) shown: RefCell<Vec<Row>>,
    window: slint::Weak<CounterWindow>,
    keys: List<CounterKey>,
    visits: List<CounterVisit>,
    bills: List<CounterBill>,
    lines: List<CounterLine>,
    found: List<CounterItem>,
    sums: List<CounterFigure>,
    allowances: List<CounterFigure>,
    funds: List<CounterFigure>,
    own: List<CounterFigure>,
    steps: List<SharedString>,
    attention: List<SharedString>,
    rows: List<CounterRow>,
    day: List<CounterFigure>,
    paid: List<CounterFigure>,
    cards: List<CounterCard>,
    contributions: List<CounterPair>,
    dues: List<CounterFigure>,
    pub(super) columns: List<CounterColumn>,
    pub(super) table: List<CounterTableRow>,
    pub(super) fields: List<CounterField>,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

impl Screen {
    /// The screen of a window; its lists are made once.
    pub fn new(window: &CounterWindow) -> Self {
        let screen = Screen {
            shown: RefCell::default(),
            window: window.as_weak(),
            keys: List::new(),
            visits: List::new(),
            bills: List::new(),
            lines: List::new(),
            found: List::new(),
            sums: List::new(),
            allowances: List::new(),
            funds: List::new(),
            own: List::new(),
            steps: List::new(),
            attention: List::new(),
            rows: List::new(),
            day: List::new(),
            paid: List::new(),
            cards: List::new(),
            contributions: List::new(),
            dues: List::new(),
            columns: List::new(),
            table: List::new(),
            fields: List::new(),
        };
        let counter = Counter::get(window);
        counter.set_keys(screen.keys.model());
        counter.set_visits(screen.visits.model());
        counter.set_bills(screen.bills.model());
        counter.set_lines(screen.lines.model());
        counter.set_found(screen.found.model());
        counter.set_sums(screen.sums.model());
        counter.set_allowances(screen.allowances.model());
        counter.set_funds(screen.funds.model());
        counter.set_own(screen.own.model());
        counter.set_steps(screen.steps.model());
        counter.set_attention(screen.attention.model());
        counter.set_rows(screen.rows.model());
        counter.set_day_figures(screen.day.model());
        counter.set_paid(screen.paid.model());
        counter.set_cards(screen.cards.model());
        counter.set_contributions(screen.contributions.model());
        counter.set_dues(screen.dues.model());
        counter.set_table_columns(screen.columns.model());
        counter.set_table_rows(screen.table.model());
        counter.set_sheet_fields(screen.fields.model());
        screen
    }

    /// Shows the state.
    pub fn show(&self, state: &State) {
        let Some(window) = self.window.upgrade() else { return };
        let counter = Counter::get(&window);
        let write = Write { locale: state.locale };
        let theme = Theme::get(&window);
        theme.set_high_contrast(state.high_contrast);
        theme.set_scale([1.0, 1.15, 1.3].get(usize::from(state.larger)).copied().unwrap_or(1.0));
        self.frame(&window, &counter, state, write);
        self.person(&counter, state, write);
        self.visit(&counter, state, write);
        self.split(&counter, state, write);
        self.overlay(&counter, state, write);
        self.books(&counter, state, write);
        self.desk(&counter, state, write);
        if let Some(table) = Table::of(state, write) {
            self.table(&counter, &table, write);
        }
    }

    fn frame(&self, window: &CounterWindow, counter: &Counter<'_>, state: &State, write: Write) {
        show_status(&Status::get(window), state, write);
        counter.set_page(match state.page {
            Page::Closed => CounterPage::Closed,
            Page::SignIn => CounterPage::SignIn,
            Page::Serve => CounterPage::Serve,
            Page::Pension => CounterPage::Pension,
            Page::Affairs => CounterPage::Affairs,
            Page::Lane => CounterPage::Lane,
            Page::Records => CounterPage::Records,
            Page::Day => CounterPage::Day,
            Page::Operators | Page::Failed | Page::Dues | Page::Taken | Page::Seeking => CounterPage::Table,
        });
        counter.set_stage(match state.serve.stage() {
            Stage::Idle => CounterStage::Idle,
            Stage::Bill => CounterStage::Bill,
            Stage::Split => CounterStage::Split,
            Stage::Done => CounterStage::Done,
        });
        let opened = state.opened.as_ref();
        counter.set_face(match opened.map(|opened| opened.face) {
            Some(Face::Bank) => CounterFace::Bank,
            Some(Face::Community) => CounterFace::Community,
            _ => CounterFace::Hospital,
        });
        counter.set_terminal(opened.map(|opened| opened.terminal.as_str()).unwrap_or_default().into());
        counter.set_has_catalog(opened.is_some_and(|opened| opened.items > 0));
        counter.set_language_name(state.locale.name().into());
        counter.set_role(match state.clerk.as_ref().map(|clerk| clerk.role) {
            None => CounterRole::None,
            Some(Role::Cashier) => CounterRole::Cashier,
            Some(Role::Supervisor) => CounterRole::Supervisor,
            Some(Role::Installer) => CounterRole::Installer,
            Some(Role::Auditor) => CounterRole::Auditor,
        });
        let keys = state.bar().into_iter();
        self.keys.set(
            keys.map(|key| CounterKey {
                number: key.number.into(),
                act: i32::try_from(key.act.number()).unwrap_or(-1),
                word: write.pick(key.act.words()).into(),
                main: key.is_main(),
            })
            .collect(),
        );
        counter.set_writing(state.is_writing());
        counter.set_busy(state.is_busy());
        let progress =
            state.progress.map(|progress| write.core(|language| progress.words(language).to_owned()));
        counter.set_progress(progress.unwrap_or_default().into());
        counter.set_unresolved(number(state.unresolved()));
        counter.set_disputed(number(state.status.disputed));
        counter.set_broken(state.broken);
        let (what, next) = write.trouble(state.closed.as_ref());
        counter.set_closed_what(what.into());
        counter.set_closed_next(next.into());
        let (what, next) = write.trouble(state.status.halted.as_ref());
        counter.set_halted_what(what.into());
        counter.set_halted_next(next.into());
        show_note(counter, state.note.as_ref(), write);
        counter.set_first_operator(state.is_first_sign_in());
        counter.set_number(state.sign_in.number.text().into());
        counter.set_secret_dots(dots(state.sign_in.secret.len()));
        counter.set_again_dots(dots(state.sign_in.again.len()));
        counter.set_field(i32::try_from(state.sign_in.at).unwrap_or_default());
    }

    fn person(&self, counter: &Counter<'_>, state: &State, write: Write) {
        let serve = &state.serve;
        let card = serve.card.as_ref();
        counter.set_name(card.map(|card| card.name.as_str()).unwrap_or_default().into());
        counter.set_person(card.map(|card| card.number.as_str()).unwrap_or_default().into());
        counter.set_area(card.map(|card| card.area.as_str()).unwrap_or_default().into());
        let attention = card.map(|card| card.attention.as_slice()).unwrap_or_default();
        self.attention.set(
            attention
                .iter()
                .map(|word| write.core(|language| word.words(language).to_owned()).into())
                .collect(),
        );
        counter.set_refused(serve.refused.is_some());
        let holder = serve.holder.as_ref();
        let kind = holder.and_then(|holder| holder.kind);
        let kind = kind.map(|kind| write.core(|language| rules::person_name(kind, language).to_owned()));
        counter.set_insured_as(kind.unwrap_or_default().into());
        let (source, age) = match holder.map(|holder| holder.source) {
            None => (0, String::new()),
            Some(Source::Center) => (1, String::new()),
            Some(Source::Cache { age_ms }) => (2, write.locale.span(age_ms)),
        };
        counter.set_source(source);
        counter.set_source_age(age.into());
        counter.set_year(holder.map(|holder| holder.year.to_string()).unwrap_or_default().into());
        let sums = holder.map(|holder| {
            let amounts =
                [holder.deductible, holder.pooled_outpatient, holder.pooled_inpatient, holder.own_in_scope];
            let amounts = amounts.into_iter().map(|amount| write.locale.amount(amount));
            let stays = std::iter::once(holder.stays.to_string());
            amounts.chain(stays).map(|amount| figure(String::new(), amount, String::new())).collect()
        });
        self.sums.set(sums.unwrap_or_default());
        let allowances = holder.map(|holder| holder.allowances.as_slice()).unwrap_or_default();
        self.allowances.set(allowances.iter().map(|allowance| write.allowance(allowance)).collect());
    }

    fn visit(&self, counter: &Counter<'_>, state: &State, write: Write) {
        let serve = &state.serve;
        self.visits.set(
            state
                .visits
                .iter()
                .map(|visit| CounterVisit {
                    person: visit.person.as_str().into(),
                    inpatient: visit.kind == VisitKind::Inpatient,
                    settling: visit.settling,
                    time: write.locale.time(visit.at).into(),
                    lines: i32::try_from(visit.lines).unwrap_or(i32::MAX),
                    amount: write.locale.amount(visit.amount).into(),
                })
                .collect(),
        );
        self.bills.set(
            state
                .bills
                .iter()
                .map(|bill| CounterBill {
                    name: bill.name.as_str().into(),
                    lines: bill.lines.map_or(-1, |lines| i32::try_from(lines).unwrap_or(i32::MAX)),
                })
                .collect(),
        );
        counter.set_inpatient(serve.kind == VisitKind::Inpatient);
        counter.set_use_account(serve.use_account);
        let lines = serve.visit.as_ref().map(|visit| visit.lines.as_slice()).unwrap_or_default();
        self.lines.set(
            lines
                .iter()
                .map(|line| CounterLine {
                    name: line.name.as_str().into(),
                    code: line.code.as_str().into(),
                    class: write.class(line.class).into(),
                    count: line.count.to_string().into(),
                    price: line.price.to_string().into(),
                    amount: write.locale.amount(line.amount).into(),
                    counts: write.locale.amount(line.counts.inscp_scp_amt).into(),
                    own: write.locale.amount(line.amount - line.counts.inscp_scp_amt).into(),
                })
                .collect(),
        );
        let row = if lines.is_empty() { -1 } else { i32::try_from(serve.row).unwrap_or(-1) };
        counter.set_line(row);
        let total = serve.visit.as_ref().map_or(Fen::ZERO, |visit| visit.amount());
        counter.set_total(write.locale.amount(total).into());
        let form = &serve.form;
        counter.set_item_text(form.item.text().into());
        counter.set_count_text(form.count.text().into());
        counter.set_price_text(form.price.text().into());
        counter.set_chosen(form.chosen.as_ref().map(|item| item.name.as_str()).unwrap_or_default().into());
        counter.set_part(match form.part {
            LinePart::Item => 0,
            LinePart::Count => 1,
            LinePart::Price => 2,
        });
        counter.set_found_row(i32::try_from(form.row).unwrap_or_default());
        self.found.set(
            form.found
                .iter()
                .map(|item| CounterItem {
                    name: item.name.as_str().into(),
                    code: item.code.as_str().into(),
                    class: write.class(item.class).into(),
                    ceiling: item.price_ceiling.map(|price| price.to_string()).unwrap_or_default().into(),
                })
                .collect(),
        );
    }

    fn split(&self, counter: &Counter<'_>, state: &State, write: Write) {
        let serve = &state.serve;
        let amount = |amount: Fen| SharedString::from(write.locale.amount(amount));
        let split = serve.split.as_ref().map(|(split, _)| split);
        let figures = serve.settled.as_ref().map(|settled| settled.settlement);
        if let Some(figures) = figures.or(split.map(|split| split.settlement)) {
            counter.set_fee(amount(figures.medfee_sumamt()));
            counter.set_in_scope(amount(figures.inscp_scp_amt()));
            counter.set_fund_sum(amount(figures.fund_pay_sumamt()));
            counter.set_own_sum(amount(figures.psn_part_amt()));
            counter.set_account_pays(amount(figures.acct_pay()));
            counter.set_cash(amount(figures.psn_cash_pay()));
            let named = |name: String, amount: Fen| {
                (amount != Fen::ZERO).then(|| figure(name, write.locale.amount(amount), String::new()))
            };
            let funds = Fund::ALL.into_iter().filter_map(|fund| {
                let name = write.core(|language| rules::fund_name(fund, language).to_owned());
                named(name, figures.fund(fund))
            });
            self.funds.set(funds.collect());
            let own = [
                (OwnItem::Deductible, figures.act_pay_dedc()),
                (OwnItem::SelfPayFirst, figures.preselfpay_amt()),
                (OwnItem::OverCeiling, figures.overlmt_selfpay()),
                (OwnItem::OutsideCatalog, figures.fulamt_ownpay_amt()),
            ];
            let own = own.into_iter().filter_map(|(item, amount)| {
                named(write.core(|language| rules::item_name(item, language).to_owned()), amount)
            });
            self.own.set(own.collect());
        }
        let (before, after) = match (split, serve.settled.as_ref()) {
            (_, Some(settled)) => match settled.balance_after {
                Some(after) => (Some(after + settled.settlement.acct_pay()), after),
                None => (None, Fen::ZERO),
            },
            (Some(split), None) => (split.balance, split.balance_after),
            _ => (None, Fen::ZERO),
        };
        counter.set_balance(before.map(amount).unwrap_or_default());
        counter.set_balance_after(amount(after));
        if let Some(split) = split {
            counter.set_rules(split.rules_version.as_str().into());
            counter.set_offline(split.offline);
        }
        let steps = split.map(|split| split.steps.as_slice()).unwrap_or_default();
        self.steps.set(steps.iter().map(|step| write.core(|language| step.words(language)).into()).collect());
        let settled = serve.settled.as_ref();
        counter.set_sequence(settled.map(|settled| settled.sequence.to_string()).unwrap_or_default().into());
        let (booked, detail) = match &serve.booking {
            None => (CounterBooked::None, String::new()),
            Some(Booking::Booked { receipt }) => (CounterBooked::Booked, receipt.clone()),
            Some(Booking::Pending { offline: true }) => (CounterBooked::PendingOffline, String::new()),
            Some(Booking::Pending { offline: false }) => (CounterBooked::Pending, String::new()),
            Some(Booking::Refused { reason }) => {
                (CounterBooked::Refused, write.core(|language| words::refusal(*reason, language).to_string()))
            }
            Some(Booking::Conflict) => (CounterBooked::Conflict, String::new()),
        };
        counter.set_booked(booked);
        counter.set_booked_detail(detail.into());
        let has_printer = state.opened.as_ref().is_some_and(|opened| opened.has_printer);
        let (printed, what) = match &serve.printed {
            Some(Ok(())) => (1, String::new()),
            Some(Err(trouble)) => (2, trouble.what(write.locale) + &trouble.next(write.locale)),
            None if has_printer => (0, String::new()),
            None => (3, String::new()),
        };
        counter.set_printed(printed);
        counter.set_printed_what(what.into());
    }

    fn overlay(&self, counter: &Counter<'_>, state: &State, write: Write) {
        counter.set_row(i32::try_from(state.row).unwrap_or_default());
        counter.set_overlay(match &state.overlay {
            Overlay::None => CounterOverlay::None,
            Overlay::Pin { prompt, digits } => {
                counter.set_prompt(match prompt {
                    Prompt::Pin => CounterPrompt::Pin,
                    Prompt::NewPin => CounterPrompt::NewPin,
                    Prompt::NewPinAgain => CounterPrompt::NewPinAgain,
                });
                counter.set_dots(dots(digits.len()));
                CounterOverlay::Pin
            }
            Overlay::Why => CounterOverlay::Why,
            Overlay::Waiting => CounterOverlay::Waiting,
            Overlay::Confirm(confirm) => {
                let (confirm, detail) = match confirm {
                    Confirm::Cancel(id) => {
                        let row = state.books.latest.iter().find(|row| row.id == *id);
                        let detail = row.map(|row| {
                            let sequence =
                                row.sequence.map(|sequence| sequence.to_string()).unwrap_or_default();
                            let amount = row.amount.map(|amount| write.locale.money(amount));
                            format!("{sequence} · {} · {}", row.person, amount.unwrap_or_default())
                        });
                        (CounterConfirm::Cancel, detail.unwrap_or_default())
                    }
                    Confirm::DropVisit => (CounterConfirm::DropVisit, String::new()),
                    Confirm::SignOut => (CounterConfirm::SignOut, String::new()),
                    Confirm::Accept(cycle) => (CounterConfirm::Accept, cycle.clone()),
                    Confirm::StopOperator(number) => {
                        let known = state.operators.iter().find(|operator| operator.number == *number);
                        let name = known.map(|operator| operator.name.as_str()).unwrap_or_default();
                        (CounterConfirm::StopOperator, format!("{number}  {name}"))
                    }
                    Confirm::GiveBack(id) => {
                        let taken = state.taken.iter().find(|taken| taken.id == *id);
                        let detail = taken.map(|taken| {
                            let paid_by =
                                write.core(|language| words::paid_by_words(&taken.paid_by, language));
                            format!("{} · {} · {paid_by}", taken.name, write.locale.money(taken.amount))
                        });
                        (CounterConfirm::GiveBack, detail.unwrap_or_default())
                    }
                    Confirm::StopSeeking => (CounterConfirm::StopSeeking, String::new()),
                };
                counter.set_confirm(confirm);
                counter.set_confirm_detail(detail.into());
                CounterOverlay::Confirm
            }
            Overlay::Decide { done, ground, .. } => {
                counter.set_decided(done.map_or(-1, i32::from));
                counter.set_ground(ground.map_or(-1, |ground| i32::try_from(ground).unwrap_or(-1)));
                CounterOverlay::Decide
            }
            Overlay::Second { number, secret, at_secret } => {
                counter.set_second_number(number.text().into());
                counter.set_second_dots(dots(secret.len()));
                counter.set_second_at_secret(*at_secret);
                CounterOverlay::Second
            }
            Overlay::Help => CounterOverlay::Help,
            Overlay::Sheet(sheet) => {
                self.sheet(counter, sheet, write);
                CounterOverlay::Sheet
            }
        });
        let (what, next) = write.trouble(state.wrong_pin.as_ref());
        counter.set_pin_trouble((what + &next).into());
    }

    fn books(&self, counter: &Counter<'_>, state: &State, write: Write) {
        let books = &state.books;
        self.rows.set(match state.page {
            Page::Lane => books.unresolved.iter().chain(&books.disputed).map(|row| write.row(row)).collect(),
            Page::Records => books.latest.iter().map(|row| write.row(row)).collect(),
            _ => Vec::new(),
        });
        let Some(day) = &state.reconciliation else {
            counter.set_compared(false);
            return;
        };
        counter.set_compared(true);
        counter.set_equal(day.equal);
        counter.set_cycle(day.cycle.as_str().into());
        counter.set_span(format!("{} – {}", day.from_sequence, day.to_sequence).into());
        let amounts = |totals: &protocol::reconciliation::Totals| {
            [totals.medfee_sumamt, totals.fund_pay_sumamt, totals.acct_pay, totals.psn_cash_pay]
        };
        let counts = std::iter::once((day.ours.count.to_string(), day.theirs.count.to_string()));
        let sums = amounts(&day.ours).into_iter().zip(amounts(&day.theirs));
        let sums = sums.map(|(ours, theirs)| (write.locale.amount(ours), write.locale.amount(theirs)));
        // What was taken for contributions is in no other sum, and a line of its own where there is any.
        let taken = |totals: &protocol::reconciliation::Totals| {
            format!("{} · {}", totals.contribution_count, write.locale.amount(totals.contribution_amt))
        };
        let any = day.ours.contribution_count + day.theirs.contribution_count > 0;
        let contributions = any.then(|| (taken(&day.ours), taken(&day.theirs)));
        self.day.set(
            counts
                .chain(sums)
                .chain(contributions)
                .map(|(ours, theirs)| figure(String::new(), ours, theirs))
                .collect(),
        );
        let list = |items: Vec<String>| SharedString::from(items.join(", "));
        counter.set_missing(list(day.missing.iter().map(u64::to_string).collect()));
        let short = |id: &protocol::id::TransactionId| id.to_string().chars().take(8).collect::<String>();
        counter.set_disputed_list(list(day.disputed.iter().map(short).collect()));
        counter.set_unknown_list(list(day.unresolved.iter().map(short).collect()));
    }

    fn desk(&self, counter: &Counter<'_>, state: &State, write: Write) {
        let desk = &state.desk;
        counter.set_at_home(desk.at_home && state.page == Page::Pension);
        counter.set_has_pension(desk.pension.is_some());
        if let Some(pension) = &desk.pension {
            let why = pension.payable().err();
            counter.set_payable(why.is_none());
            let words = |of: fn(words::Words) -> String| {
                why.map(|why| write.core(|language| of(why.words(language)))).unwrap_or_default()
            };
            counter.set_pension_why(words(|words| words.what).into());
            counter.set_pension_next(words(|words| words.next).into());
            // Of the month that is paid next; months before a change may have had another amount.
            let month = pension.due.first().copied().unwrap_or(pension.next);
            counter.set_monthly(write.locale.amount(pension.amount(month)).into());
            let months: Vec<String> = pension.due.iter().map(ToString::to_string).collect();
            counter.set_due_months(if months.is_empty() { "–".into() } else { months.join("  ").into() });
            counter.set_due_sum(write.locale.amount(pension.due_amount()).into());
            let until = pension.certified_until.or(desk.certified);
            counter.set_certified_until(until.map_or_else(|| "–".to_owned(), |day| day.to_string()).into());
        }
        let finger = desk.finger.as_ref();
        let words = |of: fn(words::Words) -> String| {
            finger.map(|check| write.core(|language| of(check.words(language)))).unwrap_or_default()
        };
        counter.set_finger_what(words(|words| words.what).into());
        counter.set_finger_next(words(|words| words.next).into());
        counter.set_finger_right(matches!(finger, Some(FingerCheck::Proved(_))));
        self.paid.set(
            desk.paid
                .iter()
                .map(|month| {
                    figure(month.period.to_string(), write.locale.amount(month.amount), String::new())
                })
                .collect(),
        );
        let sum: Fen = desk.paid.iter().map(|month| month.amount).sum();
        counter.set_paid_sum(write.locale.amount(sum).into());
        let (what, next) = write.trouble(desk.stopped.as_ref());
        counter.set_stopped((what + &next).into());
        counter.set_has_affairs(desk.affairs.is_some());
        let Some(affairs) = &desk.affairs else { return };
        self.cards.set(
            affairs
                .cards
                .cards
                .iter()
                .map(|card| CounterCard {
                    this: card.this,
                    since: write.locale.date(card.since).into(),
                    blocked: card
                        .blocked
                        .map(|reason| {
                            write.core(|language| Refusal::Blacklisted { reason }.words(language).what)
                        })
                        .unwrap_or_default()
                        .into(),
                })
                .collect(),
        );
        let kind = |kind| write.core(|language| words::contribution_name(kind, language).to_owned());
        self.contributions.set(
            affairs
                .contributions
                .rows
                .iter()
                .map(|row| CounterPair {
                    label: row.period.to_string().into(),
                    value: format!(
                        "{}  {}  {}",
                        kind(row.kind),
                        write.locale.amount(row.by_unit + row.by_person),
                        write.core(|language| words::contribution_state_name(row.state, language).to_owned()),
                    )
                    .into(),
                })
                .collect(),
        );
        self.dues.set(
            affairs
                .dues
                .dues
                .iter()
                .map(|due| {
                    let amount = format!("{}  ≤ {}", write.locale.amount(due.amount), due.until);
                    figure(format!("{} {}", due.period, kind(due.kind)), amount, String::new())
                })
                .collect(),
        );
        counter.set_affairs_source(write.core(|language| words::shown_from(&affairs.from, language)).into());
    }
}
