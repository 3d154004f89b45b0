//! This machine around a terminal: everything that the core is not allowed to do itself.
//!
//! Paths, settings, sealed keys, databases, chance, sockets, readers, printers, fonts, one command at a time. What the
//! command line and the window both need to open a terminal is here; how they ask and show is theirs.
//!
//! ```no_run
//! use edge::{counter::Counter, data_dir::DataDir, options::Options, pin_entry::SecretEntry};
//! use terminal::language::Language;
//!
//! # fn main() -> Result<(), edge::failure::Failure> {
//! let options = Options::new(DataDir::choose(None, |name| std::env::var_os(name))?);
//! let pin_pad = Box::new(SecretEntry::new(Language::Chinese, false));
//! let mut counter = Counter::open(&options, pin_pad)?;
//! counter.flows.on_progress(|step| eprintln!("{}", step.words(Language::Chinese)));
//! # Ok(())
//! # }
//! ```

pub mod ballast;
pub mod bill;
pub mod board;
pub mod bundle;
pub mod center_link;
pub mod certificate;
pub mod checks;
pub mod config;
pub mod counter;
pub mod data_dir;
pub mod enrolment;
pub mod failure;
pub mod files;
pub mod fill;
pub mod first_contact;
pub mod font;
pub mod indicator;
pub mod lock;
pub mod machine_secret;
pub mod options;
pub mod pin_entry;
pub mod printer;
pub mod random;
pub mod reader;
pub mod receipt;
pub mod sensor;
pub mod setup;
pub mod shift;
#[cfg(feature = "demo")]
pub mod simulated;
pub mod terminal;
pub mod training;
pub mod voice;
pub mod words;
