//! The page for readers is what the table says.

use std::fmt::Write as _;
use std::path::Path;

use super::super::table::{GROUPS, Group, Signal};

const PAGE: &str = include_str!("../../../../docs/otlp-names.md");

const HEAD: &str = "\
# Names of other programs

What the receiver of OTLP makes of the names that agent programs and instrumentations send. A test holds this page to
the table in the code. For each sender: what becomes of its events, spans and metrics, and which of their attributes
are read. Attributes that stand nowhere here are not read, nor are those that are content; bodies of log records and
names of spans are compared with the names below and not kept.

An event or a span of another name is counted and leaves nothing. A metric of another name is kept under its own name
with what was added, or, of a histogram, with the mean of what was added.

Where several attributes tell the same, the first counts, in the order of this page. Cached tokens that are more than
the input that should hold them, or that only beside it make up the total that was told, are taken as told beside it;
reasoning likewise. Both are counted.

The session of an item is the first attribute below that tells one; else the `service.instance.id` of the resource;
else its service and `process.pid`; else, for spans, the trace. The project is the resource's `agent.project`,
`project` or `service.namespace`. The agent is the one that is named, else the service. A character that an id may not
have becomes `_`; an id that is too long is left out; both are counted.

Points that an SDK put together for want of room (`otel.metric.overflow`) add to the totals of nobody.
";

const fn section(signal: Signal) -> (&'static str, &'static str) {
    match signal {
        Signal::Event => ("Events", "event"),
        Signal::Span => ("Spans", "span"),
        Signal::Operation => ("Spans by `gen_ai.operation.name`", "value"),
        Signal::Kind => ("Spans by `openinference.span.kind`", "value"),
        Signal::Request => ("Spans by `llm.request.type`", "value"),
        Signal::Entity => ("Spans by `traceloop.span.kind`", "value"),
        Signal::Metric => ("Metrics", "metric"),
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for group in GROUPS {
        write!(page, "\n## {}\n\nFrom {}.\n", group.title, group.from).unwrap();
        for signal in Signal::ALL {
            rows(&mut page, group, signal);
        }
        if !group.keys.is_empty() {
            page += "\n### Attributes\n\n| attribute | tells |\n|---|---|\n";
        }
        for key in group.keys {
            writeln!(page, "| `{}` | {} |", key.name, key.field.says()).unwrap();
        }
    }
    page
}

fn rows(page: &mut String, group: &Group, signal: Signal) {
    let mut rows = group
        .rows
        .iter()
        .filter(|row| row.signal == signal)
        .peekable();
    if rows.peek().is_none() {
        return;
    }
    let (title, what) = section(signal);
    write!(page, "\n### {title}\n\n| {what} | becomes |\n|---|---|\n").unwrap();
    for row in rows {
        writeln!(page, "| `{}` | {} |", row.name, row.becomes).unwrap();
    }
}

#[test]
fn page_is_what_the_table_says() {
    let page = page();
    if std::env::var_os("WRITE_PAGES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/otlp-names.md");
        std::fs::write(path, &page).unwrap();
    }
    for (number, (is, should)) in PAGE.lines().zip(page.lines()).enumerate() {
        assert_eq!(is, should, "line {}; WRITE_PAGES=1 writes it", number + 1);
    }
    assert_eq!(
        PAGE.lines().count(),
        page.lines().count(),
        "WRITE_PAGES=1 writes it"
    );
}
