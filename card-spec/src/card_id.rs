//! The card identification code (卡识别码), which names the issuing city and the card.

use core::fmt;

use heapless::String;

use crate::{
    Error, Part,
    bytes::{Fields, equal_in_constant_time, join},
    key::Key128,
    region::RegionCode,
    suite::Suite,
};

/// First bytes of the application identifier, which stand in every code.
const REGISTERED: [u8; 5] = [0xD1, 0x56, 0x00, 0x00, 0x05];

/// Sixteen bytes: city, registered identifier, serial, MAC (EF05 tag 01).
///
/// Parsing checks the form only; [`CardId::verify`] checks the MAC, and no card is refused for it alone.
/// `Debug` shows the city and hides the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardId {
    city: RegionCode,
    serial: [u8; 4],
    mac: [u8; 4],
}

impl CardId {
    /// Bytes of a code.
    pub const BYTES: usize = 16;

    /// Reads the value of tag 01.
    ///
    /// `Truncated` and `TooLong` for another length, `Malformed` when the city is no region code or the
    /// registered identifier is another.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::CardId);
        let city =
            RegionCode::from_cn(fields.array()?).map_err(|_| Error::Malformed { part: Part::CardId })?;
        let registered: [u8; 5] = fields.array()?;
        let (serial, mac) = (fields.array()?, fields.array()?);
        fields.end()?;
        if registered != REGISTERED {
            return Err(Error::Malformed { part: Part::CardId });
        }
        Ok(CardId { city, serial, mac })
    }

    /// Makes the code of a new card, with its MAC.
    pub fn issue(city: RegionCode, serial: [u8; 4], suite: Suite, internal_key: &Key128) -> Self {
        let mut id = CardId { city, serial, mac: [0; 4] };
        id.mac = suite.static_mac(internal_key, &id.authenticated_bytes());
        id
    }

    /// The sixteen bytes.
    pub fn to_bytes(&self) -> [u8; 16] {
        join(&[&self.authenticated_bytes(), &self.mac])
    }

    /// 32 hex digits. For the wire; not for a log.
    pub fn to_hex(&self) -> String<32> {
        let mut out = String::new();
        for byte in self.to_bytes() {
            for nibble in [byte >> 4, byte & 0x0F] {
                // Cannot fail: 16 bytes make 32 digits.
                let _ = out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
        out
    }

    /// The issuing city. Its six digits make the city's diversification factor.
    pub fn city(&self) -> RegionCode {
        self.city
    }

    /// Serial number within the city.
    pub fn serial(&self) -> [u8; 4] {
        self.serial
    }

    /// Whether the MAC is the FFFFFFFF of test cards.
    pub fn is_test(&self) -> bool {
        self.mac == [0xFF; 4]
    }

    /// Checks the MAC with the card's own internal authentication key (IRK): `Mac` when it is wrong.
    pub fn verify(&self, suite: Suite, internal_key: &Key128) -> Result<(), Error> {
        let expected = suite.static_mac(internal_key, &self.authenticated_bytes());
        if equal_in_constant_time(&expected, &self.mac) {
            Ok(())
        } else {
            Err(Error::Mac { part: Part::CardId })
        }
    }

    fn authenticated_bytes(&self) -> [u8; 12] {
        join(&[&self.city.to_cn(), &REGISTERED, &self.serial])
    }
}

impl fmt::Debug for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardId({}…)", self.city)
    }
}
