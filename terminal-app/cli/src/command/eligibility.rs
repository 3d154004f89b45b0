//! `jinbao eligibility`: may the holder of the card settle here?

use clap::Args;
use serde::Serialize;
use terminal::{
    eligibility::{Decision, Source},
    error::Error,
    roles::Action,
};

use super::{
    Context,
    tap::{self, CARD_TIMEOUT_S, CardGlance, Earlier},
};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
};

/// What `eligibility` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao eligibility
  jinbao eligibility --offline --json

先查本机资格库；库中没有或过旧时问中心。无资格时退出码为 1。
This terminal's copy is asked first, the center where that does not do. Exit 1 when the holder may not settle.")]
pub(crate) struct Arguments {
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    offline: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

#[derive(Serialize)]
struct Answer {
    eligible: bool,
    card: CardGlance,
    earlier: Option<Earlier>,
    source: Option<&'static str>,
    cache_age_ms: Option<i64>,
    city: Option<String>,
    insutype: Option<u16>,
    psn_type: Option<u8>,
    reason: Option<String>,
    advice: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut counter = context.open(arguments.offline)?;
    let signed_in = counter.flows.signed_in().cloned().ok_or(Error::NotSignedIn)?;
    let now = counter.cabinet.now();
    counter.flows.ledger_mut().authorise(&signed_in, Action::ReadCard, now).map_err(Error::from)?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let decision = counter.flows.eligibility();
    counter.flows.close_card();
    let mut answer = Answer {
        eligible: false,
        card: CardGlance::of(&tap.card),
        earlier: Earlier::of_tap(&tap, None),
        source: None,
        cache_age_ms: None,
        city: None,
        insutype: None,
        psn_type: None,
        reason: None,
        advice: None,
    };
    match decision? {
        Decision::Eligible(eligible) => {
            answer.eligible = true;
            (answer.source, answer.cache_age_ms) = match eligible.source {
                Source::Cache { age_ms } => (Some("cache"), Some(age_ms)),
                Source::Center => (Some("center"), None),
            };
            answer.city = Some(eligible.city.to_string());
            answer.insutype = Some(eligible.person.insutype);
            answer.psn_type = Some(eligible.person.psn_type);
        }
        Decision::NotEligible(refusal) => {
            let words = refusal.words(context.console.language());
            answer.reason = Some(words.what);
            answer.advice = Some(words.next);
        }
    }
    let exit = if answer.eligible { Exit::Done } else { Exit::No };
    context.console.answer(&answer);
    Ok(exit)
}

impl Show for Answer {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        if let Some(earlier) = &self.earlier {
            page.line(earlier.words(page.language()));
        }
        if let (Some(insutype), Some(psn_type), Some(city)) = (self.insutype, self.psn_type, &self.city) {
            let asked = match (self.cache_age_ms, page.language()) {
                (Some(age_ms), terminal::language::Language::Chinese) => {
                    format!("本机资格库，{} 分钟前", age_ms.max(0) / 60_000)
                }
                (Some(age_ms), terminal::language::Language::English) => {
                    format!("this terminal's copy, {} minutes old", age_ms.max(0) / 60_000)
                }
                (None, language) => language.pick("中心", "the center").to_owned(),
            };
            page.say(
                format!("✓ 可以结算：参保地 {city}，险种 {insutype}，人员类别 {psn_type}（{asked}）"),
                format!("✓ may settle: insured in {city}, insurance {insutype}, kind {psn_type} ({asked})"),
            );
        }
        if let Some(reason) = &self.reason {
            page.line(format!("✗ {reason}"));
        }
        if let Some(advice) = self.advice.as_ref().filter(|advice| !advice.is_empty()) {
            page.line(format!("  → {advice}"));
        }
    }
}
