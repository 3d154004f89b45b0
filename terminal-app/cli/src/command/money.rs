//! `jinbao cancel`, `load` and `resolve`: taking back, putting on, finding out.

use card_spec::money::Fen;
use clap::Args;
use protocol::id::TransactionId;
use serde::Serialize;
use terminal::{
    error::Error,
    flows::{AccountRefund, Cancelled, Loaded, Resolution, Resolved},
    receipt::{COLUMNS_80_MM, Receipt},
};

use super::{
    Context, queue,
    receipt::print_if_set_up,
    tap::{self, CARD_TIMEOUT_S, CardGlance, Earlier},
};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

/// What `cancel` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao cancel 12                 撤销序号 12 的结算，须主管签到 · a supervisor must be signed in
  jinbao cancel 12 --no-card       卡不在：账户款挂账，持卡人再来时补回 · the card is not here: what it is owed waits

撤销以负数另记一笔，原结算不改动。账户款由中心授权圈回卡中。
A cancellation is a record of its own with negative figures. Account money goes back onto the card by a load
that the center grants; without the card it stays owed.")]
pub(crate) struct CancelArguments {
    /// 序号或编号 · sequence or id
    which: String,
    /// 卡不在场 · the card is not here
    #[arg(long)]
    no_card: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `load` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao load 200.00               从中心为持卡人保管的款项圈存 · from the credit that the center holds
  jinbao load --refund             补回挂账的退款 · what cancellations owe to this card

须联机：由中心的加密模块授权。结果不明时不会重复入账。
The line must be up: the center's security module grants it.")]
pub(crate) struct LoadArguments {
    /// 金额（元） · amount in yuan
    #[arg(value_name = "YUAN", value_parser = super::yuan, required_unless_present = "refund")]
    amount: Option<Fen>,
    /// 补回应退的账户款 · what cancellations owe to this card
    #[arg(long, conflicts_with = "amount")]
    refund: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `resolve` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao resolve                   插入同一张卡查明 · with the same card in the slot
  jinbao queue list --unresolved   哪些交易结果未知 · which outcomes are unknown
  jinbao resolve --decide 4f0c… --not-done --ground center
                                   卡片不再出现，主管认定 · the card does not come back, a supervisor decides

以卡片自己的交易凭证为准，不作猜测。卡片已无法说明时，由主管核对后认定，并记入审计。
The card's own proof decides; nothing is guessed. Where the card cannot tell any more, a supervisor decides, and
the decision is audited.")]
pub(crate) struct ResolveArguments {
    #[command(flatten)]
    decision: super::decide::Arguments,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

#[derive(Serialize)]
struct CancelDone {
    id: TransactionId,
    sequence: u64,
    of: TransactionId,
    account: &'static str,
    account_fen: Fen,
    account_reason: Option<String>,
    receipt: Receipt,
    printed: Option<bool>,
    #[serde(skip)]
    text: String,
}

pub(super) fn cancel(context: &Context, arguments: &CancelArguments) -> Result<Exit, Failure> {
    let mut counter = match arguments.no_card {
        true => context.open_without_card()?,
        false => context.open(false)?,
    };
    counter.require_duty()?;
    context.narrate(&mut counter);
    let of = queue::find(counter.flows.ledger(), &arguments.which)?.intention.id;
    if !arguments.no_card {
        tap::tap(context, &mut counter, arguments.wait)?;
        tap::verify(context, &mut counter)?;
    }
    let cancelled = counter.flows.cancel(of);
    counter.flows.close_card();
    let Cancelled { id, link, receipt, account } = cancelled?;
    // A refund that was loaded is a record of its own; a failing line only delays it.
    counter.flows.send_unless_down()?;
    let language = context.console.language();
    let (account, account_fen, account_reason) = match account {
        AccountRefund::None => ("none", Fen::ZERO, None),
        AccountRefund::Loaded(loaded) => ("loaded", loaded.amount, None),
        AccountRefund::Owed { amount, reason } => ("owed", amount, Some(reason.words(language).what)),
    };
    let printed = print_if_set_up(context, &counter, &receipt);
    let text = receipt.text(COLUMNS_80_MM, language);
    let done = CancelDone {
        id,
        sequence: link.sequence,
        of,
        account,
        account_fen,
        account_reason,
        receipt,
        printed,
        text,
    };
    context.console.answer(&done);
    Ok(Exit::Done)
}

impl Show for CancelDone {
    fn show(&self, page: &mut Page) {
        page.line(self.text.trim_end());
        page.gap();
        let amount = self.account_fen;
        match self.account {
            "loaded" => {
                page.say(
                    format!("✓ 账户款 {amount} 元已退回卡中"),
                    format!("✓ {amount} yuan are back on the card"),
                );
            }
            "owed" => {
                let why = self.account_reason.clone().unwrap_or_default();
                page.say(
                    format!("※ 账户款 {amount} 元挂账，持卡人再来时用 jinbao load --refund 补回（{why}）"),
                    format!("※ {amount} yuan are owed to the card: `jinbao load --refund` when it comes back ({why})"),
                );
            }
            _ => page.say("本笔未动用个人账户", "No account money was involved"),
        }
    }
}

#[derive(Serialize)]
struct LoadDone {
    card: CardGlance,
    earlier: Option<Earlier>,
    loads: Vec<LoadRow>,
}

#[derive(Serialize)]
struct LoadRow {
    id: TransactionId,
    sequence: u64,
    amount_fen: Fen,
    balance_after_fen: Fen,
}

impl From<Loaded> for LoadRow {
    fn from(loaded: Loaded) -> Self {
        LoadRow {
            id: loaded.id,
            sequence: loaded.link.sequence,
            amount_fen: loaded.amount,
            balance_after_fen: loaded.balance_after,
        }
    }
}

pub(super) fn load(context: &Context, arguments: &LoadArguments) -> Result<Exit, Failure> {
    let mut counter = context.open(false)?;
    counter.require_duty()?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let verified = tap::verify(context, &mut counter)?;
    let loaded = match arguments.amount {
        Some(amount) => counter.flows.load(amount).map(|loaded| vec![loaded]),
        None => counter.flows.load_refunds(),
    };
    counter.flows.close_card();
    let loads: Vec<LoadRow> = loaded?.into_iter().map(LoadRow::from).collect();
    if loads.is_empty() {
        return Err(Error::NothingToLoad.into());
    }
    // The record is in the books; a failing line only delays it.
    counter.flows.send_unless_down()?;
    context.console.answer(&LoadDone {
        card: CardGlance::of(&tap.card),
        earlier: Earlier::of_tap(&tap, verified.as_ref()),
        loads,
    });
    Ok(Exit::Done)
}

impl Show for LoadDone {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        if let Some(earlier) = &self.earlier {
            page.line(earlier.words(page.language()));
        }
        for load in &self.loads {
            let LoadRow { amount_fen, balance_after_fen, sequence, .. } = load;
            page.say(
                format!("✓ 已圈存 {amount_fen} 元，余额 {balance_after_fen} 元（序号 {sequence}）"),
                format!("✓ {amount_fen} yuan put on, balance {balance_after_fen} yuan (sequence {sequence})"),
            );
        }
    }
}

#[derive(Serialize)]
struct ResolveDone {
    card: CardGlance,
    resolved: Option<Earlier>,
    receipt: Option<Receipt>,
    printed: Option<bool>,
    #[serde(skip)]
    text: Option<String>,
}

pub(super) fn resolve(context: &Context, arguments: &ResolveArguments) -> Result<Exit, Failure> {
    if let Some(which) = &arguments.decision.decide {
        return super::decide::decide(context, which, &arguments.decision);
    }
    if arguments.decision.ask_again {
        return super::decide::ask_again(context);
    }
    let mut counter = context.open(false)?;
    counter.require_duty()?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let resolved = match &tap.resolution {
        None => None,
        Some(Resolution::Resolved(resolved)) => Some(resolved.clone()),
        Some(Resolution::Open { .. }) => match tap::verify(context, &mut counter)? {
            Some(resolved) => Some(resolved),
            None => counter.flows.resolve()?,
        },
    };
    counter.flows.close_card();
    let receipt = match &resolved {
        Some(Resolved::Done { receipt: Some(receipt), .. }) => Some((**receipt).clone()),
        _ => None,
    };
    if resolved.is_some() {
        counter.flows.send_unless_down()?;
    }
    let printed = receipt.as_ref().and_then(|receipt| print_if_set_up(context, &counter, receipt));
    context.console.answer(&ResolveDone {
        card: CardGlance::of(&tap.card),
        resolved: resolved.as_ref().map(Earlier::of),
        text: receipt.as_ref().map(|receipt| receipt.text(COLUMNS_80_MM, context.console.language())),
        receipt,
        printed,
    });
    Ok(Exit::Done)
}

impl Show for ResolveDone {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        match &self.resolved {
            Some(earlier) => page.line(earlier.words(page.language())),
            None => page.say("这张卡没有结果未知的交易", "This card has no unknown outcome here"),
        }
        if let Some(text) = &self.text {
            page.gap();
            page.line(text.trim_end());
        }
    }
}
