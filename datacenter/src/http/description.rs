//! The OpenAPI description.

use utoipa::{Modify, OpenApi, openapi::security::SecurityScheme};

use super::{routes, service};

/// The parts of the description that no route gives.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Jinbao city center",
        description = "Booking, distribution and enrolment for card terminals (社会保障卡终端). Enrolment is on \
            a port of its own that authenticates the server only; everything else takes a client certificate. \
            Every answer that is not 2xx is a Problem.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    modifiers(&Security),
    components(schemas(
        protocol::limits::OfflineLimits,
        protocol::policy::ProofPolicy,
        protocol::record::Body,
        protocol::rules::RulesSet,
        protocol::service::DocumentChanges,
        protocol::upload::Receipt,
    )),
    tags(
        (name = "center", description = "The center itself."),
        (name = "enrolment", description = "How terminals become and stay known."),
        (name = "booking", description = "Records, exactly once."),
        (name = "feed", description = "What terminals need to know."),
        (name = "account", description = "Personal accounts on cards."),
        (name = "service", description = "Public service: what people ask about themselves, and public documents."),
    )
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        openapi.components.get_or_insert_default().add_security_scheme(
            "terminal",
            SecurityScheme::MutualTls {
                description: Some("A client certificate that the center issued at enrolment.".into()),
                deprecated: None,
                extensions: None,
            },
        );
    }
}

/// The description of the whole interface, JSON.
pub fn openapi_json() -> String {
    let openapi = Description::openapi();
    let routes = utoipa_axum::router::OpenApiRouter::with_openapi(openapi)
        .merge(routes::strangers())
        .merge(routes::terminals())
        .merge(service::terminals());
    routes.into_openapi().to_pretty_json().unwrap_or_default()
}
