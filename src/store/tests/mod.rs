mod limits;
mod plans;
mod rows;
