//! `jinbao receipt`: printed again, as text, or as PDF.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use hal::printer::PrinterError;
use serde_json::json;
use terminal::{
    language::Language,
    receipt::{COLUMNS_58_MM, COLUMNS_80_MM, Receipt},
};

use super::{Context, queue};
use crate::{
    edge::{counter::Counter, font, printer},
    exit::Exit,
    failure::{CliError, Failure, file_error},
};

/// What can be done with receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 补打 · print again
    Print(PrintArguments),
    /// 生成 PDF · make a PDF
    Pdf(PdfArguments),
    /// 显示文本 · show as text
    Text(TextArguments),
}

/// What `receipt print` is told.
#[derive(Debug, Args)]
#[command(
    after_help = "例 Examples:\n  jinbao receipt print 12\n  jinbao receipt print 5f0c…\n\n打印机见 config.json 的 printer · the printer is in config.json"
)]
pub(crate) struct PrintArguments {
    /// 序号或编号 · sequence or id
    which: String,
}

/// What `receipt pdf` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao receipt pdf 12 receipt.pdf
  jinbao receipt pdf 12 receipt.pdf --font /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc:2")]
pub(crate) struct PdfArguments {
    /// 序号或编号 · sequence or id
    which: String,
    /// 写入的文件 · file to write
    file: PathBuf,
    /// 字体文件，可加 :字面 · font file, with :FACE for a collection
    #[arg(long, value_name = "FILE")]
    font: Option<String>,
}

/// What `receipt text` is told.
#[derive(Debug, Args)]
#[command(after_help = "例 Examples:\n  jinbao receipt text 12\n  jinbao receipt text 12 --columns 32")]
pub(crate) struct TextArguments {
    /// 序号或编号 · sequence or id
    which: String,
    /// 纸宽（半角字符数） · half-width columns of the paper
    #[arg(long, default_value_t = COLUMNS_80_MM)]
    columns: usize,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let language = context.console.language();
    match command {
        Command::Text(arguments) => {
            let receipt = stored(context, &arguments.which)?;
            let text = receipt.text(arguments.columns.max(COLUMNS_58_MM), language);
            context.console.done(
                text.trim_end(),
                text.trim_end(),
                json!({ "text": text, "receipt": receipt }),
            );
        }
        Command::Pdf(arguments) => {
            let receipt = stored(context, &arguments.which)?;
            write_pdf(&receipt, &arguments.file, arguments.font.as_deref(), language)?;
            let name = arguments.file.display();
            context.console.done(
                &format!("已写入 {name}"),
                &format!("written: {name}"),
                json!({ "path": arguments.file }),
            );
        }
        Command::Print(arguments) => {
            let counter = Counter::open_books(context)?;
            let receipt = counter.receipt(&arguments.which)?;
            let Some(settings) = &counter.cabinet.config.printer else {
                return Err(CliError::NoPrinter.into());
            };
            let lines = receipt.lines(settings.columns, language);
            printer::print(settings, lines).map_err(Failure::Printer)?;
            context.console.done("已打印", "printed", json!({ "printer": settings.device }));
        }
    }
    Ok(Exit::Done)
}

/// A receipt of this terminal's ledger, as a copy.
fn stored(context: &Context, which: &str) -> Result<Receipt, Failure> {
    Counter::open_books(context)?.receipt(which)
}

impl Counter {
    /// The receipt of a transaction by sequence or id, as a copy.
    fn receipt(&self, which: &str) -> Result<Receipt, Failure> {
        let transaction = queue::find(self.flows.ledger(), which)?;
        Ok(self.flows.receipt(transaction.intention.id)?)
    }
}

/// Writes a receipt as PDF where the file's name ends so, else as text. Personal data: mode 0600.
pub(crate) fn write_file(receipt: &Receipt, path: &Path, language: Language) -> Result<(), Failure> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf")) {
        return write_pdf(receipt, path, None, language);
    }
    write(path, receipt.text(COLUMNS_80_MM, language).as_bytes())
}

fn write_pdf(receipt: &Receipt, path: &Path, font: Option<&str>, language: Language) -> Result<(), Failure> {
    let font = font::open(font)?;
    let pdf = receipt.pdf(&font, language).map_err(|_| CliError::Content {
        path: path.to_owned(),
        problem: "the font breaks on a character of this receipt".to_owned(),
    })?;
    write(path, &pdf)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(file_error(path))?;
    file.write_all(bytes).map_err(file_error(path))?;
    Ok(())
}

/// Prints on the printer of the settings, if there is one; what goes wrong is told and stops nothing.
pub(crate) fn print_if_set_up(context: &Context, counter: &Counter, receipt: &Receipt) -> Option<bool> {
    let settings = counter.cabinet.config.printer.as_ref()?;
    let lines = receipt.lines(settings.columns, context.console.language());
    match printer::print(settings, lines) {
        Ok(()) => Some(true),
        Err(error) => {
            let words = printer_words(&error, context.console.language());
            context.console.note(
                &format!("※ {words} 交易不受影响，可用 jinbao receipt print 补打。"),
                &format!("※ {words} The transaction stands; `jinbao receipt print` prints it again."),
            );
            Some(false)
        }
    }
}

/// What is wrong with a printer, for people.
pub(crate) fn printer_words(error: &PrinterError, language: Language) -> String {
    match (error, language) {
        (PrinterError::PaperOut, Language::Chinese) => "打印机缺纸。".to_owned(),
        (PrinterError::PaperOut, Language::English) => "The printer has no paper.".to_owned(),
        (PrinterError::Text, Language::Chinese) => "打印机字库缺少凭证上的字。".to_owned(),
        (PrinterError::Text, Language::English) => "The printer lacks a character of the receipt.".to_owned(),
        (PrinterError::Device { detail }, Language::Chinese) => format!("打印机不可用（{detail}）。"),
        (PrinterError::Device { detail }, Language::English) => {
            format!("The printer does not work ({detail}).")
        }
        (other, _) => other.to_string(),
    }
}
