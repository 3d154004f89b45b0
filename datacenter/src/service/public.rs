//! Public documents: answers to searches, and the pages that terminals copy.

use protocol::{
    calendar::Day,
    id::TerminalId,
    problem::Problem,
    service::{
        Document, DocumentChanges, PublicAnswer, PublicQuestion, PublicReply,
        document::{CHANGES_BYTES_MAX, CHANGES_MAX, PURPOSE},
    },
    signature::Signed,
};

use super::{Service, malformed};
use crate::production::storage_problem;

impl Service {
    /// Answers what anybody may know. Problems: `Malformed`, `Storage`.
    pub fn public(&self, terminal: TerminalId, question: &PublicQuestion) -> Result<PublicReply, Problem> {
        if !question.sound() {
            return Err(malformed("a search is too long, or its page has no or too many rows"));
        }
        let as_of = self.now();
        let documents = self.documents()?;
        let answer = match question {
            PublicQuestion::Articles(search) => {
                PublicAnswer::Articles(search.articles(documents.iter().filter_map(|document| {
                    if let Document::Article(article) = document { Some(article) } else { None }
                })))
            }
            PublicQuestion::Offices(search) => {
                let offices = documents.iter().filter_map(|document| {
                    if let Document::Office(office) = document { Some(office) } else { None }
                });
                PublicAnswer::Offices(search.offices(offices, &self.here(terminal)?))
            }
            PublicQuestion::Vacancies(search) => {
                let vacancies = documents.iter().filter_map(|document| {
                    if let Document::Vacancy(vacancy) = document { Some(vacancy) } else { None }
                });
                PublicAnswer::Vacancies(search.vacancies(vacancies, &self.here(terminal)?, Day::of(as_of)))
            }
            PublicQuestion::Article { code } => {
                let article = documents.iter().find_map(|document| match document {
                    Document::Article(article) if article.code == *code => Some(article.clone()),
                    _ => None,
                });
                PublicAnswer::Article { article }
            }
            PublicQuestion::Vacancy { code } => {
                let vacancy = documents.iter().find_map(|document| match document {
                    Document::Vacancy(vacancy) if vacancy.code == *code => Some(vacancy.clone()),
                    _ => None,
                });
                PublicAnswer::Vacancy { vacancy }
            }
            _ => return Err(malformed("a question of a later version")),
        };
        Ok(PublicReply { answer, as_of })
    }

    /// The page of changes after a cursor, signed.
    ///
    /// `epoch` is the generation of the feed that the cursor belongs to, 0 for none yet; another one than the
    /// center's gets the first page. Problems: `Malformed` for a cursor beyond the newest change, `Storage`.
    pub fn document_changes(&self, terminal: TerminalId, epoch: u64, after: u64) -> Result<Signed, Problem> {
        let current = self.storage().epoch().map_err(storage_problem)?;
        let after = if epoch == current { after } else { 0 };
        let as_of = self.now();
        let newest = self.storage().newest_document().map_err(storage_problem)?;
        if after > newest {
            return Err(malformed("the cursor is beyond the newest change"));
        }
        let mut rows = self.storage().document_changes(after, CHANGES_MAX).map_err(storage_problem)?;
        let mut bytes = 0;
        let fitting = rows.iter().take_while(|(_, change)| {
            // The first one always goes along: no document is larger than a page.
            let first = bytes == 0;
            bytes += serde_json::to_vec(change).map_or(0, |text| text.len());
            first || bytes <= CHANGES_BYTES_MAX
        });
        let count = fitting.count();
        rows.truncate(count);
        let upto = rows.last().map_or(after, |(cursor, _)| *cursor);
        let page = DocumentChanges {
            city: self.production.city(),
            epoch: current,
            after,
            upto,
            newest: newest.max(upto),
            as_of,
            here: self.here(terminal)?,
            changes: rows.into_iter().map(|(_, change)| change).collect(),
        };
        self.production.sign(PURPOSE, &page)
    }
}
