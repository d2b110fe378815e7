//! One request.

use agent_primitives::Timestamp;

use super::super::receiver::{Accepted, Encoding, Refused, Signal};
use super::super::wire::{self, Malformed, read_logs, read_metrics, read_spans};
use super::items::Taking;
use super::metrics::Metrics;
use super::state::{AHEAD, State};

impl State {
    /// Takes it as a whole, or nothing of it.
    pub(super) fn ingest(
        &mut self,
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Accepted, Refused> {
        self.figures.requests += 1;
        let limits = self.limits;
        let mut room = std::mem::take(&mut self.room);
        let encoding = match encoding {
            Encoding::Protobuf => wire::Encoding::Protobuf,
            Encoding::Json => wire::Encoding::Json,
        };
        let read = match signal {
            Signal::Metrics => {
                let latest = (now + AHEAD).unix_nanos();
                self.deltas.expect_until(u64::try_from(latest).unwrap_or(0));
                let mut metrics = Metrics::new(self, now);
                let read = read_metrics(encoding, body, &limits, &mut room, &mut metrics);
                let (rejected, message) = metrics.finish();
                read.map(|()| match message {
                    Some(message) => Accepted::partly(rejected, message),
                    None => Accepted::all(),
                })
            }
            Signal::Logs => {
                let mut taking = Taking::new(self, now);
                read_logs(encoding, body, &limits, &mut room, &mut taking).map(|()| Accepted::all())
            }
            Signal::Traces => {
                let mut taking = Taking::new(self, now);
                read_spans(encoding, body, &limits, &mut room, &mut taking)
                    .map(|()| Accepted::all())
            }
        };
        self.room = room;
        read.map_err(|malformed| self.refuse(&malformed))
    }

    #[cold]
    fn refuse(&mut self, malformed: &Malformed) -> Refused {
        self.figures.malformed += 1;
        if malformed.is_too_large() {
            return Refused::TooLarge;
        }
        Refused::Malformed(malformed.to_string())
    }
}
