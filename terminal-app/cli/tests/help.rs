//! Every command explains itself in both languages and shows examples.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use support::jinbao;

/// Names in the list of commands of a help text.
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

fn is_chinese(character: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&character)
}

/// Looks at a command and all below it; gives how many leaves there are.
fn look(path: &[String]) -> usize {
    let run = jinbao(path).args(["--help"]).run().exits(0);
    let help = &run.out;
    assert!(help.chars().any(is_chinese), "no Chinese: {path:?}");
    assert!(help.contains("Usage: jinbao"), "{path:?}");
    let about = help.lines().next().unwrap_or_default();
    assert!(
        about.chars().any(|c| c.is_ascii_lowercase()) || path.is_empty(),
        "no English: {path:?}: {about}"
    );
    let below = subcommands(help);
    // The center's commands are its own program's.
    if path.first().is_some_and(|first| first == "center") {
        return 1;
    }
    if below.is_empty() {
        assert!(help.contains("Example"), "no example: {path:?}");
        return 1;
    }
    below.iter().map(|name| look(&[path, std::slice::from_ref(name)].concat())).sum()
}

#[test]
fn every_command_has_help_with_an_example() {
    let leaves = look(&[]);
    let least = if cfg!(feature = "demo") { 40 } else { 35 };
    assert!(leaves >= least, "{leaves} commands found");
}

#[test]
fn the_first_lines_are_chinese_and_english() {
    let run = jinbao(["--help"]).run().exits(0);
    let mut lines = run.out.lines();
    assert!(lines.next().unwrap().starts_with("金保终端"));
    assert!(lines.next().unwrap().starts_with("Jinbao terminal"));
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "70"] {
        assert!(
            run.out.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
            "exit code {code}"
        );
    }
}

#[test]
fn without_a_command_help_and_a_usage_code() {
    let run = jinbao::<&str>([]).run().exits(2);
    assert!(run.err.contains("Usage"), "{run:?}");
}

#[test]
fn no_option_takes_a_pin_or_a_secret() {
    fn options(path: &[String], found: &mut Vec<String>) {
        let help = jinbao(path).args(["--help"]).run().out;
        found.extend(help.split_whitespace().filter(|word| word.starts_with("--")).map(str::to_owned));
        for name in subcommands(&help) {
            options(&[path, &[name]].concat(), found);
        }
    }
    let mut found = Vec::new();
    options(&[], &mut found);
    found.retain(|option| option.contains("pin") || option.contains("secret") || option.contains("password"));
    found.retain(|option| {
        !matches!(option.trim_end_matches(['；', '，', '。', ',', ';']), "--pin-stdin" | "--initial-pin")
    });
    assert!(found.is_empty(), "{found:?}");
}
