//! The tool servers of a session, and what changed about one since it was saved.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tool that a server offered.
///
/// ```
/// use agent_checkpoint::McpTool;
/// use serde_json::json;
///
/// let one = McpTool::new("read", &json!({"type": "object", "required": ["path"]}));
/// let same = McpTool::new("read", &json!({"required": ["path"], "type": "object"}));
/// assert_eq!(one.hash, same.hash);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct McpTool {
    /// Its name at the server.
    pub name: String,
    /// Digest of its description and schema; see [`McpTool::new`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl McpTool {
    /// A tool, and the digest of what the server says of it: schema, description, whatever decides how
    /// the model calls it.
    pub fn new(name: impl Into<String>, definition: &Value) -> Self {
        Self {
            name: name.into(),
            hash: Some(canonical_hash(definition)),
            extra: Map::new(),
        }
    }

    /// A tool of which only the name is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A tool server (Model Context Protocol) as it was when the session was saved. Holds no secrets: an
/// address is kept without user, password and query, and a configuration as its digest.
///
/// ```
/// use agent_checkpoint::{Drift, McpServer, McpTool};
/// use serde_json::json;
///
/// let saved = McpServer::http("issues", "https://me:secret@issues.example/mcp?key=secret")
///     .with_protocol("2025-06-18")
///     .with_tools([McpTool::named("search"), McpTool::named("close")]);
/// assert_eq!(saved.address, "https://issues.example/mcp");
///
/// let now = McpServer::http("issues", "https://issues.example/mcp")
///     .with_protocol("2025-06-18")
///     .with_tools([McpTool::named("search")]);
/// assert_eq!(saved.drift(&now), [Drift::ToolRemoved("close".into())]);
/// assert!(saved.drift(&now)[0].breaks("close"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct McpServer {
    /// The host's name for it.
    pub name: String,
    /// How it is reached: `stdio`, `http`, or another word.
    pub transport: String,
    /// The program, or the URL without user, password, query and fragment.
    pub address: String,
    /// Version of the protocol that was agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The server's id for the connection. It may be of no use after a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Digest of the configuration, secrets included; see [`config_hash_of`](Self::config_hash_of).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// The tools that it offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<McpTool>,
    /// Any other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl McpServer {
    /// A server that is a child process. Its arguments and environment belong into the configuration's
    /// digest, since secrets stand there.
    pub fn stdio(name: impl Into<String>, program: impl Into<String>) -> Self {
        Self::reached(name, "stdio", program.into())
    }

    /// A server behind a URL, of which user, password, query and fragment are left out.
    pub fn http(name: impl Into<String>, url: &str) -> Self {
        Self::reached(name, "http", without_secrets(url))
    }

    fn reached(name: impl Into<String>, transport: &str, address: String) -> Self {
        Self {
            name: name.into(),
            transport: transport.to_owned(),
            address,
            ..Self::default()
        }
    }

    /// Sets the version of the protocol.
    #[must_use]
    pub fn with_protocol(mut self, version: impl Into<String>) -> Self {
        self.protocol = Some(version.into());
        self
    }

    /// Sets the server's id for the connection.
    #[must_use]
    pub fn with_session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Keeps the digest of a configuration.
    #[must_use]
    pub fn with_config(mut self, config: &Value) -> Self {
        self.config_hash = Some(Self::config_hash_of(config));
        self
    }

    /// Sets the tools.
    #[must_use]
    pub fn with_tools(mut self, tools: impl IntoIterator<Item = McpTool>) -> Self {
        self.tools = tools.into_iter().collect();
        self
    }

    /// BLAKE3, as hex digits, of the value written with its names in order: the order in which a
    /// configuration file names things does not count.
    ///
    /// ```
    /// use agent_checkpoint::McpServer;
    /// use serde_json::json;
    ///
    /// let (a, b) = (json!({"x": 1, "y": [2]}), json!({"y": [2], "x": 1}));
    /// assert_eq!(McpServer::config_hash_of(&a), McpServer::config_hash_of(&b));
    /// assert_ne!(McpServer::config_hash_of(&a), McpServer::config_hash_of(&json!({"x": 1})));
    /// ```
    pub fn config_hash_of(config: &Value) -> String {
        canonical_hash(config)
    }

    /// Digest of the tools' names and digests; their order does not count.
    pub fn catalogue_hash(&self) -> String {
        let mut tools: Vec<_> = self
            .tools
            .iter()
            .map(|tool| (tool.name.as_str(), tool.hash.as_deref()))
            .collect();
        tools.sort_unstable();
        let tools = tools
            .iter()
            .map(|(name, hash)| Value::from(vec![Value::from(*name), Value::from(*hash)]));
        canonical_hash(&tools.collect())
    }

    /// What is different about the server `now`: what a host looks at before it lets a session go on.
    /// Empty when everything is as it was. A digest that is missing on one side says nothing.
    pub fn drift(&self, now: &Self) -> Vec<Drift> {
        let mut drift = Vec::new();
        if (&self.transport, &self.address) != (&now.transport, &now.address)
            || differ(self.config_hash.as_ref(), now.config_hash.as_ref())
        {
            drift.push(Drift::Config);
        }
        if self.protocol != now.protocol {
            drift.push(Drift::Protocol {
                was: self.protocol.clone(),
                now: now.protocol.clone(),
            });
        }
        if self.session.is_some() && self.session != now.session {
            drift.push(Drift::Session);
        }
        let tool = |server: &Self, name: &str| server.tools.iter().position(|t| t.name == name);
        for was in &self.tools {
            let is = tool(now, &was.name).and_then(|at| now.tools.get(at));
            match is {
                None => drift.push(Drift::ToolRemoved(was.name.clone())),
                Some(is) if differ(was.hash.as_ref(), is.hash.as_ref()) => {
                    drift.push(Drift::ToolChanged(was.name.clone()));
                }
                Some(_) => {}
            }
        }
        let new = now.tools.iter().filter(|is| tool(self, &is.name).is_none());
        drift.extend(new.map(|is| Drift::ToolAdded(is.name.clone())));
        drift
    }

    /// The server's own name of the tool that a call by `name` means, where it offers that. Hosts put the server's
    /// name before the tool's: `mcp__files__read`, `files__read`, `files.read` or `files/read`.
    pub(crate) fn tool_called<'a>(&self, name: &'a str) -> Option<&'a str> {
        let short = name.strip_prefix("mcp__").unwrap_or(name);
        let rest = short.strip_prefix(self.name.as_str());
        let bare = rest.and_then(|rest| {
            let mut separators = ["__", ".", "/"].iter();
            separators.find_map(|separator| rest.strip_prefix(separator))
        });
        let has = |name: &&str| self.tools.iter().any(|tool| tool.name == *name);
        let mut names = [Some(name), Some(short), bare].into_iter().flatten();
        names.find(has)
    }
}

fn differ(was: Option<&String>, now: Option<&String>) -> bool {
    matches!((was, now), (Some(was), Some(now)) if was != now)
}

/// One thing that is different about a tool server since the session was saved.
///
/// ```
/// use agent_checkpoint::Drift;
///
/// assert!(Drift::ToolChanged("read".into()).breaks("read"));
/// assert!(!Drift::ToolAdded("write".into()).breaks("read"));
/// assert_eq!(Drift::Session.to_string(), "the connection is another: open it anew");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// It is reached elsewhere, or is configured otherwise.
    Config,
    /// Another version of the protocol was agreed on.
    Protocol {
        /// The version when the session was saved.
        was: Option<String>,
        /// The version now.
        now: Option<String>,
    },
    /// The connection is another: what the server knew of it is gone.
    Session,
    /// A tool is there no more.
    ToolRemoved(String),
    /// A tool's description or schema is another.
    ToolChanged(String),
    /// A tool is new.
    ToolAdded(String),
}

impl Drift {
    /// Whether a call of `tool` that the model made before may fail or mean something else now.
    pub fn breaks(&self, tool: &str) -> bool {
        match self {
            Self::ToolRemoved(name) | Self::ToolChanged(name) => name == tool,
            Self::Config | Self::Protocol { .. } => true,
            Self::Session | Self::ToolAdded(_) => false,
        }
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::Config => f.write_str("the configuration is another: check the tools' answers"),
            Self::Protocol { was, now } => {
                let (was, now) = (word(was), word(now));
                write!(f, "protocol {now} instead of {was}: list the tools anew")
            }
            Self::Session => f.write_str("the connection is another: open it anew"),
            Self::ToolRemoved(tool) => write!(f, "tool {tool} is gone: answer its open calls"),
            Self::ToolChanged(tool) => write!(f, "tool {tool} is another: tell the model"),
            Self::ToolAdded(tool) => write!(f, "tool {tool} is new: tell the model"),
        }
    }
}

fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => url.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

fn canonical_hash(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// JSON without spaces and with names in order, whichever order the map keeps.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (at, (name, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                canonical(value, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_secret_of_an_address_is_kept() {
        for (url, kept) in [
            ("https://a.example/x?token=s", "https://a.example/x"),
            ("https://u:p@a.example", "https://a.example"),
            ("https://u:p@w@a.example/@x#s", "https://a.example/@x"),
            ("u:p@a.example?x", "a.example"),
        ] {
            assert_eq!(McpServer::http("s", url).address, kept, "{url}");
        }
    }

    #[test]
    fn everything_that_changed_is_named() {
        let tool = |name: &str, version: u32| McpTool::new(name, &json!({ "v": version }));
        let was = McpServer::stdio("s", "serve")
            .with_protocol("1")
            .with_session("a")
            .with_config(&json!({"args": []}))
            .with_tools([tool("read", 1), tool("write", 1), tool("list", 1)]);
        assert_eq!(was.drift(&was), []);
        let now = McpServer::stdio("s", "serve")
            .with_protocol("2")
            .with_config(&json!({"args": ["-v"]}))
            .with_tools([tool("list", 1), tool("read", 2), tool("new", 1)]);
        assert_eq!(
            was.drift(&now),
            [
                Drift::Config,
                Drift::Protocol {
                    was: Some("1".into()),
                    now: Some("2".into())
                },
                Drift::Session,
                Drift::ToolChanged("read".into()),
                Drift::ToolRemoved("write".into()),
                Drift::ToolAdded("new".into()),
            ]
        );
        assert_ne!(was.catalogue_hash(), now.catalogue_hash());
        let mut other_order = was.clone();
        other_order.tools.reverse();
        assert_eq!(was.catalogue_hash(), other_order.catalogue_hash());
        let mut unknown = was.clone();
        unknown.config_hash = None;
        assert_eq!(
            was.drift(&unknown),
            [],
            "an unknown digest is no difference"
        );
    }
}
