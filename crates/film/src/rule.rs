//! How each pass is merged: measured with Blender 3.4, 4.2, 4.5 and 5.0.
//!
//! Passes that are not named here are means of samples: Combined, Noisy Image, Normal, UV, Mist,
//! colour and volume passes, Environment, Emission, AO, Shadow, what the denoiser needs, AOVs,
//! light groups, and Debug Sample Count, which Blender divides by the samples itself.
//!
//! Some can't be told from ranges, and what is made of them is a guess: Vector is divided by the
//! samples that hit something; with a shadow catcher in the scene, the pass of that name is a
//! quotient of sums, and without that pass Combined itself has such quotients in it; in 3.4
//! volumes take light out of `DiffInd` where a range saw no colour.

/// What becomes of a channel's values in several ranges of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Mean weighted by samples.
    Mean,
    /// Written divided by a colour pass: multiplied by it again, averaged, and divided by the
    /// averaged colour.
    Divided {
        /// Name of the light pass, such as `ViewLayer.DiffDir`.
        light: String,
        /// Name of the colour pass.
        colour: String,
    },
    /// Written by the first sample alone.
    First,
    /// Coverage by object: summed per id. The channel's place among the ranks: 0 is the first
    /// id, 1 its coverage, 2 the second id …
    Cryptomatte {
        /// Name of the cryptomatte, such as `ViewLayer.CryptoObject`.
        name: String,
        /// Place of the channel.
        place: usize,
    },
}

/// Light passes and their colour, by the names of 3.x and 4.x and those of 5.x.
const DIVIDED: [(&str, &str); 12] = [
    ("DiffDir", "DiffCol"),
    ("DiffInd", "DiffCol"),
    ("GlossDir", "GlossCol"),
    ("GlossInd", "GlossCol"),
    ("TransDir", "TransCol"),
    ("TransInd", "TransCol"),
    ("Diffuse Direct", "Diffuse Color"),
    ("Diffuse Indirect", "Diffuse Color"),
    ("Glossy Direct", "Glossy Color"),
    ("Glossy Indirect", "Glossy Color"),
    ("Transmission Direct", "Transmission Color"),
    ("Transmission Indirect", "Transmission Color"),
];

/// Passes that sample 0 alone writes.
const FIRST: [&str; 6] =
    ["Depth", "Position", "IndexOB", "IndexMA", "Object Index", "Material Index"];

/// What Blender writes where nothing is rendered, outside of a render border; elsewhere it is 0.
const BLANK: [(&str, f32); 2] = [("Depth", 1e11), ("Vector", 1e4)];

/// The view layer, pass and component of a channel: `ViewLayer.Combined.R`.
///
/// View layers may have dots in their names; passes and components have none.
pub(crate) fn name_parts(channel: &str) -> (&str, &str, &str) {
    let (rest, component) = channel.rsplit_once('.').unwrap_or(("", channel));
    let (layer, pass) = rest.rsplit_once('.').unwrap_or(("", rest));
    (layer, pass, component)
}

/// The rule for a channel.
pub(crate) fn rule_of(channel: &str) -> Rule {
    let (layer, pass, component) = name_parts(channel);
    if FIRST.contains(&pass) {
        return Rule::First;
    }
    if let Some((_, colour)) = DIVIDED.iter().find(|(light, _)| *light == pass) {
        let prefix = if layer.is_empty() { String::new() } else { format!("{layer}.") };
        let name = |pass: &str| format!("{prefix}{pass}");
        return Rule::Divided { light: name(pass), colour: name(colour) };
    }
    cryptomatte(layer, pass, component).unwrap_or(Rule::Mean)
}

/// The value of a channel where nothing is rendered.
pub(crate) fn blank(channel: &str) -> f32 {
    let (_, pass, _) = name_parts(channel);
    BLANK.iter().find(|(name, _)| *name == pass).map_or(0.0, |(_, value)| *value)
}

fn cryptomatte(layer: &str, pass: &str, component: &str) -> Option<Rule> {
    let name = pass.trim_end_matches(|c: char| c.is_ascii_digit());
    let rank: usize = pass.get(name.len()..)?.parse().ok()?;
    let known = ["CryptoObject", "CryptoMaterial", "CryptoAsset"].contains(&name);
    let component = ["R", "G", "B", "A"].iter().position(|c| c.eq_ignore_ascii_case(component))?;
    let name = format!("{layer}.{name}");
    (known && rank < 16).then_some(Rule::Cryptomatte { name, place: rank * 4 + component })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_passes_are_divided_by_their_colour_in_all_spellings() {
        for (pass, colour) in DIVIDED {
            let (light, colour) = (format!("View.Layer.{pass}"), format!("View.Layer.{colour}"));
            assert_eq!(rule_of(&format!("{light}.G")), Rule::Divided { light, colour });
        }
    }

    #[test]
    fn passes_of_one_sample_come_from_the_first() {
        for channel in ["Depth.Z", "Position.X", "IndexOB.X", "IndexMA.X"] {
            assert_eq!(rule_of(&format!("L.{channel}")), Rule::First, "{channel}");
        }
        assert_eq!(rule_of("L.Object Index.X"), Rule::First);
        assert_eq!(rule_of("L.Material Index.X"), Rule::First);
    }

    #[test]
    fn all_other_passes_are_means() {
        let short = "Combined Mist Normal UV Vector VolumeDir VolumeInd DiffCol GlossCol TransCol Emit Env AO \
                     Shadow Combined_key";
        let long = [
            "Noisy Image",
            "Denoising Depth",
            "Denoising Normal",
            "Denoising Albedo",
            "Shadow Catcher",
            "Debug Sample Count",
            "Volume Direct",
            "Diffuse Color",
            "my colour",
        ];
        for pass in short.split_whitespace().chain(long) {
            for component in ["R", "X", "Z", "A"] {
                assert_eq!(rule_of(&format!("L.{pass}.{component}")), Rule::Mean, "{pass}");
            }
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn what_is_not_rendered_is_as_far_as_blender_says() {
        assert_eq!([blank("L.Depth.Z"), blank("L.Vector.W"), blank("L.Mist.Z")], [1e11, 1e4, 0.0]);
    }

    #[test]
    fn cryptomattes_are_found_with_their_ranks() {
        let name = "L.CryptoObject".to_owned();
        let rule = rule_of("L.CryptoObject01.b");
        assert_eq!(rule, Rule::Cryptomatte { name, place: 6 });
        assert_eq!(rule_of("L.CryptoObject.R"), Rule::Mean);
        assert_eq!(rule_of("L.CryptoObject99.R"), Rule::Mean);
    }

    #[test]
    fn channels_without_a_view_layer_are_averaged() {
        for channel in ["R", "A", "Combined.R", "", ".", "..."] {
            assert_eq!(rule_of(channel), Rule::Mean, "{channel}");
        }
    }
}
