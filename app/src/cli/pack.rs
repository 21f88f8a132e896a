//! `blendnet pack`: a scene with all that it needs, to be opened anywhere.

use std::path::{Path, PathBuf};

use blendnet_pack::PackError;
use blendnet_pack::pack::{self, Pack, PackFile};
use blendnet_pack::trace::TraceOptions;
use clap::Args;
use serde::Serialize;

use super::farm::printed;
use super::moved::MovedArgs;
use super::printer::{print_json, print_lines};
use super::{Ending, exit};
use crate::text::{bytes, count};
use crate::workflow::problem::{MissingFile, Problem, ProblemKind};
use crate::workflow::similar;

/// Options of `blendnet pack`.
#[derive(Args, Debug)]
pub(super) struct PackArgs {
    /// The scene
    #[arg(value_name = "FILE.blend")]
    blend: PathBuf,
    #[command(flatten)]
    moved: MovedArgs,
    /// Where to: a name that ends in .zip, or a folder
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Pack although files are missing
    #[arg(long)]
    allow_missing: bool,
    /// Replace a zip that is there already
    #[arg(long)]
    overwrite: bool,
}

/// What was packed, among JSON lines.
#[derive(Serialize)]
#[serde(tag = "event", rename = "packed")]
struct Packed<'a> {
    output: &'a Path,
    /// The .blend in it.
    blend: &'a str,
    files: usize,
    size: u64,
    warnings: &'a [String],
    missing: Vec<String>,
}

/// A file that was packed, among JSON lines.
#[derive(Serialize)]
#[serde(tag = "event", rename = "file")]
struct PackedFile<'a> {
    place: &'a str,
    source: String,
    rewritten: bool,
    size: u64,
}

/// Packs.
pub(super) fn run(args: &PackArgs, json: bool) -> Ending {
    let is_zip = args.output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    if is_zip && args.output.exists() && !args.overwrite {
        let there = PackError::Exists { path: args.output.clone() };
        return Err(Problem::input(there.to_string()).hint("or give --overwrite"));
    }
    let mut told: Option<Problem> = None;
    let carry_out = |plan: &Pack| {
        if !plan.missing.is_empty() && !args.allow_missing {
            told = Some(missing(plan, &args.blend));
            return Ok(());
        }
        // A closed pipe is noticed at the end.
        let mut progress = |file: &PackFile, _: u64| {
            if json {
                drop(print_json(&packed_file(file)));
            }
        };
        if is_zip {
            pack::write_zip(plan, &args.output, &mut progress)
        } else {
            pack::write_folder(plan, &args.output, &mut progress)
        }
    };
    let changed = |path: &Path| {
        let again = format!("{} was saved meanwhile; packing once more", path.display());
        drop(if json {
            print_json(&serde_json::json!({"event": "warning", "message": again}))
        } else {
            print_lines(&[format!("warning: {again}")])
        });
    };
    let options = TraceOptions { frames: None, moved: args.moved.moved() };
    let done = pack::pack(&args.blend, &options, carry_out, changed);
    let done = done.map_err(|error| Problem::of_pack(&error))?;
    if let Some(problem) = told {
        return Err(problem);
    }
    printed(if json {
        print_json(&packed(&done, args))
    } else {
        print_lines(&lines(&done, args))
    })?;
    Ok(exit::DONE)
}

fn missing(plan: &Pack, blend: &Path) -> Problem {
    let what = count(plan.missing.len(), "file", "files");
    let mut problem =
        Problem::new(ProblemKind::MissingFiles, format!("{what} missing; nothing was packed"))
            .hint("put them in place, or pack without them with --allow-missing");
    let missing = plan.missing.iter().map(|file| MissingFile {
        path: file.path.display().to_string(),
        as_written: file.as_written.clone(),
        used_by: file.used_by.join(", "),
        reason: "does not exist".to_owned(),
        similar: similar::find(&file.path.to_string_lossy(), blend),
    });
    problem.missing = missing.collect();
    problem
}

fn packed_file(file: &PackFile) -> PackedFile<'_> {
    PackedFile {
        place: &file.place,
        source: file.source.display().to_string(),
        rewritten: !file.is_unchanged(),
        size: file.size_bytes,
    }
}

fn packed<'a>(pack: &'a Pack, args: &'a PackArgs) -> Packed<'a> {
    Packed {
        output: &args.output,
        blend: pack.blend(),
        files: pack.files.len(),
        size: pack.size_bytes(),
        warnings: &pack.warnings,
        missing: pack.missing.iter().map(|file| file.path.display().to_string()).collect(),
    }
}

fn lines(pack: &Pack, args: &PackArgs) -> Vec<String> {
    let mut lines: Vec<String> =
        pack.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    for file in &pack.missing {
        let users = file.used_by.join(", ");
        lines.push(format!("warning: {} is missing (used by {users})", file.path.display()));
    }
    let rewritten = pack.files.iter().filter(|file| !file.is_unchanged()).count();
    lines.push(format!(
        "{} with {} in {}",
        count(pack.files.len(), "file", "files"),
        bytes(pack.size_bytes()),
        args.output.display()
    ));
    if rewritten > 0 {
        lines.push(format!(
            "paths changed in {}; the originals are as they were",
            count(rewritten, "copy of a .blend", "copies of .blend files")
        ));
    }
    lines.push(format!("open {} in it", pack.blend()));
    lines
}
