mod limits;
mod plans;
mod rows;
mod statements;
