//! Hours, days and months in UTC.

use std::fmt;

/// Microseconds in an hour.
pub(crate) const HOUR_US: i64 = 3_600_000_000;
/// Microseconds in a day.
pub(crate) const DAY_US: i64 = 24 * HOUR_US;

/// A month: the months since January of the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Month(i64);

impl Month {
    /// The month of a time in microseconds since 1970.
    pub(crate) fn of(us: i64) -> Self {
        Self::of_day(us.div_euclid(DAY_US))
    }

    /// The month of a day since 1970. Counts years from March, so that the leap day is a year's last
    /// (H. Hinnant, <https://howardhinnant.github.io/date_algorithms.html>).
    pub(crate) fn of_day(day: i64) -> Self {
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        Self((era * 400 + year) * 12 + from_march + 2)
    }

    /// Its first day, since 1970.
    pub(crate) fn first_day(self) -> i64 {
        let from_march = self.0 - 2;
        let (year, month) = (from_march.div_euclid(12), from_march.rem_euclid(12));
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * month + 2) / 5;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The month after it.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Year × 100 + month.
    pub(crate) fn number(self) -> i64 {
        self.0.div_euclid(12) * 100 + self.0.rem_euclid(12) + 1
    }

    /// Reads [`Self::number`].
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        let (year, month) = (number / 100, number % 100);
        ((1970..=9999).contains(&year) && (1..=12).contains(&month)).then_some(Self(year * 12 + month - 1))
    }

    /// Reads `YYYY-MM`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        Self::from_number(year.parse::<i64>().ok()? * 100 + month.parse::<i64>().ok()?)
    }
}

/// `YYYY-MM`.
impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}", self.number() / 100, self.number() % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_lies_in_its_month() {
        let mut month = Month::of_day(0);
        assert_eq!(month.to_string(), "1970-01");
        for day in 0..60_000 {
            if Month::of_day(day) != month {
                assert_eq!(Month::of_day(day), month.next());
                month = month.next();
                assert_eq!(month.first_day(), day);
            }
            assert_eq!(Month::from_number(month.number()), Some(month));
            assert_eq!(Month::parse(&month.to_string()), Some(month));
        }
        assert_eq!(Month::of(1_795_219_200_000_000).to_string(), "2026-11");
        assert_eq!(Month::of_day(19_782).to_string(), "2024-02");
        for wrong in ["2026-13", "2026-00", "26-01", "2026-1", "+026-01", "2026", "2026-01-01"] {
            assert_eq!(Month::parse(wrong), None, "{wrong}");
        }
    }
}
