//! The center's HTTP interface and its OpenAPI description, both from the same handlers.
//!
//! Two routers: one for strangers (enrolment), one for terminals (everything). Every answer that is not 2xx
//! is a problem (RFC 9457).

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use protocol::{problem::ProblemKind, upload::SendWindow};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{access::Access, configuration::Configuration, production::Production, service::Service};

mod caller;
mod description;
mod exchange;
mod problem;
mod routes;
mod service;
mod uploads;

pub use description::openapi_json;
pub(crate) use problem::Refusal;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) production: Arc<Production>,
    pub(crate) service: Arc<Service>,
    pub(crate) access: Arc<Access>,
    pub(crate) configuration: Configuration,
    batches: Arc<Semaphore>,
    uploads: Arc<uploads::Uploads>,
    openapi: String,
}

impl App {
    pub(crate) fn new(
        production: Arc<Production>,
        service: Arc<Service>,
        access: Arc<Access>,
        configuration: Configuration,
    ) -> Arc<Self> {
        let batches = Arc::new(Semaphore::new(configuration.edge.batches_at_once_max));
        let uploads = uploads::Uploads::new(configuration.edge.batches_per_terminal_max);
        Arc::new(App {
            production,
            service,
            access,
            configuration,
            batches,
            uploads,
            openapi: openapi_json(),
        })
    }

    /// When a terminal may come again, by how much there is to do.
    fn window(&self) -> SendWindow {
        let free = self.batches.available_permits();
        let windows = &self.configuration.windows;
        if free * 2 < self.configuration.edge.batches_at_once_max { windows.busy } else { windows.calm }
    }
}

/// The enrolment port.
pub(crate) fn for_strangers(app: &Arc<App>) -> Router {
    guarded(routes::strangers().split_for_parts().0, app)
}

/// The terminals' port.
pub(crate) fn for_terminals(app: &Arc<App>) -> Router {
    let routes = routes::strangers().merge(routes::terminals()).merge(service::terminals());
    guarded(routes.split_for_parts().0, app)
}

/// What holds for every route: a problem for unknown addresses, a limit on time, no panic, our clock.
fn guarded(router: Router<Arc<App>>, app: &Arc<App>) -> Router {
    router
        .fallback(|| async { Refusal::new(ProblemKind::NotFound, "there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(ProblemKind::MethodNotAllowed, "this address does not take this method")
        })
        // Bodies are read by `exchange` alone, which has its own limits.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_| {
            Refusal::new(ProblemKind::Internal, "the center's program failed").into_response()
        }))
        .layer(middleware::from_fn_with_state(Arc::clone(app), in_time))
        .with_state(Arc::clone(app))
}

async fn in_time(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let limit = Duration::from_millis(app.configuration.edge.request_timeout_ms);
    let mut response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::new(ProblemKind::TooSlow, "the request took too long").into_response(),
    };
    if let Ok(date) = HeaderValue::from_str(&exchange::http_date(app.production.now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
