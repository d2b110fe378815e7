//! Secrets that are none, one or more of each family, for tests: what surrounds them, and what of it is secret.

use super::bytes::Set;
use super::families;
use super::family::Rest;
use super::rules::all_families;

/// Bytes drawn one after the other, the same each time.
#[derive(Debug, Clone)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// So many bytes of the set, letters and digits only.
    fn of(&mut self, set: Set, count: usize) -> String {
        let alphabet: &[u8] = match set {
            Set::HEX => b"0123456789abcdef",
            Set::UPPER => b"ABCDEFGHJKMNPQRSTUVWXYZ23456789",
            _ => b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789",
        };
        let mut text = String::new();
        for _ in 0..count {
            text.push(char::from(alphabet[self.below(alphabet.len())]));
        }
        text
    }
}

/// A text that holds a secret.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) family: &'static str,
    pub(crate) text: String,
    /// The part that must not be written.
    pub(crate) secret: String,
}

fn sample(family: &'static str, before: &str, secret: String, after: &str) -> Sample {
    Sample {
        family,
        text: format!("{before}{secret}{after}"),
        secret,
    }
}

/// A sample of each form of each family.
pub(crate) fn all(seed: u64) -> Vec<Sample> {
    let mut draw = Draw(seed);
    let mut samples = Vec::new();
    for family in families::all() {
        for form in family.forms {
            let rest = match form.rest {
                Rest::Least(set, least)
                | Rest::Exactly(set, least, _)
                | Rest::Unless(_, set, least) => draw.of(set, least),
                Rest::Random(set, least) => draw.of(set, least.max(24)),
                Rest::Parts(between, parts) => {
                    let parts: Vec<_> =
                        parts.iter().map(|(set, len)| draw.of(*set, *len)).collect();
                    parts.join(&char::from(between).to_string())
                }
            };
            let secret = format!("{}{rest}", form.prefix);
            samples.push(sample(family.name, "", secret, ""));
        }
    }
    samples.extend(by_shape(&mut draw));
    samples.extend(by_name(&mut draw));
    samples
}

fn by_shape(draw: &mut Draw) -> Vec<Sample> {
    let (x, a, u) = (Set::HEX, Set::ALNUM, Set::UPPER);
    let lines: Vec<_> = (0..6).map(|_| draw.of(a, 64)).collect();
    let pem = |label: &str, line: &str| {
        format!(
            "-----BEGIN {label}-----{line}{}{line}-----END {label}-----",
            lines.join(line)
        )
    };
    let putty = format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\nPrivate-MAC: {}",
        draw.of(a, 48),
        draw.of(x, 64)
    );
    vec![
        sample(
            "azure-client-secret",
            "",
            format!("{}8Q~{}", draw.of(a, 3), draw.of(a, 34)),
            "",
        ),
        sample(
            "azure-devops-token",
            "",
            format!("{}AZDO{}", draw.of(a, 76), draw.of(a, 4)),
            "",
        ),
        sample("mailchimp-key", "", format!("{}-us21", draw.of(x, 32)), ""),
        sample(
            "maxmind-key",
            "",
            format!("{}_{}_mmk", draw.of(a, 6), draw.of(a, 29)),
            "",
        ),
        sample(
            "telegram-token",
            "https://api.telegram.org/bot",
            format!("123456789:AA{}", draw.of(a, 33)),
            "/getMe",
        ),
        sample(
            "terraform-token",
            "",
            format!("{}.atlasv1.{}", draw.of(a, 14), draw.of(a, 67)),
            "",
        ),
        sample(
            "url-password",
            "postgres://admin:",
            draw.of(a, 12),
            "@db.internal:5432/app",
        ),
        sample("url-password", "redis://:", draw.of(a, 20), "@cache:6379"),
        sample(
            "webhook-url",
            "https://hooks.slack.com/",
            format!(
                "services/T{}/B{}/{}",
                draw.of(u, 9),
                draw.of(u, 9),
                draw.of(a, 24)
            ),
            "",
        ),
        sample(
            "webhook-url",
            "https://discord.com/api/webhooks/",
            format!("123456789012345678/{}", draw.of(a, 68)),
            "",
        ),
        sample("private-key", "", pem("RSA PRIVATE KEY", "\n"), "\n"),
        sample("private-key", "", pem("OPENSSH PRIVATE KEY", "\n"), "\n"),
        sample(
            "private-key",
            "",
            pem("PGP PRIVATE KEY BLOCK", "\r\n"),
            "\n",
        ),
        sample("private-key", "", putty, "\n"),
    ]
}

fn by_name(draw: &mut Draw) -> Vec<Sample> {
    let (x, a) = (Set::HEX, Set::ALNUM);
    let of = |draw: &mut Draw, len: usize| format!("{}7", draw.of(a, len - 1));
    vec![
        sample("password", "export DB_PASSWORD=", of(draw, 12), "\n"),
        sample("password", "password: \"", of(draw, 12), "\","),
        sample(
            "password",
            r#"{"user":"ada","password":""#,
            of(draw, 12),
            r#""}"#,
        ),
        sample("password", r#"{\"password\": \""#, of(draw, 12), r#"\"}"#),
        sample(
            "password",
            "Server=db;User Id=sa;Password=",
            of(draw, 14),
            ";Encrypt=true",
        ),
        sample("password", "mysql --password=", of(draw, 12), " -u root"),
        sample("secret", "client_secret: '", of(draw, 32), "'"),
        sample("secret", "AWS_SECRET_ACCESS_KEY=", of(draw, 40), "\n"),
        sample("secret", "aws_secret_access_key = ", of(draw, 40), "\n"),
        sample("token", "let token: &str = \"", of(draw, 24), "\";"),
        sample(
            "token",
            "https://api.example.com/v1?access_token=",
            of(draw, 32),
            "&page=2",
        ),
        sample("api-key", "x-api-key: ", of(draw, 32), "\n"),
        sample("api-key", "COHERE_API_KEY=", of(draw, 40), "\n"),
        sample(
            "api-key",
            "AccountName=x;AccountKey=",
            format!("{}==", of(draw, 86)),
            ";EndpointSuffix=core",
        ),
        sample(
            "api-key",
            "https://maps.example.com/?key=",
            of(draw, 39),
            "&q=a",
        ),
        sample(
            "authorization",
            "Authorization: Bearer ",
            of(draw, 40),
            "\n",
        ),
        sample("authorization", "Authorization: Basic ", of(draw, 24), "\n"),
        sample(
            "authorization",
            "-H 'authorization: token ",
            of(draw, 40),
            "'",
        ),
        sample("authorization", "curl says Bearer ", of(draw, 40), "\n"),
        sample(
            "cookie",
            "Cookie: ",
            format!("sid={}; theme=dark", of(draw, 32)),
            "\n",
        ),
        sample(
            "cookie",
            "Set-Cookie: ",
            format!("session={}; HttpOnly", of(draw, 32)),
            "\r\n",
        ),
        sample(
            "signed-url",
            "https://b.s3.amazonaws.com/o?X-Amz-Expires=60&X-Amz-Signature=",
            of(draw, 64),
            "",
        ),
        sample(
            "signed-url",
            "https://storage.googleapis.com/b/o?X-Goog-Signature=",
            draw.of(x, 256),
            "&x=1",
        ),
        sample(
            "signed-url",
            "https://a.blob.core.windows.net/c?sv=2024-01-01&sig=",
            format!("{}%3D", of(draw, 43)),
            "&se=1",
        ),
    ]
}

/// Families that no sample has.
pub(crate) fn without_sample() -> Vec<&'static str> {
    let samples = all(1);
    all_families()
        .map(|(name, _)| name)
        .filter(|name| !samples.iter().any(|it| it.family == *name))
        .collect()
}
