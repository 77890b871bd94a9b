//! Market vocabulary: prices, sizes, events, order books, snapshots, signals, orders and fills.
