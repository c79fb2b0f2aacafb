"""How people and programs reach the evidence base: JSON, web pages, the command `kb`."""
