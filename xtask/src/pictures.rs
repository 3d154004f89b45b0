//! A page of all screens, in every language, with what changed beside what it was.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::process;

/// Where the digests of the pictures are kept.
const KEPT: &str = "terminal-app/ui/tests/pictures";

/// Draws all screens and writes the page; screens that changed are no error here, they are what one came to see.
pub(crate) fn run() -> Result<(), String> {
    let drawn =
        process::run(process::cargo().args(["test", "--locked", "--no-fail-fast", "-p", "jinbao-ui"]));
    let folder = process::target().join("pictures");
    let page = folder.join("index.html");
    let pictures = read(&folder)?;
    if pictures.is_empty() {
        return Err(drawn.err().unwrap_or_else(|| "no pictures were drawn".to_owned()));
    }
    fs::write(&page, written(&pictures, &folder)).map_err(|error| format!("{}: {error}", page.display()))?;
    let changed = pictures.values().filter(|picture| picture.after.is_some()).count();
    println!(
        "{} 幅画面，{changed} 幅有变 · {0} pictures, {changed} changed:\n{}",
        pictures.len(),
        page.display()
    );
    Ok(())
}

/// A picture by its digests: as it is kept, and as it is now where that is another.
#[derive(Default)]
struct Picture {
    kept: Option<String>,
    after: Option<String>,
}

fn read(folder: &Path) -> Result<BTreeMap<String, Picture>, String> {
    let mut pictures: BTreeMap<String, Picture> = BTreeMap::new();
    for path in files(&process::root().join(KEPT), "txt")? {
        let face = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (name, digest) in lines(&path)? {
            pictures.entry(format!("{face}: {name}")).or_default().kept = Some(digest);
        }
    }
    for path in files(folder, "changed")? {
        let face = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (change, digest) in lines(&path)? {
            let name = change.trim().split(": ").next().unwrap_or_default();
            let picture = pictures.entry(format!("{face}: {name}")).or_default();
            // Blessed since.
            if picture.kept.as_ref() != Some(&digest) {
                picture.after = Some(digest);
            }
        }
    }
    Ok(pictures)
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}

/// Lines of a name and, as the last word, a digest.
fn lines(path: &Path) -> Result<Vec<(String, String)>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
        .collect())
}

fn written(pictures: &BTreeMap<String, Picture>, folder: &Path) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>金保 · screens</title><style>\
         body{font:16px sans-serif;background:#eee;margin:24px}figure{display:inline-block;margin:8px;\
         vertical-align:top}img{max-width:420px;max-height:420px;border:1px solid #888;background:#fff}\
         .changed{border:4px solid #9c2f1f}</style>\n",
    );
    let (changed, same): (Vec<_>, Vec<_>) = pictures.iter().partition(|(_, picture)| picture.after.is_some());
    for (title, part) in [("有变 · changed", changed), ("未变 · as kept", same)] {
        let _ = writeln!(page, "<h1>{title}: {}</h1>", part.len());
        for (name, picture) in part {
            for (digest, class, word) in [(&picture.kept, "kept", ""), (&picture.after, "changed", " → ")] {
                let Some(digest) = digest else { continue };
                let image = if folder.join(format!("{digest}.png")).exists() {
                    format!("<a href={digest}.png><img loading=lazy class={class} src={digest}.png></a>")
                } else {
                    "（本机没有旧图 · the old picture is not on this machine）".to_owned()
                };
                let _ = writeln!(page, "<figure>{image}<figcaption>{word}{name}</figcaption></figure>");
            }
        }
    }
    page
}
