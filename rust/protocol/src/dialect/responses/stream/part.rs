//! Parts that wait for their turn. Items of this dialect are written one after another: clients keep one as the active
//! one. So what overlaps waits, with all that has come of it.

use std::borrow::Cow;

use super::super::{SELF, content, item_id, items, media};
use crate::canonical::{Annotation, Body, CallKind, Delta, Opening, Part, Rest, Signature};
use crate::json::Json;

/// A part that has begun, as it will be written.
#[derive(Debug)]
pub(super) enum Start {
    Text,
    Refusal,
    Reasoning {
        id: String,
        redacted: bool,
    },
    Call {
        id: String,
        item: String,
        name: String,
        kind: CallKind,
    },
    /// An item that is whole.
    Item(Json<'static>),
    /// A piece of a message that is whole.
    Piece(Json<'static>),
    /// What this dialect cannot say.
    Nothing,
}

impl Start {
    /// The start of the part `number` of the answer that the gateway calls `answer`.
    pub(super) fn of(opening: Opening<'_>, answer: &str, number: usize) -> Self {
        let named = |id: Option<Cow<'_, str>>, prefix: &str| {
            id.map_or_else(|| item_id(prefix, answer, number), Cow::into_owned)
        };
        match opening {
            Opening::Text => Self::Text,
            Opening::Refusal => Self::Refusal,
            Opening::Reasoning { id, redacted } => Self::Reasoning { id: named(id, "rs"), redacted },
            Opening::ToolCall { id, name, kind, item } => Self::Call {
                id: id.map_or_else(|| format!("call_{answer}_{number}"), Cow::into_owned),
                item: named(item, "fc"),
                name: name.into_owned(),
                kind,
            },
            Opening::Image(media) => {
                let part = Part::new(Body::Image(media.clone()));
                match items::picture(&part, &media, || item_id("ig", answer, number)) {
                    Some(item) => Self::Item(Json::Object(item).into_owned()),
                    None => {
                        media::shown(&media).map_or(Self::Nothing, |text| Self::Piece(Json::Object(text).into_owned()))
                    }
                }
            }
            Opening::Audio(recording) => Self::Piece(Json::Object(media::output_audio(&recording)).into_owned()),
            Opening::Foreign(SELF, json) => Self::Item(json.into_owned()),
            Opening::Foreign(..) => Self::Nothing,
        }
    }
}

/// A part that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) part: usize,
    pub(super) start: Start,
    pub(super) deltas: Vec<Delta<'static>>,
    pub(super) closed: bool,
}

impl Waiting {
    /// Keeps a delta; text that goes on is one.
    pub(super) fn keep(&mut self, delta: Delta<'_>) {
        match (self.deltas.last_mut(), &delta) {
            (Some(Delta::Text(all)), Delta::Text(more)) | (Some(Delta::Arguments(all)), Delta::Arguments(more)) => {
                all.to_mut().push_str(more);
            }
            (Some(Delta::Summary(index, all)), Delta::Summary(next, more)) if index == next => {
                all.to_mut().push_str(more);
            }
            _ => self.deltas.push(owned(delta)),
        }
    }
}

fn owned(delta: Delta<'_>) -> Delta<'static> {
    let text = |text: Cow<'_, str>| -> Cow<'static, str> { Cow::Owned(text.into_owned()) };
    match delta {
        Delta::Text(more) => Delta::Text(text(more)),
        Delta::Summary(index, more) => Delta::Summary(index, text(more)),
        Delta::Arguments(more) => Delta::Arguments(text(more)),
        Delta::Signature(Signature { origin, value }) => Delta::Signature(Signature { origin, value: text(value) }),
        Delta::Rest(_) => Delta::Rest(Rest::none()),
        Delta::Annotation(Annotation { url, title, cited, span, origin }) => Delta::Annotation(Annotation {
            url: url.map(text),
            title: title.map(text),
            cited: cited.map(text),
            span,
            origin: (origin.0, origin.1.into_owned()),
        }),
    }
}

/// What stands for a signature beside text or a call.
pub(super) fn signature_field(signature: &Signature<'_>) -> String {
    content::signature(signature).into_owned()
}
