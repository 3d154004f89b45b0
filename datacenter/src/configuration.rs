//! What a center is told about itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use card_spec::region::RegionCode;
use protocol::upload::SendWindow;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A center's configuration, the file `center.json` of its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Which of the three levels this center is.
    #[serde(default)]
    pub level: Level,
    /// Which zones this program runs.
    #[serde(default = "production_only")]
    pub zones: Vec<Zone>,
    /// The city whose books are kept here.
    pub city: RegionCode,
    /// Name of the center, as certificates show it.
    pub name: String,
    /// Names and addresses that terminals reach the center by; the server certificate carries them.
    #[serde(default = "local_names")]
    pub server_names: Vec<String>,
    /// Where terminals enrol and renew: the server is authenticated, the client is not. Port 0 picks a free one.
    #[serde(default = "enrolment_address")]
    pub enrolment_listen: SocketAddr,
    /// Where enrolled terminals work: both ends are authenticated. Port 0 picks a free one.
    #[serde(default = "terminal_address")]
    pub terminal_listen: SocketAddr,
    /// How long a terminal's certificate is good.
    #[serde(default = "certificate_validity_ms")]
    pub certificate_validity_ms: i64,
    /// How long a one-time code is good.
    #[serde(default = "code_validity_ms")]
    pub code_validity_ms: i64,
    /// When terminals may come again.
    #[serde(default)]
    pub windows: Windows,
    /// Limits at the edge.
    #[serde(default)]
    pub edge: EdgeLimits,
    /// Memory for pages of the storage.
    #[serde(default = "storage_cache_kib")]
    pub storage_cache_kib: u32,
    /// Most pages (4 KiB each) of the storage, for as many as the disk holds leave it out.
    #[serde(default)]
    pub storage_pages_max: Option<u32>,
}

/// The three levels. They differ in what they exchange with whom, not in how they book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A city.
    #[default]
    City,
    /// A province, for cities that it hosts.
    Province,
    /// The central level.
    Central,
}

/// Zones that this program can run. The exchange and decision zones will be further ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Zone {
    /// Booking and distribution.
    Production,
}

/// When terminals may send next, so that a city's terminals do not come all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Windows {
    /// In ordinary times.
    pub calm: SendWindow,
    /// When half of the batches that may be worked on at once are.
    pub busy: SendWindow,
}

/// Limits at the edge, each met by a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeLimits {
    /// Most open connections of one port; further ones are closed at once.
    pub connections_max: usize,
    /// Longest TLS handshake.
    pub handshake_timeout_ms: u64,
    /// Longest wait for the head of a request, also between requests of one connection.
    pub header_timeout_ms: u64,
    /// Longest transmission of a body.
    pub body_timeout_ms: u64,
    /// Longest work on a request, with its body.
    pub request_timeout_ms: u64,
    /// Longest life of a connection; then it is closed after the request in hand.
    pub connection_lifetime_ms: u64,
    /// Most batches that are worked on at once; further ones are sent away as `Overloaded`.
    pub batches_at_once_max: usize,
    /// Most batches of one terminal that are received or worked on at once; further ones are sent away as
    /// `Overloaded`. A terminal that asks again while its first request is still in hand needs two.
    pub batches_per_terminal_max: usize,
    /// Longest wait for the request in hand when a connection or the center ends.
    pub stop_timeout_ms: u64,
}

const HOUR_MS: i64 = 3_600_000;

fn production_only() -> Vec<Zone> {
    vec![Zone::Production]
}

fn local_names() -> Vec<String> {
    vec!["localhost".into(), "127.0.0.1".into()]
}

fn enrolment_address() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443)
}

fn terminal_address() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8444)
}

fn certificate_validity_ms() -> i64 {
    398 * 24 * HOUR_MS
}

fn code_validity_ms() -> i64 {
    72 * HOUR_MS
}

fn storage_cache_kib() -> u32 {
    64 << 10
}

impl Configuration {
    /// A city center with the usual settings.
    pub fn new(city: RegionCode, name: impl Into<String>) -> Self {
        Configuration {
            level: Level::City,
            zones: production_only(),
            city,
            name: name.into(),
            server_names: local_names(),
            enrolment_listen: enrolment_address(),
            terminal_listen: terminal_address(),
            certificate_validity_ms: certificate_validity_ms(),
            code_validity_ms: code_validity_ms(),
            windows: Windows::default(),
            edge: EdgeLimits::default(),
            storage_cache_kib: storage_cache_kib(),
            storage_pages_max: None,
        }
    }

    /// The same on free ports of this machine, for tests and demonstrations.
    pub fn on_free_ports(mut self) -> Self {
        self.enrolment_listen.set_port(0);
        self.terminal_listen.set_port(0);
        self
    }

    /// Reads the file. Errors: `Configuration`.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let configuration: Self =
            serde_json::from_str(text).map_err(|error| Error::Configuration { detail: error.to_string() })?;
        configuration.check()?;
        Ok(configuration)
    }

    /// Whether a center can run by it. Errors: `Configuration`.
    pub fn check(&self) -> Result<(), Error> {
        let edge = &self.edge;
        let wrong = if self.zones.is_empty() {
            "no zone is to run"
        } else if self.name.is_empty() || self.name.len() > 200 {
            "the name has 1 to 200 bytes"
        } else if self.server_names.is_empty() || self.server_names.len() > 50 {
            "1 to 50 server names are needed"
        } else if self.certificate_validity_ms < 1_000 || self.code_validity_ms < 1_000 {
            "certificates and codes are good for a second at least"
        } else if edge.connections_max.min(edge.batches_at_once_max).min(edge.batches_per_terminal_max) == 0 {
            "a limit of nothing lets nobody in"
        } else if edge.handshake_timeout_ms.min(edge.header_timeout_ms).min(edge.body_timeout_ms) == 0 {
            "a timeout of nothing lets nobody in"
        } else {
            return Ok(());
        };
        Err(Error::Configuration { detail: wrong.to_owned() })
    }
}

impl Default for Windows {
    fn default() -> Self {
        Windows {
            calm: SendWindow { after_ms: 0, spread_ms: 1_000 },
            busy: SendWindow { after_ms: 5_000, spread_ms: 60_000 },
        }
    }
}

impl Default for EdgeLimits {
    fn default() -> Self {
        EdgeLimits {
            connections_max: 4_096,
            handshake_timeout_ms: 10_000,
            header_timeout_ms: 30_000,
            body_timeout_ms: 60_000,
            request_timeout_ms: 90_000,
            connection_lifetime_ms: 3_600_000,
            batches_at_once_max: 32,
            batches_per_terminal_max: 2,
            stop_timeout_ms: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_short_file_is_enough_and_a_wrong_word_is_found() {
        let short = Configuration::from_json(r#"{"city":"430100","name":"长沙"}"#).unwrap();
        assert_eq!(short, Configuration::new(RegionCode::parse("430100").unwrap(), "长沙"));
        let text = serde_json::to_string(&short).unwrap();
        assert_eq!(Configuration::from_json(&text).unwrap(), short);
        for bad in [
            r#"{"city":"430100","name":"x","zone":[]}"#,
            r#"{"city":"430100","name":"x","zones":["exchange"]}"#,
            r#"{"city":"430100","name":"x","zones":[]}"#,
            r#"{"city":"4301","name":"x"}"#,
            r#"{"city":"430100","name":""}"#,
            r#"{"city":"430100","name":"x","edge":{"connections_max":0}}"#,
        ] {
            assert!(Configuration::from_json(bad).is_err(), "{bad}");
        }
    }
}
