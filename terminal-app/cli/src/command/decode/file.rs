//! Contents of files, by the one table of the card's files.

use card_spec::{
    file::{Application, Encoding, File, FileId, Item, Structure, UNNAMED_CHINESE, directories},
    generation::Generation,
    text, tlv,
};

use super::{Explanation, Parts, Words, code, not_one, same, words};
use crate::failure::EdgeError;

/// Longest text of an item in UTF-8: 255 bytes of GBK.
const PLAIN_UTF8_BYTES_MAX: usize = 384;

/// The file with an address such as `SSSEEF06`, `DF04EF08`, also with `/` between; `3F00` is the
/// environment.
pub(super) fn by_address(address: &str) -> Result<&'static File, EdgeError> {
    let none =
        || not_one("文件地址，如 SSSEEF06、DF04EF08", "the address of a file, like SSSEEF06 or DF04EF08");
    let address = address.trim().to_ascii_uppercase().replace('/', "");
    let (application, file) = address.split_at_checked(4).ok_or_else(none)?;
    let id = u16::from_str_radix(file, 16).map(FileId).map_err(|_| none())?;
    let application = match application {
        "3F00" => Application::Ssse,
        name => Application::ALL.into_iter().find(|known| known.short_name() == name).ok_or_else(none)?,
    };
    application.directory().file(id).ok_or_else(none)
}

/// Whether the bytes are whole records with tags of one file.
pub(super) fn looks_like_one(bytes: &[u8]) -> bool {
    find(bytes).is_some()
}

/// The record file whose tags fit best; `None` when a record is cut or no file knows half of its tags.
fn find(bytes: &[u8]) -> Option<&'static File> {
    let records = tlv::records(bytes).collect::<Result<Vec<_>, _>>().ok()?;
    let whole: usize = records.iter().map(tlv::Record::encoded_bytes).sum();
    let padding = bytes.get(whole..)?;
    if records.is_empty() || padding.iter().any(|byte| !matches!(byte, 0x00 | 0xFF)) {
        return None;
    }
    let fit = |file: &File| {
        let known = |record: &&tlv::Record<'_>| {
            let item = file.items.iter().find(|item| item.tag == Some(record.tag));
            item.is_some_and(|item| usize::from(item.bytes) == record.value.len())
        };
        records.iter().filter(known).count()
    };
    directories()
        .flat_map(|directory| directory.files)
        .filter(|file| file.structure == Structure::LinearTlv)
        .map(|file| (fit(file), file))
        .filter(|(fit, _)| fit * 2 > records.len())
        // Of two that fit alike the first one of the table: the environment's.
        .fold(None, |best: Option<(usize, &File)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, file)| file)
}

pub(super) fn explain(
    mut parts: Parts,
    bytes: &[u8],
    file: Option<&'static File>,
) -> Result<Explanation, EdgeError> {
    let file = file.or_else(|| find(bytes)).ok_or_else(|| {
        not_one("某个文件的内容；可用 --file 指明文件", "the contents of a file; name it by --file")
    })?;
    match file.structure {
        Structure::LinearTlv => records(&mut parts, file, bytes),
        Structure::LinearFixed { record_bytes, .. } | Structure::Cyclic { record_bytes, .. } => {
            fixed(&mut parts, file, bytes, usize::from(record_bytes));
        }
        Structure::Transparent { .. } | Structure::Internal { .. } => {
            parts.push(bytes, words("内容", "contents"), words("无结构", "without structure"));
        }
    }
    let (application, directory) = (file.application.short_name(), file.application.directory());
    let summary = words(
        format!("{application} {} 的内容：{}（{}）", file.id, file.chinese, directory.chinese),
        format!("Contents of {application} {}: {} ({})", file.id, file.english, directory.english),
    );
    Ok(parts.finish("file", summary))
}

fn records(parts: &mut Parts, file: &File, bytes: &[u8]) {
    let mut rest = bytes;
    while let [tag, length, after @ ..] = rest {
        if matches!(tag, 0x00 | 0xFF) {
            break;
        }
        let item = file.items.iter().find(|item| item.tag == Some(*tag));
        parts.push(&rest[..1], same(format!("{tag:02X}")), item.map_or_else(unknown, name_of));
        let cut = after.len() < usize::from(*length);
        parts.push(&rest[1..2], words("长度", "length"), length_words(*length, item, cut));
        let (value, next) = after.split_at(after.len().min(usize::from(*length)));
        parts.deeper(|parts| value_parts(parts, file, item, value));
        rest = next;
    }
    parts.push(rest, words("未用", "unused"), words("空白", "unwritten"));
}

fn length_words(length: u8, item: Option<&Item>, cut: bool) -> Words {
    if cut {
        return words(format!("{length} 字节，内容不全"), format!("{length} bytes, but the value is cut"));
    }
    match item {
        Some(item) if item.bytes != length => words(
            format!("{length} 字节，规范为 {}", item.bytes),
            format!("{length} bytes, the table says {}", item.bytes),
        ),
        _ => words(format!("{length} 字节"), format!("{length} bytes")),
    }
}

fn value_parts(parts: &mut Parts, file: &File, item: Option<&Item>, value: &[u8]) {
    let Some(item) = item else {
        parts.push(value, words("值", "value"), unknown());
        return;
    };
    if (file.application, file.id, item.tag) == (Application::Ssse, FileId::EF05, Some(0x01))
        && let Some(fields) = code::card_id(value)
    {
        let mut rest = value;
        for (bytes, name, meaning) in fields {
            let (field, next) = rest.split_at(rest.len().min(bytes));
            parts.push(field, name, meaning);
            rest = next;
        }
        return;
    }
    if let Encoding::Group(items) = item.encoding {
        group(parts, file, items, value);
        return;
    }
    parts.push(value, words("值", "value"), meaning(file, item, value));
}

/// Data objects again, or fields side by side where they have no tags.
fn group(parts: &mut Parts, file: &File, items: &[Item], value: &[u8]) {
    let mut rest = value;
    while let [tag, length, after @ ..] = rest {
        let Some(item) = items.iter().find(|item| item.tag == Some(*tag)) else { break };
        let (value, next) = after.split_at(after.len().min(usize::from(*length)));
        parts.push(&rest[..1], same(format!("{tag:02X}")), name_of(item));
        parts.push(
            &rest[1..2],
            words("长度", "length"),
            length_words(*length, Some(item), value.len() < usize::from(*length)),
        );
        parts.deeper(|parts| parts.push(value, words("值", "value"), meaning(file, item, value)));
        rest = next;
    }
    parts.push(rest, words("其余", "rest"), unknown());
}

/// Records of one length, fields side by side.
fn fixed(parts: &mut Parts, file: &File, bytes: &[u8], record_bytes: usize) {
    let items: Vec<&Item> = file.items_of(Generation::Three).collect();
    for (number, record) in bytes.chunks(record_bytes.max(1)).enumerate() {
        let number = number + 1;
        if record.iter().all(|byte| *byte == 0xFF) || record.iter().all(|byte| *byte == 0) {
            parts.push(
                record,
                words(format!("第 {number} 条",), format!("record {number}")),
                words("未用", "unused"),
            );
            continue;
        }
        let mut rest = record;
        for item in &items {
            let (field, next) = rest.split_at(rest.len().min(usize::from(item.bytes)));
            let name = name_of(item);
            let name = words(format!("第 {number} 条 {}", name.0), format!("record {number}: {}", name.1));
            parts.push(field, name, meaning(file, item, field));
            rest = next;
        }
        parts.push(rest, words("其余", "rest"), unknown());
    }
}

/// Text, digits or hexadecimal, by the encoding; nothing for an empty field.
pub(super) fn plain(item: Option<&Item>, value: &[u8]) -> String {
    let text = match item.map(|item| item.encoding) {
        Some(Encoding::An) => {
            text::decode_an::<PLAIN_UTF8_BYTES_MAX>(value).map(|text| text.as_str().to_owned())
        }
        Some(Encoding::Cn) => {
            text::decode_cn::<PLAIN_UTF8_BYTES_MAX>(value).map(|text| text.as_str().to_owned())
        }
        _ => return hex::encode_upper(value),
    };
    text.unwrap_or_else(|_| hex::encode_upper(value))
}

/// What a value says: an item's by its encoding, a record without tags field by field.
pub(super) fn value(file: &File, item: Option<&Item>, value: &[u8]) -> Words {
    if let Some(item) = item {
        return meaning(file, item, value);
    }
    if matches!(file.structure, Structure::Transparent { .. }) || file.items.is_empty() {
        return same(hex::encode_upper(value));
    }
    let mut rest = value;
    let mut fields = (Vec::new(), Vec::new());
    for item in file.items_of(Generation::Three) {
        let (field, next) = rest.split_at(rest.len().min(usize::from(item.bytes)));
        let words = meaning(file, item, field);
        fields.0.push(words.0);
        fields.1.push(words.1);
        rest = next;
    }
    words(fields.0.join("，"), fields.1.join(", "))
}

fn meaning(file: &File, item: &Item, value: &[u8]) -> Words {
    if let Some(words) = code::item(file.application, file.id, item.tag, value) {
        return words;
    }
    match item.encoding {
        Encoding::An => code::text_of(value),
        Encoding::Cn => code::digits_of(value),
        Encoding::Binary | Encoding::Group(_) => same(hex::encode_upper(value)),
    }
}

fn name_of(item: &Item) -> Words {
    if item.chinese == UNNAMED_CHINESE { unknown() } else { words(item.chinese, item.english) }
}

fn unknown() -> Words {
    words("公开资料未载", "not named in public")
}
