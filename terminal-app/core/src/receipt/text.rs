//! Receipts for narrow paper, in columns.

use hal::printer::Line;

use super::{
    Receipt,
    content::{Row, Tone},
};
use crate::language::Language;

/// Half-width columns of 58 mm paper.
pub const COLUMNS_58_MM: usize = 32;
/// Half-width columns of 80 mm paper.
pub const COLUMNS_80_MM: usize = 48;
/// The narrowest paper that a receipt is laid out for; narrower is taken as this.
pub const COLUMNS_MIN: usize = 24;

impl Receipt {
    /// Lays the receipt out for paper with so many half-width columns; a Chinese character takes two.
    ///
    /// No line is wider than `columns`, a large one than half of it. Nothing is cut off: what does not
    /// fit is wrapped.
    pub fn lines(&self, columns: usize, language: Language) -> Vec<Line> {
        lines_of(&self.rows(language), columns)
    }

    /// The same as one text, each line ended by a line feed.
    pub fn text(&self, columns: usize, language: Language) -> String {
        text_of(&self.rows(language), columns)
    }
}

pub(super) fn lines_of(rows: &[Row], columns: usize) -> Vec<Line> {
    let mut paper = Paper { columns: columns.max(COLUMNS_MIN), lines: Vec::new() };
    for row in rows {
        paper.row(row);
    }
    paper.lines
}

pub(super) fn text_of(rows: &[Row], columns: usize) -> String {
    lines_of(rows, columns).into_iter().map(|line| line.text + "\n").collect()
}

struct Paper {
    columns: usize,
    lines: Vec<Line>,
}

impl Paper {
    fn row(&mut self, row: &Row) {
        match row {
            Row::Heading(text) => {
                let wide = self.columns / 2;
                for part in wrap(text, wide) {
                    let text = centred(&part, wide);
                    self.lines.push(Line { text, large: true });
                }
            }
            Row::Title(text) => {
                for part in wrap(text, self.columns) {
                    self.put(centred(&part, self.columns));
                }
            }
            Row::Rule => self.put("-".repeat(self.columns)),
            Row::Fact(label, value) => self.pair(label, value, ""),
            Row::Identifier(label, value) => self.pair(label, value, ""),
            Row::Item(name, detail, amount) => {
                for part in wrap(name, self.columns) {
                    self.put(part);
                }
                self.pair(detail, &amount.to_string(), "  ");
            }
            Row::Amount(label, amount) | Row::Sum(label, amount) => self.pair(label, &amount.to_string(), ""),
            Row::Part(label, amount) => self.pair(label, &amount.to_string(), "  "),
            Row::Pay(label, amount) => {
                let wide = self.columns / 2;
                for text in pair(label, &amount.to_string(), "", wide) {
                    self.lines.push(Line { text, large: true });
                }
            }
            Row::State(tone, text) => {
                let mark = match tone {
                    Tone::Good => "",
                    Tone::Waiting | Tone::Bad => "** ",
                };
                for part in wrap(&format!("{mark}{text}"), self.columns) {
                    self.put(part);
                }
            }
            Row::Note(text) => {
                for part in wrap(text, self.columns) {
                    self.put(part);
                }
            }
        }
    }

    fn pair(&mut self, label: &str, value: &str, indent: &str) {
        for line in pair(label, value, indent, self.columns) {
            self.put(line);
        }
    }

    fn put(&mut self, text: String) {
        self.lines.push(Line { text, large: false });
    }
}

/// Columns of a character: printers set everything beyond ASCII in the Chinese font, two columns wide.
fn character_width(character: char) -> usize {
    if character.is_ascii() { 1 } else { 2 }
}

fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

/// Label on the left, value on the right edge; on two lines where one is too narrow.
fn pair(label: &str, value: &str, indent: &str, columns: usize) -> Vec<String> {
    let taken = width(indent) + width(label) + 1 + width(value);
    if taken <= columns {
        return vec![format!("{indent}{label}{}{value}", " ".repeat(columns - taken + 1))];
    }
    let mut lines: Vec<String> =
        wrap(label, columns - width(indent)).iter().map(|part| format!("{indent}{part}")).collect();
    for part in wrap(value, columns) {
        lines.push(format!("{}{part}", " ".repeat(columns - width(&part))));
    }
    lines
}

fn centred(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat((columns - width(text)) / 2))
}

/// Breaks a text into lines of at most `columns`: at blanks where there are any, else anywhere, but never
/// so that a line begins with a closing mark.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_by(text, columns, character_width)
}

/// [`wrap`] with any measure of width.
pub(super) fn wrap_by<W: Copy + Ord + std::ops::Add<Output = W> + Default>(
    text: &str,
    limit: W,
    width: impl Fn(char) -> W,
) -> Vec<String> {
    let characters: Vec<char> = text.trim().chars().collect();
    let mut lines = Vec::new();
    let mut start = 0;
    while start < characters.len() {
        let mut end = start;
        let mut taken = W::default();
        while end < characters.len() && taken + width(characters[end]) <= limit {
            taken = taken + width(characters[end]);
            end += 1;
        }
        // A character wider than the line stands alone.
        end = end.max(start + 1);
        if end < characters.len() {
            end = break_before(&characters, start, end);
        }
        lines.push(characters[start..end].iter().collect::<String>().trim_end().to_owned());
        start = end;
        while characters.get(start).is_some_and(|c| *c == ' ') {
            start += 1;
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// Where to break between `start` and `end`, the first place that no longer fits.
fn break_before(characters: &[char], start: usize, end: usize) -> usize {
    let word = |c: char| c.is_ascii() && c != ' ';
    if word(characters[end]) && word(characters[end - 1]) {
        let begin = (start + 1..end).rev().find(|at| !word(characters[at - 1]));
        if let Some(begin) = begin {
            return begin;
        }
    }
    let closing = |c: char| "，。、；：！？）》」』”’％.,;:!?)%".contains(c);
    let moved = (start + 1..=end).rev().find(|at| !closing(characters[*at]));
    moved.unwrap_or(end)
}
