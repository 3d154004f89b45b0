//! Everything that the core is not allowed to do itself: paths, files, chance, sockets, the keyboard.

pub(crate) mod ballast;
pub(crate) mod board;
pub(crate) mod center_link;
pub(crate) mod certificate;
pub(crate) mod counter;
pub(crate) mod data_dir;
pub(crate) mod files;
pub(crate) mod first_contact;
pub(crate) mod font;
pub(crate) mod lock;
pub(crate) mod machine_secret;
pub(crate) mod pin_entry;
pub(crate) mod printer;
pub(crate) mod random;
pub(crate) mod reader;
pub(crate) mod sensor;
pub(crate) mod shift;
pub(crate) mod terminal;
