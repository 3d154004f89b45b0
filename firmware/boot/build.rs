//! Tells the linker where the boot stage and the trial application lie; the host's build needs nothing of it.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "none" {
        return Ok(());
    }
    // As `stm32f405::layout` has them.
    for (program, address, bytes) in
        [("boot-stm32f405", 0x0800_0000, 32 * 1024), ("boot-trial", 0x0802_0200, 128 * 1024 - 512)]
    {
        let folder = PathBuf::from(env::var("OUT_DIR")?).join(program);
        fs::create_dir_all(&folder)?;
        // The stack is at the bottom and grows towards nothing: one that is too deep is a fault at once.
        let (stack, memory) = (8 * 1024, 128 * 1024 - 64);
        let text = format!(
            "MEMORY\n{{\n  FLASH : ORIGIN = {address:#010X}, LENGTH = {bytes}\n  \
             STACK : ORIGIN = 0x20000000, LENGTH = {stack}\n  \
             RAM : ORIGIN = 0x20000000 + {stack}, LENGTH = {memory} - {stack}\n}}\n\
             _stack_end = ORIGIN(STACK);\n_stack_start = ORIGIN(STACK) + LENGTH(STACK);\n"
        );
        fs::write(folder.join("memory.x"), text)?;
        println!("cargo:rustc-link-arg-bin={program}=-L{}", folder.display());
        println!("cargo:rustc-link-arg-bin={program}=-Tlink.x");
        println!("cargo:rustc-link-arg-bin={program}=--nmagic");
    }
    Ok(())
}
