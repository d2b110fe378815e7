//! What to paste into a shell, so that an agent CLI started from it sends here.

/// For Claude Code; other SDKs read those that begin with `OTEL_EXPORTER`. Names and meaning are those of
/// <https://code.claude.com/docs/en/monitoring-usage> and
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
pub(crate) fn block(endpoint: &str, token: Option<&str>) -> String {
    let mut lines = vec![
        "# Paste this where the agent CLI is started:".to_owned(),
        "export CLAUDE_CODE_ENABLE_TELEMETRY=1".to_owned(),
        "export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp".to_owned(),
        "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf".to_owned(),
        format!("export OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}"),
    ];
    if let Some(token) = token {
        lines.push(format!(
            "export OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20{token}"
        ));
    }
    lines.extend([
        "# Metrics come every ten seconds in place of sixty; events come after five.".to_owned(),
        "export OTEL_METRIC_EXPORT_INTERVAL=10000".to_owned(),
        "# Which subagent did what is told by spans alone, which are in beta:".to_owned(),
        "export CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1 OTEL_TRACES_EXPORTER=otlp".to_owned(),
        "# Codex: in ~/.codex/config.toml".to_owned(),
        format!(
            "#   [otel] exporter = {{ otlp-http = {{ endpoint = \"{endpoint}/v1/logs\", protocol = \"binary\" }} }}"
        ),
    ]);
    lines.join("\n") + "\n"
}
