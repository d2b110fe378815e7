//! Makes the dictionary that agent-checkpoint ships, from text written for the purpose.

mod corpus;
mod sessions;

pub use sessions::samples;

use crate::harness::Broken;

/// Where the shipped dictionary lies.
pub const SHIPPED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../agent-checkpoint/dictionary/1.zdict"
);
/// Size of the shipped dictionary in bytes; the README beside it says why.
pub const SIZE: usize = 32 << 10;
/// The first number that zstd leaves to private use, so that a frame names it in two bytes, plus one.
pub const ID: u32 = 32_769;

/// Where a dictionary holds its number, behind the magic.
const AT_ID: std::ops::Range<usize> = 4..8;

/// A dictionary of at most `size` bytes. The same build gives the same bytes.
///
/// # Errors
/// zstd finds the samples too few for the size.
pub fn train(size: usize) -> Result<Vec<u8>, Broken> {
    let doing = "train a dictionary";
    let trained = zstd::dict::from_samples(&samples(), size);
    let mut dictionary = trained.map_err(Broken::when(doing))?;
    let id = dictionary.get_mut(AT_ID);
    id.ok_or_else(|| Broken::new(doing, "it is too short"))?
        .copy_from_slice(&ID.to_le_bytes());
    Ok(dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_dictionary_is_what_the_trainer_makes() {
        let shipped = std::fs::read(SHIPPED).unwrap();
        assert!(shipped.len() <= SIZE);
        assert!(train(SIZE).unwrap() == shipped, "run train_dictionary");
    }
}
