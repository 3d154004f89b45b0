//! What can go wrong with a center as a whole, cut by who has to act.

use std::{fmt, io, path::PathBuf};

use crate::{outside::NoRandom, security_module::KeyFileError, storage::StorageError};

/// Why a center cannot be made, started or administered. Requests of terminals are answered with a
/// `protocol::problem::Problem` instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written. For the installer.
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder holds a center already; nothing was changed. For the installer.
    AlreadyThere {
        /// Which folder.
        path: PathBuf,
    },
    /// The configuration cannot be used. For the installer.
    Configuration {
        /// What is wrong with it.
        detail: String,
    },
    /// A key or certificate cannot be used. For the installer.
    Key {
        /// Which file or part, and what is wrong; never the key.
        detail: String,
    },
    /// An address cannot be listened on. For the installer.
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The storage. For the installer, see [`StorageError`].
    Storage(StorageError),
    /// What the staff gave is wrong: a file to import, a number, a name. Nothing of it was kept unless the
    /// text says so.
    Input {
        /// What is wrong and where; holds no personal data.
        detail: String,
    },
    /// The random source has failed. For the installer.
    Random,
}

impl Error {
    pub(crate) fn input(detail: impl Into<String>) -> Self {
        Error::Input { detail: detail.into() }
    }

    pub(crate) fn key(detail: impl Into<String>) -> Self {
        Error::Key { detail: detail.into() }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Error::File { path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::AlreadyThere { path } => write!(f, "{} holds a center already", path.display()),
            Self::Configuration { detail } => write!(f, "configuration: {detail}"),
            Self::Key { detail } | Self::Input { detail } => f.write_str(detail),
            Self::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Storage(error) => error.fmt(f),
            Self::Random => NoRandom.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } | Self::Listen { source, .. } => Some(source),
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Error::Storage(error)
    }
}

impl From<NoRandom> for Error {
    fn from(_: NoRandom) -> Self {
        Error::Random
    }
}

impl From<KeyFileError> for Error {
    fn from(error: KeyFileError) -> Self {
        Error::key(error.to_string())
    }
}
