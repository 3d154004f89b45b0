//! What the board has beside its slots, by the terminal's own driver: lamps, tamper latch, pairing, fingers.

use std::{
    thread,
    time::{Duration, Instant},
};

use hal::{
    board::{self, Board, BoardError, BoardReport},
    fingerprint::{
        FingerprintError, FingerprintSensor, Guide, Ring, Template, Wish, board::BoardModule,
        sensor::ModuleSensor,
    },
    indicator::{Indicator, IndicatorError, Lamp, Tone, board::BoardIndicator},
    pcsc::{Hint, Limits, PcscSlot},
    slot::CardSlot,
};
use reader_protocol::{
    ef01::Parameters,
    emulated_panel::MAKER_SECRET,
    escape::{Cause, Event, Status},
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sim::{
    board::BoardReader,
    chip::SharedChip,
    line::{Manner, Pace},
    module::{Condition, Fault, Finger, IMAGE_HEIGHT, IMAGE_WIDTH, Module},
    pcscd::{Model, Slot},
};

use crate::bench::{Memory, insert, notice, with_board};

const SECRET: [u8; 32] = [0x5A; 32];
const CHALLENGE: [u8; 32] = [0x11; 32];

fn board_of(emulated: &BoardReader) -> Board {
    Board::new(emulated.slot_name(Slot::Card).unwrap())
}

/// Signs as somebody with this seed.
fn signer(seed: [u8; 32]) -> impl Fn(&[u8]) -> [u8; 64] + Send + Copy {
    move |message| key(seed).sign(message).as_ref().try_into().unwrap()
}

fn key(seed: [u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

/// A board whose latch the maker has cleared, as it leaves the factory.
fn cleared(emulated: &BoardReader) -> Board {
    let board = board_of(emulated);
    board.clear_tamper(signer(MAKER_SECRET)).unwrap();
    board
}

/// A module that sends as fast as a real one at 19200 baud: what comes all at once overruns any board, and at
/// 57600 the host has a sixth of a second to fetch, which a machine that runs many tests does not always have.
fn paced(emulated: &BoardReader) -> &Module {
    let module = emulated.module();
    module.set_parameters(Parameters { baud_factor: 2, ..Parameters::FACTORY });
    module.set_pace(Pace::Real);
    module
}

fn sensor(board: &Board) -> ModuleSensor<BoardModule> {
    ModuleSensor::new(BoardModule::new(board.clone()))
}

fn go_on(_: Guide) -> Wish {
    Wish::GoOn
}

/// Lays a finger on and takes it off as the person is told.
fn obeying(module: &Module, finger: Finger, condition: Condition) -> impl FnMut(Guide) -> Wish + '_ {
    move |guide| {
        match guide {
            Guide::PlaceFinger if !module.is_touched() => module.put_on(finger, condition),
            Guide::LiftFinger => module.take_off(),
            _ => {}
        }
        Wish::GoOn
    }
}

#[test]
fn the_board_says_who_it_is() {
    with_board("beside::the_board_says_who_it_is", Model::Sec1210, |emulated| {
        let board = board_of(emulated);
        let identity = board.identify().unwrap();
        assert_eq!((identity.slots, identity.board.as_str()), (2, "mps2-an386"));
        assert_eq!(identity.version, board::FIRMWARE_VERSION);
        let before = board.counters().unwrap();
        assert!(board.counters().unwrap().of(Event::Command) > before.of(Event::Command));
        // A vault without a battery: as far as anybody can tell the case was opened.
        let state = board.tamper().unwrap();
        assert!(state.is_latched && !state.is_open && !state.is_paired && !state.has_authority, "{state:?}");
        assert_eq!(board.tamper_log().unwrap()[0].cause, Cause::VaultLost);
        let reader = emulated.slot_name(Slot::Card).unwrap().to_owned();
        assert_eq!(
            BoardReport::of(&board).hints(),
            [Hint::BoardTampered { reader: reader.clone(), case_open: false }]
        );
        let found = board::find(&Limits::default()).unwrap();
        assert_eq!(found.len(), 1, "both slots are one board: {found:?}");
        assert_eq!(found[0].reader, reader);
        cleared(emulated);
        assert_eq!(BoardReport::of(&board).hints(), []);
        assert_eq!(
            board.update(&[0; 700], |_| ()).err(),
            Some(BoardError::Image(reader_protocol::image::HeaderError::Magic))
        );
    });
}

#[test]
fn lamps_and_buzzer() {
    with_board("beside::lamps_and_buzzer", Model::Sec1210, |emulated| {
        let mut indicator = BoardIndicator::new(cleared(emulated));
        let panel = emulated.panel();
        for (lamp, lit) in [(Lamp::Ready, 0), (Lamp::Busy, 1), (Lamp::Fault, 2)] {
            indicator.lamp(lamp, true).unwrap();
            assert!(panel.wait(|signs| [signs.ready, signs.busy, signs.fault][lit], 5_000), "{lamp:?}");
        }
        indicator.lamp(Lamp::Fault, false).unwrap();
        assert!(panel.wait(|signs| signs.ready && !signs.fault, 5_000));
        let _ = panel.take_changes();
        indicator.sound(Tone::Attention).unwrap();
        assert!(panel.wait(|signs| signs.buzzer, 5_000));
        thread::sleep(Duration::from_millis(400));
        let loud: Vec<bool> = panel.take_changes().iter().map(|change| change.signs.buzzer).collect();
        assert_eq!(loud, [true, false, true, false], "two beeps");
        assert_eq!(indicator.tampered(), Ok(false));
    });
}

#[test]
fn the_latch_is_cleared_by_its_authority_only() {
    with_board("beside::the_latch_is_cleared_by_its_authority_only", Model::Sec1210, |emulated| {
        let board = board_of(emulated);
        let (authority, other) = (signer([7; 32]), signer([8; 32]));
        let authority_key: [u8; 32] = key([7; 32]).public_key().as_ref().try_into().unwrap();

        // Tampered from the beginning: nobody pairs it, its fingers are refused, strangers clear nothing.
        assert_eq!(board.pair(&SECRET, &authority_key, other), Err(BoardError::Refused(Status::Tampered)));
        assert_eq!(board.clear_tamper(other), Err(BoardError::Refused(Status::SignatureWrong)));
        let tampered = BoardError::Refused(Status::Tampered);
        assert_eq!(sensor(&board).probe(), Err(FingerprintError::Board(tampered)));
        board.clear_tamper(signer(MAKER_SECRET)).unwrap();
        assert_eq!(board.clear_tamper(signer(MAKER_SECRET)), Err(BoardError::Refused(Status::NotTampered)));

        // Paired by its first terminal, never by another without the first one's authority.
        assert_eq!(board.prove(&SECRET, &CHALLENGE), Err(BoardError::Refused(Status::NotPaired)));
        board.pair(&SECRET, &authority_key, |_| panic!("no authority is asked yet")).unwrap();
        assert!(!board.prove(&SECRET, &CHALLENGE).unwrap().is_latched);
        assert_eq!(board.prove(&[0x5B; 32], &CHALLENGE), Err(BoardError::ProofWrong));
        assert_eq!(
            board.pair(&[1; 32], &authority_key, other),
            Err(BoardError::Refused(Status::SignatureWrong))
        );
        assert!(board.prove(&SECRET, &CHALLENGE).is_ok(), "still the same");
        board.pair(&[2; 32], &authority_key, authority).unwrap();
        assert!(board.prove(&[2; 32], &CHALLENGE).is_ok(), "paired anew");

        // The case is opened: the secret is gone, the red lamp says so, and it stays so over a restart.
        emulated.panel().open_case();
        let end = Instant::now() + Duration::from_secs(5);
        while !board.tamper().unwrap().is_latched && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        let state = board.tamper().unwrap();
        assert!(state.is_latched && state.is_open && !state.is_paired && state.has_authority, "{state:?}");
        assert_eq!(board.tamper_log().unwrap()[0].cause, Cause::CaseOpened);
        assert!(emulated.panel().wait(|signs| signs.fault, 5_000));
        let mut indicator = BoardIndicator::with_authority(board.clone(), authority);
        assert_eq!(indicator.clear_tamper(), Err(IndicatorError::CaseOpen));
        emulated.panel().close_case();
        emulated.restart().unwrap();
        assert!(board.tamper().unwrap().is_latched, "remembered without power");
        assert_eq!(board.prove(&[2; 32], &CHALLENGE), Err(BoardError::Refused(Status::Tampered)));
        let mut strange = BoardIndicator::with_authority(board.clone(), other);
        assert_eq!(strange.clear_tamper(), Err(IndicatorError::NotAuthorised));
        assert_eq!(
            board.clear_tamper(signer(MAKER_SECRET)),
            Err(BoardError::Refused(Status::SignatureWrong))
        );
        indicator.clear_tamper().unwrap();
        assert_eq!(indicator.tampered(), Ok(false));
        assert_eq!(board.prove(&[2; 32], &CHALLENGE), Err(BoardError::Refused(Status::NotPaired)));
    });
}

#[test]
fn fingers_over_escapes_while_both_slots_are_held() {
    with_board("beside::fingers_over_escapes_while_both_slots_are_held", Model::Sec1210, |emulated| {
        let board = cleared(emulated);
        let mut slots = Vec::new();
        for slot in [Slot::Card, Slot::Psam] {
            insert(emulated, slot, SharedChip::new(Memory::default()), Manner::default());
            let mut held = PcscSlot::new(emulated.slot_name(slot).unwrap());
            held.power_on().unwrap();
            slots.push(held);
        }
        let module = paced(emulated);
        let mut sensor = sensor(&board);
        let health = sensor.probe().unwrap();
        assert_eq!((health.capacity, health.kept, health.baud), (1_000, Some(0), None));

        let (mine, other) = (Finger::of_person(7, 1), Finger::of_person(8, 1));
        let mut obey = obeying(module, mine, Condition::default());
        let start = Instant::now();
        let image = sensor.capture(10_000, &mut obey).unwrap();
        println!("an image of 36864 bytes by escapes: {:?}", start.elapsed());
        assert_eq!((usize::from(image.width), usize::from(image.height)), (IMAGE_WIDTH, IMAGE_HEIGHT));
        assert!(image.pixels.iter().any(|grey| *grey > 200) && image.pixels.iter().any(|grey| *grey < 60));
        module.take_off();

        let template = sensor.capture_template(10_000, &mut obey).unwrap();
        module.take_off();
        assert!(sensor.compare(&template, 10_000, &mut obey).unwrap().same);
        module.take_off();
        let mut obey_other = obeying(module, other, Condition::default());
        assert!(!sensor.compare(&template, 10_000, &mut obey_other).unwrap().same, "another finger");
        module.take_off();

        sensor.store(3, &template).unwrap();
        assert_eq!((sensor.count(), module.pages()), (Ok(1), vec![3]));
        assert_eq!(sensor.load(3).unwrap(), template);
        assert_eq!(sensor.load(4), Err(FingerprintError::Place));
        assert_eq!(sensor.store(60_000, &template), Err(FingerprintError::Place));
        sensor.delete(3).unwrap();
        assert_eq!(sensor.count(), Ok(0));
        sensor.ring(Ring::Waiting).unwrap();
        assert_eq!(sensor.capture(300, &mut go_on), Err(FingerprintError::NoFinger));
        let strange = Template::new(vec![0xA5; 700]).unwrap();
        let refused = sensor.compare(&strange, 300, &mut go_on);
        assert!(refused.is_err(), "{refused:?}");
        assert_eq!(sensor.count(), Ok(0), "and goes on");

        // The cards have noticed nothing.
        for slot in &mut slots {
            let answer = slot.transmit(&[0x00, 0xB0, 0x01, 0x10, 16]).unwrap();
            assert_eq!(answer, [Memory::bytes(0x110, 16), vec![0x90, 0x00]].concat());
        }
    });
}

/// A finger is waited for while the card works, and taken away in the middle.
#[test]
fn a_finger_and_a_card_at_the_same_time() {
    with_board("beside::a_finger_and_a_card_at_the_same_time", Model::Sec1210, |emulated| {
        let board = cleared(emulated);
        insert(emulated, Slot::Card, SharedChip::new(Memory::default()), Manner::default());
        let mut slot = PcscSlot::new(emulated.slot_name(Slot::Card).unwrap());
        slot.power_on().unwrap();
        let working = thread::spawn(move || {
            for _ in 0..40 {
                let answer = slot.transmit(&[0x00, 0xB0, 0x01, 0x10, 200]).unwrap();
                assert_eq!(answer.len(), 202);
            }
            slot
        });
        let module = paced(emulated);
        let mut obey = obeying(module, Finger::of_person(7, 1), Condition::default());
        let mut sensor = sensor(&board);
        let image = sensor.capture(10_000, &mut obey).unwrap();
        assert_eq!(image.pixels.len(), IMAGE_WIDTH * IMAGE_HEIGHT);
        let mut slot = working.join().unwrap();
        // Slots come and go; the board is asked by whatever way there is.
        for _ in 0..3 {
            slot.power_off();
            assert_eq!(sensor.count(), Ok(0));
            slot.power_on().unwrap();
            assert_eq!(sensor.count(), Ok(0));
        }
        emulated.slot(Slot::Card).pull();
        notice(emulated, Slot::Card, false);
        assert_eq!(sensor.count(), Ok(0));
    });
}

#[test]
fn a_module_that_fails_is_told_and_recovers() {
    with_board("beside::a_module_that_fails_is_told_and_recovers", Model::Sec1210, |emulated| {
        let board = cleared(emulated);
        let module = paced(emulated);
        let mut sensor = sensor(&board);
        // A board that starts tampered lets the module forget everything first, and keeps trying with a dead one.
        sensor.probe().unwrap();
        module.set_faults([Fault::Dead]);
        assert_eq!(sensor.probe(), Err(FingerprintError::Silent));
        let mut obey = obeying(module, Finger::of_person(7, 1), Condition::default());
        assert_eq!(sensor.capture(500, &mut obey), Err(FingerprintError::Silent));
        module.set_faults([]);
        assert!(sensor.probe().is_ok());
        module.put_on(Finger::of_person(7, 1), Condition::default());
        let mut readings = 0;
        let cancelled = sensor.capture(10_000, &mut |guide| {
            readings += u32::from(matches!(guide, Guide::Reading { .. }));
            if readings > 5 { Wish::Cancel } else { Wish::GoOn }
        });
        assert_eq!(cancelled, Err(FingerprintError::Cancelled));
        assert_eq!(sensor.capture(10_000, &mut obey).err(), None);
        drop(obey);
        // pcscd dies and comes back.
        emulated.pcscd_mut().kill();
        let quick = Board::with_channel(hal::pcsc::ReaderControl::with_limits(
            board.name(),
            Limits { service_ms: 300, ..Limits::default() },
        ));
        let start = Instant::now();
        assert!(matches!(quick.identify(), Err(BoardError::Channel(_))));
        assert!(start.elapsed() < Duration::from_secs(3));
        emulated.pcscd_mut().restart().unwrap();
        assert!(board.identify().is_ok());
    });
}

/// The driver's option as a fresh system has it: the doctor says what is wrong and what cures it.
#[test]
fn a_driver_that_hands_no_escapes_on() {
    with_board("beside::a_driver_that_hands_no_escapes_on", Model::Sec1210, |emulated| {
        // Settings that say nothing, as a fresh system has them.
        let folder = emulated
            .pcscd()
            .socket()
            .ancestors()
            .find(|folder| folder.join("settings").exists())
            .unwrap()
            .to_owned();
        let settings = folder.join("settings/ifd-ccid.bundle/Contents/Info.plist");
        let board = board_of(emulated);
        board.identify().unwrap();
        std::fs::remove_file(&settings).unwrap();
        std::os::unix::fs::symlink("/dev/null", &settings).unwrap();
        emulated.pcscd_mut().kill();
        emulated.pcscd_mut().restart().unwrap();
        let reader = board.name();
        assert_eq!(board.identify(), Err(BoardError::EscapesOff { reader: reader.clone() }));
        assert_eq!(BoardReport::of(&board).hints(), [Hint::AllowEscapes { reader }]);
        assert_eq!(board::find(&Limits::default()).unwrap(), [], "it is not known to be a board then");
        std::fs::remove_file(&settings).unwrap();
        emulated.pcscd_mut().kill();
        emulated.pcscd_mut().restart().unwrap();
        assert!(board.identify().is_ok());
    });
}
