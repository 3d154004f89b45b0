//! A fingerprint module at the end of a UART: it does what the manual says, except where a test says otherwise.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use reader_protocol::ef01::{self, Confirmation, Instruction, Kind, PACKET_BYTES_MAX, Parameters, Parser};

use crate::bench::Clock;

/// One character of 10 bits at 57,600 bit/s.
const CHARACTER_NANOS: u64 = 173_611;
/// Time that the module thinks.
const THINKING_NANOS: u64 = 2_000_000;

/// Changes what a packet is on its way to the board; `None` unplugs the module after what is left of it.
pub(crate) type Meddler = Box<dyn FnMut(usize, &mut Vec<u8>) -> Plug>;

/// Whether the module is still there after a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plug {
    In,
    Out,
}

pub(crate) struct Module {
    clock: Clock,
    parser: Parser,
    to_board: VecDeque<(u64, u8)>,
    free_at: u64,
    downloading: Option<(usize, Vec<u8>)>,
    pub(crate) is_plugged: bool,
    pub(crate) has_finger: bool,
    pub(crate) image: Vec<u8>,
    pub(crate) buffers: [Vec<u8>; 2],
    pub(crate) library: BTreeMap<u16, Vec<u8>>,
    pub(crate) parameters: Parameters,
    pub(crate) says_end: bool,
    pub(crate) knows_parameters: bool,
    pub(crate) heard: Vec<Instruction>,
    pub(crate) packets_sent: usize,
    pub(crate) meddler: Option<Meddler>,
}

impl Module {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            parser: Parser::new(ef01::ADDRESS),
            to_board: VecDeque::new(),
            free_at: 0,
            downloading: None,
            is_plugged: true,
            has_finger: false,
            image: (0..ef01::IMAGE_BYTES).map(|index| (index * 7 + index / 256) as u8).collect(),
            buffers: [Vec::new(), Vec::new()],
            library: BTreeMap::new(),
            parameters: Parameters::FACTORY,
            says_end: true,
            knows_parameters: true,
            heard: Vec::new(),
            packets_sent: 0,
            meddler: None,
        }
    }

    /// When the next byte comes to the board.
    pub(crate) fn next_byte_at(&self) -> Option<u64> {
        self.to_board.front().map(|(at, _)| *at)
    }

    /// Bytes that do not come from this module's mind.
    pub(crate) fn inject(&mut self, bytes: &[u8]) {
        self.send_bytes(bytes);
    }

    pub(crate) fn unplug(&mut self) {
        self.is_plugged = false;
        self.to_board.clear();
        self.free_at = 0;
        self.parser.reset();
        self.downloading = None;
    }

    fn hear(&mut self, byte: u8) {
        if !self.is_plugged {
            return;
        }
        let Some(Ok(packet)) = self.parser.push(byte) else { return };
        let (kind, content) = (packet.kind, packet.content.to_vec());
        match kind {
            Kind::Command => {
                self.downloading = None;
                self.command(&content);
            }
            Kind::Data | Kind::End => {
                if let Some((buffer, mut template)) = self.downloading.take() {
                    template.extend(&content);
                    if kind == Kind::End {
                        self.buffers[buffer] = template;
                    } else {
                        self.downloading = Some((buffer, template));
                    }
                }
            }
            Kind::Acknowledge => panic!("the board confirms nothing"),
        }
    }

    fn command(&mut self, content: &[u8]) {
        let instruction = Instruction::from_byte(content[0]).unwrap();
        self.heard.push(instruction);
        let parameters = &content[1..];
        let page = |at: usize| u16::from_be_bytes([parameters[at], parameters[at + 1]]);
        let buffer = || usize::from(parameters[0] - 1);
        match instruction {
            Instruction::VerifyPassword => {
                let is_right = parameters == [0; 4];
                self.confirm(if is_right { Confirmation::Done } else { Confirmation::WrongPassword }, &[]);
            }
            Instruction::ReadParameters if self.knows_parameters => {
                let bytes = self.parameters.to_bytes();
                self.confirm(Confirmation::Done, &bytes);
            }
            Instruction::ReadParameters => self.confirm(Confirmation::Other(0x1D), &[]),
            Instruction::GenerateImage => {
                let has_finger = self.has_finger;
                self.confirm(if has_finger { Confirmation::Done } else { Confirmation::NoFinger }, &[]);
            }
            Instruction::ExtractFeatures => {
                self.buffers[buffer()] = self.image.iter().take(256).copied().collect();
                self.confirm(Confirmation::Done, &[]);
            }
            Instruction::Combine => {
                let is_one = self.buffers[0] == self.buffers[1];
                let template = [self.buffers[0].clone(), self.buffers[1].clone()].concat();
                self.buffers = [template.clone(), template];
                self.confirm(if is_one { Confirmation::Done } else { Confirmation::CombineFailed }, &[]);
            }
            Instruction::Match => {
                let is_one = self.buffers[0] == self.buffers[1];
                let (code, score) =
                    if is_one { (Confirmation::Done, 120u16) } else { (Confirmation::NoMatch, 0) };
                self.confirm(code, &score.to_be_bytes());
            }
            Instruction::Store => {
                let is_there = page(1) < self.parameters.capacity;
                if is_there {
                    self.library.insert(page(1), self.buffers[buffer()].clone());
                }
                self.confirm(if is_there { Confirmation::Done } else { Confirmation::PageOutOfRange }, &[]);
            }
            Instruction::Load => match self.library.get(&page(1)).cloned() {
                Some(template) => {
                    self.buffers[buffer()] = template;
                    self.confirm(Confirmation::Done, &[]);
                }
                None => self.confirm(Confirmation::TemplateUnreadable, &[]),
            },
            Instruction::Delete => {
                let (first, count) = (page(0), page(2));
                self.library.retain(|number, _| number.checked_sub(first).is_none_or(|at| at >= count));
                self.confirm(Confirmation::Done, &[]);
            }
            Instruction::Empty => {
                self.library.clear();
                self.buffers = [Vec::new(), Vec::new()];
                self.confirm(Confirmation::Done, &[]);
            }
            Instruction::Count => {
                let count = self.library.len() as u16;
                self.confirm(Confirmation::Done, &count.to_be_bytes());
            }
            Instruction::Aura => self.confirm(Confirmation::Done, &[]),
            Instruction::UploadImage => {
                self.confirm(Confirmation::Done, &[]);
                let image = self.image.clone();
                self.send_data(&image);
            }
            Instruction::UploadTemplate => {
                self.confirm(Confirmation::Done, &[]);
                let template = self.buffers[buffer()].clone();
                self.send_data(&template);
            }
            Instruction::DownloadTemplate => {
                self.downloading = Some((buffer(), Vec::new()));
                self.confirm(Confirmation::Done, &[]);
            }
            other => panic!("the board does not use {other:?}"),
        }
    }

    fn confirm(&mut self, confirmation: Confirmation, data: &[u8]) {
        self.free_at = self.free_at.max(self.clock.nanos()) + THINKING_NANOS;
        self.send(Kind::Acknowledge, &[&[confirmation.byte()], data].concat());
    }

    fn send_data(&mut self, bytes: &[u8]) {
        let pieces: Vec<_> = bytes.chunks(self.parameters.packet_content_bytes()).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let is_last = index + 1 == pieces.len() && self.says_end;
            self.send(if is_last { Kind::End } else { Kind::Data }, piece);
        }
    }

    fn send(&mut self, kind: Kind, content: &[u8]) {
        if !self.is_plugged {
            return;
        }
        let mut bytes = ef01::packet::<PACKET_BYTES_MAX>(kind, ef01::ADDRESS, content).unwrap().to_vec();
        let plug = match &mut self.meddler {
            Some(meddler) => meddler(self.packets_sent, &mut bytes),
            None => Plug::In,
        };
        self.packets_sent += 1;
        self.send_bytes(&bytes);
        if plug == Plug::Out {
            self.is_plugged = false;
        }
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        self.free_at = self.free_at.max(self.clock.nanos());
        for byte in bytes {
            self.free_at += CHARACTER_NANOS;
            self.to_board.push_back((self.free_at, *byte));
        }
    }
}

/// The board's UART at this module.
pub(crate) struct Uart {
    pub(crate) module: Rc<RefCell<Module>>,
    pub(crate) line: Rc<RefCell<LineState>>,
}

/// What a test can do to the line.
#[derive(Default)]
pub(crate) struct LineState {
    /// The UART reports an error at every touch.
    pub(crate) fails: bool,
    /// The UART takes nothing.
    pub(crate) is_stuck: bool,
}

impl Uart {
    fn check(&self) -> Result<(), ErrorKind> {
        if self.line.borrow().fails { Err(ErrorKind::Other) } else { Ok(()) }
    }

    fn is_ready(&self) -> bool {
        let module = self.module.borrow();
        module.next_byte_at().is_some_and(|at| at <= module.clock.nanos())
    }
}

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        self.check()?;
        Ok(self.is_ready())
    }
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.check()?;
        assert!(self.is_ready(), "the driver would have waited");
        let mut count = 0;
        while count < buffer.len() && self.is_ready() {
            buffer[count] = self.module.borrow_mut().to_board.pop_front().unwrap().1;
            count += 1;
        }
        Ok(count)
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        self.check()?;
        Ok(!self.line.borrow().is_stuck)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.check()?;
        assert!(!self.line.borrow().is_stuck, "the driver would have waited");
        bytes.iter().for_each(|byte| self.module.borrow_mut().hear(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
