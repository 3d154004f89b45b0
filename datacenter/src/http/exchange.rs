//! Bodies in, bodies out, work on threads that may block.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, HeaderValue, Request, header},
    response::{IntoResponse, Response},
};
use protocol::{
    problem::{Problem, ProblemKind},
    timestamp::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{App, Refusal};

/// Most bytes that are set aside before any of a body has come.
const RESERVE_BYTES_MAX: usize = 1 << 20;

/// Most bytes of a refused body that are taken and dropped, and the time for it.
const DRAIN_BYTES_MAX: usize = 32 << 20;
const DRAIN_MS: u64 = 2_000;

/// Reads a JSON body of at most `bytes_max`, within the time limit of bodies.
pub(super) async fn json<T: DeserializeOwned>(
    app: &App,
    request: Request<Body>,
    bytes_max: usize,
) -> Result<T, Refusal> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Refusal::new(ProblemKind::Malformed, "the content type is not application/json"));
    }
    let limit = Duration::from_millis(app.configuration.edge.body_timeout_ms);
    let bytes = tokio::time::timeout(limit, collect(body, &parts.headers, bytes_max))
        .await
        .map_err(|_| Refusal::new(ProblemKind::TooSlow, "the body came too slowly"))??;
    serde_json::from_slice(&bytes).map_err(|error| {
        // serde's own text may quote a value; what kind of fault and where is enough, and holds nothing personal.
        let place = format!("line {}, column {}", error.line(), error.column());
        let kind = match error.classify() {
            serde_json::error::Category::Data => "the JSON is not what belongs here",
            _ => "the body is no JSON",
        };
        Refusal::new(ProblemKind::Malformed, format!("{kind} ({place})"))
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
}

async fn collect(mut body: Body, headers: &HeaderMap, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let result = collect_within(&mut body, headers, bytes_max).await;
    if result.is_err() && !headers.contains_key(header::EXPECT) {
        // A client that is still sending would lose our answer with its connection: let it finish, within reason.
        let _ = tokio::time::timeout(Duration::from_millis(DRAIN_MS), drain(&mut body)).await;
    }
    result
}

/// Takes what is left of a body and drops it, up to a limit.
async fn drain(body: &mut Body) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        bytes += frame.data_ref().map_or(0, |data| data.len());
        if bytes > DRAIN_BYTES_MAX {
            return;
        }
    }
}

async fn collect_within(
    mut body: &mut Body,
    headers: &HeaderMap,
    bytes_max: usize,
) -> Result<Vec<u8>, Refusal> {
    let too_large =
        || Refusal::new(ProblemKind::TooLarge, format!("the body has more than {bytes_max} bytes"));
    let announced: Option<usize> =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(RESERVE_BYTES_MAX));
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| Refusal::new(ProblemKind::Malformed, "the body broke off"))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > bytes_max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// Runs work that waits for the disk on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Refusal),
        Err(_) => Err(Refusal::new(ProblemKind::Internal, "the center's program failed")),
    }
}

/// A JSON answer.
pub(super) fn answer<T: Serialize>(value: &T) -> Result<Response, Refusal> {
    let text = serde_json::to_string(value)
        .map_err(|_| Refusal::new(ProblemKind::Internal, "the answer cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response())
}

/// A time as HTTP writes it. Source: RFC 9110 §5.6.7.
pub(super) fn http_date(time: Timestamp) -> String {
    let t = time.civil().to_offset(time::UtcOffset::UTC);
    let weekday = t.weekday().to_string();
    let month = t.month().to_string();
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        &weekday[..3],
        t.day(),
        &month[..3],
        t.year(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Timestamp(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(Timestamp(i64::MAX)).len(), 29);
        assert_eq!(http_date(Timestamp(i64::MIN)).len(), 29);
    }
}
