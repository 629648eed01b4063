//! Groups of hosts from dsh files, lists, commands and Ansible inventories, and what an expression means among them.
//!
//! An [`Inventory`] is made of the groups of the configuration, in its order. A group is read when it is first asked for and
//! then kept: a command that nobody asks for never runs. Reading blocks, so that asynchronous callers gather the groups of commands
//! first ([`Inventory::gather`]), and ask in a thread: a file may lie on a server that is gone.
//!
//! # Order
//!
//! Hosts stand in the order of the groups, and within a group in the order of its source; a host that is in several stands
//! where it came first. What is made of an environment's `hosts` is in this order, and `-l` and `-x` keep it.
//!
//! # What an expression chooses from
//!
//! [`Inventory::define`] is for an environment's `hosts` and `masters`: a name that is written there, or in a file named there,
//! is a host, whether or not a group has it; groups are read as they are named, and all of them for globs, regexes,
//! `!pattern` and `@*`. [`Inventory::resolve`] is for everything else (`-l`, `-x`, stages, `coalmine hosts`): it chooses from
//! the hosts of an environment, or of the whole inventory, and a name that is not among them is an error.
//!
//! # dsh files, and what a group's command prints
//!
//! A host or a range a line, or several with commas. Blanks around, empty lines, `#` comments, CRLF and a byte order mark are
//! put up with; whatever else is not understood is refused by file and line, never read by half: `user@host`, includes, ports,
//! bytes that are not UTF-8. In a file a host that is listed twice is refused with both lines; what a command or an Ansible
//! inventory says twice is taken once.
//!
//! # Ansible inventories
//!
//! `lab = { ansible = "hosts.ini" }` makes `@lab` of every host in it, and `@lab:web` of its group `web`, children
//! included. `.yml`, `.yaml` and `.json` files are YAML, and so is whatever begins with `---` or a line that ends in a colon.
//! A host is named as in the inventory. How it is reached is obeyed wherever the inventory says it, in Ansible's order of strength
//! ([`Inventory::addresses`]): `ansible_host`, `ansible_port` and `name:port`, `ansible_user`, `ansible_ssh_private_key_file`, `ansible_connection`
//! (`ssh` and `local`), and of ssh's arguments `ProxyJump`, `ProxyCommand`, `HostName`, `Port`, `User` and `IdentityFile`; in host lines, `[group:vars]`,
//! `vars:`, `group_vars/` and `host_vars/` beside the file. `target.user` is stronger than `ansible_user`. What else would change how a host is
//! reached is told ([`Inventory::passed_over`]), and what cannot be obeyed at all is refused: templates, encrypted values, connections by other
//! means. `ansible.cfg` and plugins are for Ansible: a command that prints JSON, `["ansible-inventory", "-i", "…", "--list"]`, is read as the inventory
//! that it is, sections and addresses included. Hosts are in the order in which Ansible goes through a group, breadth first. Where the file has a group that is called like the one it is read for, and is
//! not all of it, the two would be taken for each other, and that is refused.
//!
//! This room knows the configuration's words for groups, but not its files: [`GroupSource`] is what they come down to.

mod ansible;
mod command;
mod error;
mod graph;
mod groups;
mod lines;
mod source;
#[cfg(test)]
mod tests;
mod universe;

pub use error::InventoryError;
pub use groups::Inventory;
pub use source::GroupSource;
