//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

use super::case::Broken;
use super::effort::Effort;

/// The arguments of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Measure, or only show that everything works.
    pub effort: Effort,
    /// Only groups whose name contains this.
    pub filter: Option<String>,
    /// Where the summary goes instead of the target folder.
    pub json: Option<PathBuf>,
    /// Where sessions are written while they are measured.
    pub scratch: Option<PathBuf>,
}

impl Options {
    /// Reads `arguments` (without the program's name). Cargo passes `--bench` when it benches and
    /// does not when it tests, so the full run needs that flag and the absence of `--test`.
    ///
    /// ```
    /// use agent_benches::harness::{Effort, Options};
    ///
    /// let options = Options::parse(["--filter", "breaker", "--bench"])?;
    /// assert_eq!(options.effort, Effort::Full);
    /// assert_eq!(options.filter.as_deref(), Some("breaker"));
    /// # Ok::<(), agent_benches::harness::Broken>(())
    /// ```
    ///
    /// # Errors
    /// On an argument that it does not know, naming those it knows.
    pub fn parse<I>(arguments: I) -> Result<Self, Broken>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let (mut bench, mut test) = (false, false);
        let (mut filter, mut json, mut scratch) = (None, None, None);
        let mut parser = lexopt::Parser::from_args(arguments.into_iter().map(Into::into));
        let usage = Broken::when::<lexopt::Error>;
        let doing = "read the arguments (known: --filter TEXT, --test, --json PATH)";
        while let Some(argument) = parser.next().map_err(usage(doing))? {
            match argument {
                lexopt::Arg::Long("bench") => bench = true,
                lexopt::Arg::Long("test") => test = true,
                lexopt::Arg::Long("filter") => {
                    let wanted = parser.value().map_err(usage(doing))?;
                    filter = Some(wanted.to_string_lossy().into_owned());
                }
                lexopt::Arg::Long("json") => json = Some(parser.value().map_err(usage(doing))?),
                lexopt::Arg::Long("scratch") => {
                    scratch = Some(parser.value().map_err(usage(doing))?);
                }
                other => return Err(Broken::new(doing, other.unexpected())),
            }
        }
        Ok(Self {
            effort: if bench && !test {
                Effort::Full
            } else {
                Effort::Test
            },
            filter,
            json: json.map(PathBuf::from),
            scratch: scratch.map(PathBuf::from),
        })
    }

    /// Whether a group of this name is asked for.
    pub fn wants(&self, group: &str) -> bool {
        self.filter
            .as_deref()
            .is_none_or(|filter| group.contains(filter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_bench_flag_or_with_test_it_is_only_a_test() {
        let effort = |arguments: &[&str]| Options::parse(arguments).unwrap().effort;
        assert_eq!(effort(&["--bench"]), Effort::Full);
        assert_eq!(effort(&[]), Effort::Test);
        assert_eq!(effort(&["--test", "--bench"]), Effort::Test);
    }

    #[test]
    fn filter_picks_groups_by_a_part_of_the_name() {
        let options = Options::parse(["--filter", "retry"]).unwrap();
        assert!(options.wants("retry, no failure"));
        assert!(!options.wants("breaker, closed"));
        assert!(Options::parse(["--bench"]).unwrap().wants("anything"));
    }

    #[test]
    fn unknown_argument_is_refused_with_the_known_ones() {
        let error = Options::parse(["--fliter", "x"]).unwrap_err().to_string();
        assert!(
            error.contains("--fliter") && error.contains("--filter TEXT"),
            "{error}"
        );
    }

    #[test]
    fn missing_value_is_refused() {
        assert!(Options::parse(["--json"]).is_err());
    }
}
