//! Bills from a hospital's system: a file for each visit, in a folder that the counter watches or named by hand.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::Deserialize;
use serde_json::Value;
use terminal::{flows::LineEntry, rules::VisitKind};

use crate::{
    data_dir::{self, DataDir},
    failure::{EdgeError, file_error},
};

/// Files of the folder that are looked at.
pub const FILES_MAX: usize = 200;

/// A bill: its visit and lines. What else `jinbao rules explain` knows in such a file is not looked at: person and
/// balance are the card's and the cache's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillFile {
    /// The hospital's number of the visit.
    #[serde(default)]
    pub number: Option<String>,
    /// Outpatient or inpatient.
    pub visit: VisitKind,
    /// Code table med_type; that of the visit's kind where it is left out.
    #[serde(default)]
    pub med_type: Option<String>,
    lines: Vec<Value>,
    #[serde(default, rename = "note")]
    _note: Option<Value>,
    #[serde(default, rename = "level")]
    _level: Option<Value>,
    #[serde(default, rename = "date")]
    _date: Option<Value>,
    #[serde(default, rename = "person")]
    _person: Option<Value>,
    #[serde(default, rename = "year_to_date")]
    _year_to_date: Option<Value>,
    #[serde(default, rename = "account")]
    _account: Option<Value>,
}

impl BillFile {
    /// Reads a bill. Errors: `File`, `Content` with line and column, or for a bill without lines.
    pub fn read(path: &Path) -> Result<Self, EdgeError> {
        let content = |problem: String| EdgeError::Content { path: path.to_owned(), problem };
        let bill: BillFile =
            serde_json::from_slice(&data_dir::read(path)?).map_err(|error| content(error.to_string()))?;
        if bill.lines.is_empty() { Err(content("no lines".to_owned())) } else { Ok(bill) }
    }

    /// Code table med_type of the visit.
    pub fn med_type(&self) -> String {
        self.med_type.clone().unwrap_or_else(|| med_type(self.visit).to_owned())
    }

    /// Its lines, each its own batch, so that one of them can be taken out again. `prefix` keeps their numbers apart
    /// from those of lines that are typed.
    pub fn entries(&self, prefix: &str) -> Vec<LineEntry> {
        let number = |at: usize| format!("{prefix}{}", at + 1);
        let lines = self.lines.iter().enumerate();
        lines
            .map(|(at, line)| LineEntry { serial: number(at), batch: number(at), content: line.to_string() })
            .collect()
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Never: a bill without lines is not read.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The usual med_type of a kind of visit.
pub fn med_type(kind: VisitKind) -> &'static str {
    match kind {
        VisitKind::Outpatient => "11",
        VisitKind::Inpatient => "21",
    }
}

/// The folder that a hospital's system puts bills into: `bills` in the terminal's folder. Made when it is not there.
pub fn folder(data: &DataDir) -> Result<PathBuf, EdgeError> {
    let folder = data.root().join("bills");
    fs::create_dir_all(&folder).map_err(file_error(&folder))?;
    Ok(folder)
}

/// Bills that wait in a folder, the oldest first, at most [`FILES_MAX`]: files that end in `.json`.
pub fn waiting(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json") && path.is_file())
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    files.sort();
    files.into_iter().map(|(_, path)| path).take(FILES_MAX).collect()
}

/// Puts a bill aside that was taken into a visit: it moves into `taken`, and is not offered again.
pub fn put_aside(path: &Path) -> Result<(), EdgeError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let taken = folder.join("taken");
    fs::create_dir_all(&taken).map_err(file_error(&taken))?;
    fs::rename(path, taken.join(name)).map_err(file_error(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn bills_wait_and_are_taken_once() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("V1.json");
        let bill = r#"{"number":"V1","visit":"outpatient","lines":[{"code":"A","class":"01","price":"1","count":"2"}]}"#;
        fs::write(&path, bill).unwrap();
        fs::write(temp.path().join("V2.tmp"), "half").unwrap();
        assert_eq!(waiting(temp.path()), std::slice::from_ref(&path));
        let read = BillFile::read(&path).unwrap();
        assert_eq!((read.number.as_deref(), read.med_type().as_str(), read.len()), (Some("V1"), "11", 1));
        let entries = read.entries("H");
        assert_eq!((entries[0].serial.as_str(), entries[0].batch.as_str()), ("H1", "H1"));
        put_aside(&path).unwrap();
        assert!(waiting(temp.path()).is_empty() && temp.path().join("taken/V1.json").exists());

        fs::write(&path, r#"{"visit":"outpatient","lines":[]}"#).unwrap();
        assert!(
            matches!(BillFile::read(&path), Err(EdgeError::Content { problem, .. }) if problem == "no lines")
        );
    }
}
