//! A voice of recordings: fixed sentences, digits and units as WAV files of one folder, joined as they are needed.
//!
//! A folder has a subfolder for each language, `zh` and `en`, with one file for each name: `zh/insert-card.wav`,
//! `zh/digit-3.wav`, `zh/unit-yuan.wav`. What has no recording is said by the voice that was given for the rest, or not
//! at all; a sentence is never said by halves.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Part, Speaker, Speech, Tongue, child::OneChild, words};

/// Most recordings that are joined to one sentence.
pub const CLIPS_MAX: usize = 60;

/// Longest time that one sentence takes.
const PLAYING_MS_MAX: u64 = 120_000;

/// Names of the recordings of digits, places and units, and what they say.
pub const UNITS: [(&str, &str); 20] = [
    ("digit-0", "零"),
    ("digit-1", "一"),
    ("digit-2", "二"),
    ("digit-3", "三"),
    ("digit-4", "四"),
    ("digit-5", "五"),
    ("digit-6", "六"),
    ("digit-7", "七"),
    ("digit-8", "八"),
    ("digit-9", "九"),
    ("place-10", "十"),
    ("place-100", "百"),
    ("place-1000", "千"),
    ("place-10000", "万"),
    ("place-100000000", "亿"),
    ("minus", "负"),
    ("unit-yuan", "元"),
    ("unit-jiao", "角"),
    ("unit-fen", "分"),
    ("place-1000000000000", "万亿"),
];

/// Plays recordings by a program that takes their names: `aplay -q`.
pub struct Clips {
    folder: PathBuf,
    player: OsString,
    child: OneChild,
    rest: Option<Box<dyn Speaker>>,
}

impl Clips {
    /// Recordings of this folder, played by `aplay`; `rest` says what nobody has recorded.
    pub fn new(folder: impl Into<PathBuf>, rest: Option<Box<dyn Speaker>>) -> Self {
        Clips { folder: folder.into(), player: "aplay".into(), child: OneChild::default(), rest }
    }

    /// Another program that plays the files named on its command line.
    pub fn with_player(self, player: impl Into<OsString>) -> Self {
        Clips { player: player.into(), ..self }
    }

    /// The files that say this, in their order; `None` when one is missing.
    fn files(&self, speech: &Speech) -> Option<Vec<PathBuf>> {
        let folder = self.folder.join(match speech.tongue {
            Tongue::Mandarin => "zh",
            Tongue::English => "en",
        });
        let mut files = Vec::new();
        for part in &speech.parts {
            match part {
                Part::Fixed { name, .. } => files.push(recording(&folder, name)?),
                Part::Money(fen) if speech.tongue == Tongue::Mandarin => {
                    for piece in words::chinese_money(*fen) {
                        let (name, _) = UNITS.iter().find(|(_, text)| *text == piece)?;
                        files.push(recording(&folder, name)?);
                    }
                }
                Part::Money(_) | Part::Text(_) => return None,
            }
        }
        (files.len() <= CLIPS_MAX && !files.is_empty()).then_some(files)
    }
}

fn recording(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(format!("{name}.wav"));
    path.is_file().then_some(path)
}

impl Speaker for Clips {
    fn say(&mut self, speech: &Speech) {
        self.hush();
        match self.files(speech) {
            Some(files) => {
                let mut command = Command::new(&self.player);
                command.arg("-q").args(files);
                self.child.start(command, b"", Duration::from_millis(PLAYING_MS_MAX));
            }
            None => {
                if let Some(rest) = &mut self.rest {
                    rest.say(speech);
                }
            }
        }
    }

    fn hush(&mut self) {
        self.child.stop();
        if let Some(rest) = &mut self.rest {
            rest.hush();
        }
    }
}

impl std::fmt::Debug for Clips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clips").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::speaker::silent::Silent;

    fn speech(parts: Vec<Part>) -> Speech {
        Speech { tongue: Tongue::Mandarin, parts }
    }

    #[test]
    fn amounts_are_joined_from_recordings_and_what_is_not_recorded_is_left_to_another_voice() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("zh");
        std::fs::create_dir(&folder).unwrap();
        for name in UNITS.iter().map(|(name, _)| *name).chain(["balance"]) {
            std::fs::write(folder.join(format!("{name}.wav")), b"RIFF").unwrap();
        }
        let heard = Silent::default();
        // A player that is not there: nothing is to be heard in a test.
        let mut clips = Clips::new(temp.path(), Some(Box::new(heard.clone()))).with_player("/nowhere/player");
        let balance = Part::Fixed { name: "balance", text: "余额".into() };
        let whole = speech(vec![balance.clone(), Part::Money(25_395)]);
        let files: Vec<_> = clips
            .files(&whole)
            .unwrap()
            .iter()
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            files.join(" "),
            "balance digit-2 place-100 digit-5 place-10 digit-3 unit-yuan digit-9 unit-jiao digit-5 unit-fen"
        );
        clips.say(&whole);
        assert!(heard.take().is_empty());
        // Never by halves: the rest is said as a whole.
        let mixed = speech(vec![balance, Part::Text("未录音".into())]);
        clips.say(&mixed);
        assert_eq!(heard.take(), [mixed]);
        assert!(clips.files(&speech(vec![])).is_none());
    }
}
