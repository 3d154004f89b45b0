//! The processor: QEMU with an Arm MPS2+ board that runs the reader's firmware.

use std::{
    fs::{self, File},
    io,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::SimError,
    leash::{self, Leashed},
};

/// Limit for the emulator to begin.
pub const BEGIN_TIMEOUT_MS: u64 = 20_000;

/// Bytes of the log that go into an error.
const SAID_BYTES_MAX: usize = 600;

const PROGRAM_PATHS: [&str; 2] = ["/usr/bin/qemu-system-arm", "/usr/local/bin/qemu-system-arm"];

/// What the board's UARTs are for, in their order.
const UARTS: [&str; 5] = ["host", "card", "psam", "finger", "panel"];

/// The lines of a board, one socket each.
#[derive(Debug)]
pub struct Lines {
    /// UART 0: the host, in frames.
    pub host: UnixStream,
    /// UART 1: the card's contacts, as `reader_protocol::emulated_line` has them.
    pub card: UnixStream,
    /// UART 2: the PSAM's contacts, likewise.
    pub psam: UnixStream,
    /// UART 3: the fingerprint module's bytes.
    pub finger: UnixStream,
    /// UART 4: lamps, buzzer, switches, as `reader_protocol::emulated_panel` has them.
    pub panel: UnixStream,
}

/// An emulated board that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Emulator {
    process: Option<Leashed>,
    log: PathBuf,
}

impl Emulator {
    /// Starts a board with this firmware (an ELF file); sockets and log go into `directory`, which is there.
    ///
    /// Returns as soon as all lines are connected; the firmware may be some tenths of a second away from its
    /// first answer. What is sent to it meanwhile waits in the sockets.
    /// Errors: `Missing` with the package to install, `Emulator` when it ends or does not begin, `Io`.
    pub fn start(firmware: &Path, directory: &Path) -> Result<(Self, Lines), SimError> {
        Self::start_with(firmware, directory, &[])
    }

    /// The same with further arguments for QEMU, such as what it is to write into its own log.
    pub fn start_with(
        firmware: &Path,
        directory: &Path,
        arguments: &[&str],
    ) -> Result<(Self, Lines), SimError> {
        let program =
            PROGRAM_PATHS.iter().map(Path::new).find(|path| path.exists()).ok_or(SimError::Missing {
                program: "the emulator qemu-system-arm",
                package: "qemu-system-arm",
            })?;
        let log = directory.join("board.log");
        let out = File::create(&log).map_err(SimError::file("making", &log))?;
        let said_too = out.try_clone().map_err(SimError::io("sharing the log"))?;
        let mut command = Command::new("sh");
        command.args(["-c", &leash::script(""), "sh"]).arg(program);
        command.args(["-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-nic", "none"]);
        // The firmware ends what cannot go on by a reset; here that is the end, for all to see.
        command.arg("-no-reboot").args(arguments);
        let mut listeners = Vec::new();
        for name in UARTS {
            let path = directory.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SimError::file("removing", path)(error));
                }
                _ => {}
            }
            let listener = UnixListener::bind(&path).map_err(SimError::file("making the socket", &path))?;
            listener.set_nonblocking(true).map_err(SimError::io("preparing a socket"))?;
            listeners.push(listener);
            command.args(["-chardev", &format!("socket,id={name},path={}", path.display())]);
            command.args(["-serial", &format!("chardev:{name}")]);
        }
        command.arg("-kernel").arg(firmware).stdout(out).stderr(said_too);
        let process = Leashed::spawn(&mut command).map_err(SimError::io("starting the emulator"))?;
        let mut emulator = Self { process: Some(process), log };
        let mut lines = Vec::new();
        for listener in &listeners {
            lines.push(emulator.accept(listener)?);
        }
        // They have been met; nobody else is to come.
        for name in UARTS {
            let _ = fs::remove_file(directory.join(name));
        }
        match <[UnixStream; 5]>::try_from(lines) {
            Ok([host, card, psam, finger, panel]) => {
                Ok((emulator, Lines { host, card, psam, finger, panel }))
            }
            Err(_) => Err(emulator.failed()),
        }
    }

    fn accept(&mut self, listener: &UnixListener) -> Result<UnixStream, SimError> {
        let end = Instant::now() + Duration::from_millis(BEGIN_TIMEOUT_MS);
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).map_err(SimError::io("preparing a line"))?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.is_running() || Instant::now() >= end {
                        return Err(self.failed());
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(SimError::io("connecting the emulator")(error)),
            }
        }
    }

    fn failed(&self) -> SimError {
        let log = self.log();
        let skipped = log.len().saturating_sub(SAID_BYTES_MAX);
        SimError::Emulator { said: log.chars().skip(skipped).collect() }
    }

    /// Whether it is alive.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Leashed::is_alive)
    }

    /// Ends it at once, as if its power were cut. Its lines close.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Everything that emulator and firmware have written.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::io::Read;

    fn ended(mut emulator: Emulator) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        while emulator.is_running() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!emulator.is_running());
        emulator.log()
    }

    /// What the emulator says about a firmware that it cannot run. It may connect its lines before it looks.
    fn said_about(firmware: &Path, directory: &Path) -> String {
        match Emulator::start(firmware, directory) {
            Ok((emulator, mut lines)) => {
                // The line closes with the emulator.
                while lines.host.read(&mut [0; 1]).is_ok_and(|count| count > 0) {}
                ended(emulator)
            }
            Err(SimError::Emulator { said }) => said,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_no_firmware_is_told_and_leaves_nobody_behind() {
        let directory = tempfile::tempdir().unwrap();
        let firmware = directory.path().join("firmware.elf");
        let said = said_about(&firmware, directory.path());
        assert!(said.contains("firmware.elf"), "{said}");
        fs::write(&firmware, [0xFF; 64]).unwrap();
        let said = said_about(&firmware, directory.path());
        assert!(said.contains("R15="), "the processor has nowhere to go: {said}");
    }
}
