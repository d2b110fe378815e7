//! Decodes many frames on several threads; the results stand in the frames' order.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::decode::{Decoded, Refusal, decode};
use super::weight;
use crate::Error;
use crate::format::compress::Unpacker;
use crate::format::frame::Found;

/// More threads than this wait for memory and not for the processor.
const THREADS_MAX: usize = 4;
/// Below this much to inflate a thread costs more than it saves, in bytes.
const WORTH_A_THREAD: usize = 1 << 20;
/// A thread takes this much at a time, in bytes inflated: enough that taking costs nothing, little enough
/// that all end together.
const TAKEN: usize = 256 << 10;

/// What frames say, in their order.
pub(crate) type Results = Vec<Result<Decoded, Refusal>>;

/// How many threads are worth their cost for frames that inflate to `raw` bytes.
pub(crate) fn threads_for(raw: usize) -> usize {
    if raw < WORTH_A_THREAD {
        return 1;
    }
    let there = thread::available_parallelism().map_or(1, usize::from);
    there.min(THREADS_MAX).min(raw / WORTH_A_THREAD + 1)
}

/// Decodes `frames` on `threads` threads, this one included, which does `meanwhile` first.
pub(crate) fn decode_all<T>(
    frames: &[Found<'_>],
    threads: usize,
    unpacker: &mut Unpacker,
    meanwhile: impl FnOnce() -> T,
) -> Result<(Results, T), Error> {
    let one_after_the_other = |frames: &[Found<'_>], unpacker: &mut Unpacker| -> Results {
        let mut results = Vec::with_capacity(frames.len());
        for found in frames {
            let decoded = decode(found, unpacker);
            unpacker.limit(weight::less(unpacker.room(), &decoded));
            results.push(decoded);
        }
        results
    };
    if threads <= 1 {
        let done = meanwhile();
        return Ok((one_after_the_other(frames, unpacker), done));
    }
    let parts = parts(frames);
    let next = AtomicUsize::new(0);
    let work = |unpacker: &mut Unpacker| {
        let mut done = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((part.0, one_after_the_other(part.1, unpacker)));
        }
        done
    };
    let mut unpackers = Vec::new();
    for _ in 1..threads {
        unpackers.push(unpacker.another()?);
    }
    let (mut done, other) = thread::scope(|scope| {
        let handles: Vec<_> = unpackers
            .into_iter()
            .filter_map(|mut unpacker| {
                // Where the system gives no thread, the others do its part.
                thread::Builder::new()
                    .spawn_scoped(scope, move || work(&mut unpacker))
                    .ok()
            })
            .collect();
        let other = meanwhile();
        let mut done = work(unpacker);
        for handle in handles {
            match handle.join() {
                Ok(theirs) => done.extend(theirs),
                Err(panic) => resume_unwind(panic),
            }
        }
        (done, other)
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok((done.into_iter().flat_map(|(_, part)| part).collect(), other))
}

/// Runs of frames, each with its place.
fn parts<'f, 'a>(frames: &'f [Found<'a>]) -> Vec<(usize, &'f [Found<'a>])> {
    let mut left = 0;
    let runs = frames.chunk_by(move |found, _| {
        left += usize::try_from(found.header.raw_len).unwrap_or(TAKEN);
        if left < TAKEN {
            return true;
        }
        left = 0;
        false
    });
    runs.enumerate().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::Header;
    use crate::format::tags::{Codec, Compression, Flags, Kind};
    use crate::log::decode::Content;

    #[test]
    fn results_stand_in_the_order_of_the_frames_however_many_threads() {
        let payloads: Vec<String> = (0..400)
            .map(|n| match n % 7 {
                6 => "[1]".to_owned(),
                _ => format!(
                    r#"[{n},{{"role":"user","content":"{}"}}]"#,
                    "x".repeat(n * 40)
                ),
            })
            .collect();
        let frames: Vec<Found<'_>> = payloads
            .iter()
            .zip(0..)
            .map(|(payload, seq)| {
                let len = u32::try_from(payload.len()).unwrap();
                Found {
                    header: Header {
                        kind: Kind::ITEMS,
                        codec: Codec::JSON,
                        compression: Compression::RAW,
                        flags: Flags::NONE,
                        schema: 1,
                        seq,
                        stored_len: len,
                        raw_len: len,
                    },
                    stored: payload.as_bytes(),
                    seat: None,
                }
            })
            .collect();
        assert!(parts(&frames).len() > 8, "there is something to share");
        for threads in [1, 2, 4] {
            let mut unpacker = Unpacker::new().unwrap();
            let (results, other) = decode_all(&frames, threads, &mut unpacker, || 7).unwrap();
            assert_eq!((results.len(), other), (400, 7));
            for (n, result) in (0_i64..).zip(&results) {
                match result {
                    Ok(Decoded {
                        content: Content::Items { age_ms, .. },
                        ..
                    }) => assert_eq!(*age_ms, n),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => assert_eq!(n % 7, 6),
                }
            }
        }
    }

    #[test]
    fn a_short_log_is_decoded_on_one_thread() {
        assert_eq!(threads_for(WORTH_A_THREAD - 1), 1);
        assert!(threads_for(1 << 30) <= THREADS_MAX);
    }
}
