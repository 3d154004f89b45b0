//! The reader on USB, with a host that is a test: it enumerates, sends commands in packets, and takes what comes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bus;
mod reader;

mod descriptors;
mod messages;
