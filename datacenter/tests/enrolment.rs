//! Enrolment, renewal and certificates, over the network.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use datacenter::{access::authority::Authority, configuration::Configuration};
use protocol::{
    enrolment::{Enrolment, PURPOSE},
    problem::ProblemKind,
    signature::{PublicKey, Signature},
    upload::ChainHead,
};
use rig::{Client, DAY_MS, Rig, Terminal, institution};

fn stranger(rig: &Rig, running: &datacenter::center::Running) -> Client {
    Client::new(rig.center.access.authority_pem(), running.enrolment.port(), None)
}

#[test]
fn a_terminal_enrols_and_works() {
    let rig = Rig::new(1);
    let running = rig.start();
    let mut terminal = Terminal::new(1, &rig.dice);
    let code = rig.code(terminal.id);
    let client = stranger(&rig, &running);
    let typed = code.to_lowercase().replace('-', " ");
    let enrolment: Enrolment =
        client.post("/v1/enrolment", &terminal.enrolment_request(&typed)).unwrap().json();
    assert_eq!(enrolment.authority, rig.center.access.authority_pem());
    assert_eq!(enrolment.center, rig.center.production.public_key());
    assert_eq!((enrolment.city, enrolment.level), (rig::city(), 3));
    assert_eq!(enrolment.institution_name, institution().name);
    terminal.enrolment = Some(enrolment);
    let head: ChainHead = terminal.client(&running).get("/v1/chain-head").unwrap().json();
    assert_eq!((head.sequence, head.now), (0, rig::now()));
    let audit = rig.center.production.storage().audit(10).unwrap();
    assert_eq!(audit[0].action, "enrol");
    running.stop();
}

#[test]
fn codes_are_good_once_for_one_terminal_and_not_for_ever() {
    let rig = Rig::with(2, |configuration| configuration.code_validity_ms = 3_600_000);
    let running = rig.start();
    let client = stranger(&rig, &running);
    let enrol = |terminal: &Terminal, code: &str| {
        client.post("/v1/enrolment", &terminal.enrolment_request(code)).unwrap()
    };
    let (one, other) = (Terminal::new(1, &rig.dice), Terminal::new(2, &rig.dice));
    let code = rig.code(one.id);
    assert_eq!(enrol(&one, "0000-0000-0000-0000").problem(), ProblemKind::Code);
    assert_eq!(enrol(&one, "码").problem(), ProblemKind::Code);
    assert_eq!(enrol(&one, "").problem(), ProblemKind::Code);
    assert_eq!(enrol(&other, &code).problem(), ProblemKind::Code);
    assert_eq!(enrol(&one, &code).status, 200);
    // The answer was lost: the same terminal asks again. Another identity with the same code does not get in.
    assert_eq!(enrol(&one, &code).status, 200);
    let thief = Terminal::new(1, &rig.dice);
    assert_eq!(enrol(&thief, &code).problem(), ProblemKind::Code);
    // Out of date, to the millisecond; also for the one who used it in time.
    let late = Terminal::new(3, &rig.dice);
    let late_code = rig.code(late.id);
    rig.clock.advance_ms(3_599_999);
    assert_eq!(enrol(&late, &late_code).status, 200);
    rig.clock.advance_ms(1);
    assert_eq!(enrol(&late, &late_code).problem(), ProblemKind::Code);
    assert_eq!(enrol(&one, &code).problem(), ProblemKind::Code);
    running.stop();
}

#[test]
fn both_keys_have_to_be_in_one_hand() {
    let rig = Rig::new(3);
    let running = rig.start();
    let client = stranger(&rig, &running);
    let (terminal, other) = (Terminal::new(1, &rig.dice), Terminal::new(2, &rig.dice));
    let code = rig.code(terminal.id);
    let good = terminal.enrolment_request(&code);
    let post = |request: &protocol::enrolment::EnrolmentRequest| {
        client.post("/v1/enrolment", request).unwrap().problem()
    };
    let mut request = good.clone();
    request.identity = PublicKey::of(&other.identity);
    assert_eq!(post(&request), ProblemKind::Signature);
    request = good.clone();
    request.csr = other.csr();
    assert_eq!(post(&request), ProblemKind::Signature);
    let mut signed = |csr: String| {
        request = good.clone();
        request.signature = Signature::sign(&terminal.identity, PURPOSE, csr.as_bytes());
        request.csr = csr;
        post(&request)
    };
    // Not a request at all; one whose own signature is wrong; one of another kind of key.
    assert_eq!(signed("-----BEGIN CERTIFICATE REQUEST-----".into()), ProblemKind::Malformed);
    let mut lines: Vec<&str> = good.csr.lines().collect();
    let last = lines.len() - 2;
    let broken = lines[last].replace(|c: char| c.is_ascii_lowercase(), "A");
    lines[last] = &broken;
    assert_eq!(signed(lines.join("\n")), ProblemKind::Malformed);
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&ed25519).unwrap().pem().unwrap();
    assert_eq!(signed(csr), ProblemKind::Malformed);
    assert_eq!(signed(good.csr.repeat(40)), ProblemKind::Malformed);
    // None of it used the code up.
    assert_eq!(client.post("/v1/enrolment", &good).unwrap().status, 200);
    running.stop();
}

#[test]
fn the_certificate_says_what_the_center_says_and_not_what_the_request_says() {
    let rig = Rig::new(4);
    let terminal = Terminal::new(1, &rig.dice);
    let mut params = rcgen::CertificateParams::new(vec!["center.example".into()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "430199999999");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let csr = params.serialize_request(&terminal.tls).unwrap().pem().unwrap();
    let mut request = terminal.enrolment_request(&rig.code(terminal.id));
    request.signature = Signature::sign(&terminal.identity, PURPOSE, csr.as_bytes());
    request.csr = csr;
    let enrolment = rig.center.access.enrol(&request).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(enrolment.certificate.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let names: Vec<_> = certificate.subject().iter_common_name().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, [terminal.id.as_str()]);
    assert!(!certificate.is_ca());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    let days = (certificate.validity().not_after.timestamp() * 1_000 - rig::now().0) / DAY_MS;
    assert_eq!(days, 398);
}

#[test]
fn renewal_is_open_to_whom_the_certificate_has_run_out() {
    let rig = Rig::with(5, |configuration| configuration.certificate_validity_ms = 30 * DAY_MS);
    let running = rig.start();
    let mut terminal = rig.terminal(1);
    assert_eq!(terminal.client(&running).get("/v1/chain-head").unwrap().status, 200);
    // Off for a year: the terminals' port does not let it in any more, the enrolment port does.
    rig.clock.advance_ms(365 * DAY_MS);
    assert!(terminal.client(&running).get("/v1/chain-head").is_err());
    let client = stranger(&rig, &running);
    terminal.tls = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let renewed: Enrolment = client.post("/v1/renewal", &terminal.renewal_request()).unwrap().json();
    terminal.enrolment = Some(renewed);
    let head = terminal.client(&running).get("/v1/chain-head").unwrap();
    assert_eq!(head.status, 200);

    let mut request = terminal.renewal_request();
    request.signature.0[0] ^= 1;
    assert_eq!(client.post("/v1/renewal", &request).unwrap().problem(), ProblemKind::Signature);
    let unknown = Terminal::new(9, &rig.dice);
    let reply = client.post("/v1/renewal", &unknown.renewal_request()).unwrap();
    assert_eq!(reply.problem(), ProblemKind::TerminalUnknown);
    rig.center.access.set_blocked(terminal.id, true).unwrap();
    let reply = client.post("/v1/renewal", &terminal.renewal_request()).unwrap();
    assert_eq!(reply.problem(), ProblemKind::TerminalUnknown);
    let code = rig.code(terminal.id);
    let reply = client.post("/v1/enrolment", &terminal.enrolment_request(&code)).unwrap();
    assert_eq!(reply.problem(), ProblemKind::TerminalUnknown);
    running.stop();
}

#[test]
fn an_old_certificate_goes_on_until_it_runs_out_unless_the_identity_changes() {
    let rig = Rig::new(6);
    let running = rig.start();
    let mut terminal = rig.terminal(1);
    let old = terminal.client(&running);
    let renewed = rig.center.access.renew(&terminal.renewal_request()).unwrap();
    assert_eq!(old.get("/v1/chain-head").unwrap().status, 200);
    terminal.enrolment = Some(renewed);
    let new = terminal.client(&running);
    assert_eq!(new.get("/v1/chain-head").unwrap().status, 200);
    // A new code brings a new identity key; what the old one was given no longer counts.
    let successor = Terminal::new(1, &rig.dice);
    let code = rig.code(successor.id);
    rig.center.access.enrol(&successor.enrolment_request(&code)).unwrap();
    assert_eq!(new.get("/v1/chain-head").unwrap().problem(), ProblemKind::NotAuthenticated);
    assert_eq!(
        rig.center.access.renew(&terminal.renewal_request()).unwrap_err().kind,
        ProblemKind::Signature
    );
    running.stop();
}

#[test]
fn twenty_certificates_of_one_terminal_are_kept() {
    let rig = Rig::new(7);
    let running = rig.start();
    let terminal = rig.terminal(1);
    let oldest = terminal.client(&running);
    for _ in 0..19 {
        rig.clock.advance_ms(1);
        rig.center.access.renew(&terminal.renewal_request()).unwrap();
    }
    assert_eq!(oldest.get("/v1/chain-head").unwrap().status, 200);
    rig.clock.advance_ms(1);
    rig.center.access.renew(&terminal.renewal_request()).unwrap();
    assert_eq!(oldest.get("/v1/chain-head").unwrap().problem(), ProblemKind::NotAuthenticated);
    running.stop();
}

#[test]
fn only_a_terminals_own_certificate_opens_the_terminals_port() {
    let rig = Rig::new(8);
    let running = rig.start();
    let terminal = rig.terminal(1);
    let authority = rig.center.access.authority_pem().to_owned();
    let port = running.terminals.port();
    // None at all: TLS ends it.
    assert!(Client::new(&authority, port, None).get("/healthz").is_err());
    // From another authority of the same name.
    let (pem, key) = Authority::create("测试市社会保障卡中心", &rig.outside).unwrap();
    let other = Authority::open(&pem, &key).unwrap();
    let client_key = datacenter::access::authority::ClientKey::from_csr(&terminal.csr()).unwrap();
    let subject = terminal.id.to_string();
    let forged = other.issue_client(client_key, &subject, "", DAY_MS, &rig.outside).unwrap();
    let client = Client::new(&authority, port, Some((&forged.pem, &terminal.tls)));
    assert!(client.get("/v1/chain-head").is_err());
    // The server's own certificate is from our authority, but not a client's.
    let folder = rig.folder.path().join("center");
    let server = std::fs::read_to_string(folder.join("server.pem")).unwrap();
    let server_key = std::fs::read_to_string(folder.join("keys/server.key")).unwrap();
    let server_key = rcgen::KeyPair::from_pem(&server_key).unwrap();
    assert!(Client::new(&authority, port, Some((&server, &server_key))).get("/v1/chain-head").is_err());
    // From our authority and for a client, but not issued by this center's books.
    let ours =
        Authority::open(&authority, &std::fs::read_to_string(folder.join("keys/authority.key")).unwrap())
            .unwrap();
    let client_key = datacenter::access::authority::ClientKey::from_csr(&terminal.csr()).unwrap();
    let unbooked = ours.issue_client(client_key, &subject, "", DAY_MS, &rig.outside).unwrap();
    let client = Client::new(&authority, port, Some((&unbooked.pem, &terminal.tls)));
    assert_eq!(client.get("/v1/chain-head").unwrap().problem(), ProblemKind::NotAuthenticated);
    // Another terminal's batch under one's own certificate.
    let mut other = rig.terminal(2);
    other.record(rig.dice.id(), rig::bodies::abandoned());
    let reply = terminal.client(&running).post("/v1/records", &other.all()).unwrap();
    assert_eq!(reply.problem(), ProblemKind::NotAuthenticated);
    // Blocked, and let in again.
    let client = terminal.client(&running);
    rig.center.access.set_blocked(terminal.id, true).unwrap();
    for path in ["/v1/chain-head", "/v1/feed", "/v1/rules", "/v1/limits"] {
        assert_eq!(client.get(path).unwrap().problem(), ProblemKind::TerminalUnknown, "{path}");
    }
    rig.center.access.set_blocked(terminal.id, false).unwrap();
    assert_eq!(client.get("/v1/chain-head").unwrap().status, 200);
    running.stop();
}

#[test]
fn a_certificate_runs_out_in_the_middle_of_a_connection() {
    let rig = Rig::with(9, |configuration| configuration.certificate_validity_ms = DAY_MS);
    let running = rig.start();
    let terminal = rig.terminal(1);
    let client = terminal.client(&running);
    assert_eq!(client.get("/v1/chain-head").unwrap().status, 200);
    rig.clock.advance_ms(DAY_MS);
    // The same connection is still open.
    assert_eq!(client.get("/v1/chain-head").unwrap().problem(), ProblemKind::NotAuthenticated);
    running.stop();
}

#[test]
fn a_second_authority_is_trusted_beside_the_first() {
    let mut rig = Rig::new(10);
    let terminal = rig.terminal(1);
    let folder = rig.folder.path().join("center");
    let old = rig.center.access.authority_pem().to_owned();
    let (pem, key) = Authority::create("新证书机构", &rig.outside).unwrap();
    std::fs::write(folder.join("authority.pem"), format!("{pem}{old}")).unwrap();
    std::fs::write(folder.join("keys/authority.key"), key).unwrap();
    rig.reopen();
    let running = rig.start();
    // The terminal of the old authority works on, and renews into the new one.
    assert_eq!(terminal.client(&running).get("/v1/chain-head").unwrap().status, 200);
    let renewed = rig.center.access.renew(&terminal.renewal_request()).unwrap();
    assert!(renewed.authority.contains(&old) && renewed.authority.starts_with(&pem));
    let client = Client::new(&old, running.terminals.port(), Some((&renewed.certificate, &terminal.tls)));
    assert_eq!(client.get("/v1/chain-head").unwrap().status, 200);
    running.stop();
}

#[test]
fn a_folder_is_made_once_and_keys_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new(11);
    let folder = rig.folder.path().join("center");
    let configuration = Configuration::new(rig::city(), "again");
    let again = datacenter::center::Center::create(&folder, &configuration, rig.outside.clone());
    assert!(matches!(again, Err(datacenter::error::Error::AlreadyThere { .. })));
    for file in ["center.json", "center.sqlite", "keys/authority.key", "keys/server.key", "keys/center.seed"]
    {
        let mode = std::fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(std::fs::metadata(folder.join("keys")).unwrap().permissions().mode() & 0o777, 0o700);
}
