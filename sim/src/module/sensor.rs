//! The module itself: what it keeps, and what it answers to each instruction.
//!
//! Nothing here waits: an answer says how long the module works on it. Source: ZhianTec, ZFM-20 Series Fingerprint
//! Identification Module User Manual, §4 and §5.

use std::collections::BTreeMap;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use reader_protocol::ef01::{
    Confirmation, IMAGE_BYTES, Instruction, Kind, PACKET_BYTES_MAX, Packet, Parameters, packet,
};

use super::{
    fault::Faults,
    finger::{Condition, Finger},
    template::{TEMPLATE_BYTES, Template},
};

/// Points that a template needs at the least, and severity above which an image is a smear.
const POINTS_MIN: usize = 10;
const SEVERITY_MAX: f32 = 0.9;
/// Looks at the sensor that a tapping finger misses between two images.
const TAP_LOOKS: u32 = 2;
/// Pages of the index, 256 templates each.
const INDEX_PAGES: u8 = 4;
const INDEX_BYTES: usize = 32;
const REGISTER_BAUD: u8 = 4;
const REGISTER_SECURITY: u8 = 5;
const REGISTER_PACKET_SIZE: u8 = 6;
const STATUS_MATCHED: u16 = 0x02;
const STATUS_PASSWORD: u16 = 0x04;
const STATUS_IMAGE: u16 = 0x08;

/// An image that was taken. It is grown only when somebody wants to see it.
#[derive(Clone)]
enum Taken {
    Finger {
        finger: Finger,
        condition: Condition,
        seed: u64,
    },
    /// The host has put it there, two pixels a byte.
    Sent(Vec<u8>),
}

/// What the host is sending in data packets.
enum Coming {
    Template { buffer: usize, bytes: Vec<u8> },
    Image { bytes: Vec<u8> },
}

/// Everything of the module; what is kept without power is said.
pub(super) struct Sensor {
    /// Kept.
    pub(super) parameters: Parameters,
    /// Kept.
    pub(super) password: u32,
    /// Kept: templates by page.
    pub(super) library: BTreeMap<u16, Vec<u8>>,
    pub(super) faults: Faults,
    pub(super) finger: Option<(Finger, Condition)>,
    /// Whether the finger is lifted after each image and laid down again.
    pub(super) taps: bool,
    /// Looks at the sensor for which a tapping finger still is lifted.
    lifted: u32,
    pub(super) captures: u32,
    has_password: bool,
    has_matched: bool,
    image: Option<Taken>,
    buffers: [Option<Vec<u8>>; 2],
    coming: Option<Coming>,
    chance: ChaCha8Rng,
}

/// What the module sends, and after how long.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// Packets, as they arrive.
    pub(super) bytes: Vec<u8>,
    /// How long it works first.
    pub(super) work_us: u64,
    /// How much longer on the wall, whatever the pace.
    pub(super) delay_ms: u64,
}

/// What an instruction brings.
struct Answer {
    code: Confirmation,
    content: Vec<u8>,
    /// Sent in data packets behind the answer.
    data: Option<Vec<u8>>,
}

impl From<Confirmation> for Answer {
    fn from(code: Confirmation) -> Self {
        Self { code, content: Vec::new(), data: None }
    }
}

impl Sensor {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            parameters: Parameters::FACTORY,
            password: 0,
            library: BTreeMap::new(),
            faults: Faults::default(),
            finger: None,
            taps: false,
            lifted: 0,
            captures: 0,
            has_password: false,
            has_matched: false,
            image: None,
            buffers: [None, None],
            coming: None,
            chance: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Power comes: what is not kept is gone.
    pub(super) fn begin(&mut self) {
        self.faults.begin();
        self.lifted = 0;
        self.has_password = false;
        self.has_matched = false;
        self.image = None;
        self.buffers = [None, None];
        self.coming = None;
    }

    /// A packet of the host whose checksum is wrong.
    pub(super) fn broken(&mut self) -> Reply {
        if self.faults.is_deaf() {
            return Reply::default();
        }
        let bytes = self.acknowledge(&Confirmation::PacketBroken.into());
        Reply { bytes, work_us: 1_000, delay_ms: 0 }
    }

    /// A whole packet of the host.
    pub(super) fn packet(&mut self, received: Packet<'_>) -> Reply {
        match received.kind {
            Kind::Command => self.command(received.content),
            Kind::Data | Kind::End => {
                self.data(received.content, received.kind == Kind::End);
                Reply::default()
            }
            // The module's own kind of packet.
            Kind::Acknowledge => Reply::default(),
        }
    }

    fn command(&mut self, content: &[u8]) -> Reply {
        self.coming = None;
        if self.faults.is_deaf() {
            return Reply::default();
        }
        let Some((code, parameters)) = content.split_first() else { return Reply::default() };
        let Some(instruction) = Instruction::from_byte(*code) else {
            let bytes = self.acknowledge(&Confirmation::PacketBroken.into());
            return Reply { bytes, work_us: 1_000, delay_ms: 0 };
        };
        let delay_ms = self.faults.delay_ms(instruction);
        let answer = match self.faults.lacks(instruction) {
            Some(true) => return Reply::default(),
            Some(false) => Confirmation::PacketBroken.into(),
            None => match self.faults.failure(instruction) {
                Some(code) => Confirmation::from_byte(code).into(),
                None => self.carry_out(instruction, parameters),
            },
        };
        let mut bytes = self.acknowledge(&answer);
        if let Some(data) = answer.data.filter(|_| answer.code == Confirmation::Done) {
            bytes.extend(self.data_packets(&data));
        }
        if answer.code == Confirmation::Done {
            self.apply(instruction, parameters);
        }
        Reply { bytes, work_us: work_us(instruction, self.library.len()), delay_ms }
    }

    fn carry_out(&mut self, instruction: Instruction, parameters: &[u8]) -> Answer {
        let needs_password = self.password != 0 && !self.has_password;
        if needs_password && instruction != Instruction::VerifyPassword {
            return Confirmation::PasswordDue.into();
        }
        self.answer(instruction, parameters).unwrap_or_else(Answer::from)
    }

    fn answer(&mut self, instruction: Instruction, parameters: &[u8]) -> Result<Answer, Confirmation> {
        let done = || Ok(Answer::from(Confirmation::Done));
        let with = |content: Vec<u8>| Ok(Answer { content, ..Answer::from(Confirmation::Done) });
        match (instruction, parameters) {
            (Instruction::GenerateImage, []) => {
                self.capture()?;
                done()
            }
            (Instruction::ExtractFeatures, [buffer]) => {
                let features = self.extract()?;
                *self.buffer(*buffer)? = Some(features);
                done()
            }
            (Instruction::Match, []) => {
                let score = self.score_of_buffers()?;
                self.has_matched = score >= self.threshold();
                let code = if self.has_matched { Confirmation::Done } else { Confirmation::NoMatch };
                Ok(Answer { content: score.to_be_bytes().to_vec(), ..Answer::from(code) })
            }
            (Instruction::Search | Instruction::FastSearch, [buffer, a, b, c, d]) => {
                let (first, count) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                let found = self.search(*buffer, first, count)?;
                self.has_matched = found.is_some();
                let (page, score) = found.unwrap_or((0, 0));
                let code = if found.is_some() { Confirmation::Done } else { Confirmation::NotFound };
                let content = [page.to_be_bytes(), score.to_be_bytes()].concat();
                Ok(Answer { content, ..Answer::from(code) })
            }
            (Instruction::Combine, []) => {
                let [first, second] = &self.buffers;
                let read = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(Template::from_bytes);
                let (Some(first), Some(second)) = (read(first), read(second)) else {
                    return Err(Confirmation::CombineFailed);
                };
                let combined = first.combine(&second, self.threshold()).ok_or(Confirmation::CombineFailed)?;
                let bytes = combined.to_bytes();
                self.buffers = [Some(bytes.clone()), Some(bytes)];
                done()
            }
            (Instruction::Store, [buffer, a, b]) => {
                let page = self.page(*a, *b)?;
                let template = self.buffer(*buffer)?.clone().ok_or(Confirmation::FlashFailed)?;
                self.library.insert(page, template);
                done()
            }
            (Instruction::Load, [buffer, a, b]) => {
                let page = self.page(*a, *b)?;
                let kept = self.library.get(&page).cloned().ok_or(Confirmation::TemplateUnreadable)?;
                *self.buffer(*buffer)? = Some(kept);
                done()
            }
            (Instruction::UploadTemplate, [buffer]) => {
                let data = Some(self.buffer(*buffer)?.clone().ok_or(Confirmation::UploadFailed)?);
                Ok(Answer { data, ..Answer::from(Confirmation::Done) })
            }
            (Instruction::UploadImage, []) => {
                let data = Some(self.image_bytes().ok_or(Confirmation::ImageUploadFailed)?);
                Ok(Answer { data, ..Answer::from(Confirmation::Done) })
            }
            (Instruction::DownloadTemplate, [buffer]) => {
                self.buffer(*buffer)?;
                done()
            }
            (Instruction::DownloadImage, []) => done(),
            (Instruction::Delete, [a, b, c, d]) => {
                let first = self.page(*a, *b).map_err(|_| Confirmation::DeleteFailed)?;
                let count = u16::from_be_bytes([*c, *d]);
                let end = first.checked_add(count).filter(|end| *end <= self.parameters.capacity);
                let end = end.ok_or(Confirmation::DeleteFailed)?;
                self.library.retain(|page, _| !(first..end).contains(page));
                done()
            }
            (Instruction::Empty, []) => {
                self.library.clear();
                done()
            }
            (Instruction::SetParameter, [register, value]) => {
                let is_known = match *register {
                    REGISTER_BAUD => (1..=12).contains(value),
                    REGISTER_SECURITY => (1..=5).contains(value),
                    REGISTER_PACKET_SIZE => *value <= 3,
                    _ => false,
                };
                if is_known { done() } else { Err(Confirmation::BadRegister) }
            }
            (Instruction::ReadParameters, []) => {
                let mut status = 0;
                for (is_set, bit) in [
                    (self.has_matched, STATUS_MATCHED),
                    (self.has_password, STATUS_PASSWORD),
                    (self.image.is_some(), STATUS_IMAGE),
                ] {
                    status |= if is_set { bit } else { 0 };
                }
                with(Parameters { status, ..self.parameters }.to_bytes().to_vec())
            }
            (Instruction::VerifyPassword, [a, b, c, d]) => {
                self.has_password = u32::from_be_bytes([*a, *b, *c, *d]) == self.password;
                if self.has_password { done() } else { Err(Confirmation::WrongPassword) }
            }
            (Instruction::Random, []) => with(self.chance.next_u32().to_be_bytes().to_vec()),
            // The new address is in the answer already (manual §5.2.3).
            (Instruction::SetAddress, [a, b, c, d]) => {
                self.parameters.address = [*a, *b, *c, *d];
                done()
            }
            (Instruction::SetPassword, [_, _, _, _]) => done(),
            (Instruction::Count, []) => with((self.library.len() as u16).to_be_bytes().to_vec()),
            (Instruction::ReadIndex, [page]) if *page < INDEX_PAGES => with(self.index(*page)),
            (Instruction::Aura, [_, _, _, _]) => done(),
            // Too many or too few parameters.
            _ => Err(Confirmation::PacketBroken),
        }
    }

    /// What holds only once the answer is out.
    fn apply(&mut self, instruction: Instruction, parameters: &[u8]) {
        match (instruction, parameters) {
            (Instruction::SetParameter, [register, value]) => match *register {
                REGISTER_BAUD => self.parameters.baud_factor = u16::from(*value),
                REGISTER_SECURITY => self.parameters.security = u16::from(*value),
                _ => self.parameters.packet_size = u16::from(*value),
            },
            (Instruction::SetPassword, [a, b, c, d]) => {
                self.password = u32::from_be_bytes([*a, *b, *c, *d]);
                self.has_password = true;
            }
            (Instruction::DownloadTemplate, [buffer]) => {
                let buffer = usize::from(*buffer).saturating_sub(1);
                self.coming = Some(Coming::Template { buffer, bytes: Vec::new() });
            }
            (Instruction::DownloadImage, _) => self.coming = Some(Coming::Image { bytes: Vec::new() }),
            _ => {}
        }
    }

    fn capture(&mut self) -> Result<(), Confirmation> {
        let (finger, condition) = self.finger.ok_or(Confirmation::NoFinger)?;
        if self.lifted > 0 {
            self.lifted -= 1;
            return Err(Confirmation::NoFinger);
        }
        if condition.is_moving {
            return Err(Confirmation::ImageFailed);
        }
        self.captures = self.captures.saturating_add(1);
        self.lifted = if self.taps { TAP_LOOKS } else { 0 };
        let seed = self.chance.next_u64();
        self.image = Some(Taken::Finger { finger, condition, seed });
        Ok(())
    }

    fn extract(&mut self) -> Result<Vec<u8>, Confirmation> {
        let points = match self.image.as_ref().ok_or(Confirmation::NoImage)? {
            Taken::Finger { condition, .. } if condition.severity() > SEVERITY_MAX => {
                return Err(Confirmation::TooMessy);
            }
            Taken::Finger { finger, condition, seed } => finger.points(condition, *seed),
            // This module finds points by knowing the finger; an image alone says nothing to it.
            Taken::Sent(_) => Vec::new(),
        };
        let features = Template::new(points);
        if features.points() < POINTS_MIN {
            return Err(Confirmation::TooFewPoints);
        }
        Ok(features.to_bytes())
    }

    /// Scores from which two templates are of one finger, by security level.
    fn threshold(&self) -> u16 {
        match self.parameters.security {
            0 | 1 => 40,
            2 => 50,
            3 => 60,
            4 => 80,
            _ => 110,
        }
    }

    fn score_of_buffers(&self) -> Result<u16, Confirmation> {
        let [Some(first), Some(second)] = &self.buffers else { return Err(Confirmation::NoMatch) };
        // Of another maker: nothing to compare.
        let read = |bytes: &[u8]| Template::from_bytes(bytes);
        Ok(read(first).zip(read(second)).map_or(0, |(first, second)| first.score(&second)))
    }

    fn search(&mut self, buffer: u8, first: u16, count: u16) -> Result<Option<(u16, u16)>, Confirmation> {
        let wanted = self.buffer(buffer)?.as_deref().and_then(Template::from_bytes);
        let wanted = wanted.ok_or(Confirmation::NotFound)?;
        let threshold = self.threshold();
        let end = first.saturating_add(count);
        Ok(self
            .library
            .range(first..end.max(first))
            .filter_map(|(page, kept)| Some((*page, Template::from_bytes(kept)?.score(&wanted))))
            .filter(|(_, score)| *score >= threshold)
            .max_by_key(|(_, score)| *score))
    }

    /// Buffer 1, or 2 for every other number, as modules have it.
    fn buffer(&mut self, number: u8) -> Result<&mut Option<Vec<u8>>, Confirmation> {
        let [first, second] = &mut self.buffers;
        Ok(if number == 1 { first } else { second })
    }

    fn page(&self, high: u8, low: u8) -> Result<u16, Confirmation> {
        let page = u16::from_be_bytes([high, low]);
        if page < self.parameters.capacity { Ok(page) } else { Err(Confirmation::PageOutOfRange) }
    }

    fn index(&self, page: u8) -> Vec<u8> {
        let mut bits = vec![0; INDEX_BYTES];
        let first = u16::from(page) * 256;
        for kept in self.library.range(first..first + 256).map(|(kept, _)| kept - first) {
            if let Some(byte) = bits.get_mut(usize::from(kept / 8)) {
                *byte |= 1 << (kept % 8);
            }
        }
        bits
    }

    fn image_bytes(&self) -> Option<Vec<u8>> {
        Some(match self.image.as_ref()? {
            Taken::Finger { finger, condition, seed } => finger
                .image(condition, *seed)
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[left, right]| left & 0xF0 | right >> 4)
                .collect(),
            Taken::Sent(bytes) => bytes.clone(),
        })
    }

    fn data(&mut self, content: &[u8], is_last: bool) {
        let Some(coming) = &mut self.coming else { return };
        let (bytes, bytes_max) = match coming {
            Coming::Template { bytes, .. } => (bytes, TEMPLATE_BYTES),
            Coming::Image { bytes } => (bytes, IMAGE_BYTES),
        };
        // What is too much is not kept, and makes the whole worthless.
        let room = (bytes_max + 1).saturating_sub(bytes.len());
        bytes.extend_from_slice(content.get(..content.len().min(room)).unwrap_or_default());
        let is_whole = bytes.len() == bytes_max;
        if !is_last {
            return;
        }
        match self.coming.take() {
            Some(Coming::Template { buffer, bytes }) => {
                let buffer = if buffer == 0 { 0 } else { 1 };
                if let Some(place) = self.buffers.get_mut(buffer) {
                    *place = Some(bytes).filter(|_| is_whole);
                }
            }
            Some(Coming::Image { bytes }) => self.image = Some(Taken::Sent(bytes)).filter(|_| is_whole),
            None => {}
        }
    }

    fn acknowledge(&mut self, answer: &Answer) -> Vec<u8> {
        let content = [&[answer.code.byte()], answer.content.as_slice()].concat();
        self.one_packet(Kind::Acknowledge, &content)
    }

    fn data_packets(&mut self, data: &[u8]) -> Vec<u8> {
        let never_ends = self.faults.never_ends();
        let parts: Vec<&[u8]> = data.chunks(self.parameters.packet_content_bytes()).collect();
        let mut bytes = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let is_last = at + 1 == parts.len() && !never_ends;
            bytes.extend(self.one_packet(if is_last { Kind::End } else { Kind::Data }, part));
        }
        bytes
    }

    fn one_packet(&mut self, kind: Kind, content: &[u8]) -> Vec<u8> {
        // Cannot fail: no part is longer than a packet's content.
        let whole = packet::<PACKET_BYTES_MAX>(kind, self.parameters.address, content);
        self.faults.spoil(whole.map(|whole| whole.to_vec()).unwrap_or_default())
    }
}

/// How long the module works on an instruction. Of our choice, within what makers give: an image below half a second,
/// a search in a library of a thousand below one.
fn work_us(instruction: Instruction, kept: usize) -> u64 {
    match instruction {
        Instruction::GenerateImage => 180_000,
        Instruction::ExtractFeatures => 320_000,
        Instruction::Match => 25_000,
        Instruction::Search => 60_000 + 800 * kept as u64,
        Instruction::FastSearch => 60_000 + 350 * kept as u64,
        Instruction::Combine => 40_000,
        Instruction::Store | Instruction::SetParameter | Instruction::SetPassword => 45_000,
        Instruction::SetAddress | Instruction::Delete => 45_000,
        Instruction::Empty => 600_000,
        _ => 2_000,
    }
}
