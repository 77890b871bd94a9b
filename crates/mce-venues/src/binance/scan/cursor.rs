//! A place in a compact JSON text. Every reader gives `None` for what it does not take, and the caller gives up then.

use crate::message::DecimalLevel;
use mce_market::Decimal;

pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Cursor { text, at: 0 }
    }

    #[inline]
    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn looks_at(&self, text: &[u8]) -> bool {
        self.text[self.at..].starts_with(text)
    }

    /// Steps over `text` if it is next.
    #[inline]
    pub(super) fn eat(&mut self, text: &[u8]) -> bool {
        let next = self.looks_at(text);
        if next {
            self.at += text.len();
        }
        next
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// The name of the next field, after a comma; `None` inside after the closing brace.
    #[inline]
    pub(super) fn next_field(&mut self) -> Option<Option<&'a [u8]>> {
        match self.peek()? {
            b',' => {}
            b'}' => {
                self.at += 1;
                return Some(None);
            }
            _ => return None,
        }
        self.at += 1;
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                byte if byte.is_ascii_alphabetic() => self.at += 1,
                _ => return None,
            }
        }
        let name = &self.text[start..self.at];
        self.at += 1;
        self.expect(b':')?;
        Some(Some(name))
    }

    /// An unsigned integer, without leading zeros.
    #[inline]
    pub(super) fn integer(&mut self) -> Option<u64> {
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(byte) = self.peek() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        let digits = self.at - start;
        let leading_zero = digits > 1 && self.text[start] == b'0';
        // 19 digits always fit. A fraction or an exponent after them stops the caller at the next byte.
        (1..=19).contains(&digits).then_some(())?;
        (!leading_zero).then_some(value)
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        if self.eat(b"true") {
            Some(true)
        } else if self.eat(b"false") {
            Some(false)
        } else {
            None
        }
    }

    /// A string of printable ASCII without escapes.
    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        self.rest_of_text()
    }

    /// As [`Cursor::text`], its opening quote taken.
    #[inline]
    pub(super) fn rest_of_text(&mut self) -> Option<&'a str> {
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => return None,
                0x20..0x7f => self.at += 1,
                _ => return None,
            }
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        self.at += 1;
        Some(text)
    }

    /// A plain decimal in a string, with at most 18 digits.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<Decimal> {
        self.expect(b'"')?;
        self.rest_of_decimal()
    }

    /// As [`Cursor::decimal`], its opening quote taken; takes the closing one.
    #[inline(always)]
    fn rest_of_decimal(&mut self) -> Option<Decimal> {
        let text = &self.text[self.at..];
        let mut at = 0;
        let mut mantissa: u64 = 0;
        loop {
            let digit = text.get(at)?.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        let whole = at;
        let (mut significant, mut decimals, mut point) = (mantissa, 0, 0);
        if text[at] == b'.' {
            at += 1;
            point = 1;
            loop {
                let digit = text.get(at)?.wrapping_sub(b'0');
                if digit > 9 {
                    break;
                }
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
                at += 1;
                if digit != 0 {
                    significant = mantissa;
                    decimals = at - whole - 1;
                }
            }
            if at == whole + 1 {
                return None;
            }
        }
        // 18 digits fit 63 bits, so that none needs a check of its own.
        if text[at] != b'"' || whole == 0 || at - point > 18 {
            return None;
        }
        self.at += at + 1;
        Some(Decimal::from_units(significant as i64, decimals as u8))
    }

    /// `[["price","size"],…]` into `out`, which is cleared before.
    #[inline]
    pub(super) fn levels(&mut self, out: &mut Vec<DecimalLevel>) -> Option<()> {
        out.clear();
        self.expect(b'[')?;
        if self.eat(b"]") {
            return Some(());
        }
        loop {
            if !self.eat(b"[\"") {
                return None;
            }
            let price = self.rest_of_decimal()?;
            if !self.eat(b",\"") {
                return None;
            }
            let qty = self.rest_of_decimal()?;
            out.push(DecimalLevel { price, qty });
            if !self.eat(b"]") {
                return None;
            }
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }
}
