//! One step.

use std::hint::black_box;

use bytes::Bytes;

/// One step, ready to run.
pub struct Step {
    /// Its name, as `peek_1k`.
    pub name: &'static str,
    /// How many bytes one run reads.
    pub bytes: usize,
    /// Runs it once.
    pub run: Box<dyn FnMut()>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Step").field("name", &self.name).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

pub(crate) fn step<R: 'static>(name: &'static str, input: String, mut run: impl FnMut(&Bytes) -> R + 'static) -> Step {
    let input = Bytes::from(input);
    let bytes = input.len();
    Step { name, bytes, run: Box::new(move || drop(black_box(run(black_box(&input))))) }
}
