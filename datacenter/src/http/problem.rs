//! Problems as HTTP answers.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::problem::{CONTENT_TYPE, Problem, ProblemKind};

/// Seconds after which an overloaded center may be asked again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A problem on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(pub(crate) Problem);

impl Refusal {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Refusal(Problem::new(kind, detail))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if self.0.kind == ProblemKind::Overloaded {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        // The body of such a request may not have been read: the connection cannot go on.
        if matches!(self.0.kind, ProblemKind::TooLarge | ProblemKind::TooSlow | ProblemKind::Overloaded) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
