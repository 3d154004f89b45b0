//! OpenSSL computes again what our cards, terminals and centers compute.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use card_spec::{
    key::{Factor, Key128},
    signature::{DEFAULT_IDENTITY, SigningKey, VerifyingKey, sm3},
    suite::{Sm4Session, Suite},
};
use protocol::signature::{Digest, PublicKey, Signature, Signed};
use ring::signature::Ed25519KeyPair;

/// Rounds of each comparison.
const ROUNDS: u64 = 12;

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn encipher(cipher: &str, key: &[u8], input: &[u8]) -> Vec<u8> {
    let key = hex::encode(key);
    let mut arguments = vec!["enc", cipher, "-nopad", "-K", &key];
    if cipher.ends_with("-cbc") {
        arguments.extend(["-iv", "00000000000000000000000000000000"]);
    }
    openssl(&arguments, input)
}

/// Bytes that differ by round and name and are the same in every run.
fn bytes<const N: usize>(round: u64, name: &str) -> [u8; N] {
    Digest::of(format!("{round} {name}").as_bytes()).0[..N].try_into().unwrap()
}

fn padded(data: &[u8], block: usize) -> Vec<u8> {
    let mut data = data.to_vec();
    data.push(0x80);
    data.resize(data.len().next_multiple_of(block), 0);
    data
}

fn twice(key: &[u8]) -> Vec<u8> {
    [key, key].concat()
}

#[test]
fn triple_des_suite() {
    for round in 0..ROUNDS {
        let key: [u8; 16] = bytes(round, "key");
        let factor: [u8; 8] = bytes(round, "factor");
        let challenge: [u8; 8] = bytes(round, "challenge");
        let data: [u8; 8] = bytes(round, "data");
        let suite = Suite::TripleDes;

        let inverse = factor.map(|byte| !byte);
        let expected = [encipher("-des-ede", &key, &factor), encipher("-des-ede", &key, &inverse)].concat();
        let child = suite.diversify(&Key128::new(key), Factor::new(factor));
        assert_eq!(child.as_bytes().as_slice(), expected, "round {round}");

        let session = encipher("-des-ede", &expected, &challenge);
        let ours = suite.session_key(&child, &challenge);
        assert_eq!(ours.cryptogram(&data).as_slice(), encipher("-des-ede", &twice(&session), &data));

        let message = &bytes::<32>(round, "message")[..(round as usize + 1)];
        let chained = encipher("-des-ede-cbc", &twice(&session), &padded(message, 8));
        assert_eq!(ours.mac(&[message]), chained[chained.len() - 8..][..4]);

        let tac_key: Vec<_> = expected[..8].iter().zip(&expected[8..]).map(|(a, b)| a ^ b).collect();
        let chained = encipher("-des-ede-cbc", &twice(&tac_key), &padded(message, 8));
        assert_eq!(suite.tac(&child, &[message]), chained[chained.len() - 8..][..4]);
    }
}

#[test]
fn sm4_suite() {
    for round in 0..ROUNDS {
        let key: [u8; 16] = bytes(round, "key");
        let factor: [u8; 8] = bytes(round, "factor");
        let challenge: [u8; 8] = bytes(round, "challenge");
        let data: [u8; 8] = bytes(round, "data");
        let suite = Suite::Sm4(Sm4Session::ZeroFill);

        let both: Vec<u8> = factor.iter().copied().chain(factor.map(|byte| !byte)).collect();
        let expected = encipher("-sm4-ecb", &key, &both);
        let child = suite.diversify(&Key128::new(key), Factor::new(factor));
        assert_eq!(child.as_bytes().as_slice(), expected, "round {round}");

        let session = encipher("-sm4-ecb", &expected, &[challenge, [0; 8]].concat());
        let block = encipher("-sm4-ecb", &session, &[data, [0; 8]].concat());
        let folded: Vec<_> = block[..8].iter().zip(&block[8..]).map(|(a, b)| a ^ b).collect();
        let ours = suite.session_key(&child, &challenge);
        assert_eq!(ours.cryptogram(&data).as_slice(), folded);

        let message = &bytes::<32>(round, "message")[..(round as usize + 1)];
        let chained = encipher("-sm4-cbc", &session, &padded(message, 16));
        assert_eq!(ours.mac(&[message]), chained[chained.len() - 16..][..4]);

        let chained = encipher("-sm4-cbc", &expected, &padded(message, 16));
        assert_eq!(suite.tac(&child, &[message]), chained[chained.len() - 16..][..4]);
    }
}

#[test]
fn sm3_digest() {
    for round in 0..ROUNDS {
        let message: Vec<u8> = (0..round * 37).map(|i| (i * 7 + round) as u8).collect();
        assert_eq!(sm3(&[&message]).as_slice(), openssl(&["dgst", "-sm3", "-binary"], &message));
    }
}

/// `SEQUENCE { INTEGER r, INTEGER s }` from the 64 bytes that cards carry.
fn der(signature: &[u8; 64]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let skip = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len() - 1);
        let mut value = bytes[skip..].to_vec();
        if value[0] & 0x80 != 0 {
            value.insert(0, 0);
        }
        [&[0x02, value.len() as u8][..], &value].concat()
    };
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [&[0x30, body.len() as u8][..], &body].concat()
}

/// The SubjectPublicKeyInfo of an SM2 key: algorithm id-ecPublicKey, curve 1.2.156.10197.1.301.
fn spki(point: &[u8; 65]) -> Vec<u8> {
    let head = hex::decode("3059301306072a8648ce3d020106082a811ccf5501822d034200").unwrap();
    [head, point.to_vec()].concat()
}

#[test]
fn sm2_signatures_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for round in 0..ROUNDS {
        let secret: [u8; 32] = bytes(round, "secret");
        let message = format!("社会保障 {round}");
        fs::write(path("message"), &message).unwrap();

        let ours = SigningKey::new(DEFAULT_IDENTITY, &secret).unwrap();
        fs::write(path("ours.der"), spki(&ours.verifying_key().to_bytes())).unwrap();
        fs::write(path("ours.sig"), der(&ours.sign(message.as_bytes()).unwrap())).unwrap();
        let distid = format!("distid:{DEFAULT_IDENTITY}");
        let verdict = openssl(
            &[
                "pkeyutl",
                "-verify",
                "-pubin",
                "-keyform",
                "DER",
                "-inkey",
                &path("ours.der"),
                "-rawin",
                "-digest",
            ]
            .into_iter()
            .chain(["sm3", "-in", &path("message"), "-sigfile", &path("ours.sig"), "-pkeyopt", &distid])
            .collect::<Vec<_>>(),
            &[],
        );
        assert!(String::from_utf8_lossy(&verdict).contains("Successfully"), "round {round}");

        openssl(&["genpkey", "-algorithm", "SM2", "-out", &path("theirs.pem")], &[]);
        let public = openssl(&["pkey", "-in", &path("theirs.pem"), "-pubout", "-outform", "DER"], &[]);
        let theirs = openssl(
            &[
                "pkeyutl",
                "-sign",
                "-inkey",
                &path("theirs.pem"),
                "-rawin",
                "-digest",
                "sm3",
                "-in",
                &path("message"),
            ]
            .into_iter()
            .chain(["-pkeyopt", &distid])
            .collect::<Vec<_>>(),
            &[],
        );
        let verifier = VerifyingKey::new(DEFAULT_IDENTITY, &public[public.len() - 65..]).unwrap();
        let signature = from_der(&theirs);
        verifier.verify(message.as_bytes(), &signature).unwrap();
        let mut forged = signature;
        forged[40] ^= 1;
        assert!(verifier.verify(message.as_bytes(), &forged).is_err());
    }
}

fn from_der(der: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    let mut at = 2;
    for half in 0..2 {
        let length = der[at + 1] as usize;
        let value = &der[at + 2..at + 2 + length];
        let value = &value[length.saturating_sub(32)..];
        out[half * 32 + 32 - value.len()..half * 32 + 32].copy_from_slice(value);
        at += 2 + length;
    }
    out
}

#[test]
fn ed25519_documents() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let pair = Ed25519KeyPair::from_seed_unchecked(&bytes::<32>(0, "seed")).unwrap();
    let document = Signed::new(&pair, "jinbao test 1", &"四十二").unwrap();
    let head = hex::decode("302a300506032b6570032100").unwrap();
    fs::write(path("key.der"), [head, PublicKey::of(&pair).0.to_vec()].concat()).unwrap();
    fs::write(path("message"), ["jinbao test 1\0", &document.text].concat()).unwrap();
    let verify = |signature: &Signature| {
        fs::write(path("sig"), signature.0).unwrap();
        Command::new("openssl")
            .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &path("key.der"), "-rawin"])
            .args(["-in", &path("message"), "-sigfile", &path("sig")])
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(verify(&document.signature));
    let mut forged = document.signature;
    forged.0[0] ^= 1;
    assert!(!verify(&forged));
}
