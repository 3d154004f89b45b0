//! Boot stage and trial application, built and signed by the developer commands.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use object::{
    Object as _, ObjectSymbol as _,
    read::elf::{ElfFile32, ProgramHeader as _},
};
use reader_protocol::image::{HEADER_BYTES, SignedHeader};
use stm32f405::layout;

/// A program, and where it asks for what the emulator does not have.
pub(crate) struct Program {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stops: Vec<(u32, Wish)>,
}

/// What the emulator does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Words are to be written to flash.
    Write,
    /// A sector of flash is to be erased.
    Erase,
    /// The battery-backed registers are to be read.
    ReadVault,
    /// They are to be written.
    WriteVault,
    /// The chip's own number is to be read.
    ReadSerial,
}

const WISHES: [(&str, Wish); 5] = [
    ("jinbao_flash_program", Wish::Write),
    ("jinbao_flash_erase", Wish::Erase),
    ("jinbao_vault_read", Wish::ReadVault),
    ("jinbao_vault_write", Wish::WriteVault),
    ("jinbao_serial_read", Wish::ReadSerial),
];

/// The boot stage of this checkout.
pub(crate) fn boot() -> &'static Program {
    static BOOT: OnceLock<Program> = OnceLock::new();
    BOOT.get_or_init(|| program(&folder().join("boot-stm32f405.elf"), layout::BOOT.address, 2))
}

/// The reader itself, as a SEC1210.
pub(crate) fn reader() -> &'static Program {
    static READER: OnceLock<Program> = OnceLock::new();
    READER.get_or_init(|| program(&reader_elf(), layout::APPLICATION.address + HEADER_BYTES as u32, 5))
}

fn program(elf: &Path, address: u32, wishes: usize) -> Program {
    let file = fs::read(elf).unwrap();
    let elf = ElfFile32::<object::Endianness>::parse(&*file).unwrap();
    let mut bytes = Vec::new();
    let endian = elf.endian();
    for segment in elf.elf_program_headers() {
        let data = segment.data(endian, elf.data()).unwrap();
        if segment.p_type(endian) == object::elf::PT_LOAD && !data.is_empty() {
            let at = (segment.p_paddr(endian) - address) as usize;
            bytes.resize(bytes.len().max(at + data.len()), 0xFF);
            bytes[at..at + data.len()].copy_from_slice(data);
        }
    }
    // The lowest bit only says that it is Thumb code.
    let stops: Vec<_> = WISHES
        .iter()
        .filter_map(|(name, wish)| Some((elf.symbol_by_name(name)?.address() as u32 & !1, *wish)))
        .collect();
    assert_eq!(stops.len(), wishes);
    Program { bytes, stops }
}

/// A trial application of this version and rollback counter, signed with the development key or another one.
pub(crate) fn trial(version: &str, rollback: u32, key: Option<&Path>) -> Vec<u8> {
    sign(&folder().join("boot-trial.elf"), version, rollback, key)
}

/// The reader, signed with the development key.
pub(crate) fn signed_reader(version: &str, rollback: u32) -> Vec<u8> {
    sign(&reader_elf(), version, rollback, None)
}

fn sign(elf: &Path, version: &str, rollback: u32, key: Option<&Path>) -> Vec<u8> {
    let temporary = tempfile::tempdir().unwrap();
    let image = temporary.path().join("image");
    let mut command = tests::firmware::command();
    command
        .args(["sign", "--image-version", version, "--rollback", &rollback.to_string(), "--out"])
        .arg(&image);
    command.arg("--key").arg(key.map_or_else(|| folder().join("development-key.pem"), Path::to_path_buf));
    run(command.arg(elf));
    fs::read(image).unwrap()
}

/// A key that no board knows.
pub(crate) fn foreign_key(folder: &Path) -> PathBuf {
    let file = folder.join("foreign.pem");
    run(tests::firmware::command().args(["key", "--out"]).arg(&file));
    file
}

/// SHA-256 of an image's program, by its header.
pub(crate) fn program_sha256(image: &[u8]) -> [u8; 32] {
    SignedHeader::parse(image).unwrap().header.program_sha256
}

fn reader_elf() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    if env::var_os(tests::firmware::FOLDER_VARIABLE).is_none() {
        BUILT.get_or_init(|| {
            tests::firmware::build("stm32f405");
        });
    }
    folder().join("reader-stm32f405-sec1210.elf")
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match env::var_os(tests::firmware::FOLDER_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => tests::firmware::build("boot"),
    })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
