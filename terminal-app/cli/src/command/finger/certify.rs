//! `jinbao finger certify`: the holder is alive, and here (资格认证).

use clap::Args;
use protocol::{calendar::Day, evidence::FingerPosition, policy::Purpose};
use serde::Serialize;

use super::{
    prove::{self, Known, LADDER_HELP, ProofArguments},
    slip::{self, Slipped},
};
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
  jinbao finger certify
  jinbao finger certify --staff --second 0003    指纹不能用时双人核验 · by two clerks, where no finger works
  jinbao finger certify --home                   上门认证，可脱机 · at the person's home, also without a line

认证自当日起十二个月有效；暂停的养老金认证后补发。死亡人员的卡、停用的卡不予认证。
It holds for twelve months. What was suspended is paid afterwards. Cards of the dead and blocked cards are refused.

退出码 Exit: 0 已认证 · certified; 3 没有手指或不清楚、不予认证 · no finger, not clear, or refused; 4 不一致，或须
             经办人员 · it differs, or staff has to decide; 5 指纹仪 · the sensor

";

/// What `finger certify` is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES.to_owned() + LADDER_HELP)]
pub(crate) struct Arguments {
    /// 手指，1 右拇指 … 6 左拇指 … 10 · which finger, 1 right thumb … 10 left little finger
    #[arg(long, value_name = "POSITION", value_parser = super::position)]
    finger: Option<FingerPosition>,
    #[command(flatten)]
    proof: ProofArguments,
    /// 上门认证：记为上门，经办人为签到的操作员 · at the person's home, in the name of whoever has signed in
    #[arg(long)]
    home: bool,
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    offline: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

#[derive(Serialize)]
struct Certified {
    card: CardGlance,
    proof: Known,
    certified_until: Day,
    /// At the person's home.
    home: bool,
    #[serde(flatten)]
    slip: Slipped,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut counter = context.open(arguments.offline)?;
    counter.require_duty()?;
    counter.require_sound_books()?;
    arguments.proof.prepare(&mut counter)?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let known =
        prove::prove(context, &mut counter, Purpose::Certification, arguments.finger, &arguments.proof);
    let done = known.and_then(|known| {
        let certified = match arguments.home {
            true => counter.flows.certify_at_home()?,
            false => counter.flows.certify()?,
        };
        Ok((known, certified))
    });
    counter.flows.close_card();
    let (proof, done) = done?;
    slip::send(&mut counter, arguments.offline)?;
    context.console.answer(&Certified {
        card: CardGlance::of(&tap.card),
        proof,
        certified_until: done.until,
        home: arguments.home,
        slip: Slipped::of(context, &counter, done.link, done.slip, arguments.offline)?,
    });
    Ok(Exit::Done)
}

impl Show for Certified {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        self.proof.line(page);
        let until = self.certified_until;
        page.say(format!("✓ 资格认证通过，有效期至 {until}"), format!("✓ certified until {until}"));
        self.slip.show(page);
    }
}
