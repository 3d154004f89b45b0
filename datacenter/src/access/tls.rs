//! TLS of both ports: rustls with ring, and our own clock.

use std::{sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    time_provider::TimeProvider,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};

use super::authority::Authority;
use crate::{error::Error, outside::Outside};

/// The center's clock as rustls asks for it, so that certificates run out by it.
#[derive(Debug)]
struct CenterTime(Outside);

impl TimeProvider for CenterTime {
    fn current_time(&self) -> Option<UnixTime> {
        let ms = u64::try_from(self.0.now().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The server's certificate chain and key.
pub(crate) struct ServerIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ServerIdentity {
    pub(crate) fn from_pem(chain: &str, key: &str) -> Result<Self, Error> {
        let unreadable = |_| Error::key("the server's certificate or key cannot be read");
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unreadable)?;
        Ok(ServerIdentity { chain, key })
    }
}

/// The enrolment port: any client.
pub(crate) fn for_strangers(server: &ServerIdentity, outside: &Outside) -> Result<Arc<ServerConfig>, Error> {
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(CenterTime(outside.clone())))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth();
    finish(builder.with_single_cert(server.chain.clone(), server.key.clone_key()))
}

/// The terminals' port: a client certificate from our authority, in its time, is required.
pub(crate) fn for_terminals(
    server: &ServerIdentity,
    authority: &Authority,
    outside: &Outside,
) -> Result<Arc<ServerConfig>, Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()?), provider())
        .build()
        .map_err(|error| Error::key(format!("client certificates cannot be verified: {error}")))?;
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(CenterTime(outside.clone())))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier);
    finish(builder.with_single_cert(server.chain.clone(), server.key.clone_key()))
}

fn finish(config: Result<ServerConfig, rustls::Error>) -> Result<Arc<ServerConfig>, Error> {
    let mut config = config.map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would keep a certificate alive beyond its time: every connection proves itself anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn unusable(error: rustls::Error) -> Error {
    Error::key(format!("TLS cannot be set up: {error}"))
}
