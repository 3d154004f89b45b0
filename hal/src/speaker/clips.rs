//! A voice of recordings: fixed sentences, digits and units as WAV files of one folder, joined as they are needed.
//!
//! A folder has a subfolder for each language, `zh` and `en`, with one file for each name: `zh/insert-card.wav`,
//! `zh/digit-3.wav`, `zh/unit-yuan.wav`. What has no recording is said by the voice that was given for the rest, or not
//! at all; a sentence is never said by halves.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Part, Speaker, Speech, Tongue, child::OneChild, words};

/// Most recordings that are joined to one sentence.
pub const CLIPS_MAX: usize = 60;

/// Head of a WAV file without any sound: `RIFF`, its length, `WAVE`, and the description of its samples.
const WAV_HEAD_BYTES: usize = 44;

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
        let folder = folder_of(&self.folder, speech.tongue);
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

/// The folder of a language's recordings.
fn folder_of(folder: &Path, tongue: Tongue) -> PathBuf {
    folder.join(match tongue {
        Tongue::Mandarin => "zh",
        Tongue::English => "en",
    })
}

/// Whether a sentence of this name is recorded in a folder: a file that begins as a WAV file does.
pub fn is_recorded(folder: &Path, tongue: Tongue, name: &str) -> bool {
    recording(&folder_of(folder, tongue), name).is_some()
}

fn recording(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(format!("{name}.wav"));
    let mut head = [0; WAV_HEAD_BYTES];
    File::open(&path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    // An empty or half copied file would be silence where somebody waits for words.
    (head.starts_with(b"RIFF") && &head[8..12] == b"WAVE").then_some(path)
}

impl Speaker for Clips {
    fn say(&mut self, speech: &Speech) {
        self.hush();
        let plays = self.files(speech).is_some_and(|files| {
            let mut command = Command::new(&self.player);
            command.arg("-q").args(files);
            self.child.start(command, b"", Duration::from_millis(PLAYING_MS_MAX))
        });
        // Nothing recorded, or nothing that plays it.
        if let (false, Some(rest)) = (plays, &mut self.rest) {
            rest.say(speech);
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
    use std::{thread, time::Instant};

    use super::*;
    use crate::speaker::silent::Silent;

    fn speech(parts: Vec<Part>) -> Speech {
        Speech { tongue: Tongue::Mandarin, parts }
    }

    /// A tenth of a second of a tone: mono, 16 kHz, 16 bit.
    fn wav() -> Vec<u8> {
        let samples: Vec<u8> = (0..1_600_i32)
            .flat_map(|at| i16::try_from((at * 440 * 2 / 16_000 % 2) * 8_000 - 4_000).unwrap().to_le_bytes())
            .collect();
        let length = u32::try_from(samples.len()).unwrap();
        let mut file = b"RIFF".to_vec();
        file.extend((36 + length).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16_u32.to_le_bytes());
        for half in [1_u16, 1] {
            file.extend(half.to_le_bytes());
        }
        file.extend(16_000_u32.to_le_bytes());
        file.extend(32_000_u32.to_le_bytes());
        for half in [2_u16, 16] {
            file.extend(half.to_le_bytes());
        }
        file.extend(b"data");
        file.extend(length.to_le_bytes());
        file.extend(samples);
        file
    }

    /// A player that writes down what it was given. Another process writes it: one that is forked meanwhile by another test
    /// would keep it open for writing, and then nobody can run it.
    fn player(folder: &Path) -> PathBuf {
        let path = folder.join("player.sh");
        let heard = folder.join("heard.txt");
        let script = format!("#!/bin/sh\necho \"$@\" > {0}.new && mv {0}.new {0}\n", heard.display());
        let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let written = Command::new("sh").args(["-c", write, "-", &script]).arg(&path).status();
        assert!(written.unwrap().success());
        path
    }

    fn heard(folder: &Path) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(heard) = std::fs::read_to_string(folder.join("heard.txt")) {
                std::fs::remove_file(folder.join("heard.txt")).unwrap();
                return heard;
            }
            assert!(Instant::now() < end, "nothing was played");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn amounts_are_joined_from_recordings_and_what_is_not_recorded_is_left_to_another_voice() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("zh");
        std::fs::create_dir(&folder).unwrap();
        for name in UNITS.iter().map(|(name, _)| *name).chain(["balance"]) {
            std::fs::write(folder.join(format!("{name}.wav")), wav()).unwrap();
        }
        let voice = Silent::default();
        let mut clips =
            Clips::new(temp.path(), Some(Box::new(voice.clone()))).with_player(player(temp.path()));
        let balance = Part::Fixed { name: "balance", text: "余额".into() };
        let whole = speech(vec![balance.clone(), Part::Money(25_395)]);
        clips.say(&whole);
        let played: Vec<String> = heard(temp.path())
            .split_whitespace()
            .skip(1)
            .map(|path| Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            played.join(" "),
            "balance digit-2 place-100 digit-5 place-10 digit-3 unit-yuan digit-9 unit-jiao digit-5 unit-fen"
        );
        assert!(voice.take().is_empty());
        // Never by halves: the rest is said as a whole.
        let mixed = speech(vec![balance, Part::Text("未录音".into())]);
        clips.say(&mixed);
        assert_eq!(voice.take(), [mixed]);
        assert!(clips.files(&speech(vec![])).is_none());
    }

    #[test]
    fn a_file_that_is_no_recording_and_a_player_that_is_not_there_leave_it_to_another_voice() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("zh")).unwrap();
        let voice = Silent::default();
        let rest = || Some(Box::new(voice.clone()) as Box<dyn Speaker>);
        let said = speech(vec![Part::Fixed { name: "home", text: "请问".into() }]);
        let path = temp.path().join("zh/home.wav");
        for content in [&b""[..], b"RIFF", &[b'M'; 100]] {
            std::fs::write(&path, content).unwrap();
            assert!(!is_recorded(temp.path(), Tongue::Mandarin, "home"));
            Clips::new(temp.path(), rest()).with_player(player(temp.path())).say(&said);
            assert_eq!(voice.take().len(), 1);
        }
        std::fs::write(&path, wav()).unwrap();
        assert!(is_recorded(temp.path(), Tongue::Mandarin, "home"));
        assert!(!is_recorded(temp.path(), Tongue::English, "home"));
        Clips::new(temp.path(), rest()).with_player("/nowhere/player").say(&said);
        assert_eq!(voice.take().len(), 1);
        let mut clips = Clips::new(temp.path(), rest()).with_player(player(temp.path()));
        clips.say(&said);
        assert!(heard(temp.path()).contains("home.wav") && voice.take().is_empty());
    }
}
