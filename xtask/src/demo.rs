//! One hospital visit on real parts, told step by step.
//!
//! Every step is a `jinbao` command that is printed before it runs; what this file adds is only their order.

mod pension;
mod window;

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::Args;
use serde_json::Value;

use crate::{firmware, process, setup};

/// The city of the sample rules that the demo uses.
const CITY: &str = "320300";
/// District that the demo's terminal stands in.
const DISTRICT: &str = "320303";
const TERMINAL: &str = "320300000001";
const SEED: &str = "7";
/// An employee of the made-up city with money in the account.
const PERSON: &str = "2";
/// The PIN that simulated cards are made with.
const PIN: &str = "258369";

/// What the demo may be told.
#[derive(Args)]
pub(crate) struct Options {
    /// Answer yes to every question
    #[arg(long)]
    yes: bool,
    /// Use the card inside the process instead of the smart card service
    #[arg(long)]
    in_process: bool,
    /// Let the card lie in the emulated reader board, with its firmware, its driver and its lamps
    #[arg(long, conflicts_with = "in_process")]
    board: bool,
    /// A pension at a bank counter instead of a hospital visit, with a fingerprint sensor
    #[arg(long, conflicts_with = "board")]
    pension: bool,
    /// Open a face of the terminal in a window at once, without the story
    #[arg(long, value_enum, conflicts_with = "pension")]
    face: Option<window::Face>,
    /// Keep everything in this folder, to go on by hand
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the demo.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let with_pcsc = if options.board {
        setup::run(&setup::demo_with_board(), options.yes)?;
        setup::firmware(options.yes)?;
        firmware::run(&firmware::Options::for_demo())?;
        true
    } else {
        let with_pcsc = !options.in_process && !options.pension && with_pcsc(options)?;
        setup::run(&setup::demo(with_pcsc), options.yes)?;
        with_pcsc
    };
    // A story told on a console is not covered by a window that fills its screen.
    let screen = window::Screen::find()
        .filter(|screen| options.face.is_some() || (*screen == window::Screen::Desktop && !options.pension));
    let face = match (options.face, screen) {
        (Some(face), Some(screen)) => Some((face, screen)),
        (Some(_), None) => {
            return Err("没有图形界面（DISPLAY），也没有屏幕（/dev/dri） · \
                        there is no display here (DISPLAY) and no screen (/dev/dri)"
                .to_owned());
        }
        (None, _) => None,
    };
    if let Some(screen) = screen {
        setup::run(&screen.packages(), options.yes)?;
        screen.build()?;
    }
    process::run(process::cargo().args(["build", "--locked", "-p", "jinbao"]))?;
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => env::temp_dir().join(format!("jinbao-demo-{}", std::process::id())),
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let port = free_ports()?;
    let mut demo = Demo {
        folder,
        with_pcsc,
        board: options.board.then(|| firmware::folder().join(firmware::DEMO)),
        port,
        center: None,
        reader: None,
        module: None,
        addresses: None,
        reader_argument: None,
        socket: None,
    };
    let told = match (face, screen) {
        (Some((face, screen)), _) => window::tell(&mut demo, face, screen),
        (None, _) if options.pension => pension::tell(&mut demo),
        (None, Some(screen)) => demo.tell().and_then(|()| {
            window::tell_how();
            window::cards(&demo)?;
            window::open(&demo, window::Face::Counter, screen)
        }),
        (None, None) => demo.tell().map(|()| window::tell_how()),
    };
    drop(demo.center.take());
    drop(demo.reader.take());
    drop(demo.module.take());
    match (&told, &options.folder) {
        (Ok(()), None) => fs::remove_dir_all(&demo.folder).map_err(|error| error.to_string())?,
        _ => println!("\n文件保留在 Kept in: {}", demo.folder.display()),
    }
    told
}

/// Two neighbouring ports of the loopback interface that nobody listens on.
fn free_ports() -> Result<u16, String> {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = first.map_err(|error| format!("loopback: {error}"))?.port();
        if let Some(next) = port.checked_add(1)
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", next)).is_ok()
        {
            return Ok(port);
        }
    }
    Err("no two neighbouring ports are free".to_owned())
}

/// Whether the smart card service is there or may be installed.
fn with_pcsc(options: &Options) -> Result<bool, String> {
    if setup::has_pcsc() {
        return Ok(true);
    }
    println!(
        "本机没有智能卡服务（pcscd 与虚拟读卡器）。可以安装，也可以改用进程内的卡（--in-process）。\n\
         There is no smart card service here (pcscd and a virtual reader). It can be installed; or the demo\n\
         takes the card inside the process (--in-process)."
    );
    match setup::run(&setup::demo(true), options.yes) {
        Ok(()) => Ok(true),
        Err(reason) => {
            println!("\n{reason}\n改用进程内的卡。 Going on with the card inside the process.");
            Ok(false)
        }
    }
}

struct Demo {
    folder: PathBuf,
    with_pcsc: bool,
    /// The firmware of the emulated reader board, when the card lies in that.
    board: Option<PathBuf>,
    /// The center's first port; it takes the next one too, and the same two when it comes back.
    port: u16,
    center: Option<Server>,
    reader: Option<Server>,
    /// The simulated fingerprint sensor.
    module: Option<Server>,
    /// Where the center listens: for enrolment, for enrolled terminals.
    addresses: Option<(String, String)>,
    reader_argument: Option<String>,
    socket: Option<String>,
}

impl Demo {
    /// A center, and a terminal that knows its people.
    fn prepare(&mut self, institution: &str) -> Result<(), String> {
        self.prepare_center()?;
        step(2, "终端登记：一次性登记码、密钥、证书", "Enrol a terminal: one-time code, keys, certificate");
        let (code, fingerprint) = self.one_time_code(institution)?;
        let (enrolment, terminals) = self.addresses()?;
        let enrol = ["enrol", "--terminal", TERMINAL, "--center", &terminals, "--enrolment", &enrolment];
        self.jinbao(&[&enrol[..], &["--fingerprint", &fingerprint]].concat(), &[&code])?;
        for (number, role, secret) in
            [("0001", "supervisor", "supervisor-1"), ("0002", "cashier", "cashier-2")]
        {
            self.jinbao(&["operator", "add", number, "--role", role], &[secret])?;
            self.jinbao(&["operator", "sign-in", number], &[secret])?;
        }

        step(3, "填充资格库", "Fill the eligibility cache from the center's signed feed");
        self.jinbao(&["sync"], &[])
    }

    /// A center with its people and rules.
    fn prepare_center(&mut self) -> Result<(), String> {
        let rules = samples().join("rules/xuzhou.json").display().to_string();
        let catalog = samples().join("catalog/sample.json").display().to_string();

        step(
            1,
            "建立市中心：密钥、证书机构、一千名虚构的参保人、样例规则",
            "A city center: keys, authority, 1,000 made-up people, sample rules",
        );
        let server_names = ["--server-name", "localhost", "--server-name", "127.0.0.1"];
        self.jinbao(
            &[&["center", "init", "--city", CITY, "--name", "徐州市社会保障卡中心"], &server_names[..]]
                .concat(),
            &[],
        )?;
        self.jinbao(
            &["sim", "people", "--city", CITY, "--seed", SEED, "--size", "1000", "--out", "people.csv"],
            &[],
        )?;
        self.jinbao(&["center", "people", "import", "people.csv"], &[])?;
        self.jinbao(&["center", "rules", "add", &rules], &[])?;
        self.jinbao(&["center", "rules", "add", &catalog], &[])?;
        self.prepare_service()?;
        self.jinbao(&["sim", "keys", "--key-seed", SEED, "--out", "issuer.json"], &[])?;
        self.jinbao(&["center", "keys", "import", "issuer.json"], &[])?;
        self.start_center()
    }

    /// What public service has to tell; the terminal may ask as a kiosk does.
    fn prepare_service(&self) -> Result<(), String> {
        self.jinbao(
            &["sim", "service", "--city", CITY, "--seed", SEED, "--size", "1000", "--out", "service"],
            &[],
        )?;
        for (what, file) in [
            ("articles", "service/articles.jsonl"),
            ("offices", "service/offices.csv"),
            ("vacancies", "service/vacancies.csv"),
            ("contributions", "service/contributions.csv"),
            ("dues", "service/dues.csv"),
            ("unemployment", "service/unemployment.csv"),
            ("seekers", "service/seekers.csv"),
        ] {
            self.jinbao(&["center", "service", "import", what, file], &[])?;
        }
        self.jinbao(&["center", "terminal", "desk", TERMINAL, "kiosk", "--district", DISTRICT], &[])
    }

    fn addresses(&self) -> Result<(String, String), String> {
        self.addresses.clone().ok_or_else(|| "the center does not run".to_owned())
    }

    fn tell(&mut self) -> Result<(), String> {
        let bill = samples().join("bills/outpatient.json").display().to_string();
        self.prepare("市第一人民医院")?;

        step(4, "卡（3.0，SM4）与 PSAM 插入读卡器", "A card (3.0, SM4) and a PSAM go into the reader");
        let card =
            ["sim", "card", "new", "--city", CITY, "--seed", SEED, "--person", PERSON, "--out", "card.json"];
        self.jinbao(&card, &[])?;
        self.jinbao(
            &["sim", "psam", "new", "--terminal", TERMINAL, "--key-seed", SEED, "--out", "psam.json"],
            &[],
        )?;
        self.start_reader()?;

        step(
            5,
            "就诊结算：读卡、双向认证、验密、资格、规则、扣款、凭证、上传",
            "The visit: read, authenticate, PIN, eligibility, rules, debit, receipt, upload",
        );
        let visit = ["visit", "--bill", &bill, "--yes"];
        self.jinbao(&[&visit[..], &["--receipt", "receipt.pdf"]].concat(), &[PIN])?;
        let commands = self.card_commands()?;
        self.lamps()?;

        step(
            6,
            "中心已记账一次，签名回执存于终端",
            "The center has booked it once; its signed receipt is kept here",
        );
        self.jinbao(&["queue", "list"], &[])?;
        self.jinbao(&["center", "records"], &[])?;

        step(
            7,
            "线路中断：限额内脱机结算，恢复后上传",
            "The line is down: settled within the limits, uploaded later",
        );
        self.center = None;
        self.tap_again()?;
        self.jinbao(&visit, &[PIN])?;
        self.jinbao(&["queue", "list"], &[])?;
        self.start_center()?;
        self.jinbao(&["queue", "retry"], &[])?;

        if commands.is_none() {
            println!(
                "\n进程内的卡没有手可以拔；有读卡器时还会演示扣款途中拔卡。\n\
                 No hand can pull a card that is inside the process; with a reader the demo shows that too."
            );
        }
        if let Some(commands) = commands {
            step(
                8,
                "扣款途中拔卡：再插入时由卡自己作证，不丢、不重",
                "The card is pulled in the middle of the debit; at the next tap it tells itself",
            );
            self.hand("pull")?;
            self.hand(&format!("insert card.json pull-after={commands}"))?;
            self.jinbao_may_fail(&visit, &[PIN])?;
            self.lamps()?;
            self.jinbao(&["queue", "list"], &[])?;
            self.tap_again()?;
            self.jinbao(&["resolve"], &[PIN])?;
            self.jinbao(&["queue", "list"], &[])?;
        }

        step(if commands.is_some() { 9 } else { 8 }, "日终对账", "The day is compared with the center");
        self.jinbao(&["reconcile"], &[])?;
        self.jinbao(&["center", "records"], &[])?;
        println!("\n✓ 演示完成。 The demo is complete.");
        Ok(())
    }

    fn start_center(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let (server, ready) = Server::start(self, &["center", "serve", "--json", "--port", &port])?;
        self.center = Some(server);
        let address = |name| text(&ready, name).map(|address| format!("https://{address}"));
        self.addresses = Some((address("enrolment")?, address("terminals")?));
        Ok(())
    }

    fn start_reader(&mut self) -> Result<(), String> {
        if !self.with_pcsc {
            self.reader_argument = Some("sim:card.json,psam.json".to_owned());
            return Ok(());
        }
        let mut arguments =
            vec!["sim", "reader", "--card", "card.json", "--psam", "psam.json", "--control", "hand.sock"];
        let firmware = self.board.as_ref().map(|firmware| firmware.display().to_string());
        if let Some(firmware) = &firmware {
            arguments.extend(["--board", firmware]);
        }
        let (server, ready) = Server::start(self, &arguments)?;
        self.reader = Some(server);
        self.socket = Some(text(&ready, "socket")?);
        Ok(())
    }

    /// APDUs that the card in the reader has seen since it was put in; `None` without a reader.
    fn card_commands(&self) -> Result<Option<u64>, String> {
        if !self.with_pcsc {
            return Ok(None);
        }
        let status = self.hand("status")?;
        status["card"]["commands"].as_u64().map(Some).ok_or_else(|| format!("the reader says {status}"))
    }

    /// Shows what the board's lamps and its buzzer have done since this was last asked.
    fn lamps(&self) -> Result<(), String> {
        const SHOWN_MAX: usize = 12;
        if self.board.is_none() {
            return Ok(());
        }
        let answer = self.hand("lamps")?;
        let changes = answer["changes"].as_array().cloned().unwrap_or_default();
        println!("  绿 黄 红 蜂鸣 · green yellow red buzzer");
        for change in changes.iter().take(SHOWN_MAX) {
            let light = |name: &str, on: &'static str| if change[name] == true { on } else { "·" };
            println!(
                "  {}  {}  {}  {}   +{} ms",
                light("ready", "●"),
                light("busy", "●"),
                light("fault", "●"),
                light("buzzer", "♪"),
                change["after_ms"]
            );
        }
        if let Some(more) = changes.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            println!("  … {more}");
        }
        Ok(())
    }

    /// The hand that holds the card: out and in again.
    fn tap_again(&self) -> Result<(), String> {
        if self.with_pcsc {
            self.hand("pull")?;
            self.hand("insert card.json")?;
        }
        Ok(())
    }

    fn hand(&self, command: &str) -> Result<Value, String> {
        println!("\n✋ {command}");
        let failed = |error: std::io::Error| format!("the reader's control socket: {error}");
        let mut socket = UnixStream::connect(self.folder.join("hand.sock")).map_err(failed)?;
        socket.set_read_timeout(Some(Duration::from_secs(10))).map_err(failed)?;
        writeln!(socket, "{command}").map_err(failed)?;
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line).map_err(failed)?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| format!("the reader says {line:?}"))?;
        if answer["ok"] == true { Ok(answer) } else { Err(format!("the reader says {line}")) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.with_environment(Command::new(process::target().join("debug/jinbao")));
        command.args(arguments);
        if let (Some(reader), true) = (&self.reader_argument, touches_card(arguments)) {
            command.args(["--reader", reader]);
        }
        command
    }

    /// In the demo's folder, with its terminal, its center and its smart card service.
    fn with_environment(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.folder)
            .env("JINBAO_DATA", self.folder.join("terminal"))
            .env("JINBAO_CENTER", self.folder.join("center"));
        if let Some(socket) = &self.socket {
            command.env("PCSCLITE_CSOCK_NAME", socket);
        }
        command
    }

    /// Runs a command; secrets go in by standard input, one a line.
    fn jinbao(&self, arguments: &[&str], secrets: &[&str]) -> Result<(), String> {
        let (success, shown) = self.start(arguments, secrets)?;
        if success { Ok(()) } else { Err(format!("{shown} failed")) }
    }

    /// The same for a command that is made to fail.
    fn jinbao_may_fail(&self, arguments: &[&str], secrets: &[&str]) -> Result<(), String> {
        self.start(arguments, secrets).map(|_| ())
    }

    fn start(&self, arguments: &[&str], secrets: &[&str]) -> Result<(bool, String), String> {
        let mut command = self.command(arguments);
        if !secrets.is_empty() {
            command.arg("--pin-stdin").stdin(Stdio::piped());
        }
        let shown = process::shown(&command);
        println!("\n$ {shown}");
        let mut child = command.spawn().map_err(|error| format!("{shown}: {error}"))?;
        if let Some(mut input) = child.stdin.take() {
            // A command that ends before it asks leaves nobody to read this.
            let _ = writeln!(input, "{}", secrets.join("\n"));
        }
        let status = child.wait().map_err(|error| format!("{shown}: {error}"))?;
        Ok((status.success(), shown))
    }

    fn jinbao_json(&self, arguments: &[&str]) -> Result<Value, String> {
        let mut command = self.command(arguments);
        command.arg("--json");
        println!("\n$ {}", process::shown(&command));
        let answer = process::output(&mut command)?;
        print!("{answer}");
        serde_json::from_str(&answer).map_err(|_| format!("no JSON: {answer}"))
    }
}

/// Rules and bills to try out.
fn samples() -> PathBuf {
    process::root().join("terminal-app/core/samples")
}

fn touches_card(arguments: &[&str]) -> bool {
    matches!(
        arguments.first(),
        Some(&("visit" | "resolve" | "card" | "load" | "cancel" | "eligibility" | "finger" | "pension"))
    )
}

/// A program that runs beside us until it is dropped.
struct Server(Child);

impl Server {
    /// Starts it and waits for the line of JSON that says it is ready.
    fn start(demo: &Demo, arguments: &[&str]) -> Result<(Self, Value), String> {
        let mut command = demo.command(arguments);
        let shown = process::shown(&command);
        println!("\n$ {shown} &");
        let log = log_file(&demo.folder, arguments[1])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().map_err(|error| format!("{shown}: {error}"))?;
        let output = child.stdout.take().ok_or("no output")?;
        let server = Server(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| format!("{shown}: {error}"))?;
        println!("{}", line.trim_end());
        let ready = serde_json::from_str(&line)
            .map_err(|_| format!("{shown} did not start; see {}", demo.folder.display()))?;
        Ok((server, ready))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked =
            Command::new("kill").arg(self.0.id().to_string()).status().is_ok_and(|status| status.success());
        if !asked {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

fn log_file(folder: &Path, name: &str) -> Result<fs::File, String> {
    let path = folder.join(format!("{name}.log"));
    fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn step(number: u32, chinese: &str, english: &str) {
    println!("\n━━━━━━━━ {number} ━━ {chinese}\n             {english}");
}

fn text(value: &Value, name: &str) -> Result<String, String> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| format!("no {name} in {value}"))
}
