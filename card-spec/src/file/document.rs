//! The table of files as a document for people.

use core::fmt::{self, Write};

use super::{
    Access, Application, Directory, Encoding, File, FileId, Item, Origin, Rule, Structure, directories,
};
use crate::{
    fingerprint::{self, stored},
    generation::Generation,
    key::{CARD_KEYS, CardKey},
};

/// Writes the whole table as Markdown: directories, files, items, keys.
///
/// This is `docs/card-files.md`. Errors are the writer's own.
pub fn write_document(out: &mut impl Write) -> fmt::Result {
    out.write_str(
        "# Files and keys of the card (卡内文件与密钥)\n\n\
         Generated from the table in `card-spec/src/file`; do not edit by hand.\n\
         `JINBAO_BLESS=1 cargo test -p jinbao-card-spec` writes it anew.\n\n\
         `an` is text in GBK, filled up with 00; `cn` is BCD, filled up with F; lengths are in bytes, hex.\n\
         Rows marked ✱ are choices of ours where the public record is silent.\n\n\
         | directory | FID | AID | name | from |\n|---|---|---|---|---|\n",
    )?;
    for directory in directories() {
        writeln!(
            out,
            "| {} | {} | `{}` | {} {} | {} |",
            directory.application.short_name(),
            directory.application.file_id(),
            directory.application.name(),
            directory.chinese,
            directory.english,
            generation(directory.from),
        )?;
    }
    for directory in directories() {
        write_directory(out, directory)?;
    }
    write_keys(out)
}

fn write_directory(out: &mut impl Write, directory: &Directory) -> fmt::Result {
    write!(out, "\n## {} {} {}\n", directory.application.short_name(), directory.chinese, directory.english)?;
    if directory.files.is_empty() {
        out.write_str("\nIts files are not public.\n")?;
    }
    directory.files.iter().try_for_each(|file| write_file(out, file))
}

fn write_file(out: &mut impl Write, file: &File) -> fmt::Result {
    let star = mark(file.origin);
    write!(out, "\n### {} {} {}{star}\n\n", file.id, file.chinese, file.english)?;
    match file.structure {
        Structure::LinearTlv => out.write_str("linear, TLV")?,
        Structure::LinearFixed { record_bytes, records } => {
            write!(out, "linear, {records} records of {record_bytes:02X}")?;
        }
        Structure::Transparent { bytes } => write!(out, "transparent, {bytes:04X}")?,
        Structure::Cyclic { record_bytes, records } => {
            write!(out, "cyclic, {records} records of {record_bytes:02X}")?;
        }
        Structure::Internal { bytes } => write!(out, "internal, {bytes:02X}")?,
    }
    if let Some(sfi) = file.short_id() {
        write!(out, "; SFI {:02X}", sfi.value())?;
    }
    if file.from > Generation::One {
        write!(out, "; from {}", generation(file.from))?;
    }
    if file.optional {
        out.write_str("; not on every card")?;
    }
    out.write_str("; read: ")?;
    write_rule(out, &file.read)?;
    out.write_str("; write: ")?;
    write_rule(out, &file.write)?;
    out.write_str(".\n")?;
    if (file.application, file.id) == (Application::Ssse, FileId::EF07) {
        write_fingerprints(out)?;
    }
    if file.items.is_empty() {
        return Ok(());
    }
    out.write_str("\n| tag | length | encoding | item | generations |\n|---|---|---|---|---|\n")?;
    file.items.iter().try_for_each(|item| write_item(out, item, ""))
}

fn write_fingerprints(out: &mut impl Write) -> fmt::Result {
    write!(
        out,
        "\nTwo places of {:04X} bytes, the second one behind the first. The whole place with the larger serial number \
         counts; a place of 00 or FF is not in use. A new content goes to the other place, entries first, header last; \
         what was before is then wiped. At most {} entries.\n\n",
        fingerprint::PLACE_BYTES,
        fingerprint::ENTRIES_MAX,
    )?;
    write_layout(out, "place", stored::LAYOUT)?;
    out.write_char('\n')?;
    write_layout(out, "entry", stored::ENTRY_LAYOUT)?;
    out.write_str(
        "\nMAC: under the card's STK (PSAM 48/09), start value 0, over `JF-EF07` 00 ‖ card identification code (10) ‖ \
         social security number (12) ‖ SM3(header 0 to 15 ‖ entries). It holds for one card and one holder; whoever \
         has a PSAM of the city can make it.\n\n\
         Match on card (3.0, option): VERIFY `00 21 00`, P2 80 + finger position, data `7F2E { 81 minutiae }`; without \
         data it tells the tries left. Unblocked by `84 24 00 80` after PUK.\n",
    )
}

fn write_layout(out: &mut impl Write, of: &str, rows: &[(u8, &str, &str, &str)]) -> fmt::Result {
    writeln!(out, "| {of}, offset (dec) | bytes (dec) | item |\n|---|---|---|")?;
    rows.iter().try_for_each(|(offset, bytes, chinese, english)| {
        writeln!(out, "| {offset} | {bytes} | {chinese} {english} |")
    })
}

fn write_item(out: &mut impl Write, item: &Item, indent: &str) -> fmt::Result {
    out.write_str("| ")?;
    match item.tag {
        Some(tag) => write!(out, "{indent}{tag:02X}")?,
        None => out.write_str("–")?,
    }
    write!(
        out,
        " | {:02X} | {} | {} {} | ",
        item.bytes,
        match item.encoding {
            Encoding::An => "an",
            Encoding::Cn => "cn",
            Encoding::Binary => "binary",
            Encoding::Group(_) => "B-TLV",
        },
        item.chinese,
        item.english,
    )?;
    match (item.from, item.until) {
        (Generation::One, Generation::Three) => out.write_str("all")?,
        (from, Generation::Three) => write!(out, "from {}", generation(from))?,
        (from, until) if from == until => write!(out, "{} only", generation(from))?,
        (from, until) => write!(out, "{} to {}", generation(from), generation(until))?,
    }
    out.write_str(" |\n")?;
    match item.encoding {
        Encoding::Group(parts) => parts.iter().try_for_each(|part| write_item(out, part, "· ")),
        _ => Ok(()),
    }
}

fn write_rule(out: &mut impl Write, rule: &Rule) -> fmt::Result {
    let [one, two, three] = Generation::ALL.map(|generation| rule.of(generation));
    if one == two && two == three {
        return write_access(out, one);
    }
    let mut before = None;
    for (access, at) in [one, two, three].into_iter().zip(Generation::ALL) {
        if before == Some(access) {
            continue;
        }
        if before.is_some() {
            write!(out, ", from {} ", generation(at))?;
        }
        write_access(out, access)?;
        before = Some(access);
    }
    Ok(())
}

fn write_access(out: &mut impl Write, access: Access) -> fmt::Result {
    match access {
        Access::Free => out.write_str("free"),
        Access::Never => out.write_str("never"),
        Access::Transaction => out.write_str("transactions"),
        Access::Pin => out.write_str("PIN"),
        Access::Key(key) => write!(out, "{key}"),
        Access::EitherKey(one, other) => write!(out, "{one} or {other}"),
        Access::PinAndKey(key) => write!(out, "PIN and {key}"),
        Access::PinOrKey(key) => write!(out, "PIN or {key}"),
    }
}

fn write_keys(out: &mut impl Write) -> fmt::Result {
    out.write_str(
        "\n## Keys (密钥)\n\n\
         Levels: 2 is city and card, 3 is province, city and card. Usage and id are those of the root in a PSAM.\n\n\
         | key | number on the card | usage/id in the PSAM | levels | from |\n|---|---|---|---|---|\n",
    )?;
    CARD_KEYS.iter().try_for_each(|row| write_key(out, row))
}

fn write_key(out: &mut impl Write, row: &CardKey) -> fmt::Result {
    write!(out, "| {}{} | ", row.name, mark(row.origin))?;
    match row.id {
        Some(id) => write!(out, "{:02X}", id.0)?,
        None => out.write_str("–")?,
    }
    out.write_str(" | ")?;
    match row.psam {
        Some(key) => write!(out, "{:02X}/{:02X}", key.usage.0, key.id)?,
        None => out.write_str("–")?,
    }
    writeln!(out, " | {} | {} |", row.levels, generation(row.from))
}

fn generation(generation: Generation) -> &'static str {
    match generation {
        Generation::One => "1.0",
        Generation::Two => "2.0",
        Generation::Three => "3.0",
    }
}

fn mark(origin: Origin) -> &'static str {
    match origin {
        Origin::Record => "",
        Origin::OurChoice => " ✱",
    }
}
