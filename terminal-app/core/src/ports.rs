//! What the terminal's logic needs from outside and is given: chance and the line to the center.
//!
//! Devices and clocks are in `hal`. Nothing in this crate opens a path or a socket by itself.

use std::fmt;

use protocol::{
    account::{LoadAnswer, LoadRequest},
    feed::{PersonAnswer, PersonQuery, SignedPage},
    notice::Noted,
    pension::{PensionAnswer, PensionQuery},
    problem::ProblemKind,
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    service::{
        FailedAnswer, FailedQuery, HoldAnswer, HoldDues, Locked, LossReport, PersonalReply, PersonalRequest,
        PublicQuestion, PublicReply,
    },
    signature::Signed,
    upload::{Batch, BatchAnswer, ChainHead, Problem},
};

/// A source of unpredictable bytes.
pub trait Random {
    /// Fills the buffer.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The line to the city center, each call bounded in time by the one who implements it.
pub trait CenterLink {
    /// Where the center's copy of this terminal's chain ends.
    fn chain_head(&mut self) -> Result<ChainHead, LinkError>;

    /// Uploads a batch. The same batch may be sent again after any error.
    fn upload(&mut self, batch: &Batch) -> Result<BatchAnswer, LinkError>;

    /// The page of changes after a cursor. `epoch` is the feed's generation that the cursor belongs to, 0 if
    /// there is none yet.
    fn feed(&mut self, epoch: u64, after: u64) -> Result<SignedPage, LinkError>;

    /// The rules (a signed `RulesSet`) when the center has a newer revision than this one.
    fn rules(&mut self, revision: u64) -> Result<Option<Signed>, LinkError>;

    /// The offline limits (a signed `OfflineLimits`) when the center has a newer version than this one.
    fn limits(&mut self, version: u64) -> Result<Option<Signed>, LinkError>;

    /// What the center knows of one person now.
    fn person(&mut self, query: &PersonQuery) -> Result<PersonAnswer, LinkError>;

    /// The proof policy (a signed `ProofPolicy`) when the center has a newer version than this one.
    fn policy(&mut self, version: u64) -> Result<Option<Signed>, LinkError>;

    /// What the center knows of one person's pension now.
    fn pension(&mut self, query: &PensionQuery) -> Result<PensionAnswer, LinkError>;

    /// The center's answer for loading the personal account. The same request may be sent again.
    fn load(&mut self, request: &LoadRequest) -> Result<LoadAnswer, LinkError>;

    /// The answer to a person about himself.
    fn personal(&mut self, request: &PersonalRequest) -> Result<PersonalReply, LinkError> {
        let _ = request;
        no_public_service()
    }

    /// Sets dues aside for one payment. The same request may be sent again.
    fn hold_dues(&mut self, request: &HoldDues) -> Result<HoldAnswer, LinkError> {
        let _ = request;
        no_public_service()
    }

    /// Pensions of this branch that were not booked.
    fn failed_payments(&mut self, query: &FailedQuery) -> Result<FailedAnswer, LinkError> {
        let _ = query;
        no_public_service()
    }

    /// Locks a person's cards. The same report may be sent again.
    fn report_loss(&mut self, report: &LossReport) -> Result<Locked, LinkError> {
        let _ = report;
        no_public_service()
    }

    /// What anybody may know.
    fn public(&mut self, question: &PublicQuestion) -> Result<PublicReply, LinkError> {
        let _ = question;
        no_public_service()
    }

    /// The page of changes of the public documents after a cursor (a signed `DocumentChanges`).
    fn public_documents(&mut self, epoch: u64, after: u64) -> Result<Signed, LinkError> {
        let _ = (epoch, after);
        no_public_service()
    }

    /// Tells the center of this terminal: a signed `Notice`. The same one may be told again. A line that has no
    /// way for it says `Down`, and it is told another time.
    fn notice(&mut self, notice: &Signed) -> Result<Noted, LinkError> {
        let _ = notice;
        Err(LinkError::Down { detail: "this line takes no notices".to_owned() })
    }

    /// The center's sums over a span of the chain.
    fn reconcile(&mut self, request: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError>;
}

/// What a line answers that leads to a center without public service.
fn no_public_service<T>() -> Result<T, LinkError> {
    Err(LinkError::Refused(Problem::new(ProblemKind::NotFound, "no public service at this center")))
}

/// Why the center gave no answer, or another one than hoped for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// No connection: cable, router, center. The request was not carried out.
    Down {
        /// What the system said; holds no personal data.
        detail: String,
    },
    /// The connection broke or the time was over after the request had gone out: it may have been carried out.
    Lost {
        /// What the system said; holds no personal data.
        detail: String,
    },
    /// The center's certificate is not from our authority, or not for this name. For the installer.
    WrongCertificate,
    /// A certificate, the center's or ours, is out of date by this terminal's clock. For the installer.
    ExpiredCertificate,
    /// The center does not accept our certificate. For the installer.
    NotAccepted,
    /// The center refused, and says why.
    Refused(Problem),
    /// The center's answer cannot be read: of another version, or not our center.
    Answer {
        /// What was wrong.
        detail: String,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down { detail } => write!(f, "no connection to the center: {detail}"),
            Self::Lost { detail } => write!(f, "connection to the center lost: {detail}"),
            Self::WrongCertificate => f.write_str("the center's certificate is not from our authority"),
            Self::ExpiredCertificate => f.write_str("a certificate is out of date"),
            Self::NotAccepted => f.write_str("the center does not accept this terminal's certificate"),
            Self::Refused(problem) => {
                write!(f, "the center refused ({}): {}", problem.status, problem.detail)
            }
            Self::Answer { detail } => write!(f, "the center's answer cannot be read: {detail}"),
        }
    }
}

impl std::error::Error for LinkError {}
