//! The kiosk's voice: where recorded sentences lie, and how many there are.

use std::path::PathBuf;

use hal::speaker::{Tongue, clips::is_recorded};
use serde::Serialize;
use terminal::words::spoken::{chinese_names, english_names};

use crate::{
    config::{Config, Voice},
    options::Options,
};

/// How many of the sentences are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// In Mandarin: recorded, and all.
    pub chinese: (usize, usize),
    /// In English: recorded, and all.
    pub english: (usize, usize),
}

impl Recorded {
    /// Counts what lies in a folder.
    pub fn count(folder: &std::path::Path) -> Self {
        let there = |tongue, name: &&str| is_recorded(folder, tongue, name);
        Recorded {
            chinese: (
                chinese_names().filter(|name| there(Tongue::Mandarin, name)).count(),
                chinese_names().count(),
            ),
            english: (
                english_names().filter(|name| there(Tongue::English, name)).count(),
                english_names().count(),
            ),
        }
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.chinese.0 == 0 && self.english.0 == 0
    }
}

fn settings(options: &Options) -> Option<Voice> {
    Config::read(&options.data).ok()?.voice
}

/// The folder of the recordings: that of the settings, else `voice` in the terminal's folder. A relative one lies in the
/// terminal's folder, too.
pub fn folder(options: &Options) -> PathBuf {
    folder_named(options, settings(options).and_then(|voice| voice.folder).as_deref())
}

/// The same for a folder that was named, or not.
pub fn folder_named(options: &Options, named: Option<&str>) -> PathBuf {
    options.data.root().join(named.unwrap_or("voice"))
}

/// The program that plays them, where the settings name one.
pub fn player(options: &Options) -> Option<String> {
    settings(options)?.player
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::data_dir::DataDir;

    #[test]
    fn recordings_are_counted_where_they_lie() {
        let temp = tempfile::tempdir().unwrap();
        let data = DataDir::choose(Some(temp.path().join("data")), |_| None).unwrap();
        let options = Options::new(data);
        assert_eq!(folder(&options), temp.path().join("data/voice"));
        assert_eq!(folder_named(&options, Some("/srv/voice")), PathBuf::from("/srv/voice"));
        let folder = folder_named(&options, Some("recorded"));
        assert!(Recorded::count(&folder).is_empty());
        let mut wav = b"RIFF\x24\0\0\0WAVE".to_vec();
        wav.resize(44, 0);
        for (name, content) in [("zh/home.wav", &wav[..]), ("zh/menu.wav", b"RIFF"), ("en/home.wav", &wav)] {
            std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.join(name), content).unwrap();
        }
        let recorded = Recorded::count(&folder);
        assert_eq!((recorded.chinese.0, recorded.english.0), (1, 1));
        assert!(recorded.chinese.1 > recorded.english.1 && recorded.english.1 > 10);
    }
}
