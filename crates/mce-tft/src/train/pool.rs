//! Chunks of windows on several threads.
//!
//! Which windows share a chunk depends on their order alone. Threads take the next chunk when they are free; each chunk's
//! results go to a place of their own, and what is summed is summed in the order of the chunks.

use std::sync::{Mutex, PoisonError};

use super::source::{Window, WindowSource};
use crate::batch::chunk::{ChunkInput, Work};
use crate::batch::dropout::{Dropout, Strip};
use crate::batch::runner::{CHUNK_WINDOWS, append_by_window};
use crate::buffer::AlignedBuf;
use crate::config::TftConfig;
use crate::fold::Folded;
use crate::loss::{Loss, LossSums};
use crate::rng::Stream;

/// A window in a batch, perhaps shown as the unknown symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) window: u32,
    pub(crate) unknown_symbol: bool,
}

/// All of `n` windows, in their order, as the symbols they are.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn in_order(n: usize) -> Vec<Planned> {
    (0..n)
        .map(|window| Planned {
            window: window as u32,
            unknown_symbol: false,
        })
        .collect()
}

/// Threads' memory and chunks' results, kept from batch to batch.
pub(crate) struct Pool {
    config: TftConfig,
    workers: Vec<Worker>,
    results: Vec<ChunkResult>,
    strip: Strip<f32>,
}

/// What one thread needs.
struct Worker {
    work: Work<f32>,
    loader: Loader,
}

/// What one chunk gives.
#[derive(Default)]
struct ChunkResult {
    sums: Vec<f64>,
    grads: AlignedBuf<f32>,
    y: Vec<f32>,
}

/// What is wanted of a batch.
#[derive(Clone, Copy)]
enum Task<'a> {
    /// Outputs.
    Predict,
    /// Losses.
    Evaluate(&'a LossSums),
    /// Losses and gradients, with units dropped.
    Learn(&'a LossSums, Option<Dropout<'a, f32>>),
}

impl Pool {
    pub(crate) fn new(config: &TftConfig, threads: usize) -> Self {
        let worker = |_| Worker {
            work: Work::new(config),
            loader: Loader::default(),
        };
        Self {
            config: config.clone(),
            workers: (0..threads).map(worker).collect(),
            results: Vec::new(),
            strip: Strip::default(),
        }
    }

    /// Outputs of the windows, in their order, appended to `y`, each `[T, outputs]`.
    pub(crate) fn predict(
        &mut self,
        folded: &Folded<f32>,
        source: &dyn WindowSource,
        windows: &[Planned],
        y: &mut Vec<f32>,
    ) {
        self.run(folded, source, windows, Task::Predict);
        for result in &self.results[..windows.len().div_ceil(CHUNK_WINDOWS)] {
            y.extend_from_slice(&result.y);
        }
    }

    /// Adds the windows' losses to `sums`; their labels have been counted in `loss`.
    pub(crate) fn evaluate(
        &mut self,
        folded: &Folded<f32>,
        source: &dyn WindowSource,
        windows: &[Planned],
        loss: &LossSums,
        sums: &mut [f64],
    ) {
        self.run(folded, source, windows, Task::Evaluate(loss));
        self.add_sums(windows.len(), sums);
    }

    /// The loss of a batch, and its gradient by the folded weights.
    pub(crate) fn learn(
        &mut self,
        folded: &Folded<f32>,
        source: &dyn WindowSource,
        windows: &[Planned],
        loss: &LossSums,
        dropout: Stream,
        sums: &mut [f64],
    ) -> (Loss, &[f32]) {
        let mut strip = std::mem::take(&mut self.strip);
        let dropout = strip.draw(self.config.dropout(), dropout);
        self.run(folded, source, windows, Task::Learn(loss, dropout));
        self.strip = strip;
        sums.fill(0.0);
        self.add_sums(windows.len(), sums);
        let (first, rest) = self.results[..windows.len().div_ceil(CHUNK_WINDOWS)]
            .split_first_mut()
            .expect("a batch has at least one window");
        for result in rest {
            for (to, from) in first.grads.iter_mut().zip(result.grads.iter()) {
                *to += *from;
            }
        }
        (loss.finish(sums), &first.grads)
    }

    fn add_sums(&self, n_windows: usize, sums: &mut [f64]) {
        for result in &self.results[..n_windows.div_ceil(CHUNK_WINDOWS)] {
            for (to, from) in sums.iter_mut().zip(&result.sums) {
                *to += *from;
            }
        }
    }

    fn run(
        &mut self,
        folded: &Folded<f32>,
        source: &dyn WindowSource,
        windows: &[Planned],
        task: Task<'_>,
    ) {
        let n_chunks = windows.len().div_ceil(CHUNK_WINDOWS);
        if self.results.len() < n_chunks {
            self.results.resize_with(n_chunks, ChunkResult::default);
        }
        let config = &self.config;
        let chunks = windows
            .chunks(CHUNK_WINDOWS)
            .zip(&mut self.results)
            .enumerate();
        let queue = Mutex::new(chunks);
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let serve = |worker: &mut Worker| {
            while let Some((index, (windows, result))) = next() {
                worker.chunk(config, folded, (source, windows), (index, task), result);
            }
        };
        let (own, others) = self
            .workers
            .split_first_mut()
            .expect("there is at least one thread");
        std::thread::scope(|scope| {
            for worker in others.iter_mut().take(n_chunks.saturating_sub(1)) {
                scope.spawn(|| serve(worker));
            }
            serve(own);
        });
    }
}

impl Worker {
    fn chunk(
        &mut self,
        config: &TftConfig,
        folded: &Folded<f32>,
        (source, windows): (&dyn WindowSource, &[Planned]),
        (index, task): (usize, Task<'_>),
        result: &mut ChunkResult,
    ) {
        self.loader.load(config, source, windows);
        let input = &self.loader.input;
        let dropout = match task {
            Task::Learn(_, dropout) => dropout.map(|dropout| dropout.of_chunk(index)),
            Task::Predict | Task::Evaluate(_) => None,
        };
        self.work.forward(folded, dropout, input);
        result.sums.clear();
        result.sums.resize(config.heads().len(), 0.0);
        match task {
            Task::Predict => {
                result.y.clear();
                append_by_window(
                    windows.len(),
                    self.work.y(),
                    &mut result.y,
                    config.decoder_steps(),
                );
            }
            Task::Evaluate(loss) => self.work.loss(loss, &self.loader.labels, &mut result.sums),
            Task::Learn(loss, ..) => {
                self.work.loss(loss, &self.loader.labels, &mut result.sums);
                result.grads.reset(folded.plan().w_len);
                self.work
                    .backward(folded, dropout, input, &mut result.grads);
            }
        }
    }
}

/// Turns windows of a source into a chunk, listing rows that windows share once.
#[derive(Default)]
struct Loader {
    input: ChunkInput<f32>,
    /// `[T, windows, heads]`.
    labels: Vec<Option<f32>>,
    /// Windows by symbol and first row, with their place in the chunk.
    sorted: Vec<(u32, usize, usize)>,
    /// Where each window's rows start among the chunk's.
    first_local: Vec<u32>,
    future: Vec<f32>,
    window_labels: Vec<Option<f32>>,
}

impl Loader {
    fn load(&mut self, config: &TftConfig, source: &dyn WindowSource, windows: &[Planned]) {
        self.input.clear();
        self.load_rows(config, source, windows);
        for step in 0..config.encoder_len() as u32 {
            self.input
                .window_rows
                .extend(self.first_local.iter().map(|first| first + step));
        }
        self.load_future(config, source, windows);
    }

    #[allow(clippy::cast_possible_truncation)]
    fn load_rows(&mut self, config: &TftConfig, source: &dyn WindowSource, windows: &[Planned]) {
        let (v, k) = (config.n_observed(), config.n_known());
        self.sorted.clear();
        for (place, planned) in windows.iter().enumerate() {
            let Window { first_row, symbol } = source.window(planned.window as usize);
            let symbol = if planned.unknown_symbol { 0 } else { symbol };
            self.sorted.push((symbol, first_row, place));
        }
        self.sorted.sort_unstable();
        self.first_local.clear();
        self.first_local.resize(windows.len(), 0);
        self.input.window_symbol.resize(windows.len(), 0);
        // The rows listed last, a stretch of one symbol: its first row, the row behind its last, where it starts.
        let mut stretch = (0, 0, 0_u32);
        for (symbol, first_row, place) in &self.sorted {
            let new_symbol = self.input.symbols.last() != Some(symbol);
            if new_symbol {
                self.input.symbols.push(*symbol);
            }
            let local_symbol = self.input.symbols.len() as u32 - 1;
            if new_symbol || *first_row > stretch.1 {
                stretch = (*first_row, *first_row, self.input.row_symbol.len() as u32);
            }
            let end = first_row + config.encoder_len();
            for row in stretch.1..end {
                self.input
                    .rows
                    .extend_from_slice(&source.observed()[row * v..][..v]);
                self.input
                    .rows
                    .extend_from_slice(&source.known()[row * k..][..k]);
                self.input.row_symbol.push(local_symbol);
            }
            stretch.1 = stretch.1.max(end);
            self.first_local[*place] = stretch.2 + (first_row - stretch.0) as u32;
            self.input.window_symbol[*place] = local_symbol;
        }
    }

    fn load_future(&mut self, config: &TftConfig, source: &dyn WindowSource, windows: &[Planned]) {
        let (k, steps, n_heads) = (
            config.n_known(),
            config.decoder_steps(),
            config.heads().len(),
        );
        let n = windows.len();
        self.future.resize(steps * k, 0.0);
        self.window_labels.resize(steps * n_heads, None);
        self.labels.resize(steps * n * n_heads, None);
        self.input.future.resize(steps * n * k, 0.0);
        for (place, planned) in windows.iter().enumerate() {
            source.future_known(planned.window as usize, &mut self.future);
            source.labels(planned.window as usize, &mut self.window_labels);
            for step in 0..steps {
                let row = step * n + place;
                self.input.future[row * k..][..k].copy_from_slice(&self.future[step * k..][..k]);
                let labels = &self.window_labels[step * n_heads..][..n_heads];
                self.labels[row * n_heads..][..n_heads].copy_from_slice(labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::{WindowTable, WindowTableParts};
    use super::*;
    use crate::{Isa, Params, TftSpec};

    fn config() -> TftConfig {
        let spec = TftSpec {
            n_observed: 2,
            n_known: 1,
            encoder_len: 4,
            n_symbols: 3,
            hidden: 8,
            ..TftSpec::default()
        };
        TftConfig::new(spec).expect("legal")
    }

    /// Windows of two symbols over one table, in an order of their own.
    fn table(firsts: &[(usize, u32)]) -> WindowTable {
        let rows = 40;
        let stream = Stream::new(2);
        let number = |i: usize| stream.uniform(i as u64) as f32;
        let parts = WindowTableParts {
            observed: (0..rows * 2).map(number).collect(),
            known: (0..rows).map(|i| number(1000 + i)).collect(),
            windows: firsts
                .iter()
                .map(|(first_row, symbol)| Window {
                    first_row: *first_row,
                    symbol: *symbol,
                })
                .collect(),
            future_known: (0..firsts.len()).map(|i| number(2000 + i)).collect(),
            labels: (0..firsts.len() * 5)
                .map(|i| (i % 7 != 0).then(|| number(3000 + i)))
                .collect(),
        };
        WindowTable::new(&config(), parts).expect("legal")
    }

    fn predict(table: &WindowTable, windows: &[Planned]) -> Vec<f32> {
        let mut folded = Folded::new(&config(), Isa::portable());
        folded.load(&Params::init(&config(), 1));
        let mut y = Vec::new();
        Pool::new(&config(), 1).predict(&folded, table, windows, &mut y);
        y
    }

    #[test]
    fn shared_rows_are_listed_once() {
        let table = table(&[(3, 1), (9, 2), (2, 1), (5, 1), (10, 1), (9, 1), (3, 2)]);
        let mut loader = Loader::default();
        loader.load(&config(), &table, &in_order(7));
        // Symbol 1: rows 2..9 and 9..14; symbol 2: rows 3..7 and 9..13.
        assert_eq!(loader.input.row_symbol.len(), 7 + 5 + 4 + 4);
        assert_eq!(loader.input.symbols, [1, 2]);
        for (place, planned) in in_order(7).iter().enumerate() {
            let window = table.window(planned.window as usize);
            for step in 0..4 {
                let local = loader.input.window_rows[step * 7 + place] as usize;
                let row = window.first_row + step;
                assert_eq!(
                    loader.input.rows[local * 3..][..2],
                    table.observed()[row * 2..][..2]
                );
                assert_eq!(loader.input.rows[local * 3 + 2], table.known()[row]);
                let symbol = loader.input.symbols[loader.input.row_symbol[local] as usize];
                assert_eq!(symbol, window.symbol);
            }
        }
    }

    #[test]
    fn a_window_alone_gives_the_same_bits_as_among_others() {
        let firsts: Vec<(usize, u32)> = (0..36).map(|i| (i * 7 % 36, 1 + i as u32 % 2)).collect();
        let table = table(&firsts);
        let together = predict(&table, &in_order(36));
        for window in 0..36 {
            let alone = predict(&table, &in_order(36)[window..=window]);
            assert_eq!(together[window * 29..][..29], alone[..]);
        }
    }

    #[test]
    fn an_unknown_symbol_is_symbol_zero() {
        let known = table(&[(3, 1), (4, 1)]);
        let unknown = table(&[(3, 0), (4, 1)]);
        let hidden = [true, false].into_iter().zip(0..);
        let planned: Vec<Planned> = hidden
            .map(|(unknown_symbol, window)| Planned {
                window,
                unknown_symbol,
            })
            .collect();
        assert_eq!(predict(&known, &planned), predict(&unknown, &in_order(2)));
        assert_ne!(
            predict(&known, &in_order(2)),
            predict(&unknown, &in_order(2))
        );
    }
}
