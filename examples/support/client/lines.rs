//! Bytes into lines, and lines into the data of server-sent events.

/// Cuts bytes that come in any pieces at line ends (LF or CR LF).
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
    /// How much of `rest` is known to hold no line end, so that a long line that comes in small
    /// pieces is searched once.
    searched: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
    }

    /// The next complete line without its end.
    pub(super) fn next_line(&mut self) -> Option<Vec<u8>> {
        let unseen = self.rest.get(self.searched..)?;
        let Some(at) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.rest.len();
            return None;
        };
        let after = self.rest.split_off(self.searched + at + 1);
        let mut line = std::mem::replace(&mut self.rest, after);
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }

    /// What stands after the last line end.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.rest
    }
}

/// Collects the data of one server-sent event. Names and comments are skipped: the vendors repeat
/// the name in the data.
#[derive(Debug, Default)]
pub(super) struct EventData(Vec<u8>);

impl EventData {
    /// Takes one line; gives the data when the line ends the event.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if line.is_empty() {
            let mut data = std::mem::take(&mut self.0);
            // Each line of data was followed by a line end, the last one too many.
            data.pop()?;
            return Some(data);
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            self.0
                .extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            self.0.push(b'\n');
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(bytes: &[u8], piece: usize) -> Vec<String> {
        let (mut lines, mut data) = (Lines::default(), EventData::default());
        let mut events = Vec::new();
        for piece in bytes.chunks(piece) {
            lines.push(piece);
            while let Some(line) = lines.next_line() {
                events.extend(
                    data.line(&line)
                        .map(|data| String::from_utf8(data).unwrap()),
                );
            }
        }
        events
    }

    #[test]
    fn events_do_not_depend_on_where_the_bytes_are_cut() {
        let stream = "event: a\r\ndata: {\"x\":\r\ndata: \"é\"}\r\n\r\n: comment\n\ndata:[DONE]\n\ndata: cut";
        for piece in 1..=stream.len() {
            assert_eq!(
                events(stream.as_bytes(), piece),
                ["{\"x\":\n\"é\"}", "[DONE]"],
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn the_rest_after_the_last_line_is_kept() {
        let mut lines = Lines::default();
        lines.push(b"one\ntw");
        assert_eq!(lines.next_line().as_deref(), Some(&b"one"[..]));
        assert_eq!(lines.next_line(), None);
        lines.push(b"o");
        assert_eq!(lines.next_line(), None);
        assert_eq!(lines.into_rest(), b"two");
    }
}
