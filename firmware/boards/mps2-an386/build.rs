//! Tells the linker where the board's memory is; the host's build needs nothing of it.

use std::{env, error::Error, fs, path::PathBuf};

/// Memory for all that is not stack, and for the stack, in bytes. Together they are what the firmware may use,
/// so that too much of either does not link. A reader of five slots has five of everything.
fn ram_and_stack_bytes() -> (u32, u32) {
    let total = if env::var_os("CARGO_FEATURE_GEMCOREPOSPRO").is_some() { 12 * 1024 } else { 12 * 1024 };
    let stack = 6 * 1024;
    (total - stack, stack)
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    let (ram, stack) = ram_and_stack_bytes();
    // The stack is at the bottom and grows towards nothing: a stack that is too deep is a bus fault at once and
    // never a variable that changes by itself.
    let memory = format!(
        "MEMORY\n{{\n  FLASH : ORIGIN = 0x00000000, LENGTH = 64K\n  STACK : ORIGIN = 0x20000000, LENGTH = {stack}\n  \
         RAM : ORIGIN = 0x20000000 + {stack}, LENGTH = {ram}\n}}\n\
         _stack_end = ORIGIN(STACK);\n_stack_start = ORIGIN(STACK) + LENGTH(STACK);\n"
    );
    fs::write(folder.join("memory.x"), memory)?;
    // Every interrupt is named in our own table.
    fs::write(folder.join("device.x"), "")?;
    println!("cargo:rustc-link-search={}", folder.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=--nmagic");
    Ok(())
}
