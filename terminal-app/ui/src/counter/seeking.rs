//! The register of those who seek work, at a community's desk.

use card_spec::money::Fen;
use protocol::service::work::{PHONE_BYTES_MAX, WISH_BYTES_MAX};

use super::{
    note::Said,
    sheet::{Name, Sheet},
    state::{Effect, Overlay, State},
    work::Command,
};

impl State {
    /// Whether the holder stands in the register.
    pub(super) fn is_registered(&self) -> bool {
        self.seeking.as_ref().is_some_and(|answer| answer.seeker.is_some())
    }

    pub(super) fn begin_registration(&mut self) -> Vec<Effect> {
        let known = self.seeking.as_ref().and_then(|answer| answer.seeker.as_ref());
        let sheet = match known.map(|seeker| &seeker.seek) {
            Some(seek) => {
                let wage = if seek.wage_min == Fen::ZERO {
                    String::new()
                } else {
                    (seek.wage_min.0 / 100).to_string()
                };
                Sheet::seeking(&seek.wish, &wage, &seek.phone)
            }
            None => Sheet::seeking("", "", ""),
        };
        self.lay_sheet(sheet)
    }

    pub(super) fn seek_work(&mut self) -> Vec<Effect> {
        let Overlay::Sheet(sheet) = &mut self.overlay else { return Vec::new() };
        let [wish, wage, phone] =
            [Name::Wish, Name::Wage, Name::Phone].map(|name| sheet.text(name).to_owned());
        let yuan = if wage.is_empty() {
            Some(0)
        } else {
            wage.parse::<i64>().ok().filter(|yuan| (0..=1_000_000).contains(yuan))
        };
        let digits = phone.bytes().filter(u8::is_ascii_digit).count();
        let dialled = phone.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b' '));
        let (at, said) = match yuan {
            _ if wish.is_empty() || wish.len() > WISH_BYTES_MAX => (0, Some(Said::WishEmpty)),
            None => (1, Some(Said::WageWrong)),
            _ if digits < 5 || phone.len() > PHONE_BYTES_MAX || !dialled => (2, Some(Said::PhoneWrong)),
            Some(_) => (sheet.at, None),
        };
        sheet.at = at;
        if let Some(said) = said {
            self.say(said);
            return Vec::new();
        }
        let effects =
            self.ask(Command::SeekWork { wish, wage_min: Fen(yuan.unwrap_or_default() * 100), phone });
        if !effects.is_empty() {
            self.overlay = Overlay::None;
        }
        effects
    }
}
