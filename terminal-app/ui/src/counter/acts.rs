//! What can be done at the counter: one table says of each act its key and where that counts, its name, who may do it,
//! and what follows, up to what the desk is asked.

use protocol::policy::Purpose;
use terminal::{
    reconcile::Reconciliation,
    roles::{Action, permits},
    setup::Face,
};

use super::{
    note::Said,
    serve::Stage,
    sheet::Sheet,
    state::{Confirm, Effect, Overlay, Page, State},
    work::Command,
};

/// Where keys count: a page, a stage of a visit, or what lies over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Not open.
    Closed,
    /// Nobody is signed in.
    SignIn,
    /// No card.
    Idle,
    /// Card and lines.
    Bill,
    /// The figures.
    Split,
    /// Settled.
    Done,
    /// A pension.
    Pension,
    /// Cards and contributions.
    Affairs,
    /// Unknown outcomes and refusals.
    Lane,
    /// The latest transactions.
    Records,
    /// The day's comparison.
    Day,
    /// Who may work here.
    Operators,
    /// Pensions that the center did not book.
    Failed,
    /// Contributions that are due.
    Dues,
    /// They are paid.
    Paid,
    /// Payments of contributions of this terminal.
    Taken,
    /// The register of those who seek work.
    Seeking,
    /// An operator's sheet.
    Operator,
    /// The one who signs in changes the secret.
    OwnSecret,
    /// The sheet of a payment.
    Pay,
    /// The sheet of somebody who seeks work.
    Register,
    /// The holder types.
    Pin,
    /// How the figures came about.
    Why,
    /// Visits and bills that wait.
    Waiting,
    /// Really?
    Confirm,
    /// A supervisor decides.
    Decide,
    /// A second clerk confirms.
    Second,
    /// The keys.
    Help,
}

use Place::*;

/// Whatever lies over a page and is left by Escape.
const OVER: &[Place] =
    &[Pin, Why, Waiting, Confirm, Decide, Second, Help, Operator, OwnSecret, Pay, Register];
/// Pages, without what lies over them.
const PAGES: &[Place] = &[
    Closed, SignIn, Idle, Bill, Split, Done, Pension, Affairs, Lane, Records, Day, Operators, Failed, Dues,
    Paid, Taken, Seeking,
];
/// Where people are served and nothing is under way with anybody.
const FREE: &[Place] = &[Idle, Done, Pension, Affairs];
/// Where a holder's own affairs are done.
const HOLDER: &[Place] = &[Pension, Affairs];
/// Lists of the books, and the day.
const BOOKS: &[Place] = &[Lane, Records, Day];
/// Pages that are left to the one they came from.
const SIDE: &[Place] = &[Operators, Failed, Dues, Paid, Taken, Seeking];

/// An act, as the table has it.
struct Row {
    act: Act,
    words: [&'static str; 2],
    /// Who may; `None` is everybody, also before anybody has signed in.
    may: Option<Action>,
    /// Its key, F1 to F12 or 0 for Escape, and where that counts.
    keys: &'static [(u8, &'static [&'static [Place]])],
    when: fn(&State) -> bool,
    does: fn(&mut State) -> Vec<Effect>,
}

/// Nothing more is needed.
fn always(_: &State) -> bool {
    true
}

macro_rules! acts {
    ($(
        $(#[doc = $doc:literal])*
        $act:ident $words:tt, $who:ident, $keys:tt $(, when $when:expr)? => $does:expr;
    )*) => {
        /// What a key or a button does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Act { $($(#[doc = $doc])* $act,)* }

        /// In the order of [`Act`].
        const ROWS: &[Row] = &[$(Row {
            act: Act::$act,
            words: $words,
            may: acts!(@may $who),
            keys: &$keys,
            when: acts!(@when $($when)?),
            does: $does,
        },)*];
    };
    (@may Anybody) => { None };
    (@may $action:ident) => { Some(Action::$action) };
    (@when) => { always };
    (@when $when:expr) => { $when };
}

acts! {
    /// Shows the keys.
    Help ["按键", "Keys"], Anybody, [(1, &[PAGES])] => |state| state.lay(Overlay::Help);
    /// Goes to the page that this desk works on.
    Home ["回业务", "Service"], Anybody, [(2, &[BOOKS, &[Operators, Failed, Taken]])] => |state| state.go(state.home());
    /// Visits and bills that wait.
    Waiting ["待结算/HIS", "Waiting/HIS"], Register, [(3, &[&[Idle, Bill]])] => |state| {
        state.row = 0;
        state.lay(Overlay::Waiting);
        state.ask(Command::Waiting)
    };
    /// Takes the marked bill.
    TakeBill ["取入账单", "Take bill"], Register, [(9, &[&[Waiting]])] => State::take_bill;
    /// Takes the marked line out.
    DeleteLine ["删除行", "Delete line"], Register, [(4, &[&[Bill]])], when State::has_visit => State::delete_line;
    /// The personal account pays, or does not.
    Account ["个人账户", "Account"], Settle, [(5, &[&[Bill, Split]])] => State::switch_account;
    /// Outpatient or inpatient.
    Kind ["门诊/住院", "Out-/inpatient"], Register, [(6, &[&[Bill]])], when |state| !state.has_visit()
        => State::switch_kind;
    /// Takes the registration back.
    DropVisit ["撤销登记", "Drop visit"], Register, [(6, &[&[Bill]])], when State::has_visit
        => |state| state.lay(Overlay::Confirm(Confirm::DropVisit));
    /// What it comes to.
    PreSettle ["预结算", "Pre-settle"], Settle, [(9, &[&[Bill]])] => State::pre_settle;
    /// Why it comes to that.
    Why ["为什么", "Why"], Anybody, [(11, &[&[Split]])] => |state| {
        state.row = 0;
        state.lay(Overlay::Why)
    };
    /// Settles.
    Settle ["确认结算", "Settle"], Settle, [(9, &[&[Split]])] => State::settle;
    /// The next patient.
    Next ["下一位", "Next"], Anybody, [(9, &[&[Done]])] => State::next_patient;
    /// Prints again.
    Reprint ["补打", "Reprint"], Anybody, [(6, &[&[Done, Lane, Records, Paid, Taken]])] => State::reprint;
    /// Reads the card that lies there.
    Tap ["读卡", "Read card"], ReadCard, [(9, &[&[Idle]]), (2, &[HOLDER, &[Dues, Paid, Seeking]])] => State::tap_by_key;
    /// Unknown outcomes and refusals.
    Lane ["未知/异常", "Unknown"], ViewQueue, [(7, &[FREE, SIDE, &[Bill, Split, Records, Day]])]
        => |state| state.go(Page::Lane);
    /// A supervisor decides.
    Decide ["主管认定", "Decide"], AcceptDifference, [(9, &[&[Lane]])] => State::begin_decision;
    /// The latest transactions.
    Records ["交易记录", "Records"], ViewQueue, [(8, &[FREE, &[Lane]])] => |state| state.go(Page::Records);
    /// Takes a settlement back.
    Cancel ["撤销结算", "Take back"], CancelSettlement, [(4, &[&[Records]])] => State::begin_cancel;
    /// Puts what is owed back onto the card.
    Refund ["退款圈存", "Refund"], Load, [(5, &[&[Records]])] => |state| state.ask(Command::Refund);
    /// The day's comparison: the page, then the comparison itself.
    Day ["日终", "Day"], Anybody, [(10, &[FREE])] => |state| state.go(Page::Day);
    /// Compares.
    Reconcile ["对账", "Compare"], Reconcile, [(9, &[&[Day]])] => |state| state.ask(Command::Reconcile);
    /// Accepts the difference.
    Accept ["接受差额", "Accept"], AcceptDifference, [(4, &[&[Day]])], when |state| state.differing().is_some()
        => |state| {
            let Some(cycle) = state.differing().map(|day| day.cycle.clone()) else { return Vec::new() };
            state.lay(Overlay::Confirm(Confirm::Accept(cycle)))
        };
    /// Sends what waits.
    Send ["立即上传", "Send now"], Synchronise, [(5, &[&[Day]])] => |state| state.ask(Command::SendNow);
    /// Signs in.
    SignIn ["签到", "Sign in"], Anybody, [(9, &[&[SignIn]])] => State::sign_in;
    /// Signs out.
    SignOut ["交班签退", "Sign out"], Anybody, [(12, &[FREE, &[Day]])]
        => |state| state.lay(Overlay::Confirm(Confirm::SignOut));
    /// Pensions.
    PensionPage ["养老金", "Pension"], ReadCard, [(11, &[&[Affairs]])] => |state| state.go(Page::Pension);
    /// How the pension stands.
    Pension ["查询养老金", "Show pension"], ReadCard, [(9, &[&[Pension]])],
        when |state| state.desk.pension.is_none() => |state| state.with_card(Command::Pension);
    /// Knows the holder, then pays.
    Pay ["核验并发放", "Verify and pay"], PayPension, [(9, &[&[Pension]])],
        when |state| state.desk.pension.is_some()
        => |state| state.know_then(Purpose::Pension, Command::PayPension);
    /// Knows the holder, then certifies.
    Certify ["资格认证", "Certify"], Certify, [(5, &[&[Pension]])]
        => |state| state.know_then(Purpose::Certification, Command::Certify { at_home: state.desk.at_home });
    /// At the holder's home, with a portable terminal, or at the desk.
    AtHome ["上门/窗口", "Home/desk"], VisitHome, [(4, &[&[Pension]])], when State::is_community => |state| {
        state.desk.at_home = !state.desk.at_home;
        Vec::new()
    };
    /// Staff vouches.
    Vouch ["人工核验", "By staff"], ConfirmHolder, [(6, &[&[Pension]])], when State::can_vouch => State::vouch;
    /// Cards and contributions.
    AffairsPage ["缴费与卡", "Affairs"], ReadCard, [(11, &[&[Pension]])] => |state| state.go(Page::Affairs);
    /// Reads them.
    Affairs ["查询", "Show"], ReadCard, [(9, &[&[Affairs]])] => |state| state.with_card(Command::Affairs);
    /// Who may work here.
    OperatorsPage ["操作员", "Operators"], ManageOperators, [(6, &[&[Day]])] => |state| state.go(Page::Operators);
    /// Somebody new.
    AddOperator ["添加", "Add"], ManageOperators, [(9, &[&[Operators]])]
        => |state| state.lay_sheet(Sheet::operator(None));
    /// Another secret; whoever was stopped is let in again.
    ResetOperator ["重设口令/启用", "New secret"], ManageOperators, [(5, &[&[Operators]])] => State::begin_reset;
    /// Lets nobody in under this number.
    StopOperator ["停用", "Stop"], ManageOperators, [(4, &[&[Operators]])], when State::can_stop => State::begin_stop;
    /// Pensions that the center did not book.
    FailedPage ["发放失败", "Failed"], PayPension, [(3, &[&[Pension]])] => |state| state.go(Page::Failed);
    /// Asks for them anew.
    Failed ["查询", "Show"], PayPension, [(9, &[&[Failed]])] => State::ask_failed;
    /// Those after the last one.
    FailedMore ["更早的", "Earlier"], PayPension, [(3, &[&[Failed]])], when |state| state.failed.next.is_some()
        => State::ask_failed_on;
    /// Of this terminal, or of all.
    FailedScope ["本机/全部", "Here/all"], PayPension, [(4, &[&[Failed]])] => State::switch_failed;
    /// Contributions that are due.
    DuesPage ["缴费", "Dues"], CollectContribution, [(3, &[&[Affairs]])] => |state| state.go(Page::Dues);
    /// Asks for them.
    Dues ["查询应缴", "Show dues"], CollectContribution, [(9, &[&[Dues]])],
        when |state| state.dues.shown.is_none() => |state| state.with_card(Command::Dues);
    /// The marked one is to be paid, or not.
    Choose ["选/不选", "Choose"], CollectContribution, [(4, &[&[Dues]])], when |state| state.dues.shown.is_some()
        => State::choose_due;
    /// All of them.
    ChooseAll ["全选", "All"], CollectContribution, [(5, &[&[Dues]])], when |state| state.dues.shown.is_some()
        => State::choose_dues;
    /// Takes the money.
    Collect ["收款", "Collect"], CollectContribution, [(9, &[&[Dues]])], when |state| state.dues.shown.is_some()
        => State::begin_payment;
    /// Whoever comes next.
    NextPayer ["下一位", "Next"], Anybody, [(9, &[&[Paid]])] => State::next_payer;
    /// What was taken here.
    TakenPage ["收缴记录", "Taken"], CollectContribution, [(3, &[&[Dues, Paid]])] => |state| state.go(Page::Taken);
    /// Takes a payment back.
    GiveBack ["退回缴费", "Give back"], CancelContribution, [(4, &[&[Taken]])] => State::begin_giving_back;
    /// The register of those who seek work.
    SeekingPage ["求职登记", "Job seekers"], ReadCard, [(4, &[&[Affairs]])], when State::is_community
        => |state| state.go(Page::Seeking);
    /// Asks how the holder stands in it.
    Seeking ["查询", "Show"], ReadCard, [(9, &[&[Seeking]])], when |state| state.seeking.is_none()
        => |state| state.with_card(Command::Seeking);
    /// Registers, or changes what was told.
    Register ["登记/更改", "Register"], ReadCard, [(9, &[&[Seeking]])], when |state| state.seeking.is_some()
        => State::begin_registration;
    /// Takes the registration back.
    StopSeeking ["注销登记", "Take out"], ReadCard, [(4, &[&[Seeking]])], when State::is_registered
        => |state| state.lay(Overlay::Confirm(Confirm::StopSeeking));
    /// Yes.
    Yes ["确定", "Yes"], Anybody, [(9, &[&[Confirm, Decide, Second, Operator, OwnSecret, Pay, Register]])], when State::is_decided => State::yes;
    /// Back.
    Back ["返回", "Back"], Anybody, [(0, &[OVER, BOOKS, SIDE, &[Bill, Split], HOLDER])],
        // A finger is waited for, say: it need not be.
        when |state| !HOLDER.contains(&state.place()) || state.is_busy() => State::back;
}

/// A key of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarKey {
    /// F1 to F12; 0 is Escape.
    pub number: u8,
    /// What it does.
    pub act: Act,
}

impl BarKey {
    /// F9 is what comes next, wherever one is.
    pub fn is_main(self) -> bool {
        self.number == 9
    }
}

impl Act {
    /// Its name, Chinese and English.
    pub fn words(self) -> [&'static str; 2] {
        self.row().words
    }

    /// As the screen numbers it.
    pub fn number(self) -> usize {
        self as usize
    }

    /// By that number.
    pub fn of(number: usize) -> Option<Self> {
        ROWS.get(number).map(|row| row.act)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

impl Place {
    /// Its name, for [`crate::PageTeller`].
    pub fn name(self) -> &'static str {
        match self {
            Closed => "counter.closed",
            SignIn => "counter.sign-in",
            Idle => "counter.idle",
            Bill => "counter.bill",
            Split => "counter.split",
            Done => "counter.done",
            Pension => "counter.pension",
            Affairs => "counter.affairs",
            Lane => "counter.lane",
            Records => "counter.records",
            Day => "counter.day",
            Operators => "counter.operators",
            Failed => "counter.failed",
            Dues => "counter.dues",
            Paid => "counter.paid",
            Taken => "counter.taken",
            Seeking => "counter.seeking",
            Operator => "counter.operator",
            OwnSecret => "counter.own-secret",
            Pay => "counter.pay",
            Register => "counter.register",
            Pin => "counter.pin",
            Why => "counter.why",
            Waiting => "counter.waiting",
            Place::Confirm => "counter.confirm",
            Decide => "counter.decide",
            Second => "counter.second",
            Help => "counter.help",
        }
    }
}

impl State {
    /// Where the clerk's keys count now.
    pub fn place(&self) -> Place {
        match (&self.overlay, self.page) {
            (Overlay::Pin { .. }, _) => Pin,
            (Overlay::Why, _) => Why,
            (Overlay::Waiting, _) => Waiting,
            (Overlay::Confirm(_), _) => Place::Confirm,
            (Overlay::Decide { .. }, _) => Decide,
            (Overlay::Second { .. }, _) => Second,
            (Overlay::Help, _) => Help,
            (Overlay::None, Page::Closed) => Closed,
            (Overlay::None, Page::SignIn) => SignIn,
            (Overlay::None, Page::Serve) => match self.serve.stage() {
                Stage::Idle => Idle,
                Stage::Bill => Bill,
                Stage::Split => Split,
                Stage::Done => Done,
            },
            (Overlay::None, Page::Pension) => Pension,
            (Overlay::None, Page::Affairs) => Affairs,
            (Overlay::None, Page::Lane) => Lane,
            (Overlay::None, Page::Records) => Records,
            (Overlay::None, Page::Day) => Day,
            (Overlay::None, Page::Operators) => Operators,
            (Overlay::None, Page::Failed) => Failed,
            (Overlay::None, Page::Dues) if self.dues.paid.is_some() => Paid,
            (Overlay::None, Page::Dues) => Dues,
            (Overlay::None, Page::Taken) => Taken,
            (Overlay::None, Page::Seeking) => Seeking,
            (Overlay::Sheet(sheet), _) => sheet.purpose.place(),
        }
    }

    /// The keys that do something now for whoever is signed in, in their order on the keyboard, Escape at the end.
    pub fn bar(&self) -> Vec<BarKey> {
        let mut keys: Vec<BarKey> = self.here().filter(|(_, row)| self.may(row)).map(key_of).collect();
        keys.sort_by_key(|key| if key.number == 0 { u8::MAX } else { key.number });
        keys
    }

    /// Whatever counts here, whoever may.
    fn here(&self) -> impl Iterator<Item = (u8, &'static Row)> {
        let place = self.place();
        ROWS.iter().filter(|row| (row.when)(self)).filter_map(move |row| {
            let is_here = |places: &&[&[Place]]| places.iter().any(|some| some.contains(&place));
            let (number, _) = row.keys.iter().find(|(_, places)| is_here(places))?;
            Some((*number, row))
        })
    }

    fn may(&self, row: &Row) -> bool {
        row.may.is_none_or(|action| self.clerk.as_ref().is_some_and(|clerk| permits(clerk.role, action)))
    }

    /// Does what a key of the bar or a button says.
    pub(super) fn act(&mut self, act: Act) -> Vec<Effect> {
        let found = self.here().map(|(_, row)| row).find(|row| row.act == act);
        match found {
            Some(row) if self.may(row) => (row.does)(self),
            Some(_) => {
                self.say(Said::NotYours);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// What F1 to F12 do now, or Escape by 0.
    pub(super) fn press(&mut self, number: u8) -> Vec<Effect> {
        let found = self.here().find(|(found, _)| *found == number).map(|(_, row)| row.act);
        found.map_or_else(Vec::new, |act| self.act(act))
    }

    /// A desk of the community or the tax office.
    pub(super) fn is_community(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.face == Face::Community)
    }

    fn differing(&self) -> Option<&Reconciliation> {
        self.reconciliation.as_ref().filter(|day| !day.equal)
    }
}

fn key_of((number, row): (u8, &Row)) -> BarKey {
    BarKey { number, act: row.act }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_act_stands_at_its_own_number() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.act.number(), at);
        }
    }

    #[test]
    fn no_key_means_two_things_at_once() {
        // Rows with a condition take turns; the machine takes the first that holds.
        let unconditional =
            || ROWS.iter().filter(|row| std::ptr::fn_addr_eq(row.when, always as fn(&State) -> bool));
        for place in PAGES.iter().chain(OVER) {
            let mut seen = Vec::new();
            for row in unconditional() {
                for (number, places) in row.keys {
                    if places.iter().any(|some| some.contains(place)) {
                        assert!(!seen.contains(number), "{place:?}: {number} is {:?} too", row.act);
                        seen.push(*number);
                    }
                }
            }
        }
    }
}
