//! A session that another agent takes over, by a file.
//!
//! ```text
//! cargo run --example handoff
//! cargo run --example handoff -- --session some.traj --after 12
//! ```
//!
//! One agent works on a recorded session until its provider's allowance is used up. What the next one needs goes
//! into a package, a verdict says what is missing, and once it is ready the package goes to another store as one
//! file. The other agent looks whether it can go on, goes on, and gives its result back. The program fails when
//! something of it is not as it should be.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod options;
mod shown;
mod work;

use std::error::Error;
use std::fs;
use std::path::Path;

use agent_checkpoint::handoff::{
    EXTENSION, Held, Package, Receiver, Situation, Taker, Terms, Verdict,
};
use agent_checkpoint::{Artifact, Checkpointer, EstimateTokens, FileStore, Message};
use agent_primitives::{AgentId, FailureKind, SessionId};
use options::Options;
use shown::{indented, title};
use support::Recording;

type Done = Result<(), Box<dyn Error>>;

/// Tokens that the other agent's model takes.
const WINDOW: u64 = 32_000;

fn main() -> Done {
    let options = Options::read()?;
    let recording = match &options.session {
        Some(path) => Recording::load(path)?,
        None => Recording::sample(),
    };
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("project");
    fs::create_dir(&project)?;
    let file = folder.path().join(format!("to-finisher.{EXTENSION}"));

    let mut giver = open(&folder.path().join("a"), "mend", "starter")?;
    let played = options.after(&recording);
    work::play(&mut giver, played, &project)?;
    println!("{}", title("the first agent works"));
    println!(
        "{} messages, {} decisions, {} changes",
        giver.history().len(),
        giver.state().work.decisions.len(),
        giver.state().work.artifacts.len()
    );

    let mut now = Situation::default();
    now.failure = Some(FailureKind::QuotaExhausted);
    println!("its provider's allowance is used up: {}", now.scenario());
    let terms = Terms::new(now.scenario()).with_to(AgentId::new("finisher")?);
    let mut package = giver.hand_off(&terms)?;

    println!("{}", title("a verdict, a piece added, the verdict again"));
    // Somebody decided and did not say why.
    let hasty = agent_checkpoint::Decision::new(package.from.at, "no new dependency", "");
    package.work.decisions.push(hasty);
    println!("{}", package.validate(&Receiver::new()));
    if let Some(decision) = package.work.decisions.last_mut() {
        decision.why = "the task needs integers and nothing else".into();
    }
    package
        .facts
        .push("amounts have two digits after the point at most".into());
    let verdict = package.validate(&Receiver::new());
    println!("{verdict}");
    assert!(verdict.is_ready());
    package.write_file(&file)?;
    println!("{} bytes in one file", fs::metadata(&file)?.len());

    let mut taker = take_over(&file, &project, &folder.path().join("b"))?;

    println!(
        "{}",
        title("the other agent goes on, and gives its result back")
    );
    answer_open_calls(&mut taker)?;
    taker.push(Message::assistant(
        "Done: the total is the sum of the entries.",
    ))?;
    taker.update(|work| {
        for step in &mut work.next_steps {
            step.status = Some("done".into());
        }
    });
    let mut back = Situation::default();
    back.taker = Taker::Giver;
    let terms = Terms::new(back.scenario()).with_to(AgentId::new("starter")?);
    let result = taker.hand_off(&terms)?;
    let way: Vec<_> = result.earlier.iter().chain([&result.from]).collect();
    let way: Vec<_> = way.iter().map(|link| link.session.as_str()).collect();
    println!("{}: {}", result.scenario, result.validate(&Receiver::new()));
    println!("it came through {}", way.join(", then "));
    assert_eq!(way, ["mend", "mend-2"]);
    assert_eq!(result.objective, package.objective);
    assert_eq!(result.facts, package.facts);

    println!("{}", title("a file that was changed on the way"));
    let changed = fs::read_to_string(&file)?.replace("two digits", "six digits");
    let refused = Package::from_slice(changed.as_bytes()).expect_err("it was changed");
    println!("{refused}");
    assert!(refused.is_damaged());
    Ok(())
}

/// What the other side does with the file: it looks whether it can go on, and begins a session of its own.
fn take_over(file: &Path, project: &Path, store: &Path) -> Result<Checkpointer, Box<dyn Error>> {
    println!("{}", title("the other agent reads the file"));
    let package = Package::read_file(file)?;
    let held = |artifact: &Artifact| Held::in_folder(project, artifact);
    let receiver = Receiver::new()
        .window(WINDOW, &EstimateTokens)
        .artifacts(&held);
    let called = package.open_calls.iter().map(|call| call.name.clone());
    let called: Vec<String> = called.collect();
    let bare = receiver.clone().tools(called.iter().skip(1).cloned());
    let verdict = package.validate(&bare);
    println!("without one of its tools: {verdict}");
    assert_eq!(verdict.is_ready(), called.is_empty());
    let verdict = package.validate(&receiver.tools(called));
    println!("with all: {verdict}");
    assert_eq!(verdict, Verdict::Ready);

    println!("{}", title("what its model is told"));
    println!("{}", indented(&package.brief_within(600, &EstimateTokens)));

    let builder = Checkpointer::builder(FileStore::open(store)?, SessionId::new("mend-2")?);
    let taker = package.begin(builder.agent(AgentId::new("finisher")?))?;
    println!(
        "it begins with {} messages and knows {} decisions",
        taker.history().len(),
        taker.state().work.decisions.len()
    );
    Ok(taker)
}

fn open(store: &Path, session: &str, agent: &str) -> Result<Checkpointer, Box<dyn Error>> {
    let builder = Checkpointer::builder(FileStore::open(store)?, SessionId::new(session)?);
    Ok(builder.agent(AgentId::new(agent)?).open()?)
}

/// Whether a tool has run is not known. One that may run twice is run again.
fn answer_open_calls(session: &mut Checkpointer) -> Done {
    let context = session.context();
    let open = agent_checkpoint::history::open_calls(&context);
    let ids: Vec<String> = open.iter().map(|open| open.call.id.clone()).collect();
    for id in ids {
        session.push(Message::tool(id, "done"))?;
    }
    Ok(())
}
