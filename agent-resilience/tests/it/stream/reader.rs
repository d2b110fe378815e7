//! Events out of bytes: wherever they are cut, whatever stands in them.

use agent_primitives::FailureKind;
use agent_resilience::classify::Vendor;
use agent_resilience::{EventReader, EventStream, EventTooLarge, Failure};
use futures_util::{StreamExt, stream};
use proptest::prelude::*;

fn read(mut reader: EventReader, bytes: &[u8], piece: usize) -> Vec<String> {
    let mut events = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        while let Some(data) = reader.next_event(&mut rest).unwrap() {
            events.push(String::from_utf8_lossy(data).into_owned());
        }
        assert!(rest.is_empty());
    }
    if let Some(data) = reader.last_event() {
        events.push(String::from_utf8_lossy(data).into_owned());
    }
    events
}

#[test]
fn events_do_not_depend_on_where_the_bytes_are_cut() {
    let body = "\u{feff}data: first\r\n\r\nevent: a\rid: 7\rdata: {\"x\":\rdata: \"é\"}\r\r: comment\n\n\
                retry: 10\ndata:[DONE]\n\ndata\n\nfield\ndata:  two spaces\n\ndata: cut";
    for piece in 1..=body.len() {
        assert_eq!(
            read(EventReader::sse(), body.as_bytes(), piece),
            ["first", "{\"x\":\n\"é\"}", "[DONE]", "", " two spaces"],
            "pieces of {piece}"
        );
    }
}

#[test]
fn lines_are_events_and_the_last_needs_no_end() {
    let body = b"{\"a\":1}\r\n\n\r\n{\"b\":2}\n{\"c\":3}";
    for piece in 1..=body.len() {
        assert_eq!(
            read(EventReader::lines(), body, piece),
            ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"],
            "pieces of {piece}"
        );
    }
}

#[test]
fn an_event_of_the_bound_is_read_and_one_byte_more_is_not() {
    let fits = read(EventReader::sse().max_event_bytes(10), b"data: 1234\n\n", 3);
    assert_eq!(fits, ["1234"]);
    for body in [
        &b"data: 12345\n\n"[..],
        b": a long comment\n",
        b"no end of line for ever",
        b"data: 123\ndata: 456\ndata: 789\n\n",
    ] {
        for piece in 1..=body.len() {
            let mut reader = EventReader::sse().max_event_bytes(10);
            let outcome = body.chunks(piece).try_for_each(|chunk| {
                let mut rest = chunk;
                reader.next_event(&mut rest).map(drop)
            });
            assert_eq!(outcome.unwrap_err().max, 10);
            let mut rest = &b"data: 1\n\n"[..];
            assert!(reader.next_event(&mut rest).is_err(), "and stays so");
            assert_eq!(reader.last_event(), None);
        }
    }
}

#[test]
fn a_reader_says_whether_it_is_amid_an_event() {
    let mut reader = EventReader::sse();
    assert!(!reader.is_amid_event());
    let mut rest = &b"data: 1"[..];
    assert_eq!(reader.next_event(&mut rest), Ok(None));
    assert!(reader.is_amid_event());
    let mut rest = &b"\n"[..];
    assert_eq!(reader.next_event(&mut rest), Ok(None));
    assert!(reader.is_amid_event(), "its data is not ended");
    let mut rest = &b"\n"[..];
    assert_eq!(reader.next_event(&mut rest), Ok(Some(&b"1"[..])));
    assert!(!reader.is_amid_event());
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    })]

    /// Any bytes, any cuts: the same events, or the same refusal, and never more kept than allowed.
    #[test]
    fn hostile_bytes_are_read_alike_however_they_are_cut(
        bytes in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), any::<u8>()],
            0..200,
        ),
        words in prop::collection::vec(prop_oneof![Just("data: x\n"), Just("\n"), Just("data")], 0..6),
        piece in 1_usize..40,
        lines in any::<bool>(),
    ) {
        let mut body = words.concat().into_bytes();
        body.extend(bytes);
        let outcome = |piece: usize| {
            let reader = if lines { EventReader::lines() } else { EventReader::sse() };
            let mut reader = reader.max_event_bytes(32);
            let mut events: Vec<Result<Vec<u8>, EventTooLarge>> = Vec::new();
            'chunks: for chunk in body.chunks(piece) {
                let mut rest = chunk;
                loop {
                    match reader.next_event(&mut rest) {
                        Ok(Some(data)) => {
                            assert!(data.len() <= 32);
                            events.push(Ok(data.to_vec()));
                        }
                        Ok(None) => break,
                        Err(error) => {
                            events.push(Err(error));
                            break 'chunks;
                        }
                    }
                }
            }
            events.extend(reader.last_event().map(|data| Ok(data.to_vec())));
            events
        };
        prop_assert_eq!(outcome(piece), outcome(body.len().max(1)));
    }
}

type Items = Vec<Result<String, Failure>>;

async fn items(chunks: Vec<Result<&'static str, std::io::Error>>) -> Items {
    let read = |data: &[u8]| match data {
        b"skip" => Ok(None),
        b"bad" => Err(Failure::from(
            EventReader::sse()
                .max_event_bytes(0)
                .next_event(&mut &b"x"[..])
                .unwrap_err(),
        )),
        data => Ok(Some(String::from_utf8_lossy(data).into_owned())),
    };
    EventStream::new(
        stream::iter(chunks),
        EventReader::sse(),
        Vendor::OpenAi,
        read,
    )
    .collect()
    .await
}

fn kinds(items: &Items) -> Vec<Result<&str, FailureKind>> {
    items
        .iter()
        .map(|item| item.as_deref().map_err(Failure::kind))
        .collect()
}

#[tokio::test]
async fn chunks_become_items_and_what_has_no_use_is_left_out() {
    let seen = items(vec![
        Ok("data: a\n\ndata: skip\n\nda"),
        Ok(""),
        Ok("ta: b\n\n"),
    ])
    .await;
    assert_eq!(kinds(&seen), [Ok("a"), Ok("b")]);
}

#[tokio::test]
async fn a_connection_that_breaks_and_an_event_that_cannot_be_read_are_the_last() {
    let reset = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let seen = items(vec![Ok("data: a\n\nda"), Err(reset()), Ok("ta: b\n\n")]).await;
    assert_eq!(kinds(&seen), [Ok("a"), Err(FailureKind::StreamCut)]);
    let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
    let seen = items(vec![Err(late)]).await;
    assert_eq!(kinds(&seen), [Err(FailureKind::Timeout)]);
    let seen = items(vec![Ok("data: bad\n\ndata: a\n\n")]).await;
    assert_eq!(kinds(&seen), [Err(FailureKind::StreamCut)]);
}

#[tokio::test]
async fn an_event_that_stops_the_answer_is_given_before_its_verdict() {
    let last = r#"{"choices":[{"delta":{"content":"end"},"finish_reason":"length"}]}"#;
    let body: &'static str = Box::leak(format!("data: {last}\n\n").into_boxed_str());
    let seen = items(vec![Ok(body)]).await;
    assert_eq!(kinds(&seen), [Ok(last), Err(FailureKind::OutputLimit)]);
}

#[tokio::test]
async fn what_trails_a_stopped_chat_completion_is_read_before_its_verdict() {
    const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}"#;
    let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}\n\n";
    let reset = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let verdict = Err(FailureKind::OutputLimit);
    for rest in [
        vec![Ok("data: [DONE]\n\ndata: a\n\n")],
        vec![],
        vec![Err(reset())],
        vec![Ok("data: bad\n\ndata: skip\n\ndata: [DONE]\n\n")],
    ] {
        let mut body = vec![Ok(stop), Ok(usage)];
        body.extend(rest);
        assert_eq!(kinds(&items(body).await), [Ok(STOP), Ok(USAGE), verdict]);
    }
    // Whoever does not end is ended.
    let endless = [Ok(stop)]
        .into_iter()
        .chain((0..100).map(|_| Ok("data: a\n\n")));
    let seen = items(endless.collect()).await;
    assert_eq!(seen.len(), 18, "16 events between the stop and the verdict");
    assert_eq!(kinds(&seen).last(), Some(&verdict));
}

#[tokio::test]
async fn a_stop_of_another_protocol_is_the_last_event() {
    let stop = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"}}\n\n";
    let seen = items(vec![Ok(stop), Ok("data: {\"type\":\"message_stop\"}\n\n")]).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[1].as_ref().unwrap_err().kind(),
        FailureKind::OutputLimit
    );
}

#[tokio::test]
async fn what_is_shown_to_a_developer_has_nothing_of_an_answer() {
    let mut reader = EventReader::lines();
    let event = reader.next_event(&mut &b"secret one\nsecret tw"[..]);
    assert!(event.unwrap().is_some());
    let mut rest = &b"secret tw"[..];
    assert_eq!(reader.next_event(&mut rest), Ok(None));
    let shown = format!("{reader:?}");
    assert!(shown.contains("line_bytes: 9"), "{shown}");
    let read = |_: &[u8]| Ok::<_, Failure>(Some(()));
    let chunks = stream::empty::<Result<&[u8], std::io::Error>>();
    let events: EventStream<_, &[u8], _> = EventStream::new(chunks, reader, Vendor::OpenAi, read);
    for shown in [shown, format!("{events:?}")] {
        // The bytes as numbers, too.
        assert!(
            !shown.contains("secret") && !shown.contains("115, 101"),
            "{shown}"
        );
    }
}
