//! What can go wrong around the simulation itself; what a card answers is never an error here.

use std::{fmt, io, path::PathBuf};

/// Why the simulation could not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum SimError {
    /// A program of the host is missing. For whoever sets the machine up.
    Missing {
        /// What was looked for.
        program: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// pcscd cannot have its directory `/run/pcscd`, and no private mount is allowed here either.
    RunDirectory,
    /// pcscd did not become ready within the limit.
    NotReady {
        /// The limit that ran out.
        timeout_ms: u64,
        /// Last lines of what pcscd said.
        said: String,
    },
    /// No two free neighbouring ports were found.
    NoPorts,
    /// pcscd runs, and its driver has not got the board to answer.
    NoReader {
        /// Last lines of what pcscd said.
        said: String,
    },
    /// The emulator has not started, or has ended.
    Emulator {
        /// Last lines of what it said.
        said: String,
    },
    /// pcscd's socket answers something that is not its protocol.
    Protocol {
        /// What was being asked.
        asked: &'static str,
    },
    /// There is a chip in the reader already.
    Occupied,
    /// The host refused a file, a socket or a process.
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file concerned, where there is one.
        path: Option<PathBuf>,
        /// What the host said.
        source: io::Error,
    },
    /// An image file is no image that this version understands.
    Image {
        /// What is wrong with it.
        problem: String,
    },
    /// Data that was to be written onto a card does not fit the card.
    Personalise {
        /// What does not fit.
        problem: String,
    },
}

impl SimError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: None, source }
    }

    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = Some(path.into());
        move |source| Self::Io { doing, path, source }
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, package } => {
                write!(f, "{program} is not installed; it comes with: apt-get install {package}")
            }
            Self::RunDirectory => f.write_str(
                "pcscd needs the directory /run/pcscd, and this user may neither make it nor mount a private \
                 one; make it once with: sudo mkdir -p /run/pcscd",
            ),
            Self::NotReady { timeout_ms, said } => {
                write!(f, "pcscd was not ready within {timeout_ms} ms; it said: {said}")
            }
            Self::NoPorts => f.write_str("no two free neighbouring TCP ports"),
            Self::NoReader { said } => {
                write!(f, "the reader board does not answer its driver; pcscd said: {said}")
            }
            Self::Emulator { said } => write!(f, "the emulated board does not run; it said: {said}"),
            Self::Protocol { asked } => write!(f, "pcscd's answer to {asked} is not its protocol"),
            Self::Occupied => f.write_str("there is a card in the slot already"),
            Self::Io { doing, path: Some(path), source } => {
                write!(f, "{doing} {}: {source}", path.display())
            }
            Self::Io { doing, path: None, source } => write!(f, "{doing}: {source}"),
            Self::Image { problem } => write!(f, "no usable image: {problem}"),
            Self::Personalise { problem } => write!(f, "cannot be put on the card: {problem}"),
        }
    }
}

impl std::error::Error for SimError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
