//! Reading and writing image files.

use std::{fs, io::Write, path::Path};

use serde::{Deserialize, Serialize};

use super::{CardImage, FORMAT_VERSION, PsamImage};
use crate::error::SimError;

/// A card or a PSAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::large_enum_variant,
    reason = "there are few images at a time, and many hands that match them"
)]
pub enum Image {
    /// A card.
    Card(CardImage),
    /// A PSAM.
    Psam(PsamImage),
}

#[derive(Deserialize)]
struct Versioned {
    jinbao_image: u32,
}

/// An image beside its version.
#[derive(Deserialize)]
struct ToRead {
    #[serde(flatten)]
    image: Image,
}

#[derive(Serialize)]
struct ToWrite<'a> {
    jinbao_image: u32,
    #[serde(flatten)]
    image: &'a Image,
}

/// Reads an image file.
///
/// Errors: `Io`; `Image` when it is none or of a newer version.
pub fn load(path: &Path) -> Result<Image, SimError> {
    let text = fs::read_to_string(path).map_err(SimError::file("reading", path))?;
    let problem = |error: serde_json::Error| SimError::Image { problem: error.to_string() };
    let Versioned { jinbao_image } = serde_json::from_str(&text).map_err(problem)?;
    if jinbao_image > FORMAT_VERSION {
        return Err(SimError::Image {
            problem: format!("version {jinbao_image} is newer than {FORMAT_VERSION}, the newest known here"),
        });
    }
    let ToRead { image } = serde_json::from_str(&text).map_err(problem)?;
    Ok(image)
}

/// Writes an image file; the old one stays until the new one is complete.
///
/// Errors: `Io`, and the old file is as it was.
pub fn save(path: &Path, image: &Image) -> Result<(), SimError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(directory).map_err(SimError::file("making a file in", directory))?;
    let mut text = serde_json::to_string_pretty(&ToWrite { jinbao_image: FORMAT_VERSION, image })
        .map_err(|error| SimError::Image { problem: error.to_string() })?;
    text.push('\n');
    file.write_all(text.as_bytes()).map_err(SimError::file("writing", path))?;
    file.persist(path).map_err(|error| SimError::file("replacing", path)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_no_image_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card.json");
        assert!(matches!(load(&path), Err(SimError::Io { .. })));
        for (text, part) in [
            ("", "EOF"),
            ("{}", "jinbao_image"),
            (r#"{"jinbao_image":2,"card":{}}"#, "newer"),
            (r#"{"jinbao_image":1,"dog":{}}"#, ""),
        ] {
            fs::write(&path, text).unwrap();
            match load(&path) {
                Err(SimError::Image { problem }) => assert!(problem.contains(part), "{problem}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
