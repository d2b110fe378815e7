//! The command line.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use agent_checkpoint::import::Source;
use lexopt::prelude::*;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Looks into a store of agent sessions, and brings one back.

Usage: session_recovery COMMAND [OPTIONS]

  list                          the sessions of the store: sizes, checkpoints, whether each is whole
  list SESSION                  its checkpoints, newest first
  latest SESSION                the newest checkpoint
  show SESSION [CHECKPOINT]     what it holds: messages, work, usage; the newest one unless named
  show SESSION --raw            the frames of its log as they lie there
  diff SESSION FROM TO          what changes from one checkpoint to another
  verify [SESSION]              reads every byte and says what is not as it was written
  recover SESSION               opens it, mends what is broken, says what was found, done, lost
  restore SESSION CHECKPOINT    shows what going back would change; with --yes it goes back. The
                                state that it replaces becomes a checkpoint of its own
  fork SESSION CHECKPOINT NEW   a session NEW that begins with that checkpoint
  prune SESSION --dry-run       which checkpoints stay and which go, and why; with --yes they go
  export SESSION [CHECKPOINT]   the session as one file of JSON lines; secrets are masked
  import FILE                   a session of Codex, Claude Code or goose, or an export, becomes a
                                session here; whose file it is shows in it

  CHECKPOINT is an id, the beginning of one that no other has, or a label.

  --dir DIR        the store, or the folder in which it is called checkpoints
                   [default: target/quickstart, else that of the repository]
  --full           with show: whole texts
  --keep N         with prune: the newest N stay, and nothing else for its age
                   [default: the policy of the library: the last ten]
  --take-over      with recover: also from a program that has not renewed its lease in time
  --yes            with restore and prune: do it
  --out FILE       with export: the file, which must not exist [default: stdout]
  --plain          with export: secrets as they are
  --as NAME        with import: name of the session [default: the vendor's id of it]
  --from WHOSE     with import: codex, claude_code, goose or export, where it is not to be found out
  --session ID     with import of goose's sessions.db: which one [default: the newest]
  --branches       with import: what stands beside the conversation becomes sessions NAME.1 and on
  --json           one JSON object on stdout
  -h, --help       this text

Ends with 0; with 1 where something is damaged, lost or could not be done; with 2 where arguments or
a file cannot be used; with 3 where what was named is not there; with 4 where another program holds
the session.";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    List {
        session: Option<String>,
    },
    Latest {
        session: String,
    },
    Show {
        session: String,
        checkpoint: Option<String>,
        full: bool,
    },
    Raw {
        session: String,
    },
    Diff {
        session: String,
        from: String,
        to: String,
    },
    Verify {
        session: Option<String>,
    },
    Recover {
        session: String,
        takes_over: bool,
    },
    Restore {
        session: String,
        checkpoint: String,
        yes: bool,
    },
    Fork {
        session: String,
        checkpoint: String,
        name: String,
    },
    Prune {
        session: String,
        keep: Option<NonZeroUsize>,
        how: Pruning,
    },
    Export(Export),
    Import(Import),
}

/// Whether a pruning is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pruning {
    Shown,
    Done,
}

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    pub(crate) session: String,
    pub(crate) checkpoint: Option<String>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) plain: bool,
}

/// What is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) file: PathBuf,
    pub(crate) name: Option<String>,
    pub(crate) from: Option<Source>,
    pub(crate) session: Option<String>,
    pub(crate) branches: bool,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) command: Command,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) json: bool,
}

/// Options that belong to some commands, until they are taken.
#[derive(Debug, Default)]
struct Flags {
    set: Vec<&'static str>,
    values: Vec<(&'static str, String)>,
}

impl Flags {
    fn is_set(&mut self, name: &str) -> bool {
        let len = self.set.len();
        self.set.retain(|set| *set != name);
        self.set.len() < len
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let at = self.values.iter().position(|(set, _)| *set == name)?;
        Some(self.values.remove(at).1)
    }

    fn left(&self) -> Option<&'static str> {
        let values = self.values.iter().map(|(name, _)| *name);
        self.set.iter().copied().chain(values).next()
    }
}

impl Options {
    /// Reads the arguments; `None` where help was asked for.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(crate) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        Self::parse(lexopt::Parser::from_env())
    }

    fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let mut words: Vec<String> = Vec::new();
        let (mut dir, mut json) = (None, false);
        let mut flags = Flags::default();
        while let Some(arg) = args.next()? {
            let (name, is_valued) = match arg {
                Value(word) => {
                    words.push(word.string()?);
                    continue;
                }
                Long("dir") => {
                    dir = Some(PathBuf::from(args.value()?));
                    continue;
                }
                Long("json") => {
                    json = true;
                    continue;
                }
                Short('h') | Long("help") => return Ok(None),
                Long("raw") => ("--raw", false),
                Long("full") => ("--full", false),
                Long("take-over") => ("--take-over", false),
                Long("yes") => ("--yes", false),
                Long("dry-run") => ("--dry-run", false),
                Long("plain") => ("--plain", false),
                Long("branches") => ("--branches", false),
                Long("keep") => ("--keep", true),
                Long("out") => ("--out", true),
                Long("as") => ("--as", true),
                Long("from") => ("--from", true),
                Long("session") => ("--session", true),
                _ => return Err(arg.unexpected().into()),
            };
            if is_valued {
                flags.values.push((name, args.value()?.string()?));
            } else {
                flags.set.push(name);
            }
        }
        let mut words = words.into_iter();
        let word = words.next().ok_or("no command")?;
        let command = command(&word, &mut words, &mut flags)?;
        if let Some(more) = words.next() {
            return Err(format!("{more:?} is one word too many").into());
        }
        if let Some(option) = flags.left() {
            return Err(format!("{option} does not go with {word}").into());
        }
        Ok(Some(Self { command, dir, json }))
    }
}

fn command(
    word: &str,
    words: &mut impl Iterator<Item = String>,
    flags: &mut Flags,
) -> Result<Command, Box<dyn Error>> {
    let mut wanted = |what: &str| words.next().ok_or(format!("{word} wants {what}"));
    Ok(match word {
        "list" => Command::List {
            session: wanted("").ok(),
        },
        "verify" => Command::Verify {
            session: wanted("").ok(),
        },
        "latest" => Command::Latest {
            session: wanted("a session")?,
        },
        "show" => {
            let session = wanted("a session")?;
            if flags.is_set("--raw") {
                Command::Raw { session }
            } else {
                Command::Show {
                    session,
                    checkpoint: wanted("").ok(),
                    full: flags.is_set("--full"),
                }
            }
        }
        "diff" => Command::Diff {
            session: wanted("a session")?,
            from: wanted("two checkpoints")?,
            to: wanted("a second checkpoint")?,
        },
        "recover" => Command::Recover {
            session: wanted("a session")?,
            takes_over: flags.is_set("--take-over"),
        },
        "restore" => Command::Restore {
            session: wanted("a session")?,
            checkpoint: wanted("a checkpoint")?,
            yes: flags.is_set("--yes"),
        },
        "fork" => Command::Fork {
            session: wanted("a session")?,
            checkpoint: wanted("a checkpoint")?,
            name: wanted("a name for the new session")?,
        },
        "prune" => {
            let session = wanted("a session")?;
            let keep = flags.value("--keep").map(|keep| keep.parse()).transpose();
            let keep = keep.map_err(|_| "--keep wants a number above zero")?;
            let how = match (flags.is_set("--dry-run"), flags.is_set("--yes")) {
                (false, true) => Pruning::Done,
                (true, false) => Pruning::Shown,
                _ => return Err("prune wants --dry-run or --yes".into()),
            };
            Command::Prune { session, keep, how }
        }
        "export" => Command::Export(Export {
            session: wanted("a session")?,
            checkpoint: wanted("").ok(),
            out: flags.value("--out").map(PathBuf::from),
            plain: flags.is_set("--plain"),
        }),
        "import" => Command::Import(Import {
            file: wanted("a file")?.into(),
            name: flags.value("--as"),
            from: flags
                .value("--from")
                .map(|from| source(&from))
                .transpose()?,
            session: flags.value("--session"),
            branches: flags.is_set("--branches"),
        }),
        other => return Err(format!("{other:?} is no command").into()),
    })
}

fn source(name: &str) -> Result<Source, String> {
    let all = [
        Source::Codex,
        Source::ClaudeCode,
        Source::Goose,
        Source::Export,
    ];
    let found = all.into_iter().find(|source| source.name() == name);
    found.ok_or(format!(
        "{name:?} is none of codex, claude_code, goose and export"
    ))
}
