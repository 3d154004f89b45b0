//! The one table of the card's files.
//!
//! The terminal reads by it, the simulated card is laid out by it, `docs/card-files.md` is written from
//! it. It follows the 2.0 structure (人社信息函〔2012〕37号) as far as that is public; what is a choice of
//! ours is marked [`Origin::OurChoice`]. A test area for secure messaging (EF0C) occurs on some cards;
//! its layout is not public and it is not here.

mod document;
mod employment;
mod environment;
mod identifier;
mod medical;
mod public_information;
mod social_insurance;
mod talent;

pub use self::{
    document::write_document,
    identifier::{ApplicationName, FileId, ShortFileId},
};
pub use crate::key::Origin;
use crate::{generation::Generation, key::KeyName};

/// Bytes of the photo file that we give a card; the public record has no length.
pub const PHOTO_BYTES: u16 = 3072;
/// Bytes of the fingerprint file that we give a card; the public record has no length.
pub const FINGERPRINT_BYTES: u16 = 3072;
/// Largest transparent file that fits an offset of READ BINARY.
pub const TRANSPARENT_BYTES_MAX: u16 = 0x7FFF;

/// An application of the social security card: the environment or one of its seven areas.
///
/// The numbers of file identifier and name do not run alike: DF07 has the name that ends in 04.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Application {
    /// Social security system environment (社会保障系统环境).
    Ssse,
    /// Public application area (公共应用信息区).
    Df01,
    /// Employment and unemployment (就业与失业信息区).
    Df02,
    /// Social insurance 1: unemployment, pension, injury, maternity (社会保险信息区1).
    Df03,
    /// Social insurance 2: medical insurance and its account (社会保险信息区2).
    Df04,
    /// Life and health (生命与健康信息区).
    Df05,
    /// Relief and special care (救助与优抚信息区).
    Df06,
    /// Personnel and talent (人事人才信息区).
    Df07,
}

impl Application {
    /// All, environment first.
    pub const ALL: [Application; 8] = [
        Application::Ssse,
        Application::Df01,
        Application::Df02,
        Application::Df03,
        Application::Df04,
        Application::Df05,
        Application::Df06,
        Application::Df07,
    ];

    /// File identifier.
    pub const fn file_id(self) -> FileId {
        FileId(match self {
            Application::Ssse => 0xDDF1,
            Application::Df01 => 0xDF01,
            Application::Df02 => 0xDF02,
            Application::Df03 => 0xDF03,
            Application::Df04 => 0xDF04,
            Application::Df05 => 0xDF05,
            Application::Df06 => 0xDF06,
            Application::Df07 => 0xDF07,
        })
    }

    /// Name to select it by.
    pub const fn name(self) -> ApplicationName {
        let last = match self {
            Application::Ssse => return ApplicationName::SSSE,
            Application::Df01 => 0x00,
            Application::Df02 => 0x01,
            Application::Df03 => 0x02,
            Application::Df04 => 0x03,
            Application::Df07 => 0x04,
            Application::Df05 => 0x05,
            Application::Df06 => 0x06,
        };
        ApplicationName::from_static(&[0xD1, 0x56, 0x00, 0x00, 0x05, last])
    }

    /// Short name, as file addresses and key names use it: `SSSE`, `DF04`.
    pub const fn short_name(self) -> &'static str {
        match self {
            Application::Ssse => "SSSE",
            Application::Df01 => "DF01",
            Application::Df02 => "DF02",
            Application::Df03 => "DF03",
            Application::Df04 => "DF04",
            Application::Df05 => "DF05",
            Application::Df06 => "DF06",
            Application::Df07 => "DF07",
        }
    }

    /// The application with this name.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|application| application.name().as_bytes() == name)
    }

    /// The application with this file identifier.
    pub fn by_file_id(id: FileId) -> Option<Self> {
        Self::ALL.into_iter().find(|application| application.file_id() == id)
    }

    /// Its row of the table.
    pub fn directory(self) -> &'static Directory {
        match self {
            Application::Ssse => &environment::DIRECTORY,
            Application::Df01 => &public_information::DIRECTORY,
            Application::Df02 => &employment::DIRECTORY,
            Application::Df03 => &social_insurance::DIRECTORY,
            Application::Df04 => &medical::DIRECTORY,
            Application::Df05 => &talent::HEALTH,
            Application::Df06 => &talent::RELIEF,
            Application::Df07 => &talent::DIRECTORY,
        }
    }
}

/// Every directory of the table, environment first.
pub fn directories() -> impl Iterator<Item = &'static Directory> {
    Application::ALL.into_iter().map(Application::directory)
}

/// A directory (DDF or ADF) with its files.
#[derive(Debug)]
pub struct Directory {
    /// Which.
    pub application: Application,
    /// Chinese name; also its label in the directory file.
    pub chinese: &'static str,
    /// English name.
    pub english: &'static str,
    /// First generation that has it.
    pub from: Generation,
    /// Its elementary files, by identifier.
    pub files: &'static [File],
}

impl Directory {
    /// The file with this identifier.
    pub fn file(&self, id: FileId) -> Option<&'static File> {
        self.files.iter().find(|file| file.id == id)
    }

    /// The file with this short identifier.
    pub fn file_by_short_id(&self, sfi: ShortFileId) -> Option<&'static File> {
        self.files.iter().find(|file| file.short_id() == Some(sfi))
    }
}

/// An elementary file.
#[derive(Debug)]
pub struct File {
    /// Directory that it lies in.
    pub application: Application,
    /// File identifier, unique within the directory only.
    pub id: FileId,
    /// Chinese name.
    pub chinese: &'static str,
    /// English name.
    pub english: &'static str,
    /// How it is built and which commands read it.
    pub structure: Structure,
    /// What its records, or the fields of each of its records, are.
    pub items: &'static [Item],
    /// Who may read.
    pub read: Rule,
    /// Who may write.
    pub write: Rule,
    /// First generation that has it.
    pub from: Generation,
    /// Whether cards of that generation may lack it.
    pub optional: bool,
    /// Where the row comes from.
    pub origin: Origin,
}

impl File {
    /// Short identifier, the low five bits of the identifier; a file that no command reads has none.
    pub fn short_id(&self) -> Option<ShortFileId> {
        match self.structure {
            Structure::Internal { .. } => None,
            _ => ShortFileId::new((self.id.0 & 0x1F) as u8),
        }
    }

    /// The items that cards of a generation have, in the order of their records.
    pub fn items_of(&self, generation: Generation) -> impl Iterator<Item = &'static Item> {
        self.items.iter().filter(move |item| item.is_in(generation))
    }

    /// The item with this tag on cards of a generation.
    pub fn item(&self, generation: Generation, tag: u8) -> Option<&'static Item> {
        self.items_of(generation).find(|item| item.tag == Some(tag))
    }

    /// Number of the record with this tag, from 1.
    ///
    /// It depends on the generation: a reader that goes by tags is safe, one that goes by numbers must
    /// look at the version first.
    pub fn record_number(&self, generation: Generation, tag: u8) -> Option<u8> {
        let index = self.items_of(generation).position(|item| item.tag == Some(tag))?;
        u8::try_from(index + 1).ok()
    }
}

/// How an elementary file is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Records of one byte of tag, one of length, and the value; read by tag or number (定长/变长线性 TLV).
    LinearTlv,
    /// Records of one length, without tags, read by number.
    LinearFixed {
        /// Bytes of a record.
        record_bytes: u8,
        /// Records.
        records: u8,
    },
    /// Bytes, read by offset (透明).
    Transparent {
        /// Bytes of the file.
        bytes: u16,
    },
    /// Records of one length, the newest first (循环).
    Cyclic {
        /// Bytes of a record.
        record_bytes: u8,
        /// Records kept.
        records: u8,
    },
    /// Read and changed by transaction commands only (内部).
    Internal {
        /// Bytes of the file.
        bytes: u8,
    },
}

/// One record of a linear file, or one field of the records of another.
#[derive(Debug)]
pub struct Item {
    /// Tag of the record; `None` for a field without one.
    pub tag: Option<u8>,
    /// Bytes of the value.
    pub bytes: u8,
    /// How the value is written.
    pub encoding: Encoding,
    /// Chinese name; [`UNNAMED_CHINESE`] where the public record has none.
    pub chinese: &'static str,
    /// English name; [`UNNAMED_ENGLISH`] where the public record has none.
    pub english: &'static str,
    /// First generation that has it.
    pub from: Generation,
    /// Last generation that has it.
    pub until: Generation,
}

/// Chinese name of an item whose meaning is not public.
pub const UNNAMED_CHINESE: &str = "公开资料未载";
/// English name of an item whose meaning is not public.
pub const UNNAMED_ENGLISH: &str = "not named in public";

impl Item {
    /// Whether cards of a generation have it.
    pub fn is_in(&self, generation: Generation) -> bool {
        self.from <= generation && generation <= self.until
    }

    const fn new(
        tag: Option<u8>,
        bytes: u8,
        encoding: Encoding,
        chinese: &'static str,
        english: &'static str,
    ) -> Self {
        Item { tag, bytes, encoding, chinese, english, from: Generation::One, until: Generation::Three }
    }

    const fn an(tag: u8, bytes: u8, chinese: &'static str, english: &'static str) -> Self {
        Self::new(Some(tag), bytes, Encoding::An, chinese, english)
    }

    const fn cn(tag: u8, bytes: u8, chinese: &'static str, english: &'static str) -> Self {
        Self::new(Some(tag), bytes, Encoding::Cn, chinese, english)
    }

    const fn unnamed_an(tag: u8, bytes: u8) -> Self {
        Self::an(tag, bytes, UNNAMED_CHINESE, UNNAMED_ENGLISH)
    }

    const fn unnamed_cn(tag: u8, bytes: u8) -> Self {
        Self::cn(tag, bytes, UNNAMED_CHINESE, UNNAMED_ENGLISH)
    }

    const fn field(bytes: u8, encoding: Encoding, chinese: &'static str, english: &'static str) -> Self {
        Self::new(None, bytes, encoding, chinese, english)
    }

    const fn unnamed_field(bytes: u8, encoding: Encoding) -> Self {
        Self::field(bytes, encoding, UNNAMED_CHINESE, UNNAMED_ENGLISH)
    }

    const fn group(tag: u8, bytes: u8, parts: &'static [Item]) -> Self {
        Self::new(Some(tag), bytes, Encoding::Group(parts), UNNAMED_CHINESE, UNNAMED_ENGLISH)
    }

    const fn since(mut self, generation: Generation) -> Self {
        self.from = generation;
        self
    }

    const fn only_in(mut self, generation: Generation) -> Self {
        self.from = generation;
        self.until = generation;
        self
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// Text, GBK, left-aligned, filled up with 00.
    An,
    /// BCD, left-aligned, filled up with F.
    Cn,
    /// Bytes or a big-endian number.
    Binary,
    /// Data objects again, each with tag and length (B-TLV).
    Group(&'static [Item]),
}

/// Who may do something, by generation of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule([Access; 3]);

impl Rule {
    /// The rule on cards of a generation.
    pub const fn of(&self, generation: Generation) -> Access {
        self.0[generation as usize]
    }

    const fn always(access: Access) -> Self {
        Rule([access, access, access])
    }

    const fn from_two(before: Access, access: Access) -> Self {
        Rule([before, access, access])
    }

    const fn from_three(before: Access, access: Access) -> Self {
        Rule([before, before, access])
    }
}

/// What must have succeeded since the application was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Free,
    /// Nobody may.
    Never,
    /// The card itself, within a transaction command.
    Transaction,
    /// VERIFY.
    Pin,
    /// EXTERNAL AUTHENTICATE with this key.
    Key(KeyName),
    /// EXTERNAL AUTHENTICATE with either key.
    EitherKey(KeyName, KeyName),
    /// VERIFY and EXTERNAL AUTHENTICATE with this key.
    PinAndKey(KeyName),
    /// VERIFY or EXTERNAL AUTHENTICATE with this key.
    PinOrKey(KeyName),
}

impl Access {
    /// Whether it is fulfilled by what has succeeded.
    ///
    /// `has_key` tells whether EXTERNAL AUTHENTICATE with that key has.
    pub fn is_granted(self, pin_verified: bool, has_key: impl Fn(KeyName) -> bool) -> bool {
        match self {
            Access::Free => true,
            Access::Never | Access::Transaction => false,
            Access::Pin => pin_verified,
            Access::Key(key) => has_key(key),
            Access::EitherKey(one, other) => has_key(one) || has_key(other),
            Access::PinAndKey(key) => pin_verified && has_key(key),
            Access::PinOrKey(key) => pin_verified || has_key(key),
        }
    }

    /// The first key that it asks for.
    pub const fn key(self) -> Option<KeyName> {
        match self {
            Access::Key(key) | Access::EitherKey(key, _) | Access::PinAndKey(key) | Access::PinOrKey(key) => {
                Some(key)
            }
            Access::Free | Access::Never | Access::Transaction | Access::Pin => None,
        }
    }

    /// Whether VERIFY must have succeeded in any case.
    pub const fn needs_pin(self) -> bool {
        matches!(self, Access::Pin | Access::PinAndKey(_))
    }
}
