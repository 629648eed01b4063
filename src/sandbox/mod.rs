//! A throw-away fleet of real sshd hosts on loopback.
