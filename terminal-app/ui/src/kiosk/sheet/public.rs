//! What anybody may know: articles, offices, vacancies.

use protocol::service::{Article, ArticleLine, OfficeLine, Vacancy, VacancyLine};
use terminal::flows::service::{Shown, ShownFrom};

use super::{Act, Ctx, Row, Sheet, fact, strong};
use crate::locale::Locale;

/// Topics in the order in which they first stand in the list.
pub(in crate::kiosk) fn topics_of(articles: &[ArticleLine]) -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    for article in articles {
        if !topics.contains(&article.topic) {
            topics.push(article.topic.clone());
        }
    }
    topics
}

/// Articles of a topic, or all.
pub(in crate::kiosk) fn articles_of<'a>(
    articles: &'a [ArticleLine],
    topic: Option<&str>,
) -> impl Iterator<Item = &'a ArticleLine> {
    articles.iter().filter(move |article| topic.is_none_or(|topic| article.topic == topic))
}

pub(super) fn topics(shown: &Shown<Vec<ArticleLine>>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("政策问答", "Questions about policy"),
        banner: ctx.age(&shown.from),
        source: ctx.source(&shown.from),
        ..Sheet::default()
    };
    for (index, topic) in topics_of(&shown.content).iter().enumerate() {
        let count = articles_of(&shown.content, Some(topic)).count();
        sheet.rows.push(Row::Item {
            index,
            title: ctx.words(topic),
            note: String::new(),
            value: match ctx.locale {
                Locale::English => format!("{count} articles"),
                _ => ctx.words(format!("{count} 篇")),
            },
        });
    }
    if shown.content.is_empty() {
        sheet.rows.push(Row::Note(ctx.say("现在没有文章可看。", "There are no articles at present.")));
    } else {
        sheet.acts.push((Act::Letters, ctx.say("按拼音字母找", "Find by pinyin letters")));
        sheet.acts.push((Act::AllArticles, ctx.say("看全部", "See all")));
    }
    sheet
}

pub(super) fn articles(shown: &Shown<Vec<ArticleLine>>, topic: Option<&str>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: topic.map_or_else(|| ctx.say("全部文章", "All articles"), |topic| ctx.words(topic)),
        banner: ctx.age(&shown.from),
        source: ctx.source(&shown.from),
        ..Sheet::default()
    };
    for (index, article) in articles_of(&shown.content, topic).enumerate() {
        sheet.rows.push(Row::Item {
            index,
            title: ctx.words(&article.title),
            note: ctx.day(article.published),
            value: String::new(),
        });
    }
    sheet
}

pub(super) fn article(shown: &Shown<Option<Box<Article>>>, ctx: Ctx) -> Sheet {
    let mut sheet =
        Sheet { banner: ctx.age(&shown.from), source: ctx.source(&shown.from), ..Sheet::default() };
    let Some(article) = &shown.content else {
        sheet.title = ctx.say("这篇文章找不到了", "This article is not there any more");
        sheet.rows.push(Row::Note(ctx.say(
            "它可能已经撤下，请返回看别的。",
            "It may have been taken down. Go back and look at others.",
        )));
        return sheet;
    };
    sheet.title = ctx.words(&article.title);
    sheet.rows.extend(
        article.text.lines().filter(|line| !line.trim().is_empty()).map(|line| Row::Note(ctx.words(line))),
    );
    sheet.rows.push(fact(ctx.say("发布", "Issued by"), ctx.words(&article.issuer)));
    sheet.rows.push(fact(ctx.say("日期", "Date"), ctx.day(article.published)));
    if !article.reference.is_empty() {
        sheet.rows.push(fact(ctx.say("文号", "Rests on"), ctx.words(&article.reference)));
    }
    sheet.portable = true;
    sheet
}

fn distance(metres: Option<u32>, ctx: Ctx) -> String {
    match (metres, ctx.locale) {
        (None, _) => String::new(),
        (Some(metres), Locale::English) if metres < 1_000 => format!("{metres} m"),
        (Some(metres), Locale::English) => format!("{}.{} km", metres / 1_000, metres % 1_000 / 100),
        (Some(metres), _) if metres < 1_000 => ctx.words(format!("{metres} 米")),
        (Some(metres), _) => ctx.words(format!("{}.{} 公里", metres / 1_000, metres % 1_000 / 100)),
    }
}

pub(super) fn offices(shown: &Shown<Vec<OfficeLine>>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("办事网点，近的在前", "Offices, the nearest first"),
        banner: ctx.age(&shown.from),
        source: ctx.source(&shown.from),
        ..Sheet::default()
    };
    for (index, line) in shown.content.iter().enumerate() {
        sheet.rows.push(Row::Item {
            index,
            title: ctx.words(&line.office.name),
            note: ctx.words(&line.office.address),
            value: distance(line.distance_m, ctx),
        });
    }
    if shown.content.is_empty() {
        sheet.rows.push(Row::Note(ctx.say("现在没有网点信息。", "No offices are known at present.")));
    }
    sheet
}

pub(super) fn office(line: &OfficeLine, from: &ShownFrom, ctx: Ctx) -> Sheet {
    let office = &line.office;
    let mut sheet = Sheet {
        title: ctx.words(&office.name),
        banner: ctx.age(from),
        source: ctx.source(from),
        portable: true,
        ..Sheet::default()
    };
    sheet.rows.push(strong(ctx.say("地址", "Address"), ctx.words(&office.address)));
    sheet.rows.push(fact(ctx.say("电话", "Telephone"), office.phone.clone()));
    sheet.rows.push(fact(ctx.say("时间", "Opening hours"), ctx.words(&office.hours)));
    if line.distance_m.is_some() {
        sheet.rows.push(fact(ctx.say("直线距离", "As the crow flies"), distance(line.distance_m, ctx)));
    }
    sheet.rows.push(Row::Head(ctx.say("可以办", "What can be done there")));
    sheet.rows.extend(office.services.iter().map(|service| Row::Note(ctx.words(service))));
    sheet
}

/// A wage from and to, in whole yuan where it is whole.
fn wage(min: card_spec::money::Fen, max: card_spec::money::Fen, ctx: Ctx) -> String {
    let yuan = |fen: card_spec::money::Fen| match fen.0 % 100 {
        0 => (fen.0 / 100).to_string(),
        _ => ctx.locale.amount(fen),
    };
    match ctx.locale {
        Locale::English => format!("¥{}–{} a month", yuan(min), yuan(max)),
        _ => ctx.words(format!("每月 {}–{} 元", yuan(min), yuan(max))),
    }
}

pub(super) fn vacancies(shown: &Shown<Vec<VacancyLine>>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("招聘岗位，近的在前", "Vacancies, the nearest first"),
        banner: ctx.age(&shown.from),
        source: ctx.source(&shown.from),
        ..Sheet::default()
    };
    for (index, line) in shown.content.iter().enumerate() {
        let near = if line.near { ctx.say("  本区", "  this district") } else { String::new() };
        sheet.rows.push(Row::Item {
            index,
            title: ctx.words(&line.title),
            note: format!("{}{near}", ctx.words(&line.employer)),
            value: wage(line.wage_min, line.wage_max, ctx),
        });
    }
    if shown.content.is_empty() {
        sheet.rows.push(Row::Note(ctx.say("现在没有招聘岗位。", "There are no vacancies at present.")));
    }
    sheet
}

pub(super) fn vacancy(shown: &Shown<Option<Box<Vacancy>>>, ctx: Ctx) -> Sheet {
    let mut sheet =
        Sheet { banner: ctx.age(&shown.from), source: ctx.source(&shown.from), ..Sheet::default() };
    let Some(vacancy) = &shown.content else {
        sheet.title = ctx.say("这个岗位已经招满", "This one is taken");
        sheet.rows.push(Row::Note(ctx.say("请返回看别的岗位。", "Go back and look at others.")));
        return sheet;
    };
    sheet.title = ctx.words(&vacancy.title);
    sheet.rows.push(strong(ctx.say("工资", "Wage"), wage(vacancy.wage_min, vacancy.wage_max, ctx)));
    sheet.rows.push(fact(ctx.say("单位", "Employer"), ctx.words(&vacancy.employer)));
    sheet.rows.push(fact(ctx.say("地点", "Place"), ctx.words(&vacancy.address)));
    sheet.rows.push(fact(
        ctx.say("招几人", "Places"),
        match ctx.locale {
            Locale::English => vacancy.places.to_string(),
            _ => ctx.words(format!("{} 人", vacancy.places)),
        },
    ));
    if !vacancy.education.is_empty() {
        sheet.rows.push(fact(ctx.say("学历", "Schooling"), ctx.words(&vacancy.education)));
    }
    sheet.rows.push(fact(ctx.say("电话", "Telephone"), vacancy.phone.clone()));
    sheet.rows.push(fact(ctx.say("招到", "Open until"), ctx.day(vacancy.until)));
    sheet.rows.extend(
        vacancy.text.lines().filter(|line| !line.trim().is_empty()).map(|line| Row::Note(ctx.words(line))),
    );
    sheet.portable = true;
    sheet
}
