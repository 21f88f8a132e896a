//! Names of files with a number in them: pictures of a sequence, tiles, caches.

/// A file name with a number in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// How many digits, with zeros before the number.
    digits: usize,
    /// `u1_v1` instead of `1001`.
    is_uv: bool,
}

impl Pattern {
    /// The last number before the ending, and that number.
    pub(super) fn of_sequence(path: &[u8]) -> Option<(Self, i64)> {
        let start = path.iter().rposition(|byte| matches!(byte, b'/' | b'\\'));
        let name = path.get(start.map_or(0, |start| start + 1)..)?;
        let stem = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
        Self::last_number(name, stem)
    }

    /// The last number before all endings, and that number.
    pub(super) fn of_cache(name: &[u8]) -> Option<(Self, i64)> {
        let stem = name.iter().position(|byte| *byte == b'.').unwrap_or(name.len());
        Self::last_number(name, stem)
    }

    fn last_number(name: &[u8], stem: usize) -> Option<(Self, i64)> {
        let end = name.get(..stem)?.iter().rposition(u8::is_ascii_digit)? + 1;
        let digits = name.get(..end)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (head, rest) = name.split_at_checked(end - digits)?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        let pattern = Self { head: head.into(), tail: tail.into(), digits, is_uv: false };
        Some((pattern, number))
    }

    /// `<UDIM>`, `<UVTILE>`, or the first tile as older Blenders write it.
    pub(super) fn of_tiles(name: &[u8]) -> Option<Self> {
        let marks: [(&[u8], bool); 4] =
            [(b"<UDIM>", false), (b"<UVTILE>", true), (b"1001", false), (b"u1_v1", true)];
        let marked = marks.into_iter().find_map(|(mark, is_uv)| {
            let at = name.windows(mark.len()).rposition(|part| part == mark)?;
            let (head, rest) = name.split_at_checked(at)?;
            let tail = rest.strip_prefix(mark)?;
            Some(Self { head: head.into(), tail: tail.into(), digits: 4, is_uv })
        });
        // Blender 2.82 to 3.0 also took whichever tile was opened.
        marked.or_else(|| {
            let (pattern, number) = Self::of_sequence(name)?;
            (pattern.digits == 4 && (1001..=2000).contains(&number)).then_some(pattern)
        })
    }

    /// What is before and after the number.
    pub(super) fn around(&self) -> (&[u8], &[u8]) {
        (&self.head, &self.tail)
    }

    /// The number in a name of this form.
    pub(super) fn number(&self, name: &[u8]) -> Option<i64> {
        self.middle(name.strip_prefix(&*self.head)?.strip_suffix(&*self.tail)?)
    }

    /// The same where letters of the name may differ in case.
    pub(super) fn number_in_any_case(&self, name: &[u8]) -> Option<i64> {
        let (head, rest) = name.split_at_checked(self.head.len())?;
        let (middle, tail) = rest.split_at_checked(rest.len().checked_sub(self.tail.len())?)?;
        let is_same =
            head.eq_ignore_ascii_case(&self.head) && tail.eq_ignore_ascii_case(&self.tail);
        is_same.then(|| self.middle(middle))?
    }

    fn middle(&self, middle: &[u8]) -> Option<i64> {
        let middle = std::str::from_utf8(middle).ok()?;
        if self.is_uv {
            let (u, v) = middle.strip_prefix('u')?.split_once("_v")?;
            let (u, v): (u8, u8) = (u.parse().ok()?, v.parse().ok()?);
            let is_tile = (1..=10).contains(&u) && v > 0;
            return is_tile.then(|| 1000 + i64::from(u) + 10 * (i64::from(v) - 1));
        }
        let padded = middle.len() == self.digits;
        let longer = middle.len() > self.digits && !middle.starts_with('0');
        let plain = middle.bytes().all(|byte| byte.is_ascii_digit());
        (plain && (padded || longer)).then(|| middle.parse().ok())?
    }

    /// The name with that number.
    pub(super) fn with(&self, number: i64) -> Vec<u8> {
        let middle = if self.is_uv {
            let tile = number.saturating_sub(1001);
            format!("u{}_v{}", tile % 10 + 1, tile / 10 + 1)
        } else {
            format!("{number:0digits$}", digits = self.digits)
        };
        [&*self.head, middle.as_bytes(), &*self.tail].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_a_name_counts() {
        let (pattern, number) = Pattern::of_sequence(b"//take12\\shot2_0001_L.png").unwrap();
        assert_eq!(number, 1);
        assert_eq!(pattern.number(b"shot2_0042_L.png"), Some(42));
        assert_eq!(pattern.number(b"shot2_10042_L.png"), Some(10042));
        assert_eq!(pattern.number(b"shot2_00042_L.png"), None);
        assert_eq!(pattern.number(b"shot3_0042_L.png"), None);
        assert_eq!(pattern.number(b"SHOT2_0042_L.PNG"), None);
        assert_eq!(pattern.number_in_any_case(b"SHOT2_0042_L.PNG"), Some(42));
        assert_eq!(pattern.with(7), b"shot2_0007_L.png");
        assert_eq!(Pattern::of_sequence(b"12/plain.mp4"), None);
        assert_eq!(Pattern::of_sequence(b"99999999999999999999.png"), None);
        assert_eq!(Pattern::of_cache(b"fluid_mesh_0012.bobj.gz").unwrap().1, 12);
    }

    #[test]
    fn tiles_have_several_spellings() {
        let named = |name: &[u8]| Pattern::of_tiles(name).unwrap().with(1012);
        assert_eq!(named(b"a.<UDIM>.png"), b"a.1012.png");
        assert_eq!(named(b"a.1001.png"), b"a.1012.png");
        assert_eq!(named(b"a.1003.png"), b"a.1012.png");
        assert_eq!(named(b"a_<UVTILE>.png"), b"a_u2_v2.png");
        assert_eq!(named(b"a_u1_v1.png"), b"a_u2_v2.png");
        let pattern = Pattern::of_tiles(b"a_<UVTILE>.png").unwrap();
        assert_eq!(pattern.number(b"a_u2_v2.png"), Some(1012));
        assert_eq!(pattern.number(b"a_u11_v2.png"), None);
        assert_eq!(Pattern::of_tiles(b"a.0001.png"), None);
    }
}
