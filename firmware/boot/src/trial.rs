//! A trial application: says on the host's line what the boot stage has done, and nothing else.
//!
//! It is what a technician signs and flashes first: when its line appears, flash, boot stage and host line work.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is firmware: build it with `cargo xtask firmware`.");
}

#[cfg(target_os = "none")]
mod board {
    use core::{
        fmt::{self, Write as _},
        panic::PanicInfo,
    };

    use boot::{Report, Verdict};
    use stm32f405::{memory, recovery::Recovery, registers};

    struct Line(Recovery);

    impl fmt::Write for Line {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.bytes().for_each(|byte| self.0.send(byte));
            Ok(())
        }
    }

    #[cortex_m_rt::entry]
    fn main() -> ! {
        if let Some(peripherals) = registers::Peripherals::take() {
            let mut line = Line(Recovery::new(peripherals));
            let _ = match Report::from_bytes(&memory::read_report()) {
                Some(Report {
                    verdict: Verdict::Runs { version, rollback }, is_installed, floor, ..
                }) => writeln!(
                    line,
                    "trial: {version}, rollback {rollback}, floor {floor}, {}\r",
                    if is_installed { "just installed" } else { "as before" }
                ),
                _ => writeln!(line, "trial: started without the boot stage\r"),
            };
        }
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }
}
