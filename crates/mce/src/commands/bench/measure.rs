//! Running one benchmark several times and keeping CPU time, so that a busy machine does not look like a slow program.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Runs at least, whatever the time.
const RUNS_MIN: usize = 5;
/// Runs at most.
const RUNS_MAX: usize = 1_000;

/// Figures of one benchmark over its runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Name, as other programs rely on it.
    pub name: String,
    /// Unit of the values.
    pub unit: &'static str,
    /// Median over the runs.
    pub value: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Runs.
    pub n: usize,
}

/// CPU seconds that this process has used.
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Calls `run` until `budget` is spent (one call before, not counted, warms up) and makes a figure of `value(seconds)`,
/// seconds being the CPU time of one call.
pub fn figure(
    name: &str,
    unit: &'static str,
    budget: Duration,
    mut run: impl FnMut(),
    value: impl Fn(f64) -> f64,
) -> Figure {
    run();
    let started = Instant::now();
    let mut values = Vec::new();
    while values.len() < RUNS_MIN || (started.elapsed() < budget && values.len() < RUNS_MAX) {
        let before = cpu_seconds();
        run();
        // A clock of nanoseconds can stand still over an empty run; a rate needs some time to divide by.
        values.push(value((cpu_seconds() - before).max(1e-9)));
    }
    values.sort_by(f64::total_cmp);
    Figure {
        name: name.to_string(),
        unit,
        value: values[values.len() / 2],
        min: values[0],
        max: values[values.len() - 1],
        n: values.len(),
    }
}

/// Processor and cores, as the system names them.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {}", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_of_its_runs() {
        let mut calls = 0;
        let figure = figure("x", "calls", Duration::ZERO, || calls += 1, |_| 7.0);
        assert_eq!(
            (figure.value, figure.min, figure.max, figure.n),
            (7.0, 7.0, 7.0, RUNS_MIN)
        );
        assert_eq!(calls, RUNS_MIN + 1);
    }
}
