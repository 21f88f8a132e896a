//! The whole REST surface, request by request, over a host that renders nothing.

mod config;
mod files;
mod harness;
mod life;
mod results;
mod service;
