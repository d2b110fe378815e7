//! A host's own type saved with its sessions, through three versions of the program.
//!
//! ```text
//! cargo run --release --example host_state
//! ```
//!
//! Version 1 of the program saves a board of titles, version 2 gives each card an owner, version 3 a
//! weight. The newest one reads what each of the others saved; an older one leaves alone what it does not
//! understand.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::indexing_slicing, reason = "the program asserts what is there")]

use std::error::Error;

use agent_checkpoint::{Checkpointer, MemoryStore, Message, Migrations, Snapshot};
use agent_primitives::{CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What version 1 of the program kept.
mod version_1 {
    use super::{Deserialize, Serialize, Snapshot};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Board {
        pub(crate) open: Vec<String>,
    }

    impl Snapshot for Board {
        const KIND: &'static str = "board";
        const VERSION: u16 = 1;
    }
}

/// What it keeps now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board {
    cards: Vec<Card>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Card {
    title: String,
    owner: Option<String>,
    weight: f64,
}

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 3;

    fn migrations() -> Migrations {
        Migrations::none()
            // Titles became cards with an owner, who is nobody at first.
            .step(1, |board| {
                let titles = board["open"].as_array().ok_or("no list of titles")?;
                let card = |title| json!({ "title": title, "owner": null });
                Ok(json!({ "cards": titles.iter().map(card).collect::<Vec<_>>() }))
            })
            // Cards got a weight.
            .step(2, |mut board| {
                let cards = board["cards"].as_array_mut().ok_or("no list of cards")?;
                for card in cards {
                    card["weight"] = Value::from(1.0);
                }
                Ok(board)
            })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // What a host's own test should ask: no step is missing.
    Migrations::check::<Board>()?;

    let store = MemoryStore::new();
    let id = SessionId::new("release")?;
    let open = || Checkpointer::builder(store.clone(), id.clone()).open();

    let mut session = open()?;
    session.push(Message::user("Release it."))?;
    let titles = vec!["build".to_owned(), "test".to_owned()];
    session.put(&version_1::Board { open: titles })?;
    session.save(CheckpointKind::Auto)?;
    drop(session);

    let mut session = open()?;
    let mut board: Board = session.component()?.ok_or("the board is gone")?;
    println!("version 1, read as version 3: {board:?}");
    assert_eq!(board.cards.len(), 2);
    assert_eq!(board.cards[1].title, "test");

    board.cards[1].weight = f64::NAN;
    let refused = session.put(&board).expect_err("JSON has no word for it");
    println!("refused: {refused}");
    assert!(refused.is_unsavable());

    board.cards[1].weight = 2.5;
    board.cards[1].owner = Some("ci".to_owned());
    session.put(&board)?;
    session.save(CheckpointKind::Auto)?;
    drop(session);

    let mut old = open()?;
    let newer = old
        .component::<version_1::Board>()
        .expect_err("it is of version 3");
    assert!(newer.is_newer());
    let refused = old.put(&version_1::Board { open: Vec::new() });
    assert!(refused.is_err_and(|error| error.is_newer()));
    old.push(Message::assistant("Built."))?;
    old.save(CheckpointKind::Auto)?;
    drop(old);
    let mut session = open()?;
    assert_eq!(session.component::<Board>()?, Some(board.clone()));
    println!("an older program saved meanwhile; the board was kept for version 3");

    // A large value costs what changed about it.
    board.cards.extend((0..20_000).map(|n| Card {
        title: format!("card {n}"),
        owner: None,
        weight: f64::from(n),
    }));
    session.put(&board)?;
    session.save(CheckpointKind::Auto)?;
    let before = session.figures()?;
    board.cards[7_000].owner = Some("me".to_owned());
    session.put(&board)?;
    session.save(CheckpointKind::Auto)?;
    let after = session.figures()?;
    let cost = after.stored_bytes - before.stored_bytes;
    println!(
        "{cost} bytes for a change of one card among {}",
        board.cards.len()
    );
    assert!(cost < 1_000);
    drop(session);
    assert_eq!(open()?.component::<Board>()?, Some(board));
    Ok(())
}
