//! What passes to one provider as it is: its files and batches, and whatever else it has.
//!
//! The path stays below the provider's `base_url`, whoever reads it: it is judged decoded, and refused where a second reader
//! could decode it once more, or see another path in it.

use http::Method;

use crate::error::{Error, Kind};

use super::endpoint::percent_decoded;

/// What is asked of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Through {
    pub(crate) area: Area,
    /// The provider's name, where the path says it.
    pub(crate) provider: Option<String>,
    pub(crate) method: Method,
    /// Path and query below the provider's `base_url`.
    pub(crate) path: String,
}

/// Which of a provider's paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// `/v1/files…`
    Files,
    /// `/v1/batches…`
    Batches,
    /// `/v1/messages/batches…`, Anthropic's.
    MessageBatches,
    /// `/passthrough/PROVIDER/…`
    Any,
}

impl Area {
    /// Its name in records and hooks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Batches => "batches",
            Self::MessageBatches => "messages/batches",
            Self::Any => "passthrough",
        }
    }

    /// What `path` says after it, which begins with a slash or is empty.
    fn of_path(path: &str) -> Option<(Self, &str)> {
        let areas = [
            ("/passthrough", Self::Any),
            ("/v1/files", Self::Files),
            ("/v1/batches", Self::Batches),
            ("/v1/messages/batches", Self::MessageBatches),
        ];
        areas.into_iter().find_map(|(prefix, area)| {
            let rest = path.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then_some((area, rest))
        })
    }
}

/// The methods that pass.
const METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl Through {
    /// What `method`, `path` and `query` ask of a provider; none if that is nothing of the kind.
    ///
    /// # Errors
    /// `MethodNotAllowed`; `InvalidRequest` for a path that could lead elsewhere; `UnknownUrl`.
    pub(crate) fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Option<Self>, Error> {
        let Some((area, rest)) = Area::of_path(path) else { return Ok(None) };
        if !METHODS.contains(method) {
            let allow = "GET, HEAD, POST, PUT, PATCH, DELETE";
            return Err(Error::new(Kind::MethodNotAllowed { allow }, format!("This path takes {allow}.")));
        }
        let (provider, below) = match area {
            Area::Any => {
                let named = rest.strip_prefix('/').unwrap_or_default();
                let (provider, below) = named.split_at(named.find('/').unwrap_or(named.len()));
                if provider.is_empty() || below.len() < 2 {
                    let message = "Give a provider and a path of its API: /passthrough/PROVIDER/PATH.";
                    return Err(Error::new(Kind::UnknownUrl, message));
                }
                (Some(percent_decoded(provider)), below.to_owned())
            }
            _ => (None, path.strip_prefix("/v1").unwrap_or(path).to_owned()),
        };
        stays_below(&below)?;
        let query: Vec<&str> = query.unwrap_or_default().split('&').filter(|pair| passes(pair)).collect();
        let path = if query.is_empty() { below } else { format!("{below}?{}", query.join("&")) };
        Ok(Some(Self { area, provider, method: method.clone(), path }))
    }
}

/// Whether a member of a query passes: what is a credential does not. Ours is nobody else's business, and another's is not
/// to be used here.
fn passes(pair: &str) -> bool {
    const CREDENTIALS: [&str; 6] = ["key", "api_key", "api-key", "apikey", "access_token", "oauth_token"];
    let name = percent_decoded(pair.split('=').next().unwrap_or_default());
    !pair.is_empty() && !CREDENTIALS.iter().any(|credential| name.eq_ignore_ascii_case(credential))
}

/// That whoever reads `path` stays below the path that it is put behind.
fn stays_below(path: &str) -> Result<(), Error> {
    let refused = |what: &str| Err(Error::new(Kind::InvalidRequest, format!("The path {what}.")).at("path"));
    let decoded = percent_decoded(path);
    // A second decoding must change nothing.
    let is_escape = |at: usize| {
        let digits = decoded.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if memchr::memchr_iter(b'%', decoded.as_bytes()).any(is_escape) {
        return refused("is escaped twice");
    }
    if decoded.contains(|character: char| character.is_control() || character == '\\') {
        return refused("holds a control character or a backslash");
    }
    let mut segments = decoded.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        // Some servers take what follows a semicolon for parameters of the segment.
        let name = segment.split(';').next().unwrap_or_default().trim();
        if name == "." || name == ".." {
            return refused("holds a dot segment");
        }
        if segment.is_empty() && segments.peek().is_some() {
            return refused("holds an empty segment");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, query: Option<&str>) -> Result<Option<Through>, Error> {
        Through::of(&Method::GET, path, query)
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for path in [
            "/..",
            "/../x",
            "/a/../b",
            "/a/..",
            "/%2e%2e/x",
            "/a%2f..%2fb",
            "/.%2E/x",
            "/%252e%252e/x",
            "/..;/x",
            "/a/./b",
            "//evil.example/x",
            "/a//b",
            "/http://evil.example",
            "/\\evil.example",
            "/%5c%5cevil",
            "/a%0d%0ahost:x",
            "/a%00",
            "/ ../x",
            "/%2f%2fevil",
        ] {
            let refused = of(&format!("/passthrough/p{path}"), None).unwrap_err();
            assert_eq!((refused.kind, refused.param.as_deref()), (Kind::InvalidRequest, Some("path")), "{path}");
        }
        for path in ["/v1/files/../chat/completions", "/v1/batches/%2e%2e/models", "/v1/messages/batches/..%2f..%2fx"] {
            assert!(of(path, None).is_err(), "{path}");
        }
        assert_eq!(of("/passthrough/p", None).unwrap_err().kind, Kind::UnknownUrl);
        assert_eq!(of("/passthrough//x/y", None).unwrap_err().kind, Kind::UnknownUrl);
        let traced = Through::of(&Method::TRACE, "/passthrough/p/x", None).unwrap_err();
        assert!(matches!(traced.kind, Kind::MethodNotAllowed { .. }));
    }

    #[test]
    fn what_stays_passes_as_it_is() {
        for (path, below) in [
            ("/passthrough/p/a/b", "/a/b"),
            ("/passthrough/p/models/m:predict", "/models/m:predict"),
            ("/passthrough/p/arn%3Aaws%2Fx/", "/arn%3Aaws%2Fx/"),
            ("/passthrough/p/a..b/...", "/a..b/..."),
            ("/v1/files/file-1/content", "/files/file-1/content"),
            ("/v1/messages/batches/b/results", "/messages/batches/b/results"),
        ] {
            assert_eq!(of(path, None).unwrap().unwrap().path, below);
        }
        let asked = of("/passthrough/p/a", Some("x=1&key=secret&K%65y=secret&&access_token=s&y")).unwrap().unwrap();
        assert_eq!((asked.path.as_str(), asked.provider.as_deref()), ("/a?x=1&y", Some("p")));
        for path in ["/v1/filesystem", "/passthroughs/p/x", "/v1/messages"] {
            assert_eq!(of(path, None).unwrap(), None, "{path}");
        }
    }
}
