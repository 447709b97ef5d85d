//! What of resolvers and redirects can go wrong, against servers on loopback.

use std::cell::RefCell;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const BODY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that answers each connection with the next of `answers`; its origin, and how many came.
async fn server(answers: &'static [&'static str]) -> (u16, std::rc::Rc<RefCell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = std::rc::Rc::new(RefCell::new(0));
    let count = std::rc::Rc::clone(&came);
    tokio::task::spawn_local(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            *count.borrow_mut() += 1;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, came)
}

fn addresses_of(texts: &[&str], port: u16) -> Vec<SocketAddr> {
    texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), port)).collect()
}

async fn fetch_by(
    origins: &[String],
    url: &str,
    answers: impl Fn(usize, u16) -> Vec<SocketAddr>,
) -> (Result<Bytes, Fault>, usize) {
    let asked = RefCell::new(0);
    let look_up = async |_: &str, port: u16| {
        let number = *asked.borrow();
        *asked.borrow_mut() += 1;
        Ok(answers(number, port))
    };
    let fetched = Fetcher { origins, max_bytes: 100 }.fetch(url, look_up).await;
    (fetched, asked.into_inner())
}

fn local<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

#[test]
fn one_address_that_is_not_public_is_one_too_many() {
    local(async {
        for texts in [&["8.8.8.8", "127.0.0.1"][..], &["127.0.0.1", "8.8.8.8"], &["2606:4700::1", "::1"], &[]] {
            let (fetched, asked) = fetch_by(&[], "https://a.example/x", |_, port| addresses_of(texts, port)).await;
            assert_eq!((fetched, asked), (Err(Fault::Address), 1), "{texts:?}");
        }
    });
}

/// The name is asked once, and what it said is what is connected to: a resolver that says otherwise the next time is not
/// asked a next time.
#[test]
fn a_name_is_resolved_once_and_pinned() {
    local(async {
        let (port, came) = server(&[BODY]).await;
        let origin = format!("http://pinned.example:{port}");
        let answers =
            |number: usize, port| addresses_of(if number == 0 { &["127.0.0.1"] } else { &["127.0.0.2"] }, port);
        let (fetched, asked) = fetch_by(std::slice::from_ref(&origin), &format!("{origin}/x"), answers).await;
        assert_eq!((fetched, asked, *came.borrow()), (Ok(Bytes::from_static(b"ok")), 1, 1));
    });
}

/// Each redirect is resolved and judged by itself, also one to the same name.
#[test]
fn a_redirect_is_judged_as_the_first_was() {
    local(async {
        let (port, came) =
            server(&["HTTP/1.1 302 Found\r\nlocation: https://a.example/y\r\ncontent-length: 0\r\n\r\n"]).await;
        let origin = format!("http://named.example:{port}");
        let answers = |_, port| addresses_of(&["127.0.0.1"], port);
        let (fetched, asked) = fetch_by(std::slice::from_ref(&origin), &format!("{origin}/x"), answers).await;
        assert_eq!(
            (fetched, asked, *came.borrow()),
            (Err(Fault::Address), 2, 1),
            "what the operator named is not left"
        );
    });
}

#[test]
fn places() {
    let named = ["http://127.0.0.1:9000".to_owned(), "https://files.internal:443".to_owned()];
    for (url, host, port, is_named) in [
        ("https://Example.COM/a?b#c", "example.com", 443, false),
        ("https://example.com:443", "example.com", 443, false),
        ("https://[2606:4700::1]/x", "2606:4700::1", 443, false),
        ("http://127.0.0.1:9000/x", "127.0.0.1", 9000, true),
        ("HTTPS://FILES.internal/x", "files.internal", 443, true),
    ] {
        let place = Place::of(url, &named).unwrap_or_else(|fault| panic!("{url}: {fault:?}"));
        assert_eq!((&*place.host, place.port, place.is_named), (host, port, is_named), "{url}");
    }
    for url in [
        "http://127.0.0.1:9001/x",
        "http://files.internal/x",
        "https://a@files.internal/",
        "//a/b",
        "/x",
        "",
        "https://a:b/",
    ] {
        assert!(matches!(Place::of(url, &named), Err(Fault::Url(_))), "{url}");
    }
    let place = Place::of("https://a.example/b/c?d", &[]).unwrap();
    for (location, uri) in [
        ("e", "https://a.example/b/e"),
        ("/e?f", "https://a.example/e?f"),
        ("?g", "https://a.example/b/c?g"),
        ("//h.example/i", "https://h.example/i"),
        ("https://j.example/k?u=https://l", "https://j.example/k?u=https://l"),
        ("/m?u=https://l", "https://a.example/m?u=https://l"),
    ] {
        assert_eq!(place.redirected(location, &[]).unwrap().uri.to_string(), uri);
    }
}
