//! FVC protocol over folders: `measure [--iso|--cross] DIR...`.
use std::{env, fs, fs::File, io::BufReader, path::Path, sync::atomic::{AtomicUsize, Ordering}, sync::Mutex, time::Instant};
use fingerprint::extract::{Grey, extract};
use fingerprint::matcher::{Prepared, compare};
use fingerprint::minutia::{Kind, Minutia};
fn png_minutiae(path: &Path, four: bool) -> Vec<Minutia> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    if four { pixels.iter_mut().for_each(|p| *p = (*p >> 4) * 17); }
    extract(&Grey { width: info.width as usize, height: info.height as usize, pixels: &pixels[..(info.width * info.height) as usize] })
}
fn iso_minutiae(path: &Path) -> Vec<Minutia> {
    let d = fs::read(path).unwrap();
    assert_eq!(&d[..8], b"FMR\0 20\0");
    let n = d[27] as usize;
    (0..n).map(|i| { let m = &d[28 + 6 * i..34 + 6 * i];
        let t = m[0] >> 6; let x = u16::from_be_bytes([m[0] & 0x3f, m[1]]); let y = u16::from_be_bytes([m[2] & 0x3f, m[3]]);
        Minutia { x: x as f32, y: y as f32, angle: m[4] as f32 * std::f32::consts::TAU / 256.0, kind: match t { 1 => Kind::Ending, 2 => Kind::Bifurcation, _ => Kind::Other }, quality: m[5] } }).collect()
}
fn compact(m: &[Minutia]) -> Vec<Minutia> {
    let mut m = m.to_vec();
    m.sort_by(|a, b| b.quality.cmp(&a.quality)); m.truncate(60);
    m.iter().map(|m| { let q = |v: f32| (v * 0.508).round().min(255.0) / 0.508; let s = std::f32::consts::TAU / 64.0;
        Minutia { x: q(m.x), y: q(m.y), angle: (m.angle / s).round() * s, ..*m } }).collect()
}
fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let has = |f: &str| args.iter().any(|a| a == f);
    let dirs: Vec<&String> = args.iter().filter(|a| !a.starts_with("--")).collect();
    let mut all_g = Vec::new(); let mut all_i = Vec::new();
    for dir in dirs {
        let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "png")).collect();
        files.sort();
        let next = AtomicUsize::new(0);
        let out = Mutex::new(vec![(Vec::new(), Vec::new()); files.len()]);
        let start = Instant::now();
        std::thread::scope(|s| for _ in 0..2 { s.spawn(|| loop { let at = next.fetch_add(1, Ordering::SeqCst); if at >= files.len() { break; }
            let own = if has("--iso") { iso_minutiae(&files[at].with_extension("iso")) } else { png_minutiae(&files[at], has("--four")) };
            let gallery = if has("--compact") { compact(&own) } else if has("--cross") { iso_minutiae(&files[at].with_extension("iso")) } else { own.clone() };
            out.lock().unwrap()[at] = (own, gallery); }); });
        let sets = out.into_inner().unwrap();
        let extraction = start.elapsed();
        let mean = sets.iter().map(|s| s.0.len()).sum::<usize>() as f32 / sets.len() as f32;
        let p: Vec<_> = sets.iter().map(|(a, b)| (Prepared::new(a), Prepared::new(b))).collect();
        let ids: Vec<(u32, u32)> = files.iter().map(|f| { let n = f.file_stem().unwrap().to_str().unwrap(); let (a, b) = n.split_once('_').unwrap(); (a.parse().unwrap(), b.parse().unwrap()) }).collect();
        let start = Instant::now();
        let jobs: Vec<(usize, usize)> = (0..p.len()).flat_map(|i| (i + 1..p.len()).map(move |j| (i, j))).collect();
        let next = AtomicUsize::new(0);
        let res = Mutex::new((Vec::new(), Vec::new()));
        std::thread::scope(|s| for _ in 0..2 { s.spawn(|| { let (mut g, mut im) = (Vec::new(), Vec::new()); loop { let at = next.fetch_add(1, Ordering::SeqCst); if at >= jobs.len() { break; }
            let (i, j) = jobs[at]; let f = compare(&p[i].0, &p[j].1);
            if ids[i].0 == ids[j].0 { g.push((f, ids[i], ids[j])) } else { im.push((f, ids[i], ids[j])) } }
            let mut r = res.lock().unwrap(); r.0.extend(g); r.1.extend(im); }); });
        let (g, im) = res.into_inner().unwrap();
        let t = start.elapsed();
        if has("--dump") { for (l, set) in [(1, &g), (0, &im)] { for (f, a, b) in set { println!("{l} {} {} {} {} {} {}_{} {}_{} {dir}", f.score, f.matched, f.overlap, f.residual, f.local, a.0, a.1, b.0, b.1); } } }
        let g: Vec<f32> = g.iter().map(|x| x.0.score).collect(); let im: Vec<f32> = im.iter().map(|x| x.0.score).collect();
        report(&format!("{} n={mean:.0} ext={:.0}ms match={:.2}ms", Path::new(dir).file_name().unwrap().to_str().unwrap(), extraction.as_millis() as f32 / files.len() as f32 * 2.0, t.as_secs_f32() * 2000.0 / jobs.len() as f32), &g, &im);
        all_g.extend(g); all_i.extend(im);
    }
    report("ALL", &all_g, &all_i);
}
fn report(name: &str, g: &[f32], im: &[f32]) {
    let mut i = im.to_vec(); i.sort_by(|a, b| b.total_cmp(a));
    let fnmr = |f: f32| { let k = (f * i.len() as f32) as usize; let t = i[k]; (100.0 * g.iter().filter(|s| **s <= t).count() as f32 / g.len() as f32, t) };
    let mut s = g.to_vec(); s.sort_by(f32::total_cmp);
    let eer = s.iter().enumerate().map(|(k, t)| ((k as f32 / s.len() as f32), i.iter().filter(|x| *x >= t).count() as f32 / i.len() as f32)).find(|(a, b)| a >= b).map_or(0.0, |(a, b)| 50.0 * (a + b));
    eprintln!("{name:60} EER {eer:5.2} FMR100 {:5.2} FMR1000 {:5.2} (thr {:.1}) FMR1e-4 {:5.2} zero {:5.2}", fnmr(0.01).0, fnmr(0.001).0, fnmr(0.001).1, fnmr(0.0001).0, 100.0 * g.iter().filter(|s| **s <= i[0]).count() as f32 / g.len() as f32);
}
