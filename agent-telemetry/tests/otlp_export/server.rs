//! A server that takes OTLP, as small as one can be, and answers what a test wants.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// After inflating.
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn traces(&self) -> ExportTraceServiceRequest {
        assert_eq!(self.path, "/v1/traces");
        ExportTraceServiceRequest::decode(&*self.body).unwrap()
    }

    pub(crate) fn metrics(&self) -> ExportMetricsServiceRequest {
        assert_eq!(self.path, "/v1/metrics");
        ExportMetricsServiceRequest::decode(&*self.body).unwrap()
    }

    pub(crate) fn logs(&self) -> ExportLogsServiceRequest {
        assert_eq!(self.path, "/v1/logs");
        ExportLogsServiceRequest::decode(&*self.body).unwrap()
    }
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection ends without one.
    HangUp,
    /// None, until the other side hangs up.
    Silence,
}

impl Answer {
    pub(crate) fn of(status: u16) -> Self {
        Self::Status(status, Vec::new(), Vec::new())
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    got: Receiver<Got>,
}

impl Server {
    /// Answers these in turn, and 200 afterwards.
    pub(crate) fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    pub(crate) fn on(listener: TcpListener, answers: impl IntoIterator<Item = Answer>) -> Self {
        let (sender, got) = channel();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let theirs = Arc::clone(&answers);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, sender) = (Arc::clone(&theirs), sender.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &answers, &sender));
            }
        });
        Self {
            address,
            answers,
            got,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// The next request.
    pub(crate) fn next(&self) -> Got {
        self.got.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    /// All that came by now.
    pub(crate) fn all(&self) -> Vec<Got> {
        self.got.try_iter().collect()
    }
}

/// Until the other side hangs up.
fn serve(stream: TcpStream, answers: &Mutex<VecDeque<Answer>>, sender: &Sender<Got>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(got) = read(&mut reader) {
        // Told before the answer, so that a sink that has its answer finds it here.
        let _ = sender.send(got);
        let answer = answers.lock().unwrap().pop_front();
        let (status, headers, body) = match answer.unwrap_or(Answer::of(200)) {
            Answer::Status(status, headers, body) => (status, headers, body),
            Answer::HangUp => return,
            Answer::Silence => {
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
        };
        let mut text = format!(
            "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        text += "Content-Type: application/x-protobuf\r\n\r\n";
        if writer
            .write_all(&[text.as_bytes(), &body].concat())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1).unwrap().to_owned();
    assert!(line.starts_with("POST "), "{line}");
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let mut got = Got {
        path,
        headers,
        body: Vec::new(),
    };
    let length: usize = got.header("content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    got.body = match got.header("content-encoding") {
        Some("gzip") => {
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(&*body)
                .read_to_end(&mut inflated)
                .unwrap();
            inflated
        }
        None => body,
        Some(other) => panic!("{other}"),
    };
    Some(got)
}
