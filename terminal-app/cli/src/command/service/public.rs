//! What anybody may know.

use edge::counter::Counter;
use protocol::service::{Article, ArticleList, OfficeList, Vacancy, VacancyList};
use serde::Serialize;
use terminal::error::Error;

use super::{Answer, SearchArguments, more};
use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

fn open(context: &Context, arguments: &SearchArguments) -> Result<Counter, Failure> {
    if !arguments.search().sound() {
        return Err(EdgeError::Argument {
            expected: "a shorter search", expected_chinese: "更短的检索内容"
        }
        .into());
    }
    match arguments.offline {
        true => context.open_books(),
        false => context.open_without_card(),
    }
}

/// One document, or a code that nobody knows.
fn found<T: Serialize + Show>(
    context: &Context,
    shown: Result<terminal::flows::service::Shown<Option<T>>, Error>,
) -> Result<Exit, Failure> {
    let shown = shown?;
    let from = shown.from;
    match shown.content {
        Some(content) => {
            let shown = terminal::flows::service::Shown { content, from };
            context.console.answer(&Answer::of(shown));
            Ok(Exit::Done)
        }
        None => Err(EdgeError::Argument {
            expected: "a code that is published",
            expected_chinese: "已发布的代码",
        }
        .into()),
    }
}

pub(super) fn articles(context: &Context, arguments: &SearchArguments) -> Result<Exit, Failure> {
    let mut counter = open(context, arguments)?;
    if let Some(code) = &arguments.code {
        let shown = counter.flows.article(code);
        return found(context, shown);
    }
    let list = counter.flows.articles(&arguments.search())?;
    context.console.answer(&Answer::of(list));
    Ok(Exit::Done)
}

pub(super) fn offices(context: &Context, arguments: &SearchArguments) -> Result<Exit, Failure> {
    let mut counter = open(context, arguments)?;
    let mut search = arguments.search();
    // An office is shown whole in the list: its code is looked for among them.
    if let Some(code) = &arguments.code {
        search.rows = protocol::service::PAGE_ROWS_MAX;
        loop {
            let list = counter.flows.offices(&search)?;
            if let Some(line) = list.content.offices.iter().find(|line| line.office.code == *code) {
                let content = OfficeList { offices: vec![line.clone()], total: 1, next: None };
                let shown = terminal::flows::service::Shown { content, from: list.from };
                context.console.answer(&Answer::of(shown));
                return Ok(Exit::Done);
            }
            match list.content.next {
                Some(next) => search.after = Some(next),
                None => {
                    return Err(EdgeError::Argument {
                        expected: "a code that is published",
                        expected_chinese: "已发布的代码",
                    }
                    .into());
                }
            }
        }
    }
    let list = counter.flows.offices(&search)?;
    context.console.answer(&Answer::of(list));
    Ok(Exit::Done)
}

pub(super) fn vacancies(context: &Context, arguments: &SearchArguments) -> Result<Exit, Failure> {
    let mut counter = open(context, arguments)?;
    if let Some(code) = &arguments.code {
        let shown = counter.flows.vacancy(code);
        return found(context, shown);
    }
    let list = counter.flows.vacancies(&arguments.search())?;
    context.console.answer(&Answer::of(list));
    Ok(Exit::Done)
}

fn total(page: &mut Page, total: u32) {
    page.say(format!("共 {total} 项"), format!("{total} in all"));
}

impl Show for ArticleList {
    fn show(&self, page: &mut Page) {
        let head = [
            page.language().pick("代码", "code"),
            page.language().pick("标题", "title"),
            page.language().pick("主题", "topic"),
            page.language().pick("发布日", "published"),
        ];
        let rows = self.articles.iter().map(|line| {
            vec![line.code.clone(), line.title.clone(), line.topic.clone(), line.published.to_string()]
        });
        page.table(&head, &[], rows);
        total(page, self.total);
        more(page, self.next.as_ref());
    }
}

impl Show for Article {
    fn show(&self, page: &mut Page) {
        page.line(&self.title);
        page.line(format!("{}　{}　{}", self.issuer, self.reference, self.published));
        page.gap();
        page.line(&self.text);
        page.gap();
    }
}

impl Show for OfficeList {
    fn show(&self, page: &mut Page) {
        for line in &self.offices {
            let office = &line.office;
            let distance = match line.distance_m {
                Some(metres) => format!("{}.{} km", metres / 1_000, metres % 1_000 / 100),
                None => page.pick("未知", "unknown").to_owned(),
            };
            page.line(format!("{} {}", office.code, office.name));
            page.pairs([
                (page.pick("地址", "address").to_owned(), office.address.clone()),
                (page.pick("距离", "distance").to_owned(), distance),
                (page.pick("时间", "hours").to_owned(), office.hours.clone()),
                (page.pick("电话", "telephone").to_owned(), office.phone.clone()),
                (page.pick("业务", "services").to_owned(), office.services.join(page.pick("、", ", "))),
            ]);
            page.gap();
        }
        total(page, self.total);
        more(page, self.next.as_ref());
    }
}

impl Show for VacancyList {
    fn show(&self, page: &mut Page) {
        let head = [
            page.language().pick("代码", "code"),
            page.language().pick("岗位", "work"),
            page.language().pick("单位", "employer"),
            page.language().pick("月薪（元）", "wage (yuan)"),
            page.language().pick("人数", "places"),
            page.language().pick("就近", "near"),
        ];
        let near = page.language().pick("本区", "here");
        let rows = self.vacancies.iter().map(|line| {
            vec![
                line.code.clone(),
                line.title.clone(),
                line.employer.clone(),
                format!("{}–{}", line.wage_min.0 / 100, line.wage_max.0 / 100),
                line.places.to_string(),
                if line.near { near.to_owned() } else { line.district.as_str().to_owned() },
            ]
        });
        page.table(&head, &[3, 4], rows);
        total(page, self.total);
        more(page, self.next.as_ref());
    }
}

impl Show for Vacancy {
    fn show(&self, page: &mut Page) {
        page.line(format!("{} {}", self.code, self.title));
        page.pairs([
            (page.pick("单位", "employer").to_owned(), self.employer.clone()),
            (page.pick("地址", "address").to_owned(), self.address.clone()),
            (
                page.pick("月薪（元）", "wage (yuan)").to_owned(),
                format!("{}–{}", self.wage_min.0 / 100, self.wage_max.0 / 100),
            ),
            (page.pick("人数", "places").to_owned(), self.places.to_string()),
            (page.pick("学历", "schooling").to_owned(), self.education.clone()),
            (page.pick("电话", "telephone").to_owned(), self.phone.clone()),
            (page.pick("有效至", "until").to_owned(), self.until.to_string()),
        ]);
        page.line(&self.text);
        page.gap();
    }
}
