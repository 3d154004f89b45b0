//! Files of insured people (参保人员): CSV with a header, or one JSON object a line.
//!
//! Columns and fields have the same names:
//!
//! | name | value | missing |
//! |---|---|---|
//! | `person` | 18-character number | not allowed |
//! | `state` | `active`, `suspended`, `ended`, `deceased` | `active` |
//! | `insutype` | code table insutype | `310` |
//! | `psn_type` | code table psn_type, first two digits | `11` |
//! | `civil_servant` | `0`/`1`, `false`/`true` | `0` |
//! | `paid_until` | `YYYY-MM` | not allowed |
//! | `year`, `deductible_fen`, `pooled_outpatient_fen`, `pooled_inpatient_fen`, `own_in_scope_fen`, `stays` | numbers | sums of people who are already there stay |
//!
//! | `pension_monthly_fen` | what a month's pension is; `0` ends it | nothing changes of the pension |
//! | `pension_monthly_from` | `YYYY-MM`: first month with this amount; earlier unpaid months keep theirs | it holds for all unpaid months, where it is another than before |
//! | `pension_first_unpaid` | `YYYY-MM` | needed where a pension begins; a later one counts months as paid elsewhere |
//! | `pension_certified_until` | `YYYY-MM-DD` | not certified, or as before |
//! | `name` | the person's name; a digest of it is kept, for reports of loss without a card | nothing changes of the name |
//!
//! Errors name the line and never what stands in it.

use std::io::BufRead;

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    calendar::{Day, Period},
    feed::{Person, PersonState},
    service::card::NAME_BYTES_MAX,
    signature::Digest,
};
use serde_json::Value;

use crate::{
    error::Error,
    service::name_digest,
    storage::{benefits::ImportedPension, rows::ImportedPerson},
};

/// Most bytes of one line.
pub const LINE_BYTES_MAX: usize = 4_096;

/// Names of the columns.
const FIELDS: [&str; FIELD_COUNT] = [
    "person",
    "state",
    "insutype",
    "psn_type",
    "civil_servant",
    "paid_until",
    "year",
    "deductible_fen",
    "pooled_outpatient_fen",
    "pooled_inpatient_fen",
    "own_in_scope_fen",
    "stays",
    "pension_monthly_fen",
    "pension_first_unpaid",
    "pension_certified_until",
    "name",
    "pension_monthly_from",
];

const FIELD_COUNT: usize = 17;

/// Where the name stands in `FIELDS`.
const NAME: usize = 15;

/// Where the first month of an amount stands; younger than the others, so behind them.
const MONTHLY_FROM: usize = 16;

/// One line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedEntry {
    /// The person.
    pub person: ImportedPerson,
    /// What the line says of a pension, when it says anything.
    pub pension: Option<ImportedPension>,
    /// Digest of the person's name, when the line tells it.
    pub name: Option<Digest>,
}

impl From<ImportedPerson> for ImportedEntry {
    fn from(person: ImportedPerson) -> Self {
        ImportedEntry { person, pension: None, name: None }
    }
}

/// Fields of `FIELDS` from here to [`FIRST_PENSION`] are the year's sums.
const FIRST_SUM: usize = 6;

/// Fields of `FIELDS` from here on are those of the pension.
const FIRST_PENSION: usize = 12;

/// Reads people one by one, whatever the length of the file.
#[derive(Debug)]
pub struct PeopleFile<R> {
    input: R,
    form: Form,
    line: u64,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Form {
    /// Not a line read yet.
    Unknown,
    /// Which of `FIELDS` stands in each column.
    Csv(Vec<usize>),
    JsonLines,
}

impl<R: BufRead> PeopleFile<R> {
    /// Takes the file's bytes; the first line tells CSV from JSON.
    pub fn new(input: R) -> Self {
        PeopleFile { input, form: Form::Unknown, line: 0, buffer: Vec::new() }
    }

    /// The next line without its end, `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<String>, Error> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let limited = std::io::Read::take(&mut self.input, LINE_BYTES_MAX as u64 + 1);
            let read = { limited }
                .read_until(b'\n', &mut self.buffer)
                .map_err(|error| self.error(&format!("cannot be read: {error}")))?;
            if read == 0 {
                return Ok(None);
            }
            if read > LINE_BYTES_MAX {
                return Err(self.error("is too long"));
            }
            let text = std::str::from_utf8(&self.buffer).map_err(|_| self.error("is not UTF-8"))?;
            let text = text.trim_start_matches('\u{FEFF}').trim();
            if !text.is_empty() {
                return Ok(Some(text.to_owned()));
            }
        }
    }

    fn next_person(&mut self) -> Result<Option<ImportedEntry>, Error> {
        let Some(mut text) = self.next_line()? else { return Ok(None) };
        if matches!(self.form, Form::Unknown) {
            if text.starts_with('{') {
                self.form = Form::JsonLines;
            } else {
                self.form = Form::Csv(self.header(&text)?);
                let Some(next) = self.next_line()? else { return Ok(None) };
                text = next;
            }
        }
        let fields = match &self.form {
            Form::Csv(columns) => self.csv(columns, &text)?,
            _ => self.json(&text)?,
        };
        let person = self.person(&fields)?;
        let key = person.person.key;
        Ok(Some(ImportedEntry {
            person,
            pension: self.pension(key, &fields)?,
            name: self.name(key, &fields)?,
        }))
    }

    fn header(&self, text: &str) -> Result<Vec<usize>, Error> {
        let mut columns = Vec::new();
        for name in text.split(',') {
            let known = FIELDS.iter().position(|field| *field == name.trim());
            let column = known.ok_or_else(|| self.error("names a column that is not known"))?;
            if columns.contains(&column) {
                return Err(self.error("names a column twice"));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn csv(&self, columns: &[usize], text: &str) -> Result<[Option<String>; FIELD_COUNT], Error> {
        let mut fields = [const { None }; FIELD_COUNT];
        let mut count = 0;
        for (index, value) in text.split(',').enumerate() {
            let column = columns.get(index).ok_or_else(|| self.error("has more fields than the header"))?;
            fields[*column] = Some(value.trim().to_owned());
            count += 1;
        }
        if count < columns.len() {
            return Err(self.error("has fewer fields than the header"));
        }
        Ok(fields)
    }

    fn json(&self, text: &str) -> Result<[Option<String>; FIELD_COUNT], Error> {
        let object: serde_json::Map<String, Value> =
            serde_json::from_str(text).map_err(|_| self.error("is no JSON object"))?;
        let mut fields = [const { None }; FIELD_COUNT];
        for (name, value) in object {
            let index = FIELDS.iter().position(|field| *field == name);
            let index = index.ok_or_else(|| self.error("holds a field that is not known"))?;
            fields[index] = Some(match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return Err(self.error("holds a field that is neither text nor number")),
            });
        }
        Ok(fields)
    }

    fn person(&self, fields: &[Option<String>; FIELD_COUNT]) -> Result<ImportedPerson, Error> {
        let text = |index: usize| fields[index].as_deref().filter(|text| !text.is_empty());
        let bad = |index: usize| self.error(&format!("has no valid {}", FIELDS[index]));
        fn number<T: std::str::FromStr>(text: Option<&str>, default: &str) -> Option<T> {
            text.unwrap_or(default).parse().ok()
        }
        let person = text(0).and_then(|text| PersonNumber::parse(text).ok()).ok_or_else(|| bad(0))?;
        let state = match text(1).unwrap_or("active") {
            "active" => PersonState::Active,
            "suspended" => PersonState::Suspended,
            "ended" => PersonState::Ended,
            "deceased" => PersonState::Deceased,
            _ => return Err(bad(1)),
        };
        let civil_servant = match text(4).unwrap_or("0") {
            "0" | "false" => false,
            "1" | "true" => true,
            _ => return Err(bad(4)),
        };
        let paid_until = text(5).and_then(month).ok_or_else(|| bad(5))?;
        Ok(ImportedPerson {
            with_sums: (FIRST_SUM..FIRST_PENSION).any(|index| text(index).is_some()),
            person: Person {
                key: person.key(),
                state,
                insutype: number(text(2), "310").ok_or_else(|| bad(2))?,
                psn_type: number(text(3), "11").ok_or_else(|| bad(3))?,
                civil_servant,
                paid_until,
                year: match text(6) {
                    Some(year) => year.parse().map_err(|_| bad(6))?,
                    None => paid_until / 12,
                },
                deductible_fen: number(text(7), "0").ok_or_else(|| bad(7))?,
                pooled_outpatient_fen: number(text(8), "0").ok_or_else(|| bad(8))?,
                pooled_inpatient_fen: number(text(9), "0").ok_or_else(|| bad(9))?,
                own_in_scope_fen: number(text(10), "0").ok_or_else(|| bad(10))?,
                stays: number(text(11), "0").ok_or_else(|| bad(11))?,
            },
        })
    }

    /// What the line says of a pension; nothing unless it says what a month's pension is.
    fn pension(
        &self,
        person: u64,
        fields: &[Option<String>; FIELD_COUNT],
    ) -> Result<Option<ImportedPension>, Error> {
        let text = |index: usize| fields[index].as_deref().filter(|text| !text.is_empty());
        let bad = |index: usize| self.error(&format!("has no valid {}", FIELDS[index]));
        let first_unpaid = text(FIRST_PENSION + 1).map(str::parse::<Period>).transpose();
        let first_unpaid = first_unpaid.map_err(|_| bad(FIRST_PENSION + 1))?;
        let certified_until = text(FIRST_PENSION + 2).map(str::parse::<Day>).transpose();
        let certified_until = certified_until.map_err(|_| bad(FIRST_PENSION + 2))?;
        let monthly_from = text(MONTHLY_FROM).map(str::parse::<Period>).transpose();
        let monthly_from = monthly_from.map_err(|_| bad(MONTHLY_FROM))?;
        let Some(monthly) = text(FIRST_PENSION) else {
            // A month or a day alone would be passed over in silence.
            return match first_unpaid.is_some() || certified_until.is_some() || monthly_from.is_some() {
                true => Err(bad(FIRST_PENSION)),
                false => Ok(None),
            };
        };
        let monthly = monthly.parse().ok().map(Fen);
        let monthly = monthly.filter(|fen| (Fen::ZERO..=Fen::CARD_MAX).contains(fen));
        let monthly = monthly.ok_or_else(|| bad(FIRST_PENSION))?;
        Ok(Some(ImportedPension { person, monthly, monthly_from, first_unpaid, certified_until }))
    }

    fn name(&self, person: u64, fields: &[Option<String>; FIELD_COUNT]) -> Result<Option<Digest>, Error> {
        let name = fields[NAME].as_deref().map(str::trim).filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.len() > NAME_BYTES_MAX || name.contains(char::is_control)) {
            return Err(self.error("has no valid name"));
        }
        Ok(name.map(|name| name_digest(person, name)))
    }

    fn error(&self, what: &str) -> Error {
        Error::input(format!("line {} {what}", self.line))
    }
}

impl<R: BufRead> Iterator for PeopleFile<R> {
    type Item = Result<ImportedEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_person().transpose()
    }
}

/// `YYYY-MM` as year × 12 + month − 1.
fn month(text: &str) -> Option<u16> {
    let (year, month) = text.split_once('-')?;
    if year.len() != 4 || month.len() != 2 {
        return None;
    }
    let (year, month): (u16, u16) = (year.parse().ok()?, month.parse().ok()?);
    ((1..=12).contains(&month) && year < 5_000).then(|| year * 12 + month - 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> Result<Vec<ImportedEntry>, String> {
        PeopleFile::new(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = "\u{FEFF}person,insutype,psn_type,paid_until,state\r\n11010519491231002X,390,15,2026-11,suspended\r\n";
        let json = r#"{"person":"11010519491231002x","insutype":390,"psn_type":"15","paid_until":"2026-11","state":"suspended"}"#;
        let people = read(csv).unwrap();
        assert_eq!(people, read(json).unwrap());
        assert_eq!(people.len(), 1);
        assert!(!people[0].person.with_sums && people[0].pension.is_none());
        let person = people[0].person.person;
        assert_eq!((person.key, person.insutype, person.psn_type), (11010519491231002, 390, 15));
        assert_eq!(
            (person.state, person.paid_until, person.year),
            (PersonState::Suspended, 2026 * 12 + 10, 2026)
        );
    }

    #[test]
    fn sums_are_taken_when_given() {
        let people =
            read("person,paid_until,year,deductible_fen,stays\n11010519491231002X,2026-01,2026,120,1\n");
        let entry = people.unwrap()[0].person;
        assert!(entry.with_sums);
        assert_eq!((entry.person.deductible_fen, entry.person.stays), (120, 1));
    }

    #[test]
    fn a_pension_is_told_by_its_month() {
        let header = "person,paid_until,pension_monthly_fen,pension_first_unpaid,pension_certified_until\n";
        let line = |rest: &str| read(&format!("{header}11010519491231002X,2026-11,{rest}\n"));
        let pension = line("315000,2026-09,2027-03-31").unwrap()[0].pension.unwrap();
        assert_eq!((pension.person, pension.monthly), (11010519491231002, Fen(315_000)));
        assert_eq!(pension.first_unpaid, Period::from_number(202_609));
        assert_eq!(pension.certified_until, Day::from_number(20_270_331));
        assert!(!line("315000,2026-09,").unwrap()[0].person.with_sums);
        assert_eq!(pension.monthly_from, None);
        let from =
            "person,paid_until,pension_monthly_fen,pension_monthly_from\n11010519491231002X,2026-09,330000,";
        let from = |text: &str| read(&format!("{from}{text}\n"));
        let raised = from("2027-01").unwrap()[0].pension.unwrap();
        assert_eq!((raised.monthly, raised.monthly_from), (Fen(330_000), Period::from_number(202_701)));
        assert!(from("2027-13").unwrap_err().contains("pension_monthly_from"));
        assert_eq!(line(",,").unwrap()[0].pension, None);
        assert_eq!(line("0,,").unwrap()[0].pension.unwrap().monthly, Fen::ZERO);
        for (rest, what) in [
            ("-1,2026-09,", "pension_monthly_fen"),
            ("3150.00,2026-09,", "pension_monthly_fen"),
            ("99999999999999,2026-09,", "pension_monthly_fen"),
            (",2026-09,", "pension_monthly_fen"),
            ("315000,2026-13,", "pension_first_unpaid"),
            ("315000,2026-09,2026-02-29", "pension_certified_until"),
        ] {
            assert!(line(rest).unwrap_err().contains(what), "{rest}");
        }
    }

    #[test]
    fn errors_name_the_line_and_nothing_personal() {
        let header = "person,paid_until\n";
        let good = "11010519491231002X,2026-01\n";
        for (text, line, what) in [
            ("person,nickname\n".to_owned(), 1, "column"),
            ("person,person\n".to_owned(), 1, "twice"),
            (format!("{header}{good}110105194912310021,2026-01\n"), 3, "person"),
            (format!("{header}11010519491231002X,2026-13\n"), 2, "paid_until"),
            (format!("{header}11010519491231002X\n"), 2, "fewer"),
            (format!("{header}11010519491231002X,2026-01,1\n"), 2, "more"),
            (format!("{header}{}\n", "1".repeat(5_000)), 2, "too long"),
            ("{\"person\":\n".to_owned(), 1, "JSON"),
            ("{\"person\":[1]}\n".to_owned(), 1, "neither"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.starts_with(&format!("line {line} ")) && error.contains(what), "{error}");
            assert!(!error.contains("1949"), "{error}");
        }
        assert!(PeopleFile::new(&b"person,paid_until\n\xFF\xFE\n"[..]).next().unwrap().is_err());
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read(header).unwrap(), []);
    }
}
