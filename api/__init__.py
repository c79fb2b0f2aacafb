"""What people and programs reach the evidence base through: JSON, web pages and the command `kb`."""
