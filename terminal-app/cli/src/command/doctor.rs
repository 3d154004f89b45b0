//! `jinbao doctor`: everything an installer needs, each with what to do.

mod books;
mod devices;

use clap::Args;
use edge::{config::Config, terminal::Terminal};
use serde::Serialize;
use terminal::language::Language;

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What `doctor` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao doctor                      全部检查 · everything
  jinbao doctor --no-center          不联系中心 · without asking the center
  jinbao doctor --json               供监控读取 · for monitoring

✓ 正常  ※ 注意  ✗ 须处理（退出码 5）  - 未检查
✓ in order  ※ worth a look  ✗ to be repaired (exit 5)  - not checked")]
pub(crate) struct Arguments {
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    no_center: bool,
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    Good,
    Look,
    Bad,
    NotChecked,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// Stable word.
    name: &'static str,
    health: Health,
    title: String,
    text: String,
    advice: Option<String>,
}

/// Collects checks in one language.
pub(super) struct Checks {
    language: Language,
    checks: Vec<Check>,
}

/// What is checked, Chinese and English.
pub(super) type Title = (&'static str, &'static str);

impl Checks {
    pub(super) fn pick(&self, chinese: impl Into<String>, english: impl Into<String>) -> String {
        match self.language {
            Language::Chinese => chinese.into(),
            Language::English => english.into(),
        }
    }

    pub(super) fn add(
        &mut self,
        name: &'static str,
        title: Title,
        health: Health,
        text: String,
        advice: String,
    ) {
        self.checks.push(Check {
            name,
            health,
            title: self.language.pick(title.0, title.1).to_owned(),
            text,
            advice: (!advice.is_empty()).then_some(advice),
        });
    }

    pub(super) fn good(&mut self, name: &'static str, title: Title, text: String) {
        self.add(name, title, Health::Good, text, String::new());
    }

    /// A failure of a command, as a check that failed.
    pub(super) fn failed(&mut self, name: &'static str, title: Title, failure: &Failure) {
        let (text, advice) = (failure.text(self.language), failure.advice(self.language).unwrap_or_default());
        self.add(name, title, Health::Bad, text, advice);
    }

    pub(super) fn skipped(&mut self, name: &'static str, title: Title, chinese: &str, english: &str) {
        let text = self.pick(chinese, english);
        self.add(name, title, Health::NotChecked, text, String::new());
    }
}

#[derive(Serialize)]
struct Report {
    healthy: bool,
    version: &'static str,
    data: std::path::PathBuf,
    checks: Vec<Check>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let data = context.data()?;
    let mut checks = Checks { language: context.console.language(), checks: Vec::new() };
    let config = Config::read(&data);
    match &config {
        Ok(config) => books::settings(&mut checks, config),
        Err(EdgeError::NotEnrolled) => {
            checks.failed("enrolment", books::ENROLMENT, &EdgeError::NotEnrolled.into())
        }
        Err(error) => {
            let text = error.text(checks.language);
            checks.add("enrolment", books::ENROLMENT, Health::Bad, text, String::new());
        }
    }
    books::disk(&mut checks, &data);
    devices::service(&mut checks, context);
    let config = config.ok();
    devices::slots(&mut checks, context, config.as_ref());
    devices::printer(&mut checks, config.as_ref());
    devices::font(&mut checks);
    if let Some(config) = &config {
        match Terminal::open(data.clone()) {
            Ok(mut terminal) => {
                let secret = terminal.cabinet.keys.board_secret();
                devices::board(&mut checks, context, config, secret, true);
                books::all(&mut checks, &mut terminal, arguments.no_center);
            }
            Err(failure) => {
                devices::board(&mut checks, context, config, None, false);
                checks.failed("books", books::BOOKS, &failure);
                books::certificates(&mut checks, &data, config);
            }
        }
    }
    let healthy = checks.checks.iter().all(|check| check.health != Health::Bad);
    context.console.answer(&Report {
        healthy,
        version: env!("CARGO_PKG_VERSION"),
        data: data.root().to_owned(),
        checks: checks.checks,
    });
    Ok(if healthy { Exit::Done } else { Exit::Installer })
}

impl Show for Report {
    fn show(&self, page: &mut Page) {
        page.line(format!("jinbao {} · {}", self.version, self.data.display()));
        page.gap();
        for check in &self.checks {
            let mark = match check.health {
                Health::Good => "✓",
                Health::Look => "※",
                Health::Bad => "✗",
                Health::NotChecked => "-",
            };
            let colon = page.pick("：", ": ").to_owned();
            page.line(format!("{mark} {}{colon}{}", check.title, check.text));
            if let Some(advice) = &check.advice {
                page.line(format!("    → {advice}"));
            }
        }
    }
}
