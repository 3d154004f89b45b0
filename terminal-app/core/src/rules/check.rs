//! What must hold in a rules document before anyone is settled by it.

use std::collections::BTreeSet;

use card_spec::money::Fen;

use super::{
    bill::{HospitalLevel, VisitKind},
    config::{
        BANDS_MAX, Band, Benefit, ByLevel, CityRulesFile, Deductible, ENTRIES_MAX, FORMAT, LaterStays, Layer,
        NOTE_CHARS_MAX, Period, RULE_AMOUNT_MAX, Yuan,
    },
    error::{Document, FieldProblem, RulesError},
    person::PersonKind,
    settlement::Fund,
};

type Checked = Result<(), RulesError>;

pub(super) fn check(file: &CityRulesFile) -> Checked {
    if file.format != FORMAT {
        return refuse("format", FieldProblem::Format { expected: FORMAT, got: file.format });
    }
    text("name.zh", &file.name.zh)?;
    text("name.en", &file.name.en)?;
    count("sources", file.sources.len(), ENTRIES_MAX)?;
    count("caps", file.caps.len(), ENTRIES_MAX)?;
    count("benefits", file.benefits.len(), ENTRIES_MAX)?;
    count("layers", file.layers.len(), ENTRIES_MAX)?;
    count("account", file.account.len(), ENTRIES_MAX)?;
    if file.benefits.is_empty() {
        return refuse("benefits", FieldProblem::Empty);
    }
    for (index, source) in file.sources.iter().enumerate() {
        text(&format!("sources[{index}].about"), &source.about)?;
        text(&format!("sources[{index}].note"), &source.note)?;
    }
    for (name, cap) in &file.caps {
        text(&format!("caps.{name}.name.zh"), &cap.name.zh)?;
        text(&format!("caps.{name}.name.en"), &cap.name.en)?;
        amount(&format!("caps.{name}.yearly"), cap.yearly)?;
    }
    benefits(file)?;
    layers(&file.layers)?;
    accounts(file)
}

fn benefits(file: &CityRulesFile) -> Checked {
    let mut seen = BTreeSet::new();
    for (index, benefit) in file.benefits.iter().enumerate() {
        let path = format!("benefits[{index}]");
        pairs(&path, &benefit.persons, &benefit.visits)?;
        for person in &benefit.persons {
            for visit in &benefit.visits {
                if !seen.insert((*person, *visit)) {
                    return refuse(path, FieldProblem::Duplicate { person: *person, visit: *visit });
                }
            }
        }
        deductible(&path, benefit)?;
        tables(&path, benefit)?;
        unique(&format!("{path}.caps"), &benefit.caps)?;
        for (index, name) in benefit.caps.iter().enumerate() {
            if !file.caps.contains_key(name) {
                return refuse(
                    format!("{path}.caps[{index}]"),
                    FieldProblem::UnknownCap { name: name.clone() },
                );
            }
        }
    }
    Ok(())
}

fn deductible(path: &str, benefit: &Benefit) -> Checked {
    let Deductible { period, by_level, later_stays, .. } = &benefit.deductible;
    let path = format!("{path}.deductible");
    levels(&format!("{path}.by_level"), by_level)?;
    amounts(&format!("{path}.by_level"), by_level)?;
    let path = format!("{path}.later_stays");
    if !matches!(later_stays, LaterStays::Same)
        && (*period != Period::Visit || benefit.visits != [VisitKind::Inpatient])
    {
        return refuse(path, FieldProblem::LaterStaysNotInpatient);
    }
    match later_stays {
        LaterStays::Same => Ok(()),
        LaterStays::Shares(shares) if shares.is_empty() => {
            refuse(format!("{path}.shares"), FieldProblem::Empty)
        }
        LaterStays::Shares(shares) => count(&format!("{path}.shares"), shares.len(), BANDS_MAX),
        LaterStays::Less { step, floor } => {
            amount(&format!("{path}.less.step"), *step)?;
            levels(&format!("{path}.less.floor"), floor)?;
            for level in HospitalLevel::ALL {
                if floor.of(level).map(|yuan| yuan.0) > by_level.of(level).map(|yuan| yuan.0) {
                    return refuse(format!("{path}.less.floor"), FieldProblem::FloorAboveFull { level });
                }
            }
            Ok(())
        }
    }
}

fn tables(path: &str, benefit: &Benefit) -> Checked {
    let path = format!("{path}.bands.tables");
    let tables = &benefit.bands.tables;
    if tables.is_empty() {
        return refuse(path, FieldProblem::Empty);
    }
    count(&path, tables.len(), ENTRIES_MAX)?;
    if tables[0].from_age != 0 {
        return refuse(format!("{path}[0].from_age"), FieldProblem::FirstAgeNotZero);
    }
    for (index, table) in tables.iter().enumerate() {
        if index > 0 && table.from_age <= tables[index - 1].from_age {
            return refuse(format!("{path}[{index}].from_age"), FieldProblem::AgeNotAscending);
        }
        let path = format!("{path}[{index}].by_level");
        levels(&path, &table.by_level)?;
        for (level, list) in table.by_level.written() {
            bands(&format!("{path}.{level}"), list, Fen::ZERO)?;
        }
    }
    Ok(())
}

fn layers(layers: &[Layer]) -> Checked {
    for (index, layer) in layers.iter().enumerate() {
        let path = format!("layers[{index}]");
        let before = &layers[..index];
        if layer.fund == Fund::Pooled {
            return refuse(format!("{path}.fund"), FieldProblem::LayerPooled);
        }
        if before.last().is_some_and(|last| last.fund.rank() > layer.fund.rank()) {
            return refuse(path, FieldProblem::LayerOutOfOrder);
        }
        pairs(&path, &layer.persons, &layer.visits)?;
        unique(&format!("{path}.aid_classes"), &layer.aid_classes)?;
        if let Some((person, visit)) = before.iter().find_map(|other| overlap(other, layer)) {
            return refuse(path, FieldProblem::Duplicate { person, visit });
        }
        amount(&format!("{path}.from"), layer.from)?;
        bands(&format!("{path}.bands"), &layer.bands, layer.from)?;
        if let Some(cap) = layer.yearly_cap {
            amount(&format!("{path}.yearly_cap"), cap)?;
        }
    }
    Ok(())
}

/// A person and visit for whom one fund would pay by two entries; its yearly amounts are kept only once.
fn overlap(one: &Layer, other: &Layer) -> Option<(PersonKind, VisitKind)> {
    let aid = one.aid_classes.is_empty()
        || other.aid_classes.is_empty()
        || one.aid_classes.iter().any(|class| other.aid_classes.contains(class));
    if one.fund != other.fund || !aid {
        return None;
    }
    let person = one.persons.iter().find(|person| other.persons.contains(person))?;
    let visit = one.visits.iter().find(|visit| other.visits.contains(visit))?;
    Some((*person, *visit))
}

fn accounts(file: &CityRulesFile) -> Checked {
    let mut seen = BTreeSet::new();
    for (index, rule) in file.account.iter().enumerate() {
        let path = format!("account[{index}]");
        pairs(&path, &rule.persons, &rule.visits)?;
        for person in &rule.persons {
            for visit in &rule.visits {
                if !seen.insert((*person, *visit)) {
                    return refuse(path, FieldProblem::Duplicate { person: *person, visit: *visit });
                }
            }
        }
        if rule.pays.is_empty() {
            return refuse(format!("{path}.pays"), FieldProblem::Empty);
        }
        unique(&format!("{path}.pays"), &rule.pays)?;
        amount(&format!("{path}.keep"), rule.keep)?;
        if let Some(max) = rule.per_settlement_max {
            amount(&format!("{path}.per_settlement_max"), max)?;
        }
    }
    Ok(())
}

/// Ascending, the last one open, above `from`.
fn bands(path: &str, bands: &[Band], from: Fen) -> Checked {
    count(path, bands.len(), BANDS_MAX)?;
    let Some(last) = bands.len().checked_sub(1) else {
        return refuse(path, FieldProblem::Empty);
    };
    let mut above = from;
    for (index, band) in bands.iter().enumerate() {
        let field = format!("{path}[{index}].up_to");
        match band.up_to {
            None if index < last => return refuse(field, FieldProblem::OpenBandNotLast),
            None => {}
            Some(_) if index == last => return refuse(field, FieldProblem::LastBandNotOpen),
            Some(Yuan(up_to)) => {
                amount(&field, up_to)?;
                if up_to <= above {
                    return refuse(field, FieldProblem::BandNotAscending { above, got: up_to });
                }
                above = up_to;
            }
        }
    }
    Ok(())
}

fn levels<T>(path: &str, by_level: &ByLevel<T>) -> Checked {
    match HospitalLevel::ALL.into_iter().find(|level| by_level.of(*level).is_none()) {
        Some(level) => refuse(path, FieldProblem::LevelMissing { level }),
        None => Ok(()),
    }
}

fn amounts(path: &str, by_level: &ByLevel<Yuan>) -> Checked {
    by_level.written().try_for_each(|(level, yuan)| amount(&format!("{path}.{level}"), yuan.0))
}

fn amount(path: &str, got: Fen) -> Checked {
    if got > RULE_AMOUNT_MAX {
        return refuse(path, FieldProblem::AmountTooLarge { max: RULE_AMOUNT_MAX, got });
    }
    Ok(())
}

fn pairs(path: &str, persons: &[PersonKind], visits: &[VisitKind]) -> Checked {
    if persons.is_empty() {
        return refuse(format!("{path}.persons"), FieldProblem::Empty);
    }
    if visits.is_empty() {
        return refuse(format!("{path}.visits"), FieldProblem::Empty);
    }
    unique(&format!("{path}.persons"), persons)?;
    unique(&format!("{path}.visits"), visits)
}

fn unique<T: Ord>(path: &str, list: &[T]) -> Checked {
    if list.iter().collect::<BTreeSet<_>>().len() < list.len() {
        return refuse(path, FieldProblem::Repeated);
    }
    Ok(())
}

fn count(path: &str, got: usize, max: usize) -> Checked {
    if got > max {
        return refuse(path, FieldProblem::TooMany { max, got });
    }
    Ok(())
}

fn text(path: &str, text: &str) -> Checked {
    if text.is_empty() {
        return refuse(path, FieldProblem::Empty);
    }
    if text.chars().count() > NOTE_CHARS_MAX {
        return refuse(path, FieldProblem::TooLong { max: NOTE_CHARS_MAX });
    }
    Ok(())
}

fn refuse(field: impl Into<String>, problem: FieldProblem) -> Checked {
    Err(RulesError::Field { document: Document::CityRules, field: field.into(), problem })
}
