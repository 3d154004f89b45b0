//! The first connection to a center: nothing is known of it but the fingerprint of its authority.
//!
//! The installer gets the fingerprint from the center's staff, on paper. The center shows its authority's
//! certificate in the TLS handshake; it is taken only when its SHA-256 is that fingerprint, and only
//! when the certificate of the server checks out under it. Nothing is sent before that.
//!
//! Over the same connection the center is asked what time it is. Certificates hold from a day to a day, so a machine whose
//! clock is wrong may find the right ones out of date: then, and only to be able to say by how much the clock is wrong,
//! they are checked for a moment at which they do hold, and the time is all that is asked for.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hal::clock::SystemClock;
use protocol::timestamp::Timestamp;

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Deserialize;
use terminal::{
    clock::{self, Now},
    ports::LinkError,
    setup::clock_skew_max_ms,
};

use super::{
    center_link::{io_error, provider, tls_error},
    certificate::{self, fingerprint},
};
use crate::failure::EdgeError;

/// Limit of connection and handshake, each.
const CONTACT_TIMEOUT_MS: u64 = 5_000;

/// Most bytes of the answer about the time, head included.
const ANSWER_BYTES_MAX: usize = 16 * 1_024;

/// A center that was met.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Its authority's certificate, DER.
    pub authority: Vec<u8>,
    /// How far its clock is ahead of this machine's; `None` when it did not say. As little to be trusted as the authority.
    pub offset_ms: Option<i64>,
}

impl Contact {
    /// How far the center's clock is ahead, when that is too much.
    pub fn clock_off_ms(&self) -> Option<i64> {
        self.offset_ms.filter(|offset_ms| offset_ms.saturating_abs() > clock_skew_max_ms())
    }
}

/// Why there was no first contact.
#[derive(Debug)]
pub enum ContactError {
    /// The address is none.
    Address,
    /// The line, or the server's certificate.
    Link(LinkError),
    /// The center's authority is another.
    Authority(EdgeError),
}

/// Connects to `https://name:port`, whose authority must have this fingerprint (64 digits).
pub fn expected(base: &str, expected: &str) -> Result<Contact, ContactError> {
    meet(base, Some(expected))
}

/// Connects to `https://name:port` and gives the authority that is shown, for a person to compare.
///
/// The server's own certificate checks out under it. Nothing but the time is asked, and nothing is trusted by this.
pub fn shown(base: &str) -> Result<Contact, ContactError> {
    meet(base, None)
}

fn meet(base: &str, expected: Option<&str>) -> Result<Contact, ContactError> {
    let (host, port) = host_and_port(base).ok_or(ContactError::Address)?;
    let name = ServerName::try_from(host.clone()).map_err(|_| ContactError::Address)?;
    let pinned = Arc::new(Pinned {
        expected: expected.map(str::to_owned),
        provider: provider(),
        found: Mutex::default(),
        shown: Mutex::default(),
        out_of_date: Mutex::default(),
    });
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ContactError::Link(tls_error(&error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&pinned) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let shaken = handshake(config, name, &host, port);
    if let Some(found) = pinned.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let contact = Contact { authority: found, offset_ms: shaken.map_err(ContactError::Link)? };
        let out_of_date = *pinned.out_of_date.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock is right, so the certificate is what has run out.
        return match out_of_date && contact.clock_off_ms().is_none() {
            true => Err(ContactError::Link(LinkError::ExpiredCertificate)),
            false => Ok(contact),
        };
    }
    let shown = pinned.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (shown, expected) {
        (Some(got), Some(expected)) => {
            Err(ContactError::Authority(EdgeError::Fingerprint { expected: expected.to_owned(), got }))
        }
        _ => Err(ContactError::Link(
            shaken.err().unwrap_or(LinkError::Answer { detail: "no certificate was shown".into() }),
        )),
    }
}

fn handshake(
    config: ClientConfig,
    name: ServerName<'static>,
    host: &str,
    port: u16,
) -> Result<Option<i64>, LinkError> {
    let limit = Duration::from_millis(CONTACT_TIMEOUT_MS);
    let down = |error: &io::Error| LinkError::Down { detail: error.kind().to_string() };
    let addresses = (host, port).to_socket_addrs().map_err(|error| down(&error))?;
    let mut last = LinkError::Down { detail: "the center's name is not known".into() };
    for address in addresses {
        let mut stream = match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => stream,
            Err(error) => {
                last = down(&error);
                continue;
            }
        };
        let timeouts = stream.set_read_timeout(Some(limit)).and(stream.set_write_timeout(Some(limit)));
        timeouts.map_err(|error| io_error(&error))?;
        let mut connection =
            ClientConnection::new(Arc::new(config), name).map_err(|error| tls_error(&error))?;
        let done = connection.complete_io(&mut stream).map_err(|error| io_error(&error));
        let done = done.map(|_| offset_ms(&mut connection, &mut stream, host));
        connection.send_close_notify();
        let _ = connection.write_tls(&mut stream);
        let _ = stream.flush();
        return done;
    }
    Err(last)
}

/// How far the center's clock is ahead; `None` when it does not say.
fn offset_ms(connection: &mut ClientConnection, stream: &mut TcpStream, host: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Health {
        now: Timestamp,
    }

    let end = Instant::now() + Duration::from_millis(CONTACT_TIMEOUT_MS);
    let clock = SystemClock::start();
    let sent = Now::of(&clock);
    let mut line = rustls::Stream::new(connection, stream);
    let question = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    line.write_all(question.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut piece = [0; 2_048];
    while answer.len() < ANSWER_BYTES_MAX && Instant::now() < end {
        let read = line.read(&mut piece).ok().filter(|read| *read > 0)?;
        answer.extend_from_slice(piece.get(..read)?);
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let body = answer.get(head + 4..)?;
        if let Ok(health) = serde_json::from_slice::<Health>(body) {
            let is_good = answer.starts_with(b"HTTP/1.1 200");
            return is_good.then(|| clock::offset_ms(health.now, sent, Now::of(&clock)));
        }
    }
    None
}

/// Host and port of `https://host:port`; 443 where no port is given.
pub fn host_and_port(base: &str) -> Option<(String, u16)> {
    let rest = base.strip_prefix("https://")?.trim_end_matches('/');
    let (host, port) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => rest.rsplit_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(443), |port| port.parse().ok())?;
    let good = !host.is_empty() && !host.contains(['/', '?', '#', '@']);
    good.then(|| (host.to_owned(), port))
}

/// Accepts a server whose chain ends in the certificate with the expected fingerprint.
#[derive(Debug)]
struct Pinned {
    /// `None` takes whatever stands at the end of the chain.
    expected: Option<String>,
    provider: Arc<CryptoProvider>,
    found: Mutex<Option<Vec<u8>>>,
    shown: Mutex<Option<String>>,
    /// The chain holds at another time than this machine's.
    out_of_date: Mutex<bool>,
}

/// A moment at which these certificates hold, if there is one.
fn when_all_hold(end_entity: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<UnixTime> {
    let mut latest_ms = i64::MIN;
    for der in std::iter::once(end_entity).chain(others) {
        latest_ms = latest_ms.max(certificate::facts(der).ok()?.not_before_ms);
    }
    let since = u64::try_from(latest_ms).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_millis(since) + Duration::from_secs(1)))
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = match &self.expected {
            Some(expected) => intermediates.iter().find(|certificate| fingerprint(certificate) == *expected),
            None => intermediates.last(),
        };
        let Some(authority) = authority else {
            let last = intermediates.last().unwrap_or(end_entity);
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint(last));
            return Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
                .build()
                .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let check =
            |now| verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let mut checked = check(now);
        if let (Err(error), Some(then)) = (&checked, when_all_hold(end_entity, intermediates))
            && tls_error(error) == LinkError::ExpiredCertificate
        {
            checked = check(then);
            *self.out_of_date.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(authority.to_vec());
        checked
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn addresses() {
        assert_eq!(host_and_port("https://center.example:8443"), Some(("center.example".into(), 8443)));
        assert_eq!(host_and_port("https://center.example/"), Some(("center.example".into(), 443)));
        assert_eq!(host_and_port("https://[::1]:8443"), Some(("::1".into(), 8443)));
        for bad in [
            "http://center.example",
            "center.example",
            "https://",
            "https://a:b",
            "https://a/b:1",
            "https://:1",
        ] {
            assert_eq!(host_and_port(bad), None, "{bad}");
        }
    }
}
