//! The two forms of a page that Prometheus reads, and which one a reader asks for.

/// How a page is written.
///
/// ```
/// use agent_telemetry::prometheus::Format;
///
/// let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// assert_eq!(Format::negotiate(accept), Format::OpenMetrics);
/// assert_eq!(Format::negotiate("text/html, */*"), Format::Text);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4: what every reader understands.
    #[default]
    Text,
    /// `OpenMetrics` 1.0: with units, and an end by which a page that was cut off is noticed.
    OpenMetrics,
}

impl Format {
    /// What goes into the header `Content-Type`.
    ///
    /// ```
    /// use agent_telemetry::prometheus::Format;
    ///
    /// assert_eq!(Format::Text.content_type(), "text/plain; version=0.0.4; charset=utf-8");
    /// ```
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The form that the header `Accept` prefers: `OpenMetrics` where it names version 1.0.0 (or no version) and
    /// weighs it no lower than plain text. A reader that accepts neither gets text, as from other exporters.
    pub fn negotiate(accept: &str) -> Self {
        let (mut text, mut open) = (None, None);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut weight, mut version) = (1.0, None);
            for part in parts {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                let value = value.trim().trim_matches('"');
                if name.trim().eq_ignore_ascii_case("q") {
                    weight = value.parse().unwrap_or(0.0);
                } else if name.trim().eq_ignore_ascii_case("version") {
                    version = Some(value);
                }
            }
            // Not a number is no weight.
            if !(weight > 0.0 && weight <= 1.0) {
                continue;
            }
            let best = |known: Option<f64>| Some(known.map_or(weight, |known| known.max(weight)));
            if kind.eq_ignore_ascii_case("application/openmetrics-text") {
                if version.is_none_or(|version| version == "1.0.0") {
                    open = best(open);
                }
            } else if ["text/plain", "text/*", "*/*"]
                .iter()
                .any(|it| kind.eq_ignore_ascii_case(it))
                && version.is_none_or(|version| version == "0.0.4")
            {
                text = best(text);
            }
        }
        match (open, text) {
            (Some(open), Some(text)) if open >= text => Self::OpenMetrics,
            (Some(_), None) => Self::OpenMetrics,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_get_the_form_that_they_ask_for() {
        for (accept, format) in [
            // Prometheus 2.42, as it sends it.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 3 with its default protocols.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "APPLICATION/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.5",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;version=0.0.1", Format::Text),
            (
                "application/openmetrics-text;q=0.2,text/plain;q=0.9",
                Format::Text,
            ),
            ("application/openmetrics-text;q=0,*/*", Format::Text),
            ("application/openmetrics-text;q=NaN", Format::Text),
            ("", Format::Text),
            (";;;,=,q=", Format::Text),
            ("image/png", Format::Text),
        ] {
            assert_eq!(Format::negotiate(accept), format, "{accept}");
        }
    }
}
