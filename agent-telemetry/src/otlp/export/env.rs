//! The variables that every OpenTelemetry exporter knows.

use std::time::Duration;

use super::builder::OtlpSinkBuilder;
use super::error::{Kind, OtlpError};
use super::settings::Settings;
use super::style::{OtlpSignal, OtlpTemporality};
use crate::GenAiNames;

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn read(variable: Variable<'_>) -> Result<OtlpSinkBuilder, OtlpError> {
    let get = |name: &str| {
        let value = variable(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let mut builder = OtlpSinkBuilder::of(settings(&get, "")?);
    for (own, signal) in builder.own.iter_mut().zip(OtlpSignal::ALL) {
        let word = signal.as_str().to_ascii_uppercase();
        *own = settings(&get, &format!("{word}_"))?;
        let exporter = format!("OTEL_{word}_EXPORTER");
        match get(&exporter).as_deref() {
            None | Some("otlp") => {}
            Some("none") => own.is_off = true,
            Some(_) => return Err(wrong(&exporter)),
        }
    }
    let temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    if let Some(value) = get(temporality) {
        builder.style.temporality = match value.to_ascii_lowercase().as_str() {
            "cumulative" => OtlpTemporality::Cumulative,
            "delta" | "lowmemory" => OtlpTemporality::Delta,
            _ => return Err(wrong(temporality)),
        };
    }
    if let Some(list) = get("OTEL_SEMCONV_STABILITY_OPT_IN") {
        builder.style.names = GenAiNames::from_stability_opt_in(&list);
    }
    let attributes = "OTEL_RESOURCE_ATTRIBUTES";
    if let Some(list) = get(attributes) {
        for (key, value) in pairs(&list).ok_or_else(|| wrong(attributes))? {
            builder = builder.resource(&key, &value);
        }
    }
    Ok(match get("OTEL_SERVICE_NAME") {
        Some(name) => builder.service_name(&name),
        None => builder,
    })
}

/// Those of all signals, or of one.
fn settings(get: &impl Fn(&str) -> Option<String>, signal: &str) -> Result<Settings, OtlpError> {
    let name = |what: &str| format!("OTEL_EXPORTER_OTLP_{signal}{what}");
    let protocol = name("PROTOCOL");
    if get(&protocol).is_some_and(|it| it != "http/protobuf") {
        return Err(OtlpError::new(Kind::Protocol(protocol)));
    }
    let (timeout, compression, headers) = (name("TIMEOUT"), name("COMPRESSION"), name("HEADERS"));
    let millis = get(&timeout).map(|it| it.parse().map_err(|_| wrong(&timeout)));
    let gzip = get(&compression).map(|it| match it.as_str() {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(wrong(&compression)),
    });
    let headers = get(&headers).map(|it| pairs(&it).ok_or_else(|| wrong(&headers)));
    Ok(Settings {
        address: get(&name("ENDPOINT")),
        headers: headers.transpose()?.unwrap_or_default(),
        timeout: millis.transpose()?.map(Duration::from_millis),
        gzip: gzip.transpose()?,
        is_off: false,
    })
}

fn wrong(name: &str) -> OtlpError {
    OtlpError::new(Kind::Variable(name.to_owned()))
}

/// `key=value,key=value`, percent-encoded, with white space around each.
fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    let pairs = list.split(',').map(str::trim).filter(|it| !it.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = decoded(key.trim())?;
            (!key.is_empty()).then_some((key, decoded(value.trim())?))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let are_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| are_hex)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_percent_encoded_and_may_have_white_space() {
        let owned = |it: &[(&str, &str)]| {
            Some(
                it.iter()
                    .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(pairs("a=1,b=2"), owned(&[("a", "1"), ("b", "2")]));
        assert_eq!(
            pairs(" a = 1 ,, b=x=y "),
            owned(&[("a", "1"), ("b", "x=y")])
        );
        assert_eq!(
            pairs("Authorization=Basic%20YTpi"),
            owned(&[("Authorization", "Basic YTpi")])
        );
        assert_eq!(pairs("k=%C3%A4"), owned(&[("k", "ä")]));
        assert_eq!(pairs("k="), owned(&[("k", "")]));
        for wrong in ["a", "=1", "a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff", "a=%ää"] {
            assert_eq!(pairs(wrong), None, "{wrong}");
        }
    }
}
