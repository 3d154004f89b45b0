//! The pixels that are on the screen now, out of the X server's own memory.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Between two looks. One takes about 0.02 ms.
const LOOK_US: u64 = 250;

/// How long a change is waited for.
const SEEN_MS_MAX: u64 = 2_000;

/// Bytes of a pixel.
const PIXEL: usize = 4;

/// A place on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// The screen. The server keeps it in a file of memory, so that a look costs the server nothing.
pub(crate) struct Screen {
    memory: File,
    begin: usize,
    line_bytes: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Screen {
    /// Of an Xvfb that keeps its screen in this folder (`-fbdir`), as an XWD file.
    pub(crate) fn of(folder: &Path) -> Self {
        let memory = File::open(folder.join("Xvfb_screen0")).unwrap();
        let mut head = [0; 80];
        memory.read_exact_at(&mut head, 0).unwrap();
        let word = |at: usize| {
            let bytes = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            usize::try_from(u32::from_be_bytes(bytes)).unwrap()
        };
        assert_eq!(word(44), PIXEL * 8, "bits per pixel");
        // Behind the head lies a table of colours, 12 bytes each.
        let begin = word(0) + word(76) * 12;
        Screen { memory, begin, line_bytes: word(48), width: word(16), height: word(20) }
    }

    /// What is there now, row by row.
    pub(crate) fn look(&self, place: Place) -> Vec<u8> {
        let mut pixels = vec![0; place.width * place.height * PIXEL];
        for (row, line) in pixels.chunks_mut(place.width * PIXEL).enumerate() {
            let at = self.begin + (place.y + row) * self.line_bytes + place.x * PIXEL;
            self.memory.read_exact_at(line, at as u64).unwrap();
        }
        pixels
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Place {
        Place { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Looks again and again from `began` until the place satisfies; how long that took.
    pub(crate) fn wait(
        &self,
        place: Place,
        began: Instant,
        mut satisfies: impl FnMut(&[u8]) -> bool,
    ) -> Option<Duration> {
        while began.elapsed() < Duration::from_millis(SEEN_MS_MAX) {
            let satisfied = satisfies(&self.look(place));
            let at = began.elapsed();
            if satisfied {
                return Some(at);
            }
            thread::sleep(Duration::from_micros(LOOK_US));
        }
        None
    }

    /// The smallest place that holds every difference to an earlier look at the whole screen.
    pub(crate) fn changed_since(&self, earlier: &[u8]) -> Option<Place> {
        let now = self.look(self.whole());
        let pairs = now.chunks(PIXEL).zip(earlier.chunks(PIXEL)).enumerate();
        let changed = pairs.filter(|(_, (now, earlier))| now != earlier).map(|(at, _)| at);
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for at in changed {
            let (x, y) = (at % self.width, at / self.width);
            (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
        }
        (left != usize::MAX).then(|| Place {
            x: left,
            y: top,
            width: right - left + 1,
            height: bottom - top + 1,
        })
    }
}
