//! Pictures and documents from other dialects, and what is refused.

use serde_json::json;
use tollway_protocol::canonical::{Body, Media, Message, Part, Request, Rest, Role, Source};
use tollway_protocol::dialect::Dialect;
use tollway_protocol::json::Members;

use super::requests::{hello, refused, request, says, sends};

#[test]
fn pictures() {
    let image = |source, mime: Option<&'static str>| {
        sends(Part::new(Body::Image(Media::new(source, mime.map(Into::into))))).0["source"].clone()
    };
    let base64 = |mime: &str, data: &str| json!({"type": "base64", "media_type": mime, "data": data});
    assert_eq!(image(Source::Base64("AAAA".into()), Some("image/jpg")), base64("image/jpeg", "AAAA"));
    assert_eq!(image(Source::Base64("R0lGODlh".into()), None), base64("image/gif", "R0lGODlh"));
    assert_eq!(image(Source::Url("https://a/b".into()), None), json!({"type": "url", "url": "https://a/b"}));
    assert_eq!(image(Source::File("file_1".into()), None), json!({"type": "file", "file_id": "file_1"}));
    let closely = Media { detail: Some("high".into()), ..Media::new(Source::Url("u".into()), None) };
    assert_eq!(sends(Part::new(Body::Image(closely))).1, ["content.detail"]);
}

#[test]
fn documents() {
    let document = |source, mime: Option<&'static str>| {
        sends(Part::new(Body::Document(Media::new(source, mime.map(Into::into))))).0
    };
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"});
    assert_eq!(document(Source::Base64("JVBERi0x".into()), None)["source"], pdf);
    assert_eq!(document(Source::Base64("JVBERi0x".into()), Some("application/pdf"))["source"], pdf);
    let text = json!({"type": "text", "media_type": "text/plain", "data": "a,b\n"});
    assert_eq!(document(Source::Base64("YSxiCg==".into()), Some("text/csv"))["source"], text);
    assert_eq!(document(Source::Text("a,b\n".into()), Some("text/csv"))["source"], text);
    assert_eq!(document(Source::Base64("AAAA".into()), Some("image/png"))["type"], "image");
    let parts = document(Source::Parts(vec![Part::text("p")]), None);
    assert_eq!(parts["source"], json!({"type": "content", "content": "p"}));
}

#[test]
fn what_cannot_be_said_is_refused() {
    let with = |body| request(vec![says(Role::User, "x"), Message::new(Role::User, vec![Part::new(body)])]);
    let media = |source, mime: &'static str| Media::new(source, Some(mime.into()));
    let at = "messages[1].content[0]";
    assert_eq!(refused(&with(Body::Audio(media(Source::Base64("AAAA".into()), "audio/wav")))), at);
    assert_eq!(refused(&with(Body::Video(media(Source::Url("u".into()), "video/mp4")))), at);
    assert_eq!(refused(&with(Body::Image(media(Source::File("file-abc".into()), "image/png")))), at);
    assert_eq!(refused(&with(Body::Document(media(Source::File("files/abc".into()), "application/pdf")))), at);
    assert_eq!(refused(&with(Body::Document(media(Source::Base64("/w==".into()), "application/zip")))), at);
    for kept in ["previous_response_id", "conversation", "prompt", "cachedContent"] {
        let members = Members::new().with(kept, "x");
        assert_eq!(refused(&Request { rest: Rest::new(Dialect::Responses, members), ..hello() }), kept);
    }
}
