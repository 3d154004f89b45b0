//! The first connection to a center: nothing is known of it but the fingerprint of its authority.
//!
//! The installer gets the fingerprint from the center's staff, on paper. The center shows its authority's
//! certificate in the TLS handshake; it is taken only when its SHA-256 is that fingerprint, and only
//! when the certificate of the server checks out under it. Nothing is sent before that.

use std::{
    io::{self, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use terminal::ports::LinkError;

use super::{
    center_link::{io_error, provider, tls_error},
    certificate::fingerprint,
};
use crate::failure::EdgeError;

/// Limit of connection and handshake, each.
const CONTACT_TIMEOUT_MS: u64 = 5_000;

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

/// Connects to `https://name:port` and gives the certificate (DER) with this fingerprint (64 digits).
pub fn authority(base: &str, expected: &str) -> Result<Vec<u8>, ContactError> {
    meet(base, Some(expected))
}

/// Connects to `https://name:port` and gives the authority's certificate (DER) that is shown, for a person to compare.
///
/// The server's own certificate checks out under it. Nothing is sent, and nothing is trusted by this.
pub fn shown(base: &str) -> Result<Vec<u8>, ContactError> {
    meet(base, None)
}

fn meet(base: &str, expected: Option<&str>) -> Result<Vec<u8>, ContactError> {
    let (host, port) = host_and_port(base).ok_or(ContactError::Address)?;
    let name = ServerName::try_from(host.clone()).map_err(|_| ContactError::Address)?;
    let pinned = Arc::new(Pinned {
        expected: expected.map(str::to_owned),
        provider: provider(),
        found: Mutex::default(),
        shown: Mutex::default(),
    });
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ContactError::Link(tls_error(&error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&pinned) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let shaken = handshake(config, name, &host, port);
    if let Some(found) = pinned.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
        shaken.map_err(ContactError::Link)?;
        return Ok(found);
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
) -> Result<(), LinkError> {
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
        let done = connection.complete_io(&mut stream).map(|_| ()).map_err(|error| io_error(&error));
        connection.send_close_notify();
        let _ = connection.write_tls(&mut stream);
        let _ = stream.flush();
        return done;
    }
    Err(last)
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
        let checked =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
                .build()
                .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
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
