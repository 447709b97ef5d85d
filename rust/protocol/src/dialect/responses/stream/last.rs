//! What the last event of an item says: what of it is new is handed on.

use super::super::{SELF, annotation, call, reasoning};
use super::read::{Each, Reader};
use super::take::{Item, Piece, send};
use crate::canonical::{Delta, Event, Media, Opening, Source};
use crate::json::{At, Invalid, Json};

impl Reader {
    /// An item is done: hands on what of it is new, and closes its parts.
    pub(super) fn finish(&mut self, index: u64, json: &Json<'_>, each: Each<'_>) -> Result<(), Invalid> {
        let known = self.items.insert(index, Item::Done);
        let item = match known {
            Some(Item::Done) => return Ok(()),
            Some(item) => item,
            None => self.opened(json, each)?,
        };
        match item {
            Item::Message(pieces) => self.finish_message(pieces, json, each),
            Item::Reasoning { part, text, summary } => finish_reasoning(part, text, &summary, json, each),
            Item::Call { part, sent, kind } => {
                let full = json.get(call::argument(kind)).and_then(Json::as_str).unwrap_or_default();
                if let Some(more) = full.get(sent..).filter(|more| !more.is_empty()) {
                    send(part, Delta::Arguments(more.into()), each);
                }
                each(Event::Close { choice: 0, part });
            }
            Item::Whole => {
                self.searches += u64::from(json.get("type").and_then(Json::as_str) == Some("web_search_call"));
                let part = self.begin(whole(json), each);
                each(Event::Close { choice: 0, part });
            }
            Item::Done => {}
        }
        Ok(())
    }

    pub(super) fn finish_message(&mut self, mut pieces: Vec<Piece>, json: &Json<'_>, each: Each<'_>) {
        let content = json.get("content").and_then(Json::as_array).unwrap_or_default();
        let texts = content.iter().filter_map(|piece| Some((piece, text_of(piece)?)));
        for (at, (piece, (_, refusal))) in texts.enumerate() {
            if pieces.len() == at {
                let part = self.begin(if refusal { Opening::Refusal } else { Opening::Text }, each);
                pieces.push(Piece { index: 0, part, sent: 0, citations: 0, open: true });
            }
            if let Some(known) = pieces.get_mut(at).filter(|known| known.open) {
                known.finish(piece, each);
            }
        }
        for piece in pieces.iter().filter(|piece| piece.open) {
            each(Event::Close { choice: 0, part: piece.part });
        }
    }

    pub(super) fn close_all(&mut self, each: Each<'_>) {
        for item in std::mem::take(&mut self.items).into_values() {
            match item {
                Item::Message(pieces) => {
                    for piece in pieces.iter().filter(|piece| piece.open) {
                        each(Event::Close { choice: 0, part: piece.part });
                    }
                }
                Item::Reasoning { part, .. } | Item::Call { part, .. } => each(Event::Close { choice: 0, part }),
                Item::Whole | Item::Done => {}
            }
        }
    }
}

impl Piece {
    /// Hands on what of the whole piece is new, and closes it.
    pub(super) fn finish(&mut self, whole: &Json<'_>, each: Each<'_>) {
        if let Some((text, _)) = text_of(whole) {
            self.complete(text, each);
        }
        let list = whole.get("annotations").and_then(Json::as_array).unwrap_or_default();
        for cited in list.iter().skip(self.citations) {
            if let Ok(cited) = annotation::read(cited.clone(), At::ROOT) {
                send(self.part, Delta::Annotation(cited), each);
            }
        }
        self.open = false;
        each(Event::Close { choice: 0, part: self.part });
    }

    /// Hands on what of the `full` text has not been said.
    pub(super) fn complete(&mut self, full: &str, each: Each<'_>) {
        if let Some(more) = full.get(self.sent..).filter(|more| !more.is_empty()) {
            self.sent = full.len();
            send(self.part, Delta::Text(more.into()), each);
        }
    }
}

fn finish_reasoning(part: usize, said: usize, summary: &[usize], json: &Json<'_>, each: Each<'_>) {
    let texts = |name: &str| {
        let list = json.get(name).and_then(Json::as_array).unwrap_or_default();
        list.iter().filter_map(|item| item.get("text").and_then(Json::as_str))
    };
    for (index, text) in texts("summary").enumerate() {
        if let Some(more) = text.get(summary.get(index).copied().unwrap_or(0)..).filter(|more| !more.is_empty()) {
            send(part, Delta::Summary(index, more.into()), each);
        }
    }
    if said == 0 {
        let text = texts("content").collect::<Vec<_>>().join("\n\n");
        if !text.is_empty() {
            send(part, Delta::Text(text.into()), each);
        }
    }
    let field = json.get("encrypted_content").and_then(Json::as_str);
    if let Some((Some(signature), _)) = field.map(|field| reasoning::read_signature(field.into())) {
        send(part, Delta::Signature(signature), each);
    }
    each(Event::Close { choice: 0, part });
}

/// An item that comes whole: a picture, or what only this dialect can say.
fn whole<'j>(json: &'j Json<'_>) -> Opening<'j> {
    let result = json.get("result").and_then(Json::as_str);
    match (json.get("type").and_then(Json::as_str), result) {
        (Some("image_generation_call"), Some(data)) => {
            let format = json.get("output_format").and_then(Json::as_str).unwrap_or("png");
            Opening::Image(Media::new(Source::Base64(data.into()), Some(format!("image/{format}").into())))
        }
        _ => Opening::Foreign(SELF, json.clone()),
    }
}

/// The text of a piece of content, and whether it is a refusal.
fn text_of<'j>(piece: &'j Json<'_>) -> Option<(&'j str, bool)> {
    match piece.get("type")?.as_str()? {
        "output_text" => Some((piece.get("text")?.as_str()?, false)),
        "refusal" => Some((piece.get("refusal")?.as_str()?, true)),
        _ => None,
    }
}
