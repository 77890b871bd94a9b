//! Counts allocations of the calling thread, to show that a step makes none.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mce_tft::{Isa, Params, TftConfig, TftModel, TftSpec, Weights};

use crate::numbers::floats;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged; the counter is a plain cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are those the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those the system's allocator asks for.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn a_step_allocates_nothing() {
    assert_ne!(
        allocations(|| drop(vec![1_u8; 100])),
        0,
        "the counter counts"
    );
    let config = TftConfig::new(TftSpec {
        encoder_len: 7,
        ..TftSpec::default()
    })
    .expect("legal");
    for isa in Isa::available() {
        let weights = Weights {
            params: Params::init(&config, 1),
            metadata: Default::default(),
        };
        let model = TftModel::with_isa(config.clone(), weights, isa);
        let mut state = model.stream(0).expect("a known symbol");
        let rows = floats(1, 30 * 14);
        let mut sum = 0.0;
        let count = allocations(|| {
            for row in rows.chunks_exact(14) {
                let output = model
                    .step(&mut state, row, &[0.1, 0.2], &[0.3, 0.4])
                    .expect("a legal row");
                if let Some(output) = output {
                    sum += output.quantile(0, 0.5).expect("the median")
                        + output.logit(4).expect("a logit");
                }
            }
        });
        assert_eq!(count, 0, "{isa}");
        assert!(sum != 0.0);
    }
}
