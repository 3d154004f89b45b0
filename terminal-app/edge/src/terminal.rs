//! The terminal as it lies on the disk: settings, keys, ledger, cache, all open.

use std::{fs, io, path::PathBuf};

use hal::clock::{Clock, SystemClock};
use protocol::timestamp::Timestamp;
use terminal::{
    audit::{Actor, AuditEvent},
    cache::{Cache, CacheError},
    clock::ClockWatch,
    keys::{Identity, TerminalKeys},
    ledger::{Ledger, LedgerError, Quota, Setup},
    ports::{CenterLink, LinkError},
    store::{Opener, StoreError},
};

use super::{
    ballast,
    center_link::{ClientIdentity, HttpsLink},
    certificate,
    data_dir::{self, DataDir},
    files::{BallastFile, DatabaseFile, HeadFile},
    lock::{LOCK_TIMEOUT_MS, Lock},
    machine_secret::{self, MachineSecret},
    random::SystemChance,
    training,
};
use crate::{
    config::Config,
    failure::{EdgeError, Failure, file_error},
};

/// What is needed before the books can be opened.
pub struct Cabinet {
    /// The folder.
    pub data: DataDir,
    /// Its settings.
    pub config: Config,
    /// Its keys, open.
    pub keys: TerminalKeys,
    /// What they are sealed by.
    pub secret: MachineSecret,
    /// The machine's clock.
    pub clock: SystemClock,
    _lock: Lock,
}

/// An enrolled terminal, ready for business.
pub struct Terminal {
    /// Settings and keys.
    pub cabinet: Cabinet,
    /// The ledger.
    pub ledger: Ledger,
    /// The eligibility cache.
    pub cache: Cache,
    /// How far the clock is trusted.
    pub watch: ClockWatch,
    /// Chance.
    pub random: SystemChance,
    /// Where a damaged cache was put aside just now.
    pub cache_put_aside: Option<PathBuf>,
}

impl Cabinet {
    /// Takes the terminal for this command alone and opens its keys.
    ///
    /// Errors: `NotEnrolled`, `InUse`, `Content` of the settings, `NoSecret`, the keys' own.
    pub fn open(data: DataDir) -> Result<Self, Failure> {
        match data.check() {
            Err(EdgeError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(EdgeError::NotEnrolled.into());
            }
            other => other?,
        }
        let config = Config::read(&data)?;
        if config.terminal.is_training() != data.is_training() {
            return Err(EdgeError::OtherKind.into());
        }
        let lock = Lock::take(&data.lock(), LOCK_TIMEOUT_MS)?;
        let secret = machine_secret::read(&data.machine_secret())?
            .ok_or_else(|| EdgeError::NoSecret { path: data.machine_secret() })?;
        let path = data.keys();
        let sealed = fs::read(&path).map_err(file_error(&path))?;
        let keys =
            TerminalKeys::open(&sealed, &*secret, config.terminal).map_err(terminal::error::Error::from)?;
        Ok(Cabinet { data, config, keys, secret, clock: SystemClock::start(), _lock: lock })
    }

    /// The machine's time.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.unix_ms())
    }

    /// The key that signs this terminal's records.
    pub fn identity(&self) -> Result<Identity, Failure> {
        Ok(self.keys.identity().map_err(terminal::error::Error::from)?)
    }

    /// The file of the ledger.
    pub fn ledger_file(&self) -> DatabaseFile {
        DatabaseFile::new(self.data.ledger())
    }

    /// Opens the ledger. On a disk that is full the ballast goes first: looking, sending, purging and finishing
    /// need room too; the ledger takes no new business until the ballast is laid again.
    ///
    /// Errors: the ledger's.
    pub fn open_ledger(&self) -> Result<Ledger, Failure> {
        match self.open_ledger_as_it_is() {
            Err(Failure::Terminal(terminal::error::Error::Ledger(LedgerError::Store(StoreError::Full))))
                if ballast::free(&self.data.ballast()) =>
            {
                self.open_ledger_as_it_is()
            }
            other => other,
        }
    }

    fn open_ledger_as_it_is(&self) -> Result<Ledger, Failure> {
        let setup = Setup {
            terminal: self.config.terminal,
            identity: self.identity()?,
            quota: Quota::default(),
            keeper: Box::new(HeadFile::new(self.data.head())),
            ballast: Box::new(BallastFile::new(self.data.ballast())),
        };
        let mut file = self.ledger_file();
        let connection = file.open().map_err(LedgerError::from).map_err(terminal::error::Error::from)?;
        let key = self.keys.ledger();
        let ledger = Ledger::open(connection, key, setup, &mut file, self.now());
        Ok(ledger.map_err(terminal::error::Error::from)?)
    }

    /// Opens the cache as it is. Errors: the cache's.
    pub fn open_cache(&self) -> Result<Cache, CacheError> {
        let connection = DatabaseFile::new(self.data.cache()).open().map_err(StoreError::from)?;
        Cache::open(connection, self.keys.cache(), self.config.center.key, self.config.place.city)
    }

    /// Opens the cache; one that is torn, of another city, or was found damaged by an earlier command is put
    /// aside and started anew. On a disk that is full the ballast goes first.
    fn open_or_rebuild_cache(&self, ledger: &mut Ledger) -> Result<(Cache, Option<PathBuf>), Failure> {
        if self.data.cache_is_damaged() {
            return self.rebuild_cache();
        }
        let opened = match self.open_cache() {
            Err(CacheError::Store(StoreError::Full)) if ledger.free_ballast() => self.open_cache(),
            other => other,
        };
        match opened {
            Ok(cache) => Ok((cache, None)),
            Err(CacheError::Damaged { .. } | CacheError::OtherCity) => self.rebuild_cache(),
            Err(error) => Err(terminal::error::Error::from(error).into()),
        }
    }

    /// Puts the cache's file aside and starts a new one. Nobody may have the file open: SQLite takes the journal
    /// away by its name when it closes.
    fn rebuild_cache(&self) -> Result<(Cache, Option<PathBuf>), Failure> {
        let file = DatabaseFile::new(self.data.cache());
        let aside = if file.path().exists() { Some(file.put_aside(self.now().0)?) } else { None };
        self.data.forget_cache_damage()?;
        let cache = self.open_cache().map_err(terminal::error::Error::from)?;
        Ok((cache, aside))
    }

    /// The line to the center. Nothing is sent yet.
    ///
    /// Errors: `Training` for a training terminal, which has none; a certificate that is missing or does not fit its key.
    pub fn link(&self) -> Result<HttpsLink, Failure> {
        if self.data.is_training() {
            return Err(EdgeError::Training.into());
        }
        let authority = certificate::read_chain(&self.data.authority())?;
        let chain = certificate::read_chain(&self.data.certificate())?;
        let key = self.keys.tls_pkcs8().cloned().ok_or(EdgeError::NotEnrolled)?;
        let identity = ClientIdentity { chain, key };
        Ok(HttpsLink::new(&self.config.center.address, &authority, Some(&identity)).map_err(link_failure)?)
    }

    /// The line to the center, or the one of a training terminal.
    ///
    /// Errors: as for [`Cabinet::link`].
    pub fn any_link(&self) -> Result<Box<dyn CenterLink + Send>, Failure> {
        if self.data.is_training() {
            return Ok(Box::new(training::link(self)?));
        }
        Ok(Box::new(self.link()?))
    }

    /// Seals keys and writes them over the old ones.
    pub fn store_keys(&mut self, keys: TerminalKeys) -> Result<(), Failure> {
        let sealed = keys
            .seal(&*self.secret, self.config.terminal, &mut SystemChance::default())
            .map_err(terminal::error::Error::from)?;
        data_dir::write_atomic(&self.data.keys(), &sealed)?;
        self.keys = keys;
        Ok(())
    }
}

impl Terminal {
    /// Opens everything; a damaged cache is put aside, a damaged ledger is an error.
    pub fn open(data: DataDir) -> Result<Self, Failure> {
        let cabinet = Cabinet::open(data)?;
        let mut ledger = cabinet.open_ledger()?;
        let (cache, cache_put_aside) = cabinet.open_or_rebuild_cache(&mut ledger)?;
        if cache_put_aside.is_some() {
            let audited = ledger.audit(cabinet.now(), Actor::default(), &AuditEvent::CacheRebuilt);
            audited.map_err(terminal::error::Error::from)?;
        }
        let watch = ClockWatch::load(&ledger).map_err(terminal::error::Error::from)?;
        Ok(Terminal { cabinet, ledger, cache, watch, random: SystemChance::default(), cache_put_aside })
    }

    /// Reads the whole cache, about a second for ten million people; a damaged one is put aside and started anew.
    ///
    /// Opening reads the first pages only, and a damaged one further on would show at a patient's visit.
    pub fn check_cache(self) -> Result<Self, Failure> {
        match self.cache.check() {
            Ok(()) => Ok(self),
            Err(CacheError::Damaged { .. }) => {
                let Terminal { cabinet, mut ledger, cache, watch, random, .. } = self;
                drop(cache);
                let (cache, cache_put_aside) = cabinet.rebuild_cache()?;
                let audited = ledger.audit(cabinet.now(), Actor::default(), &AuditEvent::CacheRebuilt);
                audited.map_err(terminal::error::Error::from)?;
                Ok(Terminal { cabinet, ledger, cache, watch, random, cache_put_aside })
            }
            Err(error) => Err(terminal::error::Error::from(error).into()),
        }
    }

    /// The machine's time.
    pub fn now(&self) -> Timestamp {
        self.cabinet.now()
    }
}

/// A link error as a failure of the command.
pub fn link_failure(error: LinkError) -> terminal::error::Error {
    terminal::error::Error::Link(error)
}
