//! Time, as callers hand it in.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Microseconds since an arbitrary fixed start, of a clock that does not go back.
///
/// Threads may hand in readings that are older than one seen before: arithmetic saturates, so what is lost is at most
/// the difference. A reading 584,000 years from the start is the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        self - earlier
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(micros(time)))
    }
}

impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// `time` in whole microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Moment(5) - Moment(7), Duration::ZERO);
        assert_eq!(Moment(7).since(Moment(5)), Duration::from_micros(2));
        assert_eq!(Moment(u64::MAX - 1) + Duration::from_secs(1), Moment(u64::MAX));
        assert_eq!(micros(Duration::MAX), u64::MAX);
    }
}
