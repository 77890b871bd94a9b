//! The 14 features, the normaliser, labels and bars.
