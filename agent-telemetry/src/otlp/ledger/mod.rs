//! Each request counted once, through whichever channels it is told.
