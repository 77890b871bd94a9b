//! Simulated markets that speak real venues' protocols.
