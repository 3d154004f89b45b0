//! A page to take along: on paper, or as a code for a telephone.

use hal::printer::Line;
use qrcode::{Color, EcLevel, QrCode};

/// Most bytes of a code: what a telephone reads off a screen without trouble.
const CODE_BYTES_MAX: usize = 700;

/// Most lines of one print.
const LINES_MAX: usize = 200;

/// What is printed: a heading and rows.
#[derive(Clone, PartialEq, Eq)]
pub struct PaperText {
    title: String,
    rows: Vec<(String, String)>,
}

/// Leaves the text out: it may be about a person.
impl std::fmt::Debug for PaperText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaperText").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl PaperText {
    /// With a heading.
    pub fn new(title: String) -> Self {
        PaperText { title, rows: Vec::new() }
    }

    /// A heading inside.
    pub fn head(&mut self, words: &str) {
        self.rows.push((String::new(), String::new()));
        self.note(words);
    }

    /// A name and what it is.
    pub fn fact(&mut self, label: &str, value: &str) {
        self.rows.push((label.to_owned(), value.to_owned()));
    }

    /// A sentence; none for nothing.
    pub fn note(&mut self, words: &str) {
        for line in words.lines().filter(|line| !line.trim().is_empty()) {
            self.rows.push((line.to_owned(), String::new()));
        }
    }

    /// Laid out for paper with so many half-width columns.
    pub fn lines(&self, columns: usize, place: &str) -> Vec<Line> {
        let columns = columns.max(16);
        let mut lines = vec![Line { text: self.title.clone(), large: width(&self.title) * 2 <= columns }];
        let rule = Line { text: "-".repeat(columns), large: false };
        let mut plain = |text: String| lines.push(Line { text, large: false });
        plain(place.to_owned());
        plain(rule.text.clone());
        for (label, value) in &self.rows {
            let room = columns.saturating_sub(width(label) + width(value));
            if value.is_empty() {
                wrapped(label, columns).into_iter().for_each(&mut plain);
            } else if room >= 1 {
                plain(format!("{label}{}{value}", " ".repeat(room)));
            } else {
                wrapped(label, columns).into_iter().for_each(&mut plain);
                for part in wrapped(value, columns - 2) {
                    plain(format!("  {part}"));
                }
            }
        }
        plain(rule.text);
        lines.truncate(LINES_MAX);
        lines
    }

    /// As the text of a code: as much as fits, whole rows only.
    pub fn code_text(&self) -> String {
        let mut text = self.title.clone();
        for (label, value) in self.rows.iter().filter(|(label, _)| !label.is_empty()) {
            let row = if value.is_empty() { format!("\n{label}") } else { format!("\n{label} {value}") };
            if text.len() + row.len() > CODE_BYTES_MAX {
                text.push_str("\n…");
                break;
            }
            text.push_str(&row);
        }
        text
    }

    /// As a code: whether each module is dark, row by row, and how many there are on a side. `None` for a text that
    /// no code can hold.
    pub fn code(&self) -> Option<(Vec<bool>, usize)> {
        let code = QrCode::with_error_correction_level(self.code_text(), EcLevel::L).ok()?;
        let side = code.width();
        Some((code.to_colors().into_iter().map(|color| color == Color::Dark).collect(), side))
    }
}

/// Width in half-width columns, as printers have it.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for letter in text.chars() {
        let wide = if letter.is_ascii() { 1 } else { 2 };
        if used + wide > columns {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(letter);
        }
        used += wide;
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn paper() -> PaperText {
        let mut paper = PaperText::new("缴费记录".into());
        paper.fact("一月", "100.00 元");
        paper.fact("很长很长很长很长很长很长的名称", "1,234,567.00 元（已缴）");
        paper.note("一段话\n\n又一段");
        paper
    }

    #[test]
    fn no_line_is_wider_than_the_paper() {
        for columns in [16, 32, 48] {
            for line in paper().lines(columns, "便民服务中心") {
                assert!(width(&line.text) <= columns, "{columns}: {}", line.text);
            }
        }
        let lines = paper().lines(32, "中心");
        assert!(lines.iter().any(|line| line.text == "一月                   100.00 元"), "{lines:?}");
        assert!(lines[0].large);
    }

    #[test]
    fn a_code_holds_what_fits_and_says_that_there_is_more() {
        let mut long = paper();
        assert!(long.code_text().ends_with("又一段"));
        for _ in 0..100 {
            long.fact("养老保险", "100.00 元");
        }
        assert!(long.code_text().len() <= CODE_BYTES_MAX + 4 && long.code_text().ends_with('…'));
        let (modules, side) = long.code().unwrap();
        assert_eq!(modules.len(), side * side);
        // Version 20 or less: a telephone reads it off a screen.
        assert!(side <= 97, "{side}");
    }
}
