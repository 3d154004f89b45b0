//! Answers to the steps of a set-up, from a file that people write.

use std::path::Path;

use edge::{data_dir, first_contact};
use serde::Deserialize;
use terminal::{
    language::Language,
    setup::{DevicesChosen, Fingerprint, PlaceChosen},
};

use super::content;
use crate::failure::Failure;

/// A file of answers with comments.
pub(super) const EXAMPLE: &str = include_str!("example.toml");

/// Answers. A name that is not known is an error, so that a misspelt one is noticed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    /// Language of the terminal.
    #[serde(default, deserialize_with = "language")]
    pub(super) language: Language,
    /// Which terminal, and what for.
    pub(super) terminal: PlaceChosen,
    /// Its devices; found by looking where they are left out.
    #[serde(default)]
    pub(super) devices: Option<DevicesChosen>,
    /// Its center.
    pub(super) center: CenterAnswer,
    /// Number of the first supervisor.
    #[serde(default)]
    pub(super) supervisor: Option<String>,
}

/// Where the center is, and the fingerprint from the center's paper.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CenterAnswer {
    pub(super) address: String,
    pub(super) enrolment: String,
    pub(super) fingerprint: Fingerprint,
}

fn language<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Language, D::Error> {
    let text = String::deserialize(from)?;
    match text.as_str() {
        "zh" => Ok(Language::Chinese),
        "en" => Ok(Language::English),
        _ => Err(serde::de::Error::custom("zh or en is expected")),
    }
}

impl Answers {
    /// Reads a file of answers.
    ///
    /// Errors: `File`, `Content` with the line of the trouble.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = data_dir::read_text(path)?;
        let answers: Answers =
            toml::from_str(&text).map_err(|error| content(path, error.to_string().trim_end().to_owned()))?;
        for address in [&answers.center.address, &answers.center.enrolment] {
            if first_contact::host_and_port(address).is_none() {
                let problem = format!("{address}: https://center.example:8443");
                return Err(content(path, problem).into());
            }
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_example_is_read_and_a_misspelt_name_is_told() {
        let answers: Answers = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(answers.terminal.terminal.as_str(), "530100000001");
        assert_eq!(answers.devices.unwrap().printer.unwrap().columns, 48);
        let wrong = EXAMPLE.replace("fingerprint =", "fingerprnt =");
        assert!(toml::from_str::<Answers>(&wrong).unwrap_err().to_string().contains("fingerprnt"));
    }
}
