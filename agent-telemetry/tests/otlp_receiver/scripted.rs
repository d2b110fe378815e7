//! An intake that says what the first word of a body asks it to say.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agent_telemetry::otlp::{Accepted, Encoding, Intake, ReceiverStats, Refused, Signal};
use flate2::Compression;
use flate2::write::GzEncoder;

/// What a request carried, how it was written, and how many bytes it had.
pub(crate) type Taken = (Signal, Encoding, usize);

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) taken: Mutex<Vec<Taken>>,
    pub(crate) flushed: AtomicUsize,
    /// Those who wait say so, and are told to go on.
    gate: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

#[derive(Clone, Default)]
pub(crate) struct Scripted(pub(crate) Arc<Script>);

impl Scripted {
    /// The other side of the gate: hears of who waits, and tells to go on.
    pub(crate) fn gate(&self) -> (Receiver<()>, Sender<()>) {
        let ((waits, heard), (go, told)) = (channel(), channel());
        *self.0.gate.lock().unwrap() = Some((waits, told));
        (heard, go)
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.0.taken.lock().unwrap().clone()
    }

    pub(crate) fn flushed(&self) -> usize {
        self.0.flushed.load(Ordering::SeqCst)
    }
}

impl Intake for Scripted {
    fn take(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Accepted, Refused> {
        let retry_after = Duration::from_millis(1_500);
        let word = body.split(|it| *it == b' ').next().unwrap();
        match word {
            b"busy" => return Err(Refused::Busy { retry_after }),
            b"down" => return Err(Refused::Unavailable { retry_after }),
            b"bad" => return Err(Refused::Malformed("no item at byte 3".to_owned())),
            b"large" => return Err(Refused::TooLarge),
            b"panic" => panic!("as the script says"),
            b"wait" => {
                if let Some((waits, told)) = self.0.gate.lock().unwrap().as_ref() {
                    waits.send(()).unwrap();
                    told.recv().unwrap();
                }
            }
            _ => {}
        }
        let took = (signal, encoding, body.len());
        self.0.taken.lock().unwrap().push(took);
        Ok(match word {
            b"partly" => Accepted::partly(3, "three of them"),
            b"warn" => Accepted::partly(0, "old names"),
            _ => Accepted::all(),
        })
    }

    fn flush(&self, _: Duration) -> bool {
        self.0.flushed.fetch_add(1, Ordering::SeqCst);
        true
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Waits until the receiver says so.
pub(crate) fn until(
    receiver: &agent_telemetry::otlp::Receiver,
    is_so: impl Fn(&ReceiverStats) -> bool,
) -> ReceiverStats {
    let start = Instant::now();
    loop {
        let stats = receiver.stats();
        if is_so(&stats) {
            return stats;
        }
        assert!(start.elapsed() < crate::peer::WAIT, "{stats:?}");
        std::thread::yield_now();
    }
}
