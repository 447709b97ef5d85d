//! The counters in Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};
use std::time::Duration;

use crate::account::price::Dollars;

use super::histogram::{Histogram, OVERHEAD, SECONDS, TOKENS};
use super::{AttemptClass, Gauge, LabelNames, PARTS, Series, Telemetry};

impl Telemetry {
    /// Every family of the contract that has something to say.
    pub(crate) fn render(&self, targets: &[(LabelNames, u8)], gauges: &[Gauge]) -> String {
        let mut page = Page { text: String::with_capacity(16 * 1024) };
        let merged = self.merged();
        let rows: Vec<(&LabelNames, &Series)> = merged.iter().map(|(labels, series)| (&labels.names, series)).collect();
        page.counters(&rows);
        page.observed(&rows);
        page.family("tollway_in_flight", "gauge", "Requests being served.");
        page.line("tollway_in_flight", self.in_flight());
        page.family("tollway_target_state", "gauge", "Breakers. 0: closed, 1: half open, 2: open.");
        for (names, state) in targets {
            page.sample("tollway_target_state", names, &[], u64::from(*state));
        }
        for Gauge { name, kind, help, value } in gauges {
            page.family(name, kind, help);
            page.line(name, i64::try_from(*value).unwrap_or(i64::MAX));
        }
        page.text
    }
}

/// The histograms of a series in one family.
struct Shown<'s, const N: usize> {
    /// Each with what more its samples are told apart by, as it is written.
    histograms: [(&'static str, &'s Histogram); N],
    bounds: &'static [f64; 14],
    /// How a sum is written.
    sum: fn(u64) -> String,
}

fn seconds<'s, const N: usize>(
    histograms: [(&'static str, &'s Histogram); N],
    bounds: &'static [f64; 14],
) -> Shown<'s, N> {
    Shown { histograms, bounds, sum: |us| Duration::from_micros(us).as_secs_f64().to_string() }
}

struct Page {
    text: String,
}

impl Page {
    fn counters(&mut self, rows: &[(&LabelNames, &Series)]) {
        self.family("tollway_requests_total", "counter", "Requests that ended, also refused and cancelled ones.");
        for (names, series) in rows {
            let mut statuses: Vec<_> = series.statuses.iter().collect();
            statuses.sort_unstable();
            for (status, count) in statuses {
                self.sample("tollway_requests_total", names, &[("status", &status.to_string())], *count);
            }
        }
        self.family("tollway_attempts_total", "counter", "Sends to a target, by how they ended.");
        for (names, series) in rows {
            for (class, count) in AttemptClass::ALL.iter().zip(series.attempts).filter(|(_, count)| *count > 0) {
                self.sample("tollway_attempts_total", names, &[("class", class.name())], count);
            }
        }
        self.family(
            "tollway_tokens_total",
            "counter",
            "Tokens as upstreams reported them; cached and *_input are part of input, reasoning and *_output of output.",
        );
        for (names, series) in rows {
            let tokens = series.tokens;
            let whole = [("input", tokens.input), ("output", tokens.output)];
            for (kind, count) in whole.into_iter().chain(PARTS.into_iter().zip(tokens.parts)) {
                if count > 0 {
                    self.sample("tollway_tokens_total", names, &[("type", kind)], count);
                }
            }
        }
        self.family("tollway_cost_usd_total", "counter", "US dollars, of the requests whose cost is known.");
        for (names, series) in rows.iter().filter(|(_, series)| series.cost_nano > 0) {
            self.sample("tollway_cost_usd_total", names, &[], Dollars(series.cost_nano));
        }
    }

    fn observed(&mut self, rows: &[(&LabelNames, &Series)]) {
        self.histograms(
            "tollway_request_duration_seconds",
            "From the request's head to its answer's last byte.",
            rows,
            |series| seconds([("", &series.duration)], &SECONDS),
        );
        self.histograms(
            "tollway_time_to_first_token_seconds",
            "From the request's head to the first content of a stream.",
            rows,
            |series| seconds([("", &series.first_token)], &SECONDS),
        );
        self.histograms(
            "tollway_overhead_seconds",
            "The gateway's own part of the time to the answer's head.",
            rows,
            |series| seconds([("", &series.overhead)], &OVERHEAD),
        );
        self.histograms(
            "tollway_operation_duration_seconds",
            "From the beginning of a send to the end of its answer, or its failure.",
            rows,
            |Series { operations: [served, failed], .. }| {
                seconds([(",outcome=\"ok\"", served), (",outcome=\"error\"", failed)], &SECONDS)
            },
        );
        self.histograms(
            "tollway_request_tokens",
            "Tokens of a request, where its upstream reported any.",
            rows,
            |Series { request_tokens: [input, output], .. }| Shown {
                histograms: [(",type=\"input\"", input), (",type=\"output\"", output)],
                bounds: &TOKENS,
                sum: |tokens| tokens.to_string(),
            },
        );
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, value: i64) {
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn sample(&mut self, name: &str, names: &LabelNames, more: &[(&str, &str)], value: impl Display) {
        self.open(name, names);
        for (label, text) in more {
            let _ = write!(self.text, ",{label}=\"{}\"", Escaped(text));
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn open(&mut self, name: &str, names: &LabelNames) {
        let _ = write!(
            self.text,
            "{name}{{route=\"{}\",provider=\"{}\",model=\"{}\"",
            Escaped(names.route),
            Escaped(names.provider),
            Escaped(names.model)
        );
    }

    fn histograms<'s, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        rows: &[(&LabelNames, &'s Series)],
        show: impl Fn(&'s Series) -> Shown<'s, N>,
    ) {
        self.family(name, "histogram", help);
        for (names, series) in rows {
            let Shown { histograms, bounds, sum } = show(series);
            for (more, histogram) in histograms {
                let total: u64 = histogram.buckets.iter().sum();
                if total == 0 {
                    continue;
                }
                let mut below = 0;
                for (bound, count) in bounds.iter().zip(histogram.buckets) {
                    below += count;
                    self.open(&format!("{name}_bucket"), names);
                    let _ = writeln!(self.text, "{more},le=\"{bound}\"}} {below}");
                }
                self.open(&format!("{name}_bucket"), names);
                let _ = writeln!(self.text, "{more},le=\"+Inf\"}} {total}");
                self.open(&format!("{name}_sum"), names);
                let _ = writeln!(self.text, "{more}}} {}", sum(histogram.sum));
                self.open(&format!("{name}_count"), names);
                let _ = writeln!(self.text, "{more}}} {total}");
            }
        }
    }
}

/// A label's value: backslash, quote and line feed escaped, as the text format demands.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => out.write_str("\\\\")?,
                '"' => out.write_str("\\\"")?,
                '\n' => out.write_str("\\n")?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}
