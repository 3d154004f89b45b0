//! Receipts on paper, as text and as PDF, read by another program.

use std::{fs, process::Command};

use card_spec::generation::Generation;
use tests::{
    PLANTED_PIN,
    scene::{Scene, text},
};

#[test]
fn the_same_figures_on_paper_as_text_and_in_the_pdf() {
    let mut scene = Scene::in_process("receipts", Generation::Three);
    let paper = scene.folder.path().join("paper");
    fs::write(&paper, b"").unwrap();
    let settings = scene.jinbao.data.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&settings).unwrap()).unwrap();
    config["printer"] = serde_json::json!({ "device": text(&paper), "columns": 48 });
    fs::write(&settings, config.to_string()).unwrap();

    let bill = scene.bill(&["1000.00"]);
    let pdf = scene.folder.path().join("receipt.pdf");
    let visit = scene.run(&["visit", "--bill", text(&bill), "--receipt", text(&pdf)], &[PLANTED_PIN]).done();
    assert_eq!(visit.json["printed"], true);
    let again = scene.folder.path().join("again.pdf");
    scene.run(&["receipt", "pdf", "1", text(&again), "--lang", "zh"], &[]).done();
    scene.run(&["receipt", "print", "1"], &[]).done();
    let text_again = scene.run(&["receipt", "text", "1"], &[]).done();

    let (first, second) = (pdftotext(&scene, &pdf), pdftotext(&scene, &again));
    let printed = fs::read(&paper).unwrap();
    scene.logs.keep("paper", &printed);
    let receipt = scene.center.production().receipt_number(1);
    for figure in ["1000.00", "820.00", "180.00", "680.00", &receipt] {
        for (place, content) in [
            ("PDF", first.as_bytes()),
            ("PDF again", second.as_bytes()),
            ("paper", &printed),
            ("text", text_again.text("/text").as_bytes()),
        ] {
            assert!(holds(content, figure.as_bytes()), "{figure} on {place}");
        }
    }
    assert!(second.contains("徐州") || second.contains("市第一人民医院"), "{second}");
    scene.end();
}

/// What another program reads in the PDF; also kept as a log, since a receipt masks its holder.
fn pdftotext(scene: &Scene, pdf: &std::path::Path) -> String {
    let output = Command::new("pdftotext")
        .args(["-layout", text(pdf), "-"])
        .output()
        .unwrap_or_else(|error| panic!("pdftotext: {error}; apt-get install poppler-utils"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    scene.logs.keep(&format!("{}.txt", pdf.file_name().unwrap().to_str().unwrap()), &output.stdout);
    String::from_utf8(output.stdout).unwrap()
}

fn holds(content: &[u8], word: &[u8]) -> bool {
    content.windows(word.len()).any(|window| window == word)
}
