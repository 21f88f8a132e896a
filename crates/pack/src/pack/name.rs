//! Names that every system can have.

use std::fmt::Write as _;

/// A name without what Windows, zip or JSON can't hold: that becomes `%` and two digits. Different
/// names stay different. `<` and `>` stay, for the marks of tiles.
pub(super) fn safe_name(name: &[u8]) -> String {
    let mut safe = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for (at, letter) in chunk.valid().char_indices() {
            let rest = chunk.valid().get(at + 1..).unwrap_or_default();
            if is_bad(letter) || (letter == '%' && looks_escaped(rest)) {
                escape(letter.encode_utf8(&mut [0; 4]).as_bytes(), &mut safe);
            } else {
                safe.push(letter);
            }
        }
        escape(chunk.invalid(), &mut safe);
    }
    // Windows drops these.
    if let Some(last) = safe.pop() {
        match last {
            '.' | ' ' => escape(&[u8::try_from(last).unwrap_or(b'_')], &mut safe),
            last => safe.push(last),
        }
    }
    safe
}

fn is_bad(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\\' | ':' | '"' | '|' | '?' | '*')
}

fn looks_escaped(rest: &str) -> bool {
    let mut digits = rest.bytes().take(2);
    digits.len() == 2 && digits.all(|byte| byte.is_ascii_hexdigit())
}

fn escape(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a string can't fail.
        let _written = write!(out, "%{byte:02X}").is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_names_stay() {
        for name in ["wood 100%.png", "größe.<UDIM>.exr", "a_0001.png", "50%x"] {
            assert_eq!(safe_name(name.as_bytes()), name);
        }
    }

    #[test]
    fn others_are_escaped() {
        assert_eq!(safe_name(b"\xff.png"), "%FF.png");
        assert_eq!(safe_name(b"%FF.png"), "%25FF.png");
        assert_eq!(safe_name(b"a\\b:c"), "a%5Cb%3Ac");
        assert_eq!(safe_name(b"end. "), "end.%20");
    }

    proptest! {
        #[test]
        fn different_names_stay_different(one: Vec<u8>, other: Vec<u8>) {
            prop_assert_eq!(one == other, safe_name(&one) == safe_name(&other));
        }

        #[test]
        fn the_bytes_can_be_had_back(name in proptest::collection::vec(0x1f_u8..0x80, 0..12)) {
            let safe = safe_name(&name);
            let mut back = Vec::new();
            let mut rest = safe.as_bytes();
            while let Some((first, after)) = rest.split_first() {
                // A sign before a digit is no code.
                let is_code = |code: &&[u8]| code.iter().all(u8::is_ascii_hexdigit);
                let code = after.get(..2).filter(is_code);
                let code = code.and_then(|code| std::str::from_utf8(code).ok());
                let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
                let byte = code.filter(|_| *first == b'%');
                rest = if byte.is_some() { &after[2..] } else { after };
                back.push(byte.unwrap_or(*first));
            }
            prop_assert_eq!(back, name);
        }
    }
}
