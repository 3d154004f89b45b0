//! Public service (公共服务): what a cardholder at a kiosk and a clerk at a desk ask the center for.
//!
//! Three kinds of requests. [`PublicQuestion`] is about what hangs on the wall: articles, offices, vacancies; any
//! enrolled terminal may ask. [`PersonalRequest`] is about one person and takes a proof that the holder of the
//! card is there, made a short time ago. [`LossReport`] locks cards and can be made by somebody whose card is gone.
//! What a terminal may ask depends on the [`Desk`] that it stands at.

use std::fmt;

use card_spec::person::PersonNumber;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{calendar::Period, evidence::HolderProof, timestamp::Timestamp};

pub mod account;
pub mod card;
pub mod contribution;
pub mod document;
pub mod failed;
pub mod payment;
pub mod search;
pub mod work;

pub use account::{Account, Movement, MovementKind, Treatment, Treatments};
pub use card::{
    CardLine, CardsAnswer, CertificationAnswer, Locked, LossReport, PensionMonth, PensionsAnswer,
};
pub use contribution::{
    Contribution, ContributionKind, ContributionState, Contributions, Due, DuesAnswer, Fund, Payer,
    Unemployment, UnemploymentState,
};
pub use document::{
    Article, ArticleLine, ArticleList, Document, DocumentChange, DocumentChanges, DocumentKind, Here, Office,
    OfficeLine, OfficeList, Place, Vacancy, VacancyLine, VacancyList,
};
pub use failed::{FailedAnswer, FailedPayment, FailedQuery, NextStep};
pub use payment::{HoldAnswer, HoldDues};
pub use search::Search;
pub use work::{SeekWork, Seeker, TakenBy};

/// Most rows of one page.
pub const PAGE_ROWS_MAX: u8 = 50;

/// Rows of a page where the one who asks does not care.
pub const PAGE_ROWS: u8 = 10;

/// Most months of one page of contributions.
pub const MONTHS_MAX: u8 = 24;

/// Longest search, in bytes.
pub const SEARCH_BYTES_MAX: usize = 150;

/// Oldest proof of the holder that a personal question may rest on: a sitting at a kiosk.
pub const PROOF_AGE_MS_MAX: i64 = 15 * 60_000;

/// Longest number of an operator, in bytes.
pub const OPERATOR_BYTES_MAX: usize = 64;

/// How far ahead of the center's clock a proof may lie.
pub const PROOF_AHEAD_MS_MAX: i64 = 5 * 60_000;

/// The last row of a page: the next one goes on after it. Made by the center and handed back as it is.
///
/// Rows that appear or go meanwhile neither shift nor repeat the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Cursor {
    /// Place in the order of the list.
    pub rank: i64,
    /// What tells rows of one place apart.
    pub name: String,
}

impl Cursor {
    /// Whether it can be one of a center's.
    pub fn sound(&self) -> bool {
        self.name.len() <= document::CODE_BYTES_MAX
    }
}

/// What a terminal stands for (窗口类型), by which the center decides what it may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Desk {
    /// A hospital's counter; also every terminal of which nothing else is written down.
    Hospital,
    /// A pharmacy.
    Pharmacy,
    /// A bank's or post office's counter.
    Bank,
    /// The counter of a community.
    Community,
    /// The counter of a tax office.
    Tax,
    /// A kiosk that nobody attends.
    Kiosk,
}

/// What a personal question is about, without its details: for rights, limits and the list of who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// The personal account.
    Movements,
    /// The record of contributions.
    Contributions,
    /// Treatments and how they were settled.
    Treatments,
    /// Months of a pension.
    Pensions,
    /// Living certification.
    Certification,
    /// The person's cards.
    Cards,
    /// A report of loss.
    Loss,
    /// The register of those who seek work.
    Work,
    /// Unemployment benefit.
    Unemployment,
    /// Contributions that are due.
    Dues,
    /// Paying contributions that are due.
    PayDues,
    /// Pensions of the branch that were not booked.
    FailedPayments,
}

impl Desk {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Hospital, Self::Pharmacy, Self::Bank, Self::Community, Self::Tax, Self::Kiosk];

    /// Whether a terminal of this kind may ask about that: no more than the work at such a desk needs.
    pub fn may(self, subject: Subject) -> bool {
        use Subject::{
            Cards, Certification, Contributions, Dues, FailedPayments, Loss, Movements, PayDues, Pensions,
            Treatments,
        };
        match self {
            // Nobody is there to take money, or to look into what went wrong.
            Self::Kiosk => !matches!(subject, PayDues | FailedPayments),
            Self::Community => true,
            Self::Hospital => matches!(subject, Movements | Treatments | Cards | Loss),
            Self::Pharmacy => matches!(subject, Movements | Cards | Loss),
            Self::Bank => matches!(
                subject,
                Movements | Pensions | Certification | Cards | Loss | Dues | PayDues | FailedPayments
            ),
            Self::Tax => matches!(subject, Contributions | Dues | PayDues | Cards),
        }
    }
}

/// Who asks about himself: the person, and how the terminal knows that the holder of the card is there.
///
/// The proof names the card. The center takes it when it is at most [`PROOF_AGE_MS_MAX`] old, suffices for a
/// visit by the policy of proofs, and the card is this person's and not blocked. `Debug` masks the person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asker {
    /// The whole number; it travels in a body, never in an address.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// How the holder was known, and with which card.
    pub proof: HolderProof,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("person", &self.person).field("proof", &self.proof).finish()
    }
}

/// A question of one person about himself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonalRequest {
    /// Who asks.
    pub asker: Asker,
    /// What.
    pub question: PersonalQuestion,
    /// Number of the operator at the desk; `None` where nobody attends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

impl PersonalRequest {
    /// Whether the question and the operator's number are within their limits.
    pub fn sound(&self) -> bool {
        self.question.sound() && self.operator.as_deref().is_none_or(operator_sound)
    }
}

/// What a person can ask about himself, or change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "ask", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PersonalQuestion {
    /// Movements of the personal account (个人账户收支), newest first.
    Movements {
        /// Goes on after this row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cursor>,
        /// Most rows, at most [`PAGE_ROWS_MAX`].
        rows: u8,
    },
    /// Contributions by month (缴费记录), latest month first.
    Contributions {
        /// Latest month.
        until: Period,
        /// How many months, at most [`MONTHS_MAX`].
        months: u8,
    },
    /// Settled treatments (就诊结算), newest first.
    Treatments {
        /// Goes on after this row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cursor>,
        /// Most rows, at most [`PAGE_ROWS_MAX`].
        rows: u8,
    },
    /// Months of the pension that were paid (养老金发放), latest month first, and what stands out.
    Pensions {
        /// Goes on after this row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cursor>,
        /// Most rows, at most [`PAGE_ROWS_MAX`].
        rows: u8,
    },
    /// Until when the living certification holds (资格认证).
    Certification,
    /// The person's cards and whether they are blocked (卡状态).
    Cards,
    /// Registers as seeking work (求职登记) or replaces the registration: one for each person.
    SeekWork(SeekWork),
    /// Takes the registration back.
    StopSeekingWork,
    /// The registration as it stands.
    Seeker,
    /// Unemployment benefit (失业保险金).
    Unemployment,
    /// Contributions of flexible employment and residents' insurance that are due (应缴费款).
    Dues,
}

impl PersonalQuestion {
    /// What it is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Movements { .. } => Subject::Movements,
            Self::Contributions { .. } => Subject::Contributions,
            Self::Treatments { .. } => Subject::Treatments,
            Self::Pensions { .. } => Subject::Pensions,
            Self::Certification => Subject::Certification,
            Self::Cards => Subject::Cards,
            Self::SeekWork(_) | Self::StopSeekingWork | Self::Seeker => Subject::Work,
            Self::Unemployment => Subject::Unemployment,
            Self::Dues => Subject::Dues,
        }
    }

    /// Whether its numbers and texts are within their limits.
    pub fn sound(&self) -> bool {
        match self {
            Self::Movements { after, rows }
            | Self::Treatments { after, rows }
            | Self::Pensions { after, rows } => page_sound(after.as_ref(), *rows),
            Self::Contributions { months, .. } => (1..=MONTHS_MAX).contains(months),
            Self::SeekWork(seek) => seek.sound(),
            Self::Certification
            | Self::Cards
            | Self::StopSeekingWork
            | Self::Seeker
            | Self::Unemployment
            | Self::Dues => true,
        }
    }
}

/// Whether a text can be an operator's number.
pub(crate) fn operator_sound(number: &str) -> bool {
    (1..=OPERATOR_BYTES_MAX).contains(&number.len()) && !number.contains(char::is_control)
}

/// Whether a page can be asked for so.
pub(crate) fn page_sound(after: Option<&Cursor>, rows: u8) -> bool {
    (1..=PAGE_ROWS_MAX).contains(&rows) && after.is_none_or(Cursor::sound)
}

/// The answer to a personal question; `as_of` is the center's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonalReply {
    /// What the center holds.
    pub answer: PersonalAnswer,
    /// The center's clock.
    pub as_of: Timestamp,
}

/// What the center holds of a person, by question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "about", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PersonalAnswer {
    /// To [`PersonalQuestion::Movements`].
    Movements(Account),
    /// To [`PersonalQuestion::Contributions`].
    Contributions(Contributions),
    /// To [`PersonalQuestion::Treatments`].
    Treatments(Treatments),
    /// To [`PersonalQuestion::Pensions`].
    Pensions(PensionsAnswer),
    /// To [`PersonalQuestion::Certification`].
    Certification(CertificationAnswer),
    /// To [`PersonalQuestion::Cards`].
    Cards(CardsAnswer),
    /// To everything about seeking work: the registration as it stands now.
    Work(work::WorkAnswer),
    /// To [`PersonalQuestion::Unemployment`].
    Unemployment(contribution::UnemploymentAnswer),
    /// To [`PersonalQuestion::Dues`].
    Dues(DuesAnswer),
}

/// What anybody may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "ask", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PublicQuestion {
    /// Policy articles (政策问答), the best fit first.
    Articles(Search),
    /// One article with its whole text.
    Article {
        /// Its code.
        code: String,
    },
    /// Offices (经办机构), the nearest first.
    Offices(Search),
    /// Vacancies (招聘岗位), the nearest district first.
    Vacancies(Search),
    /// One vacancy with its whole text.
    Vacancy {
        /// Its code.
        code: String,
    },
}

impl PublicQuestion {
    /// Whether its numbers and texts are within their limits.
    pub fn sound(&self) -> bool {
        match self {
            Self::Articles(search) | Self::Offices(search) | Self::Vacancies(search) => search.sound(),
            Self::Article { code } | Self::Vacancy { code } => code.len() <= document::CODE_BYTES_MAX,
        }
    }
}

/// The answer to a public question; `as_of` is the center's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicReply {
    /// What the center holds.
    pub answer: PublicAnswer,
    /// The center's clock.
    pub as_of: Timestamp,
}

/// Public documents, by question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "about", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PublicAnswer {
    /// To [`PublicQuestion::Articles`].
    Articles(ArticleList),
    /// To [`PublicQuestion::Article`]; `None` when it is not published (any more).
    Article {
        /// The article.
        article: Option<Article>,
    },
    /// To [`PublicQuestion::Offices`].
    Offices(OfficeList),
    /// To [`PublicQuestion::Vacancies`].
    Vacancies(VacancyList),
    /// To [`PublicQuestion::Vacancy`]; `None` when it is not published (any more).
    Vacancy {
        /// The vacancy.
        vacancy: Option<Vacancy>,
    },
}

#[cfg(test)]
mod tests {
    use super::{Desk, Subject};

    #[test]
    fn no_desk_asks_for_more_than_its_work() {
        assert!(Desk::ALL.iter().all(|desk| desk.may(Subject::Cards)));
        for (desk, subject) in [
            (Desk::Hospital, Subject::Contributions),
            (Desk::Hospital, Subject::Work),
            (Desk::Pharmacy, Subject::Treatments),
            (Desk::Bank, Subject::Treatments),
            (Desk::Tax, Subject::Movements),
            (Desk::Tax, Subject::Loss),
            (Desk::Kiosk, Subject::PayDues),
            (Desk::Hospital, Subject::PayDues),
            (Desk::Tax, Subject::FailedPayments),
        ] {
            assert!(!desk.may(subject), "{desk:?} {subject:?}");
        }
    }
}
