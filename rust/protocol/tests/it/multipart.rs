//! Forms: whatever pieces they come in, the same parts.

use tollway_protocol::json::{Json, Skeleton};
use tollway_protocol::multipart::{self, Form, Step, boundary};

use crate::invariants;

const SIMPLE: &[u8] = b"--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--B\r\n\
    content-disposition: form-data; name=file; filename=\"a\\\"b.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
    RIFF\r\n--\r\n--Bo\r-\r\n--B--\r\nepilogue";

/// A part's name, whether it is a file, its data, and where it begins.
type Found = (String, bool, Vec<u8>, u64);

fn parts(body: &[u8], size: usize) -> Result<Vec<Found>, String> {
    let mut form = Form::new("B");
    let mut found: Vec<Found> = Vec::new();
    let mut pieces = body.chunks(size.max(1));
    loop {
        match form.step().map_err(|fault| fault.message)? {
            Step::Part(part) => found.push((part.name, part.is_file, Vec::new(), part.from)),
            Step::Data(data) => found.last_mut().expect("data is of a part").2.extend_from_slice(&data),
            Step::End => return form.finish().map(|()| found).map_err(|fault| fault.message),
            Step::More => match pieces.next() {
                Some(piece) => form.push(piece),
                None => return form.finish().map(|()| found).map_err(|fault| fault.message),
            },
        }
    }
}

#[test]
fn pieces_make_no_difference() {
    // `--Bo` goes on behind the boundary: it is refused rather than taken for data.
    assert!(parts(SIMPLE, 1).is_err());
    let body = SIMPLE.to_vec();
    let body = String::from_utf8(body).unwrap().replace("\r\n--Bo", "\r\n--A").into_bytes();
    let whole = parts(&body, body.len()).unwrap();
    assert_eq!(whole[0], ("model".into(), false, b"whisper-1".to_vec(), 0));
    assert_eq!((&*whole[1].0, whole[1].1, &whole[1].2[..]), ("file", true, &b"RIFF\r\n--\r\n--A\r-"[..]));
    assert!(body[whole[1].3 as usize..].starts_with(b"--B\r\ncontent-disposition"));
    for size in 1..body.len() {
        assert_eq!(parts(&body, size).unwrap(), whole, "{size}");
    }
    invariants::form(&body);
}

#[test]
fn what_is_cut_or_ambiguous_is_refused() {
    let head = |line: &str| format!("--B\r\n{line}\r\n\r\nx\r\n--B--").into_bytes();
    for (body, says) in [
        (b"".to_vec(), "cut short"),
        (b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx".to_vec(), "cut short"),
        (b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--B-".to_vec(), "cut short"),
        (b"--Bx\r\n".to_vec(), "something else"),
        (head("Content-Type: text/plain"), "no content-disposition"),
        (head("Content-Disposition: form-data"), "no name"),
        (head("Content-Disposition: form-data; name=\"\""), "no name"),
        (head("Content-Disposition: form-data; name=\"a"), "malformed"),
        (head("Content-Disposition: form-data; name=a; name=model"), "named twice"),
        (head("Content-Disposition: form-data; name=a; name*=utf-8''model"), "extended"),
        (head("Content-Disposition: attachment; name=a"), "not form-data"),
        (head("Content-Disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b"), "twice"),
        (head("Content-Disposition: form-data;\r\n name=a"), "no header"),
        (head("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"), "transfer encoding"),
        (head(&"x".repeat(9000)), "8 KiB"),
    ] {
        for size in [1, body.len()] {
            let refused = parts(&body, size).unwrap_err();
            assert!(refused.contains(says), "{refused} for {says}");
        }
    }
}

#[test]
fn boundaries() {
    assert_eq!(boundary("multipart/form-data; boundary=abc").unwrap(), "abc");
    assert_eq!(boundary("multipart/form-data; charset=utf-8; Boundary=\"a b\"").unwrap(), "a b");
    for bad in ["", "; boundary=", "; boundary=a; boundary=b", "; boundary=\"a\nb\"", "; boundary=\"a ", "; x"] {
        assert!(boundary(&format!("multipart/form-data{bad}")).is_err(), "{bad}");
    }
}

#[test]
fn what_is_written_is_read() {
    let mut body = Vec::new();
    multipart::write_field("B", "mo\"del", "gpt\r\n-4o", &mut body);
    multipart::write_head("B", b"Content-Disposition: form-data; name=file; filename=x", &mut body);
    body.extend_from_slice(b"bytes\r\n");
    multipart::write_end("B", &mut body);
    let found = parts(&body, 7).unwrap();
    assert_eq!((&*found[0].0, &found[0].2[..]), ("mo%22del", &b"gpt\r\n-4o"[..]));
    assert_eq!((&*found[1].0, found[1].1, &found[1].2[..]), ("file", true, &b"bytes"[..]));
}

#[test]
fn a_skeleton_keeps_what_is_short() {
    let long = "A".repeat(5000);
    let text = format!(r#"{{"data":[{{"b64_json":"{long}\"\\"}}],"usage":{{"input_tokens":3}},"q":"\"","s":"\\"}}"#);
    let short = br#"{"data":[{"b64_json":""}],"usage":{"input_tokens":3},"q":"\"","s":"\\"}"#;
    for size in [1, 2, 3, 700, text.len()] {
        let (mut skeleton, mut out) = (Skeleton::default(), Vec::new());
        text.as_bytes().chunks(size).for_each(|piece| skeleton.push(piece, &mut out));
        assert_eq!(out, short, "{size}");
        assert!(Json::parse(&out).is_ok());
    }
}
