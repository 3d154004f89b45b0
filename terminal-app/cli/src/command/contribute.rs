//! `jinbao contribute`: contributions that are due are paid at a counter (缴费), and taken back on their day.

use std::io::{self, IsTerminal};

use card_spec::money::Fen;
use clap::{Args, Subcommand};
use edge::counter::Counter;
use protocol::{
    calendar::Period,
    id::TransactionId,
    record::PaidBy,
    service::{ContributionKind, Due, DuesAnswer},
};
use serde::Serialize;
use terminal::{
    contribution::ContributionRefusal,
    error::Error,
    flows::{DuesPaid, DuesTaken, contribution::payable_dues, service::Shown},
    ledger::State,
    words,
};

use super::{
    Context,
    finger::slip::{self, Slipped},
    queue,
    service::Answer,
    tap::{self, CARD_TIMEOUT_S, CardGlance},
};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What can be done with contributions.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
例 Examples:
  jinbao contribute dues                     应缴什么 · what is due
  jinbao contribute pay                      全部缴清，收现金 · all of it, in cash
  jinbao contribute taken                    本机收过的缴费 · what this terminal took
  jinbao contribute cancel 12                当天撤销（主管） · take one back on its day, for a supervisor

只在税务、银行邮政、社区窗口办理，须联机：中心先为这笔缴费留存费款，本机入账后才算收到，绝不重复。
At desks of the tax office, of banks and post offices, and of communities, with the line up: the center sets the dues
aside for this payment first, and it counts when it stands in the books. Nothing is paid twice.")]
pub(crate) enum Command {
    /// 查询应缴费款 · what is due from the holder of the card
    #[command(after_help = "例 Examples:\n  jinbao contribute dues\n  jinbao contribute dues --json")]
    Dues(DuesArguments),
    /// 收缴社会保险费 · take money for what is due
    Pay(PayArguments),
    /// 本机收过的缴费，新的在前 · payments that this terminal took, newest first
    #[command(after_help = "例 Examples:\n  jinbao contribute taken\n  jinbao contribute taken -n 5 --json")]
    Taken(TakenArguments),
    /// 当天撤销一笔缴费（主管） · take a payment back on its day, for a supervisor
    #[command(after_help = "\
例 Examples:
  jinbao contribute cancel 12                序号 12 的缴费 · the payment of sequence 12
  jinbao contribute cancel 4f0c9a…           按交易号 · by its id

不需要卡。撤销后费款重新变为应缴，钱按原方式退还缴费人。隔日的由经办机构或税务机关退费。
No card is needed. What was paid is due again, and the money goes back the way it came. A payment of another day is
refunded by the agency or the tax office.

退出码 Exit: 0 已撤销，请退款 · taken back, give the money back; 2 没有这笔交易 · no such transaction; 4 不是当天的、已撤销、
             须主管 · of another day, taken back before, or for a supervisor")]
    Cancel(CancelArguments),
}

/// What `contribute dues` is told.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DuesArguments {
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `contribute pay` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao contribute pay
  jinbao contribute pay --only medical:2026-11 --only pension:2026-11
  jinbao contribute pay --bank-card 004512778 --yes --json

险种 Insurances: pension medical unemployment resident_pension resident_medical
费款金额由经办机构核定，整笔缴纳。个人账户不能用于缴费。断线时不收：只有中心知道是否仍应缴。
出错即未缴费，不得收款（已收的当面退还）。程序中断后，下次启动时作废该笔，费款随即释放。
Amounts are fixed by the agency and paid whole. The card's medical account is no way to pay. While the line is down
nothing is taken: only the center knows what is still due. After an error nothing was paid and no money is kept. What a
stop of the program cuts short is written off at the next start, and its dues are free again.

退出码 Exit: 0 已入账，收款 · in the books, take the money; 1 未确认，或没有应缴 · not agreed, or nothing is due; 2 没有这一
             费款、凭证号不对 · no such due, or a wrong slip number; 3 已缴清，或卡、密码 · it is paid, or card
             and PIN; 4 别处正在办理、有变动 · being paid elsewhere, or changed; 6 中心不通、此窗口无权 · the center
             is not reached, or has given this desk no right")]
pub(crate) struct PayArguments {
    /// 只缴这一笔，可重复 · only this due; may be given several times [默认 default: 全部 all]
    #[arg(long, value_name = "KIND:MONTH", value_parser = chosen)]
    only: Vec<(ContributionKind, Period)>,
    /// 银行卡缴费：POS 签购单号 · paid with a bank card: number on the slip of the bank terminal
    #[arg(long, value_name = "NUMBER")]
    bank_card: Option<String>,
    /// 不再询问 · do not ask again
    #[arg(long)]
    yes: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `contribute taken` is told.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TakenArguments {
    /// 最多条数 · at most so many
    #[arg(long, short = 'n', default_value_t = 20)]
    number: u32,
}

/// What `contribute cancel` is told.
#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// 序号或编号 · sequence or id
    which: String,
}

fn chosen(text: &str) -> Result<(ContributionKind, Period), String> {
    text.split_once(':')
        .and_then(|(kind, month)| Some((ContributionKind::from_name(kind)?, month.parse().ok()?)))
        .ok_or_else(|| "应形如 medical:2026-11 · it looks like medical:2026-11".to_owned())
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Dues(arguments) => dues(context, arguments),
        Command::Pay(arguments) => pay(context, &arguments),
        Command::Taken(arguments) => taken(context, arguments),
        Command::Cancel(arguments) => cancel(context, &arguments),
    }
}

fn dues(context: &Context, arguments: DuesArguments) -> Result<Exit, Failure> {
    let mut counter = context.open(false)?;
    context.narrate(&mut counter);
    tap::tap(context, &mut counter, arguments.wait)?;
    let verified = tap::verify(context, &mut counter);
    let answer = verified.and_then(|_| Ok(counter.flows.dues()?));
    counter.flows.close_card();
    let answer = answer?;
    let some = payable_dues(&answer).next().is_some();
    context.console.answer(&Answer::of(answer));
    Ok(if some { Exit::Done } else { Exit::No })
}

#[derive(Serialize)]
struct Paid {
    card: CardGlance,
    dues: Vec<Due>,
    /// Of dues that are not paid: those that are being paid elsewhere.
    held: Vec<Due>,
    paid_fen: Fen,
    paid_by: PaidBy,
    /// `None` when nothing was paid.
    slip: Option<Slipped>,
}

fn pay(context: &Context, arguments: &PayArguments) -> Result<Exit, Failure> {
    let paid_by = match &arguments.bank_card {
        Some(reference) => PaidBy::BankCard { reference: reference.clone() },
        None => PaidBy::Cash,
    };
    if !paid_by.sound() {
        return Err(Failure::from(Error::from(ContributionRefusal::ReferenceWrong)));
    }
    let mut counter = context.open(false)?;
    counter.require_duty()?;
    counter.require_sound_books()?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let verified = tap::verify(context, &mut counter);
    let done = verified.and_then(|_| pay_card(context, &mut counter, arguments, &paid_by));
    counter.flows.close_card();
    let (shown, done) = done?;
    let card = CardGlance::of(&tap.card);
    let held = shown.content.held;
    let Some(DuesPaid { link, dues, amount, slip, .. }) = done else {
        let (dues, paid_fen) = (shown.content.dues, Fen::ZERO);
        context.console.answer(&Paid { card, dues, held, paid_fen, paid_by, slip: None });
        return Ok(Exit::No);
    };
    slip::send(&mut counter, false)?;
    let slip = Slipped::of(context, &counter, link, slip, false)?;
    context.console.answer(&Paid { card, dues, held, paid_fen: amount, paid_by, slip: Some(slip) });
    Ok(Exit::Done)
}

/// `None` when nothing is due, or whoever stands there does not want it.
fn pay_card(
    context: &Context,
    counter: &mut Counter,
    arguments: &PayArguments,
    paid_by: &PaidBy,
) -> Result<(Shown<DuesAnswer>, Option<DuesPaid>), Failure> {
    let shown = counter.flows.dues()?;
    let dues: Vec<Due> = match arguments.only.is_empty() {
        true => payable_dues(&shown).copied().collect(),
        // Also those that are being paid elsewhere: the center says so.
        false => {
            let named = |(kind, period): &(ContributionKind, Period)| {
                let found = shown.content.dues.iter().find(|due| (due.kind, due.period) == (*kind, *period));
                found.copied().ok_or(EdgeError::Argument {
                    expected: "a due of this person, as `jinbao contribute dues` lists it",
                    expected_chinese: "持卡人的一笔应缴费款，见 jinbao contribute dues",
                })
            };
            arguments.only.iter().map(named).collect::<Result<_, _>>()?
        }
    };
    if dues.is_empty() || (!arguments.yes && !agrees(context, &dues)?) {
        return Ok((shown, None));
    }
    let paid = counter.flows.pay_dues(&dues, paid_by.clone())?;
    Ok((shown, Some(paid)))
}

/// Shows what is to be paid and asks the person in front, where there is one.
fn agrees(context: &Context, dues: &[Due]) -> Result<bool, Failure> {
    if context.global.pin_stdin || context.console.is_json() || !io::stdin().is_terminal() {
        return Ok(true);
    }
    let language = context.console.language();
    let sum: Fen = dues.iter().map(|due| due.amount).sum();
    for due in dues {
        let name = words::contribution_name(due.kind, language);
        context.console.error_line(&format!("  {name}  {}  {}", due.period, due.amount));
    }
    context.console.error_line(&match language {
        terminal::language::Language::Chinese => format!("共 {} 笔 {sum} 元。现在缴纳？[Y/n]", dues.len()),
        terminal::language::Language::English => format!("{} dues, {sum} yuan. Pay now? [Y/n]", dues.len()),
    });
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|_| EdgeError::NoKeyboard)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes" | "是"))
}

impl Show for Paid {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        let language = page.language();
        for due in &self.held {
            let name = words::contribution_name(due.kind, language);
            page.say(
                format!("※ {name} {} 正在另一笔缴费中办理", due.period),
                format!("※ {name} {} is being paid under another name", due.period),
            );
        }
        let Some(slip) = &self.slip else {
            page.say("未缴费。", "Nothing was paid.");
            return;
        };
        slip.show(page);
        page.gap();
        let (amount, way) = (self.paid_fen, words::paid_by_words(&self.paid_by, language));
        page.say(
            format!("✓ 已入账，收款 {amount} 元（{way}）"),
            format!("✓ in the books: take {amount} yuan ({way})"),
        );
    }
}

#[derive(Serialize)]
struct Taken {
    payments: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: TransactionId,
    at: protocol::timestamp::Timestamp,
    name: String,
    amount_fen: Fen,
    paid_by: PaidBy,
    dues: Vec<Due>,
    state: State,
    taken_back_by: Option<TransactionId>,
    reversible: bool,
}

fn taken(context: &Context, arguments: TakenArguments) -> Result<Exit, Failure> {
    let counter = context.open_books()?;
    let rows = counter.flows.dues_taken(arguments.number)?;
    let row = |taken: DuesTaken| Row {
        id: taken.id,
        at: taken.at,
        name: taken.name.to_string(),
        amount_fen: taken.amount,
        paid_by: taken.paid_by,
        dues: taken.dues,
        state: taken.state,
        taken_back_by: taken.taken_back_by,
        reversible: taken.reversible,
    };
    context.console.answer(&Taken { payments: rows.into_iter().map(row).collect() });
    Ok(Exit::Done)
}

impl Show for Taken {
    fn show(&self, page: &mut Page) {
        if self.payments.is_empty() {
            page.say("本机没有收过缴费。", "No contributions were taken here.");
            return;
        }
        let language = page.language();
        let head = [
            language.pick("时间", "when"),
            language.pick("姓名", "name"),
            language.pick("费款", "what for"),
            language.pick("金额（元）", "yuan"),
            language.pick("缴费方式", "paid by"),
            language.pick("状态", "state"),
            language.pick("交易号", "transaction"),
        ];
        let rows = self.payments.iter().map(|row| {
            let dues = row
                .dues
                .iter()
                .map(|due| format!("{} {}", words::contribution_name(due.kind, language), due.period));
            let dues: Vec<String> = dues.collect();
            let state = match (row.taken_back_by, row.reversible) {
                (Some(_), _) => language.pick("已撤销", "taken back"),
                (None, true) => language.pick("可撤销", "can be taken back"),
                (None, false) => {
                    let (chinese, english) = queue::state_name(row.state);
                    language.pick(chinese, english)
                }
            };
            vec![
                row.at.to_string(),
                row.name.clone(),
                dues.join(language.pick("、", ", ")),
                row.amount_fen.to_string(),
                words::paid_by_words(&row.paid_by, language),
                state.to_owned(),
                row.id.to_string(),
            ]
        });
        page.table(&head, &[3], rows);
    }
}

#[derive(Serialize)]
struct GivenBack {
    id: TransactionId,
    of: TransactionId,
    amount_fen: Fen,
    paid_by: PaidBy,
    slip: Slipped,
}

fn cancel(context: &Context, arguments: &CancelArguments) -> Result<Exit, Failure> {
    let mut counter = context.open_without_card()?;
    counter.require_duty()?;
    context.narrate(&mut counter);
    let of = queue::find(counter.flows.ledger(), &arguments.which)?.intention.id;
    let back = counter.flows.give_dues_back(of)?;
    let (id, amount_fen, paid_by) = (back.id, back.amount, back.paid_by);
    let slip = Slipped::of(context, &counter, back.link, back.slip, false)?;
    context.console.answer(&GivenBack { id, of, amount_fen, paid_by, slip });
    Ok(Exit::Done)
}

impl Show for GivenBack {
    fn show(&self, page: &mut Page) {
        self.slip.show(page);
        page.gap();
        let (amount, way) = (self.amount_fen, words::paid_by_words(&self.paid_by, page.language()));
        page.say(
            format!("✓ 已撤销，请退还 {amount} 元（{way}）"),
            format!("✓ taken back: give {amount} yuan back ({way})"),
        );
    }
}
