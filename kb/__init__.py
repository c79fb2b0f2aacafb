"""The evidence model, its rules and its storage, and where each number was reported."""
