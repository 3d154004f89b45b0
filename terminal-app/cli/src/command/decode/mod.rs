//! `jinbao card decode`: what bytes mean, with no card needed. Every byte gets a name.

mod answer;
mod atr;
mod code;
mod command;
mod file;

use clap::{Args, ValueEnum};
use serde::Serialize;
use terminal::language::Language;

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// Longest input; a photo file has 3 KB.
const INPUT_BYTES_MAX: usize = 65_536;

/// Bytes of one part that are written out; longer ones are cut for people, never for machines.
const SHOWN_BYTES_MAX: usize = 24;

/// What `card decode` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao card decode 6A82                                     状态字 · a status word
  jinbao card decode 3B6D00000081544C8686605A4301000001       复位应答 · an answer to reset
  jinbao card decode 00 A4 04 00 0F 7378312E73682EC9E7BBE1B1A3D5CF
                                                              命令 · a command
  jinbao card decode 6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E9000
                                                              选择应答 · an answer to SELECT
  jinbao card decode --file SSSEEF05 0133…                    文件内容 · contents of a file

不写 --as 时按内容判断;密码字节不显示。
Without --as the kind is told from the bytes; the bytes of a PIN are not shown.")]
pub(crate) struct Arguments {
    /// 十六进制,可分段 · hexadecimal, in pieces as you like
    #[arg(required = true, value_name = "HEX")]
    hex: Vec<String>,
    /// 种类 · kind of bytes
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// 文件地址,如 SSSEEF06、DF04EF08 · address of the file, like SSSEEF06
    #[arg(long, value_name = "ADDRESS")]
    file: Option<String>,
}

/// What bytes may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Atr,
    Command,
    Answer,
    Status,
    File,
}

/// Bytes taken apart.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    kind: &'static str,
    /// What it is as a whole, in one line.
    summary: String,
    bytes: usize,
    parts: Vec<Part>,
}

/// Some bytes with a name.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    /// Offset of the first byte.
    at: usize,
    /// The bytes; `null` for those of a PIN.
    hex: Option<String>,
    length: usize,
    /// How deep it stands inside other parts.
    depth: usize,
    name: String,
    meaning: String,
}

/// Collects parts in the order of the bytes.
pub(super) struct Parts {
    language: Language,
    parts: Vec<Part>,
    at: usize,
    depth: usize,
}

/// A name or a meaning in both languages.
pub(super) type Words = (String, String);

/// A text that is the same in both languages.
pub(super) fn same(text: impl Into<String>) -> Words {
    let text = text.into();
    (text.clone(), text)
}

/// A text in both languages.
pub(super) fn words(chinese: impl Into<String>, english: impl Into<String>) -> Words {
    (chinese.into(), english.into())
}

impl Parts {
    fn new(language: Language) -> Self {
        Parts { language, parts: Vec::new(), at: 0, depth: 0 }
    }

    /// The next bytes and what they are.
    pub(super) fn push(&mut self, bytes: &[u8], name: Words, meaning: Words) {
        self.add(bytes.len(), Some(hex::encode_upper(bytes)), name, meaning);
    }

    /// The next bytes, which nobody is shown.
    pub(super) fn push_secret(&mut self, bytes: &[u8], name: Words) {
        let meaning = words("密码，不显示", "a PIN, not shown");
        self.add(bytes.len(), None, name, meaning);
    }

    /// The parts that `inside` adds stand one level deeper.
    pub(super) fn deeper(&mut self, inside: impl FnOnce(&mut Self)) {
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }

    fn add(&mut self, length: usize, hex: Option<String>, name: Words, meaning: Words) {
        if length == 0 {
            return;
        }
        let pick = |(chinese, english)| self.language.pick(chinese, english);
        self.parts.push(Part {
            at: self.at,
            hex,
            length,
            depth: self.depth,
            name: pick(name),
            meaning: pick(meaning),
        });
        self.at += length;
    }

    fn finish(self, kind: &'static str, summary: Words) -> Explanation {
        Explanation {
            kind,
            summary: self.language.pick(summary.0, summary.1),
            bytes: self.at,
            parts: self.parts,
        }
    }
}

/// The file with an address such as `SSSEEF06`.
pub(super) fn file_by_address(address: &str) -> Result<&'static card_spec::file::File, EdgeError> {
    file::by_address(address)
}

/// The value of an item as the standard interface writes it; a record without tags in hexadecimal.
pub(super) fn plain(item: Option<&card_spec::file::Item>, value: &[u8]) -> String {
    file::plain(item, value)
}

/// What the value of an item, or a whole record, says.
pub(super) fn value(
    file: &card_spec::file::File,
    item: Option<&card_spec::file::Item>,
    value: &[u8],
    language: Language,
) -> String {
    let (chinese, english) = file::value(file, item, value);
    language.pick(chinese, english)
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let bytes = bytes_of(&arguments.hex)?;
    let explanation = explain(&bytes, arguments.kind, arguments.file.as_deref(), context.console.language())?;
    context.console.answer(&explanation);
    Ok(Exit::Done)
}

fn explain(
    bytes: &[u8],
    kind: Option<Kind>,
    address: Option<&str>,
    language: Language,
) -> Result<Explanation, EdgeError> {
    let parts = Parts::new(language);
    if let Some(address) = address {
        return file::explain(parts, bytes, Some(file::by_address(address)?));
    }
    match kind.unwrap_or_else(|| guess(bytes)) {
        Kind::Atr => atr::explain(parts, bytes),
        Kind::Command => command::explain(parts, bytes),
        Kind::Answer => answer::explain(parts, bytes),
        Kind::Status => answer::status(parts, bytes),
        Kind::File => file::explain(parts, bytes, None),
    }
}

/// The kind that the bytes look like most.
fn guess(bytes: &[u8]) -> Kind {
    match bytes {
        [_, _] => Kind::Status,
        [0x3B | 0x3F, ..] if card_spec::atr::Atr::parse(bytes).is_ok() => Kind::Atr,
        [0x6F, ..] => Kind::Answer,
        [0x70, ..] if card_spec::fci::directory_entries(bytes).next().is_some() => Kind::Answer,
        _ if file::looks_like_one(bytes) => Kind::File,
        _ if command::looks_like_one(bytes) => Kind::Command,
        [0x3B | 0x3F, ..] => Kind::Atr,
        _ => Kind::Answer,
    }
}

fn bytes_of(pieces: &[String]) -> Result<Vec<u8>, EdgeError> {
    let expected = EdgeError::Argument {
        expected: "hexadecimal digits, two for each byte",
        expected_chinese: "十六进制数字，每字节两位",
    };
    let digits: String = pieces
        .iter()
        .flat_map(|piece| piece.chars())
        .filter(|character| !character.is_whitespace() && !matches!(character, ':' | '-' | '_' | ','))
        .collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    match hex::decode(digits) {
        Ok(bytes) if !bytes.is_empty() && bytes.len() <= INPUT_BYTES_MAX => Ok(bytes),
        _ => Err(expected),
    }
}

/// Bytes that cannot be taken apart as the kind that they should be.
fn not_one(chinese: &'static str, english: &'static str) -> EdgeError {
    EdgeError::Argument { expected: english, expected_chinese: chinese }
}

impl Show for Explanation {
    fn show(&self, page: &mut Page) {
        page.line(&self.summary);
        page.gap();
        let head = match page.language() {
            Language::Chinese => ["位置", "字节", "名称", "含义"],
            Language::English => ["at", "bytes", "name", "meaning"],
        };
        let rows = self.parts.iter().map(|part| {
            let indent = "  ".repeat(part.depth);
            vec![
                part.at.to_string(),
                part.shown_hex(),
                format!("{indent}{}", part.name),
                part.meaning.clone(),
            ]
        });
        page.table(&head, &[0], rows);
    }
}

impl Part {
    fn shown_hex(&self) -> String {
        match &self.hex {
            None => "··".repeat(self.length),
            Some(hex) if self.length > SHOWN_BYTES_MAX => format!("{}…", &hex[..SHOWN_BYTES_MAX * 2]),
            Some(hex) => hex.clone(),
        }
    }
}
