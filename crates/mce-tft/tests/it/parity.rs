//! Batch forward, gradients and Adam against PyTorch.

use mce_tft::{Adam, AdamOptions, Batch, BatchRunner, Dropping, Isa, Params, Real, TaskWeights};

use crate::golden::{self, Io, largest_difference};

fn check_forward<R: Real>(isa: Isa, decoder_steps: usize, suffix: &str, tolerance: f64) {
    let Some(folder) = golden::folder() else {
        return;
    };
    let config = golden::config(decoder_steps);
    let file = format!("tft_L64_H32_T{decoder_steps}.safetensors");
    let weights = golden::weights::<R>(&folder, &file, decoder_steps);
    assert_eq!(weights.metadata["n_sym"], "8");
    let io = Io::<R>::read(&folder, decoder_steps);
    let batch =
        Batch::new(&config, &io.observed, &io.known, &io.symbols).expect("the reference's inputs");
    let mut runner = BatchRunner::new(&config, isa);
    runner.load(&weights.params);
    let got = runner.forward_traced(&batch);
    let expected = golden::Arrays::read(
        &folder,
        &format!("intermediates_L64_H32_T{decoder_steps}.npz"),
    );
    let parts: [(&str, &[R]); 15] = [
        ("static", &got.static_),
        ("c_s", &got.c_s),
        ("c_e", &got.c_e),
        ("c_h", &got.c_h),
        ("c_c", &got.c_c),
        ("vsn_enc_weights", &got.vsn_enc_weights),
        ("vsn_enc_out", &got.vsn_enc_out),
        ("vsn_dec_out", &got.vsn_dec_out),
        ("lstm_enc_out", &got.lstm_enc_out),
        ("lstm_dec_out", &got.lstm_dec_out),
        ("temporal", &got.temporal),
        ("enriched", &got.enriched),
        ("attn_weights", &got.attn_weights),
        ("attn_gated", &got.attn_gated),
        ("pre_head", &got.pre_head),
    ];
    let mut worst: f64 = 0.0;
    for (name, got) in parts {
        let difference = largest_difference(got, expected.get(&format!("{name}{suffix}")));
        assert!(
            difference <= tolerance,
            "{name}: {difference:e} on {isa}, T = {decoder_steps}"
        );
        worst = worst.max(difference);
    }
    let y = largest_difference(&got.y, io.arrays.get(&format!("y{suffix}")));
    assert!(y <= tolerance, "y: {y:e} on {isa}, T = {decoder_steps}");
    assert_eq!(runner.forward(&batch), got.y);
    println!("{isa}, T = {decoder_steps}{suffix}: intermediates {worst:.1e}, outputs {y:.1e}");
}

#[test]
fn forward_agrees_with_pytorch() {
    for decoder_steps in [1, 10] {
        for isa in Isa::available() {
            check_forward::<f32>(isa, decoder_steps, "", 1e-5);
        }
        check_forward::<f64>(Isa::portable(), decoder_steps, "_f64", 1e-12);
    }
}

/// Gradients and losses at the initial weights.
fn check_gradient<R: Real>(isa: Isa, precision: &str, relative: f64, absolute: f64) {
    let Some(folder) = golden::folder() else {
        return;
    };
    let config = golden::config(1);
    let params = golden::weights::<R>(&folder, "tft_L64_H32_T1.safetensors", 1).params;
    let expected = golden::weights::<R>(
        &folder,
        &format!("grads_L64_H32_T1_{precision}.safetensors"),
        1,
    );
    let io = Io::<R>::read(&folder, 1);
    let batch =
        Batch::new(&config, &io.observed, &io.known, &io.symbols).expect("the reference's inputs");
    let mut runner = BatchRunner::new(&config, isa);
    runner.load(&params);
    let mut gradient = params.zeros_like();
    let tasks = TaskWeights::equal(&config);
    let loss = runner
        .gradient(
            &params,
            &batch,
            &io.labels,
            &tasks,
            Dropping::Off,
            &mut gradient,
        )
        .expect("the reference's labels");
    let expected_loss: f64 = expected.metadata["loss"].parse().expect("a number");
    assert!(
        (loss.total - expected_loss).abs() <= relative,
        "{} against {expected_loss}",
        loss.total
    );
    let mut worst: f64 = 0.0;
    for tensor in params.tensors() {
        let (difference, norm) = golden::distance(&gradient, &expected.params, tensor.name);
        let allowed = relative * norm + absolute;
        assert!(
            difference <= allowed,
            "{}: {difference:e} of {norm:e} on {isa}",
            tensor.name
        );
        if tensor.name != "attn.k.bias" {
            worst = worst.max(difference / norm);
        }
    }
    println!("{isa}, {precision}: gradients {worst:.1e} relative");
}

#[test]
fn gradients_agree_with_pytorch() {
    for isa in Isa::available() {
        check_gradient::<f32>(isa, "f32", 1e-4, 1e-9);
    }
    check_gradient::<f64>(Isa::portable(), "f64", 1e-10, 1e-14);
}

fn check_adam<R: Real>(isa: Isa, precision: &str, tolerance: f64) {
    let Some(folder) = golden::folder() else {
        return;
    };
    let config = golden::config(1);
    let mut params = golden::weights::<R>(&folder, "tft_L64_H32_T1.safetensors", 1).params;
    let expected = golden::weights::<R>(
        &folder,
        &format!("after5adam_L64_H32_T1_{precision}.safetensors"),
        1,
    );
    let io = Io::<R>::read(&folder, 1);
    let batch =
        Batch::new(&config, &io.observed, &io.known, &io.symbols).expect("the reference's inputs");
    let mut runner = BatchRunner::new(&config, isa);
    let mut adam = Adam::new(&params, AdamOptions::default());
    let mut gradient = params.zeros_like();
    let tasks = TaskWeights::equal(&config);
    let losses = expected.metadata["losses"]
        .trim_matches(['[', ']'])
        .split(", ");
    for expected in losses.map(|text| text.parse::<f64>().expect("a number")) {
        runner.load(&params);
        let loss = runner
            .gradient(
                &params,
                &batch,
                &io.labels,
                &tasks,
                Dropping::Off,
                &mut gradient,
            )
            .expect("the reference's labels");
        assert!(
            (loss.total - expected).abs() <= tolerance,
            "{} against {expected}",
            loss.total
        );
        adam.step(&mut params, &gradient, 1.0, 1e-3);
    }
    assert_eq!(adam.steps(), 5);
    let worst = largest_parameter_difference(&params, &expected.params);
    assert!(worst <= tolerance, "{worst:e} on {isa}");
    println!("{isa}, {precision}: parameters after 5 steps {worst:.1e}");
}

/// Largest difference over all parameters but the keys' bias, whose gradient is noise around zero.
fn largest_parameter_difference<R: Real>(got: &Params<R>, expected: &Params<R>) -> f64 {
    let tensors = got.tensors().filter(|tensor| tensor.name != "attn.k.bias");
    let difference = tensors.map(|tensor| {
        let expected: Vec<f64> = expected
            .tensor(tensor.name)
            .expect("the same tensors")
            .values
            .iter()
            .map(|x| x.to_f64())
            .collect();
        largest_difference(tensor.values, &expected)
    });
    difference.fold(0.0, f64::max)
}

#[test]
fn parameters_after_five_adam_steps_agree_with_pytorch() {
    for isa in Isa::available() {
        check_adam::<f32>(isa, "f32", 1e-5);
    }
    check_adam::<f64>(Isa::portable(), "f64", 1e-9);
}
