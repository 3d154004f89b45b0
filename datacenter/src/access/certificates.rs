//! What a client certificate says.

use protocol::{id::TerminalId, signature::Digest};

/// The other end of a connection, as TLS has proved it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The certificate, when there is one: it is from our authority and in its time.
    pub certificate: Option<PeerCertificate>,
}

/// A client certificate that TLS has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of its DER.
    pub fingerprint: Digest,
    /// The terminal that its subject names, if it names one.
    pub terminal: Option<TerminalId>,
}

impl PeerCertificate {
    /// Reads a certificate (DER).
    pub fn read(der: &[u8]) -> Self {
        PeerCertificate { fingerprint: Digest::of(der), terminal: subject(der) }
    }
}

fn subject(der: &[u8]) -> Option<TerminalId> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    // Two common names would leave open which one counts.
    if names.next().is_some() { None } else { name.parse().ok() }
}
