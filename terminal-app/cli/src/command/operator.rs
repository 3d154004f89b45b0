//! `jinbao operator`: who may work at this terminal, and who is signed in.

use clap::{Args, Subcommand, ValueEnum};
use edge::{pin_entry::SECRET_TIMEOUT_MS, shift, terminal::Terminal};
use serde::Serialize;
use serde_json::json;
use terminal::{
    error::Error,
    roles::{Action, NewOperator, PBKDF2_ITERATIONS, Role, SECRET_BYTES_MIN, SignInError, SignedIn},
};
use zeroize::Zeroizing;

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 添加操作员，或重设其角色与口令 · add an operator, or give another role and secret
    Add(AddArguments),
    /// 停用操作员 · take an operator out
    Remove(NumberArguments),
    /// 列出操作员 · list operators
    List(ListArguments),
    /// 签到 · sign in
    SignIn(NumberArguments),
    /// 签退，结束工作周期 · sign out and close the working cycle
    SignOut(SignOutArguments),
    /// 修改自己的口令 · change one's own secret
    ChangeSecret(NumberArguments),
}

/// What `operator add` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao operator add 0001 --role supervisor     第一个操作员须为主管 · the first one is a supervisor
  jinbao operator add 0002 --role cashier --name 李梅   为他人开户 · for somebody else
  printf 'a secret\\n' | jinbao operator add 0003 --role auditor --pin-stdin

口令在键盘上输入，不出现在命令行；添加者须为已签到的主管（尚无主管时除外）。
给出姓名即为他人开户：口令是首次口令，本人须先用 jinbao operator change-secret 修改才能办理业务。
The secret is typed, never on the command line. A supervisor must be signed in, unless there is none yet.
With a name it is handed to somebody else, who has to change it before doing anything else.")]
pub(crate) struct AddArguments {
    /// 操作员编号 · operator number
    number: String,
    /// 角色 · role
    #[arg(long, value_enum)]
    role: RoleArgument,
    /// 姓名 · name of the one it is handed to
    #[arg(long)]
    name: Option<String>,
}

/// A command about one operator.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao operator sign-in 0002
  jinbao operator change-secret 0002
  jinbao operator remove 0002

一个工作周期最长 24 小时，之后须对账再签到。
A working cycle lasts at most 24 hours; then reconcile and sign in again.")]
pub(crate) struct NumberArguments {
    /// 操作员编号 · operator number
    number: String,
}

/// What `operator list` is told.
#[derive(Debug, Args)]
#[command(after_help = "例 Example:\n  jinbao operator list --json")]
pub(crate) struct ListArguments {}

/// What `operator sign-out` is told.
#[derive(Debug, Args)]
#[command(after_help = "例 Example:\n  jinbao operator sign-out")]
pub(crate) struct SignOutArguments {}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArgument {
    Cashier,
    Supervisor,
    Installer,
    Auditor,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Cashier => Role::Cashier,
            RoleArgument::Supervisor => Role::Supervisor,
            RoleArgument::Installer => Role::Installer,
            RoleArgument::Auditor => Role::Auditor,
        }
    }
}

/// Name of a role, Chinese and English.
pub(crate) fn role_name(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Cashier => ("收费员", "cashier"),
        Role::Supervisor => ("主管", "supervisor"),
        Role::Installer => ("安装维护员", "installer"),
        Role::Auditor => ("审计员", "auditor"),
    }
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    match command {
        Command::Add(arguments) => add(context, &mut terminal, &arguments),
        Command::Remove(arguments) => remove(context, &mut terminal, &arguments.number),
        Command::List(ListArguments {}) => list(context, &terminal),
        Command::SignIn(arguments) => sign_in(context, &mut terminal, &arguments.number),
        Command::SignOut(SignOutArguments {}) => sign_out(context, &mut terminal),
        Command::ChangeSecret(arguments) => change_secret(context, &mut terminal, &arguments.number),
    }
}

fn add(context: &Context, terminal: &mut Terminal, arguments: &AddArguments) -> Result<Exit, Failure> {
    let now = terminal.now();
    let operators = terminal.ledger.operators().map_err(Error::from)?;
    let has_supervisor =
        operators.iter().any(|operator| operator.active && operator.role == Role::Supervisor);
    let manager = if has_supervisor {
        let action = Action::ManageOperators;
        Some(shift::require(&terminal.cabinet, &mut terminal.ledger, action, now)?)
    } else {
        None
    };
    let secret = new_secret(context)?;
    let role = Role::from(arguments.role);
    let operator =
        NewOperator { number: &arguments.number, role, secret: &secret, iterations: PBKDF2_ITERATIONS };
    let actor = manager.as_ref().map(SignedIn::actor).unwrap_or_default();
    match &arguments.name {
        Some(name) => terminal.ledger.issue_operator(&operator, name, &mut terminal.random, actor, now),
        None => terminal.ledger.set_operator(&operator, &mut terminal.random, actor, now),
    }
    .map_err(Error::from)?;
    let (number, (chinese, english)) = (&arguments.number, role_name(role));
    context.console.done(
        &format!("已设置操作员 {number}（{chinese}）"),
        &format!("operator {number} set ({english})"),
        json!({ "operator": number, "role": role }),
    );
    Ok(Exit::Done)
}

fn remove(context: &Context, terminal: &mut Terminal, number: &str) -> Result<Exit, Failure> {
    let now = terminal.now();
    let manager = shift::require(&terminal.cabinet, &mut terminal.ledger, Action::ManageOperators, now)?;
    terminal.ledger.remove_operator(number, manager.actor(), now).map_err(Error::from)?;
    context.console.done(
        &format!("已停用操作员 {number}"),
        &format!("operator {number} taken out"),
        json!({ "operator": number }),
    );
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Operators {
    operators: Vec<Row>,
    signed_in: Option<String>,
    cycle: Option<String>,
}

#[derive(Serialize)]
struct Row {
    operator: String,
    role: Role,
    active: bool,
    locked_until_ms: Option<i64>,
}

fn list(context: &Context, terminal: &Terminal) -> Result<Exit, Failure> {
    let operators = terminal.ledger.operators().map_err(Error::from)?;
    let signed_in = shift::load(&terminal.cabinet, &terminal.ledger, terminal.now())?;
    context.console.answer(&Operators {
        operators: operators
            .into_iter()
            .map(|operator| Row {
                operator: operator.number,
                role: operator.role,
                active: operator.active,
                locked_until_ms: operator.locked_until.map(|until| until.0),
            })
            .collect(),
        cycle: signed_in.as_ref().and_then(|signed| signed.cycle.as_ref().map(|cycle| cycle.number.clone())),
        signed_in: signed_in.map(|signed| signed.operator),
    });
    Ok(Exit::Done)
}

impl Show for Operators {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let head =
            [language.pick("编号", "number"), language.pick("角色", "role"), language.pick("状态", "state")];
        let rows = self.operators.iter().map(|row| {
            let (chinese, english) = role_name(row.role);
            let state =
                match (row.active, row.locked_until_ms, self.signed_in.as_ref() == Some(&row.operator)) {
                    (false, _, _) => language.pick("停用", "taken out"),
                    (_, Some(_), _) => language.pick("口令锁定", "locked out"),
                    (_, _, true) => language.pick("已签到", "signed in"),
                    _ => language.pick("启用", "active"),
                };
            vec![row.operator.clone(), language.pick(chinese, english).to_owned(), state.to_owned()]
        });
        page.table(&head, &[], rows);
        if let Some(cycle) = &self.cycle {
            page.say(format!("工作周期 {cycle}"), format!("working cycle {cycle}"));
        }
    }
}

fn sign_in(context: &Context, terminal: &mut Terminal, number: &str) -> Result<Exit, Failure> {
    let secret = ask(context, "口令", "Secret")?;
    let now = terminal.now();
    let mut signed_in = terminal.ledger.sign_in(number, &secret, now).map_err(Error::from)?;
    if signed_in.cycle.is_none() && signed_in.overdue.is_some() && !is_online(terminal) {
        let limits = terminal.cache.limits().map_err(Error::from)?;
        signed_in = terminal.ledger.go_on_offline(signed_in, &limits, now).map_err(Error::from)?;
    }
    shift::store(&terminal.cabinet, &signed_in, now)?;
    let (chinese, english) = role_name(signed_in.role);
    let cycle = signed_in.cycle.as_ref().map(|cycle| cycle.number.clone());
    let overdue = signed_in.overdue.as_ref().map(|cycle| cycle.number.clone());
    match (&overdue, &cycle) {
        (Some(overdue), None) => context.console.note(
            &format!("※ 周期 {overdue} 尚未对账：先运行 jinbao reconcile，再签到。"),
            &format!("※ cycle {overdue} is not reconciled: run `jinbao reconcile`, then sign in again."),
        ),
        (Some(overdue), Some(_)) => context.console.note(
            &format!("※ 周期 {overdue} 尚未对账；断网期间可继续办理，网络恢复后须先对账。"),
            &format!(
                "※ cycle {overdue} is not reconciled; business goes on while the line is down, and needs \
                 `jinbao reconcile` first when it is back."
            ),
        ),
        (None, _) => {}
    }
    context.console.done(
        &format!("操作员 {number}（{chinese}）已签到"),
        &format!("operator {number} ({english}) signed in"),
        json!({ "operator": number, "role": signed_in.role, "cycle": cycle, "overdue": overdue }),
    );
    Ok(Exit::Done)
}

/// Whether the center can be asked now. Asked only when an older cycle is in the way.
fn is_online(terminal: &Terminal) -> bool {
    terminal.cabinet.any_link().is_ok_and(|mut link| link.chain_head().is_ok())
}

fn sign_out(context: &Context, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let now = terminal.now();
    let Some(signed_in) = shift::load(&terminal.cabinet, &terminal.ledger, now)? else {
        return Err(Error::NotSignedIn.into());
    };
    terminal.ledger.sign_out(&signed_in, now).map_err(Error::from)?;
    shift::forget(&terminal.cabinet)?;
    let number = &signed_in.operator;
    context.console.done(
        &format!("操作员 {number} 已签退"),
        &format!("operator {number} signed out"),
        json!({ "operator": number }),
    );
    Ok(Exit::Done)
}

fn change_secret(context: &Context, terminal: &mut Terminal, number: &str) -> Result<Exit, Failure> {
    let old = ask(context, "原口令", "Present secret")?;
    let now = terminal.now();
    let signed_in = terminal.ledger.sign_in(number, &old, now).map_err(Error::from)?;
    shift::store(&terminal.cabinet, &signed_in, now)?;
    let secret = new_secret(context)?;
    let operator =
        NewOperator { number, role: signed_in.role, secret: &secret, iterations: PBKDF2_ITERATIONS };
    let actor = signed_in.actor();
    terminal.ledger.set_operator(&operator, &mut terminal.random, actor, now).map_err(Error::from)?;
    context.console.done("口令已修改", "the secret is changed", json!({ "operator": number }));
    Ok(Exit::Done)
}

/// A new secret: twice at a keyboard, once from a script.
fn new_secret(context: &Context) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let once = ask(context, "新口令", "New secret")?;
    if once.len() < SECRET_BYTES_MIN {
        return Err(Error::from(SignInError::SecretLength).into());
    }
    if !context.global.pin_stdin {
        let again = ask(context, "再次输入新口令", "New secret again")?;
        if *once != *again {
            return Err(Failure::SecretsDiffer);
        }
    }
    Ok(once)
}

pub(crate) fn ask(context: &Context, chinese: &str, english: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let question = context.console.language().pick(chinese, english);
    Ok(context.secrets().ask(question, SECRET_TIMEOUT_MS)?)
}
