//! Draws what the extractor sees: `draw IN.png OUT.png`.
use std::{env, fs::File, io::BufWriter};
use fingerprint::extract::{Grey, extract_debug};
use fingerprint::minutia::Kind;
fn main() {
    let arguments: Vec<String> = env::args().collect();
    let decoder = png::Decoder::new(std::io::BufReader::new(File::open(&arguments[1]).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Grayscale);
    let (w, h) = (info.width as usize, info.height as usize);
    let start = std::time::Instant::now();
    let (minutiae, debug) = extract_debug(&Grey { width: w, height: h, pixels: &pixels[..w * h] });
    eprintln!("{} minutiae in {:?}", minutiae.len(), start.elapsed());
    let scale = 2;
    let (ow, oh) = (w * scale * 2, h * scale);
    let mut out = vec![0u8; ow * oh * 3];
    for y in 0..h * scale { for x in 0..w * scale {
        let at = (y / scale) * w + x / scale;
        let g = pixels[at];
        let put = |out: &mut Vec<u8>, x: usize, c: [u8; 3]| out[(y * ow + x) * 3..(y * ow + x) * 3 + 3].copy_from_slice(&c);
        let mut c = [g, g, g];
        if debug.skeleton[at] { c = [0, 120, 255]; }
        put(&mut out, x, c);
        let e = (128.0 - debug.enhanced[at] * 80.0).clamp(0.0, 255.0) as u8;
        put(&mut out, x + w * scale, if debug.mask[at] { [e, e, e] } else { [e / 2 + 60, e / 2, e / 2] });
    } }
    for m in &minutiae {
        let c = if m.kind == Kind::Ending { [255, 0, 0] } else { [0, 200, 0] };
        for t in 0..24 { let (x, y) = (m.x * 2.0 + m.angle.cos() * t as f32 , m.y * 2.0 - m.angle.sin() * t as f32);
            for (dx, dy) in [(0,0),(1,0),(0,1),(1,1)] {
            let (x, y) = (x as isize + dx, y as isize + dy);
            if x >= 0 && y >= 0 && (x as usize) < w * scale && (y as usize) < h * scale { let at = (y as usize * ow + x as usize) * 3; out[at..at + 3].copy_from_slice(&c); } } }
    }
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(&arguments[2]).unwrap()), ow as u32, oh as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&out).unwrap();
}
