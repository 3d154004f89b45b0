//! The accept loop: TLS, the client certificate handed on, a limit on everything that waits.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::certificates::{Peer, PeerCertificate};
use crate::configuration::EdgeLimits;

/// Put into the extensions of a response: the connection is cut instead of answered. Faults for tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HangUp;

/// What ends a connection without an answer.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}

/// Serves one port until `stop` turns true, then waits for open requests, but not longer than the limit.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    limits: EdgeLimits,
    mut stop: watch::Receiver<bool>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let tcp = tokio::select! {
            () = told(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => tcp,
                // Out of file descriptors or the like: others may close theirs in the meantime.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            drop(tcp);
            continue;
        };
        let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
        connections.spawn(async move {
            connection(tcp, &acceptor, router, limits, stop).await;
            drop(permit);
        });
    }
    drop(listener);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(Duration::from_millis(limits.stop_timeout_ms), all_closed).await;
    connections.shutdown().await;
}

/// Ends when the center stops.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    tcp: TcpStream,
    acceptor: &TlsAcceptor,
    router: Router,
    limits: EdgeLimits,
    mut stop: watch::Receiver<bool>,
) {
    let _ = tcp.set_nodelay(true);
    let handshake = timeout(Duration::from_millis(limits.handshake_timeout_ms), acceptor.accept(tcp));
    let tls = tokio::select! {
        () = told(&mut stop) => return,
        result = handshake => match result {
            Ok(Ok(tls)) => tls,
            _ => return,
        },
    };
    let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer = Peer { certificate: certificate.map(|der| PeerCertificate::read(der)) };
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), peer, request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .serve_connection(TokioIo::new(tls), service);
    tokio::pin!(connection);
    // A client that never reads its answer ends here, too.
    let lifetime = tokio::time::sleep(Duration::from_millis(limits.connection_lifetime_ms));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = told(&mut stop) => {}
        () = lifetime => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(Duration::from_millis(limits.stop_timeout_ms), connection).await;
}

async fn answer(router: Router, peer: Peer, request: Request<Incoming>) -> Result<Response, HungUp> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let Ok::<Response, Infallible>(response) = router.oneshot(request).await;
    if response.extensions().get::<HangUp>().is_some() { Err(HungUp) } else { Ok(response) }
}
