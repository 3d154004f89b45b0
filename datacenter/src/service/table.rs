//! Files of rows: CSV with a header (RFC 4180: fields with commas, quotes or line feeds stand in quotes), or one
//! JSON object a line. Errors name line and column, and never what stands there.

use std::io::BufRead;

use serde_json::Value;

use crate::error::Error;

/// Most bytes of one row.
pub const ROW_BYTES_MAX: usize = 96 << 10;

/// Parts a list in one field: services of an office, keywords of an article.
pub const LIST_SEPARATOR: char = '|';

/// Reads rows one by one, whatever the length of the file.
#[derive(Debug)]
pub struct Table<R> {
    input: R,
    names: &'static [&'static str],
    form: Form,
    line: u64,
}

#[derive(Debug)]
enum Form {
    /// Not a line read yet.
    Unknown,
    /// Which of the names stands in each column.
    Csv(Vec<usize>),
    JsonLines,
}

/// One row: for each name its field, if there is one, and the column at which it begins.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    names: &'static [&'static str],
    line: u64,
    fields: Vec<Option<(String, usize)>>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row(line {})", self.line)
    }
}

impl Row {
    /// A field without the spaces around it; `None` when it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let index = self.names.iter().position(|known| *known == name)?;
        self.fields[index].as_ref().map(|(text, _)| text.trim()).filter(|text| !text.is_empty())
    }

    /// A field that is needed.
    pub fn needed(&self, name: &'static str) -> Result<&str, Error> {
        self.text(name).ok_or_else(|| self.error(name))
    }

    /// A field that is needed and has to be something.
    pub fn parsed<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        parse(self.needed(name)?).ok_or_else(|| self.error(name))
    }

    /// A field that has to be something when it is there.
    pub fn optional<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.text(name).map(|text| parse(text).ok_or_else(|| self.error(name))).transpose()
    }

    /// That a field is missing or not what belongs there.
    pub fn error(&self, name: &str) -> Error {
        let index = self.names.iter().position(|known| *known == name);
        let column = index.and_then(|index| self.fields[index].as_ref()).map_or(1, |(_, column)| *column);
        Error::input(format!("line {}, column {column}: no valid {name}", self.line))
    }
}

impl<R: BufRead> Table<R> {
    /// Takes the file's bytes; the first line tells CSV from JSON. `names` are the columns there may be.
    pub fn new(input: R, names: &'static [&'static str]) -> Self {
        Table { input, names, form: Form::Unknown, line: 0 }
    }

    fn error(&self, line: u64, column: usize, what: &str) -> Error {
        Error::input(format!("line {line}, column {column}: {what}"))
    }

    /// The next line with its end, `None` at the end of the file.
    fn next_line(&mut self, room: usize) -> Result<Option<String>, Error> {
        let mut bytes = Vec::new();
        self.line += 1;
        let line = self.line;
        let read = std::io::Read::take(&mut self.input, room as u64 + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Error::input(format!("line {line} cannot be read: {error}")))?;
        if read == 0 {
            return Ok(None);
        }
        if read > room {
            return Err(self.error(line, 1, "the row is too long"));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let column = error.utf8_error().valid_up_to() + 1;
            self.error(line, column, "is not UTF-8")
        })?;
        Ok(Some(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text)))
    }

    /// The next row's text and its first line: lines are joined while a quote is open.
    fn next_text(&mut self, quotes: bool) -> Result<Option<(String, u64)>, Error> {
        let mut text = loop {
            match self.next_line(ROW_BYTES_MAX)? {
                None => return Ok(None),
                Some(line) if line.trim().is_empty() => {}
                Some(line) => break line,
            }
        };
        let first = self.line;
        while quotes && text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
            match self.next_line(ROW_BYTES_MAX - text.len())? {
                Some(line) => text.push_str(&line),
                None => {
                    return Err(self.error(first, text.trim_end().chars().count(), "a quote is not closed"));
                }
            }
        }
        Ok(Some((text.trim_end_matches(['\r', '\n']).to_owned(), first)))
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        if matches!(self.form, Form::Unknown) {
            let Some((text, line)) = self.next_text(false)? else { return Ok(None) };
            if text.trim_start().starts_with('{') {
                self.form = Form::JsonLines;
                return self.json(&text, line).map(Some);
            }
            self.form = Form::Csv(self.header(&text, line)?);
        }
        let quotes = matches!(self.form, Form::Csv(_));
        let Some((text, line)) = self.next_text(quotes)? else { return Ok(None) };
        if quotes { self.csv(&text, line) } else { self.json(&text, line) }.map(Some)
    }

    fn header(&self, text: &str, line: u64) -> Result<Vec<usize>, Error> {
        let mut columns = Vec::new();
        for (name, column) in self.split(text, line)? {
            let known = self.names.iter().position(|known| *known == name.trim());
            let known = known.ok_or_else(|| self.error(line, column, "names a column that is not known"))?;
            if columns.contains(&known) {
                return Err(self.error(line, column, "names a column twice"));
            }
            columns.push(known);
        }
        Ok(columns)
    }

    fn csv(&self, text: &str, line: u64) -> Result<Row, Error> {
        let Form::Csv(columns) = &self.form else { return Err(self.error(line, 1, "no header")) };
        let mut fields = vec![None; self.names.len()];
        let split = self.split(text, line)?;
        if split.len() < columns.len() {
            let column = text.chars().count() + 1;
            return Err(self.error(line, column, "fewer fields than the header"));
        }
        for (index, (field, column)) in split.into_iter().enumerate() {
            let name = columns.get(index);
            let name = name.ok_or_else(|| self.error(line, column, "more fields than the header"))?;
            fields[*name] = Some((field, column));
        }
        Ok(Row { names: self.names, line, fields })
    }

    /// Fields of a row with the columns at which they begin.
    fn split(&self, text: &str, line: u64) -> Result<Vec<(String, usize)>, Error> {
        let mut fields = Vec::new();
        let mut letters = text.chars().zip(1_usize..).peekable();
        loop {
            let column = letters.peek().map_or(text.chars().count() + 1, |(_, column)| *column);
            let mut field = String::new();
            if letters.next_if(|(letter, _)| *letter == '"').is_some() {
                loop {
                    match letters.next() {
                        // Two quotes stand for one.
                        Some(('"', _)) if letters.next_if(|(letter, _)| *letter == '"').is_some() => {
                            field.push('"');
                        }
                        Some(('"', _)) => break,
                        Some((letter, _)) => field.push(letter),
                        None => return Err(self.error(line, column, "a quote is not closed")),
                    }
                }
                if let Some((_, column)) = letters.peek().filter(|(letter, _)| *letter != ',') {
                    return Err(self.error(line, *column, "text after a closed quote"));
                }
            } else {
                while let Some((letter, _)) = letters.next_if(|(letter, _)| *letter != ',') {
                    field.push(letter);
                }
            }
            fields.push((field, column));
            if letters.next().is_none() {
                return Ok(fields);
            }
        }
    }

    fn json(&self, text: &str, line: u64) -> Result<Row, Error> {
        let object: serde_json::Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| self.error(line, error.column().max(1), "is no JSON object"))?;
        let mut fields = vec![None; self.names.len()];
        for (name, value) in object {
            let column = text.find(&format!("\"{name}\"")).map_or(1, |byte| text[..byte].chars().count() + 1);
            let index = self.names.iter().position(|known| *known == name);
            let index = index.ok_or_else(|| self.error(line, column, "holds a field that is not known"))?;
            fields[index] = Some((
                match value {
                    Value::Null => continue,
                    Value::String(text) => text,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(flag) => flag.to_string(),
                    Value::Array(items) => {
                        let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                        let items = items
                            .ok_or_else(|| self.error(line, column, "holds a list of other than text"))?;
                        items.join(&LIST_SEPARATOR.to_string())
                    }
                    Value::Object(_) => return Err(self.error(line, column, "holds an object in a field")),
                },
                column,
            ));
        }
        Ok(Row { names: self.names, line, fields })
    }
}

impl<R: BufRead> Iterator for Table<R> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const NAMES: &[&str] = &["code", "text", "list"];

    fn read(text: &str) -> Result<Vec<Row>, String> {
        Table::new(text.as_bytes(), NAMES).collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    #[test]
    fn csv_and_json_say_the_same() {
        let csv = "\u{FEFF}text,code,list\r\n\"一，\"\"二\"\",\n三\",A1,x|y\r\n\r\n四,A2,\r\n";
        let json = "{\"code\":\"A1\",\"text\":\"一，\\\"二\\\",\\n三\",\"list\":[\"x\",\"y\"]}\n{\"code\":\"A2\",\"text\":\"四\",\"list\":null}";
        let said = |rows: Vec<Row>| -> Vec<[Option<String>; 3]> {
            rows.iter()
                .map(|row| ["code", "text", "list"].map(|name| row.text(name).map(str::to_owned)))
                .collect()
        };
        let rows = said(read(csv).unwrap());
        assert_eq!(rows, said(read(json).unwrap()));
        assert_eq!(rows[0][1].as_deref(), Some("一，\"二\",\n三"));
        assert_eq!(rows[1], [Some("A2".into()), Some("四".into()), None]);
    }

    #[test]
    fn errors_name_line_and_column() {
        for (text, place) in [
            ("code,nothing\n", "line 1, column 6"),
            ("code,code\n", "line 1, column 6"),
            ("code,text\nA1\n", "line 2, column 3"),
            ("code,text\nA1,二,三\n", "line 2, column 6"),
            ("code,text\n\nA1,\"二\"三\n", "line 3, column 7"),
            ("code,text\nA1,\"二\n三\n", "line 2"),
            ("{\"code\":\"A1\"}\n{\"code\":}\n", "line 2, column 9"),
            ("{\"code\":\"A1\",\"other\":1}\n", "line 1, column 14"),
            ("{\"code\":{}}\n", "line 1, column 2"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place), "{text:?}: {error}");
        }
        let long = format!("code,text\nA1,\"{}\n", "长\n".repeat(ROW_BYTES_MAX));
        assert!(read(&long).unwrap_err().contains("too long"));
        let row = &read("code,text\nA1,二\n").unwrap()[0];
        let error = row.parsed("text", |text| text.parse::<u8>().ok()).unwrap_err().to_string();
        assert!(error.contains("line 2, column 4: no valid text"), "{error}");
    }
}
