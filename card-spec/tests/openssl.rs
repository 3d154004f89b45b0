//! OpenSSL judges what the card is computed with: triple DES, SM4, SM3, SM2.
//!
//! Needs the program `openssl`, version 3.

#![allow(clippy::unwrap_used, reason = "tests")]

mod seeded;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use card_spec::{
    key::{Factor, Key128},
    signature::{DEFAULT_IDENTITY, SigningKey, VerifyingKey, sm3},
    suite::{Sm4Session, Suite},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::Value;

const SM4: Suite = Suite::Sm4(Sm4Session::ZeroFill);
/// Starting a program takes milliseconds: few cases, each with whole flows.
const CASES: u32 = 12;

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs the program openssl");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn encrypt(cipher: &str, key: &[u8], start: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let (key, start) = (hex::encode(key), start.map(hex::encode));
    let mut arguments = vec!["enc", cipher, "-nopad", "-K", &key];
    if let Some(start) = &start {
        arguments.extend(["-iv", start]);
    }
    openssl(&arguments, data)
}

fn padded(data: &[u8], block: usize) -> Vec<u8> {
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(block), 0);
    padded
}

fn first_four(block: &[u8]) -> [u8; 4] {
    *block.first_chunk().unwrap()
}

fn last_block<const B: usize>(bytes: &[u8]) -> [u8; B] {
    *bytes.last_chunk().unwrap()
}

/// Single DES is triple DES under the same key twice; OpenSSL keeps single DES among its legacy ciphers.
fn twice(key: &[u8; 8]) -> Vec<u8> {
    [*key, *key].concat()
}

#[test]
fn triple_des_agrees() {
    let mut runner = TestRunner::new(seeded::config(CASES));
    let input = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<[u8; 8]>(), vec(any::<u8>(), 0..60));
    runner
        .run(&input, |(key, factor, challenge, data)| {
            let suite = Suite::TripleDes;
            let own = Key128::new(key);
            let complement = factor.map(|byte| !byte);
            let derived = encrypt("-des-ede", &key, None, &[factor, complement].concat());
            prop_assert_eq!(suite.diversify(&own, Factor::new(factor)).as_bytes().to_vec(), derived);

            let session_key: [u8; 8] = encrypt("-des-ede", &key, None, &challenge).try_into().unwrap();
            let session = suite.session_key(&own, &challenge);
            let cryptogram = encrypt("-des-ede", &twice(&session_key), None, &factor);
            prop_assert_eq!(session.cryptogram(&factor).to_vec(), cryptogram);

            let chain = encrypt("-des-ede-cbc", &twice(&session_key), Some(&[0; 8]), &padded(&data, 8));
            prop_assert_eq!(session.mac(&[&data]), first_four(&last_block::<8>(&chain)));

            let folded: [u8; 8] = core::array::from_fn(|index| key[index] ^ key[index + 8]);
            let chain = encrypt("-des-ede-cbc", &twice(&folded), Some(&[0; 8]), &padded(&data, 8));
            prop_assert_eq!(suite.tac(&own, &[&data]), first_four(&last_block::<8>(&chain)));

            // ISO/IEC 9797-1 algorithm 3: the last block goes through triple DES, those before through
            // single DES.
            let message = padded(&data, 8);
            let (before, last) = message.split_at(message.len() - 8);
            let mut start = [0; 8];
            start[..4].copy_from_slice(&challenge[..4]);
            let left: [u8; 8] = *key.first_chunk().unwrap();
            let chained = if before.is_empty() {
                start
            } else {
                last_block(&encrypt("-des-ede-cbc", &twice(&left), Some(&start), before))
            };
            let block: Vec<u8> = last.iter().zip(chained).map(|(byte, chained)| byte ^ chained).collect();
            let mac = encrypt("-des-ede", &key, None, &block);
            let challenge4 = *challenge.first_chunk().unwrap();
            prop_assert_eq!(suite.whole_key_mac(&own, challenge4, &[&data]), first_four(&mac));
            Ok(())
        })
        .unwrap();
}

#[test]
fn sm4_agrees() {
    let mut runner = TestRunner::new(seeded::config(CASES));
    let input = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<[u8; 8]>(), vec(any::<u8>(), 0..60));
    runner
        .run(&input, |(key, factor, challenge, data)| {
            let own = Key128::new(key);
            let complement = factor.map(|byte| !byte);
            let derived = encrypt("-sm4-ecb", &key, None, &[factor, complement].concat());
            prop_assert_eq!(SM4.diversify(&own, Factor::new(factor)).as_bytes().to_vec(), derived);

            let session_key = encrypt("-sm4-ecb", &key, None, &[challenge, [0; 8]].concat());
            let session = SM4.session_key(&own, &challenge);
            let block = encrypt("-sm4-ecb", &session_key, None, &[factor, [0; 8]].concat());
            let folded: Vec<u8> = (0..8).map(|index| block[index] ^ block[index + 8]).collect();
            prop_assert_eq!(session.cryptogram(&factor).to_vec(), folded);

            let chain = encrypt("-sm4-cbc", &session_key, Some(&[0; 16]), &padded(&data, 16));
            prop_assert_eq!(session.mac(&[&data]), first_four(&last_block::<16>(&chain)));
            let chain = encrypt("-sm4-cbc", &key, Some(&[0; 16]), &padded(&data, 16));
            prop_assert_eq!(SM4.tac(&own, &[&data]), first_four(&last_block::<16>(&chain)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn sm3_agrees() {
    let mut runner = TestRunner::new(seeded::config(CASES));
    runner
        .run(&vec(any::<u8>(), 0..300), |data| {
            let middle = data.len() / 2;
            prop_assert_eq!(
                sm3(&[&data[..middle], &data[middle..]]).to_vec(),
                openssl(&["dgst", "-sm3", "-binary"], &data)
            );
            Ok(())
        })
        .unwrap();
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// SubjectPublicKeyInfo of a point on the SM2 curve, as OpenSSL reads it.
fn public_key_der(point: &[u8; 65]) -> Vec<u8> {
    let mut der = hex::decode("3059301306072A8648CE3D020106082A811CCF5501822D034200").unwrap();
    der.extend_from_slice(point);
    der
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take(31).take_while(|byte| **byte == 0).count();
    let bytes = &bytes[skip..];
    let sign = usize::from(bytes[0] & 0x80 != 0);
    let mut der = vec![0x02, (bytes.len() + sign) as u8];
    der.resize(2 + sign, 0);
    der.extend_from_slice(bytes);
    der
}

fn signature_der(signature: &[u8; 64]) -> Vec<u8> {
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [vec![0x30, body.len() as u8], body].concat()
}

/// `r || s` of a DER signature.
fn signature_from_der(der: &[u8]) -> [u8; 64] {
    let mut signature = [0; 64];
    let mut rest = &der[2..];
    for half in signature.chunks_mut(32) {
        let (length, value) = (usize::from(rest[1]), &rest[2..]);
        let value = &value[..length];
        let value = &value[value.len().saturating_sub(32)..];
        half[32 - value.len()..].copy_from_slice(value);
        rest = &rest[2 + length..];
    }
    signature
}

#[test]
fn openssl_verifies_our_signatures() {
    let folder = folder("sm2-ours");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut runner = TestRunner::new(seeded::config(CASES));
    runner
        .run(&(any::<[u8; 32]>(), vec(any::<u8>(), 1..100)), |(secret, message)| {
            let Ok(key) = SigningKey::new(DEFAULT_IDENTITY, &secret) else { return Ok(()) };
            let signature = key.sign(&message).unwrap();
            prop_assert_eq!(key.verifying_key().verify(&message, &signature), Ok(()));
            fs::write(path("key.der"), public_key_der(&key.verifying_key().to_bytes())).unwrap();
            fs::write(path("message"), &message).unwrap();
            fs::write(path("signature"), signature_der(&signature)).unwrap();
            let identity = format!("distid:{DEFAULT_IDENTITY}");
            let verify = |signature: &str| {
                Command::new("openssl")
                    .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-digest", "sm3"])
                    .args(["-inkey", &path("key.der"), "-in", &path("message"), "-sigfile", signature])
                    .args(["-pkeyopt", &identity])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .unwrap()
                    .success()
            };
            prop_assert!(verify(&path("signature")));
            // And it does not nod at everything.
            let mut changed = signature;
            changed[40] ^= 1;
            fs::write(path("changed"), signature_der(&changed)).unwrap();
            prop_assert!(!verify(&path("changed")));
            prop_assert!(key.verifying_key().verify(&message, &changed).is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn we_verify_signatures_of_openssl() {
    let folder = folder("sm2-theirs");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let key = path("key.pem");
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", &key], &[]);
    let der = openssl(&["pkey", "-in", &key, "-pubout", "-outform", "DER"], &[]);
    let point: [u8; 65] = *der.last_chunk().unwrap();
    let verifying = VerifyingKey::new(DEFAULT_IDENTITY, &point).unwrap();
    for length in [1, 31, 32, 33, 200] {
        let message = vec![length as u8; length];
        fs::write(path("message"), &message).unwrap();
        let identity = format!("distid:{DEFAULT_IDENTITY}");
        let message_path = path("message");
        let der = openssl(
            &[
                "pkeyutl",
                "-sign",
                "-inkey",
                &key,
                "-rawin",
                "-digest",
                "sm3",
                "-in",
                &message_path,
                "-pkeyopt",
                &identity,
            ],
            &[],
        );
        let signature = signature_from_der(&der);
        assert_eq!(verifying.verify(&message, &signature), Ok(()));
        assert!(verifying.verify(b"another", &signature).is_err());
        assert!(VerifyingKey::new("another", &point).unwrap().verify(&message, &signature).is_err());
    }
}

#[test]
fn what_the_standards_print() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/signature.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let vector = &file["signature"];
    let text = |field: &str| vector[field].as_str().unwrap();
    let bytes = |field: &str| hex::decode(text(field)).unwrap();
    let key = SigningKey::new(text("identity"), &bytes("secret").try_into().unwrap()).unwrap();
    assert_eq!(key.verifying_key().to_bytes().as_slice(), bytes("public"));
    let printed: [u8; 64] = bytes("signature").try_into().unwrap();
    assert_eq!(key.verifying_key().verify(text("message").as_bytes(), &printed), Ok(()));
    let own = key.sign(text("message").as_bytes()).unwrap();
    assert_eq!(key.verifying_key().verify(text("message").as_bytes(), &own), Ok(()));
    assert_eq!(key.sign(text("message").as_bytes()), Ok(own), "the same each time");
    assert!(key.verifying_key().verify(text("message").as_bytes(), &[0; 64]).is_err());
    assert!(SigningKey::new("", &[0; 32]).is_err() && VerifyingKey::new("", &[4; 65]).is_err());
    assert_eq!(format!("{key:?}"), "SigningKey(…)");
    for digest in file["digests"].as_array().unwrap() {
        let message = digest["message"].as_str().unwrap().as_bytes();
        assert_eq!(hex::encode_upper(sm3(&[message])), digest["digest"].as_str().unwrap());
    }
}
