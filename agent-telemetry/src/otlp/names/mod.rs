//! What the names of other programs mean to us: one table for each kind of item.
