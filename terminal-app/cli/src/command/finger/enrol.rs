//! `jinbao finger enrol`: the holder's fingers, taken with consent and written to the holder's card.

use clap::Args;
use edge::counter::Counter;
use protocol::{
    evidence::FingerPosition,
    policy::Purpose,
    record::{EnrolledFinger, Fitness},
};
use serde::Serialize;
use terminal::{
    error::Error,
    flows::{Clerk, Enrolled, FINGERS_MAX},
    holder::{ProofError, finger::position_name},
    language::Language,
};

use super::{
    probe,
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

/// Fingers that are asked for when none is named, the fittest of most people first: thumbs, then index and
/// middle fingers, right before left.
const USUAL: [u8; 6] = [1, 6, 2, 7, 3, 8];

/// How often the same finger is taken anew when its impressions do not agree.
const REPEATS_MAX: usize = 2;

const EXAMPLES: &str = "\
例 Examples:
  jinbao finger enrol                            依次采集两个手指 · two fingers, one after the other
  jinbao finger enrol --finger 2 --finger 7      指定两个食指 · both index fingers
  jinbao finger enrol --consent --staff --pin-stdin < pin.txt
  jinbao finger enrol --none-usable --supervisor 0001 --consent --staff
                                                 没有合格手指，主管确认 · no finger can be used, says a supervisor

须先征得持卡人单独同意：说明指纹只写入本人的卡、用于核验本人、可以拒绝、可到经办机构删除。
The holder has to agree first, on its own: the fingers go to the holder's card alone, to know the holder again;
one may refuse, and have them deleted at the agency.
每指采集三次，取最好的；写卡之前再比对一次。拔卡时卡里或是原来的、或是新的，不会损坏。
Three impressions of each finger, the best are kept; one more match before the card is written. A card that is
pulled out has its old fingers or the new ones, never broken ones.

持卡人先输入密码；卡内没有指纹时，经办人员核对本人与证件（--staff）。
The PIN comes first; where the card holds no finger yet, staff compares face and document (--staff).

退出码 Exit: 0 已写入 · written; 3 手指或本人未通过 · finger or holder; 4 未同意、须经办人员 · consent or staff;
             5 指纹仪 · the sensor; 7 拔卡，结果未知：插入同一张卡 · pulled out, put the same card in again

";

/// What `finger enrol` is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES.to_owned() + LADDER_HELP)]
pub(crate) struct Arguments {
    /// 要采集的手指，可给两次；1 右拇指 … 6 左拇指 … 10 · finger to take, at most two; 1 right thumb … 10 left little
    #[arg(long, value_name = "POSITION", value_parser = super::position)]
    finger: Vec<FingerPosition>,
    /// 持卡人已单独同意 · the holder has agreed
    #[arg(long)]
    consent: bool,
    /// 注明没有可用的手指，须主管确认 · note that no finger can be used; a supervisor confirms
    #[arg(long, requires = "supervisor", conflicts_with = "finger")]
    none_usable: bool,
    /// 确认的主管工号 · number of the supervisor who confirms
    #[arg(long, value_name = "NUMBER", requires = "none_usable")]
    supervisor: Option<String>,
    #[command(flatten)]
    proof: ProofArguments,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

#[derive(Serialize)]
struct EnrolDone {
    card: CardGlance,
    proof: Known,
    fingers: Vec<EnrolledFinger>,
    #[serde(flatten)]
    slip: Slipped,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut counter = context.open(false)?;
    counter.require_duty()?;
    counter.require_sound_books()?;
    arguments.proof.prepare(&mut counter)?;
    if !arguments.none_usable {
        probe::require(&mut counter)?;
    }
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let done = enrol(context, &mut counter, arguments);
    counter.flows.close_card();
    let (proof, Enrolled { link, fingers, slip, .. }) = done?;
    slip::send(&mut counter, false)?;
    context.console.answer(&EnrolDone {
        card: CardGlance::of(&tap.card),
        proof,
        fingers,
        slip: Slipped::of(context, &counter, link, slip, false)?,
    });
    Ok(Exit::Done)
}

fn enrol(
    context: &Context,
    counter: &mut Counter,
    arguments: &Arguments,
) -> Result<(Known, Enrolled), Failure> {
    let question = (
        "持卡人已被告知：指纹只写入本人的卡、用于核验本人、可以拒绝。是否同意采集？[y/N]",
        "The holder was told that the fingers go to the own card alone, what for, and that one may refuse. Agreed? [y/N]",
    );
    let consent = arguments.consent || prove::agrees(context, question)?;
    if !consent {
        return Err(Error::Proof(ProofError::ConsentFirst).into());
    }
    // In every case beside whatever the policy asks: fingers stay for years.
    tap::verify(context, counter)?;
    let known = prove::prove(context, counter, Purpose::Enrolment, None, &arguments.proof)?;
    if let Some(number) = arguments.supervisor.as_deref() {
        let secret = prove::clerk_secret(context, number)?;
        let clerk = Clerk { number, secret: &secret };
        return Ok((known, counter.flows.enrol_none_usable(consent, clerk)?));
    }
    counter.flows.begin_enrolment(consent)?;
    take(context, counter, &arguments.finger)?;
    Ok((known, counter.flows.finish_enrolment()?))
}

/// Takes the named fingers, or of the usual ones as many as will do.
fn take(context: &Context, counter: &mut Counter, named: &[FingerPosition]) -> Result<(), Failure> {
    let usual: Vec<FingerPosition> = USUAL.into_iter().filter_map(FingerPosition::new).collect();
    let (list, wanted) = match named.is_empty() {
        true => (usual.as_slice(), FINGERS_MAX),
        false => (named, named.len()),
    };
    let (mut taken, mut last) = (0, None);
    for position in list {
        match take_one(context, counter, *position) {
            Ok(()) => taken += 1,
            // The next finger may be better.
            Err(Failure::Terminal(error @ Error::Proof(ProofError::FingerUnfit))) if named.is_empty() => {
                context.console.step(&error.words(context.console.language()).to_string());
                last = Some(error);
            }
            Err(failure) => return Err(failure),
        }
        if taken == wanted {
            return Ok(());
        }
    }
    match last {
        // One finger is better than none.
        Some(error) if taken == 0 => Err(error.into()),
        _ => Ok(()),
    }
}

fn take_one(context: &Context, counter: &mut Counter, position: FingerPosition) -> Result<(), Failure> {
    let language = context.console.language();
    context.console.step(&match language {
        Language::Chinese => format!("采集{}", position_name(position).name(language)),
        Language::English => format!("taking the {}", position_name(position).name(language)),
    });
    for repeat in 0.. {
        match counter.flows.enrol_finger(position) {
            Ok(_) => return Ok(()),
            Err(error @ Error::Proof(ProofError::ImpressionsDiffer)) if repeat < REPEATS_MAX => {
                context.console.step(&error.words(language).to_string());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl Show for EnrolDone {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        self.proof.line(page);
        if self.fingers.is_empty() {
            page.say("✓ 卡内已注明：没有可用的手指", "✓ the card says now that no finger can be used");
        }
        let mut last = None;
        for finger in
            self.fingers.iter().filter(|finger| last.replace(finger.position) != Some(finger.position))
        {
            let name = position_name(finger.position);
            let (chinese, english) = match finger.fitness {
                Fitness::Fit => ("良好", "fit"),
                Fitness::Weak => ("较弱", "weak"),
            };
            page.say(
                format!("✓ 已写入{}（{chinese}）", name.name(Language::Chinese)),
                format!("✓ written: {} ({english})", name.name(Language::English)),
            );
        }
        self.slip.show(page);
    }
}
