//! `jinbao resolve` without a card: what a supervisor decides of a transaction whose card cannot tell any more,
//! and cards that an installer has asked again.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use terminal::{
    audit::Ground,
    flows::Resolved,
    ledger::State,
    receipt::{COLUMNS_80_MM, Receipt},
};

use super::{Context, queue, receipt::print_if_set_up, tap::Earlier};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// The part of `resolve` that needs no card.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// 卡片已无法说明的交易编号，须主管签到 · a transaction whose card cannot tell; a supervisor must be signed in
    #[arg(long, value_name = "ID", requires = "outcome", requires = "ground")]
    pub(super) decide: Option<String>,
    /// 认定卡片已完成：无 TAC 入账，中心稽核 · the card has done it: written down without its TAC
    #[arg(long, group = "outcome", requires = "decide")]
    done: bool,
    /// 认定卡片未完成：作废，可重新结算 · the card has not done it: given up, the visit is open again
    #[arg(long, group = "outcome", requires = "decide")]
    not_done: bool,
    /// 认定依据 · on what ground
    #[arg(long, value_enum, requires = "decide")]
    ground: Option<GroundArgument>,
    /// 安全模块已核对：曾拒绝本终端认证的卡可再试一次，须安装维护员登录 · cards that have refused this terminal may be asked
    /// once more; for an installer who has checked the security module
    #[arg(long, conflicts_with = "decide")]
    pub(super) ask_again: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroundArgument {
    /// 发卡机构或银行查询的卡内余额、明细 · the card's balance or log, seen elsewhere
    Card,
    /// 中心的账户记录 · the center's account of the person
    Center,
    /// 卡片遗失、换发或损坏，已询问持卡人 · the card is lost, replaced or broken, and its holder was asked
    Gone,
}

impl From<GroundArgument> for Ground {
    fn from(ground: GroundArgument) -> Self {
        match ground {
            GroundArgument::Card => Ground::CardStatement,
            GroundArgument::Center => Ground::CenterStatement,
            GroundArgument::Gone => Ground::CardGone,
        }
    }
}

#[derive(Serialize)]
struct DecideDone {
    decided: Earlier,
    receipt: Option<Receipt>,
    printed: Option<bool>,
    #[serde(skip)]
    text: Option<String>,
}

pub(super) fn decide(context: &Context, which: &str, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut counter = context.open_without_card()?;
    counter.require_duty()?;
    let transaction = queue::find(counter.flows.ledger(), which)?;
    if transaction.state != State::Armed {
        return Err(EdgeError::Argument {
            expected: "a transaction without an outcome; see `jinbao queue list --unresolved`",
            expected_chinese: "结果未知的交易，见 jinbao queue list --unresolved",
        }
        .into());
    }
    let id = transaction.intention.id;
    // The parser sees to it that there is one; without, the weakest.
    let ground = arguments.ground.map_or(Ground::CardGone, Ground::from);
    let resolved = counter.flows.decide(id, arguments.done, ground)?;
    // The record is in the books; a failing line only delays it.
    counter.flows.send_unless_down()?;
    let receipt = match &resolved {
        Resolved::Done { receipt: Some(receipt), .. } => Some((**receipt).clone()),
        _ => None,
    };
    let printed = receipt.as_ref().and_then(|receipt| print_if_set_up(context, &counter, receipt));
    context.console.answer(&DecideDone {
        decided: Earlier::of(&resolved),
        text: receipt.as_ref().map(|receipt| receipt.text(COLUMNS_80_MM, context.console.language())),
        receipt,
        printed,
    });
    Ok(Exit::Done)
}

pub(super) fn ask_again(context: &Context) -> Result<Exit, Failure> {
    let mut counter = context.open_books()?;
    let cards = counter.flows.forget_refusals()?;
    context.console.done(
        &format!("{cards} 张曾拒绝本终端认证的卡可再试一次；再被拒绝则再损失一次机会"),
        &format!("{cards} cards that have refused this terminal may be asked once more; each refusal costs them a try"),
        json!({ "cards": cards }),
    );
    Ok(Exit::Done)
}

impl Show for DecideDone {
    fn show(&self, page: &mut Page) {
        page.line(self.decided.decided_words(page.language()));
        if let Some(text) = &self.text {
            page.gap();
            page.line(text.trim_end());
        }
    }
}
