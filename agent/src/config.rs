//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::blender::jail::JailArgs;

/// Renders chunks of frames with the Blender beside it, for a manager or for anyone who asks.
#[derive(Debug, clap::Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub inner: Option<Inner>,
    /// How to serve.
    #[command(flatten)]
    pub config: Option<Config>,
}

/// Commands for the agent itself.
#[derive(Debug, clap::Subcommand)]
pub enum Inner {
    /// Starts a program that can reach nothing but what it is given.
    #[command(hide = true)]
    Jail(JailArgs),
}

/// How an agent serves.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Folder for keys, password, blobs and scenes; one agent at a time uses it
    #[arg(long)]
    pub dir: PathBuf,
    /// Address and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9443")]
    pub listen: SocketAddr,
    /// Name or address that clients use, for the certificate; may be given again
    #[arg(long = "host")]
    pub hosts: Vec<String>,
    /// Threads of Blender; 0 is all
    #[arg(long, default_value_t = 0)]
    pub threads: u32,
    /// A Blender, or a Python that has the `bpy` module; may be given again
    #[arg(long = "blender")]
    pub blenders: Vec<PathBuf>,
    /// End when stdin ends
    #[arg(long)]
    pub exit_with_parent: bool,
    /// Seconds without a sign of life after which Blender is stopped
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub hang_timeout_secs: u64,
    /// Largest blob that is taken, in bytes
    #[arg(long, default_value_t = 64 << 30)]
    pub max_blob_bytes: u64,
}
