//! Who asks for a session: this process, on this machine.

use std::sync::OnceLock;

use super::StoreId;
use super::claim::{Claim, Owner, Record, Stage};

/// Longest name of a host that is recorded, in bytes.
pub(crate) const HOST_MAX: usize = 52;

/// The lease of a new tenure of this process.
pub(crate) fn record(claim: &Claim) -> Record {
    let machine = machine();
    Record {
        owner: Owner {
            epoch: 0,
            process: std::process::id(),
            host: machine.host.clone(),
            renewed: claim.now,
            expires: claim.now + claim.lease,
        },
        stage: Stage::Held,
        boot: machine.boot,
        token: *StoreId::fresh().as_bytes(),
    }
}

#[derive(Debug)]
struct Machine {
    host: String,
    boot: [u8; 16],
}

fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| Machine {
        host: host().map(bounded).unwrap_or_default(),
        boot: boot().unwrap_or_default(),
    })
}

fn bounded(mut host: String) -> String {
    let mut end = HOST_MAX.min(host.len());
    while !host.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    host.truncate(end);
    host
}

fn host() -> Option<String> {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok());
    let told = told.or_else(|| std::env::var("COMPUTERNAME").ok())?;
    Some(told.trim().to_owned())
}

/// Drawn by Linux when it starts, and the same in all its containers.
fn boot() -> Option<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits = text.trim().replace('-', "");
    StoreId::parse(&digits).map(|id| *id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_primitives::Timestamp;

    #[test]
    fn each_tenure_of_a_process_is_told_from_the_others() {
        let claim = Claim::at(Timestamp::from_unix_seconds(5));
        let (a, b) = (record(&claim), record(&claim));
        assert_ne!(a.token, b.token);
        assert_eq!((a.boot, &a.owner), (b.boot, &b.owner));
        assert_eq!(a.owner.expires, Timestamp::from_unix_seconds(35));
        if cfg!(target_os = "linux") {
            assert_ne!(a.boot, [0; 16]);
            assert!(!a.owner.host.is_empty());
        }
    }

    #[test]
    fn a_long_host_name_is_cut_between_letters() {
        assert_eq!(bounded("é".repeat(40)), "é".repeat(26));
        assert_eq!(bounded(format!("a{}", "é".repeat(40))).len(), 51);
    }
}
