//! Agents, arena, sizing, risk gate, paper exchange and portfolio.
