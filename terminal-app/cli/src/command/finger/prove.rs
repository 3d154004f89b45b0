//! The ladder at the counter: the finger, another finger, then PIN and staff.

use std::io::{self, IsTerminal};

use clap::Args;
use edge::counter::Counter;
use protocol::{
    evidence::{FingerPosition, HolderProof, Way},
    policy::Purpose,
};
use serde::Serialize;
use terminal::{
    error::Error,
    flows::{Clerk, FingerCheck},
    holder::{
        ProofError,
        finger::{FingerFailure, Rung, position_name},
    },
    language::Language,
    session::SessionError,
    words::reason_name,
};
use zeroize::Zeroizing;

use super::probe;
use crate::{
    command::{Context, operator, tap},
    console::Page,
    failure::{EdgeError, Failure},
};

/// Attempts of one command, whatever the policy says: a person stands there.
const ATTEMPTS_MAX: usize = 32;

/// What is the same for everything that needs to know who stands there.
pub(crate) const LADDER_HELP: &str = "\
核验 Who it is:
  先按卡内登记的手指，每指三次，至多两指；都不能用时，持卡人输入密码，经办人员核对本人与证件，
  养老金和资格认证还须第二名经办人员复核。只有“不一致”才计入可疑；手指太干、没有指纹仪不算。
  The enrolled finger first, three tries each, two fingers at most. Where none can decide, the holder types the
  PIN and staff compares face and document; pensions and certifications need a second clerk as well. Only a
  finger that differs is a reason to suspect: a dry one or a missing sensor is not.
  --staff 表示经办人员已核对；--second 给出复核人，随后输入其口令。
  --pin-stdin 时依次为卡密码、复核人口令。 With --pin-stdin the PIN comes first, then the second clerk's secret.";

/// Options of everything that needs to know who stands there.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "核验 Who it is")]
pub(crate) struct ProofArguments {
    /// 指纹仪 · sensor: /dev/tty…, board [默认 default: config.json]
    #[arg(long, value_name = "SENSOR")]
    pub(super) sensor: Option<String>,
    /// 等手指秒数 · seconds to wait for a finger
    #[arg(long, value_name = "SECONDS")]
    finger_wait: Option<u32>,
    /// 由卡片自己比对 · let the card itself compare
    #[arg(long)]
    on_card: bool,
    /// 手指不能用时：经办人员已核对本人与证件 · where no finger can decide: staff has compared face and document
    #[arg(long)]
    staff: bool,
    /// 复核的另一名经办人员 · number of the second clerk who confirms
    #[arg(long, value_name = "NUMBER", requires = "staff")]
    second: Option<String>,
}

/// What was tried and what is known in the end.
#[derive(Debug, Serialize)]
pub(crate) struct Known {
    /// The way that was taken, as the evidence says.
    #[serde(flatten)]
    way: Way,
    /// What did not decide before it.
    failures: Vec<&'static str>,
}

impl ProofArguments {
    /// Puts the sensor on the counter and sets how long a finger is waited for.
    pub(crate) fn prepare(&self, counter: &mut Counter) -> Result<(), Failure> {
        probe::put_on_counter(counter, self.sensor.as_deref())?;
        if let Some(seconds) = self.finger_wait {
            let ms = seconds.saturating_mul(1_000);
            counter.flows.set_finger_timeouts_ms(ms, ms);
        }
        Ok(())
    }
}

/// Finds out who stands there, with guidance, down to the rung that decides.
///
/// Errors: `Finger` with the last failure when staff does not take over, those of the PIN and of the second clerk.
pub(crate) fn prove(
    context: &Context,
    counter: &mut Counter,
    purpose: Purpose,
    finger: Option<FingerPosition>,
    arguments: &ProofArguments,
) -> Result<Known, Failure> {
    let mut failures = Vec::new();
    let mut last = FingerFailure::NoFinger;
    for _ in 0..ATTEMPTS_MAX {
        let check = match arguments.on_card {
            true => counter.flows.check_card_finger(purpose, finger),
            false => counter.flows.check_finger(purpose, finger),
        };
        let check = match check {
            Err(Error::Session(SessionError::PinFirst)) => {
                tap::verify(context, counter)?;
                continue;
            }
            other => other?,
        };
        let (why, next) = match &check {
            FingerCheck::Proved(proof) => {
                say(context, &check);
                return Ok(Known::of(proof, failures));
            }
            FingerCheck::Failed { why, next } => (*why, *next),
        };
        say(context, &check);
        failures.push(word(why));
        last = why;
        if let Rung::Clerk { reason } = next {
            let language = context.console.language();
            context.console.step(&match language {
                Language::Chinese => format!("转人工核验：{}", reason_name(reason, language)),
                Language::English => format!("staff decides: {}", reason_name(reason, language)),
            });
            let proof = vouch(context, counter, purpose, arguments, why)?;
            return Ok(Known::of(&proof, failures));
        }
    }
    Err(Error::Finger(last).into())
}

/// PIN and staff, and a second clerk where the policy wants one.
fn vouch(
    context: &Context,
    counter: &mut Counter,
    purpose: Purpose,
    arguments: &ProofArguments,
    why: FingerFailure,
) -> Result<HolderProof, Failure> {
    let question = ("经办人员已核对本人与证件？[y/N]", "Has staff compared face and document? [y/N]");
    if !arguments.staff && !agrees(context, question)? {
        return Err(Error::Finger(why).into());
    }
    if !counter.flows.pin_is_verified() {
        tap::verify(context, counter)?;
    }
    let second = match &arguments.second {
        Some(number) => Some(number.clone()),
        None if counter.flows.needs_second_clerk(purpose) => Some(second_number(context)?),
        None => None,
    };
    let Some(number) = second else { return Ok(counter.flows.vouch(purpose, None)?) };
    let secret = clerk_secret(context, &number)?;
    Ok(counter.flows.vouch(purpose, Some(Clerk { number: &number, secret: &secret }))?)
}

/// The secret of somebody who is not signed in here.
pub(super) fn clerk_secret(context: &Context, number: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (chinese, english) = (format!("操作员 {number} 的口令"), format!("Secret of operator {number}"));
    operator::ask(context, &chinese, &english)
}

/// Asks who confirms, where there is somebody to ask.
fn second_number(context: &Context) -> Result<String, Failure> {
    if !is_attended(context) {
        return Err(Error::Proof(ProofError::SecondClerkFirst).into());
    }
    let number = line(context, ("复核人工号：", "Number of the second clerk:"))?;
    if number.is_empty() { Err(Error::Proof(ProofError::SecondClerkFirst).into()) } else { Ok(number) }
}

/// Asks the person in front; without one the answer is no.
pub(crate) fn agrees(context: &Context, question: (&str, &str)) -> Result<bool, Failure> {
    if !is_attended(context) {
        return Ok(false);
    }
    Ok(matches!(line(context, question)?.as_str(), "y" | "Y" | "yes" | "是"))
}

fn is_attended(context: &Context) -> bool {
    !context.global.pin_stdin && !context.console.is_json() && io::stdin().is_terminal()
}

fn line(context: &Context, question: (&str, &str)) -> Result<String, Failure> {
    context.console.error_line(context.console.language().pick(question.0, question.1));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|_| EdgeError::NoKeyboard)?;
    Ok(answer.trim().to_owned())
}

fn say(context: &Context, check: &FingerCheck) {
    context.console.step(&check.words(context.console.language()).to_string());
}

/// The stable word for machines.
pub(super) fn word(why: FingerFailure) -> &'static str {
    match why {
        FingerFailure::NoSensor => "no_sensor",
        FingerFailure::SensorUnbound => "sensor_unbound",
        FingerFailure::SensorChanged => "sensor_changed",
        FingerFailure::NoFinger => "no_finger",
        FingerFailure::PoorImage(_) => "poor_image",
        FingerFailure::NoMatch => "no_match",
        FingerFailure::NoTemplate => "no_template",
        FingerFailure::TemplateBroken => "template_broken",
        FingerFailure::NoUsableFinger => "no_usable_finger",
        FingerFailure::CardBlocked => "card_blocked",
        FingerFailure::Replayed => "replayed",
        FingerFailure::Cancelled => "cancelled",
        _ => "other",
    }
}

impl Known {
    fn of(proof: &HolderProof, failures: Vec<&'static str>) -> Self {
        Known { way: proof.way.clone(), failures }
    }

    pub(crate) fn line(&self, page: &mut Page) {
        let name = |position: FingerPosition| {
            let name = position_name(position);
            (name.name(Language::Chinese), name.name(Language::English))
        };
        match &self.way {
            Way::Finger(finger) => {
                let (chinese, english) = name(finger.position);
                page.say(
                    format!("✓ 指纹一致：{chinese}，第 {} 次", finger.tries),
                    format!("✓ the holder's {english}, try {}", finger.tries),
                );
            }
            Way::CardFinger { position, tries, .. } => {
                let (chinese, english) = name(*position);
                page.say(
                    format!("✓ 卡片比对一致：{chinese}，第 {tries} 次"),
                    format!("✓ the card says: the holder's {english}, try {tries}"),
                );
            }
            Way::PinAndClerk { reason, clerk, second_clerk, .. } => {
                let by = [Some(clerk.as_str()), second_clerk.as_deref()];
                let by: Vec<&str> = by.into_iter().flatten().collect();
                let by = by.join(page.pick("、", " and "));
                page.say(
                    format!("※ 密码及人工核验（{}），经办 {by}", reason_name(*reason, Language::Chinese)),
                    format!("※ by PIN and staff ({}), clerk {by}", reason_name(*reason, Language::English)),
                );
            }
            _ => page.say("✓ 密码正确", "✓ the PIN is right"),
        }
    }
}
