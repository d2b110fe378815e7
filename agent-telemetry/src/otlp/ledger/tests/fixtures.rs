//! Cases that users of other programs reported, and what follows from them.

use std::collections::BTreeMap;

use super::super::key::Ids;
use super::super::mark::{self, Mark};
use super::super::once::Told;
use super::super::session::{AGENTS, Figures, Seat};
use super::*;

fn with_ids(mut call: CallSeen, request: Option<&str>, response: Option<&str>) -> CallSeen {
    call.keys.request = request.map(str::to_owned);
    call.keys.response = response.map(str::to_owned);
    call
}

fn line(seconds: f64, request: Option<&str>, response: Option<&str>, usage: TokenUsage) -> Seen {
    let call = with_ids(call(Some(usage)), request, response);
    seen(Channel::Transcript, seconds, call)
}

fn of(session: &str, mut seen: Seen) -> Seen {
    seen.who = who(session);
    seen
}

/// One request, as five channels tell it.
fn one_request() -> [Vec<Seen>; 5] {
    let mut event = with_ids(call(Some(usage())), Some("req_1"), None);
    event.cost = Some(COST);
    event.latency = Some(Duration::from_secs(7));
    let mut span = with_ids(call(Some(usage())), None, Some("msg_1"));
    span.keys.span = Some((5, 6));
    span.first_token = Some(Duration::from_secs(1));
    let mut by_span = seen(Channel::Span, 10.01, span);
    by_span.who.agent = Some(AgentId::new("explore").unwrap());
    by_span.who.parent_agent = Some(AgentId::new("claude-code").unwrap());
    let tokens = |channel, source| {
        let buckets = [
            (Bucket::Input, 10),
            (Bucket::CacheRead, 20_000),
            (Bucket::CacheWrite, 300),
            (Bucket::Output, 500),
            (Bucket::Cost, u64::try_from(COST.picos()).unwrap()),
        ];
        buckets
            .map(|(bucket, it)| amount(channel, source, bucket, it))
            .to_vec()
    };
    let lines = (0..3).map(|it| line(7.0 + f64::from(it), Some("req_1"), Some("msg_1"), usage()));
    [
        tokens(Channel::Metric, "claude_code.token.usage"),
        vec![seen(Channel::Event, 10.0, event)],
        vec![by_span],
        tokens(Channel::Hook, "statusline"),
        lines.collect(),
    ]
}

fn orders(left: &[usize], so_far: Vec<usize>, all: &mut Vec<Vec<usize>>) {
    if left.is_empty() {
        all.push(so_far);
        return;
    }
    for place in 0..left.len() {
        let (mut left, mut so_far) = (left.to_vec(), so_far.clone());
        so_far.push(left.remove(place));
        orders(&left, so_far, all);
    }
}

#[test]
fn one_request_told_by_five_channels_in_any_order_is_one_call() {
    let mut all = Vec::new();
    orders(&[0, 1, 2, 3, 4], Vec::new(), &mut all);
    assert_eq!(all.len(), 120);
    for hold in [Duration::ZERO, Duration::from_secs(2)] {
        for order in &all {
            let channels = one_request();
            let mut ledger = Ledger::new(LedgerConfig {
                hold,
                ..LedgerConfig::default()
            });
            let items = order.iter().flat_map(|it| channels[*it].clone());
            let records = recorded(&mut ledger, items);
            let calls = calls(&records);
            assert_eq!(calls.len(), 1, "{order:?} {calls:#?}");
            assert_eq!(calls[0].usage, usage(), "{order:?}");
            assert_eq!(calls[0].attempts, 1);
            if hold > Duration::ZERO {
                assert_eq!(calls[0].cost, Some(COST), "{order:?}");
                assert_eq!(calls[0].latency, Duration::from_secs(7));
                assert_eq!(calls[0].first_token, Some(Duration::from_secs(1)));
                let of_call = records
                    .iter()
                    .find(|it| matches!(it.body, Body::ModelCall(_)));
                assert_eq!(of_call.unwrap().agent.as_ref().unwrap().as_str(), "explore");
            }
            let coverage = ledger.coverage(&session("s1")).unwrap();
            assert_eq!(coverage.coverage(), Some(1.0), "{order:?}");
            assert_eq!(
                (
                    coverage.calls,
                    coverage.calls_by.events,
                    coverage.calls_by.spans,
                    coverage.calls_by.transcripts
                ),
                (1, 1, 1, 1),
            );
            assert_eq!(coverage.duplicates.transcripts, 2, "{order:?}");
            assert_eq!(coverage.unexplained_records, 0);
        }
    }
}

#[test]
fn an_answer_that_stands_on_many_lines_is_one_call_with_its_last_figures() {
    let frame = |output| TokenUsage::new(10, output).with_cache_read(900);
    for hold in [Duration::ZERO, Duration::from_secs(2)] {
        let lines =
            [1, 7, 300, 300].map(|output| line(1.0, Some("req_1"), Some("msg_1"), frame(output)));
        let mut ledger = Ledger::new(LedgerConfig {
            hold,
            ..LedgerConfig::default()
        });
        let records = recorded(&mut ledger, lines);
        assert_eq!(sum(&records), frame(300));
        let with_call = calls(&records).iter().filter(|it| it.attempts > 0).count();
        assert_eq!(with_call, 1);
    }
}

/// ccusage#913: what `/btw` repeats of its parent has the same message and another request.
#[test]
fn a_side_chain_that_repeats_its_parent_counts_nothing() {
    let lines = [
        line(1.0, Some("req_1"), Some("msg_1"), usage()),
        line(1.0, Some("req_2"), Some("msg_1"), usage()),
        line(9.0, Some("req_3"), Some("msg_3"), TokenUsage::new(5, 5)),
    ];
    let records = recorded(&mut ledger(), lines);
    assert_eq!(calls(&records).len(), 2);
    assert_eq!(sum(&records), usage() + TokenUsage::new(5, 5));
}

/// ccusage#985: gateways and subagents leave the request out.
#[test]
fn without_a_request_the_message_is_enough() {
    let lines = [0.0, 0.5, 40.0].map(|it| line(it, None, Some("msg_1"), usage()));
    let records = recorded(&mut ledger(), lines);
    assert_eq!(calls(&records).len(), 1);
    assert_eq!(sum(&records), usage());
}

/// ccusage#1635: a relay gives all answers one id.
#[test]
fn answers_with_one_id_for_all_are_told_apart_by_session_and_input() {
    let lines = [
        line(0.0, None, Some("ocgo"), TokenUsage::new(100, 7)),
        line(5.0, None, Some("ocgo"), TokenUsage::new(230, 7)),
        of("s2", line(6.0, None, Some("ocgo"), TokenUsage::new(100, 7))),
    ];
    let records = recorded(&mut ledger(), lines);
    assert_eq!(sum(&records), TokenUsage::new(430, 21));
}

/// ccusage#1762: copies of a transcript, as resumed and forked sessions have them.
#[test]
fn a_copy_in_another_session_counts_nothing() {
    let lines = [
        line(0.0, Some("req_1"), Some("msg_1"), usage()),
        of("s2", line(0.0, Some("req_1"), Some("msg_1"), usage())),
        of("s3", line(3.0, Some("req_1"), Some("msg_1"), usage())),
        line(9.0, None, Some("msg_2"), usage()),
        of("s2", line(9.0, None, Some("msg_2"), usage())),
    ];
    let records = recorded(&mut ledger(), lines);
    assert_eq!(calls(&records).len(), 2);
}

/// claude-code#92776: metrics stop in the middle of a session, or events do.
#[test]
fn a_channel_that_stops_is_made_up_for_by_the_other() {
    let half = TokenUsage::new(100, 50);
    let event = |it: u32| {
        let request = format!("req_{it}");
        seen(
            Channel::Event,
            f64::from(it) * 20.0,
            with_ids(call(Some(half)), Some(&request), None),
        )
    };
    let metric = |times: u64| {
        let told = [(Bucket::Input, 100 * times), (Bucket::Output, 50 * times)];
        told.map(|(bucket, it)| amount(Channel::Metric, "claude_code.token.usage", bucket, it))
    };
    let mut events_stop = ledger();
    let records = recorded(&mut events_stop, [event(0)].into_iter().chain(metric(4)));
    assert_eq!(sum(&records), TokenUsage::new(400, 200));
    let rest: Vec<_> = calls(&records)
        .into_iter()
        .filter(|it| it.attempts == 0)
        .collect();
    assert_eq!((rest.len(), rest[0].usage), (1, TokenUsage::new(300, 150)));
    let coverage = events_stop.coverage(&session("s1")).unwrap();
    assert_eq!(coverage.coverage(), Some(0.25));
    assert_eq!(
        coverage.to_string(),
        "s1: 25.0 % of 600 tokens told by 1 calls (1 events), 450 tokens without a call",
    );
    let mut metrics_stop = ledger();
    let records = recorded(
        &mut metrics_stop,
        metric(1).into_iter().chain((0..4).map(event)),
    );
    assert_eq!(
        (sum(&records), calls(&records).len()),
        (TokenUsage::new(400, 200), 4)
    );
}

/// A call that comes after its amounts became usage is recorded with nothing but itself.
#[test]
fn a_call_that_comes_late_is_recorded_with_what_is_left() {
    let mut ledger = ledger();
    let metrics = one_request()[0].clone();
    let before = recorded(&mut ledger, metrics);
    assert_eq!((sum(&before), cost(&before)), (usage(), COST));
    let after = recorded(&mut ledger, one_request()[1].clone());
    let late = calls(&after);
    assert_eq!(
        (late.len(), late[0].usage, late[0].cost),
        (1, TokenUsage::ZERO, Some(Usd::ZERO))
    );
    assert_eq!(
        (late[0].attempts, late[0].latency),
        (1, Duration::from_secs(7))
    );
    // Nothing is owed any more.
    let next = with_ids(call(Some(usage())), Some("req_2"), None);
    let next = recorded(&mut ledger, [seen(Channel::Event, 99.0, next)]);
    assert_eq!(sum(&next), usage());
}

#[test]
fn amounts_wait_for_their_calls() {
    let mut ledger = ledger();
    let mut out = Vec::new();
    for seen in one_request()[0].clone() {
        ledger.see(seen, &mut out);
    }
    out.clear();
    ledger.settle(at(100.0), &mut out);
    ledger.settle(at(189.0), &mut out);
    assert_eq!(out, []);
    ledger.settle(at(190.0), &mut out);
    assert_eq!(out.len(), 1);
}

/// The token histogram of OpenTelemetry counts cached input as well.
#[test]
fn two_metrics_that_tell_the_same_are_not_added() {
    let mut ledger = ledger();
    let mut all = one_request()[0].clone();
    all.push(amount(
        Channel::Metric,
        "gen_ai.client.token.usage",
        Bucket::InputInclusive,
        20_310,
    ));
    all.push(amount(
        Channel::Metric,
        "gen_ai.client.token.usage",
        Bucket::Output,
        500,
    ));
    let records = recorded(&mut ledger, all);
    assert_eq!((sum(&records), cost(&records)), (usage(), COST));
    // And input that may be cached is explained by a call that knows.
    let mut ledger = super::ledger();
    let inclusive = amount(
        Channel::Metric,
        "gen_ai.client.token.usage",
        Bucket::InputInclusive,
        20_310,
    );
    let mut records = recorded(&mut ledger, [inclusive]);
    records.extend(recorded(&mut ledger, one_request()[1].clone()));
    assert_eq!(
        (sum(&records).input_total(), sum(&records).output()),
        (20_310, 500)
    );
}

#[test]
fn metrics_without_a_session_are_explained_by_calls_of_all_sessions() {
    let mut ledger = ledger();
    let mut metrics = one_request()[0].clone();
    for seen in &mut metrics {
        seen.who.session = None;
    }
    let records = recorded(
        &mut ledger,
        one_request()[1].clone().into_iter().chain(metrics.clone()),
    );
    assert_eq!((sum(&records), cost(&records)), (usage(), COST));
    let mut ledger = super::ledger();
    let mut records = recorded(&mut ledger, metrics);
    records.extend(recorded(&mut ledger, one_request()[1].clone()));
    assert_eq!((sum(&records), cost(&records)), (usage(), COST));
}

#[test]
fn two_equal_calls_told_by_two_channels_without_ids_stay_two() {
    for gap in [0.0, 1.0] {
        let told = |channel, seconds| seen(channel, seconds, call(Some(usage())));
        let all = [
            told(Channel::Event, 1.0),
            told(Channel::Event, 1.0 + gap),
            told(Channel::Span, 1.1),
            told(Channel::Span, 1.1 + gap),
        ];
        let records = recorded(&mut ledger(), all);
        assert_eq!(calls(&records).len(), 2);
        assert_eq!(sum(&records), usage() + usage());
    }
}

#[test]
fn equal_calls_with_different_ids_or_far_apart_are_two() {
    let event = with_ids(call(Some(usage())), Some("req_1"), None);
    let other = with_ids(call(Some(usage())), Some("req_2"), None);
    let all = [
        seen(Channel::Event, 1.0, event.clone()),
        seen(Channel::Span, 1.0, other),
    ];
    assert_eq!(calls(&recorded(&mut ledger(), all)).len(), 2);
    let all = [
        seen(Channel::Event, 1.0, event),
        seen(Channel::Span, 12.0, call(Some(usage()))),
    ];
    assert_eq!(calls(&recorded(&mut ledger(), all)).len(), 2);
}

#[test]
fn an_event_within_the_span_of_its_call_belongs_to_it_and_those_within_a_longer_span_do_not() {
    let within = |usage| {
        let mut call = call(usage);
        call.keys.span = Some((1, 2));
        call
    };
    // An event without tokens, long before the end of the span.
    let all = [
        seen(Channel::Event, 1.0, within(None)),
        seen(Channel::Span, 30.0, within(Some(usage()))),
    ];
    assert_eq!(calls(&recorded(&mut ledger(), all)).len(), 1);
    let all = [
        seen(Channel::Event, 1.0, within(Some(usage()))),
        seen(Channel::Event, 30.0, within(Some(usage()))),
    ];
    assert_eq!(calls(&recorded(&mut ledger(), all)).len(), 2);
}

#[test]
fn calls_that_turn_out_to_be_one_are_taken_back() {
    // Nothing in common but what comes last.
    let event = with_ids(call(Some(usage())), Some("req_1"), None);
    let span = with_ids(call(Some(usage())), None, Some("msg_1"));
    let both = with_ids(call(Some(usage())), Some("req_1"), Some("msg_1"));
    let next = with_ids(call(Some(usage())), Some("req_2"), None);
    let mut ledger = ledger();
    let mut records = Vec::new();
    for (seconds, channel, it) in [
        (1.0, Channel::Event, event),
        (99.0, Channel::Span, span),
        (99.0, Channel::Transcript, both),
        (200.0, Channel::Event, next),
    ] {
        records.extend(recorded(&mut ledger, [seen(channel, seconds, it)]));
    }
    // Two requests were made; three records of them were, of which the last is smaller.
    assert_eq!(calls(&records).len(), 3);
    assert_eq!(sum(&records), usage() + usage());
    let coverage = ledger.coverage(&session("s1")).unwrap();
    assert_eq!((coverage.calls, coverage.told_apart), (2, 1));
}

/// What a store has of these entries and of what changed since.
fn stored(ledger: &mut Ledger, out: &mut Vec<Entry>) -> BTreeMap<u128, Vec<u8>> {
    let marks = out.drain(..).flat_map(|it| it.marks);
    let marks: Vec<_> = marks.chain(ledger.take_marks()).collect();
    marks.into_iter().collect()
}

#[test]
fn calls_that_turned_out_to_be_one_stay_one_after_a_restart() {
    let told = |channel, seconds, request, response| {
        seen(
            channel,
            seconds,
            with_ids(call(Some(usage())), request, response),
        )
    };
    for (of_event, of_span) in [(1.0, 99.0), (99.0, 1.0)] {
        let both = || told(Channel::Transcript, 99.0, Some("req_1"), Some("msg_1"));
        let mut first = ledger();
        let mut out = Vec::new();
        for seen in [
            told(Channel::Event, of_event, Some("req_1"), None),
            told(Channel::Span, of_span, None, Some("msg_1")),
        ] {
            first.see(seen, &mut out);
            first.record_held(&mut out);
        }
        first.see(both(), &mut out);
        let states = stored(&mut first, &mut out);
        for is_backwards in [false, true] {
            let mut states: Vec<_> = states.values().collect();
            if is_backwards {
                states.reverse();
            }
            let mut restarted = ledger();
            for state in states {
                restarted.restore(state);
            }
            assert_eq!(restarted.figures().marks_refused, 0);
            for again in [
                told(Channel::Event, of_event, Some("req_1"), None),
                told(Channel::Span, of_span, None, Some("msg_1")),
            ] {
                assert_eq!(recorded(&mut restarted, [again]), []);
            }
            let later = [both()]
                .into_iter()
                .chain(["req_2", "req_3"].map(|request| {
                    let channel = Channel::Event;
                    told(channel, 300.0, Some(request), None)
                }));
            // The first of the other two takes what was recorded once too often.
            let records = recorded(&mut restarted, later);
            assert_eq!(sum(&records), usage());
            let coverage = restarted.coverage(&session("s1")).unwrap();
            assert_eq!((coverage.calls, coverage.told_apart), (3, 1));
        }
    }
}

#[test]
fn of_tool_calls_that_turn_out_to_be_one_a_single_state_stays() {
    let told = |channel, call: Option<&str>, span| {
        let tool = ToolSeen {
            call: call.map(str::to_owned),
            span,
            item: None,
            tool: ToolName::new("Bash").unwrap(),
            outcome: ToolOutcome::Ok,
            elapsed: None,
        };
        Seen {
            who: who("s1"),
            at: at(if call.is_some() { 1.0 } else { 99.0 }),
            channel,
            what: What::Tool(tool),
        }
    };
    let (id, span) = (Some("toolu_0123456789abcdef"), Some((5, 6)));
    let mut ledger = ledger();
    let mut out = Vec::new();
    for seen in [
        told(Channel::Event, id, None),
        told(Channel::Span, None, span),
        told(Channel::Span, id, span),
    ] {
        ledger.see(seen, &mut out);
        ledger.record_held(&mut out);
    }
    let states = stored(&mut ledger, &mut out);
    let of_kind = |kind: u8| states.values().filter(|it| it[0] == kind).count();
    assert_eq!((of_kind(b't'), of_kind(b'g')), (1, 1));
}

#[test]
fn tools_are_told_once_and_agents_start_once() {
    let tool = |channel, elapsed: Option<u64>| {
        let tool = ToolSeen {
            call: Some("toolu_1".to_owned()),
            span: None,
            item: None,
            tool: ToolName::new("Bash").unwrap(),
            outcome: ToolOutcome::Failed,
            elapsed: elapsed.map(Duration::from_secs),
        };
        Seen {
            who: who("s1"),
            at: at(5.0),
            channel,
            what: What::Tool(tool),
        }
    };
    let all = [
        tool(Channel::Transcript, None),
        tool(Channel::Event, Some(3)),
        tool(Channel::Event, Some(3)),
    ];
    let records = recorded(&mut ledger(), all);
    assert_eq!(records.len(), 2);
    assert!(matches!(records[0].body, Body::SessionStart(_)));
    let Body::ToolCall(tool) = &records[1].body else {
        panic!("{:?}", records[1]);
    };
    assert_eq!(
        (tool.outcome, tool.elapsed),
        (ToolOutcome::Failed, Duration::from_secs(3))
    );
}

#[test]
fn short_id_of_a_tool_call_is_one_within_its_session_or_its_trace_and_a_long_one_anywhere() {
    use Channel::{Event, Span, Transcript};

    let tool = |session: Option<&str>, channel, trace: Option<u128>, id: &str| Seen {
        who: session.map(who).unwrap_or_default(),
        at: at(5.0),
        channel,
        what: What::Tool(ToolSeen {
            call: Some(id.to_owned()),
            span: trace.map(|it| (it, u64::from(channel == Channel::Span))),
            item: None,
            tool: ToolName::new("Bash").unwrap(),
            outcome: ToolOutcome::Ok,
            elapsed: None,
        }),
    };
    let count = |all: Vec<Seen>| {
        let records = recorded(&mut ledger(), all);
        let tools = records.iter();
        tools
            .filter(|it| matches!(it.body, Body::ToolCall(_)))
            .count()
    };
    let (s1, s2, long) = (Some("s1"), Some("s2"), "toolu_01AbCdEfGhIj");
    let in_two = |id| {
        let all = [(s1, Event), (s2, Event), (s1, Transcript), (s2, Transcript)];
        count(
            all.map(|(session, channel)| tool(session, channel, None, id))
                .to_vec(),
        )
    };
    assert_eq!((in_two("call_0"), in_two(long)), (2, 1));
    let in_trace = |trace| {
        let event = tool(s1, Event, Some(1), "call_0");
        count(vec![event, tool(None, Span, Some(trace), "call_0")])
    };
    assert_eq!((in_trace(1), in_trace(2)), (1, 2));
}

#[test]
fn call_of_which_metrics_told_a_part_before_says_all_that_it_used() {
    let mut ledger = ledger();
    let mut out = Vec::new();
    ledger.see(amount(Channel::Metric, "m", Bucket::Output, 20), &mut out);
    ledger.flush(at(100.0), &mut out);
    out.clear();
    ledger.see(seen(Channel::Event, 99.0, call(Some(usage()))), &mut out);
    ledger.flush(at(100.0), &mut out);
    let [entry] = out.as_slice() else {
        panic!("{out:?}");
    };
    let Body::ModelCall(call) = &entry.record.body else {
        panic!("{entry:?}");
    };
    assert_eq!(entry.usage, Some(usage()));
    assert_eq!(call.usage.total() + 20, usage().total());
}

#[test]
fn a_subagent_starts_with_its_parent() {
    let mut sub = seen(Channel::Span, 5.0, call(Some(usage())));
    sub.who.agent = Some(AgentId::new("explore").unwrap());
    sub.who.parent_agent = Some(AgentId::new("claude-code").unwrap());
    let began = |resumed| Seen {
        what: What::Began { resumed },
        ..seen(Channel::Event, 0.0, call(None))
    };
    let records = recorded(
        &mut ledger(),
        [began(false), began(false), sub, began(true)],
    );
    let told: Vec<_> = records
        .iter()
        .map(|it| (it.agent.as_ref().unwrap().as_str(), &it.body))
        .collect();
    assert!(matches!(told[0], ("claude-code", Body::SessionStart(task)) if task.parent.is_none()));
    assert!(matches!(told[1], ("claude-code", Body::SessionResume(_))));
    let ("explore", Body::SessionStart(task)) = told[2] else {
        panic!("{told:?}");
    };
    assert_eq!(
        task.parent
            .as_ref()
            .unwrap()
            .agent
            .as_ref()
            .unwrap()
            .as_str(),
        "claude-code"
    );
    assert!(matches!(told[3], ("explore", Body::ModelCall(_))));
}

#[test]
fn all_that_is_kept_is_bounded() {
    let config = LedgerConfig {
        sessions: 10,
        keys: 160,
        held: 5,
        ..LedgerConfig::default()
    };
    let mut ledger = Ledger::new(config);
    let mut records = Vec::new();
    for it in 0..1_000_u32 {
        let (request, name) = (format!("req_{it}"), format!("s{}", it % 100));
        let event = with_ids(call(Some(usage())), Some(&request), None);
        let mut out = Vec::new();
        ledger.see(
            of(&name, seen(Channel::Event, f64::from(it), event)),
            &mut out,
        );
        records.extend(out.into_iter().map(|it| it.record));
        assert!(ledger.sessions().count() <= 10);
        assert!(ledger.held.len() <= 10);
    }
    records.extend(recorded(&mut ledger, []));
    // None was lost for it.
    assert_eq!(calls(&records).len(), 1_000);
    let figures = ledger.figures();
    assert!(
        figures.sessions_evicted > 900 && figures.forgotten > 800,
        "{figures:?}"
    );
}

#[test]
fn states_that_are_not_ours_are_refused_and_counted() {
    let mut ledger = ledger();
    for state in [&b""[..], b"{}", b"\xff", b"c\x01", b"c", b"e\x01"] {
        ledger.restore(state);
    }
    assert_eq!(ledger.figures().marks_refused, 6);
}

#[test]
fn states_are_read_as_a_whole_or_not_at_all() {
    let (mut first, mut out) = (ledger(), Vec::new());
    for seen in one_request().into_iter().flatten() {
        first.see(seen, &mut out);
    }
    first.flush(at(100.0), &mut out);
    let mut marks: Vec<_> = out.into_iter().flat_map(|it| it.marks).collect();
    marks.extend(first.take_marks());
    let kinds: std::collections::BTreeSet<_> = marks.iter().map(|(_, state)| state[0]).collect();
    assert_eq!(kinds.len(), 3, "a call, a session and sums: {kinds:?}");
    for (_, state) in marks {
        let mut ledger = ledger();
        ledger.restore(&state);
        assert_eq!(ledger.figures().marks_refused, 0, "{state:?}");
        let longer = [state.as_slice(), &[0]].concat();
        let mut later = state.clone();
        later[1] += 1;
        let cut = (0..state.len()).map(|end| &state[..end]);
        let wrong: Vec<_> = cut.chain([longer.as_slice(), &later]).collect();
        for state in &wrong {
            ledger.restore(state);
        }
        assert_eq!(ledger.figures().marks_refused, wrong.len() as u64);
    }
}

#[test]
fn state_with_more_keys_than_a_call_has_is_refused() {
    for (number, is_read) in [(0, true), (16, true), (17, false)] {
        let ids = Ids::default();
        let mut told = Told::new(who("s1"), at(1.0), Channel::Span, ids, call(Some(usage())));
        told.keys = (0..number).collect();
        assert_eq!(
            Mark::read(&mark::of_call(&told)).is_some(),
            is_read,
            "{number}"
        );
    }
}

#[test]
fn state_of_a_session_with_more_agents_than_are_kept_is_refused() {
    for (agents, is_read) in [(AGENTS, true), (AGENTS + 1, false)] {
        let seats = (0..agents).map(|_| Seat::default()).collect();
        let figures = Figures {
            seats,
            ..Figures::default()
        };
        let state = mark::of_session(&session("s1"), &figures);
        assert_eq!(Mark::read(&state).is_some(), is_read, "{agents}");
    }
}

#[test]
fn marks_of_calls_lie_in_the_order_of_their_times_and_stay_there() {
    let keys = |ledger: &mut Ledger, told: Vec<Seen>| {
        let mut out = Vec::new();
        for seen in told {
            ledger.see(seen, &mut out);
        }
        ledger.flush(at(500.0), &mut out);
        let marks = out.into_iter().flat_map(|it| it.marks);
        let marks: Vec<_> = marks.chain(ledger.take_marks()).collect();
        let of_calls = marks.iter().filter(|(_, state)| state[0] == b'c');
        let keys: Vec<u128> = of_calls.map(|(key, _)| *key).collect();
        (keys, marks)
    };
    let request = |number: i32| format!("req_{number}");
    let line = |number: i32| line(f64::from(number), Some(&request(number)), None, usage());
    let (in_order, marks) = keys(&mut ledger(), (0..300).map(line).collect());
    assert_eq!(in_order.len(), 300);
    assert!(in_order.is_sorted());

    let mut restarted = ledger();
    for (_, state) in &marks {
        restarted.restore(state);
    }
    // Events have a key that was not known: the states change, told the other way round.
    let events = (0..300).rev().map(|number| {
        let mut event = with_ids(call(Some(usage())), Some(&request(number)), None);
        event.keys.item = Some(u128::from(number.unsigned_abs()));
        seen(Channel::Event, f64::from(number) + 0.5, event)
    });
    let (mut again, _) = keys(&mut restarted, events.collect());
    again.sort_unstable();
    assert_eq!(again, in_order);
}
