//! The chain as a program: what each subcommand says, how it ends, and what one run leaves to the next.

#![allow(
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot run says so, and JSON is looked at by name"
)]

mod built;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::{Fault, Message, Recording, Rule, Script, ScriptedProvider};
use tokio::runtime::Runtime;

/// A program with a state of its own.
struct Desk {
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// How a run ended and what it said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn has(&self, words: &str) -> &Self {
        assert!(self.out.contains(words), "no {words:?} in\n{}", self.all());
        self
    }

    fn lacks(&self, words: &str) -> &Self {
        assert!(!self.out.contains(words), "{words:?} in\n{}", self.all());
        self
    }

    fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        self
    }

    /// Refused in one line that says `words`.
    fn refused(&self, words: &str) {
        self.ends(2);
        assert_eq!(self.err.lines().count(), 1, "{}", self.all());
        assert!(self.err.contains(words), "no {words:?} in {}", self.err);
        assert_eq!(self.out, "");
    }

    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{}", self.all());
        serde_json::from_str(&self.out).expect("JSON")
    }

    fn all(&self) -> String {
        format!("{:?}\n{}\n{}", self.code, self.out, self.err)
    }
}

impl Desk {
    fn new() -> Option<Self> {
        Some(Self {
            program: built::program("provider_fallback")?,
            folder: tempfile::tempdir().expect("a folder"),
        })
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("kept").join("state.json")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.program)
            .args(arguments)
            .arg("--state")
            .arg(self.state())
            .env_remove("ANTHROPIC_API_KEY")
            .env("TEAM_KEY", "sk-example")
            .output()
            .expect("the program starts");
        Said {
            code: status.code(),
            out: String::from_utf8(stdout).expect("text"),
            err: String::from_utf8(stderr).expect("text"),
        }
    }
}

/// A provider that does sums, as long as its runtime lives.
fn served(script: Script) -> (Runtime, ScriptedProvider) {
    let runtime = Runtime::new().expect("a runtime");
    let said = vec![Message::user("2 + 2?"), Message::assistant("4")];
    let recording = Recording::from_messages(said).expect("a session");
    let server = ScriptedProvider::builder(recording).script(script).start();
    let server = runtime.block_on(server).expect("a port");
    (runtime, server)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a readable name")
}

#[test]
fn on_a_fresh_machine_everybody_stands_ready_and_nothing_is_written() {
    let Some(desk) = Desk::new() else { return };
    desk.run(&["status"])
        .ends(0)
        .has("claude")
        .has("next: claude");
    let health = desk.run(&["health", "--json"]);
    health.ends(0);
    let providers = health.json()["providers"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(providers.len(), 3);
    assert!(providers.iter().all(|provider| provider["works"] == true));
    assert!(!desk.state().exists(), "looking changes nothing");
}

#[test]
fn a_switch_by_hand_lasts_until_it_is_taken_back() {
    let Some(desk) = Desk::new() else { return };
    desk.run(&["fallback"]).ends(0).has("claude -> groq");
    desk.run(&["status"]).ends(0).has("only groq is asked");
    desk.run(&["ask", "hello"]).ends(0).has("groq: I am groq");
    desk.run(&["fallback", "--to", "ollama"])
        .ends(0)
        .has("groq -> ollama");
    desk.run(&["ask", "hello"])
        .ends(0)
        .has("ollama: I am ollama");
    desk.run(&["return"]).ends(0).has("next: claude");
    desk.run(&["ask", "hello"])
        .ends(0)
        .has("claude: I am claude");
}

#[test]
fn a_provider_that_asked_for_rest_is_left_alone_by_the_next_run_too() {
    let Some(desk) = Desk::new() else { return };
    desk.run(&["ask", "hello", "--fault", "claude=rate_limited"])
        .ends(0)
        .has("groq: I am groq")
        .has("claude -> groq (rate_limited, automatic)");
    desk.run(&["status"])
        .ends(0)
        .has("rate_limited (model)")
        .has("next: groq");
    // It would answer now; the chain keeps to what it asked for, and calls once.
    let later = desk.run(&["ask", "hello", "--json"]);
    let reply = later.ends(0).json();
    assert_eq!(reply["provider"], "groq");
    assert_eq!(reply["attempts"], 1);
    desk.run(&["return"]).ends(0).has("claude rests for 1m");
    desk.run(&["return", "--mended"])
        .ends(0)
        .has("next: claude");
    desk.run(&["ask", "hello"])
        .ends(0)
        .has("claude: I am claude");
    desk.run(&["status"]).ends(0).lacks("rate_limited");
}

#[test]
fn an_answer_says_what_it_cost_and_why_it_came_from_there() {
    let Some(desk) = Desk::new() else { return };
    let asked = desk.run(&["ask", "hello", "--json", "--explain"]);
    let reply = asked.ends(0).json();
    assert_eq!(
        reply["text"],
        "I am claude, a scripted provider. You said: hello"
    );
    // 2 tokens at $3 and 13 at $15 for a million.
    assert_eq!(reply["usage"]["output"], 13);
    assert_eq!(reply["cost_usd"], "0.000201");
    assert_eq!(reply["decisions"].as_array().map(Vec::len), Some(1));
    desk.run(&["status"])
        .has("budget of the day: $0.000201 of $5.00 spent");
    desk.run(&["ask", "hello", "--explain", "--fault", "claude=quota"])
        .ends(0)
        .has("chosen")
        .has("skipped");
    desk.run(&["status"])
        .has("quota_exhausted (account)")
        .has("of 14400 requests");
}

#[test]
fn where_nobody_can_answer_the_code_is_1_and_the_time_is_told() {
    let Some(desk) = Desk::new() else { return };
    let faults = [
        "--fault",
        "claude=quota",
        "--fault",
        "groq=auth",
        "--fault",
        "ollama=quota",
    ];
    let refused = desk.run(&[&["ask", "hello"][..], &faults].concat());
    refused.ends(1);
    for words in ["claude quota_exhausted", "groq auth", "ask again in 1h 0m"] {
        assert!(refused.err.contains(words), "{words}: {}", refused.all());
    }
    desk.run(&["status"]).ends(1).has("nobody can be asked now");
    desk.run(&["fallback"]).ends(1).has("name one with --to");
    let down = [
        "--fault",
        "claude=unavailable",
        "--fault",
        "groq=reset",
        "--fault",
        "ollama=server",
    ];
    desk.run(&[&["health"][..], &down].concat())
        .ends(1)
        .has("nobody works")
        .lacks(" works ");
    let one = &down[..4];
    desk.run(&[&["health"][..], one].concat())
        .ends(0)
        .has("network");
}

#[test]
fn the_demonstration_goes_away_and_comes_back() {
    let Some(desk) = Desk::new() else { return };
    let run = desk.run(&["run"]);
    run.ends(0)
        .has("claude  hands over to groq (overloaded)")
        .has("claude  passes a probe")
        .has("groq    hands over to claude (recovered)")
        .has("claude  hands over to ollama (manual)")
        .has("15 asked, 15 answered");
    assert!(!desk.state().exists(), "it leaves nothing behind");
    let summary = desk.run(&["run", "--json"]).json();
    assert_eq!(
        (&summary["back"], &summary["answered"]),
        (&Value::Bool(true), &15.into())
    );
}

#[test]
fn wrong_arguments_are_refused_in_one_line() {
    let Some(desk) = Desk::new() else { return };
    for (arguments, words) in [
        (&[][..], "no command"),
        (&["frobnicate"], "frobnicate"),
        (&["ask"], "wants a text"),
        (&["ask", " "], "wants a text"),
        (&["ask", "two", "words"], "quote"),
        (&["status", "--to", "groq"], "--to does not go with status"),
        (&["fallback", "--to", "grok"], "claude, groq, ollama"),
        (&["ask", "hello", "--fault", "claude=sleepy"], "sleepy"),
        (&["ask", "hello", "--fault", "grok=auth"], "grok"),
        (&["run", "--config", "any.json"], "--config"),
    ] {
        desk.run(arguments).refused(words);
    }
    desk.run(&["--help"]).ends(0).has("Usage");
}

#[test]
fn a_bad_configuration_is_refused_in_one_line() {
    let Some(desk) = Desk::new() else { return };
    let one =
        r#"{"name": "claude", "dialect": "anthropic", "url": "http://127.0.0.1:9", "model": "m""#;
    for (text, words) in [
        (String::new(), "EOF"),
        (r#"{"providers": []}"#.to_owned(), "name at least one"),
        (
            format!(r#"{{"providers": [{one}, "key": "sk-1"}}]}}"#),
            "unknown field `key`",
        ),
        (
            format!(r#"{{"providers": [{one}}}, {one}}}]}}"#),
            "two providers are named claude",
        ),
        (
            format!(r#"{{"providers": [{one}}}], "chian": {{}}}}"#),
            "chian",
        ),
        (
            format!(
                r#"{{"providers": [{one}, "profile": {{"price": {{"input": "-1", "output": "1"}}}}}}]}}"#
            ),
            "negative",
        ),
        (
            format!(
                r#"{{"providers": [{one}}}], "chain": {{"retry": {{"total": {{"secs": 0, "nanos": 0}}}}}}}}"#
            ),
            "chain: ",
        ),
        (
            format!(r#"{{"providers": [{one}}}], "budget": {{"day": {{"usd": "0"}}}}}}"#),
            "budget: ",
        ),
    ] {
        let file = desk.write("bad.json", &text);
        let said = desk.run(&["status", "--config", path(&file)]);
        said.refused(words);
        assert!(said.err.contains("bad.json"), "{}", said.err);
    }
    let file = desk.write(
        "url.json",
        &format!(r#"{{"providers": [{}}}]}}"#, one.replace("http:", "htp:")),
    );
    desk.run(&["status", "--config", path(&file)])
        .refused("claude");
    desk.run(&["status", "--config", "nowhere.json"])
        .refused("nowhere.json");
}

#[test]
fn the_day_has_a_budget_that_the_next_run_knows() {
    let Some(desk) = Desk::new() else { return };
    let (_runtime, server) = served(Script::default());
    let file = desk.write(
        "budget.json",
        &format!(
            r#"{{"providers": [{{"name": "own", "dialect": "openai", "url": "{}", "model": "m",
                "profile": {{"price": {{"input": "0", "output": "1000"}}}}}}],
                "budget": {{"day": {{"usd": "4.0965"}}}}}}"#,
            server.url()
        ),
    );
    // An answer may have 4096 tokens, which would be $4.096; it has one, which is $0.001.
    let ask = ["ask", "2 + 2?", "--config", path(&file)];
    desk.run(&ask).ends(0).has("own: 4").has("$0.001");
    let refused = desk.run(&ask);
    refused.ends(1);
    assert!(refused.err.contains("$4.0965"), "{}", refused.all());
    assert_eq!(server.tally().chats, 1, "nothing was sent");
}

#[test]
fn a_key_is_read_from_the_environment_and_only_to_call_somebody() {
    let Some(desk) = Desk::new() else { return };
    let file = desk.write(
        "real.json",
        r#"{"providers": [{"name": "claude", "dialect": "anthropic", "url": "http://127.0.0.1:9",
            "model": "m", "key_env": "ANTHROPIC_API_KEY"}]}"#,
    );
    let config = ["--config", path(&file)];
    desk.run(&[&["status"][..], &config].concat())
        .ends(0)
        .has("next: claude");
    desk.run(&[&["ask", "hello"][..], &config].concat())
        .refused("set ANTHROPIC_API_KEY");
}

#[test]
fn a_key_that_is_missing_leaves_the_others_to_be_asked_and_is_not_remembered() {
    let Some(desk) = Desk::new() else { return };
    let (_runtime, server) = served(Script::default());
    let provider = |name: &str, variable: &str| {
        format!(
            r#"{{"name": "{name}", "dialect": "openai", "url": "{}", "model": "m",
                "key_env": "{variable}"}}"#,
            server.url()
        )
    };
    let providers = [
        provider("claude", "ANTHROPIC_API_KEY"),
        provider("other", "TEAM_KEY"),
    ];
    let file = desk.write(
        "keys.json",
        &format!(r#"{{"providers": [{}]}}"#, providers.join(",")),
    );
    let config = ["--config", path(&file)];
    let said = desk.run(&[&["ask", "2 + 2?"][..], &config].concat());
    said.ends(0).has("other: 4");
    assert!(said.err.contains("set ANTHROPIC_API_KEY"), "{}", said.err);
    assert_eq!(server.tally().chats, 1, "claude was not called");
    let health = desk.run(&[&["health"][..], &config].concat());
    health.ends(0).has("set ANTHROPIC_API_KEY").has("works");
    let health = desk
        .run(&[&["health", "--json"][..], &config].concat())
        .json();
    assert_eq!(health["providers"][0]["works"], false);
    assert_eq!(health["providers"][0]["failure"], "auth");
    assert_eq!(health["providers"][1]["works"], true);
    desk.run(&[&["status"][..], &config].concat())
        .ends(0)
        .has("next: claude");
}

#[test]
fn a_bad_key_rests_everybody_who_uses_it_and_the_next_run_knows() {
    let Some(desk) = Desk::new() else { return };
    let (_first, locked) = served(Script::new([Rule::new(Fault::Unauthorized).always()]));
    let (_second, open) = served(Script::default());
    let provider = |name: &str, url: &str, key: &str| {
        format!(
            r#"{{"name": "{name}", "dialect": "openai", "url": "{url}", "model": "{name}",
                "key_env": "TEAM_KEY", "profile": {{"vendor": "openai", "key": "{key}"}}}}"#
        )
    };
    let providers = [
        provider("large", &locked.url(), "team-a"),
        provider("small", &locked.url(), "team-a"),
        provider("other", &open.url(), "team-b"),
    ];
    let file = desk.write(
        "keys.json",
        &format!(r#"{{"providers": [{}]}}"#, providers.join(",")),
    );
    let ask = ["ask", "2 + 2?", "--config", path(&file)];
    for _ in 0..2 {
        desk.run(&ask).ends(0).has("other: 4");
        assert_eq!(locked.tally().chats, 1, "one key is tried once");
    }
    assert_eq!(open.tally().chats, 2);
    let status = desk
        .run(&["status", "--config", path(&file), "--json"])
        .json();
    let health: Vec<_> = (0..3)
        .map(|place| &status["providers"][place]["health"])
        .collect();
    assert_eq!(health, ["auth (key)", "auth (key)", "ok"]);
    assert_eq!(status["next"], "other");
}

#[test]
fn a_rest_of_the_chains_own_gives_way_where_nobody_else_is_left() {
    let Some(desk) = Desk::new() else { return };
    let down = [
        "--fault",
        "claude=reset",
        "--fault",
        "groq=reset",
        "--fault",
        "ollama=reset",
    ];
    desk.run(&[&["ask", "hello"][..], &down].concat()).ends(1);
    desk.run(&["status"])
        .ends(0)
        .has("next: claude, though it rests");
    desk.run(&["ask", "hello"])
        .ends(0)
        .has("claude: I am claude");
}

#[test]
fn a_file_that_is_no_state_is_left_as_it_is() {
    let Some(desk) = Desk::new() else { return };
    std::fs::create_dir_all(desk.state().parent().expect("a folder")).expect("made");
    for text in [
        "",
        "mine",
        r#"{"version": 1}"#,
        r#"{"version": 7, "pinned": null}"#,
    ] {
        std::fs::write(desk.state(), text).expect("written");
        desk.run(&["fallback"]).refused("name another --state");
        assert_eq!(std::fs::read_to_string(desk.state()).expect("there"), text);
    }
}
