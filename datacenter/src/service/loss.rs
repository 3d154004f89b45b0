//! Reports of loss (挂失): cards are locked at once, for every terminal that follows the feed.

use protocol::{
    id::TerminalId,
    problem::{Problem, ProblemKind},
    service::{Locked, LossReport, Subject, card::CARDS_MAX},
    signature::Digest,
};

use super::{
    Service, WRONG_NAMES_PER_PERSON_MAX, WRONG_NAMES_PER_TERMINAL_MAX,
    asking::{Asking, Refused, refused},
    malformed,
};
use crate::{
    production::storage_problem,
    storage::service::{Ending, NewLoss},
};

/// The digest that a person's name is compared by: spaces and the middle dots of names count for nothing.
pub fn name_digest(person: u64, name: &str) -> Digest {
    let letters: String =
        name.chars().filter(|letter| !letter.is_whitespace() && !"·•・".contains(*letter)).collect();
    Digest::of(format!("jinbao name 1\0{person}\0{letters}").as_bytes())
}

impl Service {
    /// Locks a person's cards until staff frees them. The same report again locks nothing more.
    ///
    /// With a proof that the holder of a card is there, the person's other cards are locked, and the one shown when
    /// the report says so. Without a card the name has to be the one that the center has.
    /// Problems: `Malformed`, `Forbidden`, `HolderNotShown` (also for a name that is wrong or not known, and
    /// for a person without a card), `TooMany`, `Storage`.
    pub fn report_loss(&self, terminal: TerminalId, report: &LossReport) -> Result<Locked, Problem> {
        if !report.sound() {
            return Err(malformed("a report of loss rests on a proof or on a name"));
        }
        let at = self.now();
        let person = report.person.key();
        let asking = Asking { service: self, terminal, person, subject: Subject::Loss, at, operator: None };
        asking.noted(|| {
            let counts = asking.right()?;
            let not = |ending, detail| Err(refused(ending, ProblemKind::HolderNotShown, detail));
            let shown = match (&report.proof, &report.name) {
                (Some(proof), _) => Some(asking.shown(proof)?),
                (None, Some(name)) => {
                    if counts.wrong_names_person >= WRONG_NAMES_PER_PERSON_MAX
                        || counts.wrong_names_terminal >= WRONG_NAMES_PER_TERMINAL_MAX
                    {
                        return Err(refused(
                            Ending::TooMany,
                            ProblemKind::TooMany,
                            "too many names that are not right",
                        ));
                    }
                    let known = self.storage().name(person).map_err(storage_problem)?;
                    if known != Some(name_digest(person, name)) {
                        return not(Ending::NotThisName, "the center knows no such person");
                    }
                    None
                }
                (None, None) => return Err(Refused(None, malformed("a report rests on nothing"))),
            };
            let known = self.storage().cards_of(person, CARDS_MAX).map_err(storage_problem)?;
            let mut cards: Vec<[u8; 12]> = known.iter().map(|card| card.card).collect();
            if let Some(shown) = shown {
                cards.retain(|card| *card != shown);
                if report.this_card {
                    cards.push(shown);
                }
            } else if cards.is_empty() {
                return not(Ending::NotShown, "the center knows no card of this person");
            }
            let loss = NewLoss { person, at, terminal, shown: shown.is_some() };
            let row = self.storage().report_loss(&loss, &cards).map_err(storage_problem)?;
            Ok(Locked { report: row.number, locked: row.locked, before: row.before, as_of: at })
        })
    }
}
