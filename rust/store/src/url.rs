//! Where the database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::{Config, Host, SslMode};

use crate::error::Error;

/// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. Printing it never shows the password.
#[derive(Clone)]
pub struct Url(pub(crate) Place);

/// What a URL names.
#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<Server>),
}

/// A PostgreSQL server, and how far its certificate is trusted.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
    /// A PEM file of certificates to trust instead of the system's.
    pub(crate) roots: Option<PathBuf>,
}

/// What is asked of the server's certificate, as libpq's `sslmode` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// `prefer`, `require`: encrypted, whoever it is.
    Anyone,
    /// `verify-ca`: signed by a trusted root.
    Signed,
    /// `verify-full`: and made out to this host.
    Named,
}

impl Url {
    /// # Errors
    /// [`Error::Invalid`], with the forms that are known. The text is not repeated, for a password may be in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains('\0') {
                return Err(Error::Invalid("a SQLite database is sqlite:PATH".to_owned()));
            }
            return Ok(Self(Place::Sqlite(PathBuf::from(path))));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self(Place::Postgres(Box::new(server(text)?))));
        }
        Err(Error::Invalid("the store's URL begins with sqlite: or postgres://".to_owned()))
    }

    /// The file of a SQLite database.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) => None,
        }
    }

    /// The same database, with a relative path taken from `folder`.
    #[must_use]
    pub fn beneath(self, folder: &Path) -> Self {
        match self.0 {
            Place::Sqlite(path) => Self(Place::Sqlite(folder.join(path))),
            server @ Place::Postgres(_) => Self(server),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(out, "sqlite:{}", path.display()),
            Place::Postgres(server) => {
                out.write_str("postgres://")?;
                for (index, host) in server.config.get_hosts().iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    match host {
                        Host::Tcp(name) => write!(out, "{comma}{name}")?,
                        Host::Unix(path) => write!(out, "{comma}{}", path.display())?,
                    }
                    // One port stands for all hosts.
                    let ports = server.config.get_ports();
                    if let Some(port) = ports.get(index).or(ports.first()) {
                        write!(out, ":{port}")?;
                    }
                }
                write!(out, "/{}", server.config.get_dbname().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Reads what tokio-postgres does not know (`sslrootcert`, `verify-ca`, `verify-full`) and leaves it the rest.
fn server(text: &str) -> Result<Server, Error> {
    let wrong = || {
        Error::Invalid(
            "the store's URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full \
             (with %-escapes for special characters in the password)"
                .to_owned(),
        )
    };
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut rest, mut trust, mut roots, mut mode) = (Vec::new(), Trust::Anyone, None, SslMode::Prefer);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').ok_or_else(wrong)? {
            ("sslmode", "disable") => mode = SslMode::Disable,
            ("sslmode", "prefer") => mode = SslMode::Prefer,
            ("sslmode", "require") => mode = SslMode::Require,
            ("sslmode", "verify-ca") => (mode, trust) = (SslMode::Require, Trust::Signed),
            ("sslmode", "verify-full") => (mode, trust) = (SslMode::Require, Trust::Named),
            ("sslmode", _) => {
                return Err(Error::Invalid("sslmode is disable, prefer, require, verify-ca or verify-full".to_owned()));
            }
            ("sslrootcert", path) => roots = Some(PathBuf::from(unescape(path).ok_or_else(wrong)?)),
            _ => rest.push(pair),
        }
    }
    if roots.is_some() && mode == SslMode::Require && trust == Trust::Anyone {
        // As libpq does: a root that was named is meant to be used.
        trust = Trust::Signed;
    }
    let mut config: Config = format!("{base}?{}", rest.join("&")).parse().map_err(|_| wrong())?;
    if config.get_hosts().is_empty() {
        return Err(wrong());
    }
    config.ssl_mode(mode);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(3));
    }
    if config.get_application_name().is_none() {
        config.application_name("tollway");
    }
    if !query.contains("keepalives") {
        // A server whose machine is gone is noticed after 25 seconds, not after two hours.
        config.keepalives_idle(Duration::from_secs(10)).keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(3);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(20));
    }
    Ok(Server { config, trust, roots })
}

/// Resolves `%XX`.
fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            out.push(digit(bytes.next()?)? << 4 | digit(bytes.next()?)?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(text: &str) -> Server {
        match Url::parse(text) {
            Ok(Url(Place::Postgres(server))) => *server,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_password_is_never_printed() {
        let url = "postgres://me:hunter2@db.example:5433/tollway?sslmode=verify-full&sslrootcert=%2Fetc%2Fa%20b.pem";
        let parsed = Url::parse(url).unwrap();
        assert_eq!(format!("{parsed} {parsed:?}").matches("postgres://db.example:5433/tollway").count(), 2);
        for wrong in
            ["postgres://me:hunter2@", "postgres://me:hunter2@h/db?hunter2", "postgres://u:hun?sslmode=ter2@h/d"]
        {
            let error = Url::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    #[test]
    fn sslmode_is_read_as_libpq_reads_it() {
        let cases = [
            ("", SslMode::Prefer, Trust::Anyone),
            ("sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("sslmode=require", SslMode::Require, Trust::Anyone),
            ("sslmode=require&sslrootcert=/a", SslMode::Require, Trust::Signed),
            ("sslmode=verify-ca", SslMode::Require, Trust::Signed),
            ("sslmode=verify-full", SslMode::Require, Trust::Named),
        ];
        for (query, mode, trust) in cases {
            let server = postgres(&format!("postgres://h/d?{query}"));
            assert_eq!((server.config.get_ssl_mode(), server.trust), (mode, trust), "{query}");
        }
        assert!(Url::parse("postgres://h/d?sslmode=verify").is_err());
        assert_eq!(postgres("postgres://h/d?sslrootcert=%2Fa%20b").roots, Some(PathBuf::from("/a b")));
    }

    #[test]
    fn a_file_may_be_named_from_a_folder() {
        let url = Url::parse("sqlite:data/t.db").unwrap().beneath(Path::new("/var"));
        assert_eq!(url.path(), Some(Path::new("/var/data/t.db")));
        assert_eq!(Url::parse("sqlite:///var/t.db").unwrap().path(), Some(Path::new("/var/t.db")));
        for wrong in ["sqlite:", "mysql://h/d", "", "tollway.db"] {
            assert!(matches!(Url::parse(wrong), Err(Error::Invalid(_))), "{wrong}");
        }
    }
}
