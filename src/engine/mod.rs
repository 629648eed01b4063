//! Performs what the machine decided: tasks, limits, deadlines, locks.
