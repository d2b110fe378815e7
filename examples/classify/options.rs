//! The arguments.

use std::error::Error;
use std::io::Read;

use agent_resilience::classify::Vendor;
use http::{HeaderMap, HeaderName, HeaderValue};
use lexopt::prelude::*;

const HELP: &str = "\
classify [--vendor NAME] [--status N] [--header 'NAME: VALUE']... [--body TEXT] [--stream] [--json]

  --vendor NAME    whose failure it is, such as groq; openai_compatible unless given
  --status N       the HTTP status; 500 unless given
  --header LINE    one header of the reply; may be given many times
  --body TEXT      the body; the standard input unless given
  --stream         the body is the data of one event of a stream that began with 200
  --json           the verdict as JSON

Without arguments: a few known failures.";

/// A reply to classify.
pub(super) struct Options {
    pub(super) vendor: Vendor,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// `None` for the known cases.
    pub(super) body: Option<Vec<u8>>,
    pub(super) stream: bool,
    pub(super) json: bool,
}

impl Options {
    /// `None` where help was asked for, which is printed.
    pub(super) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        let mut options = Self {
            vendor: Vendor::OpenAiCompatible,
            status: 500,
            headers: HeaderMap::new(),
            body: None,
            stream: false,
            json: false,
        };
        let mut args = lexopt::Parser::from_env();
        let mut any = false;
        while let Some(arg) = args.next()? {
            any = true;
            match arg {
                Long("vendor") => options.vendor = args.value()?.string()?.parse()?,
                Long("status") => options.status = args.value()?.parse()?,
                Long("header") => options.header(&args.value()?.string()?)?,
                Long("body") => options.body = Some(args.value()?.string()?.into_bytes()),
                Long("stream") => options.stream = true,
                Long("json") => options.json = true,
                Short('h') | Long("help") => {
                    println!("{HELP}");
                    return Ok(None);
                }
                _ => return Err(arg.unexpected().into()),
            }
        }
        if any && options.body.is_none() {
            let mut body = Vec::new();
            std::io::stdin().read_to_end(&mut body)?;
            options.body = Some(body);
        }
        Ok(Some(options))
    }

    fn header(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("\"{line}\" is no header; write 'name: value'"))?;
        let name: HeaderName = name.trim().parse()?;
        self.headers
            .append(name, HeaderValue::from_str(value.trim())?);
        Ok(())
    }
}
