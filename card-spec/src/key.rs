//! Keys, their names, where they lie on card and PSAM, and what they are diversified with.

mod table;

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

pub use self::table::{CARD_KEYS, CardKey, Origin, card_key, card_key_by_id};
use crate::{
    atr::CardSerial,
    bytes::{equal_in_constant_time, join},
    file::Application,
    region::RegionCode,
};

/// Tries that an external key has on a social security card; the driver table knows 63C2 to 63C0.
pub const KEY_TRIES: u8 = 3;
/// Most levels of diversification: province, city, card.
pub const LEVELS_MAX: usize = 3;
/// Most groups (versions) of one key on a card.
pub const KEY_VERSIONS_MAX: u8 = 4;

/// Sixteen bytes of key. Wiped when dropped, hidden by `Debug`, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key128([u8; 16]);

impl Key128 {
    /// From its bytes, which the caller wipes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Key128(bytes)
    }

    /// The bytes. Leave no copy behind.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn halves(&self) -> ([u8; 8], [u8; 8]) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p])
    }

    /// Left half exclusive-or right half.
    pub(crate) fn folded(&self) -> [u8; 8] {
        crate::suite::fold(self.0)
    }
}

impl PartialEq for Key128 {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(&self.0, &other.0)
    }
}

impl Eq for Key128 {}

impl fmt::Debug for Key128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key128(…)")
    }
}

/// Eight bytes that one level of keys is derived with (分散因子).
///
/// `Debug` hides it, as a card's factor names the card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Factor([u8; 8]);

impl Factor {
    /// As it stands in a command.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Factor(bytes)
    }

    /// City level: the six digits as text and `sx`. The city is that of the card identification code.
    pub fn city(region: RegionCode) -> Self {
        Factor(join(&[region.as_str().as_bytes(), b"sx"]))
    }

    /// Province level: two digits as text and `0000sh`.
    pub fn province(region: RegionCode) -> Self {
        Factor(join(&[&region.as_str().as_bytes()[..2], b"0000sh"]))
    }

    /// Card level: the last eight historical bytes.
    pub const fn card(serial: CardSerial) -> Self {
        Factor(serial.0)
    }

    /// The eight bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Factor(…)")
    }
}

/// The factors of one card, in the order of the wire: card, city, province.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardFactors([Factor; LEVELS_MAX]);

impl CardFactors {
    /// From the card's serial and the city of its identification code.
    pub fn new(card: CardSerial, city: RegionCode) -> Self {
        CardFactors([Factor::card(card), Factor::city(city), Factor::province(city)])
    }

    /// The first so many: card; card and city; card, city and province. More than three are three.
    pub fn levels(&self, levels: u8) -> &[Factor] {
        &self.0[..usize::from(levels).min(LEVELS_MAX)]
    }
}

/// Where a key lies among the keys of its directory: P2 of EXTERNAL AUTHENTICATE.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u8);

impl KeyId {
    /// Whether it is a key of the current application rather than of the environment (bit 8).
    pub const fn is_local(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

/// What a key is for. The names are the specification's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRole {
    /// Master key of a directory (主控密钥).
    Mk,
    /// Internal authentication: the card is genuine (内部认证密钥).
    Irk,
    /// External authentication before PIN unblock and reset (PIN 解锁密钥).
    Puk,
    /// Secure messaging (安全报文密钥).
    Stk,
    /// Card block (卡锁定密钥).
    Bk,
    /// Application block and unblock (应用锁定密钥).
    Lk,
    /// Update, numbered within its directory (更新密钥).
    Uk(u8),
    /// Read, numbered within its directory (读取密钥).
    Rk(u8),
    /// Load of the medical account (圈存密钥).
    Dlk,
    /// Purchase from the medical account (消费密钥).
    Dpk,
    /// TAC of the medical account (TAC 密钥).
    Dtk,
}

/// A key of a card: its purpose and its directory. `Display` writes the specification's name, `UK1DF04`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// Directory that the key belongs to.
    pub application: Application,
    /// Purpose.
    pub role: KeyRole,
}

impl KeyName {
    /// A key by directory and purpose.
    pub const fn new(application: Application, role: KeyRole) -> Self {
        KeyName { application, role }
    }

    /// Internal authentication key of the card.
    pub const IRK: Self = Self::new(Application::Ssse, KeyRole::Irk);
    /// PIN unblock key of the card.
    pub const PUK: Self = Self::new(Application::Ssse, KeyRole::Puk);
    /// Secure messaging key of the environment.
    pub const STK: Self = Self::new(Application::Ssse, KeyRole::Stk);
    /// Card block key.
    pub const BK: Self = Self::new(Application::Ssse, KeyRole::Bk);
    /// Update key of the environment (UKMF).
    pub const UKSSSE: Self = Self::new(Application::Ssse, KeyRole::Uk(1));
    /// Update key of the local area EF0D.
    pub const UK_LOCAL: Self = Self::new(Application::Ssse, KeyRole::Uk(2));
    /// Read key of the environment, from 3.0: opens personal data.
    pub const RKSSSE: Self = Self::new(Application::Ssse, KeyRole::Rk(1));
    /// Load key of the medical account.
    pub const DLK: Self = Self::new(Application::Df04, KeyRole::Dlk);
    /// Purchase key of the medical account.
    pub const DPK: Self = Self::new(Application::Df04, KeyRole::Dpk);
    /// TAC key of the medical account.
    pub const DTK: Self = Self::new(Application::Df04, KeyRole::Dtk);
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.application.short_name();
        match (self.role, self.application) {
            (KeyRole::Mk, _) => write!(f, "MK{place}"),
            (KeyRole::Irk, _) => f.write_str("IRK"),
            (KeyRole::Puk, _) => f.write_str("PUK"),
            (KeyRole::Bk, _) => f.write_str("BK"),
            (KeyRole::Stk, _) => write!(f, "STK{place}"),
            (KeyRole::Lk, _) => write!(f, "LK{place}"),
            (KeyRole::Uk(1), Application::Ssse) => f.write_str("UKSSSE"),
            (KeyRole::Rk(1), Application::Ssse) => f.write_str("RKSSSE"),
            (KeyRole::Uk(number), _) => write!(f, "UK{number}{place}"),
            (KeyRole::Rk(number), _) => write!(f, "RK{number}{place}"),
            (KeyRole::Dlk, _) => f.write_str("DLK"),
            (KeyRole::Dpk, _) => f.write_str("DPK"),
            (KeyRole::Dtk, _) => f.write_str("DTK"),
        }
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key inside a PSAM: usage byte and identifier, P1 and P2 of DELIVERY KEY.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PsamKey {
    /// Levels of diversification and purpose.
    pub usage: Usage,
    /// Identifier.
    pub id: u8,
}

impl fmt::Debug for PsamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}/{:02X}", self.usage.0, self.id)
    }
}

/// Usage byte of a PSAM key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usage(pub u8);

/// Purpose of a PSAM key, the low five bits of its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// 00.
    Master,
    /// 01.
    Maintenance,
    /// 02.
    Purchase,
    /// 03.
    Unlock,
    /// 04.
    PinReload,
    /// 05.
    ApplicationMaintenance,
    /// 06.
    Mac,
    /// 07.
    Encipher,
    /// 08.
    MacAndEncipher,
    /// 09.
    Load,
    /// 0C.
    Tac,
    /// 0E.
    ExternalAuthentication,
    /// 0F.
    InternalAuthentication,
    /// A value that the public record does not name.
    Other(u8),
}

impl Usage {
    /// Levels of diversification that the PSAM demands, the high three bits halved: 48 is two.
    pub const fn levels(self) -> u8 {
        self.0 >> 5
    }

    /// Purpose.
    pub const fn purpose(self) -> Purpose {
        match self.0 & 0x1F {
            0x00 => Purpose::Master,
            0x01 => Purpose::Maintenance,
            0x02 => Purpose::Purchase,
            0x03 => Purpose::Unlock,
            0x04 => Purpose::PinReload,
            0x05 => Purpose::ApplicationMaintenance,
            0x06 => Purpose::Mac,
            0x07 => Purpose::Encipher,
            0x08 => Purpose::MacAndEncipher,
            0x09 => Purpose::Load,
            0x0C => Purpose::Tac,
            0x0E => Purpose::ExternalAuthentication,
            0x0F => Purpose::InternalAuthentication,
            other => Purpose::Other(other),
        }
    }
}
