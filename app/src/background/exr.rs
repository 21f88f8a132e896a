//! Passes of EXR files, to look at.

use std::path::Path;
use std::sync::Arc;

use blendnet_film::{FilmError, Image};

use crate::gui::event::{Pass, Picture};
use crate::gui::linear::Linear;
use crate::workflow::problem::Problem;

/// Loads a pass by its full name; without one, the picture itself.
pub(super) fn load(path: &Path, pass: Option<&str>) -> Result<Picture, Problem> {
    let failed = |e: FilmError| {
        Problem::input(format!("{} can't be shown: {e}", path.display()))
            .hint("open it with another program")
    };
    let all = passes(&Image::names(path).map_err(failed)?);
    let name = match pass.filter(|pass| all.iter().any(|known| known == pass)) {
        Some(pass) => pass.to_owned(),
        None => all.first().cloned().unwrap_or_default(),
    };
    let image = Image::read_channels(path, |channel| pass_of(channel) == name).map_err(failed)?;
    let size = [image.width, image.height];
    let mut channels: Vec<(String, Vec<f32>)> = image
        .channels
        .into_iter()
        .map(|(channel, values)| (component_of(&channel).to_owned(), values))
        .filter(|(component, _)| component != "A")
        .collect();
    channels.sort_by_key(|(component, _)| "RGBXYZ".find(component.as_str()));
    let linear = Linear::new(size, &channels);
    let pixels = Arc::new(linear.developed(0.0));
    Ok(Picture { pixels, pass: Some(Pass { name, all, linear }) })
}

/// The passes of these channels, the picture itself first.
fn passes(channels: &[String]) -> Vec<String> {
    let mut passes: Vec<String> =
        channels.iter().map(|channel| pass_of(channel).to_owned()).collect();
    passes.sort_by_key(|pass| (!pass.ends_with("Combined"), pass.clone()));
    passes.dedup();
    passes
}

fn pass_of(channel: &str) -> &str {
    channel.rsplit_once('.').map_or("", |(pass, _)| pass)
}

fn component_of(channel: &str) -> &str {
    channel.rsplit_once('.').map_or(channel, |(_, component)| component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_loaded_with_its_channels_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.exr");
        let channels = [
            ("ViewLayer.Combined.A", 1.0),
            ("ViewLayer.Combined.B", 0.3),
            ("ViewLayer.Combined.G", 0.2),
            ("ViewLayer.Combined.R", 0.1),
            ("ViewLayer.Depth.Z", 7.0),
        ];
        let channels = channels.map(|(name, value)| (name.to_owned(), vec![value; 8]));
        let image = Image { width: 4, height: 2, channels: channels.into(), ..Image::default() };
        image.write(&path).unwrap();
        let pass = load(&path, None).unwrap().pass.unwrap();
        assert_eq!((pass.name.as_str(), pass.all.len()), ("ViewLayer.Combined", 2));
        assert_eq!(pass.linear.told(3, 1), "R 0.10000 G 0.20000 B 0.30000");
        let depth = load(&path, Some("ViewLayer.Depth")).unwrap().pass.unwrap();
        assert_eq!(depth.linear.told(0, 0), "Z 7.00000");
    }

    #[test]
    fn a_broken_exr_is_a_problem_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.exr");
        fs_err::write(&path, b"\x76\x2f\x31\x01 and no more").unwrap();
        assert!(load(&path, None).unwrap_err().message.contains("broken.exr"));
    }
}
