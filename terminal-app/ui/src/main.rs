//! The faces of a terminal in a window: `jinbao-ui kiosk`, `jinbao-ui counter`, `jinbao-ui setup`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use edge::{data_dir::DataDir, options::Options};
use ui::{Start, locale::Locale};

const EXAMPLES: &str = "\
例 Examples:
  jinbao-ui counter                        收费窗口 · the cashier's counter
  jinbao-ui kiosk --full-screen            自助终端，全屏 · a kiosk that fills the screen
  jinbao-ui setup --lang en                安装向导 · the installer's wizard, in English

需要图形界面（X11）；没有时请用命令 jinbao，两者执行同样的业务。
A display (X11) is needed; without one the command `jinbao` does the same business.

本程序含 Slint，以 GPL-3.0 分发；源代码见 README。
This program contains Slint and is distributed under GPL-3.0; see the README for its sources.";

/// 金保终端的三种界面：自助、窗口、安装
/// The faces of a Jinbao terminal: kiosk, counter, set-up
#[derive(Debug, Parser)]
#[command(name = "jinbao-ui", version, after_help = EXAMPLES, max_term_width = 110)]
struct Arguments {
    /// 界面 · face
    #[arg(value_enum)]
    face: Face,
    /// 数据目录 · folder of the terminal's data
    #[arg(long, value_name = "DIR", env = "JINBAO_DATA", hide_env_values = true)]
    data: Option<PathBuf>,
    /// 读卡器 · reader: auto, NAME, "NAME,PSAM NAME", sim:CARD.json,PSAM.json
    #[arg(long, value_name = "READER")]
    reader: Option<String>,
    /// 不联系中心 · work as if the line were down
    #[arg(long)]
    offline: bool,
    /// 培训模式：虚构人员，不上传 · training: people who do not exist, nothing is uploaded
    #[arg(long)]
    training: bool,
    /// 语言，可随时在界面上切换 · language, can be switched at any time
    #[arg(long, value_enum, default_value_t = Language::Zh)]
    lang: Language,
    /// 全屏 · fill the screen
    #[arg(long)]
    full_screen: bool,
    /// 在标准错误输出当前页面名 · say on standard error which page is shown
    #[arg(long)]
    tell_pages: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Face {
    /// 自助终端 · for cardholders
    Kiosk,
    /// 业务窗口 · for clerks
    Counter,
    /// 安装向导 · for installers
    Setup,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// 简体中文
    Zh,
    /// 繁體中文
    ZhTw,
    /// English
    En,
}

fn main() -> ExitCode {
    ui::ending::close_when_told();
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("✗ {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let locale = match arguments.lang {
        Language::Zh => Locale::Simplified,
        Language::ZhTw => Locale::Traditional,
        Language::En => Locale::English,
    };
    let data = DataDir::choose(arguments.data, |name| std::env::var_os(name))
        .map_err(|error| error.text(locale.language()))?;
    let mut options = Options::new(data);
    options.reader = arguments.reader;
    options.offline = arguments.offline;
    let options = if arguments.training { options.in_training() } else { options };
    let start =
        Start { options, locale, full_screen: arguments.full_screen, tell_pages: arguments.tell_pages };
    let shown = match arguments.face {
        Face::Kiosk => ui::kiosk::run(start),
        Face::Counter => ui::counter::run(start),
        Face::Setup => ui::setup::run(start),
    };
    shown.map_err(|error| {
        format!(
            "打不开窗口，请检查 DISPLAY 和显示器；没有显示器请用命令 jinbao。\n\
             No window can be opened: check DISPLAY and the screen; without one, use the command `jinbao`.\n{error}"
        )
    })
}
