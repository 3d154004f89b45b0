//! Each way in which a line can fail, against a server that fails so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use protocol::upload::ChainHead;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{RootCertStore, ServerConfig, ServerConnection, server::WebPkiClientVerifier};

use super::*;

/// An authority and what it has issued.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer }
    }

    fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// A certificate for a name, valid in these years, with its key.
    fn issue(&self, name: &str, years: (i32, i32)) -> (Vec<u8>, Vec<u8>) {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().to_vec(), key.serialize_der())
    }
}

const VALID: (i32, i32) = (2020, 2100);

/// A server for one connection: reads a request, writes this, closes. Gives its address.
fn serve(
    authority: &Authority,
    name: &str,
    years: (i32, i32),
    clients: bool,
    answer: &'static str,
) -> String {
    let (certificate, key) = authority.issue(name, years);
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().into()).unwrap();
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let builder = if clients {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = Arc::new(builder.with_single_cert(vec![certificate.into()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let mut request = [0; 4_096];
        // A client that finds something wrong goes away; the test looks at its side.
        if stream.read(&mut request).is_ok() && !answer.is_empty() {
            let _ = stream.write_all(answer.as_bytes());
            let _ = stream.flush();
        }
        connection.send_close_notify();
        let _ = connection.write_tls(&mut socket);
    });
    address
}

fn ask(address: &str, authority: &Authority) -> Result<ChainHead, LinkError> {
    HttpsLink::new(address, &[authority.der()], None)?.chain_head()
}

#[test]
fn an_answer_is_read() {
    let authority = Authority::new("A");
    let zeros = "0".repeat(64);
    let body = format!(r#"{{"sequence":7,"digest":"{zeros}","now":5}}"#);
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let address = serve(&authority, "127.0.0.1", VALID, false, Box::leak(answer.into_boxed_str()));
    assert_eq!(ask(&address, &authority).unwrap().sequence, 7);
}

#[test]
fn nobody_listens() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port())
    };
    assert!(matches!(ask(&address, &Authority::new("A")), Err(LinkError::Down { .. })));
    let nowhere = ask("https://no-such-name.invalid:1", &Authority::new("A"));
    assert!(matches!(nowhere, Err(LinkError::Down { .. })), "{nowhere:?}");
    let plain = ask("http://127.0.0.1:1", &Authority::new("A"));
    assert!(matches!(plain, Err(LinkError::Down { .. })), "{plain:?}");
}

#[test]
fn the_line_breaks_after_the_request() {
    let authority = Authority::new("A");
    let address = serve(&authority, "127.0.0.1", VALID, false, "");
    let lost = ask(&address, &authority);
    assert!(matches!(lost, Err(LinkError::Lost { .. })), "{lost:?}");
    let address =
        serve(&authority, "127.0.0.1", VALID, false, "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{");
    let cut = ask(&address, &authority);
    assert!(matches!(cut, Err(LinkError::Lost { .. })), "{cut:?}");
}

#[test]
fn small_questions_do_not_wait_for_long() {
    let authority = Authority::new("A");
    let (certificate, key) = authority.issue("127.0.0.1", VALID);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    // Reads requests and never says a word.
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, config) = (socket.unwrap(), Arc::clone(&config));
            thread::spawn(move || {
                let mut connection = ServerConnection::new(config).unwrap();
                let mut stream = rustls::Stream::new(&mut connection, &mut socket);
                while stream.read(&mut [0; 4_096]).is_ok_and(|bytes| bytes > 0) {}
            });
        }
    });
    let mut link = HttpsLink::new(&address, &[authority.der()], None).unwrap();
    let person = card_spec::person::PersonNumber::parse("11010519491231002X").unwrap();
    let started = std::time::Instant::now();
    let head = link.chain_head();
    assert!(matches!(head, Err(LinkError::Lost { .. })), "{head:?}");
    let answer = link.person(&PersonQuery { person, card: None });
    assert!(matches!(answer, Err(LinkError::Lost { .. })), "{answer:?}");
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap();
    assert!((2 * QUESTION_TIMEOUT_MS..3 * QUESTION_TIMEOUT_MS).contains(&took_ms), "{took_ms} ms");
}

#[test]
fn certificates_that_are_wrong_or_out_of_date() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    for (authority, name, years, expected) in [
        (&other, "127.0.0.1", VALID, LinkError::WrongCertificate),
        (&ours, "127.0.0.2", VALID, LinkError::WrongCertificate),
        (&ours, "127.0.0.1", (2020, 2021), LinkError::ExpiredCertificate),
        (&ours, "127.0.0.1", (2090, 2100), LinkError::ExpiredCertificate),
    ] {
        let address = serve(authority, name, years, false, "");
        assert_eq!(ask(&address, &ours).unwrap_err(), expected, "{name} {years:?}");
    }
}

#[test]
fn while_the_authority_changes_both_are_trusted() {
    let (old, new, other) = (Authority::new("old"), Authority::new("new"), Authority::new("other"));
    for (order, by, good) in [
        ([&new, &old], &old, true),
        ([&new, &old], &new, true),
        ([&old, &new], &new, true),
        ([&old, &new], &other, false),
    ] {
        let address = serve(by, "127.0.0.1", VALID, false, "");
        let link = HttpsLink::new(&address, &order.map(Authority::der), None);
        let error = link.unwrap().chain_head().unwrap_err();
        // This server answers nothing; what counts is whether the request was sent at all.
        assert_eq!(matches!(error, LinkError::Lost { .. }), good, "{error:?}");
        assert_eq!(error == LinkError::WrongCertificate, !good, "{error:?}");
    }
}

#[test]
fn our_certificate_is_not_accepted() {
    let authority = Authority::new("A");
    let address = serve(&authority, "127.0.0.1", VALID, true, "");
    assert_eq!(ask(&address, &authority).unwrap_err(), LinkError::NotAccepted);

    let (expired, key) = authority.issue("terminal", (2020, 2021));
    let identity = ClientIdentity { chain: vec![expired], key: Zeroizing::new(key) };
    let address = serve(&authority, "127.0.0.1", VALID, true, "");
    let link = HttpsLink::new(&address, &[authority.der()], Some(&identity));
    assert_eq!(link.unwrap().chain_head().unwrap_err(), LinkError::ExpiredCertificate);

    let (certificate, _) = authority.issue("terminal", VALID);
    let (_, another_key) = authority.issue("terminal", VALID);
    let identity = ClientIdentity { chain: vec![certificate], key: Zeroizing::new(another_key) };
    assert!(matches!(
        HttpsLink::new(&address, &[authority.der()], Some(&identity)),
        Err(LinkError::NotAccepted)
    ));
}

#[test]
fn answers_that_are_no_answer() {
    let authority = Authority::new("A");
    let ask_with =
        |answer| ask(&serve(&authority, "127.0.0.1", VALID, false, answer), &authority).unwrap_err();
    let problem = "HTTP/1.1 409 Conflict\r\nconnection: close\r\n\r\n\
                   {\"type\":\"chain_gap\",\"status\":409,\"detail\":\"x\"}";
    match ask_with(problem) {
        LinkError::Refused(problem) => assert_eq!(problem.kind, ProblemKind::ChainGap),
        other => panic!("{other:?}"),
    }
    let denied = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n\
                  {\"type\":\"not_authenticated\",\"status\":401,\"detail\":\"x\"}";
    assert_eq!(ask_with(denied), LinkError::NotAccepted);
    for answer in [
        "HTTP/1.1 500 No\r\nconnection: close\r\n\r\n<html>",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"sequence\":\"seven\"}",
        "HTTP/1.1 204 Nothing\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.invalid/\r\nconnection: close\r\n\r\n",
        "SMTP\r\n\r\n",
    ] {
        let error = ask_with(answer);
        assert!(matches!(error, LinkError::Answer { .. }), "{answer}: {error:?}");
        assert!(!format!("{error:?}").contains("seven"), "the answer's content is not repeated");
    }
}

#[test]
fn records_of_training_are_not_sent_whatever_line_they_are_given() {
    let authority = Authority::new("ours");
    let base = serve(&authority, "localhost", VALID, false, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let mut link = HttpsLink::new(&base, &[authority.der()], None).unwrap();
    let terminal = terminal::training::terminal_number();
    let batch = Batch { terminal, previous: protocol::signature::Digest::default(), records: Vec::new() };
    assert_eq!(link.upload(&batch).err(), Some(LinkError::Down { detail: "training".to_owned() }));
    // A real terminal's would have gone out: the server is there.
    let batch = Batch { terminal: "430100000001".parse().unwrap(), ..batch };
    assert!(!matches!(link.upload(&batch), Err(LinkError::Down { .. })));
}
