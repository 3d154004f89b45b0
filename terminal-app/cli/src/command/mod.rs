//! One module for each command of the command line.

pub(crate) mod board;
pub(crate) mod card;
#[cfg(feature = "demo")]
pub(crate) mod center;
pub(crate) mod certificate;
pub(crate) mod contribute;
pub(crate) mod decide;
pub(crate) mod decode;
pub(crate) mod doctor;
pub(crate) mod eligibility;
pub(crate) mod enrol;
pub(crate) mod finger;
pub(crate) mod maintenance;
pub(crate) mod money;
pub(crate) mod operator;
pub(crate) mod pension;
pub(crate) mod queue;
pub(crate) mod receipt;
pub(crate) mod reconcile;
pub(crate) mod rules;
pub(crate) mod service;
pub(crate) mod setup;
#[cfg(feature = "demo")]
pub(crate) mod sim;
pub(crate) mod support_bundle;
pub(crate) mod sync;
pub(crate) mod tap;
pub(crate) mod visit;

use card_spec::money::Fen;
use edge::{counter::Counter, data_dir::DataDir, options::Options, pin_entry::SecretEntry, training};
use hal::clock::{Clock, SystemClock};
use protocol::timestamp::Timestamp;
use terminal::{cache::CacheError, error::Error, progress::Progress};

use crate::{
    arguments::{Command, Global},
    console::Console,
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
    pub(crate) fn data(&self) -> Result<DataDir, Failure> {
        let data = DataDir::choose(self.global.data.clone(), |name| std::env::var_os(name))?;
        Ok(if self.global.training { data.training() } else { data })
    }

    /// Makes the training terminal ready, where training is asked for and the command needs a terminal.
    fn prepare_training(&self, command: &Command) -> Result<(), Failure> {
        let needs_none = matches!(command, Command::Enrol(_) | Command::Setup(_) | Command::Certificate(_));
        if self.global.training && !needs_none {
            let data = DataDir::choose(self.global.data.clone(), |name| std::env::var_os(name))?;
            training::prepare(&Options::new(data))?;
        }
        Ok(())
    }

    /// Which terminal, and how it is opened.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        Ok(Options { reader: self.global.reader.clone(), ..Options::new(self.data()?) })
    }

    /// Opens the terminal with its devices; with `offline` the center is never asked.
    pub(crate) fn open(&self, offline: bool) -> Result<Counter, Failure> {
        Counter::open(&Options { offline, ..self.options()? }, Box::new(self.secrets()))
    }

    /// Opens the books alone.
    pub(crate) fn open_books(&self) -> Result<Counter, Failure> {
        Counter::open_books(&self.options()?)
    }

    /// Opens the books and the line; there is no card.
    pub(crate) fn open_without_card(&self) -> Result<Counter, Failure> {
        Counter::open_without_card(&self.options()?)
    }

    /// Tells each step to the person in front, once each.
    pub(crate) fn narrate(&self, counter: &mut Counter) {
        let console = self.console.clone();
        let mut last = None;
        counter.flows.on_progress(move |progress: Progress| {
            if last != Some(progress) {
                console.step(progress.words(console.language()));
                last = Some(progress);
            }
        });
    }

    /// Where PINs and secrets are typed.
    pub(crate) fn secrets(&self) -> SecretEntry {
        SecretEntry::new(self.console.language(), self.global.pin_stdin)
    }
}

/// Runs one command.
///
/// A center is no command of a terminal and ends with its own exit codes.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    context.prepare_training(&command)?;
    let ended = dispatch(context, command);
    if let Err(Failure::Terminal(Error::Cache(CacheError::Damaged { .. }))) = &ended {
        // The next command starts a new cache; this one told what is wrong with the old one.
        context.data()?.mark_cache_damage();
    }
    ended
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Board(command) => board::run(context, command),
        Command::Card(command) => card::run(context, command),
        Command::Rules(command) => rules::run(context, command),
        Command::Eligibility(arguments) => eligibility::run(context, &arguments),
        Command::Visit(arguments) => visit::run(context, &arguments),
        Command::Finger(command) => finger::run(context, command),
        Command::Pension(command) => pension::run(context, command),
        Command::Contribute(command) => contribute::run(context, command),
        Command::Service(command) => service::run(context, command),
        Command::Cancel(arguments) => money::cancel(context, &arguments),
        Command::Load(arguments) => money::load(context, &arguments),
        Command::Resolve(arguments) => money::resolve(context, &arguments),
        Command::Receipt(command) => receipt::run(context, command),
        Command::Queue(command) => queue::run(context, command),
        Command::Sync(arguments) => sync::run(context, &arguments),
        Command::Reconcile(arguments) => reconcile::run(context, &arguments),
        Command::Operator(command) => operator::run(context, command),
        Command::Audit(arguments) => maintenance::audit(context, &arguments),
        Command::Retire(arguments) => maintenance::retire(context, &arguments),
        Command::Doctor(arguments) => doctor::run(context, &arguments),
        Command::Enrol(arguments) => enrol::run(context, &arguments),
        Command::Setup(arguments) => setup::run(context, &arguments),
        Command::SupportBundle(arguments) => support_bundle::run(context, &arguments),
        Command::Certificate(command) => certificate::run(context, command),
        #[cfg(feature = "demo")]
        Command::Sim(command) => sim::run(context, command),
        #[cfg(feature = "demo")]
        Command::Center(_) => unreachable!("main has run it"),
    }
}

/// Parses an amount in yuan on the command line.
pub(crate) fn yuan(text: &str) -> Result<Fen, String> {
    Fen::parse_yuan(text)
        .filter(|amount| amount.0 >= 0)
        .ok_or_else(|| "金额应形如 12.30 · an amount looks like 12.30".to_owned())
}

/// The machine's time.
pub(crate) fn now() -> Timestamp {
    Timestamp(SystemClock::start().unix_ms())
}
