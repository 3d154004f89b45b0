//! Public service: pages of any size tell the same list, whatever is searched; messages keep their names.
#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use proptest::prelude::*;
use protocol::{
    calendar::Day,
    evidence::{HolderProof, Way},
    service::{
        Asker, Here, LossReport, Office, PAGE_ROWS_MAX, PersonalQuestion, PersonalRequest, Place,
        PublicQuestion, Search, SeekWork, Vacancy, document::DocumentChanges,
    },
    timestamp::Timestamp,
};

fn region(text: &str) -> RegionCode {
    RegionCode::parse(text).unwrap()
}

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

prop_compose! {
    fn vacancy()(
        number in 0_u32..500,
        title in "[电焊保洁收银工员师 a-c]{1,6}",
        place in 0_usize..4,
        published in 1_u32..28,
    ) -> Vacancy {
        Vacancy {
            code: format!("V{number}"),
            title,
            employer: "某厂".into(),
            district: region(["430102", "430103", "430204", "110101"][place]),
            address: "某路".into(),
            wage_min: Fen(300_000),
            wage_max: Fen(400_000),
            places: 1,
            education: String::new(),
            text: "负责日常工作".into(),
            phone: "000-00001".into(),
            published: day(20_260_100 + published),
            until: day(20_261_231),
        }
    }
}

/// A center gives each code once.
fn by_code(mut all: Vec<Vacancy>) -> Vec<Vacancy> {
    all.sort_by(|a, b| a.code.cmp(&b.code));
    all.dedup_by(|a, b| a.code == b.code);
    all
}

proptest! {
    #[test]
    fn pages_of_any_size_tell_the_same_list(
        all in prop::collection::vec(vacancy(), 0..60),
        words in "[电焊保洁工 a-c？]{0,5}",
        rows in 1_u8..PAGE_ROWS_MAX,
        here in prop::option::of(Just("430103")),
    ) {
        let mut all = by_code(all);
        let here = Here { district: here.map(region), place: None };
        let today = day(20_260_601);
        let told = |all: &[Vacancy], rows: u8| {
            let mut search = Search { rows, ..Search::of(words.clone()) };
            let (mut codes, mut total) = (Vec::new(), None);
            loop {
                let page = search.vacancies(all, &here, today);
                assert!(page.vacancies.len() <= usize::from(rows));
                assert_eq!(*total.get_or_insert(page.total), page.total);
                codes.extend(page.vacancies.into_iter().map(|line| line.code));
                match page.next {
                    Some(next) => search.after = Some(next),
                    None => break,
                }
            }
            (codes, total.unwrap())
        };
        let (codes, total) = told(&all, rows);
        prop_assert_eq!(codes.len(), total as usize);
        // Neither the size of the pages nor the order in which the storage gives the rows matters.
        all.reverse();
        prop_assert_eq!(told(&all, PAGE_ROWS_MAX), (codes.clone(), total));
        if words.trim().is_empty() {
            prop_assert_eq!(codes.len(), all.len());
        }
    }

    #[test]
    fn any_text_can_be_searched_and_any_place_measured(
        words in "\\PC{0,60}",
        places in prop::collection::vec(prop::option::of((any::<i32>(), any::<i32>())), 0..20),
        here in prop::option::of((any::<i32>(), any::<i32>())),
    ) {
        let place = |(latitude_millionths, longitude_millionths)| Place { latitude_millionths, longitude_millionths };
        let office = |(number, at): (usize, &Option<(i32, i32)>)| Office {
            code: format!("J{number}"),
            name: "服务中心".into(),
            district: region("430102"),
            address: "某路".into(),
            phone: "0".into(),
            hours: "9:00".into(),
            services: vec!["资格认证".into()],
            place: at.map(place),
        };
        let all: Vec<Office> = places.iter().enumerate().map(office).collect();
        let here = Here { district: None, place: here.map(place) };
        let search = Search { rows: PAGE_ROWS_MAX, ..Search::of(words) };
        let list = search.offices(&all, &here);
        prop_assert!(list.offices.len() <= all.len());
        // The nearest first, those whose distance is not known after them.
        let distances: Vec<u64> =
            list.offices.iter().map(|line| line.distance_m.map_or(u64::MAX, u64::from)).collect();
        prop_assert!(distances.is_sorted());
    }
}

#[test]
fn messages_keep_their_names_and_hide_whom_they_concern() {
    let number = "11010519491231002X";
    let card = "430100D15600000500000001A1B2C3D4";
    let person = PersonNumber::parse(number).unwrap();
    let proof = HolderProof { card_id: card.into(), at: Timestamp(1_790_000_000_000), way: Way::Pin };
    let request = |question| PersonalRequest {
        asker: Asker { person, proof: proof.clone() },
        question,
        operator: None,
    };
    let movements = request(PersonalQuestion::Movements { after: None, rows: 10 });
    let text = serde_json::to_string(&movements).unwrap();
    assert_eq!(
        text,
        format!(
            "{{\"asker\":{{\"person\":\"{number}\",\"proof\":{{\"card_id\":\"{card}\",\"at\":1790000000000,\
             \"way\":{{\"way\":\"pin\"}}}}}},\"question\":{{\"ask\":\"movements\",\"rows\":10}}}}"
        )
    );
    assert_eq!(serde_json::from_str::<PersonalRequest>(&text).unwrap(), movements);
    let seek = SeekWork {
        wish: "电工".into(),
        district: region("430102"),
        wage_min: Fen(300_000),
        phone: "000-0000-7788".into(),
    };
    let work = request(PersonalQuestion::SeekWork(seek));
    let text = serde_json::to_string(&work.question).unwrap();
    assert_eq!(
        text,
        "{\"ask\":\"seek_work\",\"wish\":\"电工\",\"district\":\"430102\",\"wage_min\":300000,\
         \"phone\":\"000-0000-7788\"}"
    );
    assert_eq!(serde_json::from_str::<PersonalQuestion>(&text).unwrap(), work.question);
    let loss = LossReport { person, proof: None, name: Some("欧阳晓月".into()), this_card: false };
    assert!(loss.sound());
    assert!(!LossReport { proof: Some(proof), ..loss.clone() }.sound(), "one of both");
    let search = PublicQuestion::Vacancies(Search::of("电工"));
    let text = "{\"ask\":\"vacancies\",\"words\":\"电工\",\"rows\":10}";
    assert_eq!(serde_json::to_string(&search).unwrap(), text);
    let said = format!("{movements:?} {work:?} {loss:?}");
    for planted in [number, &number[6..14], card, "7788", "晓月"] {
        assert!(!said.contains(planted), "{planted}: {said}");
    }
}

#[test]
fn what_is_no_page_of_a_center_is_not_sound() {
    let text = |upto: u64, kind: &str, title: &str| {
        format!(
            "{{\"city\":\"430100\",\"epoch\":1,\"after\":0,\"upto\":{upto},\"newest\":1,\"as_of\":1,\
             \"here\":{{\"district\":null,\"place\":null}},\"changes\":[{{\"kind\":\"{kind}\",\"code\":\"A1\",\
             \"document\":{{\"kind\":\"article\",\"code\":\"A1\",\"title\":\"{title}\",\"topic\":\"t\",\
             \"text\":\"x\",\"issuer\":\"i\",\"published\":20260101}}}}]}}"
        )
    };
    let sound = |text: String| serde_json::from_str::<DocumentChanges>(&text).unwrap().sound();
    assert!(sound(text(1, "article", "题")));
    assert!(!sound(text(2, "article", "题")), "beyond the newest");
    assert!(!sound(text(1, "office", "题")), "of another kind than it says");
    assert!(!sound(text(1, "article", " ")), "without a title");
    assert!(!sound(text(1, "article", &"长".repeat(200))), "too long");
}
