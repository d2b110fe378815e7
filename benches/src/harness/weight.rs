//! Bytes written and bytes on disk for each logical byte, of the cases that store something.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::case::{Broken, Case, Work};

/// Passes over each case. The device's counter is the machine's, and what others write can only add
/// to it, so the smallest figure is the nearest.
const PASSES: usize = 5;
/// No further pass after this.
const PASSES_FOR: Duration = Duration::from_secs(2);
const SECTOR: u64 = 512;

/// Bytes for each byte of JSON that was new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weight {
    /// Handed to the system in write calls, space that is filled ahead included.
    pub(crate) written: Option<f64>,
    /// That reached the block device.
    pub(crate) device: Option<f64>,
    /// In files, for each byte of JSON held.
    pub(crate) disk: f64,
}

/// Reads how many bytes were written so far. Not the `write_bytes` of the process: with large folios
/// the kernel counts a megabyte there where 4 KiB go to the device.
#[derive(Debug)]
pub(crate) struct Scale {
    device: Option<PathBuf>,
}

impl Scale {
    /// For files below `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            device: device(folder),
        }
    }

    /// Runs `case` a few times more and weighs it; `None` where it stores nothing.
    pub(crate) fn weigh(&self, case: &mut Case) -> Result<Option<Weight>, Broken> {
        let start = Instant::now();
        let mut lightest = None;
        for _ in 0..PASSES {
            if lightest.is_some() && start.elapsed() >= PASSES_FOR {
                break;
            }
            let Some(weight) = self.pass(case)? else {
                return Ok(None);
            };
            lightest = Some(lightest.map_or(weight, |before| lighter(before, weight)));
        }
        Ok(lightest)
    }

    fn pass(&self, case: &mut Case) -> Result<Option<Weight>, Broken> {
        let Work::Steps(steps) = &mut case.work else {
            return Ok(None);
        };
        let (mut total, mut sent) = (Some(0), Some(0));
        let mut last = None;
        for left in (0..steps.weighed().max(1)).rev() {
            steps.prepare()?;
            let before = (written(), self.sent());
            steps.run()?;
            if left == 0 {
                last = steps.footprint()?;
            }
            total = grown(total, before.0, written());
            sent = grown(sent, before.1, self.sent());
        }
        Ok(last.map(|footprint| Weight {
            written: total.map(|bytes| ratio(bytes, footprint.added)),
            device: sent.map(|bytes| ratio(bytes, footprint.added)),
            disk: ratio(footprint.disk, footprint.held),
        }))
    }

    fn sent(&self) -> Option<u64> {
        sectors(&fs::read_to_string(self.device.as_ref()?).ok()?).map(|count| count * SECTOR)
    }
}

/// `sum` and what came between the two readings.
fn grown(sum: Option<u64>, before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(sum? + after?.saturating_sub(before?))
}

fn lighter(a: Weight, b: Weight) -> Weight {
    let smaller = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.min(b));
    Weight {
        written: smaller(a.written, b.written),
        device: smaller(a.device, b.device),
        disk: a.disk.min(b.disk),
    }
}

fn ratio(bytes: u64, of: u64) -> f64 {
    let float = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    float(bytes) / float(of.max(1))
}

/// Bytes that this process handed over; `None` where the system does not tell.
fn written() -> Option<u64> {
    wchar(&fs::read_to_string("/proc/self/io").ok()?)
}

fn wchar(io: &str) -> Option<u64> {
    let line = io.lines().find_map(|line| line.strip_prefix("wchar:"))?;
    line.trim().parse().ok()
}

/// Sectors written, the seventh field of a block device's `stat`.
fn sectors(stat: &str) -> Option<u64> {
    stat.split_whitespace().nth(6)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn device(folder: &Path) -> Option<PathBuf> {
    let number = std::os::unix::fs::MetadataExt::dev(&fs::metadata(folder).ok()?);
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    Some(PathBuf::from(format!(
        "/sys/dev/block/{major}:{minor}/stat"
    )))
}

#[cfg(not(target_os = "linux"))]
fn device(_folder: &Path) -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::case::{Footprint, Kind, Steps};
    use super::*;

    #[test]
    fn kernel_figures_are_read_from_their_places() {
        let io = "rchar: 1\nwchar: 22\nsyscr: 3\nwrite_bytes: 4096\ncancelled_write_bytes: 9\n";
        assert_eq!((wchar(io), wchar("rchar: 1\n")), (Some(22), None));
        let stat = "  100  1  2000  30  400  5  6000  70  0  80  90\n";
        assert_eq!((sectors(stat), sectors("1 2 3")), (Some(6000), None));
    }

    #[test]
    fn smallest_pass_counts_for_each_figure() {
        let weight = |written, device, disk| Weight {
            written: Some(written),
            device,
            disk,
        };
        let lightest = lighter(weight(1.0, Some(9.0), 0.5), weight(2.0, Some(3.0), 0.4));
        assert_eq!(lightest, weight(1.0, Some(3.0), 0.4));
        assert_eq!(lighter(lightest, weight(1.0, None, 0.5)).device, None);
    }

    struct Stores(u32);
    impl Steps for Stores {
        fn run(&mut self) -> Result<(), Broken> {
            self.0 += 1;
            Ok(())
        }
        fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
            Ok(Some(Footprint {
                added: 1000,
                held: 2000,
                disk: 500 + u64::from(self.0),
            }))
        }
    }

    #[test]
    fn disk_is_for_all_that_is_held() {
        let mut case = Case::steps(Kind::Ours, "stores", "1", Stores(0));
        let weight = Scale { device: None }.weigh(&mut case).unwrap().unwrap();
        assert_eq!((weight.disk, weight.device), (501.0 / 2000.0, None));
    }

    struct Many {
        run: u32,
        asked: u32,
    }
    impl Steps for Many {
        fn weighed(&self) -> u32 {
            40
        }
        fn run(&mut self) -> Result<(), Broken> {
            self.run += 1;
            Ok(())
        }
        fn footprint(&mut self) -> Result<Option<Footprint>, Broken> {
            self.asked += 1;
            Ok(Some(Footprint {
                added: u64::from(self.run),
                held: u64::from(self.run),
                disk: u64::from(self.run / self.asked),
            }))
        }
    }

    #[test]
    fn so_many_runs_as_are_weighed_together_have_one_footprint() {
        let many = Many { run: 0, asked: 0 };
        let mut case = Case::steps(Kind::Ours, "many", "1", many);
        let scale = Scale { device: None };
        let weight = scale.pass(&mut case).unwrap().unwrap();
        assert_eq!((weight.disk, weight.device), (1.0, None));
        assert_eq!(grown(Some(5), Some(3), Some(10)), Some(12));
        assert_eq!(grown(Some(5), None, Some(10)), None);
    }

    #[test]
    fn looped_case_weighs_nothing() {
        let mut case = Case::looped(Kind::Ours, "loop", "1", |_| ());
        assert_eq!(Scale { device: None }.weigh(&mut case).unwrap(), None);
    }
}
