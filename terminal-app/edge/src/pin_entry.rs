//! Typing what nobody else may see: PINs and operators' secrets.
//!
//! Never from the command line or the environment, where every user of the machine can read them. At a
//! terminal the digits are hidden; with `--pin-stdin` each question takes one fresh line of standard input.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Read, Write},
    time::{Duration, Instant},
};

use card_spec::pin::{PIN_DIGITS_MAX, PIN_DIGITS_MIN};
use hal::pin_pad::{PinPad, PinPadError, Prompt};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use terminal::language::Language;
use zeroize::Zeroizing;

/// Longest secret line.
const LINE_BYTES_MAX: usize = 128;

/// Longest wait for a secret at the keyboard.
pub const SECRET_TIMEOUT_MS: u32 = 120_000;

/// Where secrets are typed.
#[derive(Debug)]
pub struct SecretEntry {
    language: Language,
    from_stdin: bool,
}

impl SecretEntry {
    /// At the terminal, or line by line from standard input.
    pub fn new(language: Language, from_stdin: bool) -> Self {
        SecretEntry { language, from_stdin }
    }

    /// Asks for one secret and waits at most `timeout_ms` at a keyboard.
    ///
    /// Errors: `Cancelled` (Ctrl-C, Ctrl-D, escape, end of input), `Timeout`, `Length` for a line that is
    /// far too long, `Device` without a terminal.
    pub fn ask(&mut self, question: &str, timeout_ms: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
        if self.from_stdin {
            return line_from(io::stdin().lock());
        }
        let tty = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()
            .filter(IsTerminal::is_terminal)
            .ok_or(PinPadError::Device)?;
        hidden(tty, question, timeout_ms)
    }
}

impl PinPad for SecretEntry {
    fn ask(&mut self, prompt: Prompt, timeout_ms: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
        let question = match prompt {
            Prompt::Pin => self.language.pick("请输入卡密码", "Card PIN"),
            Prompt::NewPin => self.language.pick("请输入新密码", "New PIN"),
            Prompt::NewPinAgain => self.language.pick("请再次输入新密码", "New PIN again"),
        };
        let digits = SecretEntry::ask(self, question, timeout_ms)?;
        let good_length = (usize::from(PIN_DIGITS_MIN)..=usize::from(PIN_DIGITS_MAX)).contains(&digits.len());
        if !good_length || !digits.iter().all(u8::is_ascii_digit) {
            return Err(PinPadError::Length { got: digits.len() });
        }
        Ok(digits)
    }
}

/// One line, byte by byte: what follows it stays unread for the next question.
fn line_from(mut input: impl Read) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    loop {
        let mut byte = Zeroizing::new([0_u8; 1]);
        match input.read(&mut *byte) {
            Ok(0) if line.is_empty() => return Err(PinPadError::Cancelled),
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() == LINE_BYTES_MAX => return Err(PinPadError::Length { got: line.len() }),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(PinPadError::Device),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

/// Puts the terminal's settings back, whatever happens.
struct Restore<'a> {
    tty: &'a File,
    before: Termios,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty, OptionalActions::Flush, &self.before);
        let _ = self.tty.write_all(b"\r\n");
    }
}

fn hidden(tty: File, question: &str, timeout_ms: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
    let before = tcgetattr(&tty).map_err(|_| PinPadError::Device)?;
    let mut quiet = before.clone();
    // Signals too: a Ctrl-C that ended the program here would leave a terminal that shows nothing any more.
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
    // A read comes back after a fifth of a second, with or without a key.
    quiet.special_codes[SpecialCodeIndex::VMIN] = 0;
    quiet.special_codes[SpecialCodeIndex::VTIME] = 2;
    let restore = Restore { tty: &tty, before };
    // Flush drops what was typed before the question: a fresh entry each time.
    tcsetattr(&tty, OptionalActions::Flush, &quiet).map_err(|_| PinPadError::Device)?;
    (&tty).write_all(format!("{question}: ").as_bytes()).map_err(|_| PinPadError::Device)?;
    let typed = keys(&tty, Duration::from_millis(timeout_ms.into()));
    drop(restore);
    typed
}

fn keys(mut tty: &File, limit: Duration) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
    let until = Instant::now() + limit;
    let mut typed = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    loop {
        let mut key = Zeroizing::new([0_u8; 1]);
        if tty.read(&mut *key).map_err(|_| PinPadError::Device)? == 0 {
            if Instant::now() >= until {
                return Err(PinPadError::Timeout);
            }
            continue;
        }
        match key[0] {
            b'\r' | b'\n' => return Ok(typed),
            0x03 | 0x04 | 0x1B => return Err(PinPadError::Cancelled),
            0x08 | 0x7F => {
                if typed.pop().is_some() {
                    let _ = tty.write_all(b"\x08 \x08");
                }
            }
            _ if typed.len() == LINE_BYTES_MAX => return Err(PinPadError::Length { got: typed.len() }),
            other => {
                typed.push(other);
                let _ = tty.write_all(b"*");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_question_takes_one_line() {
        let mut input: &[u8] = b"123456\r\n654321\n\nlast";
        assert_eq!(*line_from(&mut input).unwrap(), b"123456");
        assert_eq!(*line_from(&mut input).unwrap(), b"654321");
        assert_eq!(*line_from(&mut input).unwrap(), b"");
        assert_eq!(*line_from(&mut input).unwrap(), b"last");
        assert_eq!(line_from(&mut input), Err(PinPadError::Cancelled));
    }

    #[test]
    fn a_line_has_a_limit() {
        let long = [b'1'; LINE_BYTES_MAX + 1];
        assert_eq!(line_from(&long[..]), Err(PinPadError::Length { got: LINE_BYTES_MAX }));
        assert!(line_from(&long[1..]).is_ok());
    }
}
