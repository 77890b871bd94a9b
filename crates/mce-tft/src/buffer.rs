//! One flat array that starts on a cache line, so that no vector load of a row crosses one.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector.
const LINE_BYTES: usize = 64;

/// A fixed-length array whose first element lies on a 64-byte boundary.
pub(crate) struct AlignedBuf<R> {
    raw: Vec<R>,
    start: usize,
    len: usize,
}

impl<R: Copy + Default> AlignedBuf<R> {
    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        let lane = LINE_BYTES / size_of::<R>();
        let raw = vec![R::default(); len + lane];
        // `align_offset` may decline to answer; then the array is unaligned, which costs time and nothing else.
        let start = match raw.as_ptr().align_offset(LINE_BYTES) {
            offset if offset <= lane => offset,
            _ => 0,
        };
        Self { raw, start, len }
    }

    /// Grows or shrinks to `len` zeros, keeping the allocation when it is large enough.
    pub(crate) fn reset(&mut self, len: usize) {
        if self.start + len > self.raw.len() {
            *self = Self::zeroed(len);
        } else {
            self.len = len;
            self.fill(R::default());
        }
    }

    /// As [`reset`](Self::reset), but what the array holds afterwards is unspecified (old values or zeros).
    pub(crate) fn resize_unspecified(&mut self, len: usize) {
        if self.start + len > self.raw.len() {
            *self = Self::zeroed(len);
        } else {
            self.len = len;
        }
    }
}

impl<R: Copy + Default> Default for AlignedBuf<R> {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl<R> Deref for AlignedBuf<R> {
    type Target = [R];

    #[inline(always)]
    fn deref(&self) -> &[R] {
        &self.raw[self.start..self.start + self.len]
    }
}

impl<R> DerefMut for AlignedBuf<R> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [R] {
        &mut self.raw[self.start..self.start + self.len]
    }
}

impl<R: Copy + Default> Clone for AlignedBuf<R> {
    /// The copy is aligned anew: where a vector's heap block starts is not part of its value.
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl<R: std::fmt::Debug> std::fmt::Debug for AlignedBuf<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedBuf({} values)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_aligned(buf: &AlignedBuf<f32>, len: usize) {
        assert_eq!(buf.len(), len);
        assert_eq!(buf.as_ptr() as usize % LINE_BYTES, 0);
    }

    #[test]
    fn starts_on_a_cache_line_also_after_cloning_and_growing() {
        for len in [0, 1, 7, 16, 1000] {
            let mut buf = AlignedBuf::<f32>::zeroed(len);
            check_aligned(&buf, len);
            buf.fill(3.0);
            check_aligned(&buf.clone(), len);
            assert!(buf.clone().iter().all(|x| *x == 3.0));
            buf.reset(2 * len + 1);
            check_aligned(&buf, 2 * len + 1);
            assert!(buf.iter().all(|x| *x == 0.0));
        }
    }
}
