//! The firmware for the emulated board, built when it is first asked for.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use sim::pcscd::Model;

/// A folder with firmware that is built already and taken as it is.
pub const FOLDER_VARIABLE: &str = "JINBAO_FIRMWARE";

/// Path of the ELF file that makes the emulated board this reader.
///
/// Built by `cargo xtask firmware` once in a process, unless [`FOLDER_VARIABLE`] names a folder; processes that
/// want it at the same time wait for each other.
///
/// # Panics
/// When it cannot be built; the message says what to install.
pub fn elf(model: Model) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = match env::var_os(FOLDER_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => BUILT.get_or_init(|| build("mps2-an386")).clone(),
    };
    let elf = folder.join(format!("mps2-an386-{}.elf", model.driver_name().to_lowercase()));
    assert!(elf.exists(), "{} is not there: run `cargo xtask firmware`", elf.display());
    elf
}

/// Builds the firmware of a board by `cargo xtask firmware`; the folder where it is then.
///
/// # Panics
/// When it cannot be built; the message says what to install.
pub fn build(board: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("firmware");
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let lock = File::create(folder.join("lock")).expect("a lock can be made");
    lock.lock().expect("a lock can be waited for");
    let output = command().args(["--board", board]).output().expect("cargo can be run");
    assert!(
        output.status.success(),
        "cargo xtask firmware: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    folder
}

/// `cargo xtask firmware`, to which arguments may be added.
///
/// # Panics
/// When there is no repository around.
pub fn command() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository");
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "xtask", "--", "firmware"]).current_dir(root);
    command
}
