//! What an exponential histogram adds to an earlier one, whose buckets may be finer.

use std::cmp::Ordering;

use super::Change;
use super::Running;
use super::last::{Step, between, grew, moved, since_zero};
use crate::otlp::wire::ExponentialData;

pub(super) fn whole(new: &ExponentialData, change: &mut Change) {
    change.fill_exponential(|it| {
        copy(&mut it.data, new);
        it.sum = since_zero(new.sum);
    });
}

pub(super) fn grow(last: &ExponentialData, new: &ExponentialData, change: &mut Change) -> Step {
    let mut step = Step::Reset;
    change.fill_exponential(|it| {
        copy(&mut it.data, new);
        it.sum = since_zero(new.sum);
        if subtract(&mut it.data, last).is_none() {
            copy(&mut it.data, new);
            return;
        }
        step = grew(it.data.count > 0);
        it.sum = between(last.sum, new.sum);
        it.data.sum = it.sum.map(Running::difference);
        it.data.min = moved(last.min, new.min, Ordering::Less);
        it.data.max = moved(last.max, new.max, Ordering::Greater);
    });
    step
}

/// Takes `last` away from a later one. Scales only fall and thresholds only rise while a histogram goes on, so what
/// does not fit is of one that began anew.
fn subtract(from: &mut ExponentialData, last: &ExponentialData) -> Option<()> {
    if last.count == 0 {
        return Some(());
    }
    let shift = u32::try_from(i64::from(last.scale) - i64::from(from.scale)).ok()?;
    let threshold = from.zero_threshold;
    if threshold < last.zero_threshold {
        return None;
    }
    from.count = from.count.checked_sub(last.count)?;
    from.zero_count = from.zero_count.checked_sub(last.zero_count)?;
    let rose = threshold > last.zero_threshold;
    let sides = [
        (
            &mut from.positive,
            from.positive_offset,
            &last.positive,
            last.positive_offset,
        ),
        (
            &mut from.negative,
            from.negative_offset,
            &last.negative,
            last.negative_offset,
        ),
    ];
    for (left, offset, before, before_offset) in sides {
        for (index, count) in (i64::from(before_offset)..).zip(before) {
            if *count == 0 {
                continue;
            }
            let at = (index >> shift.min(63)) - i64::from(offset);
            let mut bucket = usize::try_from(at).ok().and_then(|at| left.get_mut(at));
            let is_divided = rose && bound(index, last.scale) < threshold;
            // Of a bucket that a risen threshold divides, or takes, the rest is zero by now.
            let to_zero = match &mut bucket {
                Some(bucket) if is_divided => {
                    let kept = (**bucket).min(*count);
                    **bucket -= kept;
                    *count - kept
                }
                Some(bucket) => {
                    **bucket = bucket.checked_sub(*count)?;
                    0
                }
                None if is_divided => *count,
                None => return None,
            };
            from.zero_count = from.zero_count.checked_sub(to_zero)?;
        }
    }
    Some(())
}

/// Where the bucket `index` begins: it holds what is above 2^(index · 2^-scale) and at most one step more.
#[expect(
    clippy::cast_precision_loss,
    reason = "indexes of doubles are below 2^31"
)]
fn bound(index: i64, scale: i32) -> f64 {
    (index as f64 * f64::from(-scale).exp2()).exp2()
}

/// Into lists that have room already.
pub(super) fn copy(to: &mut ExponentialData, from: &ExponentialData) {
    to.count = from.count;
    to.sum = from.sum;
    to.min = from.min.filter(|it| !it.is_nan());
    to.max = from.max.filter(|it| !it.is_nan());
    to.scale = from.scale;
    to.zero_count = from.zero_count;
    to.zero_threshold = from.zero_threshold;
    to.positive_offset = from.positive_offset;
    to.positive.clone_from(&from.positive);
    to.negative_offset = from.negative_offset;
    to.negative.clone_from(&from.negative);
}
