//! How large a firmware file is, by section and by symbol, and whether that is more than it may be.

use std::{fmt::Write as _, fs, path::Path};

use object::{
    Object as _, ObjectSection, ObjectSymbol as _, SectionFlags, SectionKind, SymbolKind, elf,
    read::elf::ElfFile32,
};

/// Symbols that a report shows of each kind.
const LARGEST: usize = 12;

/// Bytes that a firmware may take.
pub(crate) struct Limits {
    /// Vectors, code, constants, and the values that variables begin with.
    pub(crate) flash: u64,
    /// Variables and stack.
    pub(crate) ram: u64,
}

/// What a firmware takes.
pub(crate) struct Size {
    sections: Vec<Section>,
    /// Bytes set apart for the stack.
    stack: u64,
    functions: Vec<(u64, String)>,
    variables: Vec<(u64, String)>,
}

struct Section {
    name: String,
    bytes: u64,
    in_flash: bool,
    in_ram: bool,
}

impl Size {
    /// Reads an ELF file.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = fs::read(path).map_err(|error| failed(&error))?;
        let file = ElfFile32::<object::Endianness>::parse(&*bytes).map_err(|error| failed(&error))?;
        let sections = file.sections().filter_map(|section| section_of(&section)).collect();
        let address = |name| file.symbol_by_name(name).map(|symbol| symbol.address());
        let stack = match (address("_stack_start"), address("_stack_end")) {
            (Some(top), Some(bottom)) => top.saturating_sub(bottom),
            _ => return Err(failed(&"it does not say where its stack is")),
        };
        let largest = |kind| {
            let mut symbols: Vec<_> = file
                .symbols()
                .filter(|symbol| symbol.kind() == kind && symbol.size() > 0)
                .map(|symbol| (symbol.size(), readable(symbol.name().unwrap_or("?"))))
                .collect();
            symbols.sort_by(|a, b| b.cmp(a));
            symbols.dedup();
            symbols.truncate(LARGEST);
            symbols
        };
        Ok(Self {
            sections,
            stack,
            functions: largest(SymbolKind::Text),
            variables: largest(SymbolKind::Data),
        })
    }

    fn flash(&self) -> u64 {
        self.sections.iter().filter(|section| section.in_flash).map(|section| section.bytes).sum()
    }

    fn variables(&self) -> u64 {
        self.sections.iter().filter(|section| section.in_ram).map(|section| section.bytes).sum()
    }

    fn ram(&self) -> u64 {
        self.variables() + self.stack
    }

    /// A table for people.
    pub(crate) fn report(&self, name: &str, limits: &Limits) -> String {
        let mut text = format!(
            "{name}: flash {} of {} bytes, RAM {} of {} bytes (variables {}, stack {})\n",
            self.flash(),
            limits.flash,
            self.ram(),
            limits.ram,
            self.variables(),
            self.stack
        );
        for section in &self.sections {
            let place = match (section.in_flash, section.in_ram) {
                (true, true) => "flash, RAM",
                (true, false) => "flash",
                _ => "RAM",
            };
            let _ = writeln!(text, "  {:<16} {:>7}  {place}", section.name, section.bytes);
        }
        for (title, symbols) in [("functions", &self.functions), ("variables", &self.variables)] {
            let _ = writeln!(text, "  largest {title}:");
            for (bytes, symbol) in symbols {
                let _ = writeln!(text, "  {bytes:>7}  {symbol}");
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// How far it is from a goal, in words.
    pub(crate) fn towards(&self, goal: &Limits) -> String {
        [("flash", self.flash(), goal.flash), ("RAM", self.ram(), goal.ram)]
            .map(|(what, bytes, goal)| match bytes.checked_sub(goal) {
                None | Some(0) => format!("{what} {goal}, met"),
                Some(more) => format!("{what} {goal}, missed by {more} bytes"),
            })
            .join("; ")
    }

    /// What is more than its limit, in words.
    pub(crate) fn excess(&self, name: &str, limits: &Limits) -> Vec<String> {
        [("flash", self.flash(), limits.flash), ("RAM", self.ram(), limits.ram)]
            .into_iter()
            .filter(|(_, bytes, limit)| bytes > limit)
            .map(|(what, bytes, limit)| format!("{name} takes {bytes} bytes of {what}; its limit is {limit}"))
            .collect()
    }
}

fn section_of<'data>(section: &impl ObjectSection<'data>) -> Option<Section> {
    let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return None };
    if !sh_flags.contains(elf::SHF_ALLOC) || section.size() == 0 {
        return None;
    }
    let is_empty_at_first =
        matches!(section.kind(), SectionKind::UninitializedData | SectionKind::UninitializedTls);
    Some(Section {
        name: section.name().unwrap_or("?").to_owned(),
        bytes: section.size(),
        in_flash: !is_empty_at_first,
        in_ram: sh_flags.contains(elf::SHF_WRITE),
    })
}

/// A symbol's name as it is in the source, without the hash.
fn readable(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn section(name: &str, bytes: u64, in_flash: bool, in_ram: bool) -> Section {
        Section { name: name.to_owned(), bytes, in_flash, in_ram }
    }

    fn size() -> Size {
        Size {
            sections: vec![
                section(".text", 1_000, true, false),
                section(".data", 100, true, true),
                section(".bss", 400, false, true),
            ],
            stack: 512,
            functions: vec![(900, "engine::poll".to_owned())],
            variables: vec![(400, "READER".to_owned())],
        }
    }

    #[test]
    fn initial_values_take_flash_and_ram() {
        assert_eq!((size().flash(), size().variables(), size().ram()), (1_100, 500, 1_012));
    }

    #[test]
    fn a_limit_is_met_and_then_passed() {
        assert_eq!(size().excess("board", &Limits { flash: 1_100, ram: 1_012 }), [""; 0]);
        assert_eq!(
            size().excess("board", &Limits { flash: 1_099, ram: 1_011 }),
            [
                "board takes 1100 bytes of flash; its limit is 1099",
                "board takes 1012 bytes of RAM; its limit is 1011",
            ]
        );
    }

    #[test]
    fn a_goal_is_met_or_missed() {
        let goal = Limits { flash: 1_000, ram: 1_012 };
        assert_eq!(size().towards(&goal), "flash 1000, missed by 100 bytes; RAM 1012, met");
    }

    #[test]
    fn the_report_shows_where_each_section_lies() {
        let report = size().report("board", &Limits { flash: 2_000, ram: 2_000 });
        assert!(report.starts_with(
            "board: flash 1100 of 2000 bytes, RAM 1012 of 2000 bytes (variables 500, stack 512)"
        ));
        assert!(report.contains(".data                100  flash, RAM"), "{report}");
        assert!(report.ends_with("400  READER"), "{report}");
    }

    #[test]
    fn what_is_no_firmware_is_told() {
        let folder = std::env::temp_dir().join(format!("jinbao-size-{}", std::process::id()));
        std::fs::write(&folder, b"\x7fELF but no more").unwrap();
        let said = Size::of(&folder).err().unwrap();
        std::fs::remove_file(&folder).unwrap();
        assert!(said.contains("jinbao-size-"), "{said}");
        assert!(Size::of(&folder).is_err());
    }

    #[test]
    fn names_are_shown_without_their_hash() {
        assert_eq!(readable("_ZN6engine6Reader4poll17h0123456789abcdefE"), "engine::Reader::poll");
        assert_eq!(readable("memcpy"), "memcpy");
    }
}
