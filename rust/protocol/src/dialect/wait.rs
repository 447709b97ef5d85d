//! How long an upstream asks to be left alone, wherever it says so.

use std::time::{Duration, UNIX_EPOCH};

use super::{ErrorClass, UpstreamError};

/// No wait is longer: what is closed for a day is asked again, in case it has opened.
const LONGEST: Duration = Duration::from_secs(3600);

/// The limits that are reset at a time of their own: how much is left, and when there is more. OpenAI and Groq
/// (<https://developers.openai.com/api/docs/guides/rate-limits>, <https://console.groq.com/docs/rate-limits>): `6m0s`;
/// Anthropic (<https://platform.claude.com/docs/en/api/rate-limits>): RFC 3339; OpenRouter and Together: since 1970, in
/// milliseconds, and in seconds from now.
const RESETS: [(&str, &str); 7] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
];

/// How long to wait after an error of this class, at most an hour: what the header `retry-after` says, else the error's
/// details, else, for a rate limit, when what is used up is there again, else its message. None where nothing is said, or
/// nothing that makes sense, and for what waiting does not mend. `now` is the time since 1970.
#[must_use]
pub fn wait<'h>(
    class: ErrorClass,
    header: &dyn Fn(&str) -> Option<&'h str>,
    said: Option<&UpstreamError>,
    now: Duration,
) -> Option<Duration> {
    use ErrorClass::{Overload, Quota, RateLimit, Server, Timeout};
    if !matches!(class, RateLimit | Quota | Overload | Server | Timeout) {
        return None;
    }
    let asked = retry_after(header, now);
    // Beside a day's quota Gemini states the wait of a minute's.
    let stated = || said.filter(|_| class != Quota)?.retry_after;
    let limited = || (class == RateLimit).then(|| resets(header, now).or_else(|| in_words(&said?.message))).flatten();
    asked.or_else(stated).or_else(limited).map(|wait| wait.min(LONGEST))
}

/// `retry-after-ms` (OpenAI, Azure), else `retry-after` in seconds or as a date (RFC 9110 §10.2.3). Azure sends both, the
/// first as 0 where the second is 1.
fn retry_after<'h>(header: &dyn Fn(&str) -> Option<&'h str>, now: Duration) -> Option<Duration> {
    let finer = header("retry-after-ms").and_then(|text| seconds(text, 1000.0)).filter(|wait| !wait.is_zero());
    finer.or_else(|| {
        let text = header("retry-after")?.trim();
        seconds(text, 1.0).or_else(|| {
            let until = httpdate::parse_http_date(text).ok()?;
            Some(until.duration_since(UNIX_EPOCH).ok()?.saturating_sub(now))
        })
    })
}

/// The last of the times at which a limit that is used up is reset.
fn resets<'h>(header: &dyn Fn(&str) -> Option<&'h str>, now: Duration) -> Option<Duration> {
    let used_up = RESETS.iter().filter(|(left, _)| header(left).is_some_and(|left| left.trim() == "0"));
    used_up.filter_map(|(_, reset)| reset_in(header(reset)?.trim(), now)).max()
}

fn reset_in(text: &str, now: Duration) -> Option<Duration> {
    /// Smaller numbers are seconds from now, larger ones a time: the first stands for 2001, in seconds or milliseconds.
    const SECONDS: f64 = 1e9;
    const MILLIS: f64 = 1e12;
    match text.parse::<f64>() {
        Ok(number) if number >= MILLIS => Some(seconds(text, 1000.0)?.saturating_sub(now)),
        Ok(number) if number >= SECONDS => Some(seconds(text, 1.0)?.saturating_sub(now)),
        Ok(_) => seconds(text, 1.0),
        Err(_) => duration(text).or_else(|| Some(rfc3339(text)?.saturating_sub(now))),
    }
}

/// "Please try again in 6m0s." (OpenAI, Groq), "Please retry in 48.9s." (Gemini), "Please retry after 26 seconds." (Azure).
fn in_words(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let after = |phrase: &str| lower.split_once(phrase).map(|(_, after)| after);
    let mut words = ["try again in ", "retry in ", "retry after "].into_iter().find_map(after)?.split_whitespace();
    let word = words.next()?.trim_end_matches(['.', ',']);
    duration(word).or_else(|| {
        let scale = match words.next()?.trim_end_matches(['.', ',']) {
            "second" | "seconds" => 1.0,
            "millisecond" | "milliseconds" => 1000.0,
            "minute" | "minutes" => 1.0 / 60.0,
            _ => return None,
        };
        seconds(word, scale)
    })
}

fn seconds(text: &str, a_second: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse::<f64>().ok()? / a_second).ok()
}

/// Numbers with their units, as Go and protobuf write them: `1h2m3.5s`, `120ms`, `34.07s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?);
        let (unit, after) = after.split_at(after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len()));
        let a_second = match unit {
            "h" => 1.0 / 3600.0,
            "m" => 1.0 / 60.0,
            "s" => 1.0,
            "ms" => 1e3,
            "us" | "µs" => 1e6,
            "ns" => 1e9,
            _ => return None,
        };
        sum = sum.checked_add(seconds(number, a_second)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// The time since 1970 of a date as RFC 3339 writes it, to the second.
fn rfc3339(text: &str) -> Option<Duration> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let mark = |at: usize| text.get(at..=at);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let marks = mark(4)? == "-" && mark(7)? == "-" && matches!(mark(10)?, "T" | "t" | " ") && mark(13)? == ":";
    if !marks || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = text.get(19..)?.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let east = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), offset) if offset.len() == 5 => {
            let (hours, minutes) = offset.split_once(':')?;
            let ahead = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if sign == "+" { ahead } else { -ahead }
        }
        _ => return None,
    };
    // The days before a date, counted from the first of March of the year 0, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86400 + hour * 3600 + minute * 60 + second - east;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
