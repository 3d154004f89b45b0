//! The center's own certificate authority.
//!
//! One authority signs the server's certificate and those of the terminals. Its file may hold several
//! certificates: the first is the one that signs, the others stay trusted. To replace an authority, put the
//! new certificate in front and leave the old one in until every terminal has renewed (terminals are given
//! the whole file); then take it out.

use protocol::{signature::Digest, timestamp::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{error::Error, outside::Outside};

const DAY_MS: i64 = 24 * 3_600_000;

/// How long an authority is good.
pub const AUTHORITY_VALIDITY_MS: i64 = 20 * 365 * DAY_MS;

/// How long a server's certificate is good.
pub const SERVER_VALIDITY_MS: i64 = 825 * DAY_MS;

/// Certificates begin this much before they are made, for clocks that are a little late.
pub const BACKDATED_MS: i64 = DAY_MS;

/// Longest certificate request.
pub const CSR_BYTES_MAX: usize = 8 << 10;

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A new certificate.
#[derive(Clone, Debug)]
pub struct Issued {
    /// As PEM.
    pub pem: String,
    /// As DER.
    pub der: CertificateDer<'static>,
    /// Good from then on.
    pub from: Timestamp,
    /// Not good from then on.
    pub until: Timestamp,
}

/// Why a certificate request cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrError {
    /// Not a PKCS #10 request in PEM that is signed by its own key, or with extensions that no terminal needs.
    Form,
    /// The key is not on P-256.
    Key,
}

impl Authority {
    /// Makes a new authority: its certificate and its key, both PEM.
    pub fn create(name: &str, outside: &Outside) -> Result<(String, String), Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unmade)?;
        // A name of its own: a certificate with the same subject and issuer counts as signed by itself.
        let mut params = params(&format!("{name} CA"), outside, AUTHORITY_VALIDITY_MS)?.0;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(unmade)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Opens an authority from its certificates and its key.
    pub fn open(pem: &str, key_pem: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key_pem).map_err(|_| Error::key("the authority's key cannot be read"))?;
        let issuer = Issuer::from_ca_cert_pem(pem, key)
            .map_err(|_| Error::key("the authority's certificate cannot be read"))?;
        let authority = Authority { issuer, pem: pem.to_owned() };
        authority.roots()?;
        Ok(authority)
    }

    /// All certificates that are trusted, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the first certificate, in capitals: what an installer compares before a code is sent.
    pub fn fingerprint(&self) -> String {
        let first = CertificateDer::from_pem_slice(self.pem.as_bytes());
        first.map_or_else(|_| String::new(), |der| hex::encode_upper(Digest::of(&der).0))
    }

    /// The same as a store for TLS.
    pub fn roots(&self) -> Result<rustls::RootCertStore, Error> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.pem.as_bytes()) {
            let certificate = certificate.map_err(|_| Error::key("authority.pem cannot be read"))?;
            roots.add(certificate).map_err(|_| Error::key("authority.pem holds what is no authority"))?;
        }
        if roots.is_empty() {
            return Err(Error::key("authority.pem holds no certificate"));
        }
        Ok(roots)
    }

    /// Issues a server certificate for these names. Returns it with its new key, PEM.
    pub fn issue_server(
        &self,
        name: &str,
        server_names: &[String],
        outside: &Outside,
    ) -> Result<(Issued, String), Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unmade)?;
        let common_name = server_names.first().map_or("", String::as_str);
        let (mut params, from, until) = params(common_name, outside, SERVER_VALIDITY_MS)?;
        params.distinguished_name.push(DnType::OrganizationName, name);
        params.subject_alt_names = CertificateParams::new(server_names.to_vec())
            .map_err(|_| Error::Configuration { detail: "a server name is no name".into() })?
            .subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(unmade)?;
        let issued = Issued { pem: certificate.pem(), der: certificate.der().clone(), from, until };
        Ok((issued, key.serialize_pem()))
    }

    /// Issues a client certificate for the key of a request.
    ///
    /// Nothing of the request but its key is used: the subject is `subject`, the use is that of a client.
    pub fn issue_client(
        &self,
        request: ClientKey,
        subject: &str,
        organization: &str,
        validity_ms: i64,
        outside: &Outside,
    ) -> Result<Issued, Error> {
        let (mut params, from, until) = params(subject, outside, validity_ms)?;
        if !organization.is_empty() {
            params.distinguished_name.push(DnType::OrganizationName, organization);
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let request = CertificateSigningRequestParams { params, public_key: request.0 };
        let certificate = request.signed_by(&self.issuer).map_err(unmade)?;
        Ok(Issued { pem: certificate.pem(), der: certificate.der().clone(), from, until })
    }
}

/// The key of a certificate request, proved to be in the hand of the one who asks.
#[derive(Clone, Debug)]
pub struct ClientKey(rcgen::PublicKey);

impl ClientKey {
    /// Reads a request and checks its signature.
    pub fn from_csr(pem: &str) -> Result<Self, CsrError> {
        if pem.len() > CSR_BYTES_MAX {
            return Err(CsrError::Form);
        }
        let request = CertificateSigningRequestParams::from_pem(pem).map_err(|_| CsrError::Form)?;
        if *request.public_key.algorithm() != PKCS_ECDSA_P256_SHA256 {
            return Err(CsrError::Key);
        }
        Ok(ClientKey(request.public_key))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

fn params(
    common_name: &str,
    outside: &Outside,
    validity_ms: i64,
) -> Result<(CertificateParams, Timestamp, Timestamp), Error> {
    let now = outside.now();
    // Certificates count whole seconds.
    let whole = |time: Timestamp| Timestamp(time.0.div_euclid(1_000) * 1_000);
    let (from, until) = (whole(now.plus_ms(-BACKDATED_MS)), whole(now.plus_ms(validity_ms)));
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = from.civil();
    params.not_after = until.civil();
    // Positive and without a leading zero byte. Source: RFC 5280 §4.1.2.2.
    let mut serial: [u8; 16] = outside.bytes()?;
    serial[0] = serial[0] & 0x7F | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok((params, from, until))
}

fn unmade(error: rcgen::Error) -> Error {
    Error::key(format!("a certificate cannot be made: {error}"))
}
