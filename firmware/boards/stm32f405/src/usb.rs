//! A card reader on USB: class, descriptors and transport.
//!
//! The messages are those of the serial line without its frames. What the host may ask for beside them is to abort a
//! command, and what it is told beside them is that a card has come or gone.
//! Source: USB CCID specification rev 1.1.

mod class;
mod descriptor;
mod transport;

pub use class::{CardReader, PACKET_BYTES};
pub use descriptor::{CLASS_DESCRIPTOR_BYTES, class_descriptor};
pub use transport::{Identity, UsbTransport};

/// Vendor and product of a device that is not sold: a number that pid.codes sets apart for tests. Who makes boards
/// for others asks for numbers of their own, and puts them here and into the driver's list.
pub const VENDOR_PRODUCT: (u16, u16) = (0x1209, 0x0001);
