//! The files that a generated session reads, searches and edits: they make its text repeat itself
//! over long distances, as real ones do.

use fastrand::Rng;

use super::text::{Text, pick};

const FILES: usize = 48;

#[derive(Debug)]
pub(super) struct Project {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: String,
    names: Vec<String>,
    lines: Vec<String>,
}

impl Project {
    pub(super) fn new(text: &Text, random: &mut Rng) -> Self {
        let files = (0..FILES)
            .map(|_| {
                let names: Vec<_> = (0..60).map(|_| text.name(random)).collect();
                let lines = (0..random.usize(60..500))
                    .map(|_| text.code(random, &names))
                    .collect();
                File {
                    path: format!("src/{}/{}.rs", text.name(random), text.name(random)),
                    names,
                    lines,
                }
            })
            .collect();
        Self { files }
    }

    /// What a tool that looks at a file answers: its arguments and about `len` bytes of result.
    pub(super) fn read(&self, random: &mut Rng, len: usize) -> (String, String) {
        let Some(file) = pick(random, &self.files) else {
            return (String::new(), String::new());
        };
        let from = random.usize(..file.lines.len());
        let mut result = String::with_capacity(len + 100);
        for (number, line) in file.lines.iter().enumerate().cycle().skip(from) {
            let shown = format!("{:>5}\t{line}\n", number + 1);
            result.push_str(&shown);
            if result.len() >= len {
                break;
            }
        }
        let path = &file.path;
        (format!(r#"{{"path":"{path}","from":{from}}}"#), result)
    }

    /// The same for a search over all files.
    pub(super) fn search(&self, random: &mut Rng, len: usize) -> (String, String) {
        let mut result = String::with_capacity(len + 100);
        while result.len() < len {
            let Some(file) = pick(random, &self.files) else {
                break;
            };
            let number = random.usize(..file.lines.len());
            let line = file.lines.get(number).map_or("", String::as_str);
            let found = format!("{}:{}:{}\n", file.path, number + 1, line.trim());
            result.push_str(&found);
        }
        let pattern = pick(random, &self.files).and_then(|file| pick(random, &file.names));
        let pattern = pattern.map_or("", String::as_str);
        (format!(r#"{{"pattern":"{pattern}"}}"#), result)
    }

    /// The same for an edit, which changes the file.
    pub(super) fn edit(&mut self, text: &Text, random: &mut Rng, len: usize) -> (String, String) {
        let at = random.usize(..self.files.len().max(1));
        let Some(file) = self.files.get_mut(at) else {
            return (String::new(), String::new());
        };
        let mut result = format!("--- {0}\n+++ {0}\n", file.path);
        let mut number = random.usize(..file.lines.len());
        while result.len() < len {
            let new = text.code(random, &file.names);
            if let Some(line) = file.lines.get_mut(number) {
                let hunk = format!("@@ {} @@\n-{line}\n+{new}\n", number + 1);
                result.push_str(&hunk);
                *line = new;
            }
            number = (number + random.usize(1..9)) % file.lines.len();
        }
        (format!(r#"{{"path":"{}"}}"#, file.path), result)
    }
}
