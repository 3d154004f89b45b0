//! A face of the terminal in a window, with cards that are put in and pulled out from the keyboard of this command.

use std::{
    env, fs,
    io::{self, BufRead, IsTerminal, Write},
    process::{Child, Command},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use clap::ValueEnum;

use super::{CITY, Demo, PERSON, PIN, SEED, Server, TERMINAL, step, text};
use crate::{process, setup};

/// Which face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Face {
    /// 收费窗口 · the cashier's counter
    Counter,
    /// 自助终端 · the kiosk
    Kiosk,
    /// 安装向导 · the installer's wizard
    Setup,
}

impl Face {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Kiosk => "kiosk",
            Self::Setup => "setup",
        }
    }
}

/// Other people of the made-up city, for whom cards are made as well.
const OTHERS: [&str; 3] = ["3", "5", "8"];

/// What a face can be drawn on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// A window of a desktop.
    Desktop,
    /// The whole screen, by the kernel, where there is no desktop.
    Bare,
}

impl Screen {
    /// None where a face would have nothing to be drawn on.
    pub(super) fn find() -> Option<Self> {
        if env::var_os("DISPLAY").is_some_and(|display| !display.is_empty()) {
            return Some(Self::Desktop);
        }
        let devices = fs::read_dir("/dev/dri").ok()?;
        let is_screen = |device: fs::DirEntry| device.file_name().to_string_lossy().starts_with("card");
        devices.flatten().any(is_screen).then_some(Self::Bare)
    }

    /// The packages that building for it needs.
    pub(super) fn packages(self) -> Vec<setup::Package> {
        match self {
            Self::Desktop => setup::windows(),
            Self::Bare => setup::bare_screen(),
        }
    }

    /// Builds the program with the windows; it takes minutes the first time.
    pub(super) fn build(self) -> Result<(), String> {
        println!("\n编译界面，第一次要几分钟。 Building the windows; the first time takes minutes.");
        let mut command = process::cargo();
        command.args(["build", "--locked", "-p", "jinbao-ui"]);
        if self == Self::Bare {
            command.args(["--no-default-features", "--features", "linuxkms"]);
        }
        process::run(&mut command)
    }
}

/// Says how to see the faces.
pub(super) fn tell_how() {
    println!(
        "\n界面 The faces, where there is a display (or a screen without a desktop):\n  \
         cargo xtask demo --face counter    收费窗口 · the cashier's counter\n  \
         cargo xtask demo --face kiosk      自助终端 · the kiosk\n  \
         cargo xtask demo --face setup      安装向导 · the installer's wizard"
    );
}

/// Sets up what a face needs, without telling a story, and opens it.
pub(super) fn tell(demo: &mut Demo, face: Face, screen: Screen) -> Result<(), String> {
    if face == Face::Setup {
        return setup(demo, screen);
    }
    demo.prepare("市第一人民医院")?;
    step(4, "几个人的卡与 PSAM、指纹仪", "Cards of some people, a PSAM, a fingerprint sensor");
    cards(demo)?;
    demo.start_reader()?;
    if face == Face::Kiosk {
        let arguments = ["sim", "module", "--pty", "finger.tty", "--control", "finger.sock", "--json"];
        demo.module = Some(Server::start(demo, &arguments)?.0);
    }
    open(demo, face, screen)
}

/// The cards that are put in by hand later.
pub(super) fn cards(demo: &Demo) -> Result<(), String> {
    for person in [PERSON].iter().chain(&OTHERS) {
        let file = if *person == PERSON { "card.json".to_owned() } else { format!("card{person}.json") };
        if demo.folder.join(&file).exists() {
            continue;
        }
        demo.jinbao(
            &["sim", "card", "new", "--city", CITY, "--seed", SEED, "--person", person, "--out", &file],
            &[],
        )?;
    }
    if !demo.folder.join("psam.json").exists() {
        demo.jinbao(
            &["sim", "psam", "new", "--terminal", TERMINAL, "--key-seed", SEED, "--out", "psam.json"],
            &[],
        )?;
    }
    Ok(())
}

/// A bare machine, a center that waits for it, and what the installer was sent by post.
fn setup(demo: &mut Demo, screen: Screen) -> Result<(), String> {
    demo.prepare_center()?;
    let (code, fingerprint) = demo.one_time_code("市第一人民医院")?;
    cards(demo)?;
    demo.start_reader()?;
    let center = demo.addresses()?;
    println!(
        "\n安装人员手中的资料 What the installer was given:\n  \
         终端号 terminal            {TERMINAL}\n  \
         登记地址 enrolment         {}\n  \
         业务地址 center            {}\n  \
         一次性登记码 one-time code {code}\n  \
         证书指纹 fingerprint       {fingerprint}",
        center.0, center.1
    );
    open(demo, Face::Setup, screen)
}

/// Opens the window and obeys the keyboard until either is closed.
pub(super) fn open(demo: &Demo, face: Face, screen: Screen) -> Result<(), String> {
    let mut command = demo.with_environment(Command::new(process::target().join("debug/jinbao-ui")));
    command.arg(face.name());
    if screen == Screen::Bare {
        command.env("SLINT_BACKEND", "linuxkms-software");
    }
    if let Some(reader) = &demo.reader_argument {
        command.args(["--reader", reader]);
    }
    println!("\n$ {}", process::shown(&command));
    let mut window = Window(command.spawn().map_err(|error| format!("jinbao-ui: {error}"))?);
    if face == Face::Counter {
        println!("\n操作员 Operator: 0002，口令 secret: cashier-2（主管 supervisor: 0001, supervisor-1）");
    }
    println!("持卡人密码 The holder's PIN: {PIN}");
    let lines = keyboard();
    if demo.with_pcsc {
        println!(
            "\n在此键入 Type here:\n  \
             pull                拔卡 · pull the card out\n  \
             insert card.json    插卡 · put a card in ({})\n  \
             quit                结束 · end",
            OTHERS.map(|person| format!("card{person}.json")).join(", ")
        );
    }
    loop {
        if !window.is_open()? {
            return Ok(());
        }
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) if line == "quit" => return Ok(()),
            Ok(line) if line.is_empty() => {}
            Ok(line) => {
                if let Err(problem) = demo.hand(&line) {
                    println!("✗ {problem}");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody types: the window alone decides when it ends.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// Lines that are typed here; none where there is no terminal.
fn keyboard() -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if io::stdin().is_terminal() {
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line.trim().to_owned()).is_err() {
                    return;
                }
                let _ = io::stdout().flush();
            }
        });
    }
    lines
}

/// The open window; closed when the demo ends.
struct Window(Child);

impl Window {
    fn is_open(&mut self) -> Result<bool, String> {
        match self.0.try_wait().map_err(|error| format!("jinbao-ui: {error}"))? {
            None => Ok(true),
            Some(status) if status.success() => Ok(false),
            Some(status) => Err(format!("jinbao-ui: {status}")),
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Demo {
    /// A one-time code for the terminal, and the fingerprint that it is enrolled against.
    pub(super) fn one_time_code(&self, institution: &str) -> Result<(String, String), String> {
        let given = self.jinbao_json(&[
            "center",
            "code",
            TERMINAL,
            "--institution",
            "H32030000001",
            "--name",
            institution,
            "--level",
            "3",
        ])?;
        Ok((text(&given, "code")?, text(&given, "fingerprint")?))
    }
}
