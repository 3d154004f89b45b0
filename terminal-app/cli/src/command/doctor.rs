//! `jinbao doctor`: everything an installer needs, each with what to do.

use clap::Args;
use edge::{
    checks::{Check, Health, examine},
    options::Options,
};
use serde::Serialize;

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
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

#[derive(Serialize)]
struct Report {
    healthy: bool,
    version: &'static str,
    data: std::path::PathBuf,
    checks: Vec<Check>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let options = Options { offline: arguments.no_center, ..context.options()? };
    let checks = examine(&options, context.console.language(), &mut |_| {});
    let healthy = checks.iter().all(|check| check.health != Health::Bad);
    context.console.answer(&Report {
        healthy,
        version: env!("CARGO_PKG_VERSION"),
        data: options.data.root().to_owned(),
        checks,
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
