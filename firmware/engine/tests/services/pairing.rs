//! The secret that board and terminal share. `ring` judges what the board computes and verifies.

use engine::trace::Event;
use engine::vault::{ChanceError, VaultError};
use reader_protocol::escape::{
    Challenge, Pairing, Proof, Request, Status, TamperState, pair_message, proof_message,
};
use reader_protocol::vault::Contents;
use ring::hmac;
use ring::signature::Ed25519KeyPair;

use crate::bench::{Bench, SERIAL, key, public, sign};
use crate::hardware::FakeVault;

pub(crate) const SECRET: [u8; 32] = [0x5E; 32];

/// Pairs a board that has no authority.
pub(crate) fn pair(bench: &mut Bench, authority: &Ed25519KeyPair) {
    let authority = public(authority);
    let pairing = Pairing { secret: &SECRET, authority: &authority, authorisation: None };
    bench.order(&Request::Pair(pairing));
}

/// Asks for a proof and lets `ring` judge it.
pub(crate) fn proves(bench: &mut Bench, secret: &[u8; 32], challenge: [u8; 32]) -> bool {
    let proof: Proof = bench.read(&Request::Prove { challenge: &challenge });
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, &proof_message(&challenge, &SERIAL, &proof.tamper), &proof.mac).is_ok()
}

/// The authority's word for a new pairing.
fn authorise(bench: &mut Bench, authority: &Ed25519KeyPair, secret: &[u8; 32], next: &[u8; 32]) -> [u8; 64] {
    let challenge: Challenge = bench.read(&Request::Challenge);
    sign(authority, &pair_message(&SERIAL, &challenge, secret, next))
}

#[test]
fn pair_and_prove() {
    let mut bench = Bench::new();
    assert_eq!(bench.status(&Request::Prove { challenge: &[1; 32] }), Status::NotPaired);
    let authority = key(1);
    pair(&mut bench, &authority);
    let state = TamperState { is_paired: true, has_authority: true, ..TamperState::default() };
    assert_eq!(bench.tamper_state(), state);
    assert!(proves(&mut bench, &SECRET, [1; 32]));
    assert!(proves(&mut bench, &SECRET, [2; 32]));
    assert!(!proves(&mut bench, &[0x5F; 32], [1; 32]));
    let contents = bench.vault.contents().unwrap();
    assert_eq!((contents.secret, contents.authority), (Some(SECRET), Some(public(&authority))));

    // It is still paired after a reset.
    bench.restart();
    bench.run_millis(10);
    assert!(proves(&mut bench, &SECRET, [3; 32]));
}

/// Once it has an authority, a board obeys only that.
#[test]
fn pair_anew() {
    let mut bench = Bench::new();
    let (authority, thief) = (key(1), key(2));
    pair(&mut bench, &authority);
    let (secret, next) = ([0x11; 32], public(&thief));
    let unauthorised = Pairing { secret: &secret, authority: &next, authorisation: None };
    assert_eq!(bench.status(&Request::Pair(unauthorised)), Status::AlreadyPaired);
    let zero = [0; 64];
    let unasked = Pairing { authorisation: Some(&zero), ..unauthorised };
    assert_eq!(bench.status(&Request::Pair(unasked)), Status::NoChallenge);

    let by_thief = authorise(&mut bench, &thief, &secret, &next);
    let request = Request::Pair(Pairing { authorisation: Some(&by_thief), ..unauthorised });
    assert_eq!(bench.status(&request), Status::SignatureWrong);

    // A signature is for one secret, one new authority, one challenge, once.
    let signature = authorise(&mut bench, &authority, &[0x12; 32], &next);
    let request = Request::Pair(Pairing { authorisation: Some(&signature), ..unauthorised });
    assert_eq!(bench.status(&request), Status::SignatureWrong, "another secret");
    let signature = authorise(&mut bench, &authority, &secret, &public(&authority));
    let request = Request::Pair(Pairing { authorisation: Some(&signature), ..unauthorised });
    assert_eq!(bench.status(&request), Status::SignatureWrong, "another authority");
    let signature = authorise(&mut bench, &authority, &secret, &next);
    let request = Request::Pair(Pairing { authorisation: Some(&signature), ..unauthorised });
    bench.status(&Request::Challenge);
    assert_eq!(bench.status(&request), Status::SignatureWrong, "an older challenge");
    assert!(proves(&mut bench, &SECRET, [1; 32]), "nothing has changed");

    let signature = authorise(&mut bench, &authority, &secret, &next);
    let request = Request::Pair(Pairing { authorisation: Some(&signature), ..unauthorised });
    bench.order(&request);
    assert!(proves(&mut bench, &secret, [1; 32]));
    assert!(!bench.vault.holds(&SECRET));
    assert_eq!(bench.status(&request), Status::NoChallenge, "replayed");
    bench.status(&Request::Challenge);
    assert_eq!(bench.status(&request), Status::SignatureWrong, "replayed");
    assert_eq!(bench.desk.trace().of(Event::Refused), 6);
}

#[test]
fn keys_that_are_none() {
    let mut bench = Bench::new();
    let authority = public(&key(1));
    let zero = [0; 32];
    let pairing = Pairing { secret: &zero, authority: &authority, authorisation: None };
    assert_eq!(bench.status(&Request::Pair(pairing)), Status::Malformed);
    // 2 is the y of no point of the curve.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let pairing = Pairing { secret: &SECRET, authority: &no_point, authorisation: None };
    assert_eq!(bench.status(&Request::Pair(pairing)), Status::Malformed);
    assert_eq!(bench.tamper_state(), TamperState::default());
}

#[test]
fn a_vault_that_fails() {
    let mut bench = Bench::new();
    bench.vault.write_error.set(Some(VaultError::Failed));
    let authority = public(&key(1));
    let pairing = Pairing { secret: &SECRET, authority: &authority, authorisation: None };
    assert_eq!(bench.status(&Request::Pair(pairing)), Status::VaultFailed);
    assert_eq!(bench.tamper_state(), TamperState::default());
    bench.vault.write_error.set(None);
    bench.order(&Request::Pair(pairing));
    bench.vault.read_error.set(Some(VaultError::Failed));
    assert_eq!(bench.status(&Request::Prove { challenge: &[1; 32] }), Status::VaultFailed);
    bench.vault.read_error.set(None);
    assert!(proves(&mut bench, &SECRET, [1; 32]));
}

/// A vault that is not there yet: every question about it says so, and everything else works.
#[test]
fn a_vault_that_is_late() {
    let vault = FakeVault::new(&Contents::default());
    vault.read_error.set(Some(VaultError::NotReady));
    let mut bench = Bench::with_vault(vault);
    bench.run_millis(1_000);
    let authority = public(&key(1));
    let pairing = Pairing { secret: &SECRET, authority: &authority, authorisation: None };
    for request in [
        Request::TamperState,
        Request::TamperLog { index: 0 },
        Request::Challenge,
        Request::TamperClear { signature: &[0; 64] },
        Request::Pair(pairing),
        Request::Prove { challenge: &[1; 32] },
    ] {
        assert_eq!(bench.status(&request), Status::Busy, "{request:?}");
    }
    assert_eq!(bench.status(&Request::Identify), Status::Done);
    bench.vault.read_error.set(Some(VaultError::Failed));
    bench.run_millis(100);
    assert_eq!(bench.status(&Request::TamperState), Status::VaultFailed);
    bench.vault.read_error.set(None);
    bench.run_millis(100);
    assert_eq!(bench.tamper_state(), TamperState::default());
    pair(&mut bench, &key(1));
}

#[test]
fn chance_that_fails() {
    let mut bench = Bench::new();
    bench.chance.error.set(Some(ChanceError::NotReady));
    assert_eq!(bench.status(&Request::Challenge), Status::Busy);
    bench.chance.error.set(Some(ChanceError::Failed));
    assert_eq!(bench.status(&Request::Challenge), Status::NoChance);
    bench.chance.error.set(None);
    assert_eq!(bench.status(&Request::Challenge), Status::Done);
}
