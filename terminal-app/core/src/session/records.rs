//! Reading of issuer and holder data, record by record and by tag.
//!
//! Reading by tag is safe on every generation; record numbers are not, since 1.0 has no name extension.

use card_spec::{
    card_id::CardId,
    card_number::CardNumber,
    command::{Command, LE_ANY, RecordReference, Selection},
    date::CardDate,
    file::{Application, FileId},
    generation::Generation,
    name::{NAME_BYTES, Name},
    person::PersonNumber,
    status::StatusWord,
    text::{decode_an, decode_cn},
    tlv,
};

use super::{
    attention::Attention,
    card::{FirstLook, Holder, OpenCard},
    channel::Channel,
    error::{SessionError, Step},
};

/// A record's value; `None` for a record that is not there.
type Value = Option<Vec<u8>>;

/// Reads what can be read of a card before it is authenticated: card identification code, version, number.
///
/// The environment must be selected. 3.0 cards refuse more than this.
pub(super) fn read_first(channel: &mut Channel<'_>) -> Result<FirstLook, SessionError> {
    let step = Step::ReadIssuer;
    select_file(channel, FileId::EF05, step)?;
    let card_id = must(channel, step, 0x01)?;
    let card_id = CardId::parse(&card_id).map_err(|problem| channel.damaged(step, problem))?;
    let version = must(channel, step, 0x03)?;
    let generation = Generation::from_version(&version).map_err(|problem| match problem {
        card_spec::Error::UnknownGeneration { version } => SessionError::UnknownGeneration { version },
        problem => channel.damaged(step, problem),
    })?;
    let mut attention = Vec::new();
    if card_id.is_test() {
        attention.push(Attention::TestCard);
    }
    // Some issuers open the number with RKSSSE only; it is read again then.
    let card_number = match read(channel, step, generation, 0x07) {
        Err(SessionError::Status { got: StatusWord::SECURITY_STATUS, .. }) => None,
        number => parse_card_number(channel, number?, &mut attention)?,
    };
    let version =
        version.iter().take_while(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
    Ok(FirstLook { card_id, generation, version, card_number, attention })
}

/// Reads the rest of the issuer's data, then the holder's. The card must have been authenticated.
pub(super) fn read_rest(channel: &mut Channel<'_>, card: &mut OpenCard) -> Result<(), SessionError> {
    let generation = card.generation;
    let step = Step::ReadIssuer;
    select_file(channel, FileId::EF05, step)?;
    card.issuer.class = read(channel, step, generation, 0x02)?.and_then(|class| class.first().copied());
    card.issuer.issued = date(channel, step, generation, 0x05)?;
    card.issuer.expires = date(channel, step, generation, 0x06)?;
    if card.issuer.card_number.is_none() {
        let number = read(channel, step, generation, 0x07)?;
        card.issuer.card_number = parse_card_number(channel, number, &mut card.attention)?;
    }
    if [card.issuer.issued, card.issuer.expires].iter().any(|date| matches!(date, CardDate::Year(_))) {
        card.attention.push(Attention::YearOnly);
    }

    let step = Step::ReadHolder;
    select_file(channel, FileId::EF06, step)?;
    let number = must_in(channel, step, generation, 0x08)?;
    let person = decode_an::<32>(&number)
        .and_then(|text| Ok(PersonNumber::parse(&text)?))
        .map_err(|problem| channel.damaged(step, problem))?;
    let name = must_in(channel, step, generation, 0x09)?;
    let extension = if generation == Generation::One { None } else { read(channel, step, generation, 0x4E)? };
    if extension.is_none() && generation != Generation::One {
        card.attention.push(Attention::RecordMissing { tag: 0x4E });
    }
    // A short record 09 cannot go on in 4E in the middle of a character.
    let extension = extension.filter(|_| name.len() == NAME_BYTES);
    let name =
        Name::from_records(&name, extension.as_deref()).map_err(|problem| channel.damaged(step, problem))?;
    let sex = read(channel, step, generation, 0x0A)?.and_then(|sex| sex.first().copied());
    let ethnic_group = match read(channel, step, generation, 0x0B)? {
        Some(code) => decode_cn::<4>(&code).ok().and_then(|digits| digits.parse().ok()),
        None => None,
    };
    let birth_date = match date(channel, step, generation, 0x0D)? {
        CardDate::Day(day) => Some(day),
        CardDate::Year(_) | CardDate::NotIssued => None,
    };
    if birth_date.is_some_and(|day| (day.year(), day.month(), day.day()) != person.birth_date()) {
        card.attention.push(Attention::BirthDateDiffers);
    }
    card.holder = Some(Holder { person, name, sex, ethnic_group, birth_date });
    Ok(())
}

fn select_file(channel: &mut Channel<'_>, file: FileId, step: Step) -> Result<(), SessionError> {
    channel.expect(step, &Command::Select(Selection::FileById(file))).map(|_| ())
}

fn parse_card_number(
    channel: &Channel<'_>,
    value: Value,
    attention: &mut Vec<Attention>,
) -> Result<Option<CardNumber>, SessionError> {
    let Some(value) = value.filter(|value| value.iter().any(|byte| !matches!(byte, 0x00 | 0xFF))) else {
        return Ok(None);
    };
    let number = CardNumber::parse(&value).map_err(|problem| channel.damaged(Step::ReadIssuer, problem))?;
    if number.check().is_err() {
        attention.push(Attention::CardNumberCheck);
    }
    Ok(Some(number))
}

fn date(
    channel: &mut Channel<'_>,
    step: Step,
    generation: Generation,
    tag: u8,
) -> Result<CardDate, SessionError> {
    match read(channel, step, generation, tag)? {
        Some(value) => CardDate::parse(&value).map_err(|problem| channel.damaged(step, problem)),
        None => Ok(CardDate::NotIssued),
    }
}

/// Reads a record that every card has, before its generation is known.
fn must(channel: &mut Channel<'_>, step: Step, tag: u8) -> Result<Vec<u8>, SessionError> {
    must_in(channel, step, Generation::One, tag)
}

fn must_in(
    channel: &mut Channel<'_>,
    step: Step,
    generation: Generation,
    tag: u8,
) -> Result<Vec<u8>, SessionError> {
    read(channel, step, generation, tag)?.ok_or_else(|| channel.refused(step, StatusWord::RECORD_NOT_FOUND))
}

/// Reads the record of the selected file of the environment that has this tag.
///
/// A record of another tag, or one that is cut, is no record: `Data`.
fn read(
    channel: &mut Channel<'_>,
    step: Step,
    generation: Generation,
    tag: u8,
) -> Result<Value, SessionError> {
    let file = if step == Step::ReadIssuer { FileId::EF05 } else { FileId::EF06 };
    let item = Application::Ssse.directory().file(file).and_then(|file| file.item(generation, tag));
    let le = item.map_or(LE_ANY, |item| item.bytes.saturating_add(2));
    let record = RecordReference::Tag { file: None, tag };
    let answer = channel.command(step, &Command::ReadRecord { record, le })?;
    match answer.status() {
        StatusWord::SUCCESS => {}
        StatusWord::RECORD_NOT_FOUND => return Ok(None),
        got => return Err(channel.refused(step, got)),
    }
    let record = tlv::Record::parse(answer.data()).map_err(|problem| channel.damaged(step, problem))?;
    if record.tag != tag {
        return Err(channel.damaged(step, card_spec::Error::Malformed { part: card_spec::Part::Record }));
    }
    Ok(Some(record.value.to_vec()))
}
