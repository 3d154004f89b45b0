//! `jinbao sim reader`: the real pcscd on a socket of its own, with a simulated card and PSAM in its slots, which
//! are virtual or those of the emulated reader board.

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
use edge::simulated::{fault::FaultWords, open_chip};
use serde_json::{Value, json};
use sim::{
    board::{BoardReader, Order},
    error::SimError,
    module::{Condition, Finger},
    panel::{Change, Signs},
    pcscd::{Model, Slot},
    reader::AnyReader,
    vpcd::Insertion,
};

use crate::{
    command::Context,
    exit::Exit,
    failure::{EdgeError, Failure, file_error},
};

/// How long pcscd may take to notice a card or its absence.
const NOTICE_TIMEOUT_MS: u64 = 3_000;

/// What is said to a command for the board when the slots are virtual.
const NO_BOARD: &str = "there is no board: start it with --board";

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
  仅 --board · only with --board:
  lamps                   指示灯与蜂鸣器的变化 · how lamps and buzzer have changed since last asked
  finger SEED | finger off  按上、抬起手指 · put a finger on the module, take it off
  case open | case close  打开、合上机壳 · the case of the terminal
  power-cut               切断读卡板电源 · cut the board's power; restart brings it back
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
    /// 用模拟读卡板运行此固件 · the emulated reader board with this firmware, from `cargo xtask firmware`
    #[arg(long, value_name = "ELF")]
    board: Option<PathBuf>,
    /// 读卡板型号 · what the board's firmware was built as
    #[arg(long, value_name = "MODEL", default_value = "sec1210", value_parser = model, requires = "board")]
    model: Model,
}

fn model(name: &str) -> Result<Model, String> {
    let named = |model: &Model| model.driver_name().eq_ignore_ascii_case(name);
    Model::ALL.into_iter().find(named).ok_or_else(|| {
        let names: Vec<_> = Model::ALL.map(|model| model.driver_name().to_lowercase()).into();
        names.join(", ")
    })
}

/// Reader, slots and what is in them.
struct Bench(AnyReader);

/// What to do after a command.
enum Next {
    Go,
    Quit,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let reader = match (&arguments.board, &arguments.folder) {
        (None, folder) => AnyReader::start_virtual(folder.as_deref())?,
        (Some(firmware), folder) => {
            // No finger gives the same image twice, and a terminal remembers those of before.
            let seed = super::other_seed();
            let order = Order { is_cleared: true, seed, ..Order::new(firmware, arguments.model) };
            AnyReader::start_board(order, folder.as_deref())?
        }
    };
    let mut bench = Bench(reader);
    if let Some(path) = &arguments.psam {
        bench.insert(Slot::Psam, path, &FaultWords::default())?;
    }
    if let Some(path) = &arguments.card {
        bench.insert(Slot::Card, path, &FaultWords::default())?;
    }
    let ready = json!({
        "socket": bench.0.socket(),
        "reader": bench.0.slot_name(Slot::Card),
        "psam_reader": bench.0.slot_name(Slot::Psam),
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

fn listen(path: &Path, bench: Arc<Mutex<Bench>>) -> Result<thread::JoinHandle<()>, EdgeError> {
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
                let insertion = self.0.pull(Slot::Card);
                let noticed = self.0.wait_card(Slot::Card, false, NOTICE_TIMEOUT_MS).map_err(said)?;
                Ok(json!({
                    "ok": true,
                    "noticed": noticed,
                    "commands": insertion.map(|insertion| insertion.commands),
                    "fired": insertion.map(|insertion| insertion.fired),
                }))
            }
            ["status"] => Ok(self.status()),
            ["kill"] => {
                self.0.kill();
                Ok(json!({ "ok": true }))
            }
            ["restart"] => {
                self.0.restart().map_err(said)?;
                Ok(json!({ "ok": true }))
            }
            ["power-cut"] => {
                let board = self.0.board_mut().ok_or(NO_BOARD)?;
                board.kill_board();
                Ok(json!({ "ok": true }))
            }
            ["lamps"] => {
                let changes = self.board()?.panel().take_changes();
                let began = changes.first().map(|change| change.at);
                let told = |change: &Change| {
                    let after = began.map_or(0, |began| (change.at - began).as_millis());
                    let mut told = signs(change.signs);
                    told["after_ms"] = json!(u64::try_from(after).unwrap_or(u64::MAX));
                    told
                };
                Ok(json!({ "ok": true, "changes": changes.iter().map(told).collect::<Vec<_>>() }))
            }
            ["finger", "off"] => {
                self.board()?.module().take_off();
                Ok(json!({ "ok": true }))
            }
            ["finger", seed] => {
                let seed = seed.parse().map_err(|_| format!("{seed} is no number"))?;
                self.board()?.module().put_on(Finger::from_seed(seed), Condition::default());
                Ok(json!({ "ok": true }))
            }
            ["case", "open"] => {
                self.board()?.panel().open_case();
                Ok(json!({ "ok": true }))
            }
            ["case", "close"] => {
                self.board()?.panel().close_case();
                Ok(json!({ "ok": true }))
            }
            _ => {
                Err("insert FILE [FAULT…], pull, psam FILE, status, kill, restart, quit; with --board also \
                      lamps, finger SEED|off, case open|close, power-cut"
                    .to_owned())
            }
        }
    }

    fn board(&self) -> Result<&BoardReader, String> {
        self.0.board().ok_or_else(|| NO_BOARD.to_owned())
    }

    fn insert(&mut self, slot: Slot, path: &Path, faults: &FaultWords) -> Result<Value, SimError> {
        let chip = open_chip(path)?;
        if self.0.pull(slot).is_some() {
            self.0.wait_card(slot, false, NOTICE_TIMEOUT_MS)?;
        }
        self.0.insert(slot, chip, faults.plan())?;
        let noticed = self.0.wait_card(slot, true, NOTICE_TIMEOUT_MS)?;
        Ok(json!({ "ok": true, "noticed": noticed }))
    }

    fn status(&mut self) -> Value {
        let slot = |slot: Slot| {
            let insertion: Option<Insertion> = self.0.insertion(slot);
            json!({
                "inserted": self.0.is_inserted(slot),
                "commands": insertion.map(|insertion| insertion.commands),
                "fired": insertion.map(|insertion| insertion.fired),
            })
        };
        let (card, psam) = (slot(Slot::Card), slot(Slot::Psam));
        let mut status = json!({ "ok": true, "service": self.0.is_running(), "card": card, "psam": psam });
        if let Some(board) = self.0.board_mut() {
            status["board"] = json!({
                "running": board.is_board_running(),
                "lamps": signs(board.panel().signs()),
                "case_open": board.panel().is_case_open(),
                "finger": board.module().is_touched(),
                "line_ms": board.slot(Slot::Card).counters().line_ns / 1_000_000,
            });
        }
        status
    }
}

/// Lamps and buzzer.
fn signs(signs: Signs) -> Value {
    json!({ "ready": signs.ready, "busy": signs.busy, "fault": signs.fault, "buzzer": signs.buzzer })
}
