//! Venue protocols without I/O: decode, encode and sequence rules.
