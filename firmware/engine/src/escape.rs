//! The desk where our own escapes are answered: board, fingerprint module, lamps, tamper, pairing, update.

use embedded_io::{Read, ReadReady, Write, WriteReady};
use reader_protocol::escape::{
    Abilities, Body, Counters, Event, Frame, Identity, KEY_BYTES, MARK, Personality, Request, Serial, Status,
    begin_answer, is_ours,
};
use zeroize::Zeroize;

use crate::finger::Finger;
use crate::panel::{Panel, PanelPins};
use crate::services::{EscapeError, Services, SlotEvent};
use crate::tamper::{Change, Tamper};
use crate::time::Instant;
use crate::trace::{EVENTS, Trace};
use crate::update::Updates;
use crate::vault::{Chance, Vault};

/// What a board has beside its slots.
pub trait Hardware {
    /// UART of the fingerprint module; its speed is the board's business. Its buffer for what comes should
    /// hold what the module sends between two polls.
    type Sensor: Read + ReadReady + Write + WriteReady;
    /// Lamps, buzzer, switch.
    type Panel: PanelPins;
    /// Battery-backed registers.
    type Vault: Vault;
    /// Random bytes.
    type Chance: Chance;
    /// Where firmware goes.
    type Updates: Updates;
}

/// These things themselves.
pub struct Parts<H: Hardware> {
    /// UART of the fingerprint module; `None` on a board without a place for one.
    pub sensor: Option<H::Sensor>,
    /// Lamps, buzzer, switch.
    pub panel: H::Panel,
    /// Battery-backed registers.
    pub vault: H::Vault,
    /// Random bytes.
    pub chance: H::Chance,
    /// Where firmware goes.
    pub updates: H::Updates,
}

/// Who the board is.
#[derive(Clone, Copy, Debug)]
pub struct BoardFacts {
    /// Its name; what is longer than an identity can carry is cut off.
    pub name: &'static str,
    /// Its serial number.
    pub serial: Serial,
    /// Version of the firmware: major, minor, patch.
    pub version: [u16; 3],
    /// Rollback counter of the image that runs.
    pub rollback: u32,
    /// First bytes of its digest.
    pub build: [u8; 8],
    /// The reader it plays.
    pub personality: Personality,
    /// How many slots it has.
    pub slots: u8,
    /// Ed25519 public key of who clears a board that has lost its authority.
    pub maker: [u8; KEY_BYTES],
}

/// The desk.
pub struct Desk<H: Hardware> {
    facts: BoardFacts,
    finger: Option<Finger<H::Sensor>>,
    panel: Panel<H::Panel>,
    tamper: Tamper<H::Vault, H::Chance>,
    updates: H::Updates,
    trace: Trace,
}

impl<H: Hardware> Desk<H> {
    /// Nothing is done before the first poll.
    pub fn new(facts: BoardFacts, parts: Parts<H>) -> Self {
        Self {
            facts,
            finger: parts.sensor.map(Finger::new),
            panel: Panel::new(parts.panel),
            tamper: Tamper::new(parts.vault, parts.chance, facts.serial, facts.maker),
            updates: parts.updates,
            trace: Trace::new(),
        }
    }

    /// What the desk itself has counted.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Answers one escape of ours, always; gives how many bytes of `answer` are used.
    fn answer(&mut self, request: &[u8], answer: &mut [u8], reader: &Trace, now: Instant) -> usize {
        let result = match Request::parse(request) {
            // What is judged by a signature brings nothing, and needs the stack for that.
            Ok(Request::TamperClear { signature }) => self.tamper.clear(signature),
            Ok(Request::Pair(pairing)) => self.tamper.pair(&pairing),
            Ok(request) => return self.answer_with_body(&request, answer, reader, now),
            Err(status) => Err(status),
        };
        let status = result.err().unwrap_or(Status::Done);
        if matches!(status, Status::SignatureWrong | Status::AlreadyPaired) {
            self.trace.count(Event::Refused);
        }
        copy(&[MARK, status.byte()], answer)
    }

    #[inline(never)]
    fn answer_with_body(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        reader: &Trace,
        now: Instant,
    ) -> usize {
        let mut frame = Frame::new();
        begin_answer(&mut frame, Status::Done);
        match self.serve(request, &mut frame, reader, now) {
            // A refused update says why behind the status, where it has been put already.
            Ok(()) | Err(Status::UpdateRefused) => {}
            Err(status) => begin_answer(&mut frame, status),
        }
        let copied = copy(&frame, answer);
        // It may be an image or a template.
        frame.as_mut_slice().zeroize();
        copied
    }

    fn serve(
        &mut self,
        request: &Request<'_>,
        answer: &mut Frame,
        reader: &Trace,
        now: Instant,
    ) -> Result<(), Status> {
        match *request {
            Request::Identify => put(&self.identity(), answer),
            Request::Counters => put(&self.counters(reader, now), answer),
            Request::FingerStart(task) => {
                let finger = self.finger.as_mut().ok_or(Status::NoModule)?;
                if self.tamper.is_latched() {
                    return Err(Status::Tampered);
                }
                finger.start(task, &mut self.trace, now)
            }
            Request::FingerPoll => put(&self.finger()?.state(), answer),
            Request::FingerFetch { sequence } => {
                self.finger()?.fetch(sequence, answer, now);
                Ok(())
            }
            Request::FingerSend { sequence, bytes } => self.finger()?.take(sequence, bytes, now),
            Request::FingerCancel => {
                self.finger()?.cancel(now);
                Ok(())
            }
            Request::Lamp { lamp, mode } => {
                self.panel.set(lamp, mode);
                Ok(())
            }
            Request::Buzzer(beeps) => {
                self.panel.beep(beeps, now);
                Ok(())
            }
            Request::TamperState => put(&self.tamper.state()?, answer),
            Request::TamperLog { index } => put(&self.tamper.log(index)?, answer),
            Request::Challenge => put(&self.tamper.challenge()?, answer),
            Request::Prove { challenge } => put(&self.tamper.prove(challenge)?, answer),
            Request::UpdateBegin(_) | Request::UpdateWrite { .. } | Request::UpdateFinish => {
                self.update(request, answer)
            }
            Request::UpdateState => put(&self.updates.state(), answer),
            // The two that need a signature have been answered already.
            _ => Err(Status::Unsupported),
        }
    }

    fn update(&mut self, request: &Request<'_>, answer: &mut Frame) -> Result<(), Status> {
        if !H::Updates::IS_SUPPORTED {
            return Err(Status::Unsupported);
        }
        if self.tamper.is_latched() {
            return Err(Status::Tampered);
        }
        let result = match *request {
            Request::UpdateBegin(header) => self.updates.begin(header),
            Request::UpdateWrite { offset, bytes } => self.updates.write(offset, bytes),
            _ => self.updates.finish(),
        };
        result.map_err(|refusal| {
            begin_answer(answer, Status::UpdateRefused);
            // One more byte fits.
            let _ = answer.push(refusal.byte());
            Status::UpdateRefused
        })
    }

    fn finger(&mut self) -> Result<&mut Finger<H::Sensor>, Status> {
        self.finger.as_mut().ok_or(Status::NoModule)
    }

    #[inline(never)]
    fn identity(&self) -> Identity {
        let mut abilities =
            Abilities::LAMPS.with(Abilities::BUZZER).with(Abilities::TAMPER).with(Abilities::CHANCE);
        if self.finger.as_ref().is_some_and(Finger::is_present) {
            abilities = abilities.with(Abilities::FINGERPRINT);
        }
        if H::Updates::IS_SUPPORTED {
            abilities = abilities.with(Abilities::UPDATE);
        }
        let mut board = heapless::String::new();
        for letter in self.facts.name.chars() {
            if board.push(letter).is_err() {
                break;
            }
        }
        Identity {
            board,
            serial: self.facts.serial,
            version: self.facts.version,
            rollback: self.facts.rollback,
            build: self.facts.build,
            personality: self.facts.personality,
            slots: self.facts.slots,
            abilities,
        }
    }

    #[inline(never)]
    fn counters(&self, reader: &Trace, now: Instant) -> Counters {
        let mut counters = Counters { uptime_ms: now.millis(), events: [0; EVENTS] };
        let counts = reader.counts().iter().zip(self.trace.counts());
        for (sum, (reader, own)) in counters.events.iter_mut().zip(counts) {
            *sum = reader.saturating_add(*own);
        }
        counters
    }
}

impl<H: Hardware> Services for Desk<H> {
    #[inline(never)]
    fn escape(
        &mut self,
        request: &[u8],
        answer: &mut [u8],
        trace: &Trace,
        now: Instant,
    ) -> Result<usize, EscapeError> {
        if !is_ours(request) {
            return Err(EscapeError::Unsupported);
        }
        Ok(self.answer(request, answer, trace, now))
    }

    fn slot_event(&mut self, slot: u8, event: SlotEvent, _now: Instant) {
        self.panel.slot_event(slot, event);
    }

    fn poll(&mut self, now: Instant) -> Option<Instant> {
        // The switch is looked at first, and the lamps once the latch is known.
        let look_at = self.panel.look(now);
        let (change, tamper_at) = self.tamper.poll(self.panel.is_open(), now);
        if change == Change::Latched {
            self.trace.count(Event::Tampered);
            if let Some(finger) = &mut self.finger {
                finger.erase(now);
            }
        }
        let lamps_at = self.panel.show(self.tamper.is_latched(), now);
        let mut next = look_at.min(tamper_at).min(lamps_at.unwrap_or(look_at));
        if let Some(finger_at) = self.finger.as_mut().and_then(|finger| finger.poll(&mut self.trace, now)) {
            next = next.min(finger_at);
        }
        if self.updates.poll() {
            next = now;
        }
        Some(next)
    }
}

/// Copies as much as there is room for.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    to.iter_mut().zip(from).map(|(place, byte)| *place = *byte).count()
}

fn put(body: &impl Body, answer: &mut Frame) -> Result<(), Status> {
    // Every body of this crate fits; one that does not is ours to mend.
    body.put(answer).map_err(|_| Status::Malformed)
}
