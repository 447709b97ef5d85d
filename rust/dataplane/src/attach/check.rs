//! What a request holds against the limits of its route.

use std::str;

use tollway_protocol::attachment::{Attachment, Held, NotBase64, bytes, head, kind, length, visit};

use crate::accept::Call;
use crate::error::{Error, Kind};
use crate::snapshot::spec::Urls;

use super::Attachments;

/// What is to be fetched.
pub(super) struct Found {
    /// Its place in the caller's body.
    pub(super) at: String,
    pub(super) url: String,
    pub(super) declared: Option<String>,
}

/// What `call` holds at URLs that are to be fetched.
///
/// # Errors
/// `InvalidRequest`, `RequestTooLarge`, for the first that is outside the limits.
pub(super) fn check(call: &Call, limits: &Attachments) -> Result<Vec<Found>, Error> {
    let (mut found, mut count, mut fault) = (Vec::new(), 0, None);
    visit(call.dialect(), &mut super::parsed(call)?, &mut |one| {
        count += 1;
        if fault.is_none() {
            match one_of(&one, count, limits) {
                Ok(true) => found.push(Found {
                    at: one.at.to_owned(),
                    url: if let Held::Url(url) = one.held { url.to_owned() } else { String::new() },
                    declared: one.declared.map(|declared| declared.into_owned()),
                }),
                Ok(false) => {}
                Err(error) => fault = Some(error),
            }
        }
        None
    });
    fault.map_or(Ok(found), Err)
}

/// Whether `one`, the `count`th, is to be fetched.
fn one_of(one: &Attachment<'_>, count: usize, limits: &Attachments) -> Result<bool, Error> {
    let sought = Sought { at: one.at, declared: one.declared.as_deref(), limits };
    if count > limits.max_count {
        return Err(sought.refused(format!("The route takes at most {} attachments.", limits.max_count)));
    }
    match one.held {
        Held::Base64(text) => sought.base64(text).map(|()| false),
        Held::Text(text) => {
            sought.size(text.len())?;
            sought.listed(&kind::normal(one.declared.as_deref().unwrap_or("text/plain"))).map(|()| false)
        }
        Held::Quoted => Err(sought.refused("A data: URL must be in base64 (`data:TYPE;base64,…`).".to_owned())),
        Held::Url(_) => match limits.urls {
            Urls::Pass => sought.declared_alone(),
            Urls::Refuse => Err(sought.refused("The route takes no URLs: send the data itself, in base64.".to_owned())),
            Urls::Fetch => Ok(true),
        },
        Held::Kept => sought.declared_alone(),
    }
}

/// What is checked, and against what.
pub(super) struct Sought<'s> {
    pub(super) at: &'s str,
    pub(super) declared: Option<&'s str>,
    pub(super) limits: &'s Attachments,
}

impl Sought<'_> {
    fn base64(&self, text: &str) -> Result<(), Error> {
        self.size(length(text))?;
        let is_text = self.declared.is_some_and(|declared| kind::normal(declared).starts_with("text/"));
        let held = if is_text { bytes(text) } else { head(text) };
        let held = held.map_err(|NotBase64| self.refused("This is not base64 (RFC 4648).".to_owned()))?;
        self.kind(&held)
    }

    /// What is not here is judged by what is said of it.
    fn declared_alone(&self) -> Result<bool, Error> {
        self.declared.map_or(Ok(()), |declared| self.listed(&kind::normal(declared))).map(|()| false)
    }

    fn size(&self, bytes: usize) -> Result<(), Error> {
        let most = self.limits.max_bytes;
        if bytes <= most {
            return Ok(());
        }
        let message = format!("This is {bytes} bytes; the route takes attachments of at most {most} bytes.");
        Err(Error::new(Kind::RequestTooLarge, message).at(self.at))
    }

    /// What `bytes` say they are, against what is declared and what the route takes.
    fn kind(&self, bytes: &[u8]) -> Result<(), Error> {
        let real = kind::of_bytes(bytes);
        let declared = self.declared.map(kind::normal);
        if let Some(declared) = &declared
            && (!kind::agrees(declared, real) || (declared.starts_with("text/") && str::from_utf8(bytes).is_err()))
        {
            let real = real.unwrap_or("something else");
            return Err(self.refused(format!("This is said to be {declared:?}, and is {real}.")));
        }
        match declared.as_deref().or(real) {
            Some(kind) => self.listed(kind)?,
            None if self.limits.types.is_empty() => {}
            None => return Err(self.refused("What this is cannot be told: say its media type.".to_owned())),
        }
        Ok(())
    }

    /// The type of what was fetched, which its bytes alone tell.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub(super) fn kind_of(&self, bytes: &[u8]) -> Result<&'static str, Error> {
        let unknown = "What is at this URL is no picture, recording, film or file that is known.";
        let real = kind::of_bytes(bytes).ok_or_else(|| self.refused(unknown.to_owned()))?;
        self.kind(bytes).map(|()| real)
    }

    fn listed(&self, kind: &str) -> Result<(), Error> {
        let types = &self.limits.types;
        if types.is_empty() || types.iter().any(|pattern| kind::takes(pattern, kind)) {
            return Ok(());
        }
        Err(self.refused(format!("The route takes no {kind:?}, but {}.", types.join(", "))))
    }

    fn refused(&self, message: String) -> Error {
        Error::new(Kind::InvalidRequest, message).at(self.at)
    }
}
