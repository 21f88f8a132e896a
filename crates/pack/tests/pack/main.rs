//! Reads, traces and packs scenes from outside, as the app does.

#[cfg(test)]
mod caches;
#[cfg(test)]
mod case;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod made;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod trace;
