//! One file per section of the specification.

mod b10_conditions;
mod b12_cc;
mod b13_time;
mod b14_preview;
mod b15_entities;
mod b17_refusals;
mod b18_batch;
mod b1_resolution;
mod b2_levels;
mod b3_modes;
mod b4_reject;
mod b5_add_sign;
mod b5_remove_sign;
mod b6_absence;
mod b6_handing;
mod b6_self;
mod b7_dedup;
mod b8_empty;
mod b8_leaver;
mod b9_withdraw;
mod comments;
mod d5_regression;
mod d9_separation;
mod submit;
