//! A control channel that answers what a test says, in the place of driver and board.

use std::sync::{Arc, Mutex};

use hal::{
    board::FIRMWARE_VERSION,
    pcsc::{ControlChannel, ControlError},
};
use reader_protocol::escape::{
    Abilities, Body, Frame, Identity, Opcode, Personality, Request, Serial, Status, begin_answer,
};
use zeroize::Zeroizing;

pub(crate) const READER: &str = "Jinbao board 00 00";
/// The driver's own control code: any number will do, as long as it is asked for.
pub(crate) const CODE: u32 = 0x4200_1234;
const GET_FEATURE: u32 = 0x4200_0D48;

pub(crate) type Answer = Result<Vec<u8>, ControlError>;
/// How the firmware answers an escape.
type Answering = Box<dyn FnMut(&[u8]) -> Answer + Send>;

/// What the channel has been asked, and how it answers.
struct Script {
    asked: Vec<(u32, Vec<u8>)>,
    features: Answer,
    answer: Answering,
}

#[derive(Clone)]
pub(crate) struct Channel(Arc<Mutex<Script>>);

impl Channel {
    /// A reader whose driver hands escapes on, and whose firmware answers by this.
    pub(crate) fn new(answer: impl FnMut(&[u8]) -> Answer + Send + 'static) -> Self {
        let [a, b, c, d] = CODE.to_be_bytes();
        let features = Ok(vec![0x12, 4, 0x42, 0x33, 0, 0x12, 0x13, 4, a, b, c, d]);
        Channel(Arc::new(Mutex::new(Script { asked: Vec::new(), features, answer: Box::new(answer) })))
    }

    /// A board that answers requests.
    pub(crate) fn board(mut answer: impl FnMut(&Request<'_>) -> (Status, Vec<u8>) + Send + 'static) -> Self {
        Self::new(move |bytes| {
            let request = Request::parse(bytes).expect("our own side builds requests that can be read");
            let (status, body) = match (&request, answer(&request)) {
                (Request::Identify, (Status::UnknownOpcode, _)) => (Status::Done, body(&identity())),
                (_, other) => other,
            };
            Ok(answered(status, &body))
        })
    }

    pub(crate) fn with_features(self, features: Answer) -> Self {
        self.0.lock().unwrap().features = features;
        self
    }

    pub(crate) fn asked(&self) -> Vec<Opcode> {
        let script = self.0.lock().unwrap();
        let escapes = script.asked.iter().filter(|(code, _)| *code == CODE);
        escapes.map(|(_, bytes)| Opcode::from_byte(bytes[2]).unwrap()).collect()
    }

    pub(crate) fn feature_questions(&self) -> usize {
        self.0.lock().unwrap().asked.iter().filter(|(code, _)| *code == GET_FEATURE).count()
    }
}

impl ControlChannel for Channel {
    fn control(&mut self, code: u32, request: &[u8]) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        let mut script = self.0.lock().unwrap();
        script.asked.push((code, request.to_vec()));
        match code {
            GET_FEATURE => script.features.clone(),
            CODE => (script.answer)(request),
            other => panic!("control code {other:#X} comes from nowhere"),
        }
        .map(Zeroizing::new)
    }

    fn name(&self) -> &str {
        READER
    }
}

pub(crate) fn answered(status: Status, body: &[u8]) -> Vec<u8> {
    let mut frame = Frame::new();
    begin_answer(&mut frame, status);
    frame.extend_from_slice(body).unwrap();
    frame.to_vec()
}

pub(crate) fn body(of: &impl Body) -> Vec<u8> {
    let mut frame = Frame::new();
    of.put(&mut frame).unwrap();
    frame.to_vec()
}

pub(crate) fn identity() -> Identity {
    Identity {
        board: "test board".try_into().unwrap(),
        serial: Serial([7; 12]),
        version: FIRMWARE_VERSION,
        rollback: 3,
        build: [1; 8],
        personality: Personality::Sec1210,
        slots: 2,
        abilities: Abilities::FINGERPRINT.with(Abilities::UPDATE),
    }
}

/// The status that lets [`Channel::board`] answer `Identify` by itself.
pub(crate) const BY_ITSELF: (Status, Vec<u8>) = (Status::UnknownOpcode, Vec::new());
