//! The code that a person reads on one machine and types on another.

use std::fmt;

/// Decimal digits of a code.
const DIGITS: usize = 8;
/// The largest multiple of the number of codes below 2³²; above it digits would not be equally likely.
const FAIR: u32 = u32::MAX - u32::MAX % CODES;
const CODES: u32 = 100_000_000;

/// Eight decimal digits, shown as `4821-7730`. Worth a few guesses only: see [`super`].
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

/// A text that is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a pairing code has 8 digits, such as 4821-7730; it is shown by `blendnet-agent --pair`")]
pub struct NoCode;

impl Code {
    /// A new one, from the operating system's random numbers.
    pub fn generate() -> Result<Self, getrandom::Error> {
        loop {
            let number = getrandom::u32()?;
            if number < FAIR {
                return Ok(Self(format!("{:08}", number % CODES)));
            }
        }
    }

    /// Reads what a person typed: spaces and dashes mean nothing.
    pub fn parse(text: &str) -> Result<Self, NoCode> {
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        let digits = digits.trim();
        let fits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(Self(digits.to_owned())) } else { Err(NoCode) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As it is shown to a person.
    pub fn show(&self) -> String {
        let (left, right) = self.0.split_at(DIGITS / 2);
        format!("{left}-{right}")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_shown_and_as_people_type_it() {
        let code = Code::generate().unwrap();
        assert_eq!(Code::parse(&code.show()).unwrap(), code);
        assert_eq!(Code::parse(" 4821 7730\n").unwrap().show(), "4821-7730");
        assert_eq!(Code::parse("00000001").unwrap().show(), "0000-0001");
        for bad in ["", "1234", "123456789", "1234567a", "４８２１７７３０"] {
            assert_eq!(Code::parse(bad), Err(NoCode), "{bad:?}");
        }
        assert_eq!(format!("{code:?}"), "Code(..)");
    }
}
