//! Instructions, confirmations and parameters.

use crate::wire::wire_enum;

wire_enum! {
    /// Instructions. "Up" is from the module to the host, "down" the other way.
    pub enum Instruction {
        /// GenImg: takes an image if a finger lies there.
        GenerateImage = 0x01,
        /// Img2Tz: image to features in a buffer (1).
        ExtractFeatures = 0x02,
        /// Match: compares both buffers; answers a score (2).
        Match = 0x03,
        /// Search: buffer (1), start (2), count (2); answers page (2), score (2).
        Search = 0x04,
        /// RegModel: one template of both buffers.
        Combine = 0x05,
        /// Store: buffer (1), page (2).
        Store = 0x06,
        /// LoadChar: buffer (1), page (2).
        Load = 0x07,
        /// UpChar: buffer (1); data packets follow the answer.
        UploadTemplate = 0x08,
        /// DownChar: buffer (1); the host sends data packets after the answer.
        DownloadTemplate = 0x09,
        /// UpImage: data packets follow the answer.
        UploadImage = 0x0A,
        /// DownImage: the host sends data packets after the answer.
        DownloadImage = 0x0B,
        /// DeletChar: page (2), count (2).
        Delete = 0x0C,
        /// Empty: deletes all.
        Empty = 0x0D,
        /// SetSysPara: register (1), value (1); answers by the settings so far.
        SetParameter = 0x0E,
        /// ReadSysPara: answers 16 bytes, [`Parameters`].
        ReadParameters = 0x0F,
        /// SetPwd: password (4).
        SetPassword = 0x12,
        /// VfyPwd: password (4).
        VerifyPassword = 0x13,
        /// GetRandomCode: answers 4 bytes.
        Random = 0x14,
        /// SetAdder: address (4); the answer comes from the new one.
        SetAddress = 0x15,
        /// HiSpeedSearch: as Search; some modules lack it.
        FastSearch = 0x1B,
        /// TempleteNum: answers a count (2).
        Count = 0x1D,
        /// ReadConList: page (1); answers 32 bytes of bits, least significant first.
        ReadIndex = 0x1F,
        /// AuraLedConfig (R503): control, speed, colour, count.
        Aura = 0x35,
    }
}

/// How the module has taken an instruction.
///
/// Source: ZFM-20 manual §3.4; modules say more than it lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// 00: done.
    Done,
    /// 01: a packet did not come well.
    PacketBroken,
    /// 02: no finger.
    NoFinger,
    /// 03: no image could be taken.
    ImageFailed,
    /// 06: the image is too messy.
    TooMessy,
    /// 07: too few points.
    TooFewPoints,
    /// 08: not the same finger.
    NoMatch,
    /// 09: found no such finger.
    NotFound,
    /// 0A: the features do not go together.
    CombineFailed,
    /// 0B: no such page.
    PageOutOfRange,
    /// 0C: the kept template cannot be read.
    TemplateUnreadable,
    /// 0D: the template cannot be sent.
    UploadFailed,
    /// 0E: data packets cannot be taken.
    DownloadFailed,
    /// 0F: the image cannot be sent.
    ImageUploadFailed,
    /// 10: not deleted.
    DeleteFailed,
    /// 11: not emptied.
    EmptyFailed,
    /// 13: wrong password.
    WrongPassword,
    /// 15: no image is there.
    NoImage,
    /// 18: flash error.
    FlashFailed,
    /// 1A: no such register.
    BadRegister,
    /// 20: wrong address.
    WrongAddress,
    /// 21: the password must be verified first.
    PasswordDue,
    /// Any other.
    Other(u8),
}

impl Confirmation {
    /// What this byte means.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Done,
            0x01 => Self::PacketBroken,
            0x02 => Self::NoFinger,
            0x03 => Self::ImageFailed,
            0x06 => Self::TooMessy,
            0x07 => Self::TooFewPoints,
            0x08 => Self::NoMatch,
            0x09 => Self::NotFound,
            0x0A => Self::CombineFailed,
            0x0B => Self::PageOutOfRange,
            0x0C => Self::TemplateUnreadable,
            0x0D => Self::UploadFailed,
            0x0E => Self::DownloadFailed,
            0x0F => Self::ImageUploadFailed,
            0x10 => Self::DeleteFailed,
            0x11 => Self::EmptyFailed,
            0x13 => Self::WrongPassword,
            0x15 => Self::NoImage,
            0x18 => Self::FlashFailed,
            0x1A => Self::BadRegister,
            0x20 => Self::WrongAddress,
            0x21 => Self::PasswordDue,
            other => Self::Other(other),
        }
    }

    /// The byte on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Done => 0x00,
            Self::PacketBroken => 0x01,
            Self::NoFinger => 0x02,
            Self::ImageFailed => 0x03,
            Self::TooMessy => 0x06,
            Self::TooFewPoints => 0x07,
            Self::NoMatch => 0x08,
            Self::NotFound => 0x09,
            Self::CombineFailed => 0x0A,
            Self::PageOutOfRange => 0x0B,
            Self::TemplateUnreadable => 0x0C,
            Self::UploadFailed => 0x0D,
            Self::DownloadFailed => 0x0E,
            Self::ImageUploadFailed => 0x0F,
            Self::DeleteFailed => 0x10,
            Self::EmptyFailed => 0x11,
            Self::WrongPassword => 0x13,
            Self::NoImage => 0x15,
            Self::FlashFailed => 0x18,
            Self::BadRegister => 0x1A,
            Self::WrongAddress => 0x20,
            Self::PasswordDue => 0x21,
            Self::Other(other) => other,
        }
    }
}

/// Answer of ReadSysPara. Source: ZFM-20 manual §4.3 (its table counts in words of 16 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Bit 0 busy, bit 1 finger matched, bit 2 password verified, bit 3 an image is there.
    pub status: u16,
    /// 0000 by the manual, 0009 in the field.
    pub system: u16,
    /// Templates that can be kept.
    pub capacity: u16,
    /// 1 to 5: how strict a match is.
    pub security: u16,
    /// The module's address.
    pub address: [u8; 4],
    /// 0 to 3 for 32, 64, 128 and 256 bytes of content in a data packet.
    pub packet_size: u16,
    /// In 9600 bit/s.
    pub baud_factor: u16,
}

impl Parameters {
    /// Bytes of them.
    pub const BYTES: usize = 16;
    /// As they leave the factory.
    pub const FACTORY: Self = Self {
        status: 0,
        system: 0x0009,
        capacity: 1000,
        security: 3,
        address: super::ADDRESS,
        packet_size: 2,
        baud_factor: 6,
    };

    /// Reads them.
    pub const fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let [s0, s1, i0, i1, c0, c1, l0, l1, a0, a1, a2, a3, p0, p1, b0, b1] = *bytes;
        Self {
            status: u16::from_be_bytes([s0, s1]),
            system: u16::from_be_bytes([i0, i1]),
            capacity: u16::from_be_bytes([c0, c1]),
            security: u16::from_be_bytes([l0, l1]),
            address: [a0, a1, a2, a3],
            packet_size: u16::from_be_bytes([p0, p1]),
            baud_factor: u16::from_be_bytes([b0, b1]),
        }
    }

    /// Writes them.
    pub const fn to_bytes(&self) -> [u8; Self::BYTES] {
        let [s0, s1] = self.status.to_be_bytes();
        let [i0, i1] = self.system.to_be_bytes();
        let [c0, c1] = self.capacity.to_be_bytes();
        let [l0, l1] = self.security.to_be_bytes();
        let [a0, a1, a2, a3] = self.address;
        let [p0, p1] = self.packet_size.to_be_bytes();
        let [b0, b1] = self.baud_factor.to_be_bytes();
        [s0, s1, i0, i1, c0, c1, l0, l1, a0, a1, a2, a3, p0, p1, b0, b1]
    }

    /// Most bytes of content in a data packet; a size code that is none counts as the factory's.
    pub const fn packet_content_bytes(&self) -> usize {
        match self.packet_size {
            0 => 32,
            1 => 64,
            3 => 256,
            _ => 128,
        }
    }
}
