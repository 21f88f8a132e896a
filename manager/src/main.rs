//! `blendnet-manager`: see the library.

use clap::Parser as _;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(asked) = blendnet_manager::asked::Asked::of(std::env::args_os()) {
        return asked.answer().await;
    }
    let config = blendnet_manager::config::Config::parse();
    let log = blendnet_net::log::init("blendnet_manager");
    blendnet_net::init_crypto();
    match blendnet_manager::run(config, log).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
