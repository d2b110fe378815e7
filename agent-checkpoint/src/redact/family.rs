//! What a kind of secret looks like, and how to find which one a text begins with.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::bytes::{Set, at, is_random, window};
use super::families;

/// A kind of secret that is known by its form.
#[derive(Debug)]
pub(super) struct Family {
    /// Stands in the mask.
    pub(super) name: &'static str,
    /// Who says that the forms are these.
    pub(super) source: &'static str,
    pub(super) forms: &'static [Form],
}

/// What one looks like: a beginning, and what follows.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) prefix: &'static str,
    pub(super) rest: Rest,
}

/// What follows the beginning.
#[derive(Debug)]
pub(super) enum Rest {
    /// So many bytes of the set or more; all of them belong to the secret.
    Least(Set, usize),
    /// As `Least`, and it must look drawn at random: for beginnings that stand in other texts as well.
    Random(Set, usize),
    /// From so many bytes to so many, and no word goes on behind them: for beginnings that are short.
    Exactly(Set, usize, usize),
    /// Parts of at least so many bytes, with the byte between them.
    Parts(u8, &'static [(Set, usize)]),
    /// The one that is no key, since this follows; else as `Least`.
    Unless(&'static [&'static str], Set, usize),
}

pub(super) const fn family(
    name: &'static str,
    source: &'static str,
    forms: &'static [Form],
) -> Family {
    Family {
        name,
        source,
        forms,
    }
}

pub(super) const fn least(prefix: &'static str, set: Set, least: usize) -> Form {
    let rest = Rest::Least(set, least);
    Form { prefix, rest }
}

pub(super) const fn random(prefix: &'static str, set: Set, least: usize) -> Form {
    let rest = Rest::Random(set, least);
    Form { prefix, rest }
}

pub(super) const fn exactly(prefix: &'static str, set: Set, from: usize, to: usize) -> Form {
    let rest = Rest::Exactly(set, from, to);
    Form { prefix, rest }
}

pub(super) const fn parts(
    prefix: &'static str,
    between: u8,
    parts: &'static [(Set, usize)],
) -> Form {
    let rest = Rest::Parts(between, parts);
    Form { prefix, rest }
}

/// Where runs of sets end that were counted to their ends: a part that leads to nothing is not counted again from
/// the next place in it.
#[derive(Debug, Default)]
pub(super) struct RunEnds(Vec<(Set, usize, usize)>);

impl RunEnds {
    /// The end of the run of `set` in which `from` is.
    fn of(&mut self, set: Set, bytes: &[u8], from: usize) -> usize {
        let known = self.0.iter_mut().find(|(of, ..)| *of == set);
        if let Some((_, begin, end)) = known {
            if !(*begin..=*end).contains(&from) {
                (*begin, *end) = (from, from + set.count(bytes, from, usize::MAX));
            }
            return *end;
        }
        let end = from + set.count(bytes, from, usize::MAX);
        self.0.push((set, from, end));
        end
    }
}

/// Least entropy of what looks drawn at random, in bits a byte: random hexadecimal digits have more
/// already from 16 on.
const RANDOM_BITS: f32 = 3.0;

impl Form {
    /// Where a secret that begins at `start` ends.
    fn end(&self, bytes: &[u8], start: usize, ends: &mut RunEnds) -> Option<usize> {
        let from = start + self.prefix.len();
        let all = |set: Set| set.count(bytes, from, usize::MAX);
        match self.rest {
            Rest::Least(set, least) => {
                // The first look is short, so that beginnings without an end cost little each.
                (set.count(bytes, from, least) == least).then(|| from + all(set))
            }
            Rest::Random(set, least) => (set.count(bytes, from, least) == least
                && is_random(window(bytes, from, least.max(24)), RANDOM_BITS))
            .then(|| from + all(set)),
            Rest::Exactly(set, least, most) => {
                let count = set.count(bytes, from, most + 1);
                let end = from + count;
                let is_word = Set::WORD.has(at(bytes, end));
                ((least..=most).contains(&count) && !is_word).then_some(end)
            }
            Rest::Parts(between, parts) => {
                let mut end = from;
                for (index, (set, least)) in parts.iter().enumerate() {
                    if index > 0 {
                        if at(bytes, end) != between {
                            return None;
                        }
                        end += 1;
                    }
                    if set.count(bytes, end, *least) < *least {
                        return None;
                    }
                    end = ends.of(*set, bytes, end);
                }
                Some(end)
            }
            Rest::Unless(others, set, least) => {
                let rest = bytes.get(from..)?;
                let is_other = others.iter().any(|it| rest.starts_with(it.as_bytes()));
                (!is_other && set.count(bytes, from, least) == least).then(|| from + all(set))
            }
        }
    }
}

/// All forms, by their first two bytes.
#[derive(Debug)]
pub(super) struct Index {
    /// A bit for each two bytes that a form begins with, seven bits of each.
    pairs: [u64; 256],
    /// How many bits are set before each word.
    ranks: [u16; 256],
    /// For each bit: the longest beginning first.
    forms: Vec<Vec<(usize, &'static Form)>>,
}

/// Built once.
pub(super) static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

fn pair(first: u8, second: u8) -> (usize, u32) {
    let pair = u32::from(first & 127) << 7 | u32::from(second & 127);
    ((pair >> 6) as usize, pair & 63)
}

impl Index {
    fn new() -> Self {
        let mut by_pair: BTreeMap<(usize, u32), Vec<(usize, &'static Form)>> = BTreeMap::new();
        for (number, family) in families::all().enumerate() {
            for form in family.forms {
                let bytes = form.prefix.as_bytes();
                // Behind a beginning of one byte anything may follow.
                let seconds = match bytes.get(1) {
                    Some(second) => *second..=*second,
                    None => 0..=127,
                };
                for second in seconds {
                    let forms = by_pair.entry(pair(at(bytes, 0), second)).or_default();
                    forms.push((number, form));
                }
            }
        }
        let mut index = Self {
            pairs: [0; 256],
            ranks: [0; 256],
            forms: Vec::new(),
        };
        for ((word, bit), mut forms) in by_pair {
            if let Some(word) = index.pairs.get_mut(word) {
                *word |= 1 << bit;
            }
            for rank in index.ranks.iter_mut().skip(word + 1) {
                *rank += 1;
            }
            forms.sort_by_key(|(_, form)| std::cmp::Reverse(form.prefix.len()));
            index.forms.push(forms);
        }
        index
    }

    /// The secret that begins at `start`: its family and its end.
    #[inline]
    pub(super) fn at(
        &self,
        bytes: &[u8],
        start: usize,
        ends: &mut RunEnds,
        is_off: impl Fn(usize) -> bool,
    ) -> Option<(usize, usize)> {
        let (number, bit) = pair(at(bytes, start), at(bytes, start + 1));
        let word = *self.pairs.get(number)?;
        if word >> bit & 1 == 0 {
            return None;
        }
        let before = (word & ((1 << bit) - 1)).count_ones() as usize;
        let forms = self
            .forms
            .get(usize::from(*self.ranks.get(number)?) + before)?;
        let rest = bytes.get(start..)?;
        forms.iter().find_map(|(number, form)| {
            let is_it = rest.starts_with(form.prefix.as_bytes()) && !is_off(*number);
            let end = is_it.then(|| form.end(bytes, start, ends))??;
            Some((*number, end))
        })
    }
}
