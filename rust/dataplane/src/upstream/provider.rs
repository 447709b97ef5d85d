//! A provider, compiled: where it is, how we prove who we are, and what every request to it carries.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header as names};

use tollway_protocol::dialect::Dialect;
use tollway_protocol::dialect::rerank::Shape;
use tollway_protocol::quirks::Quirks;
use tollway_resilience::Moment;
use tollway_resilience::health::HealthSettings;
use tollway_resilience::state::State;

use crate::accept::endpoint::Operation;
use crate::guard::OnFailure;
use crate::snapshot::spec::{AdapterSpec, MockSpec, ProviderKind, ProviderSpec, QuirksSpec, header};
use crate::snapshot::{Hook, Slots};

use super::check::Check;
use super::credential::{Credential, Credentials};
use super::origin::{Origin, Settings};
use super::paths::Paths;
use super::slot::Slot;

/// A provider of the configuration.
pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    /// What it speaks: the one that others are translated to first.
    dialects: Vec<Dialect>,
    /// What it calls the most tokens of a chat completion.
    pub(crate) max_tokens: String,
    /// Whether it fetches what stands at a URL in a request.
    pub(crate) fetches_urls: bool,
    /// How it has its rerankings.
    pub(crate) rerank: Shape,
    /// Whether it has models that answer.
    answers: bool,
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
    count: Option<Quirks>,
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
            count: Quirks::compile(spec.count)?,
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
    pub(crate) paths: Paths,
    /// All fixed headers but the credential.
    pub(crate) headers: HeaderMap,
    pub(crate) credentials: Credentials,
    /// How it is asked whether it serves, if it is.
    check: Option<Check>,
}

impl Provider {
    /// Compiles `spec`; its origin, and with it the open connections, is taken over from `known` if unchanged.
    ///
    /// # Errors
    /// What does not hold together, without secrets.
    pub(crate) fn compile(
        mut spec: ProviderSpec,
        known: Option<&Self>,
        (state, slots): (&dyn State, &Slots),
    ) -> Result<Self, String> {
        let ask_usage = spec.quirks.ask_usage;
        let quirks = ByRequest::compile(std::mem::take(&mut spec.quirks))
            .map_err(|error| format!("provider {:?}: {error}", spec.name))?;
        let name: Arc<str> = spec.name.as_str().into();
        let dialects: Vec<Dialect> = std::mem::take(&mut spec.dialects).into_iter().map(|name| name.0).collect();
        if dialects.is_empty() {
            return Err(format!("provider {name:?}: it speaks no dialect"));
        }
        let max_tokens = std::mem::take(&mut spec.max_tokens);
        let fetches_urls = spec.fetches_urls;
        let (rerank, answers) = (spec.rerank, spec.answers);
        let judged = spec.breaker.judged();
        let adapter = spec.adapter.take().map(adapter);
        let (region, tags) = (spec.region.take(), std::mem::take(&mut spec.tags));
        let transport = match (spec.kind, spec.mock.take()) {
            (ProviderKind::Mock, Some(mock)) => Transport::Mock(mock),
            (ProviderKind::Mock, None) => return Err(format!("provider {name:?}: its mock settings are missing")),
            (ProviderKind::Http, _) => Transport::Http(Box::new(
                HttpTransport::compile(spec, known, (state, slots))
                    .map_err(|error| format!("provider {name:?}: {error}"))?,
            )),
        };
        Ok(Self {
            name,
            dialects,
            max_tokens,
            fetches_urls,
            rerank,
            answers,
            quirks,
            ask_usage,
            adapter,
            region,
            tags,
            judged,
            transport,
        })
    }

    /// Whether it has anything for `operation`, in whatever dialect.
    pub(crate) fn serves(&self, operation: Operation) -> bool {
        let over_http = self.adapter.is_none() && matches!(self.transport, Transport::Http(_));
        let speaks = |known: &[Dialect]| over_http && self.dialects.iter().any(|own| known.contains(own));
        let signs = self.credentials().is_some_and(Credentials::sign);
        match operation {
            Operation::Generate | Operation::Count => self.answers,
            Operation::Embed { .. } => self.embeds(Dialect::Chat).is_some(),
            Operation::Rerank => speaks(&[Dialect::Chat, Dialect::Cohere]),
            Operation::Moderate => speaks(&[Dialect::Chat]),
            // Signatures are of whole bodies, and these may not be whole.
            Operation::Media(_) => speaks(&[Dialect::Chat]) && !signs,
            Operation::Through => over_http && !signs,
        }
    }

    /// What is spoken with it for a caller of `dialect`: the same, if it can.
    pub(crate) fn speaks(&self, dialect: Dialect) -> Dialect {
        let same = self.dialects.iter().find(|own| **own == dialect);
        same.or(self.dialects.first()).copied().unwrap_or(Dialect::Chat)
    }

    /// What is spoken with it for embeddings, for a caller of `dialect`; `None` if it has none.
    pub(crate) fn embeds(&self, dialect: Dialect) -> Option<Dialect> {
        let able = |own: &&Dialect| {
            self.adapter.is_none()
                && matches!(own, Dialect::Chat | Dialect::Gemini | Dialect::Bedrock | Dialect::Cohere)
        };
        let same = self.dialects.iter().filter(able).find(|own| **own == dialect);
        same.or(self.dialects.iter().find(able)).copied()
    }

    /// Whether `model` embeds by Vertex AI's `predict` there.
    pub(crate) fn predicts(&self, model: &str) -> bool {
        matches!(&self.transport, Transport::Http(http) if http.paths.predict(model).is_some())
    }

    /// Whether it counts the tokens of what is asked in `dialect`.
    pub(crate) fn counts(&self, dialect: Dialect) -> bool {
        let has = |http: &HttpTransport| http.paths.has((dialect, Operation::Count, false));
        let can = match &self.transport {
            Transport::Http(http) => has(http),
            Transport::Mock(_) => true,
        };
        can && self.adapter.is_none() && self.speaks(dialect) == dialect
    }

    /// What of the dialect `spoken` it does not take as it is, in a request for `operation`.
    pub(crate) fn quirks(&self, spoken: Dialect, operation: Operation) -> Option<&Quirks> {
        match (operation, spoken) {
            (Operation::Generate, Dialect::Chat) => self.quirks.chat.as_ref(),
            (Operation::Generate, _) => self.quirks.other.as_ref(),
            (Operation::Embed { .. }, _) => self.quirks.embeddings.as_ref(),
            (Operation::Count, _) => self.quirks.count.as_ref(),
            (Operation::Rerank | Operation::Moderate | Operation::Media(_) | Operation::Through, _) => None,
        }
    }

    /// Whether `text`, which the provider sent, holds a credential of ours: upstreams quote what they were sent.
    pub(crate) fn leaks_in(&self, text: &[u8]) -> bool {
        self.credentials().is_some_and(|credentials| credentials.are_in(text))
    }

    /// The slot that its credentials come from, if they do.
    pub(crate) fn slot(&self) -> Option<&Arc<Slot>> {
        self.credentials()?.slot()
    }

    /// Whether the source of its credentials has given nothing that is valid.
    pub(crate) fn lacks_credentials(&self) -> bool {
        self.credentials().is_some_and(Credentials::are_missing)
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

    /// How it is asked whether it serves, if it is.
    pub(crate) fn check(&self) -> Option<&Check> {
        match &self.transport {
            Transport::Http(http) => http.check.as_ref(),
            Transport::Mock(_) => None,
        }
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
        (state, slots): (&dyn State, &Slots),
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
        let accepted = HeaderValue::from_static("application/json, text/event-stream");
        headers.entry(names::ACCEPT).or_insert(accepted);
        headers.insert(names::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(names::USER_AGENT, HeaderValue::from_static(concat!("tollway/", env!("CARGO_PKG_VERSION"))));
        let credentials = match &spec.auth {
            Some(auth) => Credentials::given(&spec.name, auth, slots, state)?,
            None => Credentials::compile(&spec.name, (&spec.auth_header, &spec.auth_prefix), spec.api_keys, state)?,
        };
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
        let check = spec.health_check.map(|check| Check::compile(&check, &base)).transpose()?;
        Ok(Self { paths: Paths::compile(base, &spec.paths)?, origin, headers, credentials, check })
    }
}

fn adapter(spec: AdapterSpec) -> Hook {
    let AdapterSpec { id, call, is_async, timeout_ms } = spec;
    Hook { id, call, is_async, timeout: Duration::from_millis(timeout_ms), on_failure: OnFailure::Closed }
}
