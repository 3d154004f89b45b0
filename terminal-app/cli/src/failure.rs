//! What stops a command, told in the form that was asked for.

pub(crate) use edge::failure::{EdgeError, Failure, file_error};

use crate::{console::Console, exit::Exit};

/// Tells it, and gives what the program ends with.
pub(crate) fn report(failure: &Failure, console: &Console) -> Exit {
    let language = console.language();
    let (text, advice) = (failure.text(language), failure.advice(language));
    let exit = Exit::from(failure.turn());
    if console.is_json() {
        console.machine(
            false,
            serde_json::json!({ "error": {
                "kind": failure.kind(),
                "who": exit.word(),
                "exit": exit.code(),
                "text": text,
                "advice": advice,
                "money": failure.money(),
            }}),
        );
    } else {
        console.error_line(&format!("✗ {text}"));
        if let Some(advice) = advice {
            console.error_line(&format!("  → {advice}"));
        }
    }
    exit
}
