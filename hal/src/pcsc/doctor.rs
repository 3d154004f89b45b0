//! What an installer needs to know when no card can be read.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    Limits, holder,
    reader::{self, Reader, ReaderState, Use},
    usb::{self, UsbReader},
    worker,
};
use crate::slot::SlotError;

/// The rule that lets the group `jinbao` use pcscd where pcscd asks polkit; belongs into
/// `/etc/polkit-1/rules.d/`.
pub const POLKIT_RULE: &str = include_str!("../../system/50-jinbao-pcscd.rules");

/// The rule that keeps card readers from being suspended; belongs into `/etc/udev/rules.d/`.
pub const UDEV_RULE: &str = include_str!("../../system/93-jinbao-reader.rules");

const PCSCD_PATHS: [&str; 3] = ["/usr/sbin/pcscd", "/usr/local/sbin/pcscd", "/usr/bin/pcscd"];
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);

/// How the smart card service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// It answers.
    Running,
    /// Nobody listens on its socket.
    NotRunning,
    /// It listens, but not to this user.
    Refused,
    /// It listens and says nothing.
    Silent,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "hint", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Hint {
    /// Install pcscd (and libccid).
    InstallService,
    /// Start pcscd.
    StartService,
    /// Restart pcscd: it hangs.
    RestartService,
    /// Install [`POLKIT_RULE`] and add the user to its group.
    AllowByPolkit,
    /// Let the user open the service's socket.
    AllowSocket {
        /// The socket.
        socket: PathBuf,
    },
    /// Plug a reader in.
    PlugReader,
    /// A reader is plugged in that no driver takes: its numbers are not in the driver's list.
    UnknownReader {
        /// USB vendor number.
        vendor_id: u16,
        /// USB product number.
        product_id: u16,
    },
    /// Install [`UDEV_RULE`]: the system puts this reader to sleep.
    Autosuspend {
        /// USB vendor number.
        vendor_id: u16,
        /// USB product number.
        product_id: u16,
    },
    /// Plug the reader in again: pcscd cannot reach it.
    ReplugReader {
        /// Its name.
        reader: String,
    },
    /// Clean or turn the card: it says nothing.
    MuteCard {
        /// Name of the reader.
        reader: String,
    },
    /// End the program that holds the card, or let it go through the terminal's service.
    Held {
        /// Name of the reader.
        reader: String,
        /// Programs that may hold it.
        holders: Vec<String>,
    },
    /// Let the driver hand escapes on: bit 0x01 of `ifdDriverOptions` in its `Info.plist`
    /// ([`crate::board::ESCAPES_OFF_REMEDY`]), then restart pcscd.
    AllowEscapes {
        /// Name of the board's reader.
        reader: String,
    },
    /// The board's case was opened: look at it, close it, and have it cleared by whoever has authority.
    BoardTampered {
        /// Name of the board's reader.
        reader: String,
        /// It is open now.
        case_open: bool,
    },
    /// Update the board, or this program: their versions differ.
    BoardVersion {
        /// Name of the board's reader.
        reader: String,
        /// The board's firmware; `None` when it does not even know how to be asked.
        got: Option<[u16; 3]>,
        /// The firmware that this program was built with.
        known: [u16; 3],
    },
    /// Name another reader in the settings: this one is no board of ours.
    NotOurBoard {
        /// Its name.
        reader: String,
    },
    /// Restart this program: calls of it are stuck.
    Stuck {
        /// How many.
        calls: usize,
    },
}

/// Readers and service as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// How the service is.
    pub service: Service,
    /// Its socket.
    pub socket: PathBuf,
    /// Its version, when the program is installed here.
    pub version: Option<String>,
    /// Whether it was built to ask polkit who may use it.
    pub asks_polkit: Option<bool>,
    /// Programs connected to it, this one included.
    pub clients: Vec<String>,
    /// Readers it lists.
    pub readers: Vec<Reader>,
    /// Card readers on USB, whether it lists them or not.
    pub usb: Vec<UsbReader>,
    /// What to do, the most urgent first; empty when all is well.
    pub hints: Vec<Hint>,
}

/// Looks at service, readers and USB; takes a few seconds at worst and changes nothing.
pub fn examine(limits: &Limits) -> ServiceReport {
    let socket = holder::socket_path();
    let (version, asks_polkit) = version().unzip();
    let (service, readers) = service(&socket, limits);
    let mut report = ServiceReport {
        service,
        clients: holder::clients(&socket).iter().map(ToString::to_string).collect(),
        socket,
        version,
        asks_polkit,
        readers,
        usb: usb::readers(Path::new(usb::SYSFS), Path::new(usb::DRIVER_LIST)),
        hints: Vec::new(),
    };
    report.hints = hints(&report, &holder::names(), worker::abandoned());
    report
}

fn service(socket: &Path, limits: &Limits) -> (Service, Vec<Reader>) {
    match UnixStream::connect(socket).map_err(|error| error.kind()) {
        Ok(_) => {}
        Err(io::ErrorKind::PermissionDenied) => return (Service::Refused, Vec::new()),
        Err(_) => return (Service::NotRunning, Vec::new()),
    }
    let at_once = Limits { service_ms: 0, ..*limits };
    match reader::readers(&at_once) {
        Ok(readers) => (Service::Running, readers),
        Err(SlotError::Timeout { .. }) => (Service::Silent, Vec::new()),
        // It takes the connection and closes it: that is how it turns somebody away.
        Err(_) => (Service::Refused, Vec::new()),
    }
}

fn hints(report: &ServiceReport, holders: &[String], stuck: usize) -> Vec<Hint> {
    let mut hints = Vec::new();
    match report.service {
        Service::NotRunning if report.version.is_none() => hints.push(Hint::InstallService),
        Service::NotRunning => hints.push(Hint::StartService),
        Service::Silent => hints.push(Hint::RestartService),
        Service::Refused if report.asks_polkit == Some(false) => {
            hints.push(Hint::AllowSocket { socket: report.socket.clone() });
        }
        Service::Refused => hints.push(Hint::AllowByPolkit),
        Service::Running => {}
    }
    if stuck > 0 {
        hints.push(Hint::Stuck { calls: stuck });
    }
    for usb in &report.usb {
        let UsbReader { vendor_id, product_id, .. } = *usb;
        if usb.in_driver_list == Some(false) {
            hints.push(Hint::UnknownReader { vendor_id, product_id });
        }
        if usb.autosuspend {
            hints.push(Hint::Autosuspend { vendor_id, product_id });
        }
    }
    if report.service == Service::Running && report.readers.is_empty() && report.usb.is_empty() {
        hints.push(Hint::PlugReader);
    }
    for reader in &report.readers {
        let name = reader.name.clone();
        match reader.state {
            ReaderState::Unavailable => hints.push(Hint::ReplugReader { reader: name }),
            ReaderState::Mute => hints.push(Hint::MuteCard { reader: name }),
            ReaderState::Card { .. } if reader.in_use != Use::Free => {
                hints.push(Hint::Held { reader: name, holders: holders.to_vec() });
            }
            ReaderState::Card { .. } | ReaderState::Empty => {}
        }
    }
    hints
}

/// Version of the installed pcscd, and whether it asks polkit.
fn version() -> Option<(String, bool)> {
    let program = PCSCD_PATHS.iter().find(|path| Path::new(path).exists())?;
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + VERSION_TIMEOUT;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= end {
            // A program that does not even tell its version is not waited for.
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(String, bool)> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("pcsc-lite version "))?;
    let features = text.lines().find_map(|line| line.trim().strip_prefix("Enabled features:"))?;
    let asks_polkit = features.split_whitespace().any(|feature| feature == "polkit");
    Some((line.trim_end_matches('.').to_owned(), asks_polkit))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    // As printed by Debian 12; the second is how a build with polkit differs.
    const DEBIAN: &str = "pcsc-lite version 1.9.9.\n\
        Copyright (C) 1999-2002 by David Corcoran <corcoran@musclecard.com>.\n\
        Enabled features: Linux x86_64-pc-linux-gnu libsystemd serial usb libudev \
        usbdropdir=/usr/lib/pcsc/drivers ipcdir=/run/pcscd filter configdir=/etc/reader.conf.d\n\
        MAX_READERNAME: 128, PCSCLITE_MAX_READERS_CONTEXTS: 16\n";

    fn report(service: Service) -> ServiceReport {
        ServiceReport {
            service,
            socket: PathBuf::from("/run/pcscd/pcscd.comm"),
            version: Some("1.9.9".to_owned()),
            asks_polkit: Some(false),
            clients: Vec::new(),
            readers: Vec::new(),
            usb: Vec::new(),
            hints: Vec::new(),
        }
    }

    #[test]
    fn version_and_polkit() {
        assert_eq!(parse_version(DEBIAN), Some(("1.9.9".to_owned(), false)));
        let with = DEBIAN.replace("filter", "filter polkit");
        assert_eq!(parse_version(&with), Some(("1.9.9".to_owned(), true)));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn what_to_do() {
        let hints_of = |report: &ServiceReport| hints(report, &["opensc-tool (77)".to_owned()], 0);
        let mut absent = report(Service::NotRunning);
        assert_eq!(hints_of(&absent), [Hint::StartService]);
        absent.version = None;
        assert_eq!(hints_of(&absent), [Hint::InstallService]);
        let mut refused = report(Service::Refused);
        assert_eq!(hints_of(&refused), [Hint::AllowSocket { socket: refused.socket.clone() }]);
        refused.asks_polkit = Some(true);
        assert_eq!(hints_of(&refused), [Hint::AllowByPolkit]);
        assert_eq!(hints_of(&report(Service::Silent)), [Hint::RestartService]);
        let mut running = report(Service::Running);
        assert_eq!(hints_of(&running), [Hint::PlugReader]);
        let reader = |state, in_use| Reader { name: "r 00 00".to_owned(), state, event_count: 0, in_use };
        running.readers = vec![reader(ReaderState::Card { atr: vec![0x3B, 0] }, Use::Exclusive)];
        assert_eq!(
            hints_of(&running),
            [Hint::Held { reader: "r 00 00".to_owned(), holders: vec!["opensc-tool (77)".to_owned()] }]
        );
        running.readers =
            vec![reader(ReaderState::Mute, Use::Free), reader(ReaderState::Unavailable, Use::Free)];
        assert_eq!(hints_of(&running).len(), 2);
        assert_eq!(hints(&report(Service::Running), &[], 3)[0], Hint::Stuck { calls: 3 });
        running.readers = vec![reader(ReaderState::Empty, Use::Free)];
        assert_eq!(hints_of(&running), []);
    }

    #[test]
    fn the_rules_are_there() {
        assert!(POLKIT_RULE.contains("org.debian.pcsc-lite.access_pcsc"));
        assert!(POLKIT_RULE.contains("org.debian.pcsc-lite.access_card"));
        assert!(UDEV_RULE.contains("ATTR{power/control}=\"on\""));
    }
}
