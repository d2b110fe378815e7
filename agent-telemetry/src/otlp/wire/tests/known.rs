//! What a visitor knows is handed over unread.

use std::collections::HashMap;

use prost::Message as _;

use super::super::{
    Encoding, Labels, Malformed, MetricHead, Point, Prints, RawAttributes, ReadLimits, Room, Scope,
    VisitMetrics, read_metrics,
};
use super::shapes;

struct Knowing {
    prints: Prints,
    known: HashMap<u128, u32>,
    /// What was known of each point.
    told: Vec<Option<u32>>,
    /// Whether the visitor says that it knows all.
    trusting: bool,
}

impl<'a> VisitMetrics<'a> for Knowing {
    fn prints(&self) -> &Prints {
        &self.prints
    }
    fn knows(&self, fingerprint: u128) -> Option<u32> {
        let known = self.known.get(&fingerprint).copied();
        known.or(self.trusting.then_some(u32::MAX))
    }
    fn resource(&mut self, _: RawAttributes<'a>) {}
    fn scope(&mut self, _: Scope<'a>) {}
    fn metric(&mut self, _: MetricHead<'a>) {}
    fn point(&mut self, labels: Labels<'a>, _: Point) {
        self.told.push(labels.known);
        let next = u32::try_from(self.known.len()).unwrap();
        self.known.entry(labels.fingerprint).or_insert(next);
    }
}

impl Knowing {
    fn new(seed: u64) -> Self {
        Self {
            prints: Prints::new(seed),
            known: HashMap::new(),
            told: Vec::new(),
            trusting: false,
        }
    }

    fn read(&mut self, encoding: Encoding, body: &[u8]) -> Result<Vec<Option<u32>>, Malformed> {
        self.told.clear();
        let (limits, mut room) = (ReadLimits::default(), Room::default());
        read_metrics(encoding, body, &limits, &mut room, self)?;
        Ok(self.told.clone())
    }
}

fn body(encoding: Encoding) -> Vec<u8> {
    let request = shapes::metrics(20);
    match encoding {
        Encoding::Protobuf => request.encode_to_vec(),
        Encoding::Json => serde_json::to_vec(&request).unwrap(),
    }
}

#[test]
fn attributes_are_known_again_by_their_bytes_in_either_encoding() {
    let mut visitor = Knowing::new(7);
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let body = body(encoding);
        visitor.known.clear();
        let first = visitor.read(encoding, &body).unwrap();
        assert!(first.len() >= 20 && first.iter().all(Option::is_none));
        let again = visitor.read(encoding, &body).unwrap();
        assert_eq!(again.len(), first.len());
        assert!(again.iter().all(Option::is_some), "{encoding:?}: {again:?}");
        // Nobody who does not know the seed can make the same fingerprint.
        let mut other = Knowing::new(8);
        other.known.clone_from(&visitor.known);
        assert!(
            other
                .read(encoding, &body)
                .unwrap()
                .iter()
                .all(Option::is_none)
        );
    }
}

#[test]
fn what_is_known_is_not_checked_again_and_what_is_not_is() {
    let mut visitor = Knowing::new(7);
    let mut body = body(Encoding::Protobuf);
    visitor.read(Encoding::Protobuf, &body).unwrap();
    // The session of one point.
    let at = body
        .windows(10)
        .rposition(|it| it == b"session.id")
        .unwrap();
    body[at] = 0xff;
    let malformed = visitor.read(Encoding::Protobuf, &body).unwrap_err();
    assert!((at..at + 10).contains(&malformed.at()), "{malformed}");
    assert!(
        visitor.told.is_empty(),
        "told of a request that was refused"
    );
    visitor.trusting = true;
    assert!(visitor.read(Encoding::Protobuf, &body).is_ok());
}
