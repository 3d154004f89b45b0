//! Which terminal of this machine, and how it is opened.

use crate::data_dir::DataDir;

/// What a program is told before it opens a terminal.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the terminal.
    pub data: DataDir,
    /// Readers that are named for this once: `auto`, `NAME`, `NAME,PSAM NAME`; under the feature `demo` also
    /// `sim:CARD.json,PSAM.json`. `None` takes those of the settings.
    pub reader: Option<String>,
    /// Whether the center is never to be asked, whatever the line is like.
    pub offline: bool,
}

impl Options {
    /// The terminal of this folder, with the readers of its settings and its line.
    pub fn new(data: DataDir) -> Self {
        Options { data, reader: None, offline: false }
    }

    /// The same for training: another folder, and a line that leads nowhere. See [`crate::training`].
    #[must_use]
    pub fn in_training(&self) -> Self {
        Options { data: self.data.training(), ..self.clone() }
    }

    /// Whether cards are simulated in this process.
    pub fn is_simulated(&self) -> bool {
        self.reader.as_deref().is_some_and(|reader| reader.starts_with("sim:"))
    }
}
