//! A font for PDF receipts that has Chinese characters.

use std::path::{Path, PathBuf};

use terminal::receipt::ReceiptFont;

use super::data_dir;
use crate::failure::EdgeError;

/// Where Debian and its relatives put such fonts, with the face of a collection to take.
const PLACES: [(&str, u32); 6] = [
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0),
    ("/usr/share/fonts/truetype/arphic-gbsn00lp/gbsn00lp.ttf", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
];

/// The font that is named (`FILE` or `FILE:FACE`), else the first that is installed.
///
/// Errors: `NoFont`, `File`, `Content` when the file is no font.
pub fn open(asked: Option<&str>) -> Result<ReceiptFont, EdgeError> {
    let (path, face) = match asked {
        Some(asked) => match asked.rsplit_once(':').and_then(|(path, face)| Some((path, face.parse().ok()?)))
        {
            Some((path, face)) => (PathBuf::from(path), face),
            None => (PathBuf::from(asked), 0),
        },
        None => installed().ok_or(EdgeError::NoFont)?,
    };
    let bytes = data_dir::read(&path)?;
    ReceiptFont::new(bytes, face)
        .map_err(|_| EdgeError::Content { path, problem: "no font, or no such face in it".to_owned() })
}

/// The first font that is installed.
pub fn installed() -> Option<(PathBuf, u32)> {
    PLACES.iter().find(|(path, _)| Path::new(path).exists()).map(|(path, face)| (PathBuf::from(path), *face))
}
