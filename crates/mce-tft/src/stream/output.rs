//! What a step gives, as views of the state it was computed in.

use super::state::StreamState;
use crate::config::Head;

/// The output of one step. Borrows the stream's state: copy what must outlive the next step.
#[derive(Clone, Copy)]
pub struct StreamOutput<'s> {
    state: &'s StreamState,
}

impl<'s> StreamOutput<'s> {
    pub(super) fn new(state: &'s StreamState) -> Self {
        Self { state }
    }

    /// All outputs as the linear head gives them, in the order of the heads, `[outputs]`.
    #[must_use]
    pub fn raw(&self) -> &'s [f32] {
        &self.state.y
    }

    /// The quantiles of head `head`, rising (sorted, so that they never cross), one for each level; none when that head
    /// gives no quantiles or there is no such head.
    #[must_use]
    pub fn quantiles(&self, head: usize) -> Option<&'s [f32]> {
        match self.state.heads.get(head)? {
            (Head::Quantiles { .. }, range) => Some(&self.state.sorted[range.clone()]),
            (Head::Logit { .. }, _) => None,
        }
    }

    /// The quantile of head `head` at `level`; none when it has no such level.
    #[must_use]
    pub fn quantile(&self, head: usize, level: f64) -> Option<f32> {
        match self.state.heads.get(head)? {
            (Head::Quantiles { levels, .. }, _) => {
                let at = levels.iter().position(|own| (own - level).abs() < 1e-9)?;
                Some(self.quantiles(head)?[at])
            }
            (Head::Logit { .. }, _) => None,
        }
    }

    /// The logit of head `head`; none when that head gives no logit or there is no such head.
    #[must_use]
    pub fn logit(&self, head: usize) -> Option<f32> {
        match self.state.heads.get(head)? {
            (Head::Logit { .. }, range) => Some(self.state.y[range.start]),
            (Head::Quantiles { .. }, _) => None,
        }
    }

    /// Variable selection weights of the newest row, observed variables first, `[V + K]`; they sum to 1.
    #[must_use]
    pub fn selection(&self) -> &'s [f32] {
        &self.state.selection
    }

    /// Attention of the decoder step over the window, oldest row first, the decoder step itself last, `[L + 1]`; sums
    /// to 1. The mean over the heads.
    #[must_use]
    pub fn attention(&self) -> &'s [f32] {
        &self.state.attention
    }
}

impl std::fmt::Debug for StreamOutput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamOutput")
            .field("raw", &self.raw())
            .finish_non_exhaustive()
    }
}
