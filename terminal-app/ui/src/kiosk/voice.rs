//! What the kiosk says: [`Sentence`]s by itself, and pages that somebody asks to hear.

use edge::{options::Options, voice};
use hal::speaker::{Part, Speaker, Speech, Tongue, clips::Clips, espeak::Espeak, silent::Silent};
pub use terminal::words::spoken::Sentence;

use crate::locale::Locale;

fn tongue(locale: Locale) -> Tongue {
    match locale {
        Locale::Simplified | Locale::Traditional => Tongue::Mandarin,
        Locale::English => Tongue::English,
    }
}

/// A fixed sentence in a language.
pub fn fixed(sentence: Sentence, locale: Locale) -> Speech {
    let (name, chinese, english) = sentence.written();
    let tongue = tongue(locale);
    let text = if tongue == Tongue::Mandarin { chinese } else { english };
    Speech { tongue, parts: vec![Part::Fixed { name, text: text.to_owned() }] }
}

/// A page that somebody has asked to hear.
pub fn page(text: &str, locale: Locale) -> Speech {
    Speech { tongue: tongue(locale), parts: vec![Part::Text(text.to_owned())] }
}

/// The voice of a terminal: recordings of the settings' folder, and sentence by sentence a machine's voice for what nobody
/// has recorded. `JINBAO_VOICE=off` is silent.
pub fn choose(options: &Options) -> Box<dyn Speaker> {
    if std::env::var_os("JINBAO_VOICE").is_some_and(|voice| voice == "off") {
        return Box::new(Silent::default());
    }
    let recordings = Clips::new(voice::folder(options), Some(Box::<Espeak>::default()));
    Box::new(match voice::player(options) {
        Some(player) => recordings.with_player(player),
        None => recordings,
    })
}
