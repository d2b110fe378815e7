//! The transcripts of Claude Code, as what was seen.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use agent_primitives::{AgentId, SessionId, Timestamp, ToolName};
use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use twox_hash::XxHash3_128;

use super::super::seen::{CallSeen, Channel, Seen, ToolSeen, What, Who};
use super::line::Line;
use super::place::{Place, Tool, TranscriptPlaces};
use super::{lines, pool};
use crate::{ProjectId, ToolOutcome};

/// Longest line that is read.
const LONGEST: usize = 32 << 20;
/// First bytes of a file, by which it is known again.
const BEGINS: u64 = 1_024;
/// Bytes of a tool's id that is kept.
const ID: usize = 256;
/// The agent that is not a subagent.
const MAIN: &str = "claude-code";

/// What was read so far, and what could not be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptFigures {
    /// Files that had something new.
    pub files: u64,
    /// New bytes in them.
    pub bytes: u64,
    /// Answers of models. One that stands on several lines is counted once, as far as these follow each other.
    pub calls: u64,
    /// Calls of tools with their results.
    pub tools: u64,
    /// Lines over 32 MiB.
    pub too_long: u64,
    /// Lines that are not as they should be.
    pub unreadable: u64,
    /// Files that began anew: they were truncated, or replaced.
    pub begun_anew: u64,
    /// Files that could not be read.
    pub failed: u64,
    /// Files and folders that were not looked at, because there are too many.
    pub left_out: u64,
}

impl TranscriptFigures {
    pub(super) fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.calls += other.calls;
        self.tools += other.tools;
        self.too_long += other.too_long;
        self.unreadable += other.unreadable;
        self.begun_anew += other.begun_anew;
        self.failed += other.failed;
        self.left_out += other.left_out;
    }
}

/// A folder of transcripts of Claude Code, such as `~/.claude/projects`, read from where it was left.
///
/// No text of any prompt or answer is kept: usage, ids, names of models and tools, and times are.
///
/// ```
/// use agent_telemetry::otlp::{ClaudeTranscripts, TranscriptPlaces};
///
/// let transcripts = ClaudeTranscripts::new("/home/me/.claude/projects");
/// assert_eq!(transcripts.places(), &TranscriptPlaces::default());
/// assert_eq!(transcripts.figures().calls, 0);
/// ```
#[derive(Debug)]
pub struct ClaudeTranscripts {
    folder: PathBuf,
    project: Option<ProjectId>,
    places: TranscriptPlaces,
    figures: TranscriptFigures,
}

impl ClaudeTranscripts {
    /// All files with the extension `jsonl` in `folder` and, at most four levels deep, in folders within it. Links to
    /// folders are not followed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            project: None,
            places: TranscriptPlaces::default(),
            figures: TranscriptFigures::default(),
        }
    }

    /// Goes on from there.
    ///
    /// ```
    /// use agent_telemetry::otlp::{ClaudeTranscripts, TranscriptPlaces};
    ///
    /// let places = TranscriptPlaces::default();
    /// let transcripts = ClaudeTranscripts::new("projects").resumed(places.clone());
    /// assert_eq!(transcripts.places(), &places);
    /// ```
    #[must_use]
    pub fn resumed(mut self, places: TranscriptPlaces) -> Self {
        self.places = places;
        self
    }

    /// The project of all that is read; none unless set.
    #[must_use]
    pub fn project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// How far each file was read, to be stored.
    pub const fn places(&self) -> &TranscriptPlaces {
        &self.places
    }

    /// What was read so far, and what could not be.
    pub const fn figures(&self) -> &TranscriptFigures {
        &self.figures
    }

    /// Reads again what was read since.
    pub(crate) fn go_back(&mut self, places: TranscriptPlaces) {
        self.places = places;
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// If the folder itself cannot be read. A file that cannot is counted, and tried again the next time.
    pub(crate) fn read(&mut self, give: &mut dyn FnMut(Seen)) -> io::Result<()> {
        let (files, left_out) = pool::files(&self.folder)?;
        self.figures.left_out += left_out;
        // Those that are gone need no place.
        let gone = |name: &String| files.binary_search_by(|it| it.name.cmp(name)).is_err();
        self.places
            .files
            .retain(|name, _| left_out > 0 || !gone(name));
        let places = &mut self.places.files;
        let work = files.into_iter().filter_map(|file| {
            let place = places.get(&file.name);
            let same = place.is_some_and(|it| it.offset == file.length);
            (!same).then(|| (place.cloned().unwrap_or_default(), file))
        });
        let work: Vec<_> = work.collect();
        let project = &self.project;
        let figures = &mut self.figures;
        pool::each(
            &work,
            |(place, file), give| {
                let mut reading = Reading::new(place.clone(), project.clone(), give);
                if reading.file(&file.path).is_err() {
                    reading.figures.failed += 1;
                }
                (file.name.clone(), reading.place, reading.figures)
            },
            give,
            |(name, place, read)| {
                figures.add(&read);
                places.insert(name, place);
            },
        );
        Ok(())
    }
}

/// One file while it is read.
struct Reading<'g> {
    place: Place,
    project: Option<ProjectId>,
    figures: TranscriptFigures,
    give: &'g mut dyn FnMut(Seen),
    /// The answer whose lines are being read.
    answer: Option<(Who, Timestamp, CallSeen)>,
    /// Ids of the latest line, which are mostly those of the next.
    agents: Vec<AgentId>,
    session: Option<SessionId>,
}

impl<'g> Reading<'g> {
    fn new(place: Place, project: Option<ProjectId>, give: &'g mut dyn FnMut(Seen)) -> Self {
        Self {
            place,
            project,
            figures: TranscriptFigures::default(),
            give,
            answer: None,
            agents: Vec::new(),
            session: None,
        }
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (known, hash) = self.place.begins;
        if length < self.place.offset || begins(&mut file, known)?.1 != hash {
            if self.place.offset > 0 {
                self.figures.begun_anew += 1;
            }
            self.place = Place::default();
        }
        file.seek(SeekFrom::Start(self.place.offset))?;
        let mut progress = self.place.progress();
        let before = progress.offset;
        let usage = Finder::new("\"usage\"");
        let result = Finder::new("\"tool_result\"");
        let mut new = (&mut file).take(length - before);
        let read = lines::read(&mut new, &mut progress, LONGEST, &mut |block| {
            self.block(block, &usage, &result);
        });
        self.finish_answer();
        self.figures.too_long += progress.too_long;
        self.figures.bytes += progress.offset - before;
        self.figures.files += u64::from(progress.offset > before);
        self.place.offset = progress.offset;
        self.place.skipping = progress.skipping;
        self.place.begins = begins(&mut file, progress.offset.min(BEGINS))?;
        read
    }

    /// Looks only at lines that have one of the two.
    fn block(&mut self, block: &[u8], usage: &Finder<'_>, result: &Finder<'_>) {
        let next = |finder: &Finder<'_>, from: usize| {
            let rest = block.get(from..)?;
            Some(from + finder.find(rest)?)
        };
        let mut hits = [next(usage, 0), next(result, 0)];
        while let Some(hit) = hits.into_iter().flatten().min() {
            let (before, after) = block.split_at(hit);
            let start = memrchr(b'\n', before).map_or(0, |it| it + 1);
            let end = hit + memchr(b'\n', after).unwrap_or(after.len());
            self.line(block.get(start..end).unwrap_or_default());
            for (hit, finder) in hits.iter_mut().zip([usage, result]) {
                if hit.is_some_and(|it| it < end) {
                    *hit = next(finder, end);
                }
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
            self.figures.unreadable += 1;
            return;
        };
        let Some(at) = line.at() else {
            self.figures.unreadable += 1;
            return;
        };
        let Some(who) = self.who(&line) else {
            self.figures.unreadable += 1;
            return;
        };
        self.tools(&line, &who, at);
        if let Some(call) = line.call() {
            self.answer(who, at, call);
        }
    }

    fn who(&mut self, line: &Line<'_>) -> Option<Who> {
        let session = line.session_id.as_deref()?;
        if self
            .session
            .as_ref()
            .is_none_or(|it| it.as_str() != session)
        {
            self.session = Some(SessionId::new(session).ok()?);
        }
        let main = self.agent(MAIN);
        let sub = line
            .agent_id
            .as_deref()
            .filter(|_| line.is_sidechain == Some(true));
        let sub = sub.and_then(|it| self.agent(it));
        let parent_agent = main.clone().filter(|_| sub.is_some());
        Some(Who {
            project: self.project.clone(),
            session: self.session.clone(),
            agent: sub.or(main),
            parent_agent,
            user: None,
        })
    }

    fn agent(&mut self, name: &str) -> Option<AgentId> {
        if let Some(known) = self.agents.iter().find(|it| it.as_str() == name) {
            return Some(known.clone());
        }
        let agent = AgentId::new(name).ok()?;
        if self.agents.len() == 16 {
            self.agents.pop();
        }
        self.agents.push(agent.clone());
        Some(agent)
    }

    /// One answer stands on several lines: its last figures count, and its last time.
    fn answer(&mut self, who: Who, at: Timestamp, call: CallSeen) {
        if let Some((_, so_far, known)) = &mut self.answer
            && known.keys == call.keys
            && known.keys.response.is_some()
            && known.model == call.model
            && input(known) == input(&call)
        {
            *so_far = at.max(*so_far);
            let total = |it: &CallSeen| it.usage.map_or(0, |it| it.total());
            if total(&call) > total(known) {
                known.usage = call.usage;
            }
            known.stop_reason = call.stop_reason.or(known.stop_reason);
            return;
        }
        self.finish_answer();
        self.answer = Some((who, at, call));
    }

    fn finish_answer(&mut self) {
        if let Some((who, at, call)) = self.answer.take() {
            self.figures.calls += 1;
            self.seen(who, at, What::Call(Box::new(call)));
        }
    }

    fn tools(&mut self, line: &Line<'_>, who: &Who, at: Timestamp) {
        let Some(message) = &line.message else {
            return;
        };
        for block in &message.content.0 {
            let kept = |it: &str| (it.len() <= ID).then(|| it.to_owned());
            if block.kind.as_deref() == Some("tool_use") {
                let (id, name) = (block.id.as_deref(), block.name.as_deref());
                if let (Some(id), Some(name)) = (id.and_then(kept), name.and_then(kept)) {
                    self.place.called(Tool { id, name, at });
                }
            } else if let Some(id) = &block.tool_use_id
                && let Some(called) = self.place.answered(id)
                && let Ok(tool) = ToolName::new(called.name)
            {
                let failed = block.is_error == Some(true);
                let outcome = if failed {
                    ToolOutcome::Failed
                } else {
                    ToolOutcome::Ok
                };
                let elapsed = Some(at.since(called.at));
                let call = Some(called.id);
                let tool = ToolSeen {
                    call,
                    span: None,
                    item: None,
                    tool,
                    outcome,
                    elapsed,
                };
                self.figures.tools += 1;
                self.seen(who.clone(), at, What::Tool(tool));
            }
        }
    }

    fn seen(&mut self, who: Who, at: Timestamp, what: What) {
        let channel = Channel::Transcript;
        (self.give)(Seen {
            who,
            at,
            channel,
            what,
        });
    }
}

fn input(call: &CallSeen) -> Option<u64> {
    call.usage.map(|it| it.input_total())
}

/// How many of the first bytes there are, up to `length`, and their hash.
fn begins(file: &mut File, length: u64) -> io::Result<(u64, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(length.min(BEGINS)).read_to_end(&mut bytes)?;
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    let hash = XxHash3_128::oneshot(&bytes) as u64;
    Ok((bytes.len() as u64, hash))
}
