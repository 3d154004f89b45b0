//! `jinbao reconcile`: the day's comparison with the center (对账).

use card_spec::money::Fen;
use clap::Args;
use edge::{shift, terminal::Terminal};
use protocol::reconciliation::Totals;
use serde::Serialize;
use terminal::{
    error::Error,
    reconcile::Reconciliation,
    roles::{Action, Cycle},
};

use super::{Context, queue};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What `reconcile` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao reconcile                      对最早未对账的周期 · the oldest cycle that is open
  jinbao reconcile --cycle NUMBER       指定周期 · a certain cycle
  jinbao reconcile --accept             主管确认差异后放行 · a supervisor accepts a difference

先上传再对账。不平时退出码为 1，并列出缺少与有争议的交易。
Uploads first. Exit 1 when the sums differ; what is missing or disputed is listed.")]
pub(crate) struct Arguments {
    /// 周期号 · number of the cycle
    #[arg(long, value_name = "NUMBER")]
    cycle: Option<String>,
    /// 查明差异后接受（须主管签到） · accept the difference; a supervisor must be signed in
    #[arg(long)]
    accept: bool,
}

#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    reconciliation: Reconciliation,
    accepted: bool,
    uploaded: queue::Uploaded,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    let now = terminal.now();
    let action = if arguments.accept { Action::AcceptDifference } else { Action::Reconcile };
    let signed_in = shift::require(&terminal.cabinet, &mut terminal.ledger, action, now)?;
    let uploaded = queue::upload(context, &mut terminal)?;
    let cycle = match &arguments.cycle {
        Some(number) => number.clone(),
        None => {
            let overdue: Option<Cycle> = terminal.ledger.cycle_overdue(now).map_err(Error::from)?;
            let cycle = overdue.or_else(|| signed_in.cycle.clone());
            cycle.map(|cycle| cycle.number).ok_or(EdgeError::Argument {
                expected: "the number of a cycle by --cycle: there is none to compare",
                expected_chinese: "--cycle 周期号；目前没有需要对账的周期",
            })?
        }
    };
    let mut link = terminal.cabinet.any_link()?;
    let reconciliation =
        terminal.ledger.reconcile(&cycle, link.as_mut(), signed_in.actor(), now).map_err(Error::from)?;
    let accepted = arguments.accept && !reconciliation.equal;
    if accepted {
        terminal.ledger.accept_difference(&cycle, signed_in.actor(), now).map_err(Error::from)?;
    }
    let in_order = reconciliation.equal || accepted;
    context.console.answer(&Compared { reconciliation, accepted, uploaded });
    Ok(if in_order { Exit::Done } else { Exit::No })
}

impl Show for Compared {
    fn show(&self, page: &mut Page) {
        let Reconciliation { cycle, from_sequence, to_sequence, ours, theirs, equal, .. } =
            &self.reconciliation;
        page.say(
            format!("周期 {cycle}，序号 {from_sequence} 至 {to_sequence}"),
            format!("Cycle {cycle}, sequences {from_sequence} to {to_sequence}"),
        );
        let language = page.language();
        let pick = |chinese: &'static str, english: &'static str| language.pick(chinese, english);
        let head =
            [pick("项目", "sum"), pick("本终端", "here"), pick("中心", "center"), pick("差额", "difference")];
        let money = |name: &'static str, of: fn(&Totals) -> Fen| {
            let (here, there) = (of(ours), of(theirs));
            vec![name.to_owned(), here.to_string(), there.to_string(), (here - there).to_string()]
        };
        let count = vec![
            pick("笔数", "records").to_owned(),
            ours.count.to_string(),
            theirs.count.to_string(),
            (i128::from(ours.count) - i128::from(theirs.count)).to_string(),
        ];
        let mut rows = vec![
            count,
            money(pick("医疗费总额", "total fee"), |totals| totals.medfee_sumamt),
            money(pick("基金支付", "funds"), |totals| totals.fund_pay_sumamt),
            money(pick("个人账户", "personal account"), |totals| totals.acct_pay),
            money(pick("现金", "cash"), |totals| totals.psn_cash_pay),
        ];
        // A line of their own, where contributions are taken.
        let (here, there) = (ours.contribution_count, theirs.contribution_count);
        if here > 0 || there > 0 {
            rows.push(vec![
                pick("缴费笔数", "contributions").to_owned(),
                here.to_string(),
                there.to_string(),
                (i128::from(here) - i128::from(there)).to_string(),
            ]);
            rows.push(money(pick("缴费金额", "contributions received"), |totals| {
                totals.contribution_amt
            }));
            rows.push(money(pick("其中现金", "  in cash"), |totals| totals.contribution_cash_amt));
        }
        page.table(&head, &[1, 2, 3], rows);
        match (equal, self.accepted) {
            (true, _) => page.say("✓ 相符", "✓ equal"),
            (false, true) => page.say("※ 不符，已由主管接受", "※ not equal, accepted by the supervisor"),
            (false, false) => page.say("✗ 不符", "✗ not equal"),
        }
        let list = |items: Vec<String>| items.join(", ");
        let missing: Vec<String> = self.reconciliation.missing.iter().map(u64::to_string).collect();
        if !missing.is_empty() {
            page.say(
                format!("中心缺少序号：{}", list(missing.clone())),
                format!("missing at the center: {}", list(missing)),
            );
        }
        let disputed: Vec<String> = self.reconciliation.disputed.iter().map(ToString::to_string).collect();
        if !disputed.is_empty() {
            page.say(
                format!("被拒或冲突：{}", list(disputed.clone())),
                format!("refused or disputed: {}", list(disputed)),
            );
        }
        let unresolved: Vec<String> =
            self.reconciliation.unresolved.iter().map(ToString::to_string).collect();
        if !unresolved.is_empty() {
            page.say(
                format!("结果未知（持卡人再来时用 jinbao resolve 查明）：{}", list(unresolved.clone())),
                format!("unknown outcomes (`jinbao resolve` when the card comes back): {}", list(unresolved)),
            );
        }
    }
}
