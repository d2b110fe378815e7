//! A sender that writes what it is told, byte for byte.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Far longer than anything here takes: a wait that ends by it is a failure.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the receiver said to go on before it answered.
    pub(crate) continued: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Peer(BufReader<TcpStream>);

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream.set_write_timeout(Some(WAIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// Writes, unless the receiver has ended the connection.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.get_mut().write_all(bytes).is_ok()
    }

    pub(crate) fn finish_writing(&mut self) {
        self.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer, to a request that is not `HEAD`.
    pub(crate) fn answer(&mut self) -> Answer {
        self.read_answer(true).unwrap()
    }

    pub(crate) fn read_answer(&mut self, with_body: bool) -> io::Result<Answer> {
        let mut continued = false;
        loop {
            let first = self.line()?;
            let status = first.split(' ').nth(1).and_then(|it| it.parse().ok());
            let status: u16 = status.ok_or_else(|| io::Error::other(first))?;
            let mut headers = Vec::new();
            loop {
                let line = self.line()?;
                let Some((name, value)) = line.split_once(": ") else {
                    break;
                };
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            if status == 100 {
                continued = true;
                continue;
            }
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, value)| value.parse().unwrap());
            let mut body = vec![0; if with_body { length } else { 0 }];
            self.0.read_exact(&mut body)?;
            return Ok(Answer {
                status,
                headers,
                body,
                continued,
            });
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Waits until the receiver ends the connection; what it still said.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        rest
    }

    /// Whether the receiver has ended the connection, or does so within `timeout`.
    pub(crate) fn ends_within(&mut self, timeout: Duration) -> bool {
        self.stream().set_read_timeout(Some(timeout)).unwrap();
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

/// A request with a head of its own and a body of a known length.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut all = headers.to_vec();
    all.push(("content-length", &length));
    [head(line, &all).as_slice(), body].concat()
}

/// A head with a `Host`, unless it brings one.
pub(crate) fn head(line: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// One request that is taken.
pub(crate) fn fine(body: &[u8]) -> Vec<u8> {
    request(
        "POST /v1/metrics",
        &[("content-type", "application/x-protobuf")],
        body,
    )
}

/// The head of [`fine`] for a body of this length, which does not follow.
pub(crate) fn fine_head(length: usize) -> Vec<u8> {
    let length = length.to_string();
    head(
        "POST /v1/metrics",
        &[
            ("content-type", "application/x-protobuf"),
            ("content-length", &length),
        ],
    )
}
