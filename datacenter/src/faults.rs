//! Faults at the HTTP edge, for tests of terminals: `center.start_wrapped(faults.wrap())`.
//!
//! Nothing here runs unless a caller wraps the routers with it; `serve` never does.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use protocol::{
    problem::{Problem, ProblemKind},
    upload::BATCH_BYTES_MAX,
};

use crate::{access::listener::HangUp, http::Refusal};

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is worked on after a pause.
    DelayBefore(Duration),
    /// The answer is sent after a pause.
    DelayAfter(Duration),
    /// The connection is cut before anything is done.
    LoseRequest,
    /// All is done, then the connection is cut without an answer.
    LoseAnswer,
    /// The request is worked on twice; the second answer is sent.
    DeliverTwice,
    /// The center answers with this problem and does nothing.
    Refuse(ProblemKind),
    /// All is done, then bytes are sent that are no answer.
    Garbage,
}

type Plan = dyn Fn(&Method, &str) -> Option<Fault> + Send + Sync;

/// Decides, for each request by method and path, what goes wrong.
#[derive(Clone)]
pub struct Faults(Arc<Plan>);

impl Faults {
    /// By a plan, which may count and change its mind.
    pub fn new(plan: impl Fn(&Method, &str) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Faults(Arc::new(plan))
    }

    /// What `Center::start_wrapped` takes.
    pub fn wrap(&self) -> impl Fn(Router) -> Router + use<> {
        let faults = self.clone();
        move |router| {
            let faults = faults.clone();
            router.layer(middleware::from_fn(move |request: Request, next: Next| {
                let fault = (faults.0)(request.method(), request.uri().path());
                suffer(fault, request, next)
            }))
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults(…)")
    }
}

async fn suffer(fault: Option<Fault>, request: Request, next: Next) -> Response {
    match fault {
        None => next.run(request).await,
        Some(Fault::DelayBefore(pause)) => {
            tokio::time::sleep(pause).await;
            next.run(request).await
        }
        Some(Fault::DelayAfter(pause)) => {
            let response = next.run(request).await;
            tokio::time::sleep(pause).await;
            response
        }
        Some(Fault::LoseRequest) => hang_up(),
        Some(Fault::LoseAnswer) => {
            next.run(request).await;
            hang_up()
        }
        Some(Fault::DeliverTwice) => twice(request, next).await,
        Some(Fault::Refuse(kind)) => {
            // As the center itself does: a body that is left unread would tear the answer.
            let _ = to_bytes(request.into_body(), BATCH_BYTES_MAX).await;
            Refusal(Problem::new(kind, "a fault for a test")).into_response()
        }
        Some(Fault::Garbage) => {
            next.run(request).await;
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], "\u{0}\u{1}{\"").into_response()
        }
    }
}

fn hang_up() -> Response {
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(HangUp);
    response
}

async fn twice(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BATCH_BYTES_MAX).await else {
        return Refusal::new(ProblemKind::Malformed, "the body broke off").into_response();
    };
    let first = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
    next.clone().run(first).await;
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}
