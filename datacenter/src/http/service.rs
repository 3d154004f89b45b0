//! The routes of public service.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Query, Request, State, rejection::QueryRejection},
};
use protocol::{
    problem::Problem,
    service::{
        FailedAnswer, FailedQuery, HoldAnswer, HoldDues, Locked, LossReport, PersonalReply, PersonalRequest,
        PublicQuestion, PublicReply,
    },
    signature::Signed,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    App,
    caller::Caller,
    exchange::{answer, blocking, json},
    routes::{Answered, SMALL_BYTES_MAX, Shared, count, query_of},
};
use crate::access::roles::Operation;

/// What takes a terminal's certificate.
pub(super) fn terminals() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(personal))
        .routes(routes!(hold_dues))
        .routes(routes!(failed_payments))
        .routes(routes!(loss))
        .routes(routes!(public))
        .routes(routes!(documents))
}

/// Answers a person about himself: account, contributions, treatments, pension, certification, cards, work,
/// unemployment benefit, dues.
///
/// Takes a fresh proof that the holder of the card is there. What may be asked depends on the kind of desk that
/// the center has written down for the terminal; every question is written down.
#[utoipa::path(post, path = "/v1/service/personal", tag = "service", security(("terminal" = [])),
    request_body = PersonalRequest, responses(
    (status = 200, description = "What the center holds, also when that is nothing.", body = PersonalReply),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, forbidden, holder_not_shown, \
        card_blocked, too_many, too_large, too_slow.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn personal(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Serve)?.terminal;
    let request: PersonalRequest = json(&app, request, SMALL_BYTES_MAX).await?;
    let reply: PersonalReply = blocking(move || app.service.personal(terminal, &request)).await?;
    answer(&reply)
}

/// Sets dues aside for one payment, before money is taken: all of them or none.
///
/// The same request again gets the same answer. They stay set aside until the payment is booked, its name is written
/// off by the terminal, or staff frees them.
#[utoipa::path(post, path = "/v1/service/dues/hold", tag = "service", security(("terminal" = [])),
    request_body = HoldDues, responses(
    (status = 200, description = "They are set aside, or why not.", body = HoldAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, forbidden, holder_not_shown, \
        card_blocked, too_many, too_large, too_slow.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn hold_dues(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Serve)?.terminal;
    let request: HoldDues = json(&app, request, SMALL_BYTES_MAX).await?;
    let held: HoldAnswer = blocking(move || app.service.hold_dues(terminal, &request)).await?;
    answer(&held)
}

/// Pensions of the terminal's branch that were handed out and not booked, newest first. People are masked.
#[utoipa::path(post, path = "/v1/service/failed-payments", tag = "service", security(("terminal" = [])),
    request_body = FailedQuery, responses(
    (status = 200, description = "A page, empty when there are none.", body = FailedAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, forbidden, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn failed_payments(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Serve)?.terminal;
    let query: FailedQuery = json(&app, request, SMALL_BYTES_MAX).await?;
    let failed: FailedAnswer = blocking(move || app.service.failed_payments(terminal, &query)).await?;
    answer(&failed)
}

/// Locks a person's cards until staff frees them. The same report again locks nothing more.
#[utoipa::path(post, path = "/v1/service/loss", tag = "service", security(("terminal" = [])),
    request_body = LossReport, responses(
    (status = 200, description = "The cards are locked, and the feed says so.", body = Locked),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, forbidden, holder_not_shown, \
        too_many, too_large, too_slow.", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn loss(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Serve)?.terminal;
    let report: LossReport = json(&app, request, SMALL_BYTES_MAX).await?;
    let locked: Locked = blocking(move || app.service.report_loss(terminal, &report)).await?;
    answer(&locked)
}

/// Answers what anybody may know: articles, offices, vacancies.
#[utoipa::path(post, path = "/v1/service/public", tag = "service", security(("terminal" = [])),
    request_body = PublicQuestion, responses(
    (status = 200, description = "A page, or one document.", body = PublicReply),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn public(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Serve)?.terminal;
    let question: PublicQuestion = json(&app, request, SMALL_BYTES_MAX).await?;
    let reply: PublicReply = blocking(move || app.service.public(terminal, &question)).await?;
    answer(&reply)
}

/// Where a terminal's copy of the public documents stands.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DocumentsQuery {
    /// Generation that the cursor belongs to, 0 for none yet.
    #[serde(default)]
    #[param(minimum = 0)]
    epoch: i64,
    /// Cursor after which the page starts.
    #[serde(default)]
    #[param(minimum = 0)]
    after: i64,
}

/// A page of changes of the public documents, signed (a `DocumentChanges`).
#[utoipa::path(get, path = "/v1/service/documents", tag = "service", security(("terminal" = [])),
    params(DocumentsQuery), responses(
    (status = 200, description = "A page, empty when there is nothing new.", body = Signed),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn documents(
    State(app): Shared,
    caller: Caller,
    query: Result<Query<DocumentsQuery>, QueryRejection>,
) -> Answered {
    let terminal = caller.may(Operation::Serve)?.terminal;
    let query = query_of(query)?;
    let (epoch, after) = (count(query.epoch)?, count(query.after)?);
    let page: Signed = blocking(move || app.service.document_changes(terminal, epoch, after)).await?;
    answer(&page)
}
