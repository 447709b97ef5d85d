//! An origin: one place that connections go to, and how they are made.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::accept::tls::roots;
use crate::snapshot::spec::Http2;

/// The longest answer to CONNECT that a proxy may give, in bytes.
const MAX_PROXY_HEAD: usize = 8 * 1024;
/// How long one address is tried alone before the next is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// What tells one origin from another: where any of it changes, its connections are not taken over.
#[derive(PartialEq)]
pub(crate) struct Settings {
    pub(crate) base: Uri,
    pub(crate) ca: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) http2: Http2,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_connections: usize,
    /// After this long a connection takes no new request, so that a change in DNS is followed.
    pub(crate) max_connection_age: Duration,
    /// How long the addresses of a name are used. getaddrinfo does not tell a record's own time to live.
    pub(crate) dns_ttl: Duration,
}

/// Where connections go, and how.
pub(crate) struct Origin {
    /// Its own for the life of the process: the name of its pool in each worker.
    pub(crate) id: u64,
    pub(crate) settings: Settings,
    host: String,
    port: u16,
    proxy: Option<(String, u16)>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection before HTTP is spoken on it.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Whether both ends agreed on HTTP/2.
    pub(crate) fn chose_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

/// The system's trusted roots, read once: the files are many, and reading them takes tens of milliseconds.
static SYSTEM_ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(store)
});

impl Origin {
    /// # Errors
    /// Where the host, the proxy or the CA cannot be used.
    pub(crate) fn compile(settings: Settings) -> Result<Self, String> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let secure = match settings.base.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("its base_url needs http:// or https://".to_owned()),
        };
        let host = settings.base.host().ok_or("its base_url names no host")?;
        // RFC 3986 §3.2.2: an IPv6 address stands in brackets in a URL, and without them everywhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = settings.base.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tls =
            if secure { Some((connector(settings.ca.as_deref(), settings.http2)?, server_name(&host)?)) } else { None };
        let proxy = settings.proxy.as_deref().map(proxy_address).transpose()?;
        Ok(Self { id: IDS.fetch_add(1, Ordering::Relaxed), settings, host, port, proxy, tls })
    }

    /// Whether requests name the whole URI: plain HTTP through a proxy.
    pub(crate) fn absolute_form(&self) -> bool {
        self.proxy.is_some() && self.tls.is_none()
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// What failed, in words that may be shown to a caller.
    pub(crate) async fn connect(&self, resolver: &super::resolve::Resolver) -> Result<Wire, String> {
        let (host, port) = self.proxy.as_ref().map_or((&*self.host, self.port), |(host, port)| (host, *port));
        let addresses = resolver.resolve(host, port, self.settings.dns_ttl).await?;
        let mut stream = first_to_answer(addresses).await?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let Some((connector, name)) = &self.tls else { return Ok(Wire::Plain(stream)) };
        if self.proxy.is_some() {
            tunnel(&mut stream, &self.host, self.port).await?;
        }
        let stream = connector.connect(name.clone(), stream).await.map_err(|error| format!("TLS: {error}"))?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

/// What speaks TLS to who shows a certificate under `ca` (PEM), or under the system's roots.
///
/// # Errors
/// Where `ca` holds no certificate.
pub(crate) fn connector(ca: Option<&str>, http2: Http2) -> Result<TlsConnector, String> {
    let trusted = match ca {
        Some(pem) => Arc::new(roots(pem).map_err(|error| format!("its ca {error}"))?),
        None => Arc::clone(&SYSTEM_ROOTS),
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    config.alpn_protocols = match http2 {
        Http2::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Http2::Prior => vec![b"h2".to_vec()],
        Http2::Off => vec![b"http/1.1".to_vec()],
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name that a certificate of `host` must have.
///
/// # Errors
/// Where `host` is neither a name nor an address.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host:?} is not a host's name"))
}

fn proxy_address(url: &str) -> Result<(String, u16), String> {
    let uri: Uri = url.parse().map_err(|_| "its proxy is not a URL".to_owned())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(host)) => Ok((host.to_owned(), uri.port_u16().unwrap_or(80))),
        _ => Err("its proxy must be http://HOST:PORT".to_owned()),
    }
}

/// Tries the addresses in order, each with a head start over the next (RFC 8305).
///
/// # Errors
/// What the last of them said.
pub(crate) async fn first_to_answer(addresses: Vec<SocketAddr>) -> Result<TcpStream, String> {
    let mut waiting = addresses.into_iter();
    let mut trying = JoinSet::new();
    let mut last = "no address".to_owned();
    loop {
        if let Some(address) = waiting.next() {
            trying.spawn(TcpStream::connect(address));
        } else if trying.is_empty() {
            return Err(last);
        }
        let alone = async {
            if waiting.len() == 0 {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ATTEMPT_DELAY).await;
        };
        tokio::select! {
            Some(tried) = trying.join_next() => match tried {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error.to_string(),
                Err(error) => last = error.to_string(),
            },
            () = alone => {}
        }
    }
}

/// Asks a proxy for a tunnel (RFC 9110 §9.3.6).
async fn tunnel(stream: &mut TcpStream, host: &str, port: u16) -> Result<(), String> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| format!("proxy: {error}"))?;
    let mut head = Vec::with_capacity(256);
    // Byte by byte: what follows the head already belongs to the tunnel. Once a connection, so it may be slow.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_PROXY_HEAD {
            return Err("proxy: its answer to CONNECT is too long".to_owned());
        }
        head.push(stream.read_u8().await.map_err(|error| format!("proxy: {error}"))?);
    }
    match head.get(..12) {
        Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2', _, _]) => Ok(()),
        _ => Err(format!(
            "proxy: it refused the tunnel: {}",
            String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default())
        )),
    }
}
