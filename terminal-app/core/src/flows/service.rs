//! Public service at a kiosk or a desk: one method for each question.
//!
//! | about | needs | while the line is down |
//! |---|---|---|
//! | articles, offices, vacancies | nothing | from the copy here, with its age |
//! | the card's own account: balance and log | the PIN | from the card itself |
//! | everything else about a person | a card whose holder was proved within the last 15 minutes | not to be had |
//!
//! What the center says of a person is handed to the caller and kept nowhere.

use card_spec::{account::LogRecord, money::Fen, person::PersonNumber};
use protocol::{
    calendar::{Day, Period},
    evidence::{HolderProof, Way},
    policy::Purpose,
    problem::ProblemKind,
    service::{
        Account, Article, ArticleList, Asker, CardsAnswer, CertificationAnswer, Contributions, Cursor,
        DuesAnswer, Locked, LossReport, OfficeList, PROOF_AGE_MS_MAX, PensionsAnswer, PersonalAnswer,
        PersonalQuestion, PersonalRequest, PublicAnswer, PublicQuestion, Search, SeekWork, Treatments,
        Vacancy, VacancyList, contribution::UnemploymentAnswer, work::WorkAnswer,
    },
    timestamp::Timestamp,
};

use super::Terminal;
use crate::{error::Error, holder::ProofError, ports::LinkError, progress::Progress};

mod split;

pub use split::{SplitLine, SplitPart, split_of};

/// Something to show, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<T> {
    /// What is shown.
    pub content: T,
    /// Where it comes from.
    pub from: ShownFrom,
}

/// Where it comes from, to be said beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownFrom {
    /// The center, just now.
    Center {
        /// The center's clock.
        as_of: Timestamp,
    },
    /// This terminal's copy, because the center cannot be reached.
    Copy {
        /// When the copy was last complete, by the center's clock; `None` when it never was.
        as_of: Option<Timestamp>,
        /// How old that is.
        age_ms: Option<i64>,
    },
    /// The card itself, just now.
    Card,
}

/// What the card itself tells of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardAccount {
    /// The balance.
    pub balance: Fen,
    /// The card's own log, newest first.
    pub log: Vec<LogRecord>,
}

/// Takes the answer that belongs to the question; another one is not from our center.
macro_rules! take {
    ($reply:expr, $answer:path) => {{
        let (answer, from) = $reply;
        match answer {
            $answer(content) => Ok(Shown { content, from }),
            _ => Err(other_answer()),
        }
    }};
}

fn other_answer() -> Error {
    LinkError::Answer { detail: "an answer to another question".into() }.into()
}

impl Terminal {
    // What anybody may know.

    /// Policy articles, the best fit first.
    ///
    /// Errors: `Link` for a refusal of the center, `Cache`.
    pub fn articles(&mut self, search: &Search) -> Result<Shown<ArticleList>, Error> {
        match self.ask_public(&PublicQuestion::Articles(search.clone()))? {
            Some((PublicAnswer::Articles(content), from)) => Ok(Shown { content, from }),
            Some(_) => Err(other_answer()),
            None => {
                let content = search.articles(&self.cache.articles()?);
                Ok(Shown { content, from: self.copy_age()? })
            }
        }
    }

    /// One article with its text; `None` when it is not published any more, or not in the copy here.
    ///
    /// Errors: as for [`Terminal::articles`].
    pub fn article(&mut self, code: &str) -> Result<Shown<Option<Article>>, Error> {
        match self.ask_public(&PublicQuestion::Article { code: code.to_owned() })? {
            Some((PublicAnswer::Article { article }, from)) => Ok(Shown { content: article, from }),
            Some(_) => Err(other_answer()),
            None => {
                let content = self.cache.articles()?.into_iter().find(|article| article.code == code);
                Ok(Shown { content, from: self.copy_age()? })
            }
        }
    }

    /// Offices, the nearest first.
    ///
    /// Errors: as for [`Terminal::articles`].
    pub fn offices(&mut self, search: &Search) -> Result<Shown<OfficeList>, Error> {
        match self.ask_public(&PublicQuestion::Offices(search.clone()))? {
            Some((PublicAnswer::Offices(content), from)) => Ok(Shown { content, from }),
            Some(_) => Err(other_answer()),
            None => {
                let content = search.offices(&self.cache.offices()?, &self.cache.here()?);
                Ok(Shown { content, from: self.copy_age()? })
            }
        }
    }

    /// Vacancies, those of the district first.
    ///
    /// Errors: as for [`Terminal::articles`].
    pub fn vacancies(&mut self, search: &Search) -> Result<Shown<VacancyList>, Error> {
        match self.ask_public(&PublicQuestion::Vacancies(search.clone()))? {
            Some((PublicAnswer::Vacancies(content), from)) => Ok(Shown { content, from }),
            Some(_) => Err(other_answer()),
            None => {
                let today = Day::of(self.center_now());
                let content = search.vacancies(&self.cache.vacancies()?, &self.cache.here()?, today);
                Ok(Shown { content, from: self.copy_age()? })
            }
        }
    }

    /// One vacancy with its text; `None` when it is not published any more, or not in the copy here.
    ///
    /// Errors: as for [`Terminal::articles`].
    pub fn vacancy(&mut self, code: &str) -> Result<Shown<Option<Vacancy>>, Error> {
        match self.ask_public(&PublicQuestion::Vacancy { code: code.to_owned() })? {
            Some((PublicAnswer::Vacancy { vacancy }, from)) => Ok(Shown { content: vacancy, from }),
            Some(_) => Err(other_answer()),
            None => {
                let content = self.cache.vacancies()?.into_iter().find(|vacancy| vacancy.code == code);
                Ok(Shown { content, from: self.copy_age()? })
            }
        }
    }

    // What the card itself tells, also while the line is down.

    /// Balance and log of the open card; its PIN must have been verified.
    ///
    /// Errors: `Session` (`CardFirst`, `PinFirst`, `NoMedicalAccount`, …).
    pub fn card_account(&mut self) -> Result<Shown<CardAccount>, Error> {
        let balance = self.session.balance()?;
        let log = self.session.log()?;
        Ok(Shown { content: CardAccount { balance, log }, from: ShownFrom::Card })
    }

    // What the center says of the person, asked with the proof of this tap.
    //
    // Errors of all of them: `Session(CardFirst)`, `Proof(ProofFirst)` also when the proof is older than 15
    // minutes, `Link` (down, or a refusal of the center: no right, too many questions, a blocked card).

    /// Movements of the personal account, newest first. `rows` at most
    /// [`PAGE_ROWS_MAX`](protocol::service::PAGE_ROWS_MAX).
    pub fn account_movements(&mut self, after: Option<Cursor>, rows: u8) -> Result<Shown<Account>, Error> {
        take!(self.ask_personal(PersonalQuestion::Movements { after, rows })?, PersonalAnswer::Movements)
    }

    /// Contributions of `months` months up to `until`, the latest first. `months` at most
    /// [`MONTHS_MAX`](protocol::service::MONTHS_MAX).
    pub fn contributions(&mut self, until: Period, months: u8) -> Result<Shown<Contributions>, Error> {
        let question = PersonalQuestion::Contributions { until, months };
        take!(self.ask_personal(question)?, PersonalAnswer::Contributions)
    }

    /// Settled treatments, newest first; [`split_of`] explains the split of each.
    pub fn treatments(&mut self, after: Option<Cursor>, rows: u8) -> Result<Shown<Treatments>, Error> {
        take!(self.ask_personal(PersonalQuestion::Treatments { after, rows })?, PersonalAnswer::Treatments)
    }

    /// Months of the pension that were paid, the latest first, and when the next certification is due.
    pub fn pension_payments(
        &mut self,
        after: Option<Cursor>,
        rows: u8,
    ) -> Result<Shown<PensionsAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::Pensions { after, rows })?, PersonalAnswer::Pensions)
    }

    /// Until when the living certification holds.
    pub fn certification_state(&mut self) -> Result<Shown<CertificationAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::Certification)?, PersonalAnswer::Certification)
    }

    /// The person's cards and whether they are blocked; also for a card that is.
    pub fn card_states(&mut self) -> Result<Shown<CardsAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::Cards)?, PersonalAnswer::Cards)
    }

    /// Registers the person as seeking work, or replaces the registration. The center keeps which terminal and, where
    /// one has signed in, which operator took it up.
    pub fn seek_work(&mut self, seek: SeekWork) -> Result<Shown<WorkAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::SeekWork(seek))?, PersonalAnswer::Work)
    }

    /// Takes the registration back.
    pub fn stop_seeking_work(&mut self) -> Result<Shown<WorkAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::StopSeekingWork)?, PersonalAnswer::Work)
    }

    /// The registration as it stands.
    pub fn work_registration(&mut self) -> Result<Shown<WorkAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::Seeker)?, PersonalAnswer::Work)
    }

    /// Unemployment benefit.
    pub fn unemployment(&mut self) -> Result<Shown<UnemploymentAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::Unemployment)?, PersonalAnswer::Unemployment)
    }

    /// Contributions that the person pays himself and that are due.
    pub fn dues(&mut self) -> Result<Shown<DuesAnswer>, Error> {
        take!(self.ask_personal(PersonalQuestion::Dues)?, PersonalAnswer::Dues)
    }

    // Reports of loss.

    /// Locks the person's other cards, and with `this_card` the one in the slot as well, until staff frees them.
    ///
    /// Every terminal hears of it with its next page of the feed. Errors: as for the questions above.
    pub fn report_other_cards_lost(&mut self, this_card: bool) -> Result<Locked, Error> {
        let proof = self.fresh_proof()?;
        let person = self.holder_number()?;
        self.send_report(&LossReport { person, proof: Some(proof), name: None, this_card })
    }

    /// Locks all cards of somebody who stands there without one, by number and name as the center has them.
    ///
    /// Neither is kept here. Errors: `Link`; a wrong name is a refusal (`HolderNotShown`), too many of them
    /// another (`TooMany`).
    pub fn report_loss_without_card(&mut self, person: PersonNumber, name: &str) -> Result<Locked, Error> {
        self.send_report(&LossReport {
            person,
            proof: None,
            name: Some(name.trim().to_owned()),
            this_card: false,
        })
    }

    fn send_report(&mut self, report: &LossReport) -> Result<Locked, Error> {
        self.tell(Progress::LookingUp);
        let answer = self.link.report_loss(report);
        self.note_line(&answer);
        // Whoever was let in by the card a moment ago is asked about again.
        self.eligible = None;
        Ok(answer?)
    }

    /// A proof of this tap that the center takes, with its time as the center's clock has it.
    pub(super) fn fresh_proof(&self) -> Result<HolderProof, Error> {
        self.session.card()?;
        let now = self.now();
        let offset_ms = self.center_now().0.saturating_sub(now.wall.0);
        let pin = match self.pin_verified_ms.filter(|_| self.sittings.pin) {
            Some(at_ms) => {
                let age_ms = i64::try_from(now.monotonic_ms.saturating_sub(at_ms)).unwrap_or(i64::MAX);
                let proof = self.proof_of(Way::Pin)?;
                Some(HolderProof { at: now.wall.plus_ms(age_ms.saturating_neg()), ..proof })
            }
            None => None,
        };
        let enough = |proof: &HolderProof| {
            [Purpose::Visit, Purpose::Certification]
                .into_iter()
                .any(|purpose| self.policy.suffices(purpose, proof))
        };
        let fresh = |proof: &HolderProof| proof.at.plus_ms(PROOF_AGE_MS_MAX) >= now.wall;
        let kept = self.sittings.proof.clone();
        let found = pin.into_iter().chain(kept).find(|proof| fresh(proof) && enough(proof));
        let proof = found.ok_or(ProofError::ProofFirst)?;
        Ok(HolderProof { at: proof.at.plus_ms(offset_ms), ..proof })
    }

    fn ask_personal(&mut self, question: PersonalQuestion) -> Result<(PersonalAnswer, ShownFrom), Error> {
        let proof = self.fresh_proof()?;
        let asker = Asker { person: self.holder_number()?, proof };
        // Whoever attends the desk answers for what was asked and changed there.
        let operator = self.signed_in.as_ref().map(|signed_in| signed_in.operator.clone());
        self.tell(Progress::LookingUp);
        let answer = self.link.personal(&PersonalRequest { asker, question, operator });
        self.note_line(&answer);
        let reply = answer?;
        Ok((reply.answer, ShownFrom::Center { as_of: reply.as_of }))
    }

    /// Asks the center; `None` when it cannot be reached and the copy here has to do.
    fn ask_public(&mut self, question: &PublicQuestion) -> Result<Option<(PublicAnswer, ShownFrom)>, Error> {
        // Somebody who turns pages does not wait for a dead line with each.
        if self.line_is_up() == Some(false) {
            return Ok(None);
        }
        let answer = self.link.public(question);
        self.note_line(&answer);
        match answer {
            Ok(reply) => Ok(Some((reply.answer, ShownFrom::Center { as_of: reply.as_of }))),
            Err(LinkError::Refused(problem))
                if !matches!(
                    problem.kind,
                    ProblemKind::NotFound
                        | ProblemKind::Overloaded
                        | ProblemKind::Storage
                        | ProblemKind::TooSlow
                        | ProblemKind::Internal
                ) =>
            {
                Err(LinkError::Refused(problem).into())
            }
            Err(_) => Ok(None),
        }
    }

    fn copy_age(&self) -> Result<ShownFrom, Error> {
        let as_of = self.cache.public_progress()?.as_of;
        let age_ms = as_of.map(|as_of| self.center_now().0.saturating_sub(as_of.0));
        Ok(ShownFrom::Copy { as_of, age_ms })
    }

    /// A center that answers is there, whatever it answers.
    pub(super) fn note_line<T>(&mut self, answer: &Result<T, LinkError>) {
        self.heard(matches!(answer, Ok(_) | Err(LinkError::Refused(_))));
    }
}
