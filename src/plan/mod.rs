//! Makes stages and waves of a fleet, of what is installed on it, and of a policy.
