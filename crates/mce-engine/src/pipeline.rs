//! From events to signals: features → normaliser → model, one line a symbol.
//!
//! Without a model the line goes on and every signal says why it is absent. "Neutral" is a number; "unknown" is a
//! reason.

use crate::bundle::Bundle;
use crate::error::EngineError;
use mce_features::labels::{pressure_signal, skew_signal};
use mce_features::{FeatureConfig, FeatureEngine, NormalizerRow, Sample};
use mce_market::{
    AbsentReason, EventBody, Instrument, InstrumentId, MarketEvent, Quality, Reading, Signal,
    Snapshot, UnixNanos,
};
use mce_tft::StreamState;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::sync::Arc;

/// A sample and what the model says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The sample.
    pub sample: Sample,
    /// Its signal.
    pub signal: Signal,
}

/// The signal path of any number of instruments.
#[derive(Debug)]
pub struct RealtimePipeline {
    config: FeatureConfig,
    bundle: Option<Arc<Bundle>>,
    lines: BTreeMap<InstrumentId, Line>,
    samples: Vec<Sample>,
}

/// One instrument's features and, with a model, its window.
#[derive(Debug)]
struct Line {
    features: FeatureEngine,
    model: Option<ModelLine>,
    latest: Option<Signal>,
}

#[derive(Debug)]
struct ModelLine {
    row: NormalizerRow,
    state: StreamState,
    last: Option<UnixNanos>,
}

/// What is known of a step at any time: the time of day as sine and cosine, so that midnight is no jump. The same at
/// every position of a window, which is what lets past steps be kept.
pub fn known_inputs(ts: UnixNanos) -> [f32; 2] {
    let angle = TAU * ts.second_of_day() / 86_400.0;
    [angle.sin() as f32, angle.cos() as f32]
}

impl RealtimePipeline {
    /// A pipeline with a model, whose features are taken as the bundle says.
    pub fn new(bundle: Arc<Bundle>) -> Self {
        RealtimePipeline {
            config: *bundle.config(),
            bundle: Some(bundle),
            lines: BTreeMap::new(),
            samples: Vec::new(),
        }
    }

    /// A pipeline without a model: samples are made, and every signal is absent.
    pub fn without_model(config: FeatureConfig) -> Self {
        RealtimePipeline {
            config,
            bundle: None,
            lines: BTreeMap::new(),
            samples: Vec::new(),
        }
    }

    /// How features are taken.
    pub fn config(&self) -> &FeatureConfig {
        &self.config
    }

    /// The model's bundle, if there is one.
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// The feature engine of an instrument, once its definition has come.
    pub fn features(&self, instrument: InstrumentId) -> Option<&FeatureEngine> {
        Some(&self.lines.get(&instrument)?.features)
    }

    /// Takes one event and appends a sample with its signal for each grid time that it settles.
    ///
    /// # Errors
    /// [`EngineError::Data`] for an event before its instrument's definition, [`EngineError::Feature`] for input that
    /// is refused, [`EngineError::Tft`] for numbers that the model cannot take.
    pub fn process_update(
        &mut self,
        event: &MarketEvent,
        out: &mut Vec<Update>,
    ) -> Result<(), EngineError> {
        if let EventBody::Instrument(instrument) = &event.body {
            self.define(event.instrument, instrument);
        }
        let mut samples = std::mem::take(&mut self.samples);
        let taken = match self.lines.get_mut(&event.instrument) {
            Some(line) => line
                .features
                .on_event(event, &mut samples)
                .map_err(EngineError::from),
            None => Err(undefined(event.instrument)),
        };
        // Samples that the event settled before it was refused are as good as any.
        let said = self.say(event.instrument, &mut samples, out);
        self.samples = samples;
        taken.and(said)
    }

    /// The stream of an instrument ends: the sample at the time of its last event is final.
    ///
    /// # Errors
    /// As [`RealtimePipeline::process_update`].
    pub fn finish(
        &mut self,
        instrument: InstrumentId,
        out: &mut Vec<Update>,
    ) -> Result<(), EngineError> {
        let line = self
            .lines
            .get_mut(&instrument)
            .ok_or_else(|| undefined(instrument))?;
        let mut samples = Vec::new();
        line.features.finish(&mut samples);
        self.say(instrument, &mut samples, out)
    }

    /// The signal after a snapshot, for callers that poll a collector: the latest one, absent with its reason when there
    /// is no snapshot, none yet, or the latest is older than the snapshot by more than `max_quiet`.
    ///
    /// # Errors
    /// As [`RealtimePipeline::process_update`].
    pub fn process_snapshot(
        &mut self,
        instrument: InstrumentId,
        snapshot: Option<&Snapshot>,
    ) -> Result<Signal, EngineError> {
        let (mode, config) = (self.config.mode(), self.config);
        let Some(snapshot) = snapshot else {
            let reason = AbsentReason::NoSnapshot;
            let ts = self.latest(instrument).map_or(UnixNanos(0), |s| s.ts);
            return Ok(Signal::absent(
                ts,
                instrument,
                mode,
                Quality::Unsynced,
                reason,
            ));
        };
        let line = self
            .lines
            .get_mut(&instrument)
            .ok_or_else(|| undefined(instrument))?;
        let mut samples = Vec::new();
        let (bids, asks) = (&snapshot.bids, &snapshot.asks);
        line.features
            .observe(snapshot.ts, bids, asks, &mut samples)?;
        self.say(instrument, &mut samples, &mut Vec::new())?;
        let fresh = |signal: &&Signal| snapshot.ts.since(signal.ts) <= config.max_quiet_ns();
        Ok(self
            .latest(instrument)
            .filter(fresh)
            .cloned()
            .unwrap_or_else(|| {
                let reason = match self.latest(instrument) {
                    Some(_) => AbsentReason::Stale,
                    None => AbsentReason::WarmUp,
                };
                Signal::absent(snapshot.ts, instrument, mode, Quality::Masked, reason)
            }))
    }

    /// Takes a sample that was made before, instead of the events that it was made from.
    ///
    /// # Errors
    /// [`EngineError::Tft`] for numbers that the model cannot take.
    pub fn process_sample(
        &mut self,
        sample: &Sample,
        instrument: &Instrument,
        out: &mut Vec<Update>,
    ) -> Result<(), EngineError> {
        self.define(sample.instrument, instrument);
        self.say(sample.instrument, &mut vec![sample.clone()], out)
    }

    /// The newest signal of an instrument.
    pub fn latest(&self, instrument: InstrumentId) -> Option<&Signal> {
        self.lines.get(&instrument)?.latest.as_ref()
    }

    /// Gives an instrument its line; a changed definition is the feature engine's business.
    pub fn define(&mut self, id: InstrumentId, instrument: &Instrument) {
        let (config, bundle) = (self.config, &self.bundle);
        self.lines.entry(id).or_insert_with(|| Line {
            features: FeatureEngine::new(id, instrument, config),
            model: bundle.as_ref().map(|bundle| ModelLine {
                row: bundle.normalizer().row(instrument.symbol()).clone(),
                state: bundle.new_state(instrument.symbol()),
                last: None,
            }),
            latest: None,
        });
    }

    fn say(
        &mut self,
        instrument: InstrumentId,
        samples: &mut Vec<Sample>,
        out: &mut Vec<Update>,
    ) -> Result<(), EngineError> {
        let config = self.config;
        let Some(line) = self.lines.get_mut(&instrument) else {
            return Ok(());
        };
        for sample in samples.drain(..) {
            let signal = match (&self.bundle, &mut line.model) {
                (Some(bundle), Some(model)) => model.signal(bundle, &config, &sample)?,
                _ => absent(&sample, &config, AbsentReason::NoModel),
            };
            line.latest = Some(signal.clone());
            out.push(Update { sample, signal });
        }
        Ok(())
    }
}

impl ModelLine {
    fn signal(
        &mut self,
        bundle: &Bundle,
        config: &FeatureConfig,
        sample: &Sample,
    ) -> Result<Signal, EngineError> {
        // A window is encoder-length samples at consecutive grid times; a hole begins it anew.
        if self
            .last
            .is_some_and(|last| sample.ts.since(last) != config.interval_ns())
        {
            self.state.reset();
        }
        self.last = Some(sample.ts);
        let x = self.row.apply(sample);
        let next = UnixNanos(sample.ts.0 + config.interval_ns());
        let Some(output) = bundle.model().step(
            &mut self.state,
            &x,
            &known_inputs(sample.ts),
            &known_inputs(next),
        )?
        else {
            return Ok(absent(sample, config, AbsentReason::WarmUp));
        };
        let mut signal = absent(sample, config, AbsentReason::WarmUp);
        let said = bundle.read_output(output.raw());
        signal.skew = Reading::Present(skew_signal(bundle.calibration().kappa, said.z));
        signal.pressure = pressure_signal(said.probability, bundle.calibration().pi);
        signal.probability = signal.pressure.value().map(|_| said.probability);
        signal.bands = Some(said.bands);
        signal.model = Some(bundle.id().clone());
        signal.variable_weights = output.selection().to_vec();
        signal.attention = output.attention().to_vec();
        Ok(signal)
    }
}

/// A signal of `sample` that says nothing, and why.
fn absent(sample: &Sample, config: &FeatureConfig, reason: AbsentReason) -> Signal {
    Signal {
        mask: sample.mask,
        age_ns: sample.age_ns(),
        ..Signal::absent(
            sample.ts,
            sample.instrument,
            config.mode(),
            sample.quality(),
            reason,
        )
    }
}

#[cold]
fn undefined(instrument: InstrumentId) -> EngineError {
    EngineError::Data(format!(
        "an event of instrument {} came before its definition",
        instrument.0
    ))
}
