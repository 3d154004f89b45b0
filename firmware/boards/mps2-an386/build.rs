//! Tells the linker where the board's memory is; the host's build needs nothing of it.

use std::{env, error::Error, fs, path::PathBuf};

/// All that the firmware may use of the board's memory, which has far more.
const RAM_BYTES: u32 = 8 * 1024;
/// What of it is for the stack, by far the most for the signature that clears the tamper latch. The rest is for
/// variables; more of these does not link.
const STACK_BYTES: u32 = 3 * 1024 + 768;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    let (stack, variables) = (STACK_BYTES, RAM_BYTES - STACK_BYTES);
    // The stack is at the bottom and grows towards nothing: a stack that is too deep is a bus fault at once and
    // never a variable that changes by itself.
    let memory = format!(
        "MEMORY\n{{\n  FLASH : ORIGIN = 0x00000000, LENGTH = 64K\n  STACK : ORIGIN = 0x20000000, LENGTH = {stack}\n  \
         RAM : ORIGIN = 0x20000000 + {stack}, LENGTH = {variables}\n}}\n\
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
