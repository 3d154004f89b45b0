//! What a social security card (社会保障卡) is and how one talks to it.
//!
//! No allocation, no I/O: both sides of the reader, the terminal and the simulated card, and the
//! reader's firmware build on this crate. Every parse is total: no bytes make it panic.
//!
//! - what a card says of itself: [`atr`], [`fci`], [`generation`], [`issuer`], [`card_id`], [`card_number`];
//! - what is in it: [`file`](mod@file), the one table of files, with [`holder`], [`tlv`], [`text`], [`name`], [`date`],
//!   [`person`], [`region`], [`money`], [`fingerprint`];
//! - how one talks to it: [`apdu`], [`command`], [`status`];
//! - why one may: [`key`], [`suite`], [`authentication`], [`secure_messaging`], [`pin`], [`signature`];
//! - what one pays with: [`account`] (medical account), [`wallet`] (PBOC wallet), [`psam`].
//!
//! ```
//! use card_spec::{
//!     apdu::ResponseApdu,
//!     command::{Command, RecordReference, Selection},
//!     fci::Fci,
//!     file::{Application, FileId},
//!     generation::{Algorithm, Generation},
//! };
//!
//! // Select the environment: what answers is a social security card.
//! let select = Command::Select(Selection::ByName(Application::Ssse.name())).build()?;
//! assert_eq!(select[..5], [0x00, 0xA4, 0x04, 0x00, 0x0F]);
//!
//! // What a 3.0 card answers.
//! let answer = b"\x6F\x1C\x84\x0Fsx1.sh.\xC9\xE7\xBB\xE1\xB1\xA3\xD5\xCF\
//!                \xA5\x09\x88\x01\x1E\x9F\x0C\x03\x86\x01\x03\x90\x00";
//! let answer = ResponseApdu::parse(answer)?;
//! assert!(answer.status.is_success());
//! assert_eq!(Fci::parse(answer.data)?.algorithm()?, Algorithm::Sm4);
//!
//! // Read the name by its tag; the table says in which file, how long, and who may.
//! let holder = Application::Ssse.directory().file(FileId::EF06).unwrap();
//! let name = holder.item(Generation::Three, 0x09).unwrap();
//! let read = Command::ReadRecord {
//!     record: RecordReference::Tag { file: holder.short_id(), tag: 0x09 },
//!     le: name.bytes + 2,
//! };
//! assert_eq!(read.build()?, [0x00, 0xB2, 0x09, 0x30, 0x20]);
//! assert_eq!(holder.read.of(Generation::Three).key().unwrap().to_string(), "RKSSSE");
//! # Ok::<(), card_spec::Error>(())
//! ```
#![cfg_attr(not(test), no_std)]

pub mod account;
pub mod apdu;
pub mod atr;
pub mod authentication;
pub mod card_id;
pub mod card_number;
pub mod command;
pub mod date;
pub mod error;
pub mod fci;
pub mod file;
pub mod fingerprint;
pub mod generation;
pub mod holder;
pub mod issuer;
pub mod key;
pub mod money;
pub mod name;
pub mod person;
pub mod pin;
pub mod psam;
pub mod region;
pub mod secure_messaging;
pub mod signature;
pub mod status;
pub mod suite;
pub mod text;
pub mod tlv;
pub mod wallet;

mod bytes;
#[cfg(test)]
mod vectors;

pub use error::{Error, Part};
