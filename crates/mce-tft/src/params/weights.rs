//! Weights as the bytes of a safetensors file, with PyTorch's names.
//!
//! Reading goes through the `safetensors` crate, which checks the form; what is checked here is that the file holds this
//! model and nothing else. Writing is done here: the crate writes the metadata in the order of a hash map, and equal
//! weights must give equal bytes. Files are opened by the caller.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;

use super::Params;
use crate::TftError;
use crate::config::TftConfig;
use crate::real::Real;

/// Parameters with the text metadata of their safetensors file.
#[derive(Debug, Clone)]
pub struct Weights<R: Real> {
    /// The parameters.
    pub params: Params<R>,
    /// The file's `__metadata__`: free text by key.
    pub metadata: BTreeMap<String, String>,
}

impl<R: Real> Weights<R> {
    /// Reads the bytes of a safetensors file that holds exactly the tensors of `config`, as `F32` or `F64`.
    ///
    /// # Errors
    /// [`TftError::WeightsFile`] when the bytes are not such a file, [`TftError::WeightsMismatch`] with every tensor
    /// that is missing, extra, of another shape or dtype, or holds a value that is not finite.
    pub fn from_safetensors(config: &TftConfig, bytes: &[u8]) -> Result<Self, TftError> {
        let mut params = Params::zeros(config);
        let metadata = read(bytes, &mut [("", &mut params)])?;
        Ok(Self { params, metadata })
    }

    /// The bytes of a safetensors file, dtype `F32`. Equal parameters and metadata give equal bytes.
    #[must_use]
    pub fn to_safetensors(&self) -> Vec<u8> {
        write(&[("", &self.params)], &self.metadata)
    }
}

/// Fills several sets of parameters from one file, the names of each behind a prefix of its own, and gives the metadata.
pub(crate) fn read<R: Real>(
    bytes: &[u8],
    parts: &mut [(&str, &mut Params<R>)],
) -> Result<BTreeMap<String, String>, TftError> {
    let file = SafeTensors::deserialize(bytes).map_err(TftError::WeightsFile)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(TftError::WeightsFile)?;
    let metadata = header
        .metadata()
        .iter()
        .flatten()
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect();
    let mut found: HashMap<&str, TensorView<'_>> = file.iter().collect();
    let mut problems = Vec::new();
    for (prefix, params) in parts {
        let layout = params.layout().clone();
        for spec in layout.tensors() {
            let name = format!("{prefix}{}", spec.name);
            let read = match found.remove(name.as_str()) {
                None => Err(format!("missing, expected {:?}", spec.shape)),
                Some(view) if view.shape() != spec.shape => Err(format!(
                    "shape {:?}, expected {:?}",
                    view.shape(),
                    spec.shape
                )),
                Some(view) => read_values(&view, params.span_mut(spec.span)),
            };
            if let Err(problem) = read {
                problems.push(format!("{name}: {problem}"));
            }
        }
    }
    let mut extra: Vec<_> = found
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec()))
        .collect();
    extra.sort_unstable();
    problems.extend(
        extra
            .into_iter()
            .map(|(name, shape)| format!("{name}: unknown tensor, shape {shape:?}")),
    );
    if problems.is_empty() {
        Ok(metadata)
    } else {
        Err(TftError::WeightsMismatch { problems })
    }
}

/// One file of several sets of parameters, the names of each behind a prefix of its own.
pub(crate) fn write<R: Real>(
    parts: &[(&str, &Params<R>)],
    metadata: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut header: BTreeMap<String, HeaderEntry<'_>> = BTreeMap::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".into(), HeaderEntry::Metadata(metadata));
    }
    let mut end = 0;
    let tensors = || {
        parts
            .iter()
            .flat_map(|(prefix, params)| params.tensors().map(move |tensor| (prefix, tensor)))
    };
    for (prefix, tensor) in tensors() {
        let start = end;
        end += tensor.values.len() * size_of::<f32>();
        let entry = HeaderEntry::Tensor {
            dtype: "F32",
            shape: tensor.shape,
            data_offsets: [start, end],
        };
        header.insert(format!("{prefix}{}", tensor.name), entry);
    }
    let mut header = serde_json::to_vec(&header).expect("text and whole numbers only");
    // Padded with spaces so that the numbers start on a multiple of 8 bytes, as the format asks.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for value in tensors().flat_map(|(_, tensor)| tensor.values) {
        #[allow(clippy::cast_possible_truncation)]
        let value = value.to_f64() as f32;
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

#[derive(Serialize)]
#[serde(untagged)]
enum HeaderEntry<'a> {
    Metadata(&'a BTreeMap<String, String>),
    Tensor {
        dtype: &'static str,
        shape: &'a [usize],
        data_offsets: [usize; 2],
    },
}

/// Copies the numbers of a tensor, whose shape has been checked.
fn read_values<R: Real>(view: &TensorView<'_>, to: &mut [R]) -> Result<(), String> {
    match view.dtype() {
        Dtype::F32 => {
            for (to, bytes) in to.iter_mut().zip(view.data().as_chunks::<4>().0) {
                *to = R::from_f64(f64::from(f32::from_le_bytes(*bytes)));
            }
        }
        Dtype::F64 => {
            for (to, bytes) in to.iter_mut().zip(view.data().as_chunks::<8>().0) {
                *to = R::from_f64(f64::from_le_bytes(*bytes));
            }
        }
        other => return Err(format!("dtype {other:?}, expected F32 or F64")),
    }
    match to.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(format!(
            "value {at} is {}, expected a finite number",
            to[at]
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TftSpec;

    fn config() -> TftConfig {
        TftConfig::new(TftSpec {
            hidden: 8,
            n_observed: 2,
            ..TftSpec::default()
        })
        .expect("legal")
    }

    fn weights() -> Weights<f32> {
        let metadata = [("model", "test"), ("note", "\"quoted\" µ")];
        Weights {
            params: Params::init(&config(), 3),
            metadata: metadata
                .into_iter()
                .map(|(key, text)| (key.to_owned(), text.to_owned()))
                .collect(),
        }
    }

    /// Rewrites the file with other tensors, through the safetensors crate.
    fn rewritten(
        change: impl FnOnce(&mut BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>),
    ) -> Vec<u8> {
        let bytes = weights().to_safetensors();
        let file = SafeTensors::deserialize(&bytes).expect("our own file");
        let mut tensors = file
            .iter()
            .map(|(name, view)| {
                (
                    name.to_owned(),
                    (view.dtype(), view.shape().to_vec(), view.data().to_vec()),
                )
            })
            .collect();
        change(&mut tensors);
        let views = tensors.iter().map(|(name, (dtype, shape, data))| {
            (
                name.clone(),
                TensorView::new(*dtype, shape.clone(), data).expect("consistent"),
            )
        });
        safetensors::serialize(views, None).expect("consistent")
    }

    fn check_refused(
        change: impl FnOnce(&mut BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>),
        expected: &[&str],
    ) {
        match Weights::<f32>::from_safetensors(&config(), &rewritten(change)) {
            Err(TftError::WeightsMismatch { problems }) => assert_eq!(problems, expected),
            other => panic!("expected a mismatch, got {other:?}"),
        }
    }

    #[test]
    fn round_trip_keeps_values_and_metadata() {
        let bytes = weights().to_safetensors();
        let back = Weights::<f32>::from_safetensors(&config(), &bytes).expect("our own file");
        assert_eq!(back.params.flat(), weights().params.flat());
        assert_eq!(back.metadata, weights().metadata);
        assert_eq!(back.to_safetensors(), bytes);
    }

    #[test]
    fn doubles_are_read() {
        let bytes = rewritten(|tensors| {
            for (dtype, _, data) in tensors.values_mut() {
                let values = data
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
                *data = values.flat_map(f64::to_le_bytes).collect();
                *dtype = Dtype::F64;
            }
        });
        let back = Weights::<f32>::from_safetensors(&config(), &bytes).expect("doubles");
        assert_eq!(back.params.flat(), weights().params.flat());
    }

    #[test]
    fn every_difference_is_named() {
        check_refused(
            |tensors| {
                tensors.remove("attn.q.bias");
                tensors.insert("extra".into(), (Dtype::F32, vec![1], vec![0; 4]));
                tensors.get_mut("head.bias").expect("a tensor").1 = vec![29, 1];
                tensors.insert("ff.fc1.bias".into(), (Dtype::F16, vec![8], vec![0; 16]));
                tensors.get_mut("ff.fc2.bias").expect("a tensor").2[8..12]
                    .copy_from_slice(&f32::NAN.to_le_bytes());
            },
            &[
                "attn.q.bias: missing, expected [8]",
                "ff.fc2.bias: value 2 is NaN, expected a finite number",
                "ff.fc1.bias: dtype F16, expected F32 or F64",
                "head.bias: shape [29, 1], expected [29]",
                "extra: unknown tensor, shape [1]",
            ],
        );
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let bytes = weights().to_safetensors();
        for bytes in [
            &bytes[..5],
            &bytes[..bytes.len() - 1],
            b"hello, world, this is text",
        ] {
            assert!(matches!(
                Weights::<f32>::from_safetensors(&config(), bytes),
                Err(TftError::WeightsFile(_))
            ));
        }
    }
}
