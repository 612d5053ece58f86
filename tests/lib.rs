//! What the tests of the whole workspace share. The tests themselves are in `tests/`.

pub mod support;
