//! The line to the center: HTTP over mutual TLS, every step with a limit.
//!
//! Only our own authority is trusted, whatever the system trusts; proxies from the environment are not
//! used. An error says whether the request may have been carried out (`Lost`) or not (`Down`).

use std::{io, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::{
    account::{LoadAnswer, LoadRequest},
    feed::{PAGE_BYTES_MAX, PersonAnswer, PersonQuery, SignedPage},
    notice::Noted,
    pension::{PensionAnswer, PensionQuery},
    problem::{Problem, ProblemKind},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    rules::RULES_BYTES_MAX,
    service::{
        FailedAnswer, FailedQuery, HoldAnswer, HoldDues, Locked, LossReport, PersonalReply, PersonalRequest,
        PublicQuestion, PublicReply,
    },
    signature::Signed,
    upload::{Batch, BatchAnswer, ChainHead},
};
use rustls::{AlertDescription, CertificateError, crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Serialize, de::DeserializeOwned};
use terminal::ports::{CenterLink, LinkError};
use ureq::{
    Agent, Timeout,
    http::StatusCode,
    tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsConfigBuilder, TlsProvider},
};
use zeroize::Zeroizing;

/// Limit of name look-up, connection and TLS together.
const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// Limit of sending a request's body.
const SEND_TIMEOUT_MS: u64 = 60_000;

/// Limit of waiting for the answer's head.
const ANSWER_TIMEOUT_MS: u64 = 30_000;

/// The same for the small questions that a visit asks while the holder stands there; after it the center counts
/// as down, and the visit goes on without it.
const QUESTION_TIMEOUT_MS: u64 = 5_000;

/// Limit of reading the answer's body.
const BODY_TIMEOUT_MS: u64 = 60_000;

/// Most bytes of an answer: rules or a page, in base64 or hexadecimal, with room for the signature.
const ANSWER_BYTES_MAX: u64 =
    if RULES_BYTES_MAX > PAGE_BYTES_MAX { RULES_BYTES_MAX as u64 * 2 } else { PAGE_BYTES_MAX as u64 * 2 };

/// How to prove who we are.
pub struct ClientIdentity {
    /// Certificate chain, DER, our own first.
    pub chain: Vec<Vec<u8>>,
    /// Private key, PKCS #8 DER.
    pub key: Zeroizing<Vec<u8>>,
}

impl ClientIdentity {
    /// Whether key and certificate belong together; the TLS library takes that for granted.
    fn check(&self) -> Result<(), LinkError> {
        let chain = self.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.to_vec()));
        match CertifiedKey::from_der(chain, key, &provider()) {
            Ok(_) => Ok(()),
            Err(_) => Err(LinkError::NotAccepted),
        }
    }
}

/// The line to one center.
pub struct HttpsLink {
    agent: Agent,
    base: String,
}

impl HttpsLink {
    /// A line to `base` (`https://name:port`) that trusts these authorities (DER) alone; nothing is sent yet.
    ///
    /// All of them: while a center changes its authority, the old and the new one stand side by side.
    /// Without an identity only what needs no certificate works: enrolment.
    pub fn new(
        base: &str,
        authorities: &[Vec<u8>],
        identity: Option<&ClientIdentity>,
    ) -> Result<Self, LinkError> {
        let roots = authorities.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        let roots = RootCerts::Specific(Arc::new(roots));
        let client = match identity {
            None => None,
            Some(identity) => {
                identity.check()?;
                let chain: Vec<_> =
                    identity.chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
                let pem = Zeroizing::new(format!(
                    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                    Zeroizing::new(STANDARD.encode(&*identity.key)).as_str()
                ));
                let key = PrivateKey::from_pem(pem.as_bytes()).map_err(|_| LinkError::NotAccepted)?;
                Some(ClientCert::new_with_certs(&chain, key))
            }
        };
        Ok(Self::with_tls(base, tls().root_certs(roots).client_cert(client).build()))
    }

    fn with_tls(base: &str, tls: TlsConfig) -> Self {
        let ms = |ms| Some(Duration::from_millis(ms));
        let agent = Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("jinbao/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .timeout_resolve(ms(CONNECT_TIMEOUT_MS))
            .timeout_connect(ms(CONNECT_TIMEOUT_MS))
            .timeout_send_request(ms(SEND_TIMEOUT_MS))
            .timeout_send_body(ms(SEND_TIMEOUT_MS))
            .timeout_recv_response(ms(ANSWER_TIMEOUT_MS))
            .timeout_recv_body(ms(BODY_TIMEOUT_MS))
            .build()
            .new_agent();
        HttpsLink { agent, base: base.trim_end_matches('/').to_owned() }
    }

    /// Asks for something small that changes nothing, and does not wait for long.
    fn fetch_soon<A: DeserializeOwned>(&self, path: &str) -> Result<A, LinkError> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let soon = Some(Duration::from_millis(QUESTION_TIMEOUT_MS));
        let answer = request.config().timeout_recv_response(soon).build().call();
        parse(&take(answer)?.ok_or_else(no_content)?)
    }

    /// Asks for plain bytes, which changes nothing; `None` when the center has nothing (204 or 304).
    pub fn fetch_bytes(&self, path: &str) -> Result<Option<Vec<u8>>, LinkError> {
        take(self.agent.get(format!("{}{path}", self.base)).call())
    }

    fn newer(&self, path: &str) -> Result<Option<Signed>, LinkError> {
        self.fetch_bytes(path)?.map(|bytes| parse(&bytes)).transpose()
    }

    /// Sends a document and gives the answer.
    pub fn send<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A, LinkError> {
        self.send_within(ANSWER_TIMEOUT_MS, path, question)
    }

    fn send_within<Q: Serialize, A: DeserializeOwned>(
        &self,
        answer_timeout_ms: u64,
        path: &str,
        question: &Q,
    ) -> Result<A, LinkError> {
        let body =
            serde_json::to_vec(question).map_err(|error| LinkError::Answer { detail: error.to_string() })?;
        let sent = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .config()
            .timeout_recv_response(Some(Duration::from_millis(answer_timeout_ms)))
            .build()
            .send(&body[..]);
        parse(&take(sent)?.ok_or_else(no_content)?)
    }
}

impl CenterLink for HttpsLink {
    fn chain_head(&mut self) -> Result<ChainHead, LinkError> {
        self.fetch_soon("/v1/chain-head")
    }

    fn upload(&mut self, batch: &Batch) -> Result<BatchAnswer, LinkError> {
        // A training terminal is given no such line. Should it ever be, this is where it ends.
        if batch.terminal.is_training() {
            return Err(LinkError::Down { detail: "training".to_owned() });
        }
        self.send("/v1/records", batch)
    }

    fn feed(&mut self, epoch: u64, after: u64) -> Result<SignedPage, LinkError> {
        let bytes =
            self.fetch_bytes(&format!("/v1/feed?epoch={epoch}&after={after}"))?.ok_or_else(no_content)?;
        postcard::from_bytes(&bytes).map_err(|_| LinkError::Answer { detail: "no feed page".into() })
    }

    fn rules(&mut self, revision: u64) -> Result<Option<Signed>, LinkError> {
        self.newer(&format!("/v1/rules?revision={revision}"))
    }

    fn limits(&mut self, version: u64) -> Result<Option<Signed>, LinkError> {
        self.newer(&format!("/v1/limits?version={version}"))
    }

    fn policy(&mut self, version: u64) -> Result<Option<Signed>, LinkError> {
        self.newer(&format!("/v1/policy?version={version}"))
    }

    fn pension(&mut self, query: &PensionQuery) -> Result<PensionAnswer, LinkError> {
        self.send_within(QUESTION_TIMEOUT_MS, "/v1/pension", query)
    }

    fn person(&mut self, query: &PersonQuery) -> Result<PersonAnswer, LinkError> {
        self.send_within(QUESTION_TIMEOUT_MS, "/v1/person", query)
    }

    fn personal(&mut self, request: &PersonalRequest) -> Result<PersonalReply, LinkError> {
        self.send_within(QUESTION_TIMEOUT_MS, "/v1/service/personal", request)
    }

    fn hold_dues(&mut self, request: &HoldDues) -> Result<HoldAnswer, LinkError> {
        self.send("/v1/service/dues/hold", request)
    }

    fn failed_payments(&mut self, query: &FailedQuery) -> Result<FailedAnswer, LinkError> {
        self.send_within(QUESTION_TIMEOUT_MS, "/v1/service/failed-payments", query)
    }

    fn report_loss(&mut self, report: &LossReport) -> Result<Locked, LinkError> {
        self.send("/v1/service/loss", report)
    }

    fn public(&mut self, question: &PublicQuestion) -> Result<PublicReply, LinkError> {
        self.send_within(QUESTION_TIMEOUT_MS, "/v1/service/public", question)
    }

    fn public_documents(&mut self, epoch: u64, after: u64) -> Result<Signed, LinkError> {
        let path = format!("/v1/service/documents?epoch={epoch}&after={after}");
        parse(&self.fetch_bytes(&path)?.ok_or_else(no_content)?)
    }

    fn load(&mut self, request: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        self.send("/v1/load", request)
    }

    fn notice(&mut self, notice: &Signed) -> Result<Noted, LinkError> {
        self.send("/v1/notices", notice)
    }

    fn reconcile(&mut self, request: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        self.send("/v1/reconciliation", request)
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn tls() -> TlsConfigBuilder {
    TlsConfig::builder().provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider())
}

fn no_content() -> LinkError {
    LinkError::Answer { detail: "an answer without content".into() }
}

fn parse<A: DeserializeOwned>(bytes: &[u8]) -> Result<A, LinkError> {
    // The parser's message names places in the document, never what stands there.
    serde_json::from_slice(bytes).map_err(|error| LinkError::Answer {
        detail: format!("line {}, column {}: {:?}", error.line(), error.column(), error.classify()),
    })
}

/// The answer's bytes, or the center's problem.
fn take(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Option<Vec<u8>>, LinkError> {
    let mut answer = answer.map_err(link_error)?;
    let status = answer.status();
    let bytes = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(link_error)?;
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Ok(None),
        status if status.is_success() => Ok(Some(bytes)),
        status => Err(refusal(status, &bytes)),
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> LinkError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { kind: ProblemKind::NotAuthenticated, .. }) => LinkError::NotAccepted,
        Ok(problem) => LinkError::Refused(problem),
        Err(_) => LinkError::Answer { detail: format!("status {} without a reason", status.as_u16()) },
    }
}

/// Sorts a failure by what it means for the request.
fn link_error(error: ureq::Error) -> LinkError {
    match error {
        ureq::Error::HostNotFound => LinkError::Down { detail: "the center's name is not known".into() },
        ureq::Error::ConnectionFailed => LinkError::Down { detail: "no connection".into() },
        ureq::Error::Timeout(limit @ (Timeout::Resolve | Timeout::Connect)) => {
            LinkError::Down { detail: format!("no connection in time ({limit})") }
        }
        ureq::Error::Timeout(limit) => LinkError::Lost { detail: format!("no answer in time ({limit})") },
        ureq::Error::Rustls(error) => tls_error(&error),
        ureq::Error::Io(error) => io_error(&error),
        ureq::Error::BodyExceedsLimit(limit) => {
            LinkError::Answer { detail: format!("longer than {limit} bytes") }
        }
        ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => {
            LinkError::Down { detail: "the center's address is not one".into() }
        }
        ureq::Error::Protocol(_) => LinkError::Answer { detail: "not HTTP".into() },
        other => LinkError::Lost { detail: other.to_string() },
    }
}

pub(super) fn io_error(error: &io::Error) -> LinkError {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_error(tls);
    }
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>())
        && let ureq::Error::Timeout(limit) = inner
    {
        return LinkError::Lost { detail: format!("no answer in time ({limit})") };
    }
    // The standard library's own words: the kind of a name that cannot be looked up has no name.
    if error.raw_os_error().is_none() && error.to_string().starts_with("failed to lookup address") {
        return LinkError::Down { detail: "the center's name is not known".into() };
    }
    let detail = error.kind().to_string();
    match error.kind() {
        // Before a connection stands nothing can have gone out.
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => LinkError::Down { detail },
        _ => LinkError::Lost { detail },
    }
}

pub(super) fn tls_error(error: &rustls::Error) -> LinkError {
    match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => LinkError::ExpiredCertificate,
            _ => LinkError::WrongCertificate,
        },
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => LinkError::ExpiredCertificate,
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRevoked
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
        ) => LinkError::NotAccepted,
        rustls::Error::NoCertificatesPresented => LinkError::WrongCertificate,
        other => LinkError::Answer { detail: format!("not TLS as we speak it: {other}") },
    }
}

#[cfg(test)]
mod tests;
