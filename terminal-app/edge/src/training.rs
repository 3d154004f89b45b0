//! Training (培训) on this machine: a terminal of its own in a folder of its own, which nobody outside can hear.
//!
//! It has throw-away keys, its own ledger and cache, people who do not exist and the sample rules. It takes the
//! machine's readers and printer, and says on everything what it is. After a day it is begun anew.

use std::{fs, io, time::Duration};

use card_spec::region::RegionCode;
use hal::{clock::SystemClock, pin_pad::PinPad};
use protocol::id::TransactionId;
use terminal::{
    audit::Actor,
    error::Error,
    flows::VisitEntry,
    keys::TerminalKeys,
    language::Language,
    progress::Progress,
    receipt::Receipt,
    roles::{NewOperator, PBKDF2_ITERATIONS, Role},
    setup::{Face, Trained},
    training::{self, OPERATOR, SECRET, TrainingLink, terminal_number},
};

use crate::{
    config::{Center, Config, Place, Printer, Readers},
    counter::Counter,
    data_dir::{self, DataDir},
    failure::{Failure, file_error},
    files::forget_head,
    fill,
    lock::{LOCK_TIMEOUT_MS, Lock},
    machine_secret,
    options::Options,
    random::SystemChance,
    terminal::{Cabinet, Terminal},
};

/// City of a training terminal on a machine that has none yet.
const CITY: &str = "530100";

/// After this a training terminal is begun anew: shorter than a working cycle, which nobody could close.
const LIFE: Duration = Duration::from_secs(20 * 3_600);

/// Kind of visit that is practised: general outpatients.
const MED_TYPE: &str = "11";

/// What training borrows from the machine.
#[derive(Clone, Debug, Default)]
pub struct Borrowed {
    /// City whose cards are taken.
    pub city: Option<RegionCode>,
    /// What the terminal is for.
    pub face: Face,
    /// Readers.
    pub readers: Readers,
    /// Printer.
    pub printer: Option<Printer>,
    /// Name of the institution.
    pub institution: Option<String>,
}

impl Borrowed {
    /// From the settings of the machine's real terminal; nothing where there is none.
    pub fn of(data: &DataDir) -> Self {
        let Ok(config) = Config::read(data) else { return Borrowed::default() };
        Borrowed {
            city: Some(config.place.city),
            face: config.face,
            readers: config.readers,
            printer: config.printer,
            institution: Some(config.place.institution_name),
        }
    }
}

/// The line of a training terminal. Errors: the keys'.
pub fn link(cabinet: &Cabinet) -> Result<TrainingLink, Failure> {
    Ok(TrainingLink::new(cabinet.identity()?, cabinet.config.place.city, Box::new(SystemClock::start())))
}

/// Makes the training terminal ready, and gives the options to open it with.
///
/// Can be called each time; one that is a day old is thrown away and begun anew.
/// Errors: `InUse`, those of files, keys and books.
pub fn prepare(options: &Options) -> Result<Options, Failure> {
    let real = &options.data;
    let borrowed = if real.is_training() { Borrowed::default() } else { Borrowed::of(real) };
    prepare_with(options, &borrowed)
}

/// [`prepare`], with what is borrowed said.
pub fn prepare_with(options: &Options, borrowed: &Borrowed) -> Result<Options, Failure> {
    let options = options.in_training();
    let data = &options.data;
    if is_old(data) {
        throw_away(data)?;
    }
    data.prepare()?;
    let lock = Lock::take(&data.lock(), LOCK_TIMEOUT_MS)?;
    make(data, borrowed)?;
    drop(lock);
    let mut terminal = Terminal::open(data.clone())?;
    if terminal.ledger.operators().map_err(Error::from)?.is_empty() {
        let operator = NewOperator {
            number: OPERATOR,
            role: Role::Supervisor,
            secret: SECRET.as_bytes(),
            iterations: PBKDF2_ITERATIONS,
        };
        let now = terminal.now();
        let set = terminal.ledger.set_operator(&operator, &mut terminal.random, Actor::default(), now);
        set.map_err(Error::from)?;
    }
    fill::run(&mut terminal, &mut |_| std::ops::ControlFlow::Continue(()))?;
    Ok(options)
}

fn is_old(data: &DataDir) -> bool {
    let made = fs::metadata(data.machine_secret()).and_then(|meta| meta.modified());
    made.is_ok_and(|made| made.elapsed().map_or(true, |age| age >= LIFE))
}

/// Everything of a training terminal, and nothing else.
fn throw_away(data: &DataDir) -> Result<(), Failure> {
    let lock = Lock::take(&data.lock(), LOCK_TIMEOUT_MS)?;
    match fs::remove_dir_all(data.root()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(file_error(data.root())(error).into());
        }
        _ => {}
    }
    drop(lock);
    Ok(forget_head(&data.head())?)
}

/// Keys once, settings as they are borrowed now.
fn make(data: &DataDir, borrowed: &Borrowed) -> Result<(), Failure> {
    let (number, mut random) = (terminal_number(), SystemChance::default());
    let secret = match machine_secret::read(&data.machine_secret())? {
        Some(secret) => secret,
        None => machine_secret::create(&data.machine_secret())?,
    };
    let keys = if data.keys().exists() {
        TerminalKeys::open(&data_dir::read(&data.keys())?, &*secret, number).map_err(Error::from)?
    } else {
        forget_head(&data.head())?;
        let keys = TerminalKeys::generate(&mut random);
        let sealed = keys.seal(&*secret, number, &mut random).map_err(Error::from)?;
        data_dir::write_atomic(&data.keys(), &sealed)?;
        keys
    };
    let nowhere = || "https://training.invalid".to_owned();
    let key = keys.identity().map_err(Error::from)?.public();
    let center = Center { address: nowhere(), enrolment: nowhere(), key };
    let institution = borrowed.institution.as_deref().unwrap_or_default();
    let place = Place {
        city: borrowed
            .city
            .or_else(|| RegionCode::parse(CITY).ok())
            .unwrap_or_else(|| unreachable!("six digits")),
        institution_code: "TRAINING".to_owned(),
        institution_name: format!("培训 TRAINING {institution}").trim_end().to_owned(),
        level: 3,
    };
    let mut config = Config::new(number, center, place);
    config.face = borrowed.face;
    config.readers = borrowed.readers.clone();
    config.printer = borrowed.printer.clone();
    Ok(config.write(data)?)
}

/// A training transaction that is done.
#[derive(Clone, Debug)]
pub struct Done {
    /// What the set-up keeps of it.
    pub trained: Trained,
    /// Its receipt.
    pub receipt: Receipt,
}

/// A whole visit with a training card over the machine's reader: card, PIN, eligibility, bill, debit, record,
/// receipt, print. Nothing of it leaves the machine.
///
/// `options` are those of [`prepare`]. The card is waited for `wait_ms`.
/// Errors: as for a visit; `TrainingOnly` for the card of somebody who exists, which is not touched.
pub fn transaction(
    options: &Options,
    pin_pad: Box<dyn PinPad + Send>,
    language: Language,
    wait_ms: u32,
    progress: Box<dyn FnMut(Progress) + Send>,
) -> Result<Done, Failure> {
    let mut counter = Counter::open(options, pin_pad)?;
    counter.flows.on_progress(progress);
    counter.flows.sign_in(OPERATOR, SECRET.as_bytes())?;
    let settled = visit(&mut counter, wait_ms);
    counter.flows.close_card();
    let (id, sequence, mut receipt) = settled?;
    // Says what a receipt of a real terminal says while the line is down.
    receipt.booking = counter.flows.booking(id, true)?;
    let printed = counter.print_if_set_up(&receipt, language).map(|printed| printed.is_ok());
    let at = counter.cabinet.now();
    Ok(Done { trained: Trained { transaction: id, sequence, printed, at }, receipt })
}

fn visit(counter: &mut Counter, wait_ms: u32) -> Result<(TransactionId, u64, Receipt), Failure> {
    let flows = &mut counter.flows;
    if flows.wait_card(0).is_err() {
        flows.wait_card(wait_ms)?;
    }
    flows.open_card()?;
    flows.verify_holder()?;
    let number = flows.new_visit_number();
    flows.register(&VisitEntry { number: number.clone(), med_type: MED_TYPE.to_owned() })?;
    flows.add_lines(&number, &training::bill())?;
    let agreed = flows.pre_settle(&number, true)?;
    let settled = flows.settle(&agreed)?;
    Ok((settled.id, settled.link.sequence, settled.receipt))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use protocol::id::TerminalId;
    use terminal::{
        keys::Identity,
        ledger::{Ledger, LedgerError, Quota, Setup},
        store::{Opener, StoreError},
    };

    use super::*;
    use crate::{
        failure::EdgeError,
        files::{BallastFile, DatabaseFile, HeadFile},
    };

    fn setup(number: TerminalId, identity: Identity, data: &DataDir) -> Setup {
        Setup {
            terminal: number,
            identity,
            quota: Quota::default(),
            keeper: Box::new(HeadFile::new(data.root().join("head"))),
            ballast: Box::new(BallastFile::new(data.root().join("ballast"))),
        }
    }

    #[test]
    fn books_of_training_are_never_real_ones_nor_the_other_way_round() {
        let temp = tempfile::tempdir().unwrap();
        let real = Options::new(DataDir::choose(Some(temp.path().join("data")), |_| None).unwrap());
        let options = prepare(&real).unwrap();
        assert_eq!(options.data.root(), temp.path().join("data/training"));
        // Ready again, without anything made anew.
        let key = fs::read(options.data.keys()).unwrap();
        prepare(&real).unwrap();
        assert_eq!(fs::read(options.data.keys()).unwrap(), key);

        let cabinet = Cabinet::open(options.data.clone()).unwrap();
        assert!(matches!(cabinet.link(), Err(Failure::Edge(EdgeError::Training))));
        let identity = cabinet.identity().unwrap();
        let number: TerminalId = "530100000001".parse().unwrap();
        let other_file = |opened: Result<Ledger, LedgerError>| {
            assert!(matches!(opened, Err(LedgerError::Store(StoreError::OtherFile { .. }))), "{opened:?}");
        };
        // The very file of training under a real number, with its own key.
        let connection = DatabaseFile::new(options.data.ledger()).open().unwrap();
        let books = setup(number, identity.clone(), &options.data);
        other_file(Ledger::open(connection, cabinet.keys.ledger(), books, &mut (), cabinet.now()));
        // A real file under the number of training.
        let file = DatabaseFile::new(temp.path().join("real.db"));
        let books = setup(number, identity.clone(), &options.data);
        Ledger::open(file.open().unwrap(), cabinet.keys.ledger(), books, &mut (), cabinet.now()).unwrap();
        let books = setup(terminal_number(), identity, &options.data);
        other_file(Ledger::open(file.open().unwrap(), cabinet.keys.ledger(), books, &mut (), cabinet.now()));
        drop(cabinet);
        // The folder of training taken for a real one.
        let taken = DataDir::choose(Some(options.data.root().to_owned()), |_| None).unwrap();
        assert!(matches!(Terminal::open(taken), Err(Failure::Edge(EdgeError::OtherKind))));
        assert!(matches!(
            crate::setup::Installation::open(&options),
            Err(Failure::Edge(EdgeError::OtherKind))
        ));
    }

    #[test]
    fn after_a_day_it_is_begun_anew() {
        let temp = tempfile::tempdir().unwrap();
        let real = Options::new(DataDir::choose(Some(temp.path().join("data")), |_| None).unwrap());
        let options = prepare(&real).unwrap();
        let key = fs::read(options.data.keys()).unwrap();
        let secret = fs::File::options().write(true).open(options.data.machine_secret()).unwrap();
        secret.set_modified(std::time::SystemTime::now() - LIFE).unwrap();
        let again = prepare(&real).unwrap();
        assert_ne!(fs::read(again.data.keys()).unwrap(), key);
    }
}
