//! `jinbao setup`: the steps of the set-up without a screen.

mod answers;

use std::{ops::ControlFlow, path::PathBuf};

use clap::Args;
use edge::{
    checks::{Check, Health},
    fill::Ended,
    pin_entry::SECRET_TIMEOUT_MS,
    setup::Installation,
};
use serde::Serialize;
use terminal::{
    language::Language,
    progress::Progress,
    setup::{CenterChosen, Step},
};
use zeroize::Zeroizing;

use self::answers::{Answers, EXAMPLE};
use super::{Context, enrol::ask_code};
use crate::{
    console::{Console, Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What `setup` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao setup --example > answers.toml      带注释的答案文件 · a file of answers with comments
  jinbao setup --answers answers.toml        执行；断电后再次运行即从断点继续 · do it; after a power cut run it again
  printf '%s\\n' ONE-TIME-CODE PIN | jinbao setup --answers answers.toml --pin-stdin
  jinbao setup                               只看进度 · only show how far it is
  jinbao setup --again --answers answers.toml   维修后重做自检 · prove it anew after a repair

一次性登记码和培训卡密码从键盘输入，不写入任何文件。答案中有主管编号时，还会要求输入其口令。
The one-time code and the PIN of the training card are typed and written nowhere. Where the answers name a supervisor,
that one's secret is asked for before the PIN.")]
pub(crate) struct Arguments {
    /// 答案文件 · file of answers
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// 打印带注释的答案文件 · print a file of answers with comments
    #[arg(long, conflicts_with = "answers")]
    example: bool,
    /// 重做自检、培训交易和报告 · do self-test, training transaction and report again
    #[arg(long)]
    again: bool,
    /// 等培训卡秒数 · seconds to wait for the training card
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u32,
}

/// How far the set-up is.
#[derive(Serialize)]
struct Standing {
    done: bool,
    next: Option<Step>,
    settled: Vec<Step>,
    report: Option<String>,
    digest: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.example {
        context.console.verbatim(EXAMPLE);
        return Ok(Exit::Done);
    }
    let answers = arguments.answers.as_deref().map(Answers::read).transpose()?;
    let mut installation = Installation::open(&context.options()?)?;
    if arguments.again {
        installation.prove_again()?;
    }
    if let Some(answers) = &answers {
        let console = Console::new(answers.language, context.console.is_json());
        steps(context, &console, answers, arguments.wait, &mut installation)?;
    }
    let standing = Standing::of(&installation);
    let done = standing.done;
    context.console.answer(&standing);
    Ok(if done { Exit::Done } else { Exit::No })
}

/// Does what is left, each step told as it begins.
fn steps(
    context: &Context,
    console: &Console,
    answers: &Answers,
    wait_s: u32,
    installation: &mut Installation,
) -> Result<(), Failure> {
    // What is chosen may have been changed in the file since; what is done stays done.
    installation.choose_language(answers.language)?;
    installation.choose_place(answers.terminal.clone())?;
    let devices = match &answers.devices {
        Some(devices) => devices.clone(),
        None => match installation.setup().devices() {
            Some(devices) => devices.clone(),
            None => installation.look().proposal(),
        },
    };
    installation.choose_devices(devices)?;
    while let Some(step) = installation.setup().step() {
        console.step(step.name(answers.language));
        match step {
            Step::Center => center(answers, installation)?,
            Step::Enrolment => {
                let code = ask_code(context)?;
                installation.enrol(&String::from_utf8_lossy(&code))?;
            }
            Step::Keys => keys(context, answers, installation)?,
            Step::Fill => fill(console, installation)?,
            Step::SelfTest => installation.self_test(&mut |check| tell(console, check))?,
            Step::Training => train(context, console, wait_s, installation)?,
            Step::Report => drop(installation.report()?),
            // Settled above.
            Step::Language | Step::Place | Step::Devices => {}
        }
    }
    Ok(())
}

fn center(answers: &Answers, installation: &mut Installation) -> Result<(), Failure> {
    let center = &answers.center;
    let met = installation.meet_center(&center.enrolment)?;
    let paper = center.fingerprint.clone();
    let chosen = CenterChosen::compared(&center.address, &center.enrolment, met.fingerprint, paper)?;
    installation.choose_center(chosen)
}

fn keys(context: &Context, answers: &Answers, installation: &mut Installation) -> Result<(), Failure> {
    let number = match &answers.supervisor {
        Some(number) if !installation.has_supervisor()? => number,
        _ => return installation.seal(None),
    };
    let question = match context.console.language() {
        Language::Chinese => format!("主管 {number} 的口令"),
        Language::English => format!("Secret of supervisor {number}"),
    };
    let secret: Zeroizing<Vec<u8>> = context.secrets().ask(&question, SECRET_TIMEOUT_MS)?;
    installation.seal(Some((number, &secret)))
}

fn fill(console: &Console, installation: &mut Installation) -> Result<(), Failure> {
    let mut progress = console.progress("资格库", "eligibility cache");
    let ended = installation.fill(&mut |filled| {
        progress.at(filled.cursor, filled.newest);
        ControlFlow::Continue(())
    })?;
    match ended {
        Ended::Complete => Ok(()),
        Ended::Stopped | Ended::Later => Err(terminal::setup::SetupError::NotComplete.into()),
    }
}

fn tell(console: &Console, check: &Check) {
    let mark = match check.health {
        Health::Good => "✓",
        Health::Look => "※",
        Health::Bad => "✗",
        Health::NotChecked => "-",
    };
    console.step(&format!("{mark} {} · {}", check.title, check.text));
    if let Some(advice) = &check.advice {
        console.step(&format!("  → {advice}"));
    }
}

fn train(
    context: &Context,
    console: &Console,
    wait_s: u32,
    installation: &mut Installation,
) -> Result<(), Failure> {
    console.note(
        "※ 请插入培训卡（号码以 990000 开头）。这不是真实交易。",
        "※ Put in a training card (its number begins with 990000). Nothing of this is real.",
    );
    let marked = console.clone().in_training(true);
    let told = marked.clone();
    let mut last = None;
    let progress = move |progress: Progress| {
        if last != Some(progress) {
            told.step(progress.words(told.language()));
            last = Some(progress);
        }
    };
    let receipt =
        installation.train(Box::new(context.secrets()), wait_s.saturating_mul(1_000), Box::new(progress))?;
    for line in receipt.text(terminal::receipt::COLUMNS_80_MM, console.language()).lines() {
        marked.step(line);
    }
    Ok(())
}

impl Standing {
    fn of(installation: &Installation) -> Self {
        let setup = installation.setup();
        let reported = setup.reported();
        Standing {
            done: setup.is_done(),
            next: setup.step(),
            settled: Step::ALL.into_iter().filter(|step| setup.is_settled(*step)).collect(),
            report: reported.map(|reported| reported.file.clone()),
            digest: reported.map(|reported| reported.digest.clone()),
        }
    }
}

impl Show for Standing {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        for step in Step::ALL {
            let mark = if self.settled.contains(&step) {
                "✓"
            } else if self.next == Some(step) {
                "▶"
            } else {
                "·"
            };
            page.line(format!("{mark} {}", step.name(language)));
        }
        page.gap();
        match (self.next, &self.report) {
            (Some(next), _) => {
                page.say(
                    format!("下一步：{}", next.hint(language)),
                    format!("Next: {}", next.hint(language)),
                );
            }
            (None, Some(report)) => page.say(
                format!("装机完成。验收报告：{report}"),
                format!("The set-up is done. Commissioning report: {report}"),
            ),
            (None, None) => {}
        }
    }
}

/// An error about the file of answers.
fn content(path: &std::path::Path, problem: String) -> EdgeError {
    EdgeError::Content { path: path.to_owned(), problem }
}
