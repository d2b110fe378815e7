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
        let encoding = self::encoding(encoding);
        let mut room = std::mem::take(&mut self.room);
        let read = match signal {
            Signal::Metrics => {
                self.expect(now);
                let mut metrics = Metrics::new(self, now);
                let read = read_metrics(encoding, body, &limits, &mut room, &mut metrics);
                let accepted = metrics.accepted();
                read.map(|()| accepted)
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

    /// Points of how far ahead are taken.
    pub(super) fn expect(&mut self, now: Timestamp) {
        let latest = (now + AHEAD).unix_nanos();
        self.deltas.expect_until(u64::try_from(latest).unwrap_or(0));
    }

    #[cold]
    pub(super) fn refuse(&mut self, malformed: &Malformed) -> Refused {
        self.figures.malformed += 1;
        if malformed.is_too_large() {
            return Refused::TooLarge;
        }
        Refused::Malformed(malformed.to_string())
    }
}

pub(super) const fn encoding(written: Encoding) -> wire::Encoding {
    match written {
        Encoding::Protobuf => wire::Encoding::Protobuf,
        Encoding::Json => wire::Encoding::Json,
    }
}
