//! A module on a serial line of its own, by packets of the `EF01` protocol.
//!
//! Every wait is bounded: for a whole answer by what the module has to do, between two bytes by
//! [`BYTE_TIMEOUT`]. A module that says nothing, or nothing that adds up, is never taken for one that works:
//! the first thing asked is its password, and its answer has to be there and whole.
//! Source: ZhianTec, ZFM-20 Series Fingerprint Identification Module User Manual.

mod link;

use std::{
    fmt, thread,
    time::{Duration, Instant},
};

use reader_protocol::ef01::{self, Confirmation, IMAGE_BYTES, Instruction, Kind};
use zeroize::Zeroizing;

use self::link::Link;
use super::{
    FingerprintError, Guidance, Guide, IMAGE_PIXELS_MAX, LineFault, Ring, TEMPLATE_BYTES_MAX, Wish,
    module::{Buffer, Module, NO_MATCH, Parameters, aura, refusal},
    sensor::{image_size, tell},
};

/// Baud rates that modules are found at, the likeliest first.
pub const BAUDS: [u32; 5] = [57_600, 115_200, 9_600, 19_200, 38_400];

/// What the line is raised to, when it can be: an image takes half the time.
pub const BAUD_FAST: u32 = 115_200;

/// After so many commands without an answer the module is looked for at every baud rate.
pub const SILENT_COMMANDS_MAX: u32 = 3;

/// Longest silence inside of a packet, on top of the time of a byte: adapters and busy machines hold bytes back.
pub const BYTE_TIMEOUT: Duration = Duration::from_millis(250);

/// How long a module may take to say that it has the password; after power-on it is busy for half a second.
const HELLO_TIMEOUT: Duration = Duration::from_millis(350);
/// How long a module may take for an image or a comparison, and for what it writes to its flash.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1_000);
const FLASH_TIMEOUT: Duration = Duration::from_millis(2_000);
/// Pause between two looks whether there is a finger.
const FINGER_PAUSE: Duration = Duration::from_millis(60);
/// After this silence a module that never says which packet is the last has said all.
const END_TIMEOUT: Duration = Duration::from_millis(150);

/// Register and value that raise the baud rate: 12 times 9600. Source: ZFM-20 manual, SetSysPara.
const REGISTER_BAUD: u8 = 4;
const BAUD_FACTOR_FAST: u8 = 12;

/// A module on a serial line.
pub struct SerialModule {
    link: Link,
    password: u32,
    /// What it said of itself when it was found; nothing is sent before.
    parameters: Option<ef01::Parameters>,
    silent_commands: u32,
    raises_baud: bool,
    has_ring: bool,
}

impl SerialModule {
    /// The module on this device, such as `/dev/ttyUSB0`, with factory's password and address. Nothing is
    /// opened yet; the line may come and go.
    pub fn new(device: impl Into<String>) -> Self {
        SerialModule {
            link: Link::new(device.into()),
            password: 0,
            parameters: None,
            silent_commands: 0,
            raises_baud: true,
            has_ring: true,
        }
    }

    /// The same with another password.
    #[must_use]
    pub fn with_password(mut self, password: u32) -> Self {
        self.password = password;
        self
    }

    /// The same, leaving the baud rate as the module has it: for adapters that spoil what is fast.
    #[must_use]
    pub fn with_its_own_baud(mut self) -> Self {
        self.raises_baud = false;
        self
    }

    /// Makes sure that there is a module that knows the password, looking for it at every baud rate.
    fn connect(&mut self) -> Result<ef01::Parameters, FingerprintError> {
        if let Some(parameters) = self.parameters {
            return Ok(parameters);
        }
        let mut worst = FingerprintError::Silent;
        let first = self.link.baud();
        let bauds = first.into_iter().chain(BAUDS.into_iter().filter(|baud| Some(*baud) != first));
        for baud in bauds {
            self.link.open(baud)?;
            match self.greet() {
                Ok(parameters) => {
                    let parameters = self.raise_baud(parameters)?;
                    (self.parameters, self.silent_commands) = (Some(parameters), 0);
                    return Ok(parameters);
                }
                // Another baud rate is heard as noise.
                Err(error @ FingerprintError::Line(_)) => worst = error,
                Err(FingerprintError::Silent) => {}
                Err(error) => return Err(error),
            }
        }
        Err(worst)
    }

    /// Says the password and asks for the parameters.
    fn greet(&mut self) -> Result<ef01::Parameters, FingerprintError> {
        let password = Zeroizing::new(self.password.to_be_bytes());
        let mut greeted = Err(FingerprintError::Silent);
        for _ in 0..2 {
            greeted = self.link.command(Instruction::VerifyPassword, &password[..], HELLO_TIMEOUT);
            if greeted.is_ok() {
                break;
            }
        }
        match greeted?.confirmation {
            Confirmation::Done => {}
            // Some modules say 01 for a wrong password.
            Confirmation::WrongPassword | Confirmation::PacketBroken => {
                return Err(FingerprintError::Password);
            }
            other => return Err(refusal(other)),
        }
        let answer = self.twice(Instruction::ReadParameters, &[], HELLO_TIMEOUT)?;
        match (answer.confirmation, answer.data.as_slice().try_into()) {
            (Confirmation::Done, Ok(bytes)) => Ok(ef01::Parameters::from_bytes(bytes)),
            (Confirmation::Done, Err(_)) => Err(FingerprintError::Line(LineFault::Length)),
            // One family of clones does not know the question, and is as the factory made it.
            _ => Ok(ef01::Parameters::FACTORY),
        }
    }

    /// Raises the baud rate where the module lets itself be raised; leaves it as it was otherwise.
    fn raise_baud(&mut self, parameters: ef01::Parameters) -> Result<ef01::Parameters, FingerprintError> {
        let before = self.link.baud().unwrap_or(BAUDS[0]);
        if !self.raises_baud || before >= BAUD_FAST {
            return Ok(parameters);
        }
        let parameter = [REGISTER_BAUD, BAUD_FACTOR_FAST];
        match self.link.command(Instruction::SetParameter, &parameter, FLASH_TIMEOUT) {
            Ok(answer) if answer.confirmation == Confirmation::Done => {}
            Err(FingerprintError::Unplugged) => return Err(FingerprintError::Unplugged),
            // Only the answer may be lost, and the module have done it.
            Err(FingerprintError::Line(_) | FingerprintError::Silent) => {}
            // It stays where it is; nothing is lost but time.
            _ => return Ok(parameters),
        }
        for baud in [BAUD_FAST, before] {
            self.link.open(baud)?;
            match self.greet() {
                Err(FingerprintError::Silent | FingerprintError::Line(_)) => {}
                result => return result,
            }
        }
        Err(FingerprintError::Silent)
    }

    /// A command to a module that was found; asked for once more where the line spoilt it.
    ///
    /// Errors: `Silent`, `Password`, `Line`, `Unplugged`; what the module refuses is an answer.
    fn command(
        &mut self,
        instruction: Instruction,
        parameters: &[u8],
        timeout: Duration,
    ) -> Result<Reply, FingerprintError> {
        self.connect()?;
        let reply = match self.twice(instruction, parameters, timeout) {
            // It was without power meanwhile, and wants to be greeted again.
            Ok(Reply { confirmation: Confirmation::PasswordDue, .. }) => {
                self.parameters = None;
                self.connect()?;
                self.twice(instruction, parameters, timeout)
            }
            reply => reply,
        };
        self.note(&reply);
        reply
    }

    /// A command that may be sent twice: the answer may be lost, and the module may have heard noise.
    fn twice(
        &mut self,
        instruction: Instruction,
        parameters: &[u8],
        timeout: Duration,
    ) -> Result<Reply, FingerprintError> {
        match self.link.command(instruction, parameters, timeout) {
            Err(FingerprintError::Line(_)) | Ok(Reply { confirmation: Confirmation::PacketBroken, .. }) => {
                self.link.command(instruction, parameters, timeout)
            }
            reply => reply,
        }
    }

    /// Counts silences; after too many, or when the line is gone, the module is looked for anew.
    fn note<T>(&mut self, result: &Result<T, FingerprintError>) {
        match result {
            Err(FingerprintError::Unplugged) => self.parameters = None,
            Err(FingerprintError::Silent) => {
                self.silent_commands += 1;
                if self.silent_commands >= SILENT_COMMANDS_MAX {
                    (self.silent_commands, self.parameters) = (0, None);
                }
            }
            _ => self.silent_commands = 0,
        }
    }

    /// A command that the module has to carry out.
    fn done(
        &mut self,
        instruction: Instruction,
        parameters: &[u8],
        timeout: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        let reply = self.command(instruction, parameters, timeout)?;
        match reply.confirmation {
            Confirmation::Done => Ok(reply.data),
            other => Err(refusal(other)),
        }
    }

    /// Waits for a finger until `end`; the module then has its image.
    fn await_finger(&mut self, end: Instant, guide: Guidance<'_>) -> Result<(), FingerprintError> {
        loop {
            tell(guide, Guide::PlaceFinger)?;
            match self.done(Instruction::GenerateImage, &[], ANSWER_TIMEOUT) {
                Err(FingerprintError::NoFinger) if Instant::now() < end => thread::sleep(FINGER_PAUSE),
                result => return result.map(drop),
            }
        }
    }

    /// Lets the module send an image or template; the whole once more when a part of it was spoilt.
    fn upload(
        &mut self,
        instruction: Instruction,
        parameters: &[u8],
        bytes_max: usize,
        guide: Guidance<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        let mut result = self.upload_once(instruction, parameters, bytes_max, guide);
        if matches!(result, Err(FingerprintError::Line(_))) {
            result = self.upload_once(instruction, parameters, bytes_max, guide);
        }
        self.note(&result);
        result
    }

    fn upload_once(
        &mut self,
        instruction: Instruction,
        parameters: &[u8],
        bytes_max: usize,
        guide: Guidance<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        self.done(instruction, parameters, ANSWER_TIMEOUT)?;
        let total_bytes = if instruction == Instruction::UploadImage { IMAGE_BYTES } else { 0 };
        let packet_bytes = self.connect()?.packet_content_bytes();
        let mut brought = Zeroizing::new(Vec::with_capacity(bytes_max));
        let end = Instant::now() + self.link.transfer_timeout(bytes_max.min(IMAGE_BYTES * 2), packet_bytes);
        loop {
            // A module that never says which packet is the last must have sent what an image has.
            let is_enough = total_bytes > 0 && brought.len() == total_bytes;
            let timeout = if is_enough { END_TIMEOUT } else { ANSWER_TIMEOUT };
            let packet = match self.link.packet(end.min(Instant::now() + timeout)) {
                Err(FingerprintError::Silent) if is_enough => return Ok(brought),
                // It had begun to speak: this is no dead module, but a broken transfer.
                Err(FingerprintError::Silent) => return Err(FingerprintError::Line(LineFault::Cut)),
                packet => packet?,
            };
            if !matches!(packet.kind, Kind::Data | Kind::End) {
                self.link.spoilt();
                return Err(FingerprintError::Line(LineFault::Unexpected));
            }
            if brought.len() + packet.content.len() > bytes_max {
                self.link.spoilt();
                return Err(FingerprintError::Line(LineFault::Length));
            }
            brought.extend_from_slice(&packet.content);
            if packet.kind == Kind::End {
                return Ok(brought);
            }
            if let Err(cancelled) = tell(guide, Guide::Reading { done_bytes: brought.len(), total_bytes }) {
                // The module goes on sending; the next command waits until it has ended.
                self.link.spoilt();
                return Err(cancelled);
            }
        }
    }
}

/// The module's answer to a command.
struct Reply {
    confirmation: Confirmation,
    data: Zeroizing<Vec<u8>>,
}

impl Module for SerialModule {
    fn parameters(&mut self) -> Result<Parameters, FingerprintError> {
        let found = self.connect()?;
        // What it said when it was found does not show that it is still there.
        let parameters = match self.done(Instruction::ReadParameters, &[], ANSWER_TIMEOUT) {
            Ok(data) => match data.as_slice().try_into() {
                Ok(bytes) => ef01::Parameters::from_bytes(bytes),
                Err(_) => return Err(FingerprintError::Line(LineFault::Length)),
            },
            Err(FingerprintError::Refused { .. } | FingerprintError::Line(LineFault::Refused)) => found,
            Err(error) => return Err(error),
        };
        Ok(Parameters {
            model: parameters.system,
            capacity: parameters.capacity,
            security_level: parameters.security,
            baud: self.link.baud(),
            serial: None,
        })
    }

    fn take_image(
        &mut self,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        self.await_finger(Instant::now() + millis(timeout_ms), guide)?;
        let image = self.upload(Instruction::UploadImage, &[], IMAGE_PIXELS_MAX / 2, guide)?;
        if image_size(image.len()).is_some() {
            return Ok(image);
        }
        // A packet was lost whole; the module still has the image.
        self.upload(Instruction::UploadImage, &[], IMAGE_PIXELS_MAX / 2, guide)
    }

    fn take_features(
        &mut self,
        buffer: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<(), FingerprintError> {
        self.await_finger(Instant::now() + millis(timeout_ms), guide)?;
        self.done(Instruction::ExtractFeatures, &[buffer.number()], ANSWER_TIMEOUT).map(drop)
    }

    fn wait_lifted(
        &mut self,
        _scratch: Buffer,
        timeout_ms: u32,
        guide: Guidance<'_>,
    ) -> Result<bool, FingerprintError> {
        let end = Instant::now() + millis(timeout_ms);
        loop {
            match self.done(Instruction::GenerateImage, &[], ANSWER_TIMEOUT) {
                Err(FingerprintError::NoFinger) => return Ok(true),
                Ok(_) | Err(FingerprintError::Quality) => {}
                Err(error) => return Err(error),
            }
            tell(guide, Guide::LiftFinger)?;
            if Instant::now() >= end {
                return Ok(false);
            }
            thread::sleep(FINGER_PAUSE);
        }
    }

    fn combine(&mut self) -> Result<(), FingerprintError> {
        self.connect()?;
        // Not a second time: what was combined already would be combined with itself.
        let reply = self.link.command(Instruction::Combine, &[], ANSWER_TIMEOUT);
        self.note(&reply);
        match reply?.confirmation {
            Confirmation::Done => Ok(()),
            other => Err(refusal(other)),
        }
    }

    fn read_template(&mut self, buffer: Buffer) -> Result<Zeroizing<Vec<u8>>, FingerprintError> {
        let quietly: Guidance<'_> = &mut |_| Wish::GoOn;
        self.upload(Instruction::UploadTemplate, &[buffer.number()], TEMPLATE_BYTES_MAX, quietly)
    }

    fn write_template(&mut self, buffer: Buffer, template: &[u8]) -> Result<(), FingerprintError> {
        if template.is_empty() || template.len() > TEMPLATE_BYTES_MAX {
            return Err(FingerprintError::Template);
        }
        self.done(Instruction::DownloadTemplate, &[buffer.number()], ANSWER_TIMEOUT)?;
        let packet_bytes = self.connect()?.packet_content_bytes();
        let last = template.len().div_ceil(packet_bytes) - 1;
        for (at, content) in template.chunks(packet_bytes).enumerate() {
            let kind = if at == last { Kind::End } else { Kind::Data };
            let sent = self.link.send(kind, content);
            self.note(&sent);
            sent?;
        }
        // Data packets are not answered: that the module is still in step shows only now.
        self.done(Instruction::ReadParameters, &[], ANSWER_TIMEOUT).map(drop).or_else(|error| match error {
            FingerprintError::Refused { .. } | FingerprintError::Line(LineFault::Refused) => Ok(()),
            error => Err(error),
        })
    }

    fn match_buffers(&mut self) -> Result<(bool, u16), FingerprintError> {
        let reply = self.command(Instruction::Match, &[], ANSWER_TIMEOUT)?;
        match (reply.confirmation, reply.data.as_slice()) {
            (Confirmation::Done, [high, low]) => Ok((true, u16::from_be_bytes([*high, *low]))),
            (Confirmation::Done, _) => Err(FingerprintError::Line(LineFault::Length)),
            (other, _) if other.byte() == NO_MATCH => Ok((false, 0)),
            (other, _) => Err(refusal(other)),
        }
    }

    fn store(&mut self, buffer: Buffer, place: u16) -> Result<(), FingerprintError> {
        self.done(Instruction::Store, &with_place(buffer, place), FLASH_TIMEOUT).map(drop)
    }

    fn load(&mut self, buffer: Buffer, place: u16) -> Result<(), FingerprintError> {
        self.done(Instruction::Load, &with_place(buffer, place), ANSWER_TIMEOUT).map(drop)
    }

    fn delete(&mut self, place: u16) -> Result<(), FingerprintError> {
        let [high, low] = place.to_be_bytes();
        self.done(Instruction::Delete, &[high, low, 0, 1], FLASH_TIMEOUT).map(drop)
    }

    fn count(&mut self) -> Result<u16, FingerprintError> {
        match self.done(Instruction::Count, &[], ANSWER_TIMEOUT)?.as_slice() {
            [high, low] => Ok(u16::from_be_bytes([*high, *low])),
            _ => Err(FingerprintError::Line(LineFault::Length)),
        }
    }

    fn ring(&mut self, ring: Ring) -> Result<(), FingerprintError> {
        if !self.has_ring {
            return Ok(());
        }
        let light = aura(ring);
        let parameters = [light.control, light.speed, light.colour, light.count];
        match self.done(Instruction::Aura, &parameters, ANSWER_TIMEOUT) {
            Ok(_) => Ok(()),
            // A module without a light may refuse, or not even answer; but then it must be alive.
            Err(FingerprintError::Refused { .. } | FingerprintError::Line(LineFault::Refused)) => {
                self.has_ring = false;
                Ok(())
            }
            Err(FingerprintError::Silent) => {
                self.parameters()?;
                self.has_ring = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn cancel(&mut self) -> Result<(), FingerprintError> {
        // Nothing runs in a module by itself but a transfer, and the next command waits for its end.
        self.link.settle()
    }
}

fn with_place(buffer: Buffer, place: u16) -> [u8; 3] {
    let [high, low] = place.to_be_bytes();
    [buffer.number(), high, low]
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

impl fmt::Debug for SerialModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SerialModule").field("link", &self.link).finish_non_exhaustive()
    }
}
