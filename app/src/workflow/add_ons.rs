//! Add-ons of Blender that a render needs: they travel with the scene, as modules of Python.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use blendnet_pack::inspect;
use blendnet_protocol::{ADD_ONS, PackPath};
use serde::{Deserialize, Serialize};

use super::hashes::Hashes;
use super::problem::Problem;
use super::scene_files::SceneFiles;
use super::upload;

/// Not part of an add-on.
const LEFT_OUT: [&str; 2] = ["__pycache__", ".git"];

/// An add-on that goes along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddOn {
    /// Its module.
    pub name: String,
    /// Its folder, or its only file; `None`: Blender brings it.
    pub path: Option<PathBuf>,
}

impl AddOn {
    /// The add-on that is meant by a path, or by the name of a module: one that is installed in a
    /// Blender of this user, or else one that Blenders bring.
    pub fn find(given: &str) -> Result<Self, Problem> {
        let path = Path::new(given);
        if path.exists() {
            return Self::at(path);
        }
        if !is_module(given) {
            return Err(Problem::input(format!("there is no add-on {given}"))
                .hint("name its folder, its .py file, or the module of one that is installed"));
        }
        let installed = in_folders(&user_folders(), given);
        Ok(Self { name: given.to_owned(), path: installed })
    }

    /// The one at a path.
    pub fn at(path: &Path) -> Result<Self, Problem> {
        let refused = |why: &str, hint: &str| {
            Err(Problem::input(format!("{} is no add-on: {why}", path.display())).hint(hint))
        };
        let path = std::path::absolute(path).unwrap_or_else(|_error| path.to_owned());
        let ending = path.extension().and_then(OsStr::to_str);
        match ending {
            Some("zip") => return refused("it is an archive", "unpack it and name the folder"),
            Some("py") if path.is_file() => {}
            _ if path.join("__init__.py").is_file() => {}
            _ => {
                let why = "it is neither a .py file nor a folder with an __init__.py";
                return refused(why, "name the folder that Blender has in scripts/addons");
            }
        }
        let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        if !is_module(&name) {
            return refused(
                "Python can't load a module of that name",
                "rename it as it is in Blender",
            );
        }
        Ok(Self { name, path: Some(path) })
    }

    /// Its files, and their places in the job.
    fn files(&self) -> Result<BTreeMap<PackPath, PathBuf>, Problem> {
        let mut files = BTreeMap::new();
        match &self.path {
            Some(path) if path.is_dir() => {
                collect(path, &format!("{ADD_ONS}/{}", self.name), &mut files)?;
            }
            Some(path) => add(path, format!("{ADD_ONS}/{}.py", self.name), &mut files)?,
            None => {}
        }
        Ok(files)
    }
}

/// Adds add-ons to the files of a scene: those that are `wanted`, and installed ones whose nodes or
/// engine the .blend names.
pub async fn bring(
    hashes: &Hashes,
    mut scene: SceneFiles,
    (blend, wanted): (&Path, &[AddOn]),
) -> Result<SceneFiles, Problem> {
    let (blend, wanted, there) = (blend.to_owned(), wanted.to_owned(), scene.add_ons.clone());
    let found = tokio::task::spawn_blocking(move || {
        let of_file = named_in(&blend);
        let (mut names, mut files) = (there, BTreeMap::new());
        for add_on in wanted.iter().chain(&of_file) {
            if !names.contains(&add_on.name) {
                names.push(add_on.name.clone());
                files.extend(add_on.files()?);
            }
        }
        Ok((names, files))
    });
    let found = found.await.map_err(|error| Problem::farm(error.to_string()))?;
    let (names, files) = found?;
    scene.add_ons = names;
    scene.files.extend(upload::hash_all(hashes, files).await?);
    Ok(scene)
}

/// Installed add-ons that have the nodes and engines which the .blend names and Blender lacks.
fn named_in(blend: &Path) -> Vec<AddOn> {
    let Ok(found) = inspect::inspect(blend) else { return Vec::new() };
    if found.add_ons.is_empty() {
        return Vec::new();
    }
    let installed = installed(&user_folders());
    found.add_ons.iter().filter_map(|need| which_has(&installed, need)).collect()
}

/// The add-on that has what an inspection calls `node X` or `render engine X`.
fn which_has(installed: &[AddOn], need: &str) -> Option<AddOn> {
    let id = need.strip_prefix("node ").or_else(|| need.strip_prefix("render engine "))?;
    let spellings = [format!("\"{id}\""), format!("'{id}'")];
    let says = |path: &PathBuf| {
        let source = fs_err::read_to_string(path).unwrap_or_default();
        spellings.iter().any(|spelling| source.contains(spelling))
    };
    let is_python = |path: &&PathBuf| path.extension() == Some(OsStr::new("py"));
    let has = |add_on: &&AddOn| {
        add_on.files().is_ok_and(|files| files.values().filter(is_python).any(says))
    };
    installed.iter().find(has).cloned()
}

fn installed(folders: &[PathBuf]) -> Vec<AddOn> {
    let entries = folders.iter().flat_map(|folder| entries_of(folder));
    entries.filter_map(|path| AddOn::at(&path).ok()).collect()
}

fn collect(
    folder: &Path,
    place: &str,
    files: &mut BTreeMap<PackPath, PathBuf>,
) -> Result<(), Problem> {
    let unreadable = |error: std::io::Error| {
        Problem::input(format!("the add-on in {} can't be read: {error}", folder.display()))
            .hint("see that you may read all files of it")
    };
    for entry in fs_err::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link may lead anywhere, also back.
        let kind = entry.file_type().map_err(unreadable)?;
        let inside = format!("{place}/{name}");
        if kind.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            collect(&entry.path(), &inside, files)?;
        } else if kind.is_file() {
            add(&entry.path(), inside, files)?;
        }
    }
    Ok(())
}

fn add(path: &Path, place: String, files: &mut BTreeMap<PackPath, PathBuf>) -> Result<(), Problem> {
    let place = PackPath::new(place).map_err(|error| {
        Problem::input(format!("{} can't be sent: {error}", path.display()))
            .hint("rename the file, or leave it out of the add-on")
    })?;
    files.insert(place, path.to_owned());
    Ok(())
}

fn is_module(name: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || letter == '_';
    name.chars().all(fits) && name.chars().next().is_some_and(|first| !first.is_numeric())
}

/// The first of these folders' add-ons of that name.
fn in_folders(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let forms =
        folders.iter().flat_map(|folder| [folder.join(name), folder.join(format!("{name}.py"))]);
    forms.into_iter().find(|path| AddOn::at(path).is_ok())
}

/// Where this user's Blenders have add-ons, of the newest Blender first.
fn user_folders() -> Vec<PathBuf> {
    let set = std::env::var_os("BLENDER_USER_SCRIPTS")
        .map(|scripts| PathBuf::from(scripts).join("addons"));
    let below = if cfg!(windows) {
        "Blender Foundation/Blender"
    } else if cfg!(target_os = "macos") {
        "Blender"
    } else {
        "blender"
    };
    let all = directories::BaseDirs::new().map(|dirs| dirs.config_dir().join(below));
    set.into_iter().chain(all.into_iter().flat_map(|all| folders_of_versions(&all))).collect()
}

fn folders_of_versions(all: &Path) -> Vec<PathBuf> {
    let number = |path: &PathBuf| {
        let (major, minor) = path.file_name()?.to_str()?.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    let mut versions = folders_in(all);
    versions.retain(|path| number(path).is_some());
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    let of_version = |version: PathBuf| {
        let repositories = folders_in(&version.join("extensions"));
        std::iter::once(version.join("scripts/addons")).chain(repositories)
    };
    versions.into_iter().flat_map(of_version).collect()
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    entries_of(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "").unwrap();
    }

    #[test]
    fn an_add_on_is_a_folder_or_a_file_that_python_can_load() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| AddOn::at(&folder.path().join(name));
        for file in ["snow/__init__.py", "rain.py", "empty/x.txt", "a-b/__init__.py", "c.zip"] {
            write(&folder.path().join(file));
        }
        assert_eq!(at("snow").unwrap().name, "snow");
        assert_eq!(at("rain.py").unwrap().name, "rain");
        for (name, why) in [
            ("empty", "neither a .py file"),
            ("c.zip", "an archive"),
            ("a-b", "of that name"),
            ("none", "neither"),
        ] {
            let problem = at(name).unwrap_err();
            assert!(problem.message.contains(why) && problem.hint.is_some(), "{problem:?}");
        }
        assert!(AddOn::find("no/where").unwrap_err().message.contains("no/where"));
        assert_eq!(AddOn::find("surely_not_installed").unwrap().path, None);
    }

    #[test]
    fn all_of_an_add_on_goes_along_but_what_python_makes_itself() {
        let folder = tempfile::tempdir().unwrap();
        let snow = folder.path().join("snow");
        for file in ["__init__.py", "lib/flakes.py", "lib/x.blend", "__pycache__/a.pyc", ".git/x"] {
            write(&snow.join(file));
        }
        std::os::unix::fs::symlink("/etc/passwd", snow.join("link")).unwrap();
        let files = AddOn::at(&snow).unwrap().files().unwrap();
        let places: Vec<&str> = files.keys().map(PackPath::as_str).collect();
        let inside = |name: &str| format!(".blendnet/add-ons/snow/{name}");
        assert_eq!(places, ["__init__.py", "lib/flakes.py", "lib/x.blend"].map(inside));
    }

    #[test]
    fn what_the_file_names_is_looked_for_in_the_sources_of_installed_add_ons() {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in [("rain", "bl_idname = 'RainNode'"), ("snow", "id = \"SnowNode\"")] {
            let path = folder.path().join(name).join("__init__.py");
            write(&path);
            fs_err::write(path, source).unwrap();
        }
        let installed = installed(&[folder.path().to_owned()]);
        let name = |need: &str| which_has(&installed, need).map(|add_on| add_on.name);
        assert_eq!(name("node SnowNode").as_deref(), Some("snow"));
        assert_eq!(name("render engine RainNode").as_deref(), Some("rain"));
        assert_eq!((name("node Snow"), name("FLIP Fluids")), (None, None));
    }

    #[test]
    fn of_the_users_add_ons_those_of_the_newest_blender_come_first() {
        let all = tempfile::tempdir().unwrap();
        let snow = |path: &str| write(&all.path().join(path).join("snow/__init__.py"));
        snow("3.4/scripts/addons");
        snow("4.2/extensions/user_default");
        snow("10.0/scripts/addons");
        snow("other/scripts/addons");
        let mut found = Vec::new();
        for folder in folders_of_versions(all.path()) {
            let path = in_folders(&[folder], "snow");
            found.extend(path.map(|p| p.strip_prefix(all.path()).unwrap().to_owned()));
        }
        let expected = [
            "10.0/scripts/addons/snow",
            "4.2/extensions/user_default/snow",
            "3.4/scripts/addons/snow",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }
}
