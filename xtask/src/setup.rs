//! Finds what is missing on this machine, says what it is for, asks, and installs it with apt.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    firmware::{self, Toolchain},
    process,
};

/// A Debian package and how one sees that it is there.
#[derive(Clone, Copy)]
pub(crate) struct Package {
    name: &'static str,
    purpose: &'static str,
    /// A file that the package brings.
    sign: &'static str,
}

const BUILD: &[Package] = &[
    Package { name: "gcc", purpose: "compiles SQLCipher and ring / 编译 C 代码", sign: "/usr/bin/gcc" },
    Package {
        name: "pkg-config",
        purpose: "finds the libraries below / 查找库",
        sign: "/usr/bin/pkg-config",
    },
    Package {
        name: "libpcsclite-dev",
        purpose: "PC/SC, the way to a card reader / 读卡接口",
        sign: "/usr/include/PCSC/winscard.h",
    },
    Package {
        name: "libssl-dev",
        purpose: "libcrypto under SQLCipher, the encrypted database / 加密数据库",
        sign: "/usr/include/openssl/evp.h",
    },
];

const CARDS: &[Package] = &[
    Package { name: "pcscd", purpose: "the smart card service / 智能卡服务", sign: "/usr/sbin/pcscd" },
    Package {
        name: "vsmartcard-vpcd",
        purpose: "a virtual reader behind that service / 虚拟读卡器",
        sign: "/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
    },
];

const BOARD: &[Package] = &[
    Package {
        name: "qemu-system-arm",
        purpose: "the processor that the reader's firmware runs on / 运行读卡器固件的处理器",
        sign: "/usr/bin/qemu-system-arm",
    },
    Package {
        name: "libccid",
        purpose: "the driver that talks to that firmware / 读卡器驱动",
        sign: "/usr/lib/pcsc/drivers/serial/libccidtwin.so",
    },
];

/// Builds firmware where `rustup target add` is of no help.
const FIRMWARE: &[Package] = &[
    Package {
        name: "rustc-web",
        purpose: "a compiler whose sources Debian has as well / 编译器",
        sign: "/usr/bin/rustc",
    },
    Package {
        name: "rust-web-src",
        purpose: "those sources, for the firmware's core library / 标准库源码",
        sign: "/usr/lib/rustlib/src/rust/library/core/Cargo.toml",
    },
    Package { name: "lld", purpose: "links firmware / 链接固件", sign: "/usr/bin/ld.lld" },
];

const PAPER: &[Package] = &[Package {
    name: "fonts-wqy-microhei",
    purpose: "Chinese characters on PDF receipts / 回执字体",
    sign: "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
}];

/// Windows, and a display for tests that have none.
const WINDOWS: &[Package] = &[
    Package {
        name: "libfontconfig-dev",
        purpose: "fonts of the windows / 界面字体",
        sign: "/usr/include/fontconfig/fontconfig.h",
    },
    Package {
        name: "libxkbcommon-x11-0",
        purpose: "keyboard of the windows / 界面键盘",
        sign: "/usr/share/doc/libxkbcommon-x11-0",
    },
    Package {
        name: "libx11-xcb1",
        purpose: "the windows themselves / 窗口",
        sign: "/usr/share/doc/libx11-xcb1",
    },
    Package {
        name: "libxcursor1",
        purpose: "the mouse in them / 鼠标指针",
        sign: "/usr/share/doc/libxcursor1",
    },
    Package { name: "libxi6", purpose: "mouse and touch / 鼠标与触摸", sign: "/usr/share/doc/libxi6" },
    Package {
        name: "libxrandr2",
        purpose: "size of the screen / 屏幕尺寸",
        sign: "/usr/share/doc/libxrandr2",
    },
];

/// A screen without a desktop.
const BARE_SCREEN: &[Package] = &[
    Package {
        name: "libinput-dev",
        purpose: "touch and keys without a desktop / 无桌面时的触摸与按键",
        sign: "/usr/include/libinput.h",
    },
    Package {
        name: "libudev-dev",
        purpose: "finds the touch panel / 查找触摸屏",
        sign: "/usr/include/libudev.h",
    },
    Package {
        name: "libxkbcommon-dev",
        purpose: "what a key says / 键盘布局",
        sign: "/usr/include/xkbcommon/xkbcommon.h",
    },
    Package {
        name: "libfontconfig-dev",
        purpose: "fonts of the windows / 界面字体",
        sign: "/usr/include/fontconfig/fontconfig.h",
    },
];

const DISPLAY: &[Package] = &[
    Package { name: "xvfb", purpose: "a display without a screen / 虚拟显示", sign: "/usr/bin/Xvfb" },
    Package {
        name: "xdotool", purpose: "presses keys in real windows / 模拟按键", sign: "/usr/bin/xdotool"
    },
    Package {
        name: "imagemagick",
        purpose: "takes pictures of that display / 截图",
        sign: "/usr/bin/import-im6.q16",
    },
    Package {
        name: "espeak-ng", purpose: "reads the kiosk aloud / 语音播报", sign: "/usr/bin/espeak-ng"
    },
];

const JUDGES: &[Package] = &[
    Package {
        name: "opensc",
        purpose: "opensc-tool talks to our card / 第三方卡工具",
        sign: "/usr/bin/opensc-tool",
    },
    Package {
        name: "pcsc-tools",
        purpose: "scriptor talks to our card / 第三方卡工具",
        sign: "/usr/bin/scriptor",
    },
    Package {
        name: "python3-pyscard",
        purpose: "talks to our reader board, shares and pulls cards / 第三方读卡程序",
        sign: "/usr/lib/python3/dist-packages/smartcard/__init__.py",
    },
    Package {
        name: "openssl",
        purpose: "checks our cryptography and TLS / 验证密码与证书",
        sign: "/usr/bin/openssl",
    },
    Package {
        name: "sqlite3",
        purpose: "opens our exported ledgers / 打开导出的账本",
        sign: "/usr/bin/sqlite3",
    },
    Package {
        name: "poppler-utils",
        purpose: "reads our PDF receipts / 读取回执",
        sign: "/usr/bin/pdftotext",
    },
    Package {
        name: "strace",
        purpose: "makes disks full and writes fail / 注入磁盘故障",
        sign: "/usr/bin/strace",
    },
    Package {
        name: "faketime",
        purpose: "shows a terminal a clock that is wrong / 模拟错误的时钟",
        sign: "/usr/bin/faketime",
    },
    Package {
        name: "procps", purpose: "kill, which ends programs politely / 结束程序", sign: "/bin/kill"
    },
    Package {
        name: "python3-venv",
        purpose: "holds SQLCipher for Python, which opens our encrypted files / 验证加密文件",
        sign: "/usr/share/doc/python3-venv",
    },
];

/// What the demo needs.
pub(crate) fn demo(with_pcsc: bool) -> Vec<Package> {
    [BUILD, if with_pcsc { CARDS } else { &[] }, PAPER].concat()
}

/// What the demo with the emulated reader board needs.
pub(crate) fn demo_with_board() -> Vec<Package> {
    [BUILD, CARDS, BOARD, PAPER].concat()
}

/// What the windows need.
pub(crate) fn windows() -> Vec<Package> {
    [BUILD, WINDOWS].concat()
}

/// What a face on a screen without a desktop needs.
pub(crate) fn bare_screen() -> Vec<Package> {
    [BUILD, BARE_SCREEN].concat()
}

/// What the tests need.
pub(crate) fn everything() -> Vec<Package> {
    [BUILD, CARDS, BOARD, PAPER, WINDOWS, DISPLAY, JUDGES].concat()
}

/// Sees to a compiler for the reader's firmware: the target of rustup, else Debian's compiler and its sources.
pub(crate) fn firmware(yes: bool) -> Result<(), String> {
    let Err(missing) = Toolchain::find(None) else { return Ok(()) };
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", firmware::TARGET]);
    let has_rustup = Command::new("rustup")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if has_rustup {
        println!(
            "固件编译目标尚未安装 · The reader's firmware is for a processor that this compiler has no library for."
        );
        if !may_install(yes, "\n用 rustup 安装？ Add the target by rustup? [Y/n] ")? {
            return Err(missing);
        }
        match process::run(&mut rustup) {
            Ok(()) if Toolchain::find(None).is_ok() => return Ok(()),
            Ok(()) => println!("rustup has added it to another toolchain than the one that runs"),
            Err(error) => println!("{error}; Debian's compiler is tried instead"),
        }
    }
    run(FIRMWARE, yes)?;
    Toolchain::find(None).map(|_| ())
}

/// Whether the smart card service and the virtual reader are there.
pub(crate) fn has_pcsc() -> bool {
    CARDS.iter().all(present)
}

/// Installs what is missing of `packages`, after saying so and, unless `yes`, asking.
pub(crate) fn run(packages: &[Package], yes: bool) -> Result<(), String> {
    let missing: Vec<_> = packages.iter().filter(|package| !present(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("还缺以下软件包 · These Debian packages are missing:\n");
    for package in &missing {
        println!("  {:<20} {}", package.name, package.purpose);
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    let by_hand = format!("apt-get install --no-install-recommends {}", names.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("this is no Debian: install by your system's means what `{by_hand}` would"));
    }
    if !may_install(yes, "\n现在安装？ Install them now? [Y/n] ")? {
        return Err(format!("not installed; by hand: {by_hand}"));
    }
    process::run(&mut apt(&["update", "-qq"]))?;
    // Nothing of the machine's own is taken away for it.
    let mut install = apt(&["install", "-y", "-qq", "--no-install-recommends", "--no-remove"]);
    process::run(install.args(&names))?;
    match missing.iter().find(|package| !present(package)) {
        Some(package) => Err(format!("{} was installed, yet {} is not there", package.name, package.sign)),
        None => Ok(()),
    }
}

fn may_install(yes: bool, question: &str) -> Result<bool, String> {
    Ok(yes || env::var_os("CI").is_some() || ask(question)?)
}

fn present(package: &Package) -> bool {
    Path::new(package.sign).exists()
}

fn apt(arguments: &[&str]) -> Command {
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.arg("apt-get");
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

fn ask(question: &str) -> Result<bool, String> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    print!("{question}");
    io::stdout().flush().map_err(|error| error.to_string())?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(!line.trim_start().starts_with(['n', 'N']))
}
