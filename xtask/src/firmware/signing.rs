//! Keys and signatures of firmware images.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use object::{
    Endianness, elf,
    read::elf::{ElfFile32, FileHeader as _, ProgramHeader as _},
};
use reader_protocol::image::{
    Board, HEADER_BYTES, Header, KeyId, PROGRAM_BYTES_MAX, SIGNATURE_BYTES, SignedHeader, Version,
};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

/// Longest file that is read as an image, an ELF file or a key.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a PKCS#8 file of an Ed25519 key begins with, before the 32 bytes of the key. Source: RFC 8410 §7.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// What is done with images and keys.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// 生成签名密钥 · Makes a key that signs firmware, and shows its public half
    Key {
        /// New file, readable by its owner only; an old one is never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// 给固件签名 · Signs a program for a board
    Sign(Sign),
    /// 验证固件签名 · Checks an image as the board's boot stage would
    Verify {
        /// The image
        image: PathBuf,
        /// Key file whose public half is meant; without, the development key of this checkout
        #[arg(long, value_name = "FILE", conflicts_with = "public")]
        key: Option<PathBuf>,
        /// Public key, 64 hexadecimal digits
        #[arg(long, value_name = "HEX")]
        public: Option<String>,
        /// Lowest rollback counter that is permitted
        #[arg(long, default_value_t = 0)]
        floor: u32,
    },
}

/// What is signed, and how.
#[derive(Args)]
pub(crate) struct Sign {
    /// The program: an ELF file that is linked for the board's application region
    program: PathBuf,
    /// The image
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Key file; without, the development key of this checkout, which no board in the field takes
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Version of the program, for people
    #[arg(long, value_parser = version)]
    image_version: Version,
    /// Counter of the image: a board that has run an image never runs one with a lower counter
    #[arg(long)]
    rollback: u32,
    /// Board that the image is for
    #[arg(long, value_parser = board, default_value = "stm32f405")]
    board: Board,
}

/// Does it; an error is for the person at the keyboard.
pub(crate) fn run(action: &Action, folder: &Path) -> Result<(), String> {
    match action {
        Action::Key { out } => {
            let key = Key::make(out)?;
            println!("{}: {key}", out.display());
            println!(
                "本文件须离线保管 · Keep this file off line: whoever has it makes firmware for your boards."
            );
            Ok(())
        }
        Action::Sign(sign) => sign.run(folder),
        Action::Verify { image, key, public, floor } => {
            let public = match (key, public) {
                (_, Some(text)) => public_key(text)?,
                (Some(file), None) => Key::load(file)?.public(),
                (None, None) => Key::development(folder)?.public(),
            };
            let header = verify(&read(image)?, &public, *floor)
                .map_err(|reason| format!("{}: {reason}", image.display()))?;
            println!("{}: {}", image.display(), shown(&header));
            Ok(())
        }
    }
}

impl Sign {
    fn run(&self, folder: &Path) -> Result<(), String> {
        let key = Key::of(self.key.as_deref(), folder)?;
        if self.key.is_none() {
            println!("开发密钥 · signed with the development key of this checkout: not for the field");
        }
        let program = program(&read(&self.program)?)
            .map_err(|reason| format!("{}: {reason}", self.program.display()))?;
        let image = key.sign(&program, self.board, self.image_version, self.rollback)?;
        let header = verify(&image, &key.public(), self.rollback)?;
        fs::write(&self.out, image).map_err(|error| format!("{}: {error}", self.out.display()))?;
        println!("{}: {}", self.out.display(), shown(&header));
        Ok(())
    }
}

/// A key that signs firmware.
pub(crate) struct Key(Ed25519KeyPair);

impl std::fmt::Display for Key {
    /// The public half.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key {}, public {}", key_id(&self.public()), self.public_hex())
    }
}

impl Key {
    /// The key in `file`, else the development key of this checkout.
    pub(crate) fn of(file: Option<&Path>, folder: &Path) -> Result<Self, String> {
        match file {
            Some(file) => Self::load(file),
            None => Self::development(folder),
        }
    }

    /// The key of this checkout, made when it is wanted first. It lies where builds lie and is never committed.
    pub(crate) fn development(folder: &Path) -> Result<Self, String> {
        let file = folder.join("development-key.pem");
        if !file.exists() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            // Somebody beside us may make it first.
            if let Ok(key) = Self::make(&file) {
                return Ok(key);
            }
        }
        Self::load(&file)
    }

    /// A new key in a new file.
    fn make(file: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", file.display());
        let mut der = PKCS8_HEAD.to_vec();
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| "the system gives no random bytes".to_owned())?;
        der.extend(seed);
        let text = format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(&der));
        // Complete or not there: linked into place, which also refuses to replace one.
        let new = file.with_extension(format!("{}.new", std::process::id()));
        let mut written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
        let result = written
            .write_all(text.as_bytes())
            .and_then(|()| written.sync_all())
            .and_then(|()| fs::hard_link(&new, file));
        let _ = fs::remove_file(&new);
        result.map_err(failed)?;
        Self::load(file)
    }

    /// The key in a PEM file as `openssl genpkey -algorithm ed25519` writes it, too.
    fn load(file: &Path) -> Result<Self, String> {
        let failed = |reason: &str| format!("{}: {reason}", file.display());
        let text = String::from_utf8(read(file)?).map_err(|_| failed("no PEM file"))?;
        let body = text
            .split_once(PEM_BEGIN)
            .and_then(|(_, rest)| rest.split_once(PEM_END))
            .map(|(body, _)| body)
            .ok_or_else(|| failed("no PEM file with a private key"))?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| failed("no PEM file with a private key"))?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map(Self)
            .map_err(|error| failed(&format!("no Ed25519 key: {error}")))
    }

    /// Its public half.
    pub(crate) fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        public
    }

    /// Its public half in hexadecimal digits, as the compiler is given it.
    pub(crate) fn public_hex(&self) -> String {
        hex::encode(self.public())
    }

    fn sign(
        &self,
        program: &Program,
        board: Board,
        version: Version,
        rollback: u32,
    ) -> Result<Vec<u8>, String> {
        let mut header = Header {
            board,
            version,
            rollback,
            program_bytes: program.bytes.len() as u32,
            address: program.address,
            program_sha256: [0; 32],
            key: key_id(&self.public()),
        };
        header.program_sha256.copy_from_slice(digest(&SHA256, &program.bytes).as_ref());
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(self.0.sign(&header.signed_bytes()).as_ref());
        let mut image = SignedHeader { header, signature }.to_bytes().to_vec();
        image.extend(&program.bytes);
        Ok(image)
    }
}

/// A program as it lies in flash.
struct Program {
    address: u32,
    bytes: Vec<u8>,
}

/// What of an ELF file lies in flash, without a gap.
fn program(file: &[u8]) -> Result<Program, String> {
    let file = ElfFile32::<Endianness>::parse(file).map_err(|error| error.to_string())?;
    let endian = file.endian();
    let header = file.elf_header();
    if header.e_machine(endian) != elf::EM_ARM {
        return Err("no program for an Arm processor".to_owned());
    }
    let mut parts = Vec::new();
    for segment in file.elf_program_headers() {
        let bytes = segment.data(endian, file.data()).map_err(|()| "a segment is cut off".to_owned())?;
        if segment.p_type(endian) == elf::PT_LOAD && !bytes.is_empty() {
            parts.push((segment.p_paddr(endian), bytes));
        }
    }
    parts.sort_by_key(|(address, _)| *address);
    let address = parts.first().ok_or("nothing in it is to be loaded")?.0;
    let mut program = Vec::new();
    for (at, bytes) in parts {
        let offset = (at - address) as usize;
        if offset < program.len() {
            return Err(format!("two segments lie at {at:#010X}"));
        }
        if offset + bytes.len() > PROGRAM_BYTES_MAX as usize {
            return Err(format!("more than {PROGRAM_BYTES_MAX} bytes"));
        }
        program.resize(offset, 0xFF);
        program.extend(bytes);
    }
    program.resize(program.len().next_multiple_of(4), 0xFF);
    Ok(Program { address, bytes: program })
}

/// Checks an image; what is wrong, in words.
fn verify(image: &[u8], public: &[u8; 32], floor: u32) -> Result<Header, String> {
    let SignedHeader { header, signature } =
        SignedHeader::parse(image).map_err(|error| format!("header: {error}"))?;
    if header.key != key_id(public) {
        return Err(format!("signed with key {}, not with {}", header.key, key_id(public)));
    }
    UnparsedPublicKey::new(&ED25519, public)
        .verify(&header.signed_bytes(), &signature)
        .map_err(|_| "the signature is wrong".to_owned())?;
    if header.rollback < floor {
        return Err(format!("its rollback counter is {}, lowest permitted is {floor}", header.rollback));
    }
    let program = image.get(HEADER_BYTES..).unwrap_or_default();
    if program.len() != header.program_bytes as usize {
        return Err(format!(
            "its program has {} bytes, its header says {}",
            program.len(),
            header.program_bytes
        ));
    }
    if digest(&SHA256, program).as_ref() != header.program_sha256 {
        return Err("its program is not the one that was signed".to_owned());
    }
    Ok(header)
}

fn shown(header: &Header) -> String {
    format!(
        "{} {}, rollback counter {}, {} bytes for {:#010X}, key {}",
        header.board, header.version, header.rollback, header.program_bytes, header.address, header.key
    )
}

fn key_id(public: &[u8; 32]) -> KeyId {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, public).as_ref());
    KeyId::of_digest(&sha256)
}

fn version(text: &str) -> Result<Version, String> {
    let numbers: Vec<u16> = text
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| "a version is three numbers with dots between them".to_owned())?;
    match numbers[..] {
        [major, minor, patch] => Ok(Version { major, minor, patch }),
        _ => Err("a version is three numbers with dots between them".to_owned()),
    }
}

fn board(text: &str) -> Result<Board, String> {
    // The emulated board is not updated, so no image is made for it.
    if text == "stm32f405" { Ok(Board::STM32F405) } else { Err("images are made for: stm32f405".to_owned()) }
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    let mut public = [0; 32];
    hex::decode_to_slice(text, &mut public)
        .map_err(|error| format!("a public key is 64 hexadecimal digits: {error}"))?;
    Ok(public)
}

/// A public key as the compiler is given it.
pub(crate) fn public_hex(text: &str) -> Result<String, String> {
    public_key(text).map(hex::encode)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(format!("{}: longer than {FILE_BYTES_MAX} bytes", path.display()));
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::process::Command;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("jinbao-signing-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn image(key: &Key) -> Vec<u8> {
        let program = Program { address: 0x0802_0200, bytes: (0..1000).map(|at| at as u8).collect() };
        key.sign(&program, Board::STM32F405, Version { major: 1, minor: 2, patch: 3 }, 5).unwrap()
    }

    #[test]
    fn a_signed_image_is_verified_and_each_damage_found() {
        let folder = folder("damage");
        let key = Key::make(&folder.join("key.pem")).unwrap();
        let other = Key::make(&folder.join("other.pem")).unwrap();
        let image = image(&key);
        let header = verify(&image, &key.public(), 5).unwrap();
        assert_eq!((header.rollback, header.program_bytes), (5, 1000));
        assert!(verify(&image, &key.public(), 6).unwrap_err().contains("rollback"));
        assert!(verify(&image, &other.public(), 0).unwrap_err().contains("signed with key"));
        assert!(verify(&image[..image.len() - 1], &key.public(), 0).is_err());
        for bit in (0..image.len() * 8).step_by(5) {
            let mut flipped = image.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&flipped, &key.public(), 0).is_err(), "bit {bit}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    /// OpenSSL reads our key file, and its signature of the same bytes is ours: Ed25519 leaves no choice.
    #[test]
    fn openssl_signs_the_same() {
        let folder = folder("openssl");
        let (file, message, signature) = (folder.join("key.pem"), folder.join("m"), folder.join("s"));
        let key = Key::make(&file).unwrap();
        let image = image(&key);
        fs::write(&message, &image[..128]).unwrap();
        let done = Command::new("openssl")
            .args(["pkeyutl", "-sign", "-rawin", "-inkey"])
            .arg(&file)
            .arg("-in")
            .arg(&message)
            .arg("-out")
            .arg(&signature)
            .status()
            .unwrap();
        assert!(done.success());
        assert_eq!(fs::read(&signature).unwrap(), image[128..192]);

        let foreign = folder.join("foreign.pem");
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "ed25519", "-out"])
            .arg(&foreign)
            .status()
            .unwrap();
        assert!(made.success());
        Key::load(&foreign).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_is_never_overwritten_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder("keys");
        let file = folder.join("key.pem");
        let public = Key::make(&file).unwrap().public();
        assert!(Key::make(&file).is_err());
        assert_eq!(Key::load(&file).unwrap().public(), public);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        let development = Key::development(&folder).unwrap().public();
        assert_eq!(Key::development(&folder).unwrap().public(), development);
        assert_eq!(public_key(&hex::encode(public)), Ok(public));
        assert!(public_key(&"é".repeat(32)).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
