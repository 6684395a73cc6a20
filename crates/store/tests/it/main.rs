//! The store on SQLite, and on PostgreSQL where `ZHUPI_TEST_POSTGRES` says where one is.

mod boxes;
mod bpm;
mod calendars;
mod children;
mod commit;
mod copies;
mod crm;
mod databases;
mod entities;
mod esign;
mod findings;
mod forms;
mod outbox;
mod people;
mod requests;
mod statements;
mod survival;
mod templates;
mod timers;
mod turns;
