//! Pensioners, their cards, and what a counter records of them.

use datacenter::{
    production::people_file::ImportedEntry,
    storage::{
        benefits::ImportedPension,
        rows::{AlarmKind, ImportedPerson},
    },
};
use protocol::{
    calendar::{Day, Period},
    evidence::{Band, FingerMatch, FingerPosition, HolderProof, Level, ManualReason, Presentation, Way},
    feed::{Person, PersonState},
    pension::Pension,
    record::{Certification, EnrolledFinger, FingerEnrolment, Fitness, PensionPayment, RestsOn},
    upload::RefusalReason,
};

use super::*;

pub const MONTHLY: Fen = Fen(315_000);

/// The identification code of a person's card.
pub fn card_id(number: u64) -> String {
    format!("430100D15600{:012X}A1B2C3D4", 0x5000_0000 + number)
}

/// The part of it that names the card.
pub fn card_key(number: u64) -> [u8; 12] {
    *hex::decode(card_id(number)).unwrap().first_chunk().unwrap()
}

/// The month that so many months before the current one.
pub fn months_ago(months: u32) -> Period {
    let index = now().civil().year() as u32 * 12 + u32::from(u8::from(now().civil().month())) - 1 - months;
    Period::from_number(index / 12 * 100 + index % 12 + 1).unwrap()
}

pub fn this_month() -> Period {
    Period::of(now())
}

/// A pensioner: since when unpaid, and certified until.
pub fn pensioner(rig: &Rig, number: u64, first_unpaid: Period, certified_until: Option<Day>) {
    let pension = ImportedPension {
        person: person(number).key(),
        monthly: MONTHLY,
        monthly_from: None,
        first_unpaid: Some(first_unpaid),
        certified_until,
    };
    put(rig, number, PersonState::Active, Some(pension));
}

/// From this month on a pension is so much.
pub fn raise(rig: &Rig, number: u64, monthly: Fen, from: Period) {
    let pension = ImportedPension {
        person: person(number).key(),
        monthly,
        monthly_from: Some(from),
        first_unpaid: None,
        certified_until: None,
    };
    put(rig, number, PersonState::Active, Some(pension));
}

pub fn set_state(rig: &Rig, number: u64, state: PersonState) {
    put(rig, number, state, None);
}

fn put(rig: &Rig, number: u64, state: PersonState, pension: Option<ImportedPension>) {
    let person = Person {
        key: person(number).key(),
        state,
        insutype: 310,
        psn_type: 12,
        civil_servant: false,
        paid_until: 2030 * 12,
        year: year(),
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    };
    let entry = ImportedEntry { person: ImportedPerson { person, with_sums: false }, pension, name: None };
    rig.center.production.import_people([Ok(entry)], |_| {}).unwrap();
}

pub fn pension(rig: &Rig, number: u64) -> Pension {
    rig.center.production.storage().pension(person(number).key()).unwrap().unwrap()
}

pub fn finger_match() -> FingerMatch {
    FingerMatch {
        position: FingerPosition::new(1).unwrap(),
        band: Band::Clear,
        level: Level::Strict,
        tries: 1,
        no_matches: 0,
        engine: "jinbao-1".into(),
        sensor: "R503-000017".into(),
        presentation: Presentation { live: None, lifted: true, fresh: true },
        pin: false,
    }
}

pub fn by_finger(number: u64, at: Timestamp) -> HolderProof {
    HolderProof { card_id: card_id(number), at, way: Way::Finger(finger_match()) }
}

pub fn by_clerks(number: u64, at: Timestamp, reason: ManualReason, no_matches: u8) -> HolderProof {
    let (clerk, second_clerk) = ("0017".into(), Some("0018".into()));
    HolderProof {
        card_id: card_id(number),
        at,
        way: Way::PinAndClerk { reason, no_matches, clerk, second_clerk },
    }
}

pub fn certifying(number: u64, proof: HolderProof) -> Business {
    let certification =
        Certification { person: person(number), card_id: card_id(number), proof, place: Default::default() };
    Business::Certification(Box::new(certification))
}

pub fn payment(number: u64, period: Period, proof: HolderProof) -> PensionPayment {
    PensionPayment {
        person: person(number),
        card_id: card_id(number),
        period,
        amount: MONTHLY,
        cache_age_ms: 0,
        proof,
        rests_on: RestsOn::Until { day: Day::of(now()) },
    }
}

pub fn paying(payment: PensionPayment) -> Business {
    Business::Pension(Box::new(payment))
}

pub fn enrolment(number: u64, at: Timestamp) -> FingerEnrolment {
    let finger = |position| EnrolledFinger {
        position: FingerPosition::new(position).unwrap(),
        fitness: Fitness::Fit,
        engine: "jinbao-1".into(),
    };
    FingerEnrolment {
        person: person(number),
        card_id: card_id(number),
        fingers: vec![finger(1), finger(1), finger(7)],
        replaced: false,
        consent_at: Some(at),
        sensor: "R503-000017".into(),
        proof: by_clerks(number, at, ManualReason::NoTemplate, 0),
        confirmed: Some(finger_match()),
    }
}

pub fn enrolling(enrolment: FingerEnrolment) -> Business {
    Business::Enrolment(Box::new(enrolment))
}

/// Writes down a record that was made then.
pub fn record_at(
    terminal: &mut Terminal,
    id: TransactionId,
    made_at: Timestamp,
    offline: bool,
    business: Business,
) -> u64 {
    let mut body = bodies::body(terminal.id, terminal.chain.len() as u64 + 1, id, business);
    (body.made_at, body.offline) = (made_at, offline);
    terminal.record_text(serde_json::to_string(&body).unwrap())
}

/// Books one record that was made then, online.
pub fn book_at(rig: &Rig, terminal: &mut Terminal, made_at: Timestamp, business: Business) -> Verdict {
    let sequence = record_at(terminal, rig.dice.id(), made_at, false, business);
    verdicts(&rig.receipt(terminal, &terminal.batch(sequence, sequence))).remove(0)
}

pub fn refused(reason: RefusalReason) -> Verdict {
    Verdict::Refused { reason }
}

/// Kinds of the alarms of false claims, in the order in which they were raised.
pub fn false_claims(rig: &Rig) -> Vec<AlarmKind> {
    let rows = rig.center.production.storage().alarms_of(AlarmKind::FALSE_CLAIMS, 100).unwrap();
    rows.iter().rev().map(|row| row.alarm.kind).collect()
}
