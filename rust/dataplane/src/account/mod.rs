//! Account: every request ends here, also a refused or cancelled one.
//!
//! Its record is in the journal before the last byte of its answer goes out: an answer that is not streamed is settled
//! before its first byte, a stream before `[DONE]`. The ledger comes to this place.

pub(crate) mod estimate;
pub(crate) mod price;
mod record;

use std::time::Duration;

use prost::Message;
use tollway_protocol::canonical::Usage;
use tollway_records::journal::Kind;
use tollway_records::record::{Writer, field};
use tollway_records::{Tokens, Units};

use crate::accept::endpoint;
use crate::attempt;
use crate::exchange::Exchange;
use crate::telemetry::{AttemptClass, Finished, TokenCounts};

use price::Cost;

/// What is known of a request only at its end.
pub(crate) struct Settled<'e> {
    total: Duration,
    overhead: Duration,
    tokens: Option<Tokens>,
    /// None if there was nothing of it.
    units: Option<Units>,
    /// Whether any of the tokens were counted here.
    estimated: bool,
    /// None if it is not known.
    cost: Option<Cost<'e>>,
}

/// Settles a request that has ended, whatever its end was; a second time does nothing.
pub(crate) fn settle(exchange: &mut Exchange) {
    if std::mem::replace(&mut exchange.settled, true) {
        return;
    }
    attempt::ended(exchange, AttemptClass::Cancelled);
    exchange.end_sends(AttemptClass::Cancelled);
    let sampled = exchange.sampled.take();
    let exchange: &Exchange = exchange;
    let total = exchange.started.elapsed();
    let used = used(exchange);
    let settled = Settled {
        total,
        overhead: exchange.overhead.unwrap_or_else(|| total.saturating_sub(exchange.upstream)),
        estimated: exchange.counting.estimate.is_some(),
        tokens: used.as_ref().and_then(tokens),
        units: used.as_ref().and_then(units),
        cost: cost(exchange),
    };
    let usage = exchange.told.usage.unwrap_or_default();
    // A shadow is no request of anybody's: it is recorded, and its sends are counted.
    if exchange.shadow {
        exchange.worker.shard.shadow();
    } else {
        exchange.worker.shard.finish(&Finished {
            labels: exchange.labels(),
            status: exchange.status,
            total: settled.total,
            overhead: settled.overhead,
            first_token: exchange.first_token,
            tokens: TokenCounts {
                input: usage.all_input().unwrap_or(0),
                output: usage.all_output().unwrap_or(0),
                parts: [
                    usage.all_cache_read(),
                    usage.reasoning,
                    usage.audio_input.map(|tokens| tokens.saturating_add(usage.audio_cache_read.unwrap_or(0))),
                    usage.audio_output,
                    usage.image_input,
                    usage.image_output,
                    usage.video_input,
                    usage.video_output,
                    usage.document_input,
                ]
                .map(|tokens| tokens.unwrap_or(0)),
            },
            reported: [usage.all_input().is_some(), usage.all_output().is_some()],
            cost_nano: settled.cost.map_or(0, |cost| cost.nano),
        });
    }
    if exchange.endpoint != endpoint::HEALTH {
        let payload = sampled.is_some_and(|sampled| {
            exchange.worker.remember(Kind::Payload, |out| out.extend(sampled.payload.encode_to_vec()))
        });
        exchange.worker.remember(Kind::Request, |out| {
            record::write(exchange, &settled, out);
            if payload {
                Writer::new(out).number(field::PAYLOAD, 1);
            }
        });
    }
}

/// What the request cost: by the provider's report, else by our count; none if that is not known.
pub(crate) fn cost(exchange: &Exchange) -> Option<Cost<'_>> {
    let prices = exchange.target()?.prices.as_ref()?;
    prices.cost(&used(exchange)?, exchange.accepted)
}

/// In the buckets of a record; none where no tokens were reported, but other units.
fn tokens(usage: &Usage) -> Option<Tokens> {
    let joined =
        |one: Option<u64>, other: Option<u64>| one.map_or(other, |one| Some(one.saturating_add(other.unwrap_or(0))));
    let found = Tokens {
        input: joined(usage.input, usage.tool_input),
        cache_read: usage.all_cache_read(),
        cache_write: usage.all_cache_write(),
        output: usage.output,
        reasoning: usage.reasoning,
        audio_input: usage.audio_input,
        audio_output: usage.audio_output,
        image_input: usage.image_input,
        image_output: usage.image_output,
        video_input: usage.video_input,
        video_output: usage.video_output,
        document_input: usage.document_input,
    };
    (found != Tokens::default() || units(usage).is_none()).then_some(found)
}

fn units(usage: &Usage) -> Option<Units> {
    let Usage { images, audio_input_ms, characters, search_units, web_searches, .. } = *usage;
    let found = Units { images, audio_input_ms, characters, search_units, web_searches };
    (found != Units::default()).then_some(found)
}

/// The provider's report; what it lacks, as it was counted here.
pub(crate) fn used(exchange: &Exchange) -> Option<Usage> {
    let reported = exchange.told.usage;
    exchange.counting.estimate.map_or(reported, |counted| Some(estimate::fill(reported.unwrap_or_default(), counted)))
}
