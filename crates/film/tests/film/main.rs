//! What the crate promises, seen from outside: files in, files out.
#![cfg_attr(
    test,
    expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        clippy::large_stack_arrays,
        clippy::similar_names,
        reason = "small numbers that are what they were set to"
    )
)]

#[cfg(test)]
mod damaged;
#[cfg(test)]
mod finish;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod preview;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod scene;
