//! All developer commands: set-up, demo, test, bench, firmware.
//!
//! 开发命令：安装、演示、测试、测速、固件。

mod bench;
mod demo;
mod firmware;
mod licences;
mod pictures;
mod process;
mod setup;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// 金保终端的开发命令 · Developer commands of Jinbao
///
/// Each command first looks for what it needs, says what is missing and why, asks, and installs it.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 安装所需软件包 · Installs the Debian packages that the other commands need
    Setup {
        /// Answer yes to every question
        #[arg(long)]
        yes: bool,
    },
    /// 演示一次就诊 · Runs one hospital visit on real parts, from the card to the center's receipt
    Demo(demo::Options),
    /// 全部测试 · Runs all checks and tests
    Test {
        /// Answer yes to every question
        #[arg(long)]
        yes: bool,
    },
    /// 测速 · Runs the benchmarks, each next to its limit, and prints the ratios
    Bench {
        /// People in the eligibility cache; with --faces, people that the center has to hand over meanwhile
        #[arg(long)]
        people: Option<u64>,
        /// 界面：从按键到屏幕像素 · Only the counter in its window: from a key press to the screen while visits go on
        #[arg(long)]
        faces: bool,
    },
    /// 读卡器固件 · Builds the reader's firmware for its boards, and shows its size next to the limits
    Firmware(firmware::Options),
    /// 许可证检查 · Checks the licence of every dependency
    Licences,
    /// 画面总览 · Draws every screen and writes a page that shows what changed
    Pictures,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup { yes } => setup::run(&setup::everything(), yes).and_then(|()| setup::firmware(yes)),
        Command::Demo(options) => demo::run(&options),
        Command::Test { yes } => test::run(yes),
        Command::Bench { people, faces: true } => bench::faces(people),
        Command::Bench { people, faces: false } => bench::run(people),
        Command::Firmware(options) => firmware::run(&options),
        Command::Licences => licences::check(),
        Command::Pictures => pictures::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\n✗ {message}");
            ExitCode::FAILURE
        }
    }
}
