//! Where at a provider each thing that is asked goes: path templates, compiled once.
//!
//! A template stands after the provider's `base_url` and may have a query. `{model}` in it is the model's name;
//! `{FOLDER/model}` is the same with a folder before it, unless the name has one of its own, as `tunedModels/NAME`. In
//! `{model:segment}` it is one segment of the path, its slashes and colons encoded. An empty template is no place: what is asked
//! there cannot be.

use std::collections::BTreeMap;

use http::Uri;
use tollway_protocol::dialect::Dialect;
use tollway_protocol::dialect::gemini::predict;

use crate::accept::endpoint::Operation;
use crate::accept::media::Media;

/// What is asked: the dialect that is spoken, of what kind the request is, and whether it asks for a stream.
type Asked = (Dialect, Operation, bool);

const EMBED: Operation = Operation::Embed { batch: false };
const EMBED_MANY: Operation = Operation::Embed { batch: true };

/// All that can be asked: its name in `paths`, and where it goes unless they say otherwise.
const KNOWN: &[(Asked, &str, &str)] = &[
    ((Dialect::Chat, Operation::Generate, false), "openai", "/chat/completions"),
    ((Dialect::Chat, Operation::Generate, true), "openai:stream", "/chat/completions"),
    ((Dialect::Responses, Operation::Generate, false), "openai-responses", "/responses"),
    ((Dialect::Responses, Operation::Generate, true), "openai-responses:stream", "/responses"),
    ((Dialect::Anthropic, Operation::Generate, false), "anthropic", "/messages"),
    ((Dialect::Anthropic, Operation::Generate, true), "anthropic:stream", "/messages"),
    ((Dialect::Completions, Operation::Generate, false), "openai-completions", "/completions"),
    ((Dialect::Completions, Operation::Generate, true), "openai-completions:stream", "/completions"),
    ((Dialect::Gemini, Operation::Generate, false), "gemini", "/{models/model}:generateContent"),
    ((Dialect::Gemini, Operation::Generate, true), "gemini:stream", "/{models/model}:streamGenerateContent?alt=sse"),
    ((Dialect::Bedrock, Operation::Generate, false), "bedrock", "/model/{model:segment}/converse"),
    ((Dialect::Bedrock, Operation::Generate, true), "bedrock:stream", "/model/{model:segment}/converse-stream"),
    ((Dialect::Bedrock, EMBED, false), "embeddings", "/model/{model:segment}/invoke"),
    ((Dialect::Bedrock, EMBED_MANY, false), "embeddings:batch", "/model/{model:segment}/invoke"),
    ((Dialect::Cohere, Operation::Generate, false), "cohere", "/chat"),
    ((Dialect::Cohere, Operation::Generate, true), "cohere:stream", "/chat"),
    ((Dialect::Chat, EMBED, false), "embeddings", "/embeddings"),
    ((Dialect::Chat, EMBED_MANY, false), "embeddings:batch", "/embeddings"),
    ((Dialect::Cohere, EMBED, false), "embeddings", "/embed"),
    ((Dialect::Cohere, EMBED_MANY, false), "embeddings:batch", "/embed"),
    ((Dialect::Chat, Operation::Rerank, false), "rerank", "/rerank"),
    ((Dialect::Chat, Operation::Moderate, false), "moderations", "/moderations"),
    ((Dialect::Gemini, EMBED, false), "embeddings", "/{models/model}:embedContent"),
    ((Dialect::Gemini, EMBED_MANY, false), "embeddings:batch", "/{models/model}:batchEmbedContents"),
    ((Dialect::Anthropic, Operation::Count, false), "count", "/messages/count_tokens"),
    ((Dialect::Gemini, Operation::Count, false), "count", "/{models/model}:countTokens"),
    ((Dialect::Chat, Operation::Media(Media::Images), false), "images/generations", "/images/generations"),
    ((Dialect::Chat, Operation::Media(Media::ImageEdits), false), "images/edits", "/images/edits"),
    ((Dialect::Chat, Operation::Media(Media::ImageVariations), false), "images/variations", "/images/variations"),
    ((Dialect::Chat, Operation::Media(Media::Speech), false), "audio/speech", "/audio/speech"),
    ((Dialect::Chat, Operation::Media(Media::Transcriptions), false), "audio/transcriptions", "/audio/transcriptions"),
    ((Dialect::Chat, Operation::Media(Media::Translations), false), "audio/translations", "/audio/translations"),
];

/// The addresses of a provider.
pub(crate) struct Paths {
    base: Uri,
    places: Vec<(Asked, Place)>,
    /// Where Vertex AI has the embeddings of its older models.
    predict: Option<Place>,
}

enum Place {
    /// The same for every model.
    Fixed(Address),
    /// The model's name stands in it.
    Templated(Vec<Piece>),
}

enum Piece {
    Text(String),
    /// The model's name, and the folder before it.
    Model {
        folder: String,
    },
    /// The model's name as one segment.
    Segment,
}

/// A URI in both of the forms that go on the wire (RFC 9112 §3.2).
#[derive(Clone)]
pub(crate) struct Address {
    /// Path alone, for a direct HTTP/1.1 connection.
    pub(crate) relative: Uri,
    /// Whole, for HTTP/2 and for HTTP proxies.
    pub(crate) absolute: Uri,
}

impl Paths {
    /// Compiles what `named` says of the paths under `base`. What has no path of its own as a
    /// stream or a batch goes where the same goes that is none.
    ///
    /// # Errors
    /// What is no path, in words for the operator.
    pub(crate) fn compile(base: Uri, named: &BTreeMap<String, String>) -> Result<Self, String> {
        let place = |&(asked, name, default): &(Asked, &str, &str)| {
            let whole = name.split_once(':').map_or(name, |(whole, _)| whole);
            let template = named.get(name).or_else(|| named.get(whole)).map_or(default, String::as_str);
            let place = (!template.is_empty()).then(|| Place::compile(&base, template)).transpose()?;
            Ok(place.map(|place| (asked, place)))
        };
        let places = KNOWN.iter().filter_map(|known| place(known).transpose()).collect::<Result<_, String>>()?;
        let predict = named.get("predict").map(|template| Place::compile(&base, template)).transpose()?;
        Ok(Self { base, places, predict })
    }

    /// Where `path`, which may have a query, is below the provider's base; `None` if it is no path.
    pub(crate) fn below(&self, path: &str) -> Option<Address> {
        Address::of(&self.base, path).ok()
    }

    /// Whether there is a place for what is asked.
    pub(crate) fn has(&self, asked: Asked) -> bool {
        self.places.iter().any(|(known, _)| *known == asked)
    }

    /// Where a request in `dialect` for `model` goes, which asks for a stream or not; `None` if the provider has no place
    /// for it, or the model's name can be no part of a path.
    pub(crate) fn address(&self, asked: Asked, model: &str) -> Option<Address> {
        let (dialect, operation, stream) = asked;
        let asked = (dialect, operation, stream && operation == Operation::Generate);
        self.filled(&self.places.iter().find(|(known, _)| *known == asked)?.1, model)
    }

    /// Where `model` embeds by `predict`, if it does.
    pub(crate) fn predict(&self, model: &str) -> Option<Address> {
        self.filled(self.predict.as_ref().filter(|_| predict::is_for(model))?, model)
    }

    fn filled(&self, place: &Place, model: &str) -> Option<Address> {
        match place {
            Place::Fixed(address) => Some(address.clone()),
            Place::Templated(pieces) => Address::of(&self.base, &filled(pieces, model)).ok(),
        }
    }
}

impl Place {
    fn compile(base: &Uri, template: &str) -> Result<Self, String> {
        let invalid = || format!("{template:?} is not a template of a path");
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(invalid)?;
            let folder = name.strip_suffix("model").filter(|folder| folder.is_empty() || folder.ends_with('/'));
            pieces.push(Piece::Text(text.to_owned()));
            rest = after;
            if name == "model:segment" {
                pieces.push(Piece::Segment);
                continue;
            }
            pieces.push(Piece::Model { folder: folder.ok_or_else(invalid)?.to_owned() });
        }
        pieces.push(Piece::Text(rest.to_owned()));
        // Any name shows whether the rest of it can stand in a URI.
        let example = Address::of(base, &filled(&pieces, "m")).ok().filter(|_| template.starts_with('/'));
        let example = example.ok_or_else(invalid)?;
        Ok(if pieces.len() == 1 { Self::Fixed(example) } else { Self::Templated(pieces) })
    }
}

fn filled(pieces: &[Piece], model: &str) -> String {
    let mut path = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => path.push_str(text),
            Piece::Model { folder } => {
                if !model.contains('/') {
                    path.push_str(folder);
                }
                path.push_str(&in_path(model, b"/@:"));
            }
            Piece::Segment => path.push_str(&in_path(model, b"")),
        }
    }
    path
}

/// `name` as it can stand in a path (RFC 3986 §3.3), where what is not unreserved is encoded but for `kept`.
fn in_path(name: &str, kept: &[u8]) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

impl Address {
    pub(super) fn of(base: &Uri, path: &str) -> Result<Self, String> {
        let path = format!("{}{path}", base.path().trim_end_matches('/'));
        let relative: Uri = path.parse().map_err(|_| format!("{path:?} is not a path"))?;
        let mut parts = base.clone().into_parts();
        parts.path_and_query = relative.path_and_query().cloned();
        let absolute = Uri::from_parts(parts).map_err(|error| error.to_string())?;
        Ok(Self { relative, absolute })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const WHOLE: Asked = (Dialect::Chat, Operation::Generate, false);
    const STREAM: Asked = (Dialect::Chat, Operation::Generate, true);

    fn paths(named: &[(&str, &str)]) -> Result<Paths, String> {
        let named = named.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        Paths::compile("https://host/v1/".parse().unwrap(), &named)
    }

    fn goes(paths: &Paths, asked: Asked, model: &str) -> String {
        let address = paths.address(asked, model).unwrap();
        assert_eq!(address.absolute.to_string(), format!("https://host{}", address.relative));
        address.relative.to_string()
    }

    #[test]
    fn what_is_not_named_goes_where_the_dialect_says() {
        let paths = paths(&[]).unwrap();
        let of_gemini = |operation, stream| (Dialect::Gemini, operation, stream);
        for (asked, path) in [
            (WHOLE, "/v1/chat/completions"),
            (STREAM, "/v1/chat/completions"),
            ((Dialect::Anthropic, Operation::Count, false), "/v1/messages/count_tokens"),
            ((Dialect::Chat, EMBED_MANY, true), "/v1/embeddings"),
            (of_gemini(Operation::Generate, false), "/v1/models/m%20m:generateContent"),
            (of_gemini(Operation::Generate, true), "/v1/models/m%20m:streamGenerateContent?alt=sse"),
            (of_gemini(EMBED_MANY, false), "/v1/models/m%20m:batchEmbedContents"),
        ] {
            assert_eq!(goes(&paths, asked, "m m"), path);
        }
        let tuned = goes(&paths, of_gemini(Operation::Generate, false), "tunedModels/x");
        assert_eq!(tuned, "/v1/tunedModels/x:generateContent");
        assert!(paths.address((Dialect::Chat, Operation::Count, false), "m").is_none());
    }

    #[test]
    fn a_stream_goes_where_the_whole_does_unless_it_has_a_name_of_its_own() {
        let named = [("openai", "/d/{model}/chat?v=1"), ("embeddings", "/e")];
        let one = paths(&named).unwrap();
        assert_eq!(
            [goes(&one, WHOLE, "a/b"), goes(&one, STREAM, "é")],
            ["/v1/d/a/b/chat?v=1", "/v1/d/%C3%A9/chat?v=1"]
        );
        assert_eq!(goes(&one, (Dialect::Gemini, EMBED, false), "m"), "/v1/e");
        let both = paths(&[named[0], ("openai:stream", "/s")]).unwrap();
        assert_eq!([goes(&both, WHOLE, "m"), goes(&both, STREAM, "m")], ["/v1/d/m/chat?v=1", "/v1/s"]);
    }

    #[test]
    fn what_has_no_place_cannot_be_asked() {
        let count = (Dialect::Anthropic, Operation::Count, false);
        assert!(paths(&[]).unwrap().has(count) && !paths(&[("count", "")]).unwrap().has(count));
    }

    #[test]
    fn a_name_can_be_one_segment() {
        let paths = paths(&[("openai", "/model/{model:segment}/invoke")]).unwrap();
        assert_eq!(goes(&paths, WHOLE, "arn:a:b/c@d"), "/v1/model/arn%3Aa%3Ab%2Fc%40d/invoke");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for path in ["chat", "/{model", "/{mode}", "/{xmodel}", "/a b"] {
            assert!(paths(&[("openai", path)]).is_err(), "{path}");
        }
    }
}
