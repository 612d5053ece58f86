//! What Watchkeeper knows and decides, without AWS, a clock or I/O.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cache`] | CI caches, as the configuration declares them |
//! | [`case`] | an AWS Health event as one account sees it: pages, communications, the case |
//! | [`channel`] | where people read |
//! | [`message`] | what a channel is asked to show, and what may come of it |
//! | [`render`] | a message in the words and the shape of each sort of channel |
//! | [`notice`] | the one shape that people receive |
//! | [`decision`] | what a function concluded: why, the next state, the effects |
//! | [`records`] | the table of keys, and the port through which state is kept |
//! | [`ports`] | the other ports: where notices and domain events go |
//! | [`config`] | `watchkeeper.toml`: owners, runbooks, next steps, mutes |
//! | [`text`] | cleaning and cutting text that somebody else wrote |
//! | [`failure`] | the one deployed error type |
//! | [`drill`] | drills as the configuration declares them, the facts they are judged on, every guard |
//! | [`experiment`] | FIS experiments, as FIS tells of them |
//! | [`fis`] | FIS experiment templates, and every rule that one is held to |

pub mod cache;
pub mod case;
pub mod channel;
pub mod config;
pub mod decision;
pub mod drill;
pub mod experiment;
pub mod failure;
pub mod fis;
pub mod message;
pub mod notice;
pub mod ports;
pub mod records;
pub mod render;
pub mod text;
