//! How a terminal becomes known to its center, and stays known.

use std::fmt;

use card_spec::region::RegionCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::TerminalId,
    signature::{PublicKey, Signature},
};

/// Purpose under which a terminal signs its certificate requests.
pub const PURPOSE: &str = "jinbao enrolment 1";

/// First contact: a one-time code, the keys and a certificate request; `Debug` leaves the code out.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentRequest {
    /// Terminal number, as in its PSAM.
    pub terminal: TerminalId,
    /// One-time code that the center's staff gave to the installer.
    pub code: String,
    /// Long-lived key that signs records.
    pub identity: PublicKey,
    /// PKCS #10 request for the TLS key, PEM.
    pub csr: String,
    /// By the identity key over the request's PEM: both keys are in one hand.
    pub signature: Signature,
}

impl fmt::Debug for EnrolmentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentRequest")
            .field("terminal", &self.terminal)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// What an enrolled terminal is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// TLS client certificate, PEM.
    pub certificate: String,
    /// The center's authority, PEM; TLS connections to the center end there.
    pub authority: String,
    /// Key that signs receipts, pages and documents.
    pub center: PublicKey,
    /// The city.
    #[schema(value_type = crate::schema::RegionCode)]
    pub city: RegionCode,
    /// Institution that the terminal stands in, code and name.
    pub institution_code: String,
    /// Its name.
    pub institution_name: String,
    /// Hospital level, 0 to 3.
    pub level: u8,
}

/// A new certificate for a known terminal; allowed after the old one has run out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RenewalRequest {
    /// Terminal number.
    pub terminal: TerminalId,
    /// PKCS #10 request for the new TLS key, PEM.
    pub csr: String,
    /// By the identity key over the request's PEM.
    pub signature: Signature,
}
