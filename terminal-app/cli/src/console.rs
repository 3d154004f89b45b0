//! Output: tables and sentences for people, one JSON document for machines.
//!
//! Results go to standard output, progress and errors to standard error. With `--json` standard output
//! holds exactly one JSON object and nothing else, also when a command fails.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use terminal::{language::Language, training::MARK};

/// A person waits this long before a progress bar appears.
const QUIET_MS_MAX: u64 = 1_000;

/// Widest table when standard output is no terminal.
const TABLE_COLUMNS_PIPED: u16 = 120;

/// A terminal narrower than this gets tables that wrap anyway.
const TABLE_COLUMNS_MIN: u16 = 40;

/// A line under the head and no other.
const UNDER_HEAD: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Where a command's words go.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    language: Language,
    json: bool,
    is_training: bool,
}

/// A result that can be shown to people. Its JSON is its `Serialize`; keys are stable.
pub(crate) trait Show {
    /// Writes the lines that a person reads.
    fn show(&self, page: &mut Page);
}

/// Lines for a person, in one language.
#[derive(Debug)]
pub(crate) struct Page {
    language: Language,
    text: String,
}

impl Console {
    pub(crate) fn new(language: Language, json: bool) -> Self {
        Console { language, json, is_training: false }
    }

    /// The same for training: every line says so.
    pub(crate) fn in_training(self, is_training: bool) -> Self {
        Console { is_training, ..self }
    }

    /// The lines as they go out.
    fn marked(&self, text: &str) -> String {
        if !self.is_training {
            return text.to_owned();
        }
        text.split_inclusive('\n').map(|line| format!("[{MARK}] {line}")).collect()
    }

    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// Whether a machine reads the answer.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Gives the result of a command, in the one form that was asked for.
    pub(crate) fn answer<T: Serialize + Show>(&self, result: &T) {
        if self.json {
            self.machine(true, serde_json::to_value(result).unwrap_or(serde_json::Value::Null));
        } else {
            let mut page = Page { language: self.language, text: String::new() };
            result.show(&mut page);
            out(&self.marked(&page.text));
        }
    }

    /// Gives a text as it is, also to machines: a file that people keep.
    pub(crate) fn verbatim(&self, text: &str) {
        out(text);
    }

    /// Gives a result that is only a sentence; `fields` is what a machine gets.
    pub(crate) fn done(&self, chinese: &str, english: &str, fields: serde_json::Value) {
        if self.json {
            self.machine(true, fields);
        } else {
            out(&self.marked(&format!("{}\n", self.language.pick(chinese, english))));
        }
    }

    /// One JSON object on standard output: `ok` and the fields of `value`.
    pub(crate) fn machine(&self, ok: bool, value: serde_json::Value) {
        let mut object = serde_json::Map::new();
        object.insert("ok".into(), ok.into());
        if self.is_training {
            object.insert("training".into(), MARK.into());
        }
        match value {
            serde_json::Value::Object(fields) => object.extend(fields),
            serde_json::Value::Null => {}
            other => {
                object.insert("value".into(), other);
            }
        }
        let mut text = serde_json::Value::Object(object).to_string();
        text.push('\n');
        out(&text);
    }

    /// One JSON object on a line of its own, for commands that report more than once (`sim reader`).
    #[cfg(feature = "demo")]
    pub(crate) fn event(&self, value: &serde_json::Value) {
        out(&format!("{value}\n"));
    }

    /// Tells a person what is going on, on standard error; machines are spared it.
    pub(crate) fn note(&self, chinese: &str, english: &str) {
        if !self.json {
            self.error_line(self.language.pick(chinese, english));
        }
    }

    /// Tells a person which step is going on, on standard error.
    pub(crate) fn step(&self, text: &str) {
        if !self.json {
            self.error_line(&format!("· {text}"));
        }
    }

    /// One line on standard error.
    pub(crate) fn error_line(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(stderr, "{}", self.marked(text));
    }

    /// A progress bar of `total` steps that shows itself when the wait gets long, and only to people.
    pub(crate) fn progress(&self, chinese: &'static str, english: &'static str) -> Progress {
        Progress {
            label: self.language.pick(chinese, english),
            shown: !self.json && io::stderr().is_terminal(),
            started: Instant::now(),
            bar: None,
        }
    }
}

impl Page {
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// One of two texts, in the page's language.
    pub(crate) fn pick<'a>(&self, chinese: &'a str, english: &'a str) -> &'a str {
        self.language.pick(chinese, english)
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    /// Adds a line in the page's language.
    pub(crate) fn say(&mut self, chinese: impl AsRef<str>, english: impl AsRef<str>) {
        match self.language {
            Language::Chinese => self.line(chinese),
            Language::English => self.line(english),
        }
    }

    /// Adds an empty line between parts.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds names and values in two columns.
    pub(crate) fn pairs<N: Into<String>, V: Into<String>>(&mut self, rows: impl IntoIterator<Item = (N, V)>) {
        let mut table = bare();
        for (name, value) in rows {
            table.add_row(vec![name.into(), value.into()]);
        }
        self.line(trim(&table));
    }

    /// Adds a table with a head; columns listed in `right` hold numbers.
    pub(crate) fn table(
        &mut self,
        head: &[&str],
        right: &[usize],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) {
        let mut table = bare();
        table.load_style(UNDER_HEAD).set_header(head.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        for index in right {
            if let Some(column) = table.column_mut(*index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self.line(trim(&table));
    }
}

fn bare() -> Table {
    let mut table = Table::new();
    let columns = rustix::termios::tcgetwinsize(io::stdout())
        .map_or(TABLE_COLUMNS_PIPED, |size| size.ws_col.max(TABLE_COLUMNS_MIN));
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns);
    table
}

fn trim(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Writes to standard output. A reader that has gone away (`| head`) is no error of ours.
fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = writeln!(io::stderr(), "stdout: {error}");
    }
}

/// A bar on standard error, for waits of more than a second.
#[derive(Debug)]
pub(crate) struct Progress {
    label: &'static str,
    shown: bool,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Sets how far it is.
    pub(crate) fn at(&mut self, done: u64, total: u64) {
        if !self.shown || self.started.elapsed() < Duration::from_millis(QUIET_MS_MAX) {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
            if let Ok(style) =
                ProgressStyle::with_template("{prefix} {bar:30} {human_pos}/{human_len} {percent}% {eta}")
            {
                bar.set_style(style);
            }
            bar.with_prefix(self.label)
        });
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
