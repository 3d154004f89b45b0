//! openssl judges our TLS, our certificates and our signatures.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use datacenter::center::Running;
use protocol::{
    feed::SignedPage,
    limits::OfflineLimits,
    rules::RulesDocument,
    signature::{PublicKey, Signature, Signed},
};
use rig::{Rig, Terminal, bodies::abandoned};

fn openssl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Files for openssl, in the rig's folder.
struct Files<'a>(&'a Rig);

impl Files<'_> {
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn center(&self, name: &str) -> String {
        let path: PathBuf = self.0.folder.path().join("center").join(name);
        path.to_str().unwrap().to_owned()
    }
}

const REQUEST: &[u8] = b"GET /v1/chain-head HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn connect(running: &Running, enrolment: bool, authority: &str, more: &[&str]) -> String {
    let address = if enrolment { running.enrolment } else { running.terminals }.to_string();
    let mut arguments = vec![
        "s_client",
        "-connect",
        &address,
        "-CAfile",
        authority,
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
        "-servername",
        "localhost",
        "-ign_eof",
    ];
    arguments.extend_from_slice(more);
    text(&openssl(&arguments, REQUEST))
}

#[test]
fn openssl_speaks_tls_with_both_ports() {
    let rig = Rig::new(1);
    let running = rig.start();
    let files = Files(&rig);
    let terminal = rig.terminal(1);
    let authority = files.center("authority.pem");
    for version in ["-tls1_2", "-tls1_3"] {
        let said = connect(&running, true, &authority, &[version]);
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(said.contains("HTTP/1.1 404"), "{said}");
    }
    let certificate = files.put("client.pem", &terminal.enrolment.as_ref().unwrap().certificate);
    let key = files.put("client.key", terminal.tls.serialize_pem());
    for version in ["-tls1_2", "-tls1_3"] {
        let said = connect(&running, false, &authority, &["-cert", &certificate, "-key", &key, version]);
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(said.contains("HTTP/1.1 200") && said.contains("\"sequence\":0"), "{said}");
        // Without a certificate, and with one that belongs to another key's authority.
        let said = connect(&running, false, &authority, &[version]);
        assert!(!said.contains("HTTP/1.1"), "{said}");
        assert!(
            said.contains("alert") && said.contains("certificate required") || version == "-tls1_2",
            "{said}"
        );
    }
    // Old versions are not spoken, another name is not ours, another authority is not trusted.
    let said = connect(&running, true, &authority, &["-tls1_1"]);
    assert!(!said.contains("HTTP/1.1"), "{said}");
    let said = connect(&running, true, &authority, &["-verify_hostname", "center.example"]);
    assert!(said.to_lowercase().contains("hostname mismatch"), "{said}");
    let other = Rig::new(2);
    let said = connect(&running, true, &Files(&other).center("authority.pem"), &[]);
    assert!(!said.contains("HTTP/1.1"), "{said}");
    running.stop();
}

#[test]
fn a_certificate_that_has_run_out_is_refused_by_an_alert() {
    let rig = Rig::with(3, |configuration| configuration.certificate_validity_ms = rig::DAY_MS);
    let running = rig.start();
    let files = Files(&rig);
    let terminal = rig.terminal(1);
    let certificate = files.put("client.pem", &terminal.enrolment.as_ref().unwrap().certificate);
    let key = files.put("client.key", terminal.tls.serialize_pem());
    rig.clock.advance_ms(2 * rig::DAY_MS);
    let said =
        connect(&running, false, &files.center("authority.pem"), &["-cert", &certificate, "-key", &key]);
    assert!(!said.contains("HTTP/1.1"), "{said}");
    assert!(said.contains("certificate expired"), "{said}");
    running.stop();
}

#[test]
fn openssl_verifies_the_certificates() {
    let rig = Rig::new(4);
    let files = Files(&rig);
    let terminal = rig.terminal(1);
    let certificate = files.put("client.pem", &terminal.enrolment.as_ref().unwrap().certificate);
    let authority = files.center("authority.pem");
    let verify = |purpose: &str, file: &str| {
        text(&openssl(&["verify", "-x509_strict", "-purpose", purpose, "-CAfile", &authority, file], b""))
    };
    assert!(verify("sslclient", &certificate).contains(": OK"), "{}", verify("sslclient", &certificate));
    let server = files.center("server.pem");
    assert!(verify("sslserver", &server).contains(": OK"), "{}", verify("sslserver", &server));
    assert!(!verify("sslserver", &certificate).contains(": OK"));
    assert!(!verify("sslclient", &server).contains(": OK"));
    let said = text(&openssl(&["x509", "-in", &certificate, "-noout", "-text"], b""));
    assert!(said.contains(&format!("CN = {}", terminal.id)), "{said}");
    assert!(said.contains("TLS Web Client Authentication") && said.contains("CA:FALSE"), "{said}");
}

/// Whether openssl accepts an Ed25519 signature over purpose, zero byte and message.
fn accepts(files: &Files<'_>, public: &str, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
    let mut framed = purpose.as_bytes().to_vec();
    framed.push(0);
    framed.extend_from_slice(message);
    let message = files.put("message", framed);
    let signature = files.put("signature", signature);
    let arguments =
        ["pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", &message, "-sigfile", &signature];
    let output = openssl(&arguments, b"");
    let said = text(&output);
    assert!(said.contains("Signature Verif"), "{said}");
    output.status.success()
}

#[test]
fn openssl_verifies_everything_that_is_signed() {
    let rig = Rig::new(5);
    let files = Files(&rig);
    let public = files.center("center.pub.pem");
    assert!(Path::new(&public).exists());
    let mut terminal = rig.terminal(1);
    terminal.record(rig.dice.id(), abandoned());
    let receipt = rig.book(&terminal, &terminal.all()).unwrap().receipt;
    rig.center.production.set_limits(None, &OfflineLimits::default()).unwrap();
    let limits = rig.center.production.limits(terminal.id, 0).unwrap().unwrap();
    rig.center
        .production
        .add_rules(&RulesDocument {
            version: "试".into(),
            effective_from: "2026-01-01".into(),
            configuration: "{\"城市\":\"长沙\"}".into(),
        })
        .unwrap();
    let rules = rig.center.production.rules(0).unwrap().unwrap();
    let page: SignedPage = postcard::from_bytes(&rig.center.production.feed_page(0, 0, 10).unwrap()).unwrap();
    let check = |purpose: &str, signed: &Signed| {
        let text = signed.text.as_bytes();
        assert!(accepts(&files, &public, purpose, text, &signed.signature.0), "{purpose}");
        assert!(!accepts(&files, &public, "another purpose", text, &signed.signature.0));
        let changed = signed.text.replacen('1', "2", 1);
        assert_ne!(changed, signed.text);
        assert!(!accepts(&files, &public, purpose, changed.as_bytes(), &signed.signature.0));
    };
    check(protocol::upload::RECEIPT_PURPOSE, &receipt);
    check(protocol::limits::PURPOSE, &limits);
    check(protocol::rules::PURPOSE, &rules);
    let digest = protocol::signature::Digest::of(&page.page).0;
    assert!(accepts(&files, &public, protocol::feed::PURPOSE, &digest, &page.signature));
}

#[test]
fn what_openssl_signs_is_booked() {
    let rig = Rig::new(6);
    let files = Files(&rig);
    let key = files.put("identity.pem", "");
    assert!(openssl(&["genpkey", "-algorithm", "ED25519", "-out", &key], b"").status.success());
    let der = openssl(&["pkey", "-in", &key, "-pubout", "-outform", "DER"], b"").stdout;
    let public = PublicKey(der[der.len() - 32..].try_into().unwrap());
    assert!(datacenter::public_key_pem(&public).contains(&{
        let pem = openssl(&["pkey", "-in", &key, "-pubout"], b"").stdout;
        String::from_utf8(pem).unwrap().lines().nth(1).unwrap().to_owned()
    }));
    let sign = |purpose: &str, message: &[u8]| {
        let mut framed = purpose.as_bytes().to_vec();
        framed.push(0);
        framed.extend_from_slice(message);
        let file = files.put("message", framed);
        let output = openssl(&["pkeyutl", "-sign", "-inkey", &key, "-rawin", "-in", &file], b"");
        Signature(output.stdout.try_into().unwrap())
    };
    // The certificate request is openssl's, too.
    let tls = files.put("tls.pem", "");
    let curve = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &tls];
    assert!(openssl(&curve, b"").status.success());
    let csr = openssl(&["req", "-new", "-key", &tls, "-subj", "/CN=whoever"], b"").stdout;
    let csr = String::from_utf8(csr).unwrap();
    let mut terminal = Terminal::new(1, &rig.dice);
    let mut request = terminal.enrolment_request(&rig.code(terminal.id));
    request.identity = public;
    request.signature = sign(protocol::enrolment::PURPOSE, csr.as_bytes());
    request.csr = csr;
    let enrolment = rig.center.access.enrol(&request).unwrap();

    terminal.record(rig.dice.id(), abandoned());
    let mut batch = terminal.all();
    batch.records[0].signature = sign(protocol::record::PURPOSE, &terminal.digests[1].0);
    rig.receipt(&terminal, &batch);
    let running = rig.start();
    let certificate = files.put("client.pem", &enrolment.certificate);
    let authority = files.center("authority.pem");
    let said = connect(&running, false, &authority, &["-cert", &certificate, "-key", &tls]);
    assert!(said.contains("\"sequence\":1"), "{said}");
    running.stop();
}
