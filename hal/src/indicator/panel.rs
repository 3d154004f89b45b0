//! All that shines and sounds at one terminal, wherever it hangs: on the reader board, on lines of the machine, or both.

use super::{Indicator, IndicatorError, Lamp, Tone};

/// Several indicators as one. A terminal without any has an empty panel, which does nothing.
///
/// Dropping it leaves everything dark and silent.
#[derive(Default)]
pub struct Panel {
    parts: Vec<Box<dyn Indicator + Send>>,
}

impl Panel {
    /// One of these, in their order.
    pub fn of(parts: Vec<Box<dyn Indicator + Send>>) -> Self {
        Panel { parts }
    }

    /// Whether nothing hangs on it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Does something to each, also after a trouble; gives the first one.
    fn each(
        &mut self,
        mut act: impl FnMut(&mut dyn Indicator) -> Result<(), IndicatorError>,
    ) -> Result<(), IndicatorError> {
        let mut first = Ok(());
        for part in &mut self.parts {
            let done = act(part.as_mut());
            first = first.and(done);
        }
        first
    }
}

impl Indicator for Panel {
    fn lamp(&mut self, lamp: Lamp, on: bool) -> Result<(), IndicatorError> {
        self.each(|part| part.lamp(lamp, on))
    }

    fn sound(&mut self, tone: Tone) -> Result<(), IndicatorError> {
        self.each(|part| part.sound(tone))
    }

    fn tick(&mut self, monotonic_ms: u64) -> Result<(), IndicatorError> {
        self.each(|part| part.tick(monotonic_ms))
    }

    fn off(&mut self) -> Result<(), IndicatorError> {
        self.each(|part| part.off())
    }

    fn tampered(&mut self) -> Result<bool, IndicatorError> {
        let mut any = false;
        self.each(|part| {
            any |= part.tampered()?;
            Ok(())
        })?;
        Ok(any)
    }

    fn clear_tamper(&mut self) -> Result<(), IndicatorError> {
        self.each(|part| part.clear_tamper())
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.off();
    }
}

impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Panel").field("parts", &self.parts.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Noted {
        said: Arc<Mutex<Vec<String>>>,
        broken: bool,
    }

    impl Noted {
        fn note(&self, what: String) -> Result<(), IndicatorError> {
            self.said.lock().unwrap().push(what);
            if self.broken { Err(IndicatorError::Device) } else { Ok(()) }
        }
    }

    impl Indicator for Noted {
        fn lamp(&mut self, lamp: Lamp, on: bool) -> Result<(), IndicatorError> {
            self.note(format!("{lamp:?} {on}"))
        }

        fn sound(&mut self, tone: Tone) -> Result<(), IndicatorError> {
            self.note(format!("{tone:?}"))
        }

        fn tick(&mut self, _: u64) -> Result<(), IndicatorError> {
            Ok(())
        }

        fn tampered(&mut self) -> Result<bool, IndicatorError> {
            Ok(self.broken)
        }

        fn clear_tamper(&mut self) -> Result<(), IndicatorError> {
            Ok(())
        }
    }

    #[test]
    fn all_parts_do_the_same_though_one_is_broken_and_end_dark() {
        let (broken, good) = (Noted { broken: true, ..Noted::default() }, Noted::default());
        let mut panel = Panel::of(vec![Box::new(broken.clone()), Box::new(good.clone())]);
        assert_eq!(panel.lamp(Lamp::Busy, true), Err(IndicatorError::Device));
        assert_eq!(panel.sound(Tone::Done), Err(IndicatorError::Device));
        assert_eq!(panel.tampered(), Ok(true));
        drop(panel);
        let wanted = ["Busy true", "Done", "Ready false", "Busy false", "Fault false"];
        assert_eq!(*good.said.lock().unwrap(), wanted);
        assert_eq!(*broken.said.lock().unwrap(), wanted);
    }
}
