//! The folder that holds everything a terminal keeps.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::failure::{EdgeError, file_error};

/// Largest file that is read into memory whole.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The terminal's folder, mode 0700, and the names of the files in it.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
    is_training: bool,
}

impl DataDir {
    /// The folder asked for, else `/var/lib/jinbao` for root and `~/.local/share/jinbao` for others.
    pub fn choose(
        asked: Option<PathBuf>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, EdgeError> {
        let root = match asked {
            Some(root) => root,
            None if rustix::process::geteuid().is_root() => PathBuf::from("/var/lib/jinbao"),
            None => match variable("XDG_DATA_HOME").filter(|path| Path::new(path).is_absolute()) {
                Some(data) => Path::new(&data).join("jinbao"),
                None => match variable("HOME").filter(|home| !home.is_empty()) {
                    Some(home) => Path::new(&home).join(".local/share/jinbao"),
                    None => return Err(EdgeError::NoDataDir),
                },
            },
        };
        Ok(DataDir { root, is_training: false })
    }

    /// The folder of training (培训) inside of this one; of a folder of training, itself.
    #[must_use]
    pub fn training(&self) -> Self {
        match self.is_training {
            true => self.clone(),
            false => DataDir { root: self.root.join("training"), is_training: true },
        }
    }

    /// Whether everything in it is training.
    pub fn is_training(&self) -> bool {
        self.is_training
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder where it is missing, and refuses one that others may enter or that is not ours.
    pub fn prepare(&self) -> Result<(), EdgeError> {
        if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&self.root) {
            return Err(file_error(&self.root)(error));
        }
        self.check()
    }

    /// Refuses a folder that is missing, that others may enter or that is not ours.
    pub fn check(&self) -> Result<(), EdgeError> {
        let meta = fs::metadata(&self.root).map_err(file_error(&self.root))?;
        if !meta.is_dir() {
            return Err(file_error(&self.root)(io::ErrorKind::NotADirectory.into()));
        }
        let own = rustix::process::geteuid();
        if meta.uid() != own.as_raw() && !own.is_root() {
            return Err(EdgeError::NotOurs { path: self.root.clone() });
        }
        if meta.mode() & 0o077 != 0 {
            return Err(EdgeError::OpenToOthers { path: self.root.clone(), mode: meta.mode() & 0o777 });
        }
        Ok(())
    }

    /// The ledger, never dropped.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    /// The eligibility cache, rebuilt at will.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache.db")
    }

    /// Lies there after a command has met damage in the cache that opening it does not see.
    fn cache_damage(&self) -> PathBuf {
        self.root.join("cache.damaged")
    }

    /// Whether an earlier command has met damage in the cache.
    pub fn cache_is_damaged(&self) -> bool {
        self.cache_damage().exists()
    }

    /// Leaves a mark for the next command: it starts a new cache. Where even that fails, the damage is met again.
    pub fn mark_cache_damage(&self) {
        let _ =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.cache_damage());
    }

    /// Takes the mark away.
    pub fn forget_cache_damage(&self) -> Result<(), EdgeError> {
        let path = self.cache_damage();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&path)(error)),
            _ => Ok(()),
        }
    }

    /// The terminal's keys, sealed by the machine's secret.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys.sealed")
    }

    /// Where the chain ended last, to notice a ledger that was put back.
    ///
    /// In a folder of its own beside this one: whoever copies the terminal's folder away and back must not take
    /// the mark along.
    pub fn head(&self) -> PathBuf {
        let beside = self.root.file_name().map(|name| {
            let mut name = name.to_owned();
            name.push("-head");
            self.root.with_file_name(name)
        });
        // The root of a file system has no place beside it.
        beside.as_ref().unwrap_or(&self.root).join("head")
    }

    /// A line for each time that a damaged ledger was read out without anybody signed in.
    pub fn salvages(&self) -> PathBuf {
        self.root.join("salvaged")
    }

    /// Settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// How far the set-up of this machine has come.
    pub fn setup(&self) -> PathBuf {
        self.root.join("setup.json")
    }

    /// Held while this machine is set up.
    pub fn setup_lock(&self) -> PathBuf {
        self.root.join("setup.lock")
    }

    /// The commissioning report, `pdf` or `json`.
    pub fn commissioning(&self, extension: &str) -> PathBuf {
        self.root.join(format!("commissioning.{extension}"))
    }

    /// Our TLS certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.root.join("certificate.pem")
    }

    /// The center's authority, PEM.
    pub fn authority(&self) -> PathBuf {
        self.root.join("authority.pem")
    }

    /// Random half of the machine's secret.
    pub fn machine_secret(&self) -> PathBuf {
        self.root.join("machine.secret")
    }

    /// Disk space kept back for the ledger.
    pub fn ballast(&self) -> PathBuf {
        self.root.join("ballast")
    }

    /// Who is signed in.
    pub fn shift(&self) -> PathBuf {
        self.root.join("shift")
    }

    /// Held while a command changes things.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }
}

/// Reads a file that a person named, with a limit on its size.
pub fn read(path: &Path) -> Result<Vec<u8>, EdgeError> {
    let meta = fs::metadata(path).map_err(file_error(path))?;
    if meta.is_dir() {
        return Err(file_error(path)(io::ErrorKind::IsADirectory.into()));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(EdgeError::TooLarge {
            path: path.to_owned(),
            bytes: meta.len(),
            bytes_max: FILE_BYTES_MAX,
        });
    }
    fs::read(path).map_err(file_error(path))
}

/// [`read`], as UTF-8 text.
pub fn read_text(path: &Path) -> Result<String, EdgeError> {
    String::from_utf8(read(path)?).map_err(|_| EdgeError::NotText { path: path.to_owned() })
}

/// Writes a file whole or not at all: a new file beside it, synced, then renamed over it. Mode 0600.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), EdgeError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(file_error(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_folder_is_ours_alone() {
        let temp = tempfile::tempdir().unwrap();
        let data = DataDir::choose(Some(temp.path().join("a/b")), |_| None).unwrap();
        assert!(matches!(data.check(), Err(EdgeError::File { .. })));
        data.prepare().unwrap();
        assert_eq!(fs::metadata(data.root()).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(data.root(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(data.prepare(), Err(EdgeError::OpenToOthers { mode: 0o755, .. })));
    }

    #[test]
    fn the_head_lies_beside_the_folder() {
        let head = |root: &str| DataDir { root: PathBuf::from(root), is_training: false }.head();
        assert_eq!(head("/var/lib/jinbao"), Path::new("/var/lib/jinbao-head/head"));
        assert_eq!(head("/var/lib/jinbao/"), Path::new("/var/lib/jinbao-head/head"));
        assert_eq!(head("data"), Path::new("data-head/head"));
        assert_eq!(head("/"), Path::new("/head"));
    }

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn other_users_find_their_own_folder() {
        if rustix::process::geteuid().is_root() {
            let data = DataDir::choose(None, |_| None).unwrap();
            assert_eq!(data.root(), Path::new("/var/lib/jinbao"));
        } else {
            let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/x"));
            let data = DataDir::choose(None, home).unwrap();
            assert_eq!(data.root(), Path::new("/home/x/.local/share/jinbao"));
        }
    }
}
