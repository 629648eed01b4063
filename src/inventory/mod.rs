//! Groups of hosts from dsh files, commands and Ansible inventories.
