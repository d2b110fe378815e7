//! The page in a server, and a reader of it.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use agent_telemetry::prometheus::Exporter;
use http::Request;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// Answers until the program ends.
pub(crate) async fn serve(listener: TcpListener, exporter: Exporter) {
    while let Ok((socket, _)) = listener.accept().await {
        let exporter = exporter.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                // This line is all that the page takes of a server.
                let answer = exporter
                    .handle(&request)
                    .map(|page| Full::new(Bytes::from(page)));
                async move { Ok::<_, Infallible>(answer) }
            });
            // A reader that goes away is none of our business.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

/// Reads the page as a Prometheus does that accepts this type.
pub(crate) async fn fetch(address: SocketAddr, accept: &str) -> Result<String, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(format!("http://{address}/metrics")).header("accept", accept);
    let answer = client.request(request.body(Empty::new())?).await?;
    let sent = answer.headers().get("content-type").map(|it| it.to_str());
    if sent.transpose()? != Some(accept) {
        return Err(format!("asked for {accept}, got {:?}", answer.headers()).into());
    }
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}
