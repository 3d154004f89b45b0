//! One hospital visit on real parts.

use clap::Args;

use crate::setup;

/// What the demo may be told.
#[derive(Args)]
pub(crate) struct Options {
    /// Answer yes to every question
    #[arg(long)]
    yes: bool,
    /// Use the card inside the process instead of the smart card service
    #[arg(long)]
    in_process: bool,
}

/// Runs the demo.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    setup::run(&setup::demo(!options.in_process), options.yes)
}
