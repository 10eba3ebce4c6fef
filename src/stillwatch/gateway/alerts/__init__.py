"""What people and their systems are told, as it happens."""
