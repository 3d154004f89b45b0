//! `jinbao sim module`: a fingerprint module on a pseudo-terminal, and hands that put fingers on it.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::{
        fs::{FileTypeExt, symlink},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use clap::Args;
use serde_json::{Value, json};
use sim::module::{Condition, Finger, Module};

use crate::{
    command::Context,
    exit::Exit,
    failure::{EdgeError, Failure, file_error},
};

/// Most bytes of one command line.
const LINE_BYTES_MAX: u64 = 256;

/// Positions of fingers.
const POSITION_MAX: u8 = 10;

/// What `sim module` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sim module --pty finger.tty --control finger.sock &
  printf 'tap 7 2\\n' | nc -U finger.sock        第 7 号人的右手食指 · right index finger of person 7
  jinbao finger probe --sensor finger.tty

启动后输出一行 JSON，随后每条命令回答一行 JSON；输入结束或 quit 即退出。有 --control 时输入结束后仍运行。
Prints one line of JSON when ready, then answers each command with one line; ends at the end of input or at quit.
With --control it stays and takes commands from that socket as well.

命令 Commands:
  tap PERSON POSITION [HOW]   一次次按下、抬起 · put down and lifted again and again, as people do who are guided
  hold PERSON POSITION [HOW]  按住不动 · put on and left there
  off                         抬起 · lifted
  status                      状态 · whether a finger lies there, and how many images were taken
  quit                        退出 · end
  POSITION: 1 右拇指 right thumb … 6 左拇指 left thumb … 10 左小指 left little finger
  HOW: well dry wet worn bare partial moving noisy  (bare：几乎没有纹路 · hardly a line left)

这些手指由种子长成，不属于任何人；只说明软件能用，不说明识别得多好。
These fingers grow from seeds and are nobody's: they exercise software and say nothing about how well it works.")]
pub(crate) struct Arguments {
    /// 指向串口的链接 · link to the serial device that is made
    #[arg(long, value_name = "PATH")]
    pty: PathBuf,
    /// 控制套接字 · socket that takes commands too
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// 种子，相同则每次按下的图像相同；缺省每次不同 · seed: the same one, the same images; else others at each start
    #[arg(long)]
    seed: Option<u64>,
    /// 一开始就有人按：人员序号 · somebody's finger from the start: index of the person
    #[arg(long, value_name = "INDEX")]
    person: Option<u64>,
    /// 哪个手指 · which finger
    #[arg(long, value_name = "POSITION", default_value_t = 2, requires = "person",
        value_parser = clap::value_parser!(u8).range(1..=i64::from(POSITION_MAX)))]
    finger: u8,
}

/// What to do after a command.
enum Next {
    Go,
    Quit,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    // No finger gives the same image twice, and a terminal remembers those of before.
    let module = Arc::new(Module::new(arguments.seed.unwrap_or_else(super::other_seed)));
    if let Some(person) = arguments.person {
        module.tap(Finger::of_person(person, arguments.finger), Condition::default());
    }
    let device = module.plug_in()?;
    let link = Link::new(&device, &arguments.pty)?;
    let listening = match &arguments.control {
        None => None,
        Some(path) => Some(listen(path, Arc::clone(&module))?),
    };
    context.console.event(&json!({ "device": device, "pty": arguments.pty, "control": arguments.control }));
    let ended = serve(io::stdin().lock(), io::stdout(), &module);
    // Without input and with a control socket it stays until somebody says quit there.
    if let (Next::Go, Some(thread)) = (ended, listening) {
        let _ = thread.join();
    }
    if let Some(path) = &arguments.control {
        let _ = std::fs::remove_file(path);
    }
    drop(link);
    Ok(Exit::Done)
}

/// The name under which the device is found; it goes with the module.
struct Link<'a>(&'a Path);

impl<'a> Link<'a> {
    fn new(device: &Path, path: &'a Path) -> Result<Self, EdgeError> {
        // A link that an earlier run left behind; any other file is somebody else's.
        if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_symlink()) {
            std::fs::remove_file(path).map_err(file_error(path))?;
        }
        symlink(device, path).map_err(file_error(path))?;
        Ok(Link(path))
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

fn listen(path: &Path, module: Arc<Module>) -> Result<thread::JoinHandle<()>, EdgeError> {
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path).map_err(file_error(path))?;
    }
    let listener = UnixListener::bind(path).map_err(file_error(path))?;
    Ok(thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if let Next::Quit = serve_stream(&stream, &module) {
                return;
            }
        }
    }))
}

fn serve_stream(stream: &UnixStream, module: &Module) -> Next {
    serve(BufReader::new(stream), stream, module)
}

/// Answers commands until the input ends or says quit.
fn serve(mut input: impl BufRead, mut output: impl Write, module: &Module) -> Next {
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
        let quits = words == ["quit"];
        let answer = match obey(module, &words) {
            Ok(answer) => answer,
            Err(problem) => json!({ "ok": false, "problem": problem }),
        };
        let heard = writeln!(output, "{answer}").is_ok();
        if quits {
            return Next::Quit;
        }
        if !heard {
            return Next::Go;
        }
    }
}

fn obey(module: &Module, words: &[&str]) -> Result<Value, String> {
    match words {
        ["tap", person, position, how @ ..] => {
            let (finger, condition) = laid(person, position, how)?;
            module.tap(finger, condition);
        }
        ["hold", person, position, how @ ..] => {
            let (finger, condition) = laid(person, position, how)?;
            module.put_on(finger, condition);
        }
        ["off"] => module.take_off(),
        ["status"] => {
            let captures = module.counters().captures;
            return Ok(json!({ "ok": true, "touched": module.is_touched(), "captures": captures }));
        }
        ["quit"] => {}
        _ => {
            return Err("tap PERSON POSITION [HOW], hold PERSON POSITION [HOW], off, status, quit".to_owned());
        }
    }
    Ok(json!({ "ok": true }))
}

fn laid(person: &str, position: &str, how: &[&str]) -> Result<(Finger, Condition), String> {
    let person = person.parse().map_err(|_| format!("{person} is no person's number"))?;
    let position = position.parse().ok().filter(|position| (1..=POSITION_MAX).contains(position));
    let position = position.ok_or("a position is 1 to 10")?;
    let condition = match how {
        [] | ["well"] => Condition::default(),
        ["dry"] => Condition::dry(),
        ["wet"] => Condition::wet(),
        ["worn"] => Condition::worn(),
        ["bare"] => Condition { wear: 1.0, dryness: 1.0, noise: 1.0, cover: 0.12, ..Condition::moving() },
        ["partial"] => Condition::partial(),
        ["moving"] => Condition::moving(),
        ["noisy"] => Condition::noisy(),
        _ => return Err("HOW is one of: well dry wet worn bare partial moving noisy".to_owned()),
    };
    Ok((Finger::of_person(person, position), condition))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn commands_are_understood_or_said_to_be_wrong() {
        let module = Module::new(1);
        let mut output = Vec::new();
        let input = b"tap 7 2 worn\nstatus\noff\nhold 7 11\ntap 7 2 happy\nlift\n\nquit\nstatus\n";
        assert!(matches!(serve(&input[..], &mut output, &module), Next::Quit));
        let answers: Vec<Value> = output
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let ok: Vec<bool> = answers.iter().map(|answer| answer["ok"] == true).collect();
        assert_eq!(ok, [true, true, true, false, false, false, true]);
        assert_eq!(answers[1]["touched"], true);
        assert!(!module.is_touched());
    }
}
