//! The classic pair, MINDTCT and BOZORTH3, over folders of `FINGER_IMPRESSION.png`, by the protocol that
//! `jinbao finger evaluate` measures this engine by:
//! `cargo run --release -p jinbao-fingerprint --example peer -- [--four-bit] DIR…`
#![allow(clippy::unwrap_used, reason = "a tool for developers")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use fingerprint::evaluate::Comparisons;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let four_bit = arguments.iter().any(|argument| argument == "--four-bit");
    let mut all = Comparisons::default();
    println!(
        "{:24}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}{:>10}",
        "set", "EER", "1e-2", "1e-3", "1e-4", "count", "extract", "compare"
    );
    for folder in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
            .collect();
        files.sort();
        let name = Path::new(folder).file_name().unwrap().to_string_lossy().into_owned();
        all.add(&by_peer(&name, &files, four_bit));
    }
    report("all", &all);
    println!();
}

fn report(name: &str, comparisons: &Comparisons) {
    let percent = |share: f32| format!("{:8.2}", share * 100.0);
    print!("{name:24}{}", percent(comparisons.equal_error()));
    for false_match in [1e-2, 1e-3, 1e-4] {
        print!("{}", percent(comparisons.false_non_match(false_match)));
    }
}

/// Errors and times over one folder.
fn by_peer(name: &str, files: &[PathBuf], four_bit: bool) -> Comparisons {
    let labels: Vec<(u32, u32)> = files
        .iter()
        .map(|path| {
            let (finger, impression) = path.file_stem().unwrap().to_str().unwrap().split_once('_').unwrap();
            (finger.parse().unwrap(), impression.parse().unwrap())
        })
        .collect();
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
    let comparisons = Comparisons::by(&labels, &mut |one, two| {
        count += 1;
        fprint_bozorth3::match_score(&minutiae[one], &minutiae[two]) as f32
    });
    let comparison = start.elapsed() / count;
    report(name, &comparisons);
    let mean = minutiae.iter().map(Vec::len).sum::<usize>() / minutiae.len();
    println!("{mean:>8}{:>8.1}ms{:>8.3}ms", extraction.as_secs_f32() * 1e3, comparison.as_secs_f32() * 1e3);
    comparisons
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
