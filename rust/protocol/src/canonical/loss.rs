//! What a dialect cannot say.

use std::borrow::Cow;

/// What was lost on the way into a dialect, each by the name that the caller knows it under: `logit_bias`,
/// `tools.file_search`. No name twice, none of a caller's making over 64 bytes, at most [`Losses::MOST`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses(Vec<Cow<'static, str>>);

impl Losses {
    /// So many are named; a caller that makes up more learns that there were more.
    pub const MOST: usize = 32;

    /// Notes that `what` is lost.
    pub fn note(&mut self, what: &str) {
        let name: String = what.chars().filter(|char| char.is_ascii_graphic() && *char != ',').take(64).collect();
        if self.0.iter().any(|known| *known == name) || self.0.len() > Self::MOST {
            return;
        }
        self.0.push(if self.0.len() == Self::MOST { Cow::Borrowed("more") } else { Cow::Owned(name) });
    }

    /// Notes that `what` is lost, if it was said.
    pub fn note_if(&mut self, said: bool, what: &str) {
        if said {
            self.note(what);
        }
    }

    /// Their names, in the order in which they were noted.
    #[must_use]
    pub fn names(&self) -> &[Cow<'static, str>] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_named_once_and_not_without_end() {
        let mut losses = Losses::default();
        losses.note("n");
        losses.note("n");
        losses.note_if(false, "seed");
        losses.note("a,b\r\nx-evil: 1");
        assert_eq!(losses.names(), ["n", "abx-evil:1"]);
        for number in 0..1000 {
            losses.note(&format!("field{number}"));
        }
        assert_eq!(losses.names().len(), Losses::MOST + 1);
        assert_eq!(losses.names().last().map(AsRef::as_ref), Some("more"));
    }
}
