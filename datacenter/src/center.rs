//! A center: opened from its folder, administered through its parts, started on its ports.

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};

use crate::{
    access::{Access, listener, tls, tls::ServerIdentity},
    configuration::Configuration,
    error::Error,
    folder::Folder,
    http::{self, App},
    outside::Outside,
    production::Production,
    security_module::{NoModule, SecurityModule},
    service::Service,
    storage::Storage,
};

/// Most threads that wait for the disk.
const BLOCKING_THREADS_MAX: usize = 64;

/// An opened center. It serves nobody until it is started.
pub struct Center {
    /// The production zone.
    pub production: Arc<Production>,
    /// Public service.
    pub service: Arc<Service>,
    /// Who may come in.
    pub access: Arc<Access>,
    /// The configuration as it was read; changes to addresses and limits count for the next start.
    pub configuration: Configuration,
    has_issuer_keys: bool,
    folder: Folder,
    server: ServerIdentity,
    tls_for_terminals: Arc<rustls::ServerConfig>,
    outside: Outside,
}

impl Center {
    /// Makes a new center in a folder: keys, authority, certificates, an empty storage.
    ///
    /// Errors: `AlreadyThere`, `Configuration`, `File`, `Key`, `Storage`, `Random`.
    pub fn create(folder: &Path, configuration: &Configuration, outside: Outside) -> Result<Self, Error> {
        Folder::create(folder, configuration, &outside)?;
        Self::open(folder, outside)
    }

    /// Opens the center of a folder. Its security module is that of `keys/issuer.json`, if there is one.
    pub fn open(folder: &Path, outside: Outside) -> Result<Self, Error> {
        Self::open_with_module(folder, outside, None)
    }

    /// Opens the center of a folder with another security module.
    pub fn open_with_module(
        folder: &Path,
        outside: Outside,
        module: Option<Arc<dyn SecurityModule>>,
    ) -> Result<Self, Error> {
        let (folder, configuration) = Folder::open(folder)?;
        let storage: Arc<dyn Storage> = Arc::new(folder.storage(&configuration)?);
        let module = match module {
            Some(module) => Some(module),
            None => folder.security_module()?.map(|module| Arc::new(module) as Arc<dyn SecurityModule>),
        };
        let has_issuer_keys = module.is_some();
        let module = module.unwrap_or_else(|| Arc::new(NoModule));
        let authority = folder.authority()?;
        let server = folder.server(&authority, &configuration, &outside)?;
        let tls_for_terminals = tls::for_terminals(&server, &authority, &outside)?;
        let production = Arc::new(Production::new(
            Arc::clone(&storage),
            module,
            outside.clone(),
            folder.signing_key()?,
            configuration.city,
        ));
        let access = Arc::new(Access::new(
            storage,
            outside.clone(),
            authority,
            production.public_key(),
            configuration.clone(),
        ));
        let service = Arc::new(Service::new(Arc::clone(&production)));
        Ok(Center {
            production,
            service,
            access,
            configuration,
            has_issuer_keys,
            folder,
            server,
            tls_for_terminals,
            outside,
        })
    }

    /// Gives the software security module its keys (JSON, see `SoftwareModule::from_json`); they count from
    /// the next opening.
    pub fn set_issuer_keys(&self, text: &str) -> Result<(), Error> {
        self.folder.set_issuer_keys(text)?;
        self.access.note("staff", "issuer keys", "")
    }

    /// Whether there is a security module with the issuer's keys; without it loads are refused and TACs are
    /// booked unchecked.
    pub fn has_issuer_keys(&self) -> bool {
        self.has_issuer_keys
    }

    /// Path of the authority's certificates, PEM.
    pub fn authority_path(&self) -> PathBuf {
        self.folder.authority_path()
    }

    /// Starts both ports on threads of their own.
    ///
    /// Errors: `Listen`, `Key`, `File`.
    pub fn start(&self) -> Result<Running, Error> {
        self.start_wrapped(|router| router)
    }

    /// Starts both ports, each router wrapped by the caller: the place for faults in tests.
    pub fn start_wrapped(&self, wrap: impl Fn(Router) -> Router) -> Result<Running, Error> {
        self.configuration.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("center")
            .build()
            .map_err(|source| Error::File { path: "runtime".into(), source })?;
        let app = App::new(
            Arc::clone(&self.production),
            Arc::clone(&self.service),
            Arc::clone(&self.access),
            self.configuration.clone(),
        );
        let (stop, stopped) = watch::channel(false);
        let enrolment = bind(self.configuration.enrolment_listen)?;
        let terminals = bind(self.configuration.terminal_listen)?;
        let ports = [
            (&enrolment, tls::for_strangers(&self.server, &self.outside)?, http::for_strangers(&app)),
            (&terminals, Arc::clone(&self.tls_for_terminals), http::for_terminals(&app)),
        ];
        let mut tasks = Vec::new();
        let mut addresses = Vec::new();
        for (socket, tls, router) in ports {
            let address = socket
                .local_addr()
                .map_err(|source| Error::Listen { address: self.configuration.terminal_listen, source })?;
            addresses.push(address);
            let unusable = |source| Error::Listen { address, source };
            let socket = socket.try_clone().map_err(unusable)?;
            let _inside = runtime.enter();
            let socket = tokio::net::TcpListener::from_std(socket).map_err(unusable)?;
            let (limits, stopped) = (self.configuration.edge, stopped.clone());
            tasks.push(runtime.spawn(listener::serve(socket, tls, wrap(router), limits, stopped)));
        }
        Ok(Running { enrolment: addresses[0], terminals: addresses[1], stop, tasks, runtime: Some(runtime) })
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let socket = TcpListener::bind(address).map_err(|source| Error::Listen { address, source })?;
    socket.set_nonblocking(true).map_err(|source| Error::Listen { address, source })?;
    Ok(socket)
}

impl fmt::Debug for Center {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Center({:?})", self.folder)
    }
}

/// A center at work. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    /// Where terminals enrol and renew.
    pub enrolment: SocketAddr,
    /// Where enrolled terminals work.
    pub terminals: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Stops: no new connections, open requests are answered, but for no longer than the configuration allows.
    pub fn stop(mut self) {
        self.end();
    }

    /// Waits until the process is told to end (SIGINT, SIGTERM), then stops.
    pub fn run_until_told(mut self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
                match terminate {
                    Ok(mut terminate) => tokio::select! {
                        _ = tokio::signal::ctrl_c() => {}
                        _ = terminate.recv() => {}
                    },
                    Err(_) => {
                        let _ = tokio::signal::ctrl_c().await;
                    }
                }
            });
        }
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            let tasks = std::mem::take(&mut self.tasks);
            runtime.block_on(async {
                for task in tasks {
                    let _ = task.await;
                }
            });
            // Bookings in hand are finished by their threads.
            runtime.shutdown_timeout(std::time::Duration::from_secs(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
