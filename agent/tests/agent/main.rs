//! The agent with a Blender that behaves badly on demand, and with the real one where it is.

#[cfg(test)]
mod engine;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod jail;
#[cfg(test)]
mod program;
#[cfg(test)]
mod real;
#[cfg(test)]
mod sent;
#[cfg(test)]
mod steps;
