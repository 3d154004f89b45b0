//! A record without a bill, after it stands in the books: sent, printed, shown.

use edge::{counter::Counter, printer};
use serde::Serialize;
use terminal::{
    flows,
    ledger::Link,
    receipt::{Booking, COLUMNS_80_MM, Slip},
};

use crate::{
    command::{Context, visit::booking_line},
    console::Page,
    failure::Failure,
};

/// A slip and what became of its record.
#[derive(Serialize)]
pub(crate) struct Slipped {
    id: protocol::id::TransactionId,
    sequence: u64,
    upload: Booking,
    slip: Slip,
    printed: Option<bool>,
    #[serde(skip)]
    text: String,
}

/// Sends what waits, unless the center is not to be asked. A failing line only delays it.
pub(crate) fn send(counter: &mut Counter, offline: bool) -> Result<(), Failure> {
    if !offline {
        counter.flows.send_unless_down()?;
    }
    Ok(())
}

impl Slipped {
    /// After [`send`]: asks the books, prints on the printer of the settings.
    pub(crate) fn of(
        context: &Context,
        counter: &Counter,
        link: Link,
        mut slip: Slip,
        offline: bool,
    ) -> Result<Self, Failure> {
        let id = slip.transaction;
        slip.booking = counter.flows.booking(id, offline)?;
        let language = context.console.language();
        Ok(Slipped {
            id,
            sequence: link.sequence,
            upload: slip.booking.clone(),
            printed: print(context, counter, &slip),
            text: slip.text(COLUMNS_80_MM, language),
            slip,
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.gap();
        page.line(self.text.trim_end());
        booking_line(&self.upload, page);
    }
}

fn print(context: &Context, counter: &Counter, slip: &Slip) -> Option<bool> {
    let settings = counter.cabinet.config.printer.as_ref()?;
    let language = context.console.language();
    match printer::print(settings, slip.lines(settings.columns, language)) {
        Ok(()) => Some(true),
        Err(error) => {
            let words = edge::words::printer(&error, language);
            context.console.note(
                &format!("※ {words} 业务不受影响，可用 jinbao receipt print 补打。"),
                &format!("※ {words} What was done stands; `jinbao receipt print` prints it again."),
            );
            Some(false)
        }
    }
}

/// The months of a run, after [`send`].
pub(crate) fn months(
    context: &Context,
    counter: &Counter,
    paid: Vec<flows::PensionPaid>,
    offline: bool,
) -> Result<Vec<Slipped>, Failure> {
    paid.into_iter().map(|paid| Slipped::of(context, counter, paid.link, paid.slip, offline)).collect()
}
