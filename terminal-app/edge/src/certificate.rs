//! Certificates, keys and requests as files and bytes.

use std::path::Path;

use protocol::id::TerminalId;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::{data_dir, failure::EdgeError};

/// Most certificates in one file.
const CHAIN_MAX: usize = 8;

/// A new P-256 key and the request for its certificate.
pub struct NewKey {
    /// PKCS #8 DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// PKCS #10, PEM.
    pub request: String,
}

/// What a person wants to know of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Facts {
    /// Common name of the subject.
    pub subject: String,
    /// Common name of the issuer.
    pub issuer: String,
    /// First moment, Unix milliseconds.
    pub not_before_ms: i64,
    /// Last moment, Unix milliseconds.
    pub not_after_ms: i64,
    /// SHA-256 of the DER, 64 hexadecimal digits.
    pub fingerprint: String,
}

/// Makes a key and asks for a certificate in the name of the terminal.
pub fn new_key(terminal: TerminalId) -> Result<NewKey, EdgeError> {
    let failed = |error: rcgen::Error| EdgeError::Certificate { problem: error.to_string() };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, terminal.as_str());
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    let request = parameters.serialize_request(&key).and_then(|request| request.pem()).map_err(failed)?;
    Ok(NewKey { pkcs8: Zeroizing::new(key.serialize_der()), request })
}

/// The certificates of a PEM text, DER, in their order.
pub fn chain(pem: &[u8]) -> Result<Vec<Vec<u8>>, EdgeError> {
    let none = |problem: &str| EdgeError::Certificate { problem: problem.to_owned() };
    let chain = CertificateDer::pem_slice_iter(pem)
        .take(CHAIN_MAX)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| none("no PEM"))?;
    if chain.is_empty() { Err(none("no certificate in it")) } else { Ok(chain) }
}

/// [`chain`] of a file.
pub fn read_chain(path: &Path) -> Result<Vec<Vec<u8>>, EdgeError> {
    chain(&data_dir::read(path)?).map_err(|error| EdgeError::Content {
        path: path.to_owned(),
        problem: error.text(terminal::language::Language::English),
    })
}

/// Whether authorities (DER) may take the place of those trusted now: at least one of these is among them.
pub fn follows(trusted: &[Vec<u8>], named: &[Vec<u8>]) -> bool {
    named.iter().any(|authority| trusted.contains(authority))
}

/// Subject, issuer, validity and fingerprint.
pub fn facts(der: &[u8]) -> Result<Facts, EdgeError> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|_| EdgeError::Certificate { problem: "no X.509 certificate".to_owned() })?;
    let common_name = |name: &x509_parser::x509::X509Name<'_>| {
        name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned()
    };
    let validity = certificate.validity();
    Ok(Facts {
        subject: common_name(certificate.subject()),
        issuer: common_name(certificate.issuer()),
        not_before_ms: validity.not_before.timestamp().saturating_mul(1_000),
        not_after_ms: validity.not_after.timestamp().saturating_mul(1_000),
        fingerprint: fingerprint(der),
    })
}

/// SHA-256 of a certificate's DER, as `openssl x509 -fingerprint -sha256` shows it, without colons.
pub fn fingerprint(der: &[u8]) -> String {
    hex::encode_upper(digest(&SHA256, der))
}

/// The same fingerprint written with or without colons, in either case; `None` when it is none.
pub fn parse_fingerprint(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_uppercase();
    (digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(digits)
}

impl Facts {
    /// Whether two thirds of the validity are over: time to renew.
    pub fn is_due(&self, now_ms: i64) -> bool {
        let life = self.not_after_ms.saturating_sub(self.not_before_ms);
        now_ms >= self.not_before_ms.saturating_add(life / 3 * 2)
    }

    /// Whether it is valid at a moment.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        (self.not_before_ms..=self.not_after_ms).contains(&now_ms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_request_names_the_terminal_and_a_key_that_can_be_used() {
        let new = new_key("430100000001".parse().unwrap()).unwrap();
        assert!(new.request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
        let key = rustls_pki_types::PrivateKeyDer::Pkcs8(new.pkcs8.to_vec().into());
        assert!(rustls::crypto::ring::sign::any_supported_type(&key).is_ok());
    }

    #[test]
    fn authorities_overlap_when_they_change() {
        let (old, new, other) = (vec![1], vec![2], vec![3]);
        assert!(follows(std::slice::from_ref(&old), &[new.clone(), old.clone()]));
        assert!(follows(&[new.clone(), old.clone()], std::slice::from_ref(&new)));
        assert!(!follows(&[old], &[new, other]));
    }

    #[test]
    fn facts_of_a_certificate_and_its_fingerprint() {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut parameters = CertificateParams::new(vec!["center".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 4, 1);
        parameters.distinguished_name.push(DnType::CommonName, "城市中心");
        let pem = parameters.self_signed(&key).unwrap().pem();
        let chain = chain(pem.as_bytes()).unwrap();
        let facts = facts(&chain[0]).unwrap();
        assert_eq!(facts.subject, "城市中心");
        let day = 86_400_000;
        assert!(!facts.is_due(facts.not_before_ms + 59 * day));
        assert!(facts.is_due(facts.not_before_ms + 60 * day));
        assert!(facts.is_valid(facts.not_after_ms) && !facts.is_valid(facts.not_after_ms + 1));
        let spaced = facts
            .fingerprint
            .to_lowercase()
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into_owned())
            .collect::<Vec<_>>()
            .join(":");
        assert_eq!(parse_fingerprint(&spaced), Some(facts.fingerprint));
        assert_eq!(parse_fingerprint("AB"), None);
        assert!(super::chain(b"nothing").is_err());
    }
}
