//! Finding one's way in a flow.
