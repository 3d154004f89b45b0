//! Accuracy and speed over folders of `FINGER_IMPRESSION.png` or `.iso`:
//! `cargo run --release -p jinbao-fingerprint --example evaluate -- [--templates] [--four-bit] [--compact] [--peer] DIR…`
//!
//! `--peer` runs MINDTCT and BOZORTH3, the classic pair, over the same images beside it.
#![allow(clippy::unwrap_used, reason = "a tool for developers")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use fingerprint::{
    evaluate::{Comparisons, Impression},
    extract::{Grey, extract},
    minutia::Minutiae,
    template::{Reading, compact, record::Record},
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut all = Comparisons::default();
    let mut peer = Comparisons::default();
    println!(
        "{:24}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}{:>10}",
        "set", "EER", "1e-2", "1e-3", "1e-4", "count", "extract", "compare"
    );
    for folder in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        let ending = if has("--templates") { "iso" } else { "png" };
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == ending))
            .collect();
        files.sort();
        let start = Instant::now();
        let set: Vec<Impression> = files
            .iter()
            .map(|path| {
                let probe = if has("--templates") { template(path) } else { image(path, has("--four-bit")) };
                let gallery = if has("--compact") {
                    compact::read(&compact::write(&probe, 60), Reading::Strict).unwrap()
                } else {
                    probe.clone()
                };
                let name = path.file_stem().unwrap().to_str().unwrap();
                let (finger, impression) = name.split_once('_').unwrap();
                let (finger, impression) = (finger.parse().unwrap(), impression.parse().unwrap());
                Impression { finger, impression, probe, gallery }
            })
            .collect();
        let extraction = start.elapsed() / set.len() as u32;
        let start = Instant::now();
        let mut count = 0;
        let comparisons = Comparisons::of(&set, &mut |done| count = done);
        let comparison = start.elapsed() / count as u32;
        let mean = set.iter().map(|one| one.probe.len()).sum::<usize>() / set.len();
        let name = Path::new(folder).file_name().unwrap().to_string_lossy().into_owned();
        report(&name, &comparisons);
        println!(
            "{mean:>8}{:>8.1}ms{:>8.3}ms",
            extraction.as_secs_f32() * 1e3,
            comparison.as_secs_f32() * 1e3
        );
        all.add(&comparisons);
        if has("--peer") {
            let labels: Vec<_> = set.iter().map(|one| (one.finger, one.impression)).collect();
            peer.add(&by_peer(&name, &files, &labels, has("--four-bit")));
        }
    }
    report("all", &all);
    println!();
    if has("--peer") {
        report("all, peer", &peer);
        println!();
    }
    for false_match in [1e-2, 3e-3, 1e-3, 3e-4, 1e-4] {
        println!("{false_match:e} at {:.1}: {:?}", all.threshold(false_match), all.decision(false_match));
    }
}

fn report(name: &str, comparisons: &Comparisons) {
    let percent = |share: f32| format!("{:8.2}", share * 100.0);
    print!("{name:24}{}", percent(comparisons.equal_error()));
    for false_match in [1e-2, 1e-3, 1e-4] {
        print!("{}", percent(comparisons.false_non_match(false_match)));
    }
}

fn template(path: &Path) -> Minutiae {
    Record::read(&fs::read(path).unwrap(), Reading::Lenient).unwrap().views[0].minutiae.clone()
}

/// The peer's errors and times over the same files.
fn by_peer(name: &str, files: &[PathBuf], labels: &[(u32, u32)], four_bit: bool) -> Comparisons {
    let start = Instant::now();
    let minutiae: Vec<Vec<fprint_bozorth3::Minutia>> = files
        .iter()
        .map(|path| {
            let (width, height, pixels) = grey(path, four_bit);
            let image = fprint_mindtct::GrayImage::new(&pixels, width, height, 500).unwrap();
            let mut found = fprint_mindtct::detect_minutiae(image);
            // The best come first: too many are cut off.
            found.sort_by_key(|found| -found.quality);
            found
                .into_iter()
                .map(|found| fprint_bozorth3::Minutia { x: found.x, y: found.y, theta: found.theta })
                .collect()
        })
        .collect();
    let extraction = start.elapsed() / files.len() as u32;
    let start = Instant::now();
    let mut count = 0;
    let comparisons = Comparisons::by(labels, &mut |one, two| {
        count += 1;
        fprint_bozorth3::match_score(&minutiae[one], &minutiae[two]) as f32
    });
    let comparison = start.elapsed() / count;
    report(&format!("{name}, peer"), &comparisons);
    let mean = minutiae.iter().map(Vec::len).sum::<usize>() / minutiae.len();
    println!("{mean:>8}{:>8.1}ms{:>8.3}ms", extraction.as_secs_f32() * 1e3, comparison.as_secs_f32() * 1e3);
    comparisons
}

fn image(path: &Path, four_bit: bool) -> Minutiae {
    let (width, height, pixels) = grey(path, four_bit);
    extract(&Grey { width, height, dpi: 500, pixels: &pixels }).unwrap_or_default()
}

fn grey(path: &Path, four_bit: bool) -> (usize, usize, Vec<u8>) {
    let file = std::io::BufReader::new(fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let shape = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(shape.color_type, png::ColorType::Grayscale, "{}", path.display());
    if four_bit {
        pixels.iter_mut().for_each(|pixel| *pixel = (*pixel >> 4) * 17);
    }
    let (width, height) = (shape.width as usize, shape.height as usize);
    pixels.truncate(width * height);
    (width, height, pixels)
}
