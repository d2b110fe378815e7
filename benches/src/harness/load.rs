//! Whether the machine has something else to do.

use std::fs;

/// Runnable tasks, the mean over the last minute; `None` where the system does not tell.
pub(crate) fn load() -> Option<f64> {
    first(&fs::read_to_string("/proc/loadavg").ok()?)
}

fn first(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_the_first_of_the_three() {
        assert_eq!(first("2.24 1.71 0.96 3/116 7629\n"), Some(2.24));
        assert_eq!(first(""), None);
    }
}
