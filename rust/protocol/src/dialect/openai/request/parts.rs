//! The content of messages, written.

use std::borrow::Cow;

use super::super::content::{self, LIST, THINKING, write_cache};
use super::super::marks::{CHAT, marked, note_foreign, with_rest};
use super::super::media::{audio_part, file_part, url_part};
use crate::canonical::{Body, Losses, Media, Part, Source, Text};
use crate::json::{At, Invalid, Json};

/// What content is written for.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// Whether it came from this dialect: then it is written as it was.
    pub(super) own: bool,
    /// Whether it was a list.
    pub(super) list: bool,
    /// What stands between texts that become one.
    pub(super) between: &'static str,
    /// Where the message lies.
    pub(super) at: At<'p>,
}

impl<'p> Place<'p> {
    pub(super) fn new(message: &crate::canonical::Message<'_>, own: bool, between: &'static str, at: At<'p>) -> Self {
        Self { own, list: own && marked(&message.rest, LIST), between, at }
    }
}

/// The content that `parts` make: one text where it can be, as many servers know no other.
pub(super) fn content<'a>(parts: &[&Part<'a>], place: Place<'_>, losses: &mut Losses) -> Result<Json<'a>, Invalid> {
    if !place.list
        && let Some(text) = plain(parts, place.between)
    {
        return Ok(text.into());
    }
    let mut items = Vec::with_capacity(parts.len());
    for part in parts {
        write(part, place, losses, &mut items)?;
    }
    Ok(items.into())
}

/// The one text that `parts` are, if they are nothing else.
pub(super) fn plain<'a>(parts: &[&Part<'a>], between: &str) -> Option<Text<'a>> {
    let text = |part: &Part<'a>| if let Body::Text(text, _) = &part.body { Some(text.clone()) } else { None };
    if let [only] = parts {
        return text(only);
    }
    let texts: Option<Vec<Text<'a>>> = parts.iter().map(|part| text(part)).collect();
    texts.filter(|texts| !texts.is_empty()).map(|texts| Cow::Owned(texts.join(between)))
}

/// Appends what `part` is as an item of a list, if it can be one.
pub(super) fn write<'a>(
    part: &Part<'a>,
    place: Place<'_>,
    losses: &mut Losses,
    items: &mut Vec<Json<'a>>,
) -> Result<(), Invalid> {
    note_foreign(&part.rest, "content.", &["id", "status", "index"], losses);
    let bare = |name: &str| marked(&part.rest, name);
    let written = match &part.body {
        Body::Text(text, _) => Some(content::text_part(text.clone())),
        Body::Refusal(text) if place.own => Some(content::refusal_part(text.clone())),
        Body::Refusal(text) => Some(content::text_part(text.clone())),
        Body::Reasoning(thought) if marked(&part.rest, THINKING) => Some(content::thinking_part(thought.text.clone())),
        Body::Image(media) => {
            note_media(media, losses);
            let url = media.url("image/png").ok_or_else(|| cannot(place, "an image that another provider keeps"))?;
            Some(url_part("image_url", url, media.detail.as_ref(), bare("image_url")))
        }
        Body::Video(media) => {
            let url = media.url("video/mp4").ok_or_else(|| cannot(place, "a video that another provider keeps"))?;
            Some(url_part("video_url", url, None, bare("video_url")))
        }
        Body::Audio(media) => match &media.source {
            Source::Base64(data) => Some(audio_part(data, media.mime.as_deref())),
            Source::Url(url) => Some(url_part("audio_url", url.clone(), None, bare("audio_url"))),
            _ => return Err(cannot(place, "a recording that another provider keeps")),
        },
        Body::Document(media) => return document(media, part, place, losses, items),
        Body::Foreign(CHAT, json) => {
            let cache = part.cache.as_ref().map(write_cache);
            let Json::Object(members) = json.clone() else { return Ok(()) };
            items.push(members.with_some("cache_control", cache).into());
            return Ok(());
        }
        Body::Foreign(_, json) => {
            losses.note(&format!("content.{}", kind_of(json)));
            None
        }
        Body::Reasoning(_) => {
            losses.note("reasoning");
            None
        }
        Body::ToolCall(_) | Body::ToolResult(_) => None,
    };
    if let Some(members) = written {
        let cache = part.cache.as_ref().filter(|_| place.own).map(write_cache);
        items.push(with_rest(members.with_some("cache_control", cache), &part.rest).into());
    }
    Ok(())
}

/// A file; its parts, where it is made of such.
fn document<'a>(
    media: &Media<'a>,
    part: &Part<'a>,
    place: Place<'_>,
    losses: &mut Losses,
    items: &mut Vec<Json<'a>>,
) -> Result<(), Invalid> {
    note_media(media, losses);
    if let Source::Parts(parts) = &media.source {
        return parts.iter().try_for_each(|part| write(part, place, losses, items));
    }
    if let Source::File(id) = &media.source
        && !place.own
        && !id.starts_with("file-")
    {
        return Err(cannot(place, "a file that another provider keeps"));
    }
    let members = if marked(&part.rest, "document") {
        media.url("application/pdf").map(|url| url_part("document_url", url, None, marked(&part.rest, "document_url")))
    } else if marked(&part.rest, "file_at") {
        media.url("application/pdf").map(|url| url_part("file_url", url, None, marked(&part.rest, "file_url")))
    } else {
        file_part(media, place.own)
    };
    let cache = part.cache.as_ref().filter(|_| place.own).map(write_cache);
    items.extend(members.map(|members| with_rest(members.with_some("cache_control", cache), &part.rest).into()));
    Ok(())
}

fn note_media(media: &Media<'_>, losses: &mut Losses) {
    losses.note_if(media.context.is_some(), "content.context");
    losses.note_if(media.citations == Some(true), "content.citations");
}

/// What sort of part another dialect's is.
pub(super) fn kind_of<'j>(json: &'j Json<'_>) -> &'j str {
    let named = json.get("type").and_then(Json::as_str);
    named.or_else(|| json.as_object()?.0.first().map(|(name, _)| name.as_ref())).unwrap_or("part")
}

fn cannot(place: Place<'_>, what: &str) -> Invalid {
    place.at.member("content").invalid(&format!("holds {what}, which this model's provider cannot be given"))
}
