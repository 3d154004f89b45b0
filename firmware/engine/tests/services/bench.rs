//! A desk with everything around it, and a host that asks.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use engine::escape::{BoardFacts, Desk, Parts};
use engine::services::Services;
use engine::time::Instant;
use engine::trace::Trace;
use reader_protocol::escape::{
    Answer, Body, Chunk, FingerFailure, FingerOutcome, FingerState, FingerTask, KEY_BYTES, Personality,
    Request, Serial, Status, TamperState,
};
use reader_protocol::vault::Contents;
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::hardware::{Fake, FakeChance, FakePanel, FakeUpdates, FakeVault};
use crate::module::{LineState, Module, Uart};

pub(crate) const SERIAL: Serial = Serial(*b"0123456789AB");
/// Polls at one moment that can only be a loop.
const POLLS_MAX: u32 = 2_000;

/// The time, as everybody here sees it.
#[derive(Clone, Default)]
pub(crate) struct Clock(Rc<Cell<u64>>);

impl Clock {
    pub(crate) fn nanos(&self) -> u64 {
        self.0.get()
    }

    fn now(&self) -> Instant {
        Instant(self.0.get())
    }
}

/// A key of somebody with authority; `ring` is the foreign judge of what the board verifies.
pub(crate) fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

pub(crate) fn public(key: &Ed25519KeyPair) -> [u8; KEY_BYTES] {
    key.public_key().as_ref().try_into().unwrap()
}

pub(crate) fn sign(key: &Ed25519KeyPair, message: &[u8]) -> [u8; 64] {
    key.sign(message).as_ref().try_into().unwrap()
}

/// The maker's key of every bench.
pub(crate) fn maker() -> Ed25519KeyPair {
    key(0xAA)
}

pub(crate) struct Bench {
    pub(crate) desk: Desk<Fake>,
    pub(crate) clock: Clock,
    pub(crate) module: Rc<RefCell<Module>>,
    pub(crate) line: Rc<RefCell<LineState>>,
    pub(crate) panel: FakePanel,
    pub(crate) vault: FakeVault,
    pub(crate) chance: FakeChance,
    pub(crate) trace: Trace,
    polls_here: (u64, u32),
}

impl Bench {
    /// A board that has never been paired, greeted by its module.
    pub(crate) fn new() -> Self {
        let mut bench = Self::with_vault(FakeVault::new(&Contents::default()));
        bench.run_millis(1_000);
        bench
    }

    /// A board before its first poll.
    pub(crate) fn with_vault(vault: FakeVault) -> Self {
        let clock = Clock::default();
        let module = Rc::new(RefCell::new(Module::new(clock.clone())));
        let line = Rc::new(RefCell::new(LineState::default()));
        let panel = FakePanel::default();
        let chance = FakeChance::default();
        let desk = desk(&module, &line, &panel, &vault, &chance);
        Self { desk, clock, module, line, panel, vault, chance, trace: Trace::new(), polls_here: (0, 0) }
    }

    /// The board is reset: what is not in its vault is gone. Time begins anew for it only.
    pub(crate) fn restart(&mut self) {
        self.desk = desk(&self.module, &self.line, &self.panel, &self.vault, &self.chance);
    }

    /// Polls once and turns the clock to what comes first: the next poll, the module's next byte, or `limit`.
    pub(crate) fn step(&mut self, limit: u64) {
        let now = self.clock.nanos();
        if self.polls_here.0 == now {
            self.polls_here.1 += 1;
            assert!(self.polls_here.1 < POLLS_MAX, "the desk turns in a circle");
        } else {
            self.polls_here = (now, 0);
        }
        let poll_at = self.desk.poll(self.clock.now()).map_or(limit, |at| at.0);
        let byte_at = self.module.borrow().next_byte_at().unwrap_or(limit);
        self.clock.0.set(poll_at.min(byte_at).min(limit).max(now));
    }

    pub(crate) fn run_millis(&mut self, millis: u64) {
        let limit = self.clock.nanos() + millis * 1_000_000;
        while self.clock.nanos() < limit {
            self.step(limit);
        }
        self.step(limit);
    }

    /// Asks by a frame, as the reader does.
    pub(crate) fn ask_bytes(&mut self, request: &[u8]) -> Vec<u8> {
        let mut answer = [0; 261];
        let length = self.desk.escape(request, &mut answer, &self.trace, self.clock.now()).unwrap();
        answer[..length].to_vec()
    }

    pub(crate) fn ask(&mut self, request: &Request<'_>) -> (Status, Vec<u8>) {
        let bytes = self.ask_bytes(&request.build().unwrap());
        let answer = Answer::parse(&bytes).unwrap();
        (answer.status, answer.body.to_vec())
    }

    /// Asks for something that must be done and brings nothing.
    #[track_caller]
    pub(crate) fn order(&mut self, request: &Request<'_>) {
        assert_eq!(self.ask(request), (Status::Done, Vec::new()), "{request:?}");
    }

    #[track_caller]
    pub(crate) fn status(&mut self, request: &Request<'_>) -> Status {
        self.ask(request).0
    }

    #[track_caller]
    pub(crate) fn read<B: Body>(&mut self, request: &Request<'_>) -> B {
        let (status, body) = self.ask(request);
        assert_eq!(status, Status::Done, "{request:?}");
        B::read(&body).unwrap()
    }

    pub(crate) fn finger_state(&mut self) -> FingerState {
        self.read(&Request::FingerPoll)
    }

    pub(crate) fn tamper_state(&mut self) -> TamperState {
        self.read(&Request::TamperState)
    }

    /// Starts a task and waits for its end, at most `millis`.
    #[track_caller]
    pub(crate) fn task(&mut self, task: FingerTask, millis: u64) -> FingerState {
        self.order(&Request::FingerStart(task));
        self.until_done(millis)
    }

    #[track_caller]
    pub(crate) fn until_done(&mut self, millis: u64) -> FingerState {
        for _ in 0..millis {
            let state = self.finger_state();
            if matches!(state, FingerState::Done(_) | FingerState::Failed(_) | FingerState::Idle) {
                return state;
            }
            self.run_millis(1);
        }
        panic!("the task does not end: {:?}", self.finger_state());
    }

    /// Fetches whatever the task brings, looking every `every_ms`.
    pub(crate) fn fetch_all(&mut self, every_ms: u64) -> Result<Vec<u8>, FingerState> {
        let mut bytes = Vec::new();
        let mut sequence = 0u16;
        for _ in 0..100_000 {
            let (status, body) = self.ask(&Request::FingerFetch { sequence });
            if status == Status::Done {
                let chunk = Chunk::read(&body).unwrap();
                assert_eq!(chunk.sequence, sequence);
                bytes.extend(chunk.bytes);
                if chunk.is_last {
                    return Ok(bytes);
                }
                if !chunk.bytes.is_empty() {
                    sequence = sequence.wrapping_add(1);
                    continue;
                }
            }
            match self.finger_state() {
                state @ (FingerState::Failed(_) | FingerState::Idle) => return Err(state),
                _ => self.run_millis(every_ms),
            }
        }
        panic!("the image does not end");
    }

    /// Sends a template, after `WriteTemplate` was started.
    pub(crate) fn send_all(&mut self, template: &[u8], piece_bytes: usize) {
        for (sequence, bytes) in (0u16..).zip(template.chunks(piece_bytes)) {
            let request = Request::FingerSend { sequence, bytes };
            let mut tries = 0;
            while self.status(&request) == Status::Busy {
                self.run_millis(1);
                tries += 1;
                assert!(tries < 5_000, "no room");
            }
        }
    }

    /// Opens the case and closes it again.
    pub(crate) fn open_and_close(&mut self) {
        self.panel.is_open.set(true);
        self.run_millis(50);
        self.panel.is_open.set(false);
        self.run_millis(300);
    }
}

fn desk(
    module: &Rc<RefCell<Module>>,
    line: &Rc<RefCell<LineState>>,
    panel: &FakePanel,
    vault: &FakeVault,
    chance: &FakeChance,
) -> Desk<Fake> {
    let facts = BoardFacts {
        name: "bench",
        serial: SERIAL,
        version: [1, 2, 3],
        rollback: 4,
        build: *b"builtnow",
        personality: Personality::Sec1210,
        slots: 2,
        maker: public(&maker()),
    };
    Desk::new(
        facts,
        Parts {
            sensor: Some(Uart { module: module.clone(), line: line.clone() }),
            panel: panel.clone(),
            vault: vault.clone(),
            chance: chance.clone(),
            updates: FakeUpdates::default(),
        },
    )
}

pub(crate) const fn failed(failure: FingerFailure) -> FingerState {
    FingerState::Failed(failure)
}

pub(crate) const fn done(outcome: FingerOutcome) -> FingerState {
    FingerState::Done(outcome)
}
