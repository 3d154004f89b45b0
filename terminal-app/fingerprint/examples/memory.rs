//! Memory that the comparison needs: what is kept between calls, and how deep its stack goes.
//!
//! ```text
//! cargo run --release -p jinbao-fingerprint --example memory
//! ```
//!
//! The stack is found by trial: a thread with a known stack goes down a measured way before it calls the function,
//! further each time, until its guard page ends the process. What fits less than for a function that does nothing
//! is what the function needs, to within one step of the way. It is that of this machine and build; a 32-bit
//! one needs less.

use std::{
    env,
    hint::black_box,
    process::{Command, ExitCode, Stdio},
    thread,
};

use fingerprint::{
    matcher::{Prepared, Workspace},
    minutia::{MINUTIAE_MAX, Minutia, Minutiae},
    template::{Reading, compact},
};

/// Stack of the threads that are measured.
const STACK_BYTES: usize = 512 * 1024;

/// The way down goes in steps of about this much.
const STEP_BYTES: usize = 64;

type Function = fn(&mut Desk);

/// What is measured, by its name on the command line.
const FUNCTIONS: [(&str, Function); 4] = [
    ("nothing", |_| {}),
    ("read a compact template", |desk| {
        desk.minutiae = compact::read(&desk.template, Reading::Lenient).unwrap_or_default();
    }),
    ("prepare minutiae", |desk| {
        desk.gallery.prepare(&desk.minutiae);
    }),
    ("compare two fingers", |desk| {
        black_box(desk.workspace.compare(&desk.probe, &desk.gallery));
    }),
];

/// Everything that is kept between calls.
struct Desk {
    template: Vec<u8>,
    minutiae: Minutiae,
    probe: Box<Prepared>,
    gallery: Box<Prepared>,
    workspace: Box<Workspace>,
}

impl Desk {
    /// As many minutiae as there can be, the same on both sides: every step of the comparison has work.
    fn new() -> Self {
        let mut minutiae = Minutiae::new();
        let mut chance = 1_u32;
        for _ in 0..MINUTIAE_MAX {
            let mut below = |limit: u32| {
                chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (chance >> 16) % limit
            };
            let (x, y, angle) = (below(2_000) as u16, below(2_000) as u16, below(256) as u8);
            minutiae.push_best(Minutia { x, y, angle, quality: 80, ..Minutia::default() });
        }
        Desk {
            template: compact::write(&minutiae, MINUTIAE_MAX).to_vec(),
            probe: Box::new(Prepared::new(&minutiae)),
            gallery: Box::new(Prepared::new(&minutiae)),
            workspace: Box::new(Workspace::new()),
            minutiae,
        }
    }
}

/// Goes down so many steps and calls; gives the bytes that were gone down.
#[inline(never)]
fn down(steps: usize, from: usize, desk: &mut Desk, function: Function) -> usize {
    let mut step = [0_u8; STEP_BYTES];
    black_box(&mut step);
    let gone = match steps {
        0 => {
            function(desk);
            from - step.as_ptr().addr()
        }
        steps => down(steps - 1, from, desk, function),
    };
    // What is used after the call keeps every step on the stack.
    black_box(&mut step);
    gone
}

/// What fits beside a function: bytes gone down at most before it is called. Each trial is a process of its own.
fn room(name: &str) -> Result<usize, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let trial = |steps: usize| -> Option<usize> {
        let mut command = Command::new(&program);
        command.args([name, &steps.to_string()]).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let mut best = trial(0).ok_or_else(|| format!("{STACK_BYTES} bytes are too few for: {name}"))?;
    let (mut fits, mut fails) = (0, STACK_BYTES / STEP_BYTES);
    while fails - fits > 1 {
        let steps = (fits + fails) / 2;
        match trial(steps) {
            Some(gone) => (best, fits) = (gone, steps),
            None => fails = steps,
        }
    }
    Ok(best)
}

/// One trial: prints how far down it went, when it comes back.
fn trial(name: &str, steps: &str) -> Result<(), String> {
    let (_, function) =
        FUNCTIONS.iter().find(|(known, _)| *known == name).ok_or("no function of this name")?;
    let steps: usize = steps.parse().map_err(|_| "steps are a number")?;
    let (mut desk, function) = (Desk::new(), *function);
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let top = 0_u8;
        down(steps, (&raw const top).addr(), &mut desk, function)
    });
    let gone = thread.map_err(|error| error.to_string())?.join().map_err(|_| "the thread failed")?;
    println!("{gone}");
    Ok(())
}

fn measure() -> Result<(), String> {
    println!("kept, bytes ({MINUTIAE_MAX} minutiae at most)");
    for (what, bytes) in [
        ("workspace of a comparison", size_of::<Workspace>()),
        ("one finger, prepared", size_of::<Prepared>()),
        ("one finger, minutiae", size_of::<Minutiae>()),
        ("together, for one comparison", size_of::<Workspace>() + 2 * size_of::<Prepared>()),
    ] {
        println!("  {what:<32}{bytes:>8}");
    }
    println!("stack, bytes, to within one step");
    let all = room(FUNCTIONS[0].0)?;
    for (name, _) in FUNCTIONS.iter().skip(1) {
        println!("  {name:<32}{:>8}", all.saturating_sub(room(name)?));
    }
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let done = match words.as_slice() {
        [name, steps] => trial(name, steps),
        _ => measure(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
