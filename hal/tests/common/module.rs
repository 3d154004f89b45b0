//! A fingerprint module on a pseudo-terminal that answers as its manual says, and spoils its answers as a test
//! says.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use reader_protocol::ef01::{
    ADDRESS, IMAGE_BYTES, Instruction, Kind, PACKET_BYTES_MAX, Parameters, Parser, packet,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, fcntl_setfl},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::tcgetattr,
};

/// What becomes of an answer on its way, by its number from 0: as it is, spoilt, or the cable is pulled (`None`).
pub(crate) type Spoil = Box<dyn FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send>;

/// A module. Public fields may be set before it is plugged in.
pub(crate) struct TestModule {
    pub(crate) parameters: Parameters,
    pub(crate) password: u32,
    /// How often there is no finger before there is one; `None` for never.
    pub(crate) finger_after: Option<u32>,
    /// The image, two pixels a byte.
    pub(crate) image: Vec<u8>,
    /// What features and templates look like.
    pub(crate) template: Vec<u8>,
    /// Code and data instead of the usual answer, by instruction; `None` is silence.
    pub(crate) instead: Vec<(Instruction, Option<Vec<u8>>)>,
    /// Does not say which packet is the last.
    pub(crate) never_ends: bool,
    /// Whether it takes another baud rate.
    pub(crate) takes_baud: bool,
    /// Whether fingers compare.
    pub(crate) matches: Option<u16>,
    pub(crate) spoil: Spoil,
    is_greeted: bool,
    has_image: bool,
    buffers: [Vec<u8>; 2],
    kept: Vec<(u16, Vec<u8>)>,
    downloading: Option<usize>,
    answers: usize,
    is_over: Arc<AtomicBool>,
}

/// A module that is plugged in; dropping it pulls it out.
pub(crate) struct Plugged {
    pub(crate) device: PathBuf,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TestModule {
    pub(crate) fn new() -> Self {
        TestModule {
            parameters: Parameters { baud_factor: 12, ..Parameters::FACTORY },
            password: 0,
            finger_after: Some(0),
            image: (0..IMAGE_BYTES).map(|at| (at * 7 + at / 128) as u8).collect(),
            template: (0..512).map(|at| (at * 5) as u8).collect(),
            instead: Vec::new(),
            never_ends: false,
            takes_baud: true,
            matches: Some(120),
            spoil: Box::new(|_, bytes| Some(bytes)),
            is_greeted: false,
            has_image: false,
            buffers: Default::default(),
            kept: Vec::new(),
            downloading: None,
            answers: 0,
            is_over: Arc::default(),
        }
    }

    pub(crate) fn spoilt(
        mut self,
        spoil: impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        self.spoil = Box::new(spoil);
        self
    }

    pub(crate) fn answering(mut self, instruction: Instruction, answer: Option<&[u8]>) -> Self {
        self.instead.push((instruction, answer.map(<[u8]>::to_vec)));
        self
    }

    /// Plugs it in: a device of its own.
    pub(crate) fn plug(self) -> Plugged {
        let (master, device) = pty();
        self.serve(master, device, Arc::default())
    }

    /// Plugs it in where another one was: the name stays, the device behind it is new.
    pub(crate) fn plug_at(self, link: &Path) -> Plugged {
        let (master, device) = pty();
        let _ = std::fs::remove_file(link);
        std::os::unix::fs::symlink(&device, link).unwrap();
        self.serve(master, link.to_owned(), Arc::default())
    }

    fn serve(mut self, master: OwnedFd, device: PathBuf, heard: Arc<Mutex<Vec<Vec<u8>>>>) -> Plugged {
        let is_over = Arc::clone(&self.is_over);
        let (over, hears) = (Arc::clone(&is_over), Arc::clone(&heard));
        // Without a handle of ours the master would end with the first client.
        let keep = rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let thread = thread::spawn(move || {
            let mut master = File::from(master);
            let mut parser = Parser::new(ADDRESS);
            let mut bytes = [0; 1_024];
            while !over.load(Ordering::SeqCst) {
                let timeout = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
                if poll(&mut [PollFd::new(&master, PollFlags::IN)], Some(&timeout)) != Ok(1) {
                    continue;
                }
                let count = match master.read(&mut bytes) {
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    Err(_) => break,
                };
                let hears_us = self.hears(&master);
                for byte in &bytes[..count] {
                    let Some(Ok(packet)) = parser.push(*byte) else { continue };
                    if !hears_us {
                        // At another baud rate it hears noise.
                        continue;
                    }
                    let content = packet.content.to_vec();
                    let kind = packet.kind;
                    hears.lock().unwrap().push([&[kind.byte()], content.as_slice()].concat());
                    if self.take(kind, &content, &mut master).is_none() {
                        drop(keep);
                        return;
                    }
                }
            }
            drop(keep);
        });
        Plugged { device, heard, is_over, thread: Some(thread) }
    }

    fn hears(&self, master: &File) -> bool {
        let baud = tcgetattr(master).unwrap().output_speed();
        baud == u32::from(self.parameters.baud_factor) * 9_600
    }

    /// Takes a packet; `None` when the cable is pulled.
    fn take(&mut self, kind: Kind, content: &[u8], line: &mut File) -> Option<()> {
        if let Some(buffer) = self.downloading {
            self.buffers[buffer].extend_from_slice(content);
            if kind == Kind::End {
                self.downloading = None;
            }
            return Some(());
        }
        let instruction = Instruction::from_byte(content[0])?;
        if let Some((_, instead)) = self.instead.iter().find(|(other, _)| *other == instruction) {
            return match instead.clone() {
                Some(content) => self.answer(Kind::Acknowledge, &content, line),
                None => Some(()),
            };
        }
        if !self.is_greeted && instruction != Instruction::VerifyPassword {
            return self.answer(Kind::Acknowledge, &[0x21], line);
        }
        let page = || u16::from_be_bytes([content[2], content[3]]);
        let buffer = usize::from(content.get(1).copied().unwrap_or(1)).saturating_sub(1) % 2;
        let mut brings = None;
        let answer: Vec<u8> = match instruction {
            Instruction::VerifyPassword => {
                self.is_greeted = content[1..] == self.password.to_be_bytes();
                vec![if self.is_greeted { 0x00 } else { 0x13 }]
            }
            Instruction::ReadParameters => [&[0x00], &self.parameters.to_bytes()[..]].concat(),
            Instruction::SetParameter if content[1] == 4 && self.takes_baud => {
                self.answer(Kind::Acknowledge, &[0x00], line)?;
                self.parameters.baud_factor = content[2].into();
                return Some(());
            }
            Instruction::SetParameter => vec![0x1A],
            Instruction::GenerateImage => match &mut self.finger_after {
                Some(0) => {
                    self.has_image = true;
                    vec![0x00]
                }
                Some(left) => {
                    *left -= 1;
                    vec![0x02]
                }
                None => vec![0x02],
            },
            Instruction::ExtractFeatures => {
                self.buffers[buffer] = self.template.clone();
                // Whoever has seen the window go dark lifts the finger, for one look.
                self.finger_after = Some(1);
                vec![if self.has_image { 0x00 } else { 0x15 }]
            }
            Instruction::Combine => vec![0x00],
            Instruction::Match => match self.matches {
                Some(score) => [&[0x00], &score.to_be_bytes()[..]].concat(),
                None => vec![0x08, 0, 0],
            },
            Instruction::Store => {
                self.kept.push((page(), self.buffers[buffer].clone()));
                vec![0x00]
            }
            Instruction::Load => match self.kept.iter().find(|(kept, _)| *kept == page()) {
                Some((_, template)) => {
                    self.buffers[buffer] = template.clone();
                    vec![0x00]
                }
                None => vec![0x0C],
            },
            Instruction::Delete => {
                let page = u16::from_be_bytes([content[1], content[2]]);
                self.kept.retain(|(kept, _)| *kept != page);
                vec![0x00]
            }
            Instruction::Count => [&[0x00], &(self.kept.len() as u16).to_be_bytes()[..]].concat(),
            Instruction::UploadImage => {
                brings = Some(self.image.clone());
                vec![0x00]
            }
            Instruction::UploadTemplate => {
                brings = Some(self.buffers[buffer].clone());
                vec![0x00]
            }
            Instruction::DownloadTemplate => {
                self.buffers[buffer].clear();
                self.downloading = Some(buffer);
                vec![0x00]
            }
            Instruction::Aura => vec![0x00],
            other => panic!("the driver sent {other:?}"),
        };
        self.answer(Kind::Acknowledge, &answer, line)?;
        let brings = brings.unwrap_or_default();
        let parts: Vec<_> = brings.chunks(self.parameters.packet_content_bytes()).collect();
        for (at, part) in parts.iter().enumerate() {
            let is_last = at + 1 == parts.len() && !self.never_ends;
            self.answer(if is_last { Kind::End } else { Kind::Data }, part, line)?;
        }
        Some(())
    }

    fn answer(&mut self, kind: Kind, content: &[u8], line: &mut File) -> Option<()> {
        let bytes = packet::<PACKET_BYTES_MAX>(kind, ADDRESS, content).unwrap();
        let number = self.answers;
        self.answers += 1;
        let bytes = (self.spoil)(number, bytes.to_vec())?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            // A host that does not listen any more must not hold the test up.
            if self.is_over.load(Ordering::SeqCst) {
                return None;
            }
            let timeout = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
            if poll(&mut [PollFd::new(&*line, PollFlags::OUT)], Some(&timeout)) == Ok(1) {
                match line.write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return None,
                }
            }
        }
        Some(())
    }
}

impl Plugged {
    pub(crate) fn device(&self) -> String {
        self.device.to_string_lossy().into_owned()
    }

    /// Kind and content of all packets that it has understood.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

/// A pseudo-terminal in raw mode: the master's end, and the device's name.
fn pty() -> (OwnedFd, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let device = PathBuf::from(name.to_string_lossy().into_owned());
    (master, device)
}

/// Waits a moment for something that another thread does.
pub(crate) fn soon(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..200 {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}
