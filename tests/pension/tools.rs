//! The tools around fingers.

use std::{fs, io::BufRead, io::BufReader, io::Write, os::unix::net::UnixStream};

use fingerprint::{
    extract::{Grey, extract},
    template::record::{Record, View},
};
use sim::module::{Condition, Finger, IMAGE_HEIGHT, IMAGE_WIDTH};
use tests::jinbao::program;

#[test]
fn the_engine_is_measured_on_a_folder_of_images() {
    let folder = tempfile::tempdir().unwrap();
    for finger in 1..=4_u8 {
        for impression in 1..=3_u64 {
            let image = Finger::of_person(40, finger).image(&Condition::default(), impression);
            let path = folder.path().join(format!("{finger}_{impression}.png"));
            let mut encoder =
                png::Encoder::new(fs::File::create(path).unwrap(), IMAGE_WIDTH as u32, IMAGE_HEIGHT as u32);
            encoder.set_color(png::ColorType::Grayscale);
            encoder.write_header().unwrap().write_image_data(&image).unwrap();
        }
    }
    let svg = folder.path().join("det.svg");
    let run = |extra: &[&str]| {
        let output = std::process::Command::new(program())
            .args(["finger", "evaluate", "--json", "--four-bit"])
            .args(extra)
            .arg(folder.path())
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap())
    };
    let (code, answer) = run(&["--compact", "--svg", svg.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{answer}");
    // 4 fingers, 3 impressions: 4 × 3 pairs of one finger, 6 × 9 of two.
    assert_eq!((answer["all"]["genuine"].as_u64(), answer["all"]["impostor"].as_u64()), (Some(12), Some(54)));
    assert!(answer["all"]["eer"].as_f64().unwrap() < 0.2, "{answer}");
    assert!(answer["all"]["minutiae"].as_f64().unwrap() > 8.0, "{answer}");
    assert!(fs::read_to_string(svg).unwrap().contains("<path d=\"M"));
    // What is no set of fingers is said to be none.
    fs::write(folder.path().join("x.png"), b"no image").unwrap();
    let (code, answer) = run(&[]);
    assert_eq!((code, answer["error"]["kind"].as_str()), (Some(2), Some("file_content")));
}

/// The same fingers as ISO records: what other programs write is measured as images are.
#[test]
fn the_engine_is_measured_on_a_folder_of_templates() {
    let folder = tempfile::tempdir().unwrap();
    for finger in 1..=4_u8 {
        for impression in 1..=3_u64 {
            let pixels = Finger::of_person(40, finger).image(&Condition::default(), impression);
            let image = Grey { width: IMAGE_WIDTH, height: IMAGE_HEIGHT, dpi: 500, pixels: &pixels };
            let mut record = Record::new(IMAGE_WIDTH as u16, IMAGE_HEIGHT as u16);
            record.views.push(View {
                position: finger,
                number: 0,
                impression: 0,
                quality: 80,
                minutiae: extract(&image).unwrap(),
            });
            let path = folder.path().join(format!("{finger}_{impression}.iso"));
            fs::write(path, record.write().unwrap()).unwrap();
        }
    }
    let run = |extra: &[&str]| {
        let output = std::process::Command::new(program())
            .args(["finger", "evaluate", "--json", "--templates"])
            .args(extra)
            .arg(folder.path())
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap())
    };
    for extra in [&[][..], &["--compact"]] {
        let (code, answer) = run(extra);
        assert_eq!(code, Some(0), "{answer}");
        let pairs = (answer["all"]["genuine"].as_u64(), answer["all"]["impostor"].as_u64());
        assert_eq!(pairs, (Some(12), Some(54)));
        assert!(answer["all"]["eer"].as_f64().unwrap() < 0.2, "{answer}");
        assert!(answer["all"]["minutiae"].as_f64().unwrap() > 8.0, "{answer}");
        assert_eq!(answer["all"]["extract_ms"], serde_json::Value::Null, "nothing is extracted");
    }
    fs::write(folder.path().join("5_1.iso"), b"FMR\0 20\0 and then nothing").unwrap();
    let (code, answer) = run(&[]);
    assert_eq!((code, answer["error"]["kind"].as_str()), (Some(2), Some("file_content")));
}

#[test]
fn a_simulated_module_is_found_and_taken_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(program())
        .args(["sim", "module", "--pty", "finger.tty", "--control", "finger.sock"])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("finger.sock"), "{line}");
    let probe = std::process::Command::new(program())
        .args(["finger", "probe", "--sensor", "finger.tty", "--json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let probe: serde_json::Value = serde_json::from_slice(&probe.stdout).unwrap();
    assert_eq!((probe["ok"].as_bool(), probe["capacity"].as_u64()), (Some(true), Some(1_000)));
    let mut socket = UnixStream::connect(folder.path().join("finger.sock")).unwrap();
    writeln!(socket, "tap 7 2\nstatus\nquit").unwrap();
    let answers: Vec<String> = BufReader::new(socket).lines().map_while(Result::ok).collect();
    assert!(answers[1].contains("\"touched\":true"), "{answers:?}");
    assert!(child.wait().unwrap().success());
    assert!(fs::symlink_metadata(folder.path().join("finger.tty")).is_err(), "the link is gone");
}
