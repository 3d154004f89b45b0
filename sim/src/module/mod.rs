//! A serial fingerprint module of the ZFM-20 family (R30x, AS608), with somebody's finger on it or not.
//!
//! It speaks EF01 over any stream: the UART of an emulated board, or a pseudo-terminal in place of a serial port.
//! Fingers are grown from seeds ([`Finger`]); templates are in a format of its own that only it can read, as it
//! is with real modules. What a test wants to go wrong is a [`Fault`].
//!
//! ```
//! use sim::module::{Condition, Finger, Module};
//!
//! let module = Module::new(1);
//! let device = module.plug_in()?;
//! module.put_on(Finger::of_person(7, 1), Condition::default());
//! assert!(device.starts_with("/dev"), "a driver may open it now");
//! # Ok::<(), sim::error::SimError>(())
//! ```

mod fault;
mod finger;
mod sensor;
mod template;

use std::{
    ffi::OsStr,
    fmt,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use reader_protocol::ef01::{Fault as PacketFault, Parameters, Parser};
use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};

use self::sensor::{Reply, Sensor};
pub use self::{
    fault::Fault,
    finger::{Condition, Finger, IMAGE_HEIGHT, IMAGE_WIDTH},
    template::TEMPLATE_BYTES,
};
use crate::{
    error::SimError,
    line::Pace,
    port::{Heard, Port},
};

/// Bits of one byte on a line of the form 8N1.
const BYTE_BITS: u64 = 10;
/// Bits per second of one step of the baud register.
const BAUD_STEP: u32 = 9_600;
/// Bytes that are sent at once when time is spent.
const PACED_BYTES: usize = 16;

/// The module, to be held by whoever lays fingers on it.
///
/// What it keeps in flash (library, password, settings) lasts as long as the handle; attaching is switching on.
pub struct Module {
    shared: Arc<Mutex<State>>,
    attached: Mutex<Option<Attached>>,
}

struct State {
    sensor: Sensor,
    pace: Pace,
    counters: Counters,
}

struct Attached {
    port: Arc<Port>,
    worker: JoinHandle<()>,
}

/// What has gone over the module's line, and how long that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Instructions that have come whole.
    pub instructions: u64,
    /// Packets with a wrong checksum.
    pub broken_packets: u64,
    /// Bytes from and to the host.
    pub line_bytes: u64,
    /// Time of the line for these, at the module's baud.
    pub line_us: u64,
    /// Time that the module has worked.
    pub work_us: u64,
    /// Images taken.
    pub captures: u32,
    /// Planned faults that have happened.
    pub fired: u32,
}

impl Module {
    /// A module as it leaves the factory; its random numbers come from `seed`.
    pub fn new(seed: u64) -> Self {
        let state = State { sensor: Sensor::new(seed), pace: Pace::default(), counters: Counters::default() };
        Self { shared: Arc::new(Mutex::new(state)), attached: Mutex::new(None) }
    }

    /// Speaks over this stream from now on. A stream that was attached before is left.
    ///
    /// Errors: `Io`.
    pub fn attach(&self, stream: impl Into<OwnedFd>) -> Result<(), SimError> {
        self.start(stream.into(), None)
    }

    /// Makes a pseudo-terminal and speaks over it from now on; gives the device that a driver opens. A stream that
    /// was attached before is left.
    ///
    /// Here the module hears only at its own baud. Errors: `Io`.
    pub fn plug_in(&self) -> Result<PathBuf, SimError> {
        let doing = "making a terminal for the fingerprint module";
        let errno = |error: rustix::io::Errno| SimError::io(doing)(error.into());
        let module = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(errno)?;
        grantpt(&module).map_err(errno)?;
        unlockpt(&module).map_err(errno)?;
        let name = ptsname(&module, Vec::new()).map_err(errno)?;
        let device = PathBuf::from(OsStr::from_bytes(name.as_bytes()));
        // Held open, so that a host may come and go.
        let host = rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).map_err(errno)?;
        let mut settings = tcgetattr(&host).map_err(errno)?;
        settings.make_raw();
        settings.set_speed(BAUD_STEP * u32::from(Parameters::FACTORY.baud_factor)).map_err(errno)?;
        tcsetattr(&host, OptionalActions::Now, &settings).map_err(errno)?;
        self.start(module, Some(host))?;
        Ok(device)
    }

    fn start(&self, stream: OwnedFd, host: Option<OwnedFd>) -> Result<(), SimError> {
        self.detach();
        let port = Arc::new(Port::new(stream).map_err(SimError::io("preparing the module's line"))?);
        lock(&self.shared).sensor.begin();
        let worker = thread::Builder::new()
            .name("fingerprint module".to_owned())
            .spawn({
                let (shared, port) = (Arc::clone(&self.shared), Arc::clone(&port));
                move || serve(&shared, &port, host.as_ref())
            })
            .map_err(SimError::io("starting a thread for the fingerprint module"))?;
        *lock(&self.attached) = Some(Attached { port, worker });
        Ok(())
    }

    /// Switches the module off; what is not in its flash is gone.
    pub fn detach(&self) {
        let Some(attached) = lock(&self.attached).take() else { return };
        attached.port.close();
        // It panics only where it holds the lock, which everybody takes as it is.
        let _ = attached.worker.join();
    }

    /// Lays a finger on the sensor; one that lay there is taken off.
    pub fn put_on(&self, finger: Finger, condition: Condition) {
        self.lay(Some((finger, condition)), false);
    }

    /// The same by somebody who lifts the finger after each image, and lays it down again soon: as people do who
    /// follow the words on a screen.
    pub fn tap(&self, finger: Finger, condition: Condition) {
        self.lay(Some((finger, condition)), true);
    }

    /// Takes the finger off.
    pub fn take_off(&self) {
        self.lay(None, false);
    }

    fn lay(&self, finger: Option<(Finger, Condition)>, taps: bool) {
        // Before it lies there: no module takes its time to grow a finger.
        if let Some((finger, _)) = &finger {
            finger.prepare();
        }
        let mut state = lock(&self.shared);
        state.sensor.finger = finger;
        state.sensor.taps = taps;
    }

    /// Whether a finger lies there.
    pub fn is_touched(&self) -> bool {
        lock(&self.shared).sensor.finger.is_some()
    }

    /// Another password than 0: everything but its verification is refused until it was verified.
    pub fn set_password(&self, password: u32) {
        lock(&self.shared).sensor.password = password;
    }

    /// Other settings than the factory's; status counts for nothing.
    pub fn set_parameters(&self, parameters: Parameters) {
        lock(&self.shared).sensor.parameters = parameters;
    }

    /// The settings as they are.
    pub fn parameters(&self) -> Parameters {
        lock(&self.shared).sensor.parameters
    }

    /// What goes wrong from now on, instead of what was planned before.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.shared).sensor.faults.plan = faults.into_iter().collect();
    }

    /// Whether time is only counted (as at first) or spent.
    pub fn set_pace(&self, pace: Pace) {
        lock(&self.shared).pace = pace;
    }

    /// Pages at which templates are kept.
    pub fn pages(&self) -> Vec<u16> {
        lock(&self.shared).sensor.library.keys().copied().collect()
    }

    /// What has gone over the line since the module was made.
    pub fn counters(&self) -> Counters {
        let state = lock(&self.shared);
        Counters { captures: state.sensor.captures, fired: state.sensor.faults.fired, ..state.counters }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        self.detach();
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("is_touched", &self.is_touched()).finish_non_exhaustive()
    }
}

impl State {
    /// Takes one byte of the host; gives what is to be sent.
    fn hear(&mut self, parser: &mut Parser, byte: u8) -> Option<Reply> {
        let reply = match parser.push(byte)? {
            Ok(packet) => {
                self.counters.instructions += 1;
                self.sensor.packet(packet)
            }
            Err(PacketFault::Checksum { .. }) => {
                self.counters.broken_packets += 1;
                self.sensor.broken()
            }
            // For another module, or noise.
            Err(_) => return None,
        };
        self.counters.work_us += reply.work_us;
        self.count(reply.bytes.len());
        Some(reply)
    }

    fn count(&mut self, bytes: usize) {
        self.counters.line_bytes += bytes as u64;
        self.counters.line_us += bytes as u64 * self.byte_ns() / 1_000;
    }

    fn byte_ns(&self) -> u64 {
        BYTE_BITS * 1_000_000_000 / u64::from(baud(&self.sensor.parameters))
    }
}

fn baud(parameters: &Parameters) -> u32 {
    BAUD_STEP * u32::from(parameters.baud_factor.max(1))
}

fn serve(shared: &Mutex<State>, port: &Port, host: Option<&OwnedFd>) {
    let mut parser = Parser::new(lock(shared).sensor.parameters.address);
    let mut bytes = [0; 1_024];
    loop {
        let count = match port.read(&mut bytes, None) {
            Heard::Bytes(count) => count,
            Heard::Woken | Heard::Nothing => continue,
            Heard::Ended => return,
        };
        let mut state = lock(shared);
        state.count(count);
        // At another baud there are other bytes, and hardly ever a packet.
        let is_understood = host
            .and_then(|host| tcgetattr(host).ok())
            .is_none_or(|settings| settings.output_speed() == baud(&state.sensor.parameters));
        if !is_understood {
            parser.reset();
            continue;
        }
        let mut address = state.sensor.parameters.address;
        for byte in bytes.get(..count).unwrap_or_default() {
            let byte_ns = state.byte_ns();
            let Some(reply) = state.hear(&mut parser, *byte) else { continue };
            if state.sensor.parameters.address != address {
                address = state.sensor.parameters.address;
                parser = Parser::new(address);
            }
            let pace = state.pace;
            drop(state);
            if send(port, &reply, pace, byte_ns).is_none() {
                return;
            }
            state = lock(shared);
        }
    }
}

/// Sends a reply in its time; `None` when nobody is there any more.
fn send(port: &Port, reply: &Reply, pace: Pace, byte_ns: u64) -> Option<()> {
    let begin = Instant::now() + Duration::from_millis(reply.delay_ms);
    if pace == Pace::Counted {
        sleep(port, begin)?;
        return port.write_all(&reply.bytes).ok();
    }
    let begin = begin + Duration::from_micros(reply.work_us);
    // Deadlines are absolute, so that sleeping too long does not add up; but what is late is made good only slowly,
    // for no line is much faster than itself, and who listens may rely on that.
    let mut before = begin;
    for (at, part) in reply.bytes.chunks(PACED_BYTES).enumerate() {
        let time = |bytes: usize| Duration::from_nanos(byte_ns.saturating_mul(bytes as u64));
        let due = begin + time(at * PACED_BYTES + part.len());
        sleep(port, due.max(before + time(part.len()) * 3 / 4))?;
        port.write_all(part).ok()?;
        before = Instant::now();
    }
    Some(())
}

/// Sleeps until a moment; `None` when the module is switched off meanwhile.
fn sleep(port: &Port, until: Instant) -> Option<()> {
    let now = Instant::now();
    if until > now {
        port.sleep(until - now)?;
    }
    Some(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
