//! A display without a screen, a face of the terminal in a real window on it, and hands that press keys and click.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{Logs, jinbao::Jinbao};

/// How long a window, a page or an answer is waited for.
pub const WAIT_MS_MAX: u64 = 60_000;

/// An X server that draws into memory.
#[derive(Debug)]
pub struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts it with a screen of this size, on a display that is free.
    ///
    /// # Panics
    /// When Xvfb is not there or does not start.
    pub fn start(width: u32, height: u32) -> Self {
        Self::start_with(width, height, &[])
    }

    /// The same; what is on the screen lies in a file of this folder, `Xvfb_screen0`, for whoever wants to watch it.
    ///
    /// # Panics
    /// As [`Display::start`].
    pub fn start_in(folder: &Path, width: u32, height: u32) -> Self {
        Self::start_with(width, height, &["-fbdir".as_ref(), folder.as_os_str()])
    }

    fn start_with(width: u32, height: u32, arguments: &[&OsStr]) -> Self {
        let mut server = Command::new("Xvfb")
            // Without -noreset it forgets everything whenever the last window closes.
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is there: apt-get install xvfb");
        let output = server.stdout.take().expect("it is piped");
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number).expect("Xvfb says its display");
        let number: u32 = number.trim().parse().expect("Xvfb started and says its display");
        Display { server, name: format!(":{number}") }
    }

    /// As `DISPLAY` has it, such as `:99`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes a picture of the whole screen, for a person to look at.
    ///
    /// # Panics
    /// When ImageMagick is not there.
    pub fn picture(&self, path: &Path) {
        let status = self.tool("import").args(["-window", "root"]).arg(path).status();
        assert!(status.expect("import is there: apt-get install imagemagick").success());
    }

    fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.name).stdin(Stdio::null());
        command
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What the program has said so far, a line each.
type Said = Arc<(Mutex<Vec<String>>, Condvar)>;

/// A face in its window.
#[derive(Debug)]
pub struct Window<'a> {
    display: &'a Display,
    program: Child,
    id: String,
    said: Said,
    /// How much of it was waited for already.
    heard: usize,
}

impl<'a> Window<'a> {
    /// Opens a face of this terminal; it says on its standard error which page it shows.
    ///
    /// # Panics
    /// When it was not built or no window comes.
    pub fn open(display: &'a Display, jinbao: &Jinbao, face: &str, arguments: &[&str]) -> Self {
        let mut program = Command::new(program())
            .arg(face)
            .args(["--tell-pages", "--data"])
            .arg(&jinbao.data)
            .args(arguments)
            .env_remove("JINBAO_DATA")
            .env("DISPLAY", &display.name)
            .envs(jinbao.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the window program starts");
        let said = Said::default();
        let output = program.stderr.take().expect("it is piped");
        let writer = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                writer.0.lock().expect("nobody panics with it").push(line);
                writer.1.notify_all();
            }
        });
        let mut window = Window { display, program, id: String::new(), said, heard: 0 };
        window.id = window.find();
        window.focus();
        window
    }

    /// Waits until the face shows a page that it was not seen to show since the last wait.
    ///
    /// # Panics
    /// When it does not within [`WAIT_MS_MAX`]; the message holds the pages that it has shown.
    #[track_caller]
    pub fn page(&mut self, name: &str) {
        let wanted = format!("page {name}");
        let end = Instant::now() + Duration::from_millis(WAIT_MS_MAX);
        let mut said = self.said.0.lock().expect("nobody panics with it");
        loop {
            if let Some(at) = said.iter().skip(self.heard).position(|line| *line == wanted) {
                self.heard += at + 1;
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "page {name} does not come; so far: {said:#?}");
            said = self.said.1.wait_timeout(said, left).expect("nobody panics with it").0;
        }
    }

    /// Whether the face has shown a page since the last page that was waited for; if so, that was waited for now.
    ///
    /// # Panics
    /// When the program has ended.
    #[track_caller]
    pub fn has_shown(&mut self, name: &str) -> bool {
        if let Ok(Some(status)) = self.program.try_wait() {
            panic!("the window program ended: {status}; {:#?}", self.said.0.lock());
        }
        let wanted = format!("page {name}");
        let said = self.said.0.lock().expect("nobody panics with it");
        let at = said.iter().skip(self.heard).position(|line| *line == wanted);
        self.heard += at.map_or(0, |at| at + 1);
        at.is_some()
    }

    /// Lets the window cover this much of the display, from its upper left corner.
    ///
    /// # Panics
    /// When xdotool is not there.
    pub fn cover(&self, width: u32, height: u32) {
        let (width, height) = (width.to_string(), height.to_string());
        self.xdotool(&["windowmove", &self.id, "0", "0", "windowsize", &self.id, &width, &height]);
    }

    /// Presses keys, named as X names them: `Return`, `F9`, `ctrl+l`.
    ///
    /// # Panics
    /// When xdotool is not there.
    pub fn keys(&self, keys: &[&str]) {
        self.xdotool(&[&["key", "--delay", "30"], keys].concat());
    }

    /// Presses keys again and again until the face shows a page: for what cannot be pressed before something was found.
    ///
    /// # Panics
    /// When it does not within [`WAIT_MS_MAX`].
    #[track_caller]
    pub fn keys_until(&mut self, keys: &[&str], name: &str) {
        let end = Instant::now() + Duration::from_millis(WAIT_MS_MAX);
        while !self.has_shown(name) {
            assert!(Instant::now() < end, "page {name} does not come; so far: {:#?}", self.said.0.lock());
            self.keys(keys);
            thread::sleep(Duration::from_millis(400));
        }
    }

    /// Types a text.
    ///
    /// # Panics
    /// When xdotool is not there.
    pub fn type_text(&self, text: &str) {
        self.xdotool(&["type", "--delay", "30", text]);
    }

    /// Clicks at a place of the screen.
    ///
    /// # Panics
    /// When xdotool is not there.
    pub fn click(&self, x: u32, y: u32) {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"]);
    }

    /// Memory of the program that is in use now, in KiB.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.program.id());
        let status = fs::read_to_string(path).expect("the program runs");
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .expect("Linux says it in kB")
    }

    /// Number of the program's process.
    pub fn process(&self) -> u32 {
        self.program.id()
    }

    /// Ends the program as a power cut would.
    pub fn cut(mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }

    /// Closes it and keeps what it has said as a log.
    ///
    /// # Panics
    /// When a planted word is in it.
    pub fn close(mut self, logs: &Logs, name: &str) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let said = self.said.0.lock().expect("nobody panics with it").join("\n");
        logs.keep(name, said.as_bytes());
    }

    fn focus(&self) {
        self.xdotool(&["windowfocus", "--sync", &self.id]);
    }

    fn find(&mut self) -> String {
        let process = self.program.id().to_string();
        let end = Instant::now() + Duration::from_millis(WAIT_MS_MAX);
        while Instant::now() < end {
            if let Ok(Some(status)) = self.program.try_wait() {
                panic!("the window program ended: {status}; {:#?}", self.said.0.lock());
            }
            let found = self
                .display
                .tool("xdotool")
                .args(["search", "--onlyvisible", "--pid", &process])
                .output()
                .expect("xdotool is there: apt-get install xdotool");
            if let Some(id) = String::from_utf8_lossy(&found.stdout).lines().next() {
                return id.to_owned();
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("no window comes");
    }

    fn xdotool(&self, arguments: &[&str]) {
        let status = self.display.tool("xdotool").args(arguments).stdout(Stdio::null()).status();
        assert!(status.expect("xdotool is there: apt-get install xdotool").success(), "{arguments:?}");
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Path of the window program in the same target directory as the test.
///
/// # Panics
/// When it was not built.
fn program() -> PathBuf {
    let test = env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let program = folder.join("jinbao-ui");
    assert!(program.exists(), "{} is not there: run `cargo build -p jinbao-ui` first", program.display());
    program
}
