//! Boot stage and trial application, built and signed by the developer commands.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use object::{Object as _, ObjectSegment as _, ObjectSymbol as _, read::elf::ElfFile32};
use reader_protocol::image::SignedHeader;
use stm32f405::layout;

/// The boot stage as it is flashed.
pub(crate) struct Boot {
    pub(crate) program: Vec<u8>,
    /// Where it asks the flash controller to write words.
    pub(crate) program_words: u32,
    /// Where it asks for a sector to be erased.
    pub(crate) erase_sector: u32,
}

/// The boot stage of this checkout.
pub(crate) fn boot() -> &'static Boot {
    static BOOT: OnceLock<Boot> = OnceLock::new();
    BOOT.get_or_init(|| {
        let file = fs::read(folder().join("boot-stm32f405.elf")).unwrap();
        let elf = ElfFile32::<object::Endianness>::parse(&*file).unwrap();
        let mut program = Vec::new();
        for segment in elf.segments() {
            let bytes = segment.data().unwrap();
            if !bytes.is_empty() {
                let at = (segment.address() - u64::from(layout::BOOT.address)) as usize;
                program.resize(program.len().max(at + bytes.len()), 0xFF);
                program[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
        // The lowest bit only says that it is Thumb code.
        let symbol = |name| elf.symbol_by_name(name).expect(name).address() as u32 & !1;
        Boot {
            program,
            program_words: symbol("jinbao_flash_program"),
            erase_sector: symbol("jinbao_flash_erase"),
        }
    })
}

/// A trial application of this version and rollback counter, signed with the development key or another one.
pub(crate) fn trial(version: &str, rollback: u32, key: Option<&Path>) -> Vec<u8> {
    let temporary = tempfile::tempdir().unwrap();
    let image = temporary.path().join("trial.img");
    let mut command = xtask();
    command
        .args(["sign", "--image-version", version, "--rollback", &rollback.to_string(), "--out"])
        .arg(&image);
    command.arg("--key").arg(key.map_or_else(|| folder().join("development-key.pem"), Path::to_path_buf));
    run(command.arg(folder().join("boot-trial.elf")));
    fs::read(image).unwrap()
}

/// A key that no board knows.
pub(crate) fn foreign_key(folder: &Path) -> PathBuf {
    let file = folder.join("foreign.pem");
    run(xtask().args(["key", "--out"]).arg(&file));
    file
}

/// SHA-256 of an image's program, by its header.
pub(crate) fn program_sha256(image: &[u8]) -> [u8; 32] {
    SignedHeader::parse(image).unwrap().header.program_sha256
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match env::var_os(tests::firmware::FOLDER_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => tests::firmware::build("boot"),
    })
}

fn xtask() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--package", "xtask", "--", "firmware"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
