//! The Temporal Fusion Transformer: streaming forward, batch forward and backward, training.
