//! What the compiler makes of the screens.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::todo, clippy::unwrap_used, reason = "generated")]

slint::include_modules!();
