//! The data center's program.

use std::process::ExitCode;

use clap::Parser;
use datacenter::cli;

/// 金保数据中心：卡终端的入账、下发与入网 / Jinbao data center: booking, distribution and enrolment for card terminals
#[derive(Debug, Parser)]
#[command(name = "jinbao-center", version, after_help = cli::EXAMPLES)]
struct Program {
    #[command(flatten)]
    args: cli::Args,
}

fn main() -> ExitCode {
    cli::run(&Program::parse().args)
}
