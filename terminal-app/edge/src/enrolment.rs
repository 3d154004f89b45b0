//! A terminal becomes known to its center, and keeps its certificate fresh.

use card_spec::region::RegionCode;
use protocol::{
    enrolment::{Enrolment, EnrolmentRequest, PURPOSE, RenewalRequest},
    id::TerminalId,
    signature::{PublicKey, Signature},
};
use serde::Serialize;
use terminal::{error::Error, keys::TerminalKeys, setup::SetupError};

use crate::{
    center_link::HttpsLink,
    certificate::{self, Facts},
    config::{Center, Config, Place, Readers},
    data_dir::{self, DataDir},
    failure::{EdgeError, Failure},
    files::forget_head,
    first_contact::{self, ContactError},
    lock::{LOCK_TIMEOUT_MS, Lock},
    machine_secret::{self, MachineSecret},
    random::SystemChance,
    terminal::{Cabinet, Terminal, link_failure},
};

/// Which terminal is enrolled, and where.
#[derive(Clone, Debug)]
pub struct Order {
    /// Terminal number, as in its PSAM.
    pub terminal: TerminalId,
    /// Address for enrolled terminals.
    pub center: String,
    /// Address for enrolment.
    pub enrolment: String,
    /// The center's authority, DER; it was compared before.
    pub authority: Vec<u8>,
    /// Readers to be remembered.
    pub readers: Readers,
}

/// What the center said.
#[derive(Clone, Debug, Serialize)]
pub struct Enrolled {
    /// Terminal number.
    pub terminal: TerminalId,
    /// City.
    pub city: RegionCode,
    /// Code of the institution.
    pub institution_code: String,
    /// Its name.
    pub institution_name: String,
    /// Hospital level, 0 to 3.
    pub level: u8,
    /// The key that signs this terminal's records.
    pub identity: PublicKey,
    /// Fingerprint of the center's authority.
    pub authority_fingerprint: String,
    /// The certificate.
    pub certificate: Facts,
}

/// The center's authority (DER) when it has this fingerprint (64 digits), and this machine's clock agrees with the
/// center's; nothing is sent before that is known.
///
/// Errors: `Argument` for no address, the line, `Fingerprint`, `Setup` (`ClockOff`).
pub fn authority(enrolment: &str, fingerprint: &str) -> Result<Vec<u8>, Failure> {
    let contact = first_contact::expected(enrolment, fingerprint).map_err(contact_failure)?;
    match contact.clock_off_ms() {
        Some(offset_ms) => Err(SetupError::ClockOff { offset_ms }.into()),
        None => Ok(contact.authority),
    }
}

/// A first contact that failed as a failure of the work.
pub fn contact_failure(error: ContactError) -> Failure {
    match error {
        ContactError::Address => EdgeError::Argument {
            expected: "an address like https://center.example:8443",
            expected_chinese: "形如 https://center.example:8443 的地址",
        }
        .into(),
        ContactError::Link(error) => link_failure(error).into(),
        ContactError::Authority(error) => error.into(),
    }
}

/// Enrols a terminal and lays out its books.
///
/// `code` is the one-time code; it is sent and never kept. Doing it again with the same code goes on where it was
/// broken off: the identity key of the first attempt stays.
/// Errors: `InUse`, the center's refusal, `Fingerprint` when the center names another authority than was compared.
pub fn enrol(data: &DataDir, order: &Order, code: &str) -> Result<Enrolled, Failure> {
    if data.is_training() || order.terminal.is_training() {
        return Err(EdgeError::Training.into());
    }
    data.prepare()?;
    let lock = Lock::take(&data.lock(), LOCK_TIMEOUT_MS)?;
    let (keys, secret) = keys(data, order.terminal)?;
    let new = certificate::new_key(order.terminal)?;
    let identity = keys.identity().map_err(Error::from)?;
    let request = EnrolmentRequest {
        terminal: order.terminal,
        code: code.trim().to_owned(),
        identity: identity.public(),
        signature: identity.sign(PURPOSE, new.request.as_bytes()),
        csr: new.request,
    };
    let link = HttpsLink::new(&order.enrolment, std::slice::from_ref(&order.authority), None)
        .map_err(link_failure)?;
    let enrolment: Enrolment = link.send("/v1/enrolment", &request).map_err(link_failure)?;
    let authority_fingerprint = certificate::fingerprint(&order.authority);
    let named = certificate::chain(enrolment.authority.as_bytes())?;
    if !named.contains(&order.authority) {
        let got = certificate::fingerprint(&named[0]);
        return Err(EdgeError::Fingerprint { expected: authority_fingerprint, got }.into());
    }
    let keys = keys.with_tls_key(new.pkcs8);
    let seal = keys.seal(&*secret, order.terminal, &mut SystemChance::default()).map_err(Error::from)?;
    // The settings come last: with them in place everything else is.
    data_dir::write_atomic(&data.keys(), &seal)?;
    data_dir::write_atomic(&data.certificate(), enrolment.certificate.as_bytes())?;
    data_dir::write_atomic(&data.authority(), enrolment.authority.as_bytes())?;
    config(order, &enrolment).write(data)?;
    drop(lock);
    // Makes ledger and cache, so that a wrong disk shows now and not at the first patient.
    Terminal::open(data.clone())?;
    known(data)
}

/// What is known of an enrolment that is done, from the terminal's own files.
///
/// Errors: `NotEnrolled`, those of files and certificates.
pub fn known(data: &DataDir) -> Result<Enrolled, Failure> {
    let cabinet = Cabinet::open(data.clone())?;
    let Config { terminal, place, .. } = &cabinet.config;
    let chain = certificate::read_chain(&data.certificate())?;
    let authority = certificate::read_chain(&data.authority())?;
    Ok(Enrolled {
        terminal: *terminal,
        city: place.city,
        institution_code: place.institution_code.clone(),
        institution_name: place.institution_name.clone(),
        level: place.level,
        identity: cabinet.identity()?.public(),
        authority_fingerprint: certificate::fingerprint(&authority[0]),
        certificate: certificate::facts(&chain[0])?,
    })
}

/// The keys of an earlier attempt, or new ones: the identity key must outlive a broken enrolment.
fn keys(data: &DataDir, terminal: TerminalId) -> Result<(TerminalKeys, MachineSecret), Failure> {
    let mut random = SystemChance::default();
    let secret = match machine_secret::read(&data.machine_secret())? {
        Some(secret) => secret,
        None => machine_secret::create(&data.machine_secret())?,
    };
    if data.keys().exists() {
        let sealed = data_dir::read(&data.keys())?;
        let keys = TerminalKeys::open(&sealed, &*secret, terminal).map_err(Error::from)?;
        return Ok((keys, secret));
    }
    // Without keys there is no ledger that a mark left here could belong to.
    forget_head(&data.head())?;
    let keys = TerminalKeys::generate(&mut random);
    let sealed = keys.seal(&*secret, terminal, &mut random).map_err(Error::from)?;
    data_dir::write_atomic(&data.keys(), &sealed)?;
    Ok((keys, secret))
}

fn config(order: &Order, enrolment: &Enrolment) -> Config {
    let center =
        Center { address: order.center.clone(), enrolment: order.enrolment.clone(), key: enrolment.center };
    let place = Place {
        city: enrolment.city,
        institution_code: enrolment.institution_code.clone(),
        institution_name: enrolment.institution_name.clone(),
        level: enrolment.level,
    };
    let mut config = Config::new(order.terminal, center, place);
    config.readers = order.readers.clone();
    config
}

/// Asks for a new certificate under the identity key; works after the old one has run out.
///
/// What the center names as its authorities is trusted from then on, when one that is trusted now is among
/// them.
pub fn renew(cabinet: &mut Cabinet) -> Result<Facts, Failure> {
    let authority = certificate::read_chain(&cabinet.data.authority())?;
    let new = certificate::new_key(cabinet.config.terminal)?;
    let identity = cabinet.identity()?;
    let signature: Signature = identity.sign(PURPOSE, new.request.as_bytes());
    let request = RenewalRequest { terminal: cabinet.config.terminal, csr: new.request, signature };
    let link = HttpsLink::new(&cabinet.config.center.enrolment, &authority, None).map_err(link_failure)?;
    let enrolment: Enrolment = link.send("/v1/renewal", &request).map_err(link_failure)?;
    let chain = certificate::chain(enrolment.certificate.as_bytes())?;
    let facts = certificate::facts(&chain[0])?;
    // The new authority stands beside the old one long before the center's own certificate is issued by it.
    if certificate::follows(&authority, &certificate::chain(enrolment.authority.as_bytes())?) {
        data_dir::write_atomic(&cabinet.data.authority(), enrolment.authority.as_bytes())?;
    }
    // Key first: a certificate without its key is worth nothing, a key without certificate is renewed again.
    let keys = cabinet.keys.clone().with_tls_key(new.pkcs8);
    cabinet.store_keys(keys)?;
    data_dir::write_atomic(&cabinet.data.certificate(), enrolment.certificate.as_bytes())?;
    Ok(facts)
}
