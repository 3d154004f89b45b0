//! Clock, limits, rules and people from the center, step by step.

use protocol::{
    limits::OfflineLimits,
    policy::ProofPolicy,
    problem::ProblemKind,
    rules::{RulesDocument, RulesSet},
    service::{DocumentChange, DocumentKind},
    timestamp::ClockQuality,
};
use rusqlite::Connection;
use terminal::{
    cache::{Cache, CacheError},
    clock::{ClockWatch, Now},
    ledger::Ledger,
    ports::LinkError,
    sync::{ROUND_MS, SyncError, SyncStep, Synchroniser},
};

use super::support::{
    center::{Center, Fault},
    people::changes,
    *,
};

struct Rig {
    terminal: Terminal,
    ledger: Ledger,
    cache: Cache,
    center: Center,
    synchroniser: Synchroniser,
    watch: ClockWatch,
}

impl Rig {
    fn new(seed: u64) -> Self {
        let terminal = Terminal::new(seed);
        let ledger = terminal.open();
        let mut center = Center::new();
        center.feed = changes(0..250);
        center.limits = Some(OfflineLimits { version: 4, queue_max: 99, ..OfflineLimits::default() });
        center.policy = Some(ProofPolicy { version: 3, tries_max: 2, ..ProofPolicy::default() });
        let document = RulesDocument {
            version: "2026-1".into(),
            effective_from: "2026-01-01".into(),
            configuration: "{}".into(),
        };
        center.rules = Some(RulesSet { revision: 2, documents: vec![document] });
        let connection = Connection::open(terminal.folder.path().join("cache.db")).unwrap();
        let cache = Cache::open(connection, &store_key(), center.key.public(), city()).unwrap();
        Rig {
            terminal,
            ledger,
            cache,
            center,
            synchroniser: Synchroniser::new(),
            watch: ClockWatch::default(),
        }
    }

    fn step(&mut self) -> SyncStep {
        let clock = &self.terminal.clock;
        self.synchroniser
            .step(
                &mut self.cache,
                &mut self.ledger,
                &mut self.center,
                &mut self.terminal.chance,
                clock,
                &mut self.watch,
            )
            .unwrap()
    }

    fn round(&mut self) -> Vec<SyncStep> {
        let mut steps = Vec::new();
        for _ in 0..200 {
            match self.step() {
                SyncStep::Wait { for_ms } => self.terminal.clock.pass(for_ms),
                step => {
                    let complete = matches!(step, SyncStep::Complete { .. });
                    steps.push(step);
                    if complete {
                        return steps;
                    }
                }
            }
        }
        panic!("never complete: {steps:?}");
    }
}

#[test]
fn one_round_brings_everything() {
    let mut rig = Rig::new(110);
    let steps = rig.round();
    assert_eq!(steps[0], SyncStep::Clock { offset_ms: 0 });
    assert_eq!(steps[1], SyncStep::Limits { stored: Some(4) });
    assert_eq!(steps[2], SyncStep::Policy { stored: Some(3) });
    assert_eq!(steps[3], SyncStep::Rules { stored: Some(2) });
    let cursors: Vec<u64> = steps[4..]
        .iter()
        .map(|step| match step {
            SyncStep::Page { progress } | SyncStep::Complete { progress } => progress.cursor,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(cursors, [100, 200, 250]);
    assert_eq!(rig.cache.limits().unwrap().queue_max, 99);
    assert_eq!(rig.cache.policy().unwrap().tries_max, 2);
    assert_eq!(rig.cache.rules().unwrap(), rig.center.rules);
    // The next round finds nothing new, and not before its time.
    assert_eq!(rig.step(), SyncStep::Wait { for_ms: ROUND_MS });
    rig.center.now = rig.terminal.now().plus_ms(ROUND_MS as i64);
    let steps = rig.round();
    assert_eq!(
        steps[1..4],
        [
            SyncStep::Limits { stored: None },
            SyncStep::Policy { stored: None },
            SyncStep::Rules { stored: None }
        ]
    );
}

#[test]
fn what_hangs_on_the_wall_comes_before_the_people_and_never_keeps_them_away() {
    let mut rig = Rig::new(119);
    let gone = |code: &str| DocumentChange { kind: DocumentKind::Article, code: code.into(), document: None };
    rig.center.public = Ok(vec![gone("A1"), gone("A2")]);
    let cursors = |steps: &[SyncStep]| -> Vec<u64> {
        let public = |step: &SyncStep| match step {
            SyncStep::PublicDocuments { progress } => Some(progress.cursor),
            _ => None,
        };
        steps.iter().filter_map(public).collect()
    };
    let steps = rig.round();
    assert_eq!(cursors(&steps), [1, 2]);
    assert!(matches!(steps[4], SyncStep::PublicDocuments { .. }), "after the rules");
    let as_of = rig.cache.public_progress().unwrap().as_of;
    assert_eq!(as_of, Some(rig.center.now));
    // Nothing new still makes the copy younger.
    rig.center.now = rig.center.now.plus_ms(60_000);
    assert!(cursors(&rig.round()).is_empty());
    assert_eq!(rig.cache.public_progress().unwrap().as_of, Some(rig.center.now));
    // A center that was put back knows less than this copy and says so; people come down all the same.
    rig.center.public = Err(ProblemKind::Malformed);
    rig.center.feed.extend(changes(250..260));
    let steps = rig.round();
    assert!(steps.iter().any(|step| matches!(step, SyncStep::Failed { .. })));
    let complete = matches!(steps.last(), Some(SyncStep::Complete { progress }) if progress.cursor == 260);
    assert!(complete, "{steps:?}");
}

#[test]
fn older_documents_never_replace_newer_ones() {
    let mut rig = Rig::new(111);
    rig.round();
    let older = OfflineLimits { version: 3, queue_max: 1, ..OfflineLimits::default() };
    let older = rig.center.signed(protocol::limits::PURPOSE, &older);
    assert_eq!(rig.cache.store_limits(&older), Err(CacheError::Outdated));
    let older = ProofPolicy { version: 2, ..ProofPolicy::default() };
    let older = rig.center.signed(protocol::policy::PURPOSE, &older);
    assert_eq!(rig.cache.store_policy(&older), Err(CacheError::Outdated));
    assert_eq!(rig.cache.policy_version().unwrap(), 3);
    let same =
        rig.center.signed(protocol::limits::PURPOSE, &OfflineLimits { version: 4, ..Default::default() });
    assert_eq!(rig.cache.store_limits(&same), Err(CacheError::Outdated));
    let rules = RulesSet { revision: 1, documents: Vec::new() };
    let rules = rig.center.signed(protocol::rules::PURPOSE, &rules);
    assert_eq!(rig.cache.store_rules(&rules), Err(CacheError::Outdated));
    // Signed for another purpose, or by another key.
    let wrong =
        rig.center.signed(protocol::rules::PURPOSE, &OfflineLimits { version: 9, ..Default::default() });
    assert_eq!(rig.cache.store_limits(&wrong), Err(CacheError::NotSigned));
    assert_eq!(rig.cache.limits().unwrap().queue_max, 99);
}

#[test]
fn a_line_that_breaks_everywhere_only_takes_longer() {
    let mut rig = Rig::new(112);
    let faults = [
        Fault::Down,
        Fault::LostBefore,
        Fault::None,
        Fault::Overloaded,
        Fault::None,
        Fault::LostAfter,
        Fault::Storage,
    ];
    rig.center.faults.extend(faults.iter().cycle().take(20));
    let steps = rig.round();
    let failed = steps.iter().filter(|step| matches!(step, SyncStep::Failed { .. })).count();
    assert!(failed >= 6, "{steps:?}");
    assert_eq!(rig.cache.count().unwrap().0, 250);
}

#[test]
fn a_document_that_cannot_be_used_does_not_stop_the_feed() {
    let mut rig = Rig::new(113);
    rig.center.key = identity_of(99);
    // Everything is signed by another key now; nothing of it is taken.
    let mut refused = 0;
    for _ in 0..40 {
        match rig.step() {
            SyncStep::Failed { error: SyncError::Cache(CacheError::NotSigned), .. } => refused += 1,
            SyncStep::Wait { for_ms } => rig.terminal.clock.pass(for_ms),
            _ => {}
        }
    }
    assert!(refused >= 3, "limits, rules and a page were tried");
    assert_eq!(rig.cache.count().unwrap().0, 0);
    assert_eq!(rig.cache.limits().unwrap(), OfflineLimits::default());
    rig.center.key = identity_of(200);
    rig.round();
    assert_eq!(rig.cache.count().unwrap().0, 250);
}

#[test]
fn the_centers_clock_is_learnt_and_kept() {
    let mut rig = Rig::new(114);
    let limits = OfflineLimits::default();
    rig.center.now = MORNING.plus_ms(365 * DAY_MS);
    assert_eq!(rig.step(), SyncStep::Clock { offset_ms: 365 * DAY_MS });
    let now = |rig: &Rig| Now::of(&rig.terminal.clock);
    assert_eq!(rig.watch.quality(now(&rig), None, &limits), ClockQuality::Doubtful);
    assert_eq!(rig.watch.center_time(now(&rig)), rig.center.now);
    let audit = rig.ledger.audit_entries(0, 100).unwrap();
    assert!(audit.iter().any(|entry| entry.text.contains("clock_doubtful")));
    // After a restart it is still known.
    let watch = ClockWatch::load(&rig.ledger).unwrap();
    assert_eq!(watch.quality(now(&rig), None, &limits), ClockQuality::Doubtful);
    assert_eq!(watch.center_time(now(&rig)), rig.center.now);
    // Somebody sets the clock right: the next comparison says so.
    rig.terminal.clock.wall.set(rig.center.now.0);
    rig.round();
    rig.terminal.clock.pass(ROUND_MS);
    rig.center.now = rig.terminal.now();
    assert_eq!(rig.step(), SyncStep::Clock { offset_ms: 0 });
    assert_eq!(rig.watch.quality(now(&rig), None, &limits), ClockQuality::Checked);
}

#[test]
fn a_wrong_certificate_waits_for_the_installer() {
    let mut rig = Rig::new(115);
    rig.center.faults.push_back(Fault::ExpiredCertificate);
    let SyncStep::Failed { error, retry_ms } = rig.step() else { panic!("expired") };
    assert_eq!(error, SyncError::Link(LinkError::ExpiredCertificate));
    assert!(retry_ms >= 300_000);
    rig.synchroniser.hurry();
    assert!(matches!(rig.step(), SyncStep::Clock { .. }));
}
