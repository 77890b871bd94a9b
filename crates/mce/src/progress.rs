//! Progress of long work on standard error: a bar on a terminal, a line every few seconds elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a line is written when standard error is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// One piece of long work.
pub struct Progress {
    bar: ProgressBar,
    label: String,
    terminal: bool,
    started: Instant,
    said: Instant,
}

impl Progress {
    /// Work of `total` units, or of unknown size.
    pub fn new(label: &str, total: Option<u64>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(
                ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} eta {eta}")
                    .expect("the template is a constant that parses"),
            ),
            None => ProgressBar::new_spinner().with_style(
                ProgressStyle::with_template("{prefix} {spinner} {human_pos} {msg}")
                    .expect("the template is a constant that parses"),
            ),
        };
        bar.set_draw_target(if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        bar.set_prefix(label.to_string());
        let now = Instant::now();
        Progress {
            bar,
            label: label.to_string(),
            terminal,
            started: now,
            said: now,
        }
    }

    /// `done` units are done; `message` says what else is worth knowing.
    pub fn set(&mut self, done: u64, message: &str) {
        if self.terminal {
            self.bar.set_position(done);
            self.bar.set_message(message.to_string());
        } else if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            let of = self.bar.length().map_or(String::new(), |n| format!("/{n}"));
            eprintln!(
                "{}: {done}{of} after {:.0} s {message}",
                self.label,
                self.started.elapsed().as_secs_f64()
            );
        }
    }

    /// The work is over; the bar goes away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
