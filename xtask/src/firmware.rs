//! Builds the reader's firmware for its boards and holds its size against limits.
//!
//! A workspace for a host needs none of this: only this command, and the tests that run an emulated board, look
//! for a compiler for the board's processor.

mod signing;
mod size;
mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use crate::process;
pub(crate) use toolchain::Toolchain;

/// The processor of all boards: Cortex-M4 with floating point.
pub(crate) const TARGET: &str = "thumbv7em-none-eabihf";
const PROFILE: &str = "firmware";

/// A board, or the first stage of one.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Board {
    /// 模拟板，测试用 · The emulated board of the tests
    #[value(name = "mps2-an386")]
    Mps2An386,
    /// 实物板 · The board one can buy
    #[value(name = "stm32f405")]
    Stm32F405,
    /// 实物板的引导程序 · The signed boot of that board
    #[value(name = "boot")]
    Boot,
}

/// Which reader a board is to its host.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Personality {
    #[value(name = "sec1210")]
    Sec1210,
    #[value(name = "gemcorepospro")]
    GemCorePosPro,
    #[value(name = "gempctwin")]
    GemPcTwin,
    #[value(name = "usb")]
    Usb,
}

impl Personality {
    /// The feature of the board's package, and the last part of the file's name.
    const fn feature(self) -> &'static str {
        match self {
            Self::Sec1210 => "sec1210",
            Self::GemCorePosPro => "gemcorepospro",
            Self::GemPcTwin => "gempctwin",
            Self::Usb => "usb",
        }
    }
}

/// The file of the firmware that makes the emulated board a reader of two slots.
pub(crate) const DEMO: &str = "mps2-an386-sec1210.elf";

/// What the first personality is to come to; its limits are where it is.
const GOAL: size::Limits = size::Limits { flash: 32 * 1024, ram: 8 * 1024 };

/// One firmware that can be built.
struct Image {
    board: Board,
    /// `None` for what is no reader.
    personality: Option<Personality>,
    package: &'static str,
    /// The program in the package.
    program: &'static str,
    /// Bytes that it may take, so that a regression is seen: not a twentieth more than what it takes.
    limits: size::Limits,
}

const IMAGES: &[Image] = &[
    Image {
        board: Board::Mps2An386,
        personality: Some(Personality::Sec1210),
        package: "jinbao-board-mps2-an386",
        program: "mps2-an386",
        limits: size::Limits { flash: 49_500, ram: 8 * 1024 },
    },
    Image {
        board: Board::Mps2An386,
        personality: Some(Personality::GemCorePosPro),
        package: "jinbao-board-mps2-an386",
        program: "mps2-an386",
        limits: size::Limits { flash: 49_500, ram: 8 * 1024 },
    },
    Image {
        board: Board::Mps2An386,
        personality: Some(Personality::GemPcTwin),
        package: "jinbao-board-mps2-an386",
        program: "mps2-an386",
        limits: size::Limits { flash: 49_000, ram: 8 * 1024 },
    },
    Image {
        board: Board::Stm32F405,
        personality: Some(Personality::Sec1210),
        package: "jinbao-board-stm32f405",
        program: "reader-stm32f405",
        limits: size::Limits { flash: 58_000, ram: 25_000 },
    },
    Image {
        board: Board::Stm32F405,
        personality: Some(Personality::GemCorePosPro),
        package: "jinbao-board-stm32f405",
        program: "reader-stm32f405",
        limits: size::Limits { flash: 58_000, ram: 25_000 },
    },
    Image {
        board: Board::Stm32F405,
        personality: Some(Personality::GemPcTwin),
        package: "jinbao-board-stm32f405",
        program: "reader-stm32f405",
        limits: size::Limits { flash: 58_000, ram: 25_000 },
    },
    Image {
        board: Board::Stm32F405,
        personality: Some(Personality::Usb),
        package: "jinbao-board-stm32f405",
        program: "reader-stm32f405",
        limits: size::Limits { flash: 67_000, ram: 27_000 },
    },
    Image {
        board: Board::Boot,
        personality: None,
        package: "jinbao-boot",
        program: "boot-stm32f405",
        // Two sectors of flash, 32 KiB, are set apart for it.
        limits: size::Limits { flash: 24 * 1024, ram: 8_500 },
    },
    Image {
        board: Board::Boot,
        personality: None,
        package: "jinbao-boot",
        program: "boot-trial",
        limits: size::Limits { flash: 3_400, ram: 8_500 },
    },
];

impl Image {
    /// Name of the file: board, or board and personality.
    fn name(&self) -> String {
        match self.personality {
            Some(personality) => format!("{}-{}", self.program, personality.feature()),
            None => self.program.to_owned(),
        }
    }
}

/// What to build, and by what.
#[derive(Args, Default)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// 只编译一种板 · Only this board
    #[arg(long, value_enum)]
    board: Option<Board>,
    /// 只编译一种读卡器型号 · Only as this reader
    #[arg(long, value_enum)]
    personality: Option<Personality>,
    /// 用此编译器及其源码 · Builds with this rustc and the sources of the standard library beside it
    #[arg(long, value_name = "RUSTC")]
    rustc: Option<PathBuf>,
    /// 只报告大小 · Reports sizes and holds them against no limit
    #[arg(long)]
    any_size: bool,
    /// 同时检查代码 · Runs clippy for the boards as well
    #[arg(long)]
    clippy: bool,
    /// 固件签名公钥，编入实物板 · Public key that the physical board is to trust; without, the development key's
    #[arg(long, value_name = "HEX", value_parser = signing::public_hex)]
    public: Option<String>,
    /// 制造商公钥，编入实物板 · Public key of who clears a board that has lost its authority; without, the one above
    #[arg(long, value_name = "HEX", value_parser = signing::public_hex)]
    maker: Option<String>,
    #[command(subcommand)]
    action: Option<signing::Action>,
}

impl Options {
    /// All firmware, checked as well: what the tests want.
    pub(crate) fn for_tests() -> Self {
        Self { clippy: true, ..Self::default() }
    }

    /// The emulated board as the reader of the demo.
    pub(crate) fn for_demo() -> Self {
        let board = Some(Board::Mps2An386);
        Self { board, personality: Some(Personality::Sec1210), any_size: true, ..Self::default() }
    }

    fn takes(&self, image: &Image) -> bool {
        self.board.is_none_or(|board| board == image.board)
            && (self.personality.is_none() || self.personality == image.personality)
    }
}

/// Where the firmware files go.
pub(crate) fn folder() -> PathBuf {
    process::target().join("firmware")
}

/// Builds what `options` ask for; an error says what to install or which limit was passed.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    if let Some(action) = &options.action {
        return signing::run(action, &folder());
    }
    let images: Vec<_> = IMAGES.iter().filter(|image| options.takes(image)).collect();
    if images.is_empty() {
        return Err("no such firmware: that board is no reader of that kind".to_owned());
    }
    let toolchain = Toolchain::find(options.rustc.as_deref())?;
    println!("固件编译 · firmware for {TARGET}: {toolchain}");
    let folder = folder();
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let firmware = match &options.public {
        Some(public) => public.clone(),
        None => signing::Key::development(&folder)?.public_hex(),
    };
    let trusted = Trusted { maker: options.maker.clone().unwrap_or_else(|| firmware.clone()), firmware };
    let mut reports = Vec::new();
    for image in images {
        if options.clippy {
            clippy(&toolchain, image, &trusted)?;
        }
        let elf = build(&toolchain, image, &folder, &trusted)?;
        reports.push((image, size::Size::of(&elf)?));
    }
    let mut excess = Vec::new();
    for (image, size) in &reports {
        println!("\n{}", size.report(&image.name(), &image.limits));
        if image.board == Board::Mps2An386 && image.personality == Some(Personality::Sec1210) {
            println!("  goal: {}", size.towards(&GOAL));
        }
        excess.extend(size.excess(&image.name(), &image.limits));
    }
    if excess.is_empty() || options.any_size { Ok(()) } else { Err(excess.join("\n  ")) }
}

/// Public keys, in hexadecimal digits, that physical boards are given at compile time.
struct Trusted {
    /// Who signs firmware.
    firmware: String,
    /// Who clears a board that has lost its authority.
    maker: String,
}

/// Builds one image and puts it where everybody finds it.
fn build(toolchain: &Toolchain, image: &Image, folder: &Path, trusted: &Trusted) -> Result<PathBuf, String> {
    let mut command = toolchain.cargo("build");
    process::run(select(&mut command, image, trusted).args(["--bin", image.program]))?;
    let built = toolchain.target().join(TARGET).join(PROFILE).join(image.program);
    let elf = folder.join(image.name()).with_extension("elf");
    fs::copy(&built, &elf).map_err(|error| format!("{}: {error}", built.display()))?;
    Ok(elf)
}

fn clippy(toolchain: &Toolchain, image: &Image, trusted: &Trusted) -> Result<(), String> {
    if !toolchain.has_clippy() {
        println!("no clippy goes with this compiler: the boards' code is built, not checked");
        return Ok(());
    }
    let mut command = toolchain.cargo("clippy");
    process::run(select(&mut command, image, trusted).args(["--", "-D", "warnings"]))
}

fn select<'a>(
    command: &'a mut std::process::Command,
    image: &Image,
    trusted: &Trusted,
) -> &'a mut std::process::Command {
    command.env("JINBAO_FIRMWARE_PUBLIC_KEY", &trusted.firmware);
    command.env("JINBAO_MAKER_PUBLIC_KEY", &trusted.maker);
    command.args(["--locked", "--package", image.package, "--target", TARGET, "--profile", PROFILE]);
    if let Some(personality) = image.personality {
        command.args(["--no-default-features", "--features", personality.feature()]);
    }
    command
}
