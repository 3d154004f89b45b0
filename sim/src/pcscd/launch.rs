//! Starting and ending the program.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use command_fds::{CommandFdExt, FdMapping};

use super::{READY_TIMEOUT_MS, kind::ReaderKind, wire};
use crate::{
    error::SimError,
    leash::{self, Leashed},
};

const PCSCD_PATHS: [&str; 3] = ["/usr/sbin/pcscd", "/usr/local/sbin/pcscd", "/usr/bin/pcscd"];
const VPCD_PATHS: [&str; 3] = [
    "/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
    "/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so",
    "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so",
];
const CCID_PATHS: [&str; 3] = [
    "/usr/lib/pcsc/drivers/serial/libccidtwin.so",
    "/usr/local/lib/pcsc/drivers/serial/libccidtwin.so",
    "/usr/lib64/pcsc/drivers/serial/libccidtwin.so",
];
const RUN_DIRECTORY: &str = "/run/pcscd";
/// Bytes of the log that go into an error.
const SAID_BYTES_MAX: u64 = 600;

/// Where the serial driver's settings lie in the directory.
const SETTINGS: &str = "settings";

/// Critical errors, what was detected, every byte between driver and reader, and the looks at the slots.
const TRACE_LEVEL: &str = "0x000F";

/// Settings of the serial driver: errors into the log, and the CCID command Escape allowed, which is off by
/// default (DRIVER_OPTION_CCID_EXCHANGE_AUTHORIZED).
const INFO_PLIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
	<key>ifdLogLevel</key>
	<string>0x0003</string>
	<key>ifdDriverOptions</key>
	<string>0x0001</string>
</dict>
</plist>
"#;

/// Gives pcscd its mounts and its socket, and leaves the command that runs it in `"$@"`.
///
/// `$1` says whose mounts, `$2` is the directory, `$3` pcscd, the rest its further options.
const PRELUDE: &str = r#"
mounts=$1 directory=$2 pcscd=$3
shift 3
case $mounts in
root) mkdir -p /run/pcscd && mount --bind "$directory/run" /run/pcscd || exit 71 ;;
user) mount -t tmpfs tmpfs /run && mkdir /run/pcscd || exit 71 ;;
esac
if [ "$mounts" != none ] && [ -d /usr/lib/pcsc/drivers ]; then
    mount --bind "$directory/drivers" /usr/lib/pcsc/drivers
fi
set -- sh -c 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"' sh \
    "$pcscd" --foreground --config "$directory/reader.conf.d" "$@"
"#;

/// What has to be installed.
pub(super) struct Programs {
    pcscd: PathBuf,
    driver: PathBuf,
}

impl Programs {
    pub(super) fn find(kind: &ReaderKind) -> Result<Self, SimError> {
        let first = |paths: &[&str]| paths.iter().map(PathBuf::from).find(|path| path.exists());
        let driver = match kind {
            ReaderKind::Virtual { .. } => first(&VPCD_PATHS).ok_or(SimError::Missing {
                program: "the virtual reader driver vpcd",
                package: "vsmartcard-vpcd",
            }),
            ReaderKind::Serial(_) => first(&CCID_PATHS).ok_or(SimError::Missing {
                program: "the serial reader driver libccidtwin",
                package: "libccid",
            }),
        }?;
        let pcscd = first(&PCSCD_PATHS).ok_or(SimError::Missing { program: "pcscd", package: "pcscd" })?;
        Ok(Self { pcscd, driver })
    }

    /// pcscd may be built with polkit, which would ask a desktop about our clients.
    fn has_polkit_switch(&self) -> bool {
        Command::new(&self.pcscd)
            .arg("--help")
            .output()
            .is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--disable-polkit"))
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

/// Starts pcscd and waits until it answers with all slots of its reader.
///
/// Errors: `NoPorts` or `NoReader` when it answers without them, else as for `Service::start`.
pub(super) fn start(directory: &Path, kind: &ReaderKind) -> Result<Leashed, SimError> {
    let programs = Programs::find(kind)?;
    let mounts = mounts()?;
    configure(&programs, directory, kind)?;
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
    command.args(["-c", &leash::script(PRELUDE), "sh"]);
    command.arg(match mounts {
        Mounts::Root => "root",
        Mounts::User => "user",
        Mounts::None => "none",
    });
    command.arg(directory).arg(&programs.pcscd);
    if programs.has_polkit_switch() {
        command.arg("--disable-polkit");
    }
    if let ReaderKind::Serial(reader) = kind {
        // Only the driver looks here for its settings; pcscd 1.9.9 itself does not.
        command.env("PCSCLITE_HP_DROPDIR", directory.join(SETTINGS));
        if reader.has_trace {
            command.arg("--debug").env("LIBCCID_ifdLogLevel", TRACE_LEVEL);
        }
    }
    command.stdout(log_file).stderr(said_too);
    let socket_fd: OwnedFd = listener.into();
    command
        .fd_mappings(vec![FdMapping { parent_fd: socket_fd, child_fd: 3 }])
        .map_err(|_| SimError::io("handing the socket over")(io::ErrorKind::InvalidInput.into()))?;
    let mut running = Leashed::spawn(&mut command).map_err(SimError::io("starting pcscd"))?;
    // The command still holds our copy of the socket: a client must not be kept waiting by it.
    drop(command);
    wait_ready(&mut running, directory, kind)?;
    Ok(running)
}

fn wait_ready(running: &mut Leashed, directory: &Path, kind: &ReaderKind) -> Result<(), SimError> {
    let end = Instant::now() + Duration::from_millis(READY_TIMEOUT_MS);
    while running.is_alive() && Instant::now() < end {
        // pcscd opens its readers before it answers on the socket, so the first answer decides; until then
        // the question waits in the socket.
        match wire::readers(&socket_path(directory), Duration::from_millis(200)) {
            Ok(readers) if readers.len() == kind.slot_names().len() => return Ok(()),
            Ok(_) => {
                return Err(match kind {
                    ReaderKind::Virtual { .. } => SimError::NoPorts,
                    ReaderKind::Serial(_) => SimError::NoReader { said: said(directory) },
                });
            }
            Err(SimError::Io { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(SimError::NotReady { timeout_ms: READY_TIMEOUT_MS, said: said(directory) })
}

fn configure(programs: &Programs, directory: &Path, kind: &ReaderKind) -> Result<(), SimError> {
    let write = |path: PathBuf, text: &str| fs::write(&path, text).map_err(SimError::file("writing", &path));
    for name in ["run", "drivers", "reader.conf.d"] {
        let path = directory.join(name);
        fs::create_dir_all(&path).map_err(SimError::file("making", path))?;
    }
    // A copy, since the directory of drivers is hidden from pcscd.
    let driver = directory.join(programs.driver.file_name().unwrap_or_default());
    fs::copy(&programs.driver, &driver).map_err(SimError::file("copying the driver to", &driver))?;
    let (device, channel) = match kind {
        ReaderKind::Virtual { port } => (format!("/dev/null:0x{port:04X}"), *port),
        ReaderKind::Serial(reader) => {
            let settings = directory.join(SETTINGS).join("ifd-ccid.bundle/Contents");
            fs::create_dir_all(&settings).map_err(SimError::file("making", &settings))?;
            write(settings.join("Info.plist"), INFO_PLIST)?;
            (format!("{}:{}", reader.device.display(), reader.model.driver_name()), 1)
        }
    };
    let configuration = format!(
        "FRIENDLYNAME \"{}\"\nDEVICENAME {device}\nLIBPATH {}\nCHANNELID 0x{channel:04X}\n",
        kind.friendly_name(),
        driver.display()
    );
    write(directory.join("reader.conf.d").join("reader"), &configuration)
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
