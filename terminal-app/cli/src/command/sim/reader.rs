//! `jinbao sim reader`: the real pcscd on a socket of its own, with a simulated card and PSAM in its slots.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use clap::Args;
use serde_json::{Value, json};
use sim::{
    card::Card,
    chip::SharedChip,
    error::SimError,
    image::{self, Image},
    pcscd::{PrivatePcscd, Slot},
    psam::Psam,
    vpcd::Reader,
};
use terminal::ports::Random;

use super::fault::FaultWords;
use crate::{
    command::Context,
    edge::random::SystemChance,
    exit::Exit,
    failure::{CliError, Failure, file_error},
};

/// How long pcscd may take to notice a card or its absence.
const NOTICE_TIMEOUT_MS: u64 = 3_000;

/// Most bytes of one command line.
const LINE_BYTES_MAX: u64 = 4_096;

/// What `sim reader` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim reader --psam psam.json --card card.json
  jinbao sim reader --psam psam.json --control /tmp/hand.sock &
  printf 'insert card.json pull-after=20\\n' | nc -U /tmp/hand.sock
  PCSCLITE_CSOCK_NAME=… jinbao card info

启动后输出一行 JSON(socket 等),随后每条命令回答一行 JSON;输入结束或 quit 即退出。
Prints one line of JSON when ready (socket and slots), then answers each command with one line; ends at
the end of input or at quit. With --control it stays and takes commands from that socket as well.

命令 Commands:
  insert FILE [FAULT…]    插卡 · put a card in (the one there is pulled first)
  pull                    拔卡 · pull the card
  psam FILE [FAULT…]      换 PSAM · another PSAM
  status                  状态 · what is in the slots
  kill | restart          结束、重启 pcscd · end pcscd as a crash would, start it again
  quit                    退出 · end
  FAULT: pull-before=N pull-after=N tear=N:BYTE status=N:SW answer=N:HEX truncate=N:BYTES atr=HEX mute")]
pub(crate) struct Arguments {
    /// 先插入的卡 · card that is in from the start
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// PSAM
    #[arg(long, value_name = "FILE")]
    psam: Option<PathBuf>,
    /// 控制套接字 · socket that takes commands too
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// pcscd 的目录(默认临时目录) · folder for pcscd, else a temporary one
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Reader, slots and what is in them.
struct Bench {
    pcscd: PrivatePcscd,
    card: Reader,
    psam: Reader,
}

/// What to do after a command.
enum Next {
    Go,
    Quit,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let pcscd = match &arguments.folder {
        Some(folder) => PrivatePcscd::start(folder)?,
        None => PrivatePcscd::start_temporary()?,
    };
    let card = Reader::new(pcscd.slot_address(Slot::Card));
    let psam = Reader::new(pcscd.slot_address(Slot::Psam));
    let mut bench = Bench { pcscd, card, psam };
    if let Some(path) = &arguments.psam {
        bench.insert(Slot::Psam, path, &FaultWords::default())?;
    }
    if let Some(path) = &arguments.card {
        bench.insert(Slot::Card, path, &FaultWords::default())?;
    }
    let ready = json!({
        "socket": bench.pcscd.socket(),
        "reader": bench.pcscd.slot_name(Slot::Card),
        "psam_reader": bench.pcscd.slot_name(Slot::Psam),
        "control": arguments.control,
    });
    let bench = Arc::new(Mutex::new(bench));
    let listening = match &arguments.control {
        None => None,
        Some(path) => Some(listen(path, Arc::clone(&bench))?),
    };
    context.console.event(&ready);
    let quit = serve(io::stdin().lock(), io::stdout(), &bench);
    // Without input and with a control socket it stays until somebody says quit there.
    if let (Next::Go, Some(thread)) = (quit, listening) {
        let _ = thread.join();
    }
    if let Some(path) = &arguments.control {
        let _ = std::fs::remove_file(path);
    }
    Ok(Exit::Done)
}

fn listen(path: &Path, bench: Arc<Mutex<Bench>>) -> Result<thread::JoinHandle<()>, CliError> {
    // A socket that an earlier run left behind; any other file is somebody else's.
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path).map_err(file_error(path))?;
    }
    let listener = UnixListener::bind(path).map_err(file_error(path))?;
    Ok(thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if let Next::Quit = serve_stream(&stream, &bench) {
                return;
            }
        }
    }))
}

fn serve_stream(stream: &UnixStream, bench: &Mutex<Bench>) -> Next {
    serve(BufReader::new(stream), stream, bench)
}

/// Answers commands until the input ends or says quit.
fn serve(mut input: impl BufRead, mut output: impl Write, bench: &Mutex<Bench>) -> Next {
    let mut line = String::new();
    loop {
        line.clear();
        match io::Read::take(&mut input, LINE_BYTES_MAX).read_line(&mut line) {
            Ok(0) | Err(_) => return Next::Go,
            Ok(_) => {}
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        if words == ["quit"] {
            let _ = writeln!(output, "{}", json!({ "ok": true }));
            return Next::Quit;
        }
        let answer = match lock(bench).obey(&words) {
            Ok(answer) => answer,
            Err(problem) => json!({ "ok": false, "problem": problem }),
        };
        if writeln!(output, "{answer}").is_err() {
            return Next::Go;
        }
    }
}

fn lock(bench: &Mutex<Bench>) -> MutexGuard<'_, Bench> {
    bench.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bench {
    fn obey(&mut self, words: &[&str]) -> Result<Value, String> {
        let said = |error: SimError| error.to_string();
        match words {
            ["insert", file, faults @ ..] => {
                let faults = FaultWords::parse(faults.iter().copied())?;
                self.insert(Slot::Card, Path::new(file), &faults).map_err(said)
            }
            ["psam", file, faults @ ..] => {
                let faults = FaultWords::parse(faults.iter().copied())?;
                self.insert(Slot::Psam, Path::new(file), &faults).map_err(said)
            }
            ["pull"] => {
                let insertion = self.card.pull();
                let noticed = self.pcscd.wait_card(Slot::Card, false, NOTICE_TIMEOUT_MS).map_err(said)?;
                Ok(json!({
                    "ok": true,
                    "noticed": noticed,
                    "commands": insertion.map(|insertion| insertion.commands),
                    "fired": insertion.map(|insertion| insertion.fired),
                }))
            }
            ["status"] => Ok(self.status()),
            ["kill"] => {
                self.pcscd.kill();
                Ok(json!({ "ok": true }))
            }
            ["restart"] => {
                self.pcscd.restart().map_err(said)?;
                Ok(json!({ "ok": true }))
            }
            _ => Err("insert FILE [FAULT…], pull, psam FILE, status, kill, restart, quit".to_owned()),
        }
    }

    fn insert(&mut self, slot: Slot, path: &Path, faults: &FaultWords) -> Result<Value, SimError> {
        let chip = open_chip(path)?;
        let reader = match slot {
            Slot::Card => &self.card,
            Slot::Psam => &self.psam,
        };
        if reader.pull().is_some() {
            self.pcscd.wait_card(slot, false, NOTICE_TIMEOUT_MS)?;
        }
        reader.insert_with(chip, faults.plan())?;
        let noticed = self.pcscd.wait_card(slot, true, NOTICE_TIMEOUT_MS)?;
        Ok(json!({ "ok": true, "noticed": noticed }))
    }

    fn status(&mut self) -> Value {
        let slot = |reader: &Reader| {
            json!({
                "inserted": reader.is_inserted(),
                "commands": reader.insertion().map(|insertion| insertion.commands),
                "fired": reader.insertion().map(|insertion| insertion.fired),
            })
        };
        json!({
            "ok": true,
            "service": self.pcscd.is_running(),
            "card": slot(&self.card),
            "psam": slot(&self.psam),
        })
    }
}

/// The chip in an image file; every change goes back into the file at once.
pub(crate) fn open_chip(path: &Path) -> Result<SharedChip, SimError> {
    let mut seed = [0; 8];
    SystemChance::default().fill(&mut seed);
    let seed = u64::from_be_bytes(seed);
    Ok(match image::load(path)? {
        Image::Card(_) => SharedChip::new(Card::open(path, seed)?),
        Image::Psam(_) => SharedChip::new(Psam::open(path, seed)?),
    })
}
