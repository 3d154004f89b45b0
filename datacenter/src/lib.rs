//! The data center: one program for city, province and central, told apart by configuration.
//!
//! | module | what |
//! |---|---|
//! | [`center`] | a center from its folder: open, administer, start, stop |
//! | [`production`] | the production zone: booking, feed, rules, limits, accounts, reconciliation |
//! | [`service`] | public service: what people ask about themselves, articles, offices, vacancies |
//! | [`access`] | TLS, enrolment, certificates, terminals, roles |
//! | [`http`] | the routes and their OpenAPI description |
//! | [`storage`] | narrow traits for batches, the SQLite file, the conformance suite |
//! | [`security_module`] | what holds the issuer's keys |
//! | [`faults`] | faults at the HTTP edge, for tests |
//! | [`cli`] | the command line, for `jinbao-center` and `jinbao center` |
//!
//! The exchange and decision zones will stand beside [`production`].
//!
//! ```no_run
//! use datacenter::{center::Center, configuration::Configuration, outside::Outside};
//!
//! # fn main() -> Result<(), datacenter::error::Error> {
//! let city = card_spec::region::RegionCode::parse("430100").expect("six digits");
//! let configuration = Configuration::new(city, "长沙市社会保障卡中心").on_free_ports();
//! let center = Center::create("/tmp/center".as_ref(), &configuration, Outside::system())?;
//! let running = center.start()?;
//! println!("terminals enrol at {}, work at {}", running.enrolment, running.terminals);
//! running.stop();
//! # Ok(())
//! # }
//! ```

pub mod access;
pub mod center;
pub mod cli;
pub mod configuration;
pub mod error;
pub mod faults;
mod folder;
pub mod http;
pub mod outside;
pub mod production;
pub mod security_module;
pub mod service;
pub mod storage;

pub use folder::public_key_pem;
