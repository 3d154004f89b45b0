//! Sheets that are filled in, field by field: an operator, a secret, a payment, somebody who seeks work.

use card_spec::money::Fen;
use terminal::roles::Role;

use super::{
    acts::Place,
    entry::{Hidden, Typed},
    note::Said,
    state::{Effect, Key, LOOK_MS, Overlay, State},
};

/// What a sheet is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An operator who is not known yet.
    NewOperator,
    /// A known one gets another secret, and may work again.
    NewSecret,
    /// The one who signs in changes the secret that another has typed.
    OwnSecret,
    /// Dues are paid.
    Pay(Fen),
    /// Somebody seeks work.
    Seeking,
}

/// What a field is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Operator number.
    Number,
    /// Name of a person.
    Person,
    /// Role.
    Role,
    /// Secret.
    Secret,
    /// The same again.
    Again,
    /// How it is paid.
    Way,
    /// Number on the bank terminal's slip.
    Reference,
    /// What work.
    Wish,
    /// The least that a month should bring.
    Wage,
    /// Telephone number.
    Phone,
}

/// What stands in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// To be read only.
    Fixed(String),
    /// Digits and letters of this keyboard.
    Typed(Typed),
    /// Any language: an input method writes it.
    Written(Typed),
    /// Nobody may see it.
    Secret(Hidden),
    /// One of some, by its number from 1.
    Choice(&'static [[&'static str; 2]], usize),
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called.
    pub name: Name,
    /// What stands in it.
    pub entry: Entry,
}

/// A sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What for.
    pub purpose: Purpose,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Where the keys go.
    pub at: usize,
    /// Since when it is on the screen.
    pub since: u64,
}

/// Roles as they are chosen, in the order of [`Role::ALL`].
const ROLES: &[[&str; 2]] =
    &[["收费员", "Cashier"], ["主管", "Supervisor"], ["安装维护员", "Installer"], ["审计员", "Auditor"]];

/// How dues are paid.
const WAYS: &[[&str; 2]] =
    &[["现金", "Cash"], ["银行卡（先在银行终端刷卡）", "Bank card, on the bank's own terminal first"]];

impl Name {
    /// Chinese and English.
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Name::Number => ["工号", "Operator number"],
            Name::Person => ["姓名", "Name"],
            Name::Role => ["角色（按数字选）", "Role (press its number)"],
            Name::Secret => ["口令（至少 6 位）", "Secret (at least 6 characters)"],
            Name::Again => ["再次输入口令", "Secret again"],
            Name::Way => ["收款方式（按数字选）", "Paid by (press its number)"],
            Name::Reference => ["银行终端小票号", "Number on the bank terminal's slip"],
            Name::Wish => ["求职意向", "Work wanted"],
            Name::Wage => ["期望月薪，元（可不填）", "Least wage a month, yuan (may stay empty)"],
            Name::Phone => ["联系电话", "Telephone"],
        }
    }
}

impl Purpose {
    /// What the sheet is called.
    pub fn words(&self) -> [&'static str; 2] {
        match self {
            Purpose::NewOperator => ["添加操作员", "Add an operator"],
            Purpose::NewSecret => ["重设口令并启用", "New secret; the operator may work again"],
            Purpose::OwnSecret => ["请先改自己的口令", "First change your secret"],
            Purpose::Pay(_) => ["收款合计（元）", "To collect, yuan"],
            Purpose::Seeking => ["求职登记", "Register as seeking work"],
        }
    }

    /// What to know before it is filled in.
    pub fn hint(&self) -> [&'static str; 2] {
        match self {
            Purpose::NewOperator | Purpose::NewSecret => [
                "口令由主管初设，本人第一次签到时必须改。Enter 或 Tab 到下一栏，F9 保存，Esc 返回。",
                "The operator has to change this first secret at the next sign-in. Enter or Tab goes on, F9 saves, Esc leaves.",
            ],
            Purpose::OwnSecret => [
                "现在的口令是别人设的。Enter 到下一栏，F9 保存；Esc 签退。",
                "Somebody else has typed the one you have. Enter goes on, F9 saves; Esc signs you out.",
            ],
            Purpose::Pay(_) => [
                "收到钱后按 F9 入账。没有出现“已入账”之前不要收下钱款；出错时没有缴费，请退还。",
                "With the money before you, press F9. Keep it only when this says that it is booked; after an error nothing was paid, hand it back.",
            ],
            Purpose::Seeking => [
                "登记六个月有效，可随时更改。Enter 到下一栏，F9 登记，Esc 返回。",
                "It holds for six months and can be changed. Enter goes on, F9 registers, Esc leaves.",
            ],
        }
    }

    /// Where its keys count.
    pub fn place(&self) -> Place {
        match self {
            Purpose::NewOperator | Purpose::NewSecret => Place::Operator,
            Purpose::OwnSecret => Place::OwnSecret,
            Purpose::Pay(_) => Place::Pay,
            Purpose::Seeking => Place::Register,
        }
    }
}

impl Sheet {
    /// The sheet that is left only by filling it in, or by signing out.
    pub(super) const OWN_SECRET: Purpose = Purpose::OwnSecret;

    /// An operator; a known one with number, name and role.
    pub fn operator(known: Option<(String, String, Role)>) -> Self {
        let (purpose, number, name, role) = match known {
            None => (Purpose::NewOperator, Entry::Typed(Typed::default()), String::new(), 0),
            Some((number, name, role)) => {
                let role = Role::ALL.iter().position(|other| *other == role).unwrap_or_default();
                (Purpose::NewSecret, Entry::Fixed(number), name, role)
            }
        };
        let at = usize::from(purpose == Purpose::NewSecret) * 3;
        let fields = vec![
            Field { name: Name::Number, entry: number },
            Field { name: Name::Person, entry: Entry::Written(Typed::of(name)) },
            Field { name: Name::Role, entry: Entry::Choice(ROLES, role) },
            Field { name: Name::Secret, entry: Entry::Secret(Hidden::default()) },
            Field { name: Name::Again, entry: Entry::Secret(Hidden::default()) },
        ];
        Sheet { purpose, fields, at, since: 0 }
    }

    /// The secret that another has typed is changed.
    pub fn own_secret() -> Self {
        let fields = [Name::Secret, Name::Again];
        let fields = fields.map(|name| Field { name, entry: Entry::Secret(Hidden::default()) });
        Sheet { purpose: Purpose::OwnSecret, fields: fields.into(), at: 0, since: 0 }
    }

    /// Dues are paid.
    pub fn pay(amount: Fen) -> Self {
        let fields = vec![
            Field { name: Name::Way, entry: Entry::Choice(WAYS, 0) },
            Field { name: Name::Reference, entry: Entry::Typed(Typed::default()) },
        ];
        Sheet { purpose: Purpose::Pay(amount), fields, at: 0, since: 0 }
    }

    /// Somebody seeks work.
    pub fn seeking(wish: &str, wage: &str, phone: &str) -> Self {
        let fields = vec![
            Field { name: Name::Wish, entry: Entry::Written(Typed::of(wish)) },
            Field { name: Name::Wage, entry: Entry::Typed(Typed::of(wage)) },
            Field { name: Name::Phone, entry: Entry::Typed(Typed::of(phone)) },
        ];
        Sheet { purpose: Purpose::Seeking, fields, at: 0, since: 0 }
    }

    /// What stands in a field, without the spaces around it; a secret is empty.
    pub fn text(&self, name: Name) -> &str {
        match self.field(name) {
            Some(Entry::Fixed(text)) => text.trim(),
            Some(Entry::Typed(typed) | Entry::Written(typed)) => typed.text().trim(),
            _ => "",
        }
    }

    /// Which of the choices, from 0.
    pub fn chosen(&self, name: Name) -> usize {
        match self.field(name) {
            Some(Entry::Choice(_, at)) => *at,
            _ => 0,
        }
    }

    /// Whether a field can be filled in as things stand.
    pub fn is_open(&self, at: usize) -> bool {
        match self.fields.get(at).map(|field| (field.name, &field.entry)) {
            None | Some((_, Entry::Fixed(_))) => false,
            Some((Name::Reference, _)) => self.chosen(Name::Way) == 1,
            Some(_) => true,
        }
    }

    /// The secret, when both are the same; they are empty afterwards.
    pub fn secret(&mut self) -> Option<Hidden> {
        let mut found = Vec::new();
        for (at, field) in self.fields.iter_mut().enumerate() {
            if let Entry::Secret(secret) = &mut field.entry {
                found.push((at, std::mem::take(secret)));
            }
        }
        match &mut found[..] {
            [(_, secret), (_, again)] if secret == again => Some(std::mem::take(secret)),
            _ => {
                self.at = found.first().map_or(self.at, |(at, _)| *at);
                None
            }
        }
    }

    fn field(&self, name: Name) -> Option<&Entry> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.entry)
    }

    /// Goes to the next field that is open, or back; `false` at the end.
    fn step(&mut self, back: bool) -> bool {
        let next = match back {
            false => (self.at + 1..self.fields.len()).find(|at| self.is_open(*at)),
            true => (0..self.at).rev().find(|at| self.is_open(*at)),
        };
        self.at = next.unwrap_or(self.at);
        next.is_some()
    }
}

impl State {
    /// Lays a sheet over the page.
    pub(super) fn lay_sheet(&mut self, sheet: Sheet) -> Vec<Effect> {
        let since = self.now_ms;
        self.lay(Overlay::Sheet(Box::new(Sheet { since, ..sheet })))
    }

    /// The keys go to a field of the screen that an input method writes into; what it holds comes as a whole.
    pub fn is_writing(&self) -> bool {
        matches!(&self.overlay, Overlay::Sheet(sheet)
            if matches!(sheet.fields.get(sheet.at), Some(Field { entry: Entry::Written(_), .. })))
    }

    pub(super) fn sheet_key(&mut self, key: Key) -> Vec<Effect> {
        let Overlay::Sheet(sheet) = &mut self.overlay else { return Vec::new() };
        if key == Key::Return {
            return if sheet.step(false) { Vec::new() } else { self.press(9) };
        }
        match (key, sheet.fields.get_mut(sheet.at).map(|field| &mut field.entry)) {
            (Key::Tab | Key::Down, _) => drop(sheet.step(false)),
            (Key::Up, _) => drop(sheet.step(true)),
            (Key::Char(letter), Some(Entry::Typed(typed))) => typed.push(letter),
            (Key::Backspace | Key::Delete, Some(Entry::Typed(typed))) => drop(typed.pop()),
            (Key::Char(letter), Some(Entry::Secret(secret))) => secret.push(letter),
            (Key::Backspace | Key::Delete, Some(Entry::Secret(secret))) => secret.pop(),
            (Key::Char(letter), Some(Entry::Choice(options, at))) => {
                let number = letter.to_digit(10).map(|digit| digit as usize);
                if let Some(number) = number.filter(|number| (1..=options.len()).contains(number)) {
                    *at = number - 1;
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// Sets a field of the sheet as a whole; a secret is typed and never set, a choice is set by its number.
    pub(super) fn set_in_sheet(&mut self, at: usize, text: &str) {
        let Overlay::Sheet(sheet) = &mut self.overlay else { return };
        if !sheet.is_open(at) {
            return;
        }
        match sheet.fields.get_mut(at).map(|field| &mut field.entry) {
            Some(Entry::Typed(typed) | Entry::Written(typed)) => *typed = Typed::from_keys(text),
            Some(Entry::Choice(options, chosen)) => {
                if let Some(number) = text.parse().ok().filter(|number| (1..=options.len()).contains(number))
                {
                    *chosen = number - 1;
                }
            }
            _ => return,
        }
        sheet.at = at;
    }

    /// What stands in the sheet is meant. The second of two quick presses that opened it is no consent.
    pub(super) fn sheet_is_meant(&mut self) -> Vec<Effect> {
        let Overlay::Sheet(sheet) = &self.overlay else { return Vec::new() };
        let (purpose, since) = (sheet.purpose.clone(), sheet.since);
        if self.now_ms.saturating_sub(since) < LOOK_MS {
            self.say(Said::TooFast);
            return Vec::new();
        }
        match purpose {
            Purpose::NewOperator | Purpose::NewSecret => self.issue_operator(),
            Purpose::OwnSecret => self.change_secret(),
            Purpose::Pay(_) => self.pay_dues(),
            Purpose::Seeking => self.seek_work(),
        }
    }
}
