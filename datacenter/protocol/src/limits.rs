//! What a terminal may do while the line is down.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Purpose under which the center signs the limits.
pub const PURPOSE: &str = "jinbao limits 1";

/// Offline limits, set by the center for each terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfflineLimits {
    /// Rises with every change; an older set never replaces a newer one.
    pub version: u64,
    /// Largest fee of one offline settlement.
    #[schema(value_type = crate::schema::Money)]
    pub amount_max_fen: Fen,
    /// Most personal-account money of one offline settlement.
    #[schema(value_type = crate::schema::Money)]
    pub account_max_fen: Fen,
    /// Most records waiting for upload; above it no new business starts.
    pub queue_max: u32,
    /// Oldest eligibility cache that offline business may rely on.
    pub cache_age_max_ms: i64,
    /// Largest difference to the center's clock before times count as doubtful.
    pub clock_skew_max_ms: i64,
    /// A record must be uploaded within this time, else it is flagged.
    pub upload_deadline_ms: i64,
    /// Booked records are kept at least this long.
    pub retention_ms: i64,
}

impl Default for OfflineLimits {
    /// What a terminal lives by until it hears from its center.
    fn default() -> Self {
        const HOUR_MS: i64 = 3_600_000;
        OfflineLimits {
            version: 0,
            amount_max_fen: Fen::from_yuan(3_000),
            account_max_fen: Fen::from_yuan(1_000),
            queue_max: 5_000,
            cache_age_max_ms: 72 * HOUR_MS,
            clock_skew_max_ms: HOUR_MS / 6,
            upload_deadline_ms: 24 * HOUR_MS,
            retention_ms: 90 * 24 * HOUR_MS,
        }
    }
}
