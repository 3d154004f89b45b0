//! Drives a face as people do, without a display, and keeps what it looked like.
//!
//! A picture's SHA-256 stands in `tests/pictures/<face>.txt`, the picture itself in `target/pictures/<digest>.png`, where
//! an earlier run of this machine may have left the old one. `JINBAO_BLESS=1` takes the new ones; `cargo xtask pictures`
//! shows what changed.
#![allow(dead_code, clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions, mock_elapsed_time,
};
use slint::{
    ComponentHandle, PhysicalSize, SharedString,
    platform::{Key, PointerEventButton, WindowEvent},
};
use ui::locale::{self, Locale};

/// Begins a test on its own thread: time stands still, nothing is drawn on a display. Again on the same thread it
/// changes nothing.
pub(crate) fn begin() {
    let _ = slint::platform::set_platform(Box::new(TestingBackend::new(TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name: Some("software".into()),
    })));
}

/// Lets time go on, in steps of at most a second as timers want it.
pub(crate) fn wait(ms: u64) {
    let mut left = ms;
    while left > 0 {
        let step = left.min(1_000);
        mock_elapsed_time(Duration::from_millis(step));
        left -= step;
    }
}

/// Shows a window at a size.
pub(crate) fn show(window: &impl ComponentHandle, width: u32, height: u32) {
    window.show().unwrap();
    window.window().set_size(PhysicalSize::new(width, height));
    wait(50);
}

/// What is on the screen under this label and role.
pub(crate) fn find<W: ComponentHandle + 'static>(
    window: &W,
    role: AccessibleRole,
    label: &str,
) -> Option<ElementHandle> {
    ElementQuery::from_root(window)
        .match_accessible_role(role)
        .find_all()
        .into_iter()
        .find(|element| element.accessible_label().is_some_and(|found| found == label))
}

/// The same for what must be there.
pub(crate) fn expect<W: ComponentHandle + 'static>(
    window: &W,
    role: AccessibleRole,
    label: &str,
) -> ElementHandle {
    find(window, role, label)
        .unwrap_or_else(|| panic!("no {role:?} “{label}”; there are:\n{}", labels(window)))
}

/// Everything on the screen that has a label, for a failure.
pub(crate) fn labels<W: ComponentHandle + 'static>(window: &W) -> String {
    ElementQuery::from_root(window)
        .find_all()
        .into_iter()
        .filter_map(|element| {
            Some(format!("  {:?} “{}”\n", element.accessible_role()?, element.accessible_label()?))
        })
        .collect()
}

/// Whether a text is read out anywhere.
pub(crate) fn says<W: ComponentHandle + 'static>(window: &W, text: &str) -> bool {
    ElementQuery::from_root(window)
        .find_all()
        .into_iter()
        .any(|element| element.accessible_label().is_some_and(|label| label.contains(text)))
}

/// Presses a button by pointer.
pub(crate) fn press<W: ComponentHandle + 'static>(window: &W, label: &str) {
    expect(window, AccessibleRole::Button, label).mock_single_click(PointerEventButton::Left);
    wait(20);
}

/// Presses and lets go of a key.
pub(crate) fn key(window: &impl ComponentHandle, key: Key) {
    strike(window, key.into());
}

/// Types a text, one key after the other.
pub(crate) fn type_text(window: &impl ComponentHandle, text: &str) {
    for letter in text.chars() {
        strike(window, letter.into());
    }
}

fn strike(window: &impl ComponentHandle, text: SharedString) {
    window.window().dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
    window.window().dispatch_event(WindowEvent::KeyReleased { text });
    wait(10);
}

/// Every button is at least this high and wide, in pixels, and lies inside of the window.
pub(crate) fn buttons_are_large<W: ComponentHandle + 'static>(window: &W, pixels: f32) {
    let size = window.window().size();
    for button in ElementQuery::from_root(window).match_accessible_role(AccessibleRole::Button).find_all() {
        let (label, is) = (button.accessible_label().unwrap_or_default(), button.size());
        let at = button.absolute_position();
        assert!(is.height >= pixels && is.width >= pixels, "“{label}” is {} × {}", is.width, is.height);
        assert!(
            at.x >= 0.0 && at.x + is.width <= size.width as f32 + 0.5,
            "“{label}” leaves the screen: {at:?}, {is:?}"
        );
    }
}

/// The pictures of one face, compared with those that are kept when it is dropped.
pub(crate) struct Pictures {
    face: &'static str,
    seen: Mutex<BTreeMap<String, String>>,
}

impl Pictures {
    pub(crate) fn of(face: &'static str) -> Self {
        Pictures { face, seen: Mutex::default() }
    }

    /// Takes a picture in each language, as the window is now.
    pub(crate) fn take_all<W: ComponentHandle>(&self, window: &W, name: &str, speak: impl Fn(Locale)) {
        for locale in locale::ALL {
            speak(locale);
            wait(20);
            let language = match locale {
                Locale::Simplified => "zh",
                Locale::Traditional => "zh-tw",
                Locale::English => "en",
            };
            self.take(window, &format!("{name}.{language}"));
        }
        speak(Locale::Simplified);
        wait(20);
    }

    /// Takes one picture.
    pub(crate) fn take<W: ComponentHandle>(&self, window: &W, name: &str) {
        let picture = window.window().take_snapshot().unwrap();
        let digest = digest(picture.as_bytes(), picture.width(), picture.height());
        let folder = folder();
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{digest}.png"));
        if !path.exists() {
            let draft = folder.join(format!("{digest}.{}.draft", std::process::id()));
            let mut encoder = png::Encoder::new(
                BufWriter::new(fs::File::create(&draft).unwrap()),
                picture.width(),
                picture.height(),
            );
            encoder.set_color(png::ColorType::Rgba);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.write_header().unwrap().write_image_data(picture.as_bytes()).unwrap();
            fs::rename(draft, path).unwrap();
        }
        let size = format!("{}x{}", picture.width(), picture.height());
        let before = self.seen.lock().unwrap().insert(format!("{name} {size}"), digest);
        assert!(before.is_none(), "two pictures are called {name}");
    }

    /// Compares with what is kept; pictures of other tests of the same face stay as they are.
    pub(crate) fn compare(self) {
        let kept_path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/pictures/{}.txt", self.face));
        // One test at a time writes it.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = fs::read_to_string(&kept_path).unwrap_or_default();
        let mut kept: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
            .collect();
        let seen = self.seen.into_inner().unwrap();
        let changed: Vec<_> = seen
            .iter()
            .filter(|(name, digest)| kept.get(*name) != Some(digest))
            .map(|(name, digest)| {
                let old = kept.get(name).map_or("new", String::as_str);
                format!("  {name}: {old} → {digest}\n")
            })
            .collect();
        if changed.is_empty() {
            return;
        }
        if std::env::var_os("JINBAO_BLESS").is_some() {
            kept.extend(seen);
            let lines: String = kept.iter().map(|(name, digest)| format!("{name} {digest}\n")).collect();
            fs::create_dir_all(kept_path.parent().unwrap()).unwrap();
            fs::write(&kept_path, lines).unwrap();
            return;
        }
        fs::write(folder().join(format!("{}.changed", self.face)), changed.concat()).unwrap();
        panic!(
            "pictures changed; look at them in {} (`cargo xtask pictures`), then JINBAO_BLESS=1:\n{}",
            folder().display(),
            changed.concat()
        );
    }
}

/// Where the pictures lie: beside what cargo builds.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("pictures")
}

fn digest(pixels: &[u8], width: u32, height: u32) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(&width.to_be_bytes());
    context.update(&height.to_be_bytes());
    context.update(pixels);
    context.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
