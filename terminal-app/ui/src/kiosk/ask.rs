//! What a kiosk asks for, and what it is answered: closed lists, so that the face stays without books and cards.

use card_spec::{money::Fen, person::PersonNumber};
use edge::counter::Counter;
use protocol::{
    calendar::{Day, Period},
    evidence::FingerPosition,
    policy::Purpose,
    service::{
        Account, Article, ArticleLine, CardsAnswer, CertificationAnswer, Contributions, Cursor, DuesAnswer,
        Locked, MONTHS_MAX, OfficeLine, PAGE_ROWS_MAX, PensionsAnswer, Search, SeekWork, Treatments, Vacancy,
        VacancyLine, contribution::UnemploymentAnswer, work::WorkAnswer,
    },
};
use terminal::{
    error::{Error, MoneyOutcome},
    flows::service::{CardAccount, Shown},
    holder::{
        ProofError,
        finger::{FingerFailure, Rung},
    },
    ports::LinkError,
    receipt::Slip,
    session::SessionError,
};

use crate::trouble::Trouble;

/// Rows of a page of a person's movements and treatments.
pub const ROWS: u8 = 20;

/// Most articles, offices and vacancies that are looked through.
pub const DOCUMENTS_MAX: usize = 300;

/// What is asked for.
#[derive(Clone)]
pub enum Ask {
    /// Balance and movements of the personal account.
    Account,
    /// Contributions of a year up to this month; `None` for the latest.
    Contributions {
        /// Latest month.
        until: Option<Period>,
    },
    /// Treatments, from the newest or after a row.
    Treatments {
        /// Goes on after this row.
        after: Option<Cursor>,
    },
    /// Months of the pension.
    Pensions,
    /// Until when the certification holds.
    Certification,
    /// The person's cards.
    Cards,
    /// The registration as seeking work.
    Registration,
    /// Unemployment benefit.
    Unemployment,
    /// Contributions that are due.
    Dues,
    /// Registers as seeking work.
    SeekWork {
        /// What work.
        wish: String,
        /// The least that a month should bring.
        wage_min: Fen,
        /// Where the person can be called.
        phone: String,
    },
    /// Takes the registration back.
    StopSeekingWork,
    /// Locks the person's other cards, and this one as well.
    ReportLoss {
        /// This one too.
        this_card: bool,
    },
    /// Locks the cards of somebody who has none here.
    ReportLossWithoutCard {
        /// The whole number.
        person: PersonNumber,
        /// The name as the center has it.
        name: String,
    },
    /// Certifies the holder, who was proved by a finger.
    Certify,
    /// All articles by title.
    Articles,
    /// One article.
    Article(String),
    /// Offices, the nearest first.
    Offices,
    /// Vacancies, the nearest first.
    Vacancies,
    /// One vacancy.
    Vacancy(String),
}

/// Leaves out what a person has typed.
impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Account => "Account",
            Self::Contributions { .. } => "Contributions",
            Self::Treatments { .. } => "Treatments",
            Self::Pensions => "Pensions",
            Self::Certification => "Certification",
            Self::Cards => "Cards",
            Self::Registration => "Registration",
            Self::Unemployment => "Unemployment",
            Self::Dues => "Dues",
            Self::SeekWork { .. } => "SeekWork(…)",
            Self::StopSeekingWork => "StopSeekingWork",
            Self::ReportLoss { .. } => "ReportLoss",
            Self::ReportLossWithoutCard { .. } => "ReportLossWithoutCard(…)",
            Self::Certify => "Certify",
            Self::Articles => "Articles",
            Self::Article(_) => "Article",
            Self::Offices => "Offices",
            Self::Vacancies => "Vacancies",
            Self::Vacancy(_) => "Vacancy",
        })
    }
}

/// What is answered.
#[derive(Clone)]
pub enum Answer {
    /// To [`Ask::Account`]: what the card says, and what the center says. One of them is there.
    Account {
        /// The card's own account; `None` where it has none or the PIN was not typed.
        card: Option<Box<Shown<CardAccount>>>,
        /// The center's movements, or why there are none.
        center: Result<Box<Shown<Account>>, Trouble>,
    },
    /// To [`Ask::Contributions`].
    Contributions {
        /// What the center says.
        shown: Shown<Contributions>,
        /// Latest month of the year that was asked for.
        until: Period,
    },
    /// To [`Ask::Treatments`].
    Treatments(Shown<Treatments>),
    /// To [`Ask::Pensions`].
    Pensions(Shown<PensionsAnswer>),
    /// To [`Ask::Certification`].
    Certification(Shown<CertificationAnswer>),
    /// To [`Ask::Cards`].
    Cards(Shown<CardsAnswer>),
    /// To everything about seeking work.
    Work(Shown<WorkAnswer>),
    /// To [`Ask::Unemployment`].
    Unemployment(Shown<UnemploymentAnswer>),
    /// To [`Ask::Dues`].
    Dues(Shown<DuesAnswer>),
    /// To both reports of loss.
    Locked(Locked),
    /// To [`Ask::Certify`].
    Certified {
        /// Holds up to this day.
        until: Day,
        /// To be printed.
        slip: Box<Slip>,
    },
    /// To [`Ask::Articles`].
    Articles(Shown<Vec<ArticleLine>>),
    /// To [`Ask::Article`].
    Article(Shown<Option<Box<Article>>>),
    /// To [`Ask::Offices`].
    Offices(Shown<Vec<OfficeLine>>),
    /// To [`Ask::Vacancies`].
    Vacancies(Shown<Vec<VacancyLine>>),
    /// To [`Ask::Vacancy`].
    Vacancy(Shown<Option<Box<Vacancy>>>),
}

/// Says only that there is one.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer(…)")
    }
}

/// What kind of stop it is, as far as the face goes on differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A wrong PIN: typed again.
    WrongPin,
    /// An initial PIN: has to be changed first.
    InitialPin,
    /// The new PIN is none, or its two entries differ: typed again.
    NewPin,
    /// The PIN is blocked.
    PinBlocked,
    /// The card does not answer any more: it was pulled, or does not touch.
    CardGone,
    /// Nobody knows who stands there, or not any more.
    ProofFirst,
    /// A finger is asked for, not a PIN.
    FingerFirst,
    /// The fingerprint sensor does not answer.
    NoSensor,
    /// The center cannot be reached.
    Offline,
    /// Anything else.
    Other,
}

/// Why something did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What kind of stop.
    pub kind: Kind,
    /// Whether it is certain that nothing has changed.
    pub unchanged: bool,
    /// In words.
    pub trouble: Box<Trouble>,
}

impl Stop {
    /// Of an error of a flow.
    pub fn of(error: Error) -> Self {
        let kind = match &error {
            Error::Session(SessionError::WrongPin { .. }) => Kind::WrongPin,
            Error::Session(SessionError::Pin(card_spec::error::PinError::Initial)) => Kind::InitialPin,
            Error::Session(SessionError::PinsDiffer | SessionError::Pin(_)) => Kind::NewPin,
            Error::Session(SessionError::PinBlocked) => Kind::PinBlocked,
            Error::Session(SessionError::PinFirst) | Error::Proof(ProofError::ProofFirst) => Kind::ProofFirst,
            Error::Session(error) if error.contact_lost() => Kind::CardGone,
            Error::Session(SessionError::CardFirst) => Kind::CardGone,
            Error::Proof(ProofError::FingerFirst | ProofError::TooWeak { .. }) => Kind::FingerFirst,
            Error::Finger(why) if Cause::of(*why) == Cause::Sensor => Kind::NoSensor,
            Error::Link(LinkError::Down { .. } | LinkError::Lost { .. }) => Kind::Offline,
            _ => Kind::Other,
        };
        let uncertain = matches!(
            &error,
            Error::Session(
                SessionError::PinUnknown { .. }
                    | SessionError::PinChangeUnknown { .. }
                    | SessionError::FingerUnknown { .. }
                    | SessionError::WrongPin { .. }
            ) | Error::Link(LinkError::Lost { .. })
        );
        let unchanged = !uncertain && error.money() == MoneyOutcome::NotDone;
        Stop { kind, unchanged, trouble: Box::new(Trouble::of(&error.into())) }
    }
}

/// Why a finger did not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The image, or the time.
    #[default]
    Image,
    /// It is none of those on the card.
    Stranger,
    /// The sensor does not answer, or is another than was set up.
    Sensor,
}

impl Cause {
    fn of(why: FingerFailure) -> Self {
        match why {
            FingerFailure::NoMatch => Self::Stranger,
            FingerFailure::NoSensor | FingerFailure::SensorUnbound | FingerFailure::SensorChanged => {
                Self::Sensor
            }
            _ => Self::Image,
        }
    }
}

/// What an attempt with a finger has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fingered {
    /// It is the holder's.
    Proved,
    /// Not yet: why, and which finger may be tried with how many attempts more.
    Failed {
        /// Why, as far as the face goes on differently.
        cause: Cause,
        /// Why, in the terminal's words.
        trouble: Trouble,
        /// The next finger; `None` when no finger will decide.
        next: Option<(FingerPosition, u8)>,
    },
}

/// One attempt with a finger.
pub(super) fn finger(counter: &mut Counter, purpose: Purpose) -> Result<Fingered, Error> {
    use terminal::flows::FingerCheck;
    Ok(match counter.flows.check_finger(purpose, None)? {
        FingerCheck::Proved(_) => Fingered::Proved,
        FingerCheck::Failed { why, next } => Fingered::Failed {
            cause: Cause::of(why),
            trouble: Trouble::of(&Error::Finger(why).into()),
            next: match next {
                Rung::Finger { position, tries_left } => Some((position, tries_left)),
                Rung::Clerk { .. } => None,
            },
        },
    })
}

/// Asks.
pub(super) fn ask(counter: &mut Counter, ask: Ask) -> Result<Answer, Error> {
    let now = counter.cabinet.now();
    let flows = &mut counter.flows;
    Ok(match ask {
        Ask::Account => return account(counter),
        Ask::Contributions { until } => {
            let until = until.unwrap_or_else(|| Period::of(now));
            let months = MONTHS_MAX.min(12);
            Answer::Contributions { shown: flows.contributions(until, months)?, until }
        }
        Ask::Treatments { after } => Answer::Treatments(flows.treatments(after, ROWS)?),
        Ask::Pensions => Answer::Pensions(flows.pension_payments(None, ROWS)?),
        Ask::Certification => Answer::Certification(flows.certification_state()?),
        Ask::Cards => Answer::Cards(flows.card_states()?),
        Ask::Registration => Answer::Work(flows.work_registration()?),
        Ask::Unemployment => Answer::Unemployment(flows.unemployment()?),
        Ask::Dues => Answer::Dues(flows.dues()?),
        Ask::SeekWork { wish, wage_min, phone } => {
            let city = counter.cabinet.config.place.city;
            let district = flows.cache().here().ok().and_then(|here| here.district).unwrap_or(city);
            Answer::Work(flows.seek_work(SeekWork { wish, district, wage_min, phone })?)
        }
        Ask::StopSeekingWork => Answer::Work(flows.stop_seeking_work()?),
        Ask::ReportLoss { this_card } => Answer::Locked(flows.report_other_cards_lost(this_card)?),
        Ask::ReportLossWithoutCard { person, name } => {
            Answer::Locked(flows.report_loss_without_card(person, &name)?)
        }
        Ask::Certify => {
            let certified = flows.certify()?;
            Answer::Certified { until: certified.until, slip: Box::new(certified.slip) }
        }
        Ask::Articles => Answer::Articles(all_pages(|search| {
            let shown = flows.articles(search)?;
            Ok((shown.content.articles, shown.content.next, shown.from))
        })?),
        Ask::Article(code) => {
            let shown = flows.article(&code)?;
            Answer::Article(Shown { content: shown.content.map(Box::new), from: shown.from })
        }
        Ask::Offices => Answer::Offices(all_pages(|search| {
            let shown = flows.offices(search)?;
            Ok((shown.content.offices, shown.content.next, shown.from))
        })?),
        Ask::Vacancies => Answer::Vacancies(all_pages(|search| {
            let shown = flows.vacancies(search)?;
            Ok((shown.content.vacancies, shown.content.next, shown.from))
        })?),
        Ask::Vacancy(code) => {
            let shown = flows.vacancy(&code)?;
            Answer::Vacancy(Shown { content: shown.content.map(Box::new), from: shown.from })
        }
    })
}

/// What the card says counts without a line; what only the center says is told to be missing.
fn account(counter: &mut Counter) -> Result<Answer, Error> {
    let card = match counter.flows.card_account() {
        Ok(shown) => Some(Box::new(shown)),
        Err(Error::Session(SessionError::NoMedicalAccount | SessionError::PinFirst)) => None,
        Err(error) => return Err(error),
    };
    let center = match counter.flows.account_movements(None, ROWS) {
        Ok(shown) => Ok(Box::new(shown)),
        Err(error) if card.is_none() => return Err(error),
        Err(error) => Err(Trouble::of(&error.into())),
    };
    Ok(Answer::Account { card, center })
}

type Page<T> = (Vec<T>, Option<Cursor>, terminal::flows::service::ShownFrom);

/// Page after page, up to [`DOCUMENTS_MAX`].
fn all_pages<T>(mut page: impl FnMut(&Search) -> Result<Page<T>, Error>) -> Result<Shown<Vec<T>>, Error> {
    let mut search = Search { rows: PAGE_ROWS_MAX, ..Search::default() };
    let (mut content, mut next, mut from) = page(&search)?;
    while next.is_some() && content.len() < DOCUMENTS_MAX {
        search.after = next;
        let (more, after, source) = page(&search)?;
        if more.is_empty() {
            break;
        }
        content.extend(more);
        (next, from) = (after, source);
    }
    content.truncate(DOCUMENTS_MAX);
    Ok(Shown { content, from })
}
