//! Account: every request ends here, also a refused or cancelled one.
//!
//! Built so far: the counters. The record, the journal and the ledger come to this place; they are written before an
//! answer's last byte, which is why a stream carries its exchange until its end.

use crate::exchange::Exchange;
use crate::telemetry::{AttemptClass, Finished, TokenCounts};

/// Settles a request that has ended, whatever its end was.
pub(crate) fn settle(exchange: &mut Exchange) {
    exchange.attempted(AttemptClass::Cancelled);
    let total = exchange.started.elapsed();
    let usage = exchange.usage.as_ref();
    let count = |pick: fn(&tollway_protocol::dialect::openai::Usage) -> Option<u64>| usage.and_then(pick).unwrap_or(0);
    let labels = exchange.labels();
    exchange.worker.shard.finish(&Finished {
        labels: &labels,
        status: exchange.status,
        total,
        overhead: exchange.overhead.unwrap_or_else(|| total.saturating_sub(exchange.upstream)),
        first_token: exchange.first_token,
        tokens: TokenCounts {
            input: count(|usage| usage.input),
            output: count(|usage| usage.output),
            cached: count(|usage| usage.cached),
            reasoning: count(|usage| usage.reasoning),
        },
    });
}
