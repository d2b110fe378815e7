//! What this process takes, as the system counts it.

use std::fs;
use std::time::Duration;

/// Bytes of resident memory: now, and at most until now. `None` where the system does not tell.
pub fn resident() -> Option<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some((of(&status, "VmRSS:")?, of(&status, "VmHWM:")?))
}

fn of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Time that processors spent on all threads of this process; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn spent() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
    Some(Duration::new(seconds, nanos))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn spent() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kibibytes_of_the_system_are_told_in_bytes() {
        let status = "Name:\tcat\nVmHWM:\t    5120 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(of(status, "VmHWM:"), Some(5 << 20));
        assert_eq!(of(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(of(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_takes_time_of_the_processor_and_memory() {
        let before = spent().unwrap();
        let held = vec![1_u8; 8 << 20];
        let sum: u64 = std::hint::black_box(&held)
            .iter()
            .map(|n| u64::from(*n))
            .sum();
        assert_eq!(sum, 8 << 20);
        let (now, most) = resident().unwrap();
        assert!(most >= now && now > 1 << 20, "{now} {most}");
        assert!(spent().unwrap() > before);
    }
}
