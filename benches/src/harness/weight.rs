//! Bytes written and bytes on disk for each logical byte, of the cases that store something.

use std::fs;

use super::case::{Broken, Case, Work};

/// Bytes for each byte of JSON that was new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weight {
    /// Handed to the system in write calls.
    pub(crate) written: Option<f64>,
    /// Sent to the device, in whole pages, as the kernel accounts it to the process.
    pub(crate) device: Option<f64>,
    /// In files, for each byte of JSON held.
    pub(crate) disk: f64,
}

/// Runs `case` once more and weighs it; `None` where it stores nothing.
pub(crate) fn weigh(case: &mut Case) -> Result<Option<Weight>, Broken> {
    let Work::Steps(steps) = &mut case.work else {
        return Ok(None);
    };
    steps.prepare()?;
    let before = Io::of_this_process();
    steps.run()?;
    let Some(footprint) = steps.footprint()? else {
        return Ok(None);
    };
    let after = Io::of_this_process();
    let moved = before.zip(after).map(|(before, after)| Io {
        written: after.written.saturating_sub(before.written),
        device: after.device.saturating_sub(before.device),
    });
    Ok(Some(Weight {
        written: moved.map(|io| ratio(io.written, footprint.added)),
        device: moved.map(|io| ratio(io.device, footprint.added)),
        disk: ratio(footprint.disk, footprint.held),
    }))
}

fn ratio(bytes: u64, of: u64) -> f64 {
    let float = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    float(bytes) / float(of.max(1))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Io {
    written: u64,
    device: u64,
}

impl Io {
    /// `None` where the system does not tell.
    fn of_this_process() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/io").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        Some(Self {
            written: field("wchar:")?,
            device: field("write_bytes:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{Footprint, Kind, Steps};
    use super::*;

    #[test]
    fn kernel_accounting_is_read_by_name() {
        let text = "rchar: 1\nwchar: 22\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 4096\n\
                    cancelled_write_bytes: 9\n";
        let (written, device) = (22, 4096);
        assert_eq!(Io::parse(text), Some(Io { written, device }));
        assert_eq!(Io::parse("rchar: 1\n"), None);
    }

    struct Stores;
    impl Steps for Stores {
        fn run(&mut self) -> Result<(), Broken> {
            Ok(())
        }
        fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
            Ok(Some(Footprint {
                added: 1000,
                held: 2000,
                disk: 500,
            }))
        }
    }

    #[test]
    fn disk_is_for_all_that_is_held() {
        let mut case = Case::steps(Kind::Ours, "stores", "1", Stores);
        assert_eq!(weigh(&mut case).unwrap().unwrap().disk, 0.25);
    }

    #[test]
    fn looped_case_weighs_nothing() {
        let mut case = Case::looped(Kind::Ours, "loop", "1", |_| ());
        assert_eq!(weigh(&mut case).unwrap(), None);
    }
}
