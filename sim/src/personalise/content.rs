//! What stands in the files of a new card.

use card_spec::{
    card_id::CardId,
    date::Date,
    fci::{DirectoryEntry, build_directory_record},
    file::{Application, Encoding, File, FileId, Item},
    generation::Generation,
    name::Name,
    person::Sex,
    text,
};

use crate::{
    bcd,
    error::SimError,
    image::{Access, FileBody, FileImage, Hex, HexByte, HexWord, Right},
    people::Person,
};

/// Year of the account's yearly sums, BCD: the year of [`crate::people::Population::new`].
pub(super) const CURRENT_YEAR: [u8; 2] = [0x20, 0x26];
/// Years from issue to expiry.
const VALID_YEARS: u16 = 10;
/// Longest directory record.
const DIRECTORY_RECORD_BYTES_MAX: usize = 64;
/// What the number of an initialising agency begins with.
const AGENCY_HEAD: [u8; 5] = [0x91, 0x56, 0x00, 0x00, 0x02];
/// What the one number that is public ends with.
const AGENCY_TAIL: [u8; 4] = [0x43, 0x01, 0x00, 0xD5];

/// A tag that the table has in DF02 EF06 and in DF03 EF05.
const UNEMPLOYED_SINCE: u8 = 0x60;

/// What the issuer writes.
pub(super) struct Issuer {
    pub(super) card_id: CardId,
    pub(super) issued: Date,
    /// First place of the fingerprint file; empty when the holder was not enrolled.
    pub(super) fingerprints: Vec<u8>,
}

/// The records of a linear file, each with tag and length.
pub(super) fn records(
    file: &File,
    generation: Generation,
    person: &Person,
    issuer: &Issuer,
) -> Result<Vec<Hex>, SimError> {
    let mut records = Vec::new();
    for item in file.items_of(generation) {
        // National tests want this date in one place only: with employment where that is kept.
        if (file.application, file.id, item.tag) == (Application::Df03, FileId::EF05, Some(UNEMPLOYED_SINCE))
        {
            continue;
        }
        let mut value = vec![0; usize::from(item.bytes)];
        fill(&mut value, item);
        if let Some(known) = value_of(file, item, generation, person, issuer)? {
            let bytes = value.len();
            if known.len() > bytes {
                return Err(SimError::Personalise { problem: format!("{} is too long", item.english) });
            }
            value[..known.len()].copy_from_slice(&known);
        }
        // Every item of a linear file has a tag.
        let mut record = vec![item.tag.unwrap_or_default(), item.bytes];
        record.append(&mut value);
        records.push(Hex(record));
    }
    Ok(records)
}

/// A record without tags, not yet used.
pub(super) fn empty_fields(items: &[Item], record_bytes: u8) -> Vec<u8> {
    let mut record = Vec::new();
    for item in items {
        let mut value = vec![0; usize::from(item.bytes)];
        fill(&mut value, item);
        record.append(&mut value);
    }
    record.resize(usize::from(record_bytes), 0);
    record
}

/// One record for each application of the environment.
pub(super) fn directory_records(generation: Generation) -> Result<Vec<Hex>, SimError> {
    let mut records = Vec::new();
    for application in Application::ALL.into_iter().skip(1) {
        let row = application.directory();
        if row.from > generation {
            continue;
        }
        let problem = |error: card_spec::Error| SimError::Personalise { problem: error.to_string() };
        let label = text::encode_gbk::<32>(row.chinese).map_err(problem)?;
        let name = application.name();
        let entry = DirectoryEntry { name: name.as_bytes(), label: &label };
        let record = build_directory_record::<DIRECTORY_RECORD_BYTES_MAX>(&entry).map_err(problem)?;
        records.push(record.into());
    }
    Ok(records)
}

/// An area for trying secure messaging out; its layout is ours.
pub(super) fn test_area() -> FileImage {
    let update = Access::all([Right::Key(HexByte(0x04))]);
    FileImage {
        label: "测试区".to_owned(),
        id: HexWord(0xEF0C),
        read: Access::free(),
        write: update,
        write_needs_mac: false,
        records_need_mac: vec![2],
        body: FileBody::Linear(vec![Hex(vec![0x01, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]), {
            Hex(vec![0x02, 0x08, 0, 0, 0, 0, 0, 0, 0, 0])
        }]),
    }
}

/// Fills a value that nobody has written: text with 00, digits with F, groups with their parts.
fn fill(value: &mut [u8], item: &Item) {
    match item.encoding {
        Encoding::An | Encoding::Binary => {}
        Encoding::Cn => value.fill(0xFF),
        Encoding::Group(parts) => {
            let mut at = 0;
            for part in parts {
                let end = at + 2 + usize::from(part.bytes);
                let Some(place) = value.get_mut(at..end) else { return };
                place[0] = part.tag.unwrap_or_default();
                place[1] = part.bytes;
                fill(&mut place[2..], part);
                at = end;
            }
        }
    }
}

fn value_of(
    file: &File,
    item: &Item,
    generation: Generation,
    person: &Person,
    issuer: &Issuer,
) -> Result<Option<Vec<u8>>, SimError> {
    let tag = item.tag.unwrap_or_default();
    let value = match (file.application, file.id) {
        (Application::Ssse, FileId::EF05) => issuer_value(tag, generation, person, issuer),
        (Application::Ssse, FileId::EF06) => holder_value(tag, person)?,
        (Application::Ssse, FileId::EF0D) => match tag {
            0xEA => Some(format!("{:012}", person.index).into_bytes()),
            0xEB => Some(person.city.to_cn().to_vec()),
            _ => None,
        },
        (Application::Df01, _) => public_value(tag, person)?,
        _ => None,
    };
    Ok(value)
}

fn issuer_value(tag: u8, generation: Generation, person: &Person, issuer: &Issuer) -> Option<Vec<u8>> {
    Some(match tag {
        0x01 => issuer.card_id.to_bytes().to_vec(),
        0x02 => b"3".to_vec(),
        0x03 => generation.version().to_vec(),
        0x04 => [&AGENCY_HEAD[..], &issuer.card_id.city().to_cn(), &AGENCY_TAIL].concat(),
        0x05 => issuer.issued.to_cn().to_vec(),
        0x06 => issuer.issued.plus_years(VALID_YEARS)?.to_cn().to_vec(),
        0x07 => person.card_number.as_str().as_bytes().to_vec(),
        _ => return None,
    })
}

fn holder_value(tag: u8, person: &Person) -> Result<Option<Vec<u8>>, SimError> {
    let name = || {
        let problem = |error: card_spec::Error| SimError::Personalise { problem: error.to_string() };
        Name::new(&person.name).map(|name| name.to_records()).map_err(problem)
    };
    Ok(Some(match tag {
        0x08 => person.number.as_str().as_bytes().to_vec(),
        0x09 => name()?.0.to_vec(),
        0x4E => name()?.1.to_vec(),
        0x0A => match person.sex {
            Sex::Male => b"1".to_vec(),
            Sex::Female => b"2".to_vec(),
        },
        0x0B => vec![bcd(person.ethnic_group.into())],
        0x0C => person.city.to_cn().to_vec(),
        0x0D => person.birth.to_cn().to_vec(),
        _ => return Ok(None),
    }))
}

fn public_value(tag: u8, person: &Person) -> Result<Option<Vec<u8>>, SimError> {
    let gbk = |words: &str| {
        let problem = |error: card_spec::Error| SimError::Personalise { problem: error.to_string() };
        text::encode_gbk::<80>(words).map(|bytes| bytes.to_vec()).map_err(problem)
    };
    let address = format!("模拟市测试路{}号", 1 + person.index % 999);
    Ok(Some(match tag {
        0x20 => b"10".to_vec(),
        0x21 | 0x23 | 0x3E => gbk(&address)?,
        0x0E => person.city.to_cn().to_vec(),
        0x24 => vec![0x41, 0x00, 0x00],
        // No telephone number begins so.
        0x28 => format!("000{:08}", person.index).into_bytes(),
        0x2E => gbk("模拟单位")?,
        0x37 => b"CHN".to_vec(),
        _ => return Ok(None),
    }))
}
