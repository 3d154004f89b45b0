//! What runs on a worker's thread: one context and at most one card.

use std::{
    ffi::{CStr, CString},
    thread,
    time::{Duration, Instant},
};

use pcsc::{Card, Context, Disposition, Error, MAX_BUFFER_SIZE_EXTENDED, Protocols, Scope, ShareMode, State};
use zeroize::{Zeroize, Zeroizing};

use super::{
    fault::Fault,
    reader::{self, Reader},
};

/// First and longest pause between two tries to reach pcscd.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Most bytes that a driver gives back for one control code: a CCID message of the drivers holds half of it.
const CONTROL_BYTES_MAX: usize = 1_024;

/// How long pcscd may call a slot empty without having seen the card go; it looks every 400 ms.
const DOUBT_LIMIT: Duration = Duration::from_millis(800);
const DOUBT_SLICE: Duration = Duration::from_millis(200);

/// A context of libpcsclite and a card, used by one thread only.
pub(super) struct Connection {
    context: Option<Context>,
    card: Option<Card>,
    buffer: Vec<u8>,
    /// pcscd's count of card movements when we last saw a card.
    card_seen_at: Option<u16>,
}

/// Why an exchange gave no answer, and the answer's size if it was only too long.
pub(super) struct Broken {
    pub(super) error: Error,
    pub(super) bytes: usize,
}

impl Connection {
    pub(super) fn new() -> Self {
        Connection { context: None, card: None, buffer: Vec::new(), card_seen_at: None }
    }

    /// All readers that pcscd knows, waiting at most `service` for pcscd.
    pub(super) fn readers(&mut self, service: Duration) -> Result<Vec<Reader>, Error> {
        self.with_context(service, reader::look)
    }

    /// Waits until a card is there (`present`) or gone, at most `timeout`. Gives whether that came true.
    ///
    /// pcscd may be restarted meanwhile; it is given `service` each time to come back.
    pub(super) fn wait(
        &mut self,
        reader: &str,
        present: bool,
        timeout: Duration,
        service: Duration,
    ) -> Result<bool, Error> {
        let end = Instant::now() + timeout;
        let mut first = true;
        loop {
            let mut card_seen_at = self.card_seen_at;
            let context = self.establish(service)?;
            let result = reader::resolve(context, reader)
                .and_then(|name| wait_state(context, &name, present, end, &mut card_seen_at));
            self.card_seen_at = card_seen_at;
            match result {
                // The context died while we waited, or long before and this is how we learn it.
                Err(error) if is_service(error) && (first || Instant::now() < end) => {
                    self.forget();
                    if !first {
                        thread::sleep(PAUSE_FIRST);
                    }
                    first = false;
                }
                result => return result,
            }
        }
    }

    /// Takes the card for us alone and resets it cold; gives its answer to reset, and the slot's name of today.
    pub(super) fn power_on(&mut self, reader: &str, service: Duration) -> Result<(Vec<u8>, String), Error> {
        self.power_off();
        let (card, atr, event_count, name) = self.with_context(service, |context| {
            let name = reader::resolve(context, reader)?;
            // Before connecting: the library hides a connection that breaks at the end of this.
            let event_count = reader::event_count(context, &name)?;
            let (card, atr) = connect(context, &name)?;
            Ok((card, atr, event_count, name.to_string_lossy().into_owned()))
        })?;
        self.card = Some(card);
        self.card_seen_at = Some(event_count);
        Ok((atr, name))
    }

    /// Speaks with the driver of the reader through the card that is powered on.
    ///
    /// Errors: `InvalidHandle` when there is none.
    pub(super) fn control(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let card = self.card.as_ref().ok_or(Error::InvalidHandle)?;
        control(card, code, request, &mut [0; CONTROL_BYTES_MAX])
    }

    /// Speaks with the driver of a reader through whichever of its slots nobody holds; needs no card.
    ///
    /// The slot is taken for this one exchange: somebody who wants it for himself may have to ask twice.
    /// Errors: `SharingViolation` when every slot is held.
    pub(super) fn control_reader(
        &mut self,
        reader: &str,
        code: u32,
        request: &[u8],
        service: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.with_context(service, |context| {
            let mut result = Err(Error::UnknownReader);
            for name in reader::slots_of_board(context, reader)? {
                result = context.connect(&name, ShareMode::Direct, Protocols::UNDEFINED);
                if result.as_ref().err() != Some(&Error::SharingViolation) {
                    break;
                }
            }
            let card = result?;
            let answer = control(&card, code, request, &mut [0; CONTROL_BYTES_MAX]);
            // The answer is here; how the handle ends does not change it.
            if let Err((card, _)) = card.disconnect(Disposition::LeaveCard) {
                drop(card);
            }
            answer
        })
    }

    /// Sends a command to the card that was powered on.
    pub(super) fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Broken> {
        let card = self.card.as_ref().ok_or(Broken { error: Error::InvalidHandle, bytes: 0 })?;
        self.buffer.resize(MAX_BUFFER_SIZE_EXTENDED, 0);
        let result = match card.transmit2(command, &mut self.buffer) {
            Ok(answer) => {
                let (answer, bytes) = (answer.to_vec(), answer.len());
                // Personal data does not stay in a buffer.
                self.buffer[..bytes].zeroize();
                Ok(answer)
            }
            Err((error, bytes)) => Err(Broken { error, bytes }),
        };
        if result.as_ref().is_err_and(|broken| is_service(broken.error)) {
            self.forget();
        }
        result
    }

    /// Looks, at most `limit` long, whether the card is gone, and puts it away.
    ///
    /// Until that is known the card stays ours: others must not find it with our rights still open.
    pub(super) fn is_pulled(&mut self, reader: &str, limit: Duration) -> bool {
        let pulled = self.wait(reader, false, limit, Duration::ZERO).unwrap_or(false);
        if pulled && let Some(card) = self.card.take() {
            // A card that is gone needs no powering off, which would only confuse pcscd.
            let _ = card.disconnect(Disposition::LeaveCard);
        }
        self.power_off();
        pulled
    }

    /// Powers the card off and lets others use it.
    pub(super) fn power_off(&mut self) {
        if let Some(card) = self.card.take()
            && let Err((card, _)) = card.disconnect(Disposition::UnpowerCard)
        {
            // Whatever is wrong with the handle, its second end is the last.
            drop(card);
        }
    }

    /// Gives `action` a context. If the one at hand has died meanwhile, a new one, once.
    fn with_context<T>(
        &mut self,
        service: Duration,
        action: impl Fn(&Context) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let was_fresh = self.context.is_none();
        let mut result = self.establish(service).and_then(&action);
        if result.as_ref().is_err_and(|error| is_service(*error)) {
            self.forget();
            if !was_fresh {
                result = self.establish(service).and_then(&action);
                if result.as_ref().is_err_and(|error| is_service(*error)) {
                    self.forget();
                }
            }
        }
        result
    }

    /// The context, made anew if need be; tries for `service` with growing pauses.
    fn establish(&mut self, service: Duration) -> Result<&Context, Error> {
        if self.context.is_none() {
            self.context = Some(establish(service)?);
        }
        self.context.as_ref().ok_or(Error::NoService)
    }

    /// Throws the context away with everything that hangs on it.
    fn forget(&mut self) {
        self.card = None;
        self.context = None;
    }
}

/// A context, trying for `service` with growing pauses.
pub(super) fn establish(service: Duration) -> Result<Context, Error> {
    let end = Instant::now() + service;
    let mut pause = PAUSE_FIRST;
    loop {
        match Context::establish(Scope::System) {
            Err(error) if is_service(error) && Instant::now() + pause < end => {
                thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            result => return result,
        }
    }
}

/// Whether an error means that the context is of no use any more.
pub(super) fn is_service(error: Error) -> bool {
    matches!(Fault::of(error), Fault::Service(_))
}

fn control(card: &Card, code: u32, request: &[u8], buffer: &mut [u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let answer = card.control(code.into(), request, buffer).map(|answer| Zeroizing::new(answer.to_vec()));
    // It may have been a template or an image.
    let bytes = answer.as_ref().map_or(buffer.len(), |answer| answer.len());
    buffer[..bytes].zeroize();
    answer
}

fn connect(context: &Context, name: &CStr) -> Result<(Card, Vec<u8>), Error> {
    let mut card = context.connect(name, ShareMode::Exclusive, Protocols::ANY)?;
    // pcscd may have powered the card long ago, and another program may have left rights open in it.
    let reset = card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::UnpowerCard);
    let status = reset.and_then(|()| card.status2_owned());
    match status {
        Ok(status) if status.protocol2().is_some() => Ok((card, status.atr().to_vec())),
        other => {
            // How it ends does not change what went wrong.
            let _ = card.disconnect(Disposition::UnpowerCard);
            Err(other.err().unwrap_or(Error::ProtoMismatch))
        }
    }
}

fn wait_state(
    context: &Context,
    name: &CString,
    present: bool,
    end: Instant,
    card_seen_at: &mut Option<u16>,
) -> Result<bool, Error> {
    let mut state = [pcsc::ReaderState::new(name.clone(), State::UNAWARE)];
    let mut doubt_since = None;
    loop {
        let doubtful = doubt_since.is_some() && card_seen_at.is_some();
        let rest = end.saturating_duration_since(Instant::now());
        let slice = if doubtful { rest.min(DOUBT_SLICE) } else { rest };
        match context.get_status_change(slice, &mut state) {
            Err(Error::Timeout) if !doubtful => return Ok(false),
            Err(Error::Timeout) => {}
            result => result?,
        }
        let now = state[0].event_state();
        if now.intersects(State::UNKNOWN | State::UNAVAILABLE | State::IGNORE) {
            return Err(Error::ReaderUnavailable);
        }
        let (here, event_count) = (now.contains(State::PRESENT), reader::count_of(&state[0]));
        if here {
            *card_seen_at = Some(event_count);
        }
        if here == present {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        state[0].sync_current_state();
        if !here && *card_seen_at == Some(event_count) {
            if doubt_since.get_or_insert_with(Instant::now).elapsed() >= DOUBT_LIMIT {
                *card_seen_at = None;
                look_again(context, name);
                // pcscd tells nobody of what it found.
                state = [pcsc::ReaderState::new(name.clone(), State::UNAWARE)];
            }
        } else {
            doubt_since = None;
        }
    }
}

/// Makes pcscd look for a card that it has overlooked.
///
/// pcscd 1.9.9 calls a slot empty when powering off fails because the card was just pulled, but does not
/// count that as a movement. If a card is there again by its next look, 400 ms later at most, it sees no
/// change, and calls the slot empty until that card is pulled as well. Powering the slot on sets it right.
fn look_again(context: &Context, name: &CStr) {
    // Whatever goes wrong here: the card will have to be put in once more, as without it.
    if let Ok(mut card) = context.connect(name, ShareMode::Direct, Protocols::UNDEFINED) {
        let _ = card.reconnect(ShareMode::Direct, Protocols::ANY, Disposition::UnpowerCard);
        let _ = card.disconnect(Disposition::LeaveCard);
    }
}
