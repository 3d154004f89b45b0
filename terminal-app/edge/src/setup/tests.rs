#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use terminal::setup::Face;

use super::*;
use crate::data_dir::DataDir;

fn options(temp: &tempfile::TempDir) -> Options {
    let data = DataDir::choose(Some(temp.path().join("data")), |_| None).unwrap();
    Options { reader: Some("sim:".to_owned()), ..Options::new(data) }
}

fn print(digit: char) -> Fingerprint {
    digit.to_string().repeat(64).parse().unwrap()
}

/// What is typed and chosen is there after the power was cut, and each step asks for the one before it.
#[test]
fn what_is_chosen_is_kept_after_each_step() {
    let temp = tempfile::tempdir().unwrap();
    let options = options(&temp);
    let cut = |installation: Installation| {
        drop(installation);
        Installation::open(&options).unwrap()
    };
    let too_early = |done: Result<(), Failure>| {
        assert!(matches!(done, Err(Failure::Setup(SetupError::NotYet { .. }))), "{done:?}");
    };
    let mut installation = Installation::open(&options).unwrap();
    too_early(installation.enrol("CODE"));
    too_early(installation.seal(None));
    too_early(installation.fill(&mut |_| ControlFlow::Continue(())).map(drop));
    too_early(installation.self_test(&mut |_| panic!("nothing is looked at")));
    too_early(installation.report().map(drop));
    installation.choose_language(Language::English).unwrap();
    let mut installation = cut(installation);
    assert_eq!(
        (installation.setup().step(), installation.setup().language()),
        (Some(Step::Place), Language::English)
    );
    let place = PlaceChosen { terminal: "530100000001".parse().unwrap(), face: Face::Bank };
    installation.choose_place(place.clone()).unwrap();
    let mut installation = cut(installation);
    assert_eq!(installation.setup().place(), Some(&place));
    let proposal = installation.look().proposal();
    assert_eq!(proposal.psam.as_deref(), Some("sim PSAM"));
    installation.choose_devices(proposal.clone()).unwrap();
    let mut installation = cut(installation);
    assert_eq!(installation.setup().devices(), Some(&proposal));
    // Nobody listens there: nothing is sent, nothing is settled.
    assert!(matches!(
        installation.meet_center("https://127.0.0.1:1"),
        Err(Failure::Terminal(Error::Link(_)))
    ));
    assert!(matches!(installation.meet_center("127.0.0.1"), Err(Failure::Edge(EdgeError::Argument { .. }))));
    let center =
        CenterChosen::compared("https://127.0.0.1:1", "https://127.0.0.1:1", print('A'), print('A')).unwrap();
    installation.choose_center(center.clone()).unwrap();
    let mut installation = cut(installation);
    assert_eq!(
        (installation.setup().step(), installation.setup().center()),
        (Some(Step::Enrolment), Some(&center))
    );
    // No center: no key is made, no code is kept.
    assert!(matches!(installation.enrol("SECRET-CODE"), Err(Failure::Terminal(Error::Link(_)))));
    assert!(!options.data.keys().exists());
    for entry in fs::read_dir(options.data.root()).unwrap() {
        let text = fs::read(entry.unwrap().path()).unwrap();
        assert!(!text.windows(11).any(|window| window == b"SECRET-CODE"));
    }
}

#[test]
fn one_at_a_time_sets_a_machine_up_and_a_torn_file_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let options = options(&temp);
    let first = Installation::open(&options).unwrap();
    assert!(matches!(Installation::open(&options), Err(Failure::Edge(EdgeError::InUse { .. }))));
    drop(first);
    fs::write(options.data.setup(), b"{\"version\": 1, \"beg").unwrap();
    assert!(matches!(Installation::open(&options), Err(Failure::Setup(SetupError::Content { .. }))));
}
