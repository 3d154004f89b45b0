//! One start of the board: what is installed, what is run.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use reader_protocol::image::{Header, SignedHeader};

use crate::{
    Expected, INSTALL_ATTEMPTS_MAX, Journal, Outcome, Refusal, Request, install, journal::State, judge,
    judgement::RefusalKind,
};

/// The three regions.
#[derive(Debug)]
pub struct Flash<A, S, J> {
    /// Where the application runs.
    pub application: A,
    /// Where the running application lays an image aside. Never written here.
    pub staged: S,
    /// Two erase sectors.
    pub journal: J,
}

/// What this start has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The application's header when it may run; else why not.
    pub application: Result<Header, Refusal>,
    /// Whether an image was copied into place in this start.
    pub is_installed: bool,
    /// Why the staged image was not taken, when it was looked at and refused.
    pub staged: Option<Refusal>,
    /// The journal, at the end; `None` when it could not be read or written. Without it nothing runs: an old
    /// image could not be told from a new one.
    pub journal: Option<State>,
}

/// Decides. When the power is cut within, the next call decides again and comes to the same end.
///
/// 1. A pending request: the staged image is judged; a good one is copied into place, a bad one is dropped.
/// 2. The application is judged. When it is good, its rollback counter becomes the floor, and it may run.
/// 3. When it is not, a staged image that is good is copied into place and judged there: it is a spare.
pub fn start<A, S, J>(flash: Flash<A, S, J>, expected: &Expected<'_>) -> Decision
where
    A: NorFlash,
    S: ReadNorFlash,
    J: NorFlash,
{
    let Flash { mut application, mut staged, journal } = flash;
    let Ok(mut journal) = Journal::open(journal) else {
        return Decision {
            application: Err(Refusal::Flash),
            is_installed: false,
            staged: None,
            journal: None,
        };
    };
    let mut decision = Decision {
        application: Err(Refusal::Flash),
        is_installed: false,
        staged: None,
        journal: Some(journal.state()),
    };
    let mut write = Ok(());
    if let Some(request) = journal.state().pending {
        let floor = journal.state().floor;
        let judged = judge(&mut staged, expected, floor).and_then(|image| {
            if Request::of(&image.header.program_sha256) == request {
                Ok(image)
            } else {
                Err(Refusal::Program)
            }
        });
        let detail = match judged {
            Ok(image) => match put(&mut application, &mut staged, &image, expected, floor) {
                Ok(_) => {
                    decision.is_installed = true;
                    Some(0)
                }
                // The request stays: the next start tries again.
                Err(_) => None,
            },
            Err(refusal) => {
                decision.staged = Some(refusal);
                Some(refusal.kind() as u8)
            }
        };
        if let Some(detail) = detail {
            write = journal.settle(Outcome { request, detail });
        }
    }
    let floor = journal.state().floor;
    decision.application = judge(&mut application, expected, floor).map(|image| image.header);
    if decision.application.is_err() && !decision.is_installed {
        match judge(&mut staged, expected, floor) {
            Ok(image) => {
                decision.is_installed = true;
                decision.application =
                    put(&mut application, &mut staged, &image, expected, floor).map(|image| image.header);
            }
            Err(refusal) => decision.staged = Some(refusal),
        }
    }
    if let Ok(header) = decision.application {
        write = write.and_then(|()| journal.raise_floor(header.rollback));
    }
    decision.journal = Some(journal.state());
    if write.is_err() {
        decision.journal = None;
        decision.application = Err(Refusal::Flash);
    }
    decision
}

/// Copies, and judges the copy.
fn put<A: NorFlash, S: ReadNorFlash>(
    application: &mut A,
    staged: &mut S,
    image: &SignedHeader,
    expected: &Expected<'_>,
    floor: u32,
) -> Result<SignedHeader, Refusal> {
    let mut result = Err(Refusal::Flash);
    for _ in 0..INSTALL_ATTEMPTS_MAX {
        result = install(application, staged, image)
            .map_err(|_| Refusal::Flash)
            .and_then(|()| judge(application, expected, floor));
        if result.is_ok() {
            break;
        }
    }
    result
}

impl Decision {
    /// What the lamp shows and the report says: why nothing runs, `None` when the application does.
    pub fn refusal(&self) -> Option<RefusalKind> {
        self.application.as_ref().err().map(Refusal::kind)
    }
}
