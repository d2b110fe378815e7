//! A real Prometheus that reads the page, asked for what it read.

#![allow(clippy::print_stdout, reason = "what is skipped is told")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use agent_telemetry::prometheus::{Exporter, Format};
use http::Request;
use serde_json::Value;

use crate::full::{self, WAIT};
use crate::parser::{Labels, parse};
use crate::shipped;

/// Ended however the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers requests with the exporter, as any server of a host does; says what each reader accepts.
fn serve(exporter: Exporter) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (said, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            let mut words = first.split(' ');
            let mut request = Request::builder()
                .method(words.next().unwrap())
                .uri(words.next().unwrap());
            let mut accept = String::new();
            for line in lines.take_while(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ").unwrap();
                if name.eq_ignore_ascii_case("accept") {
                    value.clone_into(&mut accept);
                }
                request = request.header(name, value);
            }
            let answer = exporter.handle(&request.body(()).unwrap());
            let kind = answer.headers()["content-type"].to_str().unwrap();
            let (status, body) = (answer.status(), answer.body());
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let _ = said.send(accept);
        }
    });
    (port, heard)
}

/// What the API of a Prometheus answers.
fn ask(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(WAIT)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    (answer["status"] == "success").then(|| answer["data"].clone())
}

/// A Prometheus that reads from this port, with the rules of the crate.
struct Prometheus {
    server: Server,
    port: u16,
    folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(target: u16) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let rules = shipped::folder("prometheus/agents.rules.yml");
        let rules = rules.display();
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}\n\
             rule_files: ['{rules}']\n\
             scrape_configs:\n\
             - job_name: agents\n  static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let started = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn();
        match started {
            Ok(child) => Some(Self {
                server: Server(child),
                port,
                folder,
            }),
            Err(error) => {
                println!(
                    "SKIPPED prometheus: it cannot be run ({error}); install the package `prometheus`"
                );
                None
            }
        }
    }

    fn ask(&self, path: &str) -> Option<Value> {
        ask(self.port, path)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// What the page says, by name and labels.
fn told(exporter: &Exporter) -> BTreeMap<(String, Labels), u64> {
    let page = parse(&exporter.render(Format::OpenMetrics), Format::OpenMetrics).unwrap();
    let mut told = BTreeMap::new();
    for (name, family) in page {
        for (suffix, labels, value) in family.samples {
            told.insert((format!("{name}{suffix}"), labels), value.to_bits());
        }
    }
    told
}

#[test]
fn prometheus_reads_the_same_values_and_understands_queries_and_rules() {
    let exporter = full::exporter();
    let (port, scraped) = serve(exporter.clone());
    let Some(prometheus) = Prometheus::start(port) else {
        return;
    };
    let mut read = BTreeMap::new();
    // Each scrape is a chance that what was scraped before it is there.
    while read.is_empty() {
        let accept = scraped.recv_timeout(Duration::from_secs(60));
        let accept = accept.map_err(|_| prometheus.log()).unwrap();
        assert_eq!(Format::negotiate(&accept), Format::OpenMetrics, "{accept}");
        let answer = prometheus.ask("/api/v1/query?query=%7Bjob%3D%22agents%22%7D");
        read = answer.map(|all| series(&all)).unwrap_or_default();
    }
    let up = ("up".to_owned(), Labels::new());
    assert_eq!(
        read.get(&up),
        Some(&1.0_f64.to_bits()),
        "{}",
        prometheus.log()
    );
    // What Prometheus says of the scrape, and of alerts.
    let of_prometheus = ["up", "scrape_", "ALERTS"];
    read.retain(|(name, _), _| !of_prometheus.iter().any(|it| name.starts_with(it)));
    let told = told(&exporter);
    for (series, value) in &told {
        assert_eq!(read.get(series), Some(value), "{series:?}");
    }
    assert_eq!(read.len(), told.len());
    println!(
        "prometheus: {} series read, all values the same",
        read.len()
    );

    let mut asked = 0;
    for (name, dashboard) in shipped::dashboards() {
        for query in shipped::queries(&dashboard) {
            let plain = query
                .replace("$__rate_interval", "5m")
                .replace("$__range", "1h");
            let plain: Vec<u8> = plain.replace("$agent", ".*").into_bytes();
            let mut path = "/api/v1/query?query=".to_owned();
            for byte in plain {
                write!(path, "%{byte:02X}").unwrap();
            }
            assert!(prometheus.ask(&path).is_some(), "{name}: {query}");
            asked += 1;
        }
    }
    println!("prometheus: {asked} queries of the dashboards understood");
    let rules = prometheus.ask("/api/v1/rules").unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let rules: Vec<&Value> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    assert!(
        rules.len() > 30 && rules.iter().all(|rule| rule["health"] != "err"),
        "{rules:?}"
    );
    drop(prometheus.server);
}

/// The series of an answer, without the labels that Prometheus itself adds.
fn series(all: &Value) -> BTreeMap<(String, Labels), u64> {
    let all = all["result"].as_array().into_iter().flatten();
    all.map(|one| {
        let mut labels: Labels = serde_json::from_value(one["metric"].clone()).unwrap();
        for own in ["job", "instance"] {
            labels.remove(own);
        }
        let name = labels.remove("__name__").unwrap_or_default();
        let value: f64 = one["value"][1].as_str().unwrap().parse().unwrap();
        ((name, labels), value.to_bits())
    })
    .collect()
}
