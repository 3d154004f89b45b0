//! SELECT.

use card_spec::{command::Selection, status::StatusWord};

use super::{Answer, Card, Executed, Granted};
use crate::image::Life;

/// What a file identifier means here.
enum Found {
    Directory(usize),
    File(usize),
}

impl Card {
    /// By name any directory of the card; by file identifier what is near.
    ///
    /// Selecting a directory, even the same again, ends its files' selection and drops the rights; selecting
    /// a file keeps them.
    pub(super) fn select(&mut self, selection: Selection) -> Executed {
        let found = match selection {
            // Some drivers say "file of this directory" and name a directory.
            Selection::ById(id) | Selection::FileById(id) => self.by_id(id.0),
            Selection::ByName(name) => {
                let named =
                    self.layout.directories.iter().position(|directory| directory.name == name.as_bytes());
                named.map(Found::Directory)
            }
        };
        match found.ok_or(StatusWord::FILE_NOT_FOUND)? {
            Found::File(file) => {
                self.session.file = Some(file);
                Ok(Answer::Done)
            }
            Found::Directory(directory) => {
                let life = self.layout.life(directory, &self.memory);
                if life == Life::Terminated {
                    return Err(StatusWord::APPLICATION_LOCKED.into());
                }
                self.enter(directory);
                let fci = self.layout.directories[directory].fci.clone();
                match life {
                    Life::Blocked => Ok(Answer::Warning(fci, StatusWord::SELECTED_FILE_BLOCKED)),
                    _ => Ok(Answer::Fetch(fci)),
                }
            }
        }
    }

    fn enter(&mut self, directory: usize) {
        let environment = self.layout.environment_of(directory);
        let keeps = self.policy.keeps_rights_of_environment
            && environment == self.layout.environment_of(self.session.directory);
        self.session.rights.retain(|granted: &Granted| keeps && granted.directory() == environment);
        self.session.directory = directory;
        self.session.file = None;
    }

    /// The MF; a file of the selected directory; that directory itself, one below it, one beside it, or
    /// the one above (ISO/IEC 7816-4 §7.1.1).
    fn by_id(&self, id: u16) -> Option<Found> {
        let here = self.session.directory;
        let own = &self.layout.directories[here];
        if let Some(file) = own.files.iter().position(|file| file.id == id) {
            return Some(Found::File(file));
        }
        let answers_to = |at: &usize| {
            let directory = &self.layout.directories[*at];
            directory.id == id || directory.alias == Some(id)
        };
        let near = |at: &usize| {
            let parent = self.layout.directories[*at].parent;
            *at == here
                || *at == 0
                || parent == Some(here)
                || Some(*at) == own.parent
                || (parent.is_some() && parent == own.parent)
        };
        (0..self.layout.directories.len()).find(|at| near(at) && answers_to(at)).map(Found::Directory)
    }
}
