//! The routes.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{
    account::{LoadAnswer, LoadRequest, RefundsAnswer, RefundsQuery},
    enrolment::{Enrolment, EnrolmentRequest, RenewalRequest},
    feed::{PAGE_CHANGES_MAX, PersonAnswer, PersonQuery},
    notice::Noted,
    pension::{PensionAnswer, PensionQuery},
    problem::{Problem, ProblemKind},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    signature::Signed,
    upload::{BATCH_BYTES_MAX, Batch, BatchAnswer, ChainHead},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    App, Refusal,
    caller::Caller,
    exchange::{answer, blocking, json},
    uploads::Upload,
};
use crate::access::roles::{Operation, Role};

/// Most bytes of an enrolment or renewal.
pub(super) const ENROLMENT_BYTES_MAX: usize = 32 << 10;
/// Most bytes of a question about a person or of a load.
pub(super) const SMALL_BYTES_MAX: usize = 8 << 10;
/// Most bytes of a reconciliation.
pub(super) const RECONCILIATION_BYTES_MAX: usize = 1 << 20;

pub(super) type Shared = State<Arc<App>>;
pub(super) type Answered = Result<Response, Refusal>;

/// What anyone may ask.
pub(super) fn strangers() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(openapi))
        .routes(routes!(enrolment))
        .routes(routes!(renewal))
}

/// What takes a terminal's certificate.
pub(super) fn terminals() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(chain_head))
        .routes(routes!(records))
        .routes(routes!(feed))
        .routes(routes!(rules))
        .routes(routes!(limits))
        .routes(routes!(policy))
        .routes(routes!(person))
        .routes(routes!(pension))
        .routes(routes!(load))
        .routes(routes!(refunds))
        .routes(routes!(reconciliation))
        .routes(routes!(notices))
}

/// How the center is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`; a center that is not answers with a problem.
    status: &'static str,
    /// The city.
    #[schema(value_type = protocol::schema::RegionCode)]
    city: card_spec::region::RegionCode,
    /// The level.
    #[schema(value_type = String)]
    level: crate::configuration::Level,
    /// Version of the program.
    version: &'static str,
    /// The center's clock.
    now: protocol::timestamp::Timestamp,
}

/// Whether the center works: its storage answers.
#[utoipa::path(get, path = "/healthz", tag = "center", responses(
    (status = 200, description = "The center works.", body = Health),
    (status = 503, description = "The storage does not answer.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn health(State(app): Shared) -> Answered {
    Role::Stranger.check(Operation::Describe)?;
    let work = Arc::clone(&app.production);
    let now = work.now();
    blocking(move || work.storage().epoch().map_err(crate::production::storage_problem)).await?;
    answer(&Health {
        status: "ok",
        city: app.configuration.city,
        level: app.configuration.level,
        version: env!("CARGO_PKG_VERSION"),
        now,
    })
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "center", responses(
    (status = 200, description = "An OpenAPI 3.1 description.", body = serde_json::Value),
))]
async fn openapi(State(app): Shared) -> Answered {
    Role::Stranger.check(Operation::Describe)?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], app.openapi.clone()).into_response())
}

/// Enrols a terminal by its one-time code.
///
/// Asking again with the same code and the same identity key gets another certificate, until the code runs out.
#[utoipa::path(post, path = "/v1/enrolment", tag = "enrolment", request_body = EnrolmentRequest, responses(
    (status = 200, description = "The terminal is enrolled.", body = Enrolment),
    (status = "4XX", description = "Malformed, signature, code, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn enrolment(State(app): Shared, request: Request<Body>) -> Answered {
    Role::Stranger.check(Operation::Enrol)?;
    let request: EnrolmentRequest = json(&app, request, ENROLMENT_BYTES_MAX).await?;
    let enrolment: Enrolment = blocking(move || app.access.enrol(&request)).await?;
    answer(&enrolment)
}

/// Issues a new certificate to an enrolled terminal, also after the old one has run out.
#[utoipa::path(post, path = "/v1/renewal", tag = "enrolment", request_body = RenewalRequest, responses(
    (status = 200, description = "The new certificate.", body = Enrolment),
    (status = "4XX", description = "Malformed, signature, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn renewal(State(app): Shared, request: Request<Body>) -> Answered {
    Role::Stranger.check(Operation::Enrol)?;
    let request: RenewalRequest = json(&app, request, ENROLMENT_BYTES_MAX).await?;
    let enrolment: Enrolment = blocking(move || app.access.renew(&request)).await?;
    answer(&enrolment)
}

/// Where the center's copy of the terminal's chain ends.
#[utoipa::path(get, path = "/v1/chain-head", tag = "booking", security(("terminal" = [])), responses(
    (status = 200, description = "The head.", body = ChainHead),
    (status = "4XX", description = "Not_authenticated, terminal_unknown.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn chain_head(State(app): Shared, caller: Caller) -> Answered {
    let terminal = caller.may(Operation::Book)?.terminal;
    let head: ChainHead = blocking(move || app.production.chain_head(terminal)).await?;
    answer(&head)
}

/// Books a batch of records, exactly once.
///
/// The same records may be sent again after any failure, also cut into other batches.
#[utoipa::path(post, path = "/v1/records", tag = "booking", security(("terminal" = [])),
    request_body = Batch, responses(
    (status = 200, description = "Every record has a verdict in the signed receipt.", body = BatchAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, signature, chain_broken, \
        chain_gap, too_large, too_slow: nothing was booked.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, overloaded, internal: nothing was booked.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn records(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Book)?;
    let uploading = Upload::begin(&app.uploads, terminal.terminal)?;
    let batch: Batch = json(&app, request, BATCH_BYTES_MAX).await?;
    // Only now: a terminal that sends slowly keeps nobody else from booking.
    let Ok(permit) = Arc::clone(&app.batches).try_acquire_owned() else {
        return Err(Refusal::new(ProblemKind::Overloaded, "too many batches at once"));
    };
    let window = app.window();
    let booked: BatchAnswer = blocking(move || {
        // Held until the work ends, also when nobody waits for it any more.
        let _held = (permit, uploading);
        app.production.book(&terminal, &batch, window)
    })
    .await?;
    answer(&booked)
}

/// Where to go on in the feed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FeedQuery {
    /// Generation that the cursor belongs to, 0 for none yet.
    #[serde(default)]
    #[param(minimum = 0)]
    epoch: i64,
    /// Cursor of the last change that the terminal has, 0 for none.
    #[serde(default)]
    #[param(minimum = 0)]
    after: i64,
    /// Most changes of the page.
    #[param(minimum = 0)]
    limit: Option<i32>,
}

/// The page of changes after a cursor.
///
/// The body is a `SignedPage` in postcard (sequences of a varint length and the bytes): the page and the
/// center's Ed25519 signature over `jinbao feed page 1`, a zero byte and the page's SHA-256.
#[utoipa::path(get, path = "/v1/feed", tag = "feed", security(("terminal" = [])), params(FeedQuery), responses(
    (status = 200, description = "A signed page.", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn feed(
    State(app): Shared,
    caller: Caller,
    query: Result<Query<FeedQuery>, QueryRejection>,
) -> Answered {
    caller.may(Operation::Follow)?;
    let FeedQuery { epoch, after, limit } = query_of(query)?;
    let (epoch, after) = (count(epoch)?, count(after)?);
    let limit = match limit {
        Some(limit) => usize::try_from(limit).map_err(|_| negative())?,
        None => PAGE_CHANGES_MAX,
    };
    let page = blocking(move || app.production.feed_page(epoch, after, limit)).await?;
    let octets = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, octets)], page).into_response())
}

/// What the terminal has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RulesQuery {
    /// Revision that the terminal has, 0 for none.
    #[serde(default)]
    #[param(minimum = 0)]
    revision: i64,
}

/// The rules in force and those to come, when there is a newer revision.
#[utoipa::path(get, path = "/v1/rules", tag = "feed", security(("terminal" = [])), params(RulesQuery), responses(
    (status = 200, description = "A signed RulesSet.", body = Signed),
    (status = 204, description = "Nothing newer."),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn rules(
    State(app): Shared,
    caller: Caller,
    query: Result<Query<RulesQuery>, QueryRejection>,
) -> Answered {
    caller.may(Operation::Follow)?;
    let revision = count(query_of(query)?.revision)?;
    newer(blocking(move || app.production.rules(revision)).await?)
}

/// What the terminal has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LimitsQuery {
    /// Version that the terminal has, 0 for none.
    #[serde(default)]
    #[param(minimum = 0)]
    version: i64,
}

/// The terminal's offline limits, when there are newer ones.
#[utoipa::path(get, path = "/v1/limits", tag = "feed", security(("terminal" = [])), params(LimitsQuery), responses(
    (status = 200, description = "Signed OfflineLimits.", body = Signed),
    (status = 204, description = "Nothing newer."),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn limits(
    State(app): Shared,
    caller: Caller,
    query: Result<Query<LimitsQuery>, QueryRejection>,
) -> Answered {
    let terminal = caller.may(Operation::Follow)?.terminal;
    let version = count(query_of(query)?.version)?;
    newer(blocking(move || app.production.limits(terminal, version)).await?)
}

/// What the terminal has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PolicyQuery {
    /// Version that the terminal has, 0 for none.
    #[serde(default)]
    #[param(minimum = 0)]
    version: i64,
}

/// The policy of proofs, when there is a newer one.
#[utoipa::path(get, path = "/v1/policy", tag = "feed", security(("terminal" = [])), params(PolicyQuery), responses(
    (status = 200, description = "A signed ProofPolicy.", body = Signed),
    (status = 204, description = "Nothing newer."),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown.", body = Problem,
        content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn policy(
    State(app): Shared,
    caller: Caller,
    query: Result<Query<PolicyQuery>, QueryRejection>,
) -> Answered {
    caller.may(Operation::Follow)?;
    let version = count(query_of(query)?.version)?;
    newer(blocking(move || app.production.policy(version)).await?)
}

/// How one person's pension stands now.
#[utoipa::path(post, path = "/v1/pension", tag = "feed", security(("terminal" = [])),
    request_body = PensionQuery, responses(
    (status = 200, description = "What is known, also when that is nothing.", body = PensionAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn pension(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    caller.may(Operation::AskPerson)?;
    let query: PensionQuery = json(&app, request, SMALL_BYTES_MAX).await?;
    let known: PensionAnswer = blocking(move || app.production.pension(&query)).await?;
    answer(&known)
}

/// What the center knows of one person now.
#[utoipa::path(post, path = "/v1/person", tag = "feed", security(("terminal" = [])),
    request_body = PersonQuery, responses(
    (status = 200, description = "What is known, also when that is nothing.", body = PersonAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn person(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    caller.may(Operation::AskPerson)?;
    let query: PersonQuery = json(&app, request, SMALL_BYTES_MAX).await?;
    let known: PersonAnswer = blocking(move || app.production.person(&query)).await?;
    answer(&known)
}

/// Grants a load of the personal account. The same request again gets the same answer.
#[utoipa::path(post, path = "/v1/load", tag = "account", security(("terminal" = [])),
    request_body = LoadRequest, responses(
    (status = 200, description = "MAC2 for the card.", body = LoadAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, load_refused, too_large, \
        too_slow.", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn load(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Load)?.terminal;
    let request: LoadRequest = json(&app, request, SMALL_BYTES_MAX).await?;
    let granted: LoadAnswer = blocking(move || app.production.load(terminal, &request)).await?;
    answer(&granted)
}

/// What a person is owed since cancellations, wherever they were made.
#[utoipa::path(post, path = "/v1/refunds", tag = "account", security(("terminal" = [])),
    request_body = RefundsQuery, responses(
    (status = 200, description = "What is owed, also when that is nothing.", body = RefundsAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn refunds(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    caller.may(Operation::Load)?;
    let query: RefundsQuery = json(&app, request, SMALL_BYTES_MAX).await?;
    let owed: RefundsAnswer = blocking(move || app.production.refunds(&query)).await?;
    answer(&owed)
}

/// Compares a span of the terminal's chain.
#[utoipa::path(post, path = "/v1/reconciliation", tag = "booking", security(("terminal" = [])),
    request_body = ReconciliationRequest, responses(
    (status = 200, description = "The center's sums.", body = ReconciliationAnswer),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn reconciliation(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Reconcile)?.terminal;
    let request: ReconciliationRequest = json(&app, request, RECONCILIATION_BYTES_MAX).await?;
    let compared: ReconciliationAnswer =
        blocking(move || app.production.reconcile(terminal, &request)).await?;
    answer(&compared)
}

/// Takes what a terminal tells of itself, as that its reader was opened: a signed `Notice`.
#[utoipa::path(post, path = "/v1/notices", tag = "booking", security(("terminal" = [])),
    request_body = Signed, responses(
    (status = 200, description = "It is on the disk.", body = Noted),
    (status = "4XX", description = "Malformed, not_authenticated, terminal_unknown, signature, too_large, too_slow.",
        body = Problem, content_type = "application/problem+json"),
    (status = "5XX", description = "Storage, internal.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn notices(State(app): Shared, caller: Caller, request: Request<Body>) -> Answered {
    let terminal = caller.may(Operation::Book)?.clone();
    let signed: Signed = json(&app, request, SMALL_BYTES_MAX).await?;
    let noted: Noted = blocking(move || app.production.take_notice(&terminal, &signed)).await?;
    answer(&noted)
}

pub(super) fn query_of<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    match query {
        Ok(Query(query)) => Ok(query),
        Err(_) => Err(Refusal::new(ProblemKind::Malformed, "the query is not what belongs here")),
    }
}

/// Counts go up to 63 bits, as the storage and the description have it.
pub(super) fn count(number: i64) -> Result<u64, Refusal> {
    u64::try_from(number).map_err(|_| negative())
}

fn negative() -> Refusal {
    Refusal::new(ProblemKind::Malformed, "a number of the query is negative")
}

fn newer(document: Option<Signed>) -> Answered {
    match document {
        Some(document) => answer(&document),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}
