//! `jinbao card`: read and write the card, PIN, explain bytes.

use clap::Subcommand;

use super::{Context, decode};
use crate::{exit::Exit, failure::Failure};

/// What can be done with a card.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 解释十六进制字节，不需要卡 · explain bytes, no card needed
    Decode(decode::Arguments),
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Decode(arguments) => decode::run(context, &arguments),
    }
}
