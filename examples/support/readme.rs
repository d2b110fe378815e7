//! What the program in the project's README is tested with.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::{Fault, Recording, Rule, Script, ScriptedProvider};

/// Runs a program twice in one folder, as two processes would, with a provider that has no credit and
/// one that answers: real HTTP on loopback. Gives the report of the second run.
///
/// # Errors
/// When the program fails, or does not ask each provider as it should.
pub fn play<F>(program: impl Fn(PathBuf, String, String) -> F) -> Result<String, Box<dyn Error>>
where
    F: Future<Output = Result<String, Box<dyn Error>>>,
{
    tokio::runtime::Runtime::new()?.block_on(async {
        let dir = tempfile::tempdir()?;
        let run = async |dir: &Path| {
            let recording = Recording::parse(
                r#"{"history": [{"role": "user", "content": "Fix the login test."},
                                {"role": "assistant", "content": "Done."}]}"#,
            )?;
            let broke = Script::new([Rule::new(Fault::InsufficientQuota).always()]);
            let claude = ScriptedProvider::builder(recording.clone())
                .script(broke)
                .start()
                .await?;
            let groq = ScriptedProvider::builder(recording).start().await?;
            let report = program(dir.to_owned(), claude.url(), groq.url()).await?;
            Ok::<_, Box<dyn Error>>((report, claude.tally().chats, groq.tally().chats))
        };
        let (report, claude, groq) = run(dir.path()).await?;
        if (claude, groq) != (1, 1) {
            return Err(format!("{claude} calls to claude, {groq} to groq").into());
        }
        // The second process finds the work done.
        let (again, claude, groq) = run(dir.path()).await?;
        if (claude, groq) != (0, 0) {
            return Err(
                format!("{claude} calls to claude, {groq} to groq, all for nothing").into(),
            );
        }
        for wanted in [
            "claude → groq",
            "quota_exhausted",
            "groq · llama-3.3-70b-versatile",
            "$0.0",
        ] {
            if !report.contains(wanted) || !again.contains(wanted) {
                return Err(format!("no {wanted} in\n{report}\n{again}").into());
            }
        }
        Ok(again)
    })
}
