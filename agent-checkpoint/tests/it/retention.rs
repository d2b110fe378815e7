//! Which checkpoints a policy keeps, and that what is kept can be restored.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{
    Checkpoint, Checkpointer, MemoryStore, Message, Reason, Retention, Ruling, SessionState,
};
use agent_primitives::{AgentId, CheckpointId, CheckpointKind, ManualClock, SessionId, Timestamp};
use proptest::prelude::*;

const HOUR: u64 = 3_600;
/// 2024-01-01T00:00:00Z, a Monday.
const MONDAY: i64 = 1_704_067_200;

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn some(count: usize) -> NonZeroUsize {
    count.try_into().unwrap()
}

/// A session with a checkpoint at each of these times, in seconds after that Monday, and its listing, oldest
/// first.
fn made_at(times: &[i64]) -> Vec<Checkpoint> {
    let clock = ManualClock::default();
    let mut session = Checkpointer::builder(MemoryStore::new(), id())
        .clock(Arc::new(clock.clone()))
        .retention(Retention::all())
        .open()
        .unwrap();
    for at in times {
        clock.set_timestamp(Timestamp::from_unix_seconds(MONDAY + at));
        session.save(CheckpointKind::Manual).unwrap();
    }
    let mut listed = session.list();
    listed.reverse();
    listed
}

fn reasons(policy: Retention, listed: &[Checkpoint]) -> Vec<Reason> {
    policy
        .plan(listed)
        .iter()
        .map(|ruling| ruling.reason)
        .collect()
}

#[test]
fn hours_days_and_weeks_are_those_of_utc_and_weeks_begin_on_monday() {
    let one = Retention::last(some(1));
    let (h, d) = (3_600, 86_400);
    let listed = made_at(&[-1, 0, h - 1, h, 2 * h]);
    let excess = |rank| Reason::Excess { rank };
    let newest = Reason::Newest { rank: 1 };
    assert_eq!(
        reasons(one.hourly(3), &listed),
        [
            excess(5),
            excess(4),
            Reason::Hourly { slot: 3 },
            Reason::Hourly { slot: 2 },
            newest
        ]
    );
    let listed = made_at(&[-1, 0, d - 1, d, d + h]);
    assert_eq!(
        reasons(one.daily(9), &listed),
        [
            Reason::Daily { slot: 3 },
            excess(4),
            Reason::Daily { slot: 2 },
            excess(2),
            newest
        ]
    );
    let listed = made_at(&[-7 * d - 1, -7 * d, -1, 0, 6 * d]);
    assert_eq!(
        reasons(one.weekly(9), &listed),
        [
            Reason::Weekly { slot: 3 },
            excess(4),
            Reason::Weekly { slot: 2 },
            excess(2),
            newest
        ]
    );
    assert_eq!(
        reasons(one.within(Duration::from_secs(6 * 24 * HOUR)), &listed)[2..],
        [excess(3), Reason::Within, newest],
        "counted back from the newest"
    );
}

#[test]
fn a_clock_that_was_set_back_gives_no_hour_two_slots() {
    let listed = made_at(&[0, 7_200, 10, 7_210, 20]);
    let kept = reasons(Retention::last(some(1)).hourly(5), &listed);
    let hourly = kept.iter().filter(|r| matches!(r, Reason::Hourly { .. }));
    assert_eq!(hourly.count(), 1, "{kept:?}");
}

#[test]
fn each_agent_has_an_allowance_of_its_own() {
    let store = MemoryStore::new();
    for (agent, count) in [("a", 3), ("b", 15), ("c", 1)] {
        let mut session = Checkpointer::builder(store.clone(), id())
            .agent(AgentId::new(agent).unwrap())
            .open()
            .unwrap();
        for _ in 0..count {
            session.save(CheckpointKind::Manual).unwrap();
        }
    }
    let session = Checkpointer::builder(store, id()).open().unwrap();
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    for checkpoint in session.list() {
        *kept
            .entry(checkpoint.agent.unwrap().to_string())
            .or_default() += 1;
    }
    let expected = [("a", 3), ("b", 10), ("c", 1)];
    assert_eq!(kept, expected.map(|(a, n)| (a.to_owned(), n)).into());
}

#[test]
fn behind_the_size_cap_only_what_is_held_stays() {
    let mut session = Checkpointer::builder(MemoryStore::new(), id())
        .retention(Retention::all())
        .open()
        .unwrap();
    let mut ids = Vec::new();
    for n in 0..6 {
        session.push(Message::user(format!("{n}"))).unwrap();
        ids.push(session.save(CheckpointKind::Manual).unwrap());
    }
    session.pin(&ids[0]).unwrap();
    let mut listed = session.list();
    listed.reverse();
    let cap = listed[3..].iter().map(|c| c.stored_bytes).sum::<u64>();
    let kept = reasons(Retention::all().size_cap(cap), &listed);
    assert_eq!(kept[0], Reason::Pinned);
    assert!(matches!(kept[2], Reason::OverSizeCap { bytes } if bytes > cap));
    assert!(kept[3..].iter().all(Reason::keeps));
    let none = reasons(Retention::all().size_cap(0), &listed);
    let keeps: Vec<_> = none.iter().map(Reason::keeps).collect();
    assert_eq!(
        keeps,
        [true, false, false, false, false, true],
        "the newest always stays"
    );
}

#[test]
fn a_policy_is_written_as_plain_data_and_misspellings_are_refused() {
    let policy = Retention::last(some(3))
        .hourly(24)
        .daily(7)
        .weekly(4)
        .within(Duration::from_secs(60))
        .backups(some(2))
        .size_cap(1 << 30);
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Retention>(&json).unwrap(), policy);
    assert_eq!(
        serde_json::from_str::<Retention>("{}").unwrap(),
        Retention::default()
    );
    let all: Retention = serde_json::from_str(r#"{"last":null,"backups":null}"#).unwrap();
    assert_eq!(all, Retention::all());
    for wrong in [r#"{"lst":3}"#, r#"{"last":0}"#, r#"{"hourly":-1}"#] {
        assert!(serde_json::from_str::<Retention>(wrong).is_err(), "{wrong}");
    }
}

fn policy() -> impl Strategy<Value = Retention> {
    let last = prop_oneof![3 => (1_usize..6).prop_map(Some), 1 => Just(None)];
    let cap = prop_oneof![3 => Just(None), 1 => (1_u64..4_000).prop_map(Some)];
    (
        last,
        0_usize..4,
        0_usize..4,
        0_usize..3,
        0_u64..80,
        1_usize..4,
        cap,
    )
        .prop_map(|(last, hourly, daily, weekly, within, backups, cap)| {
            let base = last.map_or_else(Retention::all, |last| Retention::last(some(last)));
            // Where all stay the finer rules are refused.
            let base = if last.is_some() {
                base.hourly(hourly)
                    .daily(daily)
                    .weekly(weekly)
                    .within(Duration::from_secs(within * HOUR))
            } else {
                base
            };
            let base = base.backups(some(backups));
            cap.map_or(base, |cap| base.size_cap(cap))
        })
}

/// At least as loose as `policy` in each rule.
fn looser(policy: &Retention, by: usize) -> Retention {
    let mut looser = *policy;
    if policy.last.is_none() {
        return looser;
    }
    looser.last = policy.last.map(|last| some(last.get() + by));
    looser.hourly += by;
    looser.daily += by;
    looser.weekly += by;
    looser.within += Duration::from_secs(7 * HOUR * by as u64);
    looser.backups = policy.backups.map(|count| some(count.get() + by));
    looser.size_cap = policy.size_cap.map(|cap| cap + 300 * by as u64);
    looser
}

#[derive(Debug, Clone)]
enum Op {
    Say,
    Step,
    Wait(u64),
    Back(u64),
    Agent(bool),
    Restore(prop::sample::Index),
    Pin(prop::sample::Index),
    Unpin(prop::sample::Index),
    Label(prop::sample::Index, u8),
    Prune,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    use any as a;
    prop_oneof![
        6 => Just(Op::Say),
        3 => Just(Op::Step),
        4 => (1_u64..40).prop_map(Op::Wait),
        1 => (1_u64..9).prop_map(Op::Back),
        1 => a::<bool>().prop_map(Op::Agent),
        2 => a::<prop::sample::Index>().prop_map(Op::Restore),
        1 => a::<prop::sample::Index>().prop_map(Op::Pin),
        1 => a::<prop::sample::Index>().prop_map(Op::Unpin),
        1 => (a::<prop::sample::Index>(), 0_u8..3).prop_map(|(at, n)| Op::Label(at, n)),
        2 => Just(Op::Prune),
        1 => Just(Op::Reopen),
    ]
}

/// A session that lives through operations.
struct Lived {
    session: Checkpointer,
    clock: ManualClock,
    seconds: i64,
    store: MemoryStore,
    agent: AgentId,
    policy: Retention,
    saved: BTreeMap<CheckpointId, SessionState>,
}

impl Lived {
    fn new(policy: Retention) -> Self {
        let (store, clock) = (MemoryStore::new(), ManualClock::default());
        let agent = AgentId::new("true").unwrap();
        Self {
            session: Self::open(&store, &clock, &agent, policy),
            clock,
            seconds: MONDAY,
            store,
            agent,
            policy,
            saved: BTreeMap::new(),
        }
    }

    fn open(
        store: &MemoryStore,
        clock: &ManualClock,
        agent: &AgentId,
        policy: Retention,
    ) -> Checkpointer {
        Checkpointer::builder(store.clone(), id())
            .clock(Arc::new(clock.clone()))
            .agent(agent.clone())
            .retention(policy)
            .open()
            .unwrap()
    }

    fn reopen(&mut self) {
        // The lock must be free first.
        let nobody = MemoryStore::new();
        self.session = Self::open(&nobody, &self.clock, &self.agent, self.policy);
        self.session = Self::open(&self.store, &self.clock, &self.agent, self.policy);
    }

    fn save(&mut self) {
        let at = self.session.save(CheckpointKind::Manual).unwrap();
        self.saved.insert(at, self.session.state().clone());
    }

    fn listed(&self, which: prop::sample::Index) -> Option<CheckpointId> {
        let listed = self.session.list();
        (!listed.is_empty()).then(|| which.get(&listed).id.clone())
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Say => {
                self.session.push(Message::user("x")).unwrap();
                self.save();
            }
            Op::Step => {
                let n = self.saved.len();
                self.session
                    .update(|work| work.next_steps = vec![format!("{n}").into()]);
                self.save();
            }
            Op::Wait(hours) => self.wait(i64::try_from(hours * HOUR / 2).unwrap()),
            Op::Back(hours) => self.wait(-i64::try_from(hours * HOUR / 2).unwrap()),
            Op::Agent(agent) => {
                self.agent = AgentId::new(agent.to_string()).unwrap();
                self.reopen();
            }
            Op::Restore(which) => {
                let Some(target) = self.listed(*which) else {
                    return;
                };
                let replaced = self.session.state().clone();
                let done = self
                    .session
                    .plan_restore(&target)
                    .unwrap()
                    .commit()
                    .unwrap();
                assert_eq!(*self.session.state(), self.saved[&target]);
                self.saved.insert(done.backup, replaced);
                self.saved.insert(done.now, self.session.state().clone());
            }
            Op::Pin(which) => {
                let Some(at) = self.listed(*which) else {
                    return;
                };
                self.session.pin(&at).unwrap();
            }
            Op::Unpin(which) => {
                let Some(at) = self.listed(*which) else {
                    return;
                };
                self.session.unpin(&at).unwrap();
            }
            Op::Label(which, name) => {
                let Some(at) = self.listed(*which) else {
                    return;
                };
                self.session
                    .move_label(&at, &format!("label {name}"))
                    .unwrap();
            }
            Op::Prune => {
                let plan = self.session.plan_prune();
                let done = self.session.prune().unwrap();
                assert_eq!(plan, done);
                let again = self.session.plan_prune();
                assert_eq!(again.dropped().count(), 0, "pruning once is enough");
                assert!(again.kept().map(|r| &r.id).eq(done.kept().map(|r| &r.id)));
            }
            Op::Reopen => self.reopen(),
        }
    }

    fn wait(&mut self, seconds: i64) {
        self.seconds += seconds;
        self.clock
            .set_timestamp(Timestamp::from_unix_seconds(self.seconds));
    }
}

fn kept(plan: &[Ruling]) -> Vec<&CheckpointId> {
    plan.iter().filter(|r| r.keeps()).map(|r| &r.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0004),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_kept_can_be_restored_and_looser_rules_keep_more(
        policy in policy(),
        other in policy(),
        by in 0_usize..4,
        ops in prop::collection::vec(op(), 1..50),
    ) {
        let mut lived = Lived::new(policy);
        for op in &ops {
            lived.step(op);
            let listed = lived.session.list();
            if let Some(newest) = lived.session.latest() {
                prop_assert_eq!(&listed[0].id, &newest.id, "the newest always stays");
            }
        }
        let mut listed = lived.session.list();
        listed.reverse();
        for rules in [policy, other] {
            let plan = rules.plan(&listed);
            let loose = looser(&rules, by).plan(&listed);
            let (few, many) = (kept(&plan), kept(&loose));
            prop_assert!(few.iter().all(|id| many.contains(id)), "{few:?} of {many:?}");
            for (checkpoint, ruling) in listed.iter().zip(&plan) {
                let is_held = checkpoint.pinned || !checkpoint.labels.is_empty();
                prop_assert!(!is_held || ruling.keeps(), "{ruling}");
            }
        }
        lived.session.prune().unwrap();
        lived.reopen();
        let mut after = lived.session.list();
        after.reverse();
        prop_assert_eq!(&after, &listed, "a pruned log lists what was kept");
        for checkpoint in &listed {
            let plan = lived.session.plan_restore(&checkpoint.id).unwrap();
            prop_assert_eq!(plan.state(), &lived.saved[&checkpoint.id]);
        }
    }
}
