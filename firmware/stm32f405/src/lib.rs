//! Flash, lines and pins of the STM32F405 as the physical board uses them.
//!
//! Everything that touches a register or an address is here, so the boot stage and the board's application
//! need no unsafe code. On a host only [`layout`] is there. "RM" is ST's reference manual RM0090.
#![no_std]

pub mod layout;
pub mod pins;

#[cfg(all(target_os = "none", feature = "reader"))]
pub mod card;
#[cfg(all(target_os = "none", feature = "reader"))]
pub mod chance;
#[cfg(all(target_os = "none", feature = "reader"))]
pub mod clock;
#[cfg(target_os = "none")]
pub mod flash;
#[cfg(target_os = "none")]
pub mod identity;
#[cfg(target_os = "none")]
pub mod memory;
#[cfg(target_os = "none")]
pub mod recovery;
#[cfg(all(target_os = "none", feature = "reader"))]
pub mod uart;
#[cfg(all(target_os = "none", feature = "usb"))]
pub mod usb;
#[cfg(all(target_os = "none", feature = "reader"))]
pub mod vault;
#[cfg(all(target_os = "none", feature = "reader"))]
pub mod watchdog;

#[cfg(target_os = "none")]
pub use stm32f4::stm32f405 as registers;
