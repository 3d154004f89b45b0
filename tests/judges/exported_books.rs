//! What a terminal copies out, judged by programs that know nothing of us: sqlite3 reads it, openssl computes every
//! digest of the chain again and checks every signature, the terminal's and the center's.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use card_spec::generation::Generation;
use datacenter::public_key_pem;
use protocol::{record, signature::PublicKey, upload::RECEIPT_PURPOSE};
use tests::{
    PLANTED_PIN, PLANTED_SECRET,
    scene::{Scene, text},
};

fn sqlite3(file: &Path, query: &str) -> Vec<Vec<String>> {
    let output = Command::new("sqlite3")
        .args(["-separator", "\u{1F}", "-newline", "\u{1E}"])
        .arg(file)
        .arg(query)
        .output()
        .unwrap_or_else(|error| panic!("sqlite3: {error}; apt-get install sqlite3"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_terminator('\u{1E}').map(|row| row.split('\u{1F}').map(str::to_owned).collect()).collect()
}

/// Files for openssl.
struct Desk {
    folder: PathBuf,
}

impl Desk {
    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn sha256(&self, bytes: &[u8]) -> String {
        let file = self.put("hashed", bytes);
        let output = Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(file).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()[..64].to_owned()
    }

    /// Whether openssl finds the Ed25519 signature right, over the purpose, a zero byte and the message.
    fn signed(&self, key: &PublicKey, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        let key = self.put("key.pem", public_key_pem(key).as_bytes());
        let message = self.put("message", &[purpose.as_bytes(), &[0], message].concat());
        let signature = self.put("signature", signature);
        Command::new("openssl")
            .args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", text(&key), "-in", text(&message)])
            .args(["-sigfile", text(&signature)])
            .output()
            .unwrap()
            .status
            .success()
    }
}

#[test]
fn every_digest_and_every_signature() {
    let mut scene = Scene::in_process("judge-exported-books", Generation::Three);
    let bill = scene.bill(&["100.00"]);
    scene.visit(&bill).done();
    scene.visit_offline(&bill).done();
    scene.run(&["cancel", "1"], &[PLANTED_PIN]).done();
    scene.visit(&bill).done();
    scene.run(&["queue", "retry"], &[]).done();
    scene.run(&["operator", "add", "0800", "--role", "auditor"], &[PLANTED_SECRET]).done();
    scene.run(&["operator", "sign-in", "0800"], &[PLANTED_SECRET]).done();
    let plain = scene.folder.path().join("plain.db");
    scene.run_private(&["queue", "export", "--sqlite", text(&plain)], &[]).done();

    let center = scene.center.production().public_key();
    let terminal = scene.center.production().storage().terminals().unwrap()[0].identity.unwrap();
    let desk = Desk { folder: scene.folder.path().join("desk") };
    fs::create_dir(&desk.folder).unwrap();

    let links =
        sqlite3(&plain, "SELECT sequence, hex(digest), hex(signature), body FROM link ORDER BY sequence");
    assert!(links.len() >= 5, "two visits, a cancellation, a load, a visit: {}", links.len());
    let mut previous = vec![0; 32];
    for (at, link) in (1..).zip(&links) {
        let [sequence, digest, signature, body] = &link[..] else { panic!("four columns") };
        assert_eq!(*sequence, at.to_string(), "no gap");
        previous.extend_from_slice(body.as_bytes());
        let expected = desk.sha256(&previous);
        assert_eq!(digest.to_lowercase(), expected, "digest of {sequence}");
        previous = hex::decode(expected).unwrap();
        let mut signature = hex::decode(signature).unwrap();
        assert!(desk.signed(&terminal, record::PURPOSE, &previous, &signature), "signature of {sequence}");
        signature[0] ^= 1;
        assert!(!desk.signed(&terminal, record::PURPOSE, &previous, &signature), "openssl looks at it");
    }

    let receipts = sqlite3(&plain, "SELECT number, text, hex(signature) FROM receipt ORDER BY number");
    assert!(receipts.len() >= 2, "{}", receipts.len());
    let mut answered = 0;
    for receipt in &receipts {
        let [number, text, signature] = &receipt[..] else { panic!("three columns") };
        let signature = hex::decode(signature).unwrap();
        assert!(desk.signed(&center, RECEIPT_PURPOSE, text.as_bytes(), &signature), "receipt {number}");
        assert!(!desk.signed(&terminal, RECEIPT_PURPOSE, text.as_bytes(), &signature));
        let parsed: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(parsed["number"], **number);
        answered += parsed["lines"].as_array().unwrap().len();
    }
    assert_eq!(answered, links.len(), "every record stands on a receipt");
    scene.end();
}
