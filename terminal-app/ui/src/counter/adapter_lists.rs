//! Puts lists and sheets on the screen.

use slint::{ModelRc, SharedString, VecModel};

use super::{
    adapter::Screen,
    sheet::{Entry, Purpose, Sheet},
    table::{RowTone, Table},
    write::{Write, dots},
};
use crate::{Counter, CounterColumn, CounterField, CounterFieldKind, CounterTableRow};

fn texts(texts: impl IntoIterator<Item = String>) -> ModelRc<SharedString> {
    ModelRc::new(VecModel::from(texts.into_iter().map(SharedString::from).collect::<Vec<_>>()))
}

impl Screen {
    pub(super) fn table(&self, counter: &Counter<'_>, table: &Table, write: Write) {
        counter.set_table_title(table.title.as_str().into());
        counter.set_table_hint(table.hint.as_str().into());
        counter.set_table_source(table.source.as_str().into());
        counter.set_table_empty(table.empty.as_str().into());
        counter.set_table_fixed(table.columns.iter().map(|column| column.width).sum());
        let open = table.columns.iter().filter(|column| column.width == 0).count();
        counter.set_table_open(i32::try_from(open).unwrap_or(1));
        counter.set_table_tall(table.tall);
        counter.set_table_marks(table.marks);
        counter.set_table_of_holder(table.of_holder);
        let (name, total, done) = table.total.clone().unwrap_or_default();
        counter.set_table_total_name(name.into());
        counter.set_table_total(total.into());
        counter.set_table_done(done);
        self.columns.set(
            table
                .columns
                .iter()
                .map(|column| CounterColumn {
                    title: write.pick(column.title).into(),
                    width: column.width,
                    right: column.right,
                    strong: column.strong,
                })
                .collect(),
        );
        // Rows hold lists of their own, which are never the same: only those that changed are made anew.
        let mut shown = self.shown.borrow_mut();
        if *shown == table.rows {
            return;
        }
        self.table.set(
            table
                .rows
                .iter()
                .map(|row| CounterTableRow {
                    cells: texts(row.cells.iter().cloned()),
                    under: row.under.as_str().into(),
                    spoken: format!("{} {}", row.cells.join(" "), row.under).trim().into(),
                    tone: match row.tone {
                        RowTone::Calm => 0,
                        RowTone::Care => 1,
                        RowTone::Warn => 2,
                        RowTone::NotNow => 3,
                    },
                })
                .collect(),
        );
        shown.clone_from(&table.rows);
    }

    pub(super) fn sheet(&self, counter: &Counter<'_>, sheet: &Sheet, write: Write) {
        counter.set_sheet_title(write.pick(sheet.purpose.words()).into());
        counter.set_sheet_hint(write.pick(sheet.purpose.hint()).into());
        counter.set_sheet_large(match &sheet.purpose {
            Purpose::Pay(amount) => write.locale.amount(*amount).into(),
            _ => SharedString::new(),
        });
        counter.set_sheet_at(i32::try_from(sheet.at).unwrap_or_default());
        let fields = sheet.fields.iter().enumerate().map(|(at, field)| {
            let (kind, text, choices, chosen) = match &field.entry {
                Entry::Fixed(text) => (CounterFieldKind::Fixed, text.as_str().into(), None, 0),
                Entry::Typed(typed) => (CounterFieldKind::Typed, typed.text().into(), None, 0),
                Entry::Written(typed) => (CounterFieldKind::Written, typed.text().into(), None, 0),
                Entry::Secret(secret) => (CounterFieldKind::Secret, dots(secret.len()), None, 0),
                Entry::Choice(options, chosen) => {
                    (CounterFieldKind::Choice, SharedString::new(), Some(*options), *chosen)
                }
            };
            CounterField {
                label: write.pick(field.name.words()).into(),
                kind,
                text,
                choices: texts(choices.unwrap_or_default().iter().map(|words| write.pick(*words))),
                chosen: i32::try_from(chosen).unwrap_or_default(),
                open: sheet.is_open(at),
            }
        });
        self.fields.set(fields.collect());
    }
}
