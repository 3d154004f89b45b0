//! Starting and ending the program.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::{
        fd::OwnedFd,
        unix::{net::UnixListener, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use command_fds::{CommandFdExt, FdMapping};

use super::{READY_TIMEOUT_MS, SLOTS, wire};
use crate::error::SimError;

const PCSCD_PATHS: [&str; 3] = ["/usr/sbin/pcscd", "/usr/local/sbin/pcscd", "/usr/bin/pcscd"];
const VPCD_PATHS: [&str; 3] = [
    "/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
    "/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so",
    "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so",
];
const RUN_DIRECTORY: &str = "/run/pcscd";
/// Bytes of the log that go into an error.
const SAID_BYTES_MAX: u64 = 600;

/// Runs pcscd as a child of the shell and ends it when standard input closes, that is also when we die.
///
/// `$1` says whose mounts, `$2` is the directory, `$3` pcscd, the rest its further options.
const SCRIPT: &str = r#"
mounts=$1 directory=$2 pcscd=$3
shift 3
case $mounts in
root) mkdir -p /run/pcscd && mount --bind "$directory/run" /run/pcscd || exit 71 ;;
user) mount -t tmpfs tmpfs /run && mkdir /run/pcscd || exit 71 ;;
esac
if [ "$mounts" != none ] && [ -d /usr/lib/pcsc/drivers ]; then
    mount --bind "$directory/drivers" /usr/lib/pcsc/drivers
fi
sh -c 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"' sh \
    "$pcscd" --foreground --config "$directory/reader.conf.d" "$@" </dev/null &
child=$!
exec 3>&-
read -r _
kill -KILL "$child"
wait "$child"
"#;

/// What has to be installed.
pub(super) struct Programs {
    pcscd: PathBuf,
    vpcd: PathBuf,
}

impl Programs {
    pub(super) fn find() -> Result<Self, SimError> {
        let first = |paths: &[&str]| paths.iter().map(PathBuf::from).find(|path| path.exists());
        Ok(Self {
            pcscd: first(&PCSCD_PATHS).ok_or(SimError::Missing { program: "pcscd", package: "pcscd" })?,
            vpcd: first(&VPCD_PATHS).ok_or(SimError::Missing {
                program: "the virtual reader driver vpcd",
                package: "vsmartcard-vpcd",
            })?,
        })
    }

    /// pcscd may be built with polkit, which would ask a desktop about our clients.
    fn has_polkit_switch(&self) -> bool {
        Command::new(&self.pcscd)
            .arg("--help")
            .output()
            .is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--disable-polkit"))
    }
}

/// The process, seen through the shell that watches over it.
#[derive(Debug)]
pub(super) struct Running {
    shell: Child,
    leash: Option<ChildStdin>,
}

impl Running {
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Closing the pipe makes the shell end pcscd; both are gone when the wait is over.
        self.leash = None;
        let _ = self.shell.wait();
    }
}

/// Whose mount namespace pcscd can have here.
#[derive(Clone, Copy)]
enum Mounts {
    Root,
    User,
    None,
}

pub(super) fn socket_path(directory: &Path) -> PathBuf {
    directory.join("pcscd.comm")
}

pub(super) fn log(directory: &Path) -> String {
    fs::read_to_string(log_path(directory)).unwrap_or_default()
}

/// Starts pcscd and waits until it answers with both slots.
///
/// Errors: `NoPorts` when it answers without them, else as for `PrivatePcscd::start`.
pub(super) fn start(programs: &Programs, directory: &Path, port: u16) -> Result<Running, SimError> {
    let mounts = mounts()?;
    configure(programs, directory, port)?;
    let socket = socket_path(directory);
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(SimError::file("removing", socket)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&socket).map_err(SimError::file("making the socket", &socket))?;
    let log_file =
        File::create(log_path(directory)).map_err(SimError::file("making", log_path(directory)))?;
    let said_too = log_file.try_clone().map_err(SimError::io("sharing the log"))?;

    let mut command = match mounts {
        Mounts::Root => Command::new("unshare"),
        Mounts::User => Command::new("unshare"),
        Mounts::None => Command::new("sh"),
    };
    match mounts {
        Mounts::Root => command.args(["--mount", "sh"]),
        Mounts::User => command.args(["--user", "--map-root-user", "--mount", "sh"]),
        Mounts::None => &mut command,
    };
    command.args(["-c", SCRIPT, "sh"]);
    command.arg(match mounts {
        Mounts::Root => "root",
        Mounts::User => "user",
        Mounts::None => "none",
    });
    command.arg(directory).arg(&programs.pcscd);
    if programs.has_polkit_switch() {
        command.arg("--disable-polkit");
    }
    // Its own process group: an interrupt from the keyboard is for us, and we end pcscd in order.
    command.process_group(0).stdin(Stdio::piped()).stdout(log_file).stderr(said_too);
    let socket_fd: OwnedFd = listener.into();
    command
        .fd_mappings(vec![FdMapping { parent_fd: socket_fd, child_fd: 3 }])
        .map_err(|_| SimError::io("handing the socket over")(io::ErrorKind::InvalidInput.into()))?;
    let mut shell = command.spawn().map_err(SimError::io("starting pcscd"))?;
    let leash = shell.stdin.take();
    // The command still holds our copy of the socket: a client must not be kept waiting by it.
    drop(command);
    let mut running = Running { shell, leash };
    wait_ready(&mut running, directory)?;
    Ok(running)
}

fn wait_ready(running: &mut Running, directory: &Path) -> Result<(), SimError> {
    let end = Instant::now() + Duration::from_millis(READY_TIMEOUT_MS);
    while running.is_alive() && Instant::now() < end {
        // pcscd opens its readers before it answers on the socket, so the first answer decides; until then
        // the question waits in the socket.
        match wire::readers(&socket_path(directory), Duration::from_millis(200)) {
            Ok(readers) if readers.len() == usize::from(SLOTS) => return Ok(()),
            Ok(_) => return Err(SimError::NoPorts),
            Err(SimError::Io { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(SimError::NotReady { timeout_ms: READY_TIMEOUT_MS, said: said(directory) })
}

fn configure(programs: &Programs, directory: &Path, port: u16) -> Result<(), SimError> {
    for name in ["run", "drivers", "reader.conf.d"] {
        let path = directory.join(name);
        fs::create_dir_all(&path).map_err(SimError::file("making", path))?;
    }
    // A copy, since the directory of drivers is hidden from pcscd.
    let driver = directory.join("libifdvpcd.so");
    fs::copy(&programs.vpcd, &driver).map_err(SimError::file("copying the driver to", &driver))?;
    let configuration = format!(
        "FRIENDLYNAME \"Jinbao virtual reader\"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {}\nCHANNELID 0x{port:04X}\n",
        driver.display()
    );
    let path = directory.join("reader.conf.d").join("vpcd");
    fs::write(&path, configuration).map_err(SimError::file("writing", path))
}

/// Finds out once what this process may do.
fn mounts() -> Result<Mounts, SimError> {
    static FOUND: OnceLock<Option<Mounts>> = OnceLock::new();
    let can = |arguments: &[&str]| {
        Command::new("unshare")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let found = FOUND.get_or_init(|| {
        if rustix::process::geteuid().is_root() {
            Some(if can(&["--mount", "true"]) { Mounts::Root } else { Mounts::None })
        } else if Path::new(RUN_DIRECTORY).is_dir() {
            Some(Mounts::None)
        } else if can(&["--user", "--map-root-user", "--mount", "true"]) {
            Some(Mounts::User)
        } else {
            None
        }
    });
    found.ok_or(SimError::RunDirectory)
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("pcscd.log")
}

fn said(directory: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log_path(directory))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SAID_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}
