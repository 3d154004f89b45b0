//! Receipts as files.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use terminal::{
    language::Language,
    receipt::{COLUMNS_80_MM, Paper},
};

use crate::{
    failure::{EdgeError, Failure, file_error},
    font,
};

/// Writes a receipt or a slip as PDF where the file's name ends so, else as text. Personal data: mode 0600.
pub fn write(paper: &Paper, path: &Path, language: Language) -> Result<(), Failure> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf")) {
        return write_pdf(paper, path, None, language);
    }
    write_private(path, paper.text(COLUMNS_80_MM, language).as_bytes())
}

/// Writes a receipt or a slip as PDF with the font that is named, else with the one that is installed.
pub fn write_pdf(paper: &Paper, path: &Path, font: Option<&str>, language: Language) -> Result<(), Failure> {
    let font = font::open(font)?;
    let pdf = paper.pdf(&font, language).map_err(|_| EdgeError::Content {
        path: path.to_owned(),
        problem: "the font breaks on a character of this receipt".to_owned(),
    })?;
    write_private(path, &pdf)
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(file_error(path))?;
    file.write_all(bytes).map_err(file_error(path))?;
    Ok(())
}
