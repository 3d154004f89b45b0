//! What terminals and centers say to each other.
//!
//! Everything here is data and its checks: no sockets, no clocks. Control messages are JSON; a
//! transaction's body is JSON that is stored, hashed, signed and sent as the very same bytes; pages of
//! the feed are postcard, since they hold millions of rows.

pub mod account;
pub mod accumulation;
pub mod calendar;
pub mod enrolment;
pub mod evidence;
pub mod feed;
pub mod id;
pub mod limits;
pub mod notice;
pub mod pension;
pub mod policy;
pub mod problem;
pub mod reconciliation;
pub mod record;
pub mod rules;
pub mod schema;
pub mod service;
pub mod signature;
pub mod timestamp;
pub mod upload;
