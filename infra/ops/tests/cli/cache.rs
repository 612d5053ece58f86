//! The commands about CI caches that speak to a deployed stack.

mod claims;
mod looks;
mod nights;
mod shown;
mod yard;
