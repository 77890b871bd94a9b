//! The realtime pipeline, the step, replay, training data, bundles and evaluation.
