//! Receipts as PDF: one page as wide as 80 mm paper and as long as its content, with an embedded subset of
//! the font.

use std::{fmt, sync::Arc};

use krilla::{
    Data, Document,
    color::rgb,
    geom::{Path, PathBuilder, Point, Rect},
    metadata::Metadata,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};
use skrifa::{
    FontRef, MetadataProvider,
    instance::{LocationRef, Size},
};

use super::{
    Receipt,
    content::{Row, Tone},
    text::wrap_by,
};
use crate::language::Language;

/// 80 mm in points.
const PAGE_WIDTH: f32 = 226.77;
const MARGIN: f32 = 15.0;
const RIGHT: f32 = PAGE_WIDTH - MARGIN;
const INNER: f32 = PAGE_WIDTH - 2.0 * MARGIN;
/// Radius that makes a cubic curve of a corner.
const CORNER: f32 = 0.552;

const INK: [u8; 3] = [0x1b, 0x1f, 0x24];
const MUTED: [u8; 3] = [0x6a, 0x73, 0x7d];
const HAIRLINE: [u8; 3] = [0xcf, 0xd5, 0xdb];
const ACCENT: [u8; 3] = [0x0b, 0x5c, 0x8a];
const PANEL: [u8; 3] = [0xe8, 0xf1, 0xf7];

/// A font that is no font, or lacks the face that was asked for. For the installer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FontError;

impl fmt::Display for FontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the receipt font cannot be read; give a TrueType or OpenType font with Chinese characters",
        )
    }
}

impl std::error::Error for FontError {}

/// A font for PDF receipts, read once.
#[derive(Clone)]
pub struct ReceiptFont {
    bytes: Arc<Vec<u8>>,
    face: u32,
    font: Font,
}

impl ReceiptFont {
    /// Takes the bytes of a font file; `face` chooses one of a collection, else 0.
    ///
    /// Error: [`FontError`].
    pub fn new(bytes: Vec<u8>, face: u32) -> Result<Self, FontError> {
        let bytes = Arc::new(bytes);
        FontRef::from_index(&bytes, face).map_err(|_| FontError)?;
        let data: Arc<dyn AsRef<[u8]> + Send + Sync> = bytes.clone();
        let font = Font::new(Data::from(data), face).ok_or(FontError)?;
        Ok(ReceiptFont { bytes, face, font })
    }

    /// Characters of a text that the font cannot draw; a receipt shows a box in their place.
    pub fn missing(&self, text: &str) -> Vec<char> {
        let Ok(font) = FontRef::from_index(&self.bytes, self.face) else { return text.chars().collect() };
        let characters = font.charmap();
        text.chars().filter(|c| !c.is_whitespace() && characters.map(*c).is_none()).collect()
    }
}

impl fmt::Debug for ReceiptFont {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiptFont").field("bytes", &self.bytes.len()).field("face", &self.face).finish()
    }
}

impl Receipt {
    /// The receipt as a PDF document. Equal receipts give equal bytes.
    ///
    /// Error: [`FontError`] when the font's tables break on a character of this receipt.
    pub fn pdf(&self, font: &ReceiptFont, language: Language) -> Result<Vec<u8>, FontError> {
        document_of(&self.rows(language), &self.transaction.to_string(), font, language)
    }
}

/// Rows as a document of one page.
pub(super) fn document_of(
    rows: &[Row],
    title: &str,
    font: &ReceiptFont,
    language: Language,
) -> Result<Vec<u8>, FontError> {
    let measure = Measure::new(font)?;
    let mut sheet = Sheet { measure: &measure, marks: Vec::new(), y: 0.0 };
    sheet.top();
    for row in rows {
        sheet.row(row, language);
    }
    let height = sheet.y + 14.0;

    let mut document = Document::new();
    let settings = PageSettings::from_wh(PAGE_WIDTH, height).ok_or(FontError)?;
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    for mark in &sheet.marks {
        mark.draw(&mut surface, &measure);
    }
    surface.finish();
    page.finish();
    document.set_metadata(
        Metadata::new()
            .title(title.to_owned())
            .language(language.pick("zh-CN", "en").to_owned())
            .creator("jinbao".to_owned()),
    );
    document.finish().map_err(|_| FontError)
}

/// Widths of the font's characters.
struct Measure<'a> {
    font: &'a ReceiptFont,
    charmap: skrifa::charmap::Charmap<'a>,
    metrics: skrifa::metrics::GlyphMetrics<'a>,
    units_per_em: f32,
}

impl<'a> Measure<'a> {
    fn new(font: &'a ReceiptFont) -> Result<Self, FontError> {
        let reader = FontRef::from_index(&font.bytes, font.face).map_err(|_| FontError)?;
        Ok(Measure {
            font,
            charmap: reader.charmap(),
            metrics: reader.glyph_metrics(Size::unscaled(), LocationRef::default()),
            units_per_em: font.font.units_per_em(),
        })
    }

    /// Glyph and width in parts of the font size.
    fn glyph(&self, character: char) -> (skrifa::GlyphId, f32) {
        let glyph = self.charmap.map(character).unwrap_or_default();
        (glyph, self.metrics.advance_width(glyph).unwrap_or(self.units_per_em) / self.units_per_em)
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|character| self.glyph(character).1 * size).sum()
    }

    /// Lines that are at most `limit` points wide.
    fn wrap(&self, text: &str, size: f32, limit: f32) -> Vec<String> {
        // Thousandths of a point compare exactly.
        wrap_by(text, (limit * 1000.0) as u64, |character| {
            (self.glyph(character).1 * size * 1000.0) as u64 + 1
        })
    }
}

/// Something drawn at its place.
enum Mark {
    Text { x: f32, baseline: f32, style: Style, text: String },
    Panel { x: f32, y: f32, width: f32, height: f32, radius: f32, color: [u8; 3] },
}

#[derive(Clone, Copy)]
struct Style {
    size: f32,
    color: [u8; 3],
    bold: bool,
}

impl Style {
    const fn new(size: f32, color: [u8; 3]) -> Self {
        Style { size, color, bold: false }
    }

    const fn bold(self) -> Self {
        Style { bold: true, ..self }
    }
}

impl Mark {
    fn draw(&self, surface: &mut Surface<'_>, measure: &Measure<'_>) {
        match self {
            Mark::Panel { x, y, width, height, radius, color } => {
                surface.set_stroke(None);
                surface.set_fill(Some(fill(*color)));
                if let Some(path) = panel(*x, *y, *width, *height, *radius) {
                    surface.draw_path(&path);
                }
            }
            Mark::Text { x, baseline, style, text } => {
                let glyphs: Vec<KrillaGlyph> = text
                    .char_indices()
                    .map(|(at, character)| {
                        let (glyph, advance) = measure.glyph(character);
                        let range = at..at + character.len_utf8();
                        KrillaGlyph::new(GlyphId::new(glyph.to_u32()), advance, 0.0, 0.0, 0.0, range, None)
                    })
                    .collect();
                surface.set_fill(Some(fill(style.color)));
                // One weight in the font: a thin outline of the same colour makes the other.
                surface.set_stroke(style.bold.then(|| Stroke {
                    paint: color(style.color).into(),
                    width: style.size * 0.035,
                    ..Stroke::default()
                }));
                let font = measure.font.font.clone();
                surface.draw_glyphs(Point::from_xy(*x, *baseline), &glyphs, font, text, style.size, false);
            }
        }
    }
}

struct Sheet<'a> {
    measure: &'a Measure<'a>,
    marks: Vec<Mark>,
    y: f32,
}

impl Sheet<'_> {
    fn top(&mut self) {
        self.panel(0.0, 0.0, PAGE_WIDTH, 5.0, 0.0, ACCENT);
        self.y = 18.0;
    }

    fn row(&mut self, row: &Row, language: Language) {
        match row {
            Row::Heading(text) => self.centred(text, Style::new(12.0, INK).bold(), 16.0),
            Row::Title(text) => self.centred(text, Style::new(8.5, ACCENT), 12.5),
            Row::Rule => {
                self.y += 5.0;
                self.dashes();
                self.y += 6.0;
            }
            Row::Fact(label, value) => {
                self.pair(label, Style::new(7.5, MUTED), value, Style::new(7.5, INK), 0.0, 11.5)
            }
            Row::Identifier(label, value) => {
                self.pair(label, Style::new(7.5, MUTED), value, Style::new(6.5, INK), 0.0, 11.5)
            }
            Row::Item(name, detail, amount) => {
                for part in self.measure.wrap(name, 8.0, INNER) {
                    self.left(&part, Style::new(8.0, INK), 0.0, 11.0);
                }
                let amount = amount.to_string();
                self.pair(detail, Style::new(7.0, MUTED), &amount, Style::new(8.0, INK), 0.0, 12.5);
            }
            Row::Amount(label, amount) => {
                let style = Style::new(8.0, INK);
                self.pair(label, Style::new(8.0, MUTED), &amount.to_string(), style, 0.0, 12.0);
            }
            Row::Sum(label, amount) => {
                self.y += 1.5;
                let style = Style::new(8.5, INK).bold();
                self.pair(label, style, &amount.to_string(), style, 0.0, 12.5);
            }
            Row::Part(label, amount) => {
                let style = Style::new(7.5, MUTED);
                self.pair(label, style, &amount.to_string(), style, 8.0, 11.0);
            }
            Row::Pay(label, amount) => {
                let unit = language.pick(format!("{amount} 元"), format!("CNY {amount}"));
                self.pay(label, &unit);
            }
            Row::State(tone, text) => self.state(*tone, text),
            Row::Note(text) => self.centred(text, Style::new(7.0, MUTED), 10.0),
        }
    }

    fn pay(&mut self, label: &str, amount: &str) {
        const HEIGHT: f32 = 26.0;
        self.y += 4.0;
        let top = self.y;
        self.panel(MARGIN - 5.0, top, INNER + 10.0, HEIGHT, 4.0, PANEL);
        let (label_style, style) = (Style::new(9.5, ACCENT).bold(), Style::new(14.0, ACCENT).bold());
        let x = RIGHT - self.measure.width(amount, style.size);
        self.text(MARGIN, top + 17.0, label_style, label);
        self.text(x, top + 18.0, style, amount);
        self.y = top + HEIGHT + 1.0;
    }

    fn state(&mut self, tone: Tone, text: &str) {
        let (ink, back) = match tone {
            Tone::Good => ([0x0b, 0x6e, 0x4f], [0xdf, 0xf3, 0xea]),
            Tone::Waiting => ([0x92, 0x4d, 0x07], [0xfd, 0xf0, 0xd5]),
            Tone::Bad => ([0xa6, 0x1b, 0x1b], [0xfb, 0xe2, 0xe2]),
        };
        const LINE: f32 = 12.0;
        let style = Style::new(8.5, ink).bold();
        let lines = self.measure.wrap(text, style.size, INNER - 12.0);
        let widest = lines.iter().map(|line| self.measure.width(line, style.size)).fold(0.0, f32::max);
        let (width, height) = (widest + 20.0, LINE * lines.len() as f32 + 6.0);
        self.panel((PAGE_WIDTH - width) / 2.0, self.y, width, height, 9.0, back);
        let bottom = self.y + height;
        self.y += 3.0;
        for line in &lines {
            self.centred(line, style, LINE);
        }
        self.y = bottom + 5.0;
    }

    fn left(&mut self, text: &str, style: Style, indent: f32, line_height: f32) {
        let baseline = self.baseline(style, line_height);
        self.text(MARGIN + indent, baseline, style, text);
        self.y += line_height;
    }

    fn centred(&mut self, text: &str, style: Style, line_height: f32) {
        for part in self.measure.wrap(text, style.size, INNER) {
            let x = (PAGE_WIDTH - self.measure.width(&part, style.size)) / 2.0;
            let baseline = self.baseline(style, line_height);
            self.text(x, baseline, style, &part);
            self.y += line_height;
        }
    }

    fn pair(&mut self, label: &str, left: Style, value: &str, right: Style, indent: f32, line_height: f32) {
        let space = INNER - indent - self.measure.width(label, left.size) - 6.0;
        let baseline = self.baseline(left, line_height);
        if self.measure.width(value, right.size) <= space {
            self.text(MARGIN + indent, baseline, left, label);
            let x = RIGHT - self.measure.width(value, right.size);
            self.text(x, baseline, right, value);
            self.y += line_height;
            return;
        }
        for part in self.measure.wrap(label, left.size, INNER - indent) {
            self.left(&part, left, indent, line_height);
        }
        for part in self.measure.wrap(value, right.size, INNER) {
            let x = RIGHT - self.measure.width(&part, right.size);
            let baseline = self.baseline(right, line_height);
            self.text(x, baseline, right, &part);
            self.y += line_height;
        }
    }

    fn baseline(&self, style: Style, line_height: f32) -> f32 {
        self.y + (line_height + style.size * 0.7) / 2.0
    }

    fn text(&mut self, x: f32, baseline: f32, style: Style, text: &str) {
        self.marks.push(Mark::Text { x, baseline, style, text: text.to_owned() });
    }

    fn panel(&mut self, x: f32, y: f32, width: f32, height: f32, radius: f32, color: [u8; 3]) {
        self.marks.push(Mark::Panel { x, y, width, height, radius, color });
    }

    fn dashes(&mut self) {
        const DASH: f32 = 2.4;
        const STEP: f32 = 4.2;
        let mut x = MARGIN;
        while x + DASH <= RIGHT {
            self.panel(x, self.y, DASH, 0.6, 0.0, HAIRLINE);
            x += STEP;
        }
    }
}

fn color(rgb: [u8; 3]) -> rgb::Color {
    rgb::Color::new(rgb[0], rgb[1], rgb[2])
}

fn fill(rgb: [u8; 3]) -> Fill {
    Fill { paint: color(rgb).into(), ..Fill::default() }
}

fn panel(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Option<Path> {
    let mut builder = PathBuilder::new();
    if radius == 0.0 {
        builder.push_rect(Rect::from_xywh(x, y, width, height)?);
        return builder.finish();
    }
    let radius = radius.min(height / 2.0).min(width / 2.0);
    let (right, bottom, pull) = (x + width, y + height, radius * (1.0 - CORNER));
    builder.move_to(x + radius, y);
    builder.line_to(right - radius, y);
    builder.cubic_to(right - pull, y, right, y + pull, right, y + radius);
    builder.line_to(right, bottom - radius);
    builder.cubic_to(right, bottom - pull, right - pull, bottom, right - radius, bottom);
    builder.line_to(x + radius, bottom);
    builder.cubic_to(x + pull, bottom, x, bottom - pull, x, bottom - radius);
    builder.line_to(x, y + radius);
    builder.cubic_to(x, y + pull, x + pull, y, x + radius, y);
    builder.close();
    builder.finish()
}

/// A row of a page that is no receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Whose page it is.
    Heading(String),
    /// What it is.
    Title(String),
    /// Begins a part with a name.
    Part(String),
    /// A fact and its value.
    Fact(String, String),
    /// A long identifier.
    Identifier(String, String),
}

/// A page in the same form as a receipt's. Equal rows give equal bytes.
///
/// Error: [`FontError`] when the font's tables break on a character of it.
pub fn plain_pdf(
    rows: &[Plain],
    title: &str,
    font: &ReceiptFont,
    language: Language,
) -> Result<Vec<u8>, FontError> {
    let clean = super::content::clean;
    let mut laid = Vec::new();
    for row in rows {
        match row {
            Plain::Heading(text) => laid.push(Row::Heading(clean(text))),
            Plain::Title(text) => laid.push(Row::Title(clean(text))),
            Plain::Part(text) => laid.extend([Row::Rule, Row::Title(clean(text))]),
            Plain::Fact(label, value) => laid.push(Row::Fact(clean(label), clean(value))),
            Plain::Identifier(label, value) => laid.push(Row::Identifier(clean(label), clean(value))),
        }
    }
    document_of(&laid, title, font, language)
}
