//! `mce`: the command line of the Micro-Causality Engine.
//!
//! Parses flags, calls the engine, prints. Human output goes to standard output and standard error as people
//! expect; with `--json` standard output holds JSON and nothing else.

// Nothing of a binary is reachable from outside; `pub` here says what a module offers to the others.
#![allow(unreachable_pub)]

mod args;
mod commands;
mod config;
mod exit;
mod progress;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("MCE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    match commands::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mce: {error:#}");
            exit::code(&error)
        }
    }
}
