//! Where attachments are found, what is put in their place, and what their bytes tell.

use serde_json::{Value, json};

use super::*;

/// What is found in `request`: where, what is declared, what is held; each URL replaced by a picture.
fn found(dialect: Dialect, request: &Value) -> (Vec<(String, Option<String>, String)>, Value) {
    let text = request.to_string();
    let mut tree = Json::parse(text.as_bytes()).unwrap();
    let mut seen = Vec::new();
    visit(dialect, &mut tree, &mut |one| {
        seen.push((one.at.to_owned(), one.declared.map(Cow::into_owned), format!("{:?}", one.held)));
        matches!(one.held, Held::Url(_)).then(|| Inline { mime: "image/png", data: "QUJD".to_owned() })
    });
    (seen, serde_json::from_slice(&tree.to_bytes()).unwrap())
}

fn at(place: &str, declared: Option<&str>, held: &str) -> (String, Option<String>, String) {
    (place.to_owned(), declared.map(str::to_owned), held.to_owned())
}

#[test]
fn chat() {
    let request = json!({"model": "m", "tools": [{"image_url": "https://a/schema"}], "messages": [
        {"role": "user", "content": "https://a/text"},
        {"role": "user", "content": [
            {"type": "text", "text": "x"},
            {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
            {"type": "image_url", "image_url": "data:image/jpeg;charset=x;base64,QUJD"},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "file", "file": {"file_data": "QUJD", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "image_url", "image_url": {"url": "data:text/plain,hello"}},
        ]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "image_url", "image_url": {"url": "HTTP://a/c"}}]},
    ]});
    let (seen, after) = found(Dialect::Chat, &request);
    assert_eq!(
        seen,
        [
            at("messages[1].content[1].image_url.url", None, r#"Url("https://a/b.png")"#),
            at("messages[1].content[2].image_url", Some("image/jpeg"), r#"Base64("QUJD")"#),
            at("messages[1].content[3].input_audio.data", Some("audio/wav"), r#"Base64("QUJD")"#),
            at("messages[1].content[4].file.file_data", None, r#"Base64("QUJD")"#),
            at("messages[1].content[5].file.file_id", None, "Kept"),
            at("messages[1].content[6].image_url.url", Some("text/plain"), "Quoted"),
            at("messages[2].content[0].image_url.url", None, r#"Url("HTTP://a/c")"#),
        ]
    );
    let mut expected = request;
    expected["messages"][1]["content"][1]["image_url"]["url"] = json!("data:image/png;base64,QUJD");
    expected["messages"][2]["content"][0]["image_url"]["url"] = json!("data:image/png;base64,QUJD");
    assert_eq!(after, expected, "nothing else is changed");
}

#[test]
fn responses() {
    let request = json!({"model": "m", "input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": "https://a/b"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://a/c.pdf"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "x.pdf"},
    ]}, {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "https://a/d"}]}]});
    let (seen, after) = found(Dialect::Responses, &request);
    assert_eq!(
        seen,
        [
            at("input[0].content[0].image_url", None, r#"Url("https://a/b")"#),
            at("input[0].content[1].file_id", None, "Kept"),
            at("input[0].content[2].file_url", None, r#"Url("https://a/c.pdf")"#),
            at("input[0].content[3].file_data", Some("application/pdf"), r#"Base64("QUJD")"#),
            at("input[1].output[0].image_url", None, r#"Url("https://a/d")"#),
        ]
    );
    let file = json!({"type": "input_file", "file_data": "data:image/png;base64,QUJD", "filename": "document.pdf"});
    assert_eq!(after["input"][0]["content"][2], file);
}

#[test]
fn anthropic() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
        {"type": "image", "source": {"type": "url", "url": "https://a/b"}, "cache_control": {"type": "ephemeral"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "content", "content": [
            {"type": "image", "source": {"type": "url", "url": "https://a/c"}}]}},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"source": {"type": "url", "url": "https://a/not"}}},
        {"type": "tool_result", "tool_use_id": "t", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "QUJD"}}]},
        {"type": "search_result", "source": "https://a/cited", "title": "t", "content": []},
    ]}]});
    let (seen, after) = found(Dialect::Anthropic, &request);
    assert_eq!(
        seen,
        [
            at("messages[0].content[0].source.data", Some("image/png"), r#"Base64("QUJD")"#),
            at("messages[0].content[1].source.url", None, r#"Url("https://a/b")"#),
            at("messages[0].content[2].source.data", Some("text/plain"), r#"Text("words")"#),
            at("messages[0].content[3].source.file_id", None, "Kept"),
            at("messages[0].content[4].source.content[0].source.url", None, r#"Url("https://a/c")"#),
            at("messages[0].content[6].content[0].source.data", Some("image/gif"), r#"Base64("QUJD")"#),
        ]
    );
    let source = json!({"type": "base64", "media_type": "image/png", "data": "QUJD"});
    assert_eq!(after["messages"][0]["content"][1]["source"], source);
    assert_eq!(after["messages"][0]["content"][1]["cache_control"], json!({"type": "ephemeral"}));
}

#[test]
fn gemini() {
    let request = json!({"generationConfig": {"x": {"fileData": {"fileUri": "https://a/no"}}}, "contents": [{"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        {"inline_data": {"mime_type": "audio/wav", "data": "QUJD"}},
        {"fileData": {"fileUri": "https://a/b", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}},
        {"file_data": {"file_uri": "gs://bucket/x", "mime_type": "video/mp4"}},
        {"functionCall": {"name": "f", "args": {"fileData": {"fileUri": "https://a/not"}}}},
        {"functionResponse": {"name": "f", "response": {"inlineData": {"data": "x"}},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]}},
    ]}]});
    let (seen, after) = found(Dialect::Gemini, &request);
    assert_eq!(
        seen,
        [
            at("contents[0].parts[0].inlineData.data", Some("image/png"), r#"Base64("QUJD")"#),
            at("contents[0].parts[1].inline_data.data", Some("audio/wav"), r#"Base64("QUJD")"#),
            at("contents[0].parts[2].fileData.fileUri", Some("image/png"), r#"Url("https://a/b")"#),
            at("contents[0].parts[3].fileData.fileUri", None, "Kept"),
            at("contents[0].parts[4].file_data.file_uri", Some("video/mp4"), r#"Url("gs://bucket/x")"#),
            at(
                "contents[0].parts[6].functionResponse.parts[0].inlineData.data",
                Some("image/png"),
                r#"Base64("QUJD")"#
            ),
        ]
    );
    assert_eq!(after["contents"][0]["parts"][2], json!({"inlineData": {"mimeType": "image/png", "data": "QUJD"}}));
}

#[test]
fn base64_is_checked_to_its_end() {
    let long = "QUJD".repeat(5000);
    assert_eq!(head(&long).map(|head| head.len()), Ok(3072));
    assert_eq!((length(&long), length("QUI="), length("QUI"), length("QQ=="), length("")), (15_000, 2, 2, 1, 0));
    assert_eq!(head("-_8="), Ok(vec![0xfb, 0xff]), "Google takes it");
    for wrong in
        [format!("{long}*"), format!("{long}QUI=QUJD"), format!("{}QUI={long}", "QUJD".repeat(1023)), "Q".into()]
    {
        assert_eq!(head(&wrong), Err(NotBase64));
        assert_eq!(bytes(&wrong), Err(NotBase64));
    }
}

#[test]
fn kinds() {
    for (bytes, kind) in [
        (&b"\x89PNG\r\n\x1a\n...."[..], "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
    ] {
        assert_eq!(kind::of_bytes(bytes), Some(kind));
    }
    for unknown in [&b""[..], b"hello", b"\0\0\0\0\0\0\0\0WEBP", b"<html>", b"\x89PN", b"\xff"] {
        assert_eq!(kind::of_bytes(unknown), None, "{unknown:?}");
    }
}

#[test]
fn what_is_declared_agrees_or_lies() {
    for (declared, real, agrees) in [
        ("image/JPG; q=1", Some("image/jpeg"), true),
        ("image/png", Some("image/jpeg"), false),
        ("image/png", None, false),
        ("text/plain", None, true),
        ("text/plain", Some("application/pdf"), false),
        ("audio/webm", Some("video/webm"), true),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", Some("application/zip"), true),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", None, false),
        ("image/png", Some("application/zip"), false),
        ("audio/pcm16", None, true),
    ] {
        assert_eq!(kind::agrees(&kind::normal(declared), real), agrees, "{declared} {real:?}");
    }
    assert!(kind::takes("image/*", "image/png") && kind::takes("image/jpg", "image/jpeg") && kind::takes("*/*", "a/b"));
    assert!(!kind::takes("image/*", "imagex/png") && !kind::takes("image/png", "image/gif"));
}
