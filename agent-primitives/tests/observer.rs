//! Order, scoping, object safety, Send and Sync.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, CheckpointId, Clock, ContextPressure, Event, Fanout, Handoff, ManualClock,
    ModelId, Monotonic, Observer, ProviderId, Scoped, SessionId, Stamp, SystemClock, Timestamp,
    TokenUsage, ToolName, Usd,
};

type Heard = Arc<Mutex<Vec<(String, Option<String>, Option<String>)>>>;

fn listener(name: &'static str, heard: &Heard) -> impl Observer + use<> {
    let heard = Arc::clone(heard);
    move |stamp: Stamp<'_>, _: &Event| {
        heard
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push((
                name.to_owned(),
                stamp.session.map(ToString::to_string),
                stamp.agent.map(ToString::to_string),
            ));
    }
}

fn pressure() -> Event {
    ContextPressure::new(7, 10).into()
}

#[test]
fn fanout_calls_in_the_order_of_adding_and_nests() {
    let heard = Heard::default();
    let inner = Fanout::new()
        .with(listener("b", &heard))
        .with(listener("c", &heard));
    let all = Fanout::new()
        .with(listener("a", &heard))
        .with(inner)
        .with(())
        .with(listener("d", &heard));
    all.observe(Stamp::at(Timestamp::UNIX_EPOCH), &pressure());
    let names: Vec<_> = heard.lock().unwrap().iter().map(|h| h.0.clone()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn the_innermost_scope_that_is_already_stamped_wins() {
    let heard = Heard::default();
    let outer = Scoped::new(listener("x", &heard), SessionId::new("outer").unwrap())
        .agent(AgentId::new("planner").unwrap());
    let inner = Scoped::new(outer, SessionId::new("inner").unwrap());

    inner.observe(Stamp::at(Timestamp::UNIX_EPOCH), &pressure());
    let own = SessionId::new("own").unwrap();
    inner.observe(
        Stamp::at(Timestamp::UNIX_EPOCH).of_session(&own),
        &pressure(),
    );

    let sessions: Vec<_> = heard.lock().unwrap().iter().map(|h| h.1.clone()).collect();
    assert_eq!(sessions, [Some("inner".to_owned()), Some("own".to_owned())]);
    let agents: Vec<_> = heard.lock().unwrap().iter().map(|h| h.2.clone()).collect();
    assert_eq!(
        agents,
        [Some("planner".to_owned()), Some("planner".to_owned())]
    );
}

#[test]
fn scoping_keeps_the_time() {
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let scoped = Scoped::new(
        move |stamp: Stamp<'_>, _: &Event| *sink.lock().unwrap() = Some(stamp.at),
        SessionId::new("s").unwrap(),
    );
    scoped.observe(Stamp::at(Timestamp::from_unix_seconds(9)), &pressure());
    assert_eq!(*seen.lock().unwrap(), Some(Timestamp::from_unix_seconds(9)));
}

#[test]
fn traits_are_object_safe_and_types_cross_threads() {
    const fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Arc<dyn Observer>>();
    crosses::<Arc<dyn Clock>>();
    crosses::<Fanout>();
    crosses::<Scoped<Arc<dyn Observer>>>();
    crosses::<(
        AgentId,
        ProviderId,
        ModelId,
        SessionId,
        ToolName,
        CheckpointId,
    )>();
    crosses::<(
        Event,
        Handoff,
        Attempt,
        TokenUsage,
        Usd,
        Timestamp,
        Monotonic,
    )>();
    crosses::<(SystemClock, ManualClock)>();

    let observer: Arc<dyn Observer> = Arc::new(());
    let boxed: Arc<dyn Observer> = Arc::new(Scoped::new(observer, SessionId::new("s").unwrap()));
    boxed.observe(Stamp::at(Timestamp::UNIX_EPOCH), &pressure());
}

#[test]
fn a_manual_clock_moves_only_when_told_and_saturates() {
    let clock = ManualClock::default();
    assert_eq!(clock.monotonic(), clock.monotonic());
    clock.advance(Duration::from_secs(1));
    clock.set_timestamp(Timestamp::UNIX_EPOCH);
    assert_eq!(clock.monotonic(), Monotonic::from_nanos(1_000_000_000));
    assert_eq!(clock.timestamp(), Timestamp::UNIX_EPOCH);
    clock.advance(Duration::MAX);
    assert_eq!(clock.monotonic(), Monotonic::from_nanos(u64::MAX));
    assert_eq!(clock.timestamp(), Timestamp::MAX);
}
