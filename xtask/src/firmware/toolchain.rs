//! A compiler for the board's processor: the installed target, or the standard library's sources.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::TARGET;
use crate::process;

/// Debian's compiler, of the package rustc-web.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What the README recommends.
pub(crate) const ADVICE: &str = "rustup target add thumbv7em-none-eabihf";
/// What does without rustup or without its server.
pub(crate) const ADVICE_DEBIAN: &str = "apt-get install --no-install-recommends rustc-web rust-web-src lld";

/// How the firmware is built here.
pub(crate) enum Toolchain {
    /// The compiler has a core library for the target.
    Installed,
    /// The core library is built first.
    Sources {
        /// The compiler whose sources are there.
        rustc: PathBuf,
        linker: Linker,
    },
}

/// What links when the compiler does not bring its own.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Linker {
    /// `rust-lld` of the compiler itself.
    Own,
    /// `rust-lld` of another compiler.
    RustLld(PathBuf),
    /// `ld.lld` of the package lld.
    Lld(PathBuf),
    /// GNU ld of the package binutils-arm-none-eabi.
    Gnu(PathBuf),
}

impl Toolchain {
    /// Looks for one; `wanted` is a compiler whose sources are to be taken. An error says what to install.
    pub(crate) fn find(wanted: Option<&Path>) -> Result<Self, String> {
        let default = PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        if wanted.is_none() && has_core(&default) {
            return Ok(Self::Installed);
        }
        let candidates = match wanted {
            Some(rustc) => vec![rustc.to_path_buf()],
            None => vec![default.clone(), PathBuf::from(DEBIAN_RUSTC)],
        };
        let rustc = candidates.into_iter().find(|rustc| has_sources(rustc)).ok_or_else(|| {
            format!(
                "there is no compiler for {TARGET}. Install it by\n    {ADVICE}\n  or, without rustup, by\n    \
                 {ADVICE_DEBIAN}"
            )
        })?;
        let linker = Linker::find(&rustc, &default)?;
        Ok(Self::Sources { rustc, linker })
    }

    /// A cargo that builds for the target.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = process::cargo();
        command.arg(subcommand);
        if let Self::Sources { rustc, linker } = self {
            // Only this child is told so: it makes some build scripts believe in a nightly compiler.
            command.env("RUSTC_BOOTSTRAP", "1").args(["-Z", "build-std=core"]);
            command.env("RUSTC", rustc);
            // Another compiler's results would push ours out again and again.
            command.env("CARGO_TARGET_DIR", self.target());
            linker.apply(&mut command);
        }
        command
    }

    /// Where that cargo puts what it builds.
    pub(crate) fn target(&self) -> PathBuf {
        match self {
            Self::Installed => process::target(),
            Self::Sources { .. } => process::target().join("firmware-from-sources"),
        }
    }

    /// Whether there is a clippy of the same compiler.
    pub(crate) fn has_clippy(&self) -> bool {
        matches!(self, Self::Installed)
            && process::cargo()
                .args(["clippy", "--version"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => f.write_str("the installed target"),
            Self::Sources { rustc, linker } => write!(
                f,
                "no installed target (`{ADVICE}` is better), so core is built from the sources of {}, {linker}",
                version(rustc).unwrap_or_else(|| rustc.display().to_string())
            ),
        }
    }
}

impl Linker {
    fn find(rustc: &Path, default: &Path) -> Result<Self, String> {
        if rust_lld(rustc).is_some() {
            return Ok(Self::Own);
        }
        let on_path = |names: &[&str]| names.iter().find_map(|name| on_path(name));
        rust_lld(default)
            .map(Self::RustLld)
            .or_else(|| on_path(&["ld.lld", "ld.lld-19", "ld.lld-14"]).map(Self::Lld))
            .or_else(|| on_path(&["arm-none-eabi-ld"]).map(Self::Gnu))
            .ok_or_else(|| {
                "there is a compiler, but no linker for the boards: `apt-get install lld` brings one"
                    .to_owned()
            })
    }

    fn apply(&self, command: &mut Command) {
        let variable = |name| format!("CARGO_TARGET_{}_{name}", TARGET.to_uppercase().replace('-', "_"));
        let (program, flavor) = match self {
            Self::Own => return,
            Self::RustLld(program) => (program, None),
            Self::Lld(program) => (program, Some("ld.lld")),
            Self::Gnu(program) => (program, Some("ld")),
        };
        command.env(variable("LINKER"), program);
        if let Some(flavor) = flavor {
            command.env(variable("RUSTFLAGS"), format!("-C linker-flavor={flavor}"));
        }
    }
}

impl fmt::Display for Linker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("linked by its own rust-lld"),
            Self::RustLld(program) | Self::Lld(program) | Self::Gnu(program) => {
                write!(f, "linked by {}", program.display())
            }
        }
    }
}

/// Whether a compiler has a core library for the target.
fn has_core(rustc: &Path) -> bool {
    let Some(folder) = ask(rustc, &["--print", "target-libdir", "--target", TARGET]) else { return false };
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libcore-") && name.ends_with(".rlib")
        })
    })
}

/// Whether the standard library's sources are beside a compiler.
fn has_sources(rustc: &Path) -> bool {
    sysroot(rustc).is_some_and(|root| root.join("lib/rustlib/src/rust/library/core/Cargo.toml").exists())
}

/// The linker that a compiler brings.
fn rust_lld(rustc: &Path) -> Option<PathBuf> {
    let version = ask(rustc, &["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "))?;
    let linker = sysroot(rustc)?.join("lib/rustlib").join(host).join("bin/rust-lld");
    linker.exists().then_some(linker)
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    ask(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

fn version(rustc: &Path) -> Option<String> {
    ask(rustc, &["--version"])
}

fn ask(rustc: &Path, arguments: &[&str]) -> Option<String> {
    // Without the environment of the cargo that runs us, which speaks of another compiler's folders.
    let output = Command::new(rustc)
        .args(arguments)
        .env_remove("RUSTC_WRAPPER")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn environment(command: &Command, name: &str) -> Option<String> {
        command
            .get_envs()
            .find(|(variable, _)| *variable == OsStr::new(name))
            .and_then(|(_, value)| value.map(|value| value.to_string_lossy().into_owned()))
    }

    #[test]
    fn only_a_build_from_sources_is_told_to_bootstrap() {
        let sources =
            Toolchain::Sources { rustc: "/opt/rustc".into(), linker: Linker::Lld("/usr/bin/ld.lld".into()) };
        let command = sources.cargo("build");
        assert_eq!(environment(&command, "RUSTC_BOOTSTRAP").as_deref(), Some("1"));
        assert_eq!(environment(&command, "RUSTC").as_deref(), Some("/opt/rustc"));
        assert_eq!(
            environment(&command, "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER").as_deref(),
            Some("/usr/bin/ld.lld")
        );
        assert_eq!(
            environment(&command, "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS").as_deref(),
            Some("-C linker-flavor=ld.lld")
        );
        assert_ne!(sources.target(), process::target());
        assert!(!sources.has_clippy());

        let command = Toolchain::Installed.cargo("build");
        assert_eq!(environment(&command, "RUSTC_BOOTSTRAP"), None);
        assert_eq!(environment(&command, "RUSTC"), None);
        assert_eq!(Toolchain::Installed.target(), process::target());
    }

    #[test]
    fn a_compiler_that_is_not_there_is_answered_with_what_to_install() {
        let said = Toolchain::find(Some(Path::new("/nowhere/rustc"))).err().unwrap_or_default();
        assert!(said.contains(ADVICE) && said.contains(ADVICE_DEBIAN), "{said}");
    }
}
