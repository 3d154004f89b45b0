//! No text of a screen is without its translation, and no text stands outside of the translations.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn screens() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "slint") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut found);
    found
}

/// The quoted string that begins at the start, and what is left after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut letters = text.strip_prefix('"')?.char_indices();
    let mut content = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((content, &text[at + 2..])),
            '\\' => match letters.next()?.1 {
                'n' => content.push('\n'),
                other => content.push(other),
            },
            other => content.push(other),
        }
    }
    None
}

/// What a translation holds: source and text.
fn translation(language: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("lang/{language}/LC_MESSAGES/{}.po", env!("CARGO_PKG_NAME")));
    let text = fs::read_to_string(path).unwrap();
    let (mut found, mut source, mut target, mut in_target) =
        (BTreeMap::new(), String::new(), String::new(), false);
    for line in text.lines().chain([""]) {
        let (is_new, rest) = if let Some(rest) = line.strip_prefix("msgid ") {
            (Some(false), rest)
        } else if let Some(rest) = line.strip_prefix("msgstr ").or_else(|| line.strip_prefix("msgstr[0] ")) {
            (Some(true), rest)
        } else {
            (None, line)
        };
        if line.is_empty() {
            found.insert(std::mem::take(&mut source), std::mem::take(&mut target));
            continue;
        }
        if let Some(target_begins) = is_new {
            in_target = target_begins;
        }
        if let Some((part, _)) = quoted(rest) {
            if in_target { &mut target } else { &mut source }.push_str(&part);
        }
    }
    found.remove("");
    found
}

fn placeholders(text: &str) -> usize {
    text.matches('{').count()
}

#[test]
fn every_text_is_there_in_every_language() {
    let translations = ["en", "zh_TW"].map(|language| (language, translation(language)));
    let mut missing = BTreeSet::new();
    let mut count = 0;
    for path in screens() {
        let text = fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("@tr(") {
            let mut rest = text[at + 4..].trim_start();
            let (mut source, after) =
                quoted(rest).unwrap_or_else(|| panic!("{}: @tr of no text", path.display()));
            // `"context" => "text"`
            if let Some(after) = after.trim_start().strip_prefix("=>") {
                rest = after.trim_start();
                source = quoted(rest).unwrap().0;
            }
            count += 1;
            for (language, translation) in &translations {
                match translation.get(&source) {
                    Some(text) if !text.is_empty() => {
                        assert_eq!(placeholders(text), placeholders(&source), "{language}: {source}");
                    }
                    _ => {
                        missing.insert(format!("{language}: {source}"));
                    }
                }
            }
        }
    }
    assert!(count > 0);
    assert!(missing.is_empty(), "not translated:\n{missing:#?}");
}

#[test]
fn no_text_stands_outside_of_the_translations() {
    for path in screens() {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let has_han = code.chars().any(|letter| ('\u{4E00}'..='\u{9FFF}').contains(&letter));
            assert!(
                !has_han || code.contains("@tr(") || code.trim_start().starts_with('"'),
                "{}:{}: {line}",
                path.display(),
                number + 1
            );
        }
    }
}
