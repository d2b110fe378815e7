//! What a fault does to an answer: a pure plan of steps.

use super::fault::Fault;
use super::ledger::Progress;
use super::play::Step;

/// An answer as it would go out without faults.
#[derive(Debug)]
pub(super) enum Whole {
    /// In one piece.
    Plain(String),
    /// As events or lines.
    Stream(Vec<String>),
}

/// An answer as it goes out.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) end: Progress,
    /// The length to announce; longer than what is sent when the answer is cut.
    pub(super) content_length: Option<usize>,
}

// Into how many parts an answer in one piece is divided, so that it can break between two.
const PLAIN_PARTS: usize = 4;

/// What goes out instead of `whole` because of `fault`. `error` is the event or body that stands
/// for an error under status 200, and `broken` a chunk that does not parse.
pub(super) fn plan(whole: Whole, fault: Option<&Fault>, error: String, broken: String) -> Plan {
    match whole {
        Whole::Plain(body) => plain(body, fault, error),
        Whole::Stream(chunks) => stream(chunks, fault, error, broken),
    }
}

fn plain(body: String, fault: Option<&Fault>, error: String) -> Plan {
    let length = body.len();
    let spoiled = |body: String| Plan {
        content_length: Some(body.len()),
        steps: vec![Step::Send(body)],
        end: Progress::Broken,
    };
    match fault {
        Some(Fault::ErrorEvent { .. }) => spoiled(error),
        Some(Fault::Malformed { after_chunks } | Fault::Unfinished { after_chunks }) => {
            let sent = parts(&body)
                .into_iter()
                .take(clamp(*after_chunks, PLAIN_PARTS));
            spoiled(sent.collect())
        }
        Some(
            Fault::Cut { .. }
            | Fault::Hold { .. }
            | Fault::Stall { .. }
            | Fault::SlowFirstChunk { .. },
        ) => Plan {
            content_length: Some(length),
            ..stream(parts(&body), fault, String::new(), String::new())
        },
        _ => Plan {
            content_length: Some(length),
            steps: vec![Step::Send(body)],
            end: Progress::Answered,
        },
    }
}

fn stream(chunks: Vec<String>, fault: Option<&Fault>, error: String, broken: String) -> Plan {
    let count = chunks.len();
    let mut steps: Vec<Step> = chunks.into_iter().map(Step::Send).collect();
    let mut end = Progress::Broken;
    match fault {
        Some(Fault::Cut { after_chunks }) => {
            steps.truncate(clamp(*after_chunks, count));
            steps.push(Step::Sever);
        }
        Some(Fault::Unfinished { after_chunks }) => {
            // The empty chunk lets a body without any others settle its request.
            steps.truncate(clamp(*after_chunks, count));
            steps.push(Step::Send(String::new()));
        }
        Some(Fault::Malformed { after_chunks }) => {
            if let Some(step) = steps.get_mut(clamp(*after_chunks, count)) {
                *step = Step::Send(broken);
            }
        }
        Some(Fault::ErrorEvent { after_chunks }) => {
            steps.truncate(clamp(*after_chunks, count));
            steps.push(Step::Send(error));
        }
        Some(Fault::Hold { after_chunks }) => {
            steps.insert(clamp(*after_chunks, count), Step::Hold);
            end = Progress::Answered;
        }
        Some(Fault::Stall {
            after_chunks,
            delay,
        }) => {
            steps.truncate(clamp(*after_chunks, count));
            steps.extend([Step::Delay(*delay), Step::Sever]);
        }
        Some(Fault::SlowFirstChunk { delay }) => {
            steps.insert(0, Step::Delay(*delay));
            end = Progress::Answered;
        }
        _ => end = Progress::Answered,
    }
    Plan {
        steps,
        end,
        content_length: None,
    }
}

/// A fault never comes after the last of `count` chunks.
fn clamp(after_chunks: usize, count: usize) -> usize {
    after_chunks.min(count.saturating_sub(1))
}

/// `body` in four parts of about equal size.
fn parts(body: &str) -> Vec<String> {
    let mut rest = body;
    let mut parts = Vec::with_capacity(PLAIN_PARTS);
    for left in (1..=PLAIN_PARTS).rev() {
        let mut at = rest.len() / left;
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (part, after) = rest.split_at(at);
        parts.push(part.to_owned());
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shown(plan: &Plan) -> String {
        plan.steps
            .iter()
            .map(|step| match step {
                Step::Send(chunk) => format!("[{chunk}]"),
                Step::Hold => "hold".to_owned(),
                Step::Delay(delay) => format!("wait {delay:?} "),
                Step::Sever => "sever".to_owned(),
            })
            .collect()
    }

    fn streamed(fault: Option<&Fault>) -> (String, Progress) {
        let chunks = ["a", "b", "end"].map(str::to_owned).to_vec();
        let plan = plan(
            Whole::Stream(chunks),
            fault,
            "error".into(),
            "broken".into(),
        );
        (shown(&plan), plan.end)
    }

    #[test]
    fn each_fault_spoils_a_stream_in_its_place() {
        let after_chunks = 1;
        for (fault, steps, end) in [
            (None, "[a][b][end]", Progress::Answered),
            (
                Some(Fault::Cut { after_chunks }),
                "[a]sever",
                Progress::Broken,
            ),
            (
                Some(Fault::Unfinished { after_chunks }),
                "[a][]",
                Progress::Broken,
            ),
            (
                Some(Fault::Malformed { after_chunks }),
                "[a][broken][end]",
                Progress::Broken,
            ),
            (
                Some(Fault::ErrorEvent { after_chunks }),
                "[a][error]",
                Progress::Broken,
            ),
            (
                Some(Fault::Hold { after_chunks }),
                "[a]hold[b][end]",
                Progress::Answered,
            ),
            (
                Some(Fault::Stall {
                    after_chunks,
                    delay: Duration::from_secs(30),
                }),
                "[a]wait 30s sever",
                Progress::Broken,
            ),
            (
                Some(Fault::SlowFirstChunk {
                    delay: Duration::from_secs(20),
                }),
                "wait 20s [a][b][end]",
                Progress::Answered,
            ),
        ] {
            assert_eq!(
                streamed(fault.as_ref()),
                (steps.to_owned(), end),
                "{fault:?}"
            );
        }
    }

    #[test]
    fn no_fault_comes_after_the_end() {
        let late = Fault::Cut { after_chunks: 99 };
        assert_eq!(streamed(Some(&late)).0, "[a][b]sever");
    }

    #[test]
    fn a_cut_answer_announces_its_whole_length() {
        let cut = Fault::Cut { after_chunks: 2 };
        let plan = plan(
            Whole::Plain("12345678".into()),
            Some(&cut),
            String::new(),
            String::new(),
        );
        assert_eq!(
            (shown(&plan).as_str(), plan.content_length),
            ("[12][34]sever", Some(8))
        );
    }

    #[test]
    fn a_malformed_answer_is_complete_for_http() {
        let fault = Fault::Malformed { after_chunks: 2 };
        let plan = plan(
            Whole::Plain("{\"a\": 1}".into()),
            Some(&fault),
            String::new(),
            String::new(),
        );
        assert_eq!(
            (shown(&plan).as_str(), plan.content_length),
            ("[{\"a\"]", Some(4))
        );
    }

    #[test]
    fn parts_join_to_the_body() {
        for body in ["", "x", "日本語日本語", "{\"text\": \"äöü\"}"] {
            assert_eq!(parts(body).len(), PLAIN_PARTS);
            assert_eq!(parts(body).concat(), body);
        }
    }
}
