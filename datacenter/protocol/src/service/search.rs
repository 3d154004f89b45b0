//! Searching and ordering public documents: the same at the center and in a terminal whose line is down.
//!
//! Chinese is not parted into words, so a search is taken apart into pairs of neighbouring characters (and
//! words of Latin letters and digits). A document fits when at least half of the pieces stand in it.

use card_spec::region::RegionCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Cursor, PAGE_ROWS, SEARCH_BYTES_MAX,
    document::{
        Article, ArticleLine, ArticleList, Here, Office, OfficeLine, OfficeList, Place, Vacancy, VacancyLine,
        VacancyList,
    },
    page_sound,
};
use crate::calendar::Day;

/// Most pieces that a search is taken apart into; the rest counts for nothing.
const PIECES_MAX: usize = 64;

/// What is looked for, where, and which page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Search {
    /// Words, at most [`SEARCH_BYTES_MAX`] bytes; nothing for everything.
    #[serde(default)]
    pub words: String,
    /// District whose documents come first; `None` for that of the terminal, as the center knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::schema::RegionCode>)]
    pub district: Option<RegionCode>,
    /// Goes on after this row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// Most rows, at most [`PAGE_ROWS_MAX`](super::PAGE_ROWS_MAX).
    pub rows: u8,
}

impl Default for Search {
    /// Everything, the first page.
    fn default() -> Self {
        Search { words: String::new(), district: None, after: None, rows: PAGE_ROWS }
    }
}

impl Search {
    /// For these words.
    pub fn of(words: impl Into<String>) -> Self {
        Search { words: words.into(), ..Search::default() }
    }

    /// Whether texts and numbers are within their limits.
    pub fn sound(&self) -> bool {
        self.words.len() <= SEARCH_BYTES_MAX
            && !self.words.contains(char::is_control)
            && page_sound(self.after.as_ref(), self.rows)
    }

    /// A page of articles: the best fit first, then the newest.
    pub fn articles<'a>(&self, all: impl IntoIterator<Item = &'a Article>) -> ArticleList {
        let pieces = pieces(&self.words);
        let rows = all.into_iter().filter_map(|article| {
            let keywords = article.keywords.join(" ");
            let fit = fit(
                &pieces,
                &[(&article.title, 5), (&keywords, 4), (&article.topic, 2), (&article.text, 1)],
            )?;
            Some((-fit * DAYS - i64::from(article.published.number()), article.code.as_str(), article))
        });
        let (articles, total, next) = self.page(rows);
        let line = |article: &Article| ArticleLine {
            code: article.code.clone(),
            title: article.title.clone(),
            topic: article.topic.clone(),
            published: article.published,
        };
        ArticleList { articles: articles.into_iter().map(line).collect(), total, next }
    }

    /// A page of offices: the nearest first, those whose distance is not known by district after them.
    pub fn offices<'a>(&self, all: impl IntoIterator<Item = &'a Office>, here: &Here) -> OfficeList {
        let pieces = pieces(&self.words);
        let district = self.district.or(here.district);
        // A district that was asked for by name is another place than the terminal's.
        let from = if self.district.is_some() && self.district != here.district { None } else { here.place };
        let distance = |office: &Office| Some(metres(from?, office.place?));
        let rows = all.into_iter().filter_map(|office| {
            let services = office.services.join(" ");
            fit(&pieces, &[(&office.name, 1), (&services, 1), (&office.address, 1)])?;
            let rank = match distance(office) {
                Some(metres) => i64::from(metres),
                None => (1 + zone(district, office.district)) * FAR_M,
            };
            Some((rank, office.code.as_str(), office))
        });
        let (offices, total, next) = self.page(rows);
        let line = |office: &Office| OfficeLine { office: office.clone(), distance_m: distance(office) };
        OfficeList { offices: offices.into_iter().map(line).collect(), total, next }
    }

    /// A page of vacancies that are open on a day: those of the district, of the city, others; in each the best
    /// fit, then the newest.
    pub fn vacancies<'a>(
        &self,
        all: impl IntoIterator<Item = &'a Vacancy>,
        here: &Here,
        today: Day,
    ) -> VacancyList {
        let pieces = pieces(&self.words);
        let district = self.district.or(here.district);
        let open = all.into_iter().filter(|vacancy| vacancy.published <= today && today <= vacancy.until);
        let rows = open.filter_map(|vacancy| {
            let fit = fit(
                &pieces,
                &[(&vacancy.title, 5), (&vacancy.employer, 3), (&vacancy.address, 1), (&vacancy.text, 1)],
            )?;
            let near = zone(district, vacancy.district) * ZONE;
            Some((near - fit * DAYS - i64::from(vacancy.published.number()), vacancy.code.as_str(), vacancy))
        });
        let (vacancies, total, next) = self.page(rows);
        let line = |vacancy: &Vacancy| VacancyLine {
            code: vacancy.code.clone(),
            title: vacancy.title.clone(),
            employer: vacancy.employer.clone(),
            district: vacancy.district,
            near: Some(vacancy.district) == district,
            wage_min: vacancy.wage_min,
            wage_max: vacancy.wage_max,
            places: vacancy.places,
            published: vacancy.published,
        };
        VacancyList { vacancies: vacancies.into_iter().map(line).collect(), total, next }
    }

    /// The page of rows (rank, code, document), how many there are in all, and where the next page begins.
    fn page<'a, T>(
        &self,
        rows: impl Iterator<Item = (i64, &'a str, &'a T)>,
    ) -> (Vec<&'a T>, u32, Option<Cursor>) {
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|(rank, code, _)| (*rank, *code));
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let first = self.after.as_ref().map_or(0, |after| {
            rows.partition_point(|(rank, code, _)| (*rank, *code) <= (after.rank, after.name.as_str()))
        });
        let end = rows.len().min(first + usize::from(self.rows));
        let next = (end < rows.len() && end > first)
            .then(|| Cursor { rank: rows[end - 1].0, name: rows[end - 1].1.to_owned() });
        (rows[first..end].iter().map(|(_, _, row)| *row).collect(), total, next)
    }
}

/// More than any day's number.
const DAYS: i64 = 100_000_000;

/// More than any fit, in days.
const ZONE: i64 = 100_000 * DAYS;

/// More than any distance on earth, in metres.
const FAR_M: i64 = 100_000_000;

/// 0 in the district, 1 in its city, 2 elsewhere; everything is near when no district is known.
fn zone(district: Option<RegionCode>, other: RegionCode) -> i64 {
    match district {
        None => 0,
        Some(district) if district == other => 0,
        Some(district) if district.is_same_city(&other) => 1,
        Some(_) => 2,
    }
}

/// Takes a search apart: words of letters and digits, and pairs of neighbouring other characters.
fn pieces(words: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut last: Option<char> = None;
    let mut alone = false;
    let end_run = |last: &mut Option<char>, alone: &mut bool, pieces: &mut Vec<String>| {
        if let Some(letter) = last.take().filter(|_| *alone) {
            pieces.push(letter.to_string());
        }
        *alone = false;
    };
    for letter in words.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            end_run(&mut last, &mut alone, &mut pieces);
            word.push(letter);
            continue;
        }
        if !word.is_empty() {
            pieces.push(std::mem::take(&mut word));
        }
        // Punctuation and what only makes a question of it says nothing about the matter.
        if !letter.is_alphanumeric() || "的了吗呢么怎哪啊呀我".contains(letter) {
            end_run(&mut last, &mut alone, &mut pieces);
            continue;
        }
        match last {
            Some(before) => {
                pieces.push([before, letter].iter().collect());
                alone = false;
            }
            None => alone = true,
        }
        last = Some(letter);
    }
    end_run(&mut last, &mut alone, &mut pieces);
    if !word.is_empty() {
        pieces.push(word);
    }
    let mut seen = std::collections::HashSet::new();
    pieces.retain(|piece| seen.insert(piece.clone()));
    pieces.truncate(PIECES_MAX);
    pieces
}

/// How well texts with their weights fit; `None` when less than half of the pieces stands in them.
fn fit(pieces: &[String], texts: &[(&str, i64)]) -> Option<i64> {
    if pieces.is_empty() {
        return Some(0);
    }
    let texts: Vec<(String, i64)> =
        texts.iter().map(|(text, weight)| (text.to_lowercase(), *weight)).collect();
    let (mut found, mut sum) = (0, 0);
    for piece in pieces {
        let best =
            texts.iter().filter(|(text, _)| text.contains(piece.as_str())).map(|(_, weight)| *weight).max();
        found += usize::from(best.is_some());
        sum += best.unwrap_or(0);
    }
    (found * 2 >= pieces.len()).then_some(sum)
}

/// Metres between two places, as the crow flies (haversine, a round earth), rounded to ten.
pub fn metres(from: Place, to: Place) -> u32 {
    const EARTH_M: f64 = 6_371_000.0;
    let radians = |millionths: i32| (f64::from(millionths) / 1e6).to_radians();
    let (one, two) = (radians(from.latitude_millionths), radians(to.latitude_millionths));
    let north = (two - one) / 2.0;
    let east = (radians(to.longitude_millionths) - radians(from.longitude_millionths)) / 2.0;
    let chord = north.sin().powi(2) + one.cos() * two.cos() * east.sin().powi(2);
    let metres = 2.0 * EARTH_M * chord.clamp(0.0, 1.0).sqrt().asin();
    ((metres / 10.0).round() * 10.0) as u32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use card_spec::money::Fen;

    use super::*;

    fn article(code: &str, title: &str, text: &str, day: u32) -> Article {
        Article {
            code: code.into(),
            title: title.into(),
            topic: "失业保险".into(),
            text: text.into(),
            issuer: "市人社局".into(),
            reference: String::new(),
            keywords: Vec::new(),
            published: Day::from_number(day).unwrap(),
        }
    }

    #[test]
    fn questions_in_the_peoples_own_words_find_articles() {
        let all = [
            article("A1", "失业保险金怎么申领", "办理失业登记后可以申领失业保险金。", 20_260_101),
            article("A2", "社保卡挂失与补卡", "卡片遗失后请及时挂失。", 20_260_301),
            article("A3", "职工医保门诊报销", "Q3 起付线与 ICU 费用。", 20_260_201),
        ];
        let codes = |words: &str| -> Vec<String> {
            let list = Search::of(words).articles(&all);
            list.articles.into_iter().map(|line| line.code).collect()
        };
        assert_eq!(codes(""), ["A2", "A3", "A1"], "everything, the newest first");
        assert_eq!(codes("失业金怎么领？"), ["A1"]);
        assert_eq!(codes("我的卡丢了怎么挂失"), ["A2"]);
        assert_eq!(codes("icu"), ["A3"]);
        assert!(codes("公积金贷款").is_empty());
        assert_eq!(pieces("失业 金 a1"), ["失业", "金", "a1"]);
    }

    #[test]
    fn pages_neither_repeat_nor_lose_rows() {
        let district = |code: &str| RegionCode::parse(code).unwrap();
        let vacancy = |number: u32| Vacancy {
            code: format!("V{number:03}"),
            title: ["保洁员", "收银员", "电工"][number as usize % 3].into(),
            employer: "某公司".into(),
            district: district(["430102", "430103", "430204"][number as usize % 3]),
            address: "某路".into(),
            wage_min: Fen(300_000),
            wage_max: Fen(400_000),
            places: 1,
            education: String::new(),
            text: "负责日常工作".into(),
            phone: "0731-0000000".into(),
            published: Day::from_number(20_260_101 + number % 5).unwrap(),
            until: Day::from_number(20_261_231).unwrap(),
        };
        let all: Vec<Vacancy> = (0..47).map(vacancy).collect();
        let here = Here { district: Some(district("430103")), place: None };
        let today = Day::from_number(20_260_601).unwrap();
        for rows in [1, 7, 50] {
            let mut search = Search { rows, ..Search::default() };
            let mut seen = Vec::new();
            let mut shown = all.clone();
            loop {
                let list = search.vacancies(&shown, &here, today);
                seen.extend(list.vacancies.iter().map(|line| (line.near, line.code.clone())));
                // One more appears at the very front while somebody turns pages.
                let mut new = vacancy(1);
                new.code = format!("N{}", seen.len());
                new.published = today;
                shown.push(new);
                search.after = match list.next {
                    Some(next) => Some(next),
                    None => break,
                };
            }
            let mut codes: Vec<_> = seen.iter().map(|(_, code)| code.clone()).collect();
            codes.sort();
            codes.dedup();
            assert_eq!((codes.len(), seen.len()), (47, 47), "{rows}");
            assert!(seen.is_sorted_by_key(|(near, _)| !near));
        }
        let closed = Day::from_number(20_270_101).unwrap();
        assert_eq!(Search::default().vacancies(&all, &here, closed).total, 0);
        assert_eq!(Search::of("电工").vacancies(&all, &here, today).total, 15);
    }

    #[test]
    fn distances_are_those_of_a_map() {
        let place =
            |latitude_millionths, longitude_millionths| Place { latitude_millionths, longitude_millionths };
        let (changsha, beijing) = (place(28_228_000, 112_939_000), place(39_904_000, 116_407_000));
        assert!((1_330_000..1_350_000).contains(&metres(changsha, beijing)));
        assert_eq!(metres(changsha, changsha), 0);
        assert!(metres(place(i32::MAX, i32::MIN), place(i32::MIN, 7)) < 30_000_000);
    }
}
