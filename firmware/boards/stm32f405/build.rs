//! Tells the linker where the board's memory is; the host's build needs nothing of it.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    // As `stm32f405::layout` has it. The stack is at the bottom and grows towards nothing: a stack that is too deep is
    // a fault at once and never a variable that changes by itself.
    let (stack, memory) = (16 * 1024, 128 * 1024 - 64);
    let text = format!(
        "MEMORY\n{{\n  FLASH : ORIGIN = 0x08020200, LENGTH = 128K - 512\n  \
         STACK : ORIGIN = 0x20000000, LENGTH = {stack}\n  \
         RAM : ORIGIN = 0x20000000 + {stack}, LENGTH = {memory} - {stack}\n}}\n\
         _stack_end = ORIGIN(STACK);\n_stack_start = ORIGIN(STACK) + LENGTH(STACK);\n"
    );
    fs::write(folder.join("memory.x"), text)?;
    println!("cargo:rustc-link-search={}", folder.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=--nmagic");
    Ok(())
}
