//! The record of a request, written from where its parts lie.

use tollway_protocol::canonical::Tier;
use tollway_records::record::{Writer, field};

use crate::accept::upload::Upload;
use crate::clock::micros;
use crate::exchange::Exchange;
use crate::route;

use super::Settled;

/// Writes the record of `exchange` to `out`.
pub(crate) fn write(exchange: &Exchange, settled: &Settled<'_>, out: &mut Vec<u8>) {
    let mut to = Writer::new(out);
    to.text(field::ID, exchange.id.as_str());
    to.number(field::ACCEPTED_US, micros(exchange.accepted));
    to.text(field::ENDPOINT, exchange.endpoint);
    to.number(field::STATUS, u64::from(exchange.status));
    to.text_if(field::ERROR, exchange.error.as_deref());
    to.text_if(field::FINISH, exchange.told.finish.as_deref());
    if exchange.stream {
        to.number(field::STREAM, 1);
    }
    who(exchange, &mut to);
    way(exchange, &mut to);
    when(exchange, settled, &mut to);
    how_much(exchange, settled, &mut to);
    to.text(field::CACHE, "bypass");
    exchange.flags.iter().chain(&exchange.losses).for_each(|flag| to.text(field::FLAGS, flag));
    if let Some(trace) = &exchange.trace {
        to.text(field::TRACE_ID, trace.id());
        to.ascii(field::SPAN_ID, &trace.span());
        if let Some(parent) = trace.parent() {
            to.ascii(field::PARENT_SPAN_ID, &parent);
            to.number(field::TRACE_FLAGS, u64::from(trace.flags()));
        }
    }
}

fn who(exchange: &Exchange, to: &mut Writer<'_>) {
    if let Some(said) = &exchange.said {
        to.text_if(field::USER, said.user.as_deref());
        to.text_if(field::AGENT, said.agent.as_deref());
        to.text_if(field::SESSION, said.session.as_deref());
        to.text_if(field::TASK_TYPE, said.task_type.as_deref());
        said.tags.iter().for_each(|tag| to.text(field::TAGS, tag));
        to.text_if(field::PRIORITY, said.priority);
    }
    if let Some(key) = &exchange.key {
        // After what the caller said: of two, the later counts.
        to.written(&key.recorded);
    }
}

fn way(exchange: &Exchange, to: &mut Writer<'_>) {
    to.written(exchange.labels().recorded);
    to.text_if(field::REQUESTED_MODEL, exchange.requested_model.as_deref());
    to.text(field::SERVED_MODEL, exchange.told.model.as_deref().unwrap_or_default());
    to.text_if(field::UPSTREAM_ID, exchange.upstream_id.as_ref().and_then(|id| id.to_str().ok()));
    let Some(route) = &exchange.route else { return };
    to.text_if(field::DECISION, route::decision(exchange, route).as_deref());
    if let Some(region) = exchange.target().and_then(|target| target.provider.region.as_deref()) {
        to.text(field::REGION, region);
    }
    for send in exchange.sends.borrow().iter() {
        let Some(target) = route.targets.get(send.target) else { continue };
        to.message(field::ATTEMPTS, |to| {
            to.text(field::ATTEMPT_PROVIDER, &target.provider.name);
            to.text(field::ATTEMPT_MODEL, &target.model);
            to.text_if(field::ATTEMPT_CLASS, send.class.map(|class| class.name()));
            to.number_if(field::ATTEMPT_STATUS, send.status.map(u64::from));
            to.number(field::ATTEMPT_AT_US, micros(send.at));
            to.number(field::ATTEMPT_TOOK_US, micros(send.took));
            to.number_if(field::ATTEMPT_COST_NANO, send.cost_nano);
        });
    }
}

fn when(exchange: &Exchange, settled: &Settled<'_>, to: &mut Writer<'_>) {
    to.number_if(field::ADMITTED_US, exchange.admitted.map(micros));
    to.number_if(field::SENT_US, exchange.sends.borrow().last().map(|send| micros(send.at)));
    to.number_if(field::FIRST_TOKEN_US, exchange.first_token.map(micros));
    to.number(field::TOTAL_US, micros(settled.total));
    to.number(field::OVERHEAD_US, micros(settled.overhead));
    to.number_if(field::CONNECT_US, exchange.connect.map(micros));
    to.number(field::UPSTREAM_US, micros(exchange.upstream));
}

fn how_much(exchange: &Exchange, settled: &Settled<'_>, to: &mut Writer<'_>) {
    if let Some(tokens) = &settled.tokens {
        to.message(field::TOKENS, |to| {
            to.number_if(field::TOKENS_INPUT, tokens.input);
            to.number_if(field::TOKENS_CACHE_READ, tokens.cache_read);
            to.number_if(field::TOKENS_CACHE_WRITE, tokens.cache_write);
            to.number_if(field::TOKENS_OUTPUT, tokens.output);
            to.number_if(field::TOKENS_REASONING, tokens.reasoning);
            to.number_if(field::TOKENS_AUDIO_INPUT, tokens.audio_input);
            to.number_if(field::TOKENS_AUDIO_OUTPUT, tokens.audio_output);
            to.number_if(field::TOKENS_IMAGE_INPUT, tokens.image_input);
            to.number_if(field::TOKENS_IMAGE_OUTPUT, tokens.image_output);
            to.number_if(field::TOKENS_VIDEO_INPUT, tokens.video_input);
            to.number_if(field::TOKENS_VIDEO_OUTPUT, tokens.video_output);
            to.number_if(field::TOKENS_DOCUMENT_INPUT, tokens.document_input);
        });
        if settled.estimated {
            to.number(field::ESTIMATED, 1);
        }
    }
    if let Some(units) = &settled.units {
        to.message(field::UNITS, |to| {
            to.number_if(field::UNITS_IMAGES, units.images);
            to.number_if(field::UNITS_AUDIO_INPUT_MS, units.audio_input_ms);
            to.number_if(field::UNITS_CHARACTERS, units.characters);
            to.number_if(field::UNITS_SEARCH_UNITS, units.search_units);
            to.number_if(field::UNITS_WEB_SEARCHES, units.web_searches);
        });
    }
    if let Some(cost) = &settled.cost {
        to.number(field::COST_NANO, cost.nano);
        to.text(field::PRICE_VERSION, cost.version);
    }
    to.text_if(field::SERVICE_TIER, exchange.told.usage.and_then(|usage| usage.tier).map(Tier::name));
    let passed = exchange.upload.as_ref().map_or(0, Upload::passed);
    to.number(field::REQUEST_BYTES, exchange.request_bytes.max(passed));
    to.number(field::RESPONSE_BYTES, exchange.response_bytes);
}
