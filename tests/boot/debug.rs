//! The debug port of the emulator: GDB's remote protocol, as much of it as a flash controller needs.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

/// Longest packet that is taken.
const PACKET_BYTES_MAX: usize = 4096;

/// A processor on a leash.
#[derive(Debug)]
pub(crate) struct Debug {
    port: UnixStream,
}

impl Debug {
    pub(crate) fn new(port: UnixStream) -> Self {
        port.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut debug = Self { port };
        // The emulator lets registers be written by those only who know which there are.
        assert!(debug.ask("qXfer:features:read:target.xml:0,ffb").starts_with(['l', 'm']));
        debug
    }

    /// The processor stops before it does what is at this address.
    pub(crate) fn stop_at(&mut self, address: u32) {
        assert_eq!(self.ask(&format!("Z0,{address:x},2")), "OK");
    }

    /// Lets the processor go.
    pub(crate) fn go(&mut self) {
        self.send("c");
    }

    /// Whether the processor has stopped within this time.
    pub(crate) fn has_stopped(&mut self, within: Duration) -> bool {
        self.port.set_read_timeout(Some(within)).unwrap();
        let mut first = [0; 1];
        let result = self.port.read(&mut first);
        self.port.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        match result {
            Ok(1) => {
                let packet = self.receive(first[0]);
                assert!(packet.starts_with('T') || packet.starts_with('S'), "{packet}");
                true
            }
            Ok(_) => panic!("the emulator has closed its debug port"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Registers 0 to 15.
    pub(crate) fn registers(&mut self) -> [u32; 16] {
        let bytes = hex::decode(&self.ask("g")[..128]).unwrap();
        std::array::from_fn(|number| u32::from_le_bytes(bytes[4 * number..][..4].try_into().unwrap()))
    }

    pub(crate) fn set_register(&mut self, number: u8, value: u32) {
        assert_eq!(self.ask(&format!("P{number:x}={}", hex::encode(value.to_le_bytes()))), "OK");
    }

    pub(crate) fn read(&mut self, address: u32, length: usize) -> Vec<u8> {
        hex::decode(self.ask(&format!("m{address:x},{length:x}"))).unwrap()
    }

    /// Writes memory, read-only memory included.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) {
        for (number, part) in bytes.chunks(1024).enumerate() {
            let at = address + number as u32 * 1024;
            assert_eq!(self.ask(&format!("M{at:x},{:x}:{}", part.len(), hex::encode(part))), "OK");
        }
    }

    fn ask(&mut self, question: &str) -> String {
        self.send(question);
        let mut first = [0; 1];
        self.port.read_exact(&mut first).unwrap();
        self.receive(first[0])
    }

    fn send(&mut self, packet: &str) {
        let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
        self.port.write_all(format!("${packet}#{sum:02x}").as_bytes()).unwrap();
        let mut taken = [0; 1];
        self.port.read_exact(&mut taken).unwrap();
        assert_eq!(taken, *b"+", "the emulator takes every packet");
    }

    /// The packet that begins with this byte.
    fn receive(&mut self, first: u8) -> String {
        assert_eq!(first, b'$', "a packet begins");
        let mut byte = [0; 1];
        let mut packet = String::new();
        loop {
            self.port.read_exact(&mut byte).unwrap();
            if byte[0] == b'#' {
                break;
            }
            packet.push(char::from(byte[0]));
            assert!(packet.len() <= PACKET_BYTES_MAX);
        }
        self.port.read_exact(&mut [0; 2]).unwrap();
        self.port.write_all(b"+").unwrap();
        packet
    }
}
