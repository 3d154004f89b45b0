//! An emulated STM32F405 that runs from a flash image, with a flash controller that can lose its power.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use reader_protocol::vault::VAULT_BYTES;
use stm32f405::layout;
use tempfile::TempDir;

use crate::{
    debug::Debug,
    flash::Flash,
    images::{self, Program, Wish},
};

/// The chip's own number.
pub(crate) const SERIAL: &[u8; 12] = b"\x01\x02\x03\x04emulated";

/// Limit for everything that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the processor runs between two looks at its lines.
const LOOK: Duration = Duration::from_millis(5);

/// Why a run has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The words that were waited for have been said on the host's line.
    Said(String),
    /// The power went.
    Cut,
}

/// One run from power on.
pub(crate) struct Machine {
    child: Child,
    debug: Debug,
    host: UnixStream,
    flash: Flash,
    /// Words that are written or erased before the power goes.
    words_left: Option<u64>,
    words_used: u64,
    vault: [u8; VAULT_BYTES],
    is_vault_read: bool,
    stops: Vec<(u32, Wish)>,
    said: Vec<u8>,
    _folder: TempDir,
}

impl Machine {
    /// Power on; it goes after so many words of flash.
    pub(crate) fn start(flash: Flash, words_left: Option<u64>) -> Self {
        Self::start_with(flash, words_left, [0; VAULT_BYTES], &[images::boot()])
    }

    /// The same with battery-backed registers that hold this, for these programs.
    pub(crate) fn start_with(
        flash: Flash,
        words_left: Option<u64>,
        vault: [u8; VAULT_BYTES],
        programs: &[&Program],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("flash");
        fs::write(&image, &flash.0).unwrap();
        // The emulator ends when we do, whatever happens to us: the shell reads from a pipe of ours.
        let mut command = Command::new("sh");
        command.args(["-c", "\"$@\" </dev/null & cat; kill -9 $!", "sh", "qemu-system-arm"]);
        command.args(["-machine", "netduinoplus2", "-display", "none", "-monitor", "none", "-S"]);
        for (name, option) in [("host", "-serial"), ("debug", "-gdb")] {
            let path = folder.path().join(name);
            command.arg("-chardev");
            command.arg(format!("socket,id={name},server=on,wait=off,path={}", path.display()));
            command.args([option, &format!("chardev:{name}")]);
        }
        command.arg("-kernel").arg(image).stdin(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        let host = connect(&folder.path().join("host"));
        let mut debug = Debug::new(connect(&folder.path().join("debug")));
        let stops = programs.iter().flat_map(|program| program.stops.iter().copied()).collect::<Vec<_>>();
        for (address, _) in &stops {
            debug.stop_at(*address);
        }
        debug.go();
        Self {
            child,
            debug,
            host,
            flash,
            words_left,
            words_used: 0,
            vault,
            is_vault_read: false,
            stops,
            said: Vec::new(),
            _folder: folder,
        }
    }

    /// Runs until a line with these words is said, or the power goes.
    pub(crate) fn until(&mut self, words: &str) -> End {
        let end = Instant::now() + PATIENCE;
        let mut asked = Instant::now();
        loop {
            if self.debug.has_stopped(LOOK) {
                if !self.serve() {
                    return End::Cut;
                }
                continue;
            }
            self.listen();
            let text = String::from_utf8_lossy(&self.said).into_owned();
            let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = whole.map(str::trim_end).find(|line| line.contains(words)) {
                return End::Said(line.to_owned());
            }
            // As a person would: asks again when there is no answer.
            if asked.elapsed() > Duration::from_millis(300) {
                asked = Instant::now();
                self.host.write_all(b"?\r").unwrap();
            }
            assert!(Instant::now() < end, "nothing said of {words:?}, but: {text:?}");
        }
    }

    /// Runs until the reader has armed its line: what comes before is lost.
    pub(crate) fn until_vault_is_read(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !self.is_vault_read {
            assert!(Instant::now() < end, "the reader does not begin");
            if self.debug.has_stopped(LOOK) {
                assert!(self.serve(), "nobody cuts the power here");
            }
        }
    }

    /// Sends bytes to the host's line and waits for as many of an answer as `is_whole` wants. Limited in time.
    pub(crate) fn ask(&mut self, bytes: &[u8], is_whole: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.said.clear();
        self.host.write_all(bytes).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            if self.debug.has_stopped(LOOK) {
                assert!(self.serve(), "nobody cuts the power here");
                continue;
            }
            self.listen();
            if is_whole(&self.said) {
                return std::mem::take(&mut self.said);
            }
            assert!(Instant::now() < end, "no answer to {bytes:02X?}, but {:02X?}", self.said);
        }
    }

    /// Power off; what is left.
    pub(crate) fn stop(mut self) -> (Flash, u64) {
        (Flash(std::mem::take(&mut self.flash.0)), self.words_used)
    }

    fn listen(&mut self) {
        self.host.set_nonblocking(true).unwrap();
        let mut bytes = [0; 512];
        loop {
            match self.host.read(&mut bytes) {
                Ok(0) => panic!("the emulator has ended"),
                Ok(count) => self.said.extend(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.host.set_nonblocking(false).unwrap();
    }

    /// Does what the flash controller was asked for; false when the power goes meanwhile.
    fn serve(&mut self) -> bool {
        let registers = self.debug.registers();
        let wish = self.stops.iter().find(|(address, _)| *address == registers[15]);
        let is_done = match wish.map(|(_, wish)| *wish) {
            Some(Wish::Write) => self.program(registers[0], registers[1], registers[2] as usize),
            Some(Wish::Erase) => self.erase(registers[0]),
            Some(Wish::ReadVault) => {
                self.debug.write(registers[0], &self.vault);
                self.is_vault_read = true;
                true
            }
            Some(Wish::WriteVault) => {
                self.vault.copy_from_slice(&self.debug.read(registers[0], VAULT_BYTES));
                true
            }
            Some(Wish::ReadSerial) => {
                self.debug.write(registers[0], SERIAL);
                true
            }
            None => panic!("stopped at {:#010X}", registers[15]),
        };
        if is_done {
            self.debug.set_register(0, 0);
            self.debug.set_register(15, registers[14] & !1);
            self.debug.go();
        }
        is_done
    }

    fn program(&mut self, address: u32, words: u32, count: usize) -> bool {
        let bytes = self.debug.read(words, 4 * count);
        for (number, word) in bytes.chunks(4).enumerate() {
            let at = (address - layout::BOOT.address) as usize + 4 * number;
            let is_whole = self.takes();
            let cells = &mut self.flash.0[at..at + 4];
            assert_eq!(cells, [0xFF; 4], "a word at {at:#X} is written twice");
            cells.copy_from_slice(word);
            if !is_whole {
                // Half of the bits that were to become 0 have.
                cells.iter_mut().for_each(|cell| *cell |= 0xA5);
                return false;
            }
        }
        self.debug.write(address, &bytes);
        true
    }

    fn erase(&mut self, sector: u32) -> bool {
        let (address, bytes) = match sector {
            2 | 3 => {
                let bytes = layout::JOURNAL_SECTOR_BYTES;
                (layout::JOURNAL.address + (sector - 2) * bytes as u32, bytes)
            }
            5 => (layout::APPLICATION.address, layout::IMAGE_SECTOR_BYTES),
            6 => (layout::STAGED.address, layout::IMAGE_SECTOR_BYTES),
            other => panic!("sector {other} is nobody's to erase"),
        };
        let from = (address - layout::BOOT.address) as usize;
        // As much of it as one word: all cells of a sector are erased at once.
        let is_whole = self.takes();
        let cells = &mut self.flash.0[from..from + bytes];
        if is_whole {
            cells.fill(0xFF);
            self.debug.write(address, &vec![0xFF; bytes]);
        } else {
            cells.iter_mut().enumerate().for_each(|(at, cell)| *cell |= (at as u8).wrapping_mul(0x6D));
        }
        is_whole
    }

    fn takes(&mut self) -> bool {
        if self.words_left == Some(0) {
            return false;
        }
        self.words_used += 1;
        self.words_left = self.words_left.map(|left| left - 1);
        true
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn connect(path: &Path) -> UnixStream {
    let end = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) => {
                assert!(Instant::now() < end, "{}: {error}; is qemu-system-arm installed?", path.display())
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}
