//! `jinbao center`: a small city center, for trying out. The same program as `jinbao-center`.

use clap::Args;

/// What `center` is told; its commands are those of `jinbao-center`.
#[derive(Debug, Args)]
#[command(after_help = examples())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) center: datacenter::cli::Args,
}

fn examples() -> String {
    datacenter::cli::EXAMPLES.replace("jinbao-center", "jinbao center")
}
