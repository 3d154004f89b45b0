//! `jinbao receipt`: receipts of settlements, and slips of enrolments, certifications and pensions, printed again,
//! as text, or as PDF.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use edge::{counter::Counter, printer};
use serde_json::json;
use terminal::receipt::{COLUMNS_58_MM, COLUMNS_80_MM, Paper, Receipt};

use super::{Context, queue};
use crate::{
    exit::Exit,
    failure::{EdgeError, Failure},
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
            let paper = stored(context, &arguments.which)?;
            let text = paper.text(arguments.columns.max(COLUMNS_58_MM), language);
            let json = match &paper {
                Paper::Receipt(receipt) => json!({ "text": text, "receipt": receipt }),
                Paper::Slip(slip) => json!({ "text": text, "slip": slip }),
            };
            context.console.done(text.trim_end(), text.trim_end(), json);
        }
        Command::Pdf(arguments) => {
            let paper = stored(context, &arguments.which)?;
            edge::receipt::write_pdf(&paper, &arguments.file, arguments.font.as_deref(), language)?;
            let name = arguments.file.display();
            context.console.done(
                &format!("已写入 {name}"),
                &format!("written: {name}"),
                json!({ "path": arguments.file }),
            );
        }
        Command::Print(arguments) => {
            let counter = context.open_books()?;
            let paper = copy(&counter, &arguments.which)?;
            let Some(settings) = &counter.cabinet.config.printer else {
                return Err(EdgeError::NoPrinter.into());
            };
            let lines = paper.lines(settings.columns, language);
            printer::print(settings, lines).map_err(Failure::Printer)?;
            context.console.done("已打印", "printed", json!({ "printer": settings.device }));
        }
    }
    Ok(Exit::Done)
}

/// A receipt or a slip of this terminal's ledger, as a copy.
fn stored(context: &Context, which: &str) -> Result<Paper, Failure> {
    copy(&context.open_books()?, which)
}

/// What a transaction is printed as, by sequence or id, as a copy.
fn copy(counter: &Counter, which: &str) -> Result<Paper, Failure> {
    let transaction = queue::find(counter.flows.ledger(), which)?;
    Ok(counter.flows.paper(transaction.intention.id)?)
}

/// Prints on the printer of the settings, if there is one; what goes wrong is told and stops nothing.
pub(crate) fn print_if_set_up(context: &Context, counter: &Counter, receipt: &Receipt) -> Option<bool> {
    match counter.print_if_set_up(receipt, context.console.language())? {
        Ok(()) => Some(true),
        Err(error) => {
            let words = edge::words::printer(&error, context.console.language());
            context.console.note(
                &format!("※ {words} 交易不受影响，可用 jinbao receipt print 补打。"),
                &format!("※ {words} The transaction stands; `jinbao receipt print` prints it again."),
            );
            Some(false)
        }
    }
}
