//! The thread behind a face: it owns the books and the devices, so that nothing on the screen ever waits for them.
//!
//! A face sends commands and is told what happens. Between commands the desk watches the slot, uploads and fetches, a
//! little at a time. A holder's PIN goes the other way: the desk asks the face, and waits.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hal::pin_pad::{PinPad, PinPadError, Prompt};
use terminal::progress::Progress;
use zeroize::Zeroizing;

/// What a face may have waiting for its desk. A person cannot press faster; a face that does is told `false`.
pub const COMMANDS_MAX: usize = 64;

/// The longest nap between two looks at the slot.
pub const NAP_MS_MAX: u64 = 1_000;

/// What a desk does: its own commands, and what is to be done between them.
pub trait Work: 'static {
    /// What it is asked to do.
    type Command: Send + 'static;
    /// What it tells.
    type Event: Send + 'static;

    /// Does one command.
    fn run(&mut self, command: Self::Command, teller: &Teller<Self::Event>);

    /// Does a little of what nobody asked for; says when it wants to be called again. A command that comes meanwhile
    /// waits until it returns: so a little.
    fn idle(&mut self, teller: &Teller<Self::Event>) -> Duration;
}

/// What a face is told by its desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told<E> {
    /// What happened.
    Event(E),
    /// What is being done just now.
    Progress(Progress),
    /// The holder is asked for digits: answer by [`Desk::typed`].
    Pin(Prompt),
    /// The digits are not waited for any more.
    PinOver,
    /// The desk has ended by a fault of ours; the terminal has to be started again.
    Broken,
}

/// Tells a face, from whichever thread.
pub struct Teller<E>(Arc<dyn Fn(Told<E>) + Send + Sync>);

impl<E> Clone for Teller<E> {
    fn clone(&self) -> Self {
        Teller(Arc::clone(&self.0))
    }
}

impl<E> Teller<E> {
    /// Hands what is told to this function.
    pub fn new(told: impl Fn(Told<E>) + Send + Sync + 'static) -> Self {
        Teller(Arc::new(told))
    }

    /// Tells what happened.
    pub fn event(&self, event: E) {
        self.tell(Told::Event(event));
    }

    /// Tells.
    pub fn tell(&self, told: Told<E>) {
        (self.0)(told);
    }
}

impl<E> std::fmt::Debug for Teller<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

/// What the holder typed, on its way to the desk.
pub type Typed = Result<Zeroizing<Vec<u8>>, PinPadError>;

/// Whoever does what a face asks for: its desk, or a test.
pub trait Outlet<C> {
    /// Asks for something; `false` when it is not taken.
    fn ask(&self, command: C) -> bool;

    /// What the holder typed, or that the holder does not want to.
    fn typed(&self, typed: Typed);

    /// Long work is not wanted any more.
    fn halt(&self);
}

/// A pad on the screen: the PIN pad that a desk opens its terminal with.
pub struct ScreenPad<E> {
    teller: Teller<E>,
    typed: Arc<Mutex<Receiver<Typed>>>,
}

impl<E> Clone for ScreenPad<E> {
    fn clone(&self) -> Self {
        ScreenPad { teller: self.teller.clone(), typed: Arc::clone(&self.typed) }
    }
}

impl<E: Send + 'static> PinPad for ScreenPad<E> {
    fn ask(&mut self, prompt: Prompt, timeout_ms: u32) -> Typed {
        let answers = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys pressed before the question are no answer to it.
        while answers.try_recv().is_ok() {}
        self.teller.tell(Told::Pin(prompt));
        let typed = match answers.recv_timeout(Duration::from_millis(timeout_ms.into())) {
            Ok(typed) => typed,
            Err(RecvTimeoutError::Timeout) => Err(PinPadError::Timeout),
            Err(RecvTimeoutError::Disconnected) => Err(PinPadError::Cancelled),
        };
        self.teller.tell(Told::PinOver);
        typed
    }
}

impl<E> std::fmt::Debug for ScreenPad<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScreenPad").finish_non_exhaustive()
    }
}

/// A way to tell the work that it need not go on: asked by the work between two steps of something long.
#[derive(Clone, Debug, Default)]
pub struct Halt(Arc<AtomicBool>);

impl Halt {
    /// The person does not want it any more.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was said since the last [`Halt::forget`].
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Something new begins.
    pub fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The face's end of its desk. Dropping it ends the desk after the command under way.
#[derive(Debug)]
pub struct Desk<C> {
    commands: Option<mpsc::SyncSender<C>>,
    typed: Sender<Typed>,
    halt: Halt,
    thread: Option<JoinHandle<()>>,
}

impl<C: Send + 'static> Desk<C> {
    /// Starts the thread; `open` makes the work there, since books take a moment to open, and tells by itself when
    /// they cannot be opened.
    pub fn start<W, F>(teller: Teller<W::Event>, open: F) -> Self
    where
        W: Work<Command = C>,
        F: FnOnce(&Teller<W::Event>, ScreenPad<W::Event>, Halt) -> Option<W> + Send + 'static,
    {
        let (commands, asked) = mpsc::sync_channel(COMMANDS_MAX);
        let (typed, digits) = mpsc::channel();
        let halt = Halt::default();
        let pad = ScreenPad { teller: teller.clone(), typed: Arc::new(Mutex::new(digits)) };
        let halted = halt.clone();
        let thread = thread::spawn(move || {
            let broken = Broken(teller.clone());
            if let Some(mut work) = open(&teller, pad, halted) {
                serve(&mut work, &asked, &teller);
            }
            std::mem::forget(broken);
        });
        Desk { commands: Some(commands), typed, halt, thread: Some(thread) }
    }
}

impl<C> Outlet<C> for Desk<C> {
    /// `false` when the desk has ended or has [`COMMANDS_MAX`] waiting.
    fn ask(&self, command: C) -> bool {
        self.commands.as_ref().is_some_and(|commands| commands.try_send(command).is_ok())
    }

    fn typed(&self, typed: Typed) {
        let _ = self.typed.send(typed);
    }

    fn halt(&self) {
        self.halt.ask();
    }
}

impl<C> Drop for Desk<C> {
    fn drop(&mut self) {
        self.halt.ask();
        let _ = self.typed.send(Err(PinPadError::Cancelled));
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve<W: Work>(work: &mut W, asked: &Receiver<W::Command>, teller: &Teller<W::Event>) {
    let mut nap = Duration::ZERO;
    loop {
        match asked.recv_timeout(nap) {
            Ok(command) => {
                work.run(command, teller);
                nap = Duration::ZERO;
            }
            Err(RecvTimeoutError::Timeout) => {
                nap = work.idle(teller).min(Duration::from_millis(NAP_MS_MAX));
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Tells the face when the thread unwinds.
struct Broken<E>(Teller<E>);

impl<E> Drop for Broken<E> {
    fn drop(&mut self) {
        self.0.tell(Told::Broken);
    }
}

/// What came from a desk and was not looked at yet, on its way to the thread of the screen.
type Letters<E> = Arc<Mutex<Vec<Told<E>>>>;

thread_local! {
    /// What takes the letters, on the thread of the screen.
    static TAKE: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Makes a [`Teller`] whose words reach `told` on the thread that calls this, which must be that of the event loop.
///
/// One at a time in their order; `told` is never called while it runs.
pub fn to_screen<E: Send + 'static>(told: impl Fn(Told<E>) + 'static) -> Teller<E> {
    let letters: Letters<E> = Arc::default();
    let mine = Arc::clone(&letters);
    TAKE.set(Some(Box::new(move || {
        let taken = std::mem::take(&mut *mine.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().for_each(&told);
    })));
    Teller::new(move |letter| {
        letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
        // Fails only when the event loop has ended: then nobody looks any more.
        let _ = slint::invoke_from_event_loop(|| {
            TAKE.with_borrow(|take| {
                if let Some(take) = take {
                    take();
                }
            });
        });
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    struct Counting {
        pad: ScreenPad<u32>,
        idled: u32,
    }

    enum Order {
        Count(u32),
        Pin,
        Panic,
    }

    impl Work for Counting {
        type Command = Order;
        type Event = u32;

        fn run(&mut self, command: Order, teller: &Teller<u32>) {
            match command {
                Order::Count(number) => teller.event(number),
                Order::Pin => teller.event(
                    self.pad.ask(Prompt::Pin, 200).map_or(0, |typed| u32::try_from(typed.len()).unwrap()),
                ),
                Order::Panic => panic!("on purpose"),
            }
        }

        fn idle(&mut self, _: &Teller<u32>) -> Duration {
            self.idled += 1;
            Duration::from_millis(5)
        }
    }

    fn desk() -> (Desk<Order>, Receiver<Told<u32>>) {
        let (sender, told) = mpsc::channel();
        let sender = Mutex::new(sender);
        let teller = Teller::new(move |letter| {
            let _ = sender.lock().unwrap().send(letter);
        });
        let desk = Desk::start::<Counting, _>(teller, |_, pad, _| Some(Counting { pad, idled: 0 }));
        (desk, told)
    }

    #[test]
    fn commands_are_done_in_their_order() {
        let (desk, told) = desk();
        for number in 0..20 {
            assert!(desk.ask(Order::Count(number)));
        }
        for number in 0..20 {
            assert_eq!(told.recv().unwrap(), Told::Event(number));
        }
    }

    #[test]
    fn a_pin_is_a_fresh_entry_and_is_not_waited_for_forever() {
        let (desk, told) = desk();
        // Typed before anybody asked.
        desk.typed(Ok(Zeroizing::new(b"999999".to_vec())));
        desk.ask(Order::Pin);
        assert_eq!(told.recv().unwrap(), Told::Pin(Prompt::Pin));
        assert_eq!(told.recv().unwrap(), Told::PinOver);
        assert_eq!(told.recv().unwrap(), Told::Event(0));
        desk.ask(Order::Pin);
        assert_eq!(told.recv().unwrap(), Told::Pin(Prompt::Pin));
        desk.typed(Ok(Zeroizing::new(b"1234".to_vec())));
        assert_eq!(told.recv().unwrap(), Told::PinOver);
        assert_eq!(told.recv().unwrap(), Told::Event(4));
    }

    #[test]
    fn a_face_that_goes_away_ends_its_desk_even_at_a_pin() {
        let (desk, told) = desk();
        desk.ask(Order::Pin);
        assert_eq!(told.recv().unwrap(), Told::Pin(Prompt::Pin));
        drop(desk);
        assert_eq!(told.recv().unwrap(), Told::PinOver);
    }

    #[test]
    fn a_broken_desk_says_so() {
        let (desk, told) = desk();
        desk.ask(Order::Panic);
        assert_eq!(told.recv().unwrap(), Told::Broken);
        // The channel is gone as soon as the thread is.
        drop(desk);
    }
}
