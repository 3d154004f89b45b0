//! A voice made by rules: `espeak-ng`, as a program of its own. It understands everything and sounds like a machine.

use std::{ffi::OsString, process::Command, time::Duration};

use super::{Speaker, Speech, Tongue, child::OneChild};

/// Longest text that is spoken at once, in characters; the rest is left out.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// Longest time that it speaks at once.
pub const SPEAKING_MS_MAX: u64 = 180_000;

/// Words in a minute: slower than the program's own 175, for old ears.
const WORDS_A_MINUTE: &str = "140";

/// Speaks by `espeak-ng`.
#[derive(Debug)]
pub struct Espeak {
    program: OsString,
    child: OneChild,
}

impl Default for Espeak {
    fn default() -> Self {
        Espeak::new("espeak-ng")
    }
}

impl Espeak {
    /// Speaks by this program.
    pub fn new(program: impl Into<OsString>) -> Self {
        Espeak { program: program.into(), child: OneChild::default() }
    }

    /// Arguments for a language. The voice `cmn` of version 1.51 reads pinyin as English; `cmn-latn-pinyin` does not.
    fn arguments(tongue: Tongue) -> [&'static str; 6] {
        let voice = match tongue {
            Tongue::Mandarin => "cmn-latn-pinyin",
            Tongue::English => "en",
        };
        ["-v", voice, "-s", WORDS_A_MINUTE, "-b", "1"]
    }

    pub(super) fn say_text(&mut self, text: &str, tongue: Tongue) {
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        let mut command = Command::new(&self.program);
        // The text is no argument: those can be seen by everybody on the machine.
        command.args(Self::arguments(tongue)).arg("--stdin");
        self.child.start(command, text.as_bytes(), Duration::from_millis(SPEAKING_MS_MAX));
    }
}

impl Speaker for Espeak {
    fn say(&mut self, speech: &Speech) {
        self.say_text(&speech.text(), speech.tongue);
    }

    fn hush(&mut self) {
        self.child.stop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::process::Stdio;

    use super::*;

    #[test]
    fn mandarin_is_spoken_in_mandarin() {
        // The phonemes of the voice, where the program is installed: no sound is needed for that.
        let child = Command::new("espeak-ng")
            .args(Espeak::arguments(Tongue::Mandarin))
            .args(["-q", "-x", "请取卡"])
            .stdin(Stdio::null())
            .output();
        let Ok(output) = child else { return };
        let phonemes = String::from_utf8(output.stdout).unwrap();
        assert!(phonemes.contains('h') && !phonemes.to_lowercase().contains("three"), "{phonemes}");
    }
}
