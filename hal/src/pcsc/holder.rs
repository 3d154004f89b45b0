//! Who else is connected to pcscd.
//!
//! pcscd does not tell who holds a card, but the kernel tells which processes have a connection to its
//! socket. Of these one is the holder; usually there is only one. Names are those of programs, with their
//! process number, or the user's number where the process may not be looked into.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process,
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, sendto, socket_with, sockopt,
};

/// Most programs that are named.
pub(super) const HOLDERS_MAX: usize = 16;

/// The socket when nothing else is said. Source: pcsc-lite, `PCSCLITE_CSOCK_NAME`.
const DEFAULT_SOCKET: &str = "/run/pcscd/pcscd.comm";

/// Most answers of the kernel that are read; a machine with more sockets is told of in part.
const DATAGRAMS_MAX: usize = 4_096;
const DATAGRAM_BYTES: usize = 32 * 1024;

// Source: Linux, include/uapi/linux/{netlink,sock_diag,unix_diag}.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x01 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const UDIAG_SHOW_NAME_PEER_UID: u32 = 0x01 | 0x04 | 0x40;
const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_PEER: u16 = 2;
const UNIX_DIAG_UID: u16 = 7;
const AF_UNIX: u8 = 1;
const HEADER_BYTES: usize = 16;
const MESSAGE_BYTES: usize = 16;
const ATTRIBUTE_BYTES: usize = 4;

/// One unix socket, as the kernel shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Socket {
    inode: u32,
    name: Vec<u8>,
    peer: Option<u32>,
    user: Option<u32>,
}

/// The socket of the pcscd that this process talks to.
pub(super) fn socket_path() -> PathBuf {
    env::var_os("PCSCLITE_CSOCK_NAME").map_or_else(|| PathBuf::from(DEFAULT_SOCKET), PathBuf::from)
}

/// The programs that may hold a card: all that are connected to pcscd, without this one.
///
/// This process alone is named when nobody else is connected: then it is in its own way. Empty when the
/// kernel does not tell.
pub(super) fn names() -> Vec<String> {
    let clients = clients(&socket_path());
    let own = process::id();
    let others: Vec<String> =
        clients.iter().filter(|client| client.process != Some(own)).map(Client::to_string).collect();
    if others.is_empty() { clients.iter().map(Client::to_string).collect() } else { others }
}

/// A process that is connected to pcscd.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Client {
    /// Name of the program; empty when it may not be looked into.
    pub(super) program: String,
    /// Number of the process, if that may be known.
    pub(super) process: Option<u32>,
    /// Number of the user, if the kernel tells.
    pub(super) user: Option<u32>,
}

/// Everybody that is connected to the socket, each process once.
pub(super) fn clients(socket: &Path) -> Vec<Client> {
    let Ok(sockets) = unix_sockets() else { return Vec::new() };
    let ends: BTreeMap<u32, Option<u32>> = clients_ends(&sockets, socket);
    let owners = owners(&ends.keys().copied().collect());
    let found: BTreeSet<Client> = ends
        .into_iter()
        .map(|(inode, user)| match owners.get(&inode) {
            Some((process, program)) => Client { program: program.clone(), process: Some(*process), user },
            None => Client { program: String::new(), process: None, user },
        })
        .collect();
    found.into_iter().take(HOLDERS_MAX).collect()
}

/// Inodes of the clients' ends of all connections to the socket, with the user of each.
fn clients_ends(sockets: &[Socket], path: &Path) -> BTreeMap<u32, Option<u32>> {
    let is_server = |socket: &Socket| {
        let name = socket.name.strip_suffix(b"\0").unwrap_or(&socket.name);
        name == path.as_os_str().as_bytes() || same_file(name, path)
    };
    let users: BTreeMap<u32, Option<u32>> =
        sockets.iter().map(|socket| (socket.inode, socket.user)).collect();
    sockets
        .iter()
        .filter(|socket| is_server(socket))
        .filter_map(|socket| socket.peer)
        .map(|peer| (peer, users.get(&peer).copied().flatten()))
        .collect()
}

/// `/var/run` is `/run` on most systems.
fn same_file(name: &[u8], path: &Path) -> bool {
    let name = Path::new(std::ffi::OsStr::from_bytes(name));
    name.file_name() == path.file_name()
        && name.is_absolute()
        && matches!((fs::canonicalize(name), fs::canonicalize(path)), (Ok(one), Ok(other)) if one == other)
}

/// Which process has which of these sockets open, as far as we may look.
fn owners(inodes: &BTreeSet<u32>) -> BTreeMap<u32, (u32, String)> {
    let mut owners = BTreeMap::new();
    if inodes.is_empty() {
        return owners;
    }
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(number) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        for descriptor in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let inode = target
                .to_str()
                .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u32>().ok());
            if let Some(inode) = inode
                && inodes.contains(&inode)
            {
                let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                owners.insert(inode, (number, program.trim_end().to_owned()));
            }
        }
    }
    owners
}

/// Every unix socket of this machine (of this network namespace).
fn unix_sockets() -> io::Result<Vec<Socket>> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    // The kernel answers at once or never.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(std::time::Duration::from_secs(1)))?;
    sendto(&socket, &request(), SendFlags::empty(), &netlink::SocketAddrNetlink::new(0, 0))?;
    let mut sockets = Vec::new();
    let mut datagram = vec![0; DATAGRAM_BYTES];
    for _ in 0..DATAGRAMS_MAX {
        let (received, _) = recv(&socket, &mut datagram[..], RecvFlags::empty())?;
        if received == 0 || !messages(&datagram[..received], &mut sockets)? {
            break;
        }
    }
    Ok(sockets)
}

/// Asks for all unix sockets in any state, with name, peer and user.
fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + 24);
    bytes.extend(40_u32.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([AF_UNIX, 0, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(UDIAG_SHOW_NAME_PEER_UID.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes
}

/// Reads the messages of one datagram. Gives whether more are to come.
fn messages(mut bytes: &[u8], sockets: &mut Vec<Socket>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        if length < HEADER_BYTES || length > bytes.len() {
            break;
        }
        match kind {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => return Err(io::ErrorKind::Unsupported.into()),
            SOCK_DIAG_BY_FAMILY => sockets.extend(socket(&bytes[HEADER_BYTES..length])),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

fn socket(message: &[u8]) -> Option<Socket> {
    let mut socket = Socket { inode: u32_at(message, 4)?, ..Socket::default() };
    let mut attributes = message.get(MESSAGE_BYTES..)?;
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let length = usize::from(length);
        if length < ATTRIBUTE_BYTES || length > attributes.len() {
            break;
        }
        let value = &attributes[ATTRIBUTE_BYTES..length];
        match kind {
            UNIX_DIAG_NAME => value.clone_into(&mut socket.name),
            UNIX_DIAG_PEER => socket.peer = u32_at(value, 0),
            UNIX_DIAG_UID => socket.user = u32_at(value, 0),
            _ => {}
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(socket)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.process, self.user) {
            (Some(process), _) => write!(f, "{} ({process})", self.program),
            (None, Some(user)) => write!(f, "uid {user}"),
            (None, None) => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn the_kernel_names_who_is_connected() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pcscd.comm");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(clients(&path), [], "nobody yet");
        let client = UnixStream::connect(&path).unwrap();
        let _server = listener.accept().unwrap();
        let clients = clients(&path);
        assert_eq!(clients.len(), 1);
        assert_eq!(clients[0].process, Some(process::id()));
        assert!(!clients[0].program.is_empty());
        assert!(clients[0].to_string().ends_with(&format!("({})", process::id())));
        drop(client);
    }

    #[test]
    fn broken_messages_are_no_sockets() {
        let mut sockets = Vec::new();
        for length in 0..40 {
            for fill in [0x00, 0x01, 0x14, 0xFF] {
                let _ = messages(&vec![fill; length], &mut sockets);
                let _ = socket(&vec![fill; length]);
            }
        }
        let mut message = 24_u32.to_ne_bytes().to_vec();
        message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        message.extend([0xFF; 18]);
        assert!(messages(&message, &mut sockets).unwrap());
        assert_eq!(sockets, []);
    }
}
