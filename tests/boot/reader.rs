//! The board's own firmware behind its boot stage: it answers its host, and is updated by it.

use reader_protocol::{
    escape::{Answer, Body, Identity, Request, Status},
    image::{HEADER_BYTES, HEADER_SENT_BYTES},
    update::{LastUpdate, UpdatePhase, UpdateRefusal, UpdateState},
    vault::{Contents, VAULT_BYTES},
};
use stm32f405::layout;

use crate::{
    flash::Flash,
    images::{boot, reader, signed_reader},
    machine::{Machine, SERIAL},
};

/// Bytes of one piece of an update.
const PIECE_BYTES: usize = 240;

/// The host's end of the line, in frames of the driver.
struct Host {
    machine: Machine,
    sequence: u8,
}

impl Host {
    /// Power on, with a vault that nobody has opened.
    fn start(flash: Flash) -> Self {
        let vault = Contents::default().to_bytes();
        let vault: [u8; VAULT_BYTES] = vault.as_slice().try_into().unwrap();
        let mut host =
            Self { machine: Machine::start_with(flash, None, vault, &[boot(), reader()]), sequence: 0 };
        host.machine.until_vault_is_read();
        // A board that is not ready yet says so.
        while host.escape(&Request::TamperState).0 == Status::Busy {}
        host
    }

    /// One command and its answer, without frame and header.
    fn command(&mut self, kind: u8, data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut frame = vec![0x03, 0x06, kind];
        frame.extend((data.len() as u32).to_le_bytes());
        frame.extend([0, self.sequence, 0, 0, 0]);
        frame.extend(data);
        frame.push(frame.iter().fold(0, |lrc, byte| lrc ^ byte));
        let said = self.machine.ask(&frame, |said| frame_of(said).is_some());
        let answer = frame_of(&said).unwrap();
        assert_eq!(answer.iter().fold(0, |lrc, byte| lrc ^ byte), 0, "check byte of {said:02X?}");
        assert_eq!(answer[8], self.sequence);
        (answer[2..12].to_vec(), answer[12..answer.len() - 1].to_vec())
    }

    fn escape(&mut self, request: &Request<'_>) -> (Status, Vec<u8>) {
        let (header, data) = self.command(0x6B, &request.build().unwrap());
        assert_eq!((header[0], header[7] & 0xC0), (0x83, 0), "{request:?}");
        let answer = Answer::parse(&data).unwrap();
        (answer.status, answer.body.to_vec())
    }

    fn done<B: Body>(&mut self, request: &Request<'_>) -> B {
        let (status, body) = self.escape(request);
        assert_eq!(status, Status::Done, "{request:?}");
        B::read(&body).unwrap()
    }

    fn begin(&mut self, image: &[u8]) -> (Status, Vec<u8>) {
        self.escape(&Request::UpdateBegin(&image[..HEADER_SENT_BYTES]))
    }
}

/// The first whole frame; notices that cards come and go may stand before it.
fn frame_of(mut said: &[u8]) -> Option<&[u8]> {
    while let [0x50, _, rest @ ..] = said {
        said = rest;
    }
    let length = u32::from_le_bytes(said.get(3..7)?.try_into().ok()?) as usize;
    assert_eq!(said[..2], [0x03, 0x06]);
    said.get(..13 + length)
}

/// Which reader it is, whether a card is there: what a driver asks first.
#[test]
fn it_answers_its_host() {
    let mut flash = Flash::with_boot(&boot().bytes);
    flash.load(layout::APPLICATION, &signed_reader("3.1.4", 7));
    let mut host = Host::start(flash);
    let identity: Identity = host.done(&Request::Identify);
    assert_eq!((identity.board.as_str(), &identity.serial.0), ("stm32f405", SERIAL));
    assert_eq!((identity.version, identity.rollback, identity.slots), ([3, 1, 4], 7, 2));
    // The emulator's pins are low, which is a slot without a card.
    assert_eq!(host.command(0x65, &[]).0[7], 2, "no card");
    let (header, _) = host.command(0x62, &[]);
    assert_eq!((header[0], header[7], header[8]), (0x80, 0x42, 0xFE), "no card to switch on");
    let state: UpdateState = host.done(&Request::UpdateState);
    assert_eq!((state.phase, state.floor, state.last), (UpdatePhase::Idle, 7, LastUpdate::Unknown));
}

/// A whole update, from the first escape of the old version to the first answer of the new one.
#[test]
fn its_host_updates_it() {
    let mut flash = Flash::with_boot(&boot().bytes);
    flash.load(layout::APPLICATION, &signed_reader("1.0.0", 1));
    let new = signed_reader("1.1.0", 2);
    let mut host = Host::start(flash);

    let refused = |refusal: UpdateRefusal| (Status::UpdateRefused, vec![refusal.byte()]);
    assert_eq!(host.begin(&signed_reader("0.9.0", 0)), refused(UpdateRefusal::Rollback));
    let mut forged = new.clone();
    forged[16] ^= 4;
    assert_eq!(host.begin(&forged), refused(UpdateRefusal::Signature));

    assert_eq!(host.begin(&new), (Status::Done, vec![]));
    let program = &new[HEADER_BYTES..];
    for (number, bytes) in program.chunks(PIECE_BYTES).enumerate() {
        let offset = (number * PIECE_BYTES) as u32;
        loop {
            match host.escape(&Request::UpdateWrite { offset, bytes }) {
                (Status::Done, _) => break,
                answer => assert_eq!(answer, refused(UpdateRefusal::Erasing)),
            }
        }
    }
    assert_eq!(host.escape(&Request::UpdateFinish), (Status::Done, vec![]));
    let state: UpdateState = host.done(&Request::UpdateState);
    assert_eq!((state.phase, state.received_bytes), (UpdatePhase::Ready, program.len() as u32));
    let identity: Identity = host.done(&Request::Identify);
    assert_eq!(identity.version, [1, 0, 0], "until the next start the old one runs");

    let (flash, words) = host.machine.stop();
    assert!(words > new.len() as u64 / 4);
    let mut host = Host::start(flash);
    let identity: Identity = host.done(&Request::Identify);
    assert_eq!((identity.version, identity.rollback), ([1, 1, 0], 2));
    let state: UpdateState = host.done(&Request::UpdateState);
    assert_eq!((state.phase, state.floor, state.last), (UpdatePhase::Idle, 2, LastUpdate::Installed));
}
