//! Transcripts that an agent CLI left on disk.
