//! HTTP/2 with prior knowledge, by hyper: several requests at a time on each connection. It costs the generator several
//! times what HTTP/1.1 does, so its figures tell about the gateway only where the gateway is the slower of the two.

use std::future::Future;

use http::{Method, Request, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, body::Incoming, client::conn::http2, rt::Executor};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::spawn_local};

use crate::{
    clock::now,
    load::{Failure, check::Check, link::Outcome, plan::Plan, request::Request as Prepared},
};

#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, work: F) {
        spawn_local(work);
    }
}

/// A share of an HTTP/2 connection, for one request at a time.
#[derive(Clone)]
pub(crate) struct Share(http2::SendRequest<Full<Bytes>>);

impl Share {
    pub(crate) async fn open(plan: &Plan) -> Result<Self, Failure> {
        let stream = TcpStream::connect(plan.address).await.map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        let (sender, connection) = http2::handshake(Local, TokioIo::new(stream)).await.map_err(|_| Failure::Connect)?;
        spawn_local(async move {
            // What breaks a connection is told to each of its requests.
            let _ = connection.await;
        });
        Ok(Self(sender))
    }

    pub(crate) async fn exchange(&mut self, plan: &Plan, request: &Prepared) -> Result<Outcome, Failure> {
        let mut body = self.ask(plan, request).await?;
        let mut check = Check::new(plan);
        let mut first = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::Cut)?;
            if let Some(data) = frame.data_ref() {
                check.push(data);
                if check.begun() && first.is_none() {
                    first = Some(now());
                }
            }
        }
        let done = now();
        check.finish()?;
        Ok(Outcome { first: first.unwrap_or(done), done, reusable: true })
    }

    pub(crate) async fn ask(&mut self, plan: &Plan, request: &Prepared) -> Result<Incoming, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(plan.uri.clone())
            .version(Version::HTTP_2)
            .header(header::AUTHORIZATION, request.authorization())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "tollway-load")
            .body(Full::new(request.body()))
            .map_err(|_| Failure::Write)?;
        self.0.ready().await.map_err(|_| Failure::Write)?;
        let response = self.0.send_request(request).await.map_err(|_| Failure::Read)?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(Failure::Status(status.as_u16())),
        }
    }
}
