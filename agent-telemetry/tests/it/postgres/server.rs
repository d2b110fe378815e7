//! A server for tests, in a temporary folder, stopped at the end however the tests end.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use agent_telemetry::PostgresConfig;
use postgres::{Client, NoTls};
use tempfile::TempDir;

/// A connection string of a server that may be used, to be used instead of an own one.
const GIVEN: &str = "AGENT_TELEMETRY_POSTGRES";

/// Where to find and how to run the programs of the server.
#[derive(Debug, Clone)]
struct Programs {
    folder: PathBuf,
    /// The server refuses to be run by root.
    user: Option<&'static str>,
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

impl Programs {
    fn find() -> Result<Self, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let versions = std::fs::read_dir("/usr/lib/postgresql");
        let mut installed: Vec<PathBuf> = versions
            .into_iter()
            .flatten()
            .flatten()
            .map(|version| version.path().join("bin"))
            .collect();
        installed.sort();
        folders.extend(installed.into_iter().rev());
        folders.push("/usr/local/bin".into());
        let has_all = |folder: &PathBuf| {
            ["initdb", "postgres", "pg_ctl"]
                .iter()
                .all(|program| folder.join(program).is_file())
        };
        let folder = folders.into_iter().find(has_all);
        let folder = folder.ok_or("initdb, postgres and pg_ctl are not installed")?;
        let is_root = output(Command::new("id").arg("-u")).as_deref() == Some("0");
        let user = if is_root {
            let exists = |user: &&str| output(Command::new("id").args(["-u", user])).is_some();
            let user = ["postgres", "nobody"].into_iter().find(exists);
            Some(user.ok_or("no user but root may be found to run the server as")?)
        } else {
            None
        };
        let programs = Self { folder, user };
        output(programs.command("postgres").arg("--version")).ok_or("postgres does not run")?;
        Ok(programs)
    }

    fn command(&self, program: &str) -> Command {
        let program = self.folder.join(program);
        let Some(user) = self.user else {
            return Command::new(program);
        };
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", user, "--regid"])
            .arg(output(Command::new("id").args(["-g", user])).unwrap())
            .arg("--clear-groups")
            .arg(program)
            .current_dir("/");
        command
    }
}

/// A running server on a port of this machine.
pub(crate) struct Server {
    programs: Programs,
    folder: TempDir,
    port: u16,
    /// Stops the server and removes its folder when its standard input ends.
    watcher: Option<Child>,
}

impl Server {
    /// A new server, or why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = Programs::find()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        if let Some(user) = programs.user {
            let own = output(Command::new("chown").arg(user).arg(folder.path()));
            own.ok_or("the folder cannot be given to the user of the server")?;
        }
        let mut server = Self {
            programs,
            folder,
            port: 0,
            watcher: None,
        };
        server.watcher = Some(watch(&server)?);
        let mut make = server.programs.command("initdb");
        make.args([
            "--username=ada",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        make.args(["--no-sync", "-D"]).arg(server.data());
        output(&mut make).ok_or("initdb fails")?;
        // One user needs a password.
        let rules = server.data().join("pg_hba.conf");
        let others = std::fs::read_to_string(&rules).map_err(|error| error.to_string())?;
        let rules = std::fs::write(
            &rules,
            format!("host all eve 127.0.0.1/32 scram-sha-256\n{others}"),
        );
        rules.map_err(|error| error.to_string())?;
        // Between the choice of a port and its use, somebody else may take it.
        for _ in 0..5 {
            let free = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
            server.port = free.local_addr().map_err(|error| error.to_string())?.port();
            drop(free);
            if server.launch() {
                return Ok(server);
            }
        }
        let log = std::fs::read_to_string(server.log()).unwrap_or_default();
        Err(format!("pg_ctl start fails: {log}"))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the server and waits until it takes connections.
    pub(crate) fn launch(&self) -> bool {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -k {} -c fsync=off -c max_connections=60",
            self.port,
            self.folder.path().display(),
        );
        self.control(&["-w", "-t", "60", "-o", &options, "start"])
    }

    /// Stops the server at once; what was committed stays.
    pub(crate) fn stop(&self) {
        assert!(self.control(&["-w", "-m", "immediate", "stop"]));
    }

    fn control(&self, arguments: &[&str]) -> bool {
        let mut control = self.programs.command("pg_ctl");
        control.arg("-D").arg(self.data()).arg("-l").arg(self.log());
        // The server keeps the standard output of who starts it, so that nobody may wait for its end.
        control.args(arguments).stdin(Stdio::null());
        control.stdout(Stdio::null()).stderr(Stdio::null());
        control.status().is_ok_and(|status| status.success())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A connection string by way of the socket.
    pub(crate) fn address(&self) -> String {
        let folder = self.folder.path().display();
        format!("host={folder} port={} user=ada dbname=postgres", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            watcher.wait().ok();
        }
    }
}

/// The server that tests share: its address, and the server if it is ours. Nobody drops it, so it stops
/// with this process.
fn shared() -> &'static Result<(String, Option<Server>), String> {
    static SHARED: OnceLock<Result<(String, Option<Server>), String>> = OnceLock::new();
    SHARED.get_or_init(|| {
        if let Ok(given) = std::env::var(GIVEN) {
            return Ok((given, None));
        }
        let server = Server::start()?;
        Ok((server.address(), Some(server)))
    })
}

/// Starts a process that waits for the end of this one, which may be a sudden one, and tidies up.
fn watch(server: &Server) -> Result<Child, String> {
    let stop = server.programs.command("pg_ctl");
    let words: Vec<String> = std::iter::once(stop.get_program())
        .chain(stop.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let script = format!(
        "cat >/dev/null; cd /; {} -D '{}' -m immediate stop; rm -rf '{}'",
        words.join(" "),
        server.data().display(),
        server.folder.path().display(),
    );
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())
}

/// A schema that nobody else uses, on the shared server.
pub(crate) struct Place {
    pub(crate) config: PostgresConfig,
    /// Whether the schema is the test's, to be removed at its end.
    own: bool,
}

impl Place {
    /// `None`, with the reason printed, where there is no server.
    pub(crate) fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match shared() {
            Ok((address, _)) => {
                let mut config = PostgresConfig::new(address.as_str());
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                config.schema = format!("test_{}_{number}", std::process::id());
                Some(Self { config, own: true })
            }
            Err(reason) => {
                skip(reason);
                None
            }
        }
    }

    /// On a server of the test's own.
    pub(crate) fn on(server: &Server) -> Self {
        Self::at(PostgresConfig::new(server.address()))
    }

    pub(crate) const fn at(config: PostgresConfig) -> Self {
        Self { config, own: false }
    }

    /// The port of the server on this machine, where it has one for sure.
    pub(crate) fn port(&self) -> Option<u16> {
        if std::env::var_os(GIVEN).is_some() {
            return None;
        }
        let port = self.config.connection.split("port=").nth(1)?;
        port.split(' ').next()?.parse().ok()
    }

    /// The connection string by way of another port of this machine.
    pub(crate) fn by_port(&self, port: u16) -> String {
        let rest = self.config.connection.split(" user=").nth(1).unwrap();
        format!("host=127.0.0.1 port={port} user={rest}")
    }

    /// A connection of the test's own, which sees the schema first.
    pub(crate) fn sql(&self) -> Client {
        let mut client = Client::connect(&self.config.connection, NoTls).unwrap();
        let path = format!("SET search_path TO {}", self.config.schema);
        client.batch_execute(&path).unwrap();
        client
    }

    pub(crate) fn number(&self, query: &str) -> i64 {
        self.sql().query_one(query, &[]).unwrap().get(0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A given server is left as it was.
        if !self.own {
            return;
        }
        if let Ok(mut client) = Client::connect(&self.config.connection, NoTls) {
            let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.config.schema);
            client.batch_execute(&drop).ok();
        }
    }
}

/// Says, where continuous integration looks for it, that a test has not been run.
pub(crate) fn skip(reason: &str) {
    use std::io::Write;
    // Past the harness, which hides what a test that passes prints.
    writeln!(std::io::stderr(), "SKIPPED postgres: {reason}").ok();
}
