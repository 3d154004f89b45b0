//! The stream of changes that feeds a terminal's eligibility cache.

use std::fmt;

use card_spec::region::RegionCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    pension::Pension,
    signature::{Digest, PublicKey, Signature, SignatureError},
    timestamp::Timestamp,
};

/// Most changes of one page.
pub const PAGE_CHANGES_MAX: usize = 10_000;

/// Most bytes of one page.
pub const PAGE_BYTES_MAX: usize = 4 << 20;

/// Purpose under which the center signs the SHA-256 of a page.
pub const PURPOSE: &str = "jinbao feed page 1";

/// A page as it goes over the wire and may be kept: postcard bytes and the center's signature over them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedPage {
    /// A [`Page`] in postcard.
    pub page: Vec<u8>,
    /// The 64 bytes of the center's signature.
    pub signature: Vec<u8>,
}

/// Consecutive changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page {
    /// Whose people these are; a page of another city is refused.
    #[schema(value_type = crate::schema::RegionCode)]
    pub city: RegionCode,
    /// The feed's generation: when it changes, the cache starts again from nothing.
    pub epoch: u64,
    /// Cursor after which this page starts; 0 is the very beginning.
    pub after: u64,
    /// Cursor of the page's last change, or `after` when the page is empty.
    pub upto: u64,
    /// Cursor of the newest change there is, for progress.
    pub newest: u64,
    /// The center's clock when it made the page: the age of the cache counts from here when it is the last.
    pub as_of: Timestamp,
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change; `Debug` leaves out whom it concerns.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub enum Change {
    /// A person's entry is new or has changed; it replaces the old one whole.
    Person(Person),
    /// A person has left the city.
    PersonGone(u64),
    /// A card may no longer be used.
    CardBlocked {
        /// Card identification code without its MAC, 12 bytes.
        card: [u8; 12],
        /// Why.
        reason: BlockReason,
    },
    /// A card may be used again.
    CardFreed([u8; 12]),
    /// A person's pension is new or has changed; it replaces the old entry whole.
    Pension(Pension),
    /// No pension is paid to this person any more.
    PensionGone(u64),
}

/// What a terminal knows of an insured person; `Debug` leaves the key out.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The first 17 digits of the person number (see `PersonNumber::key`).
    pub key: u64,
    /// State of the person.
    pub state: PersonState,
    /// Insurance, code table insutype: 310 employee, 390 resident.
    pub insutype: u16,
    /// Code table psn_type, first two digits: 11 working, 12 retired, 15 resident.
    pub psn_type: u8,
    /// Civil servant supplement.
    pub civil_servant: bool,
    /// Contributions are paid up to this month, as year × 12 + month − 1.
    pub paid_until: u16,
    /// Year that the accumulations below belong to.
    pub year: u16,
    /// Deductible taken by outpatients this year, in fen; that of a stay does not count over the year.
    pub deductible_fen: u32,
    /// Pooled fund paid this year for outpatients, in fen.
    pub pooled_outpatient_fen: u32,
    /// Pooled fund paid this year for inpatients, in fen.
    pub pooled_inpatient_fen: u32,
    /// Inside the policy scope and not paid by the pooled fund this year, in fen.
    pub own_in_scope_fen: u32,
    /// Stays in hospital this year.
    pub stays: u8,
}

/// State of a person as eligibility sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum PersonState {
    /// Insured.
    Active,
    /// Benefits suspended (contributions or certification missing).
    Suspended,
    /// Insurance has ended.
    Ended,
    /// Deceased: whoever holds the card is not its holder.
    Deceased,
}

/// Why a card is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum BlockReason {
    /// Reported lost.
    Lost,
    /// Replaced by another card.
    Replaced,
    /// Its holder has died.
    Deceased,
    /// Under investigation.
    Fraud,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => f.debug_tuple("Person").field(person).finish(),
            Self::PersonGone(_) => f.write_str("PersonGone(…)"),
            Self::CardBlocked { reason, .. } => write!(f, "CardBlocked(…, {reason:?})"),
            Self::CardFreed(_) => f.write_str("CardFreed(…)"),
            Self::Pension(pension) => f.debug_tuple("Pension").field(pension).finish(),
            Self::PensionGone(_) => f.write_str("PensionGone(…)"),
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({:?}, {}, {})", self.state, self.insutype, self.year)
    }
}

impl SignedPage {
    /// Serialises and signs a page.
    pub fn sign(key: &ring::signature::Ed25519KeyPair, page: &Page) -> Result<Self, postcard::Error> {
        let page = postcard::to_stdvec(page)?;
        let signature = Signature::sign(key, PURPOSE, &Digest::of(&page).0).0.to_vec();
        Ok(SignedPage { page, signature })
    }

    /// Checks the signature and parses the page.
    ///
    /// Errors: `Signature`, `Content` (also for more than [`PAGE_CHANGES_MAX`] changes).
    pub fn open(&self, key: &PublicKey) -> Result<Page, PageError> {
        let signature: [u8; 64] = self.signature.as_slice().try_into().map_err(|_| PageError::Signature)?;
        // Over the digest: a thousand pages are checked in a first fill, and most processors have instructions
        // for SHA-256, few for the SHA-512 inside of Ed25519.
        key.verify(PURPOSE, &Digest::of(&self.page).0, &Signature(signature))
            .map_err(|SignatureError| PageError::Signature)?;
        let page: Page = postcard::from_bytes(&self.page).map_err(|_| PageError::Content)?;
        if page.changes.len() > PAGE_CHANGES_MAX || page.upto < page.after {
            return Err(PageError::Content);
        }
        Ok(page)
    }
}

/// Why a page cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageError {
    /// Not signed by the city center.
    Signature,
    /// Signed, but not a page this version can read.
    Content,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the feed page is not signed by the city center",
            Self::Content => "the feed page cannot be read by this version",
        })
    }
}

impl std::error::Error for PageError {}

/// Asks the center about one person: not in the cache, or the cache is too old. `Debug` leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonQuery {
    /// The whole number; it travels in a body, never in an address.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: card_spec::person::PersonNumber,
    /// The card that the person shows, to hear whether it is blocked: identification code without its MAC.
    #[serde(default, with = "optional_card", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::schema::CardKey>)]
    pub card: Option<[u8; 12]>,
}

impl fmt::Debug for PersonQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonQuery").field("person", &self.person).finish_non_exhaustive()
    }
}

/// Twelve bytes of a card as 24 hexadecimal digits.
pub(crate) mod optional_card {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(card: &Option<[u8; 12]>, to: S) -> Result<S::Ok, S::Error> {
        match card {
            Some(card) => to.serialize_str(&hex::encode(card)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[u8; 12]>, D::Error> {
        let Some(text) = Option::<std::borrow::Cow<'de, str>>::deserialize(from)? else { return Ok(None) };
        let mut card = [0; 12];
        hex::decode_to_slice(text.as_bytes(), &mut card)
            .map_err(|_| D::Error::custom("a card is named with 24 hexadecimal digits"))?;
        Ok(Some(card))
    }
}

/// The center's answer about one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonAnswer {
    /// City that insures the person, when one is known.
    #[schema(value_type = Option<crate::schema::RegionCode>)]
    pub city: Option<RegionCode>,
    /// The entry, when this center holds it.
    pub person: Option<Person>,
    /// Why the card that was asked about is blocked; `None` when it is not, or none was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockReason>,
    /// The center's clock.
    pub as_of: Timestamp,
}
