//! The server as its callers see it.

mod outbound;
