//! Writes first inputs for the targets of logs, from the fixtures of the format, from small sessions and from scripts:
//!
//! ```text
//! cargo run --example seeds -- <folder>
//! ```
//!
//! `-merge=1` then takes into `corpus/` what adds coverage.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use agent_checkpoint::{
    Checkpointer, Durability, MemoryStore, Message, Sealing, Snapshot, Store, StoreId, ToolCall,
};
use agent_fuzz::forge::STORE;
use agent_fuzz::probe::keyring;
use agent_primitives::{CheckpointKind, ManualClock, SessionId};
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Longer files cost too much time for what they add, in bytes.
const LONGEST: usize = 8 << 10;

/// Frames of every kind; see `forge::script`.
const SCRIPTS: [&str; 14] = [
    // Items, a commit, items that are commits.
    "aaa[0,{\"role\":\"user\",\"content\":\"go\"}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[#0,$0,1]]}\nbaa[7,{\"role\":\"assistant\",\"content\":\"yes\"}]\nbba[9,{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c\"}]",
    // Components in a snapshot and by themselves, and a label and a pin.
    "daa{\"work.next_steps\":[{\"text\":\"a\"}],\"host.x\":7}\neaahost.y {\"a\":1}\nfaahost.z \x01\ngaahost.w \x01\x02\niaa{\"at\":5,\"kind\":\"manual\",\"agent\":\"a\",\"covers\":0,\"components\":{\"work.next_steps\":[#0,1],\"host.x\":[#0,2],\"host.y\":[#1,1],\"host.z\":[#2,1],\"host.w\":[#3,1]}}\nkaa{\"checkpoint\":\"%4\",\"label\":\"best\"}\nkaa{\"checkpoint\":\"%4\",\"pinned\":true}\nkaa{\"label\":\"best\"}",
    // A component and patches of it.
    "eaawork.decisions [{\"at\":1,\"what\":\"abcdefgh\"}]\nhaa0ag[] ab}\nhaa1ac \niaa{\"at\":1,\"kind\":\"auto\",\"covers\":0,\"components\":{\"work.decisions\":[#1,1]}}",
    // A long text and references to it.
    "naathe long text\ncaa[0,{\"role\":\"user\",\"content\":\"@0\"},{\"role\":\"user\",\"content\":\"\\u0000\\u0000x\",\"parts\":[{\"t\":\"@0\"}]}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[1,2,2]],\"context\":[[1,1,1]]}\nxaa[7,{\"role\":\"assistant\",\"content\":\"@0\"}]",
    // Tombstones, an earlier checkpoint gone back to, causes.
    "iaa{\"at\":1,\"kind\":\"auto\",\"covers\":0}\niaa{\"at\":2,\"kind\":\"error\",\"covers\":1,\"why\":{\"covers\":1,\"word\":\"error\",\"what\":\"w\"}}\niaa{\"at\":3,\"kind\":\"pre_restore\",\"covers\":2,\"restored\":\"%0\",\"later\":[1]}\nlaa{\"through\":1,\"keep\":[0]}\nlaa{\"through\":2}",
    // A sealed segment: a pack, a skip, an index; then one that is not.
    "vaa\nraa\naaa[0,{\"role\":\"user\",\"content\":\"go\"}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[#0,$0,1]]}\nsaa\noaac\ntba\nuaa\nbab[7,{\"role\":\"assistant\",\"content\":\"yes\"}]",
    "raa\naaa[0,{\"role\":\"user\"}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[0,0,1]]}\nsaa\noaaeb0d0\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":2,\"history\":[[0,0,1]]}",
    // A fork.
    "ufa\naaa[0,{\"role\":\"user\",\"content\":\"go\"}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[#0,$0,1]]}\nuaa\nmaa{\"from\":\"%1\",\"lineage\":[{\"session\":\"o\",\"through\":1,\"last\":1}]}\nmaa{\"from\":\"%1\",\"lineage\":[{\"session\":\"o\",\"through\":1,\"last\":1}],\"pad\":\"x\"}\nbaa[7,{\"role\":\"user\",\"content\":\"on\"}]",
    // Segments that void what came before.
    "aaa[0,{\"role\":\"user\"}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[0,0,1]]}\nwaa\naac[0,{\"role\":\"user\"}]\niaa{\"at\":6,\"kind\":\"auto\",\"covers\":1}",
    // What a later version may write, and lies.
    "paalater\nada[0,{\"role\":\"user\"}]\nacb[0,{\"role\":\"user\"}]\naea[0,{\"role\":\"user\"}]\njaa{\"at\":5,\"kind\":\"auto\",\"covers\":0}\naba[0,{\"role\":\"user\",\"content\":\"go go go go go go go go go go\"}]",
    "qaalater\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0}",
    "aae[0,{\"role\":\"user\"}]\niaa{\"at\":5,\"kind\":\"auto\",\"covers\":0,\"history\":[[#0,$0,1]]}",
    "daa{\"work.workflow\":{\"name\":\"w\",\"steps\":[{\"name\":\"s\",\"status\":\"done\"}]},\"work.agents\":{\"a\":{\"task\":\"t\"}},\"work.mcp_servers\":[{\"name\":\"m\",\"tools\":[{\"name\":\"t\",\"hash\":\"h\"}]}],\"work.usage\":{\"input\":3}}\niaa{\"at\":5,\"kind\":\"workflow\",\"covers\":0,\"components\":{\"work.workflow\":[#0,1],\"work.agents\":[#0,1],\"work.mcp_servers\":[#0,1],\"work.usage\":[#0,1]}}",
    "vaa\niaa{\"at\":1,\"kind\":\"auto\",\"covers\":0}\ntaa\x01\x55\x00\x01\x00\x01\x00abcd\x02\x00\x01\x05\x04auto\x00\x00\x00\x01\x00\x00",
];

/// Letters for version, codec and type, and the value.
const VALUES: [(&str, &[u8]); 12] = [
    ("aaa", br#"{"goal":"ship","weight":3}"#),
    ("aaa", br#"{"goal":"ship"}"#),
    ("baa", br#"{"goals":[{"goal":"a","weight":1},{"goal":"b"}]}"#),
    ("caa", br#"{"goals":[],"notes":{"n":"Nothing","m":{"Text":"t"},"l":{"At":{"line":1,"column":2}}}}"#),
    ("daa", br#"{"goals":[{"text":"a","weight":null,"is_met":true}],"bound":[-9,8]}"#),
    ("dad", br#"{"a":[1,2.5,-7e300,null,true,{"b":{}}]}"#),
    ("aac", br#"{"goal":"ship","weight":3}"#),
    ("abb", b"\x82\xa4goal\xa4ship\xa6weight\x03"),
    ("dbb", b"\x83\xa5goals\x91\x83\xa4text\xa1a\xa6weight\x03\xa6is_met\xc3\xa5notes\x81\xa1n\xa7Nothing\xa5bound\x92\xff\x02"),
    ("dbd", b"\x82\xa1a\xcb\x3f\xf0\0\0\0\0\0\0\xa1b\xc0"),
    ("aca", b"\x04\0\0\0\0\0\0\0ship\x01\x03\0\0\0"),
    ("dcc", b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a\0\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0n\x02\0\0\0\x05\0\0\0\0\0\0\0\x06\0\xff\xff\xff\xff\xff\xff\xff\xff\x07"),
];

#[derive(Serialize, Deserialize)]
struct Board(Vec<String>);

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 2;
}

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("name a folder")?);
    for (number, script) in SCRIPTS.iter().enumerate() {
        for letter in ["a", "b"] {
            let input = format!("{letter}{script}");
            write(
                &folder,
                "checkpoint_commit",
                &format!("{number}{letter}"),
                input.as_bytes(),
            )?;
        }
    }
    for (number, (letters, value)) in VALUES.iter().enumerate() {
        let input = [letters.as_bytes(), value].concat();
        write(&folder, "checkpoint_migration", &number.to_string(), &input)?;
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent-checkpoint/tests/fixtures");
    let mut logs = vec![
        ("v1", vec![fs::read(fixtures.join("v1/raw.ckl"))?]),
        (
            "v1-store",
            vec![fs::read(
                fixtures.join("v1/store/sessions/golden/seg-000001.ckl"),
            )?],
        ),
        ("v1_2", vec![fs::read(fixtures.join("v1_2/raw.ckl"))?]),
    ];
    for (name, has_keys, is_sealed) in [
        ("plain", false, false),
        ("sealed", false, true),
        ("locked", true, false),
        ("locked-sealed", true, true),
    ] {
        let [own, fork] = sessions(has_keys, is_sealed)?;
        logs.push((name, own));
        logs.push((if has_keys { "locked-fork" } else { "fork" }, fork));
    }
    for (name, segments) in logs {
        let whole = segments.concat();
        if whole.len() > LONGEST {
            println!("{name}: left out, {} bytes", whole.len());
            continue;
        }
        for letter in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let input = [letter.as_bytes(), &whole].concat();
            write(
                &folder,
                "checkpoint_open",
                &format!("{name}-{letter}"),
                &input,
            )?;
        }
        for (number, segment) in segments.iter().enumerate() {
            let header = u32::from_le_bytes(segment[12..16].try_into()?);
            let frames = segment.get(usize::try_from(header)?..).unwrap_or_default();
            let input = [b"a", frames].concat();
            write(
                &folder,
                "checkpoint_frame",
                &format!("{name}-{number}"),
                &input,
            )?;
        }
    }
    Ok(())
}

fn write(folder: &Path, target: &str, name: &str, input: &[u8]) -> Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), input)?)
}

/// The segments of a short session with something of everything, and of a fork of it.
fn sessions(has_keys: bool, is_sealed: bool) -> Result<[Vec<Vec<u8>>; 2]> {
    let store = MemoryStore::with_id(StoreId::from_bytes(STORE));
    let (id, fork) = (SessionId::new("s")?, SessionId::new("f")?);
    let mut builder = Checkpointer::builder(store.clone(), id.clone())
        .clock(ManualClock::default())
        .durability(Durability::Buffered)
        .sealing(Sealing::Never);
    if has_keys {
        builder = builder.encryption(keyring());
    }
    let mut session = builder.open()?;
    session.push(Message::system("be short"))?;
    session.push(Message::user("what is there?"))?;
    let first = session.save(CheckpointKind::Manual)?;
    session.push(Message::assistant("").with_tool_call(ToolCall::new("c1", "ls", "{}")))?;
    session.push(Message::tool("c1", "src"))?;
    session.save(CheckpointKind::Auto)?;
    session.update(|work| work.next_steps = vec!["look".into()]);
    let mut cards: Vec<String> = (0..60).map(|card| format!("a card, the {card}.")).collect();
    session.put(&Board(cards.clone()))?;
    let second = session.save(CheckpointKind::Workflow)?;
    session.label(&second, "good")?;
    cards[7] = "another".into();
    session.put(&Board(cards))?;
    session.save(CheckpointKind::Auto)?;
    session.restore(&first)?;
    if is_sealed {
        session.seal()?;
        session.push(Message::user("and then?"))?;
        session.save(CheckpointKind::Auto)?;
    }
    let mut forked = session.fork(&second, fork.clone())?;
    forked.push(Message::user("another way"))?;
    forked.save(CheckpointKind::Auto)?;
    drop((session, forked));
    Ok([segments(&store, &id)?, segments(&store, &fork)?])
}

fn segments(store: &MemoryStore, id: &SessionId) -> Result<Vec<Vec<u8>>> {
    let mut segments = Vec::new();
    for number in store.segments(id)? {
        let mut bytes = store.read(id, number, usize::MAX)?;
        let end = bytes.iter().rposition(|byte| *byte != 0);
        bytes.truncate(end.map_or(0, |end| end + 1));
        segments.push(bytes);
    }
    Ok(segments)
}
