//! The counters in Prometheus' text format, version 0.0.4.

use std::fmt::Write;
use std::time::Duration;

use super::{AttemptClass, Gauge, Histogram, LabelNames, OVERHEAD, SECONDS, Series, Telemetry};

impl Telemetry {
    /// Every family of the contract that has something to say.
    pub(crate) fn render(&self, targets: &[(LabelNames, u8)], gauges: &[Gauge]) -> String {
        let mut page = Page { text: String::with_capacity(16 * 1024) };
        let merged = self.merged();
        let rows: Vec<(&LabelNames, &Series)> = merged.iter().map(|(labels, series)| (&labels.names, series)).collect();
        page.family("tollway_requests_total", "counter", "Requests that ended, also refused and cancelled ones.");
        for (names, series) in &rows {
            let mut statuses: Vec<_> = series.statuses.iter().collect();
            statuses.sort_unstable();
            for (status, count) in statuses {
                page.sample("tollway_requests_total", names, &[("status", &status.to_string())], *count);
            }
        }
        page.family("tollway_attempts_total", "counter", "Sends to a target, by how they ended.");
        for (names, series) in &rows {
            for (class, count) in AttemptClass::ALL.iter().zip(series.attempts).filter(|(_, count)| *count > 0) {
                page.sample("tollway_attempts_total", names, &[("class", class.name())], count);
            }
        }
        page.family(
            "tollway_tokens_total",
            "counter",
            "Tokens as upstreams reported them; cached is part of input, reasoning of output.",
        );
        for (names, series) in &rows {
            let tokens = series.tokens;
            for (kind, count) in [
                ("input", tokens.input),
                ("output", tokens.output),
                ("cached", tokens.cached),
                ("reasoning", tokens.reasoning),
            ] {
                if count > 0 {
                    page.sample("tollway_tokens_total", names, &[("type", kind)], count);
                }
            }
        }
        page.histograms(
            "tollway_request_duration_seconds",
            "From the request's head to its answer's last byte.",
            &rows,
            |series| (&series.duration, &SECONDS),
        );
        page.histograms(
            "tollway_time_to_first_token_seconds",
            "From the request's head to the first content of a stream.",
            &rows,
            |series| (&series.first_token, &SECONDS),
        );
        page.histograms(
            "tollway_overhead_seconds",
            "The gateway's own part of the time to the answer's head.",
            &rows,
            |series| (&series.overhead, &OVERHEAD),
        );
        page.family("tollway_in_flight", "gauge", "Requests being served.");
        page.line("tollway_in_flight", self.in_flight());
        page.family("tollway_target_state", "gauge", "0: takes traffic.");
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

struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, value: i64) {
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn sample(&mut self, name: &str, names: &LabelNames, more: &[(&str, &str)], value: u64) {
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

    fn histograms<'s>(
        &mut self,
        name: &str,
        help: &str,
        rows: &[(&LabelNames, &'s Series)],
        pick: impl Fn(&'s Series) -> (&'s Histogram, &'static [f64; 14]),
    ) {
        self.family(name, "histogram", help);
        for (names, series) in rows {
            let (histogram, bounds) = pick(series);
            let total: u64 = histogram.buckets.iter().sum();
            if total == 0 {
                continue;
            }
            let mut below = 0;
            for (bound, count) in bounds.iter().zip(histogram.buckets) {
                below += count;
                self.open(&format!("{name}_bucket"), names);
                let _ = writeln!(self.text, ",le=\"{bound}\"}} {below}");
            }
            self.open(&format!("{name}_bucket"), names);
            let _ = writeln!(self.text, ",le=\"+Inf\"}} {total}");
            self.open(&format!("{name}_sum"), names);
            let _ = writeln!(self.text, "}} {}", Duration::from_micros(histogram.sum_us).as_secs_f64());
            self.open(&format!("{name}_count"), names);
            let _ = writeln!(self.text, "}} {total}");
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
