//! Openings of the case, at every moment, and who may clear them.

use engine::trace::Event;
use engine::vault::VaultError;
use proptest::prelude::*;
use reader_protocol::ef01::Instruction;
use reader_protocol::escape::{
    Cause, Challenge, FingerFailure, FingerOutcome, FingerState, FingerTask, LOG_ENTRIES_MAX, LogEntry,
    Pairing, Request, Status, TamperState, clear_message,
};
use reader_protocol::vault::{Contents, Log};
use ring::signature::Ed25519KeyPair;

use crate::bench::{Bench, SERIAL, done, failed, key, maker, public, sign};
use crate::hardware::FakeVault;
use crate::pairing::{SECRET, pair, proves};
use crate::seeded;

const PROVE: Request<'_> = Request::Prove { challenge: &[1; 32] };

fn signed_challenge(bench: &mut Bench, authority: &Ed25519KeyPair) -> [u8; 64] {
    let challenge: Challenge = bench.read(&Request::Challenge);
    sign(authority, &clear_message(&SERIAL, &challenge))
}

fn clear(bench: &mut Bench, authority: &Ed25519KeyPair) -> Status {
    let signature = signed_challenge(bench, authority);
    bench.status(&Request::TamperClear { signature: &signature })
}

#[test]
fn an_opening_costs_everything() {
    let mut bench = Bench::new();
    pair(&mut bench, &key(1));
    bench.module.borrow_mut().library.insert(7, vec![1; 512]);
    bench.module.borrow_mut().buffers[0] = vec![1; 512];
    bench.run_millis(4_000);
    assert!(bench.vault.holds(&SECRET[..8]));

    bench.panel.is_open.set(true);
    // One look at the switch is enough.
    bench.run_millis(21);
    assert!(!bench.vault.holds(&SECRET[..8]), "the secret is gone at once");
    let state = TamperState {
        is_latched: true,
        is_open: true,
        is_paired: false,
        has_authority: true,
        count: 1,
        entries: 1,
    };
    assert_eq!(bench.tamper_state(), state);
    assert_eq!(bench.status(&PROVE), Status::Tampered);
    assert_eq!(bench.status(&Request::FingerStart(FingerTask::Count)), Status::Tampered);
    assert_eq!(bench.status(&Request::UpdateBegin(&[1; 64])), Status::Tampered);
    let entry: LogEntry = bench.read(&Request::TamperLog { index: 0 });
    assert_eq!(entry, LogEntry { count: 1, cause: Cause::CaseOpened, uptime_s: 5 });
    assert_eq!(bench.status(&Request::TamperLog { index: 1 }), Status::NoEntry);
    assert_eq!(bench.desk.trace().of(Event::Tampered), 1);

    bench.run_millis(1_000);
    assert!(bench.module.borrow().library.is_empty());
    assert!(bench.module.borrow().buffers[0].is_empty());
    // Red blinks fast, the rest is dark.
    let mut seen = [[false; 2]; 3];
    for _ in 0..100 {
        bench.run_millis(10);
        for (lamp, is_on) in seen.iter_mut().zip(bench.panel.lamps.get()) {
            lamp[usize::from(is_on)] = true;
        }
    }
    assert_eq!(seen, [[true, false], [true, false], [true, true]]);

    // Closing it changes nothing but that, nor does a reset.
    bench.panel.is_open.set(false);
    bench.run_millis(200);
    assert_eq!(bench.tamper_state(), TamperState { is_open: false, ..state });
    bench.restart();
    bench.run_millis(1_000);
    assert_eq!(bench.tamper_state(), TamperState { is_open: false, ..state });
    assert_eq!(bench.read::<LogEntry>(&Request::TamperLog { index: 0 }), entry);
}

#[test]
fn only_the_authority_clears() {
    let mut bench = Bench::new();
    let (authority, thief) = (key(1), key(2));
    pair(&mut bench, &authority);
    assert_eq!(clear(&mut bench, &authority), Status::NotTampered);
    bench.panel.is_open.set(true);
    bench.run_millis(30);
    assert_eq!(clear(&mut bench, &authority), Status::CaseOpen);
    bench.panel.is_open.set(false);
    bench.run_millis(200);
    assert_eq!(bench.status(&Request::TamperClear { signature: &[0; 64] }), Status::NoChallenge);
    assert_eq!(clear(&mut bench, &thief), Status::SignatureWrong);
    assert_eq!(clear(&mut bench, &maker()), Status::SignatureWrong, "an authority is known");

    // A challenge is good for one answer, right or wrong.
    let signature = signed_challenge(&mut bench, &authority);
    assert_eq!(bench.status(&Request::TamperClear { signature: &[0; 64] }), Status::SignatureWrong);
    assert_eq!(bench.status(&Request::TamperClear { signature: &signature }), Status::NoChallenge);
    // A newer challenge makes an older one worthless.
    let signature = signed_challenge(&mut bench, &authority);
    let newer: Challenge = bench.read(&Request::Challenge);
    assert_eq!(bench.status(&Request::TamperClear { signature: &signature }), Status::SignatureWrong);
    assert_ne!(newer.bytes, [0; 32]);
    // So does a reset, and another opening.
    let signature = signed_challenge(&mut bench, &authority);
    bench.restart();
    bench.run_millis(100);
    assert_eq!(bench.status(&Request::TamperClear { signature: &signature }), Status::NoChallenge);
    let signature = signed_challenge(&mut bench, &authority);
    bench.open_and_close();
    assert_eq!(bench.status(&Request::TamperClear { signature: &signature }), Status::NoChallenge);
    assert_eq!(bench.tamper_state().count, 2);

    // Every bit of the signature counts.
    for bit in (0..512).step_by(37) {
        let mut signature = signed_challenge(&mut bench, &authority);
        signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(bench.status(&Request::TamperClear { signature: &signature }), Status::SignatureWrong);
    }
    assert!(bench.tamper_state().is_latched);

    let signature = signed_challenge(&mut bench, &authority);
    let request = Request::TamperClear { signature: &signature };
    bench.order(&request);
    let state = bench.tamper_state();
    assert!(!state.is_latched && !state.is_paired && state.has_authority);
    assert!(!bench.vault.contents().unwrap().is_latched);
    assert_eq!(bench.status(&PROVE), Status::NotPaired);
    // The log stays, and the word of that day clears nothing else.
    assert_eq!(state.entries, 2);
    bench.open_and_close();
    assert_eq!(bench.status(&request), Status::NoChallenge);
    bench.status(&Request::Challenge);
    assert_eq!(bench.status(&request), Status::SignatureWrong, "replayed");
    assert_eq!(clear(&mut bench, &authority), Status::Done);
}

/// Signatures for another board, another count or another purpose clear nothing.
#[test]
fn signatures_over_something_else() {
    let mut bench = Bench::new();
    let authority = key(1);
    pair(&mut bench, &authority);
    bench.open_and_close();
    let challenge: Challenge = bench.read(&Request::Challenge);
    let other_board = sign(&authority, &clear_message(&Default::default(), &challenge));
    assert_eq!(bench.status(&Request::TamperClear { signature: &other_board }), Status::SignatureWrong);
    let challenge: Challenge = bench.read(&Request::Challenge);
    let other_count = Challenge { count: challenge.count + 1, ..challenge };
    let other_count = sign(&authority, &clear_message(&SERIAL, &other_count));
    assert_eq!(bench.status(&Request::TamperClear { signature: &other_count }), Status::SignatureWrong);
    let challenge: Challenge = bench.read(&Request::Challenge);
    let pairing = reader_protocol::escape::pair_message(&SERIAL, &challenge, &[1; 32], &[2; 32]);
    let for_pairing = sign(&authority, &pairing);
    assert_eq!(bench.status(&Request::TamperClear { signature: &for_pairing }), Status::SignatureWrong);
    assert_eq!(clear(&mut bench, &authority), Status::Done);
}

/// An erased or damaged vault is an opening; the maker clears it, and it can be paired like a new board.
#[test]
fn a_lost_vault() {
    for bytes in [[0; 80], [0xFF; 80], {
        let mut bytes = Contents::default().to_bytes();
        bytes[40] ^= 1;
        bytes
    }] {
        let vault = FakeVault::new(&Contents::default());
        *vault.bytes.borrow_mut() = bytes;
        let mut bench = Bench::with_vault(vault);
        bench.run_millis(1_000);
        let state = bench.tamper_state();
        let expected = TamperState { is_latched: true, count: 1, entries: 1, ..TamperState::default() };
        assert_eq!(state, expected);
        let entry: LogEntry = bench.read(&Request::TamperLog { index: 0 });
        assert_eq!(entry, LogEntry { count: 1, cause: Cause::VaultLost, uptime_s: 0 });
        let authority = public(&key(1));
        let pairing = Pairing { secret: &SECRET, authority: &authority, authorisation: None };
        assert_eq!(bench.status(&Request::Pair(pairing)), Status::Tampered);
        assert_eq!(clear(&mut bench, &key(1)), Status::SignatureWrong);
        assert_eq!(clear(&mut bench, &maker()), Status::Done);
        bench.order(&Request::Pair(pairing));
        assert!(proves(&mut bench, &SECRET, [9; 32]));
    }
}

/// The hardware erases the vault while the board runs: found within a second, told once, the authority stays.
#[test]
fn erased_while_running() {
    let mut bench = Bench::new();
    let authority = key(1);
    pair(&mut bench, &authority);
    bench.vault.erase();
    assert_eq!(bench.status(&PROVE), Status::VaultFailed);
    bench.run_millis(1_100);
    let state = bench.tamper_state();
    assert!(state.is_latched && !state.is_paired && state.has_authority);
    assert_eq!(state.count, 1);
    // It goes on erasing what is put back, as long as its own latch is set.
    for _ in 0..5 {
        bench.vault.erase();
        bench.run_millis(1_100);
    }
    assert_eq!(bench.tamper_state(), state);
    assert!(bench.vault.contents().unwrap().is_latched);
    assert_eq!(clear(&mut bench, &authority), Status::Done);
}

/// Switch and hardware at the same moment: one opening.
#[test]
fn switch_and_erasure_together() {
    let mut bench = Bench::new();
    pair(&mut bench, &key(1));
    bench.panel.is_open.set(true);
    bench.vault.erase();
    bench.run_millis(3_000);
    let state = bench.tamper_state();
    assert!(state.is_latched && state.is_open);
    assert!(state.count <= 2, "{}", state.count);
}

/// A vault that does not take the latch is written as soon as it does, and the board is latched meanwhile.
#[test]
fn a_vault_that_does_not_take_it() {
    let mut bench = Bench::new();
    pair(&mut bench, &key(1));
    bench.vault.write_error.set(Some(VaultError::Failed));
    bench.panel.is_open.set(true);
    bench.run_millis(500);
    assert!(bench.tamper_state().is_latched);
    assert_eq!(bench.status(&PROVE), Status::Tampered);
    assert!(bench.vault.holds(&SECRET[..8]));
    bench.vault.write_error.set(None);
    bench.run_millis(50);
    assert!(!bench.vault.holds(&SECRET[..8]));
    assert!(bench.vault.contents().unwrap().is_latched);
}

/// Opened before the vault could be read: nothing that it remembers is lost, but the secret.
#[test]
fn opened_before_the_vault_is_there() {
    let contents = Contents {
        is_latched: false,
        count: 4,
        secret: Some(SECRET),
        authority: Some(public(&key(1))),
        log: Log::new(),
    };
    let vault = FakeVault::new(&contents);
    vault.read_error.set(Some(VaultError::NotReady));
    let mut bench = Bench::with_vault(vault);
    bench.panel.is_open.set(true);
    bench.run_millis(100);
    assert_eq!(bench.status(&Request::FingerStart(FingerTask::Count)), Status::Tampered);
    bench.vault.read_error.set(None);
    bench.run_millis(100);
    assert!(!bench.vault.holds(&SECRET[..8]));
    let state = bench.tamper_state();
    assert_eq!((state.count, state.entries, state.is_latched), (5, 1, true));
    assert_eq!(bench.read::<LogEntry>(&Request::TamperLog { index: 0 }).count, 5);
    bench.panel.is_open.set(false);
    bench.run_millis(200);
    assert_eq!(clear(&mut bench, &key(1)), Status::Done);
}

/// A board that begins with an open case: news when the latch was not set, none when it was.
#[test]
fn begins_open() {
    let mut bench = Bench::with_vault(FakeVault::new(&Contents::default()));
    bench.panel.is_open.set(true);
    bench.run_millis(100);
    assert_eq!(bench.tamper_state().count, 1);
    bench.restart();
    bench.run_millis(100);
    let state = bench.tamper_state();
    assert!(state.is_latched && state.is_open);
    assert_eq!(state.count, 1);
}

/// The log holds the last eight, in order, also over a reset.
#[test]
fn the_last_eight() {
    let mut bench = Bench::new();
    for opening in 1..=12u16 {
        bench.open_and_close();
        assert_eq!(bench.tamper_state().count, opening);
    }
    for _ in 0..2 {
        assert_eq!(usize::from(bench.tamper_state().entries), LOG_ENTRIES_MAX);
        let entries: Vec<LogEntry> = (0..8).map(|index| bench.read(&Request::TamperLog { index })).collect();
        let counts: Vec<u16> = entries.iter().map(|entry| entry.count).collect();
        assert_eq!(counts, [12, 11, 10, 9, 8, 7, 6, 5]);
        assert!(entries.windows(2).all(|pair| pair[0].uptime_s >= pair[1].uptime_s));
        assert_eq!(bench.status(&Request::TamperLog { index: 8 }), Status::NoEntry);
        bench.restart();
        bench.run_millis(100);
    }
}

/// A switch that bounces is one opening.
#[test]
fn a_bouncing_switch() {
    let mut bench = Bench::new();
    for step in 0..40 {
        bench.panel.is_open.set(step % 2 == 0);
        bench.run_millis(5);
    }
    bench.panel.is_open.set(false);
    bench.run_millis(300);
    assert_eq!(bench.tamper_state().count, 1);
}

/// Opened at every moment of a capture and its transfer: not one byte can be fetched afterwards, the task says
/// why, and the module forgets its templates however much it still had to say.
#[test]
fn at_every_moment_of_a_transfer() {
    for after_ms in (0..200).step_by(3).chain((200..7_500).step_by(331)) {
        let mut bench = Bench::new();
        bench.module.borrow_mut().has_finger = true;
        bench.module.borrow_mut().library.insert(3, vec![9; 512]);
        bench.order(&Request::FingerStart(FingerTask::CaptureImage { timeout_ms: 500 }));
        let opening = bench.clock.nanos() + after_ms * 1_000_000;
        let mut sequence = 0;
        while bench.clock.nanos() < opening {
            let (status, body) = bench.ask(&Request::FingerFetch { sequence });
            if status == Status::Done && body.len() > 3 {
                sequence += 1;
            }
            bench.run_millis(1);
        }
        let was_running = matches!(
            bench.finger_state(),
            FingerState::WaitingForFinger | FingerState::Busy | FingerState::Transferring { .. }
        );
        bench.panel.is_open.set(true);
        bench.run_millis(21);
        for sequence in [sequence.saturating_sub(1), sequence] {
            let status = bench.status(&Request::FingerFetch { sequence });
            assert_eq!(status, Status::NothingToFetch, "{after_ms}");
        }
        if was_running {
            assert_eq!(bench.finger_state(), failed(FingerFailure::Tampered), "{after_ms}");
        }
        bench.run_millis(12_000);
        assert!(bench.module.borrow().library.is_empty(), "{after_ms}");
        assert_eq!(bench.module.borrow().heard.last(), Some(&Instruction::Empty));
    }
}

/// A module that was unplugged before the opening forgets when it is back, and the board tries for half a minute.
#[test]
fn a_module_that_comes_back() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().library.insert(3, vec![9; 512]);
    bench.module.borrow_mut().unplug();
    bench.open_and_close();
    bench.run_millis(20_000);
    assert!(!bench.module.borrow().library.is_empty());
    bench.module.borrow_mut().is_plugged = true;
    bench.run_millis(10_000);
    assert!(bench.module.borrow().library.is_empty());
    assert_eq!(clear(&mut bench, &maker()), Status::Done);
    assert!(matches!(bench.task(FingerTask::Count, 1_000), FingerState::Done(_)));
}

/// One that comes back when nobody tries any more forgets before it does anything else.
#[test]
fn a_module_that_comes_back_late() {
    let mut bench = Bench::new();
    bench.module.borrow_mut().library.insert(3, vec![9; 512]);
    bench.module.borrow_mut().unplug();
    bench.open_and_close();
    bench.run_millis(60_000);
    assert_eq!(clear(&mut bench, &maker()), Status::Done);
    assert_eq!(bench.task(FingerTask::Count, 5_000), failed(FingerFailure::Silent));
    bench.module.borrow_mut().is_plugged = true;
    assert_eq!(bench.task(FingerTask::Count, 5_000), done(FingerOutcome::Count(0)));
    assert!(bench.module.borrow().library.is_empty());
    // Once is enough.
    bench.module.borrow_mut().library.insert(4, vec![8; 512]);
    assert_eq!(bench.task(FingerTask::Count, 5_000), done(FingerOutcome::Count(1)));
}

#[derive(Clone, Debug)]
enum Act {
    Open,
    Close,
    Wait(u64),
    Pair(u8),
    Clear(u8),
    Challenge,
    Restart,
    Erase,
    Prove,
    VaultError(Option<bool>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Open),
        2 => Just(Act::Close),
        4 => (1u64..2_000).prop_map(Act::Wait),
        2 => (1u8..3).prop_map(Act::Pair),
        2 => (0u8..3).prop_map(Act::Clear),
        1 => Just(Act::Challenge),
        1 => Just(Act::Restart),
        1 => Just(Act::Erase),
        1 => Just(Act::Prove),
        1 => proptest::option::of(any::<bool>()).prop_map(Act::VaultError),
    ]
}

/// Whatever happens in whatever order: a set latch never stands beside a secret, only a clearing takes it away,
/// and a board that has opened once never proves anything before it is paired anew.
#[test]
fn any_order() {
    proptest!(seeded::config(400), |(acts in proptest::collection::vec(act(), 1..40))| {
        let mut bench = Bench::new();
        let mut was_latched = false;
        for act in acts {
            let mut is_cleared = false;
            match act {
                Act::Open => bench.panel.is_open.set(true),
                Act::Close => bench.panel.is_open.set(false),
                Act::Wait(millis) => bench.run_millis(millis),
                Act::Pair(seed) => {
                    let authority = public(&key(seed));
                    let pairing = Pairing { secret: &SECRET, authority: &authority, authorisation: None };
                    let status = bench.status(&Request::Pair(pairing));
                    prop_assert!(!(was_latched && status == Status::Done));
                }
                Act::Clear(seed) => {
                    let authority = if seed == 0 { maker() } else { key(seed) };
                    if let (Status::Done, body) = bench.ask(&Request::Challenge) {
                        let challenge = <Challenge as reader_protocol::escape::Body>::read(&body).unwrap();
                        let signature = sign(&authority, &clear_message(&SERIAL, &challenge));
                        let request = Request::TamperClear { signature: &signature };
                        is_cleared = bench.status(&request) == Status::Done;
                    }
                }
                Act::Challenge => {
                    bench.status(&Request::Challenge);
                }
                Act::Restart => {
                    // What the vault did not take is lost with the power.
                    let is_kept = bench.vault.write_error.get().is_none() && bench.vault.read_error.get().is_none();
                    bench.run_millis(50);
                    bench.restart();
                    bench.run_millis(50);
                    was_latched &= is_kept;
                }
                Act::Erase => bench.vault.erase(),
                Act::Prove => {
                    let status = bench.status(&PROVE);
                    prop_assert!(!(was_latched && status == Status::Done));
                }
                Act::VaultError(error) => {
                    let of = |wanted| (error == Some(wanted)).then_some(VaultError::Failed);
                    bench.vault.read_error.set(of(false));
                    bench.vault.write_error.set(of(true));
                }
            }
            bench.run_millis(1);
            if let (Status::Done, body) = bench.ask(&Request::TamperState) {
                let state = <TamperState as reader_protocol::escape::Body>::read(&body).unwrap();
                prop_assert!(!(state.is_latched && state.is_paired));
                prop_assert!(state.is_latched || !was_latched || is_cleared, "the latch is gone");
                was_latched = state.is_latched;
                if let Some(contents) = bench.vault.contents() {
                    prop_assert!(!(contents.is_latched && contents.secret.is_some()));
                }
            }
        }
    });
}
