//! What the core's stores ask of the edge: files to open, a head kept aside, ballast, sealed keys.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};
use terminal::{
    keys::SealedPlace,
    ledger::{Ballast, Head, HeadKeeper, HeadKeeperError},
    store::{CopyPlace, Opener},
};

use super::ballast;
use crate::failure::{EdgeError, file_error};

/// Opens one SQLite file, again and again.
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    path: PathBuf,
}

impl DatabaseFile {
    /// The database in this file; nothing is opened yet.
    pub fn new(path: PathBuf) -> Self {
        DatabaseFile { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves a damaged file and its journals out of the way, to `NAME.damaged-TIME`; gives the new name.
    ///
    /// Kept, not deleted: what tore it may have to be found out.
    pub fn put_aside(&self, unix_ms: i64) -> Result<PathBuf, EdgeError> {
        let aside = with_suffix(&self.path, &format!(".damaged-{unix_ms}"));
        fs::rename(&self.path, &aside).map_err(file_error(&self.path))?;
        for journal in ["-wal", "-shm"] {
            let from = with_suffix(&self.path, journal);
            match fs::rename(&from, with_suffix(&aside, journal)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(file_error(&from)(error)),
            }
        }
        Ok(aside)
    }
}

impl Opener for DatabaseFile {
    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        Connection::open_with_flags(&self.path, flags)
    }
}

impl CopyPlace for DatabaseFile {
    /// `NAME.layout-1`, or the first free one after it.
    fn place(&mut self, from: u32) -> Option<String> {
        (0..100).find_map(|number| {
            let suffix =
                if number == 0 { format!(".layout-{from}") } else { format!(".layout-{from}-{number}") };
            let place = with_suffix(&self.path, &suffix);
            (!place.exists()).then(|| place.to_str().map(str::to_owned)).flatten()
        })
    }
}

/// Keeps the ledger's head in a small text file, in a folder that it makes where it is missing.
#[derive(Debug)]
pub struct HeadFile {
    path: PathBuf,
}

impl HeadFile {
    /// The head in this file.
    pub fn new(path: PathBuf) -> Self {
        HeadFile { path }
    }
}

impl HeadKeeper for HeadFile {
    fn load(&mut self) -> Result<Option<Head>, HeadKeeperError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| HeadKeeperError),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(HeadKeeperError),
        }
    }

    /// Renamed into place, not synced: a head that lags behind after a power cut is in order.
    fn store(&mut self, head: &Head) -> Result<(), HeadKeeperError> {
        let new = with_suffix(&self.path, ".new");
        let write = || fs::write(&new, format!("{head}\n")).and_then(|()| fs::rename(&new, &self.path));
        write()
            .or_else(|error| match self.path.parent() {
                Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                    write()
                }
                _ => Err(error),
            })
            .map_err(|_| HeadKeeperError)
    }
}

/// Takes the mark away: the ledger that it belongs to can never be opened again.
pub fn forget_head(path: &Path) -> Result<(), EdgeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}

/// The ballast as a file.
#[derive(Debug)]
pub struct BallastFile {
    path: PathBuf,
}

impl BallastFile {
    /// The ballast in this file.
    pub fn new(path: PathBuf) -> Self {
        BallastFile { path }
    }
}

impl Ballast for BallastFile {
    fn free(&mut self) -> bool {
        ballast::free(&self.path)
    }

    fn lay(&mut self) -> bool {
        ballast::lay(&self.path).unwrap_or(false)
    }
}

/// The sealed keys as a file.
#[derive(Debug)]
pub struct SealedFile {
    path: PathBuf,
}

impl SealedFile {
    /// The sealed keys in this file.
    pub fn new(path: PathBuf) -> Self {
        SealedFile { path }
    }
}

impl SealedPlace for SealedFile {
    type Error = io::Error;

    fn overwrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Neither truncated nor renamed: the blocks that hold the keys are the ones to be overwritten.
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn remove(&mut self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use protocol::signature::Digest;

    use super::*;

    #[test]
    fn a_head_is_kept_and_a_torn_one_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("jinbao-head/head");
        let mut keeper = HeadFile::new(path.clone());
        assert_eq!(keeper.load(), Ok(None));
        let head = Head { intentions: 3, sequence: 2, digest: Digest([7; 32]), armed: 1 };
        keeper.store(&head).unwrap();
        assert_eq!(keeper.load(), Ok(Some(head)));
        fs::write(&path, "3 2").unwrap();
        assert_eq!(keeper.load(), Err(HeadKeeperError));
    }

    #[test]
    fn a_damaged_file_goes_aside_with_its_journals() {
        let temp = tempfile::tempdir().unwrap();
        let file = DatabaseFile::new(temp.path().join("cache.db"));
        for name in ["cache.db", "cache.db-wal"] {
            fs::write(temp.path().join(name), name).unwrap();
        }
        let aside = file.put_aside(12).unwrap();
        assert!(!file.path().exists());
        assert_eq!(fs::read(&aside).unwrap(), b"cache.db");
        assert_eq!(fs::read(with_suffix(&aside, "-wal")).unwrap(), b"cache.db-wal");
    }

    #[test]
    fn copies_before_migrations_never_overwrite() {
        let temp = tempfile::tempdir().unwrap();
        let mut file = DatabaseFile::new(temp.path().join("ledger.db"));
        let first = file.place(1).unwrap();
        fs::write(&first, "").unwrap();
        assert_ne!(file.place(1).unwrap(), first);
    }

    #[test]
    fn keys_are_overwritten_in_place_and_removed() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("keys.sealed");
        fs::write(&path, [1; 300]).unwrap();
        let mut place = SealedFile::new(path.clone());
        place.overwrite(&[2; 512]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [2; 512]);
        place.remove().unwrap();
        assert!(!path.exists());
    }
}
