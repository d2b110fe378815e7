//! What agents do with their sessions, drawn at random and the same each time.

use agent_primitives::CheckpointKind;

use crate::Durability;

/// Numbers that look random and are the same each time.
#[derive(Debug, Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    pub(super) fn is_one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Act {
    Push(usize),
    Update,
    Put,
    Cut,
    Save(CheckpointKind, Durability),
    /// Goes back to the checkpoint at this place in the list.
    Restore(usize),
    Prune,
    Reopen,
    /// Drops the session; the next act opens it.
    Close,
    Remove,
    /// Packs what is full.
    Seal,
    /// Leaves out what no checkpoint needs.
    Compact,
    /// A checkpoint with a label.
    Label,
    /// Holds the checkpoint at this place in the list, or lets go of it.
    Pin(usize),
    /// Gives the newest label to the checkpoint at this place in the list; takes it away where that is the newest.
    MoveLabel(usize),
    /// A long text, one of three.
    PushBlob,
    /// A value that is long enough for a frame of its own, another one in few places.
    PutLarge,
    /// A second writer takes the session over; the first one's next save is refused.
    TakeOver,
    /// Opened with its last messages alone, says something, and saves it.
    SaveFromEnd,
    /// The next sync of this step's save fails.
    FailSync,
    /// Begins the other session with this one's newest checkpoint, where the other one was never saved.
    Fork,
    /// The sealing behind the first session's back does so many operations more.
    SealOn(usize),
}

/// An act, and which session does it.
pub(super) type Step = (usize, Act);

/// What is in a script beside saves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Extra {
    pub(super) removes: bool,
    /// In the middle, before the second session is used.
    pub(super) forks: bool,
    /// Long texts, long values, takeovers, failed syncs, and opening the end alone.
    pub(super) wild: bool,
}

pub(super) fn random_script(seed: u64, len: usize, extra: Extra) -> Vec<Step> {
    let mut dice = Dice(seed);
    let mut script = Vec::new();
    while script.len() < len {
        let is_first_alone = extra.forks && script.len() <= len / 2;
        if extra.forks && script.len() == len / 2 {
            script.push((0, Act::Save(CheckpointKind::Auto, Durability::Buffered)));
            script.push((0, Act::Fork));
            continue;
        }
        let who = usize::from(dice.is_one_in(4) && !is_first_alone);
        let durability = match dice.roll(3) {
            0 => Durability::Synced,
            _ => Durability::Buffered,
        };
        let size = [3, 30, 200, 700, 3_000][dice.roll(5)];
        let act = match dice.roll(if extra.wild { 42 } else { 30 }) {
            0..8 => Act::Push(size),
            8..10 => Act::Update,
            10 => Act::Put,
            11 => Act::Cut,
            12..18 => Act::Save(CheckpointKind::Auto, durability),
            18 => Act::Save(CheckpointKind::Manual, durability),
            19 => Act::Restore(dice.roll(3)),
            20 => Act::Prune,
            21 => Act::Reopen,
            22 if extra.removes => Act::Remove,
            23..25 => Act::Seal,
            25 => Act::Compact,
            26 => Act::Label,
            27 => Act::Pin(dice.roll(3)),
            22 | 28 => Act::Close,
            29 => Act::MoveLabel(dice.roll(3)),
            30..32 => Act::PushBlob,
            32..35 => Act::PutLarge,
            35..37 => Act::TakeOver,
            37..40 => Act::SaveFromEnd,
            _ => Act::FailSync,
        };
        script.push((who, act));
    }
    script
}

/// A session that saves much, while what it saved before is sealed behind its back, operation by operation.
pub(super) fn sealing_script(seed: u64, len: usize) -> Vec<Step> {
    let mut dice = Dice(seed);
    let save = |durability| Act::Save(CheckpointKind::Manual, durability);
    let mut script = Vec::new();
    // Until two segments are full and a third is begun.
    for _ in 0..6 {
        script.extend([(0, Act::Push(30)), (0, save(Durability::Buffered))]);
    }
    while script.len() < len {
        let act = match dice.roll(30) {
            0..6 => Act::Push([3, 30, 700][dice.roll(3)]),
            6..10 => save(Durability::Synced),
            10..12 => save(Durability::Buffered),
            12 => Act::Update,
            13 => Act::PutLarge,
            14 => Act::Label,
            15 => Act::TakeOver,
            16 => [Act::Close, Act::Reopen, Act::Fork, Act::Prune][dice.roll(4)],
            _ => Act::SealOn(1 + dice.roll(4)),
        };
        script.push((0, act));
    }
    script
}
