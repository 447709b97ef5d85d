//! An answer of the configuration's own, in the caller's dialect.

use bytes::{Bytes, BytesMut};
use tollway_protocol::canonical::{Answer, Body, Choice, Delta, Event, Opening, Part, Rest, Stop, StopReason, Usage};
use tollway_protocol::dialect::Told as Saying;

use crate::accept::Call;
use crate::exchange::Exchange;
use crate::relay;

/// The answer `text` to `call`: nobody was asked, and no tokens were used.
pub(crate) fn answer(exchange: &Exchange, call: &Call, text: &str) -> relay::Answer {
    let asked = super::asked(Some(&call.body), exchange.dialect);
    let saying = Saying { request: asked.as_ref(), ..exchange.saying() };
    let usage = Usage { input: Some(0), output: Some(0), ..Usage::default() };
    let stop = Stop::new(StopReason::End);
    if call.stream() {
        return relay::Answer::Collected(streamed(exchange, text, &saying, usage));
    }
    let part = Part::new(Body::Text(text.into(), Vec::new()));
    let choice = Choice { index: 0, parts: vec![part], stop: Some(stop), logprobs: None, rest: Rest::none() };
    let answer =
        Answer { id: None, model: None, created: None, choices: vec![choice], usage: Some(usage), rest: Rest::none() };
    relay::Answer::Whole(exchange.dialect.write_answer(&answer, &saying).to_bytes().into())
}

fn streamed(exchange: &Exchange, text: &str, saying: &Saying<'_>, usage: Usage) -> Bytes {
    let mut writer = exchange.dialect.writer(saying);
    let mut out = BytesMut::new();
    let (choice, part) = (0, 0);
    for event in [
        Event::Start { id: None, model: None, created: None },
        Event::Open { choice, part, opening: Opening::Text },
        Event::Delta { choice, part, delta: Delta::Text(text.into()) },
        Event::Close { choice, part },
        Event::Stop { choice, stop: Stop::new(StopReason::End) },
        Event::Usage(usage),
        Event::End,
    ] {
        writer.write(event, &mut out);
    }
    out.freeze()
}
