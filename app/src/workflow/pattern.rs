//! File names that stand for many files: numbered sequences and UDIM tiles.

/// A file name of which one part varies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern {
    head: String,
    tail: String,
    varies: Varies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Varies {
    /// A frame number, written with at least so many digits.
    Number { digits: usize },
    /// `1001` to `2000`.
    Udim,
    /// `u1_v1`.
    UvTile,
}

impl NamePattern {
    /// The sequence that `name` is one of: as in Blender, its last number before the extension
    /// varies. `None`: there is no number.
    pub(super) fn sequence(name: &str) -> Option<Self> {
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 => name.split_at(dot),
            _ => (name, ""),
        };
        let end = stem.rfind(|c: char| c.is_ascii_digit())? + 1;
        let (until_end, behind) = stem.split_at(end);
        let head = until_end.trim_end_matches(|c: char| c.is_ascii_digit());
        Some(Self {
            head: head.to_owned(),
            tail: format!("{behind}{extension}"),
            varies: Varies::Number { digits: until_end.len() - head.len() },
        })
    }

    /// The tiles that `name`, with `<UDIM>` or `<UVTILE>` in it, stands for.
    pub(super) fn tiles(name: &str) -> Option<Self> {
        let split = |token: &str, varies| {
            let (head, tail) = name.split_once(token)?;
            Some(Self { head: head.to_owned(), tail: tail.to_owned(), varies })
        };
        split("<UDIM>", Varies::Udim).or_else(|| split("<UVTILE>", Varies::UvTile))
    }

    /// Whether `name` is one of the files.
    pub(super) fn matches(&self, name: &str) -> bool {
        let middle = name
            .strip_prefix(self.head.as_str())
            .and_then(|rest| rest.strip_suffix(self.tail.as_str()));
        middle.is_some_and(|middle| self.varies.covers(middle))
    }
}

impl Varies {
    fn covers(self, middle: &str) -> bool {
        match self {
            Self::Number { digits } => {
                is_number(middle)
                    && (middle.len() == digits || middle.len() > digits && !middle.starts_with('0'))
            }
            Self::Udim => {
                middle.len() == 4
                    && is_number(middle)
                    && middle.parse().is_ok_and(|n: u32| (1001..=2000).contains(&n))
            }
            Self::UvTile => middle
                .strip_prefix('u')
                .and_then(|rest| rest.split_once("_v"))
                .is_some_and(|(u, v)| is_number(u) && is_number(v)),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence_of(name: &str, candidates: &[&str]) -> Vec<String> {
        let pattern = NamePattern::sequence(name).unwrap();
        candidates.iter().filter(|c| pattern.matches(c)).map(|c| (*c).to_owned()).collect()
    }

    #[test]
    fn the_last_number_before_the_extension_varies() {
        let names = [
            "v2_0001.png",
            "v2_0002.png",
            "v2_10000.png",
            "v2_00003.png",
            "v3_0001.png",
            "v2_1.png",
        ];
        assert_eq!(
            sequence_of("v2_0001.png", &names),
            ["v2_0001.png", "v2_0002.png", "v2_10000.png"]
        );
    }

    #[test]
    fn text_behind_the_number_stays() {
        let names = ["a001_left.exr", "a002_left.exr", "a002_right.exr"];
        assert_eq!(sequence_of("a001_left.exr", &names), ["a001_left.exr", "a002_left.exr"]);
    }

    #[test]
    fn numbers_in_the_extension_do_not_count() {
        assert_eq!(NamePattern::sequence("clip.mp4"), None);
        assert_eq!(sequence_of("clip_7.mp4", &["clip_8.mp4", "clip_7.mp5"]), ["clip_8.mp4"]);
        assert_eq!(sequence_of("0001", &["0002", "x002"]), ["0002"]);
    }

    #[test]
    fn udim_tiles_are_numbers_from_1001_to_2000() {
        let pattern = NamePattern::tiles("skin.<UDIM>.png").unwrap();
        assert!(pattern.matches("skin.1001.png") && pattern.matches("skin.1099.png"));
        for other in ["skin.1000.png", "skin.2001.png", "skin.10011.png", "skin.<UDIM>.png"] {
            assert!(!pattern.matches(other), "{other}");
        }
    }

    #[test]
    fn uv_tiles_are_named_by_u_and_v() {
        let pattern = NamePattern::tiles("skin_<UVTILE>.exr").unwrap();
        assert!(pattern.matches("skin_u1_v12.exr"));
        assert!(!pattern.matches("skin_u1.exr") && !pattern.matches("skin_u_v1.exr"));
        assert_eq!(NamePattern::tiles("skin.png"), None);
    }

    #[test]
    fn a_name_shorter_than_head_and_tail_does_not_match() {
        let pattern = NamePattern::sequence("aa1aa.png").unwrap();
        assert!(!pattern.matches("aa.png"));
    }
}
