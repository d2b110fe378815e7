//! How the program prints.

pub(crate) fn title(text: &str) -> String {
    format!("-- {text}")
}

pub(crate) fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => String::new(),
        line => format!("    {line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}
