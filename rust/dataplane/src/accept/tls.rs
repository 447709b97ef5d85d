//! TLS for callers: rustls, HTTP/2 by ALPN, and client certificates where a CA for them is given.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::snapshot::spec::TlsSpec;

/// The listener's TLS configuration.
///
/// # Errors
/// What is wrong with a certificate or key, without its text.
pub(crate) fn server_config(spec: &TlsSpec) -> Result<Arc<ServerConfig>, String> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("server.tls: {error}"))?;
    let builder = match &spec.client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots(pem).map_err(|error| format!("server.tls.client_ca: {error}"))?),
                Arc::new(ring::default_provider()),
            )
            .build()
            .map_err(|error| format!("server.tls.client_ca: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = certificates(&spec.cert).map_err(|error| format!("server.tls.cert: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(spec.key.as_bytes())
        .map_err(|_| "server.tls.key: holds no private key in PEM".to_owned())?;
    let mut config = builder.with_single_cert(chain, key).map_err(|error| format!("server.tls: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificates in `pem` as trusted roots.
///
/// # Errors
/// Where there is none, or one cannot be used.
pub(crate) fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(store)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "is not valid PEM".to_owned())?;
    if found.is_empty() { Err("holds no certificate in PEM".to_owned()) } else { Ok(found) }
}
