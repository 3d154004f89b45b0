//! One module for each command of the command line.

pub(crate) mod card;
pub(crate) mod decode;
pub(crate) mod rules;

use card_spec::money::Fen;

use crate::{
    arguments::{Command, Global},
    console::Console,
    edge::data_dir::DataDir,
    exit::Exit,
    failure::Failure,
};

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where words go.
    pub(crate) console: Console,
    /// Options that every command understands.
    pub(crate) global: Global,
}

impl Context {
    /// The terminal's folder; commands that need no terminal never ask for it.
    #[allow(dead_code)]
    pub(crate) fn data(&self) -> Result<DataDir, Failure> {
        Ok(DataDir::choose(self.global.data.clone(), |name| std::env::var_os(name))?)
    }
}

/// Runs one command.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Card(command) => card::run(context, command),
        Command::Rules(command) => rules::run(context, command),
    }
}

/// Parses an amount in yuan on the command line.
pub(crate) fn yuan(text: &str) -> Result<Fen, String> {
    Fen::parse_yuan(text)
        .filter(|amount| amount.0 >= 0)
        .ok_or_else(|| "金额应形如 12.30 · an amount looks like 12.30".to_owned())
}
