//! The media over real sockets. Networks are namespaces that the test makes; where that is not permitted, it says so
//! and passes.

mod support;

#[path = "media/ping.rs"]
mod ping;
#[path = "media/udp.rs"]
mod udp;
