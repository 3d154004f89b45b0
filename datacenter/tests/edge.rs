//! Every limit at the edge is met, and every answer that is not 2xx is a problem.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use datacenter::{
    center::Running,
    faults::{Fault, Faults},
};
use protocol::{
    problem::ProblemKind,
    upload::{BATCH_BYTES_MAX, BatchAnswer, ChainHead, Verdict},
};
use rig::{
    Client, Rig, Terminal,
    bodies::{abandoned, settled},
    open, person, verdicts,
};

/// A rig on short time limits, so that the tests meet them.
fn hasty(change: impl FnOnce(&mut datacenter::configuration::EdgeLimits)) -> Rig {
    Rig::with(1, |configuration| {
        let edge = &mut configuration.edge;
        edge.handshake_timeout_ms = 300;
        edge.header_timeout_ms = 300;
        edge.body_timeout_ms = 300;
        edge.request_timeout_ms = 5_000;
        edge.stop_timeout_ms = 1_000;
        change(edge);
    })
}

fn stranger(rig: &Rig, running: &Running) -> Client {
    Client::new(rig.center.access.authority_pem(), running.enrolment.port(), None)
}

/// A TLS connection whose bytes the test writes itself.
fn raw(rig: &Rig, address: SocketAddr, terminal: Option<&Terminal>) -> impl Read + Write + use<> {
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(rig.center.access.authority_pem().as_bytes()).unwrap()).unwrap();
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
    let config = match terminal {
        None => builder.with_no_client_auth(),
        Some(terminal) => {
            let certificate = &terminal.enrolment.as_ref().unwrap().certificate;
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(terminal.tls.serialize_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let connection =
        rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    rustls::StreamOwned::new(connection, tcp)
}

/// Everything until the other end closes; errors count as the end.
fn rest(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn whatever_is_sent_gets_a_problem() {
    let rig = Rig::new(2);
    let running = rig.start();
    let terminal = rig.terminal(1);
    let client = terminal.client(&running);
    let posts = [
        "/v1/enrolment",
        "/v1/renewal",
        "/v1/records",
        "/v1/person",
        "/v1/load",
        "/v1/refunds",
        "/v1/reconciliation",
        "/v1/notices",
    ];
    for path in posts {
        for body in [
            &b""[..],
            b"{",
            b"null",
            b"[]",
            b"{}",
            b"\xFF\xFE\x00",
            b"\"text\"",
            b"{\"terminal\":\"4301\"}",
            b"1e999",
            &[b'['; 2_000],
        ] {
            let reply = client.post_bytes(path, body).unwrap();
            assert_eq!(reply.problem(), ProblemKind::Malformed, "{path} {body:?}");
        }
        assert_eq!(client.get(path).unwrap().problem(), ProblemKind::MethodNotAllowed, "{path}");
    }
    for path in [
        "/v1/feed?after=-1",
        "/v1/feed?after=99999999999999999999",
        "/v1/feed?after=9223372036854775808",
        "/v1/feed?limit=x",
        "/v1/feed?limit=-1",
        "/v1/feed?limit=2147483648",
        "/v1/rules?revision=-1",
        "/v1/feed?epoch=1&after=5",
        "/v1/rules?revision=%FF",
        "/v1/limits?version=1.5",
    ] {
        assert_eq!(client.get(path).unwrap().problem(), ProblemKind::Malformed, "{path}");
    }
    for path in ["/", "/v1", "/v1/records/1", "/v2/feed", "/v1/feed/", "/../etc/passwd"] {
        assert_eq!(client.get(path).unwrap().problem(), ProblemKind::NotFound, "{path}");
    }
    assert_eq!(client.post("/v1/feed", &()).unwrap().problem(), ProblemKind::MethodNotAllowed);
    // What takes a certificate is not there for strangers.
    let client = stranger(&rig, &running);
    assert_eq!(client.get("/v1/chain-head").unwrap().problem(), ProblemKind::NotFound);
    assert_eq!(client.get("/healthz").unwrap().status, 200);
    running.stop();
}

#[test]
fn a_problem_tells_where_and_not_what() {
    let rig = Rig::new(3);
    let running = rig.start();
    let client = rig.terminal(1).client(&running);
    let number = "110105194912310021";
    let reply = client.post_bytes("/v1/person", format!("{{\"person\":\"{number}\"}}").as_bytes()).unwrap();
    assert_eq!(reply.problem(), ProblemKind::Malformed);
    let text = String::from_utf8(reply.bytes).unwrap();
    assert!(text.contains("line 1") && !text.contains("1949"), "{text}");
    running.stop();
}

#[test]
fn bodies_have_a_size() {
    let rig = Rig::new(4);
    let running = rig.start();
    let terminal = rig.terminal(1);
    let client = terminal.client(&running);
    for (path, bytes_max) in [
        ("/v1/person", 8 << 10),
        ("/v1/load", 8 << 10),
        ("/v1/refunds", 8 << 10),
        ("/v1/enrolment", 32 << 10),
        ("/v1/renewal", 32 << 10),
        ("/v1/reconciliation", 1 << 20),
    ] {
        let fits = client.post_bytes(path, &vec![b' '; bytes_max]).unwrap();
        assert_eq!(fits.problem(), ProblemKind::Malformed, "{path}");
        let over = client.post_bytes(path, &vec![b' '; bytes_max + 1]).unwrap();
        assert_eq!(over.problem(), ProblemKind::TooLarge, "{path}");
    }
    // Announced: refused without the body. Not announced: refused at the byte too many.
    let mut stream = raw(&rig, running.terminals, Some(&terminal));
    let head = "POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", BATCH_BYTES_MAX + 1).unwrap();
    assert!(rest(&mut stream).contains("\"type\":\"too_large\""));
    let mut stream = raw(&rig, running.terminals, Some(&terminal));
    write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..=BATCH_BYTES_MAX >> 20 {
        if write!(stream, "{:x}\r\n", chunk.len()).and_then(|()| stream.write_all(&chunk)).is_err() {
            break;
        }
        let _ = stream.write_all(b"\r\n");
    }
    let answer = rest(&mut stream);
    assert!(answer.contains("\"type\":\"too_large\""), "{answer}");
    // Another content type is none of ours.
    let mut stream = raw(&rig, running.terminals, Some(&terminal));
    write!(
        stream,
        "POST /v1/person HTTP/1.1\r\nHost: l\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .unwrap();
    assert!(rest(&mut stream).contains("\"type\":\"malformed\""));
    running.stop();
}

#[test]
fn who_is_slow_is_cut_off() {
    let rig = hasty(|_| {});
    let running = rig.start();
    let terminal = rig.terminal(1);
    let began = Instant::now();
    // A handshake that never begins, and one that stops in the middle.
    let mut silent = TcpStream::connect(running.terminals).unwrap();
    let mut halting = TcpStream::connect(running.enrolment).unwrap();
    halting.write_all(&[0x16, 0x03, 0x01, 0x02]).unwrap();
    for stream in [&mut silent, &mut halting] {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    }
    // A head that never ends, and a connection without a request.
    let mut stream = raw(&rig, running.terminals, Some(&terminal));
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    let mut idle = raw(&rig, running.terminals, Some(&terminal));
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(!rest(&mut stream).contains("200 OK"));
    assert!(rest(&mut idle).contains("200 OK"));
    // A body that never comes.
    let mut stream = raw(&rig, running.terminals, Some(&terminal));
    let head = "POST /v1/person HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    write!(stream, "{head}Content-Length: 50\r\n\r\n{{").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.contains("408") && answer.contains("\"type\":\"too_slow\""), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(8));
    running.stop();
}

#[test]
fn connections_have_a_number_and_a_life() {
    let rig = hasty(|edge| {
        edge.connections_max = 2;
        edge.handshake_timeout_ms = 2_000;
        edge.connection_lifetime_ms = 400;
        edge.header_timeout_ms = 60_000;
    });
    let running = rig.start();
    let waiting: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(running.enrolment).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(100));
    assert!(stranger(&rig, &running).get("/healthz").is_err());
    drop(waiting);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(stranger(&rig, &running).get("/healthz").unwrap().status, 200);
    // An idle connection ends with its life, long before the header timeout.
    let began = Instant::now();
    let mut stream = raw(&rig, running.enrolment, None);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(rest(&mut stream).contains("200 OK"));
    assert!(began.elapsed() < Duration::from_secs(3));
    running.stop();
}

/// A batch whose body begins and does not go on.
fn begun_batch(rig: &Rig, running: &Running, terminal: &Terminal) -> impl Read + Write + use<> {
    let mut stream = raw(rig, running.terminals, Some(terminal));
    let head = "POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    write!(stream, "{head}Content-Length: 50\r\n\r\n{{").unwrap();
    stream
}

#[test]
fn a_terminal_that_sends_slowly_stands_in_nobodys_way() {
    let rig = hasty(|edge| {
        edge.batches_at_once_max = 1;
        edge.batches_per_terminal_max = 2;
        edge.body_timeout_ms = 5_000;
    });
    let running = rig.start();
    let (mut slow, mut other) = (rig.terminal(1), rig.terminal(2));
    slow.record(rig.dice.id(), abandoned());
    other.record(rig.dice.id(), abandoned());
    let begun: Vec<_> = (0..2).map(|_| begun_batch(&rig, &running, &slow)).collect();
    std::thread::sleep(Duration::from_millis(200));
    // Two of its own are all that it may have; everyone else books.
    let reply = slow.client(&running).post("/v1/records", &slow.all()).unwrap();
    assert_eq!(reply.problem(), ProblemKind::Overloaded);
    let answer: BatchAnswer = other.client(&running).post("/v1/records", &other.all()).unwrap().json();
    assert_eq!(verdicts(&open(&answer, &rig.center.production.public_key())), [Verdict::Booked]);
    // What else it asks is answered, and so is its batch when there is room again.
    assert_eq!(slow.client(&running).get("/v1/chain-head").unwrap().status, 200);
    drop(begun);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(slow.client(&running).post("/v1/records", &slow.all()).unwrap().status, 200);
    running.stop();
}

#[test]
fn batches_at_once_have_a_number() {
    let rig = hasty(|edge| edge.batches_at_once_max = 1);
    let running = rig.start();
    let (mut terminal, mut other) = (rig.terminal(1), rig.terminal(2));
    terminal.record(rig.dice.id(), abandoned());
    other.record(rig.dice.id(), abandoned());
    let (client, others) = (terminal.client(&running), other.client(&running));
    // Somebody else holds the storage, so that the first batch stays in hand.
    let holder = rusqlite::Connection::open(rig.folder.path().join("center/center.sqlite")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer: BatchAnswer = std::thread::scope(|scope| {
        let first = scope.spawn(|| client.post("/v1/records", &terminal.all()).unwrap().json());
        std::thread::sleep(Duration::from_millis(500));
        let reply = others.post("/v1/records", &other.all()).unwrap();
        assert_eq!(reply.problem(), ProblemKind::Overloaded);
        holder.execute_batch("ROLLBACK").unwrap();
        first.join().unwrap()
    });
    // All of the room was taken by this very batch: the terminal is told to come again later.
    assert_eq!(answer.window, rig.center.configuration.windows.busy);
    assert_eq!(others.post("/v1/records", &other.all()).unwrap().status, 200);
    running.stop();
}

#[test]
fn a_request_has_a_time() {
    let rig = hasty(|edge| edge.request_timeout_ms = 300);
    let running = rig.start();
    let mut terminal = rig.terminal(1);
    terminal.record(rig.dice.id(), abandoned());
    let client = terminal.client(&running);
    // Somebody else holds the storage; the terminal is not kept waiting, but its batch may still be booked.
    let other = rusqlite::Connection::open(rig.folder.path().join("center/center.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let reply = client.post("/v1/records", &terminal.all()).unwrap();
    assert_eq!(reply.problem(), ProblemKind::TooSlow);
    assert!(began.elapsed() < Duration::from_secs(3));
    other.execute_batch("ROLLBACK").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let reply = client.post("/v1/records", &terminal.all()).unwrap();
    let receipt = open(&reply.json(), &rig.center.production.public_key());
    assert!(matches!(verdicts(&receipt)[..], [Verdict::Duplicate { .. }]));
    running.stop();
}

/// A security module with a fault in it.
struct Broken;

impl datacenter::security_module::SecurityModule for Broken {
    fn purchase_tac(
        &self,
        _: protocol::id::TerminalId,
        _: &str,
        _: &protocol::record::CardPurchase,
    ) -> datacenter::security_module::Check {
        panic!("a fault for a test")
    }
    fn load_tac(
        &self,
        _: &protocol::account::LoadRequest,
        _: &protocol::record::Load,
    ) -> datacenter::security_module::Check {
        panic!("a fault for a test")
    }
    fn load_mac2(
        &self,
        _: &protocol::account::LoadRequest,
    ) -> Result<[u8; 4], datacenter::security_module::LoadRefusal> {
        panic!("a fault for a test")
    }
}

#[test]
fn a_fault_of_ours_is_a_problem_and_nothing_is_booked() {
    let mut rig = Rig::new(7);
    let mut terminal = rig.terminal(1);
    let folder = rig.folder.path().join("center");
    rig.center =
        datacenter::center::Center::open_with_module(&folder, rig.outside.clone(), Some(Arc::new(Broken)))
            .unwrap();
    let running = rig.start();
    let client = terminal.client(&running);
    terminal.record(rig.dice.id(), abandoned());
    let mut settlement = rig::bodies::settlement(person(1), 10_000);
    settlement.card = Some(protocol::record::CardPurchase {
        card_factor: "8637430100000123".into(),
        card_serial: 1,
        terminal_serial: 1,
        account: card_spec::money::Fen::ZERO,
        self_paid: card_spec::money::Fen::ZERO,
        pooled: card_spec::money::Fen::ZERO,
        date_time: "20261124050000".into(),
        algorithm: 1,
        key_version: 1,
        tac: "00000000".into(),
        from_proof: false,
        balance_before: card_spec::money::Fen::ZERO,
    });
    terminal.record(rig.dice.id(), protocol::record::Business::Settlement(Box::new(settlement)));
    for _ in 0..2 {
        let reply = client.post("/v1/records", &terminal.all()).unwrap();
        assert_eq!(reply.problem(), ProblemKind::Internal);
    }
    // The center goes on.
    let reply = client.post("/v1/records", &terminal.batch(1, 1)).unwrap();
    assert_eq!(verdicts(&open(&reply.json(), &rig.center.production.public_key())), [Verdict::Booked]);
    running.stop();
}

#[test]
fn stopping_lets_the_request_in_hand_finish() {
    let rig = Rig::new(5);
    let delay = Faults::new(|_, path| {
        (path == "/v1/records").then_some(Fault::DelayAfter(Duration::from_millis(400)))
    });
    let running = rig.center.start_wrapped(delay.wrap()).unwrap();
    let mut terminal = rig.terminal(1);
    terminal.record(rig.dice.id(), abandoned());
    let client = terminal.client(&running);
    let (terminals, batch) = (running.terminals, terminal.all());
    let answer: BatchAnswer = std::thread::scope(|scope| {
        let sender = scope.spawn(|| client.post("/v1/records", &batch).unwrap().json());
        std::thread::sleep(Duration::from_millis(150));
        let began = Instant::now();
        running.stop();
        assert!(began.elapsed() < Duration::from_secs(5));
        sender.join().unwrap()
    });
    let receipt = open(&answer, &rig.center.production.public_key());
    assert_eq!(verdicts(&receipt), [Verdict::Booked]);
    assert!(TcpStream::connect(terminals).is_err());
}

#[test]
fn faults_for_tests_do_what_they_say() {
    let rig = Rig::new(6);
    let next: Arc<Mutex<Option<Fault>>> = Arc::default();
    let seen = Arc::new(AtomicUsize::new(0));
    let plan = (Arc::clone(&next), Arc::clone(&seen));
    let faults = Faults::new(move |method, path| {
        plan.1.fetch_add(1, Ordering::SeqCst);
        (method == "POST" && path == "/v1/records").then(|| plan.0.lock().unwrap().take()).flatten()
    });
    let running = rig.center.start_wrapped(faults.wrap()).unwrap();
    let mut terminal = rig.terminal(1);
    let client = terminal.client(&running);
    let key = rig.center.production.public_key();
    let mut send = |fault: Option<Fault>| {
        *next.lock().unwrap() = fault;
        let sequence = terminal.record(rig.dice.id(), settled(person(1), 10_000));
        (client.post("/v1/records", &terminal.batch(sequence, sequence)), sequence)
    };
    let head = || client.get("/v1/chain-head").unwrap().json::<ChainHead>().sequence;
    let booked = |reply: rig::Reply| verdicts(&open(&reply.json(), &key));

    let (reply, sequence) = send(None);
    assert_eq!(booked(reply.unwrap()), [Verdict::Booked]);
    assert_eq!(head(), sequence);
    // All is done and the answer is lost.
    let (reply, sequence) = send(Some(Fault::LoseAnswer));
    assert!(reply.is_err());
    assert_eq!(head(), sequence);
    let (reply, sequence) = send(Some(Fault::DeliverTwice));
    assert!(matches!(booked(reply.unwrap())[..], [Verdict::Duplicate { .. }]));
    assert_eq!(head(), sequence);
    let (reply, sequence) = send(Some(Fault::Garbage));
    assert!(serde_json::from_slice::<BatchAnswer>(&reply.unwrap().bytes).is_err());
    assert_eq!(head(), sequence);
    let began = Instant::now();
    let (reply, _) = send(Some(Fault::DelayAfter(Duration::from_millis(300))));
    assert_eq!(booked(reply.unwrap()), [Verdict::Booked]);
    assert!(began.elapsed() >= Duration::from_millis(300));
    // Nothing is done.
    let (reply, sequence) = send(Some(Fault::LoseRequest));
    assert!(reply.is_err());
    assert_eq!(head(), sequence - 1);
    let (reply, sequence) = send(Some(Fault::Refuse(ProblemKind::Storage)));
    assert_eq!(reply.unwrap().problem(), ProblemKind::Storage);
    assert_eq!(head(), sequence - 2);
    assert_eq!(seen.load(Ordering::SeqCst), 13);
    running.stop();
}
