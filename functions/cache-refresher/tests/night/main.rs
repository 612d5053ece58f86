//! Whole nights, on a strict fake of EBS and a repository on this machine. Linux's own tools are the judges.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says so if nobody can judge"
)]

mod damage;
mod estate;
mod judge;
mod kills;
mod nights;
mod parts;
mod problems;
mod pruning;
mod repository;
mod workload;
