//! The program that looks into a store: what each command says, and how it ends.

#![allow(
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that cannot run says so, and JSON is looked at by name"
)]

mod built;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use agent_checkpoint::import::{self, Limits};
use agent_checkpoint::redact::Redaction;
use agent_checkpoint::{Checkpointer, FileStore, Message, SessionState, ToolCall, export};
use agent_primitives::{CheckpointKind, SessionId};
use serde_json::Value;
use support::Recording;

/// The program, and a store with a session of four messages and three checkpoints.
struct Desk {
    program: PathBuf,
    folder: tempfile::TempDir,
}

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

    fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        let widest = self.out.lines().map(|line| line.chars().count()).max();
        let is_json = self.out.starts_with('{');
        assert!(
            is_json || widest.unwrap_or(0) <= 100,
            "too wide\n{}",
            self.out
        );
        self
    }

    fn refused(&self, code: i32, words: &str) {
        self.ends(code);
        assert_eq!(self.err.lines().count(), 1, "{}", self.all());
        assert!(self.err.contains(words), "no {words:?} in {}", self.err);
        assert_eq!(self.out, "");
    }

    fn json(&self) -> Value {
        self.ends(0);
        assert_eq!(self.out.lines().count(), 1, "{}", self.all());
        serde_json::from_str(&self.out).expect("JSON")
    }

    fn all(&self) -> String {
        format!("{:?}\n{}\n{}", self.code, self.out, self.err)
    }
}

const TOKEN: &str = concat!("ghp_", "0123456789abcdefghij", "ABCDEFGHIJKLMNOP");

impl Desk {
    fn new() -> Option<Self> {
        let desk = Self {
            program: built::program("session_recovery")?,
            folder: tempfile::tempdir().expect("a folder"),
        };
        let mut session = desk.open("fix-the-build");
        session
            .push(Message::user("Fix the build."))
            .expect("pushed");
        let first = session.save(CheckpointKind::Auto).expect("saved");
        session.label(&first, "the task").expect("labelled");
        let asks = Message::assistant("").with_tool_call(ToolCall::new("c1", "build", "{}"));
        session.push(asks).expect("pushed");
        session
            .push(Message::tool("c1", "error: no such file"))
            .expect("pushed");
        session.save(CheckpointKind::Auto).expect("saved");
        session.update(|work| work.next_steps.push("write the file".into()));
        session
            .push(Message::assistant("I write it."))
            .expect("pushed");
        session.save(CheckpointKind::Auto).expect("saved");
        drop(session);
        Some(desk)
    }

    /// As the quickstart calls it.
    fn store(&self) -> FileStore {
        FileStore::open(self.folder.path().join("checkpoints")).expect("a store")
    }

    fn open(&self, name: &str) -> Checkpointer {
        let id = SessionId::new(name).expect("a name");
        Checkpointer::builder(self.store(), id)
            .open()
            .expect("a session")
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.program)
            .args(arguments)
            .arg("--dir")
            .arg(self.folder.path())
            .output()
            .expect("the program starts");
        Said {
            code: status.code(),
            out: String::from_utf8(stdout).expect("text"),
            err: String::from_utf8(stderr).expect("text"),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// A sample of another agent's session file.
fn sample(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent-checkpoint/tests/fixtures");
    folder.join("import").join(name).display().to_string()
}

#[test]
fn sessions_and_checkpoints_are_listed() {
    let Some(desk) = Desk::new() else { return };
    let list = desk.run(&["list"]);
    list.ends(0)
        .has("1 session in")
        .has("fix-the-build  3            4")
        .has("whole");
    let listed = desk.run(&["list", "--json"]).json();
    assert_eq!(listed["sessions"][0]["checkpoints"], 3);
    assert_eq!(listed["sessions"][0]["whole"], true);
    assert!(listed["sessions"][0]["bytes"].as_u64() > Some(100));
    let list = desk.run(&["list", "fix-the-build"]);
    list.ends(0)
        .has("3 checkpoints, newest first")
        .has("[the task]");
    desk.run(&["latest", "fix-the-build"])
        .ends(0)
        .has("4 messages");
}

#[test]
fn a_checkpoint_is_shown_as_a_person_reads_it() {
    let Some(desk) = Desk::new() else { return };
    let shown = desk.run(&["show", "fix-the-build"]);
    shown
        .ends(0)
        .has("next       write the file")
        .has("4 messages");
    shown
        .has("    1  assistant  → build {}")
        .has("    2  tool       error: no such file");
    let task = desk.run(&["show", "fix-the-build", "the task"]);
    task.ends(0).has("1 message\n");
    desk.run(&["show", "fix-the-build", "--full"])
        .ends(0)
        .has("--- 2 tool, result of c1\nerror: no such file");
    let raw = desk.run(&["show", "fix-the-build", "--raw"]);
    raw.ends(0).has("items").has("commit").has("zstd");
    let frames = desk
        .run(&["show", "fix-the-build", "--raw", "--json"])
        .json();
    assert_eq!(frames["frames"][0]["kind"], "items");
    let state = desk.run(&["show", "fix-the-build", "--json"]).json();
    assert_eq!(
        state["state"]["conversation"][0]["content"],
        "Fix the build."
    );
}

#[test]
fn what_going_back_would_change_is_shown_first() {
    let Some(desk) = Desk::new() else { return };
    let diff = desk.run(&["diff", "fix-the-build", "the task", &newest(&desk)]);
    diff.ends(0)
        .has("1 message the same")
        .has("+     3  assistant  I write it.");
    diff.has("+ next_steps: [\"write the file\"]");
    let plan = desk.run(&["restore", "fix-the-build", "the task"]);
    plan.ends(0)
        .has("messages: 1 stay, 3 go")
        .has("nothing was changed");
    assert_eq!(desk.open("fix-the-build").history().len(), 4);
    let done = desk.run(&["restore", "fix-the-build", "the task", "--yes"]);
    done.ends(0)
        .has("done: now at")
        .has("to take it back: restore fix-the-build ");
    assert_eq!(desk.open("fix-the-build").history().len(), 1);
    let back = done
        .out
        .lines()
        .last()
        .and_then(|line| line.split(": ").nth(1))
        .expect("advice");
    desk.run(&back.split(' ').collect::<Vec<_>>()).ends(0);
    assert_eq!(desk.open("fix-the-build").history().len(), 4);
}

fn newest(desk: &Desk) -> String {
    let latest = desk.run(&["latest", "fix-the-build", "--json"]).json();
    latest["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_fork_is_a_session_of_its_own() {
    let Some(desk) = Desk::new() else { return };
    let fork = desk.run(&["fork", "fix-the-build", "the task", "another-way"]);
    fork.ends(0)
        .has("session another-way begins with 1 messages of fix-the-build");
    desk.run(&["list"])
        .ends(0)
        .has("2 sessions")
        .has("another-way");
    desk.run(&["fork", "fix-the-build", "the task", "another-way"])
        .refused(2, "is taken");
}

#[test]
fn a_pruning_is_shown_before_it_is_done() {
    let Some(desk) = Desk::new() else { return };
    let shown = desk.run(&["prune", "fix-the-build", "--keep", "1", "--dry-run"]);
    shown
        .ends(0)
        .has("2 stay, 1 would go; nothing was changed")
        .has("keep-tag (it has a label)");
    desk.run(&["list"]).ends(0).has("fix-the-build  3 ");
    let done = desk.run(&["prune", "fix-the-build", "--keep", "1", "--yes"]);
    done.ends(0).has("2 stay, 1 went");
    desk.run(&["list"]).ends(0).has("fix-the-build  2 ");
    desk.run(&["prune", "fix-the-build"])
        .refused(2, "prune wants --dry-run or --yes");
}

impl Desk {
    /// Spoils a byte near the end of the log.
    fn damage(&self) {
        let sessions = self.folder.path().join("checkpoints/sessions");
        let segment = sessions.join("fix-the-build/seg-000001.ckl");
        let mut bytes = std::fs::read(&segment).expect("bytes");
        let at = bytes.iter().rposition(|byte| *byte != 0).expect("a log") - 60;
        bytes[at] ^= 0xff;
        std::fs::write(&segment, bytes).expect("written");
    }
}

#[test]
fn what_is_broken_is_mended_and_what_is_lost_is_told() {
    let Some(desk) = Desk::new() else { return };
    let recover = ["recover", "fix-the-build"];
    desk.run(&recover)
        .ends(0)
        .has("4 messages: nothing to mend");
    let held = desk.open("fix-the-build");
    desk.run(&recover).refused(4, "has a writer already");
    drop(held);
    desk.damage();
    let found = desk.run(&recover);
    found
        .ends(1)
        .has("torn tail: set aside")
        .has("lost: records ");
    let again = desk.run(&["recover", "fix-the-build", "--json"]).json();
    assert_eq!(
        (&again["lost"], &again["goes_on"]),
        (&0.into(), &true.into())
    );
    desk.run(&["verify", "fix-the-build"]);
    desk.run(&["recover", "nobody"]).refused(3, "no session");
}

#[test]
fn damage_is_found_and_told() {
    let Some(desk) = Desk::new() else { return };
    desk.run(&["verify"]).ends(0).has("fix-the-build  whole: ");
    desk.damage();
    let found = desk.run(&["verify"]);
    found
        .ends(1)
        .has("fix-the-build  damaged: ")
        .has("the newest whole checkpoint: ");
    desk.run(&["list"]).ends(1).has("bytes are no frame");
    desk.run(&["show", "fix-the-build", "--raw"])
        .ends(0)
        .has("damage");
}

#[test]
fn what_only_reads_works_beside_a_writer() {
    let Some(desk) = Desk::new() else { return };
    let held = desk.open("fix-the-build");
    for command in ["list", "verify"] {
        desk.run(&[command]).ends(0);
    }
    desk.run(&["show", "fix-the-build"]).ends(0);
    desk.run(&["prune", "fix-the-build", "--dry-run"]).ends(0);
    desk.run(&["export", "fix-the-build"]).ends(0);
    desk.run(&["restore", "fix-the-build", "the task"])
        .refused(4, "has a writer already");
    drop(held);
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let Some(desk) = Desk::new() else { return };
    desk.run(&["show", "nobody"])
        .refused(3, "there are fix-the-build");
    desk.run(&["show", "fix-the-build", "999"])
        .refused(3, "`list SESSION` shows which there are");
    desk.run(&["import", "no-such-file"])
        .refused(3, "there is no file");
    desk.run(&["show"]).refused(2, "show wants a session");
    desk.run(&["list", "--yes"])
        .refused(2, "--yes does not go with list");
    desk.run(&["dance"]).refused(2, "is no command");
    let empty = tempfile::tempdir().expect("a folder");
    let desk = Desk {
        program: desk.program.clone(),
        folder: empty,
    };
    desk.run(&["list"]).refused(3, "there is no store in");
    let help = desk.run(&["--help"]);
    help.ends(0)
        .has("with 4 where another program holds\nthe session");
}

#[test]
fn sessions_of_other_agents_become_sessions_here() {
    let Some(desk) = Desk::new() else { return };
    let codex = desk.run(&["import", &sample("codex.jsonl")]);
    codex
        .ends(0)
        .has("of codex: 14 messages, of which the model is sent 6");
    codex
        .has("left out: 1 malformed (line 31)")
        .has("left out: 1 repeated compacted\n");
    let claude = desk.run(&[
        "import",
        &sample("claude_code.jsonl"),
        "--as",
        "taken-over",
        "--branches",
    ]);
    claude
        .ends(0)
        .has("abandoned: 2 messages behind 5, as session taken-over.1");
    claude.has("repaired: message 4: call \"toolu_d\" has no result: answered as interrupted");
    let goose = desk
        .run(&["import", &sample("goose.json"), "--json"])
        .json();
    assert_eq!(
        (&goose["messages"], &goose["losses"]),
        (&9.into(), &1.into())
    );
    assert_eq!(goose["session"], "20260302_1");
    assert_eq!(desk.open("taken-over").context().len(), 7);
    desk.run(&["list"]).ends(0).has("6 sessions");
    desk.run(&["import", &sample("goose.json")])
        .refused(2, "is taken");
    desk.run(&[
        "import",
        &sample("goose.json"),
        "--from",
        "codex",
        "--as",
        "x",
    ])
    .refused(2, "of a codex session");
    desk.run(&["import", &sample("goose_1_9.jsonl")])
        .refused(2, "say --as NAME");
}

#[test]
fn an_import_with_branches_adds_to_no_session_that_is_there() {
    let Some(desk) = Desk::new() else { return };
    let mut taken = desk.open("bug.1");
    let before = taken.history().len();
    taken.push(Message::user("mine")).expect("pushed");
    taken.save(CheckpointKind::Manual).expect("saved");
    drop(taken);
    let sample = sample("claude_code.jsonl");
    desk.run(&["import", &sample, "--as", "bug", "--branches"])
        .refused(2, "session bug.1 is there already");
    assert_eq!(desk.open("bug.1").history().len(), before + 1);
    assert!(desk.open("bug").history().is_empty(), "nothing is saved");
    desk.run(&["import", &sample, "--as", "bug"]).ends(0);
}

#[test]
fn an_export_masks_secrets_and_is_read_again() {
    let Some(desk) = Desk::new() else { return };
    // A session whose host lets secrets into the log.
    let id = SessionId::new("fix-the-build").expect("a name");
    let builder = Checkpointer::builder(desk.store(), id).redaction(Redaction::off());
    let mut session = builder.open().expect("a session");
    session
        .push(Message::user(format!("push with {TOKEN}")))
        .expect("pushed");
    session.save(CheckpointKind::Auto).expect("saved");
    drop(session);
    let file = desk.path("export.jsonl");
    desk.run(&["export", "fix-the-build", "--out", &file])
        .ends(0)
        .has("5 messages of");
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(
        !text.contains(TOKEN) && text.contains("push with [redacted:"),
        "{text}"
    );
    desk.run(&["export", "fix-the-build", "--plain"])
        .ends(0)
        .has(TOKEN);
    desk.run(&["import", &file, "--as", "back"])
        .ends(0)
        .has("of export: 5 messages");
    let (original, back) = (desk.open("fix-the-build"), desk.open("back"));
    assert_eq!(original.history()[..4], back.history()[..4]);
    desk.run(&["export", "back", "--out", &file])
        .refused(2, "name another file");
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(&file)
            .map(|found| std::os::unix::fs::PermissionsExt::mode(&found.permissions()));
        assert_eq!(mode.expect("a file") & 0o777, 0o600);
    }
}

#[test]
fn every_recorded_session_comes_back_from_its_export() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("examples/data/session.json")];
    match std::fs::read_dir(root.join("../shared/data/trajectories")) {
        Ok(folder) => files.extend(folder.filter_map(|entry| Some(entry.ok()?.path())).filter(
            |path| {
                path.extension()
                    .is_some_and(|extension| extension == "traj")
            },
        )),
        Err(_) => eprintln!("SKIPPED recorded trajectories: none beside the project"),
    }
    let id = SessionId::new("s").expect("a name");
    for path in files {
        let recording = Recording::load(&path).expect("a session");
        let state = SessionState {
            conversation: recording.messages().to_vec(),
            ..SessionState::default()
        };
        let mut file = Vec::new();
        export::write(&mut file, &id, &state, None).expect("written");
        let back = import::any(file.as_slice(), &Limits::default()).expect("read");
        assert_eq!(back.state, state, "{}", path.display());
        assert!(back.left_out.is_empty());
    }
}
