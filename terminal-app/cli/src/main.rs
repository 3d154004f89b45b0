//! The terminal on the command line: one program for operators, installers, rules officers and scripts.

mod arguments;
mod command;
mod console;
mod exit;
mod failure;
mod locale;
mod words;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};
use terminal::language::Language;

use crate::{arguments::Arguments, command::Context, console::Console, exit::Exit};

fn main() -> ExitCode {
    let raw: Vec<_> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&raw) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, &raw),
    };
    #[cfg(feature = "demo")]
    if let arguments::Command::Center(center) = &arguments.command {
        return datacenter::cli::run(&center.center);
    }
    // Everything that a terminal writes may hold personal data or keys.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let language = locale::choose(arguments.global.lang, |name| std::env::var(name).ok());
    let console = Console::new(language, arguments.global.json).in_training(arguments.global.training);
    let context = Context { console, global: arguments.global };
    match command::run(&context, arguments.command) {
        Ok(exit) => exit.into(),
        Err(failure) => failure::report(&failure, &context.console).into(),
    }
}

/// Help, version, or what is wrong with the command line.
fn usage(error: &clap::Error, raw: &[std::ffi::OsString]) -> ExitCode {
    let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !wanted && raw.iter().any(|word| word == "--json") {
        let console = Console::new(Language::English, true);
        console.machine(
            false,
            serde_json::json!({ "error": {
                "kind": "usage",
                "who": Exit::Usage.word(),
                "exit": Exit::Usage.code(),
                "text": error.to_string().trim(),
                "advice": null,
            }}),
        );
        return Exit::Usage.into();
    }
    if !wanted && locale::choose_early(raw) == Language::Chinese {
        let console = Console::new(Language::Chinese, false);
        console.error_line("命令用法有误（--help 查看用法与示例）：");
    }
    let _ = error.print();
    if wanted { Exit::Done.into() } else { Exit::Usage.into() }
}
