//! The command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::blender::jail::JailArgs;
use crate::notice::NoticeArgs;
use crate::room::{Availability, Membership};

/// Renders chunks of frames with the Blender beside it, for a manager or for anyone who asks.
#[derive(Debug, clap::Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub inner: Option<Inner>,
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// Commands for the agent itself.
#[derive(Debug, clap::Subcommand)]
pub enum Inner {
    /// Starts a program that can reach nothing but what it is given.
    #[command(hide = true)]
    Jail(JailArgs),
    /// Prints the Blenders that work here as JSON, and ends.
    Blenders {
        /// Blenders to look at beside those that are found
        paths: Vec<PathBuf>,
    },
}

/// What to do about the farm of this machine; else it is served.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct RoomArgs {
    /// Show a code, wait until a farm is told it with `blendnet farm pair`, then serve that farm
    #[arg(long)]
    pub pair: bool,
    /// Leave the farm that this machine was paired with, and end
    #[arg(long, conflicts_with = "pair")]
    pub unpair: bool,
    /// Write a systemd unit of this user that starts the agent with these options, and end
    #[arg(long, conflicts_with_all = ["pair", "unpair"])]
    pub install_service: bool,
}

/// How an agent serves.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Folder for keys, password, blobs and scenes; one agent at a time uses it
    #[arg(long, default_value_os_t = data_dir())]
    pub dir: PathBuf,
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:9443; where it was paired, or
    /// 0.0.0.0:9443, for a machine of a farm]
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// What to do about the farm of this machine.
    #[command(flatten)]
    pub room: RoomArgs,
    /// When it takes work.
    #[command(flatten)]
    pub availability: Availability,
    /// Name or address that clients use, for the certificate; may be given again
    #[arg(long = "host")]
    pub hosts: Vec<String>,
    /// Threads of Blender; 0 is all
    #[arg(long, default_value_t = 0)]
    pub threads: u32,
    /// A Blender, or a Python that has the `bpy` module; may be given again
    #[arg(long = "blender")]
    pub blenders: Vec<PathBuf>,
    /// Look for no Blender on this machine: use those that are named, and those that the farm sends
    #[arg(long)]
    pub farm_blenders: bool,
    /// End when stdin ends
    #[arg(long)]
    pub exit_with_parent: bool,
    /// End when nobody with the password asked anything for so many seconds; 0 is never
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub manager_timeout_secs: u64,
    /// Which launch this is, by which a manager finds its agents again
    #[arg(long, hide = true, value_name = "FARM/TOKEN")]
    pub launched_as: Option<String>,
    /// How it hears that its machine is taken away.
    #[command(flatten)]
    pub notice: NoticeArgs,
    /// Seconds without a sign of life after which Blender is stopped
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub hang_timeout_secs: u64,
    /// Largest blob that is taken, in bytes
    #[arg(long, default_value_t = 64 << 30)]
    pub max_blob_bytes: u64,
}

/// Where an agent listens that belongs to nobody.
const ALONE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9443);
/// Where one listens for its farm.
const FOR_A_FARM: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 9443);

impl Config {
    /// Where to listen: as said, else as before, else where it makes sense.
    pub fn listen(&self, member: Option<&Membership>) -> SocketAddr {
        let usual = if self.room.pair { FOR_A_FARM } else { ALONE };
        self.listen.or(member.map(|member| member.listen)).unwrap_or(usual)
    }
}

/// The user's folder for this agent, or one below the current folder for users without a home.
pub fn data_dir() -> PathBuf {
    directories::ProjectDirs::from("", "", "blendnet-agent")
        .map_or_else(|| PathBuf::from("blendnet-agent"), |dirs| dirs.data_dir().to_owned())
}

/// Where what is known of the Blenders of this computer is kept for all agents of the user; in the agent's
/// folder where there is no user.
pub fn cache_dir(dir: &Path) -> PathBuf {
    let folder = directories::BaseDirs::new().map(|dirs| dirs.cache_dir().join("blendnet"));
    folder.filter(|folder| fs_err::create_dir_all(folder).is_ok()).unwrap_or_else(|| dir.to_owned())
}
