//! A provider, compiled: where it is, how we prove who we are, and what every request to it carries.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header as names};

use tollway_protocol::dialect::Dialect;
use tollway_protocol::quirks::Quirks;
use tollway_resilience::Moment;
use tollway_resilience::health::HealthSettings;
use tollway_resilience::state::State;

use crate::accept::endpoint::Operation;
use crate::guard::OnFailure;
use crate::snapshot::Hook;
use crate::snapshot::spec::{AdapterSpec, MockSpec, ProviderKind, ProviderSpec, QuirksSpec, header};

use super::credential::{Credential, Credentials};
use super::origin::{Origin, Settings};

/// A provider of the configuration.
pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    /// What it speaks: the one that others are translated to first.
    dialects: Vec<Dialect>,
    /// What it calls the most tokens of a chat completion.
    pub(crate) max_tokens: String,
    quirks: ByRequest,
    /// Whether a stream's usage is asked for.
    pub(crate) ask_usage: bool,
    /// The Python class that translates for it, if one does.
    pub(crate) adapter: Option<Hook>,
    pub(crate) region: Option<String>,
    pub(crate) tags: Vec<String>,
    /// How its deployments are judged.
    pub(crate) judged: HealthSettings,
    pub(crate) transport: Transport,
}

/// How it departs from the dialects, by the kind of request.
struct ByRequest {
    chat: Option<Quirks>,
    other: Option<Quirks>,
    embeddings: Option<Quirks>,
}

impl ByRequest {
    fn compile(spec: QuirksSpec) -> Result<Self, String> {
        let mut chat = spec.chat;
        if !spec.ask_usage {
            chat.omit.push("stream_options".to_owned());
        }
        Ok(Self {
            chat: Quirks::compile(chat)?,
            other: Quirks::compile(spec.other)?,
            embeddings: Quirks::compile(spec.embeddings)?,
        })
    }
}

/// Where answers come from.
pub(crate) enum Transport {
    /// Over the network.
    Http(Box<HttpTransport>),
    /// From the bundled mock.
    Mock(MockSpec),
}

/// What a request to a provider over HTTP needs.
pub(crate) struct HttpTransport {
    pub(crate) origin: Arc<Origin>,
    base: Uri,
    /// Where each dialect's requests go, but for one that has the model in its path.
    fixed: [(Dialect, Address); 4],
    embeddings: Address,
    count: Address,
    /// Where an adapter's requests go, and those for a stream.
    adapted: Option<[String; 2]>,
    /// All fixed headers but the credential.
    pub(crate) headers: HeaderMap,
    pub(crate) credentials: Credentials,
}

/// A URI in both of the forms that go on the wire (RFC 9112 §3.2).
#[derive(Clone)]
pub(crate) struct Address {
    /// Path alone, for a direct HTTP/1.1 connection.
    pub(crate) relative: Uri,
    /// Whole, for HTTP/2 and for HTTP proxies.
    pub(crate) absolute: Uri,
}

impl Provider {
    /// Compiles `spec`; its origin, and with it the open connections, is taken over from `known` if unchanged.
    ///
    /// # Errors
    /// What does not hold together, without secrets.
    pub(crate) fn compile(mut spec: ProviderSpec, known: Option<&Self>, state: &dyn State) -> Result<Self, String> {
        let ask_usage = spec.quirks.ask_usage;
        let quirks = ByRequest::compile(std::mem::take(&mut spec.quirks))
            .map_err(|error| format!("provider {:?}: {error}", spec.name))?;
        let name: Arc<str> = spec.name.as_str().into();
        let dialects: Vec<Dialect> = std::mem::take(&mut spec.dialects).into_iter().map(|name| name.0).collect();
        if dialects.is_empty() {
            return Err(format!("provider {name:?}: it speaks no dialect"));
        }
        let max_tokens = std::mem::take(&mut spec.max_tokens);
        let judged = spec.breaker.judged();
        let (paths, adapter) = spec.adapter.take().map(adapter).unzip();
        let (region, tags) = (spec.region.take(), std::mem::take(&mut spec.tags));
        let transport = match (spec.kind, spec.mock.take()) {
            (ProviderKind::Mock, Some(mock)) => Transport::Mock(mock),
            (ProviderKind::Mock, None) => return Err(format!("provider {name:?}: its mock settings are missing")),
            (ProviderKind::Http, _) => Transport::Http(Box::new(
                HttpTransport::compile(spec, known, (paths, state))
                    .map_err(|error| format!("provider {name:?}: {error}"))?,
            )),
        };
        Ok(Self { name, dialects, max_tokens, quirks, ask_usage, adapter, region, tags, judged, transport })
    }

    /// What is spoken with it for a caller of `dialect`: the same, if it can.
    pub(crate) fn speaks(&self, dialect: Dialect) -> Dialect {
        let same = self.dialects.iter().find(|own| **own == dialect);
        same.or(self.dialects.first()).copied().unwrap_or(Dialect::Chat)
    }

    /// What is spoken with it for embeddings, for a caller of `dialect`; `None` if it has none.
    pub(crate) fn embeds(&self, dialect: Dialect) -> Option<Dialect> {
        let able = |own: &&Dialect| self.adapter.is_none() && matches!(own, Dialect::Chat | Dialect::Gemini);
        let same = self.dialects.iter().filter(able).find(|own| **own == dialect);
        same.or(self.dialects.iter().find(able)).copied()
    }

    /// Whether it is asked for what only passes: images and audio of who speaks as `OpenAI` does, the rest of who is asked
    /// over HTTP.
    pub(crate) fn carries(&self, operation: Operation) -> bool {
        let is_plain = self.adapter.is_none() && self.origin().is_some();
        is_plain && (operation == Operation::Through || self.dialects.contains(&Dialect::Chat))
    }

    /// What of the dialect `spoken` it does not take as it is, in a request for `operation`.
    pub(crate) fn quirks(&self, spoken: Dialect, operation: Operation) -> Option<&Quirks> {
        match (operation, spoken) {
            (Operation::Generate, Dialect::Chat) => self.quirks.chat.as_ref(),
            (Operation::Generate, _) => self.quirks.other.as_ref(),
            (Operation::Embed { .. }, _) => self.quirks.embeddings.as_ref(),
            (Operation::Count | Operation::Media(_) | Operation::Through, _) => None,
        }
    }

    /// Whether `text`, which the provider sent, holds a credential of ours: upstreams quote what they were sent.
    pub(crate) fn leaks_in(&self, text: &[u8]) -> bool {
        self.credentials().is_some_and(|credentials| credentials.are_in(text))
    }

    fn credentials(&self) -> Option<&Credentials> {
        match &self.transport {
            Transport::Http(http) => Some(&http.credentials),
            Transport::Mock(_) => None,
        }
    }

    /// The key to send with: one of those that serve, by weight. None for a provider that needs none.
    pub(crate) fn credential(&self, now: Moment, draw: u64) -> Option<&Credential> {
        self.credentials()?.pick(now, draw)
    }

    /// When one of its keys serves again, where none does.
    pub(crate) fn keys_away(&self, now: Moment) -> Option<Moment> {
        self.credentials()?.away(now)
    }

    /// The names of those of its keys that do not serve.
    pub(crate) fn unwell(&self, now: Moment) -> impl Iterator<Item = &str> {
        self.credentials().into_iter().flat_map(move |credentials| credentials.unwell(now))
    }

    /// Whether it has several keys, and one of them serves.
    pub(crate) fn has_key(&self, now: Moment) -> bool {
        self.credentials().is_some_and(|credentials| credentials.any(now))
    }

    /// Whether another of its keys than `this` serves.
    pub(crate) fn has_others(&self, now: Moment, this: &Credential) -> bool {
        self.credentials().is_some_and(|credentials| credentials.others(now, this))
    }

    /// The origin, for a provider that has one.
    pub(crate) fn origin(&self) -> Option<&Arc<Origin>> {
        match &self.transport {
            Transport::Http(http) => Some(&http.origin),
            Transport::Mock(_) => None,
        }
    }
}

impl HttpTransport {
    fn compile(
        spec: ProviderSpec,
        known: Option<&Provider>,
        (adapted, state): (Option<[String; 2]>, &dyn State),
    ) -> Result<Self, String> {
        let base: Uri = spec.base_url.parse().map_err(|_| "its base_url is not a URL".to_owned())?;
        let mut headers = HeaderMap::new();
        for (name, value) in &spec.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is not a header's name"))?;
            headers.insert(name, header(value)?);
        }
        headers.insert(names::HOST, header(base.authority().map_or("", |authority| authority.as_str()))?);
        headers.insert(names::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(names::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(names::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(names::USER_AGENT, HeaderValue::from_static(concat!("tollway/", env!("CARGO_PKG_VERSION"))));
        let credentials =
            Credentials::compile(&spec.name, (&spec.auth_header, &spec.auth_prefix), spec.api_keys, state)?;
        let settings = Settings {
            base: base.clone(),
            ca: spec.ca,
            proxy: spec.proxy,
            http2: spec.http2,
            connect_timeout: Duration::from_millis(spec.connect_timeout_ms),
            max_connections: spec.max_connections.max(1),
            max_connection_age: Duration::from_millis(spec.max_connection_age_ms),
            dns_ttl: Duration::from_millis(spec.dns_ttl_ms),
        };
        let origin = match known.and_then(Provider::origin) {
            Some(origin) if origin.settings == settings => Arc::clone(origin),
            _ => Arc::new(Origin::compile(settings)?),
        };
        let fixed = [
            (Dialect::Chat, Address::of(&base, "/chat/completions")?),
            (Dialect::Responses, Address::of(&base, "/responses")?),
            (Dialect::Anthropic, Address::of(&base, "/messages")?),
            (Dialect::Completions, Address::of(&base, "/completions")?),
        ];
        let embeddings = Address::of(&base, "/embeddings")?;
        let count = Address::of(&base, "/messages/count_tokens")?;
        Ok(Self { base, fixed, embeddings, count, adapted, origin, headers, credentials })
    }

    /// Where `path`, which may have a query, is below the provider's base; `None` if it is no path.
    pub(crate) fn below(&self, path: &str) -> Option<Address> {
        Address::of(&self.base, path).ok()
    }

    /// Where a request in `dialect` for `model` goes, which asks for a stream or not; `None` if the model's name can be no
    /// part of a path.
    pub(crate) fn address(
        &self,
        dialect: Dialect,
        operation: Operation,
        (model, stream): (&str, bool),
    ) -> Option<Address> {
        if let Some([whole, streamed]) = &self.adapted {
            let path = if stream { streamed } else { whole };
            return Address::of(&self.base, &path.replace("{model}", &in_path(model))).ok();
        }
        match (dialect, operation) {
            (Dialect::Chat, Operation::Embed { .. }) => return Some(self.embeddings.clone()),
            (Dialect::Anthropic, Operation::Count) => return Some(self.count.clone()),
            (_, Operation::Media(media)) => return Address::of(&self.base, &format!("/{}", media.name())).ok(),
            _ => {}
        }
        if let Some((_, address)) = self.fixed.iter().find(|(fixed, _)| *fixed == dialect) {
            return Some(address.clone());
        }
        let method = match operation {
            Operation::Generate if stream => "streamGenerateContent?alt=sse",
            Operation::Generate => "generateContent",
            Operation::Count => "countTokens",
            Operation::Embed { batch: false } => "embedContent",
            Operation::Embed { batch: true } => "batchEmbedContents",
            Operation::Media(_) | Operation::Through => return None,
        };
        // A tuned model's name has a folder: tunedModels/NAME.
        let path =
            if model.contains('/') { format!("/{}", in_path(model)) } else { format!("/models/{}", in_path(model)) };
        Address::of(&self.base, &format!("{path}:{method}")).ok()
    }
}

fn adapter(spec: AdapterSpec) -> ([String; 2], Hook) {
    let AdapterSpec { id, call, is_async, timeout_ms, path, stream_path } = spec;
    let timeout = Duration::from_millis(timeout_ms);
    ([path, stream_path], Hook { id, call, is_async, timeout, on_failure: OnFailure::Closed })
}

/// `name` as it can stand in a path (RFC 3986 §3.3), its slashes kept.
fn in_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b':' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

impl Address {
    fn of(base: &Uri, path: &str) -> Result<Self, String> {
        let path = format!("{}{path}", base.path().trim_end_matches('/'));
        let relative: Uri = path.parse().map_err(|_| format!("{path:?} is not a path"))?;
        let mut parts = base.clone().into_parts();
        parts.path_and_query = relative.path_and_query().cloned();
        let absolute = Uri::from_parts(parts).map_err(|error| error.to_string())?;
        Ok(Self { relative, absolute })
    }
}
