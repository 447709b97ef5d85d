//! Log lines of the data plane: one JSON object a line on stderr, as Python's are. For rare events only: writing one
//! may block.

use std::io::Write;
use std::sync::Once;

use serde_json::{Value, json};

use crate::clock::unix_time;

/// Writes one line of what went as it should.
pub(crate) fn info(event: &str, fields: &Value) {
    line("info", event, fields);
}

/// Writes one line. `fields` holds names and places, never what a caller or an upstream sent.
pub(crate) fn error(event: &str, fields: &Value) {
    line("error", event, fields);
}

fn line(level: &str, event: &str, fields: &Value) {
    let line = json!({"time": unix_time().as_secs_f64(), "level": level, "event": event, "fields": fields});
    // Where stderr is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Logs where a panic was, in place of the standard message, which would quote the values involved.
pub(crate) fn panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            error("panic", &json!({"thread": std::thread::current().name(), "place": place}));
        }));
    });
}
