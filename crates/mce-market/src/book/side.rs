//! One side of a book.
//!
//! A level's *key* is its price in steps, negated for asks, so that on both sides a higher key is a better price.
//! Keys in `[lo, lo + slots)` live in the window: a size a slot and a bit a slot. Every other level is worse than
//! the window's and lives in `far`. The step is the greatest common divisor of all prices seen, so a window of
//! thousands of slots covers thousands of ticks whatever the scale.

use crate::price::{Level, Price, Qty, Side};
use std::collections::BTreeMap;

const WORD: usize = 64;
/// Slots of a new window: 32 kB.
const MIN_SLOTS: usize = 4_096;
/// A window never grows beyond this: 512 kB.
const MAX_SLOTS: usize = 65_536;

#[derive(Clone, Debug)]
pub(super) struct BookSide {
    /// +1 for bids, −1 for asks.
    sign: i64,
    step: Step,
    /// Key of slot 0.
    lo: i64,
    qty: Vec<i64>,
    occupied: Vec<u64>,
    /// Levels in the window.
    near: usize,
    /// Key of the best level while there is one in the window.
    best: i64,
    /// Levels worse than every slot of the window, by key. Empty while the window is.
    far: BTreeMap<i64, i64>,
    /// Updates that went to `far` since the window last moved or grew.
    far_updates: usize,
}

/// Division by the price step, exact, as a multiplication by its inverse modulo 2^64.
#[derive(Clone, Copy, Debug)]
struct Step {
    units: i64,
    inverse: u64,
    shift: u32,
    /// The largest quotient of a 63-bit price: a product beyond it means that the price does not divide.
    quotient_max: u64,
}

impl Step {
    fn new(units: i64) -> Self {
        let shift = units.trailing_zeros();
        let odd = (units >> shift) as u64;
        // Newton's iteration doubles the right bits each round; an odd number is its own inverse modulo 8.
        let mut inverse = odd;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        }
        Step {
            units,
            inverse,
            shift,
            quotient_max: (i64::MAX / units) as u64,
        }
    }

    /// `price / units` when it divides.
    #[inline(always)]
    fn divide(self, price: i64) -> Option<i64> {
        let quotient = ((price >> self.shift) as u64).wrapping_mul(self.inverse);
        let divides = quotient <= self.quotient_max && quotient as i64 * self.units == price;
        divides.then_some(quotient as i64)
    }
}

impl BookSide {
    pub(super) fn new(side: Side) -> Self {
        BookSide {
            sign: side.sign(),
            step: Step::new(1),
            lo: 0,
            qty: Vec::new(),
            occupied: Vec::new(),
            near: 0,
            best: 0,
            far: BTreeMap::new(),
            far_updates: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.near + self.far.len()
    }

    pub(super) fn clear(&mut self) {
        self.qty.fill(0);
        self.occupied.fill(0);
        self.near = 0;
        self.far.clear();
        self.far_updates = 0;
    }

    /// Forgets everything and takes `levels` (prices and sizes above 0).
    pub(super) fn replace(&mut self, levels: &[Level]) {
        self.clear();
        let step = levels
            .iter()
            .fold(0, |step, level| gcd(step, level.price.units()));
        if step == 0 {
            return;
        }
        self.step = Step::new(step);
        let best = levels
            .iter()
            .map(|level| self.sign * (level.price.units() / step))
            .max()
            .expect("a step above 0 means that there is a level");
        self.place_window(best);
        for level in levels {
            self.set(level.price.units(), level.qty.units());
        }
    }

    /// Sets the size at a price (above 0) and gives back what it was; size 0 removes the level.
    #[inline]
    pub(super) fn set(&mut self, price: i64, qty: i64) -> i64 {
        let Some(tick) = self.step.divide(price) else {
            return self.set_off_step(price, qty);
        };
        let key = self.sign * tick;
        let slot = key.wrapping_sub(self.lo) as u64 as usize;
        if slot < self.qty.len() {
            self.set_near(slot, key, qty)
        } else {
            self.set_outside(key, qty)
        }
    }

    #[inline]
    fn set_near(&mut self, slot: usize, key: i64, qty: i64) -> i64 {
        let before = std::mem::replace(&mut self.qty[slot], qty);
        let bit = 1u64 << (slot % WORD);
        if qty != 0 {
            if before == 0 {
                self.occupied[slot / WORD] |= bit;
                if self.near == 0 || key > self.best {
                    self.best = key;
                }
                self.near += 1;
            }
        } else if before != 0 {
            self.occupied[slot / WORD] &= !bit;
            self.near -= 1;
            if key == self.best {
                self.find_best(slot);
            }
        }
        before
    }

    /// The best level at `slot` is gone: the next one is below it, or in `far`.
    fn find_best(&mut self, slot: usize) {
        if self.near == 0 {
            if let Some((key, _)) = self.far.last_key_value() {
                self.move_window(*key);
            }
            return;
        }
        let mut word = slot / WORD;
        while self.occupied[word] == 0 {
            word -= 1; // near > 0, and nothing is above the old best
        }
        let top = WORD - 1 - self.occupied[word].leading_zeros() as usize;
        let best = word * WORD + top;
        self.best = self.lo + best as i64;
        if best < self.qty.len() / 8 && !self.far.is_empty() {
            self.move_window(self.best);
        }
    }

    #[cold]
    fn set_outside(&mut self, key: i64, qty: i64) -> i64 {
        let beyond = key >= self.lo.saturating_add(self.qty.len() as i64);
        if self.near == 0 || beyond {
            // A better price than any slot has, or the first level there is.
            if qty == 0 {
                return 0;
            }
            self.move_window(key);
            return self.set_near((key - self.lo) as usize, key, qty);
        }
        self.far_updates += 1;
        if self.far_updates > self.qty.len() && self.qty.len() < MAX_SLOTS {
            self.grow();
            return self.set_key(key, qty);
        }
        let before = if qty == 0 {
            self.far.remove(&key)
        } else {
            self.far.insert(key, qty)
        };
        before.unwrap_or(0)
    }

    fn set_key(&mut self, key: i64, qty: i64) -> i64 {
        let slot = key.wrapping_sub(self.lo) as u64 as usize;
        if slot < self.qty.len() {
            self.set_near(slot, key, qty)
        } else {
            self.set_outside(key, qty)
        }
    }

    /// A price between the steps: the step becomes the common divisor, and every key changes.
    #[cold]
    fn set_off_step(&mut self, price: i64, qty: i64) -> i64 {
        if qty == 0 && self.len() > 0 {
            return 0; // removes a level that cannot be there
        }
        let mut levels: Vec<Level> = self.iter().collect();
        if levels.is_empty() && qty == 0 {
            return 0;
        }
        levels.push(Level::new(Price::from_units(price), Qty::from_units(qty)));
        self.replace(&levels);
        0
    }

    /// Doubles the window where it stands.
    fn grow(&mut self) {
        let slots = (self.qty.len() * 2).min(MAX_SLOTS);
        self.resize(slots, self.best);
    }

    /// Moves the window so that `key` (and the room above it that a market needs) is inside.
    fn move_window(&mut self, key: i64) {
        let slots = self.qty.len().max(MIN_SLOTS);
        self.resize(slots, key);
    }

    fn place_window(&mut self, best: i64) {
        let slots = self.qty.len().max(MIN_SLOTS);
        self.qty.resize(slots, 0);
        self.occupied.resize(slots / WORD, 0);
        self.lo = window_start(best, slots);
    }

    /// A window of `slots` around `key`: levels that fall out go to `far`, those that fall in come from it.
    fn resize(&mut self, slots: usize, key: i64) {
        let kept: Vec<(i64, i64)> = self.near_keys().collect();
        for (key, qty) in kept {
            self.far.insert(key, qty);
        }
        self.qty.clear();
        self.occupied.clear();
        self.near = 0;
        self.far_updates = 0;
        self.qty.resize(slots, 0);
        self.occupied.resize(slots / WORD, 0);
        self.lo = window_start(key, slots);
        let inside = self.far.split_off(&self.lo);
        for (key, qty) in inside {
            let slot = (key - self.lo) as usize;
            self.set_near(slot, key, qty);
        }
    }

    #[inline]
    pub(super) fn best(&self) -> Option<Level> {
        if self.near == 0 {
            return None;
        }
        Some(self.level(self.best, self.qty[(self.best - self.lo) as usize]))
    }

    pub(super) fn get(&self, price: i64) -> i64 {
        let Some(tick) = self.step.divide(price) else {
            return 0;
        };
        let key = self.sign * tick;
        let slot = key.wrapping_sub(self.lo) as u64 as usize;
        match self.qty.get(slot) {
            Some(qty) => *qty,
            None => self.far.get(&key).copied().unwrap_or(0),
        }
    }

    /// Price of the n-th best level, or of the worst when there are fewer.
    pub(super) fn nth_price(&self, n: usize) -> Option<i64> {
        let n = n.min(self.len());
        if n == 0 {
            return None;
        }
        let key = if n <= self.near {
            self.nth_near(n)
        } else {
            *self.far.keys().nth_back(n - self.near - 1)?
        };
        Some(self.price(key))
    }

    /// Key of the n-th best level of the window, 1 ≤ n ≤ near.
    fn nth_near(&self, n: usize) -> i64 {
        let mut left = n;
        let mut word = (self.best - self.lo) as usize / WORD;
        loop {
            let bits = self.occupied[word];
            let here = bits.count_ones() as usize;
            if here >= left {
                return self.lo + (word * WORD + nth_highest(bits, left)) as i64;
            }
            left -= here;
            word -= 1; // near ≥ n: the level is in this word or below
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Level> + '_ {
        self.near_keys()
            .chain(self.far.iter().rev().map(|(key, qty)| (*key, *qty)))
            .map(|(key, qty)| self.level(key, qty))
    }

    pub(super) fn top_into(&self, n: usize, out: &mut Vec<Level>) {
        out.clear();
        let near = n.min(self.near);
        if near > 0 {
            let mut word = (self.best - self.lo) as usize / WORD;
            let mut bits = self.occupied[word];
            for _ in 0..near {
                while bits == 0 {
                    word -= 1; // levels are left, and they are below
                    bits = self.occupied[word];
                }
                let top = WORD - 1 - bits.leading_zeros() as usize;
                bits ^= 1 << top;
                let slot = word * WORD + top;
                out.push(self.level(self.lo + slot as i64, self.qty[slot]));
            }
        }
        let beyond = self.far.iter().rev().take(n - near);
        out.extend(beyond.map(|(key, qty)| self.level(*key, *qty)));
    }

    /// Keys and sizes in the window, best first.
    fn near_keys(&self) -> NearKeys<'_> {
        let word = if self.near == 0 {
            0
        } else {
            (self.best - self.lo) as usize / WORD
        };
        NearKeys {
            side: self,
            left: self.near,
            word,
            bits: self.occupied.get(word).copied().unwrap_or(0),
        }
    }

    #[inline]
    fn price(&self, key: i64) -> i64 {
        self.sign * key * self.step.units
    }

    #[inline]
    fn level(&self, key: i64, qty: i64) -> Level {
        Level::new(Price::from_units(self.price(key)), Qty::from_units(qty))
    }
}

struct NearKeys<'a> {
    side: &'a BookSide,
    left: usize,
    word: usize,
    bits: u64,
}

impl Iterator for NearKeys<'_> {
    type Item = (i64, i64);

    #[inline]
    fn next(&mut self) -> Option<(i64, i64)> {
        if self.left == 0 {
            return None;
        }
        while self.bits == 0 {
            self.word -= 1; // levels are left, and they are below
            self.bits = self.side.occupied[self.word];
        }
        let top = WORD - 1 - self.bits.leading_zeros() as usize;
        self.bits &= !(1 << top);
        self.left -= 1;
        let slot = self.word * WORD + top;
        Some((self.side.lo + slot as i64, self.side.qty[slot]))
    }
}

/// Place of the `n`-th highest bit that is set, 1 ≤ n ≤ their number: sums of bits over 2, 4, … 32 places tell which half
/// it is in, again and again.
#[inline]
fn nth_highest(bits: u64, n: usize) -> usize {
    let by_2 = bits - ((bits >> 1) & 0x5555_5555_5555_5555);
    let by_4 = (by_2 & 0x3333_3333_3333_3333) + ((by_2 >> 2) & 0x3333_3333_3333_3333);
    let by_8 = (by_4 + (by_4 >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let by_16 = (by_8 + (by_8 >> 8)) & 0x00ff_00ff_00ff_00ff;
    let by_32 = (by_16 + (by_16 >> 16)) & 0x0000_ffff_0000_ffff;
    let mut left = n as u64;
    let mut place = 0;
    for (width, sums) in [
        (32, by_32),
        (16, by_16),
        (8, by_8),
        (4, by_4),
        (2, by_2),
        (1, bits),
    ] {
        let above = (sums >> (place + width)) & ((1 << width) - 1);
        if left <= above {
            place += width;
        } else {
            left -= above;
        }
    }
    place as usize
}

/// Three quarters of the window lie below the best level, one quarter above.
fn window_start(best: i64, slots: usize) -> i64 {
    best.saturating_sub(slots as i64 / 4 * 3)
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
