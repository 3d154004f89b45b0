//! `jinbao finger verify`: is this the holder?

use clap::{Args, ValueEnum};
use protocol::{evidence::FingerPosition, policy::Purpose};
use serde::Serialize;

use super::prove::{self, Known, LADDER_HELP, ProofArguments};
use crate::{
    command::{
        Context,
        tap::{self, CARD_TIMEOUT_S, CardGlance},
    },
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

const EXAMPLES: &str = "\
例 Examples:
  jinbao finger verify                       按养老金的严格程度 · as strictly as for a pension
  jinbao finger verify --for visit --finger 2
  jinbao finger verify --on-card             由卡片自己比对 · the card itself compares

退出码 Exit: 0 是本人 · the holder; 3 没有手指或不清楚 · no finger, or not clear; 4 不一致，或须经办人员 · it differs,
             or staff has to decide; 5 指纹仪 · the sensor

";

/// What `finger verify` is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES.to_owned() + LADDER_HELP)]
pub(crate) struct Arguments {
    /// 按何种业务的要求 · as strictly as for
    #[arg(long = "for", value_enum, default_value = "pension")]
    purpose: PurposeArgument,
    /// 手指，1 右拇指 … 6 左拇指 … 10 · which finger, 1 right thumb … 10 left little finger
    #[arg(long, value_name = "POSITION", value_parser = super::position)]
    finger: Option<FingerPosition>,
    #[command(flatten)]
    proof: ProofArguments,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What a proof is wanted for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PurposeArgument {
    Visit,
    Enrolment,
    Certification,
    Pension,
}

impl From<PurposeArgument> for Purpose {
    fn from(purpose: PurposeArgument) -> Self {
        match purpose {
            PurposeArgument::Visit => Purpose::Visit,
            PurposeArgument::Enrolment => Purpose::Enrolment,
            PurposeArgument::Certification => Purpose::Certification,
            PurposeArgument::Pension => Purpose::Pension,
        }
    }
}

#[derive(Serialize)]
struct Verified {
    card: CardGlance,
    proof: Known,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut counter = context.open(false)?;
    counter.require_duty()?;
    arguments.proof.prepare(&mut counter)?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let known =
        prove::prove(context, &mut counter, arguments.purpose.into(), arguments.finger, &arguments.proof);
    counter.flows.close_card();
    context.console.answer(&Verified { card: CardGlance::of(&tap.card), proof: known? });
    Ok(Exit::Done)
}

impl Show for Verified {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        self.proof.line(page);
    }
}
